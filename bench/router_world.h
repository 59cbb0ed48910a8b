/* Router world: a large centre for the router's benchmarks: tenants, queues, agents with Zipf-popular skills, calls and
 * chats, interactions that want a further skill at a level; and the lives that go through it. Beside it stands a plain
 * model of who waits and who is free, against which one decision in a thousand is checked by looking at everybody. */
#ifndef JN_BENCH_ROUTER_WORLD_H
#define JN_BENCH_ROUTER_WORLD_H

#include "engine/base/clock.h"
#include "engine/base/histo.h"
#include "engine/base/rand.h"
#include "router/core/router.h"
#include "router/journal/codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKILLS = 500, FIRST_QUEUE = 1000000, FIRST_AGENT = 2000000, FIRST_SKILL = 3000000, CHECK_EACH = 1000 };

struct shape {
    const char *name;
    uint32_t tenants, queues, agents; /* in all tenants together */
    uint32_t idle, waiting;           /* who idles, or what waits, when the lives begin */
    bool wants;                       /* each interaction wants a skill of its own beside its queue's, both at levels */
};
struct model_ix {
    uint64_t due_us;
    uint32_t queue, agent;
    uint16_t skill;
    uint8_t level, priority, channel, state; /* state: 0 waits, 1 with an agent, 2 over */
};
struct model_agent {
    uint64_t mark;
    uint8_t load[JN_CH_N], level[SKILLS];
};
struct world {
    struct shape shape;
    struct jn_router *r;
    struct model_agent *agent;
    struct model_ix *ix; /* by id */
    uint64_t *offered, *hands;
    uint64_t n_offered, hands_first, n_hands, ix_cap, cap;
    uint64_t now, seq, seed, next_ix, mark, bytes, commands, offers, refused, closed, checked, wrong, check_ns;
    uint64_t oldest; /* no smaller id waits */
    uint32_t zipf[4096];
    struct jn_histo service; /* ns of the events that led to an offer */
    void (*log)(struct world *w, const struct jn_event *ev, const uint8_t *bytes, size_t n);
    void *arg;
};

static inline uint32_t world_pick(struct world *w, uint32_t n)
{
    return (uint32_t)(jn_splitmix(&w->seed) % n);
}

static inline uint32_t world_skill(struct world *w)
{
    return w->zipf[world_pick(w, 4096)];
}

static inline uint32_t queue_skill(const struct world *w, uint32_t queue)
{
    return queue / w->shape.tenants % SKILLS;
}

static inline uint8_t queue_level(uint32_t queue)
{
    return (uint8_t)(1 + queue % 3);
}

static inline bool model_serves(const struct world *w, uint32_t a, const struct model_ix *x)
{
    const struct model_agent *m = &w->agent[a];

    return a % w->shape.tenants == x->queue % w->shape.tenants &&
           m->level[queue_skill(w, x->queue)] >= queue_level(x->queue) && m->level[x->skill] >= x->level;
}

static inline bool model_free(const struct model_agent *m, unsigned channel)
{
    static const uint8_t capacity[JN_CH_N] = {1, 5};

    return m->load[1 - channel] == 0 && m->load[channel] < capacity[channel];
}

/* Policies alternate between the queues as put_queue sets them. */
static inline bool model_prefers(const struct world *w, const struct model_ix *x, uint32_t a, uint32_t b)
{
    const struct model_agent *m = &w->agent[a], *n = &w->agent[b];
    uint8_t i = m->level[queue_skill(w, x->queue)], k = n->level[queue_skill(w, x->queue)];

    if (x->queue % 2 == JN_POLICY_BEST_SKILL && i != k)
        return i > k;
    if (m->load[x->channel] != n->load[x->channel])
        return m->load[x->channel] < n->load[x->channel];
    return m->mark < n->mark;
}

static inline bool model_before(const struct world *w, uint64_t a, uint64_t b)
{
    const struct model_ix *x = &w->ix[a], *y = &w->ix[b];

    if (x->priority != y->priority)
        return x->priority > y->priority;
    return x->due_us != y->due_us ? x->due_us < y->due_us : a < b;
}

/* The offer as a router that looks at everybody would make it, before the model knows of it. */
static inline void world_check(struct world *w, uint64_t id, uint32_t agent)
{
    uint64_t t = jn_mono_ns();
    const struct model_ix *x = &w->ix[id];
    bool wrong = !model_free(&w->agent[agent], x->channel) || !model_serves(w, agent, x);

    for (uint32_t a = 0; a < w->shape.agents && !wrong; a++)
        wrong = a != agent && model_free(&w->agent[a], x->channel) && model_serves(w, a, x) &&
                model_prefers(w, x, a, agent);
    for (uint64_t i = w->oldest; i <= w->next_ix && !wrong; i++)
        wrong = i != id && w->ix[i].state == 0 && model_free(&w->agent[agent], w->ix[i].channel) &&
                model_before(w, i, id) && model_serves(w, agent, &w->ix[i]);
    w->checked++;
    w->wrong += wrong;
    w->check_ns += jn_mono_ns() - t;
}

