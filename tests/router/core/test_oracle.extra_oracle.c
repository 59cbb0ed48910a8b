/* Oracle: naive on purpose. Where the router has trees and lists, here is a loop over all there is. */
#include "tests/router/core/oracle_parts.h"

#include <stdlib.h>
#include <string.h>

bool oracle_held(const struct oracle_ix *x)
{
    return !x->row.outside && (x->row.state == JN_IX_OFFERED || oracle_joined(x) || x->row.state == JN_IX_WRAP_UP);
}

bool oracle_dials(const struct oracle_ix *x)
{
    return x->row.direction == JN_DIR_OUT && x->row.state == JN_IX_OFFERED && x->row.answered_us == 0;
}

bool oracle_joined(const struct oracle_ix *x)
{
    return x->row.state == JN_IX_CONNECTED || x->row.state == JN_IX_HELD;
}

struct oracle_queue *oracle_queue_of(struct oracle *o, uint64_t tenant, uint64_t id)
{
    EACH(o, queue, q)
    if (id && q->set.id == id && (!tenant || q->tenant == tenant))
        return q;
    return NULL;
}

struct oracle_agent *oracle_agent_of(struct oracle *o, uint64_t tenant, uint64_t id)
{
    EACH(o, agent, a)
    if (id && a->set.id == id && (!tenant || a->tenant == tenant))
        return a;
    return NULL;
}

bool oracle_works_for(const struct oracle_agent *a, uint64_t tenant)
{
    for (unsigned i = 0; i < a->set.n_serves; i++)
        if (a->set.serves[i] == tenant)
            return true;
    return a->tenant == tenant;
}

/* Who works for that tenant, whosever it is. */
struct oracle_agent *oracle_worker_of(struct oracle *o, uint64_t tenant, uint64_t id)
{
    struct oracle_agent *a = oracle_agent_of(o, 0, id);
    return a && oracle_works_for(a, tenant) ? a : NULL;
}

struct oracle_ix *oracle_ix_of(struct oracle *o, uint64_t id)
{
    EACH(o, ix, x)
    if (id && x->row.id == id)
        return x;
    return NULL;
}

uint64_t *oracle_tenant_of(struct oracle *o, uint64_t id)
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
    if (x->row.id && oracle_held(x) && x->row.agent == a->set.id && (channel < 0 || x->row.channel == channel) &&
        (wraps || x->row.state != JN_IX_WRAP_UP))
        n++;
    EACH(o, ix, x)
    n += x->row.id && x->row.consult == a->set.id && channel != JN_CH_CHAT;
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
    struct oracle_queue *q = oracle_queue_of(o, 0, x->row.queue);
    return oracle_works_for(a, x->row.tenant) && has_all(a, q->set.skill, q->set.skills) &&
           has_all(a, x->skill, x->skills);
}

bool oracle_available(const struct oracle *o, const struct oracle_agent *a, int ch)
{
    return a->presence == JN_AGENT_READY && a->back_off == ORACLE_NEVER && load(o, a, ch, true) < a->set.capacity[ch] &&
           load(o, a, 1 - ch, true) == 0;
}

bool oracle_free_hands(const struct oracle *o, const struct oracle_agent *a)
{
    return a->presence != JN_AGENT_LOGGED_OUT && a->set.capacity[JN_CH_VOICE] && load(o, a, -1, true) == 0;
}

