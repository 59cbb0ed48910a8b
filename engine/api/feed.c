/* Feed: what happens, to whom it is told, and the sockets that read it: GET /api/v1/events?cursor=N. Supervisors see
 * their tenant, agents their own state, offers and interactions. */
#include "engine/api/rows.h"
#include "engine/base/clock.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A desk that lost its connection comes back within seconds and goes on from its cursor; when no socket was there for
 * so long, what happens is not written down for nobody. */
enum { HEARD_US = 60000000 };

struct reader {
    struct jn_session who;
    uint64_t cursor;
    bool started;
};

void jn_api_publish(struct jn_api *a, uint64_t tenant, uint64_t agent, const char *type, const char *data)
{
    jn_events_add(a->events, tenant, agent, type, data);
}

static bool unheard(struct jn_api *a)
{
    if (a->sockets || jn_time_us() < a->heard_us + HEARD_US)
        return false;
    jn_events_skip(a->events);
    return true;
}

void jn_publish_agent(struct jn_api *a, const struct jn_view_agent *v)
{
    struct jn_buf b = {0};
    if (unheard(a))
        return;
    jn_json_agent(a, v, jn_api_now_us(a), &b);
    if (!b.failed)
        jn_api_publish(a, v->row.tenant, v->row.id, "agent", b.data);
    jn_buf_free(&b);
}

static void publish_ix(struct jn_api *a, const struct jn_command *c, const char *type, uint64_t agent)
{
    struct jn_buf b = {0};
    if (unheard(a))
        return;
    jn_json_ix(a, &c->row, &b);
    if (!b.failed)
        jn_api_publish(a, c->row.tenant, agent, type, b.data);
    jn_buf_free(&b);
}

static void publish_queue(struct jn_api *a, const struct jn_queue_row *row)
{
    struct jn_buf b = {0};
    if (unheard(a))
        return;
    jn_json_queue(a, row, row->id, jn_api_now_us(a), &b);
    if (!b.failed)
        jn_api_publish(a, row->tenant, 0, "queue", b.data);
    jn_buf_free(&b);
}

void jn_publish_command(struct jn_api *a, const struct jn_command *c)
{
    static const char *const types[JN_CMD_KIND_N] = {[JN_CMD_QUEUED] = "queued",
                                                     [JN_CMD_POSITION] = "position",
                                                     [JN_CMD_OFFER] = "offer",
                                                     [JN_CMD_CONNECT] = "connect",
                                                     [JN_CMD_OFFER_CANCEL] = "offer_cancel",
                                                     [JN_CMD_HOLD] = "hold",
                                                     [JN_CMD_RESUME] = "resume",
                                                     [JN_CMD_CLOSED] = "closed",
                                                     [JN_CMD_RECORD] = "record",
                                                     [JN_CMD_CALL] = "call",
                                                     [JN_CMD_CONSULT] = "consult",
                                                     [JN_CMD_CONSULT_END] = "consult_end"};
    const struct jn_view_agent *v;
    switch (c->kind) {
    case JN_CMD_AGENT:
        if ((v = jn_view_agent(&a->view, c->agent_row.id)))
            jn_publish_agent(a, v);
        break;
    case JN_CMD_QUEUE:
        publish_queue(a, &c->queue_row);
        break;
    case JN_CMD_OFFER_CANCEL: /* the row may be with the next agent already */
        publish_ix(a, c, "offer_cancel", c->agent);
        break;
    case JN_CMD_CONSULT: /* both learn of it, the one who asks and the one who is asked */
        publish_ix(a, c, types[c->kind], c->row.agent);
        publish_ix(a, c, types[c->kind], c->row.consult);
        break;
    case JN_CMD_CONSULT_END:
        publish_ix(a, c, types[c->kind], c->row.agent);
        publish_ix(a, c, types[c->kind], c->agent);
        break;
    case JN_CMD_QUEUED:
    case JN_CMD_POSITION: /* nobody has it */
        publish_ix(a, c, types[c->kind], 0);
        break;
    default:
        if (c->kind < JN_CMD_KIND_N && types[c->kind] && c->row.id)
            publish_ix(a, c, types[c->kind], c->row.agent);
        break;
    }
}

uint64_t jn_holder_before(const struct jn_api *a, const struct jn_command *c)
{
    if (c->kind != JN_CMD_QUEUED && c->kind != JN_CMD_OFFER && c->kind != JN_CMD_CONNECT && c->kind != JN_CMD_RECORD)
        return 0;
    const struct jn_ix_row *x = jn_view_ix(&a->view, c->row.id);
    return x && (x->state == JN_IX_CONNECTED || x->state == JN_IX_HELD) ? x->agent : 0;
}

