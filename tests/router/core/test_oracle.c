/* Random operations against the oracle: every command is compared, every invariant looked at, after each step. More
 * with JUNCTOR_ORACLE_OPS=3000000 in the environment. */
#include "engine/base/rand.h"
#include "router/core/router.h"
#include "tests/router/core/oracle.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_IXS = ORACLE_IXS, TENANTS = 2, QUEUES = 5, AGENTS = 9, RECENT = 64, DEFAULT_OPS = 150000, SEEDS = 6 };

struct heard {
    struct jn_command c[ORACLE_OUT];
    unsigned n;
};
struct world {
    uint64_t seed, now, seq, next_ix;
    uint64_t recent[RECENT];
    unsigned crowd; /* larger: more arrivals, so that queues are long */
    struct jn_router *r;
    struct oracle o;
    struct heard heard;
    unsigned long kinds[JN_CMD_KIND_N], whys[JN_WHY_N];
};

static void hear(void *arg, const struct jn_command *c)
{
    struct heard *h = arg;
    cr_assert_lt(h->n, (unsigned)ORACLE_OUT);
    h->c[h->n++] = *c;
}

static unsigned pick(struct world *w, unsigned n)
{
    return (unsigned)(jn_splitmix(&w->seed) % n);
}

/* Ids are fixed by place; each is of tenant (id % TENANTS) + 1, though an event may come from the wrong one. */
static uint64_t queue_id(struct world *w)
{
    return 100 + pick(w, QUEUES);
}

static uint64_t agent_id(struct world *w)
{
    return 200 + pick(w, AGENTS);
}

static uint64_t owner(struct world *w, uint64_t id)
{
    return pick(w, 50) == 0 ? 1 + pick(w, TENANTS + 1) : id % TENANTS + 1;
}

static uint8_t some_skills(struct world *w, struct jn_skill *s, unsigned most, unsigned levels)
{
    unsigned n = pick(w, most + 1);
    for (unsigned i = 0; i < n; i++)
        s[i] = (struct jn_skill){301 + (pick(w, 3) + i) % 3, (uint8_t)(1 + pick(w, levels))};
    return (uint8_t)n;
}

static uint32_t maybe_ms(struct world *w, unsigned most)
{
    return pick(w, 3) == 0 ? 0 : 1 + pick(w, most);
}

static void make_queue(struct world *w, struct jn_event *ev)
{
    struct jn_ev_queue *q = &ev->queue;
    ev->kind = JN_EV_QUEUE_PUT;
    q->id = queue_id(w);
    ev->tenant = owner(w, q->id);
    q->skills = some_skills(w, q->skill, 2, 3);
    q->target_ms = pick(w, 3) * 5000;
    q->offer_timeout_ms = maybe_ms(w, 15000);
    q->wrap_up_ms = maybe_ms(w, 10000);
    q->max_wait_ms = pick(w, 2) ? 0 : 20000 + pick(w, 60000);
    q->max_waiting = pick(w, 3) ? 0 : 1 + pick(w, 12);
    q->prefer_ms = maybe_ms(w, 20000);
    q->announce_ms = pick(w, 2) ? 0 : 5000 + pick(w, 5000);
    q->weight = (uint16_t)(1 + pick(w, 3));
    q->priority = (uint8_t)pick(w, 3);
    q->policy = (uint8_t)pick(w, JN_POLICY_N);
    q->channel_mask = (uint8_t)(pick(w, 8) ? 3 : pick(w, 4));
}

static void make_agent(struct world *w, struct jn_event *ev)
{
    ev->kind = JN_EV_AGENT_PUT;
    ev->agent.id = agent_id(w);
    ev->tenant = owner(w, ev->agent.id);
    ev->agent.skills = some_skills(w, ev->agent.skill, 3, 5);
    ev->agent.capacity[JN_CH_VOICE] = pick(w, 6) != 0;
    ev->agent.capacity[JN_CH_CHAT] = (uint8_t)pick(w, 4);
    ev->agent.max_no_answer = (uint8_t)pick(w, 4);
    if (pick(w, 4) == 0) { /* serves the other tenant too, or one that is not there */
        ev->agent.n_serves = 1;
        ev->agent.serves[0] = 1 + pick(w, TENANTS + 1);
    }
}

