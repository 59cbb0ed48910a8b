/* Oracle: naive on purpose. Where the router has trees and lists, here is a loop over all there is. */
#include "tests/router/core/oracle.h"

#include <stdlib.h>
#include <string.h>

#define EACH(o, what, p) for (__typeof__(&(o)->what[0]) p = (o)->what; p < (o)->what + sizeof(o)->what / sizeof *p; p++)

static bool held(const struct oracle_ix *x)
{
    return x->row.state == JN_IX_OFFERED || x->row.state == JN_IX_CONNECTED || x->row.state == JN_IX_HELD ||
           x->row.state == JN_IX_WRAP_UP;
}

static bool joined(const struct oracle_ix *x)
{
    return x->row.state == JN_IX_CONNECTED || x->row.state == JN_IX_HELD;
}

static struct oracle_queue *queue_of(struct oracle *o, uint64_t tenant, uint64_t id)
{
    EACH(o, queue, q)
    if (id && q->set.id == id && (!tenant || q->tenant == tenant))
        return q;
    return NULL;
}

static struct oracle_agent *agent_of(struct oracle *o, uint64_t tenant, uint64_t id)
{
    EACH(o, agent, a)
    if (id && a->set.id == id && (!tenant || a->tenant == tenant))
        return a;
    return NULL;
}

static struct oracle_ix *ix_of(struct oracle *o, uint64_t id)
{
    EACH(o, ix, x)
    if (id && x->row.id == id)
        return x;
    return NULL;
}

static uint64_t *tenant_of(struct oracle *o, uint64_t id)
{
    EACH(o, tenant, t)
    if (id && *t == id)
        return t;
    return NULL;
}

/* ---- what agents have and can ---- */

static unsigned load(const struct oracle *o, const struct oracle_agent *a, int channel, bool wraps)
{
    unsigned n = 0;
    EACH(o, ix, x)
    if (x->row.id && held(x) && x->row.agent == a->set.id && (channel < 0 || x->row.channel == channel) &&
        (wraps || x->row.state != JN_IX_WRAP_UP))
        n++;
    return n;
}

static unsigned level(const struct oracle_agent *a, uint64_t skill)
{
    for (unsigned i = 0; i < a->set.skills; i++)
        if (a->set.skill[i].id == skill)
            return a->set.skill[i].level;
    return 0;
}

static bool has_all(const struct oracle_agent *a, const struct jn_skill *s, unsigned n)
{
    while (n--)
        if (level(a, s[n].id) < s[n].level)
            return false;
    return true;
}

static bool skilled(struct oracle *o, const struct oracle_agent *a, const struct oracle_ix *x)
{
    struct oracle_queue *q = queue_of(o, 0, x->row.queue);
    return a->tenant == x->row.tenant && has_all(a, q->set.skill, q->set.skills) && has_all(a, x->skill, x->skills);
}

static bool available(const struct oracle *o, const struct oracle_agent *a, int ch)
{
    return a->presence == JN_AGENT_READY && a->back_off == ORACLE_NEVER && load(o, a, ch, true) < a->set.capacity[ch] &&
           load(o, a, 1 - ch, true) == 0;
}

static bool may_take(struct oracle *o, const struct oracle_agent *a, const struct oracle_ix *x)
{
    return a->set.id && available(o, a, x->row.channel) && skilled(o, a, x) &&
           (x->patience == ORACLE_NEVER || a->set.id == x->preferred);
}

/* ---- rows and commands ---- */

static unsigned position(const struct oracle *o, const struct oracle_ix *x)
{
    unsigned ahead = 0;
    EACH(o, ix, y)
    if (y->row.id && y->row.state == JN_IX_QUEUED && y->row.queue == x->row.queue &&
        (y->row.priority > x->row.priority || (y->row.priority == x->row.priority && y->row.order < x->row.order)))
        ahead++;
    return ahead + 1;
}

static struct jn_ix_row told_row(const struct oracle *o, const struct oracle_ix *x)
{
    struct jn_ix_row row = x->row;
    row.position = x->row.state == JN_IX_QUEUED ? position(o, x) : 0;
    return row;
}

