/* Oracle, events and time: what each event and each deadline does, in the words of the headers. */
#include "tests/router/core/oracle_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- events ---- */

static void remove_queue(struct oracle *o, struct oracle_queue *q)
{
    uint64_t s = 0;
    for (struct oracle_ix *x; (x = oracle_following(o, s, 0));) {
        s = x->serial;
        if (x->row.queue != q->set.id)
            continue;
        if (x->row.state == JN_IX_WRAP_UP)
            oracle_wrap_done(o, x);
        else
            oracle_end(o, x, JN_WHY_REMOVED, o->now, false);
    }
    struct jn_queue_row row;
    oracle_row_of_queue(o, q, &row);
    oracle_command(o, JN_CMD_GONE, 0)->queue_row = row;
    memset(q, 0, sizeof *q);
}

static void remove_agent(struct oracle *o, struct oracle_agent *a)
{
    uint64_t s = 0;
    a->presence = JN_AGENT_LOGGED_OUT;
    a->after = false;
    oracle_unconsult_agent(o, a, JN_WHY_REMOVED);
    oracle_revoke(o, a, JN_WHY_REMOVED);
    for (struct oracle_ix *x; (x = oracle_following(o, s, a->set.id));) {
        s = x->serial;
        if (x->row.state == JN_IX_WRAP_UP)
            oracle_wrap_done(o, x);
        else
            oracle_end(o, x, JN_WHY_REMOVED, o->now, false);
    }
    struct jn_agent_row row;
    oracle_row_of_agent(o, a, &row);
    oracle_command(o, JN_CMD_GONE, 0)->agent_row = row;
    memset(a, 0, sizeof *a);
}

/* Queues, then agents, each in order of making. */
static void remove_tenant(struct oracle *o, uint64_t tenant)
{
    for (;;) {
        struct oracle_queue *first = NULL;
        EACH(o, queue, q)
        if (q->set.id && q->tenant == tenant && (!first || q->serial < first->serial))
            first = q;
        if (!first)
            break;
        remove_queue(o, first);
    }
    for (;;) {
        struct oracle_agent *first = NULL;
        EACH(o, agent, a)
        if (a->set.id && a->tenant == tenant && (!first || a->serial < first->serial))
            first = a;
        if (!first)
            break;
        remove_agent(o, first);
    }
    *oracle_tenant_of(o, tenant) = 0;
}

static int directory(struct oracle *o, const struct jn_event *ev)
{
    if (ev->kind == JN_EV_TENANT_PUT) {
        if (oracle_tenant_of(o, ev->tenant))
            return 0;
        EACH(o, tenant, t)
        if (!*t) {
            *t = ev->tenant;
            return 0;
        }
        return JN_WHY_BUSY;
    }
    if (!oracle_tenant_of(o, ev->tenant))
        return JN_WHY_UNKNOWN_ID;
    if (ev->kind == JN_EV_TENANT_DEL) {
        remove_tenant(o, ev->tenant);
        return 0;
    }
    if (ev->kind == JN_EV_QUEUE_DEL || ev->kind == JN_EV_AGENT_DEL) {
        struct oracle_queue *q = ev->kind == JN_EV_QUEUE_DEL ? oracle_queue_of(o, ev->tenant, ev->ix.queue) : NULL;
        struct oracle_agent *a = ev->kind == JN_EV_AGENT_DEL ? oracle_agent_of(o, ev->tenant, ev->who.agent) : NULL;
        if (!q && !a)
            return JN_WHY_UNKNOWN_ID;
        if (q)
            remove_queue(o, q);
        else
            remove_agent(o, a);
        return 0;
    }
    if (ev->kind == JN_EV_QUEUE_PUT) {
        struct oracle_queue *q = oracle_queue_of(o, 0, ev->queue.id);
        if (q && q->tenant != ev->tenant)
            return JN_WHY_UNKNOWN_ID;
        if (!q) {
            q = o->queue;
            while (q->set.id)
                if (++q == o->queue + ORACLE_QUEUES)
                    return JN_WHY_BUSY;
            q->serial = ++o->serial;
            q->tenant = ev->tenant;
            q->timer = ORACLE_NEVER;
        }
        q->set = ev->queue;
        return 0;
    }
    struct oracle_agent *a = oracle_agent_of(o, 0, ev->agent.id);
    if (a && a->tenant != ev->tenant)
        return JN_WHY_UNKNOWN_ID;
    if (!a) {
        a = o->agent;
        while (a->set.id)
            if (++a == o->agent + ORACLE_AGENTS)
                return JN_WHY_BUSY;
        a->serial = ++o->serial;
        a->tenant = ev->tenant;
        a->since = o->now;
        a->back_off = ORACLE_NEVER;
    }
    a->set = ev->agent;
    return 0;
}

