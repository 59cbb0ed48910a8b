/* Drain: what a plane handed to its recorder, as items, for tests. */
#ifndef JN_TEST_DRAIN_H
#define JN_TEST_DRAIN_H

#include "media/record/ring.h"
#include <criterion/criterion.h>

static inline unsigned jn_test_drain(struct jn_rec_ring *r, struct jn_rec_item *items, unsigned max)
{
    struct jn_rec_chunk *c;
    unsigned n = 0;

    while (n < max && jn_rec_ring_get(r, &c, 1)) {
        uint32_t at = 0, frames = 0;
        while (n < max && jn_rec_next(&items[n], c, c->body, c->used, &at) == 1)
            frames += items[n++].kind == JN_REC_FRAME;
        cr_assert_eq(at, c->used, "every record of a chunk is read");
        cr_assert_eq(frames, c->frames);
        jn_rec_ring_back(r, &c, 1);
    }
    return n;
}

#endif
