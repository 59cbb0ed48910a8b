/* Wire: makes the mailboxes, opens the parts in order, starts their threads, and takes it all down again the other way
 * round. */
#include "engine/api/auth.h"
#include "engine/app/engine.h"
#include "engine/app/holder.h"
#include "engine/base/clock.h"
#include "engine/base/rand.h"
#include "media/tone/coded.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUALITY_MS = 5000 }; /* between two reports of a leg's quality */

int jn_note_send(struct jn_mailbox *m, const struct jn_note *n, const char *what)
{
    for (int i = 0; i < 100; i++) {
        if (jn_mailbox_send(m, n) == 0)
            return 0;
        usleep(100); /* sized for all that can be under way: seen only when the reader is stopped in a debugger or
                        ending */
    }
    jn_error("app", "%s found a full mailbox", what);
    return -EAGAIN;
}

void jn_mail_until_quiet(struct jn_waker *w, bool (*drain)(void *arg), void *arg)
{
    do {
        jn_waker_awake(w);
        while (drain(arg))
            ;
        jn_waker_about_to_sleep(w);
    } while (drain(arg));
}

struct box {
    struct jn_mailbox *box;
    uint32_t slots, bytes;
    struct jn_waker *waker;
};

static int make_boxes(struct jn_engine *e)
{
    uint32_t legs = 2 * e->config.max_calls, chats = e->config.max_chats;
    uint32_t note = sizeof(struct jn_note), command = sizeof(struct jn_command), ev = sizeof(struct jn_event);
    const struct box boxes[] = {
        {&e->sip_router, 4096 + 2 * legs, ev, &e->wake_router},
        {&e->api_router, 4096 + 2 * chats, ev, &e->wake_router},
        {&e->main_router, 4096, ev, &e->wake_router},
        {&e->router_sip, 16384, command, &e->wake_sip},
        {&e->router_api, 16384, command, &e->wake_api},
        {&e->router_db, 16384, command, &e->wake_db},
        {&e->router_journal, 8192, sizeof(struct jn_record), &e->wake_journal},
        {&e->router_journal_note, 64, note, &e->wake_journal},
        {&e->sip_db, 4096 + 8 * legs, note, &e->wake_db},
        {&e->sip_api, 65536, note, &e->wake_api},
        {&e->api_db, 1024, note, &e->wake_db},
        {&e->api_journal, 4096, note, &e->wake_journal},
        {&e->api_sip, 1024, note, &e->wake_sip},
        {&e->api_main, 256, note, &e->wake_main},
        {&e->db_api, 2048, note, &e->wake_api},
        {&e->journal_api, 8192, note, &e->wake_api},
        {&e->main_api, 1024, note, &e->wake_api},
        {&e->main_sip, 64, note, &e->wake_sip},
        {&e->main_db, 64, note, &e->wake_db},
    };

    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        if (jn_mailbox_init(boxes[i].box, boxes[i].slots, boxes[i].bytes, boxes[i].waker) < 0)
            return -ENOMEM;
    return 0;
}

static int open_workers(struct jn_engine *e, struct jn_err *err)
{
    const struct jn_config *c = &e->config;
    struct jn_worker_config wc = {.cpu = -1,
                                  .max_legs = 3 * c->max_calls,
                                  .max_rooms = c->max_calls,
                                  .silence_ms = c->silence_end_s ? c->silence_end_s * 1000 : c->silence_ms,
                                  .one_way_ms = c->one_way_s * 1000,
                                  .quiet_ms = c->quiet_s * 1000,
                                  .quality_ms = QUALITY_MS,
                                  .latch_ms = c->latch_ms,
                                  .quarantine_ms = 5000,
                                  .browsers = c->browser.enabled ? c->browser.max_legs : 0,
                                  .sounds = &e->sounds};

    int media = jn_engine_media_open(e, &wc, err);
    if (media < 0)
        return media;
    for (unsigned i = 0; i < c->workers; i++) {
        wc.index = (uint8_t)i;
        wc.cpu = c->pin_workers ? (int16_t)i : -1;
        int rc = jn_engine_media_places(e, &wc, i, err);
        if (rc == 0)
            rc = jn_worker_open(&e->worker[i], &wc, err);
        if (rc < 0)
            return rc;
        e->workers = i + 1;
        if (jn_mailbox_init(&e->sip_worker[i], 2048 + 8 * c->max_calls, sizeof(struct jn_order),
                            jn_worker_waker(e->worker[i])) < 0 ||
            jn_mailbox_init(&e->worker_sip[i], 2048 + 8 * c->max_calls, sizeof(struct jn_fact), &e->wake_sip) < 0 ||
            jn_rec_ring_init(&e->worker_recorder[i],
                             c->rec_buffer_mb * (1024 * 1024 / JN_CHUNK_BYTES) + 2 * c->max_calls) < 0)
            return jn_fail(err, -ENOMEM, "no memory for worker %u", i);
        jn_worker_mail(e->worker[i], &e->sip_worker[i], &e->worker_sip[i], &e->worker_recorder[i]);
    }
    int linked = e->workers > 1 ? jn_workers_link(e->worker, e->workers) : 0;
    return linked < 0 ? linked : jn_engine_browsers_open(e, err);
}

