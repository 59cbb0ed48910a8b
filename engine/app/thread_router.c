/* Router thread: stamps events, hands them to the journal, applies them, and lets commands out: at once, or when the
 * journal is durable. */
#include "engine/app/engine.h"
#include "engine/base/clock.h"

#include <errno.h>
#include <stdlib.h>

enum { BURST = 64, HOLD_STOP = 16384, CHECK_EVERY = 1000 };

/* Commands for one reader in order; those that wait hold back those behind them, so that nothing overtakes.
 * tests/model/hold.pml is its proof. */
struct hold {
    struct jn_command *at;
    uint32_t first, count, cap;
    struct jn_mailbox *to;
};
struct loop {
    struct jn_engine *e;
    struct hold sip, api, db;
    uint64_t seq, last_us, snapshot_seq, snapshot_us, start_seq;
};

static void hold_push(struct hold *h, const struct jn_command *c)
{
    if (h->count == h->cap) {
        uint32_t cap = h->cap ? 2 * h->cap : 1024;
        struct jn_command *wider = malloc(cap * sizeof *wider);
        if (!wider)
            abort(); /* a command cannot be dropped; the journal brings us back */
        for (uint32_t i = 0; i < h->count; i++)
            wider[i] = h->at[(h->first + i) & (h->cap - 1)];
        free(h->at);
        *h = (struct hold){wider, 0, h->count, cap, h->to};
    }
    h->at[(h->first + h->count++) & (h->cap - 1)] = *c;
}

static void hold_release(struct hold *h, uint64_t durable)
{
    while (h->count > 0) {
        struct jn_command *c = &h->at[h->first & (h->cap - 1)];
        if ((c->wait && c->seq > durable) || jn_mailbox_send(h->to, c) < 0)
            return;
        h->first++;
        h->count--;
    }
}

/* The router's emit: which readers a command has. */
static void deliver(void *arg, const struct jn_command *c)
{
    struct loop *l = arg;

    if (c->kind == JN_CMD_REFUSED || c->kind == JN_CMD_DONE) {
        if (c->maker == JN_MAKER_SIP)
            hold_push(&l->sip, c);
        else if (c->maker == JN_MAKER_API)
            hold_push(&l->api, c);
        else if (c->maker == JN_MAKER_APP && c->kind == JN_CMD_REFUSED && c->why != JN_WHY_DUPLICATE)
            jn_warn("router", "a change was refused: why=%u", c->why);
        return;
    }
    if (jn_command_about_ix(c->kind)) {
        if (c->row.channel == JN_CH_VOICE)
            hold_push(&l->sip, c);
        /* What the database has must be in the journal too: after a crash the numbers of lost events are given again.
         */
        struct jn_command row = *c;
        row.wait = true;
        hold_push(&l->db, &row);
    }
    if (c->kind == JN_CMD_AGENT) /* nailed-up lines follow their agents */
        hold_push(&l->sip, c);
    hold_push(&l->api, c);
}

static void (*emit_to)(void *arg, const struct jn_command *c);
static void *emit_arg;

/* Given to jn_router_new before the thread exists; recovery and the loop set where it leads. */
void jn_engine_emit(void *arg, const struct jn_command *c);
void jn_engine_emit_set(void (*to)(void *arg, const struct jn_command *c), void *arg);

void jn_engine_emit(void *arg, const struct jn_command *c)
{
    (void)arg;
    if (emit_to)
        emit_to(emit_arg, c);
}

void jn_engine_emit_set(void (*to)(void *arg, const struct jn_command *c), void *arg)
{
    emit_to = to;
    emit_arg = arg;
}

/* The journal has room, and no reader is so far behind that more would only pile up. */
static bool may_take(struct loop *l)
{
    return l->sip.count < HOLD_STOP && l->api.count < HOLD_STOP && l->db.count < HOLD_STOP;
}

static void take(struct loop *l, struct jn_event *ev)
{
    struct jn_record rec;
    uint64_t now = jn_time_us();

    ev->time_us = now > l->last_us ? now : l->last_us;
    ev->seq = l->seq + 1;
    rec.seq = ev->seq;
    rec.time_us = ev->time_us;
    rec.len = (uint32_t)jn_event_encode(rec.bytes, ev);
    jn_mailbox_send_reserved(&l->e->router_journal, &rec);
    l->seq = ev->seq;
    l->last_us = ev->time_us;
    jn_router_apply(l->e->router, ev);
    atomic_fetch_add_explicit(&l->e->events_taken, 1, memory_order_relaxed);
}

static unsigned take_from(struct loop *l, struct jn_mailbox *m)
{
    struct jn_event ev;
    unsigned n = 0;

    while (n < BURST && may_take(l) && !jn_mailbox_empty(m) && jn_mailbox_reserve(&l->e->router_journal) == 0) {
        if (jn_mailbox_recv(m, &ev, 1) == 0) {
            jn_mailbox_unreserve(&l->e->router_journal);
            break;
        }
        take(l, &ev);
        n++;
    }
    return n;
}

