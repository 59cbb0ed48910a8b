/* Interactions and calls: what is open, what was, and what agents do with theirs. */
#include "engine/api/rows.h"
#include <errno.h>
#include <string.h>

/* Names as engine/act/act_voice has them for jn_ask.control. */
enum { CONTROL_HANGUP, CONTROL_HOLD, CONTROL_RESUME };

/* The open interaction named in the path, if the asker may act on it: agents on their own, supervisors (any: true) on
 * their tenant's. Everything else is 404, so that nobody learns what others have. */
static const struct jn_ix_row *mine(struct jn_req *r, bool any)
{
    const struct jn_session *s = jn_req_session(r);
    uint64_t id;
    if (!jn_req_id(r, 0, &id))
        return NULL;
    const struct jn_ix_row *x = jn_view_ix(&r->api->view, id);
    bool own = x && x->agent == s->agent && s->agent && x->state != JN_IX_QUEUED;
    if (x && (own || (any && jn_session_reads(s, x->tenant, 0))))
        return x;
    jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such open interaction of yours");
    return NULL;
}

static void send_event(struct jn_req *r, enum jn_event_kind kind, const struct jn_ix_row *x, uint64_t queue,
                       enum jn_why why)
{
    struct jn_event ev = {.kind = (uint8_t)kind, .tenant = x->tenant, .why = (uint8_t)why};
    ev.ix.ix = x->id;
    ev.ix.agent = x->agent;
    ev.ix.queue = queue;
    jn_req_event(r, &ev, x->id);
}

static void control(struct jn_req *r, const struct jn_ix_row *x, int what)
{
    struct jn_ask *ask = jn_ask_new(JN_ASK_CONTROL);
    if (ask) {
        ask->tenant = x->tenant;
        ask->id = x->id;
        ask->agent = x->agent;
        ask->control = what;
    }
    jn_req_ask(r, ask, jn_req_answer_ask);
}

static void accept(void *arg, struct jn_req *r)
{
    (void)arg;
    const struct jn_ix_row *x = mine(r, false);
    if (!x)
        return;
    const struct jn_dir_agent *a = jn_dir_agent(r->api->dir, x->agent);
    bool rings = !a || a->answer != JN_ANSWER_NAILED; /* a line that is up already has nothing to lift */
    if (x->channel == JN_CH_VOICE && rings)
        jn_req_error(r, JN_NO_CONFLICT, NULL, "a call is taken on the phone that rings");
    else
        send_event(r, JN_EV_ACCEPT, x, 0, JN_WHY_NONE);
}

static void refuse(void *arg, struct jn_req *r)
{
    (void)arg;
    const struct jn_ix_row *x = mine(r, false);
    if (x)
        send_event(r, JN_EV_REFUSE, x, 0, JN_WHY_AGENT);
}

static void end(void *arg, struct jn_req *r)
{
    (void)arg;
    const struct jn_ix_row *x = mine(r, true);
    if (!x)
        return;
    /* Calls that are up end as if the agent hung up, so that signalling sees it first. */
    if (x->channel == JN_CH_VOICE && x->agent && (x->state == JN_IX_CONNECTED || x->state == JN_IX_HELD))
        control(r, x, CONTROL_HANGUP);
    else
        send_event(r, JN_EV_END, x, 0, JN_WHY_AGENT);
}

static void hold(void *arg, struct jn_req *r)
{
    (void)arg;
    const struct jn_ix_row *x = mine(r, false);
    if (x && x->channel == JN_CH_VOICE)
        control(r, x, CONTROL_HOLD);
    else if (x)
        send_event(r, JN_EV_HOLD, x, 0, JN_WHY_NONE);
}

static void resume(void *arg, struct jn_req *r)
{
    (void)arg;
    const struct jn_ix_row *x = mine(r, false);
    if (x && x->channel == JN_CH_VOICE)
        control(r, x, CONTROL_RESUME);
    else if (x)
        send_event(r, JN_EV_RESUME, x, 0, JN_WHY_NONE);
}

static void requeue(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    const char *name;
    if (!jn_req_only(r, "queue") || !jn_req_field(r, "queue", JN_NAME_MAX - 1, true, &name))
        return;
    const struct jn_ix_row *x = mine(r, false);
    if (!x)
        return;
    const struct jn_dir_queue *q = jn_dir_queue_named(a->dir, x->tenant, name);
    if (!q)
        jn_req_error(r, JN_NO_INVALID, "queue", "there is no queue \"%s\"", name);
    else if (!(q->set.channel_mask & 1u << x->channel))
        jn_req_error(r, JN_NO_INVALID, "queue", "queue \"%s\" does not take that channel", name);
    else
        send_event(r, JN_EV_REQUEUE, x, q->set.id, JN_WHY_TRANSFER);
}

static void wrap_done(void *arg, struct jn_req *r)
{
    (void)arg;
    const struct jn_ix_row *x = mine(r, false);
    if (x)
        send_event(r, JN_EV_WRAP_DONE, x, 0, JN_WHY_NONE);
}

static const struct jn_ix_row *call(struct jn_req *r, bool any)
{
    const struct jn_ix_row *x = mine(r, any);
    if (!x || x->channel == JN_CH_VOICE)
        return x;
    jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such call");
    return NULL;
}

