/* Rand: secret randomness from the kernel, and a small seeded generator (splitmix64) for tests and jitter. */
#ifndef JN_BASE_RAND_H
#define JN_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/* Fills with getrandom(2); ends the process if the kernel cannot. For keys, SSRCs, tokens. */
void jn_random(void *out, size_t n);
/* Not secret, repeatable. */
uint64_t jn_splitmix(uint64_t *state);

#endif
