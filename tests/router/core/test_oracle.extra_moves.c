/* Oracle, moves: calls that go from one hand to another, and calls to outside. */
#include "tests/router/core/oracle_parts.h"

#include <stdlib.h>
#include <string.h>

int oracle_seen(struct oracle *o, uint64_t tenant, uint64_t id)
{
    struct oracle_ix *x = oracle_ix_of(o, id);
    if (x) {
        if (x->row.tenant != tenant)
            return JN_WHY_UNKNOWN_ID;
        o->about = oracle_told_row(o, x);
        o->has_about = true;
        return JN_WHY_DUPLICATE;
    }
    /* the newest first; eight for each that may be open are remembered */
    for (unsigned i = o->n_closed, k = 0; i-- > 0 && k < 8 * o->max_ixs; k++)
        if (o->closed[i] == id)
            return o->closed_tenant[i] == tenant ? JN_WHY_DUPLICATE : JN_WHY_UNKNOWN_ID;
    return 0;
}

struct oracle_ix *oracle_room(struct oracle *o)
{
    struct oracle_ix *x = NULL;
    unsigned open = 0;
    EACH(o, ix, y)
    {
        open += y->row.id != 0;
        if (!y->row.id && !x)
            x = y;
    }
    return open >= o->max_ixs ? NULL : x;
}

void oracle_unconsult(struct oracle *o, struct oracle_ix *x, int why)
{
    uint64_t asked = x->row.consult;
    if (!asked)
        return;
    x->row.consult = 0;
    oracle_agent_of(o, 0, asked)->mark = ++o->mark;
    oracle_say_cancel(o, JN_CMD_CONSULT_END, x, asked, why);
}

void oracle_unconsult_agent(struct oracle *o, struct oracle_agent *a, int why)
{
    EACH(o, ix, x)
    if (x->row.id && x->row.consult == a->set.id)
        oracle_unconsult(o, x, why);
}

/* The agent has wrap-up, as a back-off of three seconds at least; the queue counts a transfer. */
static void give_away(struct oracle *o, struct oracle_ix *x)
{
    struct oracle_queue *q = oracle_queue_of(o, 0, x->row.queue);
    if (oracle_held(x)) {
        struct oracle_agent *a = oracle_agent_of(o, 0, x->row.agent);
        uint64_t wrap = q->set.wrap_up_ms * 1000ull;
        oracle_leave_agent(o, x);
        a->back_off = o->now + (wrap > 3000000 ? wrap : 3000000);
        a->after = wrap && a->presence != JN_AGENT_LOGGED_OUT;
    }
    x->row.transfers++;
    q->done.transferred++;
}

static void talked(struct oracle *o, struct oracle_ix *x)
{
    x->row.talk_us += o->now - x->since;
    x->since = o->now;
}

int oracle_transfer(struct oracle *o, struct oracle_ix *x, const struct jn_event *ev)
{
    struct oracle_queue *q = oracle_queue_of(o, ev->tenant, ev->ix.queue);
    if (!oracle_joined(x))
        return JN_WHY_BAD_STATE;
    if (!q || !(q->set.channel_mask >> x->row.channel & 1))
        return JN_WHY_NO_QUEUE;
    if (oracle_full(o, q))
        return JN_WHY_QUEUE_FULL;
    oracle_unconsult(o, x, JN_WHY_TRANSFER);
    talked(o, x);
    give_away(o, x);
    x->row.outside = false;
    x->row.agent = x->had;
    x->row.queue = q->set.id;
    x->row.queued_us = x->wait_from = o->now;
    x->row.order = ++o->order;
    x->preferred = 0;
    if (x->row.wait_us > q->wait_max && x->row.direction == JN_DIR_IN)
        q->wait_max = x->row.wait_us;
    oracle_enter(o, x);
    oracle_say(o, JN_CMD_QUEUED, x, JN_WHY_TRANSFER);
    return 0;
}

static int transfer_to(struct oracle *o, struct oracle_ix *x, struct oracle_agent *a)
{
    if (!a)
        return JN_WHY_UNKNOWN_ID;
    if (a->set.id == x->row.agent || !oracle_available(o, a, JN_CH_VOICE))
        return JN_WHY_BUSY;
    oracle_unconsult(o, x, JN_WHY_TRANSFER);
    talked(o, x);
    give_away(o, x);
    x->wait_from = o->now;
    oracle_enter(o, x);
    x->row.agent = x->had;
    oracle_say(o, JN_CMD_QUEUED, x, JN_WHY_TRANSFER);
    oracle_offer(o, x, a);
    return 0;
}

