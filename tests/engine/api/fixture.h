/* Fixture: an API on a loopback port, with a small centre behind it and a sink that remembers events and answers asks.
 * Everything that other threads would do is played by the test through one locked queue. */
#ifndef JN_TEST_API_FIXTURE_H
#define JN_TEST_API_FIXTURE_H

#include "engine/api/api.h"
#include "engine/api/auth.h"
#include "engine/base/clock.h"
#include "tests/engine/api/client.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>

struct mail {
    struct mail *next;
    struct jn_command c;
    struct jn_ask *ask;
};
static struct {
    struct jn_api *api;
    struct jn_waker waker;
    struct jn_directory *dir;
    pthread_t thread;
    uint16_t port;
    uint64_t acme, globex, sales, help, foreign, ann, bob, sue, adam, zoe;
    char ann_t[JN_TOKEN_MAX], bob_t[JN_TOKEN_MAX], sue_t[JN_TOKEN_MAX], adam_t[JN_TOKEN_MAX], zoe_t[JN_TOKEN_MAX],
        root_t[JN_TOKEN_MAX];
    /* below: under lock */
    pthread_mutex_t lock;
    struct mail *first, **last;
    struct jn_event event[512];
    unsigned events, asks[JN_ASK_N];
    int event_rc, ask_rc, hash_delay;
    uint8_t refuse_why;              /* the router's answer to tokens; 0: done */
    bool silent;                     /* tokens are not answered */
    int (*on_ask)(struct jn_ask *a); /* fills the answer, returns 1 to keep it unanswered */
    void (*on_mail)(const struct jn_command *c);
} T;

static inline struct jn_api_config test_config(void)
{
    struct jn_api_config c = {
        .host = "127.0.0.1", .token_life_s = 3600, .max_connections = 100, .max_chats = 100, .boot = 7, .version = "t"};
    for (int i = 0; i < 32; i++)
        c.secret[i] = (uint8_t)(i * 7 + 1);
    return c;
}

static inline void put_agent(struct jn_dir_agent *g, uint64_t *id, uint64_t tenant, const char *name, int role,
                             const char *hash, char token[JN_TOKEN_MAX])
{
    struct jn_api_config c = test_config();
    *id = jn_name_id(tenant, "agent", name);
    g->set.id = *id;
    g->tenant = tenant;
    g->role = (uint8_t)role;
    jn_copy(g->name, sizeof g->name, name);
    jn_copy(g->password, sizeof g->password, hash);
    static uint64_t nonce = 1;
    jn_token_sign(token, c.secret,
                  &(struct jn_claims){.kind = JN_TOKEN_AGENT,
                                      .role = (uint8_t)role,
                                      .tenant = tenant,
                                      .subject = *id,
                                      .nonce = nonce++,
                                      .expires_s = jn_wall_us() / 1000000 + 1000});
}

static inline struct jn_directory *test_directory(void)
{
    struct jn_directory *d = calloc(1, sizeof *d);
    char hash[JN_SECRET_MAX];
    jn_password_hash(hash, "secret");
    d->refs = 1;
    d->version = 1;
    d->tenants = calloc(2, sizeof *d->tenants);
    d->queues = calloc(3, sizeof *d->queues);
    d->agents = calloc(5, sizeof *d->agents);
    d->n_tenants = 2;
    d->n_queues = 3;
    d->n_agents = 5;
    const char *tenants[] = {"acme", "globex"};
    for (int i = 0; i < 2; i++) {
        d->tenants[i].id = jn_name_id(0, "tenant", tenants[i]);
        jn_copy(d->tenants[i].name, JN_NAME_MAX, tenants[i]);
    }
    T.acme = d->tenants[0].id;
    T.globex = d->tenants[1].id;
    const char *queues[] = {"sales", "help", "foreign"};
    for (int i = 0; i < 3; i++) {
        struct jn_dir_queue *q = &d->queues[i];
        q->tenant = i < 2 ? T.acme : T.globex;
        q->set.id = jn_name_id(q->tenant, "queue", queues[i]);
        q->set.channel_mask = i ? 1 << JN_CH_CHAT : 1 << JN_CH_VOICE | 1 << JN_CH_CHAT;
        q->set.target_ms = 20000;
        jn_copy(q->name, JN_NAME_MAX, queues[i]);
    }
    T.sales = d->queues[0].set.id;
    T.help = d->queues[1].set.id;
    T.foreign = d->queues[2].set.id;
    put_agent(&d->agents[0], &T.ann, T.acme, "ann", JN_ROLE_AGENT, hash, T.ann_t);
    put_agent(&d->agents[1], &T.bob, T.acme, "bob", JN_ROLE_AGENT, hash, T.bob_t);
    put_agent(&d->agents[2], &T.sue, T.acme, "sue", JN_ROLE_SUPERVISOR, hash, T.sue_t);
    put_agent(&d->agents[3], &T.adam, T.acme, "adam", JN_ROLE_ADMIN, hash, T.adam_t);
    put_agent(&d->agents[4], &T.zoe, T.globex, "zoe", JN_ROLE_SUPERVISOR, hash, T.zoe_t);
    struct jn_err err;
    cr_assert_eq(jn_directory_index(d, &err), 0);
    struct jn_api_config c = test_config();
    jn_token_sign(T.root_t, c.secret, &(struct jn_claims){.kind = JN_TOKEN_AGENT, .role = JN_ROLE_ADMIN});
    return d;
}

