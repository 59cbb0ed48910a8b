/* Crc: SSE4.2's crc32 instruction in three chains, or a table. */
#include "engine/base/crc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

uint32_t jn_crc32c_plain(uint32_t crc, const void *bytes, size_t n)
{
    static _Atomic uint32_t table[256];
    static _Atomic int made;
    const uint8_t *p = bytes;

    if (!atomic_load_explicit(&made, memory_order_acquire)) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++)
                c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
            atomic_store_explicit(&table[i], c, memory_order_relaxed);
        }
        /* Pairs with the acquire above; two threads may both fill it, with the same values. */
        atomic_store_explicit(&made, 1, memory_order_release);
    }
    crc = ~crc;
    for (size_t i = 0; i < n; i++)
        crc = crc >> 8 ^ atomic_load_explicit(&table[(crc ^ p[i]) & 255], memory_order_relaxed);
    return ~crc;
}

#if defined(__x86_64__)
#define FAST __attribute__((target("sse4.2,pclmul")))
#define PART static inline __attribute__((always_inline, target("sse4.2,pclmul")))

/* crc32 takes one word a cycle and gives its answer after three, so three thirds go side by side. Then those before are
 * carried over what follows them: multiplied by x^(8 * bytes) modulo the polynomial; over and over2 are
 * x^(8 * bytes - 33) for one third and for two, bit-reflected, as pclmulqdq and crc32 want it. */
struct thirds {
    size_t words;
    uint32_t over, over2;
};
static const struct thirds wide = {64, 0xdd7e3b0c, 0x170076fa}, narrow = {8, 0x9e4addf8, 0x0d3b6092};

PART uint64_t carry(uint64_t crc, uint32_t over)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)crc), _mm_cvtsi32_si128((int)over), 0);

    return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

PART uint64_t word_at(uint8_t *out, const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    if (out)
        memcpy(out, &word, sizeof word);
    return word;
}

PART uint64_t three(uint64_t a, uint8_t *out, const uint8_t *p, struct thirds t)
{
    uint64_t b = 0, c = 0;
    size_t third = 8 * t.words;

    for (size_t i = 0; i < third; i += 8) {
        if (i % 64 == 0) /* what the next three will read; too many streams for the processor to see by itself */
            for (size_t k = 0; k < 3; k++)
                __builtin_prefetch(p + (3 + k) * third + i);
        a = _mm_crc32_u64(a, word_at(out ? out + i : NULL, p + i));
        b = _mm_crc32_u64(b, word_at(out ? out + third + i : NULL, p + third + i));
        c = _mm_crc32_u64(c, word_at(out ? out + 2 * third + i : NULL, p + 2 * third + i));
    }
    return carry(a, t.over2) ^ carry(b, t.over) ^ c;
}

/* out NULL: not copied. */
PART uint32_t fast(uint32_t crc, uint8_t *out, const uint8_t *p, size_t n)
{
    uint64_t c = (uint32_t)~crc;
    size_t at = 0;

    for (size_t step = 24 * wide.words; n - at >= step; at += step)
        c = three(c, out ? out + at : NULL, p + at, wide);
    for (size_t step = 24 * narrow.words; n - at >= step; at += step)
        c = three(c, out ? out + at : NULL, p + at, narrow);
    for (; n - at >= 8; at += 8)
        c = _mm_crc32_u64(c, word_at(out ? out + at : NULL, p + at));
    uint32_t c32 = (uint32_t)c;
    for (; at < n; at++) {
        c32 = _mm_crc32_u8(c32, p[at]);
        if (out)
            out[at] = p[at];
    }
    return ~c32;
}

FAST static uint32_t fast_crc(uint32_t crc, const uint8_t *p, size_t n)
{
    return fast(crc, NULL, p, n);
}

FAST static uint32_t fast_copy(uint32_t crc, uint8_t *out, const uint8_t *p, size_t n)
{
    return fast(crc, out, p, n);
}

static bool can(void)
{
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}
#endif

uint32_t jn_crc32c(uint32_t crc, const void *bytes, size_t n)
{
#if defined(__x86_64__)
    if (can())
        return fast_crc(crc, bytes, n);
#endif
    return jn_crc32c_plain(crc, bytes, n);
}

uint32_t jn_crc32c_copy(uint32_t crc, void *out, const void *bytes, size_t n)
{
#if defined(__x86_64__)
    if (can())
        return fast_copy(crc, out, bytes, n);
#endif
    memcpy(out, bytes, n);
    return jn_crc32c_plain(crc, bytes, n);
}
