/* Act message, the agents' routes: reading and writing in a conversation. */
#include "engine/act/act_message_private.h"
#include "engine/store/store.h"
#include <errno.h>

static void write_message(void *arg, struct jn_req *r)
{
    struct jn_act_message *m = arg;
    const struct jn_session *s = jn_req_session(r);
    const char *text, *key;
    uint64_t id;
    if (!jn_req_id(r, 0, &id))
        return;
    struct jn_chat *c = jn_chats_find(m->chats, id);
    if (!c || !s->agent || c->agent != s->agent) {
        jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such chat of yours");
        return;
    }
    if (!jn_req_only(r, "text,key") || !jn_req_field(r, "text", JN_CHAT_TEXT_MAX, true, &text) ||
        !jn_req_field(r, "key", JN_CHAT_KEY_MAX, false, &key))
        return;
    if (c->state != JN_CHAT_CONNECTED && c->state != JN_CHAT_HELD)
        jn_req_error(r, JN_NO_CONFLICT, NULL, "%s",
                     c->state == JN_CHAT_CLOSED ? "this chat is closed" : "accept the chat first");
    else
        jn_chat_store(m, r, c, s->agent, false, text, key);
}

/* What the database knows of it says whose it is; only then is it read. */
static void known(void *req, struct jn_ask *a)
{
    struct jn_req *r = req;
    uint64_t after;
    if (a->status)
        jn_req_answer_ask(req, a);
    else if (jn_req_number(r, "after", UINT32_MAX, 0, &after))
        jn_chat_read(r, a->tenant, a->id, after);
}

static void read_messages(void *arg, struct jn_req *r)
{
    struct jn_act_message *m = arg;
    const struct jn_session *s = jn_req_session(r);
    uint64_t id, after;
    if (!jn_req_id(r, 0, &id) || !jn_req_number(r, "after", UINT32_MAX, 0, &after))
        return;
    const struct jn_chat *c = jn_chats_find(m->chats, id);
    bool own = c && s->agent && c->agent == s->agent;
    bool tenant = c && (!s->tenant || c->tenant == s->tenant);
    if (s->role >= JN_ROLE_SUPERVISOR && !own)
        jn_api_audit(m->api, s, NULL, JN_AUDIT_READ_MESSAGES, jn_req_param(r, 0));
    if (c && (own || (tenant && s->role >= JN_ROLE_SUPERVISOR))) {
        jn_chat_read(r, c->tenant, id, after);
    } else if (!c && s->role >= JN_ROLE_SUPERVISOR) {
        struct jn_ask *a = jn_ask_new(JN_ASK_IX);
        if (a) {
            a->tenant = s->tenant;
            a->id = id;
        }
        jn_req_ask(r, a, known);
    } else {
        jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such chat of yours");
    }
}

int jn_chat_desk_routes(struct jn_act_message *m, struct jn_api *api)
{
    static const struct jn_route routes[] = {
        {JN_POST, JN_ROLE_AGENT, JN_BODY_JSON, "/api/v1/interactions/{}/messages", write_message},
        {JN_GET, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/interactions/{}/messages", read_messages},
    };
    return jn_api_routes(api, JN_ROUTES(routes), m);
}
