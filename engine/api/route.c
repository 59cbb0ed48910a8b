/* Route: which handler a request is for, and everything that must hold before it is called: method, token, role,
 * content type, JSON. */
#include "engine/api/server.h"
#include "engine/base/clock.h"
#include <errno.h>
#include <string.h>

int jn_api_routes(struct jn_api *a, const struct jn_route *routes, size_t n, void *arg)
{
    for (size_t i = 0; i < n; i++) {
        if (a->n_routes == JN_API_ROUTES)
            return -ENOSPC;
        a->routes[a->n_routes].route = &routes[i];
        a->routes[a->n_routes++].arg = arg;
    }
    return 0;
}

int jn_api_ws_route(struct jn_api *a, const struct jn_ws_ops *ops, void *arg)
{
    if (a->n_ws_routes == JN_API_WS_ROUTES)
        return -ENOSPC;
    a->ws_routes[a->n_ws_routes].ops = ops;
    a->ws_routes[a->n_ws_routes++].arg = arg;
    return 0;
}

static bool logged_out(const struct jn_api *a, uint64_t nonce)
{
    for (uint32_t i = 0; i < a->n_logouts; i++)
        if (a->logouts[i].nonce == nonce)
            return true;
    return false;
}

/* The directory has the last word: who was removed or demoted is so at once. */
bool jn_session_still(struct jn_api *a, const struct jn_session *s, struct jn_session *now)
{
    *now = *s;
    if ((s->expires_s && s->expires_s <= jn_wall_us() / 1000000) || logged_out(a, s->nonce))
        return false;
    if (!s->tenant)
        return s->role == JN_ROLE_ADMIN && !s->agent;
    const struct jn_dir_agent *agent = jn_dir_agent(a->dir, s->agent);
    if (!agent || agent->tenant != s->tenant)
        return false;
    now->role = agent->role;
    return agent->role != JN_ROLE_NONE;
}

int jn_session_of(struct jn_api *a, const char *token, struct jn_session *out)
{
    struct jn_claims c = {0};
    if (!jn_token_verify(&c, a->config.secret, JN_TOKEN_AGENT, token, jn_wall_us() / 1000000)) {
        const struct jn_session said = {
            .tenant = c.tenant, .agent = c.subject, .nonce = c.nonce, .expires_s = c.expires_s, .role = c.role};
        if (jn_session_still(a, &said, out))
            return 0;
    }
    a->count.tokens_refused++;
    return -EACCES;
}

bool jn_session_sees(const struct jn_session *s, uint64_t tenant)
{
    return !s->tenant || s->tenant == tenant;
}

bool jn_session_reads(const struct jn_session *s, uint64_t tenant, uint64_t agent)
{
    return (s->role >= JN_ROLE_SUPERVISOR && jn_session_sees(s, tenant)) || (s->agent && s->agent == agent);
}

/* Finds the route; path_known: there is one with another method. */
static bool find(struct jn_req *r, bool *path_known)
{
    struct jn_api *a = r->api;
    *path_known = false;
    for (unsigned i = 0; i < a->n_routes; i++) {
        if (!jn_path_match(a->routes[i].route->pattern, r->path, &r->params))
            continue;
        *path_known = true;
        if (a->routes[i].route->method != r->method)
            continue;
        r->route = a->routes[i].route;
        r->route_arg = a->routes[i].arg;
        return true;
    }
    return false;
}

static bool type_is(const char *type, const char *want)
{
    size_t n = strlen(want);
    return !strncasecmp(type, want, n) && (!type[n] || type[n] == ';' || type[n] == ' ');
}

static bool type_fits(const struct jn_req *r)
{
    if (r->route->body == JN_BODY_JSON)
        return type_is(r->type, "application/json");
    return type_is(r->type, "application/yaml") || type_is(r->type, "application/x-yaml") ||
           type_is(r->type, "text/yaml") || type_is(r->type, "text/plain");
}

void jn_route_head(struct jn_req *r)
{
    bool path_known;
    if (jn_www_serve(r))
        return;
    if (!find(r, &path_known)) {
        if (path_known)
            jn_req_error(r, JN_NO_METHOD, NULL, "not with this method");
        else
            jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such path");
        return;
    }
    if (r->route->role != JN_ROLE_NONE) {
        if (jn_session_of(r->api, r->bearer, &r->who)) {
            jn_req_error(r, JN_NO_UNAUTHORIZED, NULL, "%s",
                         *r->bearer ? "the token is not valid, or no longer" : "log in first: Authorization: Bearer");
            return;
        }
        if (r->who.role < r->route->role) {
            jn_req_error(r, JN_NO_FORBIDDEN, NULL, "%s",
                         r->route->role == JN_ROLE_ADMIN ? "for administrators" : "for supervisors");
            return;
        }
    }
    r->body_max = r->route->body == JN_BODY_YAML ? JN_BODY_MAX_YAML : JN_BODY_MAX;
    if (r->content_length > r->body_max)
        jn_req_error(r, JN_NO_LARGE, NULL, "the body is larger than %llu bytes", (unsigned long long)r->body_max);
    else if (r->content_length && r->method == JN_GET)
        jn_req_error(r, JN_NO_BAD_REQUEST, NULL, "GET takes no body");
    else if (r->content_length && !type_fits(r))
        jn_req_error(r, JN_NO_TYPE, NULL, "Content-Type must be %s",
                     r->route->body == JN_BODY_YAML ? "application/yaml" : "application/json");
}

void jn_route_serve(struct jn_req *r)
{
    r->phase = JN_REQ_SERVED;
    r->deadline_us = jn_api_now_us(r->api) + r->api->config.answer_s * UINT64_C(1000000);
    if (r->body.failed) {
        jn_req_error(r, JN_NO_BUSY, NULL, "no memory for the body");
        return;
    }
    if (r->route->body != JN_BODY_YAML && r->body.len) {
        struct jn_err why = {""};
        r->json = jn_json_parse(r->body.data, r->body.len, &why);
        if (!r->json) {
            jn_req_error(r, JN_NO_BAD_JSON, NULL, "%s", why.text);
            return;
        }
        if (!jn_json_is_object(r->json)) {
            jn_req_error(r, JN_NO_BAD_JSON, NULL, "the body must be a JSON object");
            return;
        }
    }
    if (r->route->body == JN_BODY_NONE && !jn_req_only(r, ""))
        return;
    r->route->handler(r->route_arg, r);
}
