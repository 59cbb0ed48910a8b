/* Calls that move: who hears whom, who is told what, and what is left when something fails on the way. */
#include "tests/engine/act/voice_outside.h"

TestSuite(act_voice_move, .timeout = 60);

static int move(uint64_t ix, int what, uint64_t to, const char *number)
{
    struct jn_voice_move m = {.ix = ix, .agent = 101, .to = to, .number = number, .what = what};
    m.ask = &w.asks[w.answers];
    return jn_act_voice_move(w.v, &m);
}

/* The router's answer to the last event that wants one, after what it commands. */
static void router(uint8_t kind, uint64_t agent, uint64_t consult, uint8_t why)
{
    const struct jn_event ev = *last_event();
    struct jn_command c = {.kind = kind, .agent = consult, .why = why};
    c.row = (struct jn_ix_row){.id = ev.ix.ix, .tenant = TENANT, .agent = agent, .consult = consult};
    if (kind)
        jn_act_voice_command(w.v, &c);
    c.kind = why ? JN_CMD_REFUSED : JN_CMD_DONE;
    c.maker = JN_MAKER_SIP;
    c.token = ev.token;
    if (ev.token)
        jn_act_voice_command(w.v, &c);
}

enum { CALLER = 1, AGENT = 2, OTHER = 3 }; /* media legs by order of opening */
#define ONLY(track) (1u << (track))

static uint64_t consulting(uint64_t *caller, uint64_t *agent, uint64_t *third)
{
    uint64_t ix = talking(caller, agent);
    cr_assert_eq(move(ix, JN_MOVE_CONSULT, 102, NULL), 0);
    cr_assert_eq(last_event()->kind, JN_EV_CONSULT);
    router(JN_CMD_CONSULT, 101, 102, 0);
    cr_assert_eq(w.answers, 1u);
    workers_settle();
    *third = w.last_sip;
    cr_assert_eq(sip_at(*third)->agent, 102);
    return ix;
}

Test(act_voice_move, while_a_colleague_is_asked_the_caller_hears_nobody_and_nobody_hears_the_caller)
{
    uint64_t caller, agent, third;
    world(false, 0);
    consulting(&caller, &agent, &third);
    cr_assert_eq(hears(CALLER), 0);
    cr_assert_str_eq(playing(), "moh");
    lifted(third, SDP_BOTH);
    cr_assert_eq(hears(CALLER), 0);
    cr_assert_eq(hears(AGENT), ONLY(JN_TRACK_OTHER));
    cr_assert_eq(hears(OTHER), ONLY(JN_TRACK_AGENT));
    end_world();
}

Test(act_voice_move, handed_over_the_colleague_is_the_agent_of_room_and_record)
{
    uint64_t caller, agent, third;
    world(true, 0);
    uint64_t ix = consulting(&caller, &agent, &third);
    cr_assert_eq(move(ix, JN_MOVE_COMPLETE, 0, NULL), 0);
    cr_assert_eq(w.answers, 1u, "it still rings");
    lifted(third, SDP_BOTH);
    cr_assert_eq(last_event()->kind, JN_EV_HANDOVER);
    cr_assert_eq(last_event()->ix.to, 102);
    router(JN_CMD_CONNECT, 102, 0, 0);
    cr_assert_eq(w.answers, 2u);
    cr_assert_eq(w.answer_why, JN_WHY_NONE);
    cr_assert(sip_at(agent)->hung_up);
    cr_assert_eq(last_order(JN_ORDER_ROOM_JOIN)->join.track, JN_TRACK_AGENT);
    cr_assert_eq(hears(CALLER), ONLY(JN_TRACK_AGENT));
    sip_settles();
    ended(third, JN_SIP_END_BYE, 0);
    cr_assert_eq(the_ending()->ix.agent, 102);
    end_world();
}

Test(act_voice_move, a_handover_that_the_router_refuses_brings_the_caller_back_to_the_agent)
{
    uint64_t caller, agent, third;
    world(false, 0);
    uint64_t ix = consulting(&caller, &agent, &third);
    lifted(third, SDP_BOTH);
    cr_assert_eq(move(ix, JN_MOVE_COMPLETE, 0, NULL), 0);
    router(0, 0, 0, JN_WHY_BAD_STATE);
    cr_assert_eq(w.answer_why, JN_WHY_BAD_STATE);
    cr_assert(sip_at(third)->hung_up);
    cr_assert_not(sip_at(agent)->hung_up);
    cr_assert_eq(hears(CALLER), ONLY(JN_TRACK_AGENT));
    cr_assert_eq(hears(AGENT), ONLY(JN_TRACK_CALLER));
    end_world();
}