/* The centre in force: what was applied to this data folder, otherwise the configured file, which is copied. */
static int load_centre(struct jn_engine *e, struct jn_err *err)
{
    struct jn_buf text = {0};
    struct jn_problems p = {0};
    const char *from = e->path_centre;
    int rc = jn_read_file(from, 64u << 20, &text);

    if (rc == -ENOENT && e->config.centre[0]) {
        from = e->config.centre;
        rc = jn_read_file(from, 64u << 20, &text);
    }
    if (rc < 0) {
        jn_buf_free(&text);
        return jn_fail(err, rc, "centre: %s: %s", from, strerror(-rc));
    }
    rc = jn_centre_parse(&e->directory, &e->rules, from, text.data ? text.data : "", text.len, &p);
    if (rc < 0) {
        fputs(p.text.data ? p.text.data : "", stderr);
        jn_fail(err, rc, "%s: %u mistakes; nothing was started", from, p.count);
    } else if (from != e->path_centre) {
        rc = jn_replace_file(e->path_centre, text.data, text.len, 0600);
    }
    jn_problems_free(&p);
    jn_buf_free(&text);
    return rc;
}

/* So that `junctor status` and its like on this machine find the engine; readable by its owner only. */
static int write_api_file(struct jn_engine *e)
{
    struct jn_buf b = {0};
    char token[JN_TOKEN_MAX];
    bool six = strchr(e->config.api_host, ':') != NULL;
    struct jn_claims claims = {.kind = JN_TOKEN_AGENT,
                               .role =
                                   JN_ROLE_ADMIN}; /* tenant 0: the installation itself; ends with this run's file */

    jn_random(&claims.nonce, sizeof claims.nonce);
    jn_token_sign(token, e->token_secret, &claims);
    jn_buf_printf(&b, "{\"url\":\"http://%s%s%s:%u\",\"admin_token\":\"%s\"}\n", six ? "[" : "", e->config.api_host,
                  six ? "]" : "", e->config.api_port, token);
    int rc = jn_replace_file(e->path_api, b.data, b.len, 0600);
    e->api_told = rc == 0;
    jn_buf_free(&b);
    return rc;
}

/* A taken port: who has it, and which key moves ours. */
static int tell_holder(struct jn_err *err, int rc, unsigned port, const char *key, const char *option)
{
    char holder[128], before[sizeof err->text];

    if (rc != -EADDRINUSE || !jn_port_holder(port, holder, sizeof holder))
        return rc;
    jn_copy(before, sizeof before, err->text);
    return jn_fail(err, rc, "%s: %s holds port %u; stop it, or change %s (engine/run: %s N)", before, holder, port, key,
                   option);
}

int jn_engine_open(struct jn_engine *e, struct jn_err *err)
{
    struct jn_waker *wakers[] = {&e->wake_router, &e->wake_journal, &e->wake_db,      &e->wake_sip,
                                 &e->wake_api,    &e->wake_main,    &e->wake_recorder};
    int rc;

    for (size_t i = 0; i < sizeof wakers / sizeof *wakers; i++)
        if (jn_waker_open(wakers[i]) < 0)
            return jn_fail(err, -errno, "no event descriptor left");
    if ((rc = jn_classify_self_test(err)) < 0 || (rc = jn_engine_data(e, err)) < 0 || (rc = load_centre(e, err)) < 0)
        return rc;
    if ((rc = jn_engine_recover(e, err)) < 0 || (rc = jn_engine_sounds(e, err)) < 0 ||
        (rc = jn_engine_trace_open(e, err)) < 0)
        return rc;
    if ((rc = make_boxes(e)) < 0)
        return jn_fail(err, rc, "no memory for mailboxes");
    if ((rc = open_workers(e, err)) < 0)
        return rc;
    if ((rc = jn_engine_api_open(e, err)) < 0)
        return tell_holder(err, rc, e->config.api_port, "api.port", "--api-port");
    rc = write_api_file(e);
    return rc < 0 ? jn_fail(err, rc, "%s: %s", e->path_api, strerror(-rc)) : 0;
}

