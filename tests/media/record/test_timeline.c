#include "engine/base/rand.h"
#include "media/record/timeline.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

TestSuite(timeline, .timeout = 60);

static struct jn_clock_fit fit(unsigned seconds, double ppm, unsigned jitter_us, unsigned spike_every)
{
    unsigned n = seconds * 50;
    struct jn_arrival *a = calloc(n, sizeof *a);
    uint64_t rnd = 3;
    for (unsigned i = 0; i < n; i++) {
        a[i].x = (i + 1) * 160;
        a[i].at_us = 1000000 + (int64_t)((double)a[i].x * 125.0 * (1 + ppm * 1e-6));
        if (jitter_us)
            a[i].at_us += (int64_t)(jn_splitmix(&rnd) % jitter_us);
        if (spike_every && i % spike_every == 0)
            a[i].at_us += 300000;
    }
    struct jn_clock_fit f = jn_clock_fit(a, n, 125);
    free(a);
    return f;
}

Test(timeline, the_slope_is_found_under_jitter_and_spikes)
{
    for (int ppm = -200; ppm <= 200; ppm += 100)
        for (unsigned jitter = 0; jitter <= 40000; jitter += 20000) {
            struct jn_clock_fit f = fit(600, ppm, jitter, 100);
            double found = f.skew_us / 125 * 1e6;
            cr_assert(fabs(found - ppm) < 3, "%d ppm, jitter %u: %f", ppm, jitter, found);
            cr_assert(fabs(f.origin_us - 1000000) < 2000, "origin %f", f.origin_us);
        }
}

Test(timeline, what_was_heard_briefly_gets_no_slope)
{
    cr_assert_eq(fit(20, 200, 30000, 0).skew_us, 0);
    cr_assert_eq(fit(1, 0, 0, 0).skew_us, 0);
    struct jn_arrival one = {.x = 160, .at_us = 5000};
    struct jn_clock_fit f = jn_clock_fit(&one, 1, 125);
    cr_assert(f.skew_us == 0 && f.origin_us == 5000 - 160 * 125);
}

Test(timeline, an_absurd_clock_is_not_believed)
{
    cr_assert_eq(fit(60, 20000, 0, 0).skew_us, 0);
}

Test(timeline, equal_clocks_copy_sample_by_sample)
{
    int16_t in[100], out[240] = {0};
    for (int i = 0; i < 100; i++)
        in[i] = (int16_t)(i * 300 - 15000);
    jn_resample_add(out, 120, in, 100, -7, 1.0);
    for (int i = 0; i < 120; i++) {
        cr_assert_eq(out[2 * i], i >= 7 && i < 107 ? in[i - 7] : 0);
        cr_assert_eq(out[2 * i + 1], 0, "the other channel");
    }
    jn_resample_add(out, 120, in, 100, -7, 1.0);
    cr_assert_eq(out[2 * 8], 2 * in[1]);
    for (int i = 0; i < 3; i++)
        jn_resample_add(out, 120, in, 100, -7, 1.0);
    cr_assert_eq(out[2 * 8], -32768, "saturated");
}

Test(timeline, a_tone_survives_a_change_of_clock)
{
    enum { N = 80000 };
    int16_t *in = calloc(N, sizeof *in), *out = calloc(2 * N, sizeof *out);
    for (double hz = 300; hz <= 3000; hz += 900) {
        for (int i = 0; i < N; i++)
            in[i] = (int16_t)(8000 * sin(2 * M_PI * hz * i / 8000));
        for (int i = 0; i < 2 * N; i++)
            out[i] = 0;
        double step = 1 + 200e-6, noise = 0;
        jn_resample_add(out, N - 100, in, N, 0.3, step);
        for (int i = 100; i < N - 200; i++) {
            double d = out[2 * i] - 8000 * sin(2 * M_PI * hz * (0.3 + i * step) / 8000);
            noise += d * d;
        }
        double db = 10 * log10(32e6 * (N - 300) / noise);
        cr_assert_gt(db, 35, "%f Hz: %f dB", hz, db);
    }
    free(in);
    free(out);
}
