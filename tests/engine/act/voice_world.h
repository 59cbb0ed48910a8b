/* Voice world: act_voice with everything around it recorded: a SIP side whose dialogs are played by the test, workers
 * that say what the test lets them say, and ports that count every place kept. jn_sip_* are defined here and win over
 * the library's. Each test program gets its own copy. */
#ifndef JN_TEST_VOICE_WORLD_H
#define JN_TEST_VOICE_WORLD_H

#include "engine/act/act_voice.h"
#include "engine/base/str.h"
#include "media/sdp/sdp.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIPS = 8192,
    MEDIAS = 8192,
    EVENTS = 16384,
    ORDERS = 65536,
    WORKERS = 2,
    TENANT = 7,
    Q_FULL = 100,
    Q_BARE = 200,
    Q_TOLD = 300, /* agents hear an announcement */
    F_MENU = 400,
    F_CLOSED = 500,
    A_NAILED = 104,
    A_DESK = 105 /* nailed up, accepts at the desk */
};
enum fake { F_NONE, F_IN, F_IN_OK, F_UP, F_OUT, F_OVER };

struct fake_sip {
    enum fake state;
    bool hung_up, reinvited, cancelled;
    int refused;
    unsigned answers, ends;
    uint64_t agent;
    char sdp[JN_SDP_MAX], to[64], from[64];
};
struct fake_media {
    uint8_t worker, home;
    bool opened_told, refused, joined_own, joined_home;
    unsigned opens, closes, closed_told;
    uint64_t room;
};
static struct {
    struct jn_act_voice *v;
    struct jn_directory *dir;
    struct jn_sounds sounds;
    struct jn_sip_sink sink;
    struct fake_sip sip[SIPS];
    struct fake_media media[MEDIAS];
    uint64_t last_sip, last_media;
    struct jn_event event[EVENTS];
    bool ending[EVENTS];
    unsigned events, orders;
    struct jn_order order[ORDERS];
    uint8_t order_worker[ORDERS];
    unsigned admitted, released, endings;
    unsigned kept[WORKERS], used[WORKERS], unkept[WORKERS];
    unsigned rooms_open, rooms_opened, rows, dialogs, unregistered_mask;
    struct jn_call_row row;
    struct jn_voice_watch watch;
    struct jn_voice_trouble trouble;
    unsigned troubles;
    unsigned watches;
    bool event_full, order_full, admit_full, leg_full, no_legs;
    unsigned load[WORKERS];
    bool drop_dialogs;
    int trunk_rc, refer_status; /* refer_status: the last word about a REFER */
    uint8_t asks[65536];        /* who asks for a move: each in its place, 1 once it was answered */
    unsigned progresses, answers;
    enum jn_why answer_why;
    uint64_t answer_ix;
    uint64_t now_ns;
} w;

/* ---- SIP, played by the test ---- */

