/* Move events: whether a call may go where it is sent, and calls to outside. */
#include "router/core/state.h"

#include <string.h>

uint8_t jn_on_call_out(struct jn_router *r, const struct jn_event *ev)
{
    uint8_t seen = jn_ix_seen(r, ev->tenant, ev->ix.ix);

    if (seen)
        return seen;
    uint32_t a = jn_find_worker(r, ev->tenant, ev->ix.agent), q = jn_find_queue(r, ev->tenant, ev->ix.queue);
    if (a == JN_NONE)
        return JN_WHY_UNKNOWN_ID;
    if (q == JN_NONE || !(r->queue[q].set.channel_mask & 1u << JN_CH_VOICE))
        return JN_WHY_NO_QUEUE;
    if (r->draining)
        return JN_WHY_DRAINING;
    if (r->agent[a].presence == JN_AGENT_LOGGED_OUT)
        return JN_WHY_LOGGED_OUT;
    if (!jn_agent_free(&r->agent[a]))
        return JN_WHY_BUSY;
    uint32_t i = jn_add_ix(r, ev->tenant, ev->ix.ix, r->serial + 1);
    if (i == JN_NONE)
        return JN_WHY_BUSY;
    r->serial++;
    struct jn_ix *ix = &r->ix[i];
    ix->queue = q;
    ix->row.queue = ev->ix.queue;
    ix->row.arrived_us = ix->row.queued_us = ix->wait_from_us = r->now_us;
    ix->row.channel = JN_CH_VOICE;
    ix->row.priority = r->queue[q].set.priority;
    ix->row.direction = JN_DIR_OUT;
    ix->row.order = ++r->order;
    r->about = i;
    jn_work_call_out(r, i, a);
    return JN_WHY_NONE;
}

/* The agent named, or the one whom the queue's policy takes first. */
static uint32_t whom(const struct jn_router *r, const struct jn_event *ev, uint8_t *why)
{
    *why = JN_WHY_UNKNOWN_ID;
    if (ev->ix.to)
        return jn_find_worker(r, ev->tenant, ev->ix.to);
    uint32_t q = jn_find_queue(r, ev->tenant, ev->ix.queue);
    if (q == JN_NONE) {
        *why = JN_WHY_NO_QUEUE;
        return JN_NONE;
    }
    *why = JN_WHY_BUSY;
    uint32_t first = r->queue[q].idle[JN_CH_VOICE].first;
    return first == JN_NONE ? JN_NONE : r->link[first / 2].agent;
}

static uint8_t consult(struct jn_router *r, const struct jn_event *ev, uint32_t i)
{
    uint8_t why;

    if (r->ix[i].consult != JN_NONE)
        return JN_WHY_BAD_STATE;
    uint32_t a = whom(r, ev, &why);
    if (a == JN_NONE)
        return why;
    if (!jn_agent_free(&r->agent[a]))
        return JN_WHY_BUSY;
    jn_work_consult(r, i, a);
    return JN_WHY_NONE;
}

uint8_t jn_on_move(struct jn_router *r, const struct jn_event *ev, uint32_t i)
{
    const struct jn_ix *ix = &r->ix[i];

    if (ix->row.channel != JN_CH_VOICE)
        return JN_WHY_BAD_STATE;
    switch ((enum jn_event_kind)ev->kind) {
    case JN_EV_TRANSFER: {
        uint32_t a = jn_find_worker(r, ev->tenant, ev->ix.to);
        if (a == JN_NONE)
            return JN_WHY_UNKNOWN_ID;
        if (a == ix->agent || !jn_agent_available(&r->agent[a], JN_CH_VOICE))
            return JN_WHY_BUSY;
        jn_work_transfer_to(r, i, a);
        return JN_WHY_NONE;
    }
    case JN_EV_CONSULT:
        return consult(r, ev, i);
    case JN_EV_CONSULT_END:
    case JN_EV_HANDOVER:
        if (ix->consult == JN_NONE || (ev->ix.to && ev->ix.to != ix->row.consult))
            return JN_WHY_BAD_STATE;
        if (ev->kind == JN_EV_HANDOVER)
            jn_work_handover(r, i);
        else
            jn_work_unconsult(r, i, ev->why);
        return JN_WHY_NONE;
    default: /* JN_EV_LEAVE */
        jn_work_leave(r, i);
        return JN_WHY_NONE;
    }
}