static bool may_take(struct oracle *o, const struct oracle_agent *a, const struct oracle_ix *x)
{
    return a->set.id && oracle_available(o, a, x->row.channel) && skilled(o, a, x) &&
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

struct jn_ix_row oracle_told_row(const struct oracle *o, const struct oracle_ix *x)
{
    struct jn_ix_row row = x->row;
    row.position = x->row.state == JN_IX_QUEUED ? position(o, x) : 0;
    return row;
}

void oracle_row_of_agent(const struct oracle *o, const struct oracle_agent *a, struct jn_agent_row *row)
{
    memset(row, 0, sizeof *row);
    row->id = a->set.id;
    row->tenant = a->tenant;
    row->since_us = a->since;
    row->state = (uint8_t)a->presence;
    if (a->presence == JN_AGENT_READY && load(o, a, -1, false))
        row->state = JN_AGENT_BUSY;
    else if (a->presence == JN_AGENT_READY && (a->after || load(o, a, -1, true)))
        row->state = JN_AGENT_WRAP_UP;
    if (row->state == JN_AGENT_NOT_READY)
        memcpy(row->reason, a->reason, sizeof row->reason);
    for (int ch = 0; ch < JN_CH_N; ch++) {
        row->load[ch] = (uint8_t)load(o, a, ch, true);
        row->capacity[ch] = a->set.capacity[ch];
    }
}

void oracle_account(struct jn_queue_row *sum, const struct oracle_ix *x)
{
    if (x->row.direction == JN_DIR_OUT) {
        sum->out++;
        sum->out_answered += x->row.outcome == JN_OUT_ANSWERED;
        sum->out_talk_sum_us += x->row.outcome == JN_OUT_ANSWERED ? x->row.talk_us : 0;
        return;
    }
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

void oracle_row_of_queue(const struct oracle *o, const struct oracle_queue *q, struct jn_queue_row *row)
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
        oracle_account(row, x);
        row->offered_now += x->row.state == JN_IX_OFFERED && !oracle_dials(x);
        row->talking += oracle_joined(x);
        if (x->row.state != JN_IX_QUEUED)
            continue;
        if (!row->waiting++ || x->row.arrived_us < row->longest_wait_since_us)
            row->longest_wait_since_us = x->row.arrived_us;
    }
}

struct jn_command *oracle_command(struct oracle *o, int kind, int why)
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

bool oracle_waits(int kind, int channel)
{
    if (kind == JN_CMD_OFFER || kind == JN_CMD_CALL || kind == JN_CMD_CONSULT)
        return true;
    return channel == JN_CH_CHAT && (kind == JN_CMD_QUEUED || kind == JN_CMD_CONNECT || kind == JN_CMD_DONE ||
                                     kind == JN_CMD_REFUSED || kind == JN_CMD_CLOSED);
}

void oracle_say(struct oracle *o, int kind, const struct oracle_ix *x, int why)
{
    struct jn_command *c = oracle_command(o, kind, why);
    c->row = oracle_told_row(o, x);
    c->wait = oracle_waits(kind, x->row.channel);
}

void oracle_say_cancel(struct oracle *o, int kind, const struct oracle_ix *x, uint64_t agent, int why)
{
    struct jn_command *c = oracle_command(o, kind, why);
    c->row = oracle_told_row(o, x);
    c->agent = agent;
}

/* ---- what happens to interactions ---- */

void oracle_enter(struct oracle *o, struct oracle_ix *x)
{
    const struct jn_ev_queue *set = &oracle_queue_of(o, 0, x->row.queue)->set;
    x->row.state = JN_IX_QUEUED;
    x->term = x->announce = ORACLE_NEVER;
    if (set->max_wait_ms) {
        x->term = x->wait_from + set->max_wait_ms * 1000ull;
        if (x->term < o->now)
            x->term = o->now;
    }
    if (set->announce_ms)
        x->announce = o->now + set->announce_ms * 1000ull;
}

void oracle_leave_agent(struct oracle *o, struct oracle_ix *x)
{
    if (x->row.state != JN_IX_OFFERED)
        oracle_agent_of(o, 0, x->row.agent)->mark = ++o->mark;
    x->term = ORACLE_NEVER;
}