static struct fake_sip *sip_at(uint64_t leg)
{
    cr_assert(leg > 0 && leg <= w.last_sip, "a dialog that never was: %llu", (unsigned long long)leg);
    return &w.sip[leg];
}
int jn_sip_ring(struct jn_sip *s, uint64_t leg)
{
    (void)s;
    return sip_at(leg)->state == F_IN ? 0 : -ENOENT;
}
int jn_sip_answer(struct jn_sip *s, uint64_t leg, const char *sdp)
{
    (void)s;
    struct fake_sip *f = sip_at(leg);
    if (f->state != F_IN && !(f->state == F_UP && f->reinvited))
        return -ENOENT;
    jn_copy(f->sdp, sizeof f->sdp, sdp);
    f->answers++;
    f->reinvited = false;
    if (f->state == F_IN)
        f->state = F_IN_OK;
    return 0;
}
int jn_sip_refuse(struct jn_sip *s, uint64_t leg, int status)
{
    (void)s;
    struct fake_sip *f = sip_at(leg);
    if (f->state != F_IN && !(f->state == F_UP && f->reinvited))
        return -ENOENT;
    f->refused = status;
    f->reinvited = false;
    if (f->state == F_IN)
        f->hung_up = true;
    return 0;
}
void jn_sip_hangup(struct jn_sip *s, uint64_t leg)
{
    (void)s;
    sip_at(leg)->hung_up = true;
}
int jn_sip_call_agent(struct jn_sip *s, uint64_t *leg, const struct jn_sip_agent_call *c)
{
    (void)s;
    uint64_t agent = c->agent;
    if (w.unregistered_mask & 1u << (agent - 101))
        return -ENOTCONN;
    if (w.no_legs)
        return -EMFILE;
    cr_assert_lt(w.last_sip + 1, (uint64_t)SIPS);
    *leg = ++w.last_sip;
    struct fake_sip *f = &w.sip[*leg];
    *f = (struct fake_sip){.state = F_OUT, .agent = agent};
    jn_copy(f->sdp, sizeof f->sdp, c->sdp);
    return 0;
}
int jn_sip_call_trunk(struct jn_sip *s, uint64_t *leg, const struct jn_sip_trunk_call *c)
{
    (void)s;
    if (w.trunk_rc)
        return w.trunk_rc;
    cr_assert_lt(w.last_sip + 1, (uint64_t)SIPS);
    *leg = ++w.last_sip;
    struct fake_sip *f = &w.sip[*leg];
    *f = (struct fake_sip){.state = F_OUT};
    jn_copy(f->sdp, sizeof f->sdp, c->sdp);
    jn_copy(f->to, sizeof f->to, c->to);
    jn_copy(f->from, sizeof f->from, c->from ? c->from : "");
    return 0;
}
int jn_sip_trunk_srtp(const struct jn_sip *s, uint64_t tenant, uint64_t trunk, const char *to)
{
    (void)s, (void)tenant, (void)trunk, (void)to;
    return w.trunk_rc ? w.trunk_rc : JN_SRTP_OFF;
}
int jn_sip_progress(struct jn_sip *s, uint64_t leg, const char *sdp)
{
    (void)s;
    if (sip_at(leg)->state != F_IN)
        return -ENOENT;
    jn_copy(sip_at(leg)->sdp, sizeof sip_at(leg)->sdp, sdp);
    w.progresses++;
    return 0;
}
int jn_sip_refer_result(struct jn_sip *s, uint64_t leg, int status)
{
    (void)s;
    cr_assert_neq(sip_at(leg)->state, F_OVER, "a REFER's result in a dialog that is over");
    w.refer_status = status;
    return 0;
}
bool jn_sip_phone_address(const struct jn_sip *s, uint64_t agent, struct jn_addr *out)
{
    (void)s;
    return agent != 0 && jn_addr_parse(out, "192.0.2.77", 0) == 0;
}

bool jn_sip_phone_registered(const struct jn_sip *s, uint64_t agent)
{
    (void)s;
    return !(w.unregistered_mask & 1u << (agent - 101));
}
int jn_sip_dialog(const struct jn_sip *s, uint64_t leg, struct jn_sip_dialog *out)
{
    (void)s;
    if (sip_at(leg)->state != F_UP)
        return -ENOENT;
    *out = (struct jn_sip_dialog){.leg = leg};
    return 0;
}

/* ---- ports ---- */