/* Half an engine is of no use: without its threads the process ends, and says so. */
static void spawn(struct jn_engine *e, pthread_t *t, void *(*run)(void *engine))
{
    int rc = pthread_create(t, NULL, run, e);

    if (rc != 0) {
        jn_error("app", "no thread can be started: %s", strerror(rc));
        abort();
    }
}

int jn_engine_start(struct jn_engine *e, struct jn_err *err)
{
    int rc = 0;

    spawn(e, &e->t_journal, jn_thread_journal);
    spawn(e, &e->t_db, jn_thread_db);
    spawn(e, &e->t_recorder, jn_thread_recorder);
    spawn(e, &e->t_router, jn_thread_router);
    if (e->slow)
        rc = jn_slow_start(e->slow);
    for (unsigned i = 0; i < e->workers && rc == 0; i++)
        rc = jn_worker_start(e->worker[i]);
    spawn(e, &e->t_api, jn_thread_api);
    atomic_store(&e->api_ready, true);
    if (rc < 0)
        return jn_fail(err, rc, "a media worker cannot start: %s", strerror(-rc));
    if ((rc = jn_engine_settle(e)) < 0)
        return jn_fail(err, rc, "the router did not take the centre: %s", strerror(-rc));
    /* Last of all: when the first INVITE can come, everything behind it is there. */
    return tell_holder(err, jn_engine_sip_open(e, err), e->config.sip_port, "sip.port", "--port");
}

static void take_asks(struct jn_engine *e)
{
    struct jn_note n;

    do {
        jn_waker_awake(&e->wake_main);
        while (jn_mailbox_recv(&e->api_main, &n, 1) == 1)
            jn_engine_slow(e, n.ptr);
        jn_waker_about_to_sleep(&e->wake_main);
    } while (!jn_mailbox_empty(&e->api_main));
}

#define EXPIRE_EVERY_NS UINT64_C(600000000000)

/* Answers what comes until the signal or, with until_ns, that time; true: a signal. */
static bool serve_until(struct jn_engine *e, int signal_fd, uint64_t until_ns)
{
    struct pollfd p[2] = {{.fd = signal_fd, .events = POLLIN}, {.fd = e->wake_main.fd, .events = POLLIN}};

    while (jn_mono_ns() < until_ns) {
        take_asks(e);
        if (jn_mono_ns() >= e->expire_ns) {
            jn_engine_recordings_expire(e);
            e->expire_ns = jn_mono_ns() + EXPIRE_EVERY_NS;
        }
        jn_sounds_code(&e->sounds); /* one at a time: asks come between */
        poll(p, 2, until_ns == UINT64_MAX ? 1000 : 50);
        if (p[0].revents & POLLIN)
            return true;
        if (until_ns != UINT64_MAX && atomic_load_explicit(&e->calls, memory_order_relaxed) == 0)
            return false;
    }
    return false;
}

void jn_engine_serve(struct jn_engine *e, int signal_fd)
{
    while (!serve_until(e, signal_fd, UINT64_MAX))
        ;
}

void jn_engine_files(struct jn_engine *e)
{
    struct jn_note n = {.kind = JN_NOTE_FILES};

    jn_note_send(&e->main_sip, &n, "changed files");
}

unsigned jn_engine_drain(struct jn_engine *e, uint32_t limit_s, int signal_fd)
{
    struct jn_event ev = {.kind = JN_EV_DRAIN, .maker = JN_MAKER_APP, .drain.on = true};
    struct jn_note n = {.kind = JN_NOTE_DRAIN, .a = 1};

    jn_mailbox_send(&e->main_router, &ev);
    jn_note_send(&e->main_sip, &n, "drain");
    atomic_store_explicit(&e->draining, true, memory_order_relaxed);
    serve_until(e, signal_fd, jn_mono_ns() + (uint64_t)limit_s * 1000000000u);
    return (unsigned)atomic_load_explicit(&e->calls, memory_order_relaxed);
}

