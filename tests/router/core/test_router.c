/* Behaviours one by one, as a reader of the headers expects them. */
#include "tests/router/core/world.h"

TestSuite(router, .timeout = 60);

Test(router, a_call_is_queued_answered_to_its_sender_and_offered_durably)
{
    struct jn_router *r = world();
    add_ready(r, 20);
    arrive(r, 1, 10, JN_CH_VOICE);
    cr_assert_eq(heard[0].kind, JN_CMD_QUEUED);
    cr_assert_eq(heard[0].row.position, 1);
    cr_assert_not(heard[0].wait, "sound does not wait for a disk");
    cr_assert_eq(heard[1].kind, JN_CMD_DONE);
    cr_assert_eq(heard[2].kind, JN_CMD_OFFER);
    cr_assert(heard[2].wait);
    cr_assert_eq(heard[2].row.agent, 20);
    cr_assert_eq(heard[3].kind, JN_CMD_AGENT);
    cr_assert_eq(heard[3].agent_row.state, JN_AGENT_BUSY);
    jn_router_free(r);
}

Test(router, a_chat_is_acknowledged_only_when_durable)
{
    struct jn_router *r = world();
    arrive(r, 1, 10, JN_CH_CHAT);
    cr_assert(said(JN_CMD_QUEUED)->wait);
    cr_assert(said(JN_CMD_DONE)->wait);
    jn_router_free(r);
}

Test(router, nobody_answers_then_the_next_agent_rings_and_the_place_is_kept)
{
    struct jn_router *r = world();
    add_ready(r, 20);
    arrive(r, 1, 10, JN_CH_VOICE);
    arrive(r, 2, 10, JN_CH_VOICE);
    tick(r, 9999);
    cr_assert_null(said(JN_CMD_OFFER_CANCEL));
    tick(r, 1);
    const struct jn_command *c = said(JN_CMD_OFFER_CANCEL);
    cr_assert_not_null(c);
    cr_assert_eq(c->why, JN_WHY_NO_ANSWER);
    cr_assert_eq(c->agent, 20);
    cr_assert_eq(c->row.state, JN_IX_QUEUED);
    cr_assert_eq(c->row.position, 1, "before the one that came later");
    cr_assert_null(said(JN_CMD_OFFER), "the same agent is not rung in a tight loop");
    add_ready(r, 21);
    cr_assert_eq(said(JN_CMD_OFFER)->row.id, 1);
    cr_assert_eq(said(JN_CMD_OFFER)->row.agent, 21);
    jn_router_free(r);
}

Test(router, a_dead_phone_backs_off_three_seconds_and_is_not_ready_after_the_count)
{
    struct jn_router *r = world();
    put_agent(r, (struct jn_ev_agent){.id = 20, .max_no_answer = 2});
    agent_does(r, JN_EV_LOGIN, 20);
    agent_does(r, JN_EV_READY, 20);
    arrive(r, 1, 10, JN_CH_VOICE);
    work(r, JN_EV_REFUSE, 1, 20, JN_WHY_PHONE_BUSY);
    cr_assert_null(said(JN_CMD_OFFER));
    tick(r, 2999);
    cr_assert_null(said(JN_CMD_OFFER));
    tick(r, 1);
    cr_assert_not_null(said(JN_CMD_OFFER));
    work(r, JN_EV_REFUSE, 1, 20, JN_WHY_UNREACHABLE);
    const struct jn_command *c = said(JN_CMD_AGENT);
    cr_assert_eq(c->agent_row.state, JN_AGENT_NOT_READY);
    cr_assert_str_eq(c->agent_row.reason, "no_answer");
    tick(r, 60000);
    cr_assert_null(said(JN_CMD_OFFER));
    jn_router_free(r);
}

Test(router, on_a_call_no_chats_and_the_other_way_round)
{
    struct jn_router *r = world();
    add_ready(r, 20);
    arrive(r, 1, 10, JN_CH_VOICE);
    work(r, JN_EV_ACCEPT, 1, 20, 0);
    arrive(r, 2, 10, JN_CH_CHAT);
    cr_assert_null(said(JN_CMD_OFFER));
    work(r, JN_EV_END, 1, 20, JN_WHY_AGENT);
    cr_assert_eq(said(JN_CMD_OFFER)->row.id, 2);
    arrive(r, 3, 10, JN_CH_VOICE);
    cr_assert_null(said(JN_CMD_OFFER));
    arrive(r, 4, 10, JN_CH_CHAT);
    cr_assert_eq(said(JN_CMD_OFFER)->row.id, 4, "two chats fit");
    arrive(r, 5, 10, JN_CH_CHAT);
    cr_assert_null(said(JN_CMD_OFFER), "three do not");
    jn_router_free(r);
}

