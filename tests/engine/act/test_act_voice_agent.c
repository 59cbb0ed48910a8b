/* The agent's side: offers, phones that answer, refuse or stay silent, joining. */
#include "tests/engine/act/voice_outside.h"

TestSuite(act_voice_agent, .timeout = 60);

Test(act_voice_agent, a_caller_who_leaves_while_the_phone_rings_stops_it)
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
Test(act_voice_agent, a_busy_phone_is_told)
{
    phone_says(JN_SIP_END_REFUSED, 486, JN_WHY_PHONE_BUSY);
}
Test(act_voice_agent, a_rejecting_phone_is_told)
{
    phone_says(JN_SIP_END_REFUSED, 603, JN_WHY_PHONE_REJECT);
}
Test(act_voice_agent, a_silent_phone_is_unreachable)
{
    phone_says(JN_SIP_END_TIMEOUT, 408, JN_WHY_UNREACHABLE);
}
Test(act_voice_agent, a_phone_that_cannot_be_reached_is_told)
{
    phone_says(JN_SIP_END_ERROR, 503, JN_WHY_UNREACHABLE);
}

Test(act_voice_agent, an_unregistered_phone_is_unreachable_at_once)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    w.unregistered_mask = 1;
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    cr_assert_eq(last_event()->kind, JN_EV_REFUSE);
    cr_assert_eq(last_event()->why, JN_WHY_UNREACHABLE);
    end_world();
}

Test(act_voice_agent, an_agent_leg_without_a_port_is_refused_as_busy)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    no_port(w.last_media);
    cr_assert_eq(last_event()->kind, JN_EV_REFUSE);
    cr_assert_eq(last_event()->why, JN_WHY_BUSY);
    end_world();
}

Test(act_voice_agent, a_caller_who_is_offered_at_once_hears_music)
{
    world(false, 0);
    uint64_t leg = invite("100", SDP_BOTH);
    workers_settle();
    confirmed(leg, NULL);
    play_done();
    command(JN_CMD_OFFER, last_event()->arrive.ix, 101, 0, 0, 0);
    cr_assert_str_eq(playing(), "moh");
    end_world();
}

Test(act_voice_agent, a_cancelled_offer_stops_the_ringing_and_says_nothing)
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

Test(act_voice_agent, an_offer_cancelled_before_the_port_came_never_rings)
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

Test(act_voice_agent, an_accept_that_is_refused_lets_the_phone_go)
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

Test(act_voice_agent, ringing_has_a_bound_of_our_own)
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

Test(act_voice_agent, legs_on_two_workers_join_and_leave_on_both)
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

Test(act_voice_agent, the_agents_hang_up_ends_the_call)
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

Test(act_voice_agent, a_requeued_caller_waits_again_without_the_agent)
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

Test(act_voice_agent, taken_at_the_desk_before_the_phone_is_lifted)
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

Test(act_voice_agent, taken_at_the_desk_but_the_phone_refuses)
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

Test(act_voice_agent, the_callers_codec_is_offered_first)
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

Test(act_voice_agent, a_phone_that_wants_srtp_is_offered_keys)
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

static void trouble(uint64_t leg, uint8_t what, bool on)
{
    struct jn_fact f = {.kind = JN_FACT_LEG_TROUBLE, .leg = leg};
    f.trouble.what = what;
    f.trouble.on = on;
    jn_act_voice_fact(w.v, &f);
}

static void quality(uint64_t leg, const struct jn_leg_stats *s)
{
    struct jn_fact f = {.kind = JN_FACT_LEG_QUALITY, .leg = leg};
    f.stats = *s;
    jn_act_voice_fact(w.v, &f);
}

Test(act_voice_agent, trouble_with_media_is_told_once_and_only_of_parties_who_talk)
{
    world(false, 0);
    uint64_t leg, ix = waiting_caller("100", &leg);
    trouble(1, JN_TROUBLE_NO_MEDIA, true);
    cr_assert_eq(w.troubles, 0u, "who waits need not say anything");
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    workers_settle();
    lifted(w.last_sip, SDP_BOTH);
    command(JN_CMD_CONNECT, ix, 101, 0, 0, 0);
    struct jn_leg_stats s = {.trouble = 1u << JN_TROUBLE_NO_MEDIA, .remote_r = 127};
    for (int i = 0; i < 3; i++)
        quality(1, &s);
    cr_assert_eq(w.troubles, 1u, "it still says nothing when they talk: told once");
    cr_assert_eq(w.trouble.ix, ix);
    cr_assert_eq(w.trouble.tenant, TENANT);
    cr_assert_eq(w.trouble.side, 0);
    cr_assert_eq(w.trouble.what, JN_TROUBLE_NO_MEDIA);
    cr_assert(w.trouble.on);
    trouble(1, JN_TROUBLE_NO_MEDIA, false);
    cr_assert_eq(w.troubles, 2u);
    cr_assert(!w.trouble.on);
    trouble(w.last_media, JN_TROUBLE_UNHEARD, true);
    cr_assert_eq(w.trouble.agent, 101u);
    trouble(1, JN_TROUBLE_N, true);
    cr_assert_eq(w.troubles, 3u, "what is not known is not told");
    cr_assert_eq(jn_act_voice_counts(w.v)->trouble[JN_TROUBLE_NO_MEDIA], 1);
    cr_assert_eq(jn_act_voice_counts(w.v)->trouble[JN_TROUBLE_UNHEARD], 1);
    end_world();
}

Test(act_voice_agent, quality_of_a_call_in_progress_is_kept_for_its_tenant)
{
    world(false, 0);
    uint64_t leg, phone, ix = talking(&leg, &phone);
    struct jn_voice_quality q[4];
    struct jn_leg_stats s = {.mos_x100 = 420, .remote_mos_x100 = 310};
    cr_assert_eq(jn_act_voice_quality(w.v, ix, TENANT, q, 4), 0, "nothing is known yet");
    quality(1, &s);
    tick_ms(1500);
    cr_assert_eq(jn_act_voice_quality(w.v, ix, TENANT, q, 4), 1);
    cr_assert_eq(q[0].stats->remote_mos_x100, 310);
    cr_assert_eq(q[0].age_us, 1500000);
    quality(w.last_media, &s);
    cr_assert_eq(jn_act_voice_quality(w.v, ix, 0, q, 4), 2);
    cr_assert_str_eq(q[1].name, "agent0");
    cr_assert_eq(jn_act_voice_quality(w.v, ix, 0, q, 1), 1, "no more than there is room for");
    cr_assert_eq(jn_act_voice_quality(w.v, ix, TENANT + 1, q, 4), -ENOENT);
    cr_assert_eq(jn_act_voice_quality(w.v, ix + 1, TENANT, q, 4), -ENOENT);
    end_world();
}
