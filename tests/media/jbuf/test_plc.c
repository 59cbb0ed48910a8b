#include "media/jbuf/plc.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

TestSuite(plc, .timeout = 5);

enum { N = 160, H = JN_PLC_HISTORY };

/* What was heard, its end at heard[H]. */
static int16_t heard[H];
static int16_t *const now = heard + H;

static void hear(const int16_t *pcm, unsigned n)
{
    memmove(heard, heard + n, (H - n) * sizeof heard[0]);
    memcpy(heard + H - n, pcm, n * sizeof heard[0]);
}

static int16_t voice(double i, double hz)
{
    double p = 2 * M_PI * hz * i / 8000;
    return (int16_t)(6000 * sin(p) + 3000 * sin(2 * p + 1) + 1500 * sin(3 * p + 2));
}

static void good(struct jn_plc *p, int16_t *pcm)
{
    jn_plc_good(p, now, pcm, N);
    if (!jn_plc_busy(p))
        hear(pcm, N);
}

static unsigned say(struct jn_plc *p, unsigned at, unsigned periods, double hz)
{
    for (unsigned k = 0; k < periods; k++) {
        int16_t pcm[N], was[N];
        for (unsigned i = 0; i < N; i++)
            pcm[i] = voice(at + i, hz);
        memcpy(was, pcm, sizeof was);
        jn_plc_good(p, now, pcm, N);
        hear(pcm, N);
        cr_assert_arr_eq(pcm, was, sizeof was, "good sound is left alone");
        at += N;
    }
    return at;
}

Test(plc, a_steady_voice_goes_on_through_a_loss)
{
    for (double hz = 80; hz <= 190; hz += 11) {
        struct jn_plc p;
        jn_plc_reset(&p, 1);
        unsigned at = say(&p, 0, 5, hz);
        int16_t out[N];
        jn_plc_conceal(&p, now, out, 80);
        double error = 0, signal = 0;
        for (unsigned i = 0; i < 80; i++) {
            double want = voice(at + i, hz), d = out[i] - want;
            error += d * d;
            signal += want * want;
        }
        cr_assert_lt(error, signal * 0.05, "%f Hz: %f", hz, error / signal);
    }
}

Test(plc, neither_loss_nor_recovery_clicks)
{
    struct jn_plc p;
    jn_plc_reset(&p, 1);
    int16_t line[9 * N];
    unsigned at = 0, step = 0;
    for (unsigned k = 0; k < 9; k++, at += N) {
        for (unsigned i = 0; i < N; i++)
            line[at + i] = voice(at + i, 123);
        if (k >= 4 && k < 6)
            jn_plc_conceal(&p, now, line + at, N);
        else
            good(&p, line + at);
    }
    int steepest = 0;
    for (unsigned i = 1; i < 4 * N; i++)
        steepest = abs(line[i] - line[i - 1]) > steepest ? abs(line[i] - line[i - 1]) : steepest;
    for (unsigned i = 1; i < 9 * N; i++)
        if (abs(line[i] - line[i - 1]) > steepest * 3 / 2)
            step++;
    cr_assert_eq(step, 0, "%u steps steeper than the voice's own %d", step, steepest);
}

Test(plc, a_long_loss_fades_to_silence_in_60_ms)
{
    struct jn_plc p;
    jn_plc_reset(&p, 1);
    say(&p, 0, 5, 100);
    int16_t out[N];
    double before = 1e12;
    for (unsigned k = 0; k < 5; k++) {
        jn_plc_conceal(&p, now, out, N);
        double e = 0;
        for (unsigned i = 0; i < N; i++)
            e += out[i] * out[i];
        cr_assert(e < before || e == 0, "it only falls");
        cr_assert_eq(e == 0, k >= 3, "period %u: %f", k, e);
        before = e;
    }
}

Test(plc, noise_has_the_level_it_is_asked_for)
{
    struct jn_plc p;
    jn_plc_reset(&p, 1);
    for (uint8_t level = 20; level <= 70; level += 10) {
        static int16_t out[80000];
        double e = 0, sum = 0;
        jn_plc_noise(&p, out, 80000, level);
        for (unsigned i = 0; i < 80000; i++) {
            e += out[i] * out[i];
            sum += out[i];
        }
        double db = 20 * log10(sqrt(e / 80000) / 32768);
        cr_assert(fabs(db + level) < 0.5, "%u: %f", level, db);
        cr_assert_lt(fabs(sum / 80000), sqrt(e / 80000) / 20, "no constant part");
    }
}

/* Changes of sign tell the tone's frequency. */
static unsigned crossings(const int16_t *x, unsigned n)
{
    unsigned c = 0;
    for (unsigned i = 1; i < n; i++)
        c += (x[i - 1] < 0) != (x[i] < 0);
    return c;
}

Test(plc, stretching_and_shrinking_keep_the_voice_and_change_its_length_only)
{
    for (double hz = 70; hz <= 190; hz += 7) {
        struct jn_plc p;
        jn_plc_reset(&p, 1);
        unsigned at = say(&p, 0, 5, hz);
        int16_t around[JN_PITCH_MAX + N + JN_PITCH_MAX], *x = around + JN_PITCH_MAX, line[3 * N];
        bool fits;
        for (int i = -JN_PITCH_MAX; i < N + JN_PITCH_MAX; i++)
            x[i] = voice((int)at + i, hz);
        for (unsigned i = 0; i < N; i++)
            line[i] = voice(at - N + i, hz);
        for (int longer = 0; longer < 2; longer++) {
            unsigned pitch = longer ? jn_pitch_back(x, 1, &fits) : jn_pitch_ahead(x, 1, &fits);
            cr_assert(fits, "%f Hz", hz);
            double periods = pitch * hz / 8000;
            cr_assert_lt(fabs(periods - round(periods)), 0.05, "%f Hz: %u samples are %f periods", hz, pitch, periods);
            if (longer)
                jn_stretch(line + N, x, pitch, 1);
            else
                jn_shrink(line + N, x, pitch, 1);
            unsigned next = at + N + (longer ? 0 - pitch : pitch);
            for (unsigned i = 0; i < N; i++)
                line[2 * N + i] = voice(next + i, hz);
            int steepest = 0, own = 0;
            for (unsigned i = 1; i < 3 * N; i++) {
                int d = abs(line[i] - line[i - 1]);
                if (i < N)
                    own = d > own ? d : own;
                else
                    steepest = d > steepest ? d : steepest;
            }
            cr_assert_leq(steepest, own * 5 / 4, "%f Hz: a seam is heard: %d after %d", hz, steepest, own);
            int c = (int)crossings(line + N, N), want = (int)crossings(line, N);
            cr_assert(abs(c - want) <= 2, "%f Hz: %d crossings, %d before", hz, c, want);
        }
    }
}

Test(plc, noise_that_fits_nowhere_is_said_so_and_silence_fits)
{
    struct jn_plc p;
    jn_plc_reset(&p, 1);
    int16_t x[N + JN_PITCH_MAX] = {0};
    bool fits;
    jn_pitch_ahead(x, 1, &fits);
    cr_assert(fits);
    jn_plc_noise(&p, x, N + JN_PITCH_MAX, 20);
    jn_pitch_ahead(x, 1, &fits);
    cr_assert_not(fits);
}
