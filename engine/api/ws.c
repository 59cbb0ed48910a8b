/* Ws: WebSocket connections as libwebsockets brings them: who may enter, a bounded queue of messages each, slow readers
 * out. What the messages mean is their routes'. */
#include "engine/api/http.h"
#include "engine/base/clock.h"
#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

enum { ENTER_BY_US = 10000000 };

const char *jn_ws_param(const struct jn_ws *ws, unsigned i)
{
    return i < ws->params.count ? ws->params.at[i] : "";
}

void jn_ws_user_set(struct jn_ws *ws, void *user)
{
    ws->user = user;
}

void *jn_ws_user(const struct jn_ws *ws)
{
    return ws->user;
}

void jn_ws_kill_slow(struct jn_ws *ws)
{
    if (ws->kill)
        return;
    ws->kill = true;
    ws->api->count.ws_slow++;
    lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

void jn_ws_send(struct jn_ws *ws, const char *text, size_t n)
{
    if (ws->kill || ws->closing)
        return;
    /* One message alone may be large: a snapshot after a reset. */
    if (ws->items >= JN_WS_QUEUE_ITEMS || (ws->items && ws->bytes + n > JN_WS_QUEUE_BYTES)) {
        jn_ws_kill_slow(ws);
        return;
    }
    struct jn_ws_item *i = malloc(sizeof *i + LWS_PRE + n);
    if (!i) {
        jn_ws_kill_slow(ws);
        return;
    }
    i->next = NULL;
    i->len = n;
    memcpy(i->text + LWS_PRE, text, n);
    if (ws->last)
        ws->last->next = i;
    else
        ws->first = i;
    ws->last = i;
    ws->items++;
    ws->bytes += n;
    jn_ws_wake(ws);
}

void jn_ws_wake(struct jn_ws *ws)
{
    if (ws->wsi && !ws->kill)
        lws_callback_on_writable(ws->wsi);
}

void jn_ws_finish(struct jn_ws *ws, unsigned code, const char *reason)
{
    if (ws->closing)
        return;
    ws->closing = true;
    ws->close_code = (uint16_t)code;
    jn_copy(ws->close_reason, sizeof ws->close_reason, reason);
    jn_ws_wake(ws);
}

static void free_items(struct jn_ws *ws)
{
    while (ws->first) {
        struct jn_ws_item *i = ws->first;
        ws->first = i->next;
        free(i);
    }
}

static void forget(struct jn_http_conn *c)
{
    struct jn_ws *ws = c->ws;
    if (!ws)
        return;
    c->ws = NULL;
    if (ws->entered)
        ws->ops->gone(ws->arg, ws);
    if (ws->prev)
        ws->prev->next = ws->next;
    else
        ws->api->sockets = ws->next;
    if (ws->next)
        ws->next->prev = ws->prev;
    free_items(ws);
    free(ws);
}

/* A refusal before the upgrade, as any other error of the API. */
static int refuse(struct jn_api *a, struct lws *wsi, unsigned status, enum jn_refusal why, const char *code,
                  const char *message)
{
    uint8_t *start = a->scratch + LWS_PRE, *p = start, *end = start + 2048;
    char json[200];
    int n = snprintf(json, sizeof json, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code, message);
    a->count.refused[why]++;
    if (!lws_add_http_common_headers(wsi, status, "application/json", (lws_filepos_t)n, &p, end) &&
        !lws_finalize_write_http_header(wsi, start, &p, end)) {
        memcpy(start, json, (size_t)n);
        lws_write(wsi, start, (size_t)n, LWS_WRITE_HTTP_FINAL);
    }
    return -1;
}

static struct jn_ws *find_route(struct jn_api *a, const char *path)
{
    struct jn_params params;
    for (unsigned i = 0; i < a->n_ws_routes; i++)
        if (jn_path_match(a->ws_routes[i].ops->pattern, path, &params)) {
            struct jn_ws *ws = calloc(1, sizeof *ws);
            if (!ws)
                return NULL;
            ws->api = a;
            ws->ops = a->ws_routes[i].ops;
            ws->arg = a->ws_routes[i].arg;
            ws->params = params;
            ws->cursor = UINT64_MAX;
            return ws;
        }
    return NULL;
}

static int knock(struct jn_api *a, struct lws *wsi, struct jn_http_conn *c)
{
    char path[JN_URL_PATH_MAX], token[JN_TOKEN_MAX + 16] = "";
    struct jn_query query = {0};
    if (a->connections - a->base_connections > a->config.max_connections)
        return refuse(a, wsi, 503, JN_NO_BUSY, "busy", "too many connections");
    if (lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) <= 0)
        return refuse(a, wsi, 404, JN_NO_NOT_FOUND, "not_found", "no such path");
    struct jn_ws *ws = find_route(a, path);
    if (!ws)
        return refuse(a, wsi, 404, JN_NO_NOT_FOUND, "not_found", "no such socket");
    forget(c);
    c->ws = ws;
    ws->next = a->sockets;
    if (ws->next)
        ws->next->prev = ws;
    a->sockets = ws;
    ws->enter_by_us = jn_api_now_us(a) + ENTER_BY_US;
    const char *cursor = jn_http_query(wsi, &query) ? "?" : jn_query_get(&query, "cursor");
    if (cursor && jn_parse_u64(cursor, UINT64_MAX - 1, &ws->cursor)) {
        forget(c);
        return refuse(a, wsi, 400, JN_NO_BAD_REQUEST, "bad_request", "the query is malformed");
    }
    const char *shown = jn_query_get(&query, "token");
    if (lws_hdr_copy(wsi, token, sizeof token, WSI_TOKEN_HTTP_AUTHORIZATION) > 0)
        shown = strncasecmp(token, "Bearer ", 7) ? "" : token + 7;
    else if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION))
        shown = "";
    if (shown) {
        if (ws->ops->enter(ws->arg, ws, shown)) {
            forget(c);
            return refuse(a, wsi, 401, JN_NO_UNAUTHORIZED, "unauthorized", "the token is not valid here");
        }
        ws->entered = true;
    }
    return 0;
}

