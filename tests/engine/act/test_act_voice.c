/* A call's branches, one by one: what each party hears, what the router is told, and that nothing is left behind. */
#include "tests/engine/act/voice_world.h"

TestSuite(act_voice, .timeout = 20);

/* A caller in the queue; its interaction. */
static uint64_t waiting_caller(const char *number, uint64_t *leg)
{
    *leg = invite(number, SDP_BOTH);
    workers_settle();
    confirmed(*leg, NULL);
    play_done(); /* the greeting, where there is one */
    cr_assert_eq(last_event()->kind, JN_EV_ARRIVE);
    uint64_t ix = last_event()->arrive.ix;
    command(JN_CMD_QUEUED, ix, 0, 1, 0, 0);
    return ix;
}
/* The same, talking to agent 101. */
static uint64_t talking(uint64_t *caller, uint64_t *agent)
{
    uint64_t ix = waiting_caller("100", caller);
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    workers_settle();
    *agent = w.last_sip;
    lifted(*agent, SDP_BOTH);
    cr_assert_eq(last_event()->kind, JN_EV_ACCEPT);
    command(JN_CMD_CONNECT, ix, 101, 0, 0, 0);
    return ix;
}
static const struct jn_event *the_ending(void)
{
    for (unsigned i = 0; i < w.events; i++)
        if (w.ending[i])
            return &w.event[i];
    cr_assert_fail("no ending event");
    return NULL;
}

Test(act_voice, a_call_is_greeted_queued_connected_and_recorded)
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

Test(act_voice, a_number_that_nobody_has_is_404)
{
    world(false, 0);
    uint64_t leg = invite("999", SDP_BOTH);
    cr_assert_eq(w.sip[leg].refused, 404);
    cr_assert_eq(w.admitted, w.released);
    end_world();
}

Test(act_voice, an_offer_without_a_codec_of_ours_is_488_and_takes_nothing)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_ALIEN);
    cr_assert_eq(w.sip[leg].refused, 488);
    cr_assert_eq(w.orders, 0u);
    end_world();
}

Test(act_voice, full_mailboxes_are_503)
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

Test(act_voice, no_port_is_503)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_BOTH);
    no_port(w.last_media);
    cr_assert_eq(w.sip[leg].refused, 503);
    cr_assert_eq(w.endings, 0u);
    end_world();
}

Test(act_voice, more_calls_than_the_table_holds_are_503)
{
    world(false, 0);
    for (int i = 0; i < 64; i++)
        cr_assert_eq(w.sip[invite("200", SDP_BOTH)].refused, 0);
    cr_assert_eq(w.sip[invite("200", SDP_BOTH)].refused, 503);
    end_world();
}

Test(act_voice, a_caller_who_leaves_during_the_greeting_was_never_there)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_BOTH);
    workers_settle();
    confirmed(leg, NULL);
    ended(leg, JN_SIP_END_BYE, 0);
    cr_assert_eq(w.events, 0u);
    cr_assert_eq(w.released, 1u);
    end_world();
    cr_assert_eq(w.rows, 0u);
}

Test(act_voice, a_cancel_before_the_port_is_there_closes_it_when_it_comes)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_BOTH);
    ended(leg, JN_SIP_END_CANCEL, 0);
    cr_assert_eq(orders_of(JN_ORDER_LEG_CLOSE), 0u);
    workers_settle();
    cr_assert_eq(orders_of(JN_ORDER_LEG_CLOSE), 1u);
    end_world();
}

Test(act_voice, a_caller_who_never_acknowledges_is_given_up)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_BOTH);
    workers_settle();
    ended(leg, JN_SIP_END_TIMEOUT, 0);
    workers_settle();
    cr_assert_eq(jn_act_voice_calls(w.v), 0u);
    end_world();
}

Test(act_voice, a_waiting_caller_who_leaves_is_told_to_the_router_once)
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

Test(act_voice, a_caller_who_leaves_while_the_phone_rings_stops_it)
{
    world(true, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    workers_settle();
    uint64_t phone = w.last_sip;
    ended(leg, JN_SIP_END_BYE, 0);
    cr_assert(w.sip[phone].hung_up);
    lifted(phone, SDP_BOTH); /* it was lifted as we cancelled */
    cr_assert_eq(orders_of(JN_ORDER_ROOM_JOIN), 1u);
    end_world();
}

static void phone_says(enum jn_sip_end how, int status, enum jn_why want)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    workers_settle();
    ended(w.last_sip, how, status);
    cr_assert_eq(last_event()->kind, JN_EV_REFUSE);
    cr_assert_eq(last_event()->why, want, "status %d", status);
    cr_assert_eq(last_event()->ix.agent, 101);
    command(JN_CMD_QUEUED, ix, 0, 1, 0, want);
    cr_assert_eq(w.sip[leg].hung_up, false);
    command(JN_CMD_OFFER, ix, 102, 0, 0, 0);
    workers_settle();
    cr_assert_eq(w.sip[w.last_sip].agent, 102);
    end_world();
}
Test(act_voice, a_busy_phone_is_told)
{
    phone_says(JN_SIP_END_REFUSED, 486, JN_WHY_PHONE_BUSY);
}
Test(act_voice, a_rejecting_phone_is_told)
{
    phone_says(JN_SIP_END_REFUSED, 603, JN_WHY_PHONE_REJECT);
}
Test(act_voice, a_silent_phone_is_unreachable)
{
    phone_says(JN_SIP_END_TIMEOUT, 408, JN_WHY_UNREACHABLE);
}
Test(act_voice, a_phone_that_cannot_be_reached_is_told)
{
    phone_says(JN_SIP_END_ERROR, 503, JN_WHY_UNREACHABLE);
}

