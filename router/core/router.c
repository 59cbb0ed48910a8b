/* Router: tables, and the loop of one event: due timers, the event itself, its answer, matching, rows. */
#include "router/core/state.h"
#include "router/core/valid.h"
#include "router/match/match.h"

#include <stdlib.h>
#include <string.h>

static int make_tables(struct jn_router *r)
{
    const struct jn_router_limits *l = &r->limits;
    uint64_t timers = (uint64_t)l->interactions * JN_IX_TIMER_N + l->agents + l->queues;

    if (timers > UINT32_MAX / 2)
        return -1;
    r->closed_cap = l->interactions < JN_CLOSED_MAX / JN_CLOSED_PER_OPEN ? l->interactions * JN_CLOSED_PER_OPEN
                                                                         : (uint32_t)JN_CLOSED_MAX;
    r->tenant = calloc(l->tenants, sizeof *r->tenant);
    r->queue = calloc(l->queues, sizeof *r->queue);
    r->agent = calloc(l->agents, sizeof *r->agent);
    r->ix = calloc(l->interactions, sizeof *r->ix);
    r->line = calloc(l->interactions, sizeof *r->line);
    r->wait_node = calloc(l->interactions, sizeof *r->wait_node);
    r->line_node = calloc(l->interactions, sizeof *r->line_node);
    r->closed = calloc(r->closed_cap, sizeof *r->closed);
    r->changed_agents = calloc(l->agents, sizeof *r->changed_agents);
    r->fresh_agents = calloc(l->agents, sizeof *r->fresh_agents);
    r->changed_queues = calloc(l->queues, sizeof *r->changed_queues);
    r->fresh_ixs = calloc(l->interactions, sizeof *r->fresh_ixs);
    if (!r->tenant || !r->queue || !r->agent || !r->ix || !r->line || !r->wait_node || !r->line_node || !r->closed ||
        !r->changed_agents || !r->fresh_agents || !r->changed_queues || !r->fresh_ixs)
        return -1;
    if (jn_pool_init(&r->tenants, l->tenants) < 0 || jn_pool_init(&r->queues, l->queues) < 0 ||
        jn_pool_init(&r->agents, l->agents) < 0 || jn_pool_init(&r->ixs, l->interactions) < 0 ||
        jn_pool_init(&r->lines, l->interactions) < 0 || jn_pool_init(&r->links, 1) < 0 ||
        jn_links_reserve(r, l->agents) < 0)
        return -1;
    if (jn_map_init(&r->tenant_by_id, l->tenants) < 0 || jn_map_init(&r->queue_by_id, l->queues) < 0 ||
        jn_map_init(&r->agent_by_id, l->agents) < 0 || jn_map_init(&r->ix_by_id, l->interactions) < 0 ||
        jn_map_init(&r->closed_by_id, r->closed_cap) < 0)
        return -1;
    return jn_heap_init(&r->timers, (uint32_t)timers);
}

struct jn_router *jn_router_new(const struct jn_router_limits *l, void (*emit)(void *arg, const struct jn_command *c),
                                void *arg)
{
    struct jn_router *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->limits = *l;
    uint32_t *const limit[] = {&r->limits.agents, &r->limits.queues, &r->limits.tenants, &r->limits.interactions};
    for (unsigned i = 0; i < sizeof limit / sizeof limit[0]; i++)
        if (*limit[i] == 0)
            *limit[i] = 1;
    r->emit = emit;
    r->arg = arg;
    r->about = JN_NONE;
    if (make_tables(r) < 0) {
        jn_router_free(r);
        return NULL;
    }
    return r;
}

void jn_router_free(struct jn_router *r)
{
    if (!r)
        return;
    void *const table[] = {r->tenant,       r->queue,          r->agent,     r->ix,       r->line,
                           r->link,         r->wait_node,      r->line_node, r->closed,   r->changed_agents,
                           r->fresh_agents, r->changed_queues, r->fresh_ixs, r->idle_node};
    struct jn_pool *const pool[] = {&r->tenants, &r->queues, &r->agents, &r->ixs, &r->lines, &r->links};
    struct jn_map *const map[] = {&r->tenant_by_id, &r->queue_by_id, &r->agent_by_id, &r->ix_by_id, &r->closed_by_id};

    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++)
        free(table[i]);
    for (unsigned i = 0; i < sizeof pool / sizeof pool[0]; i++)
        jn_pool_free(pool[i]);
    for (unsigned i = 0; i < sizeof map / sizeof map[0]; i++)
        jn_map_free(map[i]);
    jn_heap_free(&r->timers);
    free(r);
}

/* Ids of timers follow from the serial of their owner, so that equal deadlines fire in the same order in every run. */
static struct jn_timer timer(uint64_t serial, enum jn_router_timer kind, uint32_t index)
{
    return (struct jn_timer){.id = serial << 2 | (kind & 3u), .arg = index, .kind = kind, .slot = JN_TIMER_IDLE};
}

uint32_t jn_add_tenant(struct jn_router *r, uint64_t id)
{
    uint32_t t = jn_pool_take(&r->tenants);

    if (t != JN_NONE) {
        r->tenant[t] = (struct jn_tenant){.id = id};
        jn_map_set(&r->tenant_by_id, id, t);
    }
    return t;
}

