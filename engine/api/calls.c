/* Calls that move: transfer, consult, calls to outside. What may be done is decided by signalling and the router; here
 * names become ids, and agents are kept to their own calls. */
#include "engine/api/rows.h"
#include <errno.h>
#include <string.h>

/* As engine/act/act_voice.h numbers them (enum jn_move). */
enum { MOVE_TRANSFER, MOVE_CONSULT, MOVE_COMPLETE, MOVE_CANCEL, MOVE_CALL };

static void refuse(struct jn_req *r, const struct jn_ask *a)
{
    switch (a->status) {
    case -ENOENT:
        jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such call, or nothing to do that with");
        return;
    case -EACCES:
        jn_req_error(r, JN_NO_FORBIDDEN, NULL, "this agent may not call that number");
        return;
    case -EINVAL:
        jn_req_error(r, JN_NO_INVALID, "number", "a number is \"+\" and digits, or digits");
        return;
    case -EBUSY:
        jn_req_error(r, JN_NO_CONFLICT, NULL, "the call is being moved already");
        return;
    case -ENOTCONN:
        jn_req_error(r, JN_NO_CONFLICT, NULL, "the agent's phone is not registered, or its nailed-up line is not up");
        return;
    case -EHOSTUNREACH:
        jn_req_error(r, JN_NO_CONFLICT, NULL, "no_route: no trunk takes calls to that number");
        return;
    case -ECANCELED:
        jn_req_error(r, JN_NO_CONFLICT, NULL, "refused: %s", a->answer.data ? a->answer.data : "unknown");
        return;
    default:
        jn_req_error(r, JN_NO_BUSY, NULL, "no room for that now");
    }
}

static void moved(void *req, struct jn_ask *a)
{
    struct jn_req *r = req;
    if (a->status)
        refuse(r, a);
    else
        jn_answer_row(r, a->id);
}

static void called(void *req, struct jn_ask *a)
{
    struct jn_req *r = req;
    char id[JN_ID_TEXT_MAX];
    struct jn_buf out = {0};
    if (a->status) {
        refuse(r, a);
    } else {
        jn_buf_printf(&out, "{\"id\":\"%s\"}", jn_id_text(a->id, id));
        jn_req_answer(r, 201, &out);
    }
    jn_buf_free(&out);
}

/* The open call named in the path that the asker has, or, for supervisors, that somebody of the tenant has. */
static const struct jn_ix_row *mine(struct jn_req *r)
{
    const struct jn_session *s = jn_req_session(r);
    uint64_t id;
    if (!jn_req_id(r, 0, &id))
        return NULL;
    const struct jn_ix_row *x = jn_view_ix(&r->api->view, id);
    if (x && x->channel == JN_CH_VOICE && x->agent && x->state != JN_IX_QUEUED &&
        ((s->agent && x->agent == s->agent) || (s->role >= JN_ROLE_SUPERVISOR && jn_session_reads(s, x->tenant, 0))))
        return x;
    jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such call of yours");
    return NULL;
}

static void send(struct jn_req *r, const struct jn_ix_row *x, int what, uint64_t to, uint64_t queue, const char *number)
{
    struct jn_ask *ask = jn_ask_new(JN_ASK_MOVE);
    if (ask) {
        ask->tenant = x->tenant;
        ask->id = x->id;
        ask->agent = x->agent;
        ask->control = what;
        ask->to = to;
        ask->queue = queue;
        if (number)
            jn_buf_text(&ask->text, number);
    }
    jn_req_ask(r, ask, moved);
}

/* {"agent"} or {"queue"} or {"number"}: exactly one. */
static void to_somebody(struct jn_req *r, int what)
{
    const char *agent, *queue, *number;
    if (!jn_req_only(r, "agent,queue,number") || !jn_req_field(r, "agent", JN_NAME_MAX - 1, false, &agent) ||
        !jn_req_field(r, "queue", JN_NAME_MAX - 1, false, &queue) ||
        !jn_req_field(r, "number", JN_NUMBER_MAX - 1, false, &number))
        return;
    if (!!agent + !!queue + !!number != 1) {
        jn_req_error(r, JN_NO_INVALID, NULL, "say one of agent, queue, number");
        return;
    }
    const struct jn_ix_row *x = mine(r);
    if (!x)
        return;
    const struct jn_dir_agent *a = agent ? jn_dir_agent_named(r->api->dir, x->tenant, agent) : NULL;
    const struct jn_dir_queue *q = queue ? jn_dir_queue_named(r->api->dir, x->tenant, queue) : NULL;
    if (agent && !a)
        jn_req_error(r, JN_NO_INVALID, "agent", "there is no agent \"%s\"", agent);
    else if (queue && (!q || !(q->set.channel_mask & 1u << JN_CH_VOICE)))
        jn_req_error(r, JN_NO_INVALID, "queue", "there is no queue \"%s\" for calls", queue);
    else
        send(r, x, what, a ? a->set.id : 0, q ? q->set.id : 0, number);
}

