/* Resample: linear sound from one of 8, 16 and 48 kHz to another, by a polyphase filter: flat (0.2 dB) to 0.89 of the
 * lower rate's Nyquist frequency, images and aliases from 1.12 of it on below -65 dB. Exact from call to call: the same
 * samples come out however they were cut into calls. Plain C and AVX2 give the same bits. */
#ifndef JN_MEDIA_RESAMPLE_H
#define JN_MEDIA_RESAMPLE_H

#include <stdint.h>

enum { JN_RESAMPLE_PAST = 239 };
/* Fields are resample.c's; a stream holds it by value. up, down: factors, one of them 1. */
struct jn_resample {
    uint8_t up, down;
    uint16_t past; /* samples kept */
    int16_t last[JN_RESAMPLE_PAST];
};
_Static_assert(sizeof(struct jn_resample) <= 512, "a stream can afford it");

/* from, to: 8000, 16000 or 48000; the same: a copy. It begins in silence. */
void jn_resample_init(struct jn_resample *r, uint32_t from, uint32_t to);
/* n samples in, a multiple of from / to where that is above 1; writes and returns exactly n * to / from. The sound
 * comes out later by 24 samples of the lower rate, 20 between 48 and 8 kHz downwards. */
unsigned jn_resample(struct jn_resample *r, int16_t *out, const int16_t *in, unsigned n);

#endif
