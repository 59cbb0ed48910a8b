/* Jbuf: what a jitter buffer makes of networks: delay, frames that come too late, periods concealed and changes of
 * speed, fixed at 60 ms and adaptive, for each profile of media/impair, G.711 at 20 ms, half an hour each, the same
 * packets for both. No time is measured but the last line's: a frame in and a period out, one jitter buffer, warm
 * cache. */
#include "engine/base/clock.h"
#include "media/codec/g711.h"
#include "media/impair/impair.h"
#include "media/jbuf/jbuf.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 30 * 60 * 50, SAMPLES = 160, SAID = 4096, HELD = 256, WARM = 500, TIMED = 200000, ROUNDS = 5 };
static const uint64_t period_ns = 20000000, t0_ns = 1000000000;
static uint8_t said[SAID * SAMPLES];

/* A voice-like tone with pauses, said again and again. */
static void say(void)
{
    double p = 0;

    for (unsigned i = 0; i < sizeof said; i++) {
        p += 2 * M_PI * (125 + 15 * sin(i / 4000.0)) / 8000;
        double loud = i / 24000 % 4 == 3 ? 0.01 : 1;
        int16_t s = (int16_t)(loud * (6000 * sin(p) + 3000 * sin(2 * p + 1) + 1500 * sin(5 * p + 2)));
        jn_codec_encode(JN_CODEC_PCMU, &said[i], &s, 1);
    }
}

static struct jn_jbuf *make(void *memory, bool fixed)
{
    struct jn_jbuf_config c = {.min_ms = 20, .max_ms = 200, .start_ms = fixed ? 60 : 40, .fixed = fixed};

    return jn_jbuf_init(memory, &c);
}

static void put(struct jn_jbuf *j, uint32_t n, uint64_t at_ns)
{
    struct jn_frame f = {.ext_seq = n,
                         .ts = n * SAMPLES,
                         .at_ns = at_ns,
                         .len = SAMPLES,
                         .marker = n == 0,
                         .payload = said + n % SAID * SAMPLES};

    jn_jbuf_put(j, &f);
}

struct result {
    struct jn_jbuf_counts c;
    double delay_ms, deepest_ms; /* from the sender's mouth to ours */
    uint64_t lost, arrived;
};

static struct result walk(const struct jn_impair_config *c, bool fixed, void *jbuf, void *hold)
{
    struct jn_jbuf *j = make(jbuf, fixed);
    struct jn_impair_hold *h = jn_impair_hold_init(hold, HELD, sizeof(uint32_t));
    struct jn_impair m;
    struct result r = {0};
    uint64_t measured = 0;

    jn_impair_begin(&m, c, 1);
    for (uint32_t tick = 0; tick < FRAMES; tick++) {
        uint64_t now = t0_ns + tick * period_ns;
        struct jn_impair_packet p;
        int16_t out[SAMPLES];
        jn_impair_put(h, &m, 0, &tick, sizeof tick, now);
        for (; jn_impair_take(h, &p, now + period_ns / 2); r.arrived++) {
            uint32_t n;
            memcpy(&n, p.data, sizeof n);
            put(j, n, p.due_ns);
        }
        jn_jbuf_get(j, out, now + period_ns / 2);
        uint32_t ts;
        if (tick > WARM && jn_jbuf_at(j, &ts)) {
            double ms = (double)(now + period_ns / 2 - t0_ns) / 1e6 - (double)ts / 8 + 20;
            r.delay_ms += ms;
            r.deepest_ms = ms > r.deepest_ms ? ms : r.deepest_ms;
            measured++;
        }
    }
    r.c = *jn_jbuf_counts(j);
    r.lost = m.counts.lost + m.counts.lost_in_burst;
    r.delay_ms /= measured ? (double)measured : 1;
    if (r.c.in + r.c.late + r.c.duplicate + r.c.full + r.c.bad != r.arrived || jn_impair_refused(h) != 0) {
        fprintf(stderr, "frames are missing from the books\n");
        exit(1);
    }
    return r;
}

static double frame_ns(void *jbuf)
{
    double best = 1e9;

    for (unsigned round = 0; round < ROUNDS; round++) {
        struct jn_jbuf *j = make(jbuf, false);
        int16_t out[SAMPLES];
        uint64_t from = jn_mono_ns();
        for (uint32_t n = 0; n < TIMED; n++) {
            put(j, n, t0_ns + n * period_ns);
            jn_jbuf_get(j, out, t0_ns + n * period_ns + period_ns / 2);
        }
        double ns = (double)(jn_mono_ns() - from) / TIMED;
        best = ns < best ? ns : best;
        if (jn_jbuf_counts(j)->played < TIMED - 8) {
            fprintf(stderr, "not every frame was played\n");
            exit(1);
        }
    }
    return best;
}

int main(void)
{
    void *jbuf = aligned_alloc(64, jn_jbuf_size(JN_CODEC_PCMU, 8000));
    void *hold = aligned_alloc(64, jn_impair_hold_bytes(HELD, sizeof(uint32_t)));
    struct jn_impair_config c;

    if (!jbuf || !hold)
        return 1;
    say();
    printf("G.711, 20 ms, half an hour each; delay: mouth to ear without the codec's own, mean and most\n\n");
    printf("%-10s %6s | %-8s %9s %9s %6s %6s %8s %7s\n", "network", "lost", "depth", "delay ms", "most ms", "late",
           "conc.", "changes", "resync");
    for (unsigned i = 0; jn_impair_profile(i, &c); i++)
        for (int fixed = 1; fixed >= 0; fixed--) {
            c.seed = 1;
            struct result r = walk(&c, fixed, jbuf, hold);
            printf("%-10s %5.2f%% | %-8s %9.1f %9.1f %5.2f%% %5.2f%% %8u %7u\n", jn_impair_profile(i, NULL),
                   100.0 * (double)r.lost / FRAMES, fixed ? "60 ms" : "adaptive", r.delay_ms, r.deepest_ms,
                   100.0 * r.c.late / FRAMES, 100.0 * r.c.concealed / FRAMES, r.c.stretched + r.c.shrunk, r.c.resync);
        }
    printf("\nFIGURE jbuf_g711_bytes %zu bytes\n", jn_jbuf_size(JN_CODEC_PCMU, 8000));
    printf("FIGURE jbuf_frame_ns %.0f ns\n", frame_ns(jbuf));
    free(jbuf);
    free(hold);
    return 0;
}
