/* Before a queue: what is ordered and told when callers go through flows; announcements to agents. */
#include "media/record/item.h"
#include "tests/engine/act/voice_outside.h"

TestSuite(act_voice_flow, .timeout = 60);

/* A caller in the menu of number 400: the notice was heard, the prompt plays. */
static uint64_t in_menu(uint64_t *media)
{
    uint64_t leg = invite("400", SDP_BOTH);
    workers_settle();
    *media = w.last_media;
    confirmed(leg, NULL);
    cr_assert_str_eq(playing(), "notice");
    cr_assert_eq(last_order(JN_ORDER_RECORD)->record.on, 1, "recording begins with the notice");
    play_done();
    cr_assert_str_eq(playing(), "prompt");
    return leg;
}

/* The text of the notice events, as the recording has them. */
static const char *proof(void)
{
    static char text[200];
    size_t n = 0;
    memset(text, 0, sizeof text);
    for (unsigned i = 0; i < w.orders; i++)
        if (w.order[i].kind == JN_ORDER_MARK && w.order[i].mark.event == JN_RECEV_NOTICE)
            for (unsigned k = 0; k < 8 && n < sizeof text - 1; k++)
                text[n++] = (char)(w.order[i].mark.arg >> 8 * k & 0xff);
    return text;
}

Test(act_voice_flow, a_digit_leads_to_the_queue_with_its_priority)
{
    uint64_t media;
    world(false, 0);
    uint64_t leg = in_menu(&media);
    cr_assert_str_eq(proof(), "notice");
    digit(media, '1');
    cr_assert_str_eq(playing(), "hello", "the queue's greeting replaces the prompt");
    cr_assert_eq(w.events, 0u);
    play_done();
    cr_assert_eq(last_event()->kind, JN_EV_ARRIVE);
    cr_assert_eq(last_event()->arrive.queue, (uint64_t)Q_FULL);
    cr_assert_eq(last_event()->arrive.priority, 7);
    cr_assert_eq(last_order(JN_ORDER_RECORD)->record.on, 1, "the queue records: it goes on");
    ended(leg, JN_SIP_END_BYE, 0);
    cr_assert_eq(the_ending()->kind, JN_EV_CUSTOMER_LEFT);
    end_world();
}

Test(act_voice_flow, a_queue_that_does_not_record_ends_the_recording)
{
    uint64_t media;
    world(false, 0);
    in_menu(&media);
    digit(media, '2');
    cr_assert_eq(last_order(JN_ORDER_RECORD)->record.on, 0);
    cr_assert_eq(last_event()->arrive.queue, (uint64_t)Q_BARE);
    end_world();
}

Test(act_voice_flow, wrong_digits_and_silence_come_to_an_end)
{
    uint64_t media;
    world(false, 0);
    uint64_t leg = in_menu(&media);
    digit(media, '8');
    cr_assert_str_eq(playing(), "wrong");
    play_done();
    cr_assert_str_eq(playing(), "prompt");
    play_done();
    tick_ms(1900);
    cr_assert_eq(w.events, 0u);
    tick_ms(200);
    cr_assert(w.sip[leg].hung_up, "asked twice and no answer");
    cr_assert_eq(the_ending()->kind, JN_EV_ARRIVE);
    cr_assert_eq(the_ending()->why, JN_WHY_MENU);
    cr_assert_eq(the_ending()->arrive.queue, 0u, "it never came to a queue");
    sip_settles();
    workers_settle();
    cr_assert_eq(w.rows, 1u, "but it has a record");
    cr_assert_eq(jn_act_voice_counts(w.v)->flow_ended, 1u);
    cr_assert_eq(jn_act_voice_counts(w.v)->arrived, 0u);
    end_world();
}

Test(act_voice_flow, a_caller_who_leaves_the_menu_was_not_offered)
{
    uint64_t media;
    world(false, 0);
    uint64_t leg = in_menu(&media);
    ended(leg, JN_SIP_END_BYE, 0);
    cr_assert_eq(w.events, 1u);
    cr_assert_eq(the_ending()->why, JN_WHY_MENU_LEFT);
    cr_assert_eq(the_ending()->arrive.queue, 0u);
    cr_assert_eq(jn_act_voice_counts(w.v)->flow_left, 1u);
    end_world();
}

Test(act_voice_flow, closed_is_said_and_counted_also_when_the_caller_does_not_wait_for_it)
{
    world(false, 0);
    for (int i = 0; i < 2; i++) {
        uint64_t leg = invite("500", SDP_BOTH);
        workers_settle();
        confirmed(leg, NULL);
        cr_assert_str_eq(playing(), "closed");
        if (i)
            ended(leg, JN_SIP_END_BYE, 0);
        else
            play_done();
        cr_assert(i || w.sip[leg].hung_up);
        cr_assert_eq(last_event()->why, JN_WHY_CLOSED);
        cr_assert_eq(last_event()->arrive.queue, 0u);
    }
    cr_assert_eq(jn_act_voice_counts(w.v)->flow_closed, 2u);
    end_world();
}

Test(act_voice_flow, who_cannot_hear_the_notice_is_not_recorded)
{
    world(false, 0);
    jn_copy(w.sounds.at[jn_sounds_find(&w.sounds, "notice")].name, 64, "gone");
    uint64_t leg = invite("400", SDP_BOTH);
    workers_settle();
    uint64_t media = w.last_media;
    confirmed(leg, NULL);
    cr_assert_str_eq(playing(), "prompt", "the call goes on");
    cr_assert_eq(last_order(JN_ORDER_RECORD)->record.on, 0);
    digit(media, '1');
    cr_assert_eq(last_order(JN_ORDER_RECORD)->record.on, 0, "not in a queue that records either");
    cr_assert_str_eq(proof(), "");
    cr_assert_eq(jn_act_voice_counts(w.v)->notices_failed, 1u);
    end_world();
}

