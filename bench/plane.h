/* Plane: what benchmarks of the media path share: a port that only counts, peers' addresses, orders that must be taken.
 */
#ifndef JN_BENCH_PLANE_H
#define JN_BENCH_PLANE_H

#include "media/stream/plane.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static inline void plane_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

static inline int plane_take(void *arg, uint32_t local)
{
    (void)arg;
    (void)local;
    return 0;
}

static inline void plane_give(void *arg, uint32_t local)
{
    (void)arg;
    (void)local;
}

/* sent: a uint64_t that counts the packets. */
static inline void plane_tx(void *sent, struct jn_pkt *pk[], unsigned n)
{
    (void)pk;
    *(uint64_t *)sent += n;
}

static inline struct jn_addr plane_peer(uint32_t leg)
{
    return (struct jn_addr){
        .family = JN_ADDR_V4, .ip = {10, (uint8_t)(leg >> 16), (uint8_t)(leg >> 8), (uint8_t)leg}, .port = 4000};
}

/* local: the port of leg i + 1, once it is open. */
static inline void plane_order(struct jn_plane *p, struct jn_mailbox *facts, uint16_t *local, const struct jn_order *o,
                               uint64_t now)
{
    struct jn_fact f;

    if (!jn_plane_order(p, o, now))
        plane_die("facts are full");
    while (jn_mailbox_recv(facts, &f, 1) == 1) {
        if (f.kind == JN_FACT_LEG_OPENED)
            local[f.leg - 1] = f.opened.rtp.port;
        else if (f.kind == JN_FACT_REFUSED || f.kind == JN_FACT_LEG_REFUSED)
            plane_die("an order was refused");
    }
}

/* Leg i + 1, which is open and knows its peer, joins the room of its call: two legs after each other, one room. */
static inline void plane_join_call(struct jn_plane *p, struct jn_mailbox *facts, uint16_t *local, uint32_t i,
                                   uint64_t now)
{
    struct jn_order room = {.kind = JN_ORDER_ROOM_OPEN, .room = i / 2 + 1};

    if (i % 2 == 0)
        plane_order(p, facts, local, &room, now);
    room = (struct jn_order){.kind = JN_ORDER_ROOM_JOIN, .leg = i + 1, .room = i / 2 + 1};
    room.join.track = i % 2 ? JN_TRACK_AGENT : JN_TRACK_CALLER;
    plane_order(p, facts, local, &room, now);
}

#endif
