/* Supervisors: their phone is called, joins the call's room in its mode, and goes; whoever else does what. */
#include "tests/engine/act/voice_outside.h"

TestSuite(act_voice_watch, .timeout = 60);

enum { BOSS = 102, OTHER_BOSS = 103 };
enum { CALLER = 1 << JN_TRACK_CALLER, AGENT = 1 << JN_TRACK_AGENT, THIRD = 1 << JN_TRACK_OTHER };

static int supervise(uint64_t ix, enum jn_watch_mode mode)
{
    return jn_act_voice_supervise(w.v, ix, BOSS, mode, false);
}

static void told(enum jn_watch_state state, enum jn_watch_mode mode, enum jn_why why)
{
    cr_assert_eq(w.watch.state, state, "state %u", w.watch.state);
    cr_assert_eq(w.watch.mode, mode, "mode %u", w.watch.mode);
    cr_assert_eq(w.watch.why, why, "why %u", w.watch.why);
    cr_assert_eq(w.watch.supervisor, BOSS);
    cr_assert_eq(w.watch.tenant, TENANT);
}

/* A call with BOSS in it; gives the dialog of BOSS's phone. */
static uint64_t watched(uint64_t *ix, enum jn_watch_mode mode)
{
    uint64_t caller, agent;
    *ix = talking(&caller, &agent);
    cr_assert_eq(supervise(*ix, mode), 0);
    told(JN_WATCH_CALLING, mode, JN_WHY_NONE);
    workers_settle();
    uint64_t phone = w.last_sip;
    cr_assert_eq(w.sip[phone].agent, BOSS);
    lifted(phone, SDP_BOTH);
    told(JN_WATCH_UP, mode, JN_WHY_NONE);
    return phone;
}

/* Whom the supervisor's words reach from the join on. */
static uint8_t joined_to(void)
{
    const struct jn_order *o = last_order(JN_ORDER_ROOM_JOIN);
    cr_assert_eq(o->join.track, JN_TRACK_SUPERVISOR);
    return (uint8_t)~o->join.unheard & (CALLER | AGENT | THIRD);
}

Test(act_voice_watch, each_mode_is_joined_so_that_nobody_else_hears_a_word)
{
    for (unsigned spread = 0; spread < 2; spread++) {
        static const uint8_t to[] = {0, 0, AGENT, CALLER | AGENT | THIRD};
        for (unsigned m = JN_WATCH_LISTEN; m < JN_WATCH_N; m++) {
            uint64_t ix;
            world(spread, 0);
            watched(&ix, (enum jn_watch_mode)m);
            cr_assert_eq(joined_to(), to[m], "mode %u reaches %x", m, joined_to());
            cr_assert_eq(last_order(JN_ORDER_ROOM_JOIN)->leg_worker, spread);
            cr_assert_eq(jn_act_voice_counts(w.v)->watched_now, 1);
            end_world();
        }
    }
}

Test(act_voice_watch, the_router_and_the_agent_hear_nothing_of_it)
{
    uint64_t ix, caller, agent;
    world(false, 0);
    ix = talking(&caller, &agent);
    unsigned events = w.events;
    char before[JN_SDP_MAX];
    jn_copy(before, sizeof before, w.sip[agent].sdp);
    cr_assert_eq(supervise(ix, JN_WATCH_WHISPER), 0);
    workers_settle();
    lifted(w.last_sip, SDP_BOTH);
    supervise(ix, JN_WATCH_NONE);
    cr_assert_eq(w.events, events);
    cr_assert_str_eq(w.sip[agent].sdp, before);
    end_world();
}

Test(act_voice_watch, the_mode_changes_while_it_is_there)
{
    uint64_t ix;
    world(false, 0);
    watched(&ix, JN_WATCH_LISTEN);
    cr_assert_eq(supervise(ix, JN_WATCH_BARGE), 0);
    cr_assert_eq(last_order(JN_ORDER_SPEAK)->hear.tracks & (CALLER | AGENT), CALLER | AGENT);
    told(JN_WATCH_UP, JN_WATCH_BARGE, JN_WHY_NONE);
    cr_assert_eq(supervise(ix, JN_WATCH_WHISPER), 0);
    cr_assert_eq(last_order(JN_ORDER_SPEAK)->hear.tracks, AGENT);
    unsigned n = orders_of(JN_ORDER_SPEAK), news = w.watches;
    cr_assert_eq(supervise(ix, JN_WATCH_WHISPER), 0);
    cr_assert(orders_of(JN_ORDER_SPEAK) == n && w.watches == news, "nothing changed");
    cr_assert_eq(jn_act_voice_counts(w.v)->watch_changes, 2);
    end_world();
}