static void row_of_agent(const struct oracle *o, const struct oracle_agent *a, struct jn_agent_row *row)
{
    memset(row, 0, sizeof *row);
    row->id = a->set.id;
    row->tenant = a->tenant;
    row->since_us = a->since;
    row->state = (uint8_t)a->presence;
    if (a->presence == JN_AGENT_READY && load(o, a, -1, false))
        row->state = JN_AGENT_BUSY;
    else if (a->presence == JN_AGENT_READY && load(o, a, -1, true))
        row->state = JN_AGENT_WRAP_UP;
    if (row->state == JN_AGENT_NOT_READY)
        memcpy(row->reason, a->reason, sizeof row->reason);
    for (int ch = 0; ch < JN_CH_N; ch++) {
        row->load[ch] = (uint8_t)load(o, a, ch, true);
        row->capacity[ch] = a->set.capacity[ch];
    }
}

static void account(struct jn_queue_row *sum, const struct oracle_ix *x)
{
    sum->offered++;
    sum->answered += x->row.outcome == JN_OUT_ANSWERED;
    sum->abandoned += x->row.outcome == JN_OUT_ABANDONED;
    sum->rejected += x->row.outcome == JN_OUT_REJECTED;
    sum->lost += x->row.outcome == JN_OUT_LOST;
    if (x->row.outcome != JN_OUT_ANSWERED)
        return;
    sum->in_target += x->row.in_target;
    sum->wait_sum_us += x->row.wait_us;
    sum->talk_sum_us += x->row.talk_us;
    sum->wrap_sum_us += x->wrap;
}

static void row_of_queue(const struct oracle *o, const struct oracle_queue *q, struct jn_queue_row *row)
{
    memcpy(row, &q->done, sizeof *row);
    row->id = q->set.id;
    row->tenant = q->tenant;
    row->channel_mask = q->set.channel_mask;
    row->wait_max_us = q->wait_max;
    EACH(o, ix, x)
    {
        if (!x->row.id || x->row.queue != q->set.id)
            continue;
        account(row, x);
        row->offered_now += x->row.state == JN_IX_OFFERED;
        row->talking += joined(x);
        if (x->row.state != JN_IX_QUEUED)
            continue;
        if (!row->waiting++ || x->row.arrived_us < row->longest_wait_since_us)
            row->longest_wait_since_us = x->row.arrived_us;
    }
}

static struct jn_command *command(struct oracle *o, int kind, int why)
{
    if (o->n_out == ORACLE_OUT)
        abort();
    struct jn_command *c = &o->out[o->n_out++];
    memset(c, 0, sizeof *c);
    c->seq = o->seq;
    c->time_us = o->now;
    c->kind = (uint8_t)kind;
    c->why = (uint8_t)why;
    return c;
}

static bool waits(int kind, int channel)
{
    if (kind == JN_CMD_OFFER)
        return true;
    return channel == JN_CH_CHAT && (kind == JN_CMD_QUEUED || kind == JN_CMD_CONNECT || kind == JN_CMD_DONE ||
                                     kind == JN_CMD_REFUSED || kind == JN_CMD_CLOSED);
}

static void say(struct oracle *o, int kind, const struct oracle_ix *x, int why)
{
    struct jn_command *c = command(o, kind, why);
    c->row = told_row(o, x);
    c->wait = waits(kind, x->row.channel);
}

static void say_cancel(struct oracle *o, const struct oracle_ix *x, uint64_t agent, int why)
{
    struct jn_command *c = command(o, JN_CMD_OFFER_CANCEL, why);
    c->row = told_row(o, x);
    c->agent = agent;
}

/* ---- what happens to interactions ---- */

static void enter(struct oracle *o, struct oracle_ix *x)
{
    const struct jn_ev_queue *set = &queue_of(o, 0, x->row.queue)->set;
    x->row.state = JN_IX_QUEUED;
    x->term = x->announce = ORACLE_NEVER;
    if (set->max_wait_ms) {
        x->term = x->row.queued_us + set->max_wait_ms * 1000ull;
        if (x->term < o->now)
            x->term = o->now;
    }
    if (set->announce_ms)
        x->announce = o->now + set->announce_ms * 1000ull;
}

static void leave_agent(struct oracle *o, struct oracle_ix *x)
{
    if (x->row.state != JN_IX_OFFERED)
        agent_of(o, 0, x->row.agent)->mark = ++o->mark;
    x->term = ORACLE_NEVER;
}

