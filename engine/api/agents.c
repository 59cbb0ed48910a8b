/* Agents: the list, oneself, and one's own state. Logging in here means taking up work, not the API's token. */
#include "engine/api/rows.h"
#include <string.h>

static void list(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    const struct jn_session *s = jn_req_session(r);
    struct jn_buf out = {0};
    uint64_t now = jn_api_now_us(a);
    unsigned n = 0;
    jn_buf_text(&out, "{\"agents\":[");
    for (uint32_t i = 0; i < a->view.n_agents; i++) {
        const struct jn_view_agent *v = &a->view.agents[i];
        if (!jn_session_sees(s, v->row.tenant))
            continue;
        jn_buf_text(&out, n++ ? "," : "");
        jn_json_agent(a, v, now, &out);
    }
    jn_buf_text(&out, "]}");
    jn_req_answer(r, 200, &out);
    jn_buf_free(&out);
}

/* The asker's own row; false: answered already, the installation itself is no agent. */
static bool self(struct jn_req *r, struct jn_view_agent **v)
{
    const struct jn_session *s = jn_req_session(r);
    *v = s->agent ? jn_view_agent_make(&r->api->view, s->agent) : NULL;
    if (!*v) {
        jn_req_error(r, JN_NO_NOT_FOUND, NULL, "this token is nobody's in particular");
        return false;
    }
    (*v)->row.tenant = s->tenant;
    return true;
}

static void me(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    struct jn_view_agent *v;
    if (!self(r, &v))
        return;
    struct jn_buf out = {0};
    unsigned n = 0;
    jn_buf_text(&out, "{\"agent\":");
    jn_json_agent(a, v, jn_api_now_us(a), &out);
    jn_buf_text(&out, ",\"interactions\":[");
    for (uint32_t i = 0; i < a->view.n_ixs; i++) {
        const struct jn_ix_row *x = &a->view.ixs[i];
        if (x->agent != v->row.id || x->state == JN_IX_QUEUED)
            continue;
        jn_buf_text(&out, n++ ? "," : "");
        jn_json_ix(a, x, &out);
    }
    jn_buf_text(&out, "]}");
    jn_req_answer(r, 200, &out);
    jn_buf_free(&out);
}

static void change(struct jn_req *r, enum jn_event_kind kind, const char *reason)
{
    const struct jn_session *s = jn_req_session(r);
    struct jn_view_agent *v;
    if (!self(r, &v))
        return;
    struct jn_event ev = {.kind = (uint8_t)kind, .tenant = s->tenant};
    ev.who.agent = s->agent;
    jn_copy(ev.who.reason, sizeof ev.who.reason, reason);
    jn_req_event(r, &ev, s->agent);
}

static void go_ready(void *arg, struct jn_req *r)
{
    (void)arg;
    change(r, JN_EV_READY, "");
}

static void go_not_ready(void *arg, struct jn_req *r)
{
    const char *reason;
    (void)arg;
    if (!jn_req_only(r, "reason") || !jn_req_field(r, "reason", JN_REASON_MAX - 1, false, &reason))
        return;
    change(r, JN_EV_NOT_READY, reason && *reason ? reason : "not_ready");
}

static void go_in(void *arg, struct jn_req *r)
{
    (void)arg;
    change(r, JN_EV_LOGIN, "");
}

static void go_out(void *arg, struct jn_req *r)
{
    (void)arg;
    change(r, JN_EV_LOGOUT, "");
}

int jn_routes_agents(struct jn_api *a)
{
    static const struct jn_route routes[] = {
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/agents", list},
        {JN_GET, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/agents/me", me},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/agents/me/ready", go_ready},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_JSON, "/api/v1/agents/me/not-ready", go_not_ready},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/agents/me/login", go_in},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/agents/me/logout", go_out},
    };
    return jn_api_routes(a, JN_ROUTES(routes), a);
}
