/* Plc: invented sound for what did not arrive, and time stretched or shrunk by one pitch period. Lengths are in samples
 * at 8 kHz and stand for `scale` times as many at 8000 * scale Hz. No clocks, no frames; the history is the caller's.
 */
#ifndef JN_MEDIA_PLC_H
#define JN_MEDIA_PLC_H

#include <stdbool.h>
#include <stdint.h>

enum {
    JN_PITCH_MIN = 40,
    JN_PITCH_MAX = 120 /* 200 Hz down to 66 Hz */,
    JN_PLC_HISTORY = 400,
    JN_PLC_LAG_MAX = 240,
    JN_PLC_FADE_IN = 80,
    JN_SCALE_MAX = 6
};

/* lost: samples invented since the last good one. at: of the cycle that is repeated during a loss, cycles: how many
 * pitch periods it has; for `cross` samples more the shorter one before it, at old_at, goes out. fade_in: samples of
 * recovery still to be blended, of `fade` in all. late: what is missing is known to be only late: it does not fade so
 * soon. */
struct jn_plc {
    uint32_t noise;
    uint16_t pitch, at, old_at, cross, lost, fade_in, fade;
    uint8_t cycles, scale;
    bool late, tone;
};

void jn_plc_reset(struct jn_plc *p, unsigned scale);
/* True when invented sound is going on or good sound has to be blended: then the history is asked for. */
static inline bool jn_plc_busy(const struct jn_plc *p)
{
    return p->lost != 0 || p->fade_in != 0;
}
/* Below, hist: the end of what was heard before the loss (or the jump) began, JN_PLC_HISTORY samples before it, the
 * same ones until good sound is back. */
/* Good sound goes through here: right after a loss its beginning is blended with the invented sound (in place). */
void jn_plc_good(struct jn_plc *p, const int16_t *hist, int16_t *pcm, unsigned n);
/* Invents n samples: the last pitch periods again, fading to silence after 60 ms. */
void jn_plc_conceal(struct jn_plc *p, const int16_t *hist, int16_t *out, unsigned n);
/* Invents the n samples of a gap whose other side is there as well, have samples (160 or more) from next on: both sides
 * go on into it and lead over into each other. Good sound may follow without blending. */
void jn_plc_bridge(struct jn_plc *p, const int16_t *hist, const int16_t *next, unsigned have, int16_t *out, unsigned n);
/* Comfort noise of that level in -dBov (RFC 3389 3.1). */
void jn_plc_noise(struct jn_plc *p, int16_t *out, unsigned n, uint8_t level);
/* How many more invented samples it takes until the next of them would be what followed the last good one: sound that
 * was only late joins there in phase. */
unsigned jn_plc_rest(const struct jn_plc *p);
/* Makes the next good samples be blended with what would have followed: for jumps in time. */
void jn_plc_break(struct jn_plc *p);

/* Finds the period by which x[0..160) follows itself best: x[i] against x[i - pitch], for which 120 samples before x
 * are there, or, ahead, against x[i + pitch]. Returns the pitch; *fits says whether it may be used without being heard
 * (alike, or all quiet). */
unsigned jn_pitch_back(const int16_t *x, unsigned scale, bool *fits);
unsigned jn_pitch_ahead(const int16_t *x, unsigned scale, bool *fits);
/* The same within n samples, 2 * JN_PITCH_MIN or more: x[0..JN_PITCH_MIN) against x + pitch. */
unsigned jn_pitch_within(const int16_t *x, unsigned n, unsigned scale, bool *fits);
/* out[n - pitch] from x[n]: one period less. */
void jn_squeeze(int16_t *out, const int16_t *x, unsigned n, unsigned pitch, unsigned scale);
/* out[160] from x[160 - pitch] and the 120 before it: one period more. */
void jn_stretch(int16_t *out, const int16_t *x, unsigned pitch, unsigned scale);
/* out[160] from x[160 + pitch]: one period less. */
void jn_shrink(int16_t *out, const int16_t *x, unsigned pitch, unsigned scale);

#endif
