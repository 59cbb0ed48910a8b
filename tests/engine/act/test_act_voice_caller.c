/* The caller's side: from INVITE to the queue, and what is refused on the way. */
#include "tests/engine/act/voice_outside.h"

TestSuite(act_voice_caller, .timeout = 60);

Test(act_voice_caller, a_call_is_greeted_queued_connected_and_recorded)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_BOTH);
    cr_assert_eq(w.sip[leg].answers, 0u, "answered before a port was there");
    workers_settle();
    cr_assert_eq(w.sip[leg].answers, 1u);
    cr_assert_not_null(strstr(w.sip[leg].sdp, "m=audio 3000"), "%s", w.sip[leg].sdp);
    cr_assert_eq(w.events, 0u);
    confirmed(leg, NULL);
    cr_assert_eq(orders_of(JN_ORDER_ROOM_OPEN), 1u);
    cr_assert_eq(last_order(JN_ORDER_RECORD)->record.on, 1);
    cr_assert_str_eq(playing(), "hello");
    cr_assert_eq(w.events, 0u, "the router hears of it after the greeting");
    play_done();
    cr_assert_eq(last_event()->kind, JN_EV_ARRIVE);
    cr_assert_eq(last_event()->arrive.queue, (uint64_t)Q_FULL);
    uint64_t ix = last_event()->arrive.ix;
    command(JN_CMD_QUEUED, ix, 0, 1, 0, 0);
    cr_assert_str_eq(playing(), "queue-youarenext");
    play_done();
    cr_assert_str_eq(playing(), "moh");
    cr_assert(last_order(JN_ORDER_PLAY)->play.loop);
    command(JN_CMD_POSITION, ix, 0, 23, 0, 0);
    cr_assert_str_eq(playing(), "queue-thereare");
    const struct jn_order *said = last_order(JN_ORDER_PLAY);
    cr_assert_eq(said->play.n, 4);
    cr_assert_str_eq(w.sounds.at[said->play.sound[1]].name, "digits/20");
    cr_assert_str_eq(w.sounds.at[said->play.sound[2]].name, "digits/3");
    play_done();
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    workers_settle();
    uint64_t phone = w.last_sip;
    cr_assert_eq(w.sip[phone].agent, 101);
    cr_assert_eq(orders_of(JN_ORDER_STOP), 0u, "music goes on while the phone rings");
    lifted(phone, SDP_BOTH);
    cr_assert_eq(last_event()->kind, JN_EV_ACCEPT);
    cr_assert_eq(last_event()->ix.agent, 101);
    cr_assert_eq(orders_of(JN_ORDER_ROOM_JOIN), 1u, "joined before the router said so");
    command(JN_CMD_CONNECT, ix, 101, 0, 0, 0);
    cr_assert_eq(orders_of(JN_ORDER_STOP), 1u);
    cr_assert_eq(last_order(JN_ORDER_ROOM_JOIN)->join.track, JN_TRACK_AGENT);
    cr_assert_eq(w.dialogs, 2u);
    ended(leg, JN_SIP_END_BYE, 0);
    cr_assert_eq(the_ending()->kind, JN_EV_CUSTOMER_LEFT);
    cr_assert(w.sip[phone].hung_up);
    command(JN_CMD_CLOSED, ix, 101, 0, JN_OUT_ANSWERED, JN_WHY_CUSTOMER);
    sip_settles();
    cr_assert_eq(w.rows, 0u, "the row waits for what the workers saw");
    workers_settle();
    cr_assert_eq(w.rows, 1u);
    cr_assert(w.row.recorded);
    cr_assert_str_eq(w.row.caller, "4930123");
    cr_assert_eq(w.row.rx_packets, 200);
    cr_assert_eq(w.row.mos_agent_x100, 420);
    end_world();
}

Test(act_voice_caller, a_number_that_nobody_has_is_404)
{
    world(false, 0);
    uint64_t leg = invite("999", SDP_BOTH);
    cr_assert_eq(w.sip[leg].refused, 404);
    cr_assert_eq(w.admitted, w.released);
    end_world();
}

