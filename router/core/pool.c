/* Pool: a free list and a used list over the same two arrays. */
#include "router/core/pool.h"

#include <errno.h>
#include <stdlib.h>

int jn_pool_grow(struct jn_pool *p, uint32_t cap)
{
    uint32_t *prev = realloc(p->prev, (size_t)cap * sizeof *prev);
    if (!prev)
        return -ENOMEM;
    p->prev = prev;
    uint32_t *next = realloc(p->next, (size_t)cap * sizeof *next);
    if (!next)
        return -ENOMEM;
    p->next = next;
    for (uint32_t i = cap; i-- > p->cap;) {
        next[i] = p->spare;
        p->spare = i;
    }
    p->cap = cap;
    return 0;
}

int jn_pool_init(struct jn_pool *p, uint32_t cap)
{
    *p = (struct jn_pool){.head = JN_NONE, .tail = JN_NONE, .spare = JN_NONE};
    return jn_pool_grow(p, cap ? cap : 1);
}

void jn_pool_free(struct jn_pool *p)
{
    free(p->prev);
    free(p->next);
    *p = (struct jn_pool){0};
}

uint32_t jn_pool_take(struct jn_pool *p)
{
    uint32_t i = p->spare;

    if (i == JN_NONE)
        return JN_NONE;
    p->spare = p->next[i];
    p->prev[i] = p->tail;
    p->next[i] = JN_NONE;
    if (p->tail == JN_NONE)
        p->head = i;
    else
        p->next[p->tail] = i;
    p->tail = i;
    p->count++;
    return i;
}

void jn_pool_give(struct jn_pool *p, uint32_t i)
{
    uint32_t prev = p->prev[i], next = p->next[i];

    if (prev == JN_NONE)
        p->head = next;
    else
        p->next[prev] = next;
    if (next == JN_NONE)
        p->tail = prev;
    else
        p->prev[next] = prev;
    p->next[i] = p->spare;
    p->spare = i;
    p->count--;
}
