/* Heap: a binary heap of borrowed timers; each knows its slot, so that disarming needs no search. */
#include "engine/base/heap.h"

#include <errno.h>
#include <stdlib.h>

static bool before(const struct jn_timer *a, const struct jn_timer *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->id < b->id;
}

static void set(struct jn_heap *h, uint32_t i, struct jn_timer *t)
{
    h->at[i] = t;
    t->slot = i;
}

static void up(struct jn_heap *h, uint32_t i)
{
    struct jn_timer *t = h->at[i];

    for (; i > 0 && before(t, h->at[(i - 1) / 2]); i = (i - 1) / 2)
        set(h, i, h->at[(i - 1) / 2]);
    set(h, i, t);
}

static void down(struct jn_heap *h, uint32_t i)
{
    struct jn_timer *t = h->at[i];

    for (uint32_t k; (k = 2 * i + 1) < h->count; i = k) {
        if (k + 1 < h->count && before(h->at[k + 1], h->at[k]))
            k++;
        if (!before(h->at[k], t))
            break;
        set(h, i, h->at[k]);
    }
    set(h, i, t);
}

int jn_heap_init(struct jn_heap *h, uint32_t cap)
{
    *h = (struct jn_heap){.cap = cap ? cap : 16};
    h->at = malloc(h->cap * sizeof *h->at);
    return h->at ? 0 : -ENOMEM;
}

void jn_heap_free(struct jn_heap *h)
{
    free(h->at);
    *h = (struct jn_heap){0};
}

int jn_heap_arm(struct jn_heap *h, struct jn_timer *t, uint64_t deadline)
{
    if (t->slot == JN_TIMER_IDLE) {
        if (h->count == h->cap) {
            struct jn_timer **wider = realloc(h->at, 2 * (size_t)h->cap * sizeof *wider);
            if (!wider)
                return -ENOMEM;
            h->at = wider;
            h->cap *= 2;
        }
        set(h, h->count++, t);
    }
    t->deadline = deadline;
    up(h, t->slot);
    down(h, t->slot);
    return 0;
}

void jn_heap_disarm(struct jn_heap *h, struct jn_timer *t)
{
    uint32_t i = t->slot;

    if (i == JN_TIMER_IDLE)
        return;
    t->slot = JN_TIMER_IDLE;
    struct jn_timer *last = h->at[--h->count];
    if (last == t)
        return;
    set(h, i, last);
    up(h, i);
    down(h, last->slot);
}

struct jn_timer *jn_heap_first(const struct jn_heap *h)
{
    return h->count ? h->at[0] : NULL;
}

struct jn_timer *jn_heap_due(struct jn_heap *h, uint64_t now)
{
    struct jn_timer *t = jn_heap_first(h);

    if (!t || t->deadline > now)
        return NULL;
    jn_heap_disarm(h, t);
    return t;
}
