/* Stretch: one pitch period put in or taken out by overlap-add, as WSOLA does (Verhelst and Roelands 1993), so that the
 * pitch stays what it was. */
#include "media/jbuf/plc.h"

enum { FRAME = 160, OVERLAP = 120, QUIET = 64 * 64 /* mean square below which any seam goes unheard */ };

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

/* base[0..n) against base + dir * pitch, for pitches up to max. The energy of what is compared with slides along: one
 * sample comes, one goes. */
static unsigned search(const int16_t *base, int dir, unsigned n, unsigned max, bool *fits)
{
    double best = 0.0;
    unsigned pitch = max;
    *fits = true;
    if (max < JN_PITCH_MIN)
        return max;
    const int16_t *b = base + dir * JN_PITCH_MIN;
    int64_t ea = energy(base, n), eb = energy(b, n);
    bool quiet = ea < (int64_t)QUIET * n;
    for (unsigned lag = JN_PITCH_MIN; lag <= max; lag++, b += dir) {
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

/* The history and x in one line of samples, so that x[-lag] can be read. */
static void join(int16_t line[static JN_PITCH_MAX + FRAME], const struct jn_plc *p, const int16_t *x, unsigned n)
{
    for (unsigned i = 0; i < JN_PITCH_MAX; i++)
        line[i] = p->history[JN_PLC_HISTORY - JN_PITCH_MAX + i];
    for (unsigned i = 0; i < FRAME; i++)
        line[JN_PITCH_MAX + i] = i < n ? x[i] : 0;
}

unsigned jn_pitch_back(const struct jn_plc *p, const int16_t *x, bool *fits)
{
    int16_t line[JN_PITCH_MAX + FRAME];
    join(line, p, x, FRAME);
    return search(line + JN_PITCH_MAX, -1, OVERLAP, JN_PITCH_MAX, fits);
}

unsigned jn_pitch_ahead(const int16_t *x, bool *fits)
{
    return search(x, 1, OVERLAP, JN_PITCH_MAX, fits);
}

unsigned jn_pitch_within(const int16_t *x, unsigned n, bool *fits)
{
    unsigned max = n - JN_PITCH_MIN;
    return search(x, 1, JN_PITCH_MIN, max < JN_PITCH_MAX ? max : JN_PITCH_MAX, fits);
}

void jn_squeeze(int16_t *out, const int16_t *x, unsigned n, unsigned pitch)
{
    unsigned over = n - pitch < OVERLAP ? n - pitch : OVERLAP;
    for (unsigned i = 0; i < n - pitch; i++) {
        int w = (int)(i < over ? i : over);
        int old = i < over ? x[i] : 0;
        out[i] = (int16_t)((old * ((int)over - w) + x[i + pitch] * w) / (int)over);
    }
}

/* from: fades out over OVERLAP; to: fades in. */
static void lead_over(int16_t *out, const int16_t *from, const int16_t *to)
{
    for (unsigned i = 0; i < FRAME; i++) {
        int w = i < OVERLAP ? (int)i : OVERLAP;
        int old = i < OVERLAP ? from[i] : 0;
        out[i] = (int16_t)((old * (OVERLAP - w) + to[i] * w) / OVERLAP);
    }
}

void jn_stretch(const struct jn_plc *p, int16_t *out, const int16_t *x, unsigned pitch)
{
    int16_t line[JN_PITCH_MAX + FRAME];
    join(line, p, x, FRAME);
    lead_over(out, line + JN_PITCH_MAX, line + JN_PITCH_MAX - pitch);
}

void jn_shrink(int16_t *out, const int16_t *x, unsigned pitch)
{
    lead_over(out, x, x + pitch);
}
