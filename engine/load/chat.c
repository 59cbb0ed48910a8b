/* Chat: see chat.h. What each customer does next; connections are chat_http.c's. */
#include "engine/base/rand.h"
#include "engine/load/chat_state.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MAX_S = 30, AGAIN_MS = 300, TRIES = 20, TURN_MS = 2, FEED_WAIT_S = 5 };

static void fail(struct jn_chat_load *c, struct jn_customer *u, const char *why, unsigned status, const char *text,
                 size_t n)
{
    if (!c->counts.why[0])
        snprintf(c->counts.why, sizeof c->counts.why, "%s: HTTP %u %.*s", why, status, (int)(n < 150 ? n : 150), text);
    c->counts.failed++;
    u->state = JN_CUSTOMER_GONE;
    c->active--;
}

static void ask(struct jn_chat_load *c, struct jn_customer *u, uint64_t now)
{
    struct jn_buf b = {0};
    char path[96];
    uint32_t i = (uint32_t)(u - c->customer);
    if (!u->id[0]) {
        snprintf(path, sizeof path, "/api/v1/chat");
        jn_buf_text(&b, "{\"tenant\":");
        jn_buf_json(&b, c->c.tenant, strlen(c->c.tenant));
        if (c->c.queue[0]) {
            jn_buf_text(&b, ",\"queue\":");
            jn_buf_json(&b, c->c.queue, strlen(c->c.queue));
        }
        jn_buf_printf(&b, ",\"name\":\"load %u\",", i);
    } else {
        bool end = u->sent == c->c.messages;
        snprintf(path, sizeof path, "/api/v1/chat/%s/%s", u->id, end ? "end" : "messages");
        jn_buf_text(&b, end ? "" : "{");
    }
    if (u->sent < c->c.messages) /* the text says which it is, for who sees it at the other side */
        jn_buf_printf(&b, "\"text\":\"load.%016llx.%u.%u: is anybody there?\",\"key\":\"load%016llx.%u.%u\"}",
                      (unsigned long long)c->run, i, u->sent, (unsigned long long)c->run, i, u->sent);
    if (!u->tries)
        u->asked_ns = now;
    if (u->sent < c->c.messages && !u->tries)
        c->counts.sent++;
    if (b.failed || !jn_chat_http_ask(c, i, path, u->token, &b, now)) {
        u->state = JN_CUSTOMER_WAITS; /* every connection is busy: at the next turn */
        if (u->sent < c->c.messages && !u->tries)
            c->counts.sent--;
    } else {
        u->state = JN_CUSTOMER_ASKS;
        u->tries++;
    }
    jn_buf_free(&b);
}

/* Busy (429, 503) is no failure until it lasts: the customer asks again with the same key. */
static bool later(struct jn_chat_load *c, struct jn_customer *u, unsigned status, uint64_t now)
{
    if ((status != 429 && status != 503 && status != 0) || u->tries >= TRIES)
        return false;
    c->counts.busy++;
    u->state = JN_CUSTOMER_WAITS;
    u->next_ns = now + AGAIN_MS * UINT64_C(1000000);
    return true;
}

void jn_chat_answered(struct jn_chat_load *c, uint32_t i, unsigned status, const char *body, size_t n, uint64_t now)
{
    struct jn_customer *u = &c->customer[i];
    bool first = !u->id[0], message = u->sent < c->c.messages;
    uint64_t took = (now - u->asked_ns) / 1000;
    if (u->state != JN_CUSTOMER_ASKS || later(c, u, status, now))
        return;
    if (status < 200 || status > 299) {
        fail(c, u, message ? "a message was refused" : "a chat could not be ended", status, body, n);
        return;
    }
    u->tries = 0;
    if (!message) {
        c->counts.ended++;
        u->state = JN_CUSTOMER_GONE;
        c->active--;
        return;
    }
    if (first && (!jn_http_member(u->id, sizeof u->id, body, n, "id") ||
                  !jn_http_member(u->token, sizeof u->token, body, n, "token"))) {
        fail(c, u, "a chat's answer has no id and token", status, body, n);
        return;
    }
    c->counts.opened += first;
    c->counts.acknowledged++;
    jn_histo_add(first ? &c->counts.open_us : &c->counts.acknowledge_us, took);
    u->sent++;
    u->state = JN_CUSTOMER_WAITS;
    u->next_ns = now + c->c.every_ms * UINT64_C(1000000);
}

