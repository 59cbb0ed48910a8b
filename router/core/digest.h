/* Digest: a running 64-bit hash of words, for comparing runs; no protection against anybody. */
#ifndef JN_ROUTER_DIGEST_H
#define JN_ROUTER_DIGEST_H

#include <stdint.h>

static inline void jn_digest(uint64_t *h, uint64_t word)
{
    uint64_t x = (*h ^ word) * 0x9e3779b97f4a7c15u;

    *h = x ^ (x >> 32);
}

#endif
