/* Conferences: rooms of many, with few who are heard; codecs of all kinds in one room; gains. */
#include "engine/base/rand.h"
#include "media/codec/codec.h"
#include "media/codec/g711.h"
#include "media/rtp/rtp.h"
#include "media/stream/plane.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

TestSuite(conference, .timeout = 60);

enum { MANY = 300, TALK = 3, RATE_MAX = 48000, SECONDS = 3 };

/* One member, as the outside sees it: what it says and what it hears, in its codec. */
struct member {
    uint64_t leg;
    uint32_t local, ts, ssrc, last_ts;
    uint16_t seq, last_seq;
    uint8_t codec, pt, ptime_ms, track, hears, unheard;
    bool in, heard_any;
    int16_t value; /* says this level; with hz a tone */
    double hz, amp, phase;
    void *enc, *dec;
    unsigned got, gaps;
    uint8_t last[600];
    uint16_t last_len;
    int16_t *line; /* what it heard, at its codec's rate */
    unsigned n;
};
struct hall {
    struct jn_plane *p;
    struct jn_mailbox facts;
    uint64_t now;
    struct member m[MANY];
    unsigned n;
};

static void take_sent(struct hall *h, struct member *m, const struct jn_pkt *pk)
{
    struct jn_rtp r;

    cr_assert_eq(jn_rtp_parse(&r, pk->data, pk->len), 0);
    if (r.pt != m->pt)
        return;
    if (m->heard_any && (uint16_t)(m->last_seq + 1) != r.seq)
        m->gaps++;
    m->heard_any = true;
    m->last_seq = r.seq;
    m->last_ts = r.ts;
    m->last_len = r.payload_len;
    memcpy(m->last, pk->data + r.payload_off, r.payload_len);
    m->got++;
    if (!m->line)
        return;
    const struct jn_codec_ops *ops = jn_codec(m->codec);
    if (m->n + 2880 > SECONDS * RATE_MAX)
        return;
    int n = ops->decode(m->dec, m->line + m->n, 2880, m->last, m->last_len);
    cr_assert_gt(n, 0);
    m->n += (unsigned)n;
    (void)h;
}

static void hall_tx(void *arg, struct jn_pkt *pk[], unsigned n)
{
    struct hall *h = arg;

    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; !jn_is_rtcp(pk[i]->data, pk[i]->len) && k < h->n; k++)
            if (h->m[k].local == pk[i]->local)
                take_sent(h, &h->m[k], pk[i]);
}

static int hall_take(void *arg, uint32_t local)
{
    (void)arg;
    (void)local;
    return 0;
}

static void hall_give(void *arg, uint32_t local)
{
    (void)arg;
    (void)local;
}

static void order(struct hall *h, const struct jn_order *o)
{
    struct jn_fact f;

    cr_assert(jn_plane_order(h->p, o, h->now));
    while (jn_mailbox_recv(&h->facts, &f, 1) == 1) {
        cr_assert(f.kind != JN_FACT_REFUSED && f.kind != JN_FACT_LEG_REFUSED, "order %u was refused", o->kind);
        if (f.kind == JN_FACT_LEG_OPENED)
            h->m[f.leg - 1].local = f.opened.rtp.port;
    }
}

static struct hall *hall_open(uint8_t talkers)
{
    struct hall *h = calloc(1, sizeof *h);

    h->now = UINT64_C(1000000000000);
    struct jn_plane_config c = {.ports = 2 * MANY,
                                .max_legs = MANY,
                                .max_rooms = 2,
                                .srtp = &jn_srtp_libsrtp,
                                .port = {.take = hall_take, .give = hall_give, .tx = hall_tx, .arg = h}};
    c.advertise = (struct jn_addr){.family = JN_ADDR_V4, .ip = {192, 0, 2, 1}};
    cr_assert_eq(jn_plane_open(&h->p, &c), 0);
    cr_assert_eq(jn_mailbox_init(&h->facts, 4 * MANY, sizeof(struct jn_fact), NULL), 0);
    jn_plane_mail(h->p, &h->facts, NULL);
    order(h, &(struct jn_order){.kind = JN_ORDER_ROOM_OPEN, .room = 9, .room_open.talkers = talkers});
    return h;
}

