/* Signalling thread: sofia-sip's loop with act_voice on top, and the ports that act_voice speaks through. */
#include "engine/app/engine.h"
#include "engine/app/phones.h"
#include "engine/base/clock.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int admit(void *arg)
{
    struct jn_engine *e = arg;

    /* Nothing new is promised while the journal cannot keep promises. */
    if (atomic_load_explicit(&e->journal_failing, memory_order_relaxed))
        return -EAGAIN;
    return jn_mailbox_reserve(&e->sip_router);
}

static void release(void *arg)
{
    struct jn_engine *e = arg;

    jn_mailbox_unreserve(&e->sip_router);
}

static unsigned load(void *arg, unsigned worker)
{
    const struct jn_engine *e = arg;

    return (unsigned)atomic_load_explicit(&jn_worker_counts(e->worker[worker])->load_permille, memory_order_relaxed);
}

static int event(void *arg, const struct jn_event *ev, bool ending)
{
    struct jn_engine *e = arg;

    if (!ending)
        return jn_mailbox_send(&e->sip_router, ev);
    jn_mailbox_send_reserved(&e->sip_router, ev);
    return 0;
}

static void release_leg(void *arg, unsigned worker, unsigned places)
{
    struct jn_engine *e = arg;

    while (places-- > 0)
        jn_mailbox_unreserve(&e->sip_worker[worker]);
}

static int admit_leg(void *arg, unsigned worker, unsigned places)
{
    struct jn_engine *e = arg;

    for (unsigned i = 0; i < places; i++) {
        if (jn_mailbox_reserve(&e->sip_worker[worker]) < 0) {
            release_leg(e, worker, i);
            return -EAGAIN;
        }
    }
    return 0;
}

static int order(void *arg, unsigned worker, const struct jn_order *o)
{
    struct jn_engine *e = arg;
    struct jn_mailbox *m = &e->sip_worker[worker];

    if (o->kind != JN_ORDER_LEG_CLOSE && o->kind != JN_ORDER_ROOM_LEAVE && o->kind != JN_ORDER_ROOM_CLOSE)
        return jn_mailbox_send(m, o);
    if (m->reserved > 0) {
        jn_mailbox_send_reserved(m, o);
        return 0;
    }
    int rc = jn_mailbox_send(m, o);
    if (rc < 0)
        jn_error("sip", "an ending order found no place kept: kind=%u worker=%u", o->kind, worker);
    return rc;
}

static void give(struct jn_engine *e, uint8_t kind, const void *bytes, size_t n, uint64_t a)
{
    struct jn_note note = {.kind = kind, .a = a};

    if (bytes) {
        note.ptr = malloc(n);
        if (!note.ptr)
            return;
        memcpy(note.ptr, bytes, n);
    }
    if (jn_note_send(&e->sip_db, &note, "a call's row or dialog") < 0)
        free(note.ptr);
}

static void call_row(void *arg, const struct jn_call_row *row)
{
    give(arg, JN_NOTE_CALL, row, sizeof *row, 0);
}

/* Whom the desk shows. Without memory it shows no number. */
static void call_known(void *arg, const struct jn_call_row *row)
{
    struct jn_engine *e = arg;
    struct jn_note n = {.kind = JN_NOTE_CALL, .ptr = malloc(sizeof *row)};

    if (!n.ptr)
        return;
    *(struct jn_call_row *)n.ptr = *row;
    if (jn_note_send(&e->sip_api, &n, "a call's numbers") < 0)
        free(n.ptr);
}

static void dialog_put(void *arg, const struct jn_sip_dialog *d)
{
    give(arg, JN_NOTE_DIALOG, d, sizeof *d, 0);
}

static void dialog_del(void *arg, uint64_t leg)
{
    give(arg, JN_NOTE_DIALOG_END, NULL, 0, leg);
}

/* The sink's argument is act_voice's; what is ours in the sink finds the engine here. One signalling thread a process.
 */
static struct {
    struct jn_engine *engine;
    void (*voice_phone)(void *arg, uint64_t agent, bool registered);
    struct jn_phones phones; /* whose registration is to be stored */
    uint64_t stop_ns;        /* asked to stop: when at the latest, even if a peer does not answer its BYE */
} here;
#define STOP_NS 3000000000u

