/* Sum: adds up what a simulated day said. Private to router/whatif. */
#ifndef JN_ROUTER_SUM_H
#define JN_ROUTER_SUM_H

#include "engine/base/map.h"
#include "router/whatif/sim.h"

struct jn_sim_wait {
    uint64_t us;
    uint32_t queue;
};
struct jn_sim_sum {
    struct jn_sim_figures *queue;
    struct jn_sim_worker *worker;
    uint64_t *since_us, refused, from_us;
    uint8_t *shown; /* by agent: enum jn_agent_state */
    struct jn_sim_wait *wait;
    size_t waits, waits_cap;
    uint32_t queues, agents;
};
int jn_sim_sum_init(struct jn_sim_sum *s, const struct jn_sim_day *day);
void jn_sim_sum_free(struct jn_sim_sum *s);
/* The agent shows another state from now on. */
void jn_sim_sum_agent(struct jn_sim_sum *s, uint32_t agent, uint8_t state, uint64_t now_us);
/* Its outcome is final. 0 or -ENOMEM. */
int jn_sim_sum_call(struct jn_sim_sum *s, uint32_t queue, const struct jn_ix_row *row);
/* Moves the figures into out. 0 or -ENOMEM. */
int jn_sim_sum_result(struct jn_sim_sum *s, struct jn_sim_result *out, uint64_t end_us);

#endif