static void make_arrival(struct world *w, struct jn_event *ev)
{
    struct jn_ev_arrive *a = &ev->arrive;
    bool again = pick(w, 40) == 0;
    ev->kind = JN_EV_ARRIVE;
    a->queue = queue_id(w);
    ev->tenant = owner(w, a->queue);
    a->ix = again ? w->recent[pick(w, RECENT)] : ++w->next_ix;
    if (!again)
        w->recent[pick(w, RECENT)] = a->ix;
    if (!a->ix)
        a->ix = ++w->next_ix;
    ev->why = pick(w, 20) == 0 ? JN_WHY_CUSTOMER : JN_WHY_NONE;
    if (pick(w, 25) == 0) {
        static const uint8_t before[] = {JN_WHY_CLOSED, JN_WHY_MENU, JN_WHY_MENU_LEFT, JN_WHY_MEDIA, JN_WHY_DRAINING};
        a->queue = 0; /* never came to a queue */
        ev->why = before[pick(w, sizeof before)];
    }
    a->preferred = pick(w, 3) ? 0 : agent_id(w);
    a->skills = pick(w, 3) ? 0 : some_skills(w, a->skill, 2, 4);
    a->channel = (uint8_t)pick(w, JN_CH_N);
    a->priority = (uint8_t)(pick(w, 3) ? 255 : pick(w, 4));
}

/* Mostly what the state allows, sometimes anything. */
static uint8_t some_work(struct world *w, unsigned state, bool voice)
{
    static const uint8_t likely[][6] = {
        [JN_IX_QUEUED] = {JN_EV_TICK, JN_EV_TICK, JN_EV_TICK, JN_EV_TICK, JN_EV_CUSTOMER_LEFT, JN_EV_END},
        [JN_IX_OFFERED] = {JN_EV_ACCEPT, JN_EV_ACCEPT, JN_EV_ACCEPT, JN_EV_ACCEPT, JN_EV_REFUSE, JN_EV_CUSTOMER_LEFT},
        [JN_IX_CONNECTED] = {JN_EV_HOLD, JN_EV_HOLD, JN_EV_REQUEUE, JN_EV_CUSTOMER_LEFT, JN_EV_END, JN_EV_TRANSFER},
        [JN_IX_HELD] = {JN_EV_RESUME, JN_EV_RESUME, JN_EV_CONSULT, JN_EV_REQUEUE, JN_EV_CUSTOMER_LEFT, JN_EV_END},
        [JN_IX_WRAP_UP] = {JN_EV_WRAP_DONE, JN_EV_WRAP_DONE, JN_EV_TICK, JN_EV_TICK, JN_EV_TICK, JN_EV_END},
        [JN_IX_DONE] = {JN_EV_ACCEPT, JN_EV_REFUSE, JN_EV_HOLD, JN_EV_REQUEUE, JN_EV_END, JN_EV_WRAP_DONE},
    };
    static const uint8_t moves[] = {JN_EV_TRANSFER, JN_EV_CONSULT, JN_EV_CONSULT,    JN_EV_CONSULT,
                                    JN_EV_HANDOVER, JN_EV_LEAVE,   JN_EV_CONSULT_END};
    if (voice && pick(w, 5) < 2 && (state == JN_IX_CONNECTED || state == JN_IX_HELD))
        return moves[pick(w, sizeof moves)];
    if (pick(w, 10) == 0)
        return (uint8_t)(JN_EV_ACCEPT + pick(w, JN_EV_KIND_N - JN_EV_ACCEPT));
    return likely[state][pick(w, 6)];
}

