/* Everything that can happen to calls, in any order: callers, phones, workers and the router act at random, seeded;
 * full mailboxes come and go. Afterwards every admitted call had exactly one last word, every port was closed once, and
 * every place that was kept was used or given back. */
#include "engine/base/log.h"
#include "engine/base/rand.h"
#include "tests/engine/act/voice_outside.h"

TestSuite(act_voice_random, .timeout = 60);

/* What a router would know of one interaction. */
struct known {
    uint64_t ix, agent, consult;
    enum { K_WAITING, K_OFFERED, K_CONNECTED, K_DIALS, K_CLOSED } state;
};
static struct {
    uint64_t seed;
    struct known known[4096];
    unsigned n, heard, closed_by_router, before_queue;
    unsigned endings_of[4096], told[JN_EV_KIND_N];
    unsigned asked; /* moves that were taken: each is answered once */
} r;

/* Over all stories. */
static unsigned before_queue, lines_up, lines_lost, outs_answered, moved[JN_EV_KIND_N];

static unsigned roll(unsigned n)
{
    return (unsigned)(jn_splitmix(&r.seed) % n);
}

static struct known *find(uint64_t ix)
{
    for (unsigned i = 0; i < r.n; i++)
        if (r.known[i].ix == ix)
            return &r.known[i];
    return NULL;
}

static void settled(const struct jn_event *ev, uint8_t why)
{
    struct jn_command c = {.kind = why ? JN_CMD_REFUSED : JN_CMD_DONE, .token = ev->token, .why = why};
    c.maker = JN_MAKER_SIP;
    c.row = (struct jn_ix_row){.id = ev->ix.ix, .tenant = TENANT, .channel = JN_CH_VOICE};
    if (ev->token)
        jn_act_voice_command(w.v, &c);
}

static void about(uint8_t kind, const struct known *k, uint64_t agent, uint8_t why)
{
    struct jn_command c = {.kind = kind, .agent = agent, .why = why};
    c.row = (struct jn_ix_row){
        .id = k->ix, .tenant = TENANT, .agent = k->agent, .consult = k->consult, .channel = JN_CH_VOICE};
    jn_act_voice_command(w.v, &c);
}

static void unconsult(struct known *k)
{
    uint64_t asked = k->consult;
    k->consult = 0;
    if (asked)
        about(JN_CMD_CONSULT_END, k, asked, JN_WHY_AGENT);
}

static void calls_out(const struct jn_event *ev)
{
    cr_assert_null(find(ev->ix.ix), "called out twice");
    if (!roll(6)) {
        settled(ev, JN_WHY_BUSY);
        return;
    }
    cr_assert_lt(r.n, 4096u);
    r.known[r.n] = (struct known){.ix = ev->ix.ix, .agent = ev->ix.agent, .state = K_DIALS};
    about(JN_CMD_CALL, &r.known[r.n++], 0, 0);
    settled(ev, 0);
}

/* Transfer, consult, handover, leave: as router/core does it, or not at all. */
static void moves(struct known *k, const struct jn_event *ev)
{
    bool mine = k->state == K_CONNECTED && k->agent == ev->ix.agent && ev->ix.agent;
    if (ev->kind == JN_EV_CONSULT_END) {
        unconsult(k);
        return;
    }
    if (!mine || !roll(5) || (ev->kind == JN_EV_CONSULT && k->consult) || (ev->kind == JN_EV_HANDOVER && !k->consult)) {
        settled(ev, JN_WHY_BUSY);
        return;
    }
    moved[ev->kind]++;
    if (ev->kind == JN_EV_CONSULT) {
        k->consult = ev->ix.to && ev->ix.to != k->agent ? ev->ix.to : k->agent == 102 ? 103 : 102;
        about(JN_CMD_CONSULT, k, 0, 0);
    } else if (ev->kind == JN_EV_HANDOVER) {
        k->agent = k->consult;
        k->consult = 0;
        about(JN_CMD_CONNECT, k, 0, JN_WHY_TRANSFER);
    } else if (ev->kind == JN_EV_LEAVE) {
        unconsult(k);
        k->agent = 0;
        about(JN_CMD_RECORD, k, 0, JN_WHY_TRANSFER);
    } else {
        unconsult(k);
        k->state = K_WAITING;
        about(JN_CMD_QUEUED, k, 0, JN_WHY_TRANSFER);
        if (ev->kind == JN_EV_TRANSFER) {
            k->state = K_OFFERED;
            k->agent = ev->ix.to;
            about(JN_CMD_OFFER, k, 0, 0);
        }
    }
    settled(ev, 0);
}

