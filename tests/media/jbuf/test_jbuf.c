/* A network in a few lines: every frame that is sent is delayed, lost, doubled or overtaken by rule, and delivered in
 * order of arrival between the periods of playout. */
#include "engine/base/rand.h"
#include "media/codec/g711.h"
#include "media/jbuf/jbuf.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct jn_jbuf_config config = {.min_ms = 20, .max_ms = 200, .start_ms = 40};
static const uint64_t t0 = UINT64_C(5000000000);

static struct jn_jbuf *make(void)
{
    struct jn_jbuf *j = jn_jbuf_init(aligned_alloc(64, jn_jbuf_size(JN_CODEC_PCMU, 8000)), &config);
    cr_assert_not_null(j);
    return j;
}

/* What is said, again every 8 s: a voice-like tone of about 125 Hz with overtones, gliding so that no two periods are
 * alike, never silent. */
enum { SAID = 64000 };
static uint8_t said[SAID];

static void say(void)
{
    double p = 0;
    int16_t pcm[SAID];
    for (unsigned i = 0; i < SAID; i++) {
        p += 2 * M_PI * (125.0 + 10 * sin(i / 3000.0)) / 8000.0;
        pcm[i] = (int16_t)(6000 * sin(p) + 3000 * sin(2 * p + 1) + 1500 * sin(5 * p + 2));
    }
    jn_codec_encode(JN_CODEC_PCMU, said, pcm, SAID);
}

TestSuite(jbuf, .timeout = 20, .init = say);

static int16_t heard_as(uint64_t i)
{
    int16_t s;
    jn_codec_decode(JN_CODEC_PCMU, &s, &said[i % SAID], 1);
    return s;
}

static int put_at(struct jn_jbuf *j, uint64_t n, unsigned samples, uint64_t at_ns, uint32_t ts_base)
{
    uint8_t payload[JN_FRAME_MAX];
    for (unsigned i = 0; i < samples; i++)
        payload[i] = said[(n * samples + i) % SAID];
    struct jn_frame f = {.ext_seq = 1000 + n,
                         .at_ns = at_ns,
                         .ts = ts_base + (uint32_t)(n * samples),
                         .len = (uint16_t)samples,
                         .codec = JN_CODEC_PCMU,
                         .marker = n == 0,
                         .payload = payload};
    return jn_jbuf_put(j, &f);
}

static bool zeros(const int16_t *pcm)
{
    for (unsigned i = 0; i < JN_SAMPLES_20MS; i++)
        if (pcm[i] != 0)
            return false;
    return true;
}

static void ledger_holds(const struct jn_jbuf *j, unsigned waiting_max)
{
    const struct jn_jbuf_counts *c = jn_jbuf_counts(j);
    cr_assert(c->in >= c->played + c->skipped && c->in - c->played - c->skipped <= waiting_max,
              "in %u = played %u + skipped %u + at most %u waiting", c->in, c->played, c->skipped, waiting_max);
}

static void clean(unsigned ptime_ms, uint32_t ts_base, unsigned phase_ms)
{
    struct jn_jbuf *j = make();
    unsigned samples = ptime_ms * 8, sent = 0;
    uint64_t at = 0;
    bool begun = false;
    for (unsigned tick = 0; tick < 1500; tick++) {
        uint64_t now = tick * 20 + phase_ms;
        for (; sent * ptime_ms <= now; sent++)
            cr_assert_eq(put_at(j, sent, samples, t0 + sent * ptime_ms * UINT64_C(1000000), ts_base), 0);
        int16_t out[JN_SAMPLES_20MS];
        jn_jbuf_get(j, out, t0 + now * 1000000);
        if (!begun && zeros(out))
            continue;
        if (!begun)
            cr_assert(now >= 40 && now < 60, "began after %lu ms", now);
        begun = true;
        for (unsigned i = 0; i < JN_SAMPLES_20MS; i++, at++)
            cr_assert_eq(out[i], heard_as(at), "ptime %u, sample %lu", ptime_ms, at);
    }
    const struct jn_jbuf_counts *c = jn_jbuf_counts(j);
    cr_assert_eq(c->concealed + c->stretched + c->shrunk + c->late + c->resync, 0);
    cr_assert_eq(c->in, sent);
    ledger_holds(j, 8);
    free(j);
}

