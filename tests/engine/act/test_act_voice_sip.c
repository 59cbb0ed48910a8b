/* act_voice on the real SIP stack: callers and phones are sockets on loopback; workers and the router are small enough
 * to see through, and live on the signalling thread as mail. */
#include "engine/act/act_voice.h"
#include "tests/engine/sip/peer.h"
#include <stdatomic.h>

TestSuite(act_voice_sip, .timeout = 60);

static struct {
    struct jn_act_voice *v;
    struct jn_sounds sounds;
    struct jn_order order[1024];
    uint8_t worker[1024];
    struct jn_event event[256];
    unsigned orders, orders_done, events, events_done, kept, used, admitted, released, endings;
    uint64_t offered;
    _Atomic unsigned calls, rows, dialogs, arrived, accepted, refused, held, resumed, ended_why, left;
    bool stop;
} s;

static int on_admit(void *arg)
{
    (void)arg;
    s.admitted++;
    return 0;
}
static void on_release(void *arg)
{
    (void)arg;
    s.released++;
}
static int on_event(void *arg, const struct jn_event *ev, bool ending)
{
    (void)arg;
    s.endings += ending;
    s.event[s.events++ % 256] = *ev;
    return 0;
}
static int on_admit_leg(void *arg, unsigned worker, unsigned places)
{
    (void)arg, (void)worker;
    s.kept += places;
    return 0;
}
static void on_release_leg(void *arg, unsigned worker, unsigned places)
{
    (void)arg, (void)worker;
    s.used += places;
}
static int on_order(void *arg, unsigned worker, const struct jn_order *o)
{
    (void)arg;
    s.used += o->kind == JN_ORDER_LEG_CLOSE || o->kind == JN_ORDER_ROOM_LEAVE || o->kind == JN_ORDER_ROOM_CLOSE;
    s.worker[s.orders % 1024] = (uint8_t)worker;
    s.order[s.orders++ % 1024] = *o;
    return 0;
}
static void on_row(void *arg, const struct jn_call_row *row)
{
    (void)arg, (void)row;
    s.rows++;
}
static void on_dialog(void *arg, const struct jn_sip_dialog *d)
{
    (void)arg, (void)d;
    s.dialogs++;
}
static void on_dialog_del(void *arg, uint64_t leg)
{
    (void)arg, (void)leg;
    s.dialogs--;
}

static void a_worker(const struct jn_order *o, unsigned worker)
{
    struct jn_fact f = {.worker = (uint8_t)worker, .token = o->token, .leg = o->leg, .room = o->room};
    if (o->kind == JN_ORDER_LEG_OPEN) {
        f.kind = JN_FACT_LEG_OPENED;
        jn_addr_parse(&f.opened.rtp, "127.0.0.1", (uint16_t)(30000 + o->leg * 2));
    } else if (o->kind == JN_ORDER_LEG_CLOSE) {
        f.kind = JN_FACT_LEG_CLOSED;
    } else if (o->kind == JN_ORDER_PLAY && !o->play.loop) {
        f.kind = JN_FACT_PLAY_DONE;
    } else {
        return;
    }
    jn_act_voice_fact(s.v, &f);
}

static void tell(uint8_t kind, uint64_t ix, uint64_t agent)
{
    struct jn_command c = {.kind = kind, .maker = JN_MAKER_SIP, .agent = agent};
    c.row = (struct jn_ix_row){.id = ix, .tenant = 7, .queue = 50, .agent = agent, .channel = JN_CH_VOICE};
    c.row.position = 1;
    c.row.outcome = JN_OUT_ANSWERED;
    jn_act_voice_command(s.v, &c);
}

/* Agents are offered in turn: 101, then 102. */
static void a_router(const struct jn_event *ev)
{
    switch (ev->kind) {
    case JN_EV_ARRIVE:
        s.arrived++;
        tell(JN_CMD_QUEUED, ev->arrive.ix, 0);
        s.offered = 101;
        tell(JN_CMD_OFFER, ev->arrive.ix, 101);
        break;
    case JN_EV_ACCEPT:
        s.accepted++;
        tell(JN_CMD_CONNECT, ev->ix.ix, ev->ix.agent);
        break;
    case JN_EV_REFUSE:
        s.refused++;
        tell(JN_CMD_QUEUED, ev->ix.ix, 0);
        if (s.offered++ == 101)
            tell(JN_CMD_OFFER, ev->ix.ix, 102);
        break;
    case JN_EV_HOLD:
        s.held++;
        tell(JN_CMD_HOLD, ev->ix.ix, ev->ix.agent);
        break;
    case JN_EV_RESUME:
        s.resumed++;
        tell(JN_CMD_RESUME, ev->ix.ix, ev->ix.agent);
        break;
    default:
        s.ended_why = ev->why;
        s.left += ev->kind == JN_EV_CUSTOMER_LEFT;
        tell(JN_CMD_CLOSED, ev->ix.ix, ev->ix.agent);
        break;
    }
}