static void transfer(void *arg, struct jn_req *r)
{
    (void)arg;
    to_somebody(r, MOVE_TRANSFER);
}

static void consult(void *arg, struct jn_req *r)
{
    (void)arg;
    to_somebody(r, MOVE_CONSULT);
}

static void complete(void *arg, struct jn_req *r)
{
    (void)arg;
    const struct jn_ix_row *x = mine(r);
    if (x)
        send(r, x, MOVE_COMPLETE, 0, 0, NULL);
}

static void cancel(void *arg, struct jn_req *r)
{
    (void)arg;
    const struct jn_ix_row *x = mine(r);
    if (x)
        send(r, x, MOVE_CANCEL, 0, 0, NULL);
}

/* Whose phone calls: the asker's own, or, for supervisors, that of an agent of theirs. */
static uint64_t caller(struct jn_req *r, const char *name, uint64_t *tenant)
{
    const struct jn_session *s = jn_req_session(r);
    const struct jn_dir_agent *a = NULL;
    if (name && s->role < JN_ROLE_SUPERVISOR) {
        jn_req_error(r, JN_NO_FORBIDDEN, "agent", "for supervisors");
        return 0;
    }
    if (!name)
        a = s->agent ? jn_dir_agent(r->api->dir, s->agent) : NULL;
    else if (s->tenant)
        a = jn_dir_agent_named(r->api->dir, s->tenant, name);
    for (uint32_t i = 0; name && !s->tenant && !a && i < r->api->dir->n_tenants; i++)
        a = jn_dir_agent_named(r->api->dir, r->api->dir->tenants[i].id, name);
    if (!a) {
        jn_req_error(r, JN_NO_INVALID, "agent", "whose phone shall call?");
        return 0;
    }
    *tenant = a->tenant;
    return a->set.id;
}

static void call(void *arg, struct jn_req *r)
{
    const char *to, *queue, *agent;
    uint64_t tenant;
    (void)arg;
    if (!jn_req_only(r, "to,queue,agent") || !jn_req_field(r, "to", JN_NUMBER_MAX - 1, true, &to) ||
        !jn_req_field(r, "queue", JN_NAME_MAX - 1, false, &queue) ||
        !jn_req_field(r, "agent", JN_NAME_MAX - 1, false, &agent))
        return;
    uint64_t who = caller(r, agent, &tenant);
    if (!who)
        return;
    const struct jn_dir_queue *q = queue ? jn_dir_queue_named(r->api->dir, tenant, queue) : NULL;
    if (queue && (!q || !(q->set.channel_mask & 1u << JN_CH_VOICE))) {
        jn_req_error(r, JN_NO_INVALID, "queue", "there is no queue \"%s\" for calls", queue);
        return;
    }
    struct jn_ask *ask = jn_ask_new(JN_ASK_MOVE);
    if (ask) {
        ask->tenant = tenant;
        ask->agent = who;
        ask->control = MOVE_CALL;
        ask->queue = q ? q->set.id : 0;
        jn_buf_text(&ask->text, to);
    }
    jn_req_ask(r, ask, called);
}

int jn_routes_calls(struct jn_api *a)
{
    static const struct jn_route routes[] = {
        {JN_POST, JN_ROLE_AGENT, JN_BODY_JSON, "/api/v1/calls", call},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_JSON, "/api/v1/calls/{}/transfer", transfer},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_JSON, "/api/v1/calls/{}/consult", consult},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/calls/{}/consult/complete", complete},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/calls/{}/consult/cancel", cancel},
    };
    return jn_api_routes(a, JN_ROUTES(routes), a);
}
