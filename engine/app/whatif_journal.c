/* What-if journal: a day out of the events of a journal and of what a router says to them. */
#include "engine/app/whatif.h"
#include "engine/base/map.h"
#include "engine/store/journal_check.h"
#include "engine/store/journal_file.h"
#include "router/core/router.h"
#include "router/journal/codec.h"
#include "router/queue/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct listener {
    struct jn_day *d;
    struct jn_whatif_left_out *out;
    struct jn_router *router;
    struct jn_router_limits limits;
    struct jn_map queue, agent, call; /* by id */
    uint64_t *ready_us;               /* by agent: since when, 0 away */
    uint32_t queue_cap, agent_cap, shift_cap, call_cap;
    uint64_t now_us;
    struct jn_err *err;
    bool failed;
};

/* Room for one more. */
static bool room(struct listener *l, void **at, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap)
        return true;
    uint32_t want = *cap ? *cap * 2 : 256;
    void *grown = realloc(*at, want * size);
    if (!grown) {
        l->failed = true;
        return false;
    }
    *at = grown;
    memset((char *)grown + *cap * size, 0, (want - *cap) * size);
    *cap = want;
    return true;
}

static void put_queue(struct listener *l, const struct jn_event *ev)
{
    struct jn_day *d = l->d;
    uint32_t q = jn_map_get(&l->queue, ev->queue.id), names = l->queue_cap;
    void *at = d->queue, *name = d->queue_name;

    if (q == JN_NONE) {
        if (!room(l, &at, d->queues, &l->queue_cap, sizeof *d->queue))
            return;
        d->queue = at;
        if (!room(l, &name, d->queues, &names, sizeof *d->queue_name))
            return;
        d->queue_name = name;
        q = d->queues++;
        if (jn_map_set(&l->queue, ev->queue.id, q) < 0)
            l->failed = true;
    }
    char text[JN_ID_TEXT_MAX];
    snprintf(d->queue_name[q].text, JN_NAME_MAX, "%s", jn_id_text(ev->queue.id, text));
    d->queue[q] = (struct jn_sim_queue){ev->queue, ev->tenant};
}

static void put_agent(struct listener *l, const struct jn_event *ev)
{
    struct jn_day *d = l->d;
    uint32_t a = jn_map_get(&l->agent, ev->agent.id), since = l->agent_cap;
    void *at = d->agent, *ready = l->ready_us;

    if (a == JN_NONE) {
        if (!room(l, &at, d->agents, &l->agent_cap, sizeof *d->agent))
            return;
        d->agent = at;
        if (!room(l, &ready, d->agents, &since, sizeof *l->ready_us))
            return;
        l->ready_us = ready;
        a = d->agents++;
        if (jn_map_set(&l->agent, ev->agent.id, a) < 0)
            l->failed = true;
    }
    d->agent[a] = (struct jn_sim_agent){ev->agent, ev->tenant};
}

/* Ready, busy and in wrap-up are at work; what an agent who wants to go has in hand still counts. */
static void agent_row(struct listener *l, const struct jn_agent_row *row, uint64_t now_us)
{
    uint32_t a = jn_map_get(&l->agent, row->id);
    bool works = row->state == JN_AGENT_READY || row->state == JN_AGENT_BUSY || row->state == JN_AGENT_WRAP_UP;
    void *at = l->d->shift;

    if (a == JN_NONE || works == (l->ready_us[a] != 0))
        return;
    if (works) {
        l->ready_us[a] = now_us;
        return;
    }
    if (!room(l, &at, l->d->shifts, &l->shift_cap, sizeof *l->d->shift))
        return;
    l->d->shift = at;
    l->d->shift[l->d->shifts++] = (struct jn_sim_shift){l->ready_us[a], now_us, a};
    l->ready_us[a] = 0;
}

/* The place of a call's row; made by its arrival, so that order is that of arriving. */
static void arrived(struct listener *l, const struct jn_event *ev)
{
    uint32_t q = jn_map_get(&l->queue, ev->arrive.queue);
    void *at = l->d->call;

    if (!ev->arrive.queue) {
        l->out->before_queue++;
        return;
    }
    if (q == JN_NONE || jn_map_get(&l->call, ev->arrive.ix) != JN_NONE ||
        !room(l, &at, l->d->calls, &l->call_cap, sizeof *l->d->call))
        return;
    l->d->call = at;
    struct jn_day_call *c = &l->d->call[l->d->calls];
    *c = (struct jn_day_call){0};
    c->is.at_us = ev->time_us;
    c->is.queue = q;
    c->is.channel = ev->arrive.channel;
    c->is.priority = ev->arrive.priority;
    c->is.skills = ev->arrive.skills;
    memcpy(c->is.skill, ev->arrive.skill, sizeof c->is.skill);
    c->is.patience_us = JN_SIM_FOREVER; /* open until its row is final */
    if (jn_map_set(&l->call, ev->arrive.ix, l->d->calls++) < 0)
        l->failed = true;
}