/* The router takes what it was sent. */
static void router_listens(void)
{
    for (; r.heard < w.events; r.heard++) {
        const struct jn_event *ev = &w.event[r.heard];
        if (ev->kind == JN_EV_ARRIVE) {
            cr_assert_null(find(ev->arrive.ix), "arrived twice");
            cr_assert_lt(r.n, 4096u);
            r.known[r.n] = (struct known){.ix = ev->arrive.ix};
            if (w.ending[r.heard]) { /* gone while it was greeted: the first word is the last one */
                if (ev->arrive.queue)
                    cr_assert_eq(ev->why, JN_WHY_CUSTOMER);
                else
                    r.before_queue++; /* or it never came to a queue */
                r.known[r.n].state = K_CLOSED;
                r.endings_of[r.n] = 1;
            }
            r.n++;
            continue;
        }
        if (ev->kind == JN_EV_NOT_READY)
            continue; /* a nailed-up line is gone */
        if (ev->kind == JN_EV_CALL_OUT) {
            calls_out(ev);
            continue;
        }
        struct known *k = find(ev->ix.ix);
        cr_assert_not_null(k, "an event about an interaction that never arrived");
        if (w.ending[r.heard]) {
            cr_assert_eq(++r.endings_of[k - r.known], 1u, "two last words about one call");
            bool open = k->state != K_CLOSED;
            if (open)
                unconsult(k);
            k->state = K_CLOSED;
            if (open)
                command(JN_CMD_CLOSED, k->ix, k->agent, 0, JN_OUT_ANSWERED, ev->why);
        } else if (ev->kind >= JN_EV_TRANSFER || (ev->kind == JN_EV_REQUEUE && ev->token)) {
            moves(k, ev);
        } else if (ev->kind == JN_EV_ACCEPT && k->state == K_DIALS) {
            k->state = K_CONNECTED;
            outs_answered++;
            command(JN_CMD_CONNECT, k->ix, k->agent, 0, 0, 0);
        } else if (ev->kind == JN_EV_ACCEPT) {
            if (k->state == K_OFFERED && k->agent == ev->ix.agent && roll(8)) {
                k->state = K_CONNECTED;
                command(JN_CMD_CONNECT, k->ix, k->agent, 0, 0, 0);
            } else {
                command(JN_CMD_REFUSED, k->ix, 0, 0, 0, JN_WHY_BAD_STATE);
            }
        } else if ((ev->kind == JN_EV_REFUSE && k->state == K_OFFERED) ||
                   (ev->kind == JN_EV_REQUEUE && k->state == K_CONNECTED)) {
            unconsult(k);
            k->state = K_WAITING;
            command(JN_CMD_QUEUED, k->ix, 0, 1 + roll(30), 0, ev->why);
        }
    }
}