/* Often one with nothing in hand. */
static uint64_t free_agent(struct world *w)
{
    for (unsigned k = 0; k < 60 && pick(w, 40); k++) {
        const struct oracle_agent *a = &w->o.agent[pick(w, ORACLE_AGENTS)];
        if (a->set.id && a->told.state != JN_AGENT_LOGGED_OUT && !a->told.load[0] && !a->told.load[1])
            return a->set.id;
    }
    return agent_id(w);
}

static void make_call_out(struct world *w, struct jn_event *ev)
{
    ev->kind = JN_EV_CALL_OUT;
    ev->ix.agent = free_agent(w);
    ev->ix.queue = queue_id(w);
    ev->tenant = owner(w, ev->ix.agent);
    ev->ix.ix = pick(w, 40) ? ++w->next_ix : w->recent[pick(w, RECENT)];
    w->recent[pick(w, RECENT)] = ev->ix.ix;
    if (!ev->ix.ix)
        ev->ix.ix = ++w->next_ix;
}

static void make_work(struct world *w, struct jn_event *ev)
{
    const struct oracle_ix *x = &w->o.ix[pick(w, MAX_IXS)];
    for (unsigned i = 0; i < 12 && (!x->row.id || (x->row.state == JN_IX_QUEUED && pick(w, 4))); i++)
        x = &w->o.ix[pick(w, MAX_IXS)];
    ev->kind = some_work(w, x->row.id ? x->row.state : (unsigned)JN_IX_DONE, x->row.channel == JN_CH_VOICE);
    if (ev->kind == JN_EV_CALL_OUT) {
        make_call_out(w, ev);
        return;
    }
    ev->ix.ix = x->row.id && pick(w, 60) ? x->row.id : w->recent[pick(w, RECENT)];
    ev->tenant = pick(w, 60) && x->row.id ? x->row.tenant : 1 + pick(w, TENANTS);
    ev->ix.agent = pick(w, 20) ? x->row.agent : pick(w, 2) ? agent_id(w) : 0;
    if (ev->kind == JN_EV_END && pick(w, 3) == 0)
        ev->ix.agent = 0;
    ev->ix.queue = queue_id(w);
    if (ev->kind > JN_EV_CALL_OUT)
        ev->ix.to = x->row.consult && pick(w, 3) ? x->row.consult : pick(w, 4) ? free_agent(w) : 0;
    ev->why = (uint8_t)pick(w, JN_WHY_N);
    if (ev->kind == JN_EV_REFUSE)
        ev->why = (uint8_t)(JN_WHY_AGENT + pick(w, 5));
    if (ev->kind == JN_EV_REQUEUE && pick(w, 2))
        ev->why = JN_WHY_TRANSFER;
    if (ev->kind == JN_EV_TICK)
        memset(&ev->ix, 0, sizeof ev->ix);
}

static void make_agent_event(struct world *w, struct jn_event *ev)
{
    static const uint8_t kinds[] = {JN_EV_LOGIN, JN_EV_LOGIN, JN_EV_READY,  JN_EV_READY,     JN_EV_READY,
                                    JN_EV_READY, JN_EV_READY, JN_EV_LOGOUT, JN_EV_NOT_READY, JN_EV_NOT_READY};
    ev->kind = kinds[pick(w, sizeof kinds)];
    ev->who.agent = agent_id(w);
    ev->tenant = owner(w, ev->who.agent);
    if (ev->kind == JN_EV_NOT_READY)
        strcpy(ev->who.reason, pick(w, 2) ? "pause" : "training");
}