static void hall_close(struct hall *h)
{
    for (unsigned i = 0; i < h->n; i++) {
        free(h->m[i].enc);
        free(h->m[i].dec);
        free(h->m[i].line);
    }
    jn_plane_close(h->p);
    jn_mailbox_free(&h->facts);
    free(h);
}

static struct jn_addr peer(unsigned i)
{
    return (struct jn_addr){.family = JN_ADDR_V4, .ip = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}, .port = 4000};
}

static void join(struct hall *h, struct member *m)
{
    struct jn_order o = {.kind = JN_ORDER_ROOM_JOIN, .leg = m->leg, .room = 9};

    o.join.track = m->track;
    o.join.unheard = m->unheard;
    order(h, &o);
    o = (struct jn_order){.kind = JN_ORDER_HEAR, .leg = m->leg, .room = 9, .hear.tracks = m->hears};
    order(h, &o);
    m->in = true;
}

static void leave(struct hall *h, struct member *m)
{
    order(h, &(struct jn_order){.kind = JN_ORDER_ROOM_LEAVE, .leg = m->leg, .room = 9});
    m->in = false;
}

static struct member *enter(struct hall *h, uint8_t codec, uint8_t ptime_ms, uint8_t track)
{
    struct member *m = &h->m[h->n++];
    const struct jn_codec_ops *ops = jn_codec(codec);

    *m = (struct member){.leg = h->n, .ssrc = h->n, .codec = codec, .ptime_ms = ptime_ms, .track = track, .hears = 7};
    m->pt = ops->static_pt < 128 ? ops->static_pt : 111;
    order(h, &(struct jn_order){.kind = JN_ORDER_LEG_OPEN, .leg = m->leg});
    struct jn_order o = {.kind = JN_ORDER_LEG_REMOTE, .leg = m->leg};
    o.remote = (struct jn_leg_remote){.rtp = peer(h->n),
                                      .rtcp = peer(h->n),
                                      .codec = codec,
                                      .rtp_pt = m->pt,
                                      .dtmf_pt = 101,
                                      .cn_pt = 13,
                                      .ptime_ms = ptime_ms,
                                      .profile = {.bitrate = 32000, .complexity = 3}};
    order(h, &o);
    join(h, m);
    return m;
}

static void listen(struct member *m)
{
    const struct jn_codec_ops *ops = jn_codec(m->codec);

    m->line = calloc(SECONDS * RATE_MAX, sizeof *m->line);
    if (ops->decoder_bytes(ops->rate) == 0)
        return;
    m->dec = aligned_alloc(64, ops->decoder_bytes(ops->rate));
    cr_assert_eq(ops->decoder_init(m->dec, ops->rate), 0);
}

/* 20 ms of what it says. */
static void say(struct hall *h, struct member *m)
{
    const struct jn_codec_ops *ops = jn_codec(m->codec);
    int16_t pcm[960];
    uint8_t bytes[600];
    unsigned n = ops->rate / 50;

    if (!m->enc && ops->encoder_bytes(ops->rate) > 0) {
        m->enc = aligned_alloc(64, ops->encoder_bytes(ops->rate));
        struct jn_codec_profile p = {.bitrate = 48000, .complexity = 5};
        cr_assert_eq(ops->encoder_init(m->enc, ops->rate, &p), 0);
    }
    for (unsigned i = 0; i < n; i++) {
        pcm[i] = m->hz > 0 ? (int16_t)lrint(m->amp * sin(m->phase)) : m->value;
        m->phase += 2 * M_PI * m->hz / ops->rate;
    }
    struct jn_rtp r = {.ts = m->ts, .ssrc = m->ssrc, .seq = m->seq++, .pt = m->pt};
    jn_rtp_build(bytes, &r);
    int len = ops->encode(m->enc, bytes + 12, 500, pcm, n);
    cr_assert_gt(len, 0);
    m->ts += ops->clock / 50;
    struct jn_pkt pk = {.data = bytes,
                        .len = (uint16_t)(12 + len),
                        .cap = sizeof bytes,
                        .local = m->local,
                        .from = peer((unsigned)m->leg),
                        .at_ns = h->now};
    jn_plane_rx(h->p, (struct jn_pkt *[]){&pk}, 1, h->now);
    jn_plane_flush(h->p);
}