static void hear(void *arg, const struct jn_command *c)
{
    struct listener *l = arg;

    if (c->kind == JN_CMD_AGENT)
        agent_row(l, &c->agent_row, c->time_us);
    if (c->kind != JN_CMD_CLOSED && c->kind != JN_CMD_RECORD)
        return;
    if (c->row.state != JN_IX_DONE)
        return;
    if (c->row.direction == JN_DIR_OUT) {
        l->out->calls_out++;
        return;
    }
    uint32_t i = jn_map_get(&l->call, c->row.id);
    if (i == JN_NONE)
        return;
    struct jn_day_call *call = &l->d->call[i];
    call->answered = c->row.outcome == JN_OUT_ANSWERED || (c->row.outcome == JN_OUT_LOST && c->row.answered_us);
    call->left = c->row.outcome == JN_OUT_ABANDONED;
    call->in_target = c->row.in_target;
    call->is.patience_us = (call->answered ? c->row.answered_us : c->row.ended_us) - c->row.arrived_us;
    call->is.talk_us = c->row.talk_us;
    call->is.wrap_us = c->row.closed_us - c->row.ended_us;
    call->is.ring_us = c->row.answered_us > c->row.offered_us ? c->row.answered_us - c->row.offered_us : 0;
    l->out->transfers += c->row.transfers;
}

static int each(void *arg, uint64_t seq, uint64_t time_us, const void *bytes, uint32_t n)
{
    struct listener *l = arg;
    struct jn_event ev;

    if (jn_event_decode(&ev, bytes, n) < 0)
        return jn_fail(l->err, -EBADMSG, "event %llu does not decode", (unsigned long long)seq);
    l->now_us = time_us;
    if (ev.kind == JN_EV_QUEUE_PUT)
        put_queue(l, &ev);
    else if (ev.kind == JN_EV_AGENT_PUT)
        put_agent(l, &ev);
    else if (ev.kind == JN_EV_ARRIVE)
        arrived(l, &ev);
    jn_router_apply(l->router, &ev);
    return l->failed ? jn_fail(l->err, -ENOMEM, "no memory") : 0;
}

static int note_bounds(void *arg, const struct jn_journal_bounds *b)
{
    struct jn_router_limits *most = arg;

    most->agents = b->agents > most->agents ? b->agents : most->agents;
    most->queues = b->queues > most->queues ? b->queues : most->queues;
    most->tenants = b->tenants > most->tenants ? b->tenants : most->tenants;
    most->interactions = b->interactions > most->interactions ? b->interactions : most->interactions;
    return 0;
}

/* Who is still at work when the journal ends works to its end; calls without a final row are left out. */
static int finish(struct listener *l)
{
    struct jn_day *d = l->d;
    uint32_t kept = 0;

    for (uint32_t a = 0; a < d->agents; a++) {
        struct jn_agent_row row = {.id = d->agent[a].set.id, .state = JN_AGENT_LOGGED_OUT};
        agent_row(l, &row, l->now_us);
    }
    for (uint32_t i = 0; i < d->calls; i++)
        if (d->call[i].is.patience_us != JN_SIM_FOREVER)
            d->call[kept++] = d->call[i];
    l->out->open = d->calls - kept;
    d->calls = kept;
    if (kept == 0)
        return jn_fail(l->err, -ENODATA, "the journal holds no finished call of a queue");
    return l->failed || jn_day_ready(d) < 0 ? jn_fail(l->err, -ENOMEM, "no memory") : 0;
}

int jn_whatif_journal(struct jn_day *d, struct jn_whatif_left_out *out, const char *data, struct jn_err *err)
{
    struct listener l = {.d = d, .out = out, .err = err, .limits = {1, 1, 1, 1}};
    struct jn_journal_reader bounds = {.bounds = note_bounds, .arg = &l.limits};
    struct jn_journal_reader events = {.each = each, .arg = &l};
    struct jn_journal_found found;
    struct jn_journal *j;
    char dir[1024];

    if (snprintf(dir, sizeof dir, "%s/journal", data) >= (int)sizeof dir)
        return jn_fail(err, -ENAMETOOLONG, "the name is too long");
    int rc = jn_journal_open(&j, dir, true, &found, err);
    if (rc < 0)
        return rc;
    if (found.first_seq > 1)
        rc = jn_fail(err, -ENODATA, "%s begins at event %llu: who was there before is not known any more", dir,
                     (unsigned long long)found.first_seq);
    if (rc == 0)
        rc = jn_journal_read_checked(j, 0, &bounds, err);
    if (rc == 0 && l.limits.interactions == 1)
        l.limits = (struct jn_router_limits){.agents = 20000, .queues = 1000, .tenants = 100, .interactions = 100000};
    if (rc == 0 && (!(l.router = jn_router_new(&l.limits, hear, &l)) || jn_map_init(&l.queue, 64) < 0 ||
                    jn_map_init(&l.agent, 64) < 0 || jn_map_init(&l.call, 4096) < 0))
        rc = jn_fail(err, -ENOMEM, "no memory");
    if (rc == 0)
        rc = jn_journal_read_checked(j, 0, &events, err);
    if (rc == 0)
        rc = finish(&l);
    jn_router_free(l.router);
    jn_map_free(&l.queue);
    jn_map_free(&l.agent);
    jn_map_free(&l.call);
    free(l.ready_us);
    jn_journal_close(j);
    return rc;
}
