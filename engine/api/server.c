/* Server: opening, the loop, closing, and what comes from other threads: commands, answers, phones. */
#include "engine/api/http.h"
#include "engine/api/rows.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/base/rand.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int on_waker(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)user;
    (void)in;
    (void)len;
    /* The loop clears it and drains the mail after lws_service. */
    if (reason == LWS_CALLBACK_RAW_RX_FILE)
        jn_waker_awake(((struct jn_api *)lws_context_user(lws_get_context(wsi)))->waker);
    return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "junctor",
     .callback = jn_http_callback,
     .per_session_data_size = sizeof(struct jn_http_conn),
     .rx_buffer_size = 4096},
    {.name = "waker", .callback = on_waker},
    {.name = NULL},
};
/* A desk behind a dead network is noticed within a minute. */
static const lws_retry_bo_t idle = {.secs_since_valid_ping = 25, .secs_since_valid_hangup = 55};

static int listen_on(struct jn_api *a, struct jn_err *err)
{
    const struct jn_api_config *c = &a->config;
    lws_set_log_level(LLL_ERR, NULL);
    a->lws = lws_create_context(&(struct lws_context_creation_info){
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DISABLE_IPV6 * !strchr(c->host, ':'),
        .user = a,
        .max_http_header_data = 4096,
        .timeout_secs = c->body_s,
        .retry_and_idle_policy = &idle,
    });
    if (!a->lws)
        return jn_fail(err, -ENOMEM, "libwebsockets did not start");
    struct lws_vhost *vh = lws_create_vhost(a->lws, &(struct lws_context_creation_info){
                                                        .port = c->port,
                                                        .iface = *c->host ? c->host : NULL,
                                                        .vhost_name = "api",
                                                        .protocols = protocols,
                                                        .keepalive_timeout = 30,
                                                        .server_string = "junctor",
                                                        .retry_and_idle_policy = &idle,
                                                        .options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
                                                    });
    if (!vh)
        return jn_fail(err, -EADDRINUSE, "cannot listen on http %s:%u (in use, or not an address of this machine)",
                       c->host, c->port);
    a->config.port = (uint16_t)lws_get_vhost_listen_port(vh);
    a->waker_fd = dup(a->waker->fd); /* libwebsockets closes what it adopts */
    lws_sock_file_fd_type fd = {.filefd = a->waker_fd};
    if (a->waker_fd < 0 || !lws_adopt_descriptor_vhost(vh, LWS_ADOPT_RAW_FILE_DESC, fd, "waker", NULL))
        return jn_fail(err, -EIO, "libwebsockets does not take the waker");
    a->base_connections = a->connections;
    return 0;
}

static int add_routes(struct jn_api *a)
{
    int (*const all[])(struct jn_api *) = {
        jn_routes_session,      jn_routes_agents,    jn_routes_queues,  jn_routes_live, jn_routes_recordings,
        jn_routes_interactions, jn_routes_centre,    jn_routes_metrics, jn_routes_feed, jn_routes_operate,
        jn_routes_trace,        jn_routes_supervise, jn_routes_calls};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i](a))
            return -ENOSPC;
    return 0;
}