static void make_event(struct world *w, struct jn_event *ev)
{
    unsigned dice = pick(w, 1000);
    memset(ev, 0, sizeof *ev);
    if (dice < 300 + w->crowd)
        make_arrival(w, ev);
    else if (dice < 780)
        make_work(w, ev);
    else if (dice < 805)
        make_call_out(w, ev);
    else if (dice < 920)
        make_agent_event(w, ev);
    else if (dice < 945)
        make_agent(w, ev);
    else if (dice < 965)
        make_queue(w, ev);
    else if (dice < 985)
        ev->kind = JN_EV_TICK;
    else if (dice < 988) {
        ev->kind = JN_EV_AGENT_DEL;
        ev->who.agent = agent_id(w);
        ev->tenant = owner(w, ev->who.agent);
    } else if (dice < 990) {
        ev->kind = JN_EV_QUEUE_DEL;
        ev->ix.queue = queue_id(w);
        ev->tenant = owner(w, ev->ix.queue);
    } else if (dice < 996) {
        ev->kind = JN_EV_TENANT_PUT;
        ev->tenant = 1 + pick(w, TENANTS);
    } else if (dice == 996 && pick(w, 4) == 0) {
        ev->kind = JN_EV_TENANT_DEL;
        ev->tenant = 1 + pick(w, TENANTS);
    } else if (dice == 997) {
        ev->kind = JN_EV_DRAIN;
        ev->drain.on = pick(w, 4) == 0;
    } else if (dice == 998 && pick(w, 2) == 0) {
        ev->kind = JN_EV_START;
    }
    w->now += pick(w, 4) ? pick(w, 300000) : pick(w, 40) ? 0 : pick(w, 30000000);
    if (pick(w, 8) == 0 && oracle_next_us(&w->o) < w->now + 5000000)
        w->now = oracle_next_us(&w->o) > w->now ? oracle_next_us(&w->o) : w->now; /* exactly on a deadline */
    ev->time_us = w->now;
    ev->seq = ++w->seq;
    ev->token = pick(w, 3) ? w->seq : 0;
    ev->maker = (uint8_t)(1 + pick(w, 3));
}

static bool same_ix(const struct jn_ix_row *a, const struct jn_ix_row *b)
{
    return a->id == b->id && a->tenant == b->tenant && a->queue == b->queue && a->agent == b->agent &&
           a->arrived_us == b->arrived_us && a->queued_us == b->queued_us && a->offered_us == b->offered_us &&
           a->answered_us == b->answered_us && a->ended_us == b->ended_us && a->closed_us == b->closed_us &&
           a->wait_us == b->wait_us && a->talk_us == b->talk_us && a->order == b->order && a->position == b->position &&
           a->offers == b->offers && a->channel == b->channel && a->state == b->state && a->outcome == b->outcome &&
           a->why == b->why && a->priority == b->priority && a->in_target == b->in_target &&
           a->direction == b->direction && a->outside == b->outside && a->transfers == b->transfers &&
           a->consult == b->consult;
}

static bool same(const struct jn_command *a, const struct jn_command *b, const struct jn_event *ev)
{
    bool answer = a->kind == JN_CMD_DONE || a->kind == JN_CMD_REFUSED;
    bool of_agent = a->kind == JN_CMD_AGENT || (answer && (ev->kind == JN_EV_AGENT_PUT || ev->kind == JN_EV_AGENT_DEL ||
                                                           (ev->kind >= JN_EV_LOGIN && ev->kind <= JN_EV_NOT_READY)));
    bool of_queue = a->kind == JN_CMD_QUEUE || (answer && (ev->kind == JN_EV_QUEUE_PUT || ev->kind == JN_EV_QUEUE_DEL));
    if (a->seq != b->seq || a->time_us != b->time_us || a->token != b->token || a->agent != b->agent ||
        a->kind != b->kind || a->why != b->why || a->maker != b->maker || a->wait != b->wait)
        return false;
    if (of_agent)
        return memcmp(&a->agent_row, &b->agent_row, sizeof a->agent_row) == 0;
    if (of_queue)
        return memcmp(&a->queue_row, &b->queue_row, sizeof a->queue_row) == 0;
    if (a->kind == JN_CMD_GONE) /* a queue's or an agent's; both were zeroed before */
        return memcmp(&a->queue_row, &b->queue_row, sizeof a->queue_row) == 0;
    return same_ix(&a->row, &b->row);
}

