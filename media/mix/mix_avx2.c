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

const struct jn_mix_ops jn_mix_avx2 = {.add = add, .sub = sub, .pack = pack, .minus = minus};
