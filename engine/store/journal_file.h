/* Journal file: the router's events on disk: append-only segments of groups (length, CRC-32C, records), one group, one
 * write and one fdatasync a commit, snapshots beside them; journal_check.h has what replay compares. Writing belongs to
 * the journal thread; reading happens before threads start. */
#ifndef JN_ENGINE_JOURNAL_FILE_H
#define JN_ENGINE_JOURNAL_FILE_H

#include "engine/base/err.h"
#include "engine/base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct jn_journal;
/* What opening found. A torn last record is cut off and reported; damage before the tail refuses with -EBADMSG, file
 * and offset. */
struct jn_journal_found {
    uint64_t first_seq, last_seq, last_time_us, torn_bytes;
    uint32_t segments;
};
int jn_journal_open(struct jn_journal **out, const char *dir, bool read_only, struct jn_journal_found *found,
                    struct jn_err *err);
void jn_journal_close(struct jn_journal *j);
/* Appends into the buffer of the coming commit. seq must be last + 1 (-EINVAL). 0, -ENOBUFS (16 MiB wait: commit
 * first), or what the last commit failed with. */
int jn_journal_append(struct jn_journal *j, uint64_t seq, uint64_t time_us, const void *bytes, uint32_t n);
/* Writes and syncs everything appended. 0: durable. -ENOSPC, -EIO: nothing since the last good commit counts as
 * durable, the journal refuses further appends until a commit succeeds (it may be called again). */
int jn_journal_commit(struct jn_journal *j);
/* In order, all records with seq > after. each returns 0 to go on. Returns what stopped it or 0;
 * -ENODATA when events after `after` are no longer there, so that no hole is ever read over. */
int jn_journal_read(struct jn_journal *j, uint64_t after,
                    int (*each)(void *arg, uint64_t seq, uint64_t time_us, const void *bytes, uint32_t n), void *arg,
                    struct jn_err *err);
/* A snapshot of the state after seq, written whole, synced, renamed into place; keeps the newest `keep`
 * good ones, as many older ones as a replay of any moment of the last history_us wants (at most 18), and removes
 * segments that none of them needs (none before there are `keep`). */
int jn_snapshot_write(const char *dir, uint64_t seq, uint64_t time_us, const void *bytes, size_t n, unsigned keep,
                      uint64_t history_us, struct jn_err *err);
/* The newest good snapshot with seq <= max_seq; damaged ones are skipped and reported in the log. -ENOENT when there is
 * none. */
int jn_snapshot_read(const char *dir, uint64_t max_seq, uint64_t *seq, uint64_t *time_us, struct jn_buf *out,
                     struct jn_err *err);

#endif