Test(router, wrap_up_ends_by_its_timer_and_then_the_next_call_rings)
{
    struct jn_router *r = world();
    put_queue(r, (struct jn_ev_queue){.id = 10, .wrap_up_ms = 5000});
    add_ready(r, 20);
    arrive(r, 1, 10, JN_CH_VOICE);
    work(r, JN_EV_ACCEPT, 1, 20, 0);
    arrive(r, 2, 10, JN_CH_VOICE);
    work(r, JN_EV_CUSTOMER_LEFT, 1, 0, 0);
    cr_assert_eq(said(JN_CMD_CLOSED)->row.state, JN_IX_WRAP_UP);
    cr_assert_eq(said(JN_CMD_CLOSED)->row.outcome, JN_OUT_ANSWERED);
    cr_assert_eq(said(JN_CMD_AGENT)->agent_row.state, JN_AGENT_WRAP_UP);
    cr_assert_null(said(JN_CMD_OFFER));
    tick(r, 5000);
    cr_assert_eq(said(JN_CMD_RECORD)->row.state, JN_IX_DONE);
    cr_assert_eq(said(JN_CMD_OFFER)->row.id, 2);
    jn_router_free(r);
}

Test(router, the_preferred_agent_is_waited_for_as_long_as_the_queue_says)
{
    struct jn_router *r = world();
    put_queue(r, (struct jn_ev_queue){.id = 10, .prefer_ms = 4000});
    add_ready(r, 20);
    add_ready(r, 21);
    agent_does(r, JN_EV_NOT_READY, 21);
    apply(r,
          (struct jn_event){.kind = JN_EV_ARRIVE, .arrive = {.ix = 1, .queue = 10, .preferred = 21, .priority = 255}},
          0);
    cr_assert_null(said(JN_CMD_OFFER));
    tick(r, 3999);
    cr_assert_null(said(JN_CMD_OFFER));
    tick(r, 1);
    cr_assert_eq(said(JN_CMD_OFFER)->row.agent, 20);
    jn_router_free(r);
}

Test(router, after_a_crash_calls_are_lost_and_chats_are_in_their_old_order)
{
    struct jn_router *r = world();
    add_ready(r, 20);
    add_ready(r, 21);
    arrive(r, 1, 10, JN_CH_VOICE);
    work(r, JN_EV_ACCEPT, 1, 20, 0);
    arrive(r, 2, 10, JN_CH_CHAT); /* offered to 21 */
    arrive(r, 3, 10, JN_CH_CHAT); /* the same */
    arrive(r, 4, 10, JN_CH_CHAT); /* waits */
    uint64_t last = world_now;
    agent_does(r, JN_EV_READY, 20);
    apply(r, (struct jn_event){.kind = JN_EV_START}, 3600000);
    const struct jn_command *c = said(JN_CMD_CLOSED);
    cr_assert_eq(c->row.id, 1);
    cr_assert_eq(c->row.outcome, JN_OUT_LOST);
    cr_assert_eq(c->row.why, JN_WHY_CRASH);
    cr_assert_eq(c->row.ended_us, last, "at the last moment that is known");
    unsigned next = 2;
    for (unsigned i = 0; i < n_heard; i++)
        if (heard[i].kind == JN_CMD_OFFER)
            cr_assert_eq(heard[i].row.id, next++, "offered in the old order");
    cr_assert_eq(next, 5);
    jn_router_free(r);
}

Test(router, the_centre_that_is_full_or_drains_rejects_and_counts_it)
{
    struct jn_router *r = world();
    put_queue(r, (struct jn_ev_queue){.id = 10, .max_waiting = 1});
    arrive(r, 1, 10, JN_CH_VOICE);
    arrive(r, 2, 10, JN_CH_VOICE);
    cr_assert_eq(said(JN_CMD_REFUSED)->why, JN_WHY_QUEUE_FULL);
    cr_assert_eq(said(JN_CMD_CLOSED)->row.outcome, JN_OUT_REJECTED);
    apply(r, (struct jn_event){.kind = JN_EV_DRAIN, .drain.on = true}, 0);
    arrive(r, 3, 10, JN_CH_VOICE);
    cr_assert_eq(said(JN_CMD_REFUSED)->why, JN_WHY_DRAINING);
    tick(r, 200);
    const struct jn_queue_row *q = &said(JN_CMD_QUEUE)->queue_row;
    cr_assert_eq(q->offered, 3);
    cr_assert_eq(q->rejected, 2);
    cr_assert_eq(q->waiting, 1);
    jn_router_free(r);
}

