/* Act message, storing: a message is acknowledged, told to the router and shown to the other side only when it is
 * durable; answers come back in the order in which they were asked, which is the order of the conversation. */
#include "engine/act/act_message_private.h"
#include "engine/store/message_log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void jn_chat_opened(struct jn_act_message *m, struct jn_req *r, uint64_t tenant, uint64_t ix)
{
    /* No expiry: it ends with the chat; no nonce: the same chat has the same token after a restart. */
    const struct jn_claims claims = {.kind = JN_TOKEN_CHAT, .tenant = tenant, .subject = ix};
    char token[JN_TOKEN_MAX], id[JN_ID_TEXT_MAX];
    struct jn_buf out = {0};
    jn_token_sign(token, m->config.secret, &claims);
    jn_buf_printf(&out, "{\"id\":\"%s\",\"token\":\"%s\",\"n\":1}", jn_id_text(ix, id), token);
    jn_req_answer(r, 201, &out);
    jn_buf_free(&out);
}

static void show(struct jn_act_message *m, struct jn_chat *c, const struct jn_ask *a)
{
    char id[JN_ID_TEXT_MAX];
    struct jn_buf b = {0};
    jn_watch_message(m, c, a->n, a->at_us, a->from, a->text.data, a->text.len);
    jn_buf_printf(&b, "{\"interaction\":\"%s\",\"message\":", jn_id_text(c->ix, id));
    jn_api_message_json(&b, a->n, a->at_us, a->from, a->text.data, a->text.len);
    jn_buf_text(&b, "}");
    if (!b.failed)
        jn_api_publish(m->api, c->tenant, c->agent, "message", b.data);
    jn_buf_free(&b);
}

static void failed(struct jn_act_message *m, struct jn_store_job *j, struct jn_chat *c, int status)
{
    m->count.store_failed++;
    if (j->first && c) { /* never acknowledged: as if it had not come */
        if (c->kept)
            m->ports.release(m->ports.arg);
        jn_chats_drop(m->chats, c);
    }
    if (status == -EMSGSIZE)
        jn_req_error(j->req, JN_NO_LARGE, "text", "the message is too long");
    else if (status == -EACCES || status == -ENOENT)
        jn_req_error(j->req, JN_NO_CONFLICT, NULL, "this chat was erased");
    else
        jn_req_error(j->req, JN_NO_BUSY, NULL, "the message could not be stored; send it again with the same key");
}

static void stored(void *user, struct jn_ask *a)
{
    struct jn_store_job *j = user;
    struct jn_act_message *m = j->m;
    struct jn_chat *c = jn_chats_find(m->chats, j->ix);
    if (a->status) {
        failed(m, j, c, a->status);
    } else {
        m->count.duplicates += a->duplicate;
        m->count.messages_in += !a->duplicate && !j->ours;
        m->count.messages_out += !a->duplicate && j->ours;
        if (c && a->n > c->last_n)
            c->last_n = a->n;
        if (j->first && c) {
            m->count.chats++;
            c->state = JN_CHAT_ARRIVING;
            c->arrive_due = true;
            m->due++;
            jn_chat_tell_router(m, c);
        }
        if (c && !a->duplicate)
            show(m, c, a);
        if (j->first) {
            jn_chat_opened(m, j->req, j->tenant, j->ix);
        } else {
            struct jn_buf out = {0};
            jn_buf_printf(&out, "{\"n\":%u,\"at_us\":%llu}", a->n, (unsigned long long)a->at_us);
            jn_req_answer(j->req, 201, &out);
            jn_buf_free(&out);
        }
    }
    jn_req_drop(j->req);
    free(j);
}

bool jn_chat_store(struct jn_act_message *m, struct jn_req *r, struct jn_chat *c, uint64_t agent, bool first,
                   const char *text, const char *key)
{
    struct jn_store_job *j = calloc(1, sizeof *j);
    struct jn_ask *a = jn_ask_new(JN_ASK_MSG_STORE);
    if (j && a) {
        *j = (struct jn_store_job){.m = m,
                                   .ix = c->ix,
                                   .tenant = c->tenant,
                                   .agent = agent,
                                   .first = first,
                                   .ours = agent != 0,
                                   .req = jn_req_hold(r)};
        a->tenant = c->tenant;
        a->id = c->ix;
        a->agent = agent;
        a->from = agent ? JN_MSG_AGENT : JN_MSG_CUSTOMER;
        jn_buf_text(&a->text, text);
        if (key)
            jn_copy(a->key, sizeof a->key, key);
        if (first)
            a->note_len = jn_chat_note_encode(a->note, c);
        a->user = j;
        a->then = stored;
        if (!a->text.failed && !m->ports.ask(m->ports.arg, a))
            return true;
        jn_req_drop(r);
    }
    free(j);
    jn_ask_free(a);
    jn_req_error(r, JN_NO_BUSY, NULL, "too many messages at once, try again");
    return false;
}

static void read_done(void *req, struct jn_ask *a)
{
    struct jn_buf out = {0};
    if (a->status && a->status != -ENOENT) {
        jn_req_answer_ask(req, a);
        return;
    }
    jn_buf_text(&out, "{\"messages\":");
    if (a->status)
        jn_buf_text(&out, "[]");
    else
        jn_buf_add(&out, a->answer.data, a->answer.len);
    jn_buf_text(&out, "}");
    jn_req_answer(req, 200, &out);
    jn_buf_free(&out);
}

void jn_chat_read(struct jn_req *r, uint64_t tenant, uint64_t ix, uint64_t after)
{
    struct jn_ask *a = jn_ask_new(JN_ASK_MSG_READ);
    if (a) {
        a->tenant = tenant;
        a->id = ix;
        a->before = after;
    }
    jn_req_ask(r, a, read_done);
}
