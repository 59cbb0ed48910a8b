/* Router: events a second and the time of one assignment, with many agents and a long wait; beside it, interleaved in
 * the same run, a matcher that looks at everybody, as a plain list would. bench_router [agents queues waiting seconds]
 */
#include "engine/base/clock.h"
#include "engine/base/histo.h"
#include "engine/base/rand.h"
#include "router/core/router.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SKILLS = 40, SLICE = 200, NAIVE_SLICE = 20 };

struct offer {
    uint64_t ix, agent;
};
struct bench {
    struct jn_router *r;
    struct offer *offers; /* ring of offers not yet answered */
    uint32_t first, count, cap;
    uint64_t now, seq, seed, next_ix, commands;
    uint32_t agents, queues;
};

static void hear(void *arg, const struct jn_command *c)
{
    struct bench *b = arg;

    b->commands++;
    if (c->kind != JN_CMD_OFFER)
        return;
    if (b->count == b->cap)
        abort();
    b->offers[(b->first + b->count++) % b->cap] = (struct offer){c->row.id, c->row.agent};
}

static uint32_t pick(struct bench *b, uint32_t n)
{
    return (uint32_t)(jn_splitmix(&b->seed) % n);
}

static void apply(struct bench *b, struct jn_event *ev)
{
    b->now += 20;
    ev->time_us = b->now;
    ev->seq = ++b->seq;
    ev->tenant = 1;
    jn_router_apply(b->r, ev);
}

static void put_queue(struct bench *b, uint32_t k)
{
    struct jn_event ev = {.kind = JN_EV_QUEUE_PUT};

    ev.queue = (struct jn_ev_queue){.id = 1000 + k,
                                    .skills = 1,
                                    .target_ms = 10000 + 1000 * (k % 20),
                                    .weight = (uint16_t)(1 + k % 3),
                                    .policy = (uint8_t)(k % JN_POLICY_N),
                                    .channel_mask = 3};
    ev.queue.skill[0] = (struct jn_skill){500 + k % SKILLS, 1};
    apply(b, &ev);
}

static void put_agent(struct bench *b, uint32_t k)
{
    struct jn_event ev = {.kind = JN_EV_AGENT_PUT};

    ev.agent = (struct jn_ev_agent){.id = 100000 + k, .skills = 4, .capacity = {1, 0}};
    for (uint32_t i = 0; i < 4; i++)
        ev.agent.skill[i] = (struct jn_skill){500 + (k * 7 + i * 11) % SKILLS, (uint8_t)(1 + (k + i) % 10)};
    apply(b, &ev);
}

static void agent_does(struct bench *b, uint8_t kind, uint32_t k)
{
    struct jn_event ev = {.kind = kind};

    ev.who.agent = 100000 + k;
    apply(b, &ev);
}

static void arrive(struct bench *b)
{
    struct jn_event ev = {.kind = JN_EV_ARRIVE};

    ev.arrive = (struct jn_ev_arrive){.ix = ++b->next_ix,
                                      .queue = 1000 + pick(b, b->queues),
                                      .channel = JN_CH_VOICE,
                                      .priority = (uint8_t)pick(b, 3)};
    apply(b, &ev);
}

static void work(struct bench *b, uint8_t kind, struct offer o)
{
    struct jn_event ev = {.kind = kind, .why = JN_WHY_AGENT};

    ev.ix.ix = o.ix;
    ev.ix.agent = o.agent;
    apply(b, &ev);
}

/* One call's life while the queues stay as long as they are: arrival, answer, end; the end frees an agent, who is
 * given the next one out of everything that waits. Returns the nanoseconds of that last event. */
static uint64_t turn(struct bench *b)
{
    struct offer o = b->offers[b->first % b->cap];

    b->first = (b->first + 1) % b->cap;
    b->count--;
    arrive(b);
    work(b, JN_EV_ACCEPT, o);
    uint64_t t = jn_mono_ns();
    work(b, JN_EV_END, o);
    return jn_mono_ns() - t;
}

/* What a list does for the same question: look at every waiting interaction for the freed agent, and take the best. */
struct waiting {
    uint64_t due, order;
    uint16_t queue;
    uint8_t priority, weight;
};
struct naive {
    struct waiting *at;
    uint32_t n;
    uint64_t order;
};

static bool sooner(const struct waiting *x, const struct waiting *y)
{
    if (x->priority != y->priority)
        return x->priority > y->priority;
    if (x->weight != y->weight)
        return x->weight > y->weight;
    return x->due != y->due ? x->due < y->due : x->order < y->order;
}

static struct waiting newcomer(struct naive *n, struct bench *b)
{
    uint32_t q = pick(b, b->queues);

    n->order++;
    return (struct waiting){.due = n->order * 20 + 10000000 + 1000000 * (q % 20),
                            .order = n->order,
                            .queue = (uint16_t)q,
                            .priority = (uint8_t)pick(b, 3),
                            .weight = (uint8_t)(1 + q % 3)};
}