static void phone(void *arg, uint64_t agent, bool registered)
{
    struct jn_engine *e = here.engine;

    if (here.voice_phone)
        here.voice_phone(arg, agent, registered);
    struct jn_note n = {.kind = JN_NOTE_PHONE, .a = agent, .b = registered};

    jn_note_send(&e->sip_api, &n, "a phone's registration");
}

/* Not at once: a storm of registrations must not fill the database's mailbox. */
static void registration(void *arg, uint64_t agent)
{
    (void)arg;
    jn_phones_changed(&here.phones, agent);
}

static void supervised(void *arg, const struct jn_voice_watch *w)
{
    struct jn_engine *e = arg;
    struct jn_watch *news = malloc(sizeof *news);
    struct jn_note n = {.kind = JN_NOTE_WATCH, .ptr = news};

    if (!news)
        return;
    *news = (struct jn_watch){.ix = w->ix,
                              .tenant = w->tenant,
                              .supervisor = w->supervisor,
                              .mode = w->mode,
                              .state = w->state,
                              .why = w->why};
    if (jn_note_send(&e->sip_api, &n, "a supervisor's coming or going") < 0)
        free(news);
}

/* The answer to a move comes when the router or the other phone has decided. */
static void answered(void *arg, void *ask, uint64_t ix, enum jn_why why)
{
    static const char *const names[] = JN_WHY_NAMES;
    struct jn_engine *e = arg;
    struct jn_ask *a = ask;
    struct jn_note n = {.kind = JN_NOTE_ANSWER, .ptr = a};

    a->status = why ? -ECANCELED : 0;
    a->id = ix;
    if (why)
        jn_buf_text(&a->answer, names[why < JN_WHY_N ? why : JN_WHY_NONE]);
    if (jn_note_send(&e->sip_api, &n, "answer of a move") < 0)
        jn_ask_free(a);
}

/* 0: the answer follows. */
static int move(struct jn_engine *e, struct jn_ask *a)
{
    struct jn_voice_move m = {
        .ix = a->id, .agent = a->agent, .to = a->to, .queue = a->queue, .what = a->control, .ask = a};

    m.number = a->text.len ? a->text.data : NULL;
    return jn_act_voice_move(e->voice, &m);
}

static int ask_voice(struct jn_engine *e, const struct jn_ask *a)
{
    if (a->kind == JN_ASK_SUPERVISE)
        return jn_act_voice_supervise(e->voice, a->id, a->agent, (enum jn_watch_mode)a->control, a->on);
    return jn_act_voice_control(e->voice, a->id, a->agent, a->control);
}

static void control(struct jn_engine *e, struct jn_ask *a)
{
    struct jn_note n = {.kind = JN_NOTE_ANSWER, .ptr = a};

    if (a->kind == JN_ASK_MOVE) {
        int rc = move(e, a);
        if (rc == 0)
            return; /* a is whose answer it waits for; perhaps gone by now */
        a->status = rc;
    } else if (a->kind == JN_ASK_QUALITY) {
        jn_engine_quality(e, a);
    } else {
        a->status = ask_voice(e, a);
    }
    if (jn_note_send(&e->sip_api, &n, "answer of call control") < 0)
        jn_ask_free(a);
}

static void take_note(struct jn_engine *e, const struct jn_note *n)
{
    switch (n->kind) {
    case JN_NOTE_STOP:
        jn_act_voice_end_all(e->voice);
        here.stop_ns = jn_mono_ns() + STOP_NS;
        break;
    case JN_NOTE_DIRECTORY:
        jn_sip_directory(e->sip, n->ptr);
        jn_act_voice_directory(e->voice, n->ptr);
        jn_directory_unref(n->ptr);
        break;
    case JN_NOTE_DRAIN:
        jn_sip_drain(e->sip, n->a != 0);
        break;
    case JN_NOTE_FILES: {
        struct jn_err err = {{0}};
        if (jn_sip_tls_reload(e->sip, &err))
            jn_error("sip", "%s; the certificate stays as it was", err.text);
        else if (e->config.tls_port)
            jn_info("sip", "the certificate was read again");
        break;
    }
    case JN_NOTE_ASK:
        control(e, n->ptr);
        break;
    default:
        break;
    }
}

