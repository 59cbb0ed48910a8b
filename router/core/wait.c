/* Wait: the waiting of a queue. Each waiting interaction stands in its queue's tree (its position) and in one line (who
 * could take it), under the same key. */
#include "router/core/state.h"
#include "router/match/match.h"

#include <string.h>

void jn_arm(struct jn_router *r, struct jn_timer *t, uint64_t after_us)
{
    jn_heap_arm(&r->timers, t, r->now_us + after_us); /* the heap has room for every timer there is */
}

static bool same_wish(const struct jn_line *l, const struct jn_ix *ix)
{
    if (l->channel != ix->row.channel || l->skills != ix->skills || l->queue != ix->queue)
        return false;
    for (unsigned i = 0; i < ix->skills; i++)
        if (l->skill[i].id != ix->skill[i].id || l->skill[i].level != ix->skill[i].level)
            return false;
    return true;
}

static uint32_t *line_head(struct jn_router *r, const struct jn_line *l)
{
    return l->agent == JN_NONE ? &r->queue[l->queue].lines : &r->agent[l->agent].lines;
}

static void line_join(struct jn_router *r, uint32_t i)
{
    struct jn_ix *ix = &r->ix[i];
    struct jn_line wish = {.queue = ix->queue, .agent = JN_NONE, .channel = ix->row.channel, .skills = ix->skills};

    if (ix->patience)
        wish.agent = jn_find_worker(r, ix->row.tenant, ix->preferred);
    uint32_t *head = line_head(r, &wish), l = *head;
    while (l != JN_NONE && !same_wish(&r->line[l], ix))
        l = r->line[l].next;
    if (l == JN_NONE) {
        l = jn_pool_take(&r->lines); /* as many lines as interactions: there is always one */
        memcpy(wish.skill, ix->skill, sizeof wish.skill);
        jn_tree_init(&wish.tree);
        wish.prev = JN_NONE;
        wish.next = *head;
        r->line[l] = wish;
        if (wish.next != JN_NONE)
            r->line[wish.next].prev = l;
        *head = l;
    }
    r->line_node[i] = (struct jn_node){.hi = r->wait_node[i].hi, .lo = r->wait_node[i].lo};
    jn_tree_insert(&r->line[l].tree, r->line_node, i);
    ix->line = l;
}

static void line_part(struct jn_router *r, uint32_t i)
{
    uint32_t at = r->ix[i].line;
    struct jn_line *l = &r->line[at];

    r->ix[i].line = JN_NONE;
    jn_tree_remove(&l->tree, r->line_node, i);
    if (l->tree.root != JN_NONE)
        return;
    if (l->prev == JN_NONE)
        *line_head(r, l) = l->next;
    else
        r->line[l->prev].next = l->next;
    if (l->next != JN_NONE)
        r->line[l->next].prev = l->prev;
    jn_pool_give(&r->lines, at);
}

void jn_wait_place(struct jn_router *r, uint32_t i)
{
    const struct jn_ix *ix = &r->ix[i];

    r->wait_node[i] = (struct jn_node){.hi = 9u - ix->row.priority, .lo = ix->row.order, .value = ix->row.arrived_us};
    jn_tree_insert(&r->queue[ix->queue].waiting, r->wait_node, i);
    line_join(r, i);
}

void jn_wait_enter(struct jn_router *r, uint32_t i)
{
    struct jn_ix *ix = &r->ix[i];
    const struct jn_ev_queue *set = &r->queue[ix->queue].set;

    jn_wait_place(r, i);
    if (set->max_wait_ms) {
        uint64_t end = ix->wait_from_us + (uint64_t)set->max_wait_ms * 1000;
        jn_arm(r, &ix->timer[JN_IX_TERM], end > r->now_us ? end - r->now_us : 0);
    }
    if (set->announce_ms)
        jn_arm(r, &ix->timer[JN_IX_ANNOUNCE], (uint64_t)set->announce_ms * 1000);
    if (ix->patience)
        jn_arm(r, &ix->timer[JN_IX_PATIENCE], (uint64_t)set->prefer_ms * 1000);
    jn_match_fresh_ix(r, i);
    jn_touch_queue(r, ix->queue);
}

void jn_wait_leave(struct jn_router *r, uint32_t i)
{
    struct jn_ix *ix = &r->ix[i];

    line_part(r, i);
    jn_tree_remove(&r->queue[ix->queue].waiting, r->wait_node, i);
    for (unsigned t = 0; t < JN_IX_TIMER_N; t++)
        jn_heap_disarm(&r->timers, &ix->timer[t]);
    ix->patience = false;
    jn_touch_queue(r, ix->queue);
}

void jn_wait_end_patience(struct jn_router *r, uint32_t i)
{
    line_part(r, i);
    r->ix[i].patience = false;
    jn_heap_disarm(&r->timers, &r->ix[i].timer[JN_IX_PATIENCE]);
    line_join(r, i);
    jn_match_fresh_ix(r, i);
}

bool jn_wait_worthwhile(const struct jn_router *r, uint32_t i, uint32_t a)
{
    const struct jn_ix *ix = &r->ix[i];
    const struct jn_agent *agent = &r->agent[a];

    return agent->presence != JN_AGENT_LOGGED_OUT && agent->set.capacity[ix->row.channel] > 0 &&
           jn_agent_has(&agent->set, ix->skill, ix->skills) && jn_links_find(r, a, ix->queue) != JN_NONE;
}

/* All of one line want the same, so the first speaks for them. */
void jn_wait_review_agent(struct jn_router *r, uint32_t a)
{
    for (uint32_t l = r->agent[a].lines, next; l != JN_NONE; l = next) {
        next = r->line[l].next;
        if (jn_wait_worthwhile(r, r->line[l].tree.first, a))
            continue;
        for (uint32_t n = jn_tree_count(&r->line[l].tree, r->line_node); n > 0; n--)
            jn_wait_end_patience(r, r->line[l].tree.first);
    }
}

void jn_wait_review_queue(struct jn_router *r, uint32_t q)
{
    for (uint32_t i = r->queue[q].waiting.first; i != JN_NONE; i = jn_tree_next(r->wait_node, i))
        if (r->ix[i].patience && !jn_wait_worthwhile(r, i, r->line[r->ix[i].line].agent))
            jn_wait_end_patience(r, i);
}
