/* Day: a recorded day as the simulation needs it: who called when, who worked when, how long each thing took. Out of a
 * journal (engine/app) or a file of calls. */
#ifndef JN_ROUTER_DAY_H
#define JN_ROUTER_DAY_H

#include "router/whatif/patience.h"
#include "router/whatif/sim.h"

struct jn_day_call {
    struct jn_sim_call is; /* its ring, talk and wrap-up if answered; patience: what it waited */
    bool answered, left, in_target;
};
struct jn_day_name {
    char text[JN_NAME_MAX];
};
struct jn_day {
    struct jn_sim_queue *queue;
    struct jn_day_name *queue_name;
    struct jn_sim_agent *agent;
    struct jn_sim_shift *shift;
    struct jn_day_call *call;
    uint32_t queues, agents, shifts, calls;
    struct jn_patience all, *patience; /* by queue, where enough left; else all's */
    uint32_t *answered, *answered_of;  /* indices of answered calls by queue; queues + 1 beginnings */
};
void jn_day_free(struct jn_day *d);
/* What drawing needs, once everything above is filled in. 0 or -ENOMEM. */
int jn_day_ready(struct jn_day *d);
/* One seed's calls: recorded arrivals; patience drawn anew for all; ring, talk and wrap-up as recorded, for those who
 * were not answered those of another call of the queue. out holds d->calls. */
void jn_day_draw(const struct jn_day *d, uint64_t seed, struct jn_sim_call *out);
/* What really happened: all and queues (d->queues of them); occupancy is 0 when the shifts do not say it. */
int jn_day_recorded(const struct jn_day *d, struct jn_sim_figures *all, struct jn_sim_figures *queue);

/* How a file of calls is read. */
struct jn_day_how {
    uint32_t break_s, wrap_up_s, target_s; /* without a call for longer than break_s, an agent was away */
};
/* calls: lines "arrival_s,queue,answered,wait_s,service_s,agent,...", headed by these names; agents (NULL: none): lines
 * with columns "agent" and "queues_month(queue:calls)", which tell more skills of agents. Skills are the queues whose
 * calls an agent took, level by how often. -EINVAL with the line, -ENOMEM. */
int jn_day_read(struct jn_day *d, const char *calls, const char *agents, const struct jn_day_how *how,
                struct jn_err *err);

/* Changes queues (d->queues of them) by a policy: the name of one for all queues, or lines "QUEUE POLICY [weight=N]
 * [priority=N] [target_ms=N]", QUEUE * for all, later lines win, # begins a comment. -EINVAL with the line. */
int jn_day_policy(const struct jn_day *d, struct jn_sim_queue *queue, const char *text, struct jn_err *err);
/* Whether some policy is called that; its number in *out. */
bool jn_day_policy_named(const char *name, uint8_t *out);

#endif
