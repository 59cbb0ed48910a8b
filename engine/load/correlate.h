/* Correlate: how much a piece of sound is a piece of the voice, whatever its level: 1 the same, 0 nothing in common. */
#ifndef JN_LOAD_CORRELATE_H
#define JN_LOAD_CORRELATE_H

#include "engine/load/voice.h"

/* With the n samples (at most JN_VOICE_BEYOND) at `at`. */
double jn_correlate(const struct jn_voice *v, uint32_t at, const int16_t *pcm, unsigned n);
/* The best of `count` places from `from` on, around the period's end too. n: at most 160. */
double jn_correlate_best(const struct jn_voice *v, uint32_t from, uint32_t count, const int16_t *pcm, unsigned n,
                         uint32_t *best);
/* Root mean square of the voice there. */
unsigned jn_correlate_rms(const struct jn_voice *v, uint32_t at, unsigned n);

#endif