Test(act_voice_move, a_caller_put_aside_comes_back_even_when_the_workers_ring_is_full_for_a_while)
{
    uint64_t caller, agent, third;
    world(false, 0);
    consulting(&caller, &agent, &third);
    lifted(third, SDP_BOTH);
    w.order_full = true;
    ended(third, JN_SIP_END_BYE, 0);
    cr_assert_eq(hears(CALLER), 0);
    w.order_full = false;
    tick_ms(50);
    cr_assert_eq(hears(CALLER), ONLY(JN_TRACK_AGENT));
    cr_assert_eq(hears(AGENT), ONLY(JN_TRACK_CALLER));
    end_world();
}

Test(act_voice_move, a_full_ring_refuses_a_consult_rather_than_letting_the_caller_listen)
{
    uint64_t caller, agent;
    world(false, 0);
    uint64_t ix = talking(&caller, &agent);
    w.order_full = true;
    cr_assert_eq(move(ix, JN_MOVE_CONSULT, 0, "+4930"), -EAGAIN);
    w.order_full = false;
    cr_assert_eq(w.answers, 0u);
    tick_ms(50);
    cr_assert_eq(move(ix, JN_MOVE_CONSULT, 0, "+4930"), 0, "and may be tried again");
    end_world();
}

Test(act_voice_move, to_a_number_the_agent_leaves_when_it_answers)
{
    uint64_t caller, agent;
    world(false, 0);
    uint64_t ix = talking(&caller, &agent);
    cr_assert_eq(move(ix, JN_MOVE_TRANSFER, 0, "+1900"), -EACCES);
    cr_assert_eq(move(ix, JN_MOVE_TRANSFER, 0, "x"), -EINVAL);
    w.trunk_rc = -ENOENT;
    cr_assert_eq(move(ix, JN_MOVE_TRANSFER, 0, "+4930"), -EHOSTUNREACH);
    w.trunk_rc = 0;
    cr_assert_eq(move(ix, JN_MOVE_TRANSFER, 0, "+4930"), 0);
    cr_assert_eq(move(ix, JN_MOVE_TRANSFER, 0, "+4931"), -EBUSY);
    workers_settle();
    uint64_t number = w.last_sip;
    cr_assert_str_eq(sip_at(number)->to, "+4930");
    cr_assert_str_eq(sip_at(number)->from, "+49301000");
    cr_assert_not(sip_at(agent)->hung_up, "the agent stays until then");
    lifted(number, SDP_BOTH);
    cr_assert_eq(last_event()->kind, JN_EV_LEAVE);
    cr_assert(sip_at(agent)->hung_up);
    sip_settles();
    ended(number, JN_SIP_END_BYE, 0);
    cr_assert_eq(the_ending()->kind, JN_EV_END);
    cr_assert_eq(the_ending()->ix.agent, 0);
    cr_assert(sip_at(caller)->hung_up);
    end_world();
    cr_assert_str_eq(w.row.outside, "+4930");
}

Test(act_voice_move, a_number_that_does_not_answer_in_a_minute_is_given_up)
{
    uint64_t caller, agent;
    world(false, 0);
    uint64_t ix = talking(&caller, &agent);
    cr_assert_eq(move(ix, JN_MOVE_TRANSFER, 0, "+4930"), 0);
    workers_settle();
    tick_ms(59000);
    cr_assert_not(sip_at(w.last_sip)->hung_up);
    tick_ms(2000);
    cr_assert(sip_at(w.last_sip)->hung_up);
    cr_assert_eq(hears(CALLER), ONLY(JN_TRACK_AGENT));
    end_world();
    cr_assert_str_eq(w.row.outside, "");
}

Test(act_voice_move, a_dialling_phone_hears_what_the_number_answered)
{
    world(false, 0);
    uint64_t phone = phone_dials(101, "+4930", SDP_BOTH);
    workers_settle();
    cr_assert_eq(w.progresses, 1u, "183, so that the phone hears it ring");
    cr_assert_eq(last_event()->kind, JN_EV_CALL_OUT);
    router(JN_CMD_CALL, 101, 0, 0);
    workers_settle();
    cr_assert_eq(orders_of(JN_ORDER_RECORD), 1u, "recorded as the queue says");
    ended(w.last_sip, JN_SIP_END_REFUSED, 486);
    cr_assert_eq(sip_at(phone)->refused, 486);
    cr_assert_eq(the_ending()->kind, JN_EV_END);
    cr_assert_eq(the_ending()->why, JN_WHY_PHONE_BUSY);
    end_world();
    cr_assert_eq(w.rows, 1u);
}

Test(act_voice_move, a_call_out_that_the_router_refuses_leaves_no_record)
{
    world(false, 0);
    uint64_t phone = phone_dials(101, "+4930", SDP_BOTH);
    workers_settle();
    router(0, 0, 0, JN_WHY_BUSY);
    cr_assert_eq(sip_at(phone)->refused, 486);
    end_world();
    cr_assert_eq(w.rows, 0u);
    cr_assert_eq(w.endings, 0u);
}