static inline void push(const struct jn_command *c, struct jn_ask *a)
{
    struct mail *m = calloc(1, sizeof *m);
    if (c)
        m->c = *c;
    m->ask = a;
    *T.last = m;
    T.last = &m->next;
}

static inline int sink_event(void *arg, const struct jn_event *ev, bool ending)
{
    (void)arg;
    (void)ending;
    pthread_mutex_lock(&T.lock);
    int rc = ending ? 0 : T.event_rc;
    if (!rc && T.events < 512)
        T.event[T.events++] = *ev;
    if (!rc && ev->token && !T.silent)
        push(&(struct jn_command){.kind = T.refuse_why ? JN_CMD_REFUSED : JN_CMD_DONE,
                                  .why = T.refuse_why,
                                  .maker = ev->maker,
                                  .token = ev->token},
             NULL);
    pthread_mutex_unlock(&T.lock);
    return rc;
}

static inline int sink_ask(void *arg, struct jn_ask *a)
{
    (void)arg;
    pthread_mutex_lock(&T.lock);
    int rc = T.ask_rc;
    if (!rc) {
        T.asks[a->kind]++;
        a->status = 0;
        if (a->kind == JN_ASK_HASH)
            a->status = jn_password_check(a->secret, a->text.data);
        if (!T.on_ask || !T.on_ask(a))
            push(NULL, a);
    }
    pthread_mutex_unlock(&T.lock);
    return rc;
}

static inline void sink_mail(void *arg)
{
    (void)arg;
    for (;;) {
        pthread_mutex_lock(&T.lock);
        struct mail *m = T.first;
        if (m && !(T.first = m->next))
            T.last = &T.first;
        pthread_mutex_unlock(&T.lock);
        if (!m)
            return;
        if (m->ask) {
            jn_api_answer(T.api, m->ask);
        } else {
            jn_api_command(T.api, &m->c);
            if (T.on_mail)
                T.on_mail(&m->c);
        }
        free(m);
    }
}

static inline int sink_admit(void *arg)
{
    (void)arg;
    return 0;
}

static inline void sink_release(void *arg)
{
    (void)arg;
}

static inline void *api_thread(void *arg)
{
    jn_api_run(arg);
    return NULL;
}

static inline struct jn_api_sink test_sink(void)
{
    return (struct jn_api_sink){
        .event = sink_event, .admit = sink_admit, .release = sink_release, .ask = sink_ask, .mail = sink_mail};
}

static inline void api_open(struct jn_api_config c)
{
    struct jn_err err = {""};
    struct jn_api_sink sink = test_sink();
    jn_time_start(0);
    pthread_mutex_init(&T.lock, NULL);
    T.last = &T.first;
    T.dir = test_directory();
    cr_assert_eq(jn_waker_open(&T.waker), 0);
    cr_assert_eq(jn_api_open(&T.api, &c, T.dir, &T.waker, &sink, &err), 0, "%s", err.text);
    T.port = jn_api_port(T.api);
}

static inline void api_go(void)
{
    pthread_create(&T.thread, NULL, api_thread, T.api);
}

static inline void api_halt(void)
{
    jn_api_stop(T.api);
    pthread_join(T.thread, NULL);
    while (T.first) {
        struct mail *m = T.first;
        T.first = m->next;
        jn_ask_free(m->ask);
        free(m);
    }
}

static inline void api_shut(void)
{
    jn_api_close(T.api);
    jn_directory_unref(T.dir);
    jn_waker_close(&T.waker);
}

static inline void start_api(void)
{
    api_open(test_config());
    api_go();
}

static inline void stop_api(void)
{
    api_halt();
    api_shut();
}

/* As if the router had said it. */
static inline void command(const struct jn_command *c)
{
    pthread_mutex_lock(&T.lock);
    push(c, NULL);
    pthread_mutex_unlock(&T.lock);
    jn_waker_wake(&T.waker);
}

/* The reply has that status and that text somewhere; frees it. */
static inline void expect(struct reply r, int status, const char *text)
{
    cr_assert_eq(r.status, status, "status %d, wanted %d: %s", r.status, status, r.text);
    cr_assert(has(&r, text), "no %s in %s", text, r.text);
    done(&r);
}

static inline struct jn_event last_event(void)
{
    pthread_mutex_lock(&T.lock);
    struct jn_event ev = T.events ? T.event[T.events - 1] : (struct jn_event){0};
    pthread_mutex_unlock(&T.lock);
    return ev;
}

static inline unsigned event_count(void)
{
    pthread_mutex_lock(&T.lock);
    unsigned n = T.events;
    pthread_mutex_unlock(&T.lock);
    return n;
}

/* Once a request that follows a command is answered, the command was taken: the loop takes mail in order. */
static inline void settle_mail(void)
{
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&T.lock);
        bool empty = !T.first;
        pthread_mutex_unlock(&T.lock);
        struct reply r = get(T.port, "/healthz", NULL);
        done(&r);
        if (empty)
            return;
    }
}

static inline void ix_row(uint64_t id, int kind, uint64_t tenant, uint64_t queue, uint64_t agent, int channel,
                          int state)
{
    struct jn_command c = {.kind = (uint8_t)kind};
    c.row = (struct jn_ix_row){.id = id,
                               .tenant = tenant,
                               .queue = queue,
                               .agent = agent,
                               .channel = (uint8_t)channel,
                               .state = (uint8_t)state,
                               .arrived_us = 1000000};
    command(&c);
}

#endif
