/* Emit: commands on their way out, and the running digest over their fields (not over memory: padding is nobody's). */
#include "router/core/digest.h"
#include "router/core/state.h"

#include <stdlib.h>
#include <string.h>

static void digest_ix(uint64_t *h, const struct jn_ix_row *row)
{
    const uint64_t word[] = {row->id,
                             row->tenant,
                             row->queue,
                             row->agent,
                             row->arrived_us,
                             row->queued_us,
                             row->offered_us,
                             row->answered_us,
                             row->ended_us,
                             row->closed_us,
                             row->wait_us,
                             row->talk_us,
                             row->order,
                             (uint64_t)row->position << 32 | (uint64_t)row->offers << 8 | row->in_target,
                             (uint64_t)row->channel << 32 | (uint64_t)row->state << 24 | (uint64_t)row->outcome << 16 |
                                 (uint64_t)row->why << 8 | row->priority};

    for (unsigned i = 0; i < sizeof word / sizeof word[0]; i++)
        jn_digest(h, word[i]);
    jn_digest(h, row->consult);
    jn_digest(h, (uint64_t)row->transfers << 16 | (uint64_t)row->direction << 8 | row->outside);
}

static void digest_agent(uint64_t *h, const struct jn_agent_row *row)
{
    uint64_t word[JN_REASON_MAX / 8];

    memcpy(word, row->reason, sizeof word);
    jn_digest(h, row->id);
    jn_digest(h, row->tenant);
    jn_digest(h, row->since_us);
    jn_digest(h, (uint64_t)row->state << 32 | (uint64_t)row->load[0] << 24 | (uint64_t)row->load[1] << 16 |
                     (uint64_t)row->capacity[0] << 8 | row->capacity[1]);
    for (unsigned i = 0; i < sizeof word / sizeof word[0]; i++)
        jn_digest(h, word[i]);
}

static void digest_queue(uint64_t *h, const struct jn_queue_row *row)
{
    const uint64_t word[] = {row->id,
                             row->tenant,
                             row->offered,
                             row->answered,
                             row->abandoned,
                             row->rejected,
                             row->lost,
                             row->in_target,
                             row->wait_sum_us,
                             row->talk_sum_us,
                             row->wrap_sum_us,
                             row->wait_max_us,
                             (uint64_t)row->waiting << 32 | row->offered_now,
                             (uint64_t)row->talking << 8 | row->channel_mask,
                             row->longest_wait_since_us,
                             row->transferred,
                             row->out,
                             row->out_answered,
                             row->out_talk_sum_us};

    for (unsigned i = 0; i < sizeof word / sizeof word[0]; i++)
        jn_digest(h, word[i]);
}

enum shape { SHAPE_IX, SHAPE_AGENT, SHAPE_QUEUE };

static void send(struct jn_router *r, struct jn_command *c, enum shape shape)
{
    uint64_t *h = &r->command_hash;

    c->seq = r->seq;
    c->time_us = r->now_us;
    jn_digest(h, c->seq);
    jn_digest(h, c->time_us);
    jn_digest(h, c->token);
    jn_digest(h, c->agent);
    jn_digest(h, (uint64_t)c->kind << 24 | (uint64_t)c->why << 16 | (uint64_t)c->maker << 8 | c->wait);
    if (shape == SHAPE_IX)
        digest_ix(h, &c->row);
    else if (shape == SHAPE_AGENT)
        digest_agent(h, &c->agent_row);
    else
        digest_queue(h, &c->queue_row);
    if (r->emit)
        r->emit(r->arg, c);
}

/* Offers act, and messages are answered, only when the journal is durable. Sound does not wait for a disk. */
static bool waits(uint8_t kind, uint8_t channel)
{
    return kind == JN_CMD_OFFER || kind == JN_CMD_CALL || kind == JN_CMD_CONSULT ||
           (channel == JN_CH_CHAT && (kind == JN_CMD_QUEUED || kind == JN_CMD_CONNECT || kind == JN_CMD_DONE ||
                                      kind == JN_CMD_REFUSED || kind == JN_CMD_CLOSED));
}

