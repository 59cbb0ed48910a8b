/* Histo: slot = 16 steps within each power of two. */
#include "engine/base/histo.h"

static unsigned slot_of(uint64_t v)
{
    if (v < 16)
        return (unsigned)v;
    unsigned top = 63u - (unsigned)__builtin_clzll(v);
    return (top - 3) * 16 + (unsigned)(v >> (top - 4) & 15);
}

/* The largest value that falls into the slot. */
static uint64_t bound_of(unsigned slot)
{
    if (slot < 16)
        return slot;
    unsigned top = slot / 16 + 3;
    uint64_t low = (16u + slot % 16);
    return ((low + 1) << (top - 4)) - 1;
}

uint64_t jn_histo_bound(unsigned slot)
{
    return bound_of(slot);
}

void jn_histo_add(struct jn_histo *h, uint64_t value)
{
    h->count++;
    h->sum += value;
    if (value > h->max)
        h->max = value;
    h->slot[slot_of(value)]++;
}

uint64_t jn_histo_at(const struct jn_histo *h, unsigned permille)
{
    uint64_t want = (h->count * permille + 999) / 1000, seen = 0;

    if (h->count == 0)
        return 0;
    for (unsigned i = 0; i < JN_HISTO_SLOTS; i++) {
        seen += h->slot[i];
        if (seen >= want && seen > 0)
            return bound_of(i) < h->max ? bound_of(i) : h->max;
    }
    return h->max;
}
