/* Rows: see rows.h. */
#include "engine/api/rows.h"
#include "engine/base/clock.h"
#include "router/report/report.h"
#include <string.h>
#include <time.h>

static const char *const agent_states[] = JN_AGENT_STATE_NAMES;
static const char *const ix_states[] = JN_IX_STATE_NAMES;
static const char *const outcomes[] = JN_OUTCOME_NAMES;
static const char *const whys[] = JN_WHY_NAMES;
static const char *const channels[] = {"voice", "chat"};
static const char *const directions[] = JN_DIRECTION_NAMES;

static const char *name_of(const char *const names[], unsigned n, unsigned i)
{
    return i < n ? names[i] : "unknown";
}

static void id_member(struct jn_buf *out, const char *key, uint64_t id)
{
    char text[JN_ID_TEXT_MAX];
    jn_buf_printf(out, "\"%s\":\"%s\"", key, jn_id_text(id, text));
}

static void text_member(struct jn_buf *out, const char *key, const char *text)
{
    jn_buf_printf(out, ",\"%s\":", key);
    if (text)
        jn_buf_json(out, text, strlen(text));
    else
        jn_buf_text(out, "null");
}

static const char *tenant_name(const struct jn_api *a, uint64_t id)
{
    const struct jn_dir_tenant *t = jn_dir_tenant(a->dir, id);
    return t ? t->name : NULL;
}

void jn_json_agent(const struct jn_api *a, const struct jn_view_agent *v, uint64_t now_us, struct jn_buf *out)
{
    const struct jn_dir_agent *d = jn_dir_agent(a->dir, v->row.id);
    static const char *const roles[] = {"none", "agent", "supervisor", "admin"};
    /* The row of somebody who was never on duty is the view's own and empty. */
    const uint8_t *capacity = d ? d->set.capacity : v->row.capacity;
    jn_buf_text(out, "{");
    id_member(out, "id", v->row.id);
    text_member(out, "tenant", tenant_name(a, v->row.tenant));
    text_member(out, "name", d ? d->name : NULL);
    text_member(out, "display", d ? d->display : NULL);
    text_member(out, "role", d ? name_of(roles, 4, d->role) : NULL);
    text_member(out, "state", name_of(agent_states, JN_AGENT_STATE_N, v->row.state));
    text_member(out, "reason", v->row.reason);
    jn_buf_printf(
        out,
        ",\"since_us\":%llu,\"state_s\":%llu,\"phone\":%s,\"desks\":%u,\"load\":{\"voice\":%u,\"chat\":%u},"
        "\"capacity\":{\"voice\":%u,\"chat\":%u},\"may_call_out\":%s}",
        (unsigned long long)v->row.since_us,
        (unsigned long long)(v->row.since_us && now_us > v->row.since_us ? (now_us - v->row.since_us) / 1000000 : 0),
        v->phone ? "true" : "false", v->desks, v->row.load[JN_CH_VOICE], v->row.load[JN_CH_CHAT], capacity[JN_CH_VOICE],
        capacity[JN_CH_CHAT], d && (d->may_call_out || d->role >= JN_ROLE_SUPERVISOR) ? "true" : "false");
}

static void ratio(struct jn_buf *out, const char *key, uint64_t part, uint64_t whole, double unit)
{
    if (whole)
        jn_buf_printf(out, ",\"%s\":%.4f", key, (double)part / (double)whole / unit);
    else
        jn_buf_printf(out, ",\"%s\":null", key);
}