static void router_acts(void)
{
    if (!r.n)
        return;
    struct known *k = &r.known[r.n - 1 - roll(r.n < 12 ? r.n : 12)];
    uint64_t agent = 101 + roll(5);
    if (!roll(8)) /* a supervisor comes, changes the mode, goes, or is refused */
        jn_act_voice_supervise(w.v, k->ix, 101 + roll(5), (enum jn_watch_mode)roll(JN_WATCH_N), roll(2));
    if (!roll(12))
        agent_is(roll(2) ? A_NAILED : A_DESK, roll(3) ? JN_AGENT_READY : JN_AGENT_LOGGED_OUT);
    switch (roll(9)) {
    case 0:
        if (k->state == K_WAITING)
            command(JN_CMD_QUEUED, k->ix, 0, 1 + roll(900), 0, 0);
        break;
    case 1:
        command(JN_CMD_POSITION, k->ix, 0, 1 + roll(30), 0, 0);
        break;
    case 2:
    case 3:
        if (k->state == K_WAITING) {
            k->state = K_OFFERED;
            k->agent = agent;
            command(JN_CMD_OFFER, k->ix, agent, 0, 0, 0);
        }
        break;
    case 4:
        if (k->state == K_OFFERED) {
            k->state = K_WAITING;
            command(JN_CMD_OFFER_CANCEL, k->ix, k->agent, 0, 0, JN_WHY_NO_ANSWER);
            if (roll(2))
                command(JN_CMD_QUEUED, k->ix, 0, 1, 0, JN_WHY_NO_ANSWER);
        }
        break;
    case 5:
        if (k->state == K_OFFERED && !roll(3)) { /* taken at the desk */
            k->state = K_CONNECTED;
            command(JN_CMD_CONNECT, k->ix, k->agent, 0, 0, 0);
        }
        break;
    case 6:
        if (k->state != K_CLOSED && !roll(10)) {
            k->state = K_CLOSED;
            r.closed_by_router++;
            command(JN_CMD_CLOSED, k->ix, k->agent, 0, roll(2) ? JN_OUT_REJECTED : JN_OUT_LOST, JN_WHY_MAX_WAIT);
        }
        break;
    case 7:
        if (k->state == K_CONNECTED && !roll(2)) { /* who is asked logs out */
            unconsult(k);
        } else if (k->state == K_CONNECTED && !roll(6)) {
            unconsult(k);
            k->state = K_WAITING;
            command(JN_CMD_QUEUED, k->ix, 0, 1, 0, JN_WHY_TRANSFER);
        }
        break;
    default: /* a word about something long over, or that does not fit */
        if (roll(6))
            break;
        command((uint8_t)(JN_CMD_QUEUED + roll(8)), k->ix, agent, roll(3), JN_OUT_REJECTED, JN_WHY_BUSY);
        if (k->state != K_CLOSED) { /* the router itself never says so; follow it all the same */
            k->state = K_CLOSED;
            command(JN_CMD_CLOSED, k->ix, k->agent, 0, JN_OUT_LOST, JN_WHY_CRASH);
        }
        break;
    }
}

static void calls_move(void)
{
    static const char *const numbers[] = {"+4930", "+491", "+1", "nonsense", NULL, NULL};
    struct known *k = NULL;
    for (unsigned i = 0; r.n && i < 20 && (!k || k->state != K_CONNECTED || (!k->consult && !roll(3))); i++)
        k = &r.known[r.n - 1 - roll(r.n < 30 ? r.n : 30)];
    struct jn_voice_move m = {.agent = k && roll(6) ? k->agent : 101 + roll(3), .ask = &w.asks[r.asked]};
    uint64_t agent = 101 + roll(5);
    m.what = k && k->consult && roll(3) ? JN_MOVE_COMPLETE : (int)(roll(3) ? roll(3) : roll(5));
    m.ix = k ? k->ix : 0;
    m.number = numbers[roll(6)];
    m.to = m.number || roll(3) == 0 ? 0 : agent;
    m.queue = m.number || m.to ? 0 : roll(2) ? Q_FULL : Q_BARE;
    if (m.what == JN_MOVE_CALL && (w.last_sip > SIPS - 4 || roll(3)))
        return;
    if (m.what == JN_MOVE_COMPLETE || m.what == JN_MOVE_CANCEL)
        m.number = NULL;
    r.asked += !jn_act_voice_move(w.v, &m);
}

static void peer_refers(uint64_t leg)
{
    static const char *const to[] = {"1002", "1003", "100", "+4930", "+1", "nobody"};
    struct jn_sip_refer refer = {.to_user = to[roll(6)], .to_host = "acme.test", .ours = roll(4) != 0};
    for (uint64_t other = leg > 12 ? leg - 12 : 1; other < leg + 12 && other <= w.last_sip && !refer.replaces; other++)
        if (other != leg && w.sip[other].state == F_UP && w.sip[other].agent && w.sip[other].agent == w.sip[leg].agent)
            refer.replaces = other; /* the phone's other dialog */
    w.sink.refer(w.sink.arg, leg, &refer);
}