Test(jbuf, a_clean_stream_comes_out_bit_for_bit_at_every_packet_time)
{
    for (unsigned ptime = 10; ptime <= 60; ptime += 10)
        for (unsigned phase = 0; phase < 20; phase += 7)
            clean(ptime, 0x1000, phase);
    clean(20, 0xffffff00, 3); /* the timestamp wraps at once */
    clean(30, 0x7fffff00, 3);
}

struct impairment {
    unsigned loss_permille, burst, jitter_ms, dup_permille;
    double ppm;
    bool spikes; /* every 5 s one of 120 ms */
};
struct flight {
    uint64_t at_ns, n;
};

static int by_arrival(const void *a, const void *b)
{
    const struct flight *x = a, *y = b;
    return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

struct outcome {
    struct jn_jbuf_counts c;
    unsigned max_depth_ms, silent_periods, sent, lost;
    double rms_first, rms_last;
};

/* seconds of 20 ms frames through the network. Frames that overtake each other come in order of arrival. */
static struct outcome run(const struct impairment *im, unsigned seconds)
{
    struct jn_jbuf *j = make();
    unsigned frames = seconds * 50, count = 0;
    struct flight *air = calloc(frames * 2, sizeof *air);
    struct outcome o = {.sent = frames};
    uint64_t rnd = 42;
    unsigned losing = 0;
    for (unsigned n = 0; n < frames; n++) {
        uint64_t sent_ns = (uint64_t)(n * 20e6 * (1.0 + im->ppm * 1e-6));
        uint64_t delay = im->jitter_ms ? jn_splitmix(&rnd) % (im->jitter_ms * 1000000u) : 0;
        if (im->spikes && n % 250 == 249)
            delay += 120000000;
        if (losing == 0 && jn_splitmix(&rnd) % 1000 < im->loss_permille)
            losing = im->burst;
        if (losing != 0) {
            losing--;
            o.lost++;
            continue;
        }
        air[count++] = (struct flight){t0 + sent_ns + delay, n};
        if (jn_splitmix(&rnd) % 1000 < im->dup_permille)
            air[count++] = (struct flight){t0 + sent_ns + delay + 3000000, n};
    }
    qsort(air, count, sizeof *air, by_arrival);
    unsigned next = 0;
    for (unsigned tick = 0; tick < frames - 100; tick++) {
        uint64_t now = t0 + 7000000 + tick * UINT64_C(20000000);
        for (; next < count && air[next].at_ns <= now; next++)
            put_at(j, air[next].n, 160, air[next].at_ns, 77);
        int16_t out[JN_SAMPLES_20MS];
        jn_jbuf_get(j, out, now);
        double e = 0;
        for (unsigned i = 0; i < JN_SAMPLES_20MS; i++)
            e += out[i] * out[i];
        if (tick > 10 && sqrt(e / JN_SAMPLES_20MS) < 1000)
            o.silent_periods++;
        if (tick > 500 && jn_jbuf_depth_ms(j) > o.max_depth_ms)
            o.max_depth_ms = jn_jbuf_depth_ms(j);
    }
    o.c = *jn_jbuf_counts(j);
    ledger_holds(j, 16);
    free(air);
    free(j);
    return o;
}

#define SHOW(o)                                                                                                        \
    "in %u played %u late %u dup %u full %u concealed %u stretched %u shrunk %u resync %u skipped %u, "                \
    "lost %u depth %u silent %u",                                                                                      \
        (o).c.in, (o).c.played, (o).c.late, (o).c.duplicate, (o).c.full, (o).c.concealed, (o).c.stretched,             \
        (o).c.shrunk, (o).c.resync, (o).c.skipped, (o).lost, (o).max_depth_ms, (o).silent_periods

Test(jbuf, two_hours_of_drift_neither_grow_nor_gap)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        struct outcome o = run(&(struct impairment){.ppm = 200.0 * sign}, 7200);
        /* 200 ppm of 7200 s are 1.44 s; a period is 8 ms here (125 Hz) or a multiple of it */
        uint64_t changes = sign < 0 ? o.c.shrunk : o.c.stretched;
        cr_assert(changes >= 80 && changes <= 300, SHOW(o));
        cr_assert_eq(sign < 0 ? o.c.stretched : o.c.shrunk, 0, SHOW(o));
        cr_assert_eq(o.c.concealed + o.c.late + o.c.resync + o.c.full, 0, SHOW(o));
        cr_assert_eq(o.silent_periods, 0, SHOW(o));
        cr_assert_leq(o.max_depth_ms, 100, SHOW(o));
    }
}

