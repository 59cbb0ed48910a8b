/* Mix: participants that one core mixes, rooms of three and of thirty, G.711, everybody speaking. Full work of each
 * participant and 20 ms: a packet in (look-up, source check, sequence, jitter buffer), a period out (decode, mix,
 * encode, RTP, burst); no sockets. The kernels of g711 and mix, plain and AVX2, are measured apart, interleaved. */
#include "bench/plane.h"
#include "engine/base/clock.h"
#include "engine/base/cpu.h"
#include "media/codec/g711.h"
#include "media/mix/mix.h"
#include "media/rtp/rtp.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICKS = 150, WARM = 30, ROUNDS = 3, KERNEL_ROUNDS = 200, BLOCKS = 1000 };

struct bench {
    struct jn_plane *p;
    struct jn_mailbox facts;
    uint32_t legs, members;
    uint16_t *local;
    uint64_t now, sent;
    uint8_t bytes[JN_PKT_BURST][600];
    struct jn_pkt pkt[JN_PKT_BURST];
};

static void order(struct bench *b, const struct jn_order *o)
{
    plane_order(b->p, &b->facts, b->local, o, b->now);
}

static void fill_rooms(struct bench *b, uint32_t rooms, uint32_t members)
{
    for (uint32_t r = 0; r < rooms; r++) {
        order(b, &(struct jn_order){.kind = JN_ORDER_ROOM_OPEN, .room = r + 1});
        for (uint32_t m = 0; m < members; m++) {
            struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = r * members + m + 1};
            order(b, &o);
            o.kind = JN_ORDER_LEG_REMOTE;
            o.remote = (struct jn_leg_remote){.rtp = plane_peer((uint32_t)o.leg - 1),
                                              .rtcp = plane_peer((uint32_t)o.leg - 1),
                                              .codec = m % 2 ? JN_CODEC_PCMA : JN_CODEC_PCMU,
                                              .rtp_pt = m % 2 ? 8 : 0,
                                              .dtmf_pt = 101,
                                              .cn_pt = 13,
                                              .ptime_ms = 20};
            order(b, &o);
            o = (struct jn_order){.kind = JN_ORDER_ROOM_JOIN, .leg = o.leg, .room = r + 1};
            o.join.track = m == 0 ? JN_TRACK_CALLER : m == 1 ? JN_TRACK_AGENT : JN_TRACK_OTHER;
            order(b, &o);
        }
    }
}

/* Everybody sends one packet of something that is no silence, then 20 ms pass. */
static void period(struct bench *b, uint32_t tick)
{
    struct jn_pkt *pk[JN_PKT_BURST];

    for (uint32_t i = 0; i < b->legs;) {
        unsigned n = 0;
        for (; n < JN_PKT_BURST && i < b->legs; n++, i++) {
            bool alaw = i % b->members % 2;
            struct jn_rtp h = {.seq = (uint16_t)tick, .ts = tick * 160, .ssrc = i, .pt = alaw ? 8 : 0};
            jn_rtp_build(b->bytes[n], &h);
            memset(b->bytes[n] + 12, (int)(0x20 + (i * 7 + tick) % 64), 160);
            b->pkt[n] = (struct jn_pkt){.data = b->bytes[n],
                                        .len = 172,
                                        .cap = sizeof b->bytes[0],
                                        .local = b->local[i],
                                        .from = plane_peer(i),
                                        .at_ns = b->now};
            pk[n] = &b->pkt[n];
        }
        jn_plane_rx(b->p, pk, n, b->now);
    }
    for (unsigned ms = 0; ms < 20; ms++) {
        b->now += 1000000;
        jn_plane_tick(b->p, b->now);
    }
    jn_plane_flush(b->p);
}

