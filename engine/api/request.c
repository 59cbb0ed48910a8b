/* Request: see request.h. */
#include "engine/api/server.h"
#include "engine/base/clock.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    unsigned status;
    const char *code;
} refusals[JN_NO_N] = {
    [JN_NO_BAD_REQUEST] = {400, "bad_request"},
    [JN_NO_BAD_JSON] = {400, "bad_json"},
    [JN_NO_UNAUTHORIZED] = {401, "unauthorized"},
    [JN_NO_FORBIDDEN] = {403, "forbidden"},
    [JN_NO_NOT_FOUND] = {404, "not_found"},
    [JN_NO_METHOD] = {405, "method_not_allowed"},
    [JN_NO_CONFLICT] = {409, "conflict"},
    [JN_NO_LARGE] = {413, "too_large"},
    [JN_NO_TYPE] = {415, "unsupported_media_type"},
    [JN_NO_INVALID] = {422, "invalid"},
    [JN_NO_MANY] = {429, "too_many_requests"},
    [JN_NO_INTERNAL] = {500, "internal"},
    [JN_NO_BUSY] = {503, "busy"},
    [JN_NO_DRAINING] = {503, "draining"},
};

const char *jn_refusal_code(enum jn_refusal why)
{
    return refusals[why].code;
}

struct jn_req *jn_req_new(struct jn_api *a)
{
    struct jn_req *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->api = a;
    r->refs = 1;
    r->body_max = JN_BODY_MAX;
    r->next = a->reqs;
    if (r->next)
        r->next->prev = r;
    a->reqs = r;
    return r;
}

struct jn_req *jn_req_hold(struct jn_req *r)
{
    r->refs++;
    return r;
}

void jn_req_drop(struct jn_req *r)
{
    if (--r->refs)
        return;
    if (r->prev)
        r->prev->next = r->next;
    else
        r->api->reqs = r->next;
    if (r->next)
        r->next->prev = r->prev;
    jn_json_free(r->json);
    if (r->body.data)
        explicit_bzero(r->body.data, r->body.cap);
    jn_buf_free(&r->body);
    jn_buf_free(&r->out);
    explicit_bzero(r, sizeof *r);
    free(r);
}

const struct jn_session *jn_req_session(const struct jn_req *r)
{
    return &r->who;
}

const char *jn_req_param(const struct jn_req *r, unsigned i)
{
    return i < r->params.count ? r->params.at[i] : "";
}

const char *jn_req_query(const struct jn_req *r, const char *name)
{
    return jn_query_get(&r->query, name);
}

const char *jn_req_bearer(const struct jn_req *r)
{
    return r->bearer;
}

const char *jn_req_ip(const struct jn_req *r)
{
    return r->ip;
}

uint64_t jn_req_ip_key(const struct jn_req *r)
{
    const char *ip = strncmp(r->ip, "::ffff:", 7) ? r->ip : r->ip + 7;
    if (!strcmp(ip, "127.0.0.1") || !strcmp(ip, "::1"))
        return 0;
    return jn_keyed_hash(r->api->config.secret, 'i', ip);
}

const struct jn_json *jn_req_json(const struct jn_req *r)
{
    return r->json;
}

const struct jn_buf *jn_req_text(const struct jn_req *r)
{
    return &r->body;
}

static void finish(struct jn_req *r, unsigned status, const char *type)
{
    r->status = status;
    r->out_type = type;
    r->phase = JN_REQ_ANSWERED;
    jn_http_ready(r);
}

void jn_req_answer(struct jn_req *r, unsigned status, const struct jn_buf *json)
{
    if (r->phase >= JN_REQ_ANSWERED)
        return;
    jn_buf_add(&r->out, json->data, json->len);
    if (json->failed || r->out.failed) {
        jn_buf_clear(&r->out);
        jn_req_error(r, JN_NO_INTERNAL, NULL, "no memory for the answer");
        return;
    }
    finish(r, status, "application/json");
}

void jn_req_bytes(struct jn_req *r, unsigned status, const char *type, struct jn_buf *bytes)
{
    if (r->phase >= JN_REQ_ANSWERED)
        return;
    r->out = *bytes;
    *bytes = (struct jn_buf){0};
    finish(r, status, type);
}

void jn_req_error(struct jn_req *r, enum jn_refusal why, const char *field, const char *fmt, ...)
{
    if (r->phase >= JN_REQ_ANSWERED)
        return;
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r->api->count.refused[why]++;
    r->refused = r->phase == JN_REQ_BODY;
    jn_buf_printf(&r->out, "{\"error\":{\"code\":\"%s\",\"message\":", refusals[why].code);
    jn_buf_json(&r->out, text, strlen(text));
    if (field) {
        jn_buf_text(&r->out, ",\"field\":");
        jn_buf_json(&r->out, field, strlen(field));
    }
    jn_buf_text(&r->out, "}}");
    if (refusals[why].status == 503 && !r->retry_after_s)
        r->retry_after_s = 1;
    finish(r, refusals[why].status, "application/json");
}