static int agent_event(struct oracle *o, const struct jn_event *ev)
{
    struct oracle_agent *a = oracle_agent_of(o, ev->tenant, ev->who.agent);
    if (!a)
        return JN_WHY_UNKNOWN_ID;
    if (ev->kind == JN_EV_LOGIN) {
        if (a->presence == JN_AGENT_LOGGED_OUT) {
            a->no_answers = 0;
            oracle_not_ready(o, a, "login", 0);
        }
        return 0;
    }
    if (ev->kind == JN_EV_LOGOUT) {
        if (a->presence == JN_AGENT_LOGGED_OUT)
            return 0;
        a->presence = JN_AGENT_LOGGED_OUT;
        a->after = false;
        oracle_unconsult_agent(o, a, JN_WHY_LOGGED_OUT);
        oracle_revoke(o, a, JN_WHY_LOGGED_OUT);
        uint64_t s = 0;
        for (struct oracle_ix *x; (x = oracle_following(o, s, a->set.id));) {
            s = x->serial;
            if (x->row.state == JN_IX_WRAP_UP)
                oracle_wrap_done(o, x);
        }
        return 0;
    }
    if (a->presence == JN_AGENT_LOGGED_OUT)
        return JN_WHY_BAD_STATE;
    if (ev->kind == JN_EV_NOT_READY) {
        oracle_not_ready(o, a, ev->who.reason, JN_WHY_AGENT);
    } else if (a->presence == JN_AGENT_NOT_READY || a->after) {
        a->presence = JN_AGENT_READY;
        a->after = false;
        a->no_answers = 0;
        a->back_off = ORACLE_NEVER;
        a->mark = ++o->mark;
    }
    return 0;
}

bool oracle_full(struct oracle *o, const struct oracle_queue *q)
{
    struct jn_queue_row row;
    oracle_row_of_queue(o, q, &row);
    return q->set.max_waiting && row.waiting >= q->set.max_waiting;
}

