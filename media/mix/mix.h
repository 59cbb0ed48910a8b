/* Mix: sums of speakers in 32 bits, one saturation at the end; gains and fades over one period. Which speakers is the
 * caller's; here are only the kernels, plain C, AVX2 and AVX-512, bit for bit the same. 65,000 speakers fit before a
 * sum could overflow. */
#ifndef JN_MEDIA_MIX_H
#define JN_MEDIA_MIX_H

#include <stddef.h>
#include <stdint.h>

/* Any n from 1 to 4096; no alignment asked for. */
struct jn_mix_ops {
    void (*add)(int32_t *acc, const int16_t *in, size_t n);
    void (*sub)(int32_t *acc, const int16_t *in, size_t n);
    /* out = acc, saturated to 16 bits */
    void (*pack)(int16_t *out, const int32_t *acc, size_t n);
    /* out = total - own, saturated: what everybody else said */
    void (*minus)(int16_t *out, const int32_t *total, const int16_t *own, size_t n);
    /* out = a + b, saturated */
    void (*two)(int16_t *out, const int16_t *a, const int16_t *b, size_t n);
    /* the largest magnitude, of negative samples that of the one above: 0 for 0 and -1, 32767 at most */
    uint16_t (*peak)(const int16_t *in, size_t n);
    /* io times a gain that goes in even steps from `from` to `to` (4096 is one, 65535 at most), saturated */
    void (*ramp)(int16_t *io, uint16_t from, uint16_t to, size_t n);
    /* io = old at the begin, itself at the end, in even steps between */
    void (*cross)(int16_t *io, const int16_t *old, size_t n);
};
extern const struct jn_mix_ops jn_mix_plain, jn_mix_avx2, jn_mix_avx512;
/* The fastest that jn_cpu_isa allows; asked once, the first time. */
const struct jn_mix_ops *jn_mix(void);

/* Shared by the variants so that they agree to the last bit: the gain of sample i is from + (slope * i >> 8), the
 * weight of what is new i * weight >> 8, of 16384. */
static inline int32_t jn_mix_slope(uint16_t from, uint16_t to, size_t n)
{
    return ((int32_t)to - (int32_t)from) * 256 / (int32_t)n;
}
static inline int32_t jn_mix_weight(size_t n)
{
    return 16384 * 256 / (int32_t)n;
}
/* Samples first .. n-1, by the plain kernels: what a vector leaves over. */
void jn_mix_ramp_rest(int16_t *io, uint16_t from, int32_t slope, size_t first, size_t n);
void jn_mix_cross_rest(int16_t *io, const int16_t *old, int32_t weight, size_t first, size_t n);

#endif
