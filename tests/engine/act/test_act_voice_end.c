/* Endings, and what happens when sounds or mailboxes fail. */
#include "tests/engine/act/voice_outside.h"

TestSuite(act_voice_end, .timeout = 60);

Test(act_voice_end, a_caller_who_leaves_during_the_greeting_is_offered_and_abandoned_in_one_event)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_BOTH);
    workers_settle();
    confirmed(leg, NULL);
    ended(leg, JN_SIP_END_BYE, 0);
    cr_assert_eq(w.events, 1u);
    cr_assert_eq(the_ending()->kind, JN_EV_ARRIVE);
    cr_assert_eq(the_ending()->why, JN_WHY_CUSTOMER);
    end_world();
    cr_assert_eq(w.rows, 1u);
}

Test(act_voice_end, a_caller_who_never_acknowledges_is_given_up)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_BOTH);
    workers_settle();
    ended(leg, JN_SIP_END_TIMEOUT, 0);
    workers_settle();
    cr_assert_eq(jn_act_voice_calls(w.v), 0u);
    end_world();
}

Test(act_voice_end, a_waiting_caller_who_leaves_is_told_to_the_router_once)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    ended(leg, JN_SIP_END_BYE, 0);
    cr_assert_eq(the_ending()->kind, JN_EV_CUSTOMER_LEFT);
    cr_assert_eq(the_ending()->ix.ix, ix);
    command(JN_CMD_CLOSED, ix, 0, 0, JN_OUT_ABANDONED, JN_WHY_CUSTOMER);
    end_world();
    cr_assert_eq(w.endings, 1u);
    cr_assert_eq(w.rows, 1u);
}

Test(act_voice_end, a_rejected_call_hears_why_and_is_hung_up)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    command(JN_CMD_CLOSED, ix, 0, 0, JN_OUT_REJECTED, JN_WHY_MAX_WAIT);
    cr_assert_str_eq(playing(), "sorry");
    cr_assert(!w.sip[leg].hung_up);
    play_done();
    cr_assert(w.sip[leg].hung_up);
    end_world();
    cr_assert_eq(w.endings, 0u, "the router had the last word");
}

Test(act_voice_end, a_full_queue_refuses_and_a_lost_prompt_does_not_hold_the_line)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_BOTH);
    workers_settle();
    confirmed(leg, NULL);
    play_done();
    uint64_t ix = last_event()->arrive.ix;
    command(JN_CMD_REFUSED, ix, 0, 0, 0, JN_WHY_QUEUE_FULL);
    cr_assert_str_eq(playing(), "sorry");
    tick_ms(3900);
    cr_assert(!w.sip[leg].hung_up);
    tick_ms(200);
    cr_assert(w.sip[leg].hung_up, "the end of the prompt was never told");
    end_world();
}

Test(act_voice_end, a_bare_queue_has_no_greeting_no_music_and_no_goodbye)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("200", &leg);
    cr_assert_eq(orders_of(JN_ORDER_PLAY), 0u);
    cr_assert_eq(orders_of(JN_ORDER_RECORD), 0u);
    command(JN_CMD_CLOSED, ix, 0, 0, JN_OUT_REJECTED, JN_WHY_MAX_WAIT);
    cr_assert(w.sip[leg].hung_up);
    end_world();
    cr_assert(!w.row.recorded);
}

Test(act_voice_end, a_silent_line_is_ended)
{
    world(false, 30);
    uint64_t leg, phone;
    talking(&leg, &phone);
    struct jn_fact f = {.kind = JN_FACT_LEG_SILENT, .leg = 1};
    jn_act_voice_fact(w.v, &f);
    cr_assert_eq(the_ending()->kind, JN_EV_END);
    cr_assert_eq(the_ending()->why, JN_WHY_MEDIA);
    end_world();
}

Test(act_voice_end, a_caller_who_leaves_before_the_router_could_hear_is_told_by_the_kept_place)
{
    world(false, 0);
    uint64_t leg = invite("200", SDP_BOTH);
    workers_settle();
    w.event_full = true;
    confirmed(leg, NULL);
    ended(leg, JN_SIP_END_BYE, 0);
    w.event_full = false;
    tick_ms(100);
    cr_assert_eq(w.events, 1u);
    cr_assert_eq(the_ending()->kind, JN_EV_ARRIVE);
    cr_assert_eq(the_ending()->why, JN_WHY_CUSTOMER);
    end_world();
}

Test(act_voice_end, a_missing_sound_is_counted_and_passed_over)
{
    world(false, 0);
    w.sounds.n = 0;
    uint64_t leg = invite("100", SDP_BOTH);
    workers_settle();
    confirmed(leg, NULL);
    cr_assert_eq(last_event()->kind, JN_EV_ARRIVE);
    cr_assert_eq(jn_act_voice_counts(w.v)->prompts_missing, 1);
    end_world();
}