static void pass(struct hall *h, unsigned periods)
{
    for (; periods > 0; periods--) {
        for (unsigned i = 0; i < h->n; i++)
            if (h->m[i].in && (h->m[i].value != 0 || h->m[i].hz > 0))
                say(h, &h->m[i]);
        for (unsigned ms = 0; ms < 20; ms++) {
            h->now += 1000000;
            jn_plane_tick(h->p, h->now);
            jn_plane_flush(h->p);
        }
    }
}

static int value(const struct member *m)
{
    int16_t pcm[600];

    jn_codec_decode((enum jn_codec_id)m->codec, pcm, m->last, m->last_len);
    return pcm[m->last_len / 2];
}

static bool reaches(const struct member *from, const struct member *to)
{
    return from != to && from->in && to->in && (to->hears >> from->track & 1) != 0 &&
           (from->unheard >> to->track & 1) == 0;
}

/* What to would hear by adding up, sample by sample, who reaches it. */
static int naive(const struct hall *h, const struct member *to)
{
    int sum = 0;

    for (unsigned i = 0; i < h->n; i++)
        if (reaches(&h->m[i], to))
            sum += h->m[i].value;
    return sum > 32124 ? 32124 : sum < -32124 ? -32124 : sum;
}

static void all_hear_what_is_said(const struct hall *h, const char *when)
{
    for (unsigned i = 0; i < h->n; i++) {
        const struct member *m = &h->m[i];
        if (!m->in)
            continue;
        int want = naive(h, m), got = value(m);
        cr_assert_leq(abs(got - want), abs(want) / 16 + 60, "%s: member %u hears %d instead of %d", when, i, got, want);
        cr_assert_eq(m->gaps, 0, "%s: member %u: a sequence number is missing", when, i);
    }
}

Test(conference, three_hundred_hear_what_a_naive_mixer_would_give_them)
{
    struct hall *h = hall_open(0);
    uint64_t seed = 5;

    for (unsigned i = 0; i < MANY; i++) {
        struct member *m = enter(h, i % 2 ? JN_CODEC_PCMA : JN_CODEC_PCMU, 20, (uint8_t)(i % 3));
        m->hears = (uint8_t)(1 + jn_splitmix(&seed) % 7);
        m->unheard = i % 5 == 0 ? (uint8_t)(1u << jn_splitmix(&seed) % 3) : 0;
        join(h, m);
    }
    for (unsigned i = 0; i < 12; i++)
        h->m[jn_splitmix(&seed) % MANY].value = (int16_t)(500 + 300 * i);
    pass(h, 20);
    all_hear_what_is_said(h, "at first");
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned i = 0; i < 8; i++) {
            struct member *m = &h->m[jn_splitmix(&seed) % MANY];
            if (m->in)
                leave(h, m);
            else
                join(h, m);
        }
        pass(h, 20);
        all_hear_what_is_said(h, "later");
    }
    cr_assert_eq(jn_plane_counts(h->p)->unseated, 0);
    hall_close(h);
}

Test(conference, of_too_many_who_speak_the_loudest_are_heard)
{
    struct hall *h = hall_open(4);

    for (unsigned i = 0; i < 60; i++)
        enter(h, JN_CODEC_PCMU, 20, JN_TRACK_OTHER);
    for (unsigned i = 0; i < 40; i++) /* a room full of breath */
        h->m[i].value = 30;
    pass(h, 60);
    for (unsigned i = 40; i < 44; i++)
        h->m[i].value = 4000;
    pass(h, 60);
    int got = value(&h->m[59]);
    cr_assert(got > 14500 && got < 17500, "%d", got);
    cr_assert_gt(jn_plane_counts(h->p)->unseated, 0);
    for (unsigned i = 40; i < 44; i++) { /* they fall silent, others speak up */
        h->m[i].value = 0;
        h->m[i + 4].value = 2000;
    }
    pass(h, 150);
    got = value(&h->m[59]);
    cr_assert(got > 7200 && got < 8800, "%d", got);
    hall_close(h);
}

