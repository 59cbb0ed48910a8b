/* Act message, the customer's routes: opening a chat, writing, reading, leaving. No log-in: the chat's own token says
 * which chat. */
#include "engine/act/act_message_private.h"
#include <errno.h>
#include <string.h>

enum {
    IP_BURST = 60, /* new chats from one address, then one a second */
    IP_EACH_US = 1000000,
    ALL_BURST = 4000, /* new chats from everywhere, then one each 0.5 ms */
    ALL_EACH_US = 500,
    CHAT_BURST = 60, /* messages of one chat, then five a second */
    CHAT_EACH_US = 200000
};

static bool limited(struct jn_act_message *m, struct jn_req *r, uint64_t key, uint32_t burst, uint64_t each_us)
{
    uint64_t wait = key ? jn_throttle_take(&m->throttle, key, burst, each_us, jn_api_now_us(m->api)) : 0;
    if (!wait)
        return false;
    m->count.limited++;
    jn_req_retry_after(r, wait);
    jn_req_error(r, JN_NO_MANY, NULL, "too many, wait a moment");
    return true;
}

/* The key of an idempotent message; false: answered. */
static bool read_key(struct jn_req *r, const char **key)
{
    if (!jn_req_field(r, "key", JN_CHAT_KEY_MAX, false, key))
        return false;
    if (!*key || strlen(*key) >= JN_CHAT_KEY_MIN)
        return true;
    jn_req_error(r, JN_NO_INVALID, "key", "key is shorter than %d bytes: take a random one", JN_CHAT_KEY_MIN);
    return false;
}

/* The queue that the customer named, or the rules', or the tenant's first for chats. NULL: answered. */
static const struct jn_dir_queue *queue_for(struct jn_act_message *m, struct jn_req *r, uint64_t tenant,
                                            const char *named, const struct jn_verdict *v)
{
    const struct jn_dir_queue *q = NULL;
    if (named) {
        q = jn_dir_queue_named(m->dir, tenant, named);
        if (q && q->set.channel_mask & 1u << JN_CH_CHAT)
            return q;
        jn_req_error(r, JN_NO_INVALID, "queue", "there is no such queue for chats");
        return NULL;
    }
    if (v->queue && (q = jn_dir_queue(m->dir, v->queue)) && q->tenant == tenant &&
        q->set.channel_mask & 1u << JN_CH_CHAT)
        return q;
    for (uint32_t i = 0; i < m->dir->n_queues; i++)
        if (m->dir->queues[i].tenant == tenant && m->dir->queues[i].set.channel_mask & 1u << JN_CH_CHAT)
            return &m->dir->queues[i];
    jn_req_error(r, JN_NO_INVALID, "tenant", "this tenant takes no chats");
    return NULL;
}

struct opening {
    const char *tenant, *queue, *name, *text, *key;
    uint64_t key_hash, body_hash;
};

static bool read_opening(struct jn_act_message *m, struct jn_req *r, struct opening *o)
{
    if (!jn_req_only(r, "tenant,queue,name,text,key") ||
        !jn_req_field(r, "tenant", JN_NAME_MAX - 1, true, &o->tenant) ||
        !jn_req_field(r, "queue", JN_NAME_MAX - 1, false, &o->queue) ||
        !jn_req_field(r, "name", JN_CHAT_NAME_MAX - 1, false, &o->name) ||
        !jn_req_field(r, "text", JN_CHAT_TEXT_MAX, true, &o->text) || !read_key(r, &o->key))
        return false;
    if (!o->key)
        return true;
    struct jn_buf b = {0};
    jn_buf_printf(&b, "%s\n%s\n%s", o->queue ? o->queue : "", o->name ? o->name : "", o->text);
    uint64_t tenant = jn_name_id(0, "tenant", o->tenant);
    o->key_hash = jn_keyed_hash(m->config.secret, tenant, o->key);
    o->body_hash = jn_keyed_hash(m->config.secret, tenant, b.data ? b.data : "");
    jn_buf_free(&b);
    return true;
}

/* Whether that key opened a chat before; then r is answered the same way again. */
static bool repeated(struct jn_act_message *m, struct jn_req *r, const struct opening *o)
{
    const struct jn_chat *c = o->key ? jn_chats_find_key(m->chats, o->key_hash) : NULL;
    if (!c)
        return false;
    if (c->body_hash != o->body_hash) {
        jn_req_error(r, JN_NO_INVALID, "key", "this key was used for another message");
    } else if (c->state == JN_CHAT_STORING) {
        jn_req_error(r, JN_NO_BUSY, NULL, "the same message is being stored, ask again");
    } else {
        m->count.duplicates++;
        jn_chat_opened(m, r, c->tenant, c->ix);
    }
    return true;
}

