/* Codecs with state behind a jitter buffer: Opus and G.722, at every rate of sound. */
#include "media/impair/impair.h"
#include "media/jbuf/jbuf.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

TestSuite(framed, .timeout = 60);

enum { FRAMES = 100, BYTES = 480 };
static const uint64_t t0 = UINT64_C(7000000000);

/* A stream as its sender made it: FRAMES frames of ptime_ms. pcm: what a decoder that misses nothing makes of it. */
struct sent {
    uint8_t codec;
    unsigned ptime_ms, rate, frame; /* samples of a frame at rate */
    uint32_t clock;
    uint8_t bytes[FRAMES][BYTES];
    uint16_t len[FRAMES];
    int16_t pcm[FRAMES * 2880];
};
static struct sent s;

static bool hops;

static void say(uint8_t codec, unsigned rate, unsigned ptime_ms)
{
    const struct jn_codec_ops *ops = jn_codec(codec);
    struct jn_codec_profile profile = {.bitrate = 32000, .complexity = 5, .loss_percent = 20, .fec = true};
    void *enc = aligned_alloc(64, (ops->encoder_bytes(ops->rate) + 63) / 64 * 64);
    void *dec = aligned_alloc(64, (ops->decoder_bytes(rate) + 63) / 64 * 64);
    unsigned n = ops->rate / 1000 * ptime_ms;
    int16_t pcm[2880];

    s = (struct sent){
        .codec = codec, .ptime_ms = ptime_ms, .rate = rate, .frame = rate / 1000 * ptime_ms, .clock = ops->clock};
    cr_assert_eq(ops->encoder_init(enc, ops->rate, &profile), 0);
    cr_assert_eq(ops->decoder_init(dec, rate), 0);
    double p = 0, hz = 140;
    for (unsigned k = 0; k < FRAMES; k++) {
        hz = hops ? 100 + k * 37 % 90 : hz; /* nothing of a frame can be guessed from the one before */
        for (unsigned i = 0; i < n; i++) {
            double at = (double)(k * n + i) / ops->rate;
            p += 2 * M_PI * (hz + 12 * sin(at * 5)) / ops->rate;
            pcm[i] = (int16_t)((1 + 0.3 * sin(at * 20)) * (5000 * sin(p) + 2500 * sin(2 * p + 1) + 1500 * sin(7 * p)));
        }
        int len = ops->encode(enc, s.bytes[k], BYTES, pcm, n);
        cr_assert_gt(len, 0);
        s.len[k] = (uint16_t)len;
        cr_assert_eq(ops->decode(dec, s.pcm + k * s.frame, (int)s.frame, s.bytes[k], s.len[k]), (int)s.frame);
    }
    free(enc);
    free(dec);
}

static struct jn_jbuf *make(bool fixed)
{
    struct jn_jbuf_config c = {
        .min_ms = 20, .max_ms = 200, .start_ms = 60, .fixed = fixed, .codec = s.codec, .rate = s.rate};
    struct jn_jbuf *j = jn_jbuf_init(aligned_alloc(64, jn_jbuf_size(s.codec, s.rate)), &c);
    cr_assert_not_null(j);
    return j;
}

static int put(struct jn_jbuf *j, unsigned k, uint64_t at_ns)
{
    struct jn_frame f = {.ext_seq = 65000 + k,
                         .ts = 0xffffff00u + k * s.ptime_ms * (s.clock / 1000),
                         .at_ns = at_ns,
                         .codec = s.codec,
                         .len = s.len[k],
                         .marker = k == 0,
                         .payload = s.bytes[k]};
    return jn_jbuf_put(j, &f);
}

