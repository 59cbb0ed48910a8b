/* Day: draws and the recorded figures. */
#include "router/whatif/day.h"

#include "engine/base/rand.h"
#include "router/whatif/sum.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT_ENOUGH = 30 }; /* so many must have left for a queue to have a curve of its own */

void jn_day_free(struct jn_day *d)
{
    jn_patience_free(&d->all);
    for (uint32_t q = 0; d->patience && q < d->queues; q++)
        jn_patience_free(&d->patience[q]);
    free(d->patience);
    free(d->queue);
    free(d->queue_name);
    free(d->agent);
    free(d->shift);
    free(d->call);
    free(d->answered);
    free(d->answered_of);
    *d = (struct jn_day){0};
}

/* queue: d->queues for all. */
static int fit(struct jn_day *d, uint32_t queue, struct jn_patience_seen *seen)
{
    size_t n = 0, left = 0;

    for (uint32_t i = 0; i < d->calls; i++) {
        const struct jn_day_call *c = &d->call[i];
        if (queue != d->queues && c->is.queue != queue)
            continue;
        seen[n++] = (struct jn_patience_seen){c->is.patience_us, c->left};
        left += c->left;
    }
    if (queue == d->queues)
        return jn_patience_fit(&d->all, seen, n);
    return left >= LEFT_ENOUGH ? jn_patience_fit(&d->patience[queue], seen, n) : 0;
}

int jn_day_ready(struct jn_day *d)
{
    struct jn_patience_seen *seen = malloc((d->calls + 1u) * sizeof *seen);
    uint32_t at = 0;
    int rc = 0;

    d->patience = calloc(d->queues + 1u, sizeof *d->patience);
    d->answered = calloc(d->calls + 1u, sizeof *d->answered);
    d->answered_of = calloc(d->queues + 1u, sizeof *d->answered_of);
    if (!seen || !d->patience || !d->answered || !d->answered_of)
        rc = -ENOMEM;
    for (uint32_t q = 0; rc == 0 && q <= d->queues; q++)
        rc = fit(d, q, seen);
    for (uint32_t q = 0; rc == 0 && q < d->queues; q++) {
        for (uint32_t i = 0; i < d->calls; i++)
            if (d->call[i].answered && d->call[i].is.queue == q)
                d->answered[at++] = i;
        d->answered_of[q + 1] = at;
    }
    free(seen);
    return rc;
}

/* Somebody's handling time: of the queue, else of the day. */
static const struct jn_sim_call *another(const struct jn_day *d, uint32_t queue, uint64_t *seed)
{
    uint32_t first = d->answered_of[queue], n = d->answered_of[queue + 1] - first;

    if (n == 0) {
        first = 0;
        n = d->answered_of[d->queues];
    }
    uint64_t pick = jn_splitmix(seed);
    return n ? &d->call[d->answered[first + pick % n]].is : NULL;
}

void jn_day_draw(const struct jn_day *d, uint64_t seed, struct jn_sim_call *out)
{
    uint64_t s = seed;

    for (uint32_t i = 0; i < d->calls; i++) {
        const struct jn_day_call *c = &d->call[i];
        const struct jn_sim_call *like = another(d, c->is.queue, &s);
        const struct jn_patience *p = d->patience[c->is.queue].n ? &d->patience[c->is.queue] : &d->all;
        out[i] = c->is;
        out[i].patience_us = jn_patience_draw(p, &s);
        if (!c->answered && like) {
            out[i].ring_us = like->ring_us;
            out[i].talk_us = like->talk_us;
            out[i].wrap_us = like->wrap_us;
        }
    }
}

int jn_day_recorded(const struct jn_day *d, struct jn_sim_figures *all, struct jn_sim_figures *queue)
{
    struct jn_sim_day day = {.queues = d->queues, .calls = d->calls};
    struct jn_sim_sum sum = {0};
    struct jn_sim_result r = {0};
    int rc = jn_sim_sum_init(&sum, &day);

    for (uint32_t i = 0; rc == 0 && i < d->calls; i++) {
        const struct jn_day_call *c = &d->call[i];
        struct jn_ix_row row = {.wait_us = c->is.patience_us, .ended_us = c->is.patience_us, .in_target = c->in_target};
        row.outcome = c->answered ? JN_OUT_ANSWERED : c->left ? JN_OUT_ABANDONED : JN_OUT_REJECTED;
        rc = jn_sim_sum_call(&sum, c->is.queue, &row);
    }
    if (rc == 0)
        rc = jn_sim_sum_result(&sum, &r, 0);
    if (rc == 0) {
        *all = r.all;
        if (d->queues)
            memcpy(queue, r.queue, d->queues * sizeof *queue);
    }
    jn_sim_result_free(&r);
    jn_sim_sum_free(&sum);
    return rc;
}
