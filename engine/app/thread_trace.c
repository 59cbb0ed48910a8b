/* Trace thread: records from the signalling thread into the trace log. The ring between them is bounded: a record that
 * finds no room is counted and gone, signalling never waits. */
#include "engine/app/engine.h"
#include "engine/base/clock.h"
#include "engine/store/trace_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 8192, PART = 1020, LOOK_US = 50000 };

/* A part of a record; the last one says so. */
struct slot {
    uint16_t len;
    uint16_t last;
    uint8_t bytes[PART];
};
static_assert(sizeof(struct slot) == 1024, "a power of two");

struct jn_tracing {
    struct jn_mailbox ring; /* struct slot, signalling to here */
    struct jn_waker wake;
    struct jn_trace_writer *writer;
    pthread_t thread;
    bool started;
    _Atomic bool stop;
    _Atomic uint64_t taken, dropped /* the ring was full, or the text too long */, lost /* the disk refused */;
    uint8_t out[JN_TRACE_BYTES_MAX]; /* signalling's: the record that is sent */
    size_t used;                     /* the thread's: the record that arrives */
    uint8_t in[JN_TRACE_BYTES_MAX];
};

static void take(struct jn_tracing *t, const struct slot *s)
{
    if (t->used + s->len <= sizeof t->in) {
        memcpy(t->in + t->used, s->bytes, s->len);
        t->used += s->len;
    }
    if (!s->last)
        return;
    if (jn_trace_put(t->writer, t->in, t->used) < 0)
        atomic_fetch_add_explicit(&t->lost, 1, memory_order_relaxed);
    t->used = 0;
}

static void *run(void *arg)
{
    struct jn_tracing *t = arg;
    struct slot s;
    bool failing = false;

    pthread_setname_np(pthread_self(), "jn-trace");
    for (;;) {
        bool stop = atomic_load_explicit(&t->stop, memory_order_acquire);
        while (jn_mailbox_recv(&t->ring, &s, 1) == 1)
            take(t, &s);
        int rc = jn_trace_flush(t->writer, jn_time_us());
        if (rc < 0) {
            atomic_fetch_add_explicit(&t->lost, 1, memory_order_relaxed);
            if (!failing)
                jn_error("trace", "cannot be written: %s; what is lost is counted", strerror(-rc));
        } else if (failing) {
            jn_info("trace", "is written again");
        }
        failing = rc < 0;
        if (stop)
            return NULL;
        jn_waker_sleep(&t->wake, LOOK_US);
    }
}

int jn_engine_trace_open(struct jn_engine *e, struct jn_err *err)
{
    char dir[JN_PATH_MAX + 32];

    if (!e->config.trace_messages)
        return 0;
    struct jn_tracing *t = calloc(1, sizeof *t);
    if (!t)
        return jn_fail(err, -ENOMEM, "no memory for traces");
    e->tracing = t;
    snprintf(dir, sizeof dir, "%s/trace", e->config.data_dir);
    if (jn_waker_open(&t->wake) < 0 || jn_mailbox_init(&t->ring, SLOTS, sizeof(struct slot), NULL) < 0)
        return jn_fail(err, -ENOMEM, "no memory for traces");
    int rc = jn_trace_open(&t->writer, dir, (uint64_t)e->config.trace_size_mb << 20, e->config.trace_keep_s, err);
    if (rc < 0)
        return rc;
    rc = pthread_create(&t->thread, NULL, run, t);
    t->started = rc == 0;
    return rc ? jn_fail(err, -rc, "the trace thread cannot start: %s", strerror(rc)) : 0;
}

void jn_engine_trace_close(struct jn_engine *e)
{
    struct jn_tracing *t = e->tracing;

    if (!t)
        return;
    if (t->started) {
        atomic_store_explicit(&t->stop, true, memory_order_release);
        jn_waker_wake(&t->wake);
        pthread_join(t->thread, NULL);
    }
    jn_trace_close(t->writer);
    jn_mailbox_free(&t->ring);
    jn_waker_close(&t->wake);
    free(t);
    e->tracing = NULL;
}

