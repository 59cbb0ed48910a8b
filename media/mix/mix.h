/* Mix: sums of speakers in 32 bits, one saturation at the end. Which speakers is the caller's; here are only the
 * kernels, plain C and AVX2, bit for bit the same. 65,000 speakers fit before a sum could overflow. */
#ifndef JN_MEDIA_MIX_H
#define JN_MEDIA_MIX_H

#include <stddef.h>
#include <stdint.h>

/* Any n; no alignment asked for. */
struct jn_mix_ops {
    void (*add)(int32_t *acc, const int16_t *in, size_t n);
    void (*sub)(int32_t *acc, const int16_t *in, size_t n);
    /* out = acc, saturated to 16 bits */
    void (*pack)(int16_t *out, const int32_t *acc, size_t n);
    /* out = total - own, saturated: what everybody else said */
    void (*minus)(int16_t *out, const int32_t *total, const int16_t *own, size_t n);
};
extern const struct jn_mix_ops jn_mix_plain, jn_mix_avx2;
/* The fastest that jn_cpu_isa allows; asked once, the first time. */
const struct jn_mix_ops *jn_mix(void);

#endif
