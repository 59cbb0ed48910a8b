/* Slow: associations by leg, their datagrams, their timers; certificates that are renewed. */
#include "engine/worker/slow.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/base/map.h"
#include "engine/worker/state.h"
#include "media/dtls/dtls.h"
#include "media/dtls/mail.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* AGAIN: how often a handshake that broke off is begun anew, for somebody else's packet may have broken it; what a leg
 * may send is bounded by its worker, and so is the time. LINGER: how long an association that is up answers its peer's
 * last flight. */
enum { AGAIN = 512, LINGER_S = 30, BURST = 32, TIMERS_US = 10000, DAY_S = 86400 };
#define NS_PER_S UINT64_C(1000000000)
#define HOUR_US  UINT64_C(3600000000)

struct session {
    uint64_t leg, until_ns;
    uint32_t number, at; /* at: place among those that want time */
    struct jn_dtls *dtls;
    struct jn_slow *slow;
    uint16_t again;
    uint8_t fingerprint[JN_FINGERPRINT], worker, certificate;
    bool active, started, told;
};
struct jn_slow {
    struct jn_slow_config c;
    struct jn_mailbox in[JN_WORKERS_MAX], out[JN_WORKERS_MAX];
    struct session *session;
    uint32_t *free, n_free, *timed, n_timed;
    struct jn_map by_leg;
    struct jn_dtls_mail mail, reply;
    struct jn_waker waker;
    pthread_t thread;
    bool started;
    _Atomic bool stop;
    uint64_t renew_ns;
    struct jn_dtls_identity *identity[2]; /* of certificate n: identity[n % 2] */
    uint8_t print[2][JN_FINGERPRINT];
    _Atomic uint32_t certificate;
    struct jn_slow_counts counts;
};

static void count(_Atomic uint64_t *c, int64_t by)
{
    atomic_fetch_add_explicit(c, (uint64_t)by, memory_order_relaxed);
}

/* ---- to a worker ---- */

static struct jn_dtls_mail *reply(const struct session *x, enum jn_dtls_mail_kind kind)
{
    struct jn_dtls_mail *m = &x->slow->reply;

    m->kind = (uint8_t)kind;
    m->leg = x->leg;
    m->session = x->number;
    m->len = 0;
    return m;
}

static void send_datagram(void *arg, const uint8_t *datagram, size_t n)
{
    struct session *x = arg;
    struct jn_dtls_mail *m = reply(x, JN_DTLS_DATAGRAM);

    if (n > JN_DTLS_DATAGRAM_MAX)
        return;
    m->len = (uint16_t)n;
    memcpy(m->bytes, datagram, n);
    if (jn_mailbox_send(&x->slow->out[x->worker], m) < 0)
        count(&x->slow->counts.full, 1); /* it will be sent again */
}

/* Once, by the place that was kept. */
static void tell(struct session *x, enum jn_keys how)
{
    struct jn_dtls_mail *m = reply(x, JN_DTLS_KEYS);

    if (x->told)
        return;
    if (how == JN_KEYS_UP && jn_dtls_keys(x->dtls, &m->keys.suite, m->keys.in, m->keys.out) < 0)
        how = JN_KEYS_PROFILE;
    m->how = (uint8_t)how;
    jn_mailbox_send_reserved(&x->slow->out[x->worker], m);
    explicit_bzero(m->keys.in, sizeof m->keys.in);
    explicit_bzero(m->keys.out, sizeof m->keys.out);
    x->told = true;
    count(&x->slow->counts.going, -1);
}

/* ---- associations ---- */

static void timed_add(struct jn_slow *s, struct session *x)
{
    x->at = s->n_timed;
    s->timed[s->n_timed++] = (uint32_t)(x - s->session);
}

static void timed_del(struct jn_slow *s, struct session *x)
{
    if (x->at == UINT32_MAX)
        return;
    uint32_t last = s->timed[--s->n_timed];
    s->timed[x->at] = last;
    s->session[last].at = x->at;
    x->at = UINT32_MAX;
}