static void totals(struct jn_buf *out, const struct jn_queue_row *q, uint64_t now_us)
{
    uint64_t open = q->offered - q->answered - q->abandoned - q->rejected - q->lost;
    uint64_t since = q->longest_wait_since_us;
    jn_buf_printf(
        out,
        ",\"offered\":%llu,\"answered\":%llu,\"abandoned\":%llu,\"rejected\":%llu,\"lost\":%llu,\"open\":%llu,"
        "\"in_target\":%llu,\"waiting\":%u,\"offered_now\":%u,\"talking\":%u,\"longest_wait_s\":%.1f",
        (unsigned long long)q->offered, (unsigned long long)q->answered, (unsigned long long)q->abandoned,
        (unsigned long long)q->rejected, (unsigned long long)q->lost, (unsigned long long)open,
        (unsigned long long)q->in_target, q->waiting, q->offered_now, q->talking,
        since && now_us > since ? (double)(now_us - since) / 1e6 : 0.0);
    ratio(out, "service_level", q->in_target, q->answered + q->abandoned, 1);
    ratio(out, "asa_s", q->wait_sum_us, q->answered, 1e6);
    jn_buf_printf(out, ",\"transferred\":%llu,\"out\":%llu,\"out_answered\":%llu", (unsigned long long)q->transferred,
                  (unsigned long long)q->out, (unsigned long long)q->out_answered);
    ratio(out, "aht_s", q->talk_sum_us + q->wrap_sum_us, q->answered, 1e6);
}

void jn_json_queue(const struct jn_api *a, const struct jn_queue_row *row, uint64_t id, uint64_t now_us,
                   struct jn_buf *out)
{
    const struct jn_dir_queue *d = jn_dir_queue(a->dir, id);
    const struct jn_queue_row none = {.id = id, .tenant = d ? d->tenant : 0};
    const struct jn_queue_row *q = row ? row : &none;
    unsigned mask = row ? row->channel_mask : d ? d->set.channel_mask : 0;
    jn_buf_text(out, "{");
    id_member(out, "id", id);
    text_member(out, "tenant", tenant_name(a, q->tenant));
    text_member(out, "name", d ? d->name : NULL);
    jn_buf_printf(out, ",\"channels\":[%s%s%s],\"target_s\":%.1f", mask & 1u << JN_CH_VOICE ? "\"voice\"" : "",
                  (mask & 3) == 3 ? "," : "", mask & 1u << JN_CH_CHAT ? "\"chat\"" : "",
                  d ? d->set.target_ms / 1000.0 : 0.0);
    if (d)
        jn_buf_printf(out, ",\"offer_timeout_s\":%.1f,\"wrap_up_s\":%.1f", d->set.offer_timeout_ms / 1000.0,
                      d->set.wrap_up_ms / 1000.0);
    totals(out, q, now_us);
    jn_buf_text(out, "}");
}

/* UTC with milliseconds (RFC 3339), as the database gives its records. */
static void time_member(struct jn_buf *out, const char *key, uint64_t us)
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    char day[32];
    if (us && gmtime_r(&seconds, &tm) && strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm))
        jn_buf_printf(out, ",\"%s\":\"%s.%03uZ\",\"%s_us\":%llu", key, day, (unsigned)(us / 1000 % 1000), key,
                      (unsigned long long)us);
    else
        jn_buf_printf(out, ",\"%s\":null,\"%s_us\":0", key, key);
}

