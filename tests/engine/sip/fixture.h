/* Fixture: an agent under test in a thread of its own, with a directory of one tenant, two phones and, when wanted, a
 * trunk for loopback; what its sink hears is written down. Each test program gets its own copy. */
#ifndef JN_TEST_SIP_FIXTURE_H
#define JN_TEST_SIP_FIXTURE_H

#include "engine/base/clock.h"
#include "engine/base/rand.h"
#include "engine/base/str.h"
#include "engine/sip/sip.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sofia-sip/su_md5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SDP "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"

void jn_sip_phones_expire(struct jn_sip *s, uint64_t now_ns); /* engine/sip/ua.h */

enum heard_kind {
    H_INVITE,
    H_RINGING,
    H_ANSWERED,
    H_CONFIRMED,
    H_REINVITE,
    H_ENDED,
    H_PHONE,
    H_EARLY,
    H_REFER,
    H_REINVITED,
    H_KINDS
};
struct heard {
    enum heard_kind kind;
    uint64_t leg, agent;
    int how, status;
    bool on, with_sdp;
    char from[64], to[64];
    uint64_t trunk, replaces;
    char number[JN_NUMBER_MAX], from_number[JN_NUMBER_MAX], asserted[JN_NUMBER_MAX], diversion[64];
};
/* What the main thread asks the signalling thread to do. */
enum job_kind { J_NONE, J_CALL, J_HANGUP, J_DIALOG, J_BYE_OLD, J_DRAIN, J_EXPIRE, J_DO, J_STOP };

static struct {
    struct jn_sip *sip;
    struct jn_waker waker;
    struct jn_directory *dir;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct heard heard[4096];
    unsigned n;
    bool opened;
    enum job_kind job;
    uint64_t job_arg;
    int job_rc;
    struct jn_sip_dialog dialog;
    uint32_t t1x64_ms, rate, session_s, session_min_s;
    struct jn_sip_tls tls;
    uint32_t ban_after, ban_s, registers_per_s;
    int (*todo)(uint64_t *arg); /* of J_DO, on the signalling thread */
} fx = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void note(struct heard h)
{
    pthread_mutex_lock(&fx.lock);
    if (fx.n < sizeof fx.heard / sizeof fx.heard[0])
        fx.heard[fx.n++] = h;
    pthread_cond_broadcast(&fx.changed);
    pthread_mutex_unlock(&fx.lock);
}