static void first_message(struct jn_ws *ws)
{
    struct jn_json *j = jn_json_parse(ws->in, ws->in_len, NULL);
    const char *token = jn_json_text(jn_json_get(j, "token"));
    int64_t cursor = jn_json_int(jn_json_get(j, "cursor"), -1);
    if (token && !ws->ops->enter(ws->arg, ws, token)) {
        ws->entered = true;
        if (cursor >= 0)
            ws->cursor = (uint64_t)cursor;
        ws->ops->ready(ws->arg, ws, ws->cursor);
    } else {
        ws->api->count.refused[JN_NO_UNAUTHORIZED]++;
        jn_ws_finish(ws, 4401, "the first message must be {\"token\":\"...\"}");
    }
    jn_json_free(j);
}

static int receive(struct jn_ws *ws, struct lws *wsi, const void *in, size_t len)
{
    if (ws->entered || ws->closing)
        return 0; /* both kinds of socket only speak; what a client says later means nothing */
    if (ws->in_len + len > sizeof ws->in)
        return -1;
    memcpy(ws->in + ws->in_len, in, len);
    ws->in_len += len;
    if (lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi))
        first_message(ws);
    return 0;
}

static int writeable(struct jn_ws *ws, struct lws *wsi)
{
    if (ws->kill)
        return -1;
    if (!ws->first && !ws->closing && ws->entered && ws->ops->pull)
        ws->ops->pull(ws->arg, ws);
    struct jn_ws_item *i = ws->first;
    if (!i) {
        if (!ws->closing)
            return 0;
        lws_close_reason(wsi, (enum lws_close_status)ws->close_code, (unsigned char *)ws->close_reason,
                         strlen(ws->close_reason));
        return -1;
    }
    ws->first = i->next;
    if (!ws->first)
        ws->last = NULL;
    ws->items--;
    ws->bytes -= i->len;
    int n = lws_write(wsi, (unsigned char *)i->text + LWS_PRE, i->len, LWS_WRITE_TEXT);
    free(i);
    if (n < 0)
        return -1;
    lws_callback_on_writable(wsi);
    return 0;
}

void jn_ws_tick(struct jn_api *a, uint64_t now_us)
{
    for (struct jn_ws *ws = a->sockets; ws; ws = ws->next)
        if (ws->wsi && !ws->entered && !ws->closing && now_us > ws->enter_by_us) {
            a->count.slow_clients++;
            jn_ws_finish(ws, 4401, "no token came");
        }
}

void jn_ws_wake_all(struct jn_api *a)
{
    for (struct jn_ws *ws = a->sockets; ws; ws = ws->next)
        if (ws->entered && ws->ops->pull)
            jn_ws_wake(ws);
}

int jn_ws_callback(struct lws *wsi, enum lws_callback_reasons reason, struct jn_http_conn *c, void *in, size_t len)
{
    struct jn_api *a = lws_context_user(lws_get_context(wsi));
    switch (reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return c ? knock(a, wsi, c) : -1;
    case LWS_CALLBACK_ESTABLISHED:
        if (!c || !c->ws)
            return -1;
        c->ws->wsi = wsi;
        a->count.ws_opened++;
        if (c->ws->entered)
            c->ws->ops->ready(c->ws->arg, c->ws, c->ws->cursor);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return c->ws ? receive(c->ws, wsi, in, len) : -1;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return c->ws ? writeable(c->ws, wsi) : -1;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
        if (c)
            forget(c);
        return 0;
    default:
        return 0;
    }
}