static void put_back(struct oracle *o, struct oracle_ix *x, int why, bool back_off)
{
    uint64_t from = x->row.agent;
    bool was_offer = x->row.state == JN_IX_OFFERED;
    if (joined(x))
        x->row.talk_us += o->now - x->since;
    leave_agent(o, x);
    if (back_off)
        agent_of(o, 0, from)->back_off = o->now + 3000000;
    x->row.agent = x->had;
    enter(o, x);
    if (was_offer)
        say_cancel(o, x, from, why);
    say(o, JN_CMD_QUEUED, x, why);
}

static void gone(struct oracle *o, uint64_t id, uint64_t tenant)
{
    if (o->n_closed == o->cap_closed) {
        o->cap_closed = o->cap_closed ? 2 * o->cap_closed : 1024;
        o->closed = realloc(o->closed, o->cap_closed * sizeof *o->closed);
        o->closed_tenant = realloc(o->closed_tenant, o->cap_closed * sizeof *o->closed_tenant);
    }
    o->closed[o->n_closed] = id;
    o->closed_tenant[o->n_closed++] = tenant;
}

static void finish(struct oracle *o, struct oracle_ix *x)
{
    account(&queue_of(o, 0, x->row.queue)->done, x);
    gone(o, x->row.id, x->row.tenant);
    o->about = x->row;
    x->row.id = 0;
}

static void end(struct oracle *o, struct oracle_ix *x, int why, uint64_t at, bool wrap)
{
    struct oracle_queue *q = queue_of(o, 0, x->row.queue);
    uint64_t agent = x->row.agent;
    bool was_offer = x->row.state == JN_IX_OFFERED, was_joined = joined(x),
         fault = why == JN_WHY_CRASH || why == JN_WHY_MEDIA || why == JN_WHY_BUSY;
    if (was_joined)
        x->row.talk_us += at - x->since;
    if (!x->row.answered_us)
        x->row.wait_us = at - x->row.arrived_us;
    x->row.outcome = fault                    ? JN_OUT_LOST
                     : x->row.answered_us     ? JN_OUT_ANSWERED
                     : why == JN_WHY_CUSTOMER ? JN_OUT_ABANDONED
                                              : JN_OUT_REJECTED;
    x->row.why = (uint8_t)why;
    x->row.ended_us = at;
    if (was_joined && wrap && q->set.wrap_up_ms && agent_of(o, 0, agent)->presence != JN_AGENT_LOGGED_OUT) {
        x->row.state = JN_IX_WRAP_UP;
        x->since = at;
        x->term = o->now + q->set.wrap_up_ms * 1000ull;
    } else {
        if (held(x))
            leave_agent(o, x);
        if (was_offer)
            x->row.agent = x->had;
        x->row.state = JN_IX_DONE;
        x->row.closed_us = at;
    }
    if (was_offer)
        say_cancel(o, x, agent, why);
    say(o, JN_CMD_CLOSED, x, why);
    if (x->row.state == JN_IX_DONE)
        finish(o, x);
}

static void wrap_done(struct oracle *o, struct oracle_ix *x)
{
    x->wrap += o->now - x->since;
    leave_agent(o, x);
    x->row.state = JN_IX_DONE;
    x->row.closed_us = o->now;
    say(o, JN_CMD_RECORD, x, 0);
    finish(o, x);
}

/* The next live one in order of arrival after `after` that is in the agent's hands (agent 0: all). */
static struct oracle_ix *following(struct oracle *o, uint64_t after, uint64_t agent)
{
    struct oracle_ix *best = NULL;
    EACH(o, ix, x)
    if (x->row.id && x->serial > after && (!agent || (held(x) && x->row.agent == agent)) &&
        (!best || x->serial < best->serial))
        best = x;
    return best;
}

static void revoke(struct oracle *o, struct oracle_agent *a, int why)
{
    uint64_t s = 0;
    for (struct oracle_ix *x; (x = following(o, s, a->set.id));) {
        s = x->serial;
        if (x->row.state == JN_IX_OFFERED)
            put_back(o, x, why, false);
    }
}

static void not_ready(struct oracle *o, struct oracle_agent *a, const char *reason, int why)
{
    a->presence = JN_AGENT_NOT_READY;
    memset(a->reason, 0, sizeof a->reason);
    for (unsigned i = 0; i + 1 < sizeof a->reason && reason[i]; i++)
        a->reason[i] = reason[i];
    revoke(o, a, why);
}