void jn_json_ix(const struct jn_api *a, const struct jn_ix_row *x, struct jn_buf *out)
{
    const struct jn_dir_queue *q = jn_dir_queue(a->dir, x->queue);
    const struct jn_dir_agent *g = jn_dir_agent(a->dir, x->agent);
    jn_buf_text(out, "{");
    id_member(out, "id", x->id);
    text_member(out, "tenant", tenant_name(a, x->tenant));
    text_member(out, "channel", name_of(channels, JN_CH_N, x->channel));
    text_member(out, "queue", q ? q->name : NULL);
    text_member(out, "agent", g ? g->name : NULL);
    jn_buf_text(out, ",");
    id_member(out, "agent_id", x->agent); /* agents of different tenants may have one name */
    text_member(out, "state", name_of(ix_states, JN_IX_STATE_N, x->state));
    text_member(out, "outcome", name_of(outcomes, JN_OUT_N, x->outcome));
    text_member(out, "why", name_of(whys, JN_WHY_N, x->why));
    const struct jn_dir_agent *asked = x->consult ? jn_dir_agent(a->dir, x->consult) : NULL;
    text_member(out, "direction", name_of(directions, JN_DIR_N, x->direction));
    text_member(out, "consult", asked ? asked->name : NULL);
    jn_buf_printf(out, ",\"outside\":%s,\"transfers\":%u", x->outside ? "true" : "false", x->transfers);
    jn_buf_printf(out, ",\"priority\":%u,\"position\":%u,\"offers\":%u,\"in_target\":%s", x->priority, x->position,
                  x->offers, x->in_target ? "true" : "false");
    time_member(out, "arrived", x->arrived_us);
    time_member(out, "queued", x->queued_us);
    time_member(out, "offered", x->offered_us);
    time_member(out, "answered", x->answered_us);
    time_member(out, "ended", x->ended_us);
    time_member(out, "closed", x->closed_us);
    jn_buf_printf(out, ",\"wait_ms\":%llu,\"talk_ms\":%llu", (unsigned long long)(x->wait_us / 1000),
                  (unsigned long long)(x->talk_us / 1000));
    if (x->channel == JN_CH_CHAT && a->guest.describe)
        a->guest.describe(a->guest.arg, x->id, out);
    const struct jn_numbers *numbers = x->channel == JN_CH_VOICE ? jn_callers_get(&a->callers, x->id) : NULL;
    if (numbers) {
        text_member(out, "caller", numbers->caller);
        text_member(out, "called", numbers->called);
    }
    jn_buf_text(out, "}");
}

void jn_json_live(const struct jn_api *a, const struct jn_session *s, struct jn_buf *out)
{
    uint64_t now = jn_api_now_us(a);
    struct jn_queue_row sum = {0};
    unsigned states[JN_AGENT_STATE_N] = {0}, n = 0;
    jn_buf_printf(out, "{\"at_us\":%llu,\"draining\":%s,\"queues\":[", (unsigned long long)now,
                  a->draining ? "true" : "false");
    for (uint32_t i = 0; i < a->view.n_queues; i++) {
        const struct jn_queue_row *q = &a->view.queues[i];
        if (!jn_session_sees(s, q->tenant))
            continue;
        jn_buf_text(out, n++ ? "," : "");
        jn_json_queue(a, q, q->id, now, out);
        jn_report_add(&sum, q);
    }
    jn_buf_text(out, "],\"agents\":[");
    n = 0;
    for (uint32_t i = 0; i < a->view.n_agents; i++) {
        const struct jn_view_agent *v = &a->view.agents[i];
        if (!jn_session_sees(s, v->row.tenant))
            continue;
        jn_buf_text(out, n++ ? "," : "");
        jn_json_agent(a, v, now, out);
        if (v->row.state < JN_AGENT_STATE_N)
            states[v->row.state]++;
    }
    jn_buf_text(out, "],\"agent_states\":{");
    for (unsigned i = 0; i < JN_AGENT_STATE_N; i++)
        jn_buf_printf(out, "%s\"%s\":%u", i ? "," : "", agent_states[i], states[i]);
    jn_buf_text(out, "},\"total\":{\"name\":\"all\"");
    totals(out, &sum, now);
    jn_buf_text(out, "}}");
}

void jn_answer_row(struct jn_req *r, uint64_t id)
{
    struct jn_buf out = {0};
    const struct jn_ix_row *x = jn_view_ix(&r->api->view, id);
    const struct jn_view_agent *v = jn_view_agent(&r->api->view, id);
    if (x)
        jn_json_ix(r->api, x, &out);
    else if (v)
        jn_json_agent(r->api, v, jn_api_now_us(r->api), &out);
    else
        jn_buf_text(&out, "{}");
    jn_req_answer(r, 200, &out);
    jn_buf_free(&out);
}

void jn_api_message_json(struct jn_buf *out, uint32_t n, uint64_t at_us, unsigned from, const char *text, size_t len)
{
    static const char *const names[] = {"customer", "agent", "system"};
    jn_buf_printf(out, "{\"n\":%u,\"at_us\":%llu,\"from\":\"%s\",\"text\":", n, (unsigned long long)at_us,
                  name_of(names, 3, from));
    jn_buf_json(out, text, len);
    jn_buf_text(out, "}");
}