static void call_hangup(void *arg, struct jn_req *r)
{
    (void)arg;
    const struct jn_ix_row *x = call(r, true);
    if (x)
        control(r, x, CONTROL_HANGUP);
}

static void call_hold(void *arg, struct jn_req *r)
{
    (void)arg;
    const struct jn_ix_row *x = call(r, false);
    if (x)
        control(r, x, CONTROL_HOLD);
}

static void call_resume(void *arg, struct jn_req *r)
{
    (void)arg;
    const struct jn_ix_row *x = call(r, false);
    if (x)
        control(r, x, CONTROL_RESUME);
}

static void one(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    const struct jn_session *s = jn_req_session(r);
    uint64_t id;
    if (!jn_req_id(r, 0, &id))
        return;
    const struct jn_ix_row *x = jn_view_ix(&a->view, id);
    if (x && jn_session_reads(s, x->tenant, x->agent)) {
        jn_answer_row(r, id);
        return;
    }
    if (s->role < JN_ROLE_SUPERVISOR || x) {
        jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such interaction");
        return;
    }
    struct jn_ask *ask = jn_ask_new(JN_ASK_IX);
    if (ask) {
        ask->tenant = s->tenant;
        ask->id = id;
    }
    jn_req_ask(r, ask, jn_req_answer_ask);
}

static void segments(void *arg, struct jn_req *r)
{
    (void)arg;
    uint64_t id;
    if (!jn_req_id(r, 0, &id))
        return;
    struct jn_ask *ask = jn_ask_new(JN_ASK_SEGMENTS);
    if (ask) {
        ask->tenant = jn_req_session(r)->tenant;
        ask->id = id;
    }
    jn_req_ask(r, ask, jn_req_answer_ask);
}

static void live_list(struct jn_api *a, struct jn_req *r, int channel)
{
    const struct jn_session *s = jn_req_session(r);
    struct jn_buf out = {0};
    unsigned n = 0;
    jn_buf_text(&out, "{\"interactions\":[");
    for (uint32_t i = 0; i < a->view.n_ixs; i++) {
        const struct jn_ix_row *x = &a->view.ixs[i];
        if (!jn_session_reads(s, x->tenant, x->state != JN_IX_QUEUED ? x->agent : 0) ||
            (channel >= 0 && x->channel != channel))
            continue;
        jn_buf_text(&out, n++ ? "," : "");
        jn_json_ix(a, x, &out);
    }
    jn_buf_text(&out, "],\"next\":null}");
    jn_req_answer(r, 200, &out);
    jn_buf_free(&out);
}

static void list(void *arg, struct jn_req *r)
{
    const char *channel = jn_req_query(r, "channel"), *before = jn_req_query(r, "before"),
               *open = jn_req_query(r, "open");
    const struct jn_session *s = jn_req_session(r);
    uint64_t limit, before_id = 0;
    int ch = -1;
    if (!jn_req_number(r, "limit", 200, 50, &limit))
        return;
    if (channel) {
        ch = !strcmp(channel, "voice") ? JN_CH_VOICE : !strcmp(channel, "chat") ? JN_CH_CHAT : -2;
        if (ch == -2) {
            jn_req_error(r, JN_NO_BAD_REQUEST, "channel", "channel is voice or chat");
            return;
        }
    }
    if (before && jn_id_parse(&before_id, before)) {
        jn_req_error(r, JN_NO_BAD_REQUEST, "before", "before is an interaction's id");
        return;
    }
    if (open || s->role < JN_ROLE_SUPERVISOR) { /* agents see what they have; history is for supervisors */
        live_list(arg, r, ch);
        return;
    }
    struct jn_ask *ask = jn_ask_new(JN_ASK_LIST);
    if (ask) {
        ask->tenant = s->tenant;
        ask->channel = ch;
        ask->before = before_id;
        ask->limit = limit ? (unsigned)limit : 1;
    }
    jn_req_ask(r, ask, jn_req_answer_ask);
}

/* Out of the journal, so for supervisors: it names colleagues and what else waited. */
static void why(void *arg, struct jn_req *r)
{
    (void)arg;
    uint64_t id;
    if (!jn_req_id(r, 0, &id))
        return;
    struct jn_ask *ask = jn_ask_new(JN_ASK_WHY);
    if (ask) {
        ask->tenant = jn_req_session(r)->tenant;
        ask->id = id;
    }
    jn_req_ask(r, ask, jn_req_answer_ask);
}

int jn_routes_interactions(struct jn_api *a)
{
    static const struct jn_route routes[] = {
        {JN_GET, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/interactions", list},
        {JN_GET, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/interactions/{}", one},
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/interactions/{}/segments", segments},
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/interactions/{}/why", why},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/interactions/{}/accept", accept},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/interactions/{}/refuse", refuse},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/interactions/{}/end", end},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/interactions/{}/hold", hold},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/interactions/{}/resume", resume},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_JSON, "/api/v1/interactions/{}/requeue", requeue},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/interactions/{}/wrap-done", wrap_done},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/calls/{}/hangup", call_hangup},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/calls/{}/hold", call_hold},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/calls/{}/resume", call_resume},
    };
    return jn_api_routes(a, JN_ROUTES(routes), a);
}