static void start(struct jn_act_message *m, struct jn_req *r, const struct opening *o, uint64_t tenant,
                  const struct jn_dir_queue *q, const struct jn_verdict *v)
{
    if (m->ports.admit(m->ports.arg)) {
        jn_req_error(r, JN_NO_BUSY, NULL, "busy, try again");
        return;
    }
    struct jn_chat *c = jn_chats_make(m->chats, jn_id_make(&m->ids), tenant, o->key_hash);
    if (!c) {
        m->ports.release(m->ports.arg);
        jn_req_error(r, JN_NO_BUSY, NULL, "too many chats are open, try again");
        return;
    }
    c->kept = true;
    c->queue = q->set.id;
    c->priority = v->priority;
    c->verdict = *v;
    c->body_hash = o->body_hash;
    jn_copy(c->name, sizeof c->name, o->name ? o->name : "");
    if (jn_chat_store(m, r, c, 0, true, o->text, o->key))
        return;
    m->ports.release(m->ports.arg);
    jn_chats_drop(m->chats, c);
}

static void open_chat(void *arg, struct jn_req *r)
{
    struct jn_act_message *m = arg;
    struct opening o = {0};
    struct jn_verdict v = {.priority = 255};
    if (!read_opening(m, r, &o))
        return;
    const struct jn_dir_tenant *t = jn_dir_tenant_named(m->dir, o.tenant);
    if (!t) {
        jn_req_error(r, JN_NO_INVALID, "tenant", "there is no such tenant");
        return;
    }
    if (repeated(m, r, &o) || limited(m, r, jn_req_ip_key(r), IP_BURST, IP_EACH_US) ||
        limited(m, r, t->id, ALL_BURST, ALL_EACH_US))
        return;
    if (jn_api_draining(m->api)) {
        jn_req_error(r, JN_NO_DRAINING, NULL, "no new chats are taken");
        return;
    }
    if (m->rules) {
        int rc = jn_classify(m->rules, m->scratch, t->id, o.text, strlen(o.text), &v);
        if (rc) {
            jn_req_error(r, rc == -EINVAL ? JN_NO_INVALID : JN_NO_BUSY, "text", "the text cannot be read");
            return;
        }
    }
    const struct jn_dir_queue *q = queue_for(m, r, t->id, o.queue, &v);
    if (q)
        start(m, r, &o, t->id, q, &v);
}

/* The chat of the path, proven by its token. *c NULL and true: it was there once, and is gone. */
static bool own_chat(struct jn_act_message *m, struct jn_req *r, struct jn_chat **c, struct jn_claims *claims)
{
    uint64_t id;
    if (!jn_req_id(r, 0, &id))
        return false;
    if (jn_token_verify(claims, m->config.secret, JN_TOKEN_CHAT, jn_req_bearer(r), 0)) {
        jn_req_error(r, JN_NO_UNAUTHORIZED, NULL, "the chat's token is missing or not valid");
        return false;
    }
    if (claims->subject != id) {
        jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such chat of yours");
        return false;
    }
    *c = jn_chats_find(m->chats, id);
    return true;
}

static void write_message(void *arg, struct jn_req *r)
{
    struct jn_act_message *m = arg;
    struct jn_claims claims;
    struct jn_chat *c;
    const char *text, *key;
    if (!own_chat(m, r, &c, &claims) || !jn_req_only(r, "text,key") ||
        !jn_req_field(r, "text", JN_CHAT_TEXT_MAX, true, &text) || !read_key(r, &key))
        return;
    if (!c || c->state == JN_CHAT_CLOSED || c->left)
        jn_req_error(r, JN_NO_CONFLICT, NULL, "this chat is closed; open a new one");
    else if (!limited(m, r, c->ix, CHAT_BURST, CHAT_EACH_US))
        jn_chat_store(m, r, c, 0, false, text, key);
}

static void read_messages(void *arg, struct jn_req *r)
{
    struct jn_act_message *m = arg;
    struct jn_claims claims;
    struct jn_chat *c;
    uint64_t after;
    if (own_chat(m, r, &c, &claims) && jn_req_number(r, "after", UINT32_MAX, 0, &after))
        jn_chat_read(r, claims.tenant, claims.subject, after);
}

static void leave(void *arg, struct jn_req *r)
{
    struct jn_act_message *m = arg;
    struct jn_claims claims;
    struct jn_chat *c;
    if (!own_chat(m, r, &c, &claims))
        return;
    if (c && c->state != JN_CHAT_CLOSED && !c->left) {
        m->due += !c->arrive_due;
        c->left = c->left_due = true;
        jn_chat_tell_router(m, c);
    }
    jn_req_answer(r, 200, &(struct jn_buf){.data = (char[]){"{}"}, .len = 2});
}

int jn_chat_customer_routes(struct jn_act_message *m, struct jn_api *api)
{
    static const struct jn_route routes[] = {
        {JN_POST, JN_ROLE_NONE, JN_BODY_JSON, "/api/v1/chat", open_chat},
        {JN_POST, JN_ROLE_NONE, JN_BODY_JSON, "/api/v1/chat/{}/messages", write_message},
        {JN_GET, JN_ROLE_NONE, JN_BODY_NONE, "/api/v1/chat/{}/messages", read_messages},
        {JN_POST, JN_ROLE_NONE, JN_BODY_NONE, "/api/v1/chat/{}/end", leave},
    };
    return jn_api_routes(api, JN_ROUTES(routes), m);
}
