/* Run: see run.h. Each thread owns its parties; the one that called waits, tells progress and adds up. */
#include "engine/load/run.h"
#include "engine/base/clock.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SETTLE_S = 10, REGISTER_S = 120, SLEEP_NS = 1000000, PROGRESS_S = 5, POLL_MS = 20 };
enum stage { STAGE_NONE, STAGE_REGISTER, STAGE_CALLS, STAGE_LEAVE, STAGE_GO };

/* One thread. Written by it: load's insides, not_begun; the atomics are its news for the one who waits. */
struct worker {
    pthread_t thread;
    bool started;
    struct run *run;
    struct jn_load *load;
    struct jn_chat_load *chat;
    uint32_t i, calls;
    uint64_t not_begun;
    atomic_int reached; /* the last stage that it has finished */
    _Atomic uint64_t begun, done, failed, up, registered, messages;
};
struct run {
    const struct jn_load_plan *plan;
    struct worker *worker;
    unsigned threads;
    _Atomic uint64_t *connected;
    atomic_int stage; /* what the threads shall do now; released after all that it needs was written */
    atomic_bool stop;
    uint64_t began_ns;
};

static void news(struct worker *w)
{
    const struct jn_load_counts *c = jn_load_counts(w->load);
    atomic_store_explicit(&w->begun, c->begun, memory_order_relaxed);
    atomic_store_explicit(&w->done, c->done, memory_order_relaxed);
    atomic_store_explicit(&w->failed, c->failed, memory_order_relaxed);
    atomic_store_explicit(&w->up, c->up, memory_order_relaxed);
    atomic_store_explicit(&w->registered, c->registered + c->not_registered, memory_order_relaxed);
    if (w->chat)
        atomic_store_explicit(&w->messages, jn_chat_counts(w->chat)->acknowledged, memory_order_relaxed);
}

static uint64_t turn(struct worker *w)
{
    uint64_t now = jn_mono_ns();
    jn_load_turn(w->load, now);
    if (w->chat)
        jn_chat_turn(w->chat, now);
    news(w);
    jn_load_sleep(w->load, SLEEP_NS, jn_mono_ns());
    return now;
}

static bool stopped(const struct run *r)
{
    return atomic_load_explicit(&r->stop, memory_order_relaxed);
}

/* Calls whose time has come, by this thread's share of the rate. */
static void begin_calls(struct worker *w, uint32_t *asked, uint64_t now)
{
    const struct jn_load_plan *p = w->run->plan;
    double rate = p->rate / w->run->threads, passed = (double)(now - w->run->began_ns) / 1e9;
    uint64_t due = p->rate > 0 ? (uint64_t)(passed * rate + (double)w->i / w->run->threads) + 1 : w->calls;
    for (; *asked < w->calls && *asked < due; ++*asked)
        if (jn_load_call(w->load, false, now) < 0)
            w->not_begun++;
}

static bool busy(struct worker *w)
{
    return jn_load_ending(w->load) || (w->chat && jn_chat_active(w->chat));
}

static void calls(struct worker *w)
{
    struct run *r = w->run;
    uint32_t asked = 0;
    uint64_t now = jn_mono_ns(), end = UINT64_MAX;
    bool serves = !r->plan->calls && !r->plan->chat.chats;
    if (serves && r->plan->for_s)
        end = r->began_ns + r->plan->for_s * UINT64_C(1000000000);
    if (w->chat)
        jn_chat_start(w->chat, now);
    while (!stopped(r) && now < end && (serves || asked < w->calls || busy(w))) {
        begin_calls(w, &asked, now);
        now = turn(w);
    }
    if (stopped(r) || serves)
        jn_load_hang_up_all(w->load, now);
    if (w->chat && stopped(r))
        jn_chat_stop(w->chat);
    for (uint64_t until = now + SETTLE_S * UINT64_C(1000000000); busy(w) && now < until;)
        now = turn(w);
}

/* Until everybody is through: the phones of one thread serve the callers of others. */
static void serve_until(struct worker *w, int stage)
{
    atomic_store_explicit(&w->reached, stage, memory_order_release);
    while (atomic_load_explicit(&w->run->stage, memory_order_acquire) <= stage)
        turn(w);
}