Test(act_voice_watch, a_change_that_finds_the_mailbox_full_is_made_later_and_told_then)
{
    uint64_t ix;
    world(false, 0);
    watched(&ix, JN_WATCH_BARGE);
    w.order_full = true;
    cr_assert_eq(supervise(ix, JN_WATCH_LISTEN), 0);
    tick_ms(100);
    told(JN_WATCH_UP, JN_WATCH_BARGE, JN_WHY_NONE);
    w.order_full = false;
    tick_ms(100);
    cr_assert_eq(last_order(JN_ORDER_SPEAK)->hear.tracks, 0);
    told(JN_WATCH_UP, JN_WATCH_LISTEN, JN_WHY_NONE);
    end_world();
}

Test(act_voice_watch, a_mode_changed_while_it_rings_is_the_one_it_joins_in)
{
    uint64_t ix, caller, agent;
    world(false, 0);
    ix = talking(&caller, &agent);
    supervise(ix, JN_WATCH_BARGE);
    workers_settle();
    supervise(ix, JN_WATCH_LISTEN);
    lifted(w.last_sip, SDP_BOTH);
    cr_assert_eq(joined_to(), 0);
    end_world();
}

Test(act_voice_watch, what_cannot_be_is_refused)
{
    uint64_t ix, caller, agent, leg;
    world(false, 0);
    cr_assert_eq(supervise(77, JN_WATCH_LISTEN), -ENOENT, "no call");
    ix = waiting_caller("100", &leg);
    cr_assert_eq(supervise(ix, JN_WATCH_LISTEN), -ENOENT, "nobody talks");
    ix = talking(&caller, &agent);
    cr_assert_eq(supervise(ix, JN_WATCH_NONE), -ENOENT, "nobody supervises");
    cr_assert_eq(jn_act_voice_supervise(w.v, ix, 101, JN_WATCH_LISTEN, true), -EDEADLK, "the agent itself");
    cr_assert_eq(jn_act_voice_supervise(w.v, ix, 4711, JN_WATCH_LISTEN, true), -ENOTCONN, "nobody we know");
    w.unregistered_mask = 1u << (BOSS - 101);
    cr_assert_eq(supervise(ix, JN_WATCH_LISTEN), -ENOTCONN, "no phone");
    w.unregistered_mask = 0;
    w.leg_full = true;
    cr_assert_eq(supervise(ix, JN_WATCH_LISTEN), -EAGAIN, "no place");
    w.leg_full = false;
    cr_assert_eq(w.watches, 0u);
    cr_assert_eq(supervise(ix, JN_WATCH_LISTEN), 0);
    cr_assert_eq(jn_act_voice_supervise(w.v, ix, OTHER_BOSS, JN_WATCH_BARGE, true), -EBUSY, "one a call");
    cr_assert_eq(jn_act_voice_supervise(w.v, ix, OTHER_BOSS, JN_WATCH_NONE, false), -EBUSY, "another's");
    cr_assert_eq(jn_act_voice_supervise(w.v, ix, OTHER_BOSS, JN_WATCH_NONE, true), 0, "an administrator may");
    end_world();
}

Test(act_voice_watch, it_goes_by_the_api_by_its_phone_and_with_the_call)
{
    for (unsigned how = 0; how < 3; how++) {
        uint64_t ix;
        world(true, 0);
        uint64_t phone = watched(&ix, JN_WATCH_BARGE);
        if (how == 0) {
            cr_assert_eq(supervise(ix, JN_WATCH_NONE), 0);
        } else if (how == 1) {
            ended(phone, JN_SIP_END_BYE, 0);
        } else {
            command(JN_CMD_CLOSED, ix, 101, 0, JN_OUT_ANSWERED, JN_WHY_AGENT);
        }
        told(JN_WATCH_ENDED, JN_WATCH_BARGE, how == 2 ? JN_WHY_NONE : JN_WHY_AGENT);
        cr_assert(how == 1 || w.sip[phone].hung_up, "its phone gets a BYE");
        cr_assert_eq(jn_act_voice_calls(w.v), 1u);
        cr_assert_eq(jn_act_voice_counts(w.v)->watched_now, 0);
        if (how < 2) { /* and may come again */
            workers_settle();
            sip_settles();
            cr_assert_eq(supervise(ix, JN_WATCH_LISTEN), 0);
        }
        end_world();
    }
}

Test(act_voice_watch, it_stays_through_hold_and_the_queue)
{
    uint64_t ix;
    world(false, 0);
    uint64_t phone = watched(&ix, JN_WATCH_LISTEN);
    command(JN_CMD_HOLD, ix, 101, 0, 0, 0);
    cr_assert(!w.sip[phone].hung_up);
    command(JN_CMD_RESUME, ix, 101, 0, 0, 0);
    command(JN_CMD_QUEUED, ix, 0, 1, 0, JN_WHY_TRANSFER);
    cr_assert(!w.sip[phone].hung_up);
    cr_assert_eq(supervise(ix, JN_WATCH_BARGE), 0, "and changes its mode there");
    command(JN_CMD_OFFER, ix, 103, 0, 0, 0);
    workers_settle();
    cr_assert(!w.sip[phone].hung_up);
    end_world();
}

