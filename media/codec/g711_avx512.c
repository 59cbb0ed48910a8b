/* G711 on AVX-512 (F, BW, VL): 32 samples at a time, the rest by the plain twin. Shifts differ from lane to lane, and
 * the segment is looked up by the upper bits of the magnitude. */
#include "media/codec/g711.h"
#include <immintrin.h>

enum { LANES = 32 };

static __m512i load_bytes(const uint8_t *in)
{
    return _mm512_cvtepu8_epi16(_mm256_loadu_si256((const void *)in));
}

static void store_bytes(uint8_t *out, __m512i v)
{
    _mm256_storeu_si256((void *)out, _mm512_cvtepi16_epi8(v));
}

static __m512i all(int v)
{
    return _mm512_set1_epi16((short)v);
}

/* How many bits v has, for v up to 127: by v / 2, and v itself where that is 0. */
static __m512i bits(__m512i v)
{
    /* 16-bit lanes, two to a word, low one first: bits of 0..31 are 0, 1, 2 2, 3 3 3 3 and so on, plus one but for 0 */
    const __m512i low = _mm512_setr_epi32(0x00020000, 0x00030003, 0x00040004, 0x00040004, 0x00050005, 0x00050005,
                                          0x00050005, 0x00050005, 0x00060006, 0x00060006, 0x00060006, 0x00060006,
                                          0x00060006, 0x00060006, 0x00060006, 0x00060006);
    __m512i half = _mm512_srli_epi16(v, 1);
    __m512i found = _mm512_permutex2var_epi16(low, half, all(7));
    return _mm512_mask_mov_epi16(found, _mm512_testn_epi16_mask(half, half), v);
}

static void decode_ulaw(int16_t *pcm, const uint8_t *in, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m512i u = _mm512_xor_si512(load_bytes(in + i), all(0xff));
        __m512i seg = _mm512_and_si512(_mm512_srli_epi16(u, 4), all(7));
        __m512i mag = _mm512_add_epi16(_mm512_slli_epi16(_mm512_and_si512(u, all(0x0f)), 3), all(0x84));
        mag = _mm512_sub_epi16(_mm512_sllv_epi16(mag, seg), all(0x84));
        __mmask32 negative = _mm512_test_epi16_mask(u, all(0x80));
        _mm512_storeu_si512(pcm + i, _mm512_mask_sub_epi16(mag, negative, _mm512_setzero_si512(), mag));
    }
    jn_g711_plain.decode_ulaw(pcm + i, in + i, n - i);
}

static void decode_alaw(int16_t *pcm, const uint8_t *in, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m512i a = _mm512_xor_si512(load_bytes(in + i), all(0x55));
        __m512i seg = _mm512_and_si512(_mm512_srli_epi16(a, 4), all(7));
        __m512i mag = _mm512_add_epi16(_mm512_slli_epi16(_mm512_and_si512(a, all(0x0f)), 4), all(8));
        mag = _mm512_mask_add_epi16(mag, _mm512_test_epi16_mask(seg, seg), mag, all(0x100));
        mag = _mm512_sllv_epi16(mag, _mm512_subs_epu16(seg, all(1)));
        __mmask32 negative = _mm512_testn_epi16_mask(a, all(0x80));
        _mm512_storeu_si512(pcm + i, _mm512_mask_sub_epi16(mag, negative, _mm512_setzero_si512(), mag));
    }
    jn_g711_plain.decode_alaw(pcm + i, in + i, n - i);
}

static void encode_ulaw(uint8_t *out, const int16_t *pcm, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m512i x = _mm512_loadu_si512(pcm + i), negative = _mm512_srai_epi16(x, 15);
        __m512i mag = _mm512_srli_epi16(_mm512_xor_si512(x, negative), 2);
        mag = _mm512_min_epi16(_mm512_add_epi16(mag, all(33)), all(0x1fff));
        __m512i seg = bits(_mm512_srli_epi16(mag, 6));
        __m512i step = _mm512_and_si512(_mm512_srlv_epi16(mag, _mm512_add_epi16(seg, all(1))), all(0x0f));
        __m512i code = _mm512_or_si512(_mm512_slli_epi16(seg, 4), step);
        code = _mm512_or_si512(code, _mm512_and_si512(negative, all(0x80)));
        store_bytes(out + i, _mm512_xor_si512(code, all(0xff)));
    }
    jn_g711_plain.encode_ulaw(out + i, pcm + i, n - i);
}

static void encode_alaw(uint8_t *out, const int16_t *pcm, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m512i x = _mm512_loadu_si512(pcm + i), negative = _mm512_srai_epi16(x, 15);
        __m512i mag = _mm512_srli_epi16(_mm512_xor_si512(x, negative), 4);
        __m512i seg = bits(_mm512_srli_epi16(mag, 4));
        __m512i step = _mm512_srlv_epi16(mag, _mm512_subs_epu16(seg, all(1)));
        __m512i code = _mm512_or_si512(_mm512_slli_epi16(seg, 4), _mm512_and_si512(step, all(0x0f)));
        code = _mm512_or_si512(code, _mm512_andnot_si512(negative, all(0x80)));
        store_bytes(out + i, _mm512_xor_si512(code, all(0x55)));
    }
    jn_g711_plain.encode_alaw(out + i, pcm + i, n - i);
}

const struct jn_g711_ops jn_g711_avx512 = {
    .decode_ulaw = decode_ulaw, .decode_alaw = decode_alaw, .encode_ulaw = encode_ulaw, .encode_alaw = encode_alaw};
