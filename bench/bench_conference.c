/* Conference: one room of 1,000 listeners who send RTCP only and 3 talkers, Opus, SRTP. What the worker needs for 20 ms
 * of it, against what cannot be avoided: decoding the talkers, encoding the four different mixes (for each talker what
 * the others say, and for everybody else what all say), and for each listener a header, a copy of the payload and its
 * seal; the same codecs, kernels and SRTP engine on the same sound, in turns in one run. No sockets. */
#include "bench/plane.h"
#include "engine/base/cpu.h"
#include "media/codec/codec.h"
#include "media/mix/mix.h"
#include "media/rtcp/rtcp.h"
#include "media/rtp/rtp.h"
#include <math.h>
#include <string.h>
#include <time.h>

enum { LISTENERS = 1000, TALKERS = 3, LEGS = LISTENERS + TALKERS, PERIODS = 25, WARM = 50, ROUNDS = 9, REPORTS = 4 };
static const struct jn_srtp_ops *srtp;
static const struct jn_codec_profile profile = {.bitrate = 24000, .complexity = 5};

/* One party's own end, and a floor that does the worker's unavoidable part for it. */
struct end {
    struct jn_srtp *out, *floor_in, *floor_out; /* the party seals; the floor opens and seals as the worker does */
    uint16_t seq;
    uint32_t ts;
};
struct bench {
    struct jn_plane *p;
    struct jn_mailbox facts;
    struct jn_srtp_bank *bank, *floor_bank; /* of the parties; of the floor, as large as the worker's */
    uint16_t local[LEGS];
    struct end end[LEGS];
    uint64_t now, sent;
    void *talk[TALKERS], *decoder[TALKERS], *encoder[TALKERS + 1];
    double phase[TALKERS];
    uint8_t packet[TALKERS + REPORTS][600], again[TALKERS + REPORTS][600], out[JN_PKT_BURST][600];
    uint16_t len[TALKERS + REPORTS];
    uint32_t leg[TALKERS + REPORTS];
    unsigned reporter;
    uint32_t floor_seq;
};

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void *state(size_t bytes)
{
    void *at = aligned_alloc(64, bytes);

    if (!at)
        plane_die("no memory");
    return at;
}

static struct jn_srtp *context(struct jn_srtp_bank *bank, const uint8_t *key, bool inbound)
{
    struct jn_srtp *s = srtp->open_context(bank, JN_SUITE_AES128_SHA80, key, inbound);

    if (!s)
        plane_die("no SRTP context");
    return s;
}

static void enter(struct bench *b, uint32_t i)
{
    struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i + 1};
    uint8_t to[JN_SRTP_KEY_MAX], from[JN_SRTP_KEY_MAX];

    for (unsigned k = 0; k < JN_SRTP_KEY_MAX; k++) {
        to[k] = (uint8_t)(i * 31 + k * 7 + 1);
        from[k] = (uint8_t)(i * 17 + k * 11 + 2);
    }
    plane_order(b->p, &b->facts, b->local, &o, b->now);
    o.kind = JN_ORDER_LEG_REMOTE;
    o.remote = (struct jn_leg_remote){.rtp = plane_peer(i),
                                      .rtcp = plane_peer(i),
                                      .codec = JN_CODEC_OPUS,
                                      .rtp_pt = 111,
                                      .dtmf_pt = 101,
                                      .cn_pt = 13,
                                      .ptime_ms = 20,
                                      .suite = JN_SUITE_AES128_SHA80,
                                      .profile = profile};
    memcpy(o.remote.key_in, from, sizeof from);
    memcpy(o.remote.key_out, to, sizeof to);
    plane_order(b->p, &b->facts, b->local, &o, b->now);
    o = (struct jn_order){.kind = JN_ORDER_ROOM_JOIN, .leg = i + 1, .room = 1, .join.track = JN_TRACK_OTHER};
    plane_order(b->p, &b->facts, b->local, &o, b->now);
    b->end[i] = (struct end){.out = context(b->bank, from, false),
                             .floor_in = context(b->floor_bank, from, true),
                             .floor_out = context(b->floor_bank, to, false)};
}

static struct bench *begin(void)
{
    const struct jn_codec_ops *opus = jn_codec(JN_CODEC_OPUS);
    struct bench *b = calloc(1, sizeof *b);