/* ns of one participant and one period of 20 ms; the best of ROUNDS. */
static double measure(uint32_t rooms, uint32_t members)
{
    struct bench *b = calloc(1, sizeof *b);
    double best = 1e18;

    if (!b)
        plane_die("no memory");
    b->legs = rooms * members;
    b->members = members;
    b->now = UINT64_C(1000000000000);
    b->local = calloc(b->legs, sizeof *b->local);
    struct jn_plane_config c = {.ports = (uint16_t)(2 * b->legs),
                                .max_legs = b->legs,
                                .max_rooms = rooms,
                                .quarantine_ms = 5000,
                                .srtp = jn_srtp(),
                                .port = {.take = plane_take, .give = plane_give, .tx = plane_tx, .arg = &b->sent}};
    if (!b->local || jn_plane_open(&b->p, &c) < 0 ||
        jn_mailbox_init(&b->facts, 4 * b->legs + 64, sizeof(struct jn_fact), NULL) < 0)
        plane_die("no memory");
    jn_plane_mail(b->p, &b->facts, NULL);
    fill_rooms(b, rooms, members);
    uint32_t tick = 0;
    for (; tick < WARM; tick++)
        period(b, tick);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t sent = b->sent, begin = jn_mono_ns();
        for (unsigned i = 0; i < TICKS; i++)
            period(b, tick++);
        double ns = (double)(jn_mono_ns() - begin) / ((double)TICKS * b->legs);
        if (b->sent - sent < (uint64_t)TICKS * b->legs)
            plane_die("not every participant was sent every period");
        best = ns < best ? ns : best;
    }
    const struct jn_plane_counts *n = jn_plane_counts(b->p);
    for (unsigned i = 0; i < JN_DROP_N; i++)
        if (n->drops[i] != 0)
            plane_die("packets were dropped");
    jn_plane_close(b->p);
    jn_mailbox_free(&b->facts);
    free(b->local);
    free(b);
    return best;
}

/* One participant's kernels: decode, add to the sum, all but itself, encode. */
static double kernels(const struct jn_g711_ops *g, const struct jn_mix_ops *m)
{
    static int32_t acc[160];
    int16_t pcm[160], out[160];
    uint8_t coded[160];

    for (unsigned i = 0; i < 160; i++)
        coded[i] = (uint8_t)(i * 37);
    memset(acc, 0, sizeof acc);
    uint64_t begin = jn_mono_ns();
    for (unsigned i = 0; i < BLOCKS; i++) {
        g->decode_ulaw(pcm, coded, 160);
        m->add(acc, pcm, 160);
        m->minus(out, acc, pcm, 160);
        m->sub(acc, pcm, 160);
        g->encode_ulaw(coded, out, 160);
    }
    return (double)(jn_mono_ns() - begin) / BLOCKS;
}

int main(void)
{
    double plain = 1e18, avx2 = 1e18;

    for (unsigned i = 0; i < KERNEL_ROUNDS; i++) {
        double a = kernels(&jn_g711_plain, &jn_mix_plain);
        plain = a < plain ? a : plain;
        if (jn_cpu_isa() >= JN_ISA_AVX2) {
            a = kernels(&jn_g711_avx2, &jn_mix_avx2);
            avx2 = a < avx2 ? a : avx2;
        }
    }
    double three = measure(400, 3), thirty = measure(40, 30);
    printf("FIGURE mix_kernels_plain_ns %.0f ns\n", plain);
    if (jn_cpu_isa() >= JN_ISA_AVX2)
        printf("FIGURE mix_kernels_avx2_ns %.0f ns\nFIGURE mix_kernels_speedup %.1f x\n", avx2, plain / avx2);
    printf("FIGURE mix_ns_per_participant_tick_room3 %.0f ns\n", three);
    printf("FIGURE mix_ns_per_participant_tick_room30 %.0f ns\n", thirty);
    printf("FIGURE mix_participants_per_core_room3 %.0f participants\n", 20e6 / three);
    printf("FIGURE mix_participants_per_core_room30 %.0f participants\n", 20e6 / thirty);
    printf("FIGURE mix_participants_per_core %.0f participants\n", 20e6 / (three > thirty ? three : thirty));
    return 0;
}
