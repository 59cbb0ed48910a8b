/* Plc: invented sound for what did not arrive, and time stretched or shrunk by one pitch period. Samples at 8 kHz; no
 * clocks, no frames. */
#ifndef JN_MEDIA_PLC_H
#define JN_MEDIA_PLC_H

#include <stdbool.h>
#include <stdint.h>

enum {
    JN_PITCH_MIN = 40,
    JN_PITCH_MAX = 120 /* 200 Hz down to 66 Hz */,
    JN_PLC_HISTORY = 400,
    JN_PLC_LAG_MAX = 240,
    JN_PLC_FADE_IN = 80
};

/* history: what was played last, newest at the end. cycle: the waveform that is repeated during a loss. */
struct jn_plc {
    int16_t history[JN_PLC_HISTORY];
    int16_t cycle[3 * JN_PITCH_MAX];
    uint16_t pitch, cycle_len, at;
    uint32_t lost;   /* samples invented since the last good one */
    uint8_t fade_in; /* samples of recovery still to be blended */
    bool late;       /* what is missing is known to be only late: it does not fade so soon */
    uint32_t noise;
};

void jn_plc_reset(struct jn_plc *p);
/* Good sound goes through here: right after a loss its beginning is blended with the invented sound (in place). */
void jn_plc_good(struct jn_plc *p, int16_t *pcm, unsigned n);
/* Invents n samples (n <= 160): the last pitch periods again, fading to silence after 60 ms. */
void jn_plc_conceal(struct jn_plc *p, int16_t *out, unsigned n);
/* Comfort noise of that level in -dBov (RFC 3389 3.1). */
void jn_plc_noise(struct jn_plc *p, int16_t *out, unsigned n, uint8_t level);
/* True when nothing audible would come out of jn_plc_conceal. */
bool jn_plc_silent(const struct jn_plc *p);
/* How many more invented samples it takes until the next of them would be what followed the last good one: sound that
 * was only late joins there in phase. */
unsigned jn_plc_rest(const struct jn_plc *p);
/* Makes the next good samples be blended with what would have followed: for jumps in time. */
void jn_plc_break(struct jn_plc *p);

/* Finds the period by which x[0..160) follows itself best: x[i] against x[i - pitch] (the history before it) or, ahead,
 * against x[i + pitch]. Returns the pitch; *fits says whether it may be used without being heard (alike, or all quiet).
 */
unsigned jn_pitch_back(const struct jn_plc *p, const int16_t *x, bool *fits);
unsigned jn_pitch_ahead(const int16_t *x, bool *fits);
/* The same within n samples, 2 * JN_PITCH_MIN or more: x[0..JN_PITCH_MIN) against x + pitch. */
unsigned jn_pitch_within(const int16_t *x, unsigned n, bool *fits);
/* out[n - pitch] from x[n]: one period less. */
void jn_squeeze(int16_t *out, const int16_t *x, unsigned n, unsigned pitch);
/* out[160] from x[160 - pitch] and the history: one period more. */
void jn_stretch(const struct jn_plc *p, int16_t *out, const int16_t *x, unsigned pitch);
/* out[160] from x[160 + pitch]: one period less. */
void jn_shrink(int16_t *out, const int16_t *x, unsigned pitch);

#endif
