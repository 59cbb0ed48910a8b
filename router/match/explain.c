/* Explain: the decision in hand, put into a plain struct. Only walks what the decision itself walked. */
#include "router/match/explain.h"
#include "router/core/state.h"
#include "router/match/match.h"

static void candidates(struct jn_explanation *e, const struct jn_router *r, const struct jn_ix *ix)
{
    const struct jn_tree *idle = &r->queue[ix->queue].idle[ix->row.channel];

    for (uint32_t n = idle->first; n != JN_NONE; n = jn_tree_next(r->idle_node, n)) {
        const struct jn_link *l = &r->link[n / 2];
        const struct jn_agent *a = &r->agent[l->agent];
        if (!jn_agent_has(&a->set, ix->skill, ix->skills))
            continue;
        e->able++;
        if (e->candidates < JN_EXPLAIN_AGENTS)
            e->candidate[e->candidates++] = (struct jn_explain_agent){
                .id = a->set.id, .since_us = a->since_us, .score = l->score, .load = a->load[ix->row.channel]};
    }
}

static void others(struct jn_explanation *e, const struct jn_router *r, const struct jn_ix *ix)
{
    for (uint32_t k = r->queue[ix->queue].links; k != JN_NONE; k = r->link[k].queue_next) {
        const struct jn_agent *a = &r->agent[r->link[k].agent];
        e->serve++;
        if (a->presence == JN_AGENT_LOGGED_OUT)
            e->logged_out++;
        else if (!jn_agent_has(&a->set, ix->skill, ix->skills))
            e->lack_skill++;
        else if (a->presence != JN_AGENT_READY)
            e->not_ready++;
        else if (!a->idle[ix->row.channel]) {
            if (a->back_off.slot != JN_TIMER_IDLE)
                e->back_off++;
            else
                e->busy++;
        }
    }
}

/* The first n of what the agent could take instead, in order: lines are in order themselves, so each gives its own
 * first ones. */
static void rival(struct jn_explanation *e, const struct jn_router *r, uint32_t at[], uint32_t i)
{
    uint32_t k = e->rivals < JN_EXPLAIN_RIVALS ? e->rivals++ : JN_EXPLAIN_RIVALS - 1;

    if (k == JN_EXPLAIN_RIVALS - 1 && e->rivals == JN_EXPLAIN_RIVALS && at[k] != JN_NONE &&
        !jn_rule_before(r, i, at[k]))
        return;
    at[k] = i;
    for (; k > 0 && jn_rule_before(r, at[k], at[k - 1]); k--) {
        uint32_t x = at[k];
        at[k] = at[k - 1];
        at[k - 1] = x;
    }
}

static void line(struct jn_explanation *e, const struct jn_router *r, uint32_t at[], const struct jn_agent *a,
                 uint32_t index, uint32_t but)
{
    const struct jn_line *l = &r->line[index];
    uint32_t i = l->tree.first;

    if (!a->idle[l->channel] || !jn_agent_has(&a->set, l->skill, l->skills))
        return;
    for (unsigned n = 0; i != JN_NONE && n <= JN_EXPLAIN_RIVALS; n++, i = jn_tree_next(r->line_node, i))
        if (i != but)
            rival(e, r, at, i);
}

static void rivals(struct jn_explanation *e, const struct jn_router *r, uint32_t ix, uint32_t agent)
{
    const struct jn_agent *a = &r->agent[agent];
    uint32_t at[JN_EXPLAIN_RIVALS] = {JN_NONE, JN_NONE, JN_NONE, JN_NONE};

    for (uint32_t k = a->links; k != JN_NONE; k = r->link[k].agent_next)
        for (uint32_t l = r->queue[r->link[k].queue].lines; l != JN_NONE; l = r->line[l].next)
            line(e, r, at, a, l, ix);
    for (uint32_t l = a->lines; l != JN_NONE; l = r->line[l].next)
        line(e, r, at, a, l, ix);
    for (uint32_t k = 0; k < e->rivals; k++) {
        const struct jn_ix *x = &r->ix[at[k]];
        const struct jn_queue *q = &r->queue[x->queue];
        e->rival[k] = (struct jn_explain_rival){.id = x->row.id,
                                                .queue = q->set.id,
                                                .due_us = x->row.queued_us + (uint64_t)q->set.target_ms * 1000,
                                                .weight = q->set.weight,
                                                .priority = x->row.priority};
    }
}

void jn_explain_offer(const struct jn_router *r, uint32_t index, uint32_t agent)
{
    const struct jn_ix *ix = &r->ix[index];
    const struct jn_queue *q = &r->queue[ix->queue];
    struct jn_explanation e = {.seq = r->seq,
                               .time_us = r->now_us,
                               .ix = ix->row.id,
                               .tenant = ix->row.tenant,
                               .queue = q->set.id,
                               .agent = r->agent[agent].set.id,
                               .preferred = ix->preferred,
                               .waited_us = r->now_us - ix->row.queued_us,
                               .due_us = ix->row.queued_us + (uint64_t)q->set.target_ms * 1000,
                               .weight = q->set.weight,
                               .channel = ix->row.channel,
                               .priority = ix->row.priority,
                               .policy = q->set.policy};

    candidates(&e, r, ix);
    others(&e, r, ix);
    rivals(&e, r, index, agent);
    e.rule = ix->preferred == e.agent ? JN_EXPLAIN_PREFERRED : e.able == 1 ? JN_EXPLAIN_ONLY : JN_EXPLAIN_POLICY;
    r->watch(r->watch_arg, &e);
}