void jn_publish_moved(struct jn_api *a, const struct jn_command *c, uint64_t from)
{
    if (from && (from != c->row.agent || c->row.state == JN_IX_QUEUED))
        publish_ix(a, c, "moved", from);
}

static int enter(void *arg, struct jn_ws *ws, const char *token)
{
    struct jn_api *a = arg;
    struct jn_session who;
    if (jn_session_of(a, token, &who))
        return -EACCES;
    struct reader *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->who = who;
    jn_ws_user_set(ws, r);
    struct jn_view_agent *v = jn_view_agent(&a->view, who.agent);
    if (v)
        v->desks++;
    return 0;
}

/* Where things stand now, so that the reader can go on from the newest cursor. */
static void snapshot(struct jn_api *a, struct jn_ws *ws, struct reader *r)
{
    struct jn_buf b = {0};
    unsigned n = 0;
    r->cursor = jn_events_last(a->events);
    jn_buf_printf(&b, "{\"cursor\":%llu,\"type\":\"reset\",\"data\":{", (unsigned long long)r->cursor);
    const struct jn_view_agent *me = jn_view_agent(&a->view, r->who.agent);
    if (me) {
        jn_buf_text(&b, "\"me\":");
        jn_json_agent(a, me, jn_api_now_us(a), &b);
        jn_buf_text(&b, ",");
    }
    if (r->who.role >= JN_ROLE_SUPERVISOR) {
        jn_buf_text(&b, "\"live\":");
        jn_json_live(a, &r->who, &b);
        jn_buf_text(&b, ",");
    }
    jn_buf_text(&b, "\"interactions\":[");
    for (uint32_t i = 0; i < a->view.n_ixs; i++) {
        const struct jn_ix_row *x = &a->view.ixs[i];
        if (!jn_session_reads(&r->who, x->tenant, x->agent))
            continue;
        jn_buf_text(&b, n++ ? "," : "");
        jn_json_ix(a, x, &b);
    }
    jn_buf_text(&b, "]}}");
    if (b.failed)
        jn_ws_finish(ws, 1011, "no memory for the snapshot");
    else
        jn_ws_send(ws, b.data, b.len);
    jn_buf_free(&b);
}

static void ready(void *arg, struct jn_ws *ws, uint64_t cursor)
{
    struct jn_api *a = arg;
    struct reader *r = jn_ws_user(ws);
    r->started = true;
    if (cursor != UINT64_MAX && jn_events_has(a->events, cursor)) {
        r->cursor = cursor;
        jn_ws_wake(ws);
        return;
    }
    a->count.ws_reset += cursor != UINT64_MAX;
    snapshot(a, ws, r);
}

static bool visible(const struct jn_session *s, const struct jn_news *n)
{
    return jn_session_reads(s, n->tenant, n->agent);
}

static bool pull(void *arg, struct jn_ws *ws)
{
    struct jn_api *a = arg;
    struct reader *r = jn_ws_user(ws);
    while (r->cursor < jn_events_last(a->events)) {
        if (!jn_events_has(a->events, r->cursor))
            return false; /* overtaken: jn_feed_tick ends it */
        const struct jn_news *n = jn_events_at(a->events, ++r->cursor);
        if (!n || !visible(&r->who, n))
            continue;
        jn_ws_send(ws, n->json, n->len);
        return true;
    }
    return false;
}

static void gone(void *arg, struct jn_ws *ws)
{
    struct jn_api *a = arg;
    struct reader *r = jn_ws_user(ws);
    struct jn_view_agent *v = jn_view_agent(&a->view, r->who.agent);
    if (v && v->desks)
        v->desks--;
    free(r);
}

static const struct jn_ws_ops feed = {
    .pattern = "/api/v1/events", .enter = enter, .ready = ready, .pull = pull, .gone = gone};

void jn_feed_flush(struct jn_api *a)
{
    if (a->flushed == jn_events_last(a->events))
        return;
    a->flushed = jn_events_last(a->events);
    jn_ws_wake_all(a);
}

void jn_feed_tick(struct jn_api *a)
{
    if (a->sockets)
        a->heard_us = jn_time_us();
    for (struct jn_ws *ws = a->sockets; ws; ws = ws->next) {
        struct reader *r = ws->entered && ws->ops == &feed ? jn_ws_user(ws) : NULL;
        struct jn_session now;
        if (!r || !r->started)
            continue;
        if (!jn_events_has(a->events, r->cursor))
            jn_ws_kill_slow(ws);
        else if (jn_session_still(a, &r->who, &now))
            r->who = now;
        else
            jn_ws_finish(ws, 4401, "the token is no longer valid");
    }
}

int jn_routes_feed(struct jn_api *a)
{
    return jn_api_ws_route(a, &feed, a);
}