static void clean(uint8_t codec, unsigned rate, unsigned ptime_ms)
{
    say(codec, rate, ptime_ms);
    struct jn_jbuf *j = make(false);
    unsigned sent = 0, period = rate / 50, at = 0;
    bool begun = false;
    for (unsigned tick = 0; tick < FRAMES * ptime_ms / 20; tick++) {
        int16_t out[JN_PERIOD_MAX];
        for (; sent * ptime_ms <= tick * 20; sent++)
            cr_assert_eq(put(j, sent, t0 + sent * ptime_ms * UINT64_C(1000000)), 0);
        jn_jbuf_get(j, out, t0 + tick * UINT64_C(20000000) + 3000000);
        bool silent = true;
        for (unsigned i = 0; i < period; i++)
            silent = silent && out[i] == 0;
        if (!begun && silent)
            continue;
        if (!begun)
            cr_assert_leq(tick, 4, "began at period %u", tick);
        begun = true;
        cr_assert_arr_eq(out, s.pcm + at, period * sizeof out[0], "%s at %u, %u ms: sample %u", jn_codec(codec)->name,
                         rate, ptime_ms, at);
        at += period;
    }
    const struct jn_jbuf_counts *c = jn_jbuf_counts(j);
    cr_assert(begun && c->concealed + c->stretched + c->shrunk + c->late + c->resync + c->broken == 0);
    free(j);
}

Test(framed, a_clean_stream_is_what_its_decoder_says_at_every_rate_and_packet_time)
{
    for (unsigned ptime = 20; ptime <= 60; ptime += 20) {
        clean(JN_CODEC_OPUS, 48000, ptime);
        clean(JN_CODEC_OPUS, 16000, ptime);
        clean(JN_CODEC_OPUS, 8000, ptime);
        clean(JN_CODEC_G722, 16000, ptime);
    }
}

struct outcome {
    double snr_db; /* of the periods with a lost frame, against what was sent */
    struct jn_jbuf_counts c;
    unsigned silent, clicks;
};

/* Every 10th frame is lost, nothing else happens. late: none is lost, but those come 150 ms late. */
static struct outcome lossy(bool late)
{
    struct jn_jbuf *j = make(true);
    unsigned period = s.rate / 50, at = 0;
    double error = 0, signal = 0;
    struct outcome o = {0};
    int16_t out[JN_PERIOD_MAX], last = 0;
    for (unsigned tick = 0; tick < FRAMES; tick++) {
        uint64_t now = t0 + tick * UINT64_C(20000000);
        if (tick % 10 != 5)
            cr_assert_eq(put(j, tick, now), 0);
        if (late && tick >= 20 && tick % 10 == 2)
            put(j, tick - 7, now);
        jn_jbuf_get(j, out, now + 3000000);
        if (tick < 3)
            continue;
        unsigned k = at / period;
        double e = 0;
        for (unsigned i = 0; i < period; i++) {
            double d = out[i] - s.pcm[at + i];
            error += k % 10 == 5 ? d * d : 0;
            signal += k % 10 == 5 ? (double)s.pcm[at + i] * s.pcm[at + i] : 0;
            e += out[i] * out[i];
            o.clicks += k > 0 && abs(out[i] - last) > 9000 * 8000 / (int)s.rate + 3000;
            last = out[i];
        }
        o.silent += sqrt(e / period) < 500;
        at += period;
    }
    o.snr_db = 10 * log10(signal / error);
    o.c = *jn_jbuf_counts(j);
    free(j);
    return o;
}

Test(framed, a_lost_opus_frame_is_taken_from_the_redundancy_of_the_next)
{
    for (unsigned rate = 8000; rate <= 48000; rate += rate == 8000 ? 8000 : 32000) {
        hops = true;
        say(JN_CODEC_OPUS, rate, 20);
        hops = false;
        struct outcome o = lossy(false);
        cr_assert_gt(o.snr_db, 1.0, "%u: %f dB", rate, o.snr_db);
        cr_assert_eq(o.silent + o.clicks, 0, "%u: %u silent, %u clicks", rate, o.silent, o.clicks);
        cr_assert(o.c.concealed >= 9 && o.c.concealed <= 11, "%u", o.c.concealed);
        o = lossy(true);
        cr_assert_gt(o.c.late, 6, "%u late", o.c.late);
        cr_assert_eq(o.c.resync + o.c.bad + o.c.full, 0);
    }
}

Test(framed, a_lost_g722_frame_is_concealed_at_16_khz)
{
    say(JN_CODEC_G722, 16000, 20);
    struct outcome o = lossy(false);
    cr_assert_gt(o.snr_db, 3.0, "%f dB", o.snr_db);
    cr_assert_eq(o.silent + o.clicks, 0, "%u silent, %u clicks", o.silent, o.clicks);
}