Test(act_voice_watch, its_phone_may_hold_and_press_digits_without_a_word_to_the_call)
{
    uint64_t ix;
    world(false, 0);
    uint64_t phone = watched(&ix, JN_WATCH_LISTEN);
    unsigned events = w.events, plays = orders_of(JN_ORDER_PLAY);
    uint64_t digits = jn_act_voice_counts(w.v)->digits;
    reinvite(phone, SDP_BOTH "a=sendonly\r\n");
    cr_assert_eq(w.sip[phone].answers, 1u);
    cr_assert(w.events == events && orders_of(JN_ORDER_PLAY) == plays, "the call is not on hold");
    struct jn_fact f = {.kind = JN_FACT_DIGIT, .leg = w.last_media, .digit.digit = '5'};
    jn_act_voice_fact(w.v, &f);
    cr_assert_eq(jn_act_voice_counts(w.v)->digits, digits);
    end_world();
}

Test(act_voice_watch, a_phone_that_does_not_come_is_given_up)
{
    static const struct {
        enum jn_sip_end how;
        int status;
        enum jn_why why;
    } ends[] = {{JN_SIP_END_REFUSED, 486, JN_WHY_PHONE_BUSY},
                {JN_SIP_END_REFUSED, 603, JN_WHY_PHONE_REJECT},
                {JN_SIP_END_TIMEOUT, 408, JN_WHY_UNREACHABLE}};
    uint64_t ix, caller, agent;
    world(false, 0);
    ix = talking(&caller, &agent);
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        cr_assert_eq(supervise(ix, JN_WATCH_LISTEN), 0);
        workers_settle();
        ended(w.last_sip, ends[i].how, ends[i].status);
        told(JN_WATCH_ENDED, JN_WATCH_LISTEN, ends[i].why);
        workers_settle();
    }
    cr_assert_eq(supervise(ix, JN_WATCH_LISTEN), 0);
    workers_settle();
    tick_ms(61000);
    told(JN_WATCH_ENDED, JN_WATCH_LISTEN, JN_WHY_NO_ANSWER);
    sip_settles();
    workers_settle();
    cr_assert_eq(supervise(ix, JN_WATCH_LISTEN), 0);
    no_port(w.last_media);
    told(JN_WATCH_ENDED, JN_WATCH_LISTEN, JN_WHY_BUSY);
    w.no_legs = true;
    cr_assert_eq(supervise(ix, JN_WATCH_LISTEN), 0);
    workers_settle();
    told(JN_WATCH_ENDED, JN_WATCH_LISTEN, JN_WHY_BUSY);
    w.no_legs = false;
    workers_settle();
    cr_assert_eq(supervise(ix, JN_WATCH_LISTEN), 0);
    workers_settle();
    lifted(w.last_sip, SDP_ALIEN);
    told(JN_WATCH_ENDED, JN_WATCH_LISTEN, JN_WHY_MEDIA);
    cr_assert_eq(jn_act_voice_counts(w.v)->watched, 0);
    end_world();
}

Test(act_voice_watch, let_go_while_it_is_being_called_it_is_hung_up_when_it_answers)
{
    uint64_t ix, caller, agent;
    world(false, 0);
    ix = talking(&caller, &agent);
    supervise(ix, JN_WATCH_LISTEN);
    supervise(ix, JN_WATCH_NONE); /* before a port was found */
    workers_settle();
    supervise(ix, JN_WATCH_LISTEN);
    workers_settle();
    uint64_t phone = w.last_sip;
    supervise(ix, JN_WATCH_NONE);
    lifted(phone, SDP_BOTH); /* crosses */
    cr_assert(w.sip[phone].hung_up);
    cr_assert_eq(orders_of(JN_ORDER_ROOM_JOIN), 2u, "it joins nothing");
    end_world();
}

Test(act_voice_watch, a_whisper_is_for_an_agent_and_for_whoever_comes_after)
{
    uint64_t ix;
    world(false, 0);
    watched(&ix, JN_WATCH_WHISPER);
    command(JN_CMD_QUEUED, ix, 0, 1, 0, JN_WHY_TRANSFER);
    tick_ms(50);
    cr_assert_eq(last_order(JN_ORDER_SPEAK)->hear.tracks, 0, "nobody is there");
    command(JN_CMD_OFFER, ix, 103, 0, 0, 0);
    tick_ms(50);
    cr_assert_eq(last_order(JN_ORDER_SPEAK)->hear.tracks, AGENT);
    unsigned n = orders_of(JN_ORDER_SPEAK);
    tick_ms(50);
    cr_assert_eq(orders_of(JN_ORDER_SPEAK), n, "said once");
    workers_settle();
    end_world();
}
