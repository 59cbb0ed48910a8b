/* Message keys: one file of fixed slots, each the key of one conversation wrapped by the master key. Destroying a key
 * is zeros over its slot, synced. Private to message_log.c. */
#ifndef JN_ENGINE_MESSAGE_KEYS_H
#define JN_ENGINE_MESSAGE_KEYS_H

#include "engine/base/err.h"
#include "engine/store/crypt.h"

enum jn_key_state { JN_KEY_LIVE, JN_KEY_ZERO, JN_KEY_BAD };

struct jn_keys;
/* Tells each slot with a good head, in order: a later slot of the same conversation replaces an earlier one. key is
 * valid during the call, NULL unless live. -EKEYREJECTED: another master key wrote this file. */
int jn_keys_open(struct jn_keys **out, const char *dir, const uint8_t master[static JN_CRYPT_KEY], struct jn_crypt *c,
                 int (*each)(void *arg, uint32_t slot, uint64_t ix, uint64_t tenant, enum jn_key_state state,
                             const uint8_t *key),
                 void *arg, struct jn_err *err);
void jn_keys_close(struct jn_keys *k);
/* Gives a slot to a key; it is on disk after jn_keys_commit. 0 or -ENOMEM, -EIO. */
int jn_keys_add(struct jn_keys *k, uint64_t ix, uint64_t tenant, const uint8_t key[static JN_CRYPT_KEY],
                uint32_t *slot);
/* 0, or -errno: the added ones stay for the next commit. */
int jn_keys_commit(struct jn_keys *k);
/* Zeros over the key, synced. The slot's key was committed. 0 or -errno (call again). */
int jn_keys_destroy(struct jn_keys *k, uint32_t slot);

#endif