static uint64_t naive_turn(struct naive *n, struct bench *b)
{
    uint32_t agent = pick(b, b->agents), best = UINT32_MAX;
    bool serves[SKILLS] = {false};
    uint64_t t = jn_mono_ns();

    for (uint32_t i = 0; i < 4; i++)
        serves[(agent * 7 + i * 11) % SKILLS] = true;
    for (uint32_t i = 0; i < n->n; i++)
        if (serves[n->at[i].queue % SKILLS] && (best == UINT32_MAX || sooner(&n->at[i], &n->at[best])))
            best = i;
    if (best != UINT32_MAX)
        n->at[best] = newcomer(n, b);
    return jn_mono_ns() - t;
}

static void fill(struct bench *b, struct naive *n, uint32_t waiting)
{
    struct jn_event ev = {.kind = JN_EV_TENANT_PUT};

    apply(b, &ev);
    for (uint32_t k = 0; k < b->queues; k++)
        put_queue(b, k);
    for (uint32_t k = 0; k < b->agents; k++) {
        put_agent(b, k);
        agent_does(b, JN_EV_LOGIN, k);
        agent_does(b, JN_EV_READY, k);
    }
    for (uint32_t k = 0; k < b->agents + waiting; k++)
        arrive(b);
    for (n->n = 0; n->n < waiting;)
        n->at[n->n++] = newcomer(n, b);
}

static uint32_t argument(int argc, char **argv, int i, uint32_t otherwise)
{
    return argc > i ? (uint32_t)strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    struct bench b = {
        .seed = 1, .now = 1000000, .agents = argument(argc, argv, 1, 10000), .queues = argument(argc, argv, 2, 100)};
    uint32_t waiting = argument(argc, argv, 3, 100000), seconds = argument(argc, argv, 4, 6);
    struct jn_router_limits limits = {b.agents, b.queues, 1, 2 * b.agents + 2 * waiting + 1000};
    static struct jn_histo ours, theirs;
    struct naive n = {.at = calloc(waiting + 1, sizeof *n.at)};
    struct jn_err err;

    b.cap = 2 * b.agents;
    b.offers = calloc(b.cap, sizeof *b.offers);
    b.r = jn_router_new(&limits, hear, &b);
    if (!b.r || !b.offers || !n.at)
        return 1;
    uint64_t t0 = jn_mono_ns();
    fill(&b, &n, waiting);
    printf("filled %u agents, %u queues, %u waiting in %.2f s (%" PRIu64 " events)\n", b.agents, b.queues, waiting,
           (double)(jn_mono_ns() - t0) / 1e9, b.seq);
    uint64_t busy_ns = 0, events = 0, commands = b.commands, end = jn_mono_ns() + seconds * UINT64_C(1000000000);
    while (jn_mono_ns() < end && b.count > 0) {
        uint64_t from = b.seq, t = jn_mono_ns();
        for (int i = 0; i < SLICE && b.count > 0; i++)
            jn_histo_add(&ours, turn(&b));
        busy_ns += jn_mono_ns() - t;
        events += b.seq - from;
        for (int i = 0; i < NAIVE_SLICE; i++)
            jn_histo_add(&theirs, naive_turn(&n, &b));
    }
    commands = b.commands - commands;
    if (jn_router_check(b.r, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    struct jn_buf state = {0};
    t0 = jn_mono_ns();
    jn_router_save(b.r, &state);
    double save_ms = (double)(jn_mono_ns() - t0) / 1e6, mean = (double)ours.sum / (double)ours.count,
           naive_mean = (double)theirs.sum / (double)theirs.count;

    printf("\n%-34s %12s %12s\n", "freed agent takes the next", "router", "linear scan");
    printf("%-34s %12.2f %12.2f\n", "mean, us", mean / 1e3, naive_mean / 1e3);
    printf("%-34s %12.2f %12.2f\n", "p50, us", (double)jn_histo_at(&ours, 500) / 1e3,
           (double)jn_histo_at(&theirs, 500) / 1e3);
    printf("%-34s %12.2f %12.2f\n", "p99, us", (double)jn_histo_at(&ours, 990) / 1e3,
           (double)jn_histo_at(&theirs, 990) / 1e3);
    printf("%-34s %12" PRIu64 " %12" PRIu64 "\n", "samples", ours.count, theirs.count);
    printf("(router: the whole event, with state, rows, commands and digest; linear scan: the search alone)\n\n");
    printf("FIGURE router_events_per_s %.0f 1/s\n", (double)events * 1e9 / (double)busy_ns);
    printf("FIGURE router_commands_per_event %.2f 1\n", (double)commands / (double)events);
    printf("FIGURE router_assign_us_p50 %.2f us\n", (double)jn_histo_at(&ours, 500) / 1e3);
    printf("FIGURE router_assign_us_p99 %.2f us\n", (double)jn_histo_at(&ours, 990) / 1e3);
    printf("FIGURE router_naive_us_p50 %.2f us\n", (double)jn_histo_at(&theirs, 500) / 1e3);
    printf("FIGURE router_naive_over_router %.1f 1\n", naive_mean / mean);
    printf("FIGURE router_snapshot_ms %.1f ms\n", save_ms);
    printf("FIGURE router_snapshot_bytes %zu B\n", state.len);
    jn_buf_free(&state);
    jn_router_free(b.r);
    free(b.offers);
    free(n.at);
    return 0;
}