static void drop_dtls(struct session *x)
{
    jn_dtls_close(x->dtls);
    x->dtls = NULL;
}

static bool open_dtls(struct session *x)
{
    struct jn_slow *s = x->slow;
    uint32_t current = atomic_load_explicit(&s->certificate, memory_order_relaxed);
    uint8_t age = (uint8_t)(current - x->certificate);
    struct jn_dtls_config c = {.identity = s->identity[x->certificate % 2],
                               .active = x->active,
                               .suites = s->c.suites,
                               .send = send_datagram,
                               .arg = x};

    memcpy(c.fingerprint, x->fingerprint, sizeof c.fingerprint);
    x->dtls = age < 2 && c.identity ? jn_dtls_open(&c) : NULL;
    return x->dtls != NULL;
}

static struct session *find(struct jn_slow *s, const struct jn_dtls_mail *m)
{
    uint32_t i = jn_map_get(&s->by_leg, m->leg);
    return i == JN_MAP_NONE || s->session[i].number != m->session ? NULL : &s->session[i];
}

static void end(struct jn_slow *s, struct session *x)
{
    if (!x->told) {
        jn_mailbox_unreserve(&s->out[x->worker]);
        count(&s->counts.going, -1);
    }
    timed_del(s, x);
    drop_dtls(x);
    jn_map_del(&s->by_leg, x->leg);
    s->free[s->n_free++] = (uint32_t)(x - s->session);
}

static void begin(struct jn_slow *s, unsigned worker, const struct jn_dtls_mail *m)
{
    if (s->n_free == 0 || jn_mailbox_reserve(&s->out[worker]) < 0) {
        jn_error("slow", "no room for a handshake worker=%u", worker); /* there is one for each leg: a fault of ours */
        return;
    }
    uint32_t i = s->free[--s->n_free];
    struct session *x = &s->session[i];
    *x = (struct session){.leg = m->leg,
                          .number = m->session,
                          .at = UINT32_MAX,
                          .slow = s,
                          .worker = (uint8_t)worker,
                          .certificate = m->begin.certificate,
                          .active = m->begin.active};
    memcpy(x->fingerprint, m->begin.fingerprint, sizeof x->fingerprint);
    count(&s->counts.begun, 1);
    count(&s->counts.going, 1);
    if (jn_map_set(&s->by_leg, x->leg, i) < 0 || !open_dtls(x)) {
        tell(x, JN_KEYS_HANDSHAKE);
        return;
    }
    timed_add(s, x);
}

static void went(struct session *x, enum jn_dtls_state state, uint64_t now_ns)
{
    struct jn_slow *s = x->slow;

    if (state == JN_DTLS_GOING || x->told)
        return;
    if (state == JN_DTLS_UP) {
        x->until_ns = now_ns + LINGER_S * NS_PER_S;
        tell(x, JN_KEYS_UP);
        return;
    }
    enum jn_keys how = jn_dtls_how(x->dtls);
    drop_dtls(x);
    if (how == JN_KEYS_HANDSHAKE && x->again < AGAIN && open_dtls(x)) {
        x->again++;
        count(&s->counts.begun_again, 1);
        if (x->started)
            went(x, jn_dtls_start(x->dtls), now_ns);
        return;
    }
    timed_del(s, x);
    tell(x, how);
}

static void take(struct jn_slow *s, unsigned worker, const struct jn_dtls_mail *m, uint64_t now_ns)
{
    struct session *x = m->kind == JN_DTLS_BEGIN ? NULL : find(s, m);

    if (m->kind == JN_DTLS_BEGIN) {
        begin(s, worker, m);
    } else if (x && m->kind == JN_DTLS_END) {
        end(s, x);
    } else if (x && x->dtls && m->kind == JN_DTLS_START) {
        x->started = true;
        went(x, jn_dtls_start(x->dtls), now_ns);
    } else if (x && x->dtls && m->kind == JN_DTLS_DATAGRAM && m->len <= JN_DTLS_DATAGRAM_MAX) {
        went(x, jn_dtls_take(x->dtls, m->bytes, m->len), now_ns);
    }
}

