/* Trace: one call's SIP messages and media figures, as text, JSON or pcap. For supervisors; every look is in the audit
 * log, for messages name who called whom. The figures of a call in progress alone, and what is wrong with its media. */
#include "engine/api/server.h"
#include <errno.h>
#include <string.h>

enum { AUDIT_READ_TRACE = 5 };
static const char *const types[] = {"text/plain; charset=utf-8", "application/json", "application/vnd.tcpdump.pcap"};

static void answer(void *req, struct jn_ask *a)
{
    struct jn_req *r = req;

    if (a->status) {
        jn_req_answer_ask(req, a);
        return;
    }
    jn_api_audit(r->api, &r->who, NULL, AUDIT_READ_TRACE, jn_req_param(r, 0));
    jn_req_bytes(r, 200, types[a->control], &a->answer);
}

static void trace(void *arg, struct jn_req *r)
{
    static const char *const forms[] = {"text", "json", "pcap"};
    const char *form = jn_req_query(r, "format");
    uint64_t id;
    int which = form ? -1 : JN_TRACE_FORM_JSON;

    (void)arg;
    for (int i = 0; form && i < 3; i++)
        if (strcmp(form, forms[i]) == 0)
            which = i;
    if (which < 0) {
        jn_req_error(r, JN_NO_INVALID, "format", "format is text, json or pcap");
        return;
    }
    if (!jn_req_id(r, 0, &id))
        return;
    struct jn_ask *ask = jn_ask_new(JN_ASK_TRACE);
    if (ask) {
        ask->tenant = jn_req_session(r)->tenant;
        ask->id = id;
        ask->control = which;
    }
    jn_req_ask(r, ask, answer);
}

static void answer_quality(void *req, struct jn_ask *a)
{
    if (a->status)
        jn_req_answer_ask(req, a);
    else
        jn_req_bytes(req, 200, types[a->control], &a->answer);
}

static void quality(void *arg, struct jn_req *r)
{
    const char *form = jn_req_query(r, "format");
    bool text = form && strcmp(form, "text") == 0;
    uint64_t id;

    (void)arg;
    if (form && !text && strcmp(form, "json") != 0) {
        jn_req_error(r, JN_NO_INVALID, "format", "format is text or json");
        return;
    }
    if (!jn_req_id(r, 0, &id))
        return;
    struct jn_ask *ask = jn_ask_new(JN_ASK_QUALITY);
    if (ask) {
        ask->tenant = jn_req_session(r)->tenant;
        ask->id = id;
        ask->control = text ? JN_TRACE_FORM_TEXT : JN_TRACE_FORM_JSON;
    }
    jn_req_ask(r, ask, answer_quality);
}

void jn_api_trouble(struct jn_api *a, const struct jn_media_trouble *news)
{
    const struct jn_dir_agent *agent = news->agent ? jn_dir_agent(a->dir, news->agent) : NULL;
    struct jn_buf b = {0};
    char id[JN_ID_TEXT_MAX];

    jn_buf_printf(&b, "{\"id\":\"%s\",\"side\":\"%s\",\"what\":\"%s\",\"on\":%s,\"agent\":", jn_id_text(news->ix, id),
                  news->side, news->what, news->on ? "true" : "false");
    if (agent)
        jn_buf_json(&b, agent->name, strlen(agent->name));
    else
        jn_buf_text(&b, "null");
    jn_buf_text(&b, "}");
    if (!b.failed)
        jn_api_publish(a, news->tenant, 0, "media", b.data); /* 0: no agent hears of it */
    jn_buf_free(&b);
}

int jn_routes_trace(struct jn_api *a)
{
    static const struct jn_route routes[] = {
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/calls/{}/trace", trace},
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/calls/{}/quality", quality},
    };
    return jn_api_routes(a, JN_ROUTES(routes), a);
}