Test(jbuf, random_loss_is_concealed_once_each_and_never_heard_as_silence)
{
    struct outcome o = run(&(struct impairment){.loss_permille = 50, .burst = 1}, 120);
    cr_assert(o.c.concealed >= o.lost * 9 / 10 && o.c.concealed <= o.lost * 11 / 10 + 2, SHOW(o));
    cr_assert_eq(o.c.late + o.c.duplicate + o.c.full + o.c.resync, 0, SHOW(o));
    cr_assert_eq(o.silent_periods, 0, SHOW(o));
    cr_assert_leq(o.max_depth_ms, 100, SHOW(o));
}

Test(jbuf, bursts_of_loss_fade_and_come_back_without_growth)
{
    struct outcome o = run(&(struct impairment){.loss_permille = 4, .burst = 12}, 300);
    cr_assert_gt(o.lost, 300);
    cr_assert_eq(o.c.late + o.c.full, 0, SHOW(o));
    cr_assert_leq(o.max_depth_ms, 120, SHOW(o));
    cr_assert_leq(o.c.concealed, o.lost, SHOW(o));
}

Test(jbuf, jitter_and_reordering_are_waited_for)
{
    struct outcome o = run(&(struct impairment){.jitter_ms = 60}, 300);
    cr_assert_leq(o.c.late * 100, o.sent, SHOW(o));
    cr_assert_leq(o.c.concealed * 50, o.sent, SHOW(o));
    cr_assert_leq(o.max_depth_ms, 180, SHOW(o));
    cr_assert_eq(o.silent_periods, 0, SHOW(o));
    o = run(&(struct impairment){.jitter_ms = 150}, 300);
    cr_assert_leq(o.c.late * 50, o.sent, SHOW(o));
    cr_assert_leq(o.c.concealed * 25, o.sent, SHOW(o));
    cr_assert_gt(o.c.stretched, 0, SHOW(o));
}

Test(jbuf, duplicates_are_refused_by_name)
{
    struct outcome o = run(&(struct impairment){.dup_permille = 200, .jitter_ms = 10}, 60);
    cr_assert(o.c.duplicate > 400 && o.c.duplicate < 800, SHOW(o));
    cr_assert_eq(o.c.late, 0, SHOW(o));
}

Test(jbuf, everything_at_once_stays_bounded)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        struct outcome o = run(&(struct impairment){.loss_permille = 10,
                                                    .burst = 2,
                                                    .jitter_ms = 40,
                                                    .dup_permille = 10,
                                                    .ppm = 200.0 * sign,
                                                    .spikes = true},
                               1800);
        cr_assert_leq(o.max_depth_ms, 260, SHOW(o));
        cr_assert_eq(o.c.full, 0, SHOW(o));
        cr_assert_leq(o.c.late * 50, o.sent, SHOW(o));
        cr_assert_leq(o.c.concealed, o.lost + o.sent / 50, SHOW(o));
        cr_assert_leq(o.silent_periods * 200, o.sent, SHOW(o));
    }
}

