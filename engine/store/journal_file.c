/* Journal file: opening (what is durable, what was torn, what is damaged), appending, group commit. Reading it again
 * lives in journal_read.c, snapshots in snapshot.c. */
#include "engine/store/journal_file.h"

#include "engine/store/file.h"
#include "engine/store/journal_check.h"
#include "engine/store/journal_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Sequence goes on from segment to segment without a hole. */
static int take_segment(void *arg, const struct jn_seg_head *h, const uint8_t *bytes, size_t end, const char *path,
                        struct jn_err *err)
{
    struct jn_journal *j = arg;
    size_t bad = 0;

    if (j->any && h->first_seq != j->last_seq + 1)
        return jn_fail(err, -EBADMSG, "%s: damaged at offset 0: events %llu to %llu before it are missing", path,
                       (unsigned long long)j->last_seq + 1, (unsigned long long)h->first_seq - 1);
    j->any = true;
    j->last_seq = h->first_seq - 1;
    if (jn_journal_walk(bytes, end, h, &j->last_seq, &j->last_us, NULL, NULL, &bad) < 0)
        return jn_fail(err, -EBADMSG, "%s: damaged at offset %zu: records out of order", path, bad);
    return 0;
}

int jn_journal_open(struct jn_journal **out, const char *dir, bool read_only, struct jn_journal_found *found,
                    struct jn_err *err)
{
    struct jn_journal *j = calloc(1, sizeof *j);

    if (!j)
        return jn_fail(err, -ENOMEM, "no memory");
    j->log = (struct jn_seglog){.suffix = JN_JOURNAL_SUFFIX,
                                .kind = JN_JOURNAL_KIND,
                                .segment_bytes = JN_JOURNAL_SEGMENT,
                                .read_only = read_only};
    int rc = jn_seglog_open(&j->log, dir, take_segment, j, err);
    if (rc < 0) {
        free(j);
        return rc;
    }
    if (found)
        *found = (struct jn_journal_found){.first_seq = j->log.segments ? j->log.segment[0].head.first_seq : 0,
                                           .last_seq = j->last_seq,
                                           .last_time_us = j->last_us,
                                           .torn_bytes = j->log.torn_bytes,
                                           .segments = j->log.segments};
    *out = j;
    return 0;
}

void jn_journal_close(struct jn_journal *j)
{
    if (!j)
        return;
    jn_seglog_close(&j->log);
    free(j);
}

static int put_record(struct jn_journal *j, uint32_t kind, uint64_t seq, uint64_t time_us, const void *bytes,
                      uint32_t n)
{
    bool first = j->log.used == 0;
    uint8_t *p;

    if (n > JN_JOURNAL_RECORD_MAX)
        return -EMSGSIZE;
    int rc = jn_seglog_room(&j->log, JN_JOURNAL_RECORD + (size_t)n, &p);
    if (rc < 0)
        return rc;
    if (first)
        j->group_seq = j->last_seq + 1;
    jn_put32(p, n);
    jn_put32(p + 4, kind);
    jn_put64(p + 8, seq);
    jn_put64(p + 16, time_us);
    if (n > 0)
        memcpy(p + JN_JOURNAL_RECORD, bytes, n);
    return 0;
}

int jn_journal_append(struct jn_journal *j, uint64_t seq, uint64_t time_us, const void *bytes, uint32_t n)
{
    if (seq != j->last_seq + 1)
        return -EINVAL;
    int rc = put_record(j, JN_JK_EVENT, seq, time_us, bytes, n);
    if (rc == 0) {
        j->last_seq = seq;
        j->last_us = time_us;
    }
    return rc;
}

int jn_journal_check(struct jn_journal *j, uint64_t seq, uint64_t command_hash, uint64_t state_hash)
{
    uint8_t b[24];

    jn_put64(b, j->start_seq);
    jn_put64(b + 8, command_hash);
    jn_put64(b + 16, state_hash);
    return put_record(j, JN_JK_CHECK, seq, j->last_us, b, sizeof b);
}

int jn_journal_bounds(struct jn_journal *j, uint32_t agents, uint32_t queues, uint32_t tenants, uint32_t interactions)
{
    uint8_t b[16];

    jn_put32(b, agents);
    jn_put32(b + 4, queues);
    jn_put32(b + 8, tenants);
    jn_put32(b + 12, interactions);
    return put_record(j, JN_JK_BOUNDS, j->last_seq, j->last_us, b, sizeof b);
}

int jn_journal_commit(struct jn_journal *j)
{
    uint64_t at;

    return jn_seglog_commit(&j->log, j->group_seq, &at);
}
