/* Idle: each agent with room has a node in the idle set of every queue that it serves, by channel. One update costs
 * O(queues served * log agents), and nothing when nothing changed. */
#include "router/core/state.h"
#include "router/match/match.h"

const struct jn_policy_ops *jn_policy(uint8_t policy)
{
    static const struct jn_policy_ops *const all[JN_POLICY_N] = {
        [JN_POLICY_LONGEST_IDLE] = &jn_policy_longest_idle,
        [JN_POLICY_BEST_SKILL] = &jn_policy_best_skill,
    };
    return all[policy];
}

static void enlist(struct jn_router *r, const struct jn_agent *a, uint32_t link, unsigned ch)
{
    const struct jn_link *l = &r->link[link];
    struct jn_queue *q = &r->queue[l->queue];
    uint32_t n = 2 * link + ch;

    r->idle_node[n].hi = jn_policy(q->set.policy)->rank(l->score, a->idle_load[ch]);
    r->idle_node[n].lo = a->idle_mark;
    r->idle_node[n].value = 0;
    jn_tree_insert(&q->idle[ch], r->idle_node, n);
}

void jn_idle_link(struct jn_router *r, uint32_t link)
{
    const struct jn_agent *a = &r->agent[r->link[link].agent];

    for (unsigned ch = 0; ch < JN_CH_N; ch++)
        if (a->idle[ch])
            enlist(r, a, link, ch);
}

void jn_idle_unlink(struct jn_router *r, uint32_t link)
{
    const struct jn_agent *a = &r->agent[r->link[link].agent];

    for (unsigned ch = 0; ch < JN_CH_N; ch++)
        if (a->idle[ch])
            jn_tree_remove(&r->queue[r->link[link].queue].idle[ch], r->idle_node, 2 * link + ch);
}

void jn_idle_update(struct jn_router *r, uint32_t index)
{
    struct jn_agent *a = &r->agent[index];
    bool want[JN_CH_N], same = true, listed = false;

    for (unsigned ch = 0; ch < JN_CH_N; ch++) {
        want[ch] = jn_agent_available(a, ch);
        listed = listed || want[ch];
        same = same && want[ch] == a->idle[ch] &&
               (!want[ch] || (a->load[ch] == a->idle_load[ch] && a->mark == a->idle_mark));
    }
    if (same)
        return;
    for (uint32_t l = a->links; l != JN_NONE; l = r->link[l].agent_next)
        jn_idle_unlink(r, l);
    for (unsigned ch = 0; ch < JN_CH_N; ch++) {
        a->idle[ch] = want[ch];
        a->idle_load[ch] = a->load[ch];
    }
    a->idle_mark = a->mark;
    for (uint32_t l = a->links; l != JN_NONE; l = r->link[l].agent_next)
        jn_idle_link(r, l);
    if (listed)
        jn_match_fresh_agent(r, index);
}
