/* Recording log: items of all calls in large append-only segments, and the way back: list, verify, one call's items.
 * The writer belongs to the recorder thread. */
#ifndef JN_ENGINE_RECORDING_LOG_H
#define JN_ENGINE_RECORDING_LOG_H

#include "engine/base/err.h"
#include "engine/store/rec_index.h"
#include "media/record/chunk.h"

struct jn_rec_writer;
/* key_file: recordings are encrypted, the master key lies there (rec_keys.h); NULL: they are not. */
struct jn_rec_writer_config {
    uint32_t segment_bytes;
    const char *key_file;
};
/* Brings the index up to date first: after a crash with what the segments hold since it was written. */
int jn_rec_writer_open(struct jn_rec_writer **out, const char *dir, const struct jn_rec_writer_config *c,
                       struct jn_err *err);
/* Takes n chunks into its buffer; writes when enough gathered. Returns how many frames and events were lost, *why:
 * -errno of the last of them, or 0 (-ENOSPC: they are told in the ledgers as overflow when space returns). */
uint64_t jn_rec_writer_put(struct jn_rec_writer *w, const struct jn_rec_chunk *const c[], unsigned n, int *why);
/* Everything put so far is on disk when this returns 0. Called at least twice a second while anything was put. */
int jn_rec_writer_flush(struct jn_rec_writer *w);
void jn_rec_writer_close(struct jn_rec_writer *w);

/* Reading: any thread or process, also while the writer runs and after a crash (a torn tail is ignored and counted).
 * bad_records: damaged records seen in the segments it touches; locked: chunks whose key is not at hand. */
struct jn_rec_summary {
    struct jn_rec_ledger ledger;
    uint32_t bad_records, locked;
};
/* Every call in dir, oldest first, from every byte of every segment (what listing needs: jn_rec_find). tenant 0: all.
 * each returns 0 to go on. */
int jn_rec_check(const char *dir, uint64_t tenant, int (*each)(void *arg, const struct jn_rec_summary *s), void *arg,
                 struct jn_err *err);
/* All items of one call, malloc'ed, the caller frees. -ENOENT; -ENOKEY. */
int jn_rec_load(const char *dir, uint64_t call, struct jn_rec_item **items, size_t *n, struct jn_rec_summary *sum,
                struct jn_err *err);
/* The call's newest entry; number 0: it runs, or its engine was killed. -ENOENT. */
struct jn_rec_found {
    struct jn_rec_entry e;
    uint32_t number;
};
int jn_rec_lookup(const char *dir, uint64_t call, struct jn_rec_found *f, struct jn_err *err);
/* An encrypted recording's keys are destroyed, one in the clear is overwritten where it lies; then it is marked in the
 * index. tenant 0: any. -ENOENT; -EBUSY: it still runs; -EOPNOTSUPP: an earlier version's. */
int jn_rec_delete(const char *dir, uint64_t call, uint64_t tenant, uint64_t now_us, bool *encrypted,
                  struct jn_err *err);
/* The same of an entry that was found. */
int jn_rec_delete_found(const char *dir, const struct jn_rec_found *f, uint64_t now_us, struct jn_err *err);

#endif
