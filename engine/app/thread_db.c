/* Database thread: rows of interactions and calls, dialogs, audit, and the questions of the API; one durable
 * transaction for all that came meanwhile. */
#include "engine/app/engine.h"
#include "engine/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BURST = 256, ASKS_MAX = 64, GATHER_US = 2000 };
/* Under load transactions begin at least this far apart: one sync for the rows of many calls. */
#define COMMIT_APART_NS UINT64_C(25000000)

struct loop {
    struct jn_engine *e;
    struct jn_directory *dir;
    struct jn_command *rows; /* of the open transaction, kept until it is committed */
    unsigned n_rows;
    struct jn_note notes[BURST];
    unsigned n_notes;
    uint64_t seq, commit_ns; /* when the last transaction began */
};

/* Whether it may stand somewhere else from now on; the others need not be looked at. */
static bool begins_segment(const struct jn_command *c)
{
    switch ((enum jn_command_kind)c->kind) {
    case JN_CMD_QUEUED:
    case JN_CMD_OFFER:
    case JN_CMD_CONNECT:
    case JN_CMD_CALL:
    case JN_CMD_CLOSED:
        return true;
    case JN_CMD_RECORD: /* the agent left it, or (closed long ago) wrap-up is over */
        return !c->row.ended_us;
    default:
        return false;
    }
}

static int segment(struct jn_store *s, const struct jn_directory *dir, const struct jn_command *c)
{
    const struct jn_dir_queue *q = dir ? jn_dir_queue(dir, c->row.queue) : NULL;
    const struct jn_dir_agent *a = dir && c->row.agent ? jn_dir_agent(dir, c->row.agent) : NULL;

    return begins_segment(c) ? jn_store_segment(s, &c->row, c->time_us, q ? q->name : "", a ? a->name : "") : 0;
}

int jn_engine_row(struct jn_store *s, const struct jn_directory *dir, const struct jn_command *c);

int jn_engine_row(struct jn_store *s, const struct jn_directory *dir, const struct jn_command *c)
{
    const struct jn_ix_row *row = &c->row;
    const struct jn_dir_tenant *t = dir ? jn_dir_tenant(dir, row->tenant) : NULL;
    const struct jn_dir_queue *q = dir ? jn_dir_queue(dir, row->queue) : NULL;
    const struct jn_dir_agent *a = dir && row->agent ? jn_dir_agent(dir, row->agent) : NULL;

    int rc = jn_store_ix(s, row, t ? t->name : "", q ? q->name : "", a ? a->name : "");
    return rc < 0 ? rc : segment(s, dir, c);
}

/* A later row of the same interaction comes in the same transaction: it says everything that this one would. */
static bool superseded(const struct loop *l, unsigned i)
{
    for (unsigned k = i + 1; k < l->n_rows; k++)
        if (l->rows[k].row.id == l->rows[i].row.id)
            return true;
    return false;
}

static int apply_note(struct loop *l, const struct jn_note *n)
{
    struct jn_store *s = l->e->store;
    const struct jn_sip_dialog *d = n->ptr;
    const struct jn_sip_registration *r = n->ptr;
    char key[48];
    int rc;

    switch (n->kind) {
    case JN_NOTE_CALL:
        return jn_store_call(s, n->ptr);
    case JN_NOTE_DIALOG:
        snprintf(key, sizeof key, "dialog/%u/%llu", l->e->boot, (unsigned long long)d->leg);
        return jn_store_put(s, key, d, sizeof *d);
    case JN_NOTE_DIALOG_END:
        snprintf(key, sizeof key, "dialog/%u/%llu", l->e->boot, (unsigned long long)n->a);
        rc = jn_store_del(s, key);
        return rc == -ENOENT ? 0 : rc;
    case JN_NOTE_REGISTERED:
        snprintf(key, sizeof key, "phone/%llu", (unsigned long long)r->agent);
        return jn_store_put(s, key, r, sizeof *r);
    case JN_NOTE_UNREGISTERED:
        snprintf(key, sizeof key, "phone/%llu", (unsigned long long)n->a);
        rc = jn_store_del(s, key);
        return rc == -ENOENT ? 0 : rc;
    default:
        return 0;
    }
}

static int transaction(struct loop *l)
{
    struct jn_store *s = l->e->store;
    int rc = jn_store_begin(s);

    for (unsigned i = 0; rc == 0 && i < l->n_rows; i++)
        rc = superseded(l, i) ? segment(s, l->dir, &l->rows[i]) : jn_engine_row(s, l->dir, &l->rows[i]);
    for (unsigned i = 0; rc == 0 && i < l->n_notes; i++)
        rc = apply_note(l, &l->notes[i]);
    if (rc == 0)
        rc = jn_store_commit(s, l->seq);
    if (rc < 0)
        jn_store_rollback(s);
    return rc;
}