static void compare(struct world *w, const struct jn_event *ev, uint64_t seed)
{
    static const char *const why[] = JN_WHY_NAMES;
    unsigned n = w->heard.n > w->o.n_out ? w->heard.n : w->o.n_out;
    for (unsigned i = 0; i < n; i++) {
        const struct jn_command *a = &w->heard.c[i], *b = &w->o.out[i];
        if (i < w->heard.n && i < w->o.n_out && same(a, b, ev))
            continue;
        cr_assert_fail(
            "seed %lu event %lu kind %u: command %u of %u/%u: router kind %d why %s ix %lu state %d agent %lu "
            "pos %u; oracle kind %d why %s ix %lu state %d agent %lu pos %u",
            seed, w->seq, ev->kind, i, w->heard.n, w->o.n_out, i < w->heard.n ? a->kind : -1, why[a->why], a->row.id,
            a->row.state, a->row.agent, a->row.position, i < w->o.n_out ? b->kind : -1, why[b->why], b->row.id,
            b->row.state, b->row.agent, b->row.position);
    }
}

static void run(uint64_t seed, unsigned long ops, unsigned crowd)
{
    static struct world w;
    const struct jn_router_limits limits = {ORACLE_AGENTS, ORACLE_QUEUES, ORACLE_TENANTS, MAX_IXS};
    struct jn_event ev;
    struct jn_err err;
    memset(&w, 0, sizeof w);
    w.seed = seed;
    w.now = 1000000;
    w.crowd = crowd;
    oracle_init(&w.o, MAX_IXS);
    w.r = jn_router_new(&limits, hear, &w.heard);
    cr_assert_not_null(w.r);
    for (unsigned long k = 0; k < ops; k++) {
        make_event(&w, &ev);
        w.heard.n = 0;
        jn_router_apply(w.r, &ev);
        oracle_apply(&w.o, &ev);
        compare(&w, &ev, seed);
        for (unsigned i = 0; i < w.heard.n; i++) {
            w.kinds[w.heard.c[i].kind]++;
            w.whys[w.heard.c[i].why]++;
        }
        cr_assert_eq(jn_router_check(w.r, &err), 0, "seed %lu event %lu: %s", seed, w.seq, err.text);
        cr_assert_eq(jn_router_next_us(w.r), oracle_next_us(&w.o), "seed %lu event %lu", seed, w.seq);
    }
    /* The walk went everywhere: nothing was compared only because it never happened. */
    for (unsigned k = JN_CMD_QUEUED; k < JN_CMD_KIND_N && ops >= 20000; k++)
        cr_assert_gt(w.kinds[k], 3, "seed %lu: command kind %u came %lu times", seed, k, w.kinds[k]);
    for (unsigned k = JN_WHY_CUSTOMER; k < JN_WHY_N && ops >= 20000; k++)
        cr_assert(w.whys[k] > 0 || k == JN_WHY_BUSY || k == JN_WHY_NO_ROUTE, "seed %lu: why %u never came", seed, k);
    jn_router_free(w.r);
    oracle_free(&w.o);
}

static unsigned long ops(void)
{
    const char *text = getenv("JUNCTOR_ORACLE_OPS");
    return (text ? strtoul(text, NULL, 10) : DEFAULT_OPS) / SEEDS;
}

TestSuite(oracle, .timeout = 7200);

Test(oracle, says_the_same_when_agents_are_many_1)
{
    run(1, ops(), 0);
}
Test(oracle, says_the_same_when_agents_are_many_2)
{
    run(2, ops(), 50);
}
Test(oracle, says_the_same_in_a_crowd_1)
{
    run(3, ops(), 150);
}
Test(oracle, says_the_same_in_a_crowd_2)
{
    run(4, ops(), 200);
}
Test(oracle, says_the_same_when_full_1)
{
    run(5, ops(), 350);
}
Test(oracle, says_the_same_when_full_2)
{
    run(6, ops(), 400);
}