    if (!b || !opus)
        plane_die("no Opus");
    b->now = UINT64_C(1000000000000);
    struct jn_plane_config c = {.ports = 2 * LEGS,
                                .max_legs = LEGS,
                                .max_rooms = 1,
                                .srtp = srtp,
                                .port = {.take = plane_take, .give = plane_give, .tx = plane_tx, .arg = &b->sent}};
    if (jn_plane_open(&b->p, &c) < 0 || jn_mailbox_init(&b->facts, 4 * LEGS, sizeof(struct jn_fact), NULL) < 0)
        plane_die("no memory");
    if (srtp->open_bank(&b->bank, LEGS) < 0 || srtp->open_bank(&b->floor_bank, 2 * LEGS + 2) < 0)
        plane_die("no memory for keys");
    jn_plane_mail(b->p, &b->facts, NULL);
    plane_order(b->p, &b->facts, b->local, &(struct jn_order){.kind = JN_ORDER_ROOM_OPEN, .room = 1}, b->now);
    for (uint32_t i = 0; i < LEGS; i++)
        enter(b, i);
    for (unsigned i = 0; i < TALKERS + 1; i++) {
        b->encoder[i] = state(opus->encoder_bytes(48000));
        opus->encoder_init(b->encoder[i], 48000, &profile);
    }
    for (unsigned i = 0; i < TALKERS; i++) {
        b->talk[i] = state(opus->encoder_bytes(48000));
        b->decoder[i] = state(opus->decoder_bytes(48000));
        opus->encoder_init(b->talk[i], 48000, &profile);
        opus->decoder_init(b->decoder[i], 48000);
    }
    return b;
}

/* A voice-like sound: harmonics of a pitch that moves. */
static void speak(struct bench *b, unsigned who, int16_t pcm[960])
{
    double hz = 110 + 45 * who + 20 * sin((double)b->now / 4e8 + who);

    for (unsigned i = 0; i < 960; i++) {
        double x = 0;
        b->phase[who] += hz / 48000;
        for (unsigned k = 1; k <= 24; k++)
            x += sin(2 * M_PI * k * b->phase[who]) / (1 + fabs(k - 5.0) / 3);
        pcm[i] = (int16_t)(1500 * x);
    }
}

/* What comes in these 20 ms: each talker's frame, and reports of some listeners (each one's every 5 s). Sealed by them,
 * not measured. */
static void outside(struct bench *b)
{
    const struct jn_codec_ops *opus = jn_codec(JN_CODEC_OPUS);

    for (unsigned i = 0; i < TALKERS + REPORTS; i++) {
        bool rtcp = i >= TALKERS;
        uint32_t leg = rtcp ? TALKERS + b->reporter++ % LISTENERS : i;
        struct end *e = &b->end[leg];
        uint8_t *bytes = b->packet[i];
        b->leg[i] = leg;
        if (rtcp) {
            struct jn_rtcp_out r = {.ssrc = leg + 1};
            b->len[i] = (uint16_t)jn_rtcp_build(bytes, &r);
        } else {
            int16_t pcm[960];
            speak(b, i, pcm);
            struct jn_rtp h = {.ts = e->ts, .ssrc = leg + 1, .seq = e->seq++, .pt = 111};
            e->ts += 960;
            jn_rtp_build(bytes, &h);
            b->len[i] = (uint16_t)(12 + opus->encode(b->talk[i], bytes + 12, 400, pcm, 960));
        }
        struct jn_pkt pk = {.data = bytes, .len = b->len[i], .cap = 600};
        if (srtp->seal((struct jn_srtp *[]){e->out}, (struct jn_pkt *[]){&pk}, 1, rtcp) != 1)
            plane_die("a party could not seal");
        b->len[i] = pk.len;
        memcpy(b->again[i], bytes, pk.len);
    }
}

static struct jn_pkt came(struct bench *b, unsigned i, uint8_t *bytes)
{
    return (struct jn_pkt){.data = bytes,
                           .len = b->len[i],
                           .cap = 600,
                           .local = b->local[b->leg[i]],
                           .from = plane_peer(b->leg[i]),
                           .at_ns = b->now};
}

static uint64_t worker(struct bench *b)
{
    struct jn_pkt pkt[TALKERS + REPORTS], *pk[TALKERS + REPORTS];

    for (unsigned i = 0; i < TALKERS + REPORTS; i++) {
        pkt[i] = came(b, i, b->packet[i]);
        pk[i] = &pkt[i];
    }
    uint64_t from = cpu_ns();
    jn_plane_rx(b->p, pk, TALKERS + REPORTS, b->now);
    for (unsigned ms = 0; ms < 20; ms++) {
        b->now += 1000000;
        jn_plane_tick(b->p, b->now);
        jn_plane_flush(b->p);
    }
    return cpu_ns() - from;
}

