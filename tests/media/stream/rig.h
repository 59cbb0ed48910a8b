/* Rig: a plane without sockets for tests: time is a number, packets that it sends are kept, its port refuses what a
 * test wants refused. Everything static: each test program has its own. */
#ifndef JN_TEST_RIG_H
#define JN_TEST_RIG_H

#include "media/codec/g711.h"
#include "media/record/ring.h"
#include "media/rtcp/rtcp.h"
#include "media/stream/plane.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RIG_PAIRS = 16, RIG_SENT = 8192, RIG_PT_DTMF = 101, RIG_PT_CN = 13 };

struct sent {
    uint64_t at_ns;
    uint16_t local, len;
    struct jn_addr to;
    struct jn_rtp h;
    bool rtcp;
    uint8_t data[600];
};
struct rig {
    struct jn_plane *p;
    struct jn_mailbox facts;
    struct jn_rec_ring rec;
    struct jn_sounds sounds;
    uint64_t now;
    bool busy[2 * RIG_PAIRS], taken[2 * RIG_PAIRS], tx_fails;
    unsigned no_files; /* 1: none for RTCP, 2: none at all */
    unsigned asked;
    struct sent *sent;
    unsigned sent_n;
    struct jn_fact fact; /* the last one taken by rig_fact */
};
/* One party of a call, as the outside sees it. */
struct party {
    uint64_t leg;
    uint16_t local; /* its local RTP port index on our side */
    struct jn_addr addr;
    uint16_t seq;
    uint32_t ts, ssrc;
    uint8_t codec;
    struct jn_leg_remote remote;
};

static inline int rig_take(void *arg, uint32_t local)
{
    struct rig *r = arg;
    r->asked++;
    if (r->busy[local])
        return -EADDRINUSE;
    if (r->no_files && (r->no_files > 1 || local % 2))
        return -EMFILE;
    cr_assert(!r->taken[local], "port %u taken twice", local);
    r->taken[local] = true;
    return 0;
}

static inline void rig_give(void *arg, uint32_t local)
{
    ((struct rig *)arg)->taken[local] = false;
}

static inline void rig_tx(void *arg, struct jn_pkt *pk[], unsigned n)
{
    struct rig *r = arg;
    for (unsigned i = 0; i < n; i++) {
        if (r->tx_fails) {
            pk[i]->drop = JN_DROP_TX;
            continue;
        }
        cr_assert_lt(r->sent_n, RIG_SENT);
        struct sent *s = &r->sent[r->sent_n++];
        *s = (struct sent){.at_ns = r->now, .local = pk[i]->local, .len = pk[i]->len, .to = pk[i]->from};
        memcpy(s->data, pk[i]->data, pk[i]->len);
        s->rtcp = jn_is_rtcp(s->data, s->len);
        cr_assert(r->taken[s->local], "sent from a port that is closed");
        if (!s->rtcp)
            cr_assert_eq(jn_rtp_parse(&s->h, s->data, s->len), 0);
    }
}

static inline struct rig *rig_open_at(uint8_t index, uint32_t fact_slots, uint32_t chunks)
{
    struct rig *r = calloc(1, sizeof *r);
    r->sent = calloc(RIG_SENT, sizeof *r->sent);
    r->now = UINT64_C(1000000000000);
    int16_t tone[800];
    for (int i = 0; i < 800; i++)
        tone[i] = (int16_t)(4000 + i);
    jn_sounds_add(&r->sounds, "greeting", tone, 800); /* 100 ms */
    jn_sounds_add(&r->sounds, "music", tone, 320);    /* 40 ms */
    struct jn_plane_config c = {.index = index,
                                .ports = 2 * RIG_PAIRS,
                                .max_legs = RIG_PAIRS,
                                .max_rooms = 8,
                                .silence_ms = 2000,
                                .latch_ms = 500,
                                .quarantine_ms = 5000,
                                .sounds = &r->sounds,
                                .srtp = jn_srtp(),
                                .port = {.take = rig_take, .give = rig_give, .tx = rig_tx, .arg = r}};
    jn_addr_parse(&c.advertise, "192.0.2.1", 20000);
    cr_assert_eq(jn_plane_open(&r->p, &c), 0);
    cr_assert_eq(jn_mailbox_init(&r->facts, fact_slots, sizeof(struct jn_fact), NULL), 0);
    cr_assert_eq(jn_rec_ring_init(&r->rec, chunks), 0);
    jn_plane_mail(r->p, &r->facts, &r->rec);
    return r;
}

static inline struct rig *rig_open(void)
{
    return rig_open_at(0, 1024, 64);
}

static inline void rig_close(struct rig *r)
{
    jn_plane_close(r->p);
    jn_mailbox_free(&r->facts);
    jn_rec_ring_free(&r->rec);
    jn_sounds_free(&r->sounds);
    free(r->sent);
    free(r);
}

/* Time goes on, millisecond by millisecond. */
static inline void rig_run(struct rig *r, unsigned ms)
{
    for (; ms > 0; ms--) {
        r->now += 1000000;
        jn_plane_tick(r->p, r->now);
        jn_plane_flush(r->p);
    }
}

static inline void rig_order(struct rig *r, const struct jn_order *o)
{
    cr_assert(jn_plane_order(r->p, o, r->now));
    jn_plane_flush(r->p);
}

/* The next fact, or one of kind NONE. */
static inline const struct jn_fact *rig_fact(struct rig *r)
{
    if (jn_mailbox_recv(&r->facts, &r->fact, 1) == 0)
        r->fact = (struct jn_fact){.kind = JN_FACT_NONE};
    return &r->fact;
}