static void peer_acts(uint64_t leg)
{
    static const char *const sdps[] = {
        SDP_BOTH, SDP_PCMA, SDP_ALIEN, SDP_BOTH "a=sendonly\r\n", SDP_BOTH "a=inactive\r\n", NULL, "nonsense"};
    static const int statuses[] = {486, 603, 408, 480, 503, 600};
    const char *sdp = sdps[roll(4) ? 0 : roll(7)];
    struct fake_sip *f = &w.sip[leg];
    if (f->state != F_OVER && f->hung_up && roll(3)) {
        ended(leg, JN_SIP_END_BYE, f->refused);
        return;
    }
    switch (f->state) {
    case F_IN:
        if (!roll(10))
            ended(leg, JN_SIP_END_CANCEL, 0);
        break;
    case F_IN_OK:
        if (roll(10))
            confirmed(leg, roll(2) ? sdp : NULL);
        else
            ended(leg, roll(2) ? JN_SIP_END_TIMEOUT : JN_SIP_END_BYE, 0);
        break;
    case F_UP:
        if (!roll(16))
            ended(leg, JN_SIP_END_BYE, 0);
        else if (!roll(2) && !f->reinvited)
            reinvite(leg, sdp);
        else if (!roll(8))
            peer_refers(leg);
        else if (!roll(3))
            w.sink.confirmed(w.sink.arg, leg, sdp);
        break;
    case F_OUT:
        if (roll(3) == 0)
            w.sink.ringing(w.sink.arg, leg);
        else if (roll(4) == 0)
            w.sink.early(w.sink.arg, leg, sdp ? sdp : SDP_BOTH);
        else if (roll(3))
            lifted(leg, sdp);
        else
            ended(leg, roll(4) ? JN_SIP_END_REFUSED : JN_SIP_END_TIMEOUT, statuses[roll(6)]);
        break;
    default:
        break;
    }
}

static void worker_acts(uint64_t leg)
{
    struct fake_media *m = &w.media[leg];
    if (!m->opens)
        return;
    if (!m->opened_told && !m->refused) {
        if (roll(12))
            opened(leg);
        else
            no_port(leg);
    } else if (m->closes && !m->closed_told) {
        closed(leg);
    } else if (m->opened_told && !roll(6)) {
        static const uint8_t kinds[] = {JN_FACT_DIGIT,       JN_FACT_LEG_SILENT,  JN_FACT_LEG_LATCHED, JN_FACT_REFUSED,
                                        JN_FACT_ROOM_CLOSED, JN_FACT_LEG_TROUBLE, JN_FACT_LEG_QUALITY};
        struct jn_fact f = {.kind = kinds[roll(sizeof kinds)], .worker = m->worker, .leg = leg, .room = m->room};
        if (f.kind == JN_FACT_LEG_SILENT && roll(30))
            f.kind = JN_FACT_DIGIT;
        if (f.kind == JN_FACT_LEG_TROUBLE) {
            f.trouble.what = (uint8_t)roll(JN_TROUBLE_N + 1);
            f.trouble.on = roll(2);
        }
        if (f.kind == JN_FACT_DIGIT)
            f.digit.digit = (char)('0' + roll(10));
        jn_act_voice_fact(w.v, &f);
    }
}

static void one_step(void)
{
    static const char *const numbers[] = {"100", "200", "999", "300", "400", "500"};
    static const char *const dialled[] = {"+49309", "+49309", "+19", "1002", "1003", "200"};
    uint64_t sip_lo = w.last_sip > 30 ? w.last_sip - 30 : 0, media_lo = w.last_media > 30 ? w.last_media - 30 : 0;
    switch (roll(11)) {
    case 10:
        calls_move();
        break;
    case 0:
        if (w.last_sip < SIPS - 2 && !roll(5))
            phone_dials(roll(3) ? 101 : 101 + roll(3), dialled[roll(6)], roll(8) ? SDP_BOTH : NULL);
        else if (w.last_sip < SIPS - 2 && !roll(3))
            invite(numbers[roll(12) < 4 ? 0 : roll(6)], roll(12) ? SDP_BOTH : roll(2) ? NULL : SDP_ALIEN);
        break;
    case 1:
    case 2:
    case 3:
        if (w.last_sip)
            peer_acts(sip_lo + 1 + roll((unsigned)(w.last_sip - sip_lo)));
        break;
    case 4:
    case 5:
        if (w.last_media)
            worker_acts(media_lo + 1 + roll((unsigned)(w.last_media - media_lo)));
        break;
    case 6:
    case 7:
        router_acts();
        break;
    case 8:
        calls_move();
        if (orders_of(JN_ORDER_PLAY))
            play_done();
        if (r.n)
            jn_act_voice_control(w.v, r.known[r.n - 1 - roll(r.n < 12 ? r.n : 12)].ix, 101 + roll(5),
                                 roll(8) ? 1 + (int)roll(2) : 0);
        break;
    default:
        tick_ms(roll(20) ? 50 : 20000);
        w.event_full = roll(8) == 0;
        w.order_full = roll(16) == 0;
        w.leg_full = roll(16) == 0;
        w.admit_full = roll(16) == 0;
        w.no_legs = roll(16) == 0;
        w.trunk_rc = roll(12) == 0 ? -ENOENT : roll(16) == 0 ? -EBUSY : 0;
        w.unregistered_mask = roll(6) == 0 ? 1u << roll(5) : 0;
        break;
    }
    router_listens();
}

