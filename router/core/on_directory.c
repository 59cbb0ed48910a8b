/* Directory events: tenants, queues and agents come, change and go. A change moves nothing that waits; what it makes
 * possible is matched at the end of the step. Timers that run keep the deadlines they were started with. */
#include "router/core/state.h"
#include "router/match/match.h"

#include <string.h>

static uint8_t tenant_put(struct jn_router *r, const struct jn_event *ev)
{
    uint32_t t = jn_find_tenant(r, ev->tenant);

    if (t == JN_NONE)
        t = jn_add_tenant(r, ev->tenant);
    if (t == JN_NONE)
        return JN_WHY_BUSY;
    r->tenant[t].weight = ev->tenant_put.weight;
    return JN_WHY_NONE;
}

static bool same_skills(const struct jn_skill *a, unsigned na, const struct jn_skill *b, unsigned nb)
{
    if (na != nb)
        return false;
    for (unsigned i = 0; i < na; i++)
        if (a[i].id != b[i].id || a[i].level != b[i].level)
            return false;
    return true;
}

static uint8_t queue_put(struct jn_router *r, const struct jn_event *ev)
{
    const struct jn_ev_queue *set = &ev->queue;
    uint32_t q = jn_map_get(&r->queue_by_id, set->id);
    bool relink = true;

    if (jn_find_tenant(r, ev->tenant) == JN_NONE || (q != JN_NONE && r->queue[q].tenant != ev->tenant))
        return JN_WHY_UNKNOWN_ID;
    if (jn_links_reserve(r, r->agents.count) < 0)
        return JN_WHY_BUSY;
    if (q == JN_NONE) {
        q = jn_add_queue(r, ev->tenant, set->id, r->serial + 1);
        if (q == JN_NONE)
            return JN_WHY_BUSY;
        r->serial++;
    } else {
        const struct jn_ev_queue *old = &r->queue[q].set;
        relink = old->policy != set->policy || !same_skills(old->skill, old->skills, set->skill, set->skills);
    }
    if (relink)
        jn_links_drop_queue(r, q);
    r->queue[q].set = *set;
    if (relink) {
        jn_links_queue(r, q);
        jn_wait_review_queue(r, q);
    }
    jn_touch_queue(r, q);
    return JN_WHY_NONE;
}

static void queue_remove(struct jn_router *r, uint32_t q)
{
    struct jn_queue *queue = &r->queue[q];

    for (uint32_t i = r->ixs.head, next; i != JN_NONE; i = next) {
        next = r->ixs.next[i];
        if (r->ix[i].queue != q)
            continue;
        if (r->ix[i].row.state == JN_IX_WRAP_UP)
            jn_work_wrap_done(r, i);
        else
            jn_work_end(r, i, JN_WHY_REMOVED, r->now_us, false);
    }
    jn_links_drop_queue(r, q);
    jn_heap_disarm(&r->timers, &queue->row_timer);
    jn_emit_queue(r, JN_CMD_GONE, queue);
    jn_map_del(&r->queue_by_id, queue->set.id);
    queue->set.id = 0;
    jn_pool_give(&r->queues, q);
}