void oracle_put_back(struct oracle *o, struct oracle_ix *x, int why, bool back_off)
{
    uint64_t from = x->row.agent;
    bool was_offer = x->row.state == JN_IX_OFFERED;
    oracle_unconsult(o, x, why);
    if (oracle_joined(x)) {
        x->row.talk_us += o->now - x->since;
        x->wait_from = o->now;
    }
    if (oracle_held(x)) {
        oracle_leave_agent(o, x);
        if (back_off)
            oracle_agent_of(o, 0, from)->back_off = o->now + 3000000;
    }
    x->row.outside = false;
    x->row.agent = x->had;
    oracle_enter(o, x);
    if (was_offer)
        oracle_say_cancel(o, JN_CMD_OFFER_CANCEL, x, from, why);
    oracle_say(o, JN_CMD_QUEUED, x, why);
}

void oracle_gone(struct oracle *o, uint64_t id, uint64_t tenant)
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
    oracle_account(&oracle_queue_of(o, 0, x->row.queue)->done, x);
    oracle_gone(o, x->row.id, x->row.tenant);
    o->about = x->row;
    x->row.id = 0;
}

void oracle_end(struct oracle *o, struct oracle_ix *x, int why, uint64_t at, bool wrap)
{
    struct oracle_queue *q = oracle_queue_of(o, 0, x->row.queue);
    uint64_t agent = x->row.agent;
    bool was_offer = x->row.state == JN_IX_OFFERED, was_joined = oracle_joined(x), dials = oracle_dials(x),
         fault = why == JN_WHY_CRASH || why == JN_WHY_MEDIA || why == JN_WHY_BUSY;
    oracle_unconsult(o, x, why);
    if (was_joined)
        x->row.talk_us += at - x->since;
    if (!x->row.answered_us)
        x->row.wait_us = at - x->row.arrived_us;
    x->row.outcome = fault                                               ? JN_OUT_LOST
                     : x->row.answered_us                                ? JN_OUT_ANSWERED
                     : why == JN_WHY_CUSTOMER || why == JN_WHY_MENU_LEFT ? JN_OUT_ABANDONED
                     : dials && why == JN_WHY_AGENT                      ? JN_OUT_ABANDONED
                                                                         : JN_OUT_REJECTED;
    x->row.why = (uint8_t)why;
    x->row.ended_us = at;
    if (was_joined && oracle_held(x) && wrap && q->set.wrap_up_ms &&
        oracle_agent_of(o, 0, agent)->presence != JN_AGENT_LOGGED_OUT) {
        x->row.state = JN_IX_WRAP_UP;
        x->since = at;
        x->term = o->now + q->set.wrap_up_ms * 1000ull;
    } else {
        if (oracle_held(x))
            oracle_leave_agent(o, x);
        if (was_offer || x->row.outside)
            x->row.agent = x->had;
        x->row.state = JN_IX_DONE;
        x->row.closed_us = at;
    }
    if (was_offer && !dials)
        oracle_say_cancel(o, JN_CMD_OFFER_CANCEL, x, agent, why);
    oracle_say(o, JN_CMD_CLOSED, x, why);
    if (x->row.state == JN_IX_DONE)
        finish(o, x);
}

void oracle_wrap_done(struct oracle *o, struct oracle_ix *x)
{
    x->wrap += o->now - x->since;
    oracle_leave_agent(o, x);
    x->row.state = JN_IX_DONE;
    x->row.closed_us = o->now;
    oracle_say(o, JN_CMD_RECORD, x, 0);
    finish(o, x);
}

/* The next live one in order of arrival after `after` that is in the agent's hands (agent 0: all). */
struct oracle_ix *oracle_following(struct oracle *o, uint64_t after, uint64_t agent)
{
    struct oracle_ix *best = NULL;
    EACH(o, ix, x)
    if (x->row.id && x->serial > after && (!agent || (oracle_held(x) && x->row.agent == agent)) &&
        (!best || x->serial < best->serial))
        best = x;
    return best;
}

