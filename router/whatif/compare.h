/* Compare: a recorded day under several policies, over several seeds. All policies see the same draws of a seed, so
 * that their differences are measured in pairs. */
#ifndef JN_ROUTER_COMPARE_H
#define JN_ROUTER_COMPARE_H

#include "router/whatif/day.h"

enum jn_compare_figure {
    JN_CMP_SERVICE_LEVEL,
    JN_CMP_ABANDONED, /* share of the offered */
    JN_CMP_WAIT_S,    /* mean, of the answered */
    JN_CMP_WAIT_P50_S,
    JN_CMP_WAIT_P90_S,
    JN_CMP_WAIT_P99_S,
    JN_CMP_OCCUPANCY,
    JN_CMP_SPREAD,
    JN_CMP_FAIRNESS,
    JN_CMP_N
};
#define JN_CMP_NAMES                                                                                                   \
    {                                                                                                                  \
        "service_level", "abandoned", "wait_mean_s", "wait_p50_s", "wait_p90_s", "wait_p99_s", "occupancy",            \
            "occupancy_spread", "fairness"                                                                             \
    }
enum { JN_CMP_QUEUE_N = JN_CMP_OCCUPANCY, JN_CMP_SEEDS_MAX = 1000 }; /* queues have the first ones */

/* Mean over seeds, and half the width of its 95 % confidence interval. */
struct jn_compare_value {
    double mean, half;
};
struct jn_compare {
    struct jn_compare_value all[JN_CMP_N], *queue; /* queue * JN_CMP_QUEUE_N + figure */
    struct jn_compare_value change[JN_CMP_N];      /* against the first policy, in pairs */
    double *seed;                                  /* every seed's all: seed * JN_CMP_N + figure */
    uint64_t rejected, refused, events;            /* over all seeds */
};
/* One policy: queue as changed for it (d->queues). first: what change is against, NULL for the first. 0, or what
 * jn_sim_run says. */
int jn_compare_run(struct jn_compare *out, const struct jn_day *d, const struct jn_sim_queue *queue, unsigned seeds,
                   const struct jn_compare *first, struct jn_err *err);
void jn_compare_free(struct jn_compare *c);
/* The first JN_CMP_QUEUE_N figures. */
void jn_compare_figures(double out[static JN_CMP_QUEUE_N], const struct jn_sim_figures *f);

#endif
