/* Compare: seeds, means, intervals. */
#include "router/whatif/compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Student's t, 95 % both sides, by degrees of freedom. */
static double student(unsigned freedom)
{
    static const double t[] = {0,     12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                               2.201, 2.179,  2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086};

    return freedom < sizeof t / sizeof t[0] ? t[freedom] : freedom < 30 ? 2.086 : freedom < 60 ? 2.042 : 2.0;
}

/* n values, step apart; minus (may be NULL) is taken away from each. */
static struct jn_compare_value value(const double *x, const double *minus, unsigned n, size_t step)
{
    double mean = 0, var = 0;

    for (unsigned i = 0; i < n; i++)
        mean += (x[i * step] - (minus ? minus[i * step] : 0)) / n;
    for (unsigned i = 0; i < n; i++) {
        double off = x[i * step] - (minus ? minus[i * step] : 0) - mean;
        var += n > 1 ? off * off / (n - 1) : 0;
    }
    return (struct jn_compare_value){mean, n > 1 ? student(n - 1) * sqrt(var / n) : 0};
}

void jn_compare_figures(double out[static JN_CMP_QUEUE_N], const struct jn_sim_figures *f)
{
    out[JN_CMP_SERVICE_LEVEL] = jn_sim_service_level(f);
    out[JN_CMP_ABANDONED] = f->offered ? (double)f->abandoned / (double)f->offered : 0;
    out[JN_CMP_WAIT_S] = f->answered ? (double)f->wait_us / (double)f->answered / 1e6 : 0;
    out[JN_CMP_WAIT_P50_S] = (double)f->p50_us / 1e6;
    out[JN_CMP_WAIT_P90_S] = (double)f->p90_us / 1e6;
    out[JN_CMP_WAIT_P99_S] = (double)f->p99_us / 1e6;
}

static void keep(struct jn_compare *out, double *by_queue, const struct jn_sim_result *r, uint32_t queues,
                 unsigned seed)
{
    double *all = out->seed + (size_t)seed * JN_CMP_N;

    jn_compare_figures(all, &r->all);
    all[JN_CMP_OCCUPANCY] = r->occupancy;
    all[JN_CMP_SPREAD] = r->spread;
    all[JN_CMP_FAIRNESS] = r->fairness;
    for (uint32_t q = 0; q < queues; q++)
        jn_compare_figures(by_queue + ((size_t)seed * queues + q) * JN_CMP_QUEUE_N, &r->queue[q]);
    out->rejected += r->all.rejected;
    out->refused += r->refused;
    out->events += r->events;
}

int jn_compare_run(struct jn_compare *out, const struct jn_day *d, const struct jn_sim_queue *queue, unsigned seeds,
                   const struct jn_compare *first, struct jn_err *err)
{
    size_t per_seed = (size_t)d->queues * JN_CMP_QUEUE_N;
    struct jn_sim_call *call = malloc((d->calls + 1u) * sizeof *call);
    double *by_queue = calloc(per_seed * seeds + 1, sizeof *by_queue);
    struct jn_sim_day day = {.queue = queue, .agent = d->agent, .shift = d->shift, .call = call, .queues = d->queues};
    int rc = 0;

    *out = (struct jn_compare){.seed = calloc((size_t)seeds * JN_CMP_N + 1, sizeof(double)),
                               .queue = calloc(per_seed + 1, sizeof(struct jn_compare_value))};
    day.agents = d->agents;
    day.shifts = d->shifts;
    day.calls = d->calls;
    if (!call || !by_queue || !out->seed || !out->queue)
        rc = jn_fail(err, -ENOMEM, "no memory");
    for (unsigned s = 0; rc == 0 && s < seeds; s++) {
        struct jn_sim_result r;
        jn_day_draw(d, s + 1, call);
        rc = jn_sim_run(&r, &day, err);
        if (rc == 0)
            keep(out, by_queue, &r, d->queues, s);
        jn_sim_result_free(&r);
    }
    for (unsigned f = 0; rc == 0 && f < JN_CMP_N; f++) {
        out->all[f] = value(out->seed + f, NULL, seeds, JN_CMP_N);
        out->change[f] = value(out->seed + f, first ? first->seed + f : out->seed + f, seeds, JN_CMP_N);
    }
    for (size_t k = 0; rc == 0 && k < per_seed; k++)
        out->queue[k] = value(by_queue + k, NULL, seeds, per_seed);
    free(by_queue);
    free(call);
    return rc;
}

void jn_compare_free(struct jn_compare *c)
{
    free(c->seed);
    free(c->queue);
    *c = (struct jn_compare){0};
}