static void take_own(struct loop *l, uint8_t kind)
{
    struct jn_event ev = {.kind = kind, .maker = JN_MAKER_ROUTER};

    if (jn_mailbox_reserve(&l->e->router_journal) == 0)
        take(l, &ev);
}

static void check_record(struct loop *l)
{
    struct jn_check_job *job = calloc(1, sizeof *job);

    if (!job)
        return;
    *job = (struct jn_check_job){l->seq, jn_router_command_hash(l->e->router), jn_router_state_hash(l->e->router)};
    struct jn_note n = {.kind = JN_NOTE_CHECK, .ptr = job};
    if (jn_note_send(&l->e->router_journal_note, &n, "check") < 0)
        free(job);
}

static void checkpoint(struct loop *l)
{
    struct jn_engine *e = l->e;
    uint64_t since = l->seq - l->snapshot_seq;
    bool due = since >= e->config.snapshot_events ||
               (since > 0 && l->last_us - l->snapshot_us >= (uint64_t)e->config.snapshot_s * 1000000);

    if (!due)
        return;
    struct jn_snapshot_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    job->seq = l->seq;
    job->time_us = l->last_us;
    l->snapshot_seq = l->seq;
    l->snapshot_us = l->last_us;
    check_record(l); /* what replay compares, also on a quiet day */
    struct jn_note n = {.kind = JN_NOTE_SNAPSHOT, .ptr = job};
    if (jn_router_save(e->router, &job->state) < 0 || jn_note_send(&e->router_journal_note, &n, "snapshot") < 0) {
        jn_buf_free(&job->state);
        free(job);
    }
}

static bool work(struct loop *l)
{
    struct jn_engine *e = l->e;
    uint64_t before = l->seq;
    unsigned n = take_from(l, &e->sip_router) + take_from(l, &e->api_router) + take_from(l, &e->main_router);

    if (jn_router_next_us(e->router) <= jn_time_us())
        take_own(l, JN_EV_TICK);
    if (before / CHECK_EVERY != l->seq / CHECK_EVERY)
        check_record(l);
    /* Pairs with the release in thread_journal: what is counted durable was synced. */
    uint64_t durable = atomic_load_explicit(&e->durable_seq, memory_order_acquire);
    hold_release(&l->sip, durable);
    hold_release(&l->api, durable);
    hold_release(&l->db, durable);
    atomic_store_explicit(&e->held_commands, l->sip.count + l->api.count + l->db.count, memory_order_relaxed);
    checkpoint(l);
    return n > 0;
}

/* Something can be done at once: mail that may be taken, or a command that may go out. */
static bool ready(struct loop *l)
{
    struct jn_engine *e = l->e;

    if (may_take(l) &&
        (!jn_mailbox_empty(&e->sip_router) || !jn_mailbox_empty(&e->api_router) || !jn_mailbox_empty(&e->main_router)))
        return true;
    uint64_t durable = atomic_load_explicit(&e->durable_seq, memory_order_acquire);
    struct hold *all[] = {&l->sip, &l->api, &l->db};
    for (unsigned i = 0; i < 3; i++) {
        const struct jn_command *c = all[i]->count ? &all[i]->at[all[i]->first & (all[i]->cap - 1)] : NULL;
        if (c && !(c->wait && c->seq > durable))
            return true;
    }
    return false;
}

static void rest(struct loop *l)
{
    struct jn_engine *e = l->e;

    jn_waker_about_to_sleep(&e->wake_router);
    if (!ready(l)) {
        uint64_t next = jn_router_next_us(e->router), now = jn_time_us(), wait = 500000;
        if (next <= now)
            wait = 0;
        else if (next - now < wait)
            wait = next - now;
        jn_waker_sleep(&e->wake_router, wait);
    } else if (l->sip.count + l->api.count + l->db.count > 0) {
        jn_waker_sleep(&e->wake_router, 1000); /* a reader's mailbox is full: it does not ring when it empties */
    }
    jn_waker_awake(&e->wake_router);
}

void *jn_thread_router(void *engine)
{
    struct jn_engine *e = engine;
    struct loop l = {.e = e, .sip.to = &e->router_sip, .api.to = &e->router_api, .db.to = &e->router_db};

    pthread_setname_np(pthread_self(), "jn-router");
    l.seq = jn_router_seq(e->router);
    l.last_us = jn_time_us();
    l.snapshot_seq = l.seq;
    l.snapshot_us = l.last_us;
    jn_engine_emit_set(deliver, &l);
    take_own(&l, JN_EV_START);
    jn_router_emit_all(e->router);
    while (!atomic_load_explicit(&e->stop_router, memory_order_acquire)) {
        if (!work(&l))
            rest(&l);
    }
    while (work(&l))
        ;
    for (int i = 0; i < 2000 && l.sip.count + l.api.count + l.db.count > 0; i++) {
        work(&l);
        jn_waker_sleep(&e->wake_router, 1000);
    }
    check_record(&l);
    free(l.sip.at);
    free(l.api.at);
    free(l.db.at);
    return NULL;
}
