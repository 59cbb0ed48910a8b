/* Pool: indices 0..cap-1 handed out and taken back, the used ones listed in the order in which they were taken. The
 * things themselves lie in the owner's arrays. */
#ifndef JN_ROUTER_POOL_H
#define JN_ROUTER_POOL_H

#include "router/queue/tree.h"

struct jn_pool {
    uint32_t *prev, *next;
    uint32_t head, tail, spare, count, cap;
};
/* 0 or -ENOMEM. */
int jn_pool_init(struct jn_pool *p, uint32_t cap);
void jn_pool_free(struct jn_pool *p);
/* More room; what is used stays. 0 or -ENOMEM (unchanged). */
int jn_pool_grow(struct jn_pool *p, uint32_t cap);
/* JN_NONE when all are used. */
uint32_t jn_pool_take(struct jn_pool *p);
void jn_pool_give(struct jn_pool *p, uint32_t i);

#endif