static void on_work(void *arg)
{
    (void)arg;
    while (s.orders_done < s.orders || s.events_done < s.events) {
        for (; s.orders_done < s.orders; s.orders_done++) {
            struct jn_order o = s.order[s.orders_done % 1024];
            a_worker(&o, s.worker[s.orders_done % 1024]);
        }
        for (; s.events_done < s.events; s.events_done++) {
            struct jn_event ev = s.event[s.events_done % 256];
            a_router(&ev);
        }
    }
    s.calls = jn_act_voice_calls(s.v);
    pthread_mutex_lock(&fx.lock);
    if (s.stop)
        jn_sip_stop(fx.sip);
    pthread_mutex_unlock(&fx.lock);
}

static void on_tick(void *arg, uint64_t mono_ns)
{
    (void)arg;
    jn_act_voice_tick(s.v, mono_ns);
}

static struct jn_directory *voice_centre(void)
{
    struct jn_directory *d = jn_directory_new(1, 1, 2, 1, 0);
    d->tenants[0] = (struct jn_dir_tenant){.id = 7, .name = "acme", .domain = "acme.test"};
    d->queues[0] = (struct jn_dir_queue){.set = {.id = 50, .channel_mask = 1u << JN_CH_VOICE},
                                         .tenant = 7,
                                         .name = "sales",
                                         .number = "100",
                                         .greeting = "hello",
                                         .music = "moh",
                                         .record = true};
    for (unsigned i = 0; i < 2; i++) {
        d->agents[i] = (struct jn_dir_agent){.set.id = 101 + i, .tenant = 7};
        snprintf(d->agents[i].name, sizeof d->agents[i].name, "a%u", i);
        snprintf(d->agents[i].sip_user, sizeof d->agents[i].sip_user, "%u", 1001 + i);
        secret(&d->agents[i], i ? "two" : "one");
    }
    d->trunks[0] = (struct jn_dir_trunk){.name = "loop", .tenant = 7, .froms = 1};
    jn_cidr_parse(&d->trunks[0].from[0], "127.0.0.0/8");
    struct jn_err err = {{0}};
    cr_assert_eq(jn_directory_index(d, &err), 0, "%s", err.text);
    return d;
}

static void *engine(void *arg)
{
    static struct jn_sound two[2] = {{.name = "hello", .n = 160}, {.name = "moh", .n = 160}};
    struct jn_voice_ports ports = {.admit = on_admit,
                                   .release = on_release,
                                   .event = on_event,
                                   .admit_leg = on_admit_leg,
                                   .release_leg = on_release_leg,
                                   .order = on_order,
                                   .call_row = on_row,
                                   .dialog_put = on_dialog,
                                   .dialog_del = on_dialog_del};
    struct jn_voice_config vc = {.boot = 1, .workers = 2, .max_calls = 16, .spread_legs = true, .ring_ms = 60000};
    struct jn_sip_config sc = {.host = "127.0.0.1", .port = fx.port, .max_legs = 64};
    struct jn_sip_sink sink = {.mail = on_work, .tick = on_tick};
    struct jn_err err = {{0}};
    (void)arg;
    s.sounds = (struct jn_sounds){.at = two, .n = 2, .cap = 2};
    int rc = jn_act_voice_open(&s.v, &vc, fx.dir, &s.sounds, &ports, &err);
    if (!rc) {
        jn_act_voice_sink(s.v, &sink);
        rc = jn_sip_open(&fx.sip, &sc, fx.dir, &fx.waker, &sink, &err);
    }
    if (!rc)
        jn_act_voice_sip(s.v, fx.sip);
    pthread_mutex_lock(&fx.lock);
    fx.job_rc = rc;
    fx.opened = true;
    pthread_cond_broadcast(&fx.changed);
    pthread_mutex_unlock(&fx.lock);
    if (rc)
        return NULL;
    jn_sip_run(fx.sip);
    jn_sip_close(fx.sip);
    return NULL;
}

