/* Relay: what one relayed packet costs a core, port to port: frame, checks, leg, RTP, statistics, new headers and
 * checksums, over net_ring. That is a virtual device of DPDK, memory only: no card's driver and no kernel is in it.
 * 20,000 streams on two local addresses, every one with its own peer, in random order, so that nothing of a stream is
 * in the nearer caches when its packet comes. Once in the buffer that it came in and, interleaved, once copied into a
 * fresh one. Making the packets and counting what came out is not in the time. `bench/run relay huge`: with huge pages.
 */
#include "bench/wire.h"
#include "engine/base/clock.h"
#include "engine/base/cpu.h"
#include "engine/base/rand.h"
#include "media/rtp/rtp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALLS = 10000,
    LEGS = 2 * CALLS,
    PLACES = WIRE_PLACES,
    FIRST = 2000,
    PORTS = LEGS, /* of each of the two addresses: two a leg */
    ROUNDS = 9,
    PERIODS = 10,
    BURST = 64,
    RING = 1024,
    BUFFERS = 8191,
    FRAME = WIRE_FRAME
};

struct bench {
    struct wire wire;
    struct jn_port *port;
    struct jn_plane *plane;
    struct jn_mailbox facts;
    struct jn_addr local[LEGS];
    uint32_t order[LEGS], seq;
    uint64_t now, spent_ns, packets, seed;
};

static int take(void *arg, uint32_t local)
{
    return jn_port_dpdk.take(((struct bench *)arg)->port, local);
}

static void give(void *arg, uint32_t local)
{
    jn_port_dpdk.give(((struct bench *)arg)->port, local);
}

static void tx(void *arg, struct jn_pkt *pk[], unsigned n)
{
    jn_port_dpdk.tx(((struct bench *)arg)->port, pk, n);
}

static void open_device(struct bench *b, bool huge)
{
    struct wire_size size = {
        .ring = RING, .buffers = BUFFERS, .room = RTE_MBUF_DEFAULT_BUF_SIZE, .huge = huge, .memory_mb = 192};
    struct jn_err err = {{0}};

    wire_open(&b->wire, &size);
    struct jn_port_config pc = {.local = b->wire.place[0],
                                .port_min = FIRST,
                                .port_max = FIRST + PORTS - 1,
                                .wake_fd = -1,
                                .back_end = b->wire.d,
                                .dscp = 46,
                                .more_n = PLACES - 1};
    pc.more[0] =
        (struct jn_port_place){.local = b->wire.place[1], .port_min = FIRST, .port_max = FIRST + PORTS - 1, .dscp = 46};
    if (jn_port_dpdk.open(&b->port, &pc, &err) < 0)
        plane_die(err.text);
}

/* One order; where a leg was opened, its address is noted. */
static void order(struct bench *b, const struct jn_order *o)
{
    struct jn_fact f;

    if (!jn_plane_order(b->plane, o, b->now))
        plane_die("facts are full");
    while (jn_mailbox_recv(&b->facts, &f, 1) == 1) {
        if (f.kind == JN_FACT_LEG_OPENED)
            b->local[f.leg - 1] = f.opened.rtp;
        else if (f.kind == JN_FACT_REFUSED || f.kind == JN_FACT_LEG_REFUSED)
            plane_die("an order was refused");
    }
}

/* Memory of our own: code that is looked at for the first time, and DPDK's buffers, are not a stream's. */
static size_t resident(void)
{
    unsigned long all = 0, rss = 0, shared = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f || fscanf(f, "%lu %lu %lu", &all, &rss, &shared) != 3)
        plane_die("/proc/self/statm");
    fclose(f);
    return (rss - shared) * 4096;
}

static void open_calls(struct bench *b)
{
    struct jn_plane_config c = {.ports = PORTS,
                                .more_n = PLACES - 1,
                                .max_legs = LEGS,
                                .max_rooms = CALLS,
                                .srtp = jn_srtp(),
                                .port = {.take = take, .give = give, .tx = tx, .arg = b}};

    jn_addr_parse(&c.advertise, "10.0.0.1", FIRST);
    c.more[0].ports = PORTS;
    jn_addr_parse(&c.more[0].advertise, "10.0.0.2", FIRST);
    if (jn_mailbox_init(&b->facts, 2 * LEGS, sizeof(struct jn_fact), NULL) < 0)
        plane_die("no memory");
    size_t before = resident();
    if (jn_plane_open(&b->plane, &c) < 0)
        plane_die("no memory");
    jn_plane_mail(b->plane, &b->facts, NULL);
    for (uint32_t i = 0; i < LEGS; i++) {
        struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i + 1, .room = i / 2 + 1};
        order(b, &o);
        o.kind = JN_ORDER_LEG_REMOTE;
        o.remote = (struct jn_leg_remote){.rtp = wire_peer(i), .dtmf_pt = 101, .cn_pt = 13, .ptime_ms = 20};
        o.remote.rtcp = o.remote.rtp;
        order(b, &o);
        struct jn_order room = {.kind = JN_ORDER_ROOM_OPEN, .room = o.room};
        if (i % 2 == 0)
            order(b, &room);
        room = (struct jn_order){.kind = JN_ORDER_ROOM_JOIN, .leg = o.leg, .room = o.room};
        room.join.track = i % 2 ? JN_TRACK_AGENT : JN_TRACK_CALLER;
        order(b, &room);
    }
    printf("FIGURE relay_stream_bytes %.0f bytes\n", (double)(resident() - before) / LEGS);
}

