/* Interaction events: arrival, and everything that agents, customers and the engine do to an interaction. */
#include "router/core/state.h"
#include "router/match/match.h"

#include <string.h>

/* Over at the door: it counts in its queue, has a record, and its id is remembered; it never was in the tables. */
static void end_at_door(struct jn_router *r, uint32_t q, struct jn_ix_row *row, uint8_t outcome, uint8_t why)
{
    row->ended_us = row->closed_us = r->now_us;
    row->state = JN_IX_DONE;
    row->outcome = outcome;
    row->why = why;
    jn_queue_count(&r->queue[q], row, 0, 1);
    jn_touch_queue(r, q);
    jn_closed_remember(r, row->id, row->tenant);
    jn_emit_row(r, JN_CMD_CLOSED, row, why);
}

static uint8_t reject(struct jn_router *r, uint32_t q, struct jn_ix_row *row, uint8_t why)
{
    end_at_door(r, q, row, JN_OUT_REJECTED, why);
    return why;
}

static bool full(const struct jn_router *r, uint32_t q)
{
    uint32_t max = r->queue[q].set.max_waiting;

    return max && jn_tree_count(&r->queue[q].waiting, r->wait_node) >= max;
}

static void admit(struct jn_router *r, uint32_t i, uint32_t q, const struct jn_ev_arrive *e, struct jn_ix_row *row)
{
    struct jn_ix *ix = &r->ix[i];

    row->queued_us = ix->wait_from_us = r->now_us;
    row->order = ++r->order;
    ix->row = *row;
    ix->queue = q;
    ix->preferred = e->preferred;
    ix->skills = e->skills;
    memcpy(ix->skill, e->skill, e->skills * sizeof e->skill[0]);
    jn_queue_count(&r->queue[q], &ix->row, 0, 1);
    uint32_t a = e->preferred ? jn_find_worker(r, row->tenant, e->preferred) : JN_NONE;
    ix->patience = a != JN_NONE && r->queue[q].set.prefer_ms && jn_wait_worthwhile(r, i, a);
    jn_wait_enter(r, i);
    r->about = i;
    jn_emit_ix(r, JN_CMD_QUEUED, ix, JN_WHY_NONE);
}

uint8_t jn_ix_seen(struct jn_router *r, uint64_t tenant, uint64_t id)
{
    uint32_t i = jn_map_get(&r->ix_by_id, id), c = jn_map_get(&r->closed_by_id, id);

    if (i != JN_NONE) {
        if (r->ix[i].row.tenant != tenant)
            return JN_WHY_UNKNOWN_ID;
        r->about = i;
        return JN_WHY_DUPLICATE;
    }
    if (c != JN_NONE)
        return r->closed[c].tenant == tenant ? JN_WHY_DUPLICATE : JN_WHY_UNKNOWN_ID;
    return JN_WHY_NONE;
}

/* A call that ended before it came to a queue: it has a record and is in no queue's figures. */
static uint8_t before_queue(struct jn_router *r, const struct jn_event *ev)
{
    struct jn_ix_row row;

    memset(&row, 0, sizeof row);
    row.id = ev->arrive.ix;
    row.tenant = ev->tenant;
    row.channel = ev->arrive.channel;
    row.priority = ev->arrive.priority == 255 ? 0 : ev->arrive.priority;
    row.arrived_us = row.ended_us = row.closed_us = r->now_us;
    row.state = JN_IX_DONE;
    row.outcome = jn_ix_outcome(false, ev->why);
    row.why = ev->why;
    jn_closed_remember(r, row.id, row.tenant);
    jn_emit_row(r, JN_CMD_CLOSED, &row, ev->why);
    return JN_WHY_NONE;
}

