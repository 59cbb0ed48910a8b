/* Metrics: GET /metrics, Prometheus text format 0.0.4. It names every tenant's queues, so it is for this machine, or
 * for the installation's token. */
#include "engine/api/server.h"
#include <errno.h>
#include <string.h>

static void label(struct jn_buf *out, const char *text)
{
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            jn_buf_printf(out, "\\%c", *text);
        else if (*text == '\n')
            jn_buf_text(out, "\\n");
        else
            jn_buf_add(out, text, 1);
}

static void head(struct jn_buf *out, const char *name, const char *type, const char *help)
{
    jn_buf_printf(out, "# HELP junctor_%s %s\n# TYPE junctor_%s %s\n", name, help, name, type);
}

enum { Q_U64, Q_U32, Q_US, Q_OPEN };
static const struct {
    const char *name, *type, *help;
    size_t at;
    int kind;
} of_queue[] = {
    {"offered_total", "counter", "Interactions that came.", offsetof(struct jn_queue_row, offered), Q_U64},
    {"answered_total", "counter", "An agent had them.", offsetof(struct jn_queue_row, answered), Q_U64},
    {"abandoned_total", "counter", "The customer left first.", offsetof(struct jn_queue_row, abandoned), Q_U64},
    {"rejected_total", "counter", "The centre gave up or refused.", offsetof(struct jn_queue_row, rejected), Q_U64},
    {"lost_total", "counter", "Ended by a fault of ours.", offsetof(struct jn_queue_row, lost), Q_U64},
    {"open", "gauge", "Offered and nothing of the above yet.", 0, Q_OPEN},
    {"in_target_total", "counter", "Answered within the target.", offsetof(struct jn_queue_row, in_target), Q_U64},
    {"wait_seconds_sum", "counter", "Waiting of the answered.", offsetof(struct jn_queue_row, wait_sum_us), Q_US},
    {"talk_seconds_sum", "counter", "Talking.", offsetof(struct jn_queue_row, talk_sum_us), Q_US},
    {"wrap_seconds_sum", "counter", "Wrap-up.", offsetof(struct jn_queue_row, wrap_sum_us), Q_US},
    {"waiting", "gauge", "In the queue now.", offsetof(struct jn_queue_row, waiting), Q_U32},
    {"ringing", "gauge", "Offered to an agent now.", offsetof(struct jn_queue_row, offered_now), Q_U32},
    {"talking", "gauge", "With an agent now.", offsetof(struct jn_queue_row, talking), Q_U32},
};

static void queue_labels(const struct jn_api *a, const struct jn_queue_row *q, struct jn_buf *out)
{
    const struct jn_dir_tenant *t = jn_dir_tenant(a->dir, q->tenant);
    const struct jn_dir_queue *d = jn_dir_queue(a->dir, q->id);
    static const char *const channels[] = {"none", "voice", "chat", "voice+chat"};
    jn_buf_text(out, "{tenant=\"");
    label(out, t ? t->name : "?");
    jn_buf_text(out, "\",queue=\"");
    label(out, d ? d->name : "?");
    jn_buf_printf(out, "\",channel=\"%s\"}", channels[q->channel_mask & 3]);
}

static void queues(const struct jn_api *a, struct jn_buf *out)
{
    for (size_t m = 0; m < sizeof of_queue / sizeof of_queue[0]; m++) {
        head(out, of_queue[m].name, of_queue[m].type, of_queue[m].help);
        for (uint32_t i = 0; i < a->view.n_queues; i++) {
            const struct jn_queue_row *q = &a->view.queues[i];
            uint64_t v = 0;
            uint32_t v32 = 0;
            if (of_queue[m].kind == Q_U32) {
                memcpy(&v32, (const char *)q + of_queue[m].at, sizeof v32);
                v = v32;
            } else if (of_queue[m].kind == Q_OPEN) {
                v = q->offered - q->answered - q->abandoned - q->rejected - q->lost;
            } else {
                memcpy(&v, (const char *)q + of_queue[m].at, sizeof v);
            }
            jn_buf_printf(out, "junctor_%s", of_queue[m].name);
            queue_labels(a, q, out);
            if (of_queue[m].kind == Q_US)
                jn_buf_printf(out, " %llu.%06llu\n", (unsigned long long)(v / 1000000),
                              (unsigned long long)(v % 1000000));
            else
                jn_buf_printf(out, " %llu\n", (unsigned long long)v);
        }
    }
}

