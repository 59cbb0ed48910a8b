/* Backup: a data folder copied while its engine may be running, with a manifest that proves the copy, and back. The
 * order makes it whole: the database first, then the journal, which is always ahead of it, then messages, their keys,
 * recordings: recovery of the copy goes on from there as after a crash. */
#ifndef JN_ENGINE_BACKUP_H
#define JN_ENGINE_BACKUP_H

#include "engine/base/err.h"
#include <stdint.h>

struct jn_backup {
    uint64_t files, bytes;
    uint64_t router_seq; /* up to which the database's rows go */
};
/* What is being copied, now and then. */
typedef void jn_backup_progress(void *arg, const char *file, uint64_t bytes);

/* Copies data to the new folder `to` (made; refused when it is there), as "<to>.part" until it is whole and on disk.
 * 0 or -errno with the reason; an unfinished copy is left as .part for a look. */
int jn_backup_make(const char *data, const char *to, struct jn_backup *out, jn_backup_progress *progress, void *arg,
                   struct jn_err *err);
/* Compares a backup with its manifest. -EBADMSG names the first file that differs. */
int jn_backup_verify(const char *backup, struct jn_backup *out, jn_backup_progress *progress, void *arg,
                     struct jn_err *err);
/* Verifies, then makes the data folder `data` (which must be missing or empty). keys: another, newer backup whose keys
 * of conversations are taken instead, so that what was erased since stays erased; NULL: its own. */
int jn_backup_restore(const char *backup, const char *keys, const char *data, struct jn_backup *out,
                      jn_backup_progress *progress, void *arg, struct jn_err *err);

/* sqlite_beside.c: from may be in use; to must not be there. */
int jn_store_copy(const char *from, const char *to, uint64_t *router_seq, struct jn_err *err);

#endif
