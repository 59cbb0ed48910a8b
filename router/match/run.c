/* Run: the end of each step. Only what changed is looked at: an interaction that just began to wait, an agent who just
 * got room. Everything else was unmatchable before and still is. */
#include "router/core/state.h"
#include "router/match/explain.h"
#include "router/match/match.h"

void jn_match_fresh_ix(struct jn_router *r, uint32_t i)
{
    if (r->ix[i].fresh)
        return;
    r->ix[i].fresh = true;
    r->fresh_ixs[r->n_fresh_ixs++] = i;
}

void jn_match_fresh_agent(struct jn_router *r, uint32_t a)
{
    if (r->agent[a].fresh)
        return;
    r->agent[a].fresh = true;
    r->agent[a].best = JN_NONE;
    r->fresh_agents[r->n_fresh_agents++] = a;
}

/* Heap sort by the one rule: in place, and never slow on sorted input, which is the usual one. */
static void sink(const struct jn_router *r, uint32_t *at, uint32_t i, uint32_t n)
{
    uint32_t x = at[i];

    for (uint32_t k; (k = 2 * i + 1) < n; i = k) {
        if (k + 1 < n && jn_rule_before(r, at[k], at[k + 1]))
            k++;
        if (!jn_rule_before(r, x, at[k]))
            break;
        at[i] = at[k];
    }
    at[i] = x;
}

static void sort(const struct jn_router *r, uint32_t *at, uint32_t n)
{
    for (uint32_t i = n / 2; i-- > 0;)
        sink(r, at, i, n);
    for (uint32_t k = n; k-- > 1;) {
        uint32_t x = at[0];
        at[0] = at[k];
        at[k] = x;
        sink(r, at, 0, k);
    }
}

/* The best that a fresh agent would take. Each agent's choice is kept until it was taken by somebody or the agent
 * itself took something; those who find nothing leave the list. */
static uint32_t best_of_agents(struct jn_router *r)
{
    uint32_t best = JN_NONE;

    for (uint32_t k = 0; k < r->n_fresh_agents;) {
        struct jn_agent *a = &r->agent[r->fresh_agents[k]];
        if (a->best == JN_NONE || r->ix[a->best].row.state != JN_IX_QUEUED)
            a->best = jn_rule_interaction(r, r->fresh_agents[k]);
        if (a->best == JN_NONE) {
            a->fresh = false;
            r->fresh_agents[k] = r->fresh_agents[--r->n_fresh_agents];
            continue;
        }
        if (best == JN_NONE || jn_rule_before(r, a->best, best))
            best = a->best;
        k++;
    }
    return best;
}

void jn_match_run(struct jn_router *r)
{
    uint32_t k = 0;

    for (uint32_t i = 0; i < r->n_fresh_ixs;)
        if (r->ix[r->fresh_ixs[i]].row.state != JN_IX_QUEUED) {
            r->ix[r->fresh_ixs[i]].fresh = false;
            r->fresh_ixs[i] = r->fresh_ixs[--r->n_fresh_ixs];
        } else {
            i++;
        }
    sort(r, r->fresh_ixs, r->n_fresh_ixs);
    for (;;) {
        uint32_t i = best_of_agents(r), to = JN_NONE;
        while (k < r->n_fresh_ixs) {
            uint32_t f = r->fresh_ixs[k];
            if (i != JN_NONE && f != i && !jn_rule_before(r, f, i))
                break;
            to = r->ix[f].row.state == JN_IX_QUEUED ? jn_rule_agent(r, f) : JN_NONE;
            if (to != JN_NONE) {
                i = f;
                break;
            }
            r->ix[f].fresh = false;
            k++;
        }
        if (i == JN_NONE)
            break;
        if (to == JN_NONE)
            to = jn_rule_agent(r, i);
        r->agent[to].best = JN_NONE;
        if (r->watch)
            jn_explain_offer(r, i, to);
        jn_work_offer(r, i, to);
    }
    r->n_fresh_ixs = 0;
}