/* What the engine sent, counted: datagrams only, ARP and reports aside. Now and then one is looked at whole. */
static uint64_t drain(struct bench *b)
{
    struct rte_mbuf *m[BURST];
    struct jn_eth_frame f;
    uint64_t media = 0;
    uint16_t n;

    while ((n = rte_eth_rx_burst(b->wire.peer, 0, m, BURST)) > 0) {
        const uint8_t *at = rte_pktmbuf_mtod(m[0], const uint8_t *);
        struct jn_eth_host far = b->wire.them;
        if (m[0]->data_len == FRAME) {
            memcpy(&far.ip, at + 30, 4);
            if (jn_eth_parse(&f, &far, at, FRAME, 0) != JN_ETH_UDP || !jn_eth_udp_sum_ok(&f, at) || at[15] != 46 << 2)
                plane_die("a frame is wrong");
        }
        for (uint16_t i = 0; i < n; i++) {
            media += m[i]->data_len == FRAME;
            rte_pktmbuf_free(m[i]);
        }
    }
    return media;
}

static void send_frame(struct bench *b, uint32_t leg)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(b->wire.pool);
    struct jn_rtp h = {.seq = (uint16_t)b->seq, .ts = b->seq * 160u, .ssrc = leg + 1};

    if (!m)
        plane_die("buffers are missing");
    uint8_t *rtp = (uint8_t *)rte_pktmbuf_append(m, FRAME) + 42;
    jn_rtp_build(rtp, &h);
    memset(rtp + 12, (int)leg, 160);
    wire_put(&b->wire, leg, &b->local[leg], rtp);
    if (rte_eth_tx_burst(b->wire.peer, 0, &m, 1) != 1)
        plane_die("the ring is full");
}

/* The engine's turn: as its loop has it. */
static unsigned look(struct bench *b, bool copied)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint64_t begin = jn_mono_ns();
    unsigned n = jn_port_dpdk.rx(b->port, pk, JN_PKT_BURST, b->now);

    for (unsigned i = 0; copied && i < n; i++)
        pk[i]->cap = 0; /* no room to build in: the plane copies */
    jn_plane_rx(b->plane, pk, n, b->now);
    jn_plane_flush(b->plane);
    b->spent_ns += jn_mono_ns() - begin;
    return n;
}

static void tell_address(struct bench *b)
{
    wire_tell_address(&b->wire);
    look(b, false);
    drain(b);
}

static void shuffle(struct bench *b)
{
    for (uint32_t i = LEGS - 1; i > 0; i--) {
        uint32_t k = (uint32_t)(jn_splitmix(&b->seed) % (i + 1)), t = b->order[i];
        b->order[i] = b->order[k];
        b->order[k] = t;
    }
}

/* Time passes as it does for a worker, phase by phase. */
static void pass(struct bench *b, unsigned ms)
{
    for (; ms > 0; ms--) {
        jn_plane_tick(b->plane, b->now += 1000000);
        jn_plane_flush(b->plane);
        drain(b);
    }
}

static double round_of(struct bench *b, bool copied)
{
    uint64_t out = 0;

    tell_address(b);
    b->spent_ns = b->packets = 0;
    for (unsigned i = 0; i < PERIODS; i++) {
        b->seq++;
        shuffle(b);
        for (uint32_t at = 0; at < LEGS;) {
            for (unsigned k = 0; k < BURST && at < LEGS; k++)
                send_frame(b, b->order[at++]);
            b->packets += look(b, copied);
            out += drain(b);
        }
        pass(b, 20);
    }
    if (out != (uint64_t)PERIODS * LEGS || b->packets != out) {
        const struct jn_plane_counts *n = jn_plane_counts(b->plane);
        fprintf(stderr, "offered %u, received %lu, sent %lu; relayed ever %lu, mixed ever %lu\n", PERIODS * LEGS,
                b->packets, out, n->relayed, n->mixed);
        plane_die("not every packet was relayed");
    }
    return (double)b->spent_ns / (double)b->packets;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char *argv[])
{
    static struct bench b;
    double same[ROUNDS], copied[ROUNDS];
    bool huge = argc > 1 && strcmp(argv[1], "huge") == 0;

    b.now = UINT64_C(1000000000000);
    b.seed = 7;
    open_device(&b, huge);
    open_calls(&b);
    for (uint32_t i = 0; i < LEGS; i++)
        b.order[i] = i;
    tell_address(&b);
    pass(&b, 300); /* until all of them relay */
    round_of(&b, false);
    for (unsigned i = 0; i < ROUNDS; i++) {
        same[i] = round_of(&b, false);
        copied[i] = round_of(&b, true);
    }
    qsort(same, ROUNDS, sizeof *same, by_value);
    qsort(copied, ROUNDS, sizeof *copied, by_value);
    printf("%u streams in random order, %u a look, 160 bytes of sound, checksums ours, %s pages, over net_ring (a "
           "virtual device)\n",
           LEGS, BURST, huge ? "huge" : "ordinary");
    printf("%-28s %8s %8s %8s\n", "ns a packet", "least", "median", "most");
    printf("%-28s %8.1f %8.1f %8.1f\n", "in the buffer it came in", same[0], same[ROUNDS / 2], same[ROUNDS - 1]);
    printf("%-28s %8.1f %8.1f %8.1f\n", "copied into a fresh one", copied[0], copied[ROUNDS / 2], copied[ROUNDS - 1]);
    printf("FIGURE relay_packet_ns %.1f ns\n", same[ROUNDS / 2]);
    printf("FIGURE relay_copied_packet_ns %.1f ns\n", copied[ROUNDS / 2]);
    return 0;
}