/* Headers, copies and seals of the encoded frames: the last one for everybody but the talkers. */
static void floor_send(struct bench *b, uint8_t payload[][600], const int len[])
{
    struct jn_pkt pkt[JN_PKT_BURST], *pk[JN_PKT_BURST];
    struct jn_srtp *ctx[JN_PKT_BURST];

    for (unsigned i = 0; i < LEGS;) {
        unsigned n = 0;
        for (; n < JN_PKT_BURST && i < LEGS; n++, i++) {
            unsigned k = i < TALKERS ? i : TALKERS;
            struct jn_rtp h = {.ts = b->floor_seq * 960, .ssrc = i + 1, .seq = (uint16_t)b->floor_seq, .pt = 111};
            jn_rtp_build(b->out[n], &h);
            memcpy(b->out[n] + 12, payload[k], (size_t)len[k]);
            pkt[n] = (struct jn_pkt){.data = b->out[n], .len = (uint16_t)(12 + len[k]), .cap = 600};
            pk[n] = &pkt[n];
            ctx[n] = b->end[i].floor_out;
        }
        if (srtp->seal(ctx, pk, n, false) != n)
            plane_die("the floor could not seal");
    }
}

static uint64_t floor_ns(struct bench *b)
{
    const struct jn_codec_ops *opus = jn_codec(JN_CODEC_OPUS);
    static int16_t pcm[TALKERS][960], mix[TALKERS + 1][960];
    static int32_t sum[960];
    static uint8_t bytes[TALKERS + 1][600];
    int len[TALKERS + 1];
    struct jn_pkt pkt[TALKERS + REPORTS], *pk[TALKERS + REPORTS];
    struct jn_srtp *ctx[TALKERS + REPORTS];

    for (unsigned i = 0; i < TALKERS + REPORTS; i++) {
        pkt[i] = came(b, i, b->again[i]);
        pk[i] = &pkt[i];
        ctx[i] = b->end[b->leg[i]].floor_in;
    }
    uint64_t from = cpu_ns();
    if (srtp->open(ctx, pk, TALKERS, false) != TALKERS ||
        srtp->open(ctx + TALKERS, pk + TALKERS, REPORTS, true) != REPORTS)
        plane_die("the floor could not open");
    for (unsigned i = 0; i < TALKERS; i++)
        if (opus->decode(b->decoder[i], pcm[i], 960, pk[i]->data + 12, pk[i]->len - 12u) != 960)
            plane_die("the floor could not decode");
    uint64_t spent = cpu_ns() - from;
    memset(sum, 0, sizeof sum);
    for (unsigned i = 0; i < TALKERS; i++)
        jn_mix()->add(sum, pcm[i], 960);
    jn_mix()->pack(mix[TALKERS], sum, 960);
    for (unsigned i = 0; i < TALKERS; i++)
        jn_mix()->minus(mix[i], sum, pcm[i], 960);
    from = cpu_ns();
    b->floor_seq++;
    for (unsigned i = 0; i <= TALKERS; i++) {
        len[i] = opus->encode(b->encoder[i], bytes[i], 400, mix[i], 960);
        if (len[i] <= 0)
            plane_die("the floor could not encode");
    }
    floor_send(b, bytes, len);
    return spent + cpu_ns() - from;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    static const char *const name[] = {"plain", "avx2", "avx512"};
    srtp = jn_srtp();
    struct bench *b = begin();
    double ratio[ROUNDS], best_worker = 1e18, best_floor = 1e18;

    for (unsigned i = 0; i < WARM; i++) {
        outside(b);
        worker(b);
        floor_ns(b);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t work = 0, least = 0, sent = b->sent;
        for (unsigned i = 0; i < PERIODS; i++) {
            outside(b);
            work += worker(b);
            least += floor_ns(b);
        }
        if (b->sent - sent < (uint64_t)PERIODS * LEGS)
            plane_die("not everybody was sent every period");
        ratio[round] = (double)work / (double)least;
        best_worker = fmin(best_worker, (double)work / PERIODS);
        best_floor = fmin(best_floor, (double)least / PERIODS);
    }
    const struct jn_plane_counts *n = jn_plane_counts(b->p);
    for (unsigned i = 0; i < JN_DROP_N; i++)
        if (n->drops[i] != 0)
            plane_die("packets were dropped");
    if (n->unseated || n->unheard || n->no_encoder || n->rtcp_in == 0)
        plane_die("somebody was not heard");
    qsort(ratio, ROUNDS, sizeof *ratio, by_value);
    printf("%u listeners, %u talkers, Opus %u bit/s complexity %u, %s, SRTP sealed by one engine on both sides\n",
           LISTENERS, TALKERS, profile.bitrate, profile.complexity, name[jn_cpu_isa()]);
    printf("20 ms: the worker %.0f us, what cannot be avoided %.0f us\n", best_worker / 1000, best_floor / 1000);
    printf("FIGURE conference_overhead_ratio %.2f x\n", ratio[ROUNDS / 2]);
    printf("FIGURE conference_period_us %.0f us\n", best_worker / 1000);
    printf("FIGURE conference_listener_ns %.0f ns\n", (best_worker - best_floor) / LISTENERS);
    return 0;
}