Test(act_voice_caller, an_offer_without_a_codec_of_ours_is_488_and_takes_nothing)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_ALIEN);
    cr_assert_eq(w.sip[leg].refused, 488);
    cr_assert_eq(w.orders, 0u);
    end_world();
}

Test(act_voice_caller, busy_workers_get_no_new_call)
{
    world(false, 0);
    w.load[0] = 850;
    w.load[1] = 849;
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(w.sip[invite("100", SDP_BOTH)].refused, 0);
    for (unsigned i = 0; i < w.orders; i++)
        cr_assert_eq(w.order_worker[i], 1, "order %u went to the busy worker", i);
    w.load[1] = 1000;
    unsigned before = w.orders;
    cr_assert_eq(w.sip[invite("100", SDP_BOTH)].refused, 503);
    cr_assert_eq(w.orders, before);
    w.load[0] = 300;
    cr_assert_eq(w.sip[invite("100", SDP_BOTH)].refused, 0);
    end_world();
}

Test(act_voice_caller, full_mailboxes_are_503)
{
    world(false, 0);
    w.admit_full = true;
    cr_assert_eq(w.sip[invite("100", SDP_BOTH)].refused, 503);
    w.admit_full = false;
    w.leg_full = true;
    cr_assert_eq(w.sip[invite("100", SDP_BOTH)].refused, 503);
    w.leg_full = false;
    w.order_full = true;
    cr_assert_eq(w.sip[invite("100", SDP_BOTH)].refused, 503);
    w.order_full = false;
    end_world();
}

Test(act_voice_caller, no_port_is_503)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_BOTH);
    no_port(w.last_media);
    cr_assert_eq(w.sip[leg].refused, 503);
    cr_assert_eq(w.endings, 0u);
    end_world();
}

Test(act_voice_caller, more_calls_than_the_table_holds_are_503)
{
    world(false, 0);
    for (int i = 0; i < 64; i++)
        cr_assert_eq(w.sip[invite("200", SDP_BOTH)].refused, 0);
    cr_assert_eq(w.sip[invite("200", SDP_BOTH)].refused, 503);
    end_world();
}

Test(act_voice_caller, a_cancel_before_the_port_is_there_closes_it_when_it_comes)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_BOTH);
    ended(leg, JN_SIP_END_CANCEL, 0);
    cr_assert_eq(orders_of(JN_ORDER_LEG_CLOSE), 0u);
    workers_settle();
    cr_assert_eq(orders_of(JN_ORDER_LEG_CLOSE), 1u);
    end_world();
}

Test(act_voice_caller, a_delayed_offer_is_answered_in_the_ack)
{
    world(false, 0);
    uint64_t leg = invite("200", NULL);
    workers_settle();
    cr_assert_not_null(strstr(w.sip[leg].sdp, "m=audio"));
    cr_assert_eq(orders_of(JN_ORDER_LEG_REMOTE), 0u);
    confirmed(leg, SDP_PCMA);
    cr_assert_eq(last_order(JN_ORDER_LEG_REMOTE)->remote.codec, JN_CODEC_PCMA);
    cr_assert_eq(last_event()->kind, JN_EV_ARRIVE);
    end_world();
}

Test(act_voice_caller, a_delayed_offer_without_an_answer_ends)
{
    world(false, 0);
    uint64_t leg = invite("200", NULL);
    workers_settle();
    confirmed(leg, NULL);
    cr_assert(w.sip[leg].hung_up);
    cr_assert_eq(w.events, 0u);
    end_world();
}

Test(act_voice_caller, a_full_router_is_asked_again)
{
    world(false, 0);
    uint64_t leg = invite("200", SDP_BOTH);
    workers_settle();
    w.event_full = true;
    confirmed(leg, NULL);
    cr_assert_eq(w.events, 0u);
    tick_ms(50);
    w.event_full = false;
    tick_ms(50);
    cr_assert_eq(last_event()->kind, JN_EV_ARRIVE);
    tick_ms(50);
    cr_assert_eq(w.events, 1u);
    end_world();
}