void jn_emit_row(struct jn_router *r, uint8_t kind, const struct jn_ix_row *row, uint8_t why)
{
    struct jn_command c;

    memset(&c, 0, sizeof c);
    c.kind = kind;
    c.why = why;
    c.wait = waits(kind, row->channel);
    c.row = *row;
    send(r, &c, SHAPE_IX);
}

/* Of queued ones the place is looked up when it is told. */
static void placed(struct jn_ix_row *row, const struct jn_router *r, const struct jn_ix *ix)
{
    *row = ix->row;
    if (row->state == JN_IX_QUEUED)
        row->position = jn_tree_rank(r->wait_node, (uint32_t)(ix - r->ix));
}

void jn_emit_ix(struct jn_router *r, uint8_t kind, const struct jn_ix *ix, uint8_t why)
{
    struct jn_ix_row row;

    placed(&row, r, ix);
    jn_emit_row(r, kind, &row, why);
}

void jn_emit_cancel(struct jn_router *r, uint8_t kind, const struct jn_ix *ix, uint64_t agent, uint8_t why)
{
    struct jn_command c;

    memset(&c, 0, sizeof c);
    c.kind = kind;
    c.why = why;
    c.agent = agent;
    placed(&c.row, r, ix);
    send(r, &c, SHAPE_IX);
}

void jn_emit_queue(struct jn_router *r, uint8_t kind, const struct jn_queue *q)
{
    struct jn_command c;

    memset(&c, 0, sizeof c);
    c.kind = kind;
    jn_queue_row(&c.queue_row, q, r->wait_node);
    send(r, &c, SHAPE_QUEUE);
}

void jn_emit_agent(struct jn_router *r, const struct jn_agent *a, uint8_t kind)
{
    struct jn_command c;

    memset(&c, 0, sizeof c);
    c.kind = kind;
    jn_agent_row(&c.agent_row, a);
    send(r, &c, SHAPE_AGENT);
}

static bool about_agent(uint8_t kind)
{
    return kind == JN_EV_LOGIN || kind == JN_EV_LOGOUT || kind == JN_EV_READY || kind == JN_EV_NOT_READY ||
           kind == JN_EV_AGENT_PUT || kind == JN_EV_AGENT_DEL;
}

/* The answer carries the row of what the event was about, as far as it is there: id and tenant at least. */
void jn_emit_answer(struct jn_router *r, const struct jn_event *ev, uint8_t refused)
{
    struct jn_command c;
    enum shape shape = SHAPE_IX;
    uint32_t i;

    if (!ev->token)
        return;
    memset(&c, 0, sizeof c);
    c.token = ev->token;
    c.maker = ev->maker;
    c.why = refused;
    c.kind = refused ? JN_CMD_REFUSED : JN_CMD_DONE;
    if (about_agent(ev->kind)) {
        shape = SHAPE_AGENT;
        c.agent_row.id = ev->kind == JN_EV_AGENT_PUT ? ev->agent.id : ev->who.agent;
        c.agent_row.tenant = ev->tenant;
        if ((i = jn_find_agent(r, ev->tenant, c.agent_row.id)) != JN_NONE)
            jn_agent_row(&c.agent_row, &r->agent[i]);
        c.wait = ev->kind == JN_EV_AGENT_PUT || ev->kind == JN_EV_AGENT_DEL;
    } else if (ev->kind == JN_EV_QUEUE_PUT || ev->kind == JN_EV_QUEUE_DEL) {
        shape = SHAPE_QUEUE;
        c.queue_row.id = ev->kind == JN_EV_QUEUE_PUT ? ev->queue.id : ev->ix.queue;
        c.queue_row.tenant = ev->tenant;
        if ((i = jn_find_queue(r, ev->tenant, c.queue_row.id)) != JN_NONE)
            jn_queue_row(&c.queue_row, &r->queue[i], r->wait_node);
        c.wait = true;
    } else if (ev->kind >= JN_EV_ARRIVE && ev->kind < JN_EV_KIND_N) {
        c.row.id = ev->kind == JN_EV_ARRIVE ? ev->arrive.ix : ev->ix.ix;
        c.row.tenant = ev->tenant;
        c.row.channel = ev->kind == JN_EV_ARRIVE ? ev->arrive.channel : (uint8_t)JN_CH_VOICE;
        if (r->about != JN_NONE)
            placed(&c.row, r, &r->ix[r->about]);
        c.wait = waits(c.kind, c.row.channel);
    } else {
        c.row.tenant = ev->tenant;
        c.wait = ev->kind == JN_EV_TENANT_PUT || ev->kind == JN_EV_TENANT_DEL;
    }
    send(r, &c, shape);
}