static void fail_offer(struct oracle *o, struct oracle_ix *x, int why)
{
    struct oracle_agent *a = agent_of(o, 0, x->row.agent);
    put_back(o, x, why, true);
    if (why != JN_WHY_NO_ANSWER && why != JN_WHY_PHONE_BUSY && why != JN_WHY_PHONE_REJECT && why != JN_WHY_UNREACHABLE)
        return;
    if (!a->set.max_no_answer)
        return;
    if (a->no_answers < 255)
        a->no_answers++;
    if (a->no_answers >= a->set.max_no_answer && a->presence == JN_AGENT_READY)
        not_ready(o, a, "no_answer", JN_WHY_NO_ANSWER);
}

/* Patience without hope ends: the preferred one is gone, logged out, or has not the skills or any capacity. */
static void review_patience(struct oracle *o)
{
    EACH(o, ix, x)
    {
        if (!x->row.id || x->patience == ORACLE_NEVER)
            continue;
        struct oracle_agent *a = agent_of(o, x->row.tenant, x->preferred);
        if (!a || a->presence == JN_AGENT_LOGGED_OUT || !a->set.capacity[x->row.channel] || !skilled(o, a, x))
            x->patience = ORACLE_NEVER;
    }
}

/* ---- matching, as match.h says it ---- */

static bool sooner(struct oracle *o, const struct oracle_ix *x, const struct oracle_ix *y)
{
    const struct jn_ev_queue *p = &queue_of(o, 0, x->row.queue)->set, *q = &queue_of(o, 0, y->row.queue)->set;
    uint64_t dx = x->row.queued_us + p->target_ms * 1000ull, dy = y->row.queued_us + q->target_ms * 1000ull;
    if (x->row.priority != y->row.priority)
        return x->row.priority > y->row.priority;
    if (p->weight != q->weight)
        return p->weight > q->weight;
    return dx != dy ? dx < dy : x->row.order < y->row.order;
}

static unsigned score(const struct oracle_agent *a, const struct jn_ev_queue *q)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < q->skills; i++)
        sum += level(a, q->skill[i].id);
    return sum;
}

static bool better_agent(struct oracle *o, const struct oracle_agent *a, const struct oracle_agent *b,
                         const struct oracle_ix *x)
{
    const struct jn_ev_queue *q = &queue_of(o, 0, x->row.queue)->set;
    if (a->set.id == x->preferred || b->set.id == x->preferred)
        return a->set.id == x->preferred;
    if (q->policy == JN_POLICY_BEST_SKILL && score(a, q) != score(b, q))
        return score(a, q) > score(b, q);
    unsigned la = load(o, a, x->row.channel, true), lb = load(o, b, x->row.channel, true);
    return la != lb ? la < lb : a->mark < b->mark;
}

static struct oracle_agent *agent_for(struct oracle *o, const struct oracle_ix *x)
{
    struct oracle_agent *best = NULL;
    EACH(o, agent, a)
    if (may_take(o, a, x) && (!best || better_agent(o, a, best, x)))
        best = a;
    return best;
}

static void match(struct oracle *o)
{
    for (;;) {
        struct oracle_ix *best = NULL;
        struct oracle_agent *to = NULL;
        EACH(o, ix, x)
        {
            if (!x->row.id || x->row.state != JN_IX_QUEUED || (best && !sooner(o, x, best)))
                continue;
            struct oracle_agent *a = agent_for(o, x);
            if (a) {
                best = x;
                to = a;
            }
        }
        if (!best)
            return;
        const struct jn_ev_queue *set = &queue_of(o, 0, best->row.queue)->set;
        best->row.state = JN_IX_OFFERED;
        best->row.agent = to->set.id;
        best->row.offered_us = o->now;
        if (best->row.offers < UINT16_MAX)
            best->row.offers++;
        best->patience = best->announce = ORACLE_NEVER;
        best->term = set->offer_timeout_ms ? o->now + set->offer_timeout_ms * 1000ull : ORACLE_NEVER;
        say(o, JN_CMD_OFFER, best, 0);
    }
}

/* ---- end of a step ---- */

