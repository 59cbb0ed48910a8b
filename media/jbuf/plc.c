/* Plc: concealment in the spirit of ITU-T G.711 Appendix I: the last pitch period is repeated, after 10 ms two, after
 * 20 ms three of them so that it does not buzz, and it fades. Unlike the appendix nothing is delayed: the seam at the
 * beginning relies on the pitch, the one at the end is an overlap-add. Nothing is kept but where in the cycle it is:
 * the cycle is read from the history again and again. */
#include "media/jbuf/plc.h"
#include <string.h>

enum {
    HOLD = 80, /* samples at full level ... */
    HOLD_LATE = 320,
    SILENT = 480,   /* samples until nothing is left */
    WINDOW = 160,   /* samples compared when the pitch is looked for */
    SEAM_SHIFT = 2, /* a quarter of a period is blended where the cycle closes */
    FADE_MORE = 32,
    CYCLES = 3
};

/* How alike periods of a tone are at least. */
#define TONE 0.9

void jn_plc_reset(struct jn_plc *p, unsigned scale)
{
    *p = (struct jn_plc){.noise = 0x2545f491, .scale = (uint8_t)scale};
}

/* The lag at which the last `window` samples look most like what came before, by normalised correlation; compared as
 * c * |c| / energy without roots, which *score is in the end. step: every so many samples say enough. */
static unsigned best_lag(const int16_t *end, unsigned window, unsigned from, unsigned to, unsigned step, double *score)
{
    unsigned found = from;
    const int16_t *x = end - window;
    int64_t e = 1;

    *score = -1.0;
    for (unsigned i = 0; i < window; i++)
        e += x[(int)i - (int)from] * x[(int)i - (int)from];
    for (unsigned lag = from; lag <= to; lag++) {
        const int16_t *y = x - lag;
        int64_t c = 0;
        for (unsigned i = 0; i < window; i += step)
            c += x[i] * y[i];
        if (c > 0 && (double)c * (double)c / (double)e > *score) {
            *score = (double)c * (double)c / (double)e;
            found = lag;
        }
        if (lag < to)
            e += y[-1] * y[-1] - y[window - 1] * y[window - 1];
    }
    return *score < 0.0 ? to : found;
}

/* Several periods are taken as one only where that fits far better: a tone whose period is no whole number of samples.
 */
static unsigned pitch_of(const int16_t *end, bool *tone)
{
    double one, several, all = 1.0;
    unsigned pitch = best_lag(end, WINDOW, JN_PITCH_MIN, JN_PITCH_MAX, 2, &one);

    *tone = false;
    if (one <= 0.0)
        return JN_PITCH_MAX;
    for (int i = WINDOW; i > 0; i -= 2)
        all += end[-i] * end[-i];
    all /= 2.0; /* the score of what is quite alike: half the products, squared, over all the energy */
    *tone = one >= TONE * all;
    if (!*tone)
        return pitch;
    unsigned more = best_lag(end, WINDOW, JN_PITCH_MAX + 1, JN_PLC_LAG_MAX, 2, &several);
    return (all - several) * 4.0 < all - one ? more : pitch;
}

static unsigned find_pitch(struct jn_plc *p, const int16_t *hist)
{
    unsigned k = p->scale;
    int16_t coarse[JN_PLC_HISTORY];

    if (k == 1)
        return pitch_of(hist, &p->tone);
    for (unsigned i = 0; i < JN_PLC_HISTORY; i++) {
        int sum = 0;
        for (unsigned s = 0; s < k; s++)
            sum += hist[(int)(i * k + s) - JN_PLC_HISTORY * (int)k];
        coarse[i] = (int16_t)(sum / (int)k);
    }
    double score;
    unsigned rough = k * pitch_of(coarse + JN_PLC_HISTORY, &p->tone);
    unsigned low = rough - k / 2, high = rough + k / 2;
    return best_lag(hist, WINDOW * k, low, high < JN_PLC_LAG_MAX * k ? high : JN_PLC_LAG_MAX * k, 1, &score);
}