/* All parts or none. */
static void send(struct jn_tracing *t, const struct jn_trace_record *r)
{
    size_t n = jn_trace_encode(t->out, r), parts = (n + PART - 1) / PART, kept = 0;
    struct slot s;

    while (kept < parts && jn_mailbox_reserve(&t->ring) == 0)
        kept++;
    if (n == 0 || kept < parts) {
        while (kept-- > 0)
            jn_mailbox_unreserve(&t->ring);
        atomic_fetch_add_explicit(&t->dropped, 1, memory_order_relaxed);
        return;
    }
    for (size_t at = 0; at < n; at += PART) {
        s.len = (uint16_t)(n - at < PART ? n - at : PART);
        s.last = at + PART >= n;
        memcpy(s.bytes, t->out + at, s.len);
        jn_mailbox_send_reserved(&t->ring, &s);
    }
    atomic_fetch_add_explicit(&t->taken, 1, memory_order_relaxed);
}

void jn_engine_trace_seen(void *arg, const struct jn_sip_seen *m)
{
    struct jn_engine *e = arg;
    struct jn_trace_record r = {.kind = JN_TRACE_MESSAGE,
                                .at_us = m->at_us,
                                .sent = m->sent,
                                .transport = m->transport,
                                .local = m->local,
                                .peer = m->peer,
                                .call_id = m->call_id,
                                .call_id_len = m->call_id_len,
                                .text = m->text,
                                .text_len = m->len};
    send(e->tracing, &r);
}

void jn_engine_trace_leg(void *engine, const struct jn_voice_leg_seen *l)
{
    struct jn_engine *e = engine;
    char call_id[JN_TRACE_CALL_ID_MAX + 1] = "";

    if (!e->tracing)
        return;
    struct jn_trace_record r = {.kind = l->stats ? JN_TRACE_MEDIA : JN_TRACE_LEG,
                                .at_us = jn_time_us(),
                                .ix = l->ix,
                                .tenant = l->tenant,
                                .agent = l->agent,
                                .leg = l->leg,
                                .side = l->side,
                                .worker = l->worker,
                                .codec = l->codec,
                                .suite = l->suite,
                                .local = l->local,
                                .peer = l->peer};
    if (l->stats) {
        r.stats = *l->stats;
    } else {
        if (jn_sip_call_id(e->sip, l->sip, call_id, sizeof call_id) < 0)
            return;
        r.call_id = call_id;
        r.call_id_len = (uint16_t)strlen(call_id);
    }
    send(e->tracing, &r);
}

void jn_engine_trace_trouble(void *engine, const struct jn_voice_trouble *t)
{
    struct jn_engine *e = engine;

    if (!e->tracing)
        return;
    struct jn_trace_record r = {.kind = JN_TRACE_TROUBLE,
                                .at_us = jn_time_us(),
                                .ix = t->ix,
                                .tenant = t->tenant,
                                .agent = t->agent,
                                .leg = t->leg,
                                .side = t->side,
                                .what = t->what,
                                .on = t->on};
    send(e->tracing, &r);
}

void jn_engine_trace_metrics(const struct jn_engine *e, struct jn_buf *out)
{
    const struct jn_tracing *t = e->tracing;
    static const char *const names[] = {"taken", "dropped", "lost"};

    if (!t)
        return;
    const uint64_t values[] = {atomic_load_explicit(&t->taken, memory_order_relaxed),
                               atomic_load_explicit(&t->dropped, memory_order_relaxed),
                               atomic_load_explicit(&t->lost, memory_order_relaxed)};
    jn_buf_text(out, "# HELP junctor_trace_records_total Trace records: taken, dropped on a full ring, lost to the disk"
                     "\n# TYPE junctor_trace_records_total counter\n");
    for (unsigned i = 0; i < 3; i++)
        jn_buf_printf(out, "junctor_trace_records_total{what=\"%s\"} %llu\n", names[i], (unsigned long long)values[i]);
}