static void begin(void)
{
    memset(&s, 0, sizeof s);
    fx.dir = voice_centre();
    fx.port = free_port();
    fx.opened = false;
    cr_assert_eq(jn_waker_open(&fx.waker), 0);
    cr_assert_eq(pthread_create(&fx.thread, NULL, engine, NULL), 0);
    pthread_mutex_lock(&fx.lock);
    while (!fx.opened)
        pthread_cond_wait(&fx.changed, &fx.lock);
    pthread_mutex_unlock(&fx.lock);
    cr_assert_eq(fx.job_rc, 0);
}

static void becomes(_Atomic unsigned *what, unsigned value, const char *name)
{
    uint64_t until = jn_mono_ns() + UINT64_C(3000000000);
    while (*what != value) {
        cr_assert_lt(jn_mono_ns(), until, "%s stays %u", name, *what);
        usleep(2000);
    }
}
#define must_become(field, value) becomes(&s.field, value, #field)

/* Nothing is left, nothing was kept in vain. */
static void end(void)
{
    must_become(calls, 0);
    pthread_mutex_lock(&fx.lock);
    s.stop = true;
    pthread_mutex_unlock(&fx.lock);
    jn_waker_wake(&fx.waker);
    pthread_join(fx.thread, NULL);
    cr_assert_eq(s.admitted, s.released + s.endings);
    cr_assert_eq(s.kept, s.used);
    cr_assert_eq(s.dialogs, 0u);
    cr_assert_eq(s.rows, s.arrived);
    cr_assert_eq(jn_act_voice_counts(s.v)->wrong_steps, 0);
    jn_act_voice_close(s.v);
    jn_directory_unref(fx.dir);
    jn_waker_close(&fx.waker);
}

/* The caller's half; its dialog's To header in to. */
static void calls(struct peer *p, const char *id, char *to, size_t size)
{
    char head[256];
    say(p,
        "INVITE sip:100@127.0.0.1 SIP/2.0\r\n%sFrom: <sip:4930@x.test>;tag=a\r\nTo: <sip:100@127.0.0.1>\r\nCall-ID: "
        "%s\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:4930@127.0.0.1:%u>\r\nContent-Type: application/sdp\r\nContent-Length: "
        "%zu\r\n\r\n%s",
        top(p, head, sizeof head), id, p->port, strlen(SDP), SDP);
    must_hear(p, "SIP/2.0 200");
    header(p, "To", to, size);
    say(p,
        "ACK sip:x@127.0.0.1 SIP/2.0\r\n%sFrom: <sip:4930@x.test>;tag=a\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 "
        "ACK\r\n\r\n",
        top(p, head, sizeof head), to, id);
}

static void caller_says_bye(struct peer *p, const char *id, const char *to)
{
    char head[256];
    say(p,
        "BYE sip:x@127.0.0.1 SIP/2.0\r\n%sFrom: <sip:4930@x.test>;tag=a\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 2 "
        "BYE\r\n\r\n",
        top(p, head, sizeof head), to, id);
    must_hear(p, "SIP/2.0 200");
}

/* A request of the phone in the dialog of the INVITE in invite. */
static void phone_says(struct peer *p, const struct peer *invite, const char *method, unsigned cseq, const char *sdp)
{
    char head[256], from[256], to[256], id[256];
    say(p,
        "%s sip:x@127.0.0.1 SIP/2.0\r\n%sFrom: %s;tag=t1\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
        "Contact: <sip:1001@127.0.0.1:%u>\r\n%sContent-Length: %zu\r\n\r\n%s",
        method, top(p, head, sizeof head), header(invite, "To", to, sizeof to),
        header(invite, "From", from, sizeof from), header(invite, "Call-ID", id, sizeof id), cseq, method, p->port,
        sdp ? "Content-Type: application/sdp\r\n" : "", sdp ? strlen(sdp) : 0, sdp ? sdp : "");
}

static void phone(struct peer *p, const char *user, const char *word)
{
    char contact[64];
    peer_open(p, false);
    snprintf(contact, sizeof contact, "<sip:%s@127.0.0.1:%u>", user, p->port);
    registers(p, user, word, contact, 60, 1);
}

