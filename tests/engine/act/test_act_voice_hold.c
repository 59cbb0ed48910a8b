/* Hold: by either phone, by the desk, by both. */
#include "tests/engine/act/voice_outside.h"

TestSuite(act_voice_hold, .timeout = 60);

Test(act_voice_hold, hold_by_the_agents_phone_gives_the_caller_music)
{
    world(false, 0);
    uint64_t leg, phone;
    talking(&leg, &phone);
    unsigned marks = orders_of(JN_ORDER_MARK);
    reinvite(phone, SDP_BOTH "a=sendonly\r\n");
    cr_assert_not_null(strstr(w.sip[phone].sdp, "a=recvonly"), "%s", w.sip[phone].sdp);
    cr_assert_eq(last_event()->kind, JN_EV_HOLD);
    cr_assert_str_eq(playing(), "moh");
    cr_assert_eq(orders_of(JN_ORDER_MARK), marks + 1);
    cr_assert_eq(last_order(JN_ORDER_HEAR)->hear.tracks, 0);
    reinvite(phone, SDP_BOTH);
    cr_assert_eq(last_event()->kind, JN_EV_RESUME);
    cr_assert_eq(orders_of(JN_ORDER_MARK), marks + 2);
    cr_assert_neq(last_order(JN_ORDER_HEAR)->hear.tracks, 0);
    cr_assert_eq(orders_of(JN_ORDER_STOP), 2u);
    end_world();
}

Test(act_voice_hold, hold_by_the_caller_is_told_and_answered)
{
    world(false, 0);
    uint64_t leg, phone;
    talking(&leg, &phone);
    unsigned plays = orders_of(JN_ORDER_PLAY);
    reinvite(leg, SDP_BOTH "a=inactive\r\n");
    cr_assert_not_null(strstr(w.sip[leg].sdp, "a=inactive"));
    cr_assert_eq(last_event()->kind, JN_EV_HOLD);
    cr_assert_eq(orders_of(JN_ORDER_PLAY), plays, "nobody who holds is played music");
    reinvite(leg, SDP_BOTH);
    cr_assert_eq(last_event()->kind, JN_EV_RESUME);
    end_world();
}

Test(act_voice_hold, both_hold_and_only_both_resume)
{
    world(false, 0);
    uint64_t leg, phone;
    talking(&leg, &phone);
    reinvite(leg, SDP_BOTH "a=sendonly\r\n");
    reinvite(phone, SDP_BOTH "a=sendonly\r\n");
    reinvite(leg, SDP_BOTH);
    cr_assert_eq(last_event()->kind, JN_EV_HOLD);
    reinvite(phone, SDP_BOTH);
    cr_assert_eq(last_event()->kind, JN_EV_RESUME);
    end_world();
}

Test(act_voice_hold, a_reinvite_that_we_cannot_take_changes_nothing)
{
    world(false, 0);
    uint64_t leg, phone;
    talking(&leg, &phone);
    unsigned before = w.orders;
    reinvite(leg, SDP_ALIEN);
    cr_assert_eq(w.sip[leg].refused, 488);
    cr_assert_eq(w.orders, before);
    cr_assert(!w.sip[leg].hung_up);
    end_world();
}

Test(act_voice_hold, the_desk_holds_resumes_and_hangs_up)
{
    world(false, 0);
    uint64_t leg, phone, ix = talking(&leg, &phone);
    cr_assert_eq(jn_act_voice_control(w.v, ix, 102, JN_CONTROL_HOLD), -ENOENT, "another agent's call");
    cr_assert_eq(jn_act_voice_control(w.v, ix, 101, JN_CONTROL_HOLD), 0);
    cr_assert_eq(last_event()->kind, JN_EV_HOLD);
    cr_assert_str_eq(playing(), "moh");
    command(JN_CMD_HOLD, ix, 101, 0, 0, 0);
    cr_assert_eq(jn_act_voice_control(w.v, ix, 101, JN_CONTROL_RESUME), 0);
    cr_assert_eq(last_event()->kind, JN_EV_RESUME);
    cr_assert_eq(jn_act_voice_control(w.v, ix, 101, JN_CONTROL_HANGUP), 0);
    cr_assert_eq(the_ending()->kind, JN_EV_END);
    cr_assert(w.sip[leg].hung_up && w.sip[phone].hung_up);
    cr_assert_eq(jn_act_voice_control(w.v, ix, 101, JN_CONTROL_HANGUP), -ENOENT);
    end_world();
}

Test(act_voice_hold, a_full_ring_delays_a_hold_and_its_end_and_forgets_neither)
{
    enum { CALLER = 1, AGENT = 2 }; /* media legs by order of opening */
    world(false, 0);
    uint64_t leg, phone, ix = talking(&leg, &phone);
    w.order_full = true;
    jn_act_voice_control(w.v, ix, 101, JN_CONTROL_HOLD);
    cr_assert_neq(hears(CALLER), 0u);
    w.order_full = false;
    tick_ms(50);
    cr_assert_eq(hears(CALLER), 0u, "on hold nobody is heard");
    cr_assert_eq(hears(AGENT), 0u);
    w.order_full = true;
    jn_act_voice_control(w.v, ix, 101, JN_CONTROL_RESUME);
    cr_assert_eq(hears(CALLER), 0u);
    w.order_full = false;
    tick_ms(50);
    cr_assert_eq(hears(CALLER), 1u << JN_TRACK_AGENT, "they talk again");
    cr_assert_eq(hears(AGENT), 1u << JN_TRACK_CALLER);
    unsigned orders = w.orders;
    tick_ms(50);
    cr_assert_eq(w.orders, orders, "and nothing is ordered twice");
    end_world();
}
