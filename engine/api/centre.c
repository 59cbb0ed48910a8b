/* Centre: what concerns the whole installation: the report, changing the configuration, draining. */
#include "engine/api/server.h"
#include <errno.h>
#include <string.h>

enum { AUDIT_CHANGE = 2, AUDIT_MAX = 8192 };

static void report(void *arg, struct jn_req *r)
{
    (void)arg;
    uint64_t from, to;
    if (!jn_req_number(r, "from", INT64_MAX, 0, &from) || !jn_req_number(r, "to", INT64_MAX, INT64_MAX, &to))
        return;
    if (from > to) {
        jn_req_error(r, JN_NO_BAD_REQUEST, "from", "from is after to (both are microseconds since 1970)");
        return;
    }
    struct jn_ask *ask = jn_ask_new(JN_ASK_REPORT);
    if (ask) {
        ask->tenant = jn_req_session(r)->tenant;
        ask->from_us = from;
        ask->to_us = to;
    }
    jn_req_ask(r, ask, jn_req_answer_ask);
}

/* Configuration and draining touch every tenant, so one tenant's administrator may do them only where there is no
 * other. */
static bool whole(struct jn_req *r)
{
    if (!jn_req_session(r)->tenant || r->api->dir->n_tenants <= 1)
        return true;
    jn_req_error(r, JN_NO_FORBIDDEN, NULL, "this concerns every tenant: it needs the installation's token");
    return false;
}

static void mistakes(struct jn_req *r, const struct jn_ask *a)
{
    struct jn_buf out = {0};
    const char *p = a->answer.len ? a->answer.data : "", *end = p + a->answer.len;
    unsigned n = 0;
    jn_buf_text(&out, "{\"error\":{\"code\":\"invalid\",\"message\":\"the centre has mistakes; nothing was changed\","
                      "\"mistakes\":[");
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = nl ? (size_t)(nl - p) : (size_t)(end - p);
        if (len) {
            jn_buf_text(&out, n++ ? "," : "");
            jn_buf_json(&out, p, len);
        }
        p += len + 1;
    }
    jn_buf_text(&out, "]}}");
    r->api->count.refused[JN_NO_INVALID]++;
    jn_req_answer(r, 422, &out);
    jn_buf_free(&out);
}

static void applied(void *req, struct jn_ask *a)
{
    struct jn_req *r = req;
    if (a->status == -EINVAL) {
        mistakes(r, a);
        return;
    }
    if (!a->status && !a->dry_run) {
        struct jn_buf what = {0};
        jn_buf_text(&what, "centre applied ");
        jn_buf_add(&what, a->answer.data, a->answer.len < AUDIT_MAX ? a->answer.len : AUDIT_MAX);
        jn_buf_add(&what, "", 1);
        jn_api_audit(r->api, &r->who, NULL, AUDIT_CHANGE, what.failed ? "centre applied" : what.data);
        jn_buf_free(&what);
    }
    jn_req_answer_ask(req, a);
}

static void apply(void *arg, struct jn_req *r)
{
    (void)arg;
    uint64_t dry_run;
    if (!whole(r) || !jn_req_number(r, "dry_run", 1, 0, &dry_run))
        return;
    if (!jn_req_text(r)->len) {
        jn_req_error(r, JN_NO_INVALID, NULL, "the body is empty: send the centre's YAML");
        return;
    }
    struct jn_ask *ask = jn_ask_new(JN_ASK_APPLY);
    if (ask) {
        ask->dry_run = dry_run;
        jn_buf_add(&ask->text, jn_req_text(r)->data, jn_req_text(r)->len);
    }
    jn_req_ask(r, ask, applied);
}

static void drained(void *req, struct jn_ask *a)
{
    struct jn_req *r = req;
    if (!a->status) {
        r->api->draining = a->on;
        jn_api_audit(r->api, &r->who, NULL, AUDIT_CHANGE, a->on ? "draining on" : "draining off");
    }
    jn_req_answer_ask(req, a);
}

static void drain(void *arg, struct jn_req *r)
{
    (void)arg;
    if (!whole(r) || !jn_req_only(r, "on"))
        return;
    const struct jn_json *on = jn_json_get(jn_req_json(r), "on");
    if (on && jn_json_bool(on) < 0) {
        jn_req_error(r, JN_NO_INVALID, "on", "on is true or false");
        return;
    }
    struct jn_ask *ask = jn_ask_new(JN_ASK_DRAIN);
    if (ask)
        ask->on = !on || jn_json_bool(on);
    jn_req_ask(r, ask, drained);
}

int jn_routes_centre(struct jn_api *a)
{
    static const struct jn_route routes[] = {
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/report", report},
        {JN_POST, JN_ROLE_ADMIN, JN_BODY_YAML, "/api/v1/apply", apply},
        {JN_POST, JN_ROLE_ADMIN, JN_BODY_JSON, "/api/v1/drain", drain},
    };
    return jn_api_routes(a, JN_ROUTES(routes), a);
}