void jn_touch_agent(struct jn_router *r, uint32_t a)
{
    if (r->agent[a].changed)
        return;
    r->agent[a].changed = true;
    r->changed_agents[r->n_changed_agents++] = a;
}

void jn_touch_queue(struct jn_router *r, uint32_t q)
{
    if (r->queue[q].changed)
        return;
    r->queue[q].changed = true;
    r->changed_queues[r->n_changed_queues++] = q;
}

static void tell_agent(struct jn_router *r, struct jn_agent *a)
{
    struct jn_command c;
    uint8_t now = jn_agent_shown(a);

    a->changed = false;
    if (!a->set.id)
        return; /* gone since */
    if (now != a->shown || (now == JN_AGENT_NOT_READY && memcmp(a->reason, a->seen.reason, sizeof a->reason) != 0)) {
        a->shown = now;
        a->since_us = r->now_us;
    }
    memset(&c, 0, sizeof c);
    jn_agent_row(&c.agent_row, a);
    if (a->told && memcmp(&c.agent_row, &a->seen, sizeof a->seen) == 0)
        return;
    a->told = true;
    memcpy(&a->seen, &c.agent_row, sizeof a->seen);
    c.kind = JN_CMD_AGENT;
    send(r, &c, SHAPE_AGENT);
}

static void tell_queue(struct jn_router *r, struct jn_queue *q)
{
    struct jn_queue_row row;

    q->changed = false;
    if (!q->set.id)
        return;
    jn_queue_row(&row, q, r->wait_node);
    if (q->told && memcmp(&row, &q->seen, sizeof row) == 0)
        return;
    memcpy(&q->seen, &row, sizeof row);
    if (q->row_timer.slot != JN_TIMER_IDLE)
        return;
    if (q->told && r->now_us < q->told_us + JN_QUEUE_ROW_US) {
        jn_arm(r, &q->row_timer, q->told_us + JN_QUEUE_ROW_US - r->now_us);
        return;
    }
    q->told = true;
    q->told_us = r->now_us;
    jn_emit_queue(r, JN_CMD_QUEUE, q);
}

static int by_agent_id(const void *x, const void *y, void *arg)
{
    const struct jn_router *r = arg;
    uint64_t a = r->agent[*(const uint32_t *)x].set.id, b = r->agent[*(const uint32_t *)y].set.id;

    return a < b ? -1 : a > b;
}

static int by_queue_id(const void *x, const void *y, void *arg)
{
    const struct jn_router *r = arg;
    uint64_t a = r->queue[*(const uint32_t *)x].set.id, b = r->queue[*(const uint32_t *)y].set.id;

    return a < b ? -1 : a > b;
}

void jn_emit_changes(struct jn_router *r)
{
    if (r->n_changed_agents > 1)
        qsort_r(r->changed_agents, r->n_changed_agents, sizeof *r->changed_agents, by_agent_id, r);
    for (uint32_t i = 0; i < r->n_changed_agents; i++)
        tell_agent(r, &r->agent[r->changed_agents[i]]);
    if (r->n_changed_queues > 1)
        qsort_r(r->changed_queues, r->n_changed_queues, sizeof *r->changed_queues, by_queue_id, r);
    for (uint32_t i = 0; i < r->n_changed_queues; i++)
        tell_queue(r, &r->queue[r->changed_queues[i]]);
    r->n_changed_agents = r->n_changed_queues = 0;
}
