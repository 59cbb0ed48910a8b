/* Resample: filters and the kernels that apply them, for the files of the resampler alone. */
#ifndef JN_MEDIA_RESAMPLE_STATE_H
#define JN_MEDIA_RESAMPLE_STATE_H

#include "media/codec/resample.h"

enum { JN_RESAMPLE_TAPS = 48, JN_RESAMPLE_TAPS_MAX = 240 };
extern const int16_t jn_resample_up2[2 * 48], jn_resample_up3[3 * 48], jn_resample_up6[6 * 48];
extern const int16_t jn_resample_down2[2 * 48], jn_resample_down3[3 * 48], jn_resample_down6[6 * 40];

/* up: from each of n windows of 48 samples, one sample further each time, `phases` samples. down: from each of n
 * windows of `taps` (a multiple of 16), `step` samples further each time, one sample. */
struct jn_resample_ops {
    void (*up)(int16_t *out, const int16_t *in, unsigned n, const int16_t *filter, unsigned phases);
    void (*down)(int16_t *out, const int16_t *in, unsigned n, const int16_t *filter, unsigned taps, unsigned step);
};
extern const struct jn_resample_ops jn_resample_plain, jn_resample_avx2;

#endif