static bool drain(void *arg)
{
    struct jn_engine *e = arg;
    struct jn_command c;
    struct jn_fact f;
    struct jn_note n;
    bool some = false;

    for (int i = 0; i < 256 && jn_mailbox_recv(&e->router_sip, &c, 1) == 1; i++, some = true)
        jn_act_voice_command(e->voice, &c);
    for (unsigned w = 0; w < e->workers; w++)
        for (int i = 0; i < 256 && jn_mailbox_recv(&e->worker_sip[w], &f, 1) == 1; i++, some = true)
            jn_act_voice_fact(e->voice, &f);
    while (jn_mailbox_recv(&e->api_sip, &n, 1) == 1) {
        take_note(e, &n);
        some = true;
    }
    while (jn_mailbox_recv(&e->main_sip, &n, 1) == 1) {
        take_note(e, &n);
        some = true;
    }
    atomic_store_explicit(&e->calls, jn_act_voice_calls(e->voice), memory_order_relaxed);
    return some;
}

static void mail(void *arg)
{
    (void)arg;
    jn_mail_until_quiet(&here.engine->wake_sip, drain, here.engine);
}

static void tick(void *arg, uint64_t mono_ns)
{
    jn_act_voice_tick(here.engine->voice, mono_ns);
    jn_engine_voice_counts(here.engine);
    mail(arg);
    jn_phones_store(&here.phones, here.engine);
    if (here.stop_ns && (jn_act_voice_calls(here.engine->voice) == 0 || mono_ns >= here.stop_ns))
        jn_sip_stop(here.engine->sip);
}

static void seen(void *arg, const struct jn_sip_seen *m)
{
    (void)arg;
    jn_engine_trace_seen(here.engine, m);
}

/* Calls of the run before: their phones hear a BYE, then the note of them is removed. */
static void end_old_calls(struct jn_engine *e)
{
    for (unsigned i = 0; i < e->n_old_dialogs; i++)
        jn_sip_bye_old(e->sip, &e->old_dialogs[i]);
    if (e->n_old_dialogs > 0)
        jn_info("sip", "told the phones of %u call legs of the run before that they are over", e->n_old_dialogs);
    free(e->old_dialogs);
    e->old_dialogs = NULL;
    e->n_old_dialogs = 0;
}

/* Phones register once an hour or so: those of the run before are where they were. */
static void take_old_phones(struct jn_engine *e)
{
    unsigned known = 0;

    for (unsigned i = 0; i < e->n_old_phones; i++)
        known += jn_sip_register_again(e->sip, &e->old_phones[i]) == 0;
    if (e->n_old_phones > 0)
        jn_info("sip", "phones known from the run before: %u of %u", known, e->n_old_phones);
    free(e->old_phones);
    e->old_phones = NULL;
    e->n_old_phones = 0;
}

static void media_place(void *arg, const struct jn_addr *peer, uint8_t *interface, uint8_t *family)
{
    jn_engine_media_place(arg, peer, interface, family);
}

static void fingerprint(void *arg, uint8_t out[static JN_FINGERPRINT], uint8_t *certificate)
{
    struct jn_engine *e = arg;

    jn_slow_fingerprint(e->slow, out, certificate);
}

static const struct jn_voice_ports ports = {.admit = admit,
                                            .release = release,
                                            .load = load,
                                            .event = event,
                                            .admit_leg = admit_leg,
                                            .release_leg = release_leg,
                                            .order = order,
                                            .call_row = call_row,
                                            .call_known = call_known,
                                            .supervised = supervised,
                                            .trouble = jn_engine_trouble,
                                            .dialog_put = dialog_put,
                                            .answered = answered,
                                            .dialog_del = dialog_del,
                                            .leg_seen = jn_engine_trace_leg};