static int consult(struct oracle *o, struct oracle_ix *x, const struct jn_event *ev)
{
    struct oracle_agent *a = oracle_worker_of(o, ev->tenant, ev->ix.to);
    if (x->row.consult)
        return JN_WHY_BAD_STATE;
    if (!a && ev->ix.to)
        return JN_WHY_UNKNOWN_ID;
    if (!a) {
        struct oracle_queue *q = oracle_queue_of(o, ev->tenant, ev->ix.queue);
        if (!q)
            return JN_WHY_NO_QUEUE;
        a = oracle_first_idle(o, q);
    }
    if (!a || !oracle_free_hands(o, a))
        return JN_WHY_BUSY;
    x->row.consult = a->set.id;
    oracle_say(o, JN_CMD_CONSULT, x, 0);
    return 0;
}

static void handover(struct oracle *o, struct oracle_ix *x)
{
    struct oracle_agent *a = oracle_agent_of(o, 0, x->row.consult);
    x->row.consult = 0;
    talked(o, x);
    give_away(o, x);
    x->row.state = JN_IX_CONNECTED;
    x->row.agent = x->had = a->set.id;
    a->no_answers = 0;
    oracle_say(o, JN_CMD_CONNECT, x, JN_WHY_TRANSFER);
}

/* Of an interaction that is there, by its agent or (consult's end) the engine. */
int oracle_move(struct oracle *o, const struct jn_event *ev, struct oracle_ix *x)
{
    bool by_agent = ev->ix.agent != 0;
    if (!oracle_joined(x) || (!by_agent && ev->kind != JN_EV_CONSULT_END) || x->row.channel != JN_CH_VOICE)
        return JN_WHY_BAD_STATE;
    if (ev->kind == JN_EV_TRANSFER)
        return transfer_to(o, x, oracle_worker_of(o, ev->tenant, ev->ix.to));
    if (ev->kind == JN_EV_CONSULT)
        return consult(o, x, ev);
    if (ev->kind == JN_EV_LEAVE) {
        oracle_unconsult(o, x, JN_WHY_TRANSFER);
        give_away(o, x);
        x->row.state = JN_IX_CONNECTED;
        x->row.agent = 0;
        x->row.outside = true;
        oracle_say(o, JN_CMD_RECORD, x, JN_WHY_TRANSFER);
        return 0;
    }
    if (!x->row.consult || (ev->ix.to && ev->ix.to != x->row.consult))
        return JN_WHY_BAD_STATE;
    if (ev->kind == JN_EV_HANDOVER)
        handover(o, x);
    else
        oracle_unconsult(o, x, ev->why);
    return 0;
}

int oracle_call_out(struct oracle *o, const struct jn_event *ev)
{
    int seen = oracle_seen(o, ev->tenant, ev->ix.ix);
    if (seen)
        return seen;
    struct oracle_agent *a = oracle_worker_of(o, ev->tenant, ev->ix.agent);
    struct oracle_queue *q = oracle_queue_of(o, ev->tenant, ev->ix.queue);
    if (!a || !ev->tenant)
        return JN_WHY_UNKNOWN_ID;
    if (!q || !(q->set.channel_mask & 1))
        return JN_WHY_NO_QUEUE;
    if (o->draining)
        return JN_WHY_DRAINING;
    if (a->presence == JN_AGENT_LOGGED_OUT)
        return JN_WHY_LOGGED_OUT;
    struct oracle_ix *x = oracle_free_hands(o, a) ? oracle_room(o) : NULL;
    if (!x)
        return JN_WHY_BUSY;
    memset(x, 0, sizeof *x);
    x->serial = ++o->serial;
    x->patience = x->announce = x->term = ORACLE_NEVER;
    x->row.id = ev->ix.ix;
    x->row.tenant = ev->tenant;
    x->row.queue = q->set.id;
    x->row.agent = x->had = a->set.id;
    x->row.arrived_us = x->row.queued_us = x->row.offered_us = x->wait_from = o->now;
    x->row.order = ++o->order;
    x->row.offers = 1;
    x->row.priority = q->set.priority;
    x->row.state = JN_IX_OFFERED;
    x->row.direction = JN_DIR_OUT;
    oracle_say(o, JN_CMD_CALL, x, 0);
    o->has_about = true;
    o->about = oracle_told_row(o, x);
    return 0;
}
