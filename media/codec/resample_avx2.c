/* Resample on AVX2: 16 taps at a time, four results side by side. The sums are of integers and hold without overflow,
 * so their order does not matter and the bits are those of the plain twin. */
#include "media/codec/resample_state.h"
#include <immintrin.h>

enum { LANES = 16 };

static __m256i products(const int16_t *in, const int16_t *filter, unsigned taps)
{
    __m256i sum = _mm256_setzero_si256();
    for (unsigned i = 0; i < taps; i += LANES)
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_loadu_si256((const void *)(in + i)),
                                                      _mm256_loadu_si256((const void *)(filter + i))));
    return sum;
}

/* Eight partial sums each, to one rounded sample each. */
static __m128i four(__m256i a, __m256i b, __m256i c, __m256i d)
{
    __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    sum = _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << 13)), 14);
    return _mm_packs_epi32(sum, sum);
}

/* Four samples from `at` of the run of n * phases. */
static __m128i up_four(const int16_t *in, unsigned at, const int16_t *filter, unsigned phases)
{
    __m256i sum[4];
    for (unsigned i = 0; i < 4; i++)
        sum[i] = products(in + (at + i) / phases, filter + (at + i) % phases * JN_RESAMPLE_TAPS, JN_RESAMPLE_TAPS);
    return four(sum[0], sum[1], sum[2], sum[3]);
}

static void up(int16_t *out, const int16_t *in, unsigned n, const int16_t *filter, unsigned phases)
{
    unsigned at = 0, end = n * phases;
    for (; at + 4 <= end; at += 4)
        _mm_storel_epi64((void *)(out + at), up_four(in, at, filter, phases));
    /* what is left of one input sample's phases */
    for (unsigned i = at; i < end; i++)
        jn_resample_plain.down(out + i, in + i / phases, 1, filter + i % phases * JN_RESAMPLE_TAPS, JN_RESAMPLE_TAPS,
                               1);
}

static void down(int16_t *out, const int16_t *in, unsigned n, const int16_t *filter, unsigned taps, unsigned step)
{
    unsigned at = 0;
    for (; at + 4 <= n; at += 4) {
        const int16_t *from = in + (size_t)at * step;
        __m256i a = products(from, filter, taps), b = products(from + step, filter, taps);
        __m256i c = products(from + 2 * (size_t)step, filter, taps),
                d = products(from + 3 * (size_t)step, filter, taps);
        _mm_storel_epi64((void *)(out + at), four(a, b, c, d));
    }
    jn_resample_plain.down(out + at, in + (size_t)at * step, n - at, filter, taps, step);
}

const struct jn_resample_ops jn_resample_avx2 = {.up = up, .down = down};