Test(framed, drift_jitter_and_loss_leave_no_gap_and_every_frame_has_its_fate)
{
    static const struct {
        uint8_t codec;
        unsigned rate;
    } kind[] = {{JN_CODEC_OPUS, 48000}, {JN_CODEC_OPUS, 8000}, {JN_CODEC_G722, 16000}};
    for (unsigned i = 0; i < 6; i++) {
        struct jn_impair_config ic = {.seed = i + 1,
                                      .drift_ppm = i % 2 ? 2000 : -2000,
                                      .jitter_us = 30000,
                                      .loss_ppm = 20000,
                                      .overtake = true,
                                      .duplicate_ppm = 20000,
                                      .duplicate_us = 3000};
        struct jn_impair m;
        say(kind[i / 2].codec, kind[i / 2].rate, 20);
        struct jn_jbuf *j = make(false);
        struct jn_impair_hold *h = jn_impair_hold_init(aligned_alloc(64, jn_impair_hold_bytes(64, 4)), 64, 4);
        uint32_t puts = 0, silent = 0;
        jn_impair_begin(&m, &ic, 0);
        for (uint32_t tick = 0; tick < 1500; tick++) {
            uint64_t now = t0 + tick * UINT64_C(20000000);
            struct jn_impair_packet p;
            int16_t out[JN_PERIOD_MAX];
            jn_impair_put(h, &m, 0, &tick, 4, now);
            for (; jn_impair_take(h, &p, now); puts++) {
                uint32_t n;
                memcpy(&n, p.data, 4);
                struct jn_frame f = {.ext_seq = n,
                                     .ts = n * (s.clock / 50),
                                     .at_ns = p.due_ns,
                                     .codec = s.codec,
                                     .len = s.len[n % FRAMES],
                                     .payload = s.bytes[n % FRAMES]};
                jn_jbuf_put(j, &f);
            }
            jn_jbuf_get(j, out, now);
            double e = 0;
            for (unsigned k = 0; k < s.rate / 50; k++)
                e += out[k] * out[k];
            silent += tick > 10 && sqrt(e / (s.rate / 50)) < 300;
        }
        const struct jn_jbuf_counts *c = jn_jbuf_counts(j);
        cr_assert_eq(silent, 0, "%u of kind %u", silent, i);
        cr_assert_eq(c->in + c->late + c->duplicate + c->full + c->bad, puts);
        cr_assert_eq(c->full + c->bad + c->broken + c->resync, 0);
        cr_assert((i % 2 ? c->stretched : c->shrunk) >= 3, "stretched %u shrunk %u", c->stretched, c->shrunk);
        cr_assert_leq(jn_jbuf_depth_ms(j), 140);
        cr_assert_leq(c->late * 50, c->in);
        free(h);
        free(j);
    }
}

Test(framed, what_is_no_payload_of_the_codec_is_refused)
{
    say(JN_CODEC_OPUS, 48000, 20);
    struct jn_jbuf *j = make(false);
    uint8_t junk[3] = {0xff, 0xff, 0xff};
    struct jn_frame f = {.ext_seq = 1, .codec = JN_CODEC_OPUS, .len = 3, .payload = junk};
    cr_assert_lt(jn_jbuf_put(j, &f), 0);
    f.codec = JN_CODEC_PCMU;
    cr_assert_lt(jn_jbuf_put(j, &f), 0);
    cr_assert_eq(jn_jbuf_counts(j)->bad, 2);
    cr_assert_eq(jn_jbuf_size(JN_CODEC_PCMU, 16000), 0);
    cr_assert_eq(jn_jbuf_size(JN_CODEC_OPUS, 44100), 0);
    cr_assert_eq(jn_jbuf_size(JN_CODEC_N, 0), 0);
    cr_assert_leq(jn_jbuf_size(JN_CODEC_PCMA, 8000), 2688);
    free(j);
}

Test(framed, nothing_in_is_silence_out)
{
    for (s.codec = 0, s.rate = 8000; s.codec < JN_CODEC_N; s.codec++) {
        s.rate = jn_codec(s.codec)->rate;
        struct jn_jbuf *j = make(false);
        int16_t out[JN_PERIOD_MAX];
        for (unsigned i = 0; i < 100; i++) {
            memset(out, 1, sizeof out);
            jn_jbuf_get(j, out, t0 + i * UINT64_C(20000000));
            for (unsigned k = 0; k < s.rate / 50; k++)
                cr_assert_eq(out[k], 0);
        }
        free(j);
    }
}