static inline void world_hear(void *arg, const struct jn_command *c)
{
    struct world *w = arg;

    w->commands++;
    w->refused += c->kind == JN_CMD_REFUSED;
    w->closed += c->kind == JN_CMD_CLOSED;
    if (c->kind != JN_CMD_OFFER)
        return;
    uint32_t a = (uint32_t)(c->row.agent - FIRST_AGENT);
    if (++w->offers % CHECK_EACH == 0)
        world_check(w, c->row.id, a);
    w->ix[c->row.id].agent = a;
    w->ix[c->row.id].state = 1;
    w->agent[a].load[c->row.channel]++;
    w->offered[w->n_offered++ % w->cap] = c->row.id;
}

static inline void world_apply(struct world *w, struct jn_event *ev, uint32_t tenant)
{
    uint8_t bytes[JN_EVENT_BYTES_MAX];

    ev->time_us = w->now += 2;
    ev->seq = ++w->seq;
    ev->tenant = 1 + tenant;
    ev->token = w->seq; /* a refusal is heard */
    size_t n = jn_event_encode(bytes, ev);
    w->bytes += n;
    if (w->log)
        w->log(w, ev, bytes, n);
    uint64_t t = jn_mono_ns(), offers = w->offers, check = w->check_ns;
    jn_router_apply(w->r, ev);
    if (w->offers > offers)
        jn_histo_add(&w->service, jn_mono_ns() - t - (w->check_ns - check));
}

static inline void put_queue(struct world *w, uint32_t k)
{
    struct jn_event ev = {.kind = JN_EV_QUEUE_PUT};

    ev.queue = (struct jn_ev_queue){.id = FIRST_QUEUE + k,
                                    .skills = 1,
                                    .target_ms = 20000,
                                    .offer_timeout_ms = 20000,
                                    .wrap_up_ms = 30000,
                                    .weight = 1,
                                    .policy = (uint8_t)(k % 2),
                                    .channel_mask = 3};
    ev.queue.skill[0] = (struct jn_skill){FIRST_SKILL + queue_skill(w, k), queue_level(k)};
    world_apply(w, &ev, k % w->shape.tenants);
}

static inline void put_agent(struct world *w, uint32_t k)
{
    struct jn_event ev = {.kind = JN_EV_AGENT_PUT};
    unsigned n = 5 + world_pick(w, 6);
    uint32_t own = w->shape.queues / w->shape.tenants; /* only skills that queues of the tenant ask for */

    ev.agent = (struct jn_ev_agent){.id = FIRST_AGENT + k, .capacity = {1, 5}};
    while (ev.agent.skills < n) {
        uint32_t s = own < SKILLS ? world_pick(w, own) : world_skill(w);
        if (w->agent[k].level[s])
            continue;
        w->agent[k].level[s] = (uint8_t)(1 + world_pick(w, JN_LEVEL_MAX));
        ev.agent.skill[ev.agent.skills++] = (struct jn_skill){FIRST_SKILL + s, w->agent[k].level[s]};
    }
    world_apply(w, &ev, k % w->shape.tenants);
    ev = (struct jn_event){.kind = JN_EV_LOGIN};
    ev.who.agent = FIRST_AGENT + k;
    world_apply(w, &ev, k % w->shape.tenants);
    ev.kind = JN_EV_READY;
    w->agent[k].mark = ++w->mark;
    world_apply(w, &ev, k % w->shape.tenants);
}

/* Queues are called as often as their skill is common among agents. */
static inline void world_arrive(struct world *w)
{
    struct jn_event ev = {.kind = JN_EV_ARRIVE};
    uint32_t t = w->shape.tenants, own = w->shape.queues / t,
             at = own < SKILLS ? world_pick(w, own) : world_skill(w) + SKILLS * world_pick(w, own / SKILLS),
             queue = at * t + world_pick(w, t);
    uint64_t id = ++w->next_ix;
    struct model_ix *x = &w->ix[id];

    if (id >= w->ix_cap)
        abort();
    *x = (struct model_ix){.due_us = w->now + 2 + 20000000,
                           .queue = queue,
                           .skill = (uint16_t)queue_skill(w, queue),
                           .priority = (uint8_t)world_pick(w, 3),
                           .channel = world_pick(w, 10) < 3 ? JN_CH_CHAT : JN_CH_VOICE};
    ev.arrive =
        (struct jn_ev_arrive){.ix = id, .queue = FIRST_QUEUE + queue, .channel = x->channel, .priority = x->priority};
    if (w->shape.wants) {
        uint32_t s = own < SKILLS ? world_pick(w, own) : world_skill(w);
        x->skill = (uint16_t)s;
        x->level = (uint8_t)(1 + world_pick(w, 5));
        ev.arrive.skills = 1;
        ev.arrive.skill[0] = (struct jn_skill){FIRST_SKILL + s, x->level};
    }
    world_apply(w, &ev, queue % t);
}

