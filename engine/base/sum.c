/* Sum: see sum.h. */
#include "engine/base/sum.h"
#include <immintrin.h>
#include <string.h>

static uint64_t get64(const uint8_t *at)
{
    uint64_t w;
    memcpy(&w, at, 8);
    return w;
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t w;
    memcpy(&w, at, 4);
    return w;
}

/* RFC 1071 2(A), (B): the sum may be made of longer words and in either byte order. Eight bytes at a time, the carry
 * of each added with the next. */
uint64_t jn_sum(uint64_t sum, const uint8_t *bytes, size_t n)
{
    unsigned long long all = sum;
    unsigned char carry = 0;

    for (; n >= 64; bytes += 64, n -= 64) {
        carry = _addcarry_u64(0, all, get64(bytes), &all);
        carry = _addcarry_u64(carry, all, get64(bytes + 8), &all);
        carry = _addcarry_u64(carry, all, get64(bytes + 16), &all);
        carry = _addcarry_u64(carry, all, get64(bytes + 24), &all);
        carry = _addcarry_u64(carry, all, get64(bytes + 32), &all);
        carry = _addcarry_u64(carry, all, get64(bytes + 40), &all);
        carry = _addcarry_u64(carry, all, get64(bytes + 48), &all);
        carry = _addcarry_u64(carry, all, get64(bytes + 56), &all);
        all += carry; /* what was carried out left less than all ones */
    }
    for (; n >= 8; bytes += 8, n -= 8) {
        carry = _addcarry_u64(0, all, get64(bytes), &all);
        all += carry;
    }
    uint64_t rest = 0;
    if (n >= 4) {
        rest = get32(bytes);
        bytes += 4;
        n -= 4;
    }
    for (unsigned shift = 0; n > 0; bytes++, n--, shift += 8)
        rest += (uint64_t)*bytes << shift;
    return (all & UINT32_MAX) + (all >> 32) + rest;
}