static uint8_t agent_put(struct jn_router *r, const struct jn_event *ev)
{
    const struct jn_ev_agent *set = &ev->agent;
    uint32_t a = jn_map_get(&r->agent_by_id, set->id);
    bool relink = true;

    if (jn_find_tenant(r, ev->tenant) == JN_NONE || (a != JN_NONE && r->agent[a].tenant != ev->tenant))
        return JN_WHY_UNKNOWN_ID;
    if (jn_links_reserve(r, r->queues.count) < 0)
        return JN_WHY_BUSY;
    if (a == JN_NONE) {
        a = jn_add_agent(r, ev->tenant, set->id, r->serial + 1);
        if (a == JN_NONE)
            return JN_WHY_BUSY;
        r->serial++;
    } else {
        const struct jn_ev_agent *old = &r->agent[a].set;
        relink = !same_skills(old->skill, old->skills, set->skill, set->skills) || old->n_serves != set->n_serves ||
                 memcmp(old->serves, set->serves, set->n_serves * sizeof set->serves[0]) != 0;
    }
    if (relink)
        jn_links_drop_agent(r, a);
    struct jn_agent *agent = &r->agent[a];
    agent->set = *set;
    for (unsigned ch = 0; ch < JN_CH_N; ch++)
        agent->bound[ch] = agent->load[ch] > set->capacity[ch] ? agent->load[ch] : set->capacity[ch];
    if (relink)
        jn_links_agent(r, a);
    jn_idle_update(r, a);
    jn_wait_review_agent(r, a);
    jn_touch_agent(r, a);
    return JN_WHY_NONE;
}

static void agent_remove(struct jn_router *r, uint32_t a)
{
    struct jn_agent *agent = &r->agent[a];
    uint32_t hand[2 * UINT8_MAX];

    agent->presence = JN_AGENT_LOGGED_OUT;
    agent->after = false;
    jn_idle_update(r, a);
    if (agent->consult != JN_NONE)
        jn_work_unconsult(r, agent->consult, JN_WHY_REMOVED);
    jn_work_revoke(r, a, JN_WHY_REMOVED);
    jn_wait_review_agent(r, a);
    unsigned n = jn_work_in_hand(r, a, hand, sizeof hand / sizeof hand[0]);
    for (unsigned i = 0; i < n; i++) {
        if (r->ix[hand[i]].row.state == JN_IX_WRAP_UP)
            jn_work_wrap_done(r, hand[i]);
        else
            jn_work_end(r, hand[i], JN_WHY_REMOVED, r->now_us, false);
    }
    jn_links_drop_agent(r, a);
    jn_heap_disarm(&r->timers, &agent->back_off);
    jn_emit_agent(r, agent, JN_CMD_GONE);
    jn_map_del(&r->agent_by_id, agent->set.id);
    agent->set.id = 0;
    jn_pool_give(&r->agents, a);
}

static void tenant_remove(struct jn_router *r, uint32_t t)
{
    uint64_t id = r->tenant[t].id;

    for (uint32_t q = r->queues.head, next; q != JN_NONE; q = next) {
        next = r->queues.next[q];
        if (r->queue[q].tenant == id)
            queue_remove(r, q);
    }
    for (uint32_t a = r->agents.head, next; a != JN_NONE; a = next) {
        next = r->agents.next[a];
        if (r->agent[a].tenant == id)
            agent_remove(r, a);
    }
    jn_map_del(&r->tenant_by_id, id);
    jn_pool_give(&r->tenants, t);
}

uint8_t jn_on_directory(struct jn_router *r, const struct jn_event *ev)
{
    uint32_t at;

    switch ((enum jn_event_kind)ev->kind) {
    case JN_EV_TENANT_PUT:
        return tenant_put(r, ev);
    case JN_EV_TENANT_DEL:
        if ((at = jn_find_tenant(r, ev->tenant)) == JN_NONE)
            return JN_WHY_UNKNOWN_ID;
        tenant_remove(r, at);
        return JN_WHY_NONE;
    case JN_EV_QUEUE_PUT:
        return queue_put(r, ev);
    case JN_EV_QUEUE_DEL:
        if ((at = jn_find_queue(r, ev->tenant, ev->ix.queue)) == JN_NONE)
            return JN_WHY_UNKNOWN_ID;
        queue_remove(r, at);
        return JN_WHY_NONE;
    case JN_EV_AGENT_PUT:
        return agent_put(r, ev);
    default: /* JN_EV_AGENT_DEL */
        if ((at = jn_find_agent(r, ev->tenant, ev->who.agent)) == JN_NONE)
            return JN_WHY_UNKNOWN_ID;
        agent_remove(r, at);
        return JN_WHY_NONE;
    }
}