static inline void rig_expect(struct rig *r, uint8_t kind)
{
    cr_assert_eq(rig_fact(r)->kind, kind, "fact %u instead of %u", r->fact.kind, kind);
}

static inline void rig_remote(struct rig *r, struct party *who)
{
    struct jn_order o = {.kind = JN_ORDER_LEG_REMOTE, .leg = who->leg, .token = 77, .remote = who->remote};
    rig_order(r, &o);
}

/* Opens leg `id`; its peer sends from 198.51.100.id:4000 and speaks PCMU, 20 ms. */
static inline struct party rig_leg_open(struct rig *r, uint64_t id)
{
    struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = id, .token = 1000 + id, .open.cname = id};
    struct party who = {.leg = id, .seq = (uint16_t)(100 * id), .ts = (uint32_t)(90000 * id), .ssrc = (uint32_t)id};
    char ip[32];

    rig_order(r, &o);
    rig_expect(r, JN_FACT_LEG_OPENED);
    cr_assert_eq(r->fact.token, 1000 + id);
    who.local = (uint16_t)(r->fact.opened.rtp.port - 20000);
    snprintf(ip, sizeof ip, "198.51.100.%u", (unsigned)id);
    jn_addr_parse(&who.addr, ip, 4000);
    who.remote = (struct jn_leg_remote){
        .rtp = who.addr, .rtcp = who.addr, .dtmf_pt = RIG_PT_DTMF, .cn_pt = RIG_PT_CN, .ptime_ms = 20};
    who.remote.rtcp.port++;
    return who;
}

static inline struct party rig_leg(struct rig *r, uint64_t id)
{
    struct party who = rig_leg_open(r, id);
    rig_remote(r, &who);
    return who;
}

static inline void rig_room(struct rig *r, uint64_t room)
{
    struct jn_order o = {.kind = JN_ORDER_ROOM_OPEN, .room = room, .token = 5};
    rig_order(r, &o);
}

static inline void rig_join(struct rig *r, uint64_t leg, uint64_t room, uint8_t track)
{
    struct jn_order o = {.kind = JN_ORDER_ROOM_JOIN, .leg = leg, .room = room, .token = 6, .join.track = track};
    rig_order(r, &o);
}

static inline void rig_inject(struct rig *r, const struct party *who, const struct jn_addr *from, const void *data,
                              uint16_t len, uint16_t local)
{
    static uint8_t bytes[2048];
    struct jn_pkt pk = {.data = bytes, .len = len, .cap = sizeof bytes, .local = local, .at_ns = r->now, .from = *from};
    struct jn_pkt *burst[1] = {&pk};
    (void)who;
    memcpy(bytes, data, len);
    jn_plane_rx(r->p, burst, 1, r->now);
    jn_plane_flush(r->p);
}

static inline uint16_t rig_packet(struct party *who, uint8_t out[600], uint8_t pt, bool marker, const void *payload,
                                  uint16_t len)
{
    struct jn_rtp h = {.ts = who->ts, .ssrc = who->ssrc, .seq = who->seq++, .pt = pt, .marker = marker};
    jn_rtp_build(out, &h);
    memcpy(out + 12, payload, len);
    return (uint16_t)(12 + len);
}

/* The party says 20 ms of the linear value (rounded by the codec). */
static inline void rig_say(struct rig *r, struct party *who, int16_t value)
{
    int16_t pcm[160];
    uint8_t coded[160], data[600];
    for (int i = 0; i < 160; i++)
        pcm[i] = value;
    jn_codec_encode((enum jn_codec_id)who->remote.codec, coded, pcm, 160);
    uint16_t len = rig_packet(who, data, who->remote.rtp_pt, false, coded, 160);
    who->ts += 160;
    rig_inject(r, who, &who->addr, data, len, who->local);
}

/* The i-th RTP packet sent from that local port since index `from`, NULL when there is none. */
static inline struct sent *rig_sent(struct rig *r, uint16_t local, unsigned from, unsigned i)
{
    for (unsigned k = from; k < r->sent_n; k++)
        if (!r->sent[k].rtcp && r->sent[k].local == local && i-- == 0)
            return &r->sent[k];
    return NULL;
}

static inline unsigned rig_count(struct rig *r, uint16_t local, unsigned from)
{
    unsigned n = 0;
    while (rig_sent(r, local, from, n))
        n++;
    return n;
}

/* The value that a packet's middle sample has. */
static inline int16_t rig_value(const struct sent *s, uint8_t codec)
{
    int16_t pcm[600];
    jn_codec_decode((enum jn_codec_id)codec, pcm, s->data + s->h.payload_off, s->h.payload_len);
    return pcm[s->h.payload_len / 2];
}

static inline uint64_t rig_drops(struct rig *r, enum jn_drop why)
{
    return jn_plane_counts(r->p)->drops[why];
}

static inline void rig_play(struct rig *r, uint64_t leg, uint64_t room, uint64_t token, bool loop, uint16_t sound)
{
    struct jn_order o = {.kind = JN_ORDER_PLAY, .leg = leg, .room = room, .token = token};
    o.play.sound[0] = sound;
    o.play.n = 1;
    o.play.loop = loop;
    rig_order(r, &o);
}

/* Two parties in room 50 (caller 1, agent 2), relaying. */
static inline void rig_call(struct rig *r, struct party *a, struct party *b)
{
    *a = rig_leg(r, 1);
    *b = rig_leg(r, 2);
    rig_room(r, 50);
    rig_join(r, 1, 50, JN_TRACK_CALLER);
    rig_join(r, 2, 50, JN_TRACK_AGENT);
    rig_run(r, 200);
}

#endif