/* "answer": rings and answers; "ring": only rings; "486": refuses; anything else is left alone. */
static void on_invite(void *arg, const struct jn_sip_invite *in)
{
    (void)arg;
    struct heard h = {.kind = H_INVITE, .leg = in->leg, .agent = in->agent, .with_sdp = in->sdp != NULL};
    jn_copy(h.from, sizeof h.from, in->from_user);
    jn_copy(h.to, sizeof h.to, in->to_user);
    h.trunk = in->trunk;
    h.replaces = in->replaces;
    jn_copy(h.number, sizeof h.number, in->number);
    jn_copy(h.from_number, sizeof h.from_number, in->from_number);
    jn_copy(h.asserted, sizeof h.asserted, in->asserted ? in->asserted : "");
    jn_copy(h.diversion, sizeof h.diversion, in->diversion ? in->diversion : "");
    note(h);
    if (!strcmp(in->to_user, "early")) {
        jn_sip_progress(fx.sip, in->leg, SDP);
        return;
    }
    if (!strcmp(in->to_user, "486")) {
        jn_sip_refuse(fx.sip, in->leg, 486);
        return;
    }
    if (!strcmp(in->to_user, "answer") || !strcmp(in->to_user, "ring"))
        jn_sip_ring(fx.sip, in->leg);
    if (!strcmp(in->to_user, "answer"))
        jn_sip_answer(fx.sip, in->leg, SDP);
}
static void on_ringing(void *arg, uint64_t leg)
{
    (void)arg;
    note((struct heard){.kind = H_RINGING, .leg = leg});
}
static void on_answered(void *arg, uint64_t leg, const char *sdp)
{
    (void)arg;
    note((struct heard){.kind = H_ANSWERED, .leg = leg, .with_sdp = sdp != NULL});
}
static void on_confirmed(void *arg, uint64_t leg, const char *sdp)
{
    (void)arg;
    note((struct heard){.kind = H_CONFIRMED, .leg = leg, .with_sdp = sdp != NULL});
}
static void on_reinvite(void *arg, uint64_t leg, const char *sdp)
{
    (void)arg;
    note((struct heard){.kind = H_REINVITE, .leg = leg, .with_sdp = sdp != NULL});
    jn_sip_answer(fx.sip, leg, SDP);
}
static void on_early(void *arg, uint64_t leg, const char *sdp)
{
    (void)arg, (void)sdp;
    note((struct heard){.kind = H_EARLY, .leg = leg, .with_sdp = true});
}
static void on_reinvited(void *arg, uint64_t leg, int status, const char *sdp)
{
    (void)arg;
    note((struct heard){.kind = H_REINVITED, .leg = leg, .status = status, .with_sdp = sdp != NULL});
}
static void on_refer(void *arg, uint64_t leg, const struct jn_sip_refer *r)
{
    (void)arg;
    struct heard h = {.kind = H_REFER, .leg = leg, .on = r->ours, .replaces = r->replaces};
    jn_copy(h.to, sizeof h.to, r->to_user);
    jn_copy(h.from, sizeof h.from, r->to_host);
    note(h);
}
static void on_ended(void *arg, uint64_t leg, enum jn_sip_end how, int status)
{
    (void)arg;
    note((struct heard){.kind = H_ENDED, .leg = leg, .how = (int)how, .status = status});
}
static void on_phone(void *arg, uint64_t agent, bool on)
{
    (void)arg;
    note((struct heard){.kind = H_PHONE, .agent = agent, .on = on});
}
static void on_mail(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&fx.lock);
    enum job_kind job = fx.job;
    uint64_t a = fx.job_arg;
    pthread_mutex_unlock(&fx.lock);
    if (job == J_NONE)
        return;
    int rc = 0;
    uint64_t leg = 0;
    if (job == J_CALL)
        rc = jn_sip_call_agent(
            fx.sip, &leg,
            &(struct jn_sip_agent_call){.agent = a, .from_display = "Caller \"x\"", .from_user = "+4930", .sdp = SDP});
    else if (job == J_HANGUP)
        jn_sip_hangup(fx.sip, a);
    else if (job == J_DIALOG)
        rc = jn_sip_dialog(fx.sip, a, &fx.dialog);
    else if (job == J_BYE_OLD)
        rc = jn_sip_bye_old(fx.sip, &fx.dialog);
    else if (job == J_EXPIRE)
        jn_sip_phones_expire(fx.sip, UINT64_MAX - 1); /* as if time had passed */
    else if (job == J_DRAIN)
        jn_sip_drain(fx.sip, true);
    else if (job == J_DO)
        rc = fx.todo(&leg);
    else
        jn_sip_stop(fx.sip);
    pthread_mutex_lock(&fx.lock);
    fx.job = J_NONE;
    fx.job_rc = rc;
    fx.job_arg = leg;
    pthread_cond_broadcast(&fx.changed);
    pthread_mutex_unlock(&fx.lock);
}

/* Runs one job on the signalling thread; its answer. */
static __attribute__((unused)) int job(enum job_kind kind, uint64_t *arg)
{
    pthread_mutex_lock(&fx.lock);
    fx.job = kind;
    fx.job_arg = arg ? *arg : 0;
    pthread_mutex_unlock(&fx.lock);
    jn_waker_wake(&fx.waker);
    pthread_mutex_lock(&fx.lock);
    while (fx.job != J_NONE)
        pthread_cond_wait(&fx.changed, &fx.lock);
    int rc = fx.job_rc;
    if (arg)
        *arg = fx.job_arg;
    pthread_mutex_unlock(&fx.lock);
    return rc;
}

/* Waits until the nth (from 0) of that kind was heard; fails the test after ms. */
static __attribute__((unused)) struct heard wait_heard(enum heard_kind kind, unsigned nth, unsigned ms)
{
    uint64_t until = jn_mono_ns() + ms * UINT64_C(1000000);
    for (;;) {
        struct heard h = {0};
        bool found = false;
        pthread_mutex_lock(&fx.lock);
        for (unsigned i = 0, k = 0; i < fx.n && !found; i++)
            if (fx.heard[i].kind == kind && k++ == nth)
                h = fx.heard[i], found = true;
        pthread_mutex_unlock(&fx.lock);
        if (found)
            return h;
        cr_assert_lt(jn_mono_ns(), until, "nothing of kind %d was heard within %u ms", (int)kind, ms);
        usleep(2000);
    }
}

static __attribute__((unused)) unsigned heard_of(enum heard_kind kind)
{
    unsigned k = 0;
    pthread_mutex_lock(&fx.lock);
    for (unsigned i = 0; i < fx.n; i++)
        k += fx.heard[i].kind == kind;
    pthread_mutex_unlock(&fx.lock);
    return k;
}

