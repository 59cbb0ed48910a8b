/* Queue: its settings, who waits in it in which order, who idles for it, and its running totals. */
#ifndef JN_ROUTER_QUEUE_H
#define JN_ROUTER_QUEUE_H

#include "engine/base/heap.h"
#include "router/core/event.h"
#include "router/queue/tree.h"

enum { JN_QUEUE_ROW_US = 100000 }; /* a queue's row is told at most that often */

struct jn_queue {
    struct jn_ev_queue set;
    uint64_t tenant, serial;
    struct jn_queue_row total;    /* counters; waiting and longest_wait_since_us come from the tree */
    struct jn_queue_row seen;     /* at the end of the last step */
    uint64_t told_us;             /* when the row was last told */
    struct jn_tree waiting;       /* by (priority, order); value: arrival */
    struct jn_tree idle[JN_CH_N]; /* agents who may be offered one more, in the policy's order */
    uint32_t lines, links;        /* heads */
    bool told, changed;
    struct jn_timer row_timer;
};

/* Those of one queue who want the same channel and the same further skills, in order. Patience with a preferred agent
 * makes a line of its own, kept with that agent, until the patience is over. */
struct jn_line {
    uint32_t queue, agent; /* agent: JN_NONE, or the preferred one */
    struct jn_skill skill[4];
    uint8_t skills, channel;
    struct jn_tree tree;
    uint32_t prev, next; /* of the queue or of the agent */
};

/* One agent serves one queue. Its two nodes in the idle sets are 2 * index + channel. */
struct jn_link {
    uint32_t agent, queue;
    uint32_t score; /* sum of the agent's levels in the queue's skills */
    uint32_t agent_prev, agent_next, queue_prev, queue_next;
};

/* The totals with what the tree of the waiting knows; nodes is the array of the waiting. Padding is zero. */
void jn_queue_row(struct jn_queue_row *row, const struct jn_queue *q, const struct jn_node *nodes);
/* Adds (sign 1) or takes away (-1) what one interaction counts in its queue, by its row alone: offered, outcome, sums.
 * A transfer moves it from one queue's account to the other's. wrap_us: of its wrap-ups so far. */
void jn_queue_count(struct jn_queue *q, const struct jn_ix_row *row, uint64_t wrap_us, int sign);

#endif
