/* Request: the door for whoever serves HTTP routes: the API's own resources and engine/act/act_message. All on the API
 * thread. A handler answers at once or later, exactly once, with jn_req_answer or jn_req_error; when the client has
 * gone meanwhile, answering does nothing. */
#ifndef JN_ENGINE_API_REQUEST_H
#define JN_ENGINE_API_REQUEST_H

#include "engine/api/api.h"
#include "engine/api/auth.h"
#include "engine/api/json.h"

struct jn_req;
enum jn_method { JN_GET, JN_POST, JN_OPTIONS, JN_DELETE };

/* Why a request was refused: HTTP status and the word in {"error":{"code":...}}; each has a counter. */
enum jn_refusal {
    JN_NO_BAD_REQUEST,
    JN_NO_BAD_JSON,
    JN_NO_UNAUTHORIZED,
    JN_NO_FORBIDDEN,
    JN_NO_NOT_FOUND,
    JN_NO_METHOD,
    JN_NO_CONFLICT,
    JN_NO_LARGE,
    JN_NO_TYPE,
    JN_NO_INVALID,
    JN_NO_MANY,
    JN_NO_INTERNAL,
    JN_NO_BUSY,
    JN_NO_DRAINING,
    JN_NO_N
};

/* Who asks. tenant 0 (role administrator): the installation itself, sees every tenant. agent is NULL then. */
struct jn_session {
    uint64_t tenant, agent;
    uint64_t nonce, expires_s;
    uint8_t role; /* enum jn_role: what the directory says now, not what the token said */
};

typedef void jn_handler(void *arg, struct jn_req *r);
/* What a route wants before its handler is called. */
enum jn_body { JN_BODY_NONE, JN_BODY_JSON, JN_BODY_YAML };
struct jn_route {
    uint8_t method, role, body; /* role: the least one; JN_ROLE_NONE: no token is looked at */
    const char *pattern;        /* see path.h */
    jn_handler *handler;
};
/* Adds n routes, whose handlers get arg; borrows them for the API's life. 0 or -ENOSPC. Before jn_api_run. */
int jn_api_routes(struct jn_api *a, const struct jn_route *routes, size_t n, void *arg);
#define JN_ROUTES(routes) (routes), sizeof(routes) / sizeof *(routes)

/* What was asked. Strings are the request's own. */
const struct jn_session *jn_req_session(const struct jn_req *r);
const char *jn_req_param(const struct jn_req *r, unsigned i);
const char *jn_req_query(const struct jn_req *r, const char *name); /* NULL when absent */
const char *jn_req_bearer(const struct jn_req *r);                  /* "" when absent */
const char *jn_req_ip(const struct jn_req *r);
uint64_t jn_req_ip_key(const struct jn_req *r); /* for throttling; 0 for 127.0.0.1 and ::1, which are not throttled */
const struct jn_json *jn_req_json(const struct jn_req *r); /* an object; NULL when the body was empty */
const struct jn_buf *jn_req_text(const struct jn_req *r);  /* the body as it came */

/* Readers that answer with an error themselves and return false: id in a path, a required or optional text of at most
 * max bytes, a number in the query. */
bool jn_req_id(struct jn_req *r, unsigned param, uint64_t *id);
bool jn_req_field(struct jn_req *r, const char *name, size_t max, bool required, const char **out);
bool jn_req_number(struct jn_req *r, const char *name, uint64_t max, uint64_t fallback, uint64_t *out);
/* Refuses keys outside the comma-separated names with 422. */
bool jn_req_only(struct jn_req *r, const char *names);

/* Answers. json is borrowed. jn_req_bytes takes body's memory (leaves it empty). */
void jn_req_answer(struct jn_req *r, unsigned status, const struct jn_buf *json);
void jn_req_bytes(struct jn_req *r, unsigned status, const char *type, struct jn_buf *body);
/* field: which one is wrong, NULL none. */
void jn_req_error(struct jn_req *r, enum jn_refusal why, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void jn_req_retry_after(struct jn_req *r, uint64_t wait_us); /* sets the header of a 429 or 503 to come */

/* For answers that come later: hold keeps r in memory until the matching drop. */
struct jn_req *jn_req_hold(struct jn_req *r);
void jn_req_drop(struct jn_req *r);

/* Sends an ask of this request: held while it is under way; a full ring answers 503 and frees the ask. then gets the
 * request as user. */
void jn_req_ask(struct jn_req *r, struct jn_ask *ask, void (*then)(void *req, struct jn_ask *a));
/* Answers by an ask that gives JSON, or by its failure: -ENOENT 404, -EACCES 403, -EAGAIN 503, others 500. */
void jn_req_answer_ask(void *req, struct jn_ask *a);
/* Sends an event with a token of this request's own. When the router did it, the answer is 200 with the row of
 * interaction or agent `id`; when it refused, 404, 409 or 503 by the router's reason. */
void jn_req_event(struct jn_req *r, struct jn_event *ev, uint64_t id);

/* For those who add to the API from outside this folder. */
uint64_t jn_api_now_us(const struct jn_api *a);
bool jn_api_draining(const struct jn_api *a);
/* A line for the audit log: who (name NULL: the session's agent), kind as enum jn_audit_kind, what. */
void jn_api_audit(struct jn_api *a, const struct jn_session *who, const char *name, int kind, const char *what);
/* Tells the event sockets: supervisors of tenant, and that agent (0: none). data: one JSON value. */
void jn_api_publish(struct jn_api *a, uint64_t tenant, uint64_t agent, const char *type, const char *data);
/* fn adds members (each with a leading comma) to the JSON of interaction ix; tick is called about every 100 ms; metrics
 * adds Prometheus lines. One of each; NULL is none. */
struct jn_api_guest {
    void (*describe)(void *arg, uint64_t ix, struct jn_buf *out);
    void (*tick)(void *arg, uint64_t now_us);
    void (*metrics)(void *arg, struct jn_buf *out);
    void *arg;
};
void jn_api_guest(struct jn_api *a, const struct jn_api_guest *g);
/* One message as JSON, for MSG_READ's answer {"messages":[...]} (any thread): from is enum jn_msg_from. */
void jn_api_message_json(struct jn_buf *out, uint32_t n, uint64_t at_us, unsigned from, const char *text, size_t len);

#endif