static int on_admit(void *arg)
{
    (void)arg;
    if (w.admit_full)
        return -EAGAIN;
    w.admitted++;
    return 0;
}
static unsigned on_load(void *arg, unsigned worker)
{
    (void)arg;
    return w.load[worker];
}
static void on_release(void *arg)
{
    (void)arg;
    w.released++;
    cr_assert_leq(w.released + w.endings, w.admitted, "a place was given back that nobody kept");
}
static int on_event(void *arg, const struct jn_event *ev, bool ending)
{
    (void)arg;
    if (w.event_full && !ending)
        return -EAGAIN;
    cr_assert_lt(w.events, (unsigned)EVENTS);
    w.ending[w.events] = ending;
    w.event[w.events++] = *ev;
    if (ending) {
        w.endings++;
        cr_assert_leq(w.released + w.endings, w.admitted, "an ending without its place");
    }
    return 0;
}
static int on_admit_leg(void *arg, unsigned worker, unsigned places)
{
    (void)arg;
    if (w.leg_full)
        return -EAGAIN;
    w.kept[worker] += places;
    return 0;
}
static void on_release_leg(void *arg, unsigned worker, unsigned places)
{
    (void)arg;
    w.unkept[worker] += places;
    cr_assert_leq(w.used[worker] + w.unkept[worker], w.kept[worker], "worker %u: more given back than kept", worker);
}
static void take_leg_order(unsigned worker, const struct jn_order *o)
{
    struct fake_media *m = &w.media[o->leg];
    bool own = worker == o->leg_worker;
    switch (o->kind) {
    case JN_ORDER_LEG_OPEN:
        *m = (struct fake_media){.worker = (uint8_t)worker, .home = o->room_worker, .room = o->room, .opens = 1};
        if (o->leg > w.last_media)
            w.last_media = o->leg;
        break;
    case JN_ORDER_LEG_CLOSE:
        cr_assert(m->opened_told, "a leg was closed before it was known to be open");
        cr_assert_eq(++m->closes, 1u, "a leg was closed twice");
        cr_assert(!m->joined_own && !m->joined_home, "a leg was closed while it stands in a room");
        break;
    case JN_ORDER_ROOM_JOIN:
        cr_assert_eq(m->closes, 0u);
        cr_assert(!(own ? m->joined_own : m->joined_home), "joined twice");
        *(own ? &m->joined_own : &m->joined_home) = true;
        break;
    case JN_ORDER_ROOM_LEAVE:
        *(own ? &m->joined_own : &m->joined_home) = false;
        break;
    default:
        break;
    }
}
static int on_order(void *arg, unsigned worker, const struct jn_order *o)
{
    (void)arg;
    bool ends = o->kind == JN_ORDER_LEG_CLOSE || o->kind == JN_ORDER_ROOM_LEAVE || o->kind == JN_ORDER_ROOM_CLOSE;
    if (w.order_full && !ends)
        return -EAGAIN;
    cr_assert_lt(worker, (unsigned)WORKERS);
    cr_assert_lt(w.orders, (unsigned)ORDERS);
    w.order_worker[w.orders] = (uint8_t)worker;
    w.order[w.orders++] = *o;
    if (ends) {
        w.used[worker]++;
        cr_assert_leq(w.used[worker] + w.unkept[worker], w.kept[worker], "worker %u: an order that ends had no place",
                      worker);
    }
    if (o->kind == JN_ORDER_ROOM_OPEN)
        w.rooms_opened++, w.rooms_open++;
    else if (o->kind == JN_ORDER_ROOM_CLOSE)
        w.rooms_open--;
    else if (o->leg)
        take_leg_order(worker, o);
    return 0;
}
static void on_supervised(void *arg, const struct jn_voice_watch *n)
{
    (void)arg;
    w.watches++;
    w.watch = *n;
}
static void on_trouble(void *arg, const struct jn_voice_trouble *n)
{
    (void)arg;
    w.troubles++;
    w.trouble = *n;
}
static void on_row(void *arg, const struct jn_call_row *row)
{
    (void)arg;
    w.rows++;
    w.row = *row;
}
static void on_dialog_put(void *arg, const struct jn_sip_dialog *d)
{
    (void)arg;
    cr_assert_neq(d->ix, 0);
    w.dialogs++;
}
static void on_dialog_del(void *arg, uint64_t leg)
{
    (void)arg, (void)leg;
    cr_assert_gt(w.dialogs, 0u);
    w.dialogs--;
}

