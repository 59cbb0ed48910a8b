/* Stretch: one pitch period put in or taken out by overlap-add, as WSOLA does (Verhelst and Roelands 1993), so that the
 * pitch stays what it was. */
#include "media/jbuf/plc.h"

enum {
    FRAME = 160,
    OVERLAP = 120,
    QUIET = 64 * 64, /* mean square below which any seam goes unheard */
    COARSE_MAX = OVERLAP + JN_PITCH_MAX
};

static int64_t alike(const int16_t *a, const int16_t *b, unsigned n)
{
    int64_t c = 0;
    for (unsigned i = 0; i < n; i++)
        c += a[i] * b[i];
    return c;
}

/* Of silence 1: it divides. */
static int64_t energy(const int16_t *x, unsigned n)
{
    return 1 + alike(x, x, n);
}

/* base[0..n) against base + dir * pitch, for pitches from min to max. The energy of what is compared with slides along:
 * one sample comes, one goes. */
static unsigned search(const int16_t *base, int dir, unsigned n, unsigned min, unsigned max, bool *fits)
{
    double best = 0.0;
    unsigned pitch = max;
    *fits = true;
    if (max < min)
        return max;
    const int16_t *b = base + dir * (int)min;
    int64_t ea = energy(base, n), eb = energy(b, n);
    bool quiet = ea < (int64_t)QUIET * n;
    for (unsigned lag = min; lag <= max; lag++, b += dir) {
        int64_t c = alike(base, b, n);
        quiet = quiet && eb < (int64_t)QUIET * n;
        double r = c > 0 ? (double)c * (double)c / ((double)ea * (double)eb) : 0.0;
        if (r > best) {
            best = r;
            pitch = lag;
        }
        if (lag == max)
            break; /* beyond it need not be anything to read */
        if (dir > 0)
            eb += b[n] * b[n] - b[0] * b[0];
        else
            eb += b[-1] * b[-1] - b[n - 1] * b[n - 1];
    }
    *fits = quiet || best > 0.5 * 0.5;
    return pitch;
}

/* At more than 8 kHz first roughly, by the means of `scale` samples, then around what was found. n and max at 8 kHz. */
static unsigned search_scaled(const int16_t *base, int dir, unsigned n, unsigned max, unsigned scale, bool *fits)
{
    int16_t coarse[COARSE_MAX + JN_PITCH_MAX];
    bool also;

    if (scale == 1)
        return search(base, dir, n, JN_PITCH_MIN, max, fits);
    const int16_t *from = dir > 0 ? base : base - max * scale;
    for (unsigned i = 0; i < n + max; i++) {
        int sum = 0;
        for (unsigned k = 0; k < scale; k++)
            sum += from[i * scale + k];
        coarse[i] = (int16_t)(sum / (int)scale);
    }
    unsigned rough = search(coarse + (dir > 0 ? 0 : max), dir, n, JN_PITCH_MIN, max, fits) * scale;
    unsigned low = rough > JN_PITCH_MIN * scale ? rough - scale : rough;
    unsigned high = rough + scale < max * scale ? rough + scale : max * scale;
    return search(base, dir, n * scale, low, high, &also);
}

unsigned jn_pitch_back(const int16_t *x, unsigned scale, bool *fits)
{
    return search_scaled(x, -1, OVERLAP, JN_PITCH_MAX, scale, fits);
}

unsigned jn_pitch_ahead(const int16_t *x, unsigned scale, bool *fits)
{
    return search_scaled(x, 1, OVERLAP, JN_PITCH_MAX, scale, fits);
}

unsigned jn_pitch_within(const int16_t *x, unsigned n, unsigned scale, bool *fits)
{
    unsigned max = n / scale - JN_PITCH_MIN;
    return search_scaled(x, 1, JN_PITCH_MIN, max < JN_PITCH_MAX ? max : JN_PITCH_MAX, scale, fits);
}

/* n samples: from fades out over the first `over` of them, to fades in. */
static void lead_over(int16_t *out, const int16_t *from, const int16_t *to, unsigned n, unsigned over)
{
    for (unsigned i = 0; i < n; i++) {
        int w = (int)(i < over ? i : over);
        int old = i < over ? from[i] : 0;
        out[i] = (int16_t)((old * ((int)over - w) + to[i] * w) / (int)over);
    }
}

void jn_squeeze(int16_t *out, const int16_t *x, unsigned n, unsigned pitch, unsigned scale)
{
    unsigned left = n - pitch;
    lead_over(out, x, x + pitch, left, left < OVERLAP * scale ? left : OVERLAP * scale);
}

void jn_stretch(int16_t *out, const int16_t *x, unsigned pitch, unsigned scale)
{
    lead_over(out, x, x - pitch, FRAME * scale, OVERLAP * scale);
}

void jn_shrink(int16_t *out, const int16_t *x, unsigned pitch, unsigned scale)
{
    lead_over(out, x, x + pitch, FRAME * scale, OVERLAP * scale);
}