static inline void world_work(struct world *w, uint8_t kind, uint64_t id)
{
    struct jn_event ev = {.kind = kind, .why = JN_WHY_AGENT};

    ev.ix.ix = id;
    ev.ix.agent = FIRST_AGENT + w->ix[id].agent;
    world_apply(w, &ev, w->ix[id].queue % w->shape.tenants);
}

static inline void world_accept(struct world *w, uint64_t *from)
{
    while (*from < w->n_offered) {
        uint64_t id = w->offered[(*from)++ % w->cap];
        world_work(w, JN_EV_ACCEPT, id);
        w->hands[w->n_hands++ % w->cap] = id;
    }
}

/* One arrival; and the oldest that is with an agent ends, wraps up, and frees who had it. One life in, one out. */
static inline void world_turn(struct world *w)
{
    uint64_t from = w->n_offered;

    world_arrive(w);
    world_accept(w, &from);
    if (w->hands_first == w->n_hands)
        return;
    uint64_t id = w->hands[w->hands_first++ % w->cap];
    struct model_agent *a = &w->agent[w->ix[id].agent];
    world_work(w, JN_EV_END, id);
    a->load[w->ix[id].channel]--;
    a->mark = ++w->mark;
    w->ix[id].state = 2;
    while (w->oldest < w->next_ix && w->ix[w->oldest].state == 2)
        w->oldest++;
    world_work(w, JN_EV_WRAP_DONE, id);
    world_accept(w, &from);
}

static inline uint64_t world_waiting(const struct world *w)
{
    return w->next_ix - w->n_offered;
}

/* Fills until the shape's state is reached or arrivals took fill_ns; what it came to is the caller's to print. */
static inline int world_open(struct world *w, const struct shape *s, uint64_t lives, uint64_t fill_ns)
{
    double sum = 0, all = 0;
    struct jn_event ev = {.kind = JN_EV_TENANT_PUT};
    struct jn_router_limits limits = {s->agents, s->queues, s->tenants, 5 * s->agents + s->waiting + 1000};

    *w = (struct world){.shape = *s, .now = 1000000, .seed = 1, .oldest = 1};
    w->cap = 5ull * s->agents + 16;
    w->ix_cap = 5ull * s->agents + s->waiting + lives + 16;
    w->r = jn_router_new(&limits, world_hear, w);
    w->agent = calloc(s->agents, sizeof *w->agent);
    w->ix = calloc(w->ix_cap, sizeof *w->ix);
    w->offered = calloc(w->cap, sizeof *w->offered);
    w->hands = calloc(w->cap, sizeof *w->hands);
    if (!w->r || !w->agent || !w->ix || !w->offered || !w->hands)
        return -1;
    for (uint32_t i = 0; i < SKILLS; i++)
        all += 1.0 / (i + 1);
    for (uint32_t i = 0, k = 0; i < 4096; i++) {
        while (k + 1 < SKILLS && sum + 1.0 / (k + 1) < all * (i + 0.5) / 4096)
            sum += 1.0 / ++k;
        w->zipf[i] = k;
    }
    for (uint32_t t = 0; t < s->tenants; t++)
        world_apply(w, &ev, t);
    for (uint32_t k = 0; k < s->queues; k++)
        put_queue(w, k);
    for (uint32_t k = 0; k < s->agents; k++)
        put_agent(w, k);
    uint64_t start = jn_mono_ns();
    for (uint64_t from = 0; s->idle ? w->n_offered + s->idle < s->agents : world_waiting(w) < s->waiting;) {
        world_arrive(w);
        world_accept(w, &from);
        if (w->next_ix % 64 == 0 && jn_mono_ns() - start > fill_ns)
            break;
    }
    return 0;
}

static inline void world_close(struct world *w)
{
    jn_router_free(w->r);
    free(w->agent);
    free(w->ix);
    free(w->offered);
    free(w->hands);
}

#endif
