/* Act message, the customer's event sockets: GET /api/v1/chat/{id}/events?token=&cursor=N gives every message after
 * number N, in order and without gaps, and the chat's state. What was missed comes from the message log. */
#include "engine/act/act_message_private.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void load(struct jn_watcher *w);

static void send_message(struct jn_watcher *w, uint32_t n, uint64_t at_us, unsigned from, const char *text, size_t len)
{
    struct jn_buf b = {0};
    jn_buf_printf(&b, "{\"cursor\":%u,\"type\":\"message\",\"data\":", n);
    jn_api_message_json(&b, n, at_us, from, text, len);
    jn_buf_text(&b, "}");
    if (!b.failed)
        jn_ws_send(w->ws, b.data, b.len);
    jn_buf_free(&b);
    w->seen_n = n;
}

static void send_state(struct jn_watcher *w, const struct jn_chat *c)
{
    static const char *const names[] = JN_CHAT_STATE_NAMES, *const whys[] = JN_WHY_NAMES;
    const struct jn_dir_agent *g = c && c->agent ? jn_dir_agent(w->m->dir, c->agent) : NULL;
    unsigned state = c ? c->state : JN_CHAT_CLOSED;
    struct jn_buf b = {0};
    /* Which agent is being asked, and that one refused, is not the customer's business. */
    if (state == JN_CHAT_OFFERED || state == JN_CHAT_ARRIVING)
        state = JN_CHAT_QUEUED;
    jn_buf_printf(&b, "{\"cursor\":%u,\"type\":\"state\",\"data\":{\"state\":\"%s\"", w->seen_n, names[state]);
    if (state == JN_CHAT_QUEUED && c->position)
        jn_buf_printf(&b, ",\"position\":%u", c->position);
    if ((state == JN_CHAT_CONNECTED || state == JN_CHAT_HELD) && g) {
        jn_buf_text(&b, ",\"agent\":");
        jn_buf_json(&b, *g->display ? g->display : g->name, strlen(*g->display ? g->display : g->name));
    }
    if (state == JN_CHAT_CLOSED && c && c->why < JN_WHY_N)
        jn_buf_printf(&b, ",\"why\":\"%s\"", whys[c->why]);
    jn_buf_text(&b, "}}");
    if (!b.failed)
        jn_ws_send(w->ws, b.data, b.len);
    jn_buf_free(&b);
    if (state == JN_CHAT_CLOSED)
        jn_ws_finish(w->ws, 1000, "closed");
}

static unsigned from_of(const char *name)
{
    return name && !strcmp(name, "agent") ? 1 : name && !strcmp(name, "system") ? 2 : 0;
}

static void loaded(void *user, struct jn_ask *a)
{
    struct jn_watcher *w = user;
    w->loading = false;
    if (!w->ws) {
        free(w);
        return;
    }
    struct jn_json *j = a->status ? NULL : jn_json_parse(a->answer.data, a->answer.len, NULL);
    if (!j && a->status != -ENOENT) {
        jn_ws_finish(w->ws, 1011, "the messages cannot be read now");
        return;
    }
    for (size_t i = 0; i < jn_json_count(j); i++) {
        const struct jn_json *x = jn_json_at(j, i), *text = jn_json_get(x, "text");
        int64_t n = jn_json_int(jn_json_get(x, "n"), 0);
        if (n > w->seen_n && jn_json_text(text))
            send_message(w, (uint32_t)n, (uint64_t)jn_json_int(jn_json_get(x, "at_us"), 0),
                         from_of(jn_json_text(jn_json_get(x, "from"))), jn_json_text(text), jn_json_text_length(text));
    }
    jn_json_free(j);
    if (w->again)
        load(w);
    else if (!w->started || !jn_chats_find(w->m->chats, w->ix) ||
             jn_chats_find(w->m->chats, w->ix)->state == JN_CHAT_CLOSED)
        send_state(w, jn_chats_find(w->m->chats, w->ix));
    w->started = w->started || !w->loading;
}

static void load(struct jn_watcher *w)
{
    struct jn_ask *a = jn_ask_new(JN_ASK_MSG_READ);
    w->again = false;
    if (a) {
        a->id = w->ix;
        a->before = w->seen_n;
        a->user = w;
        a->then = loaded;
        w->loading = true;
        if (!w->m->ports.ask(w->m->ports.arg, a))
            return;
    }
    w->loading = false;
    jn_ask_free(a);
    jn_ws_finish(w->ws, 1013, "busy, come again");
}

void jn_watch_message(struct jn_act_message *m, struct jn_chat *c, uint32_t n, uint64_t at_us, unsigned from,
                      const char *text, size_t len)
{
    (void)m;
    for (struct jn_watcher *w = c->watchers; w; w = w->next) {
        if (w->loading)
            w->again = true;
        else if (n == w->seen_n + 1 && w->started)
            send_message(w, n, at_us, from, text, len);
        else if (n > w->seen_n && w->started)
            load(w);
    }
}

void jn_watch_state(struct jn_act_message *m, struct jn_chat *c)
{
    (void)m;
    for (struct jn_watcher *w = c->watchers; w; w = w->next)
        if (w->started && !w->loading)
            send_state(w, c);
        else
            w->started = false; /* told when the messages before it were sent */
}

static int enter(void *arg, struct jn_ws *ws, const char *token)
{
    struct jn_act_message *m = arg;
    struct jn_claims claims;
    uint64_t id;
    unsigned others = 0;
    if (jn_id_parse(&id, jn_ws_param(ws, 0)) || jn_token_verify(&claims, m->config.secret, JN_TOKEN_CHAT, token, 0) ||
        claims.subject != id)
        return -EACCES;
    struct jn_chat *c = jn_chats_find(m->chats, id);
    for (struct jn_watcher *w = c ? c->watchers : NULL; w; w = w->next)
        others++;
    struct jn_watcher *w = others < JN_WATCHERS_MAX ? calloc(1, sizeof *w) : NULL;
    if (!w)
        return -EACCES;
    *w = (struct jn_watcher){.m = m, .ws = ws, .ix = id};
    if (c) {
        w->next = c->watchers;
        c->watchers = w;
    }
    jn_ws_user_set(ws, w);
    return 0;
}

static void ready(void *arg, struct jn_ws *ws, uint64_t cursor)
{
    struct jn_watcher *w = jn_ws_user(ws);
    (void)arg;
    w->seen_n = cursor < UINT32_MAX ? (uint32_t)cursor : 0;
    load(w);
}

static void gone(void *arg, struct jn_ws *ws)
{
    struct jn_act_message *m = arg;
    struct jn_watcher *w = jn_ws_user(ws);
    struct jn_chat *c = jn_chats_find(m->chats, w->ix);
    struct jn_watcher *before = NULL;
    for (struct jn_watcher *x = c ? c->watchers : NULL; x; before = x, x = x->next)
        if (x == w) {
            if (before)
                before->next = w->next;
            else
                c->watchers = w->next;
            break;
        }
    w->ws = NULL;
    if (!w->loading)
        free(w);
}

int jn_chat_watch_routes(struct jn_act_message *m, struct jn_api *api)
{
    static const struct jn_ws_ops ops = {
        .pattern = "/api/v1/chat/{}/events", .enter = enter, .ready = ready, .gone = gone};
    return jn_api_ws_route(api, &ops, m);
}