static int arrive(struct oracle *o, const struct jn_event *ev)
{
    const struct jn_ev_arrive *e = &ev->arrive;
    struct oracle_ix *x;
    int seen = oracle_seen(o, ev->tenant, e->ix);
    if (seen)
        return seen;
    if (!oracle_tenant_of(o, ev->tenant))
        return JN_WHY_UNKNOWN_ID;
    struct oracle_ix new;
    memset(&new, 0, sizeof new);
    if (!e->queue) { /* over before any queue: a record and nothing else */
        bool ours = ev->why == JN_WHY_MEDIA || ev->why == JN_WHY_BUSY;
        new.row = (struct jn_ix_row){.id = e->ix, .tenant = ev->tenant, .channel = e->channel, .state = JN_IX_DONE};
        new.row.arrived_us = new.row.ended_us = new.row.closed_us = o->now;
        new.row.priority = e->priority == 255 ? 0 : e->priority;
        new.row.outcome = ours ? JN_OUT_LOST : ev->why == JN_WHY_MENU_LEFT ? JN_OUT_ABANDONED : JN_OUT_REJECTED;
        new.row.why = ev->why;
        oracle_say(o, JN_CMD_CLOSED, &new, ev->why);
        oracle_gone(o, e->ix, ev->tenant);
        return 0;
    }
    struct oracle_queue *q = oracle_queue_of(o, ev->tenant, e->queue);
    if (!q)
        return JN_WHY_NO_QUEUE;
    new.row.id = e->ix;
    new.row.tenant = ev->tenant;
    new.row.queue = e->queue;
    new.row.arrived_us = o->now;
    new.row.channel = e->channel;
    new.row.priority = e->priority == 255 ? q->set.priority : e->priority;
    x = oracle_room(o);
    int why = !(q->set.channel_mask >> e->channel & 1) ? JN_WHY_NO_QUEUE
              : o->draining                            ? JN_WHY_DRAINING
              : oracle_full(o, q)                      ? JN_WHY_QUEUE_FULL
              : !x                                     ? JN_WHY_BUSY
                                                       : 0;
    /* A customer who left while greeted: only a queue without that channel turns it away, nothing else is asked. */
    bool left = ev->why == JN_WHY_CUSTOMER && why != JN_WHY_NO_QUEUE;
    if (left || why) {
        new.row.ended_us = new.row.closed_us = o->now;
        new.row.state = JN_IX_DONE;
        new.row.outcome = left ? JN_OUT_ABANDONED : JN_OUT_REJECTED;
        new.row.why = (uint8_t)(left ? JN_WHY_CUSTOMER : why);
        oracle_say(o, JN_CMD_CLOSED, &new, new.row.why);
        oracle_account(&q->done, &new);
        oracle_gone(o, e->ix, ev->tenant);
        return left ? 0 : why;
    }
    *x = new;
    x->serial = ++o->serial;
    x->row.order = ++o->order;
    x->row.queued_us = x->wait_from = o->now;
    x->preferred = e->preferred;
    x->skills = e->skills;
    memcpy(x->skill, e->skill, sizeof x->skill);
    x->patience = ORACLE_NEVER;
    oracle_enter(o, x);
    if (e->preferred && q->set.prefer_ms)
        x->patience = o->now + q->set.prefer_ms * 1000ull;
    oracle_review_patience(o);
    o->has_about = true;
    oracle_say(o, JN_CMD_QUEUED, x, 0);
    o->about = oracle_told_row(o, x);
    return 0;
}

static void connect(struct oracle *o, struct oracle_ix *x)
{
    struct oracle_queue *q = oracle_queue_of(o, 0, x->row.queue);
    x->row.state = JN_IX_CONNECTED;
    x->term = ORACLE_NEVER;
    if (!x->row.answered_us) {
        x->row.answered_us = o->now;
        x->row.wait_us = o->now - x->row.arrived_us;
        x->row.in_target = x->row.direction == JN_DIR_IN && x->row.wait_us <= q->set.target_ms * 1000ull;
        x->row.outcome = JN_OUT_ANSWERED;
        if (x->row.wait_us > q->wait_max && x->row.direction == JN_DIR_IN)
            q->wait_max = x->row.wait_us;
    }
    x->had = x->row.agent;
    x->since = o->now;
    oracle_agent_of(o, 0, x->row.agent)->no_answers = 0;
    oracle_say(o, JN_CMD_CONNECT, x, 0);
}

static int ix_event(struct oracle *o, const struct jn_event *ev, struct oracle_ix *x)
{
    int kind = ev->kind, s = x->row.state;
    bool offered = s == JN_IX_OFFERED, is_joined = oracle_joined(x), dials = oracle_dials(x);
    uint64_t by = kind == JN_EV_CUSTOMER_LEFT ? 0 : ev->ix.agent;
    bool has_it = by && oracle_held(x) && x->row.agent == by;
    if (by && !has_it)
        return oracle_worker_of(o, ev->tenant, by) ? JN_WHY_BAD_STATE : JN_WHY_UNKNOWN_ID;
    if ((kind == JN_EV_ACCEPT && (!offered || !by)) || (kind == JN_EV_REFUSE && !offered) ||
        (kind == JN_EV_HOLD && s != JN_IX_CONNECTED) || (kind == JN_EV_RESUME && s != JN_IX_HELD) ||
        (kind == JN_EV_REQUEUE && ((!offered && !is_joined) || (dials && ev->why != JN_WHY_TRANSFER))) ||
        (kind == JN_EV_CUSTOMER_LEFT && s == JN_IX_WRAP_UP) ||
        (kind == JN_EV_END && (s == JN_IX_WRAP_UP || (by && !is_joined && !dials))) ||
        (kind == JN_EV_WRAP_DONE && s != JN_IX_WRAP_UP))
        return JN_WHY_BAD_STATE;
    if (kind == JN_EV_ACCEPT)
        connect(o, x);
    else if (kind == JN_EV_REFUSE)
        oracle_fail_offer(o, x, ev->why);
    else if (kind > JN_EV_CALL_OUT)
        return oracle_move(o, ev, x);
    else if (kind == JN_EV_HOLD || kind == JN_EV_RESUME) {
        x->row.state = kind == JN_EV_HOLD ? JN_IX_HELD : JN_IX_CONNECTED;
        oracle_say(o, kind == JN_EV_HOLD ? JN_CMD_HOLD : JN_CMD_RESUME, x, 0);
    } else if (kind == JN_EV_REQUEUE && ev->why == JN_WHY_TRANSFER)
        return oracle_transfer(o, x, ev);
    else if (kind == JN_EV_REQUEUE)
        oracle_put_back(o, x, ev->why, true);
    else if (kind == JN_EV_WRAP_DONE)
        oracle_wrap_done(o, x);
    else
        oracle_end(o, x, kind == JN_EV_CUSTOMER_LEFT ? JN_WHY_CUSTOMER : ev->why, o->now, true);
    return 0;
}

