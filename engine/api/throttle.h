/* Throttle: token buckets by key in a table of fixed size; when a set of it is full, the bucket that is nearest to full
 * again (so the least to lose) makes room. Time is an argument. */
#ifndef JN_ENGINE_API_THROTTLE_H
#define JN_ENGINE_API_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

enum { JN_THROTTLE_SETS = 1024, JN_THROTTLE_WAYS = 4 };
struct jn_bucket {
    uint64_t key, full_us; /* full_us: when it will be full again */
};
struct jn_throttle {
    struct jn_bucket set[JN_THROTTLE_SETS][JN_THROTTLE_WAYS];
};
/* key: never 0, well mixed. burst: how many at once; each_us: time until one more is allowed. Returns 0 and takes one,
 * or the us to wait. */
uint64_t jn_throttle_take(struct jn_throttle *t, uint64_t key, uint32_t burst, uint64_t each_us, uint64_t now_us);
/* The same question without taking. */
uint64_t jn_throttle_wait(struct jn_throttle *t, uint64_t key, uint32_t burst, uint64_t each_us, uint64_t now_us);

#endif