/* ---- time ---- */

/* How long until there is something to do again. */
static uint64_t timers(struct jn_slow *s, uint64_t now_ns)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t i = s->n_timed; i-- > 0;) {
        struct session *x = &s->session[s->timed[i]];
        if (x->told && now_ns >= x->until_ns) {
            timed_del(s, x);
            drop_dtls(x);
            continue;
        }
        uint64_t wait = x->told ? (x->until_ns - now_ns) / 1000 + 1 : jn_dtls_wait_us(x->dtls);
        if (wait == 0) {
            went(x, jn_dtls_tick(x->dtls), now_ns);
            wait = TIMERS_US;
        }
        least = wait < least ? wait : least;
    }
    return least;
}

static int renew(struct jn_slow *s, uint64_t now_ns, struct jn_err *err)
{
    struct jn_dtls_identity *fresh;
    uint32_t next = atomic_load_explicit(&s->certificate, memory_order_relaxed) + 1;
    int rc = jn_dtls_identity_make(&fresh, 3 * (s->c.certificate_s / DAY_S + 1), err);

    s->renew_ns = now_ns + s->c.certificate_s * NS_PER_S;
    if (rc < 0)
        return rc;
    jn_dtls_identity_free(s->identity[next % 2]);
    s->identity[next % 2] = fresh;
    memcpy(s->print[next % 2], jn_dtls_identity_fingerprint(fresh), JN_FINGERPRINT);
    /* Pairs with the acquire in jn_slow_fingerprint: the fingerprint is there before its number. */
    atomic_store_explicit(&s->certificate, next, memory_order_release);
    count(&s->counts.certificates, 1);
    return 0;
}

void jn_slow_fingerprint(const struct jn_slow *s, uint8_t out[static JN_FINGERPRINT], uint8_t *certificate)
{
    /* Pairs with the release in renew. This one's place is written again two renewals later: days. */
    uint32_t now = atomic_load_explicit(&s->certificate, memory_order_acquire);

    memcpy(out, s->print[now % 2], JN_FINGERPRINT);
    *certificate = (uint8_t)now;
}

/* ---- the thread ---- */

static unsigned drain(struct jn_slow *s)
{
    unsigned n = 0;

    for (unsigned w = 0; w < s->c.workers; w++)
        for (unsigned i = 0; i < BURST && s->in[w].slots && jn_mailbox_recv(&s->in[w], &s->mail, 1) == 1; i++, n++)
            take(s, w, &s->mail, jn_mono_ns());
    return n;
}

static bool mail_waits(struct jn_slow *s)
{
    for (unsigned w = 0; w < s->c.workers; w++)
        if (s->in[w].slots && !jn_mailbox_empty(&s->in[w]))
            return true;
    return false;
}

static void *run(void *arg)
{
    struct jn_slow *s = arg;
    uint64_t looked_ns = 0, wait_us = 0;
    struct jn_err err = {{0}};

    pthread_setname_np(pthread_self(), "jn-slow");
    /* Pairs with the release in jn_slow_stop. */
    while (!atomic_load_explicit(&s->stop, memory_order_acquire)) {
        unsigned n = drain(s);
        uint64_t now = jn_mono_ns();
        if (now >= s->renew_ns && renew(s, now, &err) < 0)
            jn_error("slow", "%s; the one before stays", err.text);
        if (n == 0 || now - looked_ns >= TIMERS_US * UINT64_C(1000)) {
            wait_us = timers(s, now);
            looked_ns = now;
            uint64_t renew_us = (s->renew_ns - now) / 1000 + 1;
            wait_us = renew_us < wait_us ? renew_us : wait_us;
        }
        if (n > 0)
            continue;
        jn_waker_about_to_sleep(&s->waker);
        /* Pairs with the release in jn_slow_stop. */
        if (!mail_waits(s) && !atomic_load_explicit(&s->stop, memory_order_acquire))
            jn_waker_sleep(&s->waker, wait_us < HOUR_US ? wait_us : HOUR_US);
        jn_waker_awake(&s->waker);
    }
    return NULL;
}

