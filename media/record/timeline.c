/* Timeline: the lower hull in the manner of Andrew's monotone chain; which edge is the best lower line is known from
 * clock skew estimation (Zhang, Liu, Xia 2002): the one above or below the mean of x. */
#include "media/record/timeline.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { TAPS = 16, PHASES = 256 };
static const double enough_us = 30e6, audible_us = 125; /* apart, over all of it */

/* Lateness beyond the nominal clock. */
static double late(const struct jn_arrival *p, double tick_us)
{
    return (double)p->at_us - (double)p->x * tick_us;
}

/* b does not lie below the line from a to c. */
static bool above(const struct jn_arrival *a, const struct jn_arrival *b, const struct jn_arrival *c, double tick_us)
{
    double ab = (double)(b->x - a->x), ac = (double)(c->x - a->x);
    double base = late(a, tick_us);
    return (late(b, tick_us) - base) * ac >= (late(c, tick_us) - base) * ab;
}

/* Leaves the lower hull in a[0..] from left to right; returns its points. */
static size_t lower_hull(struct jn_arrival *a, size_t n, double tick_us)
{
    size_t h = 0;
    for (size_t i = 0; i < n; i++) {
        while (h > 0 && a[h - 1].x == a[i].x && late(&a[h - 1], tick_us) >= late(&a[i], tick_us))
            h--;
        if (h > 0 && a[h - 1].x == a[i].x)
            continue;
        while (h > 1 && above(&a[h - 2], &a[h - 1], &a[i], tick_us))
            h--;
        a[h++] = a[i];
    }
    return h;
}

struct jn_clock_fit jn_clock_fit(struct jn_arrival *a, size_t n, double tick_us)
{
    double mean = 0.0;
    int64_t span = a[n - 1].x - a[0].x;
    for (size_t i = 0; i < n; i++)
        mean += (double)a[i].x / (double)n;
    size_t h = lower_hull(a, n, tick_us), edge = 0;
    while (edge + 2 < h && (double)a[edge + 1].x < mean)
        edge++;
    struct jn_clock_fit fit = {.skew_us = 0.0};
    if ((double)span * tick_us >= enough_us && h > 1)
        fit.skew_us = (late(&a[edge + 1], tick_us) - late(&a[edge], tick_us)) / (double)(a[edge + 1].x - a[edge].x);
    if (fabs(fit.skew_us) > tick_us * 1000e-6 || fabs(fit.skew_us) * (double)span < audible_us)
        fit.skew_us = 0.0; /* no clock, or less than a sample in all: a copy is better */
    fit.origin_us = INFINITY;
    for (size_t i = 0; i < h; i++)
        fit.origin_us = fmin(fit.origin_us, late(&a[i], tick_us) - fit.skew_us * (double)a[i].x);
    return fit;
}

/* Sinc under a Hann window, for each of the PHASES fractions. */
static void make_table(float table[PHASES][TAPS])
{
    const double pi = 3.14159265358979323846;
    for (unsigned p = 0; p < PHASES; p++) {
        double sum = 0;
        for (unsigned k = 0; k < TAPS; k++) {
            double d = (double)k - (TAPS / 2 - 1) - (double)p / PHASES;
            double s = fabs(d) < 1e-9 ? 1.0 : sin(pi * d) / (pi * d);
            table[p][k] = (float)(s * (0.5 + 0.5 * cos(pi * d / (TAPS / 2))));
            sum += (double)table[p][k];
        }
        for (unsigned k = 0; k < TAPS; k++)
            table[p][k] /= (float)sum;
    }
}

static int16_t interpolate(const int16_t *in, size_t n_in, int64_t at, const float taps[TAPS])
{
    float v = 0;
    for (int64_t k = 0; k < TAPS; k++) {
        int64_t i = at + k - (TAPS / 2 - 1);
        if (i >= 0 && i < (int64_t)n_in)
            v += (float)in[i] * taps[k];
    }
    return (int16_t)(v > 32767.0f ? 32767 : v < -32768.0f ? -32768 : lrintf(v));
}

static int16_t add(int a, int b)
{
    int v = a + b;
    return (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
}

void jn_resample_add(int16_t *out, size_t n_out, const int16_t *in, size_t n_in, double first, double step)
{
    static const double half = 0.5 / PHASES; /* to the nearest phase */
    float table[PHASES][TAPS];
    if (step == 1.0 && first == floor(first)) {
        for (size_t i = 0; i < n_out; i++) {
            double x = first + (double)i;
            if (x >= 0 && x < (double)n_in)
                out[2 * i] = add(out[2 * i], in[(size_t)x]);
        }
        return;
    }
    make_table(table);
    for (size_t i = 0; i < n_out; i++) {
        double x = first + (double)i * step + half;
        int64_t at = (int64_t)floor(x);
        if (at < -TAPS || at > (int64_t)n_in + TAPS)
            continue;
        unsigned phase = (unsigned)((x - (double)at) * PHASES);
        out[2 * i] = add(out[2 * i], interpolate(in, n_in, at, table[phase < PHASES ? phase : PHASES - 1]));
    }
}