static void tell_agents(struct oracle *o)
{
    for (uint64_t after = 0;;) {
        struct oracle_agent *next = NULL;
        EACH(o, agent, a)
        if (a->set.id > after && (!next || a->set.id < next->set.id))
            next = a;
        if (!next)
            return;
        after = next->set.id;
        struct jn_agent_row row;
        row_of_agent(o, next, &row);
        if (next->was_told &&
            (row.state != next->told.state || memcmp(row.reason, next->told.reason, sizeof row.reason) != 0))
            next->since = row.since_us = o->now;
        if (next->was_told && memcmp(&row, &next->told, sizeof row) == 0)
            continue;
        next->was_told = true;
        memcpy(&next->told, &row, sizeof row);
        command(o, JN_CMD_AGENT, 0)->agent_row = row;
    }
}

static void tell_queues(struct oracle *o)
{
    for (uint64_t after = 0;;) {
        struct oracle_queue *next = NULL;
        EACH(o, queue, q)
        if (q->set.id > after && (!next || q->set.id < next->set.id))
            next = q;
        if (!next)
            return;
        after = next->set.id;
        struct jn_queue_row row;
        row_of_queue(o, next, &row);
        if (next->was_told && memcmp(&row, &next->last, sizeof row) == 0)
            continue;
        memcpy(&next->last, &row, sizeof row);
        if (next->timer != ORACLE_NEVER)
            continue;
        if (next->was_told && o->now < next->told_at + 100000) {
            next->timer = next->told_at + 100000;
            continue;
        }
        next->was_told = true;
        next->told_at = o->now;
        command(o, JN_CMD_QUEUE, 0)->queue_row = row;
    }
}

static void end_step(struct oracle *o)
{
    review_patience(o);
    match(o);
    tell_agents(o);
    tell_queues(o);
    o->has_about = false;
}

/* ---- events ---- */

static void remove_queue(struct oracle *o, struct oracle_queue *q)
{
    uint64_t s = 0;
    for (struct oracle_ix *x; (x = following(o, s, 0));) {
        s = x->serial;
        if (x->row.queue != q->set.id)
            continue;
        if (x->row.state == JN_IX_WRAP_UP)
            wrap_done(o, x);
        else
            end(o, x, JN_WHY_REMOVED, o->now, false);
    }
    struct jn_queue_row row;
    row_of_queue(o, q, &row);
    command(o, JN_CMD_GONE, 0)->queue_row = row;
    memset(q, 0, sizeof *q);
}

static void remove_agent(struct oracle *o, struct oracle_agent *a)
{
    uint64_t s = 0;
    a->presence = JN_AGENT_LOGGED_OUT;
    revoke(o, a, JN_WHY_REMOVED);
    for (struct oracle_ix *x; (x = following(o, s, a->set.id));) {
        s = x->serial;
        if (x->row.state == JN_IX_WRAP_UP)
            wrap_done(o, x);
        else
            end(o, x, JN_WHY_REMOVED, o->now, false);
    }
    struct jn_agent_row row;
    row_of_agent(o, a, &row);
    command(o, JN_CMD_GONE, 0)->agent_row = row;
    memset(a, 0, sizeof *a);
}

