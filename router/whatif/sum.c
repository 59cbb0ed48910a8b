/* Sum: figures of a simulated day. */
#include "router/whatif/sum.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int jn_sim_sum_init(struct jn_sim_sum *s, const struct jn_sim_day *day)
{
    s->queues = day->queues;
    s->agents = day->agents;
    s->from_us = day->count_from_us;
    s->queue = calloc(day->queues + 1u, sizeof *s->queue);
    s->worker = calloc(day->agents + 1u, sizeof *s->worker);
    s->since_us = calloc(day->agents + 1u, sizeof *s->since_us);
    s->shown = calloc(day->agents + 1u, sizeof *s->shown);
    s->waits_cap = day->calls + 1u;
    s->wait = malloc(s->waits_cap * sizeof *s->wait);
    return s->queue && s->worker && s->since_us && s->shown && s->wait ? 0 : -ENOMEM;
}

void jn_sim_sum_free(struct jn_sim_sum *s)
{
    free(s->queue);
    free(s->worker);
    free(s->since_us);
    free(s->shown);
    free(s->wait);
}

void jn_sim_sum_agent(struct jn_sim_sum *s, uint32_t agent, uint8_t state, uint64_t now_us)
{
    uint64_t since_us = s->since_us[agent] > s->from_us ? s->since_us[agent] : s->from_us;
    uint64_t us = now_us > since_us ? now_us - since_us : 0;
    uint8_t was = s->shown[agent];

    if (was == JN_AGENT_BUSY || was == JN_AGENT_WRAP_UP)
        s->worker[agent].busy_us += us;
    if (was == JN_AGENT_BUSY || was == JN_AGENT_WRAP_UP || was == JN_AGENT_READY)
        s->worker[agent].staffed_us += us;
    s->since_us[agent] = now_us;
    s->shown[agent] = state;
}

int jn_sim_sum_call(struct jn_sim_sum *s, uint32_t queue, const struct jn_ix_row *row)
{
    struct jn_sim_figures *f = &s->queue[queue];
    uint64_t left_us = row->ended_us - row->arrived_us;

    f->offered++;
    if (row->outcome == JN_OUT_ABANDONED) {
        f->abandoned++;
        f->abandon_us += left_us;
        f->waited += left_us > 0;
    }
    f->rejected += row->outcome == JN_OUT_REJECTED;
    if (row->outcome != JN_OUT_ANSWERED)
        return 0;
    if (s->waits == s->waits_cap)
        return -ENOMEM;
    s->wait[s->waits++] = (struct jn_sim_wait){row->wait_us, queue};
    f->answered++;
    f->in_target += row->in_target;
    f->waited += row->wait_us > 0;
    f->wait_us += row->wait_us;
    return 0;
}

static int by_queue(const void *a, const void *b)
{
    const struct jn_sim_wait *x = a, *y = b;

    if (x->queue != y->queue)
        return x->queue < y->queue ? -1 : 1;
    return x->us < y->us ? -1 : x->us > y->us;
}

static int by_wait(const void *a, const void *b)
{
    const struct jn_sim_wait *x = a, *y = b;

    return x->us < y->us ? -1 : x->us > y->us;
}

/* Nearest rank. */
static void percentiles(struct jn_sim_figures *f, const struct jn_sim_wait *w)
{
    if (f->answered == 0)
        return;
    f->p50_us = w[(f->answered - 1) * 50 / 100].us;
    f->p90_us = w[(f->answered - 1) * 90 / 100].us;
    f->p99_us = w[(f->answered - 1) * 99 / 100].us;
    f->max_us = w[f->answered - 1].us;
}

static void add(struct jn_sim_figures *all, const struct jn_sim_figures *f)
{
    all->offered += f->offered;
    all->answered += f->answered;
    all->abandoned += f->abandoned;
    all->rejected += f->rejected;
    all->in_target += f->in_target;
    all->waited += f->waited;
    all->wait_us += f->wait_us;
    all->abandon_us += f->abandon_us;
}

static void occupancy(struct jn_sim_result *out, uint32_t agents)
{
    double busy = 0, staffed = 0, sum = 0, squares = 0, spread = 0;
    uint32_t n = 0;

    for (uint32_t a = 0; a < agents; a++) {
        const struct jn_sim_worker *w = &out->worker[a];
        if (w->staffed_us == 0)
            continue;
        double o = (double)w->busy_us / (double)w->staffed_us;
        busy += (double)w->busy_us;
        staffed += (double)w->staffed_us;
        sum += o;
        squares += o * o;
        n++;
    }
    out->occupancy = staffed > 0 ? busy / staffed : 0;
    out->fairness = squares > 0 ? sum * sum / (n * squares) : 1;
    for (uint32_t a = 0; a < agents; a++) {
        const struct jn_sim_worker *w = &out->worker[a];
        if (w->staffed_us == 0)
            continue;
        double off = (double)w->busy_us / (double)w->staffed_us - out->occupancy;
        spread += off * off * (double)w->staffed_us;
    }
    out->spread = staffed > 0 ? sqrt(spread / staffed) : 0;
}

int jn_sim_sum_result(struct jn_sim_sum *s, struct jn_sim_result *out, uint64_t end_us)
{
    const struct jn_sim_wait *w = s->wait;

    for (uint32_t a = 0; a < s->agents; a++)
        jn_sim_sum_agent(s, a, s->shown[a], end_us);
    qsort(s->wait, s->waits, sizeof *s->wait, by_queue);
    for (uint32_t q = 0; q < s->queues; q++) {
        percentiles(&s->queue[q], w);
        add(&out->all, &s->queue[q]);
        w += s->queue[q].answered;
    }
    qsort(s->wait, s->waits, sizeof *s->wait, by_wait);
    percentiles(&out->all, s->wait);
    out->queue = s->queue;
    out->worker = s->worker;
    out->refused = s->refused;
    s->queue = NULL;
    s->worker = NULL;
    occupancy(out, s->agents);
    return 0;
}

void jn_sim_result_free(struct jn_sim_result *r)
{
    free(r->queue);
    free(r->worker);
    r->queue = NULL;
    r->worker = NULL;
}

double jn_sim_service_level(const struct jn_sim_figures *f)
{
    uint64_t who = f->answered + f->abandoned;

    return who ? (double)f->in_target / (double)who : 0;
}
