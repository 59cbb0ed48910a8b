/* Crc: SSE4.2's crc32 instruction eight bytes at a time, or a table. */
#include "engine/base/crc.h"

#include <stdatomic.h>
#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
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
__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *p, size_t n)
{
    uint64_t c = (uint32_t)~crc;

    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        c = _mm_crc32_u64(c, word);
    }
    uint32_t c32 = (uint32_t)c;
    for (; n > 0; n--)
        c32 = _mm_crc32_u8(c32, *p++);
    return ~c32;
}
#endif

uint32_t jn_crc32c(uint32_t crc, const void *bytes, size_t n)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return crc_sse42(crc, bytes, n);
#endif
    return jn_crc32c_plain(crc, bytes, n);
}