Test(jbuf, a_stall_is_caught_up_and_depth_comes_back)
{
    struct jn_jbuf *j = make();
    int16_t out[JN_SAMPLES_20MS];
    unsigned sent = 0, whole = 0, quiet = 0;
    for (unsigned tick = 0; tick < 2000; tick++) {
        const struct jn_jbuf_counts was = *jn_jbuf_counts(j);
        uint32_t ts;
        bool stalled = tick >= 500 && tick < 550; /* a second, then all at once */
        for (; !stalled && sent <= tick; sent++)
            put_at(j, sent, 160, t0 + tick * UINT64_C(20000000), 0);
        bool known = jn_jbuf_at(j, &ts);
        jn_jbuf_get(j, out, t0 + tick * UINT64_C(20000000) + 5000000);
        const struct jn_jbuf_counts *c = jn_jbuf_counts(j);
        quiet = known && c->concealed + c->resync + c->stretched + c->shrunk ==
                             was.concealed + was.resync + was.stretched + was.shrunk
                    ? quiet + 1
                    : 0;
        for (unsigned i = 0; quiet > 2 && i < JN_SAMPLES_20MS; i++)
            cr_assert_eq(out[i], heard_as(ts + i), "what is played is what was said, period %u", tick);
        whole += quiet > 2;
        if (tick == 700)
            cr_assert_leq(jn_jbuf_depth_ms(j), 260, "%u", jn_jbuf_depth_ms(j));
    }
    cr_assert_leq(jn_jbuf_depth_ms(j), 100, "%u", jn_jbuf_depth_ms(j));
    cr_assert_gt(jn_jbuf_counts(j)->resync, 0);
    cr_assert_eq(jn_jbuf_counts(j)->full, 0, "what is newest is kept");
    cr_assert_gt(whole, 1700, "%u", whole);
    ledger_holds(j, 8);
    free(j);
}

static void frame(struct jn_jbuf *j, uint64_t seq, uint32_t ts, uint64_t ms, bool cn, bool marker, int expected)
{
    uint8_t payload[160];
    for (unsigned i = 0; i < 160; i++)
        payload[i] = cn ? 50 : said[(ts + i) % SAID];
    struct jn_frame f = {.ext_seq = seq,
                         .ts = ts,
                         .at_ns = t0 + ms * 1000000,
                         .len = cn ? 1 : 160,
                         .cn = cn,
                         .marker = marker,
                         .payload = payload};
    cr_assert_eq(jn_jbuf_put(j, &f), expected);
}

static double level(const int16_t *pcm)
{
    double e = 0;
    for (unsigned i = 0; i < JN_SAMPLES_20MS; i++)
        e += pcm[i] * pcm[i];
    return sqrt(e / JN_SAMPLES_20MS);
}

Test(jbuf, comfort_noise_has_its_level_until_speech_begins_again)
{
    struct jn_jbuf *j = make();
    int16_t out[JN_SAMPLES_20MS];
    uint64_t seq = 0;
    for (unsigned tick = 0; tick < 300; tick++) {
        if (tick < 50 || tick >= 200)
            frame(j, seq++, tick * 160, tick * 20, false, tick == 200, 0);
        else if (tick == 50)
            frame(j, seq++, tick * 160, tick * 20, true, false, 0);
        jn_jbuf_get(j, out, t0 + (tick * 20 + 1) * UINT64_C(1000000));
        if (tick > 55 && tick < 199) /* -50 dBov: 104 */
            cr_assert(level(out) > 80 && level(out) < 130, "level %f at %u", level(out), tick);
        if (tick > 205 || (tick > 5 && tick < 49))
            cr_assert_gt(level(out), 3000);
    }
    cr_assert_eq(jn_jbuf_counts(j)->concealed, 0, "silence is no loss");
    cr_assert_eq(jn_jbuf_counts(j)->late, 0);
    free(j);
}

Test(jbuf, suppressed_silence_without_noise_is_quiet_and_talkspurts_lose_no_sample)
{
    struct jn_jbuf *j = make();
    int16_t out[JN_SAMPLES_20MS];
    uint64_t seq = 0;
    unsigned loud = 0;
    for (unsigned tick = 0; tick < 1000; tick++) {
        if (tick % 100 < 50)
            frame(j, seq++, tick * 160, tick * 20, false, tick % 100 == 0, 0);
        jn_jbuf_get(j, out, t0 + (tick * 20 + 1) * UINT64_C(1000000));
        if (tick % 100 > 70)
            cr_assert(zeros(out), "silence at %u", tick);
        loud += level(out) > 3000;
    }
    cr_assert_geq(loud, 490);
    cr_assert_eq(jn_jbuf_counts(j)->late, 0);
    cr_assert_eq(jn_jbuf_counts(j)->played, 500);
    free(j);
}

