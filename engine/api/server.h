/* Server: what the files of this folder share: the API's state, one HTTP request, one socket. Only http.c, ws.c and
 * server.c know libwebsockets. */
#ifndef JN_ENGINE_API_SERVER_H
#define JN_ENGINE_API_SERVER_H

#include "engine/api/callers.h"
#include "engine/api/events.h"
#include "engine/api/path.h"
#include "engine/api/request.h"
#include "engine/api/socket.h"
#include "engine/api/supervise.h"
#include "engine/api/throttle.h"
#include "engine/api/view.h"
#include "engine/api/www.h"
#include <stdatomic.h>

enum {
    JN_API_ROUTES = 64,
    JN_API_WS_ROUTES = 4,
    JN_BODY_MAX = 64 * 1024,
    JN_BODY_MAX_YAML = 1024 * 1024,
    JN_BODY_DISCARD_MAX = 4 * 1024 * 1024, /* a larger body is not read to its end: the connection is closed */
    JN_API_EVENTS = 8192,
    JN_LOGOUTS_MAX = 4096,
    JN_TOKENS_MAX = 4096, /* router events under way */
    JN_API_TICK_US = 100000
};
/* A client's allowance for reading an answer, in us. */
#define JN_DEADLINE_READ_US 120000000ull

struct lws;
struct lws_context;
enum jn_req_phase { JN_REQ_BODY, JN_REQ_SERVED, JN_REQ_ANSWERED, JN_REQ_SENT };

struct jn_req {
    struct jn_api *api;
    struct jn_req *next, *prev; /* every request that is not freed yet */
    struct lws *wsi;            /* NULL: the client has gone */
    unsigned refs;
    uint8_t phase, method;
    bool close, refused; /* refused: status is set, the rest of the body is thrown away */
    uint64_t deadline_us, content_length, body_max, retry_after_s;
    const struct jn_route *route;
    void *route_arg;
    char path[JN_URL_PATH_MAX], bearer[JN_TOKEN_MAX], type[64], ip[48];
    char origin[JN_ORIGIN_MAX], accept[192], if_none_match[64];
    const struct jn_page *page; /* what is answered is this file */
    const char *location;       /* of a redirect */
    struct jn_params params;
    struct jn_query query;
    struct jn_session who;
    struct jn_buf body, out;
    struct jn_json *json;
    void (*then)(void *req, struct jn_ask *a);
    unsigned status;
    const char *out_type;
    size_t sent;
    bool headers_sent;
};

struct jn_ws_item {
    struct jn_ws_item *next;
    size_t len;
    char text[];
};
enum { JN_WS_QUEUE_ITEMS = 512, JN_WS_QUEUE_BYTES = 512 * 1024, JN_WS_FIRST_MAX = 1024 };
struct jn_ws {
    struct jn_api *api;
    struct jn_ws *next, *prev;
    struct lws *wsi;
    const struct jn_ws_ops *ops;
    void *arg, *user;
    struct jn_params params;
    bool entered, closing, kill;
    uint16_t close_code;
    char close_reason[64];
    uint64_t cursor, enter_by_us;
    struct jn_ws_item *first, *last;
    size_t items, bytes;
    char in[JN_WS_FIRST_MAX];
    size_t in_len;
};

/* A router event that waits for its DONE or REFUSED. */
struct jn_waiting {
    uint64_t token, id;
    struct jn_req *req;
    bool done; /* answered once the rest of the mail was taken: the row may come behind */
};
struct jn_logout {
    uint64_t nonce, expires_s;
};
struct jn_api_counters {
    uint64_t requests, refused[JN_NO_N], connections_refused, slow_clients, late_answers, ws_opened, ws_slow, ws_reset,
        audit_lost, logins, logins_failed, tokens_refused;
};

struct jn_api {
    struct jn_api_config config;
    struct jn_api_sink sink;
    struct jn_directory *dir;
    struct jn_waker *waker;
    struct lws_context *lws;
    int waker_fd; /* libwebsockets' own copy of the waker's descriptor */
    _Atomic bool stop;
    bool draining;
    uint32_t connections, base_connections;
    uint64_t started_us, tick_us, next_token, flushed, heard_us; /* heard_us: when an event socket was there last */
    struct {
        const struct jn_route *route;
        void *arg;
    } routes[JN_API_ROUTES];
    struct {
        const struct jn_ws_ops *ops;
        void *arg;
    } ws_routes[JN_API_WS_ROUTES];
    unsigned n_routes, n_ws_routes;
    struct jn_map
        heads; /* connection (its struct lws) to the second by which a whole request head must be here, 0 none */
    struct jn_view view;
    struct jn_callers callers;
    struct jn_watches watches;
    struct jn_events *events;
    struct jn_req *reqs;
    struct jn_ws *sockets;
    struct jn_waiting waiting[JN_TOKENS_MAX];
    struct jn_logout logouts[JN_LOGOUTS_MAX];
    uint32_t n_logouts, hashing, done;
    struct jn_throttle login_throttle;
    struct jn_api_guest guest;
    char frame_policy[JN_CSP_MAX]; /* of the widget's frame */
    struct jn_api_counters count;
    char dummy_hash[JN_SECRET_MAX]; /* so that an unknown name costs what a wrong password costs */
    uint8_t scratch[16 + 4096 + 16384];
};

/* request.c */
const char *jn_refusal_code(enum jn_refusal why);
struct jn_req *jn_req_new(struct jn_api *a);
/* route.c: finds route and session, reads the body, calls the handler. head: before the body, sets refusals. */
void jn_route_head(struct jn_req *r);
void jn_route_serve(struct jn_req *r);
/* Who a bearer token speaks for: 0 or -EACCES. */
int jn_session_of(struct jn_api *a, const char *token, struct jn_session *out);
/* Whether it still holds (not expired, logged out, removed); now: with today's role. */
bool jn_session_still(struct jn_api *a, const struct jn_session *s, struct jn_session *now);
bool jn_session_sees(const struct jn_session *s, uint64_t tenant);
/* What belongs to that tenant and is in that agent's hands (0: nobody's): for the tenant's supervisors, and for the
 * agent, who may be of another tenant that serves this one. */
bool jn_session_reads(const struct jn_session *s, uint64_t tenant, uint64_t agent);
/* http.c: r->out is complete. */
void jn_http_ready(struct jn_req *r);
void jn_http_tick(struct jn_api *a, uint64_t now_us);
/* ws.c */
void jn_ws_tick(struct jn_api *a, uint64_t now_us);
void jn_ws_wake_all(struct jn_api *a);
/* Disconnects at once, counted as a slow reader. */
void jn_ws_kill_slow(struct jn_ws *ws);
/* server.c */
void jn_api_tick(struct jn_api *a);
/* Each resource adds its routes. */
int jn_routes_session(struct jn_api *a);
/* Answers r with a fresh token of g that lives so long. */
void jn_session_grant(struct jn_req *r, const struct jn_dir_agent *g, uint64_t life_s);
int jn_routes_operate(struct jn_api *a);
int jn_routes_agents(struct jn_api *a);
int jn_routes_queues(struct jn_api *a);
int jn_routes_interactions(struct jn_api *a);
int jn_routes_calls(struct jn_api *a);
int jn_routes_recordings(struct jn_api *a);
int jn_routes_trace(struct jn_api *a);
int jn_routes_supervise(struct jn_api *a);
int jn_routes_live(struct jn_api *a);
int jn_routes_centre(struct jn_api *a);
int jn_routes_metrics(struct jn_api *a);
int jn_routes_feed(struct jn_api *a);

#endif