Test(act_voice, an_unregistered_phone_is_unreachable_at_once)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    w.unregistered_mask = 1;
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    cr_assert_eq(last_event()->kind, JN_EV_REFUSE);
    cr_assert_eq(last_event()->why, JN_WHY_UNREACHABLE);
    end_world();
}

Test(act_voice, an_agent_leg_without_a_port_is_refused_as_busy)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    no_port(w.last_media);
    cr_assert_eq(last_event()->kind, JN_EV_REFUSE);
    cr_assert_eq(last_event()->why, JN_WHY_BUSY);
    end_world();
}

Test(act_voice, a_cancelled_offer_stops_the_ringing_and_says_nothing)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    workers_settle();
    uint64_t phone = w.last_sip;
    unsigned before = w.events;
    command(JN_CMD_OFFER_CANCEL, ix, 101, 0, 0, JN_WHY_NO_ANSWER);
    cr_assert(w.sip[phone].hung_up);
    command(JN_CMD_QUEUED, ix, 0, 1, 0, JN_WHY_NO_ANSWER);
    lifted(phone, SDP_BOTH);
    cr_assert_eq(w.events, before, "an answer after the offer was withdrawn is not an answer");
    end_world();
}

Test(act_voice, an_offer_cancelled_before_the_port_came_never_rings)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    uint64_t dialogs = w.last_sip;
    command(JN_CMD_OFFER_CANCEL, ix, 101, 0, 0, JN_WHY_LOGGED_OUT);
    workers_settle();
    cr_assert_eq(w.last_sip, dialogs);
    end_world();
}

Test(act_voice, an_accept_that_is_refused_lets_the_phone_go)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    workers_settle();
    uint64_t phone = w.last_sip;
    lifted(phone, SDP_BOTH);
    command(JN_CMD_REFUSED, ix, 0, 0, 0, JN_WHY_BAD_STATE);
    cr_assert(w.sip[phone].hung_up);
    cr_assert(!w.sip[leg].hung_up);
    command(JN_CMD_OFFER, ix, 102, 0, 0, 0);
    workers_settle();
    cr_assert_eq(w.sip[w.last_sip].agent, 102);
    end_world();
}

Test(act_voice, ringing_has_a_bound_of_our_own)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    workers_settle();
    tick_ms(59000);
    cr_assert_neq(last_event()->kind, JN_EV_REFUSE);
    tick_ms(2000);
    cr_assert_eq(last_event()->kind, JN_EV_REFUSE);
    cr_assert_eq(last_event()->why, JN_WHY_NO_ANSWER);
    end_world();
}

Test(act_voice, legs_on_two_workers_join_and_leave_on_both)
{
    world(true, 0);
    uint64_t leg, phone;
    talking(&leg, &phone);
    const struct jn_order *o = last_order(JN_ORDER_ROOM_JOIN);
    cr_assert_neq(o->leg_worker, o->room_worker);
    cr_assert_eq(orders_of(JN_ORDER_ROOM_JOIN), 3u);
    ended(leg, JN_SIP_END_BYE, 0);
    cr_assert_eq(orders_of(JN_ORDER_ROOM_LEAVE), 3u);
    end_world();
}

Test(act_voice, the_agents_hang_up_ends_the_call)
{
    world(false, 0);
    uint64_t leg, phone;
    talking(&leg, &phone);
    ended(phone, JN_SIP_END_BYE, 0);
    cr_assert_eq(the_ending()->kind, JN_EV_END);
    cr_assert_eq(the_ending()->why, JN_WHY_AGENT);
    cr_assert(w.sip[leg].hung_up);
    end_world();
}

Test(act_voice, hold_by_the_agents_phone_gives_the_caller_music)
{
    world(false, 0);
    uint64_t leg, phone;
    talking(&leg, &phone);
    reinvite(phone, SDP_BOTH "a=sendonly\r\n");
    cr_assert_not_null(strstr(w.sip[phone].sdp, "a=recvonly"), "%s", w.sip[phone].sdp);
    cr_assert_eq(last_event()->kind, JN_EV_HOLD);
    cr_assert_str_eq(playing(), "moh");
    cr_assert_eq(orders_of(JN_ORDER_MARK), 1u);
    cr_assert_eq(last_order(JN_ORDER_HEAR)->hear.tracks, 0);
    reinvite(phone, SDP_BOTH);
    cr_assert_eq(last_event()->kind, JN_EV_RESUME);
    cr_assert_eq(orders_of(JN_ORDER_MARK), 2u);
    cr_assert_neq(last_order(JN_ORDER_HEAR)->hear.tracks, 0);
    cr_assert_eq(orders_of(JN_ORDER_STOP), 2u);
    end_world();
}

