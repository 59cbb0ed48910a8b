/* Throttle: see throttle.h. A bucket is one time (the generic cell rate algorithm, ITU-T I.371): it is full again at
 * full_us, each taking moves that on by each_us, and it may lie at most burst * each_us ahead. */
#include "engine/api/throttle.h"
#include <stddef.h>

static struct jn_bucket *find(struct jn_throttle *t, uint64_t key)
{
    struct jn_bucket *set = t->set[(key ^ key >> 32) % JN_THROTTLE_SETS];
    for (unsigned i = 0; i < JN_THROTTLE_WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

static struct jn_bucket *make(struct jn_throttle *t, uint64_t key)
{
    struct jn_bucket *set = t->set[(key ^ key >> 32) % JN_THROTTLE_SETS], *least = set;
    for (unsigned i = 1; i < JN_THROTTLE_WAYS; i++)
        if (set[i].full_us < least->full_us)
            least = &set[i];
    *least = (struct jn_bucket){.key = key};
    return least;
}

uint64_t jn_throttle_wait(struct jn_throttle *t, uint64_t key, uint32_t burst, uint64_t each_us, uint64_t now_us)
{
    const struct jn_bucket *b = find(t, key);
    uint64_t bound = now_us + (burst - 1) * each_us;
    return b && b->full_us > bound ? b->full_us - bound : 0;
}

uint64_t jn_throttle_take(struct jn_throttle *t, uint64_t key, uint32_t burst, uint64_t each_us, uint64_t now_us)
{
    uint64_t wait = jn_throttle_wait(t, key, burst, each_us, now_us);
    if (wait)
        return wait;
    struct jn_bucket *b = find(t, key);
    if (!b)
        b = make(t, key);
    b->full_us = (b->full_us > now_us ? b->full_us : now_us) + each_us;
    return 0;
}