int jn_api_open(struct jn_api **out, const struct jn_api_config *c, struct jn_directory *dir, struct jn_waker *waker,
                const struct jn_api_sink *sink, struct jn_err *err)
{
    struct jn_api *a = calloc(1, sizeof *a);
    *out = NULL;
    if (!a)
        return jn_fail(err, -ENOMEM, "no memory for the API");
    a->config = *c;
    if (!a->config.max_connections)
        a->config.max_connections = 1024;
    if (!a->config.token_life_s)
        a->config.token_life_s = 12 * 3600;
    if (!a->config.body_s)
        a->config.body_s = 10;
    if (!a->config.answer_s)
        a->config.answer_s = 30;
    a->sink = *sink;
    jn_cors_frame_policy(a);
    a->waker = waker;
    a->waker_fd = -1;
    a->dir = jn_directory_ref(dir);
    a->started_us = a->heard_us = jn_time_us();
    a->events = jn_events_new(JN_API_EVENTS, c->boot);
    uint8_t random[48];
    char hex[2][65];
    jn_random(random, sizeof random);
    jn_hex(hex[0], random, 16);
    jn_hex(hex[1], random + 16, 32);
    snprintf(a->dummy_hash, sizeof a->dummy_hash, "pbkdf2-sha256$120000$%s$%s", hex[0], hex[1]);
    int rc = !a->events || jn_view_init(&a->view) || jn_map_init(&a->heads, 256) ||
                     jn_callers_init(&a->callers, c->max_calls) || add_routes(a)
                 ? jn_fail(err, -ENOMEM, "no memory for the API")
                 : listen_on(a, err);
    if (rc) {
        jn_api_close(a);
        return rc;
    }
    *out = a;
    return 0;
}

uint16_t jn_api_port(const struct jn_api *a)
{
    return a->config.port;
}

void jn_api_tick(struct jn_api *a)
{
    uint64_t now = jn_time_us();
    if (now < a->tick_us)
        return;
    a->tick_us = now + JN_API_TICK_US;
    jn_http_tick(a, now);
    jn_ws_tick(a, now);
    jn_feed_tick(a);
    for (uint32_t i = 0; i < JN_TOKENS_MAX; i++)
        if (a->waiting[i].req && a->waiting[i].req->phase >= JN_REQ_ANSWERED) {
            struct jn_req *r = a->waiting[i].req; /* told 503 by its deadline */
            a->done -= a->waiting[i].done;
            a->waiting[i] = (struct jn_waiting){0};
            jn_req_drop(r);
        }
    if (a->guest.tick)
        a->guest.tick(a->guest.arg, now);
}

static void ring(lws_sorted_usec_list_t *sul)
{
    (void)sul; /* it only ends lws_service */
}

/* After the mail: everything that an event changed has come with it. */
static void answer_done(struct jn_api *a)
{
    for (uint32_t i = 0; a->done && i < JN_TOKENS_MAX; i++) {
        struct jn_waiting *w = &a->waiting[i];
        struct jn_req *r = w->req;
        uint64_t id = w->id;
        if (!w->done)
            continue;
        *w = (struct jn_waiting){0};
        a->done--;
        jn_answer_row(r, id);
        jn_req_drop(r);
    }
}

static void take_mail(struct jn_api *a)
{
    a->sink.mail(a->sink.arg);
    answer_done(a);
    jn_feed_flush(a);
}

void jn_api_run(struct jn_api *a)
{
    lws_sorted_usec_list_t timer = {0};
    while (!atomic_load_explicit(&a->stop, memory_order_acquire)) {
        lws_sul_schedule(a->lws, 0, &timer, ring, JN_API_TICK_US);
        jn_waker_about_to_sleep(a->waker);
        take_mail(a); /* looks once more, as the waker asks */
        lws_service(a->lws, 0);
        jn_waker_awake(a->waker);
        take_mail(a);
        jn_api_tick(a);
    }
    lws_sul_schedule(a->lws, 0, &timer, ring, LWS_SET_TIMER_USEC_CANCEL);
}

void jn_api_stop(struct jn_api *a)
{
    /* Pairs with the acquire in jn_api_run. */
    atomic_store_explicit(&a->stop, true, memory_order_release);
    lws_cancel_service(a->lws);
}

void jn_api_close(struct jn_api *a)
{
    if (!a)
        return;
    if (a->lws)
        lws_context_destroy(a->lws);
    for (uint32_t i = 0; i < JN_TOKENS_MAX; i++)
        if (a->waiting[i].req)
            jn_req_drop(a->waiting[i].req);
    while (a->reqs) { /* whose asks never came back */
        a->reqs->refs = 1;
        jn_req_drop(a->reqs);
    }
    jn_map_free(&a->heads);
    jn_view_free(&a->view);
    jn_callers_free(&a->callers);
    jn_watches_free(&a->watches);
    jn_events_free(a->events);
    jn_directory_unref(a->dir);
    explicit_bzero(a->config.secret, sizeof a->config.secret);
    free(a);
}

