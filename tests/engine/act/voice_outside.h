/* Voice outside: what callers, phones, workers and the router do to the world of voice_world.h, in words that tests can
 * be read by. */
#ifndef JN_TEST_VOICE_OUTSIDE_H
#define JN_TEST_VOICE_OUTSIDE_H

#include "tests/engine/act/voice_world.h"

/* ---- what the outside does ---- */

#define SDP_HEAD  "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
#define SDP_BOTH  SDP_HEAD "m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
#define SDP_PCMA  SDP_HEAD "m=audio 40000 RTP/AVP 8\r\n"
#define SDP_ALIEN SDP_HEAD "m=audio 40000 RTP/AVP 97\r\na=rtpmap:97 weird/8000\r\n"

static uint64_t invite(const char *number, const char *sdp)
{
    cr_assert_lt(w.last_sip + 1, (uint64_t)SIPS);
    uint64_t leg = ++w.last_sip;
    w.sip[leg] = (struct fake_sip){.state = F_IN};
    struct jn_sip_invite in = {.leg = leg,
                               .tenant = TENANT,
                               .srtp = JN_SRTP_OFF,
                               .from_user = "4930123",
                               .from_display = "Ann",
                               .to_user = number,
                               .call_id = "call@test",
                               .sdp = sdp};
    w.sink.invite(w.sink.arg, &in);
    return leg;
}
/* An agent's phone dials. */
static __attribute__((unused)) uint64_t phone_dials(uint64_t agent, const char *number, const char *sdp)
{
    uint64_t leg = ++w.last_sip;
    w.sip[leg] = (struct fake_sip){.state = F_IN, .agent = agent};
    struct jn_sip_invite in = {.leg = leg,
                               .tenant = TENANT,
                               .agent = agent,
                               .from_user = "1001",
                               .from_display = "",
                               .to_user = number,
                               .number = number,
                               .call_id = "phone@test",
                               .sdp = sdp};
    w.sink.invite(w.sink.arg, &in);
    return leg;
}
static void ended(uint64_t leg, enum jn_sip_end how, int status)
{
    struct fake_sip *f = sip_at(leg);
    if (f->state == F_OVER)
        return;
    f->state = F_OVER;
    cr_assert_eq(++f->ends, 1u);
    w.sink.ended(w.sink.arg, leg, how, status);
}
static __attribute__((unused)) void confirmed(uint64_t leg, const char *sdp)
{
    cr_assert_eq(sip_at(leg)->state, F_IN_OK);
    sip_at(leg)->state = F_UP;
    w.sink.confirmed(w.sink.arg, leg, sdp);
}
static __attribute__((unused)) void lifted(uint64_t leg, const char *sdp)
{
    cr_assert_eq(sip_at(leg)->state, F_OUT);
    sip_at(leg)->state = F_UP;
    w.sink.answered(w.sink.arg, leg, sdp);
}
static __attribute__((unused)) void reinvite(uint64_t leg, const char *sdp)
{
    sip_at(leg)->reinvited = true;
    w.sink.reinvite(w.sink.arg, leg, sdp);
}
/* Everything that was hung up or refused says so. */
static void sip_settles(void)
{
    for (uint64_t i = 1; i <= w.last_sip; i++)
        if (w.sip[i].state != F_OVER && w.sip[i].hung_up)
            ended(i, w.sip[i].state == F_UP ? JN_SIP_END_BYE : JN_SIP_END_CANCEL, w.sip[i].refused);
}
static void opened(uint64_t leg)
{
    struct fake_media *m = &w.media[leg];
    cr_assert(m->opens && !m->opened_told && !m->refused);
    m->opened_told = true;
    struct jn_fact f = {.kind = JN_FACT_LEG_OPENED, .worker = m->worker, .token = leg, .leg = leg, .room = m->room};
    jn_addr_parse(&f.opened.rtp, "127.0.0.1", (uint16_t)(30000 + leg % 1000 * 2));
    jn_act_voice_fact(w.v, &f);
}
static __attribute__((unused)) void no_port(uint64_t leg)
{
    struct fake_media *m = &w.media[leg];
    m->refused = true;
    struct jn_fact f = {.kind = JN_FACT_LEG_REFUSED, .worker = m->worker, .token = leg, .leg = leg, .room = m->room};
    jn_act_voice_fact(w.v, &f);
}
static void closed(uint64_t leg)
{
    struct fake_media *m = &w.media[leg];
    cr_assert_eq(m->closes, 1u);
    if (m->closed_told++)
        return;
    struct jn_fact f = {.kind = JN_FACT_LEG_CLOSED, .worker = m->worker, .token = leg, .leg = leg, .room = m->room};
    f.stats = (struct jn_leg_stats){.rx_packets = 100, .tx_packets = 90, .lost = 1, .mos_x100 = 420};
    jn_act_voice_fact(w.v, &f);
}
/* Workers do what they were told. */
static void workers_settle(void)
{
    for (uint64_t i = 1; i <= w.last_media; i++) {
        struct fake_media *m = &w.media[i];
        if (m->opens && !m->opened_told && !m->refused)
            opened(i);
        if (m->closes && !m->closed_told)
            closed(i);
    }
}
static __attribute__((unused)) void command(uint8_t kind, uint64_t ix, uint64_t agent, uint32_t position,
                                            uint8_t outcome, uint8_t why)
{
    struct jn_command c = {.kind = kind, .agent = agent, .why = why, .maker = JN_MAKER_SIP};
    if (kind == JN_CMD_REFUSED || kind == JN_CMD_DONE) {
        c.token = ix;
    } else {
        c.row = (struct jn_ix_row){.id = ix, .tenant = TENANT, .agent = agent, .channel = JN_CH_VOICE};
        c.row.position = position;
        c.row.outcome = outcome;
        c.row.why = why;
    }
    jn_act_voice_command(w.v, &c);
}
static __attribute__((unused)) void play_done(void)
{
    for (unsigned i = w.orders; i-- > 0;)
        if (w.order[i].kind == JN_ORDER_PLAY) {
            struct jn_fact f = {.kind = JN_FACT_PLAY_DONE,
                                .worker = w.order_worker[i],
                                .token = w.order[i].token,
                                .leg = w.order[i].leg,
                                .room = w.order[i].room};
            jn_act_voice_fact(w.v, &f);
            return;
        }
}
/* An agent's row, as the router tells it. */
static __attribute__((unused)) void agent_is(uint64_t agent, uint8_t state)
{
    struct jn_command c = {.kind = JN_CMD_AGENT};
    c.agent_row = (struct jn_agent_row){.id = agent, .tenant = TENANT, .state = state};
    jn_act_voice_command(w.v, &c);
}
static __attribute__((unused)) void digit(uint64_t media, char d)
{
    struct jn_fact f = {.kind = JN_FACT_DIGIT, .worker = w.media[media].worker, .leg = media, .digit.digit = d};
    jn_act_voice_fact(w.v, &f);
}
/* How many orders of that kind were given. */
static __attribute__((unused)) unsigned orders_of(enum jn_order_kind kind)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w.orders; i++)
        n += w.order[i].kind == kind;
    return n;
}
static __attribute__((unused)) const struct jn_order *last_order(enum jn_order_kind kind)
{
    for (unsigned i = w.orders; i-- > 0;)
        if (w.order[i].kind == kind)
            return &w.order[i];
    cr_assert_fail("no order of kind %d", (int)kind);
    return NULL;
}

