/* Plc: concealment in the spirit of ITU-T G.711 Appendix I: the last pitch period is repeated, after 10 ms two, after
 * 20 ms three of them so that it does not buzz, and it fades. Unlike the appendix nothing is delayed: the seam at the
 * beginning relies on the pitch, the one at the end is an overlap-add. */
#include "media/jbuf/plc.h"
#include <string.h>

enum {
    HOLD = 80, /* samples at full level ... */
    HOLD_LATE = 320,
    SILENT = 480,  /* samples until nothing is left */
    WINDOW = 160,  /* samples compared when the pitch is looked for */
    SEAM_SHIFT = 2 /* a quarter of a period is blended where the cycle closes */
};

void jn_plc_reset(struct jn_plc *p)
{
    memset(p, 0, sizeof *p);
    p->noise = 0x2545f491;
}

static void remember(struct jn_plc *p, const int16_t *pcm, unsigned n)
{
    if (n > JN_PLC_HISTORY) {
        pcm += n - JN_PLC_HISTORY;
        n = JN_PLC_HISTORY;
    }
    memmove(p->history, p->history + n, (JN_PLC_HISTORY - n) * sizeof pcm[0]);
    memcpy(p->history + JN_PLC_HISTORY - n, pcm, n * sizeof pcm[0]);
}

/* The lag at which the last 20 ms look most like what came before, by normalised correlation; compared as
 * c * |c| / energy without roots. Several periods count as one lag: a tone whose period is no whole number of samples
 * fits better after some of them. */
static unsigned find_pitch(const struct jn_plc *p)
{
    const int16_t *end = p->history + JN_PLC_HISTORY - WINDOW;
    double best = -1.0;
    unsigned pitch = JN_PITCH_MAX;
    int64_t e = 1;
    for (int i = 0; i < WINDOW; i++)
        e += end[i - JN_PITCH_MIN] * end[i - JN_PITCH_MIN];
    for (int lag = JN_PITCH_MIN; lag <= JN_PLC_LAG_MAX; lag++) {
        int64_t c = 0;
        for (int i = 0; i < WINDOW; i += 2) /* every other sample says enough */
            c += end[i] * end[i - lag];
        if (c > 0 && (double)c * (double)c / (double)e > best) {
            best = (double)c * (double)c / (double)e;
            pitch = (unsigned)lag;
        }
        if (lag < JN_PLC_LAG_MAX)
            e += end[-lag - 1] * end[-lag - 1] - end[WINDOW - 1 - lag] * end[WINDOW - 1 - lag];
    }
    return pitch;
}

/* Makes the cycle of n periods; its last quarter period leads over into its own beginning. */
static void make_cycle(struct jn_plc *p, unsigned n)
{
    unsigned len = p->pitch * n, seam = p->pitch >> SEAM_SHIFT;
    const int16_t *from = p->history + JN_PLC_HISTORY - len;
    memcpy(p->cycle, from, len * sizeof from[0]);
    for (unsigned i = 0; i < seam; i++) {
        int a = from[len - seam + i], b = *(from - seam + i);
        p->cycle[len - seam + i] = (int16_t)((a * (int)(seam - i) + b * (int)i) / (int)seam);
    }
    p->cycle_len = (uint16_t)len;
}

static int gain_q15(const struct jn_plc *p)
{
    unsigned hold = p->late ? HOLD_LATE : HOLD;
    if (p->lost < hold)
        return 32768;
    return p->lost >= SILENT ? 0 : (int)(32768 * (SILENT - p->lost) / (SILENT - hold));
}

/* The next invented sample. The history stays as it was when the loss began until the loss is over, so that longer
 * cycles can still be cut from it. */
static int16_t invent(struct jn_plc *p)
{
    if (p->lost == 0) {
        p->pitch = (uint16_t)find_pitch(p);
        make_cycle(p, 1);
        p->at = 0;
    } else if (p->at == p->cycle_len) {
        p->at = 0;
        if (p->lost >= HOLD && p->cycle_len < 3 * p->pitch && p->cycle_len + p->pitch <= 3 * JN_PITCH_MAX)
            make_cycle(p, p->cycle_len / p->pitch + 1u);
    }
    int gain = gain_q15(p);
    p->lost++;
    return (int16_t)(p->cycle[p->at++] * gain >> 15);
}

void jn_plc_conceal(struct jn_plc *p, int16_t *out, unsigned n)
{
    if (p->lost >= SILENT) {
        memset(out, 0, n * sizeof out[0]);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        out[i] = p->lost >= SILENT ? 0 : invent(p);
    p->fade_in = JN_PLC_FADE_IN;
}

unsigned jn_plc_rest(const struct jn_plc *p)
{
    return p->lost == 0 || p->lost >= SILENT ? 0 : (p->pitch - p->lost % p->pitch) % p->pitch;
}

void jn_plc_break(struct jn_plc *p)
{
    p->fade_in = JN_PLC_FADE_IN;
}

bool jn_plc_silent(const struct jn_plc *p)
{
    return p->lost >= SILENT;
}

void jn_plc_good(struct jn_plc *p, int16_t *pcm, unsigned n)
{
    for (unsigned i = 0; i < n && p->fade_in != 0; i++, p->fade_in--) {
        int old = p->lost >= SILENT ? 0 : invent(p), w = JN_PLC_FADE_IN - p->fade_in;
        pcm[i] = (int16_t)((pcm[i] * w + old * (JN_PLC_FADE_IN - w)) / JN_PLC_FADE_IN);
    }
    if (p->fade_in == 0)
        p->lost = 0;
    remember(p, pcm, n);
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
    remember(p, out, n);
}
