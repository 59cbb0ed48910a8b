/* Histo: a log-linear histogram of unsigned values (16 steps to each doubling, 6 % width), fixed size, one owner. */
#ifndef JN_BASE_HISTO_H
#define JN_BASE_HISTO_H

#include <stdint.h>

enum { JN_HISTO_SLOTS = 64 * 16 };
struct jn_histo {
    uint64_t count, sum, max;
    uint64_t slot[JN_HISTO_SLOTS];
};
void jn_histo_add(struct jn_histo *h, uint64_t value);
/* The smallest bound that at least permille/1000 of the values do not pass; 0 when empty. */
uint64_t jn_histo_at(const struct jn_histo *h, unsigned permille);
/* The largest value that falls into a slot, for who shows them all. */
uint64_t jn_histo_bound(unsigned slot);

#endif