/* The tracks that a media leg was last told to hear; ~0: nothing was said. */
static inline unsigned hears(uint64_t media)
{
    for (unsigned i = w.orders; i-- > 0;)
        if (w.order[i].kind == JN_ORDER_HEAR && w.order[i].leg == media)
            return w.order[i].hear.tracks;
    return ~0u;
}
static __attribute__((unused)) const struct jn_event *last_event(void)
{
    cr_assert_gt(w.events, 0u, "the router heard nothing");
    return &w.event[w.events - 1];
}
static __attribute__((unused)) const char *playing(void)
{
    const struct jn_order *o = last_order(JN_ORDER_PLAY);
    return w.sounds.at[o->play.sound[0]].name;
}
/* Ends the world: whoever is left is hung up, everything settles, nothing may be left over. */
static __attribute__((unused)) void end_world(void)
{
    jn_act_voice_end_all(w.v);
    for (int i = 0; i < 4; i++) {
        sip_settles();
        workers_settle();
    }
    all_is_settled();
    destroy();
}

/* A caller in the queue; its interaction. */
static __attribute__((unused)) uint64_t waiting_caller(const char *number, uint64_t *leg)
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
static __attribute__((unused)) uint64_t talking(uint64_t *caller, uint64_t *agent)
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
static __attribute__((unused)) const struct jn_event *the_ending(void)
{
    for (unsigned i = 0; i < w.events; i++)
        if (w.ending[i])
            return &w.event[i];
    cr_assert_fail("no ending event");
    return NULL;
}

#endif
