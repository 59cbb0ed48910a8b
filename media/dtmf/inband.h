/* Inband: digits as tones in the sound (ITU-T Q.23, Q.24), for peers that have no telephone events. Speech and music
 * are no digits: two pure tones of the right frequencies, alone and steady, are asked for. */
#ifndef JN_MEDIA_INBAND_H
#define JN_MEDIA_INBAND_H

#include <stdint.h>

enum { JN_INBAND_TONES = 8, JN_INBAND_BLOCK = 102 };
/* Fields are inband.c's; all zero is the beginning. re, im: of the block before. */
struct jn_inband {
    float s1[JN_INBAND_TONES], s2[JN_INBAND_TONES], re[JN_INBAND_TONES], im[JN_INBAND_TONES];
    float energy, row, column;
    uint8_t at, candidate, misses, pressed;
};

/* n samples at 8 kHz that follow those before; the digit ('0'..'9' '*' '#' 'A'..'D') whose press began in them, once
 * for each press, else 0. n: up to 200, so that there is one at most. Heard within 40 ms: tones of 40 ms and pauses of
 * 40 ms are enough; each tone from -36 dBm0, up to 8 dB apart, up to 1.5 % and 2 Hz off. */
char jn_inband_take(struct jn_inband *d, const int16_t *pcm, unsigned n);

#endif
