/* World: a small router for tests, with its commands kept, and one-line events. */
#ifndef JN_TEST_WORLD_H
#define JN_TEST_WORLD_H

#include "router/core/router.h"

#include <criterion/criterion.h>
#include <string.h>

enum { HEARD_MAX = 4096 };
static struct jn_command heard[HEARD_MAX];
static unsigned n_heard;
static uint64_t world_seq, world_now;

static void hear(void *arg, const struct jn_command *c)
{
    (void)arg;
    cr_assert_lt(n_heard, (unsigned)HEARD_MAX);
    heard[n_heard++] = *c;
}

static inline struct jn_router *world_new(void)
{
    const struct jn_router_limits limits = {32, 16, 4, 64};
    struct jn_router *r = jn_router_new(&limits, hear, NULL);
    cr_assert_not_null(r);
    world_now = 1000000;
    return r;
}

/* Applies it `after_ms` after the one before, and checks the invariants. */
static inline void apply(struct jn_router *r, struct jn_event ev, unsigned after_ms)
{
    struct jn_err err;
    world_now += after_ms * 1000ull;
    ev.time_us = world_now;
    ev.seq = ++world_seq;
    if (!ev.token)
        ev.token = world_seq;
    if (!ev.tenant)
        ev.tenant = 1;
    n_heard = 0;
    jn_router_apply(r, &ev);
    cr_assert_eq(jn_router_check(r, &err), 0, "%s", err.text);
}

static inline void tick(struct jn_router *r, unsigned after_ms)
{
    apply(r, (struct jn_event){.kind = JN_EV_TICK}, after_ms);
}

static inline void put_queue(struct jn_router *r, struct jn_ev_queue q)
{
    struct jn_event ev = {.kind = JN_EV_QUEUE_PUT, .queue = q};
    if (!ev.queue.weight)
        ev.queue.weight = 1;
    if (!ev.queue.channel_mask)
        ev.queue.channel_mask = 3;
    apply(r, ev, 0);
}

static inline void put_agent(struct jn_router *r, struct jn_ev_agent a)
{
    struct jn_event ev = {.kind = JN_EV_AGENT_PUT, .agent = a};
    if (!a.capacity[0] && !a.capacity[1])
        ev.agent.capacity[0] = 1, ev.agent.capacity[1] = 2;
    apply(r, ev, 0);
}

static inline void agent_does(struct jn_router *r, uint8_t kind, uint64_t agent)
{
    apply(r, (struct jn_event){.kind = kind, .who = {.agent = agent, .reason = "pause"}}, 0);
}

/* Tenant 1, queue 10, and an agent who is ready. */
static inline void add_ready(struct jn_router *r, uint64_t agent)
{
    put_agent(r, (struct jn_ev_agent){.id = agent});
    agent_does(r, JN_EV_LOGIN, agent);
    agent_does(r, JN_EV_READY, agent);
}

static inline void arrive(struct jn_router *r, uint64_t ix, uint64_t queue, uint8_t channel)
{
    apply(r,
          (struct jn_event){.kind = JN_EV_ARRIVE,
                            .arrive = {.ix = ix, .queue = queue, .channel = channel, .priority = 255}},
          0);
}

static inline void work(struct jn_router *r, uint8_t kind, uint64_t ix, uint64_t agent, uint8_t why)
{
    apply(r, (struct jn_event){.kind = kind, .why = why, .ix = {.ix = ix, .agent = agent}}, 0);
}

/* The first command of that kind in the last event, NULL if there was none. */
static inline const struct jn_command *said(uint8_t kind)
{
    for (unsigned i = 0; i < n_heard; i++)
        if (heard[i].kind == kind)
            return &heard[i];
    return NULL;
}

static inline struct jn_router *world(void)
{
    struct jn_router *r = world_new();
    apply(r, (struct jn_event){.kind = JN_EV_TENANT_PUT}, 0);
    put_queue(r, (struct jn_ev_queue){.id = 10, .target_ms = 20000, .offer_timeout_ms = 10000, .wrap_up_ms = 0});
    return r;
}

#endif