/* Collects what is there; a directory note changes the names used from the next transaction on. */
static void collect(struct loop *l)
{
    struct jn_note n;

    l->n_rows = jn_mailbox_recv(&l->e->router_db, l->rows, BURST);
    l->n_notes = jn_mailbox_recv(&l->e->sip_db, l->notes, BURST);
    for (unsigned i = 0; i < l->n_rows; i++)
        l->seq = l->rows[i].seq > l->seq ? l->rows[i].seq : l->seq;
    while (jn_mailbox_recv(&l->e->main_db, &n, 1) == 1) {
        jn_directory_unref(l->dir);
        l->dir = n.ptr;
    }
}

static bool store_all(struct loop *l)
{
    struct jn_engine *e = l->e;

    collect(l);
    if (l->n_rows + l->n_notes == 0)
        return false;
    l->commit_ns = jn_mono_ns();
    int rc;
    while ((rc = transaction(l)) < 0) {
        if (!atomic_exchange_explicit(&e->store_failing, true, memory_order_relaxed))
            jn_error("database", "cannot commit: %s; rows wait, nothing is lost", strerror(-rc));
        if (atomic_load_explicit(&e->stop_db, memory_order_acquire))
            return false; /* the journal has them: recovery writes them again */
        jn_waker_sleep(&e->wake_db, 500000);
    }
    if (atomic_exchange_explicit(&e->store_failing, false, memory_order_relaxed))
        jn_info("database", "commits again");
    atomic_store_explicit(&e->stored_seq, l->seq, memory_order_release);
    for (unsigned i = 0; i < l->n_notes; i++)
        free(l->notes[i].ptr);
    return true;
}

static void take_ask(struct loop *l, struct jn_ask *a)
{
    struct jn_store *s = l->e->store;

    switch (a->kind) {
    case JN_ASK_IX:
        a->status = jn_store_ix_json(s, a->tenant, a->id, &a->answer);
        break;
    case JN_ASK_SEGMENTS:
        a->status = jn_store_segments_json(s, a->tenant, a->id, &a->answer);
        break;
    case JN_ASK_LIST:
        a->status = jn_store_list_json(s, a->tenant, a->channel, a->before, a->limit, &a->answer);
        break;
    case JN_ASK_REPORT:
        a->status = jn_store_report_json(s, a->tenant, a->from_us, a->to_us, &a->answer);
        break;
    case JN_ASK_AUDIT:
        a->status = jn_store_audit(s, jn_time_us(), a->tenant, a->who, (enum jn_audit_kind)a->control,
                                   a->text.data ? a->text.data : "");
        break;
    case JN_ASK_AUDIT_LIST:
        a->status = jn_store_audit_json(s, a->tenant, a->before, a->limit, a->who, &a->answer);
        break;
    default:
        a->status = -EINVAL;
    }
    struct jn_note n = {.kind = JN_NOTE_ANSWER, .ptr = a};
    if (jn_note_send(&l->e->db_api, &n, "answer of the database") < 0)
        jn_ask_free(a);
}

/* Lets rows gather, so that commits stay few: readers see them within milliseconds, under load within COMMIT_APART_NS.
 * A full burst says that more waits already. */
static void gather(struct loop *l)
{
    uint64_t now = jn_mono_ns(), due = l->commit_ns + COMMIT_APART_NS, wait_us = GATHER_US;

    if (l->n_rows == BURST || l->n_notes == BURST)
        return;
    if (now < due && (due - now) / 1000 > wait_us)
        wait_us = (due - now) / 1000;
    if (!atomic_load_explicit(&l->e->stop_db, memory_order_acquire))
        jn_waker_sleep(&l->e->wake_db, wait_us);
}

void *jn_thread_db(void *engine)
{
    struct jn_engine *e = engine;
    struct loop l = {.e = e, .dir = jn_directory_ref(e->directory), .seq = atomic_load(&e->stored_seq)};
    struct jn_note n;

    pthread_setname_np(pthread_self(), "jn-database");
    l.rows = malloc(BURST * sizeof *l.rows);
    if (!l.rows)
        abort();
    for (;;) {
        bool some = store_all(&l);
        for (unsigned i = 0; i < ASKS_MAX && jn_mailbox_recv(&e->api_db, &n, 1) == 1; i++) {
            take_ask(&l, n.ptr);
            some = true;
        }
        if (atomic_load_explicit(&e->stop_db, memory_order_acquire)) {
            if (!some)
                break;
            continue;
        }
        jn_waker_about_to_sleep(&e->wake_db);
        if (jn_mailbox_empty(&e->router_db) && jn_mailbox_empty(&e->sip_db) && jn_mailbox_empty(&e->api_db) &&
            jn_mailbox_empty(&e->main_db))
            jn_waker_sleep(&e->wake_db, 500000);
        jn_waker_awake(&e->wake_db);
        gather(&l);
    }
    free(l.rows);
    jn_directory_unref(l.dir);
    return NULL;
}
