/* G711 on AVX2: 16 samples at a time, the rest by the plain twin. A shift that differs from lane to lane is a
 * multiplication by a power of two, which a byte shuffle looks up by segment. */
#include "media/codec/g711.h"
#include <immintrin.h>

enum { LANES = 16 };

/* In each 16-bit lane (value 0..7): 1 << value. */
static __m256i power(__m256i seg)
{
    const __m256i table =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0));
    /* the high byte's index has bit 7 set: that byte becomes 0 */
    return _mm256_shuffle_epi8(table, _mm256_or_si256(seg, _mm256_set1_epi16((short)0x8000)));
}

/* In each lane (value 0..7): 0x8000 >> value. */
static __m256i power_down(__m256i seg)
{
    const __m256i table =
        _mm256_broadcastsi128_si256(_mm_setr_epi8((char)128, 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0));
    __m256i index = _mm256_or_si256(_mm256_slli_epi16(seg, 8), _mm256_set1_epi16(0x0080));
    return _mm256_shuffle_epi8(table, index);
}

static __m256i load_bytes(const uint8_t *in)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)in));
}

static void store_bytes(uint8_t *out, __m256i v)
{
    __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi16(v, v), 0xd8);
    _mm_storeu_si128((void *)out, _mm256_castsi256_si128(packed));
}

/* -v where mask is all ones, v where it is zero. */
static __m256i negate_where(__m256i v, __m256i mask)
{
    return _mm256_sub_epi16(_mm256_xor_si256(v, mask), mask);
}

/* How many of the seven doubling limits first, 2 * first + 1, ... a lane passes. */
static __m256i segment(__m256i v, int first)
{
    __m256i seg = _mm256_setzero_si256();
    for (int i = 0, limit = first; i < 7; i++, limit = 2 * limit + 1)
        seg = _mm256_sub_epi16(seg, _mm256_cmpgt_epi16(v, _mm256_set1_epi16((short)limit)));
    return seg;
}

static void decode_ulaw(int16_t *pcm, const uint8_t *in, size_t n)
{
    const __m256i low = _mm256_set1_epi16(0x0f), bias = _mm256_set1_epi16(0x84);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m256i u = _mm256_xor_si256(load_bytes(in + i), _mm256_set1_epi16(0xff));
        __m256i seg = _mm256_and_si256(_mm256_srli_epi16(u, 4), _mm256_set1_epi16(7));
        __m256i mag = _mm256_add_epi16(_mm256_slli_epi16(_mm256_and_si256(u, low), 3), bias);
        mag = _mm256_sub_epi16(_mm256_mullo_epi16(mag, power(seg)), bias);
        __m256i negative = _mm256_srai_epi16(_mm256_slli_epi16(u, 8), 15);
        _mm256_storeu_si256((void *)(pcm + i), negate_where(mag, negative));
    }
    jn_g711_plain.decode_ulaw(pcm + i, in + i, n - i);
}

static void decode_alaw(int16_t *pcm, const uint8_t *in, size_t n)
{
    const __m256i low = _mm256_set1_epi16(0x0f), one = _mm256_set1_epi16(1), zero = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m256i a = _mm256_xor_si256(load_bytes(in + i), _mm256_set1_epi16(0x55));
        __m256i seg = _mm256_and_si256(_mm256_srli_epi16(a, 4), _mm256_set1_epi16(7));
        __m256i first = _mm256_cmpeq_epi16(seg, zero);
        __m256i mag = _mm256_add_epi16(_mm256_slli_epi16(_mm256_and_si256(a, low), 4), _mm256_set1_epi16(8));
        mag = _mm256_add_epi16(mag, _mm256_andnot_si256(first, _mm256_set1_epi16(0x100)));
        mag = _mm256_mullo_epi16(mag, power(_mm256_subs_epu16(seg, one)));
        __m256i positive = _mm256_srai_epi16(_mm256_slli_epi16(a, 8), 15);
        __m256i negative = _mm256_xor_si256(positive, _mm256_set1_epi16(-1));
        _mm256_storeu_si256((void *)(pcm + i), negate_where(mag, negative));
    }
    jn_g711_plain.decode_alaw(pcm + i, in + i, n - i);
}

static void encode_ulaw(uint8_t *out, const int16_t *pcm, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m256i x = _mm256_loadu_si256((const void *)(pcm + i)), negative = _mm256_srai_epi16(x, 15);
        __m256i mag = _mm256_srli_epi16(_mm256_xor_si256(x, negative), 2);
        mag = _mm256_min_epi16(_mm256_add_epi16(mag, _mm256_set1_epi16(33)), _mm256_set1_epi16(0x1fff));
        __m256i seg = segment(mag, 63);
        __m256i step = _mm256_and_si256(_mm256_mulhi_epu16(mag, power_down(seg)), _mm256_set1_epi16(0x0f));
        __m256i code = _mm256_or_si256(_mm256_slli_epi16(seg, 4), step);
        code = _mm256_or_si256(code, _mm256_and_si256(negative, _mm256_set1_epi16(0x80)));
        store_bytes(out + i, _mm256_xor_si256(code, _mm256_set1_epi16(0xff)));
    }
    jn_g711_plain.encode_ulaw(out + i, pcm + i, n - i);
}

static void encode_alaw(uint8_t *out, const int16_t *pcm, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m256i x = _mm256_loadu_si256((const void *)(pcm + i)), negative = _mm256_srai_epi16(x, 15);
        __m256i mag = _mm256_srli_epi16(_mm256_xor_si256(x, negative), 4);
        __m256i seg = segment(mag, 15);
        /* mag >> (seg - 1), as 2 * mag times 2^-(seg - 1) in the high half; segment 0 shifts like segment 1 */
        __m256i down = power_down(_mm256_subs_epu16(seg, _mm256_set1_epi16(1)));
        __m256i step = _mm256_mulhi_epu16(_mm256_slli_epi16(mag, 1), down);
        __m256i code = _mm256_or_si256(_mm256_slli_epi16(seg, 4), _mm256_and_si256(step, _mm256_set1_epi16(0x0f)));
        code = _mm256_or_si256(code, _mm256_andnot_si256(negative, _mm256_set1_epi16(0x80)));
        store_bytes(out + i, _mm256_xor_si256(code, _mm256_set1_epi16(0x55)));
    }
    jn_g711_plain.encode_alaw(out + i, pcm + i, n - i);
}

const struct jn_g711_ops jn_g711_avx2 = {
    .decode_ulaw = decode_ulaw, .decode_alaw = decode_alaw, .encode_ulaw = encode_ulaw, .encode_alaw = encode_alaw};