void jn_api_directory(struct jn_api *a, struct jn_directory *dir)
{
    struct jn_directory *old = a->dir;
    a->dir = jn_directory_ref(dir);
    jn_directory_unref(old);
}

static void settle(struct jn_api *a, const struct jn_command *c)
{
    struct jn_waiting *w = &a->waiting[c->token % JN_TOKENS_MAX];
    if (!w->req || w->token != c->token || c->maker != JN_MAKER_API)
        return;
    if (c->kind == JN_CMD_DONE) {
        a->done += !w->done;
        w->done = true;
        return;
    }
    struct jn_req *r = w->req;
    w->req = NULL;
    static const char *const names[] = JN_WHY_NAMES;
    const char *why = c->why < JN_WHY_N ? names[c->why] : "unknown";
    enum jn_refusal no = c->why == JN_WHY_UNKNOWN_ID ? JN_NO_NOT_FOUND
                         : c->why == JN_WHY_BUSY     ? JN_NO_BUSY
                         : c->why == JN_WHY_DRAINING ? JN_NO_DRAINING
                                                     : JN_NO_CONFLICT;
    jn_req_error(r, no, NULL, "the router refused: %s", why);
    jn_req_drop(r);
}

void jn_api_command(struct jn_api *a, const struct jn_command *c)
{
    if (c->kind == JN_CMD_DONE || c->kind == JN_CMD_REFUSED) {
        settle(a, c);
        return;
    }
    uint64_t from = jn_holder_before(a, c);
    jn_view_take(&a->view, c);
    jn_publish_command(a, c);
    jn_publish_moved(a, c, from);
}

void jn_api_answer(struct jn_api *a, struct jn_ask *ask)
{
    (void)a;
    if (ask->then)
        ask->then(ask->user, ask);
    jn_ask_free(ask);
}

void jn_api_phone(struct jn_api *a, uint64_t agent, bool registered)
{
    struct jn_view_agent *v = jn_view_agent_make(&a->view, agent);
    const struct jn_dir_agent *d = jn_dir_agent(a->dir, agent);
    if (!v || v->phone == registered)
        return;
    v->phone = registered;
    if (d)
        v->row.tenant = d->tenant;
    jn_publish_agent(a, v);
}

void jn_api_call(struct jn_api *a, uint64_t ix, const char *caller, const char *called)
{
    const struct jn_ix_row *row = jn_view_ix(&a->view, ix);
    if (jn_callers_put(&a->callers, ix, caller, called))
        a->view.lost++;
    else if (row) /* the router's word overtook this one: told once more, with the numbers */
        jn_publish_command(a, &(struct jn_command){.kind = JN_CMD_RECORD, .row = *row});
}

uint64_t jn_api_now_us(const struct jn_api *a)
{
    (void)a;
    return jn_time_us();
}

bool jn_api_draining(const struct jn_api *a)
{
    return a->draining;
}

void jn_api_guest(struct jn_api *a, const struct jn_api_guest *g)
{
    a->guest = *g;
}

void jn_api_audit(struct jn_api *a, const struct jn_session *who, const char *name, int kind, const char *what)
{
    struct jn_ask *ask = jn_ask_new(JN_ASK_AUDIT);
    if (!ask) {
        a->count.audit_lost++;
        return;
    }
    const struct jn_dir_agent *agent = who ? jn_dir_agent(a->dir, who->agent) : NULL;
    ask->tenant = who ? who->tenant : 0;
    ask->agent = who ? who->agent : 0;
    ask->control = kind;
    jn_copy(ask->who, sizeof ask->who, name ? name : agent ? agent->name : "installation");
    jn_buf_text(&ask->text, what);
    if (a->sink.ask(a->sink.arg, ask)) {
        a->count.audit_lost++;
        jn_ask_free(ask);
    }
}