static void agents(const struct jn_api *a, struct jn_buf *out)
{
    static const char *const names[] = JN_AGENT_STATE_NAMES;
    head(out, "agents", "gauge", "Agents by state.");
    for (uint32_t t = 0; t < a->dir->n_tenants; t++) {
        unsigned count[JN_AGENT_STATE_N] = {0};
        for (uint32_t i = 0; i < a->view.n_agents; i++)
            if (a->view.agents[i].row.tenant == a->dir->tenants[t].id && a->view.agents[i].row.state < JN_AGENT_STATE_N)
                count[a->view.agents[i].row.state]++;
        for (unsigned s = 0; s < JN_AGENT_STATE_N; s++) {
            jn_buf_text(out, "junctor_agents{tenant=\"");
            label(out, a->dir->tenants[t].name);
            jn_buf_printf(out, "\",state=\"%s\"} %u\n", names[s], count[s]);
        }
    }
}

static void one(struct jn_buf *out, const char *name, const char *type, const char *help, uint64_t v)
{
    head(out, name, type, help);
    jn_buf_printf(out, "junctor_%s %llu\n", name, (unsigned long long)v);
}

static void own(const struct jn_api *a, struct jn_buf *out)
{
    const struct jn_api_counters *c = &a->count;
    one(out, "api_requests_total", "counter", "HTTP requests.", c->requests);
    head(out, "api_refused_total", "counter", "Requests refused, by error code.");
    for (int i = 0; i < JN_NO_N; i++)
        jn_buf_printf(out, "junctor_api_refused_total{code=\"%s\"} %llu\n", jn_refusal_code((enum jn_refusal)i),
                      (unsigned long long)c->refused[i]);
    one(out, "api_connections", "gauge", "Open connections.", a->connections - a->base_connections);
    one(out, "api_connections_refused_total", "counter", "Closed at once: too many.", c->connections_refused);
    one(out, "api_slow_clients_total", "counter", "Closed: too slow to send or read.", c->slow_clients);
    one(out, "api_late_answers_total", "counter", "Answered 503: no answer in time.", c->late_answers);
    one(out, "api_sockets_total", "counter", "WebSockets opened.", c->ws_opened);
    one(out, "api_sockets_slow_total", "counter", "WebSockets closed: fell behind.", c->ws_slow);
    one(out, "api_sockets_reset_total", "counter", "Cursors that were no longer there.", c->ws_reset);
    one(out, "api_logins_total", "counter", "Log-ins.", c->logins);
    one(out, "api_logins_failed_total", "counter", "Log-ins refused.", c->logins_failed);
    one(out, "api_tokens_refused_total", "counter", "Tokens not or no longer valid.", c->tokens_refused);
    one(out, "api_audit_lost_total", "counter", "Audit lines that found no room.", c->audit_lost);
    one(out, "api_events_lost_total", "counter", "Events that found no memory.", jn_events_lost(a->events));
    one(out, "api_view_lost_total", "counter", "Live rows that found no memory.", a->view.lost);
}

static void metrics(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    struct jn_session s;
    if (jn_req_ip_key(r) && (jn_session_of(a, jn_req_bearer(r), &s) || s.tenant)) {
        jn_req_error(r, JN_NO_UNAUTHORIZED, NULL, "from this machine, or with the installation's token");
        return;
    }
    struct jn_buf out = {0};
    queues(a, &out);
    agents(a, &out);
    own(a, &out);
    jn_watches_metrics(&a->watches, &out);
    if (a->guest.metrics)
        a->guest.metrics(a->guest.arg, &out);
    if (a->sink.metrics)
        a->sink.metrics(a->sink.arg, &out);
    if (out.failed)
        jn_req_error(r, JN_NO_INTERNAL, NULL, "no memory");
    else
        jn_req_bytes(r, 200, "text/plain; version=0.0.4", &out);
    jn_buf_free(&out);
}

int jn_routes_metrics(struct jn_api *a)
{
    static const struct jn_route route = {JN_GET, JN_ROLE_NONE, JN_BODY_NONE, "/metrics", metrics};
    return jn_api_routes(a, &route, 1, a);
}
