/* Sim: one day through the real router in simulated time. The caller brings what does not depend on routing (arrivals,
 * who works when, how long the customer would wait, how long the work takes); offers are taken as commands, and
 * accepts, ends, wrap-ups and abandonments follow from them. No clock, no thread; the same input gives the same
 * result. */
#ifndef JN_ROUTER_SIM_H
#define JN_ROUTER_SIM_H

#include "engine/base/err.h"
#include "router/core/event.h"

#define JN_SIM_FOREVER UINT64_MAX

struct jn_sim_queue {
    struct jn_ev_queue set;
    uint64_t tenant;
};
struct jn_sim_agent {
    struct jn_ev_agent set;
    uint64_t tenant;
};
/* The agent (index) is ready from the one to the other; shifts of one agent do not overlap. */
struct jn_sim_shift {
    uint64_t from_us, to_us;
    uint32_t agent;
};
struct jn_sim_call {
    uint64_t at_us;
    uint64_t patience_us; /* leaves then, unless answered; JN_SIM_FOREVER */
    uint64_t ring_us;     /* offer to accept */
    uint64_t talk_us;
    uint64_t wrap_us; /* the agent ends wrap-up after that, if the queue's time for it is longer */
    struct jn_skill skill[4];
    uint32_t queue; /* index */
    uint8_t skills, channel, priority /* 255: the queue's */;
};
/* All arrays are borrowed. Calls and shifts in any order. */
struct jn_sim_day {
    const struct jn_sim_queue *queue;
    const struct jn_sim_agent *agent;
    const struct jn_sim_shift *shift;
    const struct jn_sim_call *call;
    uint32_t queues, agents, shifts, calls;
    uint64_t count_from_us; /* calls that arrive earlier are run and not counted */
};

/* Figures of a queue, or of all. waits: ascending, of the answered. */
struct jn_sim_figures {
    uint64_t offered, answered, abandoned, rejected, in_target;
    uint64_t waited;                         /* answered or abandoned, and not at once */
    uint64_t wait_us;                        /* sum, of the answered */
    uint64_t abandon_us;                     /* sum of what the abandoned waited */
    uint64_t p50_us, p90_us, p99_us, max_us; /* waits of the answered */
};
struct jn_sim_worker {
    uint64_t staffed_us, busy_us; /* ready or busy; rung, on an interaction or in wrap-up */
    uint64_t answered;
};
struct jn_sim_result {
    struct jn_sim_figures all, *queue; /* by index of the day */
    struct jn_sim_worker *worker;
    double occupancy;         /* busy / staffed, over all */
    double spread;            /* standard deviation of the agents' occupancies, weighted by their time */
    double fairness;          /* Jain's index of the agents' occupancies: 1 all alike, 1/n one works alone */
    uint64_t events, refused; /* given to the router; refused by it, which a right day never is */
};

/* 0, -EINVAL (a day that makes no sense: err says why), -ENOMEM, -EFAULT (an invariant of the router is broken). */
int jn_sim_run(struct jn_sim_result *out, const struct jn_sim_day *day, struct jn_err *err);
void jn_sim_result_free(struct jn_sim_result *r);

/* In the words of router/report: answered within the target / (answered + abandoned); 0 when there was nobody. */
double jn_sim_service_level(const struct jn_sim_figures *f);

#endif