/* One sample of the cycle of that many periods; its last quarter period leads over into its own beginning. */
static int cycle_at(const struct jn_plc *p, const int16_t *hist, int cycles, int at)
{
    int len = p->pitch * cycles, seam = p->pitch >> SEAM_SHIFT, into = at - (len - seam);
    const int16_t *from = hist - len;

    if (into < 0)
        return from[at];
    return (from[at] * (seam - into) + from[into - seam] * into) / seam;
}

/* A longer cycle from here on, entered at the same place of a period, while the shorter one goes out. */
static void lengthen(struct jn_plc *p)
{
    if (p->cycles == CYCLES || (p->cycles + 1) * p->pitch + (p->pitch >> SEAM_SHIFT) > JN_PLC_HISTORY * p->scale)
        return;
    p->old_at = p->at;
    p->at = (uint16_t)(p->at % p->pitch);
    p->cycles++;
    p->cross = (uint16_t)(p->pitch >> SEAM_SHIFT);
}

static int next_of_cycle(struct jn_plc *p, const int16_t *hist)
{
    int v = cycle_at(p, hist, p->cycles, p->at), seam = p->pitch >> SEAM_SHIFT;

    p->at = (uint16_t)((p->at + 1) % (p->pitch * p->cycles));
    if (p->cross != 0) {
        v = (v * (seam - p->cross) + cycle_at(p, hist, p->cycles - 1, p->old_at) * p->cross) / seam;
        p->old_at = (uint16_t)((p->old_at + 1) % (p->pitch * (p->cycles - 1)));
        p->cross--;
    }
    return v;
}

static int gain_q15(const struct jn_plc *p)
{
    int hold = (p->late ? HOLD_LATE : HOLD) * p->scale, silent = SILENT * p->scale;
    if (p->lost < hold)
        return 32768;
    return p->lost >= silent ? 0 : 32768 * (silent - p->lost) / (silent - hold);
}

static bool silent(const struct jn_plc *p)
{
    return p->lost >= SILENT * p->scale;
}

/* The next invented sample. The history stays as it was when the loss began until the loss is over, so that longer
 * cycles can still be cut from it. */
static int16_t invent(struct jn_plc *p, const int16_t *hist)
{
    if (p->lost == 0) {
        p->pitch = (uint16_t)find_pitch(p, hist);
        p->cycles = 1;
        p->at = p->cross = 0;
    } else if (p->lost == HOLD * p->scale || p->lost == 2 * HOLD * p->scale) {
        lengthen(p);
    }
    int gain = gain_q15(p), seam = p->pitch >> SEAM_SHIFT, v = next_of_cycle(p, hist);
    if (p->lost < seam && !p->tone) /* what the last sample differed from one period before is carried on and let go */
        v += (hist[-1] - hist[-1 - p->pitch]) * (seam - p->lost) / seam;
    p->lost++;
    v = v > 32767 ? 32767 : v < -32768 ? -32768 : v;
    return (int16_t)(v * gain >> 15);
}

/* The longer the loss, the longer the good sound is blended: a quarter of a period, and 4 ms for each 10 ms after the
 * first. */
static void fade_later(struct jn_plc *p)
{
    int k = p->scale, more = p->late ? JN_PLC_FADE_IN : FADE_MORE * ((p->lost - 1) / (HOLD * k));
    int n = (p->pitch >> SEAM_SHIFT) + more * k;

    p->fade_in = p->fade = (uint16_t)(n < JN_PLC_FADE_IN * k ? n : JN_PLC_FADE_IN * k);
}