uint8_t jn_on_arrive(struct jn_router *r, const struct jn_event *ev)
{
    const struct jn_ev_arrive *e = &ev->arrive;
    uint8_t seen = jn_ix_seen(r, ev->tenant, e->ix);
    uint32_t i;

    if (seen)
        return seen;
    if (jn_find_tenant(r, ev->tenant) == JN_NONE)
        return JN_WHY_UNKNOWN_ID;
    if (!e->queue)
        return before_queue(r, ev);
    uint32_t q = jn_find_queue(r, ev->tenant, e->queue);
    if (q == JN_NONE)
        return JN_WHY_NO_QUEUE;
    struct jn_ix_row row;
    memset(&row, 0, sizeof row);
    row.id = e->ix;
    row.tenant = ev->tenant;
    row.queue = e->queue;
    row.arrived_us = r->now_us;
    row.channel = e->channel;
    row.priority = e->priority == 255 ? r->queue[q].set.priority : e->priority;
    row.state = JN_IX_QUEUED;
    if (!(r->queue[q].set.channel_mask & 1u << e->channel))
        return reject(r, q, &row, JN_WHY_NO_QUEUE);
    if (ev->why == JN_WHY_CUSTOMER) { /* left while it was greeted, before it could wait */
        end_at_door(r, q, &row, JN_OUT_ABANDONED, JN_WHY_CUSTOMER);
        return JN_WHY_NONE;
    }
    if (r->draining)
        return reject(r, q, &row, JN_WHY_DRAINING);
    if (full(r, q))
        return reject(r, q, &row, JN_WHY_QUEUE_FULL);
    i = jn_add_ix(r, ev->tenant, e->ix, r->serial + 1);
    if (i == JN_NONE)
        return reject(r, q, &row, JN_WHY_BUSY);
    r->serial++;
    admit(r, i, q, e, &row);
    return JN_WHY_NONE;
}

static uint8_t requeue(struct jn_router *r, uint32_t i, const struct jn_event *ev)
{
    const struct jn_ix *ix = &r->ix[i];

    if (ev->why != JN_WHY_TRANSFER) {
        if ((ix->row.state != JN_IX_OFFERED && !jn_ix_joined(ix->row.state)) || jn_ix_dials(&ix->row))
            return JN_WHY_BAD_STATE;
        jn_work_put_back(r, i, ev->why, true);
        return JN_WHY_NONE;
    }
    uint32_t q = jn_find_queue(r, ev->tenant, ev->ix.queue);
    if (!jn_ix_joined(ix->row.state))
        return JN_WHY_BAD_STATE;
    if (q == JN_NONE || !(r->queue[q].set.channel_mask & 1u << ix->row.channel))
        return JN_WHY_NO_QUEUE;
    if (full(r, q))
        return JN_WHY_QUEUE_FULL;
    jn_work_transfer(r, i, q);
    return JN_WHY_NONE;
}

#define BIT(s) (1u << (s))
#define WAITS  (BIT(JN_IX_QUEUED) | BIT(JN_IX_OFFERED))
#define JOINED (BIT(JN_IX_CONNECTED) | BIT(JN_IX_HELD))

/* In which states an event is possible, for the engine and the customer (agent 0) and for an agent. */
static const struct {
    uint8_t engine, agent;
} possible[JN_EV_KIND_N] = {
    [JN_EV_ACCEPT] = {0, BIT(JN_IX_OFFERED)},
    [JN_EV_REFUSE] = {BIT(JN_IX_OFFERED), BIT(JN_IX_OFFERED)},
    [JN_EV_HOLD] = {BIT(JN_IX_CONNECTED), BIT(JN_IX_CONNECTED)},
    [JN_EV_RESUME] = {BIT(JN_IX_HELD), BIT(JN_IX_HELD)},
    [JN_EV_REQUEUE] = {BIT(JN_IX_OFFERED) | JOINED, BIT(JN_IX_OFFERED) | JOINED},
    [JN_EV_CUSTOMER_LEFT] = {WAITS | JOINED, WAITS | JOINED},
    [JN_EV_END] = {WAITS | JOINED, JOINED},
    [JN_EV_WRAP_DONE] = {BIT(JN_IX_WRAP_UP), BIT(JN_IX_WRAP_UP)},
    [JN_EV_TRANSFER] = {0, JOINED},
    [JN_EV_CONSULT] = {0, JOINED},
    [JN_EV_CONSULT_END] = {JOINED, JOINED},
    [JN_EV_HANDOVER] = {0, JOINED},
    [JN_EV_LEAVE] = {0, JOINED},
};