Test(conference, who_only_listens_costs_no_jitter_buffer_and_all_hear_the_same_bytes)
{
    struct hall *h = hall_open(0);

    for (unsigned i = 0; i < 100; i++)
        enter(h, JN_CODEC_OPUS, 20, JN_TRACK_OTHER);
    for (unsigned i = 0; i < TALK; i++) {
        h->m[i].hz = 400 + 150 * i;
        h->m[i].amp = 6000;
    }
    pass(h, 40);
    for (unsigned i = TALK + 1; i < 100; i++) {
        cr_assert_eq(h->m[i].last_len, h->m[TALK].last_len, "listener %u", i);
        cr_assert_arr_eq(h->m[i].last, h->m[TALK].last, h->m[TALK].last_len);
        cr_assert_eq(h->m[i].got, h->m[TALK].got);
    }
    cr_assert(h->m[0].last_len != h->m[TALK].last_len || memcmp(h->m[0].last, h->m[TALK].last, h->m[0].last_len) != 0);
    cr_assert_eq(jn_plane_counts(h->p)->no_encoder, 0);
    hall_close(h);
}

/* The amplitude of one frequency in x. */
static double tone(const int16_t *x, unsigned n, double hz, double rate)
{
    double re = 0, im = 0;

    for (unsigned i = 0; i < n; i++) {
        re += x[i] * cos(2 * M_PI * hz * i / rate);
        im += x[i] * sin(2 * M_PI * hz * i / rate);
    }
    return 2 * sqrt(re * re + im * im) / n;
}

Test(conference, any_codec_hears_any_other)
{
    static const double hz[4] = {500, 700, 900, 1200};
    struct hall *h = hall_open(0);

    for (uint8_t c = 0; c < JN_CODEC_N; c++) {
        struct member *m = enter(h, c, 20, JN_TRACK_OTHER);
        m->hz = hz[c];
        m->amp = 4000;
        listen(m);
    }
    pass(h, 100);
    for (unsigned i = 0; i < h->n; i++) {
        const struct member *m = &h->m[i];
        unsigned rate = jn_codec(m->codec)->rate, half = rate / 2;
        cr_assert_geq(m->n, 3 * half);
        cr_assert_eq(m->gaps, 0);
        for (unsigned k = 0; k < h->n; k++) {
            double a = tone(m->line + m->n - half, half, hz[k], rate);
            if (k == i)
                cr_expect_lt(a, 60, "%s hears itself: %f", jn_codec(m->codec)->name, a);
            else
                cr_expect(a > 3400 && a < 4600, "%s hears %s: %f", jn_codec(m->codec)->name, jn_codec((uint8_t)k)->name,
                          a);
        }
    }
    hall_close(h);
}

Test(conference, opus_goes_in_packets_of_the_peers_length)
{
    static const uint8_t ptime[] = {10, 20, 40, 60};
    struct hall *h = hall_open(0);
    struct member *talker = enter(h, JN_CODEC_PCMU, 20, JN_TRACK_OTHER);

    for (unsigned i = 0; i < 4; i++)
        listen(enter(h, JN_CODEC_OPUS, ptime[i], JN_TRACK_OTHER));
    talker->hz = 600;
    talker->amp = 5000;
    pass(h, 60);
    for (unsigned i = 1; i <= 4; i++) {
        struct member *m = &h->m[i];
        uint32_t ts = m->last_ts;
        cr_expect_leq(abs((int)m->got - 1200 / m->ptime_ms), 2, "%u packets of %u ms", m->got, m->ptime_ms);
        double a = tone(m->line + m->n - 24000, 24000, 600, 48000);
        cr_expect(a > 4200 && a < 5800, "%u ms: %f", m->ptime_ms, a);
        while (m->last_ts == ts)
            pass(h, 1);
        uint32_t step = m->ptime_ms == 10 ? 960 : m->ptime_ms * 48u; /* two packets of 10 ms each period */
        cr_expect_eq(m->last_ts - ts, step, "%u ms: %u", m->ptime_ms, m->last_ts - ts);
        cr_expect_eq(m->gaps, 0);
    }
    hall_close(h);
}