static int directory(struct oracle *o, const struct jn_event *ev)
{
    if (ev->kind == JN_EV_TENANT_PUT) {
        if (tenant_of(o, ev->tenant))
            return 0;
        EACH(o, tenant, t)
        if (!*t) {
            *t = ev->tenant;
            return 0;
        }
        return JN_WHY_BUSY;
    }
    if (!tenant_of(o, ev->tenant))
        return JN_WHY_UNKNOWN_ID;
    if (ev->kind == JN_EV_TENANT_DEL) {
        for (;;) {
            struct oracle_queue *first = NULL;
            EACH(o, queue, q)
            if (q->set.id && q->tenant == ev->tenant && (!first || q->serial < first->serial))
                first = q;
            if (!first)
                break;
            remove_queue(o, first);
        }
        for (;;) {
            struct oracle_agent *first = NULL;
            EACH(o, agent, a)
            if (a->set.id && a->tenant == ev->tenant && (!first || a->serial < first->serial))
                first = a;
            if (!first)
                break;
            remove_agent(o, first);
        }
        *tenant_of(o, ev->tenant) = 0;
        return 0;
    }
    if (ev->kind == JN_EV_QUEUE_DEL || ev->kind == JN_EV_AGENT_DEL) {
        struct oracle_queue *q = ev->kind == JN_EV_QUEUE_DEL ? queue_of(o, ev->tenant, ev->ix.queue) : NULL;
        struct oracle_agent *a = ev->kind == JN_EV_AGENT_DEL ? agent_of(o, ev->tenant, ev->who.agent) : NULL;
        if (!q && !a)
            return JN_WHY_UNKNOWN_ID;
        if (q)
            remove_queue(o, q);
        else
            remove_agent(o, a);
        return 0;
    }
    if (ev->kind == JN_EV_QUEUE_PUT) {
        struct oracle_queue *q = queue_of(o, 0, ev->queue.id);
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
    struct oracle_agent *a = agent_of(o, 0, ev->agent.id);
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
    struct oracle_agent *a = agent_of(o, ev->tenant, ev->who.agent);
    if (!a)
        return JN_WHY_UNKNOWN_ID;
    if (ev->kind == JN_EV_LOGIN) {
        if (a->presence == JN_AGENT_LOGGED_OUT) {
            a->no_answers = 0;
            not_ready(o, a, "login", 0);
        }
        return 0;
    }
    if (ev->kind == JN_EV_LOGOUT) {
        if (a->presence == JN_AGENT_LOGGED_OUT)
            return 0;
        a->presence = JN_AGENT_LOGGED_OUT;
        revoke(o, a, JN_WHY_LOGGED_OUT);
        uint64_t s = 0;
        for (struct oracle_ix *x; (x = following(o, s, a->set.id));) {
            s = x->serial;
            if (x->row.state == JN_IX_WRAP_UP)
                wrap_done(o, x);
        }
        return 0;
    }
    if (a->presence == JN_AGENT_LOGGED_OUT)
        return JN_WHY_BAD_STATE;
    if (ev->kind == JN_EV_NOT_READY) {
        not_ready(o, a, ev->who.reason, JN_WHY_AGENT);
    } else if (a->presence == JN_AGENT_NOT_READY) {
        a->presence = JN_AGENT_READY;
        a->no_answers = 0;
        a->back_off = ORACLE_NEVER;
        a->mark = ++o->mark;
    }
    return 0;
}

static bool is_full(struct oracle *o, const struct oracle_queue *q)
{
    struct jn_queue_row row;
    row_of_queue(o, q, &row);
    return q->set.max_waiting && row.waiting >= q->set.max_waiting;
}

static int arrive(struct oracle *o, const struct jn_event *ev)
{
    const struct jn_ev_arrive *e = &ev->arrive;
    struct oracle_ix *x = ix_of(o, e->ix);
    unsigned open = 0;
    if (x) {
        if (x->row.tenant != ev->tenant)
            return JN_WHY_UNKNOWN_ID;
        o->about = told_row(o, x);
        o->has_about = true;
        return JN_WHY_DUPLICATE;
    }
    /* the newest first; eight for each that may be open are remembered */
    for (unsigned i = o->n_closed, k = 0; i-- > 0 && k < 8 * o->max_ixs; k++)
        if (o->closed[i] == e->ix)
            return o->closed_tenant[i] == ev->tenant ? JN_WHY_DUPLICATE : JN_WHY_UNKNOWN_ID;
    if (!tenant_of(o, ev->tenant))
        return JN_WHY_UNKNOWN_ID;
    struct oracle_queue *q = queue_of(o, ev->tenant, e->queue);
    if (!q)
        return JN_WHY_NO_QUEUE;
    struct oracle_ix new;
    memset(&new, 0, sizeof new);
    new.row.id = e->ix;
    new.row.tenant = ev->tenant;
    new.row.queue = e->queue;
    new.row.arrived_us = o->now;
    new.row.channel = e->channel;
    new.row.priority = e->priority == 255 ? q->set.priority : e->priority;
    x = NULL;
    EACH(o, ix, y)
    {
        open += y->row.id != 0;
        if (!y->row.id && !x)
            x = y;
    }
    int why = !(q->set.channel_mask >> e->channel & 1) ? JN_WHY_NO_QUEUE
              : o->draining                            ? JN_WHY_DRAINING
              : is_full(o, q)                          ? JN_WHY_QUEUE_FULL
              : open >= o->max_ixs                     ? JN_WHY_BUSY
                                                       : 0;
    if (why) {
        new.row.ended_us = new.row.closed_us = o->now;
        new.row.state = JN_IX_DONE;
        new.row.outcome = JN_OUT_REJECTED;
        new.row.why = (uint8_t)why;
        say(o, JN_CMD_CLOSED, &new, why);
        account(&q->done, &new);
        gone(o, e->ix, ev->tenant);
        return why;
    }
    *x = new;
    x->serial = ++o->serial;
    x->row.order = ++o->order;
    x->row.queued_us = o->now;
    x->preferred = e->preferred;
    x->skills = e->skills;
    memcpy(x->skill, e->skill, sizeof x->skill);
    x->patience = ORACLE_NEVER;
    enter(o, x);
    if (e->preferred && q->set.prefer_ms)
        x->patience = o->now + q->set.prefer_ms * 1000ull;
    review_patience(o);
    o->has_about = true;
    say(o, JN_CMD_QUEUED, x, 0);
    o->about = told_row(o, x);
    return 0;
}

static int transfer(struct oracle *o, struct oracle_ix *x, const struct jn_event *ev)
{
    struct oracle_queue *q = queue_of(o, ev->tenant, ev->ix.queue);
    if (!joined(x))
        return JN_WHY_BAD_STATE;
    if (!q || !(q->set.channel_mask >> x->row.channel & 1))
        return JN_WHY_NO_QUEUE;
    if (is_full(o, q))
        return JN_WHY_QUEUE_FULL;
    x->row.talk_us += o->now - x->since;
    leave_agent(o, x);
    agent_of(o, 0, x->row.agent)->back_off = o->now + 3000000;
    x->row.queue = q->set.id;
    x->row.queued_us = o->now;
    x->row.order = ++o->order;
    x->preferred = 0;
    if (x->row.wait_us > q->wait_max)
        q->wait_max = x->row.wait_us;
    enter(o, x);
    say(o, JN_CMD_QUEUED, x, JN_WHY_TRANSFER);
    return 0;
}

static void connect(struct oracle *o, struct oracle_ix *x)
{
    struct oracle_queue *q = queue_of(o, 0, x->row.queue);
    x->row.state = JN_IX_CONNECTED;
    x->term = ORACLE_NEVER;
    if (!x->row.answered_us) {
        x->row.answered_us = o->now;
        x->row.wait_us = o->now - x->row.arrived_us;
        x->row.in_target = x->row.wait_us <= q->set.target_ms * 1000ull;
        x->row.outcome = JN_OUT_ANSWERED;
        if (x->row.wait_us > q->wait_max)
            q->wait_max = x->row.wait_us;
    }
    x->had = x->row.agent;
    x->since = o->now;
    agent_of(o, 0, x->row.agent)->no_answers = 0;
    say(o, JN_CMD_CONNECT, x, 0);
}

static int ix_event(struct oracle *o, const struct jn_event *ev, struct oracle_ix *x)
{
    int kind = ev->kind, s = x->row.state;
    bool offered = s == JN_IX_OFFERED, is_joined = joined(x);
    uint64_t by = kind == JN_EV_CUSTOMER_LEFT ? 0 : ev->ix.agent;
    if (by && !agent_of(o, ev->tenant, by))
        return JN_WHY_UNKNOWN_ID;
    if (by && (!held(x) || x->row.agent != by))
        return JN_WHY_BAD_STATE;
    if ((kind == JN_EV_ACCEPT && (!offered || !by)) || (kind == JN_EV_REFUSE && !offered) ||
        (kind == JN_EV_HOLD && s != JN_IX_CONNECTED) || (kind == JN_EV_RESUME && s != JN_IX_HELD) ||
        (kind == JN_EV_REQUEUE && !offered && !is_joined) || (kind == JN_EV_CUSTOMER_LEFT && s == JN_IX_WRAP_UP) ||
        (kind == JN_EV_END && (s == JN_IX_WRAP_UP || (by && !is_joined))) ||
        (kind == JN_EV_WRAP_DONE && s != JN_IX_WRAP_UP))
        return JN_WHY_BAD_STATE;
    if (kind == JN_EV_ACCEPT)
        connect(o, x);
    else if (kind == JN_EV_REFUSE)
        fail_offer(o, x, ev->why);
    else if (kind == JN_EV_HOLD || kind == JN_EV_RESUME) {
        x->row.state = kind == JN_EV_HOLD ? JN_IX_HELD : JN_IX_CONNECTED;
        say(o, kind == JN_EV_HOLD ? JN_CMD_HOLD : JN_CMD_RESUME, x, 0);
    } else if (kind == JN_EV_REQUEUE && ev->why == JN_WHY_TRANSFER)
        return transfer(o, x, ev);
    else if (kind == JN_EV_REQUEUE)
        put_back(o, x, ev->why, true);
    else if (kind == JN_EV_WRAP_DONE)
        wrap_done(o, x);
    else
        end(o, x, kind == JN_EV_CUSTOMER_LEFT ? JN_WHY_CUSTOMER : ev->why, o->now, true);
    return 0;
}

static void answer(struct oracle *o, const struct jn_event *ev, int why)
{
    if (!ev->token)
        return;
    int k = ev->kind, kind = why ? JN_CMD_REFUSED : JN_CMD_DONE;
    struct jn_command *c = command(o, kind, why);
    c->token = ev->token;
    c->maker = ev->maker;
    if (k == JN_EV_AGENT_PUT || k == JN_EV_AGENT_DEL || (k >= JN_EV_LOGIN && k <= JN_EV_NOT_READY)) {
        uint64_t id = k == JN_EV_AGENT_PUT ? ev->agent.id : ev->who.agent;
        struct oracle_agent *a = agent_of(o, ev->tenant, id);
        c->agent_row.id = id;
        c->agent_row.tenant = ev->tenant;
        if (a && ev->tenant)
            row_of_agent(o, a, &c->agent_row);
        c->wait = k == JN_EV_AGENT_PUT || k == JN_EV_AGENT_DEL;
    } else if (k == JN_EV_QUEUE_PUT || k == JN_EV_QUEUE_DEL) {
        uint64_t id = k == JN_EV_QUEUE_PUT ? ev->queue.id : ev->ix.queue;
        struct oracle_queue *q = queue_of(o, ev->tenant, id);
        c->queue_row.id = id;
        c->queue_row.tenant = ev->tenant;
        if (q && ev->tenant)
            row_of_queue(o, q, &c->queue_row);
        c->wait = true;
    } else if (k >= JN_EV_ARRIVE) {
        c->row.id = k == JN_EV_ARRIVE ? ev->arrive.ix : ev->ix.ix;
        c->row.tenant = ev->tenant;
        if (k == JN_EV_ARRIVE)
            c->row.channel = ev->arrive.channel;
        if (o->has_about)
            c->row = o->about;
        c->wait = waits(kind, c->row.channel);
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
        row_of_queue(o, d.q, &row);
        command(o, JN_CMD_QUEUE, 0)->queue_row = row;
    } else if (d.a) {
        d.a->back_off = ORACLE_NEVER;
    } else if (d.kind == 1) {
        d.x->patience = ORACLE_NEVER;
    } else if (d.kind == 2) {
        unsigned every = queue_of(o, 0, d.x->row.queue)->set.announce_ms;
        say(o, JN_CMD_POSITION, d.x, 0);
        d.x->announce = every ? o->until + every * 1000ull : ORACLE_NEVER;
    } else if (d.x->row.state == JN_IX_QUEUED) {
        end(o, d.x, JN_WHY_MAX_WAIT, o->now, false);
    } else if (d.x->row.state == JN_IX_OFFERED) {
        fail_offer(o, d.x, JN_WHY_NO_ANSWER);
    } else {
        wrap_done(o, d.x);
    }
}

static void start(struct oracle *o, uint64_t before)
{
    uint64_t s = 0;
    o->draining = false;
    for (struct oracle_ix *x; (x = following(o, s, 0));) {
        s = x->serial;
        if (x->row.channel == JN_CH_VOICE && x->row.state != JN_IX_WRAP_UP)
            end(o, x, JN_WHY_CRASH, before, false);
        else if (x->row.state == JN_IX_OFFERED)
            put_back(o, x, JN_WHY_CRASH, false);
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
    struct oracle_ix *x = ix_of(o, ev->ix.ix);
    if (!x || x->row.tenant != ev->tenant)
        return JN_WHY_UNKNOWN_ID;
    o->has_about = true;
    int why = ix_event(o, ev, x);
    if (x->row.id)
        o->about = told_row(o, x);
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
        end_step(o);
    }
    for (struct due d; (d = next_due(o)).at <= o->until && d.at != ORACLE_NEVER;) {
        o->now = d.at > o->now ? d.at : o->now;
        if (d.x && d.kind == 0)
            d.x->term = ORACLE_NEVER;
        fire(o, d);
        end_step(o);
    }
    o->now = o->until;
    int why = event(o, ev);
    answer(o, ev, why);
    end_step(o);
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