uint32_t jn_add_queue(struct jn_router *r, uint64_t tenant, uint64_t id, uint64_t serial)
{
    uint32_t i = jn_pool_take(&r->queues);

    if (i == JN_NONE)
        return JN_NONE;
    struct jn_queue *q = &r->queue[i];
    memset(q, 0, sizeof *q);
    q->set.id = id;
    q->tenant = tenant;
    q->serial = serial;
    q->lines = q->links = JN_NONE;
    jn_tree_init(&q->waiting);
    for (unsigned ch = 0; ch < JN_CH_N; ch++)
        jn_tree_init(&q->idle[ch]);
    q->row_timer = timer(serial, JN_RT_QUEUE_ROW, i);
    jn_map_set(&r->queue_by_id, id, i);
    return i;
}

uint32_t jn_add_agent(struct jn_router *r, uint64_t tenant, uint64_t id, uint64_t serial)
{
    uint32_t i = jn_pool_take(&r->agents);

    if (i == JN_NONE)
        return JN_NONE;
    struct jn_agent *a = &r->agent[i];
    memset(a, 0, sizeof *a);
    a->set.id = id;
    a->tenant = tenant;
    a->serial = serial;
    a->since_us = r->now_us;
    a->links = a->lines = a->hands = a->consult = a->best = JN_NONE;
    a->back_off = timer(serial, JN_RT_BACK_OFF, i);
    jn_map_set(&r->agent_by_id, id, i);
    return i;
}

uint32_t jn_add_ix(struct jn_router *r, uint64_t tenant, uint64_t id, uint64_t serial)
{
    uint32_t i = jn_pool_take(&r->ixs);

    if (i == JN_NONE)
        return JN_NONE;
    struct jn_ix *ix = &r->ix[i];
    memset(ix, 0, sizeof *ix);
    ix->row.id = id;
    ix->row.tenant = tenant;
    ix->serial = serial;
    ix->agent = ix->consult = ix->line = ix->hand_prev = ix->hand_next = JN_NONE;
    for (unsigned t = 0; t < JN_IX_TIMER_N; t++)
        ix->timer[t] = timer(serial, JN_RT_IX_TERM + t, i);
    jn_map_set(&r->ix_by_id, id, i);
    return i;
}

static void end_step(struct jn_router *r)
{
    jn_match_run(r);
    jn_emit_changes(r);
    r->about = JN_NONE;
}

static uint8_t step(struct jn_router *r, const struct jn_event *ev)
{
    switch ((enum jn_event_kind)ev->kind) {
    case JN_EV_START:
    case JN_EV_TICK:
        return JN_WHY_NONE;
    case JN_EV_DRAIN:
        r->draining = ev->drain.on;
        return JN_WHY_NONE;
    case JN_EV_TENANT_PUT:
    case JN_EV_TENANT_DEL:
    case JN_EV_QUEUE_PUT:
    case JN_EV_QUEUE_DEL:
    case JN_EV_AGENT_PUT:
    case JN_EV_AGENT_DEL:
        return jn_on_directory(r, ev);
    case JN_EV_LOGIN:
    case JN_EV_LOGOUT:
    case JN_EV_READY:
    case JN_EV_NOT_READY:
        return jn_on_agent(r, ev);
    case JN_EV_ARRIVE:
        return jn_on_arrive(r, ev);
    case JN_EV_CALL_OUT:
        return jn_on_call_out(r, ev);
    case JN_EV_NONE:
    case JN_EV_KIND_N:
        return JN_WHY_BAD_STATE;
    default:
        return jn_on_ix(r, ev);
    }
}

void jn_router_apply(struct jn_router *r, const struct jn_event *ev)
{
    struct jn_event refusal;
    uint64_t last_us = r->now_us, to_us = ev->time_us < JN_TIME_MAX_US ? ev->time_us : JN_TIME_MAX_US;

    if (!jn_event_valid(ev)) {
        jn_event_refused(&refusal, ev);
        ev = &refusal;
    }
    r->seq = ev->seq;
    r->until_us = to_us > last_us ? to_us : last_us;
    if (ev->kind == JN_EV_START) { /* before what ran down while nobody was there */
        r->now_us = r->until_us;
        jn_on_start(r, last_us);
        end_step(r);
    }
    for (struct jn_timer *t; (t = jn_heap_due(&r->timers, r->until_us));) {
        r->now_us = t->deadline > r->now_us ? t->deadline : r->now_us;
        jn_on_timer(r, t);
        end_step(r);
    }
    r->now_us = r->until_us;
    uint8_t refused = step(r, ev);
    jn_emit_answer(r, ev, refused);
    end_step(r);
}

void jn_router_watch(struct jn_router *r, void (*watch)(void *arg, const struct jn_explanation *e), void *arg)
{
    r->watch = watch;
    r->watch_arg = arg;
}

uint64_t jn_router_next_us(const struct jn_router *r)
{
    const struct jn_timer *t = jn_heap_first(&r->timers);

    return t ? t->deadline : UINT64_MAX;
}

uint64_t jn_router_seq(const struct jn_router *r)
{
    return r->seq;
}

uint64_t jn_router_command_hash(const struct jn_router *r)
{
    return r->command_hash;
}

void jn_router_emit_all(struct jn_router *r)
{
    uint64_t hash = r->command_hash; /* a reader's wish is no event: replay knows nothing of it */

    for (uint32_t a = r->agents.head; a != JN_NONE; a = r->agents.next[a])
        jn_emit_agent(r, &r->agent[a], JN_CMD_AGENT);
    for (uint32_t q = r->queues.head; q != JN_NONE; q = r->queues.next[q])
        jn_emit_queue(r, JN_CMD_QUEUE, &r->queue[q]);
    for (uint32_t i = r->ixs.head; i != JN_NONE; i = r->ixs.next[i])
        jn_emit_ix(r, JN_CMD_RECORD, &r->ix[i], JN_WHY_NONE);
    r->command_hash = hash;
}