int jn_slow_open(struct jn_slow **out, const struct jn_slow_config *c, struct jn_err *err)
{
    size_t bytes = (sizeof(struct jn_slow) + 63) & ~(size_t)63;
    struct jn_slow *s = aligned_alloc(64, bytes);

    *out = NULL;
    if (!s)
        return jn_fail(err, -ENOMEM, "no memory for handshakes");
    memset(s, 0, bytes);
    s->c = *c;
    s->waker.fd = -1;
    uint32_t n = c->workers * c->browsers;
    s->session = calloc(n, sizeof *s->session);
    s->free = malloc(n * sizeof *s->free);
    s->timed = malloc(n * sizeof *s->timed);
    int rc = s->session && s->free && s->timed ? jn_map_init(&s->by_leg, n) : -ENOMEM;
    if (rc == 0)
        rc = jn_waker_open(&s->waker);
    if (rc < 0)
        jn_fail(err, rc, "no memory for handshakes");
    else
        rc = renew(s, jn_mono_ns(), err);
    if (rc < 0) {
        jn_slow_close(s);
        return rc;
    }
    while (s->n_free < n) {
        s->free[s->n_free] = n - 1 - s->n_free;
        s->n_free++;
    }
    *out = s;
    return 0;
}

int jn_slow_join(struct jn_slow *s, unsigned index, struct jn_worker *w)
{
    /* Of each leg two messages have places kept; the rest is datagrams, which may be lost. */
    uint32_t slots = 2 * s->c.browsers + 256, size = (uint32_t)jn_plane_slow_bytes();

    if (jn_mailbox_init(&s->in[index], slots, size, &s->waker) < 0 ||
        jn_mailbox_init(&s->out[index], slots, size, &w->waker) < 0)
        return -ENOMEM;
    w->keys = &s->out[index];
    jn_plane_slow(w->plane, &s->in[index], &s->out[index]);
    return 0;
}

int jn_slow_start(struct jn_slow *s)
{
    int rc = -pthread_create(&s->thread, NULL, run, s);
    s->started = rc == 0;
    return rc;
}

void jn_slow_stop(struct jn_slow *s)
{
    if (!s || !s->started)
        return;
    /* Pairs with the acquire in run. */
    atomic_store_explicit(&s->stop, true, memory_order_release);
    jn_waker_wake(&s->waker);
    pthread_join(s->thread, NULL);
    s->started = false;
}

void jn_slow_close(struct jn_slow *s)
{
    if (!s)
        return;
    jn_slow_stop(s);
    for (uint32_t i = 0; s->session && i < s->c.workers * s->c.browsers; i++)
        drop_dtls(&s->session[i]);
    for (unsigned w = 0; w < s->c.workers; w++) {
        if (s->in[w].slots)
            jn_mailbox_free(&s->in[w]);
        if (s->out[w].slots)
            jn_mailbox_free(&s->out[w]);
    }
    jn_dtls_identity_free(s->identity[0]);
    jn_dtls_identity_free(s->identity[1]);
    jn_map_free(&s->by_leg);
    free(s->session);
    free(s->free);
    free(s->timed);
    if (s->waker.fd >= 0)
        jn_waker_close(&s->waker);
    free(s);
}

const struct jn_slow_counts *jn_slow_counts(const struct jn_slow *s)
{
    return &s->counts;
}