static void on_move_answered(void *arg, void *ask, uint64_t ix, enum jn_why why)
{
    (void)arg;
    cr_assert_eq(++*(uint8_t *)ask, 1, "a move was answered twice");
    w.answers++;
    w.answer_ix = ix;
    w.answer_why = why;
}

static void on_fingerprint(void *arg, uint8_t out[static JN_FINGERPRINT], uint8_t *certificate)
{
    (void)arg;
    memset(out, 0xcd, JN_FINGERPRINT);
    *certificate = 9;
}

/* ---- making and ending the world ---- */

static __attribute__((unused)) void add_sound(struct jn_sound *at, const char *name)
{
    *at = (struct jn_sound){.n = 8000};
    jn_copy(at->name, sizeof at->name, name);
}

static struct jn_directory *centre(void)
{
    struct jn_directory *d = jn_directory_new(1, 3, 5, 0, 0);
    d->tenants[0] = (struct jn_dir_tenant){.id = TENANT, .name = "acme", .domain = "acme.test"};
    d->queues[0] = (struct jn_dir_queue){.set = {.id = Q_FULL, .channel_mask = 1u << JN_CH_VOICE},
                                         .tenant = TENANT,
                                         .name = "full",
                                         .number = "100",
                                         .greeting = "hello",
                                         .music = "moh",
                                         .no_agent = "sorry",
                                         .record = true,
                                         .say_position = true};
    d->queues[1] = (struct jn_dir_queue){
        .set = {.id = Q_BARE, .channel_mask = 1u << JN_CH_VOICE}, .tenant = TENANT, .name = "bare", .number = "200"};
    d->queues[2] = (struct jn_dir_queue){.set = {.id = Q_TOLD, .channel_mask = 1u << JN_CH_VOICE},
                                         .tenant = TENANT,
                                         .name = "told",
                                         .number = "300",
                                         .music = "moh",
                                         .announce = {.sound = {"client"}, .n = 1}};
    cr_assert_eq(jn_directory_flows(d, 2, 1), 0);
    d->calendars[0] = (struct jn_calendar){.id = 600, .tenant = TENANT, .name = "never"}; /* no hours: always closed */
    d->flows[0] = (struct jn_flow){.id = F_MENU,
                                   .tenant = TENANT,
                                   .name = "menu",
                                   .number = "400",
                                   .notice = {.say = {.sound = {"notice"}, .n = 1}},
                                   .menu = true,
                                   .prompt = {.sound = {"prompt"}, .n = 1},
                                   .wrong = {.sound = {"wrong"}, .n = 1},
                                   .keys = 7,
                                   .timeout_ms = 2000,
                                   .retries = 1};
    d->flows[0].key[0] = (struct jn_flow_go){.go = JN_GO_HANGUP, .priority = 255};
    d->flows[0].key[1] = (struct jn_flow_go){.go = JN_GO_QUEUE, .target = Q_FULL, .priority = 7};
    d->flows[0].key[2] = (struct jn_flow_go){.go = JN_GO_QUEUE, .target = Q_BARE, .priority = 255};
    d->flows[1] = (struct jn_flow){.id = F_CLOSED,
                                   .tenant = TENANT,
                                   .name = "closed",
                                   .number = "500",
                                   .hours = 600,
                                   .closed = {.sound = {"closed"}, .n = 1}};
    for (unsigned i = 0; i < 5; i++) {
        d->agents[i] = (struct jn_dir_agent){.set.id = 101 + i, .tenant = TENANT};
        snprintf(d->agents[i].name, sizeof d->agents[i].name, "agent%u", i);
        snprintf(d->agents[i].sip_user, sizeof d->agents[i].sip_user, "%u", 1001 + i);
    }
    d->agents[2].srtp = JN_SRTP_REQUIRED;
    d->agents[0].may_call_out = true;
    strcpy(d->tenants[0].caller_id, "+49301000");
    strcpy(d->tenants[0].call_out[d->tenants[0].call_outs++], "+49");
    d->agents[3].answer = d->agents[4].answer = JN_ANSWER_NAILED;
    d->agents[4].accept = JN_ACCEPT_DESK;
    struct jn_err err = {{0}};
    cr_assert_eq(jn_directory_index(d, &err), 0, "%s", err.text);
    return d;
}