void jn_plc_conceal(struct jn_plc *p, const int16_t *hist, int16_t *out, unsigned n)
{
    if (silent(p)) {
        memset(out, 0, n * sizeof out[0]);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        out[i] = silent(p) ? 0 : invent(p, hist);
    fade_later(p);
}

/* The lag at which the n samples before end look most like what came before them, all of them there. */
static unsigned near_lag(const int16_t *end, unsigned have, unsigned window, unsigned from, unsigned to)
{
    double best = 0.0;
    unsigned found = to;

    for (unsigned lag = from; lag <= to; lag++) {
        int n = (int)(have - lag < window ? have - lag : window);
        int64_t c = 0, a = 1, b = 1;
        for (int i = 1; i <= n; i += 2) { /* every other sample says enough */
            c += end[-i] * end[-i - (int)lag];
            a += end[-i] * end[-i];
            b += end[-i - (int)lag] * end[-i - (int)lag];
        }
        double r = c > 0 ? (double)c * (double)c / ((double)a * (double)b) : 0.0;
        if (r > best) {
            best = r;
            found = lag;
        }
    }
    return found;
}

void jn_plc_bridge(struct jn_plc *p, const int16_t *hist, const int16_t *next, unsigned have, int16_t *out, unsigned n)
{
    int16_t back[JN_PLC_HISTORY * JN_SCALE_MAX];
    unsigned k = p->scale, whole = (unsigned)(sizeof back / sizeof back[0]);

    for (unsigned i = 0; i < n; i++)
        out[i] = silent(p) ? 0 : invent(p, hist);
    have = have < 2 * WINDOW * k ? have : 2 * WINDOW * k;
    for (unsigned i = 0; i < have; i++)
        back[whole - 1 - i] = next[i];
    const int16_t *end = back + whole;
    unsigned longest = have - JN_PITCH_MIN * k < JN_PITCH_MAX * k ? have - JN_PITCH_MIN * k : JN_PITCH_MAX * k;
    unsigned lag = near_lag(end, have, WINDOW * k, JN_PITCH_MIN * k, longest);
    for (int i = 0, whole_gap = (int)n; i < whole_gap; i++) { /* from the far end */
        int16_t *at = &out[whole_gap - 1 - i];
        *at = (int16_t)((*at * i + end[i % (int)lag - (int)lag] * (whole_gap - i)) / whole_gap);
    }
    p->lost = p->fade_in = 0;
}

unsigned jn_plc_rest(const struct jn_plc *p)
{
    return p->lost == 0 || silent(p) ? 0u : (unsigned)((p->pitch - p->lost % p->pitch) % p->pitch);
}

void jn_plc_break(struct jn_plc *p)
{
    p->fade_in = p->fade = (uint16_t)(JN_PLC_FADE_IN * p->scale);
}

void jn_plc_good(struct jn_plc *p, const int16_t *hist, int16_t *pcm, unsigned n)
{
    int whole = p->fade;

    for (unsigned i = 0; i < n && p->fade_in != 0; i++, p->fade_in--) {
        int old = silent(p) ? 0 : invent(p, hist), w = whole - p->fade_in;
        pcm[i] = (int16_t)((pcm[i] * w + old * (whole - w)) / whole);
    }
    if (p->fade_in == 0)
        p->lost = 0;
}

/* White noise, uniform: its effective value is the peak over the root of 3. 0 dBov is the effective value 32768. */
void jn_plc_noise(struct jn_plc *p, int16_t *out, unsigned n, uint8_t level)
{
    uint64_t peak = UINT64_C(56756) << 16; /* 32768 * sqrt(3) */
    for (unsigned i = 0; i < level && i < 127; i++)
        peak = peak * 58409 >> 16; /* -1 dB */
    if (peak > UINT64_C(32767) << 16)
        peak = UINT64_C(32767) << 16;
    for (unsigned i = 0; i < n; i++) {
        p->noise = p->noise * 1664525u + 1013904223u;
        int64_t v = (int64_t)(int32_t)p->noise * (int64_t)(peak >> 8);
        out[i] = (int16_t)((v + (INT64_C(1) << 38)) >> 39);
    }
    p->lost = 0;
    p->fade_in = 0;
}
