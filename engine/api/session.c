/* Session: log in with name and password for a token, and log out. Passwords are checked by another thread; guessing is
 * slowed down by name, by address and for everybody. */
#include "engine/api/server.h"
#include "engine/base/clock.h"
#include "engine/base/rand.h"
#include <string.h>

enum { AUDIT_LOGIN, AUDIT_LOGIN_FAILED };
enum {
    NAME_BURST = 5, /* failures of one name from one address, then one each 12 s */
    NAME_EACH_US = 12000000,
    IP_BURST = 60,
    IP_EACH_US = 1000000,
    HASHING_MAX = 64 /* password checks under way */
};

static uint64_t name_key(const struct jn_req *r, const char *tenant, const char *name)
{
    struct jn_buf b = {0};
    jn_buf_printf(&b, "%s/%s/%s", tenant, name, jn_req_ip(r));
    uint64_t key = jn_keyed_hash(r->api->config.secret, 'l', b.data ? b.data : "");
    jn_buf_free(&b);
    return key;
}

static const struct jn_dir_agent *agent_of(const struct jn_api *a, const char *tenant, const char *name)
{
    const struct jn_dir_tenant *t = jn_dir_tenant_named(a->dir, tenant);
    const struct jn_dir_agent *g = t ? jn_dir_agent_named(a->dir, t->id, name) : NULL;
    return g && *g->password && g->role != JN_ROLE_NONE ? g : NULL;
}

void jn_session_grant(struct jn_req *r, const struct jn_dir_agent *g, uint64_t life_s)
{
    static const char *const roles[] = {"none", "agent", "supervisor", "admin"};
    struct jn_api *a = r->api;
    struct jn_claims c = {.kind = JN_TOKEN_AGENT,
                          .role = g->role,
                          .tenant = g->tenant,
                          .subject = g->set.id,
                          .expires_s = jn_wall_us() / 1000000 + life_s};
    char token[JN_TOKEN_MAX], id[JN_ID_TEXT_MAX];
    struct jn_buf out = {0};
    jn_random(&c.nonce, sizeof c.nonce);
    jn_token_sign(token, a->config.secret, &c);
    jn_buf_printf(&out, "{\"token\":\"%s\",\"expires_s\":%llu,\"agent\":\"%s\",\"name\":", token,
                  (unsigned long long)c.expires_s, jn_id_text(g->set.id, id));
    jn_buf_json(&out, g->name, strlen(g->name));
    jn_buf_printf(&out, ",\"role\":\"%s\"}", g->role < JN_ROLE_N ? roles[g->role] : "none");
    jn_req_answer(r, 200, &out);
    jn_buf_free(&out);
}

static void checked(void *req, struct jn_ask *ask)
{
    struct jn_req *r = req;
    struct jn_api *a = r->api;
    const char *tenant = jn_json_text(jn_json_get(r->json, "tenant")),
               *name = jn_json_text(jn_json_get(r->json, "name"));
    const struct jn_dir_agent *g = agent_of(a, tenant, name);
    struct jn_session who = {.tenant = g ? g->tenant : 0, .agent = g ? g->set.id : 0};
    a->hashing--;
    /* The hash is compared again: the password may have been changed meanwhile. */
    if (!ask->status && g && !strcmp(g->password, ask->secret)) {
        a->count.logins++;
        jn_api_audit(a, &who, name, AUDIT_LOGIN, jn_req_ip(r));
        jn_session_grant(r, g, a->config.token_life_s);
        return;
    }
    uint64_t now = jn_api_now_us(a), ip = jn_req_ip_key(r);
    a->count.logins_failed++;
    jn_throttle_take(&a->login_throttle, name_key(r, tenant, name), NAME_BURST, NAME_EACH_US, now);
    if (ip)
        jn_throttle_take(&a->login_throttle, ip, IP_BURST, IP_EACH_US, now);
    jn_api_audit(a, &who, name, AUDIT_LOGIN_FAILED, jn_req_ip(r));
    jn_req_error(r, JN_NO_UNAUTHORIZED, NULL, "tenant, name or password is wrong");
}

static void login(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    const char *tenant, *name, *password;
    if (!jn_req_only(r, "tenant,name,password") || !jn_req_field(r, "tenant", JN_NAME_MAX - 1, true, &tenant) ||
        !jn_req_field(r, "name", JN_NAME_MAX - 1, true, &name) || !jn_req_field(r, "password", 1024, true, &password))
        return;
    uint64_t now = jn_api_now_us(a), ip = jn_req_ip_key(r);
    uint64_t wait = jn_throttle_wait(&a->login_throttle, name_key(r, tenant, name), NAME_BURST, NAME_EACH_US, now);
    if (!wait && ip)
        wait = jn_throttle_wait(&a->login_throttle, ip, IP_BURST, IP_EACH_US, now);
    if (wait) {
        jn_req_retry_after(r, wait);
        jn_req_error(r, JN_NO_MANY, NULL, "too many failed log-ins, wait");
        return;
    }
    if (a->hashing >= HASHING_MAX) {
        jn_req_error(r, JN_NO_BUSY, NULL, "too many log-ins at once, try again");
        return;
    }
    const struct jn_dir_agent *g = agent_of(a, tenant, name);
    struct jn_ask *ask = jn_ask_new(JN_ASK_HASH);
    if (ask) {
        jn_copy(ask->secret, sizeof ask->secret, g ? g->password : a->dummy_hash);
        jn_buf_text(&ask->text, password);
    }
    a->hashing++;
    jn_req_ask(r, ask, checked);
    if (r->phase >= JN_REQ_ANSWERED && r->status >= 500)
        a->hashing--; /* it was not taken */
}

static void logout(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    const struct jn_session *s = jn_req_session(r);
    uint64_t now_s = jn_wall_us() / 1000000;
    for (uint32_t i = 0; i < a->n_logouts;)
        if (a->logouts[i].expires_s <= now_s)
            a->logouts[i] = a->logouts[--a->n_logouts];
        else
            i++;
    if (!s->expires_s) {
        jn_req_error(r, JN_NO_CONFLICT, NULL, "this token belongs to the installation");
        return;
    }
    if (a->n_logouts == JN_LOGOUTS_MAX) {
        jn_req_error(r, JN_NO_BUSY, NULL, "too many log-outs of tokens that still live");
        return;
    }
    a->logouts[a->n_logouts++] = (struct jn_logout){.nonce = s->nonce, .expires_s = s->expires_s};
    jn_req_answer(r, 200, &(struct jn_buf){.data = (char[]){"{}"}, .len = 2});
}

int jn_routes_session(struct jn_api *a)
{
    static const struct jn_route routes[] = {
        {JN_POST, JN_ROLE_NONE, JN_BODY_JSON, "/api/v1/login", login},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/logout", logout},
    };
    return jn_api_routes(a, JN_ROUTES(routes), a);
}