static void answer(struct oracle *o, const struct jn_event *ev, int why)
{
    if (!ev->token)
        return;
    int k = ev->kind, kind = why ? JN_CMD_REFUSED : JN_CMD_DONE;
    struct jn_command *c = oracle_command(o, kind, why);
    c->token = ev->token;
    c->maker = ev->maker;
    if (k == JN_EV_AGENT_PUT || k == JN_EV_AGENT_DEL || (k >= JN_EV_LOGIN && k <= JN_EV_NOT_READY)) {
        uint64_t id = k == JN_EV_AGENT_PUT ? ev->agent.id : ev->who.agent;
        struct oracle_agent *a = oracle_agent_of(o, ev->tenant, id);
        c->agent_row.id = id;
        c->agent_row.tenant = ev->tenant;
        if (a && ev->tenant)
            oracle_row_of_agent(o, a, &c->agent_row);
        c->wait = k == JN_EV_AGENT_PUT || k == JN_EV_AGENT_DEL;
    } else if (k == JN_EV_QUEUE_PUT || k == JN_EV_QUEUE_DEL) {
        uint64_t id = k == JN_EV_QUEUE_PUT ? ev->queue.id : ev->ix.queue;
        struct oracle_queue *q = oracle_queue_of(o, ev->tenant, id);
        c->queue_row.id = id;
        c->queue_row.tenant = ev->tenant;
        if (q && ev->tenant)
            oracle_row_of_queue(o, q, &c->queue_row);
        c->wait = true;
    } else if (k >= JN_EV_ARRIVE) {
        c->row.id = k == JN_EV_ARRIVE ? ev->arrive.ix : ev->ix.ix;
        c->row.tenant = ev->tenant;
        if (k == JN_EV_ARRIVE)
            c->row.channel = ev->arrive.channel;
        if (o->has_about)
            c->row = o->about;
        c->wait = oracle_waits(kind, c->row.channel);
    } else {
        c->row.tenant = ev->tenant;
        c->wait = k == JN_EV_TENANT_PUT || k == JN_EV_TENANT_DEL;
    }
}

/* ---- time ---- */

struct due {
    uint64_t at, id;
    struct oracle_ix *x;
    struct oracle_agent *a;
    struct oracle_queue *q;
    int kind;
};

static void look(struct due *d, uint64_t at, uint64_t serial, int kind, struct oracle_ix *x, struct oracle_agent *a,
                 struct oracle_queue *q)
{
    uint64_t id = serial * 4 + (unsigned)kind % 4;
    if (at != ORACLE_NEVER && (at < d->at || (at == d->at && id < d->id)))
        *d = (struct due){at, id, x, a, q, kind};
}

static struct due next_due(struct oracle *o)
{
    struct due d = {.at = ORACLE_NEVER, .id = UINT64_MAX};
    EACH(o, ix, x)
    if (x->row.id) {
        look(&d, x->term, x->serial, 0, x, NULL, NULL);
        look(&d, x->patience, x->serial, 1, x, NULL, NULL);
        look(&d, x->announce, x->serial, 2, x, NULL, NULL);
    }
    EACH(o, agent, a)
    if (a->set.id)
        look(&d, a->back_off, a->serial, 3, NULL, a, NULL);
    EACH(o, queue, q)
    if (q->set.id)
        look(&d, q->timer, q->serial, 4, NULL, NULL, q);
    return d;
}

