/* Chat: customers who open chats, write and wait, over HTTP (docs/api.md, "Web chat"), and the agents' side where
 * tokens are given: offers accepted, messages seen on the event stream. One thread, connections that never block it. */
#ifndef JN_LOAD_CHAT_H
#define JN_LOAD_CHAT_H

#include "engine/base/addr.h"
#include "engine/base/err.h"
#include "engine/base/histo.h"
#include <stdbool.h>
#include <stdint.h>

enum { JN_CHAT_NAME = 64, JN_CHAT_TOKEN = 160, JN_CHAT_WHY = 256 };

/* api: where; tenant, queue (or empty) and messages: of each chat, every_ms apart. rate: chats a second. feed: the
 * token of a supervisor, whose event stream then tells when each message was there; empty: delivery is not measured.
 * agents: tokens of those who accept and answer offers, agents_n of them, or NULL. */
struct jn_chat_config {
    struct jn_addr api;
    char tenant[JN_CHAT_NAME], queue[JN_CHAT_NAME], feed[JN_CHAT_TOKEN];
    uint32_t chats, messages, every_ms;
    double rate;
    uint64_t seed;
};
/* acknowledged: messages the system answered for (they are durable then); delivered: those that the event stream
 * showed. opened .. ended: chats. */
struct jn_chat_counts {
    uint64_t opened, ended, sent, acknowledged, delivered, failed, busy;
    struct jn_histo open_us, acknowledge_us, deliver_us;
    char why[JN_CHAT_WHY];
};
struct jn_chat_load;
int jn_chat_open(struct jn_chat_load **out, const struct jn_chat_config *c, struct jn_err *err);
void jn_chat_close(struct jn_chat_load *c);
void jn_chat_start(struct jn_chat_load *c, uint64_t now_ns);
/* No new chats; those there are end. */
void jn_chat_stop(struct jn_chat_load *c);
void jn_chat_turn(struct jn_chat_load *c, uint64_t now_ns);
bool jn_chat_active(const struct jn_chat_load *c);
const struct jn_chat_counts *jn_chat_counts(const struct jn_chat_load *c);
void jn_chat_counts_add(struct jn_chat_counts *a, const struct jn_chat_counts *b);

#endif