void jn_engine_stop(struct jn_engine *e)
{
    struct jn_note stop = {.kind = JN_NOTE_STOP};
    /* The next start must not find the drain of this one still on. */
    struct jn_event undrain = {.kind = JN_EV_DRAIN, .maker = JN_MAKER_APP, .drain.on = false};

    /* The API first: it reads the counters of all the others. */
    if (atomic_load(&e->api_ready)) {
        jn_api_stop(e->api);
        pthread_join(e->t_api, NULL);
    }
    if (atomic_load(&e->sip_ready)) {
        jn_note_send(&e->main_sip, &stop, "stop");
        pthread_join(e->t_sip, NULL);
    }
    jn_mailbox_send(&e->main_router, &undrain);
    for (unsigned i = e->workers; i-- > 0;) /* the first ones last: over DPDK the others may send through them */
        jn_worker_stop(e->worker[i]);
    jn_slow_stop(e->slow);
    atomic_store_explicit(&e->stop_router, true, memory_order_release);
    jn_waker_wake(&e->wake_router);
    pthread_join(e->t_router, NULL);
    atomic_store_explicit(&e->stop_recorder, true, memory_order_release);
    jn_waker_wake(&e->wake_recorder);
    pthread_join(e->t_recorder, NULL);
    atomic_store_explicit(&e->stop_db, true, memory_order_release);
    jn_waker_wake(&e->wake_db);
    pthread_join(e->t_db, NULL);
    atomic_store_explicit(&e->stop_journal, true, memory_order_release);
    jn_waker_wake(&e->wake_journal);
    pthread_join(e->t_journal, NULL);
}

static void free_boxes(struct jn_engine *e)
{
    struct jn_mailbox *all[] = {&e->sip_router, &e->api_router, &e->main_router,    &e->router_sip,
                                &e->router_api, &e->router_db,  &e->router_journal, &e->router_journal_note,
                                &e->sip_db,     &e->sip_api,    &e->api_db,         &e->api_journal,
                                &e->api_sip,    &e->api_main,   &e->db_api,         &e->journal_api,
                                &e->main_api,   &e->main_sip,   &e->main_db};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        jn_mailbox_free(all[i]);
    for (unsigned i = 0; i < e->workers; i++) {
        jn_mailbox_free(&e->sip_worker[i]);
        jn_mailbox_free(&e->worker_sip[i]);
        jn_rec_ring_free(&e->worker_recorder[i]);
    }
}

void jn_engine_close(struct jn_engine *e)
{
    struct jn_waker *wakers[] = {&e->wake_router, &e->wake_journal, &e->wake_db,      &e->wake_sip,
                                 &e->wake_api,    &e->wake_main,    &e->wake_recorder};

    jn_engine_trace_close(e);
    if (e->api) {
        jn_api_close(e->api); /* lets go of its sockets, which are the chats' watchers */
        jn_act_message_close(e->message);
    }
    for (unsigned i = 0; i < e->workers; i++)
        jn_worker_close(e->worker[i]);
    jn_slow_close(e->slow);
    jn_engine_media_close(e);
    if (e->recorder)
        jn_rec_writer_close(e->recorder);
    if (e->messages)
        jn_message_log_close(e->messages);
    if (e->journal)
        jn_journal_close(e->journal);
    if (e->store)
        jn_store_close(e->store);
    if (e->router)
        jn_router_free(e->router);
    if (e->directory)
        jn_directory_unref(e->directory);
    if (e->rules)
        jn_rules_unref(e->rules);
    jn_sounds_free(&e->sounds);
    free_boxes(e);
    if (e->api_told) /* not when another engine has this folder: the file is that one's */
        unlink(e->path_api);
    explicit_bzero(e->master_key, sizeof e->master_key);
    explicit_bzero(e->token_secret, sizeof e->token_secret);
    for (size_t i = 0; i < sizeof wakers / sizeof *wakers; i++)
        jn_waker_close(wakers[i]);
    if (e->lock_fd > 0)
        close(e->lock_fd);
}
