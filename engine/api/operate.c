/* Operate: what the people who run the installation need beside the centre: log levels while it runs, the audit trail,
 * tokens for programs. */
#include "engine/api/server.h"
#include "engine/base/log.h"
#include <errno.h>
#include <string.h>

enum { AUDIT_CHANGE = 2, AUDIT_PAGE = 50, AUDIT_PAGE_MAX = 200, TOKEN_LIFE_S = 3600, TOKEN_LIFE_MAX_S = 366 * 86400 };

/* The log is the whole installation's. */
static bool installation(struct jn_req *r)
{
    if (!jn_req_session(r)->tenant || r->api->dir->n_tenants <= 1)
        return true;
    jn_req_error(r, JN_NO_FORBIDDEN, NULL, "this concerns every tenant: it needs the installation's token");
    return false;
}

static void answer_level(struct jn_req *r)
{
    struct jn_buf out = {0};
    jn_buf_printf(&out, "{\"level\":\"%s\"}", jn_log_level_name(jn_log_level_get()));
    jn_req_answer(r, 200, &out);
    jn_buf_free(&out);
}

static void log_get(void *arg, struct jn_req *r)
{
    (void)arg;
    if (installation(r))
        answer_level(r);
}

static void log_set(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    const char *level, *module;
    enum jn_log_level to;
    struct jn_buf what = {0};
    int rc = 0;
    if (!installation(r) || !jn_req_only(r, "level,module") || !jn_req_field(r, "level", 16, true, &level) ||
        !jn_req_field(r, "module", 15, false, &module))
        return;
    if (jn_log_level_parse(level, &to)) {
        jn_req_error(r, JN_NO_INVALID, "level", "level is error, warn, info or debug");
        return;
    }
    if (module && *module) {
        rc = jn_log_module_set(module, to);
    } else {
        jn_log_level_set(to);
        jn_log_modules_clear();
    }
    if (rc) {
        jn_req_error(r, JN_NO_INVALID, "module",
                     rc == -ENOSPC ? "too many modules have levels of their own: set the general level first"
                                   : "no module is called so");
        return;
    }
    jn_buf_printf(&what, "log level %s%s%s", level, module && *module ? " of " : "", module && *module ? module : "");
    jn_warn("api", "%s", what.data ? what.data : "log level changed");
    jn_api_audit(a, &r->who, NULL, AUDIT_CHANGE, what.data ? what.data : "log level");
    jn_buf_free(&what);
    answer_level(r);
}

static void audit(void *arg, struct jn_req *r)
{
    (void)arg;
    uint64_t before, limit;
    const char *who = jn_req_query(r, "who");
    if (!jn_req_number(r, "before", INT64_MAX, 0, &before) ||
        !jn_req_number(r, "limit", AUDIT_PAGE_MAX, AUDIT_PAGE, &limit))
        return;
    struct jn_ask *ask = jn_ask_new(JN_ASK_AUDIT_LIST);
    if (ask) {
        ask->tenant = jn_req_session(r)->tenant;
        ask->before = before;
        ask->limit = (unsigned)limit;
        jn_copy(ask->who, sizeof ask->who, who ? who : "");
    }
    jn_req_ask(r, ask, jn_req_answer_ask);
}

/* A token of somebody's for a program: with that one's role, for as long as was asked. */
static void token(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    const struct jn_session *s = jn_req_session(r);
    const char *tenant, *name;
    if (!jn_req_only(r, "tenant,name,life_s") || !jn_req_field(r, "tenant", JN_NAME_MAX - 1, true, &tenant) ||
        !jn_req_field(r, "name", JN_NAME_MAX - 1, true, &name))
        return;
    int64_t life = jn_json_int(jn_json_get(jn_req_json(r), "life_s"), TOKEN_LIFE_S);
    if (life < 1 || life > TOKEN_LIFE_MAX_S) {
        jn_req_error(r, JN_NO_INVALID, "life_s", "life_s is 1 to %d seconds", TOKEN_LIFE_MAX_S);
        return;
    }
    const struct jn_dir_tenant *t = jn_dir_tenant_named(a->dir, tenant);
    const struct jn_dir_agent *g = t && jn_session_sees(s, t->id) ? jn_dir_agent_named(a->dir, t->id, name) : NULL;
    if (!g || g->role == JN_ROLE_NONE) {
        jn_req_error(r, JN_NO_NOT_FOUND, "name", "there is no \"%s\" in tenant \"%s\"", name, tenant);
        return;
    }
    struct jn_buf what = {0};
    jn_buf_printf(&what, "token for %s/%s, %lld s", tenant, name, (long long)life);
    jn_api_audit(a, &r->who, NULL, AUDIT_CHANGE, what.data ? what.data : "token");
    jn_buf_free(&what);
    jn_session_grant(r, g, (uint64_t)life);
}

int jn_routes_operate(struct jn_api *a)
{
    static const struct jn_route routes[] = {
        {JN_GET, JN_ROLE_ADMIN, JN_BODY_NONE, "/api/v1/log", log_get},
        {JN_POST, JN_ROLE_ADMIN, JN_BODY_JSON, "/api/v1/log", log_set},
        {JN_GET, JN_ROLE_ADMIN, JN_BODY_NONE, "/api/v1/audit", audit},
        {JN_POST, JN_ROLE_ADMIN, JN_BODY_JSON, "/api/v1/tokens", token},
    };
    return jn_api_routes(a, JN_ROUTES(routes), a);
}
