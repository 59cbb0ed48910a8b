/* Act message, inside: what its files share. */
#ifndef JN_ENGINE_ACT_MESSAGE_PRIVATE_H
#define JN_ENGINE_ACT_MESSAGE_PRIVATE_H

#include "engine/act/act_message.h"
#include "engine/api/request.h"
#include "engine/api/socket.h"
#include "engine/api/throttle.h"
#include "engine/channel/chat.h"

enum { JN_CHAT_TEXT_MAX = 8192, JN_CHAT_KEY_MIN = 8, JN_CHAT_KEY_MAX = 63, JN_WATCHERS_MAX = 8 };
/* Events of chats are told apart from the API's own by this bit; below it is the interaction's id (63 bits). */
#define JN_CHAT_TOKEN (UINT64_C(1) << 63)

/* One customer's event socket. */
struct jn_watcher {
    struct jn_watcher *next;
    struct jn_act_message *m;
    struct jn_ws *ws; /* NULL: gone while a read was under way */
    uint64_t ix;
    uint32_t seen_n; /* everything up to here was sent */
    bool loading, again, started;
};
struct jn_chat_counters {
    uint64_t chats, messages_in, messages_out, duplicates, store_failed, arrive_retries, limited, note_bad, restored;
};
struct jn_act_message {
    struct jn_api_config config;
    struct jn_directory *dir;
    struct jn_rules *rules;
    struct jn_scratch *scratch;
    struct jn_message_ports ports;
    struct jn_api *api;
    struct jn_id_maker ids;
    struct jn_chats *chats;
    struct jn_throttle throttle;
    uint32_t due; /* chats with arrive_due or left_due */
    struct jn_chat_counters count;
};

/* One MSG_STORE under way, of either side. */
struct jn_store_job {
    struct jn_act_message *m;
    struct jn_req *req;
    uint64_t ix, agent, tenant;
    bool first, ours; /* first: opens the conversation; ours: from the agent */
};

/* act_message.c */
void jn_chat_tell_router(struct jn_act_message *m, struct jn_chat *c);
void jn_chat_end(struct jn_act_message *m, struct jn_chat *c, uint8_t why);
/* act_message_store.c: stores text for c and answers r with 201 once it is durable. key may be NULL. Sends it on to
 * whoever listens. False: refused, r was answered. */
bool jn_chat_store(struct jn_act_message *m, struct jn_req *r, struct jn_chat *c, uint64_t agent, bool first,
                   const char *text, const char *key);
/* The answer to a chat's opening, the same every time. */
void jn_chat_opened(struct jn_act_message *m, struct jn_req *r, uint64_t tenant, uint64_t ix);
/* Answers r with {"messages":[...]} after number `after`. */
void jn_chat_read(struct jn_req *r, uint64_t tenant, uint64_t ix, uint64_t after);
/* act_message_customer.c, act_message_desk.c, act_message_watch.c: their routes */
int jn_chat_customer_routes(struct jn_act_message *m, struct jn_api *api);
int jn_chat_desk_routes(struct jn_act_message *m, struct jn_api *api);
int jn_chat_watch_routes(struct jn_act_message *m, struct jn_api *api);
/* act_message_watch.c: what the customer's sockets are told. */
void jn_watch_message(struct jn_act_message *m, struct jn_chat *c, uint32_t n, uint64_t at_us, unsigned from,
                      const char *text, size_t len);
void jn_watch_state(struct jn_act_message *m, struct jn_chat *c);

#endif