/* A random walk that never gets anywhere would prove nothing. */
static void all_was_visited(void)
{
    cr_assert(before_queue > 50 && lines_up > 50 && lines_lost > 50, "before a queue %u, lines %u, lost %u",
              before_queue, lines_up, lines_lost);
    cr_assert(outs_answered > 10 && moved[JN_EV_CONSULT] > 20 && moved[JN_EV_HANDOVER] > 2 && moved[JN_EV_LEAVE] > 5 &&
                  moved[JN_EV_TRANSFER] > 20 && moved[JN_EV_REQUEUE] > 20,
              "calls out %u, consults %u, handed over %u, left %u, transferred %u and %u", outs_answered,
              moved[JN_EV_CONSULT], moved[JN_EV_HANDOVER], moved[JN_EV_LEAVE], moved[JN_EV_TRANSFER],
              moved[JN_EV_REQUEUE]);
    static const uint8_t kinds[] = {JN_EV_ARRIVE, JN_EV_ACCEPT,  JN_EV_REFUSE,        JN_EV_HOLD,
                                    JN_EV_RESUME, JN_EV_REQUEUE, JN_EV_CUSTOMER_LEFT, JN_EV_END};
    for (unsigned i = 0; i < sizeof kinds; i++)
        cr_assert_gt(r.told[kinds[i]], 20u, "event kind %u was told %u times only", kinds[i], r.told[kinds[i]]);
}

static void story(uint64_t seed, bool spread)
{
    unsigned told[JN_EV_KIND_N];
    memcpy(told, r.told, sizeof told);
    memset(&r, 0, sizeof r);
    memcpy(r.told, told, sizeof told);
    r.seed = seed;
    jn_log_level_set(JN_LOG_ERROR);
    world(spread, 30);
    unsigned steps = 4000;
    for (unsigned i = 0; i < steps && w.orders < ORDERS - 500 && w.events < EVENTS - 100; i++)
        one_step();
    w.event_full = w.order_full = w.leg_full = w.admit_full = false;
    /* The end of the day: everybody is hung up, and the router hears of each that it still had. */
    jn_act_voice_end_all(w.v);
    for (int i = 0; i < 4; i++) {
        tick_ms(50); /* what a full mailbox held back */
        sip_settles();
        workers_settle();
        router_listens();
    }
    all_is_settled();
    for (unsigned i = 0; i < w.events; i++)
        r.told[w.event[i].kind]++;
    before_queue += r.before_queue;
    lines_up += (unsigned)jn_act_voice_counts(w.v)->lines_up;
    lines_lost += (unsigned)jn_act_voice_counts(w.v)->lines_lost;
    for (unsigned i = 0; i < r.asked; i++)
        cr_assert_eq(w.asks[i], 1, "move %u was not answered", i);
    cr_assert_eq(w.answers, r.asked, "%u moves asked for, %u answered", r.asked, w.answers);
    cr_assert_eq(w.rows, r.n, "%u interactions, %u rows", r.n, w.rows);
    for (unsigned i = 0; i < r.n; i++)
        cr_assert_eq(r.known[i].state, K_CLOSED, "an interaction was left open in the router");
    destroy();
}

Test(act_voice_random, nothing_is_lost_or_doubled_on_one_worker)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        story(seed, false);
    all_was_visited();
}

Test(act_voice_random, nothing_is_lost_or_doubled_across_workers)
{
    for (uint64_t seed = 1001; seed <= 1060; seed++)
        story(seed, true);
    all_was_visited();
}
