/* Moves: transfers, consulting, calls to outside: what the router says and counts. */
#include "tests/router/core/world.h"

TestSuite(moves, .timeout = 60);

static struct jn_router *talking(void)
{
    struct jn_router *r = world();
    add_ready(r, 20);
    arrive(r, 900, 10, JN_CH_VOICE);
    work(r, JN_EV_ACCEPT, 900, 20, 0);
    cr_assert_not_null(said(JN_CMD_CONNECT));
    return r;
}

static void move(struct jn_router *r, uint8_t kind, uint64_t ix, uint64_t agent, uint64_t to)
{
    apply(r, (struct jn_event){.kind = kind, .ix = {.ix = ix, .agent = agent, .to = to, .queue = 10}}, 0);
}

static bool says_agent(uint64_t agent, uint8_t state)
{
    for (unsigned i = 0; i < n_heard; i++)
        if (heard[i].kind == JN_CMD_AGENT && heard[i].agent_row.id == agent && heard[i].agent_row.state == state)
            return true;
    return false;
}

static uint8_t refusal(void)
{
    return said(JN_CMD_REFUSED) ? said(JN_CMD_REFUSED)->why : 0;
}

Test(moves, a_blind_transfer_is_offered_to_that_agent_alone_and_else_waits_at_its_old_place)
{
    struct jn_router *r = talking();
    add_ready(r, 21);
    agent_does(r, JN_EV_NOT_READY, 21);
    arrive(r, 901, 10, JN_CH_VOICE);
    move(r, JN_EV_TRANSFER, 900, 20, 21);
    cr_assert_eq(refusal(), JN_WHY_BUSY, "not ready");
    add_ready(r, 22); /* takes 901 */
    work(r, JN_EV_ACCEPT, 901, 22, 0);
    arrive(r, 902, 10, JN_CH_VOICE);
    add_ready(r, 23); /* is offered 902 */
    work(r, JN_EV_ACCEPT, 902, 23, 0);
    work(r, JN_EV_END, 902, 23, JN_WHY_AGENT);
    move(r, JN_EV_TRANSFER, 900, 20, 23);
    cr_assert_eq(said(JN_CMD_QUEUED)->row.id, 900);
    cr_assert_eq(said(JN_CMD_QUEUED)->why, JN_WHY_TRANSFER);
    cr_assert_eq(said(JN_CMD_OFFER)->row.agent, 23);
    cr_assert_eq(said(JN_CMD_OFFER)->row.transfers, 1);
    arrive(r, 903, 10, JN_CH_VOICE);
    work(r, JN_EV_REFUSE, 900, 23, JN_WHY_AGENT);
    cr_assert_eq(said(JN_CMD_QUEUED)->row.position, 1, "before 903, who came later");
    jn_router_free(r);
}

Test(moves, whoever_is_asked_has_no_room_and_is_free_again_on_every_way_out)
{
    static const uint8_t ways[] = {JN_EV_CONSULT_END, JN_EV_CUSTOMER_LEFT, JN_EV_END,     JN_EV_LOGOUT,
                                   JN_EV_AGENT_DEL,   JN_EV_START,         JN_EV_REQUEUE, JN_EV_LEAVE};
    for (unsigned i = 0; i < sizeof ways; i++) {
        struct jn_router *r = talking();
        add_ready(r, 21);
        move(r, JN_EV_CONSULT, 900, 20, 21);
        cr_assert_eq(said(JN_CMD_CONSULT)->row.consult, 21);
        cr_assert(said(JN_CMD_CONSULT)->wait);
        cr_assert(says_agent(21, JN_AGENT_BUSY));
        arrive(r, 901, 10, JN_CH_VOICE);
        cr_assert_null(said(JN_CMD_OFFER), "way %u: offered to one who is asked", i);
        move(r, JN_EV_CONSULT, 900, 20, 21);
        cr_assert_eq(refusal(), JN_WHY_BAD_STATE);
        if (ways[i] == JN_EV_LOGOUT || ways[i] == JN_EV_AGENT_DEL)
            agent_does(r, ways[i], 21);
        else
            work(r, ways[i], 900, ways[i] == JN_EV_START || ways[i] == JN_EV_CUSTOMER_LEFT ? 0 : 20, JN_WHY_AGENT);
        cr_assert_not_null(said(JN_CMD_CONSULT_END), "way %u", i);
        cr_assert_eq(said(JN_CMD_CONSULT_END)->agent, 21);
        cr_assert_eq(said(JN_CMD_CONSULT_END)->row.consult, 0);
        if (ways[i] != JN_EV_LOGOUT && ways[i] != JN_EV_AGENT_DEL && ways[i] != JN_EV_START)
            cr_assert_not_null(said(JN_CMD_OFFER), "way %u: 21 takes who waits", i);
        jn_router_free(r);
    }
}

Test(moves, a_handover_gives_the_call_and_its_talk_time_to_the_one_who_was_asked)
{
    struct jn_router *r = talking();
    put_queue(r, (struct jn_ev_queue){.id = 10, .target_ms = 20000, .offer_timeout_ms = 10000, .wrap_up_ms = 7000});
    add_ready(r, 21);
    tick(r, 4000);
    move(r, JN_EV_CONSULT, 900, 20, 21);
    tick(r, 2000);
    move(r, JN_EV_HANDOVER, 900, 20, 21);
    const struct jn_ix_row *row = &said(JN_CMD_CONNECT)->row;
    cr_assert_eq(row->agent, 21);
    cr_assert_eq(row->consult, 0);
    cr_assert_eq(row->talk_us, 6000000);
    cr_assert_null(said(JN_CMD_CONSULT_END));
    cr_assert(says_agent(20, JN_AGENT_WRAP_UP), "the queue's wrap-up is the first agent's too");
    arrive(r, 901, 10, JN_CH_VOICE);
    cr_assert_null(said(JN_CMD_OFFER));
    agent_does(r, JN_EV_READY, 20); /* wrapped up early */
    cr_assert_eq(said(JN_CMD_OFFER)->row.agent, 20);
    jn_router_free(r);
}