/* The stack lives on this thread from open to close; main waits for sip_ready. */
struct start {
    struct jn_engine *e;
    struct jn_err err;
    int rc;
    sem_t done;
};

static int open_all(struct jn_engine *e, struct jn_err *err)
{
    const struct jn_config *c = &e->config;
    struct jn_voice_ports p = ports;
    struct jn_sip_sink sink = {0};
    struct jn_voice_config vc = {.boot = e->boot,
                                 .workers = e->workers,
                                 .max_calls = c->max_calls,
                                 .spread_legs = c->spread_legs,
                                 .silence_end_s = c->silence_end_s,
                                 .admit_load = (uint16_t)(c->admit_load * 10),
                                 .codecs = c->codecs,
                                 .ring_ms = 120000};
    struct jn_sip_config sc = {.port = c->sip_port,
                               .max_legs =
                                   3 * c->max_calls, /* caller, agent, and a supervisor or whom the agent asks */
                               .max_calls_per_s = c->max_calls_per_s,
                               .max_registers_per_s = c->max_registers_per_s,
                               .ban_after = c->ban_after,
                               .ban_window_s = c->ban_window_s,
                               .ban_s = c->ban_s,
                               .session_expires_s = c->session_expires_s,
                               .session_min_s = c->session_min_s,
                               .tls = {.port = c->tls_port, .verify_peer = c->tls_verify_peer}};

    p.arg = e;
    p.media_place = media_place;
    p.fingerprint = e->slow ? fingerprint : NULL;
    jn_copy(sc.host, sizeof sc.host, c->sip_host);
    jn_copy(sc.advertise, sizeof sc.advertise, c->sip_advertise);
    jn_copy(sc.tls.certificate, sizeof sc.tls.certificate, c->tls_certificate);
    jn_copy(sc.tls.key, sizeof sc.tls.key, c->tls_key);
    jn_copy(sc.tls.ca, sizeof sc.tls.ca, c->tls_ca);
    int rc = jn_act_voice_open(&e->voice, &vc, e->directory, &e->sounds, &p, err);
    if (rc < 0)
        return rc;
    jn_act_voice_sink(e->voice, &sink);
    here.engine = e;
    here.voice_phone = sink.phone;
    sink.phone = phone;
    sink.registration = registration;
    sink.mail = mail;
    sink.tick = tick;
    sink.seen = e->tracing ? seen : NULL;
    rc = jn_sip_open(&e->sip, &sc, e->directory, &e->wake_sip, &sink, err);
    if (rc < 0) {
        jn_act_voice_close(e->voice);
        return rc;
    }
    jn_act_voice_sip(e->voice, e->sip);
    jn_act_voice_tick(e->voice, jn_mono_ns()); /* a call in the first 50 ms must not find the time at 0 */
    return 0;
}

static void *run(void *arg)
{
    struct start *s = arg;
    struct jn_engine *e = s->e;

    pthread_setname_np(pthread_self(), "jn-sip");
    s->rc = open_all(e, &s->err);
    if (s->rc == 0)
        take_old_phones(e); /* whoever is told that we are ready finds the phones there */
    int rc = s->rc;
    atomic_store_explicit(&e->sip_ready, rc == 0, memory_order_release);
    sem_post(&s->done); /* s is gone after this */
    if (rc < 0)
        return NULL;
    end_old_calls(e);
    mail(NULL);
    jn_sip_run(e->sip);
    jn_phones_store(&here.phones, e);
    jn_phones_free(&here.phones);
    jn_sip_close(e->sip);
    jn_act_voice_close(e->voice);
    return NULL;
}

int jn_engine_sip_open(struct jn_engine *e, struct jn_err *err)
{
    struct start s = {.e = e};

    sem_init(&s.done, 0, 0);
    if (pthread_create(&e->t_sip, NULL, run, &s) != 0)
        return jn_fail(err, -EAGAIN, "the signalling thread cannot start");
    while (sem_wait(&s.done) < 0 && errno == EINTR)
        ;
    sem_destroy(&s.done);
    if (s.rc < 0) {
        pthread_join(e->t_sip, NULL);
        *err = s.err;
    }
    return s.rc;
}