static void registration(struct worker *w, bool leave)
{
    uint64_t now = jn_mono_ns(), until = now + REGISTER_S * UINT64_C(1000000000);
    if (!w->run->plan->load.registers)
        return;
    jn_load_register_all(w->load, leave, now);
    while (jn_load_registering(w->load) && now < until && (leave || !stopped(w->run)))
        now = turn(w);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    char name[16];
    snprintf(name, sizeof name, "jn-load-%u", w->i);
    pthread_setname_np(pthread_self(), name);
    prctl(PR_SET_TIMERSLACK, 1000UL);
    if (w->run->plan->pin) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(w->i % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    registration(w, false);
    serve_until(w, STAGE_REGISTER);
    calls(w);
    serve_until(w, STAGE_CALLS);
    registration(w, true);
    serve_until(w, STAGE_LEAVE);
    return NULL;
}

static uint32_t share(uint32_t all, unsigned i, unsigned of)
{
    return all / of + (i < all % of);
}

static uint32_t before(uint32_t all, unsigned i, unsigned of)
{
    return all / of * i + (i < all % of ? i : all % of);
}

static int open_worker(struct run *r, unsigned i, struct jn_err *err)
{
    const struct jn_load_plan *p = r->plan;
    struct worker *w = &r->worker[i];
    struct jn_load_config c = p->load;
    unsigned n = r->threads;
    uint16_t ports = (uint16_t)(p->media_ports * 2);
    w->run = r;
    w->i = i;
    w->calls = share(p->calls, i, n);
    c.callers = share(p->callers, i, n);
    c.phones = share(p->phones, i, n);
    c.first_caller += before(p->callers, i, n);
    c.first_phone += before(p->phones, i, n);
    c.sip_port = (uint16_t)(c.sip_port ? c.sip_port + 2 * i : 0);
    c.answer_port = (uint16_t)(c.answer_port ? c.answer_port + 2 * i : 0);
    c.media.port.port_min = (uint16_t)(p->load.media.port.port_min + i * ports);
    c.media.port.port_max = (uint16_t)(c.media.port.port_min + ports - 1);
    c.media.port.index = (uint8_t)i;
    c.media.seed += i;
    c.connected_ns = r->connected;
    c.connected_n = p->load.first_caller + p->callers;
    int rc = jn_load_open(&w->load, &c, err);
    struct jn_chat_config chat = p->chat;
    chat.chats = share(chat.chats, i, n);
    chat.rate /= n;
    chat.seed += i;
    if (rc == 0 && chat.chats)
        rc = jn_chat_open(&w->chat, &chat, err);
    return rc;
}

static bool all_reached(struct run *r, int stage)
{
    for (unsigned i = 0; i < r->threads; i++)
        if (atomic_load_explicit(&r->worker[i].reached, memory_order_acquire) < stage)
            return false;
    return true;
}

static void tell(struct run *r, uint64_t now)
{
    uint64_t sum[6] = {0};
    char line[256];
    for (unsigned i = 0; i < r->threads; i++) {
        struct worker *w = &r->worker[i];
        _Atomic uint64_t *from[6] = {&w->begun, &w->up, &w->done, &w->failed, &w->registered, &w->messages};
        for (unsigned k = 0; k < 6; k++)
            sum[k] += atomic_load_explicit(from[k], memory_order_relaxed);
    }
    snprintf(line, sizeof line,
             "%5.0f s: %llu calls begun, %llu up, %llu done, %llu failed, %llu phones registered, %llu messages",
             r->began_ns ? (double)(now - r->began_ns) / 1e9 : 0.0, (unsigned long long)sum[0],
             (unsigned long long)sum[1], (unsigned long long)sum[2], (unsigned long long)sum[3],
             (unsigned long long)sum[4], (unsigned long long)sum[5]);
    r->plan->say(r->plan->arg, line);
}

static void await(struct run *r, int stage)
{
    uint64_t told = jn_mono_ns();
    while (!all_reached(r, stage)) {
        uint64_t now = jn_mono_ns();
        if (r->plan->stop && atomic_load(r->plan->stop))
            atomic_store(&r->stop, true);
        if (r->plan->say && now - told > PROGRESS_S * UINT64_C(1000000000)) {
            told = now;
            tell(r, now);
        }
        usleep(POLL_MS * 1000);
    }
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void media_add(struct jn_load_media_counts *a, const struct jn_load_media_counts *b)
{
    a->sent += b->sent;
    a->received += b->received;
    a->strangers += b->strangers;
    a->after_end += b->after_end;
    a->not_rtp += b->not_rtp;
    a->not_sent += b->not_sent;
    a->refused += b->refused;
    a->dropped += b->dropped;
    a->impair.sent += b->impair.sent;
    a->impair.passed += b->impair.passed;
    a->impair.lost += b->impair.lost;
    a->impair.lost_in_burst += b->impair.lost_in_burst;
    a->impair.duplicated += b->impair.duplicated;
    a->impair.delayed_apart += b->impair.delayed_apart;
    jn_load_histo_add(&a->late_us, &b->late_us);
}

static void stage(struct run *r, int to)
{
    atomic_store_explicit(&r->stage, to, memory_order_release);
}

/* With every thread running: registers, tells the system, calls, leaves. */
static int course(struct run *r, struct jn_load_result *out, struct jn_err *err)
{
    await(r, STAGE_REGISTER);
    int rc = r->plan->ready && !stopped(r) ? r->plan->ready(r->plan->arg, err) : 0;
    if (rc < 0)
        atomic_store(&r->stop, true);
    double cpu = cpu_s();
    r->began_ns = jn_mono_ns();
    stage(r, STAGE_CALLS);
    await(r, STAGE_CALLS);
    out->seconds = (double)(jn_mono_ns() - r->began_ns) / 1e9;
    out->cpu_s = cpu_s() - cpu;
    stage(r, STAGE_LEAVE);
    await(r, STAGE_LEAVE);
    stage(r, STAGE_GO);
    out->stopped = stopped(r);
    return rc;
}

static void add_up(struct run *r, struct jn_load_result *out)
{
    for (unsigned i = 0; i < r->threads; i++) {
        struct worker *w = &r->worker[i];
        if (!w->load)
            continue;
        jn_load_counts_add(&out->counts, jn_load_counts(w->load));
        if (jn_load_media_of(w->load))
            media_add(&out->media, jn_load_media_counts(jn_load_media_of(w->load)));
        if (w->chat)
            jn_chat_counts_add(&out->chat, jn_chat_counts(w->chat));
        out->not_begun += w->not_begun;
    }
}

static int once(const struct jn_load_plan *plan, struct jn_load_result *out, struct jn_err *err)
{
    struct run r = {.plan = plan, .threads = plan->threads ? plan->threads : 1};
    size_t places = (size_t)plan->load.first_caller + plan->callers + 1;
    int rc = 0;
    memset(out, 0, sizeof *out);
    r.worker = calloc(r.threads, sizeof *r.worker);
    r.connected = calloc(places, sizeof *r.connected);
    if (!r.worker || !r.connected)
        rc = jn_fail(err, -ENOMEM, "no memory for %u threads", r.threads);
    for (unsigned i = 0; i < r.threads && rc == 0; i++)
        rc = open_worker(&r, i, err);
    for (unsigned i = 0; i < r.threads && rc == 0; i++) {
        rc = -pthread_create(&r.worker[i].thread, NULL, work, &r.worker[i]);
        r.worker[i].started = rc == 0;
        if (rc < 0) {
            atomic_store(&r.stop, true);
            stage(&r, STAGE_GO);
            jn_fail(err, rc, "a thread: %s", strerror(-rc));
        }
    }
    if (rc == 0)
        rc = course(&r, out, err);
    for (unsigned i = 0; r.worker && i < r.threads; i++)
        if (r.worker[i].started)
            pthread_join(r.worker[i].thread, NULL);
    if (r.worker)
        add_up(&r, out);
    for (unsigned i = 0; r.worker && i < r.threads; i++) {
        jn_chat_close(r.worker[i].chat);
        jn_load_close(r.worker[i].load);
    }
    free(r.worker);
    free(r.connected);
    return rc;
}

int jn_load_run(const struct jn_load_plan *plan, struct jn_load_result *results, unsigned *n, struct jn_err *err)
{
    int rc = 0;
    *n = 0;
    for (uint32_t k = 0; k < (plan->repeat ? plan->repeat : 1) && rc == 0; k++) {
        if (plan->stop && atomic_load(plan->stop))
            break;
        rc = once(plan, &results[k], err);
        *n = k + 1;
    }
    return rc;
}
