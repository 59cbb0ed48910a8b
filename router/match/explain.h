/* Explain: why an interaction went to that agent, as the state stood when it was decided. Nothing is kept while the
 * router serves: a replay of the journal up to that event watches the same decision again. */
#ifndef JN_ROUTER_EXPLAIN_H
#define JN_ROUTER_EXPLAIN_H

#include "router/core/types.h"

enum { JN_EXPLAIN_AGENTS = 8, JN_EXPLAIN_RIVALS = 4 };

/* Which sentence of router/match/match.h picked the agent. */
enum jn_explain_rule {
    JN_EXPLAIN_PREFERRED, /* it prefers that agent, who may take it */
    JN_EXPLAIN_ONLY,      /* nobody else may take it */
    JN_EXPLAIN_POLICY     /* first by the queue's policy of those who may */
};

struct jn_explain_agent {
    uint64_t id;
    uint64_t since_us; /* when its state began */
    uint32_t score;    /* sum of its levels in the queue's skills */
    uint8_t load;      /* in hand in that channel */
};
struct jn_explain_rival {
    uint64_t id, queue, due_us;
    uint16_t weight;
    uint8_t priority;
};
struct jn_explanation {
    uint64_t seq, time_us; /* of the event that led to it */
    uint64_t ix, tenant, queue, agent, preferred;
    uint64_t waited_us, due_us; /* due: when it entered the queue, plus the queue's target */
    uint16_t weight;
    uint8_t channel, priority, policy, rule;
    /* Those who serve the queue: how many could take it at that moment, and why the others could not. */
    uint32_t serve, able, lack_skill, logged_out, not_ready, busy, back_off;
    struct jn_explain_agent candidate[JN_EXPLAIN_AGENTS]; /* in the policy's order, the first ones of `able` */
    uint32_t candidates;
    /* What else waited that the agent could have taken: the first ones by the one rule, all behind this one. */
    struct jn_explain_rival rival[JN_EXPLAIN_RIVALS];
    uint32_t rivals;
};

struct jn_router;
/* Before the offer is made: the interaction still waits. Tells r's watcher. */
void jn_explain_offer(const struct jn_router *r, uint32_t ix, uint32_t agent);

#endif