/* "load.RUN.CHAT.MESSAGE" in an event of the agents' stream: that message is there. Each is counted once. */
void jn_chat_seen(struct jn_chat_load *c, const char *text, size_t n, uint64_t now)
{
    char mark[24], digits[24];
    unsigned chat, message;
    snprintf(mark, sizeof mark, "load.%016llx.", (unsigned long long)c->run);
    const char *at = memmem(text, n, "\"type\":\"message\"", 16) ? memmem(text, n, mark, strlen(mark)) : NULL;
    if (!at)
        return;
    at += strlen(mark);
    size_t left = n - (size_t)(at - text);
    snprintf(digits, sizeof digits, "%.*s", (int)(left < 23 ? left : 23), at);
    if (sscanf(digits, "%u.%u", &chat, &message) != 2 || chat >= c->c.chats || message >= 64)
        return;
    struct jn_customer *u = &c->customer[chat];
    if (u->seen >> message & 1)
        return;
    u->seen |= UINT64_C(1) << message;
    c->counts.delivered++;
    /* It may be seen before its acknowledgement has come back; then it is the one in hand, else the one before. */
    if (now > u->asked_ns && (message == u->sent || message + 1 == u->sent))
        jn_histo_add(&c->counts.deliver_us, (now - u->asked_ns) / 1000);
}

int jn_chat_open(struct jn_chat_load **out, const struct jn_chat_config *config, struct jn_err *err)
{
    struct jn_chat_load *c = calloc(1, sizeof *c);
    if (!c || !(c->customer = calloc(config->chats, sizeof *c->customer))) {
        free(c);
        return jn_fail(err, -ENOMEM, "no memory for %u chats", config->chats);
    }
    c->c = *config;
    c->c.messages = config->messages < 1 ? 1 : config->messages > 64 ? 64 : config->messages;
    jn_random(&c->run, sizeof c->run);
    jn_chat_http_open(c);
    *out = c;
    return 0;
}

void jn_chat_close(struct jn_chat_load *c)
{
    if (!c)
        return;
    jn_chat_http_close(c);
    explicit_bzero(&c->c.feed, sizeof c->c.feed);
    free(c->customer);
    free(c);
}

void jn_chat_start(struct jn_chat_load *c, uint64_t now)
{
    c->started_ns = now;
    c->last_ns = now;
}

void jn_chat_stop(struct jn_chat_load *c)
{
    for (uint32_t i = 0; i < c->begun; i++)
        if (c->customer[i].state == JN_CUSTOMER_WAITS && c->customer[i].id[0]) {
            c->customer[i].sent = c->c.messages;
            c->customer[i].next_ns = 0;
        }
    c->stopped = true;
}

bool jn_chat_active(const struct jn_chat_load *c)
{
    bool begins = !c->stopped && c->begun < c->c.chats;
    bool waits = c->feed_up && c->counts.delivered < c->counts.acknowledged &&
                 c->turned_ns - c->last_ns < FEED_WAIT_S * UINT64_C(1000000000);
    return c->started_ns && (begins || c->active || waits);
}

static void begin(struct jn_chat_load *c, uint64_t now)
{
    double passed = (double)(now - c->started_ns) / 1e9;
    uint64_t due = c->c.rate > 0 ? (uint64_t)(passed * c->c.rate) + 1 : c->c.chats;
    for (; !c->stopped && c->begun < c->c.chats && c->begun < due; c->begun++) {
        c->customer[c->begun] = (struct jn_customer){.state = JN_CUSTOMER_WAITS, .next_ns = now};
        c->active++;
    }
}

void jn_chat_turn(struct jn_chat_load *c, uint64_t now)
{
    if (!c->started_ns)
        return;
    jn_chat_http_turn(c, now);
    if (now - c->turned_ns < TURN_MS * UINT64_C(1000000))
        return;
    c->turned_ns = now;
    if (c->c.feed[0] && !c->feed_up && !c->feed_failed)
        return; /* nothing is written before somebody listens */
    begin(c, now);
    for (uint32_t i = 0; i < c->begun; i++) {
        struct jn_customer *u = &c->customer[i];
        if (u->state == JN_CUSTOMER_WAITS && u->next_ns <= now)
            ask(c, u, now);
        else if (u->state == JN_CUSTOMER_ASKS && now - u->asked_ns > WAIT_MAX_S * UINT64_C(1000000000))
            fail(c, u, "no answer in time", 0, "", 0);
    }
    if (c->active)
        c->last_ns = now;
}

const struct jn_chat_counts *jn_chat_counts(const struct jn_chat_load *c)
{
    return &c->counts;
}