Test(jbuf, a_source_that_starts_over_is_followed)
{
    struct jn_jbuf *j = make();
    int16_t out[JN_SAMPLES_20MS];
    for (unsigned tick = 0; tick < 400; tick++) {
        if (tick < 100)
            frame(j, 5000 + tick, tick * 160, tick * 20, false, false, 0);
        else if (tick < 200) /* sequence and time begin again elsewhere */
            frame(j, tick, 0x90000000u + tick * 160, tick * 20, false, false, 0);
        else if (tick < 300) /* sequence goes on, time goes back */
            frame(j, tick, 0x10000000u + tick * 160, tick * 20, false, false, 0);
        else if (tick == 300) /* time leaps ahead: once may be damage */
            frame(j, tick, 0x20000000u + tick * 160, tick * 20, false, false, -EINVAL);
        else
            frame(j, tick, 0x20000000u + tick * 160, tick * 20, false, false, 0);
        jn_jbuf_get(j, out, t0 + (tick * 20 + 1) * UINT64_C(1000000));
        if (tick % 100 > 10)
            cr_assert_gt(level(out), 3000, "sound at %u", tick);
    }
    cr_assert_eq(jn_jbuf_counts(j)->resync, 3);
    cr_assert_leq(jn_jbuf_depth_ms(j), 80);
    ledger_holds(j, 8);
    free(j);
}

Test(jbuf, a_sender_whose_clock_stood_still_during_hold_goes_on)
{
    for (unsigned pause = 20; pause <= 5000; pause = pause * 5 / 2) { /* in periods: 0.4 s to 100 s */
        struct jn_jbuf *j = make();
        int16_t out[JN_SAMPLES_20MS];
        unsigned loud = 0, begin = 200 + pause;
        for (unsigned tick = 0; tick < begin + 200; tick++) {
            unsigned n = tick < 200 ? tick : tick - pause;
            if (tick < 200 || tick >= begin)
                frame(j, n, n * 160, tick * 20, false, false, 0);
            jn_jbuf_get(j, out, t0 + (tick * 20 + 1) * UINT64_C(1000000));
            loud += tick > begin && level(out) > 3000;
        }
        cr_assert_geq(loud, 190, "pause of %u: %u", pause, loud);
        free(j);
    }
}

Test(jbuf, refusals_have_names)
{
    struct jn_jbuf *j = make();
    int16_t out[JN_SAMPLES_20MS];
    cr_assert_eq(put_at(j, 0, 40, t0, 0), 0);
    cr_assert_eq(put_at(j, 0, 40, t0, 0), -EEXIST);
    for (unsigned i = 1; i < JN_JBUF_FRAMES; i++) /* of 5 ms, so that all of them lie in the window */
        cr_assert_eq(put_at(j, i, 40, t0, 0), 0);
    cr_assert_eq(put_at(j, JN_JBUF_FRAMES, 40, t0, 0), -ENOSPC);
    for (unsigned i = 0; i < 20; i++)
        jn_jbuf_get(j, out, t0 + (100 + i * 20) * UINT64_C(1000000));
    frame(j, 999, (uint32_t)-160, 500, false, false, -ETIME);
    struct jn_frame f = {.len = 0, .payload = (const uint8_t *)""};
    cr_assert_eq(jn_jbuf_put(j, &f), -EINVAL);
    f.len = JN_FRAME_MAX + 1;
    cr_assert_eq(jn_jbuf_put(j, &f), -EINVAL);
    const struct jn_jbuf_counts *c = jn_jbuf_counts(j);
    cr_assert(c->full == 1 && c->duplicate == 1 && c->late == 1 && c->bad == 2 && c->in == JN_JBUF_FRAMES);
    jn_jbuf_reset(j);
    cr_assert_eq(jn_jbuf_depth_ms(j), 0);
    cr_assert_eq(c->played + c->skipped, JN_JBUF_FRAMES);
    free(j);
}