static void world(bool spread, uint32_t silence_end_s)
{
    static const char *const names[] = {
        "hello",    "moh",       "sorry",    "queue-youarenext", "queue-thereare", "queue-callswaiting",
        "digits/2", "digits/20", "digits/3", "digits/hundred",   "client",         "notice",
        "prompt",   "wrong",     "closed",   "junctor/beep",     "junctor/comfort"};
    memset(&w, 0, sizeof w);
    w.dir = centre();
    w.sounds.n = w.sounds.cap = sizeof names / sizeof names[0];
    w.sounds.at = calloc(w.sounds.n, sizeof *w.sounds.at);
    for (unsigned i = 0; i < w.sounds.n; i++)
        add_sound(&w.sounds.at[i], names[i]);
    struct jn_voice_ports ports = {.admit = on_admit,
                                   .release = on_release,
                                   .load = on_load,
                                   .event = on_event,
                                   .admit_leg = on_admit_leg,
                                   .release_leg = on_release_leg,
                                   .order = on_order,
                                   .call_row = on_row,
                                   .dialog_put = on_dialog_put,
                                   .supervised = on_supervised,
                                   .trouble = on_trouble,
                                   .answered = on_move_answered,
                                   .fingerprint = on_fingerprint,
                                   .dialog_del = on_dialog_del};
    struct jn_voice_config c = {.boot = 3,
                                .workers = WORKERS,
                                .max_calls = 64,
                                .spread_legs = spread,
                                .silence_end_s = silence_end_s,
                                .admit_load = 850,
                                .ring_ms = 60000};
    struct jn_err err = {{0}};
    cr_assert_eq(jn_act_voice_open(&w.v, &c, w.dir, &w.sounds, &ports, &err), 0, "%s", err.text);
    jn_act_voice_sink(w.v, &w.sink);
    w.now_ns = 1000000000;
    jn_act_voice_tick(w.v, w.now_ns);
}

static __attribute__((unused)) void tick_ms(uint64_t ms)
{
    w.now_ns += ms * 1000000;
    jn_act_voice_tick(w.v, w.now_ns);
}

/* What must hold once everything has ended. */
static void all_is_settled(void)
{
    cr_assert_eq(jn_act_voice_calls(w.v), 0u, "%u calls are left", jn_act_voice_calls(w.v));
    cr_assert_eq(w.admitted, w.released + w.endings, "router places: kept %u, used %u, given back %u", w.admitted,
                 w.endings, w.released);
    for (unsigned i = 0; i < WORKERS; i++)
        cr_assert_eq(w.kept[i], w.used[i] + w.unkept[i], "worker %u: kept %u, used %u, given back %u", i, w.kept[i],
                     w.used[i], w.unkept[i]);
    for (uint64_t i = 1; i <= w.last_media; i++) {
        const struct fake_media *m = &w.media[i];
        if (m->opens)
            cr_assert_eq(m->closes + m->refused, 1u, "leg %llu: closed %u refused %u", (unsigned long long)i, m->closes,
                         m->refused);
    }
    cr_assert_eq(w.rooms_open, 0u);
    cr_assert_eq(jn_act_voice_counts(w.v)->wrong_steps, 0, "a call went a way that its table does not know");
    cr_assert_eq(w.dialogs, 0u);
    for (uint64_t i = 1; i <= w.last_sip; i++)
        cr_assert_eq(w.sip[i].state, F_OVER, "dialog %llu was left in state %d", (unsigned long long)i, w.sip[i].state);
}

static void destroy(void)
{
    jn_act_voice_close(w.v);
    jn_directory_unref(w.dir);
    free(w.sounds.at);
}

#endif
