/* Queue: rows and running totals. */
#include "router/queue/queue.h"

#include <string.h>

void jn_queue_row(struct jn_queue_row *row, const struct jn_queue *q, const struct jn_node *nodes)
{
    memset(row, 0, sizeof *row);
    row->id = q->set.id;
    row->tenant = q->tenant;
    row->offered = q->total.offered;
    row->answered = q->total.answered;
    row->abandoned = q->total.abandoned;
    row->rejected = q->total.rejected;
    row->lost = q->total.lost;
    row->in_target = q->total.in_target;
    row->wait_sum_us = q->total.wait_sum_us;
    row->talk_sum_us = q->total.talk_sum_us;
    row->wrap_sum_us = q->total.wrap_sum_us;
    row->wait_max_us = q->total.wait_max_us;
    row->transferred = q->total.transferred;
    row->out = q->total.out;
    row->out_answered = q->total.out_answered;
    row->out_talk_sum_us = q->total.out_talk_sum_us;
    row->offered_now = q->total.offered_now;
    row->talking = q->total.talking;
    row->waiting = jn_tree_count(&q->waiting, nodes);
    row->longest_wait_since_us = jn_tree_min(&q->waiting, nodes);
    row->channel_mask = q->set.channel_mask;
}

static void add(uint64_t *sum, uint64_t n, int sign)
{
    *sum = sign > 0 ? *sum + n : *sum - n;
}

void jn_queue_count(struct jn_queue *q, const struct jn_ix_row *row, uint64_t wrap_us, int sign)
{
    struct jn_queue_row *t = &q->total;
    uint64_t *const outcome[JN_OUT_N] = {NULL, &t->answered, &t->abandoned, &t->rejected, &t->lost};

    if (row->direction == JN_DIR_OUT) {
        add(&t->out, 1, sign);
        if (row->outcome == JN_OUT_ANSWERED) {
            add(&t->out_answered, 1, sign);
            add(&t->out_talk_sum_us, row->talk_us, sign);
        }
        return;
    }
    add(&t->offered, 1, sign);
    if (outcome[row->outcome])
        add(outcome[row->outcome], 1, sign);
    if (row->outcome != JN_OUT_ANSWERED)
        return;
    if (row->in_target)
        add(&t->in_target, 1, sign);
    add(&t->wait_sum_us, row->wait_us, sign);
    add(&t->talk_sum_us, row->talk_us, sign);
    add(&t->wrap_sum_us, wrap_us, sign);
    if (sign > 0 && row->wait_us > t->wait_max_us)
        t->wait_max_us = row->wait_us;
}
