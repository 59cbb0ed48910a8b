/* Http: requests as libwebsockets brings them, answers as it takes them: bounded bodies, deadlines against slow
 * clients, keep-alive. What a request means is route.c's. */
#include "engine/api/http.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include <errno.h>
#include <libwebsockets.h>
#include <string.h>

enum { KEEP_ALIVE_S = 30 };
static const struct {
    enum lws_token_indexes token;
    uint8_t method;
} methods[] = {
    {WSI_TOKEN_GET_URI, JN_GET},
    {WSI_TOKEN_POST_URI, JN_POST},
    {WSI_TOKEN_OPTIONS_URI, JN_OPTIONS},
    {WSI_TOKEN_DELETE_URI, JN_DELETE},
};

/* libwebsockets gives a client new time with each byte of a head, so the whole head, and idling before it, has a
 * deadline of ours. seconds 0: none now. */
static void head_within(struct jn_api *a, struct lws *wsi, uint32_t seconds)
{
    uint32_t now = (uint32_t)((jn_api_now_us(a) - a->started_us) / 1000000);
    jn_map_set(&a->heads, (uintptr_t)wsi, seconds ? now + seconds + 1 : 0);
}

static void cut_slow_heads(struct jn_api *a, uint64_t now_us)
{
    uint32_t now = (uint32_t)((now_us - a->started_us) / 1000000);
    for (uint32_t i = 0; i <= a->heads.mask; i++) {
        if (!a->heads.keys[i] || !a->heads.values[i] || now < a->heads.values[i])
            continue;
        a->heads.values[i] = 0;
        a->count.slow_clients++;
        lws_set_timeout((struct lws *)(uintptr_t)a->heads.keys[i], PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    }
}

static void detach(struct jn_http_conn *c)
{
    struct jn_req *r = c->req;
    c->req = NULL;
    if (r) {
        r->wsi = NULL;
        jn_req_drop(r);
    }
}

static bool read_header(struct jn_req *r, enum lws_token_indexes token, char *out, int size)
{
    out[0] = 0;
    return !lws_hdr_total_length(r->wsi, token) || lws_hdr_copy(r->wsi, out, size, token) >= 0;
}

int jn_http_query(struct lws *wsi, struct jn_query *q)
{
    char arg[JN_ARG_MAX + 40];
    for (int i = 0;; i++) {
        int total = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (total <= 0)
            return 0;
        int n = lws_hdr_copy_fragment(wsi, arg, sizeof arg, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (n < 0 || jn_query_add(q, arg, (size_t)n))
            return -EINVAL;
    }
}

static void read_body_header(struct jn_req *r)
{
    char text[32];
    if (lws_hdr_total_length(r->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING)) {
        r->close = true;
        jn_req_error(r, JN_NO_BAD_REQUEST, NULL, "give Content-Length: transfer encodings are not read here");
    } else if (!lws_hdr_total_length(r->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH)) {
        r->close = r->method == JN_POST; /* the library would wait for a body */
    } else if (!read_header(r, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof text) ||
               jn_parse_u64(text, INT64_MAX, &r->content_length)) {
        r->close = true;
        jn_req_error(r, JN_NO_BAD_REQUEST, NULL, "Content-Length is not a number");
    }
}

static void read_head(struct jn_req *r, const char *path, size_t n)
{
    char text[JN_TOKEN_MAX + 16];
    bool known = false;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (lws_hdr_total_length(r->wsi, methods[i].token)) {
            r->method = methods[i].method;
            known = true;
        }
    lws_get_peer_simple(r->wsi, r->ip, sizeof r->ip);
    read_body_header(r);
    if (r->phase == JN_REQ_ANSWERED)
        return;
    if (!known) {
        r->close = true;
        jn_req_error(r, JN_NO_METHOD, NULL, "only GET, POST, DELETE and OPTIONS are served");
        return;
    }
    if (!jn_copy_n(r->path, sizeof r->path, path, n)) {
        jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such path");
        return;
    }
    if (!read_header(r, WSI_TOKEN_HTTP_AUTHORIZATION, text, sizeof text))
        jn_copy(text, sizeof text, "Bearer ?"); /* longer than any token of ours: refused as a wrong one */
    if (!strncasecmp(text, "Bearer ", 7))
        jn_copy(r->bearer, sizeof r->bearer, text + 7);
    if (!read_header(r, WSI_TOKEN_HTTP_CONTENT_TYPE, r->type, sizeof r->type))
        jn_copy(r->type, sizeof r->type, "?");
    /* A longer one is no origin, type or etag that is known here. */
    if (!read_header(r, WSI_TOKEN_ORIGIN, r->origin, sizeof r->origin))
        r->origin[0] = 0;
    if (!read_header(r, WSI_TOKEN_HTTP_ACCEPT, r->accept, sizeof r->accept))
        r->accept[0] = 0;
    if (!read_header(r, WSI_TOKEN_HTTP_IF_NONE_MATCH, r->if_none_match, sizeof r->if_none_match))
        r->if_none_match[0] = 0;
    if (jn_http_query(r->wsi, &r->query))
        jn_req_error(r, JN_NO_BAD_REQUEST, NULL, "a query argument is malformed, too long or stands twice");
}

static int begin(struct jn_api *a, struct lws *wsi, struct jn_http_conn *c, const char *path, size_t n)
{
    detach(c);
    head_within(a, wsi, 0);
    struct jn_req *r = c->req = jn_req_new(a);
    if (!r)
        return -1;
    a->count.requests++;
    r->wsi = wsi;
    r->deadline_us = jn_api_now_us(a) + a->config.body_s * UINT64_C(1000000);
    read_head(r, path, n);
    if (r->phase == JN_REQ_BODY)
        jn_route_head(r);
    if (a->connections - a->base_connections > a->config.max_connections && r->phase == JN_REQ_BODY) {
        r->close = true;
        jn_req_error(r, JN_NO_BUSY, NULL, "too many connections");
    }
    if (r->content_length > JN_BODY_DISCARD_MAX)
        r->close = true; /* refused by jn_route_head, and not read either */
    if (r->phase == JN_REQ_BODY && !r->content_length)
        jn_route_serve(r);
    else if (r->phase == JN_REQ_ANSWERED && (r->close || !r->content_length))
        jn_http_ready(r);
    return 0;
}

static void body(struct jn_req *r, const void *bytes, size_t n)
{
    if (!r || r->phase != JN_REQ_BODY)
        return; /* refused before: read to its end, then answered */
    if (r->body.len + n > r->body_max)
        jn_req_error(r, JN_NO_LARGE, NULL, "the body is larger than %llu bytes", (unsigned long long)r->body_max);
    else
        jn_buf_add(&r->body, bytes, n);
}

static void body_end(struct jn_req *r)
{
    if (!r)
        return;
    r->content_length = 0;
    if (r->phase == JN_REQ_BODY)
        jn_route_serve(r);
    else if (r->phase == JN_REQ_ANSWERED)
        jn_http_ready(r);
}

void jn_http_ready(struct jn_req *r)
{
    /* While the rest of a refused body comes in, the answer waits: after it the connection can be used again. */
    if (!r->wsi || (r->content_length && !r->close && r->refused))
        return;
    r->deadline_us = jn_api_now_us(r->api) + JN_DEADLINE_READ_US;
    lws_callback_on_writable(r->wsi);
}

static int write_head(struct jn_req *r)
{
    uint8_t *start = r->api->scratch + LWS_PRE, *p = start, *end = start + 8192;
    char retry[24];
    struct jn_http_header more[JN_WWW_HEADERS];
    /* 304 has the length of what it spares the client, and no bytes (RFC 9110 15.4.5). */
    size_t length = r->status == 304 ? r->page->len : r->out.len;
    static const char nosniff[] = "nosniff", close_it[] = "close";
    if (lws_add_http_common_headers(r->wsi, r->status, r->out_type, length, &p, end) ||
        lws_add_http_header_by_name(r->wsi, (const uint8_t *)"x-content-type-options:", (const uint8_t *)nosniff,
                                    sizeof nosniff - 1, &p, end))
        return -1;
    for (unsigned i = 0, n_more = jn_www_headers(r, more); i < n_more; i++)
        if (lws_add_http_header_by_name(r->wsi, (const uint8_t *)more[i].name, (const uint8_t *)more[i].value,
                                        (int)strlen(more[i].value), &p, end))
            return -1;
    if (r->retry_after_s) {
        int n = snprintf(retry, sizeof retry, "%llu", (unsigned long long)r->retry_after_s);
        if (lws_add_http_header_by_name(r->wsi, (const uint8_t *)"retry-after:", (const uint8_t *)retry, n, &p, end))
            return -1;
    }
    if (r->close && lws_add_http_header_by_name(r->wsi, (const uint8_t *)"connection:", (const uint8_t *)close_it,
                                                sizeof close_it - 1, &p, end))
        return -1;
    return lws_finalize_write_http_header(r->wsi, start, &p, end) ? -1 : 0;
}

static int writeable(struct jn_http_conn *c)
{
    struct jn_req *r = c->req;
    if (!r || r->phase != JN_REQ_ANSWERED)
        return 0;
    if (!r->headers_sent) {
        r->headers_sent = true;
        if (write_head(r))
            return -1;
        lws_callback_on_writable(r->wsi);
        return 0;
    }
    size_t n = r->out.len - r->sent;
    bool last = n <= 16384;
    uint8_t *p = r->api->scratch + LWS_PRE;
    n = last ? n : 16384;
    if (n)
        memcpy(p, r->out.data + r->sent, n);
    if (lws_write(r->wsi, p, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
        return -1;
    r->sent += n;
    if (!last) {
        lws_callback_on_writable(r->wsi);
        return 0;
    }
    bool close_it = r->close;
    struct lws *wsi = r->wsi;
    head_within(r->api, wsi, KEEP_ALIVE_S);
    detach(c);
    return close_it || lws_http_transaction_completed(wsi) ? -1 : 0;
}

void jn_http_tick(struct jn_api *a, uint64_t now_us)
{
    cut_slow_heads(a, now_us);
    for (struct jn_req *r = a->reqs, *next; r; r = next) {
        next = r->next;
        if (now_us < r->deadline_us)
            continue;
        r->deadline_us = UINT64_MAX;
        if (r->phase == JN_REQ_SERVED) { /* whoever holds it may still answer: too late then */
            a->count.late_answers++;
            jn_req_error(r, JN_NO_BUSY, NULL, "no answer in time; what was asked may still happen");
        } else if (r->wsi) {
            a->count.slow_clients++;
            lws_set_timeout(r->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
        }
    }
}

static int admit(struct jn_api *a)
{
    /* A few more than served are let in, to be told 503. */
    if (a->connections - a->base_connections < a->config.max_connections + 32)
        return 0;
    a->count.connections_refused++;
    return 1;
}

int jn_http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct jn_api *a = lws_context_user(lws_get_context(wsi));
    struct jn_http_conn *c = user;
    switch (reason) {
    case LWS_CALLBACK_WSI_CREATE:
        a->connections++;
        return 0;
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        head_within(a, wsi, a->config.body_s);
        return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        head_within(a, wsi, 0);
        return jn_ws_callback(wsi, reason, c, in, len);
    case LWS_CALLBACK_WSI_DESTROY:
        jn_map_del(&a->heads, (uintptr_t)wsi);
        a->connections--;
        return 0;
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return admit(a);
    case LWS_CALLBACK_HTTP:
        return begin(a, wsi, c, in, len);
    case LWS_CALLBACK_HTTP_BODY:
        body(c->req, in, len);
        return 0;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        body_end(c->req);
        /* From here the API's own deadlines hold. */
        lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
        return 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return writeable(c);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (c)
            detach(c);
        return jn_ws_callback(wsi, reason, c, in, len);
    default:
        return jn_ws_callback(wsi, reason, c, in, len);
    }
}