Test(moves, asking_a_queue_reserves_the_one_whom_its_policy_takes)
{
    struct jn_router *r = talking();
    move(r, JN_EV_CONSULT, 900, 20, 0);
    cr_assert_eq(refusal(), JN_WHY_BUSY, "nobody is there");
    add_ready(r, 22);
    tick(r, 10);
    add_ready(r, 21);
    move(r, JN_EV_CONSULT, 900, 20, 0);
    cr_assert_eq(said(JN_CMD_CONSULT)->row.consult, 22, "idle for longer");
    jn_router_free(r);
}

Test(moves, an_agent_who_leaves_is_free_and_the_call_ends_as_answered_by_that_agent)
{
    struct jn_router *r = talking();
    move(r, JN_EV_LEAVE, 900, 20, 0);
    cr_assert_eq(said(JN_CMD_RECORD)->row.agent, 0);
    cr_assert(said(JN_CMD_RECORD)->row.outside);
    cr_assert(says_agent(20, JN_AGENT_READY));
    tick(r, 5000);
    arrive(r, 901, 10, JN_CH_VOICE);
    cr_assert_eq(said(JN_CMD_OFFER)->row.agent, 20);
    work(r, JN_EV_END, 900, 0, JN_WHY_NONE);
    const struct jn_ix_row *row = &said(JN_CMD_CLOSED)->row;
    cr_assert_eq(row->outcome, JN_OUT_ANSWERED);
    cr_assert_eq(row->agent, 20);
    cr_assert_eq(row->state, JN_IX_DONE, "nobody wraps up what nobody had");
    cr_assert_eq(row->talk_us, 5000000);
    jn_router_free(r);
}

Test(moves, a_number_outside_that_fails_brings_the_caller_back_to_the_queue_with_time_to_wait)
{
    struct jn_router *r = talking();
    put_queue(r, (struct jn_ev_queue){.id = 10, .offer_timeout_ms = 10000, .max_wait_ms = 30000});
    agent_does(r, JN_EV_NOT_READY, 20);
    tick(r, 60000);
    move(r, JN_EV_LEAVE, 900, 20, 0);
    work(r, JN_EV_REQUEUE, 900, 0, JN_WHY_UNREACHABLE);
    cr_assert_eq(said(JN_CMD_QUEUED)->row.position, 1);
    tick(r, 29999);
    cr_assert_null(said(JN_CMD_CLOSED), "the talk is no waiting");
    tick(r, 1);
    cr_assert_eq(said(JN_CMD_CLOSED)->why, JN_WHY_MAX_WAIT);
    jn_router_free(r);
}

Test(moves, a_call_to_outside_is_counted_apart)
{
    struct jn_router *r = world();
    put_agent(r, (struct jn_ev_agent){.id = 20});
    move(r, JN_EV_CALL_OUT, 900, 20, 0);
    cr_assert_eq(refusal(), JN_WHY_LOGGED_OUT);
    agent_does(r, JN_EV_LOGIN, 20); /* not ready may call */
    move(r, JN_EV_CALL_OUT, 900, 20, 0);
    cr_assert_eq(said(JN_CMD_CALL)->row.agent, 20);
    cr_assert_eq(said(JN_CMD_CALL)->row.direction, JN_DIR_OUT);
    move(r, JN_EV_CALL_OUT, 900, 20, 0);
    cr_assert_eq(refusal(), JN_WHY_DUPLICATE);
    move(r, JN_EV_CALL_OUT, 901, 20, 0);
    cr_assert_eq(refusal(), JN_WHY_BUSY);
    tick(r, 15000); /* no offer time-out: the number may ring as long as act lets it */
    work(r, JN_EV_ACCEPT, 900, 20, 0);
    cr_assert_not(said(JN_CMD_CONNECT)->row.in_target);
    tick(r, 3000);
    work(r, JN_EV_CUSTOMER_LEFT, 900, 0, 0);
    cr_assert_eq(said(JN_CMD_CLOSED)->row.outcome, JN_OUT_ANSWERED);
    move(r, JN_EV_CALL_OUT, 902, 20, 0);
    work(r, JN_EV_END, 902, 20, JN_WHY_AGENT);
    cr_assert_eq(said(JN_CMD_CLOSED)->row.outcome, JN_OUT_ABANDONED);
    move(r, JN_EV_CALL_OUT, 903, 20, 0);
    work(r, JN_EV_REFUSE, 903, 20, JN_WHY_PHONE_BUSY);
    cr_assert_eq(said(JN_CMD_CLOSED)->row.outcome, JN_OUT_REJECTED);
    cr_assert_null(said(JN_CMD_QUEUED));
    tick(r, 1000);
    n_heard = 0;
    jn_router_emit_all(r);
    const struct jn_queue_row *q = &said(JN_CMD_QUEUE)->queue_row;
    cr_assert(q->out == 3 && q->out_answered == 1 && q->out_talk_sum_us == 3000000, "%lu %lu %lu", q->out,
              q->out_answered, q->out_talk_sum_us);
    cr_assert(!q->offered && !q->answered && !q->abandoned && !q->rejected && !q->in_target);
    jn_router_free(r);
}
