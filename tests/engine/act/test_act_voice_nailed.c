/* Nailed-up lines: called once, lent to each call, given back; what ends them and what the router hears of it. */
#include "tests/engine/act/voice_outside.h"

TestSuite(act_voice_nailed, .timeout = 60);

/* The agent's line, up; the dialog. */
static uint64_t line(uint64_t agent)
{
    agent_is(agent, JN_AGENT_READY);
    workers_settle();
    uint64_t leg = w.last_sip;
    cr_assert_eq(w.sip[leg].agent, agent, "ready: the phone is called");
    lifted(leg, SDP_BOTH);
    cr_assert_str_eq(playing(), "junctor/comfort");
    return leg;
}

/* Offered, and joined once the beep is over. */
static void joined(uint64_t ix, uint64_t agent)
{
    command(JN_CMD_OFFER, ix, agent, 0, 0, 0);
    cr_assert_eq(last_event()->kind, JN_EV_ACCEPT, "taken at once");
    cr_assert_eq(last_event()->ix.agent, agent);
    command(JN_CMD_CONNECT, ix, agent, 0, 0, 0);
    cr_assert_str_eq(playing(), "junctor/beep");
    play_done();
}

Test(act_voice_nailed, one_leg_for_three_calls_on_one_worker_and_on_two)
{
    for (int spread = 0; spread < 2; spread++) {
        world(spread, 0);
        uint64_t leg = line(A_NAILED), media = w.last_media;
        for (int n = 0; n < 3; n++) {
            uint64_t caller, ix = waiting_caller("200", &caller);
            unsigned dialogs = (unsigned)w.last_sip;
            joined(ix, A_NAILED);
            cr_assert_eq(w.last_sip, dialogs, "nobody is called");
            cr_assert_eq(last_order(JN_ORDER_ROOM_JOIN)->leg, media);
            cr_assert_eq(last_order(JN_ORDER_ROOM_JOIN)->room, ix);
            if (n == 1) {
                cr_assert_eq(jn_act_voice_control(w.v, ix, A_NAILED, JN_CONTROL_HANGUP), 0);
                cr_assert(w.sip[caller].hung_up);
                sip_settles();
            } else {
                ended(caller, JN_SIP_END_BYE, 0);
            }
            cr_assert_not(w.sip[leg].hung_up, "the line stays");
            cr_assert_neq(last_order(JN_ORDER_ROOM_JOIN)->room, ix, "back in its own room");
            workers_settle();
            cr_assert_eq(jn_act_voice_calls(w.v), 0u);
            cr_assert_eq(w.rows, (unsigned)n + 1);
        }
        end_world();
    }
}

Test(act_voice_nailed, an_offer_waits_for_the_line_and_fails_with_it)
{
    uint64_t caller;
    world(false, 0);
    uint64_t ix = waiting_caller("200", &caller);
    command(JN_CMD_OFFER, ix, A_NAILED, 0, 0, 0);
    workers_settle();
    uint64_t leg = w.last_sip;
    cr_assert_eq(w.sip[leg].agent, (uint64_t)A_NAILED, "no line yet: its phone is called");
    unsigned before = w.events;
    lifted(leg, SDP_BOTH);
    cr_assert_eq(w.events, before + 1);
    cr_assert_eq(last_event()->kind, JN_EV_ACCEPT);
    end_world();

    world(false, 0);
    ix = waiting_caller("200", &caller);
    command(JN_CMD_OFFER, ix, A_NAILED, 0, 0, 0);
    workers_settle();
    ended(w.last_sip, JN_SIP_END_REFUSED, 486);
    cr_assert_eq(w.event[w.events - 2].kind, JN_EV_NOT_READY, "first not ready, so that nothing more is offered");
    cr_assert_str_eq(w.event[w.events - 2].who.reason, "phone_unreachable");
    cr_assert_eq(last_event()->kind, JN_EV_REFUSE);
    cr_assert_eq(last_event()->why, JN_WHY_UNREACHABLE);
    end_world();
}

Test(act_voice_nailed, no_answer_in_time_is_no_answer)
{
    uint64_t caller;
    world(false, 0);
    uint64_t ix = waiting_caller("200", &caller);
    command(JN_CMD_OFFER, ix, A_DESK, 0, 0, 0);
    workers_settle();
    lifted(w.last_sip, SDP_BOTH);
    unsigned before = w.events;
    cr_assert_str_eq(playing(), "junctor/beep", "the agent hears that there is one");
    tick_ms(1000);
    cr_assert_eq(w.events, before, "the desk has to accept");
    command(JN_CMD_OFFER_CANCEL, ix, A_DESK, 0, 0, JN_WHY_NO_ANSWER);
    command(JN_CMD_QUEUED, ix, 0, 1, 0, JN_WHY_NO_ANSWER);
    cr_assert_not(w.sip[w.last_sip].hung_up, "the line stays");
    command(JN_CMD_OFFER, ix, A_DESK, 0, 0, 0);
    command(JN_CMD_CONNECT, ix, A_DESK, 0, 0, 0);
    cr_assert_eq(last_order(JN_ORDER_ROOM_JOIN)->room, ix, "accepted at the desk");
    end_world();
}