Test(jbuf, random_frames_never_break_it_and_all_are_accounted_for)
{
    uint64_t rnd = 9;
    for (unsigned round = 0; round < 30; round++) {
        struct jn_jbuf *j = make();
        uint64_t puts = 0, now = t0;
        int16_t out[JN_SAMPLES_20MS];
        for (unsigned i = 0; i < 2000; i++) {
            uint64_t r = jn_splitmix(&rnd);
            struct jn_frame f = {.ext_seq = 5000 + i + (r % 7 ? r >> 8 & 3 : r >> 8 & 0xfff),
                                 .ts = i * 160 + (uint32_t)(r >> 32) % (1u << (round + 1)),
                                 .at_ns = now,
                                 .len = (uint16_t)(r >> 20 & 511),
                                 .codec = (r >> 26 & 63) == 0,
                                 .cn = (r >> 30 & 15) == 0,
                                 .marker = (r >> 34 & 15) == 0,
                                 .payload = said};
            jn_jbuf_put(j, &f);
            puts++;
            if (r & 1 << 16)
                jn_jbuf_get(j, out, now += 20000000);
        }
        const struct jn_jbuf_counts *c = jn_jbuf_counts(j);
        cr_assert_eq(c->in + c->late + c->duplicate + c->full + c->bad, puts, "every frame has its fate");
        ledger_holds(j, JN_JBUF_FRAMES);
        jn_jbuf_reset(j);
        cr_assert_eq(c->in, c->played + c->skipped);
        free(j);
    }
}

/* 20 ms each 130 ms: between two of them there is always a gap. */
Test(jbuf, a_hurried_end_comes_though_the_sender_is_sparse)
{
    struct jn_jbuf *j = make();
    int16_t out[JN_JBUF_END_MAX];
    struct jn_jbuf_line line;
    unsigned n, ended = 0, sent = 0;
    for (unsigned ms = 0; ms < 3000 && ended == 0; ms += 20) {
        if (ms % 130 < 20) {
            frame(j, sent, sent * 1040, ms, false, false, 0);
            sent++;
        }
        if (ms < 1000)
            jn_jbuf_get(j, out, t0 + ms * UINT64_C(1000000));
        else if (jn_jbuf_end(j, out, &n, &line, ms >= 2000, t0 + ms * UINT64_C(1000000)))
            ended = ms;
    }
    cr_assert(ended != 0 && ended <= 2040, "%u", ended);
    cr_assert_eq(jn_jbuf_depth_ms(j), 0);
    free(j);
}

Test(jbuf, a_fixed_depth_stays_and_only_the_clock_is_followed)
{
    struct jn_jbuf_config c = {.min_ms = 20, .max_ms = 200, .start_ms = 80, .fixed = true};
    for (int sign = -1; sign <= 1; sign += 2) {
        struct jn_jbuf *j = jn_jbuf_init(aligned_alloc(64, jn_jbuf_size(JN_CODEC_PCMU, 8000)), &c);
        int16_t out[JN_SAMPLES_20MS];
        unsigned deepest = 0, least = 1000;
        uint64_t rnd = 3, sent = 0, next = t0;
        for (uint64_t tick = 0; tick < 15000; tick++) { /* five minutes at 1,000 ppm: 300 ms; 40 ms of jitter */
            uint64_t now = t0 + tick * UINT64_C(20000000);
            for (; next <= now; next = t0 + sent * (uint64_t)(20000000 + sign * 20000) + jn_splitmix(&rnd) % 40000000)
                put_at(j, sent++, 160, next, 7);
            jn_jbuf_get(j, out, now);
            uint32_t ts;
            if (tick > 100 && jn_jbuf_at(j, &ts)) {
                unsigned depth = jn_jbuf_depth_ms(j);
                deepest = depth > deepest ? depth : deepest;
                least = depth < least ? depth : least;
            }
        }
        const struct jn_jbuf_counts *k = jn_jbuf_counts(j);
        cr_assert(deepest <= 130 && least >= 5, "%u to %u ms", least, deepest);
        cr_assert_eq(k->concealed + k->late + k->resync + k->full, 0);
        cr_assert((sign < 0 ? k->shrunk : k->stretched) > 20, "%u %u", k->shrunk, k->stretched);
        free(j);
    }
}