void oracle_revoke(struct oracle *o, struct oracle_agent *a, int why)
{
    uint64_t s = 0;
    for (struct oracle_ix *x; (x = oracle_following(o, s, a->set.id));) {
        s = x->serial;
        if (oracle_dials(x)) {
            if (a->presence == JN_AGENT_LOGGED_OUT)
                oracle_end(o, x, why, o->now, false);
        } else if (x->row.state == JN_IX_OFFERED) {
            oracle_put_back(o, x, why, false);
        }
    }
}

void oracle_not_ready(struct oracle *o, struct oracle_agent *a, const char *reason, int why)
{
    a->presence = JN_AGENT_NOT_READY;
    memset(a->reason, 0, sizeof a->reason);
    for (unsigned i = 0; i + 1 < sizeof a->reason && reason[i]; i++)
        a->reason[i] = reason[i];
    oracle_revoke(o, a, why);
}

void oracle_fail_offer(struct oracle *o, struct oracle_ix *x, int why)
{
    struct oracle_agent *a = oracle_agent_of(o, 0, x->row.agent);
    if (oracle_dials(x)) {
        oracle_end(o, x, why, o->now, false);
        return;
    }
    oracle_put_back(o, x, why, true);
    if (why != JN_WHY_NO_ANSWER && why != JN_WHY_PHONE_BUSY && why != JN_WHY_PHONE_REJECT && why != JN_WHY_UNREACHABLE)
        return;
    if (!a->set.max_no_answer)
        return;
    if (a->no_answers < 255)
        a->no_answers++;
    if (a->no_answers >= a->set.max_no_answer && a->presence == JN_AGENT_READY)
        oracle_not_ready(o, a, "no_answer", JN_WHY_NO_ANSWER);
}

/* Patience without hope ends: the preferred one is gone, logged out, or has not the skills or any capacity. */
void oracle_review_patience(struct oracle *o)
{
    EACH(o, ix, x)
    {
        if (!x->row.id || x->patience == ORACLE_NEVER)
            continue;
        struct oracle_agent *a = oracle_worker_of(o, x->row.tenant, x->preferred);
        if (!a || a->presence == JN_AGENT_LOGGED_OUT || !a->set.capacity[x->row.channel] || !skilled(o, a, x))
            x->patience = ORACLE_NEVER;
    }
}

/* ---- matching, as match.h says it ---- */

static bool sooner(struct oracle *o, const struct oracle_ix *x, const struct oracle_ix *y)
{
    const struct jn_ev_queue *p = &oracle_queue_of(o, 0, x->row.queue)->set,
                             *q = &oracle_queue_of(o, 0, y->row.queue)->set;
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
    const struct jn_ev_queue *q = &oracle_queue_of(o, 0, x->row.queue)->set;
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

/* The one whom the queue's policy takes for somebody who wants nothing special. */
struct oracle_agent *oracle_first_idle(struct oracle *o, const struct oracle_queue *q)
{
    const struct oracle_ix anybody = {.row = {.id = 1, .tenant = q->tenant, .queue = q->set.id, .channel = JN_CH_VOICE},
                                      .patience = ORACLE_NEVER};
    return agent_for(o, &anybody);
}

void oracle_offer(struct oracle *o, struct oracle_ix *x, struct oracle_agent *to)
{
    const struct jn_ev_queue *set = &oracle_queue_of(o, 0, x->row.queue)->set;
    x->row.state = JN_IX_OFFERED;
    x->row.agent = to->set.id;
    x->row.offered_us = o->now;
    if (x->row.offers < UINT16_MAX)
        x->row.offers++;
    x->patience = x->announce = ORACLE_NEVER;
    x->term = set->offer_timeout_ms ? o->now + set->offer_timeout_ms * 1000ull : ORACLE_NEVER;
    oracle_say(o, JN_CMD_OFFER, x, 0);
}

void oracle_match(struct oracle *o)
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
        oracle_offer(o, best, to);
    }
}
