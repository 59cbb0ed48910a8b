/* Journal thread: the router's events and the customers' messages become durable in groups: one write and one sync for
 * all that came meanwhile. */
#include "engine/api/request.h"
#include "engine/app/engine.h"
#include "engine/base/clock.h"
#include "engine/store/journal_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BURST = 64, STORES_MAX = 512 };
/* A sync costs the processor as much as dozens of events: commits begin at least this far apart, the first after a rest
 * at once. What waits for its commit waits so much longer at most. */
#define COMMIT_APART_NS UINT64_C(4000000)

struct loop {
    struct jn_engine *e;
    struct jn_ask *stored[STORES_MAX]; /* messages of the coming commit */
    unsigned n_stored;
    uint64_t appended, commit_ns;     /* when the last commit began */
    struct jn_snapshot_job *snapshot; /* waits for the database */
};

static void answer(struct loop *l, struct jn_ask *a)
{
    struct jn_note n = {.kind = JN_NOTE_ANSWER, .ptr = a};

    if (jn_note_send(&l->e->journal_api, &n, "answer of the journal") < 0)
        jn_ask_free(a);
}

static unsigned take_records(struct loop *l)
{
    static struct jn_record rec[BURST];
    unsigned n, all = 0;

    while (all < 16 * BURST && (n = jn_mailbox_recv(&l->e->router_journal, rec, BURST)) > 0) {
        for (unsigned i = 0; i < n; i++) {
            int rc;
            /* The journal refuses appends while its disk does; the event has been applied and must not be lost, so it
             * is tried until it is in. */
            while ((rc = jn_journal_append(l->e->journal, rec[i].seq, rec[i].time_us, rec[i].bytes, rec[i].len)) < 0) {
                if (!atomic_exchange_explicit(&l->e->journal_failing, true, memory_order_relaxed))
                    jn_error("journal", "cannot append: %s; new work is refused until it can", strerror(-rc));
                jn_waker_sleep(&l->e->wake_journal, 200000);
                jn_journal_commit(l->e->journal);
                if (atomic_load_explicit(&l->e->stop_journal, memory_order_acquire))
                    return all;
            }
            l->appended = rec[i].seq;
        }
        all += n;
    }
    return all;
}

static void each_message(void *arg, const struct jn_message *m)
{
    struct jn_buf *out = arg;

    if (out->data[out->len - 1] == '}')
        jn_buf_text(out, ",");
    jn_api_message_json(out, m->n, m->at_us, m->from, m->body, m->len);
}

static void take_store(struct loop *l, struct jn_ask *a)
{
    struct jn_message m = {.ix = a->id,
                           .tenant = a->tenant,
                           .at_us = jn_time_us(),
                           .agent = a->agent,
                           .from = a->from,
                           .body = a->text.data ? a->text.data : "",
                           .len = (uint32_t)a->text.len};

    jn_copy(m.key, sizeof m.key, a->key);
    if (a->note_len > 0)
        a->status = jn_message_log_note(l->e->messages, a->id, a->tenant, a->note, a->note_len);
    if (a->status == 0)
        a->status = jn_message_log_append(l->e->messages, &m);
    if (a->status == -EEXIST) {
        a->duplicate = true;
        a->status = 0;
    }
    a->n = m.n;
    a->at_us = m.at_us;
    if (a->status < 0)
        answer(l, a);
    else
        l->stored[l->n_stored++] = a;
}

static void take_ask(struct loop *l, struct jn_ask *a)
{
    switch (a->kind) {
    case JN_ASK_MSG_STORE:
        take_store(l, a);
        return;
    case JN_ASK_MSG_READ:
        jn_buf_text(&a->answer, "[");
        a->status = jn_message_log_read(l->e->messages, a->id, (uint32_t)a->before, each_message, &a->answer);
        jn_buf_text(&a->answer, "]");
        break;
    case JN_ASK_MSG_ERASE:
        a->status = jn_message_log_erase(l->e->messages, a->id);
        break;
    default:
        a->status = -EINVAL;
    }
    answer(l, a);
}

static unsigned take_asks(struct loop *l)
{
    struct jn_note n;
    unsigned all = 0;

    while (l->n_stored < STORES_MAX && jn_mailbox_recv(&l->e->api_journal, &n, 1) == 1) {
        all++;
        take_ask(l, n.ptr);
    }
    return all;
}

