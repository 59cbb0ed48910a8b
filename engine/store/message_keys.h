/* Keys: one file of fixed slots, each the key of one conversation, recorded call or tenant, wrapped by a key above it.
 * Destroying a key is zeros over its slot, synced. Private to message_log.c and rec_keys.c. */
#ifndef JN_ENGINE_MESSAGE_KEYS_H
#define JN_ENGINE_MESSAGE_KEYS_H

#include "engine/base/err.h"
#include "engine/store/crypt.h"

enum jn_key_state { JN_KEY_LIVE, JN_KEY_ZERO, JN_KEY_BAD };

struct jn_key_file;
/* dir/name is made when it is missing. Tells each slot with a good head, in order: a later slot of the same
 * conversation replaces an earlier one. key is valid during the call, NULL unless live. each NULL: slots are only
 * counted. -EKEYREJECTED: another master key wrote this file. */
int jn_key_file_open(struct jn_key_file **out, const char *dir, const char *name,
                     const uint8_t master[static JN_CRYPT_KEY], struct jn_crypt *c,
                     int (*each)(void *arg, uint32_t slot, uint64_t ix, uint64_t tenant, enum jn_key_state state,
                                 const uint8_t *key),
                     void *arg, struct jn_err *err);
void jn_key_file_close(struct jn_key_file *k);
/* Gives a slot to a key; it is on disk after jn_key_file_commit. 0 or -ENOMEM, -EIO. */
int jn_key_file_add(struct jn_key_file *k, uint64_t ix, uint64_t tenant, const uint8_t key[static JN_CRYPT_KEY],
                    uint32_t *slot);
/* The same under another key than the file's master. */
int jn_key_file_add_under(struct jn_key_file *k, const uint8_t wrap[static JN_CRYPT_KEY], uint64_t ix, uint64_t tenant,
                          const uint8_t key[static JN_CRYPT_KEY], uint32_t *slot);
/* The committed slot of ix: 0; -ENOKEY: destroyed; -EBADMSG: not its slot, or wrapped by another key. */
int jn_key_file_read(struct jn_key_file *k, const uint8_t wrap[static JN_CRYPT_KEY], uint32_t slot, uint64_t ix,
                     uint8_t key[static JN_CRYPT_KEY]);
/* 0, or -errno: the added ones stay for the next commit. */
int jn_key_file_commit(struct jn_key_file *k);
/* Zeros over the key, synced. The slot's key was committed. 0 or -errno (call again). */
int jn_key_file_destroy(struct jn_key_file *k, uint32_t slot);

#endif
