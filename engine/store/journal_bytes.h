/* Journal bytes: records inside the groups of a journal segment. Private to journal_*.c and their fuzzer.
 * Record: length of the bytes u32, kind u32, sequence u64, time u64, bytes. */
#ifndef JN_ENGINE_JOURNAL_BYTES_H
#define JN_ENGINE_JOURNAL_BYTES_H

#include "engine/store/segment.h"

enum { JN_JOURNAL_RECORD = 24, JN_JOURNAL_RECORD_MAX = 65536, JN_JOURNAL_KIND = 0x4c4a4e4a /* "JNJL" */ };
enum jn_journal_kind { JN_JK_EVENT = 1, JN_JK_CHECK, JN_JK_BOUNDS };

struct jn_journal_record {
    uint64_t seq, time_us;
    uint32_t kind, len;
    const uint8_t *bytes;
};
/* The record at off of the n bytes of a group's payload: its whole length, 0 at the end, -EBADMSG. */
int64_t jn_journal_record_get(struct jn_journal_record *r, const uint8_t *payload, size_t n, size_t off);

/* Every group up to where good ones end. next: the sequence that the first event must have; *last becomes that of the
 * last one. Each event must be one after the one before. each (may be NULL) returns 0 to go on. 0, what stopped it, or
 * -EBADMSG with *bad the offset. */
int jn_journal_walk(const uint8_t *bytes, size_t end, const struct jn_seg_head *h, uint64_t *last, uint64_t *last_us,
                    int (*each)(void *arg, const struct jn_journal_record *r), void *arg, size_t *bad);

/* Names of files in the journal's folder: 16 hexadecimal digits and these. */
#define JN_JOURNAL_SUFFIX  ".journal"
#define JN_SNAPSHOT_SUFFIX ".snapshot"

#endif