static uint16_t free_port(void)
{
    for (int i = 0; i < 50; i++) {
        uint8_t r[2];
        jn_random(r, sizeof r);
        uint16_t port = (uint16_t)(20000 + (r[0] << 8 | r[1]) % 10000);
        struct sockaddr_in a = {
            .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int u = socket(AF_INET, SOCK_DGRAM, 0), t = socket(AF_INET, SOCK_STREAM, 0);
        bool ok = !bind(u, (struct sockaddr *)&a, sizeof a) && !bind(t, (struct sockaddr *)&a, sizeof a);
        close(u);
        close(t);
        if (ok)
            return port;
    }
    return 0;
}

static void *serve(void *arg)
{
    (void)arg;
    struct jn_sip_config c = {.host = "127.0.0.1",
                              .port = fx.port,
                              .max_legs = 64,
                              .t1x64_ms = fx.t1x64_ms,
                              .max_calls_per_s = fx.rate,
                              .session_expires_s = fx.session_s,
                              .session_min_s = fx.session_min_s,
                              .tls = fx.tls,
                              .max_registers_per_s = fx.registers_per_s,
                              .ban_after = fx.ban_after,
                              .ban_window_s = 60,
                              .ban_s = fx.ban_s};
    struct jn_sip_sink sink = {.invite = on_invite,
                               .ringing = on_ringing,
                               .early = on_early,
                               .reinvited = on_reinvited,
                               .refer = on_refer,
                               .answered = on_answered,
                               .confirmed = on_confirmed,
                               .reinvite = on_reinvite,
                               .ended = on_ended,
                               .phone = on_phone,
                               .mail = on_mail};
    struct jn_err err = {{0}};
    int rc = jn_sip_open(&fx.sip, &c, fx.dir, &fx.waker, &sink, &err);
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

static void secret(struct jn_dir_agent *a, const char *word)
{
    char text[128];
    su_md5_t md5;
    snprintf(text, sizeof text, "%s:acme.test:%s", a->sip_user, word);
    su_md5_init(&md5);
    su_md5_strupdate(&md5, text);
    su_md5_hexdigest(&md5, a->sip_ha1);
}

/* Phones 1001 and 1002 of tenant "acme", realm acme.test; secrets "one" and "two". */
static struct jn_directory *centre(bool trunk)
{
    struct jn_directory *d = jn_directory_new(1, 0, 2, trunk ? 1 : 0, 0);
    cr_assert_not_null(d);
    d->tenants[0] = (struct jn_dir_tenant){.id = 7, .name = "acme", .domain = "acme.test"};
    for (unsigned i = 0; i < 2; i++) {
        struct jn_dir_agent *a = &d->agents[i];
        *a = (struct jn_dir_agent){.set.id = 101 + i, .tenant = 7};
        snprintf(a->sip_user, sizeof a->sip_user, "%u", 1001 + i);
        snprintf(a->name, sizeof a->name, "a%u", i);
        secret(a, i ? "two" : "one");
    }
    if (trunk) {
        jn_copy(d->trunks[0].name, sizeof d->trunks[0].name, "loop");
        d->trunks[0].tenant = 7;
        d->trunks[0].froms = 1;
        jn_cidr_parse(&d->trunks[0].from[0], "127.0.0.0/8");
    }
    struct jn_err err = {{0}};
    cr_assert_eq(jn_directory_index(d, &err), 0, "%s", err.text);
    return d;
}

static __attribute__((unused)) void start_with(struct jn_directory *dir)
{
    fx.dir = dir;
    fx.port = free_port();
    cr_assert_neq(fx.port, 0);
    cr_assert_eq(jn_waker_open(&fx.waker), 0);
    cr_assert_eq(pthread_create(&fx.thread, NULL, serve, NULL), 0);
    pthread_mutex_lock(&fx.lock);
    while (!fx.opened)
        pthread_cond_wait(&fx.changed, &fx.lock);
    pthread_mutex_unlock(&fx.lock);
    cr_assert_eq(fx.job_rc, 0, "the agent did not open");
}

static __attribute__((unused)) void start(bool trunk)
{
    start_with(centre(trunk));
}

static __attribute__((unused)) void finish(void)
{
    job(J_STOP, NULL);
    pthread_join(fx.thread, NULL);
    jn_waker_close(&fx.waker);
    jn_directory_unref(fx.dir);
    pthread_mutex_lock(&fx.lock);
    for (unsigned i = 0; i < fx.n; i++) {
        unsigned ends = 0;
        for (unsigned k = 0; fx.heard[i].kind == H_ENDED && k < fx.n; k++)
            ends += fx.heard[k].kind == H_ENDED && fx.heard[k].leg == fx.heard[i].leg;
        cr_assert_leq(ends, 1u, "a leg ended %u times", ends);
    }
    fx.n = 0; /* the next test may run in this process */
    fx.opened = false;
    fx.t1x64_ms = fx.rate = fx.ban_after = fx.registers_per_s = 0;
    pthread_mutex_unlock(&fx.lock);
}

#endif