uint8_t jn_on_ix(struct jn_router *r, const struct jn_event *ev)
{
    uint32_t i = jn_find_ix(r, ev->tenant, ev->ix.ix), a = JN_NONE;

    if (i == JN_NONE)
        return JN_WHY_UNKNOWN_ID;
    r->about = i;
    bool by_agent = ev->ix.agent && ev->kind != JN_EV_CUSTOMER_LEFT;
    /* What it has in hand an agent may bring to its end, also when it does not work for that tenant any more. */
    if (by_agent && (a = jn_find_anybody(r, ev->ix.agent)) != r->ix[i].agent)
        return a == JN_NONE || !jn_agent_works_for(&r->agent[a], ev->tenant) ? JN_WHY_UNKNOWN_ID : JN_WHY_BAD_STATE;
    if (by_agent && a == JN_NONE)
        return JN_WHY_UNKNOWN_ID;
    unsigned states = by_agent ? possible[ev->kind].agent : possible[ev->kind].engine;
    if (ev->kind == JN_EV_END && jn_ix_dials(&r->ix[i].row)) /* an agent gives up its own call to outside */
        states |= BIT(JN_IX_OFFERED);
    if (!(states & BIT(r->ix[i].row.state)))
        return JN_WHY_BAD_STATE;
    switch ((enum jn_event_kind)ev->kind) {
    case JN_EV_ACCEPT:
        jn_work_connect(r, i);
        return JN_WHY_NONE;
    case JN_EV_REFUSE:
        jn_work_fail_offer(r, i, ev->why);
        return JN_WHY_NONE;
    case JN_EV_HOLD:
    case JN_EV_RESUME:
        jn_work_hold(r, i, ev->kind == JN_EV_HOLD);
        return JN_WHY_NONE;
    case JN_EV_REQUEUE:
        return requeue(r, i, ev);
    case JN_EV_CUSTOMER_LEFT:
        jn_work_end(r, i, JN_WHY_CUSTOMER, r->now_us, true);
        return JN_WHY_NONE;
    case JN_EV_END:
        jn_work_end(r, i, ev->why, r->now_us, true);
        return JN_WHY_NONE;
    case JN_EV_WRAP_DONE:
        jn_work_wrap_done(r, i);
        return JN_WHY_NONE;
    default:
        return jn_on_move(r, ev, i);
    }
}

/* Calls died with the process, at the last moment that the journal knows of. Offers of chats go back to their place;
 * connected chats, wrap-ups and the agents' states go on. */
void jn_on_start(struct jn_router *r, uint64_t last_us)
{
    r->draining = false;
    for (uint32_t i = r->ixs.head, next; i != JN_NONE; i = next) {
        next = r->ixs.next[i];
        uint8_t state = r->ix[i].row.state;
        if (r->ix[i].row.channel == JN_CH_VOICE && state != JN_IX_WRAP_UP)
            jn_work_end(r, i, JN_WHY_CRASH, last_us, false);
        else if (state == JN_IX_OFFERED)
            jn_work_put_back(r, i, JN_WHY_CRASH, false);
    }
}

void jn_on_timer(struct jn_router *r, struct jn_timer *t)
{
    uint32_t i = (uint32_t)t->arg;

    switch ((enum jn_router_timer)t->kind) {
    case JN_RT_IX_TERM:
        if (r->ix[i].row.state == JN_IX_QUEUED)
            jn_work_end(r, i, JN_WHY_MAX_WAIT, r->now_us, false);
        else if (r->ix[i].row.state == JN_IX_OFFERED)
            jn_work_fail_offer(r, i, JN_WHY_NO_ANSWER);
        else
            jn_work_wrap_done(r, i);
        return;
    case JN_RT_IX_PATIENCE:
        jn_wait_end_patience(r, i);
        return;
    case JN_RT_IX_ANNOUNCE: {
        uint64_t every_us = (uint64_t)r->queue[r->ix[i].queue].set.announce_ms * 1000;
        jn_emit_ix(r, JN_CMD_POSITION, &r->ix[i], JN_WHY_NONE);
        if (every_us) /* from the event's time on: after a long sleep one announcement, not a hundred */
            jn_arm(r, t, r->until_us - r->now_us + every_us);
        return;
    }
    case JN_RT_BACK_OFF:
        if (r->agent[i].after)
            jn_touch_agent(r, i);
        r->agent[i].after = false;
        jn_idle_update(r, i);
        return;
    case JN_RT_QUEUE_ROW:
        r->queue[i].told_us = r->now_us;
        jn_emit_queue(r, JN_CMD_QUEUE, &r->queue[i]);
        return;
    }
}
