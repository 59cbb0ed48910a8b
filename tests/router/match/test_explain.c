/* Why: what the watcher hears is what the decision saw. */
#include "router/match/explain.h"
#include "tests/router/core/world.h"

static struct jn_explanation seen[8];
static unsigned n_seen;

static void watch(void *arg, const struct jn_explanation *e)
{
    cr_assert_eq(arg, &n_seen);
    if (n_seen < 8)
        seen[n_seen] = *e;
    n_seen++;
}

static struct jn_router *watched(void)
{
    struct jn_router *r = world();
    n_seen = 0;
    jn_router_watch(r, watch, &n_seen);
    return r;
}

TestSuite(explain, .timeout = 60);

Test(explain, the_order_of_those_who_could_and_why_others_could_not)
{
    struct jn_router *r = watched();
    add_ready(r, 22);
    add_ready(r, 21);
    add_ready(r, 23);
    add_ready(r, 24);
    agent_does(r, JN_EV_NOT_READY, 23);
    agent_does(r, JN_EV_LOGOUT, 24);
    arrive(r, 1, 10, JN_CH_VOICE);
    cr_assert_eq(n_seen, 1);
    const struct jn_explanation *e = &seen[0];
    cr_assert_eq(e->ix, 1);
    cr_assert_eq(e->queue, 10);
    cr_assert_eq(e->agent, said(JN_CMD_OFFER)->row.agent, "what was explained is what was done");
    cr_assert_eq(e->agent, 22);
    cr_assert_eq(e->rule, JN_EXPLAIN_POLICY);
    cr_assert_eq(e->candidates, 2);
    cr_assert_eq(e->candidate[0].id, 22);
    cr_assert_eq(e->candidate[1].id, 21);
    cr_assert_eq(e->able, 2);
    cr_assert_eq(e->not_ready, 1);
    cr_assert_geq(e->logged_out, 1);
    cr_assert_eq(e->serve, e->able + e->busy + e->not_ready + e->logged_out + e->back_off + e->lack_skill);
    arrive(r, 2, 10, JN_CH_VOICE);
    cr_assert_eq(seen[1].rule, JN_EXPLAIN_ONLY);
    cr_assert_eq(seen[1].busy, 1);
    jn_router_free(r);
}

Test(explain, what_the_freed_agent_left_waiting)
{
    struct jn_router *r = watched();
    put_queue(r, (struct jn_ev_queue){.id = 10, .target_ms = 20000});
    put_queue(r, (struct jn_ev_queue){.id = 11, .target_ms = 5000, .priority = 3});
    for (uint64_t i = 1; i <= 6; i++)
        arrive(r, i, 10, JN_CH_VOICE);
    arrive(r, 7, 11, JN_CH_VOICE);
    arrive(r, 8, 11, JN_CH_VOICE);
    add_ready(r, 20);
    cr_assert_eq(n_seen, 1);
    const struct jn_explanation *e = &seen[0];
    cr_assert_eq(e->ix, 7);
    cr_assert_eq(e->rivals, JN_EXPLAIN_RIVALS);
    static const uint64_t next[] = {8, 1, 2, 3};
    for (unsigned i = 0; i < JN_EXPLAIN_RIVALS; i++)
        cr_assert_eq(e->rival[i].id, next[i], "%u: %lu", i, e->rival[i].id);
    cr_assert_eq(e->rival[0].priority, 3);
    jn_router_free(r);
}

Test(explain, watching_changes_nothing)
{
    struct jn_router *a = NULL, *b = NULL;
    for (int k = 0; k < 2; k++) { /* one after the other: they share the clock and the numbers */
        world_seq = 0;
        struct jn_router *r = k ? watched() : world();
        *(k ? &b : &a) = r;
        add_ready(r, 20);
        add_ready(r, 21);
        for (uint64_t i = 1; i <= 4; i++)
            arrive(r, i, 10, JN_CH_VOICE);
    }
    cr_assert_eq(n_seen, 2);
    cr_assert_eq(jn_router_state_hash(a), jn_router_state_hash(b));
    cr_assert_eq(jn_router_command_hash(a), jn_router_command_hash(b));
    jn_router_watch(b, NULL, NULL);
    work(b, JN_EV_ACCEPT, 1, 20, 0);
    work(b, JN_EV_END, 1, 20, JN_WHY_AGENT);
    cr_assert_eq(n_seen, 2, "nobody listens any more");
    jn_router_free(a);
    jn_router_free(b);
}