Test(act_voice, hold_by_the_caller_is_told_and_answered)
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

Test(act_voice, both_hold_and_only_both_resume)
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

Test(act_voice, a_reinvite_that_we_cannot_take_changes_nothing)
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

Test(act_voice, the_desk_holds_resumes_and_hangs_up)
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

Test(act_voice, a_requeued_caller_waits_again_without_the_agent)
{
    world(false, 0);
    uint64_t leg, phone, ix = talking(&leg, &phone);
    command(JN_CMD_QUEUED, ix, 0, 2, 0, JN_WHY_TRANSFER);
    cr_assert(w.sip[phone].hung_up);
    cr_assert_str_eq(playing(), "moh");
    command(JN_CMD_OFFER, ix, 102, 0, 0, 0);
    sip_settles();
    workers_settle();
    lifted(w.last_sip, SDP_BOTH);
    command(JN_CMD_CONNECT, ix, 102, 0, 0, 0);
    cr_assert_eq(w.endings, 0u);
    end_world();
}

Test(act_voice, taken_at_the_desk_before_the_phone_is_lifted)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    workers_settle();
    command(JN_CMD_CONNECT, ix, 101, 0, 0, 0);
    cr_assert_eq(orders_of(JN_ORDER_ROOM_JOIN), 1u);
    unsigned before = w.events;
    lifted(w.last_sip, SDP_BOTH);
    cr_assert_eq(w.events, before, "the router knows already");
    cr_assert_eq(orders_of(JN_ORDER_ROOM_JOIN), 2u);
    end_world();
}

Test(act_voice, taken_at_the_desk_but_the_phone_refuses)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    workers_settle();
    command(JN_CMD_CONNECT, ix, 101, 0, 0, 0);
    ended(w.last_sip, JN_SIP_END_REFUSED, 486);
    cr_assert_eq(last_event()->kind, JN_EV_REQUEUE);
    cr_assert(!w.sip[leg].hung_up);
    end_world();
}

Test(act_voice, a_rejected_call_hears_why_and_is_hung_up)
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

Test(act_voice, a_full_queue_refuses_and_a_lost_prompt_does_not_hold_the_line)
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

Test(act_voice, a_bare_queue_has_no_greeting_no_music_and_no_goodbye)
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

Test(act_voice, a_delayed_offer_is_answered_in_the_ack)
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

Test(act_voice, a_delayed_offer_without_an_answer_ends)
{
    world(false, 0);
    uint64_t leg = invite("200", NULL);
    workers_settle();
    confirmed(leg, NULL);
    cr_assert(w.sip[leg].hung_up);
    cr_assert_eq(w.events, 0u);
    end_world();
}

Test(act_voice, the_callers_codec_is_offered_first)
{
    world(false, 0);
    uint64_t leg = invite("200", SDP_PCMA);
    workers_settle();
    confirmed(leg, NULL);
    command(JN_CMD_OFFER, last_event()->arrive.ix, 101, 0, 0, 0);
    workers_settle();
    cr_assert_not_null(strstr(w.sip[w.last_sip].sdp, "RTP/AVP 8 0"), "%s", w.sip[w.last_sip].sdp);
    end_world();
}

Test(act_voice, a_phone_that_wants_srtp_is_offered_keys)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("200", &leg);
    command(JN_CMD_OFFER, ix, 103, 0, 0, 0);
    workers_settle();
    cr_assert_not_null(strstr(w.sip[w.last_sip].sdp, "RTP/SAVP"));
    cr_assert_not_null(strstr(w.sip[w.last_sip].sdp, "a=crypto:"));
    lifted(w.last_sip, SDP_BOTH); /* and answers without */
    cr_assert_eq(last_event()->kind, JN_EV_REFUSE);
    cr_assert_eq(last_event()->why, JN_WHY_MEDIA);
    end_world();
}

Test(act_voice, a_silent_line_is_ended)
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

Test(act_voice, a_full_router_is_asked_again)
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

Test(act_voice, a_caller_who_leaves_before_the_router_could_hear_gives_the_place_back)
{
    world(false, 0);
    uint64_t leg = invite("200", SDP_BOTH);
    workers_settle();
    w.event_full = true;
    confirmed(leg, NULL);
    ended(leg, JN_SIP_END_BYE, 0);
    w.event_full = false;
    tick_ms(100);
    cr_assert_eq(w.events, 0u);
    end_world();
}

Test(act_voice, a_missing_sound_is_counted_and_passed_over)
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