/* The largest step from sample to sample in the last n. */
static int steepest(const struct member *m, unsigned n)
{
    int most = 0;

    for (unsigned i = m->n - n + 1; i < m->n; i++) {
        int step = abs(m->line[i] - m->line[i - 1]);
        most = step > most ? step : most;
    }
    return most;
}

Test(conference, a_gain_changes_without_a_click)
{
    struct hall *h = hall_open(0);
    struct member *a = enter(h, JN_CODEC_PCMU, 20, JN_TRACK_CALLER), *b = enter(h, JN_CODEC_PCMU, 20, JN_TRACK_AGENT);

    enter(h, JN_CODEC_PCMU, 20, JN_TRACK_OTHER);
    a->hz = 337;
    a->amp = 8000;
    listen(b);
    pass(h, 50);
    int before = steepest(b, 4000);
    for (unsigned i = 0; i < 4; i++) { /* at another phase each time */
        order(h, &(struct jn_order){.kind = JN_ORDER_GAIN, .leg = a->leg, .room = 9, .gain.db_q8 = -20 * 256});
        pass(h, 7);
        cr_assert_leq(steepest(b, 1280), before + 300, "%d after %d", steepest(b, 1280), before);
        double soft = tone(b->line + b->n - 640, 640, 337, 8000);
        cr_assert(soft > 700 && soft < 900, "%f", soft);
        order(h, &(struct jn_order){.kind = JN_ORDER_GAIN, .leg = a->leg, .room = 9});
        pass(h, 6);
        cr_assert_leq(steepest(b, 1120), before + 300, "%d after %d", steepest(b, 1120), before);
        double loud = tone(b->line + b->n - 640, 640, 337, 8000);
        cr_assert(loud > 7400 && loud < 8600, "%f", loud);
    }
    hall_close(h);
}

Test(conference, joining_and_leaving_in_a_word_make_no_click)
{
    struct hall *h = hall_open(0);
    struct member *a = enter(h, JN_CODEC_PCMU, 20, JN_TRACK_OTHER), *b = enter(h, JN_CODEC_G722, 20, JN_TRACK_OTHER);
    struct member *c = enter(h, JN_CODEC_PCMU, 20, JN_TRACK_OTHER);

    a->hz = 300;
    a->amp = 6000;
    c->hz = 420;
    c->amp = 6000;
    listen(b);
    pass(h, 40);
    int before = steepest(b, 8000);
    for (unsigned i = 0; i < 4; i++) {
        leave(h, c);
        pass(h, 10);
        cr_assert_leq(steepest(b, 3200), before + 250, "going: %d after %d", steepest(b, 3200), before);
        join(h, c);
        pass(h, 10);
        cr_assert_leq(steepest(b, 3200), before + 250, "coming: %d after %d", steepest(b, 3200), before);
    }
    hall_close(h);
}

Test(conference, a_digit_keeps_its_length_in_the_listeners_clock)
{
    struct hall *h = hall_open(0);
    struct member *a = enter(h, JN_CODEC_PCMU, 20, JN_TRACK_CALLER), *b = enter(h, JN_CODEC_OPUS, 20, JN_TRACK_AGENT);
    uint8_t bytes[64] = {0};
    struct jn_rtp r = {.ts = 1000, .ssrc = a->ssrc, .seq = 1, .pt = 101, .marker = true};

    pass(h, 5);
    b->pt = 101; /* what is kept of what it is sent */
    jn_rtp_build(bytes, &r);
    memcpy(bytes + 12, (uint8_t[]){5, 10, 800 >> 8, 800 & 255}, 4);
    struct jn_pkt pk = {
        .data = bytes, .len = 16, .cap = sizeof bytes, .local = a->local, .from = peer(1), .at_ns = h->now};
    jn_plane_rx(h->p, (struct jn_pkt *[]){&pk}, 1, h->now);
    jn_plane_flush(h->p);
    cr_assert_eq(b->last_len, 4);
    cr_assert_eq(b->last[0], 5);
    cr_assert_eq(b->last[2] << 8 | b->last[3], 4800);
    hall_close(h);
}
