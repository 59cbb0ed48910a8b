/* The one rule and the policies, seen from outside: whom the freed agent takes, who takes the newcomer. */
#include "tests/router/core/world.h"

static uint64_t offered(void)
{
    const struct jn_command *c = said(JN_CMD_OFFER);
    return c ? c->row.id : 0;
}

static void arrive_with(struct jn_router *r, uint64_t ix, uint64_t queue, uint8_t priority, unsigned after_ms)
{
    apply(r, (struct jn_event){.kind = JN_EV_ARRIVE, .arrive = {.ix = ix, .queue = queue, .priority = priority}},
          after_ms);
}

TestSuite(rule, .timeout = 60);

Test(rule, priority_then_weight_then_due_time_then_order)
{
    static const uint64_t expected[] = {5, 3, 2, 1, 4};
    struct jn_router *r = world();
    put_queue(r, (struct jn_ev_queue){.id = 10, .target_ms = 20000});
    put_queue(r, (struct jn_ev_queue){.id = 11, .target_ms = 5000});
    put_queue(r, (struct jn_ev_queue){.id = 12, .target_ms = 90000, .weight = 9});
    arrive_with(r, 1, 10, 1, 0);    /* due after 20 s */
    arrive_with(r, 2, 11, 1, 1000); /* due after 6 s: before 1, though it came later */
    arrive_with(r, 3, 12, 1, 1000); /* the heavier queue */
    arrive_with(r, 4, 10, 1, 0);
    arrive_with(r, 5, 10, 2, 1000); /* the larger priority */
    add_ready(r, 20);
    for (unsigned i = 0; i < 5; i++) {
        cr_assert_eq(offered(), expected[i], "%u: %lu", i, offered());
        work(r, JN_EV_ACCEPT, expected[i], 20, 0);
        work(r, JN_EV_END, expected[i], 20, JN_WHY_AGENT);
    }
    jn_router_free(r);
}

Test(rule, who_is_idle_for_longest_takes_the_newcomer)
{
    struct jn_router *r = world();
    add_ready(r, 22);
    add_ready(r, 21);
    arrive(r, 1, 10, JN_CH_VOICE);
    cr_assert_eq(said(JN_CMD_OFFER)->row.agent, 22);
    work(r, JN_EV_ACCEPT, 1, 22, 0);
    work(r, JN_EV_END, 1, 22, JN_WHY_AGENT);
    arrive(r, 2, 10, JN_CH_VOICE);
    cr_assert_eq(said(JN_CMD_OFFER)->row.agent, 21);
    jn_router_free(r);
}

Test(rule, the_best_skilled_takes_it_under_that_policy)
{
    struct jn_router *r = world();
    for (uint8_t k = 0; k < 3; k++) {
        put_agent(r, (struct jn_ev_agent){.id = 20 + k, .skills = 1, .skill = {{300, (uint8_t)(2 + 3 * (k == 1))}}});
        agent_does(r, JN_EV_LOGIN, 20 + k);
        agent_does(r, JN_EV_READY, 20 + k);
    }
    struct jn_ev_queue q = {.id = 10, .policy = JN_POLICY_BEST_SKILL, .skills = 1, .skill = {{300, 2}}};
    put_queue(r, q);
    arrive(r, 1, 10, JN_CH_VOICE);
    cr_assert_eq(said(JN_CMD_OFFER)->row.agent, 21);
    q.policy = JN_POLICY_LONGEST_IDLE;
    put_queue(r, q);
    arrive(r, 2, 10, JN_CH_VOICE);
    cr_assert_eq(said(JN_CMD_OFFER)->row.agent, 20);
    jn_router_free(r);
}

Test(rule, a_newcomers_own_skills_are_asked_for_too)
{
    struct jn_router *r = world();
    add_ready(r, 20);
    put_agent(r, (struct jn_ev_agent){.id = 21, .skills = 1, .skill = {{301, 4}}});
    agent_does(r, JN_EV_LOGIN, 21);
    agent_does(r, JN_EV_READY, 21);
    apply(r,
          (struct jn_event){.kind = JN_EV_ARRIVE, .arrive = {.ix = 1, .queue = 10, .skills = 1, .skill = {{301, 4}}}},
          0);
    cr_assert_eq(said(JN_CMD_OFFER)->row.agent, 21);
    apply(r,
          (struct jn_event){.kind = JN_EV_ARRIVE, .arrive = {.ix = 2, .queue = 10, .skills = 1, .skill = {{301, 4}}}},
          0);
    cr_assert_null(said(JN_CMD_OFFER), "agent 20 has not the skill");
    arrive(r, 3, 10, JN_CH_VOICE);
    cr_assert_eq(said(JN_CMD_OFFER)->row.agent, 20, "and is not kept from those whom it can serve");
    jn_router_free(r);
}

Test(rule, a_queue_that_asks_for_less_is_served_at_once)
{
    struct jn_router *r = world();
    put_queue(r, (struct jn_ev_queue){.id = 10, .skills = 1, .skill = {{300, 5}}});
    add_ready(r, 20);
    arrive(r, 1, 10, JN_CH_VOICE);
    cr_assert_null(said(JN_CMD_OFFER));
    put_queue(r, (struct jn_ev_queue){.id = 10});
    cr_assert_eq(offered(), 1);
    jn_router_free(r);
}
