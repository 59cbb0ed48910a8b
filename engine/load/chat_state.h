/* Chat state: what chat.c (customers) and chat_http.c (connections) share. */
#ifndef JN_LOAD_CHAT_STATE_H
#define JN_LOAD_CHAT_STATE_H

#include "engine/base/str.h"
#include "engine/load/chat.h"
#include "engine/load/http_text.h"

enum { JN_CHAT_CONNECTIONS = 64 };
enum jn_customer_state { JN_CUSTOMER_NONE, JN_CUSTOMER_WAITS, JN_CUSTOMER_ASKS, JN_CUSTOMER_GONE };
struct jn_customer {
    uint8_t state, tries;
    uint32_t sent; /* messages acknowledged */
    uint64_t next_ns, asked_ns, seen;
    char id[32], token[JN_CHAT_TOKEN];
};
/* One connection: idle ones stay open. in: what has come so far; out: what has to go. */
struct jn_chat_connection {
    int fd;
    bool busy, feed;
    uint32_t customer;
    size_t sent;
    struct jn_buf in, out;
};
struct jn_chat_load {
    struct jn_chat_config c;
    struct jn_customer *customer;
    struct jn_chat_connection at[JN_CHAT_CONNECTIONS + 1]; /* the last: the event stream */
    uint32_t begun, active;
    uint64_t run, started_ns, turned_ns, last_ns;
    bool stopped, feed_up, feed_failed;
    struct jn_chat_counts counts;
};
/* chat.c */
void jn_chat_answered(struct jn_chat_load *c, uint32_t customer, unsigned status, const char *body, size_t n,
                      uint64_t now_ns);
void jn_chat_seen(struct jn_chat_load *c, const char *text, size_t n, uint64_t now_ns);
/* chat_http.c */
void jn_chat_http_open(struct jn_chat_load *c);
void jn_chat_http_close(struct jn_chat_load *c);
/* A POST for that customer. False: every connection is busy. */
bool jn_chat_http_ask(struct jn_chat_load *c, uint32_t customer, const char *path, const char *token,
                      const struct jn_buf *body, uint64_t now_ns);
void jn_chat_http_turn(struct jn_chat_load *c, uint64_t now_ns);

#endif
