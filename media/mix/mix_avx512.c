/* Mix, AVX-512 (F, BW, VL): sixteen sums at a time, the last ones under a mask. */
#include "media/mix/mix.h"
#include <immintrin.h>

static __mmask16 mask16(size_t left)
{
    return left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
}

static __mmask32 mask32(size_t left)
{
    return left >= 32 ? 0xffffffff : (__mmask32)((UINT32_C(1) << left) - 1);
}

static __m512i wide(__mmask16 k, const int16_t *in)
{
    return _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(k, in));
}

static void add(int32_t *acc, const int16_t *in, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = mask16(n - i);
        __m512i sum = _mm512_add_epi32(_mm512_maskz_loadu_epi32(k, acc + i), wide(k, in + i));
        _mm512_mask_storeu_epi32(acc + i, k, sum);
    }
}

static void sub(int32_t *acc, const int16_t *in, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = mask16(n - i);
        __m512i sum = _mm512_sub_epi32(_mm512_maskz_loadu_epi32(k, acc + i), wide(k, in + i));
        _mm512_mask_storeu_epi32(acc + i, k, sum);
    }
}

static void pack(int16_t *out, const int32_t *acc, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = mask16(n - i);
        _mm256_mask_storeu_epi16(out + i, k, _mm512_cvtsepi32_epi16(_mm512_maskz_loadu_epi32(k, acc + i)));
    }
}

static void minus(int16_t *out, const int32_t *total, const int16_t *own, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = mask16(n - i);
        __m512i rest = _mm512_sub_epi32(_mm512_maskz_loadu_epi32(k, total + i), wide(k, own + i));
        _mm256_mask_storeu_epi16(out + i, k, _mm512_cvtsepi32_epi16(rest));
    }
}

static void two(int16_t *out, const int16_t *a, const int16_t *b, size_t n)
{
    for (size_t i = 0; i < n; i += 32) {
        __mmask32 k = mask32(n - i);
        __m512i sum = _mm512_adds_epi16(_mm512_maskz_loadu_epi16(k, a + i), _mm512_maskz_loadu_epi16(k, b + i));
        _mm512_mask_storeu_epi16(out + i, k, sum);
    }
}

static uint16_t peak(const int16_t *in, size_t n)
{
    __m512i most = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += 32) {
        __m512i x = _mm512_maskz_loadu_epi16(mask32(n - i), in + i);
        most = _mm512_max_epi16(most, _mm512_xor_si512(x, _mm512_srai_epi16(x, 15)));
    }
    __m256i half = _mm256_max_epi16(_mm512_castsi512_si256(most), _mm512_extracti64x4_epi64(most, 1));
    __m128i quarter = _mm_max_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    /* minpos finds the least: of what each is below 32767 */
    quarter = _mm_sub_epi16(_mm_set1_epi16(INT16_MAX), quarter);
    return (uint16_t)(INT16_MAX - _mm_extract_epi16(_mm_minpos_epu16(quarter), 0));
}

static __m512i counted(size_t i)
{
    return _mm512_add_epi32(_mm512_set1_epi32((int)i),
                            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

static void ramp(int16_t *io, uint16_t from, uint16_t to, size_t n)
{
    __m512i first = _mm512_set1_epi32(from), slope = _mm512_set1_epi32(jn_mix_slope(from, to, n));
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = mask16(n - i);
        __m512i gain = _mm512_add_epi32(first, _mm512_srai_epi32(_mm512_mullo_epi32(slope, counted(i)), 8));
        __m512i x = _mm512_add_epi32(_mm512_mullo_epi32(wide(k, io + i), gain), _mm512_set1_epi32(2048));
        _mm256_mask_storeu_epi16(io + i, k, _mm512_cvtsepi32_epi16(_mm512_srai_epi32(x, 12)));
    }
}

static void cross(int16_t *io, const int16_t *old, size_t n)
{
    __m512i weight = _mm512_set1_epi32(jn_mix_weight(n)), one = _mm512_set1_epi32(16384);
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 k = mask16(n - i);
        __m512i w = _mm512_srai_epi32(_mm512_mullo_epi32(weight, counted(i)), 8);
        __m512i sum = _mm512_add_epi32(_mm512_mullo_epi32(wide(k, old + i), _mm512_sub_epi32(one, w)),
                                       _mm512_mullo_epi32(wide(k, io + i), w));
        sum = _mm512_srai_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(8192)), 14);
        _mm256_mask_storeu_epi16(io + i, k, _mm512_cvtsepi32_epi16(sum));
    }
}

const struct jn_mix_ops jn_mix_avx512 = {
    .add = add, .sub = sub, .pack = pack, .minus = minus, .two = two, .peak = peak, .ramp = ramp, .cross = cross};
