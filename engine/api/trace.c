/* Trace: one call's SIP messages and media figures, as text, JSON or pcap. For supervisors; every look is in the audit
 * log, for messages name who called whom. */
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

int jn_routes_trace(struct jn_api *a)
{
    static const struct jn_route route = {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/calls/{}/trace", trace};
    return jn_api_routes(a, &route, 1, a);
}
