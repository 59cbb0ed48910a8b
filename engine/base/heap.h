/* Heap: timers ordered by (deadline, id): equal deadlines fire in order of id, so that the order is the same in every
 * run. */
#ifndef JN_BASE_HEAP_H
#define JN_BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

/* id: chosen by the owner, unique among armed timers; kind and arg: the owner's. */
struct jn_timer {
    uint64_t deadline, id, arg;
    uint32_t kind, slot;
};
struct jn_heap {
    struct jn_timer **at;
    uint32_t count, cap;
};
#define JN_TIMER_IDLE UINT32_MAX /* slot of a timer that is not armed; set it before first use */

int jn_heap_init(struct jn_heap *h, uint32_t cap);
void jn_heap_free(struct jn_heap *h);
/* Arms or re-arms t (borrowed until it fires or is disarmed). 0 or -ENOMEM. */
int jn_heap_arm(struct jn_heap *h, struct jn_timer *t, uint64_t deadline);
void jn_heap_disarm(struct jn_heap *h, struct jn_timer *t);
/* The first timer, NULL if none is armed. */
struct jn_timer *jn_heap_first(const struct jn_heap *h);
/* Takes out the first timer that is due by now, NULL if none is. */
struct jn_timer *jn_heap_due(struct jn_heap *h, uint64_t now);

#endif
