/* Mix, AVX2: eight sums at a time; the tail by the plain kernels. */
#include "media/mix/mix.h"
#include <immintrin.h>

static __m256i wide(const int16_t *in)
{
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)in));
}

static void add(int32_t *acc, const int16_t *in, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(acc + i));
        _mm256_storeu_si256((__m256i *)(acc + i), _mm256_add_epi32(a, wide(in + i)));
    }
    jn_mix_plain.add(acc + i, in + i, n - i);
}

static void sub(int32_t *acc, const int16_t *in, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(acc + i));
        _mm256_storeu_si256((__m256i *)(acc + i), _mm256_sub_epi32(a, wide(in + i)));
    }
    jn_mix_plain.sub(acc + i, in + i, n - i);
}

/* packs works inside each half of 128 bits: the middle quarters change places afterwards. */
static void store16(int16_t *out, __m256i low, __m256i high)
{
    __m256i both = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    _mm256_storeu_si256((__m256i *)out, both);
}

static void pack(int16_t *out, const int32_t *acc, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        store16(out + i, _mm256_loadu_si256((const __m256i *)(acc + i)),
                _mm256_loadu_si256((const __m256i *)(acc + i + 8)));
    jn_mix_plain.pack(out + i, acc + i, n - i);
}

static void minus(int16_t *out, const int32_t *total, const int16_t *own, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i low = _mm256_loadu_si256((const __m256i *)(total + i));
        __m256i high = _mm256_loadu_si256((const __m256i *)(total + i + 8));
        store16(out + i, _mm256_sub_epi32(low, wide(own + i)), _mm256_sub_epi32(high, wide(own + i + 8)));
    }
    jn_mix_plain.minus(out + i, total + i, own + i, n - i);
}

static __m256i samples(const int16_t *in)
{
    return _mm256_loadu_si256((const __m256i *)in);
}

static void two(int16_t *out, const int16_t *a, const int16_t *b, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((__m256i *)(out + i), _mm256_adds_epi16(samples(a + i), samples(b + i)));
    jn_mix_plain.two(out + i, a + i, b + i, n - i);
}

static uint16_t peak(const int16_t *in, size_t n)
{
    __m256i most = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i x = samples(in + i);
        most = _mm256_max_epi16(most, _mm256_xor_si256(x, _mm256_srai_epi16(x, 15)));
    }
    __m128i half = _mm_max_epi16(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
    /* minpos finds the least: of what each is below 32767 */
    half = _mm_sub_epi16(_mm_set1_epi16(INT16_MAX), half);
    uint16_t here = (uint16_t)(INT16_MAX - _mm_extract_epi16(_mm_minpos_epu16(half), 0));
    uint16_t rest = jn_mix_plain.peak(in + i, n - i);
    return here > rest ? here : rest;
}

static __m256i counted(size_t i)
{
    return _mm256_add_epi32(_mm256_set1_epi32((int)i), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* Eight samples times their gains. */
static __m256i gained(const int16_t *in, size_t i, __m256i from, __m256i slope)
{
    __m256i gain = _mm256_add_epi32(from, _mm256_srai_epi32(_mm256_mullo_epi32(slope, counted(i)), 8));
    __m256i x = _mm256_mullo_epi32(wide(in + i), gain);
    return _mm256_srai_epi32(_mm256_add_epi32(x, _mm256_set1_epi32(2048)), 12);
}

static void ramp(int16_t *io, uint16_t from, uint16_t to, size_t n)
{
    int32_t slope = jn_mix_slope(from, to, n);
    __m256i first = _mm256_set1_epi32(from), step = _mm256_set1_epi32(slope);
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        store16(io + i, gained(io, i, first, step), gained(io, i + 8, first, step));
    jn_mix_ramp_rest(io, from, slope, i, n);
}

/* Eight samples of both, weighed. */
static __m256i blended(const int16_t *io, const int16_t *old, size_t i, __m256i weight)
{
    __m256i w = _mm256_srai_epi32(_mm256_mullo_epi32(weight, counted(i)), 8);
    __m256i was = _mm256_mullo_epi32(wide(old + i), _mm256_sub_epi32(_mm256_set1_epi32(16384), w));
    __m256i sum = _mm256_add_epi32(was, _mm256_mullo_epi32(wide(io + i), w));
    return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(8192)), 14);
}

static void cross(int16_t *io, const int16_t *old, size_t n)
{
    int32_t weight = jn_mix_weight(n);
    __m256i step = _mm256_set1_epi32(weight);
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        store16(io + i, blended(io, old, i, step), blended(io, old, i + 8, step));
    jn_mix_cross_rest(io, old, weight, i, n);
}

const struct jn_mix_ops jn_mix_avx2 = {
    .add = add, .sub = sub, .pack = pack, .minus = minus, .two = two, .peak = peak, .ramp = ramp, .cross = cross};