uint64_t oracle_next_us(const struct oracle *o)
{
    return next_due((struct oracle *)(uintptr_t)o).at;
}

static void fire(struct oracle *o, struct due d)
{
    if (d.q) {
        d.q->timer = ORACLE_NEVER;
        d.q->told_at = o->now;
        struct jn_queue_row row;
        oracle_row_of_queue(o, d.q, &row);
        oracle_command(o, JN_CMD_QUEUE, 0)->queue_row = row;
    } else if (d.a) {
        d.a->back_off = ORACLE_NEVER;
        d.a->after = false;
    } else if (d.kind == 1) {
        d.x->patience = ORACLE_NEVER;
    } else if (d.kind == 2) {
        unsigned every = oracle_queue_of(o, 0, d.x->row.queue)->set.announce_ms;
        oracle_say(o, JN_CMD_POSITION, d.x, 0);
        d.x->announce = every ? o->until + every * 1000ull : ORACLE_NEVER;
    } else if (d.x->row.state == JN_IX_QUEUED) {
        oracle_end(o, d.x, JN_WHY_MAX_WAIT, o->now, false);
    } else if (d.x->row.state == JN_IX_OFFERED) {
        oracle_fail_offer(o, d.x, JN_WHY_NO_ANSWER);
    } else {
        oracle_wrap_done(o, d.x);
    }
}

static void start(struct oracle *o, uint64_t before)
{
    uint64_t s = 0;
    o->draining = false;
    for (struct oracle_ix *x; (x = oracle_following(o, s, 0));) {
        s = x->serial;
        if (x->row.channel == JN_CH_VOICE && x->row.state != JN_IX_WRAP_UP)
            oracle_end(o, x, JN_WHY_CRASH, before, false);
        else if (x->row.state == JN_IX_OFFERED)
            oracle_put_back(o, x, JN_WHY_CRASH, false);
    }
}

static int event(struct oracle *o, const struct jn_event *ev)
{
    if (ev->kind == JN_EV_NONE)
        return JN_WHY_BAD_STATE;
    if (ev->kind == JN_EV_START || ev->kind == JN_EV_TICK)
        return 0;
    if (ev->kind == JN_EV_DRAIN) {
        o->draining = ev->drain.on;
        return 0;
    }
    if (ev->kind <= JN_EV_AGENT_DEL)
        return directory(o, ev);
    if (ev->kind <= JN_EV_NOT_READY)
        return agent_event(o, ev);
    if (ev->kind == JN_EV_ARRIVE)
        return arrive(o, ev);
    if (ev->kind == JN_EV_CALL_OUT)
        return oracle_call_out(o, ev);
    struct oracle_ix *x = oracle_ix_of(o, ev->ix.ix);
    if (!x || x->row.tenant != ev->tenant)
        return JN_WHY_UNKNOWN_ID;
    o->has_about = true;
    int why = ix_event(o, ev, x);
    if (x->row.id)
        o->about = oracle_told_row(o, x);
    return why;
}

void oracle_apply(struct oracle *o, const struct jn_event *ev)
{
    uint64_t before = o->now;
    o->n_out = 0;
    o->seq = ev->seq;
    o->until = ev->time_us > before ? ev->time_us : before;
    if (ev->kind == JN_EV_START) {
        o->now = o->until;
        start(o, before);
        oracle_end_step(o);
    }
    for (struct due d; (d = next_due(o)).at <= o->until && d.at != ORACLE_NEVER;) {
        o->now = d.at > o->now ? d.at : o->now;
        if (d.x && d.kind == 0)
            d.x->term = ORACLE_NEVER;
        fire(o, d);
        oracle_end_step(o);
    }
    o->now = o->until;
    int why = event(o, ev);
    answer(o, ev, why);
    oracle_end_step(o);
}

void oracle_init(struct oracle *o, unsigned max_ixs)
{
    memset(o, 0, sizeof *o);
    o->max_ixs = max_ixs;
}

void oracle_free(struct oracle *o)
{
    free(o->closed);
    free(o->closed_tenant);
}
