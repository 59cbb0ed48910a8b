/* Rule: the sentences of match.h as functions over the lines and idle sets. */
#include "router/core/state.h"
#include "router/match/match.h"

static uint64_t due_us(const struct jn_router *r, const struct jn_ix *ix)
{
    return ix->row.queued_us + (uint64_t)r->queue[ix->queue].set.target_ms * 1000;
}

bool jn_rule_before(const struct jn_router *r, uint32_t a, uint32_t b)
{
    const struct jn_ix *x = &r->ix[a], *y = &r->ix[b];

    if (x->row.priority != y->row.priority)
        return x->row.priority > y->row.priority;
    if (x->queue != y->queue) {
        uint16_t wx = r->queue[x->queue].set.weight, wy = r->queue[y->queue].set.weight;
        if (wx != wy)
            return wx > wy;
        uint64_t dx = due_us(r, x), dy = due_us(r, y);
        if (dx != dy)
            return dx < dy;
    }
    return x->row.order < y->row.order; /* in one queue, entering time and order grow together */
}

bool jn_rule_may_take(const struct jn_router *r, uint32_t a, uint32_t i)
{
    const struct jn_agent *agent = &r->agent[a];
    const struct jn_ix *ix = &r->ix[i];

    return agent->idle[ix->row.channel] && (!ix->patience || agent->set.id == ix->preferred) &&
           jn_agent_has(&agent->set, ix->skill, ix->skills) && jn_links_find(r, a, ix->queue) != JN_NONE;
}

uint32_t jn_rule_agent(const struct jn_router *r, uint32_t i)
{
    const struct jn_ix *ix = &r->ix[i];
    uint32_t preferred = ix->preferred ? jn_find_worker(r, ix->row.tenant, ix->preferred) : JN_NONE;

    if (preferred != JN_NONE && jn_rule_may_take(r, preferred, i))
        return preferred;
    if (ix->patience)
        return JN_NONE;
    const struct jn_tree *idle = &r->queue[ix->queue].idle[ix->row.channel];
    for (uint32_t n = idle->first; n != JN_NONE; n = jn_tree_next(r->idle_node, n)) {
        uint32_t a = r->link[n / 2].agent;
        if (jn_agent_has(&r->agent[a].set, ix->skill, ix->skills))
            return a;
    }
    return JN_NONE;
}

/* The first of the line, if the agent has room for its channel and the skills, and if it comes before best. */
static uint32_t better(const struct jn_router *r, const struct jn_agent *a, uint32_t line, uint32_t best)
{
    const struct jn_line *l = &r->line[line];
    uint32_t i = l->tree.first;

    if (!a->idle[l->channel] || !jn_agent_has(&a->set, l->skill, l->skills))
        return best;
    return best == JN_NONE || jn_rule_before(r, i, best) ? i : best;
}

uint32_t jn_rule_interaction(const struct jn_router *r, uint32_t index)
{
    const struct jn_agent *a = &r->agent[index];
    uint32_t best = JN_NONE;

    if (!a->idle[JN_CH_VOICE] && !a->idle[JN_CH_CHAT])
        return JN_NONE;
    for (uint32_t k = a->links; k != JN_NONE; k = r->link[k].agent_next)
        for (uint32_t l = r->queue[r->link[k].queue].lines; l != JN_NONE; l = r->line[l].next)
            best = better(r, a, l, best);
    for (uint32_t l = a->lines; l != JN_NONE; l = r->line[l].next)
        best = better(r, a, l, best);
    return best;
}