Test(act_voice_flow, a_flow_that_is_applied_away_lets_its_callers_go)
{
    uint64_t media;
    world(false, 0);
    uint64_t leg = in_menu(&media);
    struct jn_directory *d = jn_directory_new(1, 0, 0, 0, 0);
    struct jn_err err = {{0}};
    d->tenants[0] = (struct jn_dir_tenant){.id = TENANT, .name = "acme", .domain = "acme.test"};
    cr_assert_eq(jn_directory_index(d, &err), 0);
    jn_act_voice_directory(w.v, d);
    jn_directory_unref(d);
    digit(media, '1');
    cr_assert(w.sip[leg].hung_up);
    cr_assert_eq(the_ending()->why, JN_WHY_MENU);
    end_world();
}

Test(act_voice_flow, a_lost_end_of_a_prompt_and_full_rings_hold_nobody_for_ever)
{
    uint64_t media;
    world(false, 0);
    uint64_t leg = in_menu(&media);
    w.order_full = true;
    digit(media, '8'); /* nothing can be said now: waits as after the prompt */
    w.order_full = false;
    tick_ms(4100); /* prompt of a second, 3 s spare, timeout */
    tick_ms(2100);
    tick_ms(4100);
    tick_ms(2100);
    cr_assert(w.sip[leg].hung_up, "it came to its end");
    end_world();
}

/* ---- announcements ---- */

static uint64_t announced(uint64_t *caller, uint64_t *agent)
{
    uint64_t ix = waiting_caller("300", caller);
    command(JN_CMD_OFFER, ix, 101, 0, 0, 0);
    workers_settle();
    *agent = w.last_sip;
    lifted(*agent, SDP_BOTH);
    command(JN_CMD_CONNECT, ix, 101, 0, 0, 0);
    return ix;
}

Test(act_voice_flow, the_agent_is_told_apart_from_the_caller)
{
    uint64_t caller, agent;
    world(true, 0);
    announced(&caller, &agent);
    const struct jn_order *o = last_order(JN_ORDER_PLAY);
    cr_assert_str_eq(playing(), "client");
    cr_assert_eq(o->leg, 2u, "to the agent's leg alone");
    cr_assert_eq(hears(1), 0u, "the caller hears music and nobody");
    cr_assert_eq(hears(2), 0u);
    unsigned stops = orders_of(JN_ORDER_STOP);
    play_done();
    cr_assert_eq(orders_of(JN_ORDER_STOP), stops + 1, "the music ends");
    cr_assert_eq(hears(1), (1u << JN_TRACK_N) - 1);
    cr_assert_eq(hears(2), (1u << JN_TRACK_N) - 1);
    end_world();
}

Test(act_voice_flow, hang_ups_while_the_agent_is_told)
{
    uint64_t caller, agent;
    for (int who = 0; who < 2; who++) {
        world(false, 0);
        announced(&caller, &agent);
        ended(who ? agent : caller, JN_SIP_END_BYE, 0);
        cr_assert_eq(the_ending()->kind, who ? JN_EV_END : JN_EV_CUSTOMER_LEFT);
        cr_assert(w.sip[who ? caller : agent].hung_up);
        play_done(); /* late word */
        end_world();
    }
}

Test(act_voice_flow, given_back_while_told_the_caller_hears_the_next_agent)
{
    uint64_t caller, agent;
    world(false, 0);
    uint64_t ix = announced(&caller, &agent);
    command(JN_CMD_QUEUED, ix, 0, 1, 0, JN_WHY_TRANSFER);
    cr_assert(w.sip[agent].hung_up);
    sip_settles();
    workers_settle();
    command(JN_CMD_OFFER, ix, 102, 0, 0, 0);
    workers_settle();
    uint64_t next = w.last_sip, media = w.last_media;
    lifted(next, SDP_BOTH);
    command(JN_CMD_CONNECT, ix, 102, 0, 0, 0);
    cr_assert_eq(hears(1), 0u);
    play_done();
    cr_assert_eq(hears(1), (1u << JN_TRACK_N) - 1);
    cr_assert_eq(hears(media), (1u << JN_TRACK_N) - 1);
    end_world();
}

Test(act_voice_flow, a_full_ring_delays_the_joining_and_does_not_forget_it)
{
    uint64_t caller, agent;
    world(false, 0);
    announced(&caller, &agent);
    w.order_full = true;
    play_done();
    cr_assert_eq(hears(1), 0u);
    w.order_full = false;
    tick_ms(50);
    cr_assert_eq(hears(1), (1u << JN_TRACK_N) - 1);
    end_world();
}

Test(act_voice_flow, hold_while_told_is_hold_afterwards)
{
    uint64_t caller, agent;
    world(false, 0);
    announced(&caller, &agent);
    reinvite(agent, SDP_BOTH "a=sendonly\r\n");
    cr_assert_neq(last_event()->kind, JN_EV_HOLD, "they do not talk yet");
    play_done();
    cr_assert_eq(last_event()->kind, JN_EV_HOLD);
    cr_assert_str_eq(playing(), "moh");
    end_world();
}
