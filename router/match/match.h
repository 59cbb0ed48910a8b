/* Match: who serves what.
 *
 * The one rule: among all that wait, whatever their queue, first comes the larger priority, then the larger weight of
 * its queue, then the earlier due time (when it entered the queue, plus the queue's target), then the smaller order.
 *
 * While some interaction waits that some available agent may take, the first such one by that rule is offered: to its
 * preferred agent if that one may take it, otherwise to the first by its queue's policy of those who may.
 *
 * May take: the agent is available for the channel (router/agent), of the same tenant, has the queue's and the
 * interaction's skills at their levels; and while patience lasts it is the preferred one. Patience begins on arrival,
 * when the preferred agent is logged in and has the skills; it ends after prefer_ms, with the first offer, and when
 * that agent logs out, goes, or loses the skills.
 *
 * longest-idle: smaller load in that channel, then idle for longer (FCFS-ALIS). best-skill: larger sum of levels in the
 * queue's skills, then as before. An agent's idle time begins when it becomes ready and when an interaction leaves its
 * hands after it was connected; a failed offer leaves it as it is. */
#ifndef JN_ROUTER_MATCH_H
#define JN_ROUTER_MATCH_H

#include <stdbool.h>
#include <stdint.h>

struct jn_router;
struct jn_ix;

/* The order of a queue's idle agents: ascending rank, then who is idle for longer. score: sum of the levels that the
 * queue asks for; load: interactions in hand in that channel. */
struct jn_policy_ops {
    const char *name;
    uint64_t (*rank)(uint32_t score, uint8_t load);
};
extern const struct jn_policy_ops jn_policy_longest_idle, jn_policy_best_skill;
/* By enum jn_policy. */
const struct jn_policy_ops *jn_policy(uint8_t policy);

/* idle.c: brings the agent's nodes in all idle sets up to date and lists it for matching when it has more room. */
void jn_idle_update(struct jn_router *r, uint32_t a);
/* Enters a new link into, or takes one out of, the idle sets that its agent is listed in. */
void jn_idle_link(struct jn_router *r, uint32_t link);
void jn_idle_unlink(struct jn_router *r, uint32_t link);
/* links.c: makes or drops the links between an agent and the queues whose skills it has. -ENOMEM: nothing changed. */
int jn_links_agent(struct jn_router *r, uint32_t a);
int jn_links_queue(struct jn_router *r, uint32_t q);
void jn_links_drop_agent(struct jn_router *r, uint32_t a);
void jn_links_drop_queue(struct jn_router *r, uint32_t q);
uint32_t jn_links_find(const struct jn_router *r, uint32_t a, uint32_t q);
/* Keeps room for n more links. */
int jn_links_reserve(struct jn_router *r, uint32_t n);

/* rule.c: the one rule, and who may take what. */
bool jn_rule_before(const struct jn_router *r, uint32_t a, uint32_t b);
bool jn_rule_may_take(const struct jn_router *r, uint32_t a, uint32_t i);
/* The agent that the interaction is offered to, JN_NONE: nobody. */
uint32_t jn_rule_agent(const struct jn_router *r, uint32_t i);
/* What the agent would take, JN_NONE: nothing. */
uint32_t jn_rule_interaction(const struct jn_router *r, uint32_t a);

/* run.c: lists for matching, and offers until nothing more fits. */
void jn_match_fresh_ix(struct jn_router *r, uint32_t i);
void jn_match_fresh_agent(struct jn_router *r, uint32_t a);
void jn_match_run(struct jn_router *r);

#endif
