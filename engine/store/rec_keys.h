/* Rec keys: whom a recording's bytes can be read by. A master key in a file of its own wraps one key for each tenant, a
 * tenant's key wraps one for each recording of a call (message_keys.h). Deleting a recording destroys its key, deleting
 * a tenant's key all of theirs at once; changing the master key writes the tenants' file anew and nothing else.
 *
 * In the recordings' folder: key-file (where the master key lies), tenants, keys. The master key's file: a line of 64
 * hexadecimal digits; while it is being changed the one before follows in a second line. */
#ifndef JN_ENGINE_REC_KEYS_H
#define JN_ENGINE_REC_KEYS_H

#include "engine/base/err.h"
#include "engine/store/crypt.h"
#include <stdbool.h>

struct jn_rec_keys; /* one owner thread */
/* key_file: where the master key lies, made (0600) when it is missing; NULL: only to read, where the folder says.
 * -ENOENT: nothing was ever encrypted here; -EPERM: others may read the master key; -EKEYREJECTED: it is another. */
int jn_rec_keys_open(struct jn_rec_keys **out, const char *dir, const char *key_file, struct jn_err *err);
void jn_rec_keys_close(struct jn_rec_keys *k);
/* A new key for a recording of a call; on disk after jn_rec_keys_commit, before which nothing under it may be written.
 */
int jn_rec_keys_new(struct jn_rec_keys *k, uint64_t call, uint64_t tenant, uint8_t key[static JN_CRYPT_KEY],
                    uint32_t *slot);
int jn_rec_keys_commit(struct jn_rec_keys *k);
/* 0; -ENOKEY: it was destroyed; -EBADMSG. */
int jn_rec_keys_get(struct jn_rec_keys *k, uint32_t slot, uint64_t call, uint64_t tenant,
                    uint8_t key[static JN_CRYPT_KEY]);
int jn_rec_keys_destroy(struct jn_rec_keys *k, uint32_t slot);
/* A new master key; a crash at any point leaves one that opens. Beside a running engine too. */
int jn_rec_keys_rotate(const char *dir, struct jn_err *err);

#endif