static unsigned take_notes(struct loop *l)
{
    struct jn_note n;
    unsigned all = 0;

    while (jn_mailbox_recv(&l->e->router_journal_note, &n, 1) == 1) {
        all++;
        if (n.kind == JN_NOTE_SNAPSHOT) {
            if (l->snapshot) {
                jn_buf_free(&l->snapshot->state);
                free(l->snapshot);
            }
            l->snapshot = n.ptr;
        } else if (n.kind == JN_NOTE_CHECK) {
            struct jn_check_job *c = n.ptr;
            jn_journal_check(l->e->journal, c->seq, c->command_hash, c->state_hash);
            free(c);
        }
    }
    return all;
}

static void commit(struct loop *l)
{
    struct jn_engine *e = l->e;
    l->commit_ns = jn_mono_ns();
    int rc = jn_journal_commit(e->journal);

    if (rc == 0) {
        if (atomic_exchange_explicit(&e->journal_failing, false, memory_order_relaxed))
            jn_info("journal", "appends again");
        /* Pairs with the acquire in thread_router. */
        atomic_store_explicit(&e->durable_seq, l->appended, memory_order_release);
        atomic_fetch_add_explicit(&e->journal_commits, 1, memory_order_relaxed);
        jn_waker_wake(&e->wake_router);
    } else if (!atomic_exchange_explicit(&e->journal_failing, true, memory_order_relaxed)) {
        jn_error("journal", "cannot commit: %s; new work is refused until it can", strerror(-rc));
    }
    if (l->n_stored == 0)
        return;
    rc = jn_message_log_commit(e->messages);
    atomic_store_explicit(&e->messages_failing, rc < 0, memory_order_relaxed);
    if (rc < 0)
        jn_error("journal", "messages cannot be stored: %s", strerror(-rc));
    for (unsigned i = 0; i < l->n_stored; i++) {
        l->stored[i]->status = rc;
        answer(l, l->stored[i]);
    }
    l->n_stored = 0;
}

/* A snapshot counts only once the database has every row before it: recovery then never needs rows older than its
 * snapshot. */
static void write_snapshot(struct loop *l)
{
    struct jn_engine *e = l->e;
    struct jn_err err;
    struct jn_snapshot_job *s = l->snapshot;

    if (!s || atomic_load_explicit(&e->stored_seq, memory_order_acquire) < s->seq ||
        atomic_load_explicit(&e->durable_seq, memory_order_relaxed) < s->seq)
        return;
    const struct jn_config *c = &e->config;
    jn_journal_bounds(e->journal, c->max_agents, c->max_queues, c->max_tenants, c->max_interactions);
    if (jn_snapshot_write(e->path_journal, s->seq, s->time_us, s->state.data, s->state.len, 2,
                          (uint64_t)e->config.keep_journal_s * 1000000, &err) < 0)
        jn_warn("journal", "no snapshot: %s", err.text);
    jn_buf_free(&s->state);
    free(s);
    l->snapshot = NULL;
}

/* Lets the next group gather. */
static void gather(struct loop *l)
{
    uint64_t now = jn_mono_ns(), due = l->commit_ns + COMMIT_APART_NS;

    if (now < due && !atomic_load_explicit(&l->e->stop_journal, memory_order_acquire))
        jn_waker_sleep(&l->e->wake_journal, (due - now) / 1000 + 1);
}

void *jn_thread_journal(void *engine)
{
    struct jn_engine *e = engine;
    static struct loop l;

    pthread_setname_np(pthread_self(), "jn-journal");
    l = (struct loop){.e = e, .appended = atomic_load(&e->durable_seq)};
    for (;;) {
        gather(&l);
        unsigned n = take_records(&l);
        n += take_asks(&l);
        n += take_notes(&l);
        bool behind = l.appended > atomic_load_explicit(&e->durable_seq, memory_order_relaxed);
        if (n > 0 || behind)
            commit(&l);
        write_snapshot(&l);
        if (n > 0)
            continue;
        if (atomic_load_explicit(&e->stop_journal, memory_order_acquire))
            break;
        jn_waker_about_to_sleep(&e->wake_journal);
        if (jn_mailbox_empty(&e->router_journal) && jn_mailbox_empty(&e->api_journal) &&
            jn_mailbox_empty(&e->router_journal_note))
            jn_waker_sleep(&e->wake_journal, 200000);
        jn_waker_awake(&e->wake_journal);
    }
    if (l.snapshot) {
        write_snapshot(&l);
        if (l.snapshot) {
            jn_buf_free(&l.snapshot->state);
            free(l.snapshot);
        }
    }
    return NULL;
}
