/* Correlate: see correlate.h. Integers, so that compilers make multiply-add instructions of it: samples lose four bits
 * on the way in, 160 products of what is left fit an int32. */
#include "engine/load/correlate.h"
#include <math.h>

enum { LESS = 4, AT_MOST = 160 };

struct sums {
    int32_t xy, xx, yy;
};

static struct sums piece(const int16_t *restrict x, const int16_t *restrict y, unsigned n)
{
    struct sums s = {0, 0, 0};
    for (unsigned i = 0; i < n; i++) {
        int32_t a = x[i] >> LESS, b = y[i] >> LESS;
        s.xy += a * b;
        s.xx += a * a;
        s.yy += b * b;
    }
    return s;
}

static double ratio(double xy, double xx, double yy)
{
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

double jn_correlate(const struct jn_voice *v, uint32_t at, const int16_t *pcm, unsigned n)
{
    double xy = 0, xx = 0, yy = 0;
    for (unsigned i = 0; i < n; i += AT_MOST) {
        struct sums s = piece(v->pcm + at + i, pcm + i, n - i < AT_MOST ? n - i : AT_MOST);
        xy += s.xy;
        xx += s.xx;
        yy += s.yy;
    }
    return ratio(xy, xx, yy);
}

/* Every sample of both loses its last bits once, not once a place. */
double jn_correlate_best(const struct jn_voice *v, uint32_t from, uint32_t count, const int16_t *pcm, unsigned n,
                         uint32_t *best)
{
    int16_t y[AT_MOST];
    int64_t yy = 0;
    double found = -1;
    for (unsigned i = 0; i < n; i++) {
        y[i] = (int16_t)(pcm[i] >> LESS);
        yy += y[i] * y[i];
    }
    for (uint32_t k = 0; k < count && yy > 0; k++) {
        uint32_t at = from + k < v->n ? from + k : (from + k) % v->n;
        const int16_t *x = v->less + at;
        int32_t xy = 0, xx = 0;
        for (unsigned i = 0; i < n; i++) {
            xy += x[i] * y[i];
            xx += x[i] * x[i];
        }
        double r = xy > 0 ? ratio(xy, xx, (double)yy) : 0;
        if (r > found) {
            found = r;
            *best = at;
        }
    }
    return found;
}

unsigned jn_correlate_rms(const struct jn_voice *v, uint32_t at, unsigned n)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += v->pcm[at + i] * v->pcm[at + i];
    return n ? (unsigned)sqrt((double)sum / n) : 0;
}
