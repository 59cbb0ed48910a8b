/* Sim: the driver. A heap of what will happen, the router's own timers beside it, whichever is earlier. */
#include "router/whatif/sim.h"

#include "router/core/router.h"
#include "router/queue/tree.h"
#include "router/whatif/sum.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum happening { H_LOGIN, H_LOGOUT, H_ARRIVE, H_ACCEPT, H_LEAVE, H_END, H_WRAP_DONE };

/* What happens, when, to whom; n: for an accept, of which offer. */
struct happen {
    uint64_t at_us, order;
    uint32_t index;
    uint16_t n;
    uint8_t kind;
};
struct sim {
    const struct jn_sim_day *day;
    struct jn_router *router;
    struct jn_sim_sum sum;
    struct happen *heap;
    size_t n, cap;
    uint64_t order, seq, now_us;
    uint16_t *offer; /* by call: the offer that is open, 0 none */
    uint32_t *agent; /* by call: whose hands it is in */
    uint8_t *state;  /* by call: enum jn_ix_state */
    struct jn_map agent_by_id;
    bool failed;
};

static bool earlier(const struct happen *a, const struct happen *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void put(struct sim *s, uint64_t at_us, uint8_t kind, uint32_t index, uint16_t n)
{
    struct happen h = {.at_us = at_us, .order = s->order++, .index = index, .n = n, .kind = kind};
    size_t i = s->n, up;

    if (s->n == s->cap) {
        struct happen *grown = realloc(s->heap, 2 * s->cap * sizeof *grown);
        if (!grown) {
            s->failed = true;
            return;
        }
        s->heap = grown;
        s->cap *= 2;
    }
    for (s->n++; i > 0 && earlier(&h, &s->heap[up = (i - 1) / 2]); i = up)
        s->heap[i] = s->heap[up];
    s->heap[i] = h;
}

static struct happen take(struct sim *s)
{
    struct happen first = s->heap[0], last = s->heap[--s->n];
    size_t i = 0;

    for (size_t k; (k = 2 * i + 1) < s->n; i = k) {
        k += k + 1 < s->n && earlier(&s->heap[k + 1], &s->heap[k]);
        if (!earlier(&s->heap[k], &last))
            break;
        s->heap[i] = s->heap[k];
    }
    s->heap[i] = last;
    return first;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Commands become what happens later. The router is not called from here. */
static void hear(void *arg, const struct jn_command *c)
{
    struct sim *s = arg;

    if (c->kind == JN_CMD_AGENT) {
        uint32_t a = jn_map_get(&s->agent_by_id, c->agent_row.id);
        if (a != JN_NONE)
            jn_sim_sum_agent(&s->sum, a, c->agent_row.state, c->time_us);
        return;
    }
    if (c->kind == JN_CMD_REFUSED) {
        s->sum.refused++;
        return;
    }
    if (!jn_command_about_ix(c->kind) || c->row.id == 0 || c->row.id > s->day->calls)
        return;
    uint32_t i = (uint32_t)(c->row.id - 1);
    const struct jn_sim_call *call = &s->day->call[i];
    s->state[i] = c->row.state;
    s->offer[i] = c->row.state == JN_IX_OFFERED ? c->row.offers : 0;
    if (c->kind == JN_CMD_OFFER || c->kind == JN_CMD_CONNECT)
        s->agent[i] = jn_map_get(&s->agent_by_id, c->row.agent);
    if (c->kind == JN_CMD_OFFER)
        put(s, plus(c->time_us, call->ring_us), H_ACCEPT, i, c->row.offers);
    else if (c->kind == JN_CMD_CONNECT) {
        put(s, plus(c->time_us, call->talk_us), H_END, i, 0);
        s->sum.worker[s->agent[i]].answered += call->at_us >= s->day->count_from_us;
    } else if (c->kind == JN_CMD_CLOSED) {
        if (c->row.state == JN_IX_WRAP_UP)
            put(s, plus(c->time_us, call->wrap_us), H_WRAP_DONE, i, 0);
        if (call->at_us >= s->day->count_from_us && jn_sim_sum_call(&s->sum, call->queue, &c->row) < 0)
            s->failed = true;
    }
}

static void apply(struct sim *s, struct jn_event *ev)
{
    ev->time_us = s->now_us;
    ev->seq = ev->token = ++s->seq;
    jn_router_apply(s->router, ev);
}

static void who(struct sim *s, uint8_t kind, uint32_t a)
{
    struct jn_event ev = {.kind = kind, .tenant = s->day->agent[a].tenant, .who = {.agent = s->day->agent[a].set.id}};

    apply(s, &ev);
}

static void about(struct sim *s, uint8_t kind, uint32_t i, bool by_agent, uint8_t why)
{
    struct jn_event ev = {.kind = kind, .why = why, .tenant = s->day->queue[s->day->call[i].queue].tenant};

    ev.ix.ix = i + 1ull;
    if (by_agent)
        ev.ix.agent = s->day->agent[s->agent[i]].set.id;
    apply(s, &ev);
}

static void arrive(struct sim *s, uint32_t i)
{
    const struct jn_sim_call *c = &s->day->call[i];
    struct jn_event ev = {.kind = JN_EV_ARRIVE, .tenant = s->day->queue[c->queue].tenant};

    ev.arrive.ix = i + 1ull;
    ev.arrive.queue = s->day->queue[c->queue].set.id;
    ev.arrive.skills = c->skills;
    memcpy(ev.arrive.skill, c->skill, sizeof c->skill);
    ev.arrive.channel = c->channel;
    ev.arrive.priority = c->priority;
    if (c->patience_us != JN_SIM_FOREVER)
        put(s, plus(c->at_us, c->patience_us), H_LEAVE, i, 0);
    apply(s, &ev);
}

static void happens(struct sim *s, const struct happen *h)
{
    uint32_t i = h->index;

    s->now_us = h->at_us;
    switch ((enum happening)h->kind) {
    case H_LOGIN:
        who(s, JN_EV_LOGIN, i);
        who(s, JN_EV_READY, i);
        break;
    case H_LOGOUT:
        who(s, JN_EV_LOGOUT, i);
        break;
    case H_ARRIVE:
        arrive(s, i);
        break;
    case H_ACCEPT:
        if (s->offer[i] == h->n)
            about(s, JN_EV_ACCEPT, i, true, JN_WHY_NONE);
        break;
    case H_LEAVE:
        if (s->state[i] == JN_IX_QUEUED || s->state[i] == JN_IX_OFFERED)
            about(s, JN_EV_CUSTOMER_LEFT, i, false, JN_WHY_CUSTOMER);
        break;
    case H_END:
        if (s->state[i] == JN_IX_CONNECTED)
            about(s, JN_EV_END, i, true, JN_WHY_AGENT);
        break;
    case H_WRAP_DONE:
        if (s->state[i] == JN_IX_WRAP_UP)
            about(s, JN_EV_WRAP_DONE, i, true, JN_WHY_NONE);
        break;
    }
}

/* The router's own timers (offer timeout, longest wait, wrap-up) at their own moment, so that what follows from them is
 * not late; of equal times they are first, as they are inside the router. */
static int run(struct sim *s, struct jn_err *err)
{
    while (s->n > 0 && !s->failed) {
        uint64_t timer_us = jn_router_next_us(s->router);
        if (timer_us <= s->heap[0].at_us && timer_us != UINT64_MAX) {
            struct jn_event tick = {.kind = JN_EV_TICK};
            s->now_us = timer_us > s->now_us ? timer_us : s->now_us;
            apply(s, &tick);
            continue;
        }
        if (s->heap[0].at_us == JN_SIM_FOREVER)
            break;
        struct happen h = take(s);
        happens(s, &h);
    }
    return s->failed ? jn_fail(err, -ENOMEM, "no memory") : jn_router_check(s->router, err);
}

static int valid(const struct jn_sim_day *d, struct jn_err *err)
{
    for (uint32_t i = 0; i < d->calls; i++)
        if (d->call[i].queue >= d->queues)
            return jn_fail(err, -EINVAL, "call %u asks for queue %u of %u", i, d->call[i].queue, d->queues);
    for (uint32_t i = 0; i < d->shifts; i++)
        if (d->shift[i].agent >= d->agents || d->shift[i].from_us > d->shift[i].to_us)
            return jn_fail(err, -EINVAL, "shift %u: no such agent, or it ends before it begins", i);
    return 0;
}

static int make(struct sim *s, const struct jn_sim_day *d, struct jn_err *err)
{
    enum { OPEN_MAX = 16384 };
    struct jn_router_limits limits = {d->agents, d->queues, d->agents + d->queues,
                                      d->calls < OPEN_MAX ? d->calls : (uint32_t)OPEN_MAX};

    s->day = d;
    s->cap = 2 * ((size_t)d->calls + d->shifts) + 16;
    s->heap = malloc(s->cap * sizeof *s->heap);
    s->offer = calloc(d->calls + 1u, sizeof *s->offer);
    s->agent = calloc(d->calls + 1u, sizeof *s->agent);
    s->state = calloc(d->calls + 1u, sizeof *s->state);
    s->router = jn_router_new(&limits, hear, s);
    if (!s->heap || !s->offer || !s->agent || !s->state || !s->router || jn_map_init(&s->agent_by_id, d->agents) < 0 ||
        jn_sim_sum_init(&s->sum, d) < 0)
        return jn_fail(err, -ENOMEM, "no memory");
    for (uint32_t i = 0; i < d->agents; i++)
        jn_map_set(&s->agent_by_id, d->agent[i].set.id, i);
    return 0;
}

static int begin(struct sim *s, struct jn_err *err)
{
    const struct jn_sim_day *d = s->day;

    for (uint32_t i = 0; i < d->queues + d->agents; i++) {
        struct jn_event ev = {.kind = JN_EV_TENANT_PUT, .tenant_put = {.weight = 1}};
        ev.tenant = i < d->queues ? d->queue[i].tenant : d->agent[i - d->queues].tenant;
        apply(s, &ev);
    }
    for (uint32_t i = 0; i < d->queues; i++) {
        struct jn_event ev = {.kind = JN_EV_QUEUE_PUT, .tenant = d->queue[i].tenant, .queue = d->queue[i].set};
        apply(s, &ev);
    }
    for (uint32_t i = 0; i < d->agents; i++) {
        struct jn_event ev = {.kind = JN_EV_AGENT_PUT, .tenant = d->agent[i].tenant, .agent = d->agent[i].set};
        apply(s, &ev);
    }
    if (s->sum.refused)
        return jn_fail(err, -EINVAL, "the router refuses %llu of the tenants, queues and agents",
                       (unsigned long long)s->sum.refused);
    /* Who begins at the moment of an arrival is there for it; who goes at that moment is gone. */
    for (uint32_t i = 0; i < d->shifts; i++)
        put(s, d->shift[i].to_us, H_LOGOUT, d->shift[i].agent, 0);
    for (uint32_t i = 0; i < d->shifts; i++)
        put(s, d->shift[i].from_us, H_LOGIN, d->shift[i].agent, 0);
    for (uint32_t i = 0; i < d->calls; i++)
        put(s, d->call[i].at_us, H_ARRIVE, i, 0);
    return 0;
}

int jn_sim_run(struct jn_sim_result *out, const struct jn_sim_day *day, struct jn_err *err)
{
    struct sim s = {0};
    int rc = valid(day, err);

    memset(out, 0, sizeof *out);
    if (rc == 0)
        rc = make(&s, day, err);
    if (rc == 0)
        rc = begin(&s, err);
    if (rc == 0)
        rc = run(&s, err);
    if (rc == 0)
        rc = jn_sim_sum_result(&s.sum, out, s.now_us) < 0 ? jn_fail(err, -ENOMEM, "no memory") : 0;
    out->events = s.seq;
    jn_sim_sum_free(&s.sum);
    jn_router_free(s.router);
    jn_map_free(&s.agent_by_id);
    free(s.heap);
    free(s.offer);
    free(s.agent);
    free(s.state);
    return rc;
}
