/* Chat: the table of web-chat conversations: who they are, how they were classified, where they stand. Bounded, pure:
 * no sockets, no files, no clock. Closed ones stay for a while, so that a late message is told "closed". */
#ifndef JN_ENGINE_CHANNEL_CHAT_H
#define JN_ENGINE_CHANNEL_CHAT_H

#include "router/classify/classify.h"

enum { JN_CHAT_NAME_MAX = 41, JN_CHAT_NOTE_MAX = 128 };

/* STORING: its first message is on the way to the disk. ARRIVING: acknowledged, the router has not been told yet. */
enum jn_chat_state {
    JN_CHAT_STORING,
    JN_CHAT_ARRIVING,
    JN_CHAT_QUEUED,
    JN_CHAT_OFFERED,
    JN_CHAT_CONNECTED,
    JN_CHAT_HELD,
    JN_CHAT_CLOSED,
    JN_CHAT_STATE_N
};
#define JN_CHAT_STATE_NAMES                                                                                            \
    {                                                                                                                  \
        "storing", "arriving", "queued", "offered", "connected", "held", "closed"                                      \
    }

struct jn_chat {
    uint64_t ix, tenant, queue, agent;
    uint64_t key_hash, body_hash; /* of the first message: 0 when the customer gave no key */
    uint32_t last_n, position;
    uint8_t state, priority, why; /* priority 255: the queue's; why: enum jn_why once closed */
    bool kept;                    /* an ending place in the router's mailbox is kept for it */
    bool arrive_due, left_due;    /* to be told to the router when its mailbox has room */
    bool left, row_seen;          /* left: the customer's leaving was told; row_seen: the router spoke of it */
    char name[JN_CHAT_NAME_MAX];
    struct jn_verdict verdict;
    void *watchers;      /* the owner's */
    uint32_t slot, next; /* the table's */
};
struct jn_chats;
/* At most max_open that are not closed, and as many closed ones. */
struct jn_chats *jn_chats_new(uint32_t max_open);
void jn_chats_free(struct jn_chats *t);
/* A new conversation in state STORING; key_hash 0: none. NULL: full, or the id is known. Borrowed until jn_chats_drop,
 * or until it is closed and pushed out by others. */
struct jn_chat *jn_chats_make(struct jn_chats *t, uint64_t ix, uint64_t tenant, uint64_t key_hash);
struct jn_chat *jn_chats_find(const struct jn_chats *t, uint64_t ix);
struct jn_chat *jn_chats_find_key(const struct jn_chats *t, uint64_t key_hash);
/* Final; nothing when it is closed already. */
void jn_chats_close(struct jn_chats *t, struct jn_chat *c, uint8_t why);
/* As if it had never been: its first message could not be stored. Not for closed ones. */
void jn_chats_drop(struct jn_chats *t, struct jn_chat *c);
uint32_t jn_chats_open(const struct jn_chats *t);
/* Every conversation, closed ones too, in no order; each may close its own but not make or drop. */
void jn_chats_each(struct jn_chats *t, void (*each)(void *arg, struct jn_chat *c), void *arg);

/* The routing note that goes into the message log with the first message, so that a restart knows how it was
 * classified: queue, priority, hashes, name, intent, language, and the labels that still fit. Returns the length. */
uint32_t jn_chat_note_encode(uint8_t out[static JN_CHAT_NOTE_MAX], const struct jn_chat *c);
/* Into c; -EBADMSG for anything that encode cannot have written (c is then unchanged). */
int jn_chat_note_decode(struct jn_chat *c, const void *note, uint32_t n);

#endif