void jn_req_retry_after(struct jn_req *r, uint64_t wait_us)
{
    r->retry_after_s = (wait_us + 999999) / 1000000;
}

bool jn_req_id(struct jn_req *r, unsigned param, uint64_t *id)
{
    if (!jn_id_parse(id, jn_req_param(r, param)))
        return true;
    jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such thing: ids are 13 characters");
    return false;
}

bool jn_req_field(struct jn_req *r, const char *name, size_t max, bool required, const char **out)
{
    const struct jn_json *v = jn_json_get(r->json, name);
    *out = jn_json_text(v);
    if (v && !*out)
        jn_req_error(r, JN_NO_INVALID, name, "%s must be a text", name);
    else if (required && !*out)
        jn_req_error(r, JN_NO_INVALID, name, "%s is missing", name);
    else if (*out && jn_json_text_length(v) > max)
        jn_req_error(r, JN_NO_INVALID, name, "%s is longer than %zu bytes", name, max);
    else if (required && !**out)
        jn_req_error(r, JN_NO_INVALID, name, "%s is empty", name);
    else
        return true;
    return false;
}

bool jn_req_number(struct jn_req *r, const char *name, uint64_t max, uint64_t fallback, uint64_t *out)
{
    const char *text = jn_req_query(r, name);
    *out = fallback;
    if (!text || !jn_parse_u64(text, max, out))
        return true;
    jn_req_error(r, JN_NO_BAD_REQUEST, name, "%s must be a number of at most %llu", name, (unsigned long long)max);
    return false;
}

bool jn_req_only(struct jn_req *r, const char *names)
{
    const char *stranger = r->json ? jn_json_stranger(r->json, names) : NULL;
    if (stranger)
        jn_req_error(r, JN_NO_INVALID, stranger, "unknown member; known are %s", *names ? names : "none");
    return !stranger;
}

static void answered(void *user, struct jn_ask *ask)
{
    struct jn_req *r = user;
    r->then(r, ask);
    jn_req_drop(r);
}

void jn_req_ask(struct jn_req *r, struct jn_ask *ask, void (*then)(void *req, struct jn_ask *a))
{
    if (!ask || ask->text.failed) {
        jn_ask_free(ask);
        jn_req_error(r, JN_NO_INTERNAL, NULL, "no memory");
        return;
    }
    ask->user = jn_req_hold(r);
    ask->then = answered;
    r->then = then;
    if (!r->api->sink.ask(r->api->sink.arg, ask))
        return;
    jn_ask_free(ask);
    jn_req_error(r, JN_NO_BUSY, NULL, "busy, try again");
    jn_req_drop(r);
}

void jn_req_answer_ask(void *req, struct jn_ask *a)
{
    struct jn_req *r = req;
    const char *text = a->answer.len ? a->answer.data : "";
    switch (a->status) {
    case 0:
        if (a->answer.len)
            jn_req_answer(r, 200, &a->answer);
        else
            jn_req_answer(r, 200, &(struct jn_buf){.data = (char[]){"{}"}, .len = 2});
        return;
    case -ENOENT:
        jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such thing");
        return;
    case -EACCES:
        jn_req_error(r, JN_NO_FORBIDDEN, NULL, "%s", *text ? text : "not allowed");
        return;
    case -EAGAIN:
    case -ENOSPC:
        jn_req_error(r, JN_NO_BUSY, NULL, "%s", *text ? text : a->status == -ENOSPC ? "no space" : "busy");
        return;
    default:
        jn_req_error(r, JN_NO_INTERNAL, NULL, "%s", *text ? text : strerror(-a->status));
    }
}

void jn_req_event(struct jn_req *r, struct jn_event *ev, uint64_t id)
{
    struct jn_api *a = r->api;
    for (unsigned tries = 0; tries < JN_TOKENS_MAX; tries++) {
        uint64_t token = ++a->next_token;
        struct jn_waiting *w = &a->waiting[token % JN_TOKENS_MAX];
        if (w->req)
            continue;
        ev->token = token;
        ev->maker = JN_MAKER_API;
        if (a->sink.event(a->sink.arg, ev, false))
            break;
        *w = (struct jn_waiting){.token = token, .id = id, .req = jn_req_hold(r)};
        return;
    }
    jn_req_error(r, JN_NO_BUSY, NULL, "the router is busy, try again");
}