Test(act_voice_nailed, the_phones_hang_up_ends_the_call_and_readiness)
{
    uint64_t caller;
    world(false, 0);
    uint64_t leg = line(A_NAILED), ix = waiting_caller("200", &caller);
    joined(ix, A_NAILED);
    unsigned before = w.events;
    ended(leg, JN_SIP_END_BYE, 0);
    cr_assert_eq(w.events, before + 2);
    cr_assert_eq(w.event[before].kind, JN_EV_NOT_READY);
    cr_assert_str_eq(w.event[before].who.reason, "phone_hung_up");
    cr_assert_eq(w.event[before + 1].kind, JN_EV_END);
    cr_assert_eq(w.event[before + 1].why, JN_WHY_AGENT);
    cr_assert(w.sip[caller].hung_up);
    sip_settles();
    workers_settle();
    agent_is(A_NAILED, JN_AGENT_NOT_READY);
    cr_assert_eq(w.last_sip, caller, "not called while not ready");
    uint64_t again = line(A_NAILED);
    cr_assert_gt(again, caller);
    end_world();
}

Test(act_voice_nailed, an_idle_line_that_is_hung_up_makes_not_ready)
{
    world(false, 0);
    uint64_t leg = line(A_NAILED);
    w.event_full = true;
    ended(leg, JN_SIP_END_BYE, 0);
    cr_assert_eq(w.events, 0u);
    agent_is(A_NAILED, JN_AGENT_READY); /* the router does not know yet */
    w.event_full = false;
    workers_settle();
    tick_ms(50);
    cr_assert_eq(last_event()->kind, JN_EV_NOT_READY, "told again when there was room");
    cr_assert_eq(last_event()->who.agent, (uint64_t)A_NAILED);
    end_world();
}

Test(act_voice_nailed, log_out_ends_the_line_after_its_call)
{
    uint64_t caller;
    world(false, 0);
    uint64_t leg = line(A_NAILED), ix = waiting_caller("200", &caller);
    joined(ix, A_NAILED);
    agent_is(A_NAILED, JN_AGENT_LOGGED_OUT);
    cr_assert_not(w.sip[leg].hung_up, "the call goes on");
    unsigned before = w.events;
    ended(caller, JN_SIP_END_BYE, 0);
    cr_assert(w.sip[leg].hung_up);
    sip_settles();
    workers_settle();
    cr_assert_eq(w.events, before + 1, "no word about readiness: it was asked for");
    line(A_NAILED);
    agent_is(A_NAILED, JN_AGENT_LOGGED_OUT);
    cr_assert(w.sip[w.last_sip].hung_up, "an idle one at once");
    agent_is(A_NAILED, JN_AGENT_READY); /* back before it has ended */
    uint64_t old = w.last_sip;
    sip_settles();
    workers_settle();
    workers_settle();
    cr_assert_eq(w.last_sip, old + 1, "called anew");
    end_world();
}

Test(act_voice_nailed, a_dead_phone_is_let_go)
{
    world(false, 30);
    uint64_t leg = line(A_NAILED);
    struct jn_fact f = {.kind = JN_FACT_LEG_SILENT, .leg = w.last_media};
    jn_act_voice_fact(w.v, &f);
    cr_assert(w.sip[leg].hung_up);
    cr_assert_eq(last_event()->kind, JN_EV_NOT_READY);
    cr_assert_str_eq(last_event()->who.reason, "phone_no_media");
    end_world();
}

Test(act_voice_nailed, the_phone_that_is_not_there)
{
    world(false, 0);
    w.unregistered_mask = 1u << (A_NAILED - 101);
    agent_is(A_NAILED, JN_AGENT_READY);
    workers_settle();
    cr_assert_eq(last_event()->kind, JN_EV_NOT_READY);
    workers_settle();
    uint64_t caller, ix = waiting_caller("200", &caller);
    command(JN_CMD_OFFER, ix, A_NAILED, 0, 0, 0);
    cr_assert_eq(last_event()->kind, JN_EV_REFUSE);
    cr_assert_eq(last_event()->why, JN_WHY_UNREACHABLE);
    end_world();
}

Test(act_voice_nailed, nobody_answers_the_line)
{
    world(false, 0);
    agent_is(A_NAILED, JN_AGENT_READY);
    workers_settle();
    uint64_t leg = w.last_sip;
    tick_ms(59000);
    cr_assert_not(w.sip[leg].hung_up);
    tick_ms(2000);
    cr_assert(w.sip[leg].hung_up);
    cr_assert_str_eq(last_event()->who.reason, "phone_no_answer");
    end_world();
}

Test(act_voice_nailed, an_agent_that_is_not_nailed_any_more)
{
    world(false, 0);
    uint64_t leg = line(A_NAILED);
    struct jn_directory *d = centre();
    d->agents[3].answer = JN_ANSWER_PHONE;
    jn_act_voice_directory(w.v, d);
    jn_directory_unref(d);
    cr_assert(w.sip[leg].hung_up);
    end_world();
}

Test(act_voice_nailed, no_place_for_the_way_into_a_call)
{
    uint64_t caller;
    world(true, 0);
    uint64_t leg = line(A_NAILED), ix = waiting_caller("200", &caller);
    command(JN_CMD_OFFER, ix, A_NAILED, 0, 0, 0);
    w.leg_full = true;
    command(JN_CMD_CONNECT, ix, A_NAILED, 0, 0, 0);
    cr_assert(w.sip[caller].hung_up, "refused with an ending, not lost");
    cr_assert_eq(the_ending()->why, JN_WHY_BUSY);
    w.leg_full = false;
    cr_assert_not(w.sip[leg].hung_up);
    sip_settles();
    workers_settle();
    ix = waiting_caller("200", &caller);
    joined(ix, A_NAILED);
    end_world();
}
