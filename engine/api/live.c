/* Live: the wallboard's snapshot, the state of the engine, and a sign of life. */
#include "engine/api/rows.h"
#include <string.h>

static void live(void *arg, struct jn_req *r)
{
    struct jn_buf out = {0};
    jn_json_live(arg, jn_req_session(r), &out);
    jn_req_answer(r, 200, &out);
    jn_buf_free(&out);
}

static void status(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    const struct jn_session *s = jn_req_session(r);
    struct jn_buf out = {0};
    unsigned agents = 0, open = 0;
    for (uint32_t i = 0; i < a->view.n_agents; i++)
        agents +=
            jn_session_sees(s, a->view.agents[i].row.tenant) && a->view.agents[i].row.state != JN_AGENT_LOGGED_OUT;
    for (uint32_t i = 0; i < a->view.n_ixs; i++)
        open += jn_session_sees(s, a->view.ixs[i].tenant);
    jn_buf_text(&out, "{\"version\":");
    jn_buf_json(&out, a->config.version ? a->config.version : "", strlen(a->config.version ? a->config.version : ""));
    jn_buf_printf(&out,
                  ",\"uptime_s\":%llu,\"directory_version\":%llu,\"connections\":%u,\"agents_logged_in\":%u,"
                  "\"interactions_open\":%u,\"cursor\":%llu",
                  (unsigned long long)((jn_api_now_us(a) - a->started_us) / 1000000),
                  (unsigned long long)a->dir->version, a->connections - a->base_connections, agents, open,
                  (unsigned long long)jn_events_last(a->events));
    if (a->sink.health) {
        jn_buf_text(&out, ",");
        a->sink.health(a->sink.arg, &out);
    }
    jn_buf_text(&out, "}");
    jn_req_answer(r, 200, &out);
    jn_buf_free(&out);
}

/* Trunks of the reader's tenant; bans belong to nobody's, so whoever sees all tenants sees them too. */
static void trunks(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    struct jn_buf out = {0};
    jn_buf_text(&out, "{");
    if (a->sink.trunks)
        a->sink.trunks(a->sink.arg, jn_req_session(r)->tenant, &out);
    jn_buf_text(&out, "}");
    jn_req_answer(r, 200, &out);
    jn_buf_free(&out);
}

static void healthz(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    struct jn_buf out = {0};
    jn_buf_printf(&out, "{\"ok\":true,\"draining\":%s}", a->draining ? "true" : "false");
    jn_req_answer(r, 200, &out);
    jn_buf_free(&out);
}

int jn_routes_live(struct jn_api *a)
{
    static const struct jn_route routes[] = {
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/live", live},
        {JN_GET, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/status", status},
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/trunks", trunks},
        {JN_GET, JN_ROLE_NONE, JN_BODY_NONE, "/healthz", healthz},
    };
    return jn_api_routes(a, JN_ROUTES(routes), a);
}