Test(router, a_second_arrival_changes_nothing_also_after_the_end)
{
    struct jn_router *r = world();
    arrive(r, 1, 10, JN_CH_CHAT);
    arrive(r, 1, 10, JN_CH_CHAT);
    cr_assert_eq(n_heard, 1);
    cr_assert_eq(heard[0].why, JN_WHY_DUPLICATE);
    cr_assert_eq(heard[0].row.position, 1, "the answer says where it stands");
    work(r, JN_EV_CUSTOMER_LEFT, 1, 0, 0);
    arrive(r, 1, 10, JN_CH_CHAT);
    cr_assert_eq(heard[0].why, JN_WHY_DUPLICATE);
    jn_router_free(r);
}

Test(router, another_tenants_things_are_unknown)
{
    struct jn_router *r = world();
    struct jn_event ev = {.kind = JN_EV_TENANT_PUT, .tenant = 2};
    apply(r, ev, 0);
    arrive(r, 1, 10, JN_CH_VOICE);
    add_ready(r, 20);
    static const uint8_t kinds[] = {JN_EV_ACCEPT, JN_EV_REFUSE, JN_EV_END, JN_EV_CUSTOMER_LEFT, JN_EV_REQUEUE};
    for (unsigned i = 0; i < sizeof kinds; i++) {
        apply(r, (struct jn_event){.kind = kinds[i], .tenant = 2, .ix = {.ix = 1, .agent = 20}}, 0);
        cr_assert_eq(n_heard, 1);
        cr_assert_eq(heard[0].why, JN_WHY_UNKNOWN_ID);
        cr_assert_eq(heard[0].row.state, 0, "nothing of it is shown");
    }
    apply(r, (struct jn_event){.kind = JN_EV_READY, .tenant = 2, .who.agent = 20}, 0);
    cr_assert_eq(heard[0].why, JN_WHY_UNKNOWN_ID);
    jn_router_free(r);
}

Test(router, a_transfer_moves_the_account_to_the_other_queue)
{
    struct jn_router *r = world();
    put_queue(r, (struct jn_ev_queue){.id = 11});
    add_ready(r, 20);
    arrive(r, 1, 10, JN_CH_VOICE);
    work(r, JN_EV_ACCEPT, 1, 20, 0);
    apply(r,
          (struct jn_event){.kind = JN_EV_REQUEUE, .why = JN_WHY_TRANSFER, .ix = {.ix = 1, .agent = 20, .queue = 11}},
          8000);
    cr_assert_eq(said(JN_CMD_QUEUED)->row.queue, 11);
    cr_assert_eq(said(JN_CMD_QUEUED)->why, JN_WHY_TRANSFER);
    cr_assert_eq(said(JN_CMD_QUEUED)->row.talk_us, 8000000);
    work(r, JN_EV_CUSTOMER_LEFT, 1, 0, 0);
    cr_assert_eq(said(JN_CMD_CLOSED)->row.outcome, JN_OUT_ANSWERED, "an agent had it");
    n_heard = 0;
    jn_router_emit_all(r);
    for (unsigned i = 0; i < n_heard; i++)
        if (heard[i].kind == JN_CMD_QUEUE)
            cr_assert_eq(heard[i].queue_row.answered, heard[i].queue_row.id == 11);
    jn_router_free(r);
}

Test(router, an_event_out_of_range_is_refused_and_harmless)
{
    struct jn_router *r = world();
    uint64_t before = jn_router_state_hash(r);
    apply(r, (struct jn_event){.kind = JN_EV_ARRIVE, .arrive = {.ix = 1, .queue = 10, .channel = 9}}, 0);
    cr_assert_eq(n_heard, 1);
    cr_assert_eq(heard[0].why, JN_WHY_BAD_STATE);
    apply(r, (struct jn_event){.kind = 200}, 0);
    cr_assert_eq(heard[0].why, JN_WHY_BAD_STATE);
    cr_assert_neq(jn_router_state_hash(r), before, "the sequence number went on");
    jn_router_free(r);
}

Test(router, rows_of_a_queue_come_at_most_ten_times_a_second_and_the_last_one_comes)
{
    struct jn_router *r = world();
    unsigned rows = 0;
    tick(r, 1000);
    for (unsigned i = 0; i < 20; i++) {
        apply(r, (struct jn_event){.kind = JN_EV_ARRIVE, .arrive = {.ix = 100 + i, .queue = 10, .priority = 255}}, 10);
        rows += said(JN_CMD_QUEUE) != NULL;
    }
    cr_assert_leq(rows, 3u);
    tick(r, 100);
    cr_assert_eq(said(JN_CMD_QUEUE)->queue_row.waiting, 20);
    tick(r, 5000);
    cr_assert_null(said(JN_CMD_QUEUE), "nothing changed");
    jn_router_free(r);
}
