/* Message log: bodies of chats, append-only, each conversation under a key of its own (AES-256-GCM), keys wrapped by
 * the install's master key and kept in a file of their own, so that destroying one key erases one conversation. A
 * message is acknowledged only after its commit. */
#ifndef JN_ENGINE_MESSAGE_LOG_H
#define JN_ENGINE_MESSAGE_LOG_H

#include "engine/base/err.h"
#include "engine/base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum { JN_MSG_BODY_MAX = 8192, JN_MSG_KEY_MAX = 64 };
enum jn_msg_from { JN_MSG_CUSTOMER, JN_MSG_AGENT, JN_MSG_SYSTEM };

struct jn_message {
    uint64_t ix, tenant, at_us, agent;
    uint32_t n;               /* number inside its conversation: 1, 2, 3 ... given by the log */
    uint8_t from;             /* enum jn_msg_from */
    char key[JN_MSG_KEY_MAX]; /* the sender's idempotency key, may be empty */
    const char *body;         /* UTF-8 */
    uint32_t len;
};
struct jn_message_log;
/* master: 32 bytes. */
int jn_message_log_open(struct jn_message_log **out, const char *dir, const uint8_t master[static 32],
                        struct jn_err *err);
void jn_message_log_close(struct jn_message_log *l);
/* Takes it into the coming commit and gives m->n. -EEXIST with *m filled from the first one (n, at_us) when that
 * conversation has that idempotency key. -EMSGSIZE, -EACCES erased, -EINVAL ix 0 or another tenant's, -ENOBUFS (16 MiB
 * wait: commit first). */
int jn_message_log_append(struct jn_message_log *l, struct jn_message *m);
/* Writes and syncs what was taken. -errno (-ENOSPC ...): none of it was taken, numbers and idempotency keys are free
 * again; a later append and commit work when the disk does. */
int jn_message_log_commit(struct jn_message_log *l);
/* Messages of one conversation with n > after, in order. -ENOENT unknown, -EACCES its key was destroyed. Body valid
 * during the call of each only. */
int jn_message_log_read(struct jn_message_log *l, uint64_t ix, uint32_t after,
                        void (*each)(void *arg, const struct jn_message *m), void *arg);
/* Every conversation known: its id, tenant, first and last time, count, and the routing note given with the first
 * message. For recovery. */
int jn_message_log_conversations(struct jn_message_log *l,
                                 void (*each)(void *arg, uint64_t ix, uint64_t tenant, uint32_t count, const void *note,
                                              uint32_t note_len),
                                 void *arg);
/* Attaches up to 128 bytes (how it was classified) to a conversation; durable with the coming commit. */
int jn_message_log_note(struct jn_message_log *l, uint64_t ix, uint64_t tenant, const void *note, uint32_t n);
/* Destroys the key, durably; commits what was taken before. -ENOENT. On another -errno call it again. */
int jn_message_log_erase(struct jn_message_log *l, uint64_t ix);

#endif