static void lifts(struct peer *p)
{
    char contact[64];
    snprintf(contact, sizeof contact, "sip:1001@127.0.0.1:%u", p->port);
    reply(p, "180 Ringing", "t1", contact, NULL);
    reply(p, "200 OK", "t1", contact, SDP);
    must_hear(p, "ACK ");
}

Test(act_voice_sip, caller_and_agent_talk_and_the_caller_hangs_up)
{
    static struct peer a, b;
    char to[256];
    begin();
    phone(&b, "1001", "one");
    peer_open(&a, false);
    calls(&a, "one", to, sizeof to);
    must_hear(&b, "INVITE ");
    cr_assert_not_null(strstr(b.msg, "m=audio 3000"), "%s", b.msg);
    lifts(&b);
    must_become(accepted, 1);
    must_become(dialogs, 2);
    caller_says_bye(&a, "one", to);
    must_hear(&b, "BYE ");
    reply(&b, "200 OK", "t1", NULL, NULL);
    end();
    cr_assert_eq(s.left, 1u);
}

Test(act_voice_sip, the_agents_bye_reaches_the_caller)
{
    static struct peer a, b, invite;
    char to[256];
    begin();
    phone(&b, "1001", "one");
    peer_open(&a, false);
    calls(&a, "two", to, sizeof to);
    must_hear(&b, "INVITE ");
    invite = b;
    lifts(&b);
    must_become(accepted, 1);
    phone_says(&b, &invite, "BYE", 1, NULL);
    must_hear(&b, "SIP/2.0 200");
    must_hear(&a, "BYE ");
    reply(&a, "200 OK", "", NULL, NULL);
    end();
    cr_assert_eq(s.ended_why, (unsigned)JN_WHY_AGENT);
}

Test(act_voice_sip, a_busy_phone_gives_the_caller_to_the_next_agent)
{
    static struct peer a, b, c;
    char to[256];
    begin();
    phone(&b, "1001", "one");
    phone(&c, "1002", "two");
    peer_open(&a, false);
    calls(&a, "three", to, sizeof to);
    must_hear(&b, "INVITE ");
    reply(&b, "486 Busy Here", "t1", NULL, NULL);
    must_hear(&b, "ACK ");
    must_hear(&c, "INVITE ");
    lifts(&c);
    must_become(accepted, 1);
    cr_assert_eq(s.refused, 1u);
    caller_says_bye(&a, "three", to);
    must_hear(&c, "BYE ");
    reply(&c, "200 OK", "t1", NULL, NULL);
    end();
}

Test(act_voice_sip, a_caller_who_leaves_cancels_the_ringing_phone)
{
    static struct peer a, b, invite;
    char to[256];
    begin();
    phone(&b, "1001", "one");
    peer_open(&a, false);
    calls(&a, "four", to, sizeof to);
    must_hear(&b, "INVITE ");
    invite = b;
    reply(&b, "180 Ringing", "t1", NULL, NULL);
    caller_says_bye(&a, "four", to);
    must_hear(&b, "CANCEL ");
    reply(&b, "200 OK", "t1", NULL, NULL);
    reply(&invite, "487 Request Terminated", "t1", NULL, NULL);
    end();
    cr_assert_eq(s.accepted, 0u);
}

Test(act_voice_sip, the_phones_hold_button_holds)
{
    static struct peer a, b, invite;
    char to[256];
    begin();
    phone(&b, "1001", "one");
    peer_open(&a, false);
    calls(&a, "five", to, sizeof to);
    must_hear(&b, "INVITE ");
    invite = b;
    lifts(&b);
    must_become(accepted, 1);
    phone_says(&b, &invite, "INVITE", 1, SDP "a=sendonly\r\n");
    must_hear(&b, "SIP/2.0 200");
    cr_assert_not_null(strstr(b.msg, "a=recvonly"), "%s", b.msg);
    phone_says(&b, &invite, "ACK", 1, NULL);
    must_become(held, 1);
    phone_says(&b, &invite, "INVITE", 2, SDP);
    must_hear(&b, "SIP/2.0 200");
    phone_says(&b, &invite, "ACK", 2, NULL);
    must_become(resumed, 1);
    caller_says_bye(&a, "five", to);
    must_hear(&b, "BYE ");
    reply(&b, "200 OK", "t1", NULL, NULL);
    end();
}
