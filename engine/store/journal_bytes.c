/* Journal bytes: reading records. */
#include "engine/store/journal_bytes.h"

#include "engine/store/file.h"

#include <errno.h>

int64_t jn_journal_record_get(struct jn_journal_record *r, const uint8_t *payload, size_t n, size_t off)
{
    const uint8_t *p = payload + off;

    if (off >= n)
        return 0;
    if (n - off < JN_JOURNAL_RECORD)
        return -EBADMSG;
    *r = (struct jn_journal_record){.len = jn_get32(p),
                                    .kind = jn_get32(p + 4),
                                    .seq = jn_get64(p + 8),
                                    .time_us = jn_get64(p + 16),
                                    .bytes = p + JN_JOURNAL_RECORD};
    if (r->len > JN_JOURNAL_RECORD_MAX || r->len > n - off - JN_JOURNAL_RECORD)
        return -EBADMSG;
    return (int64_t)r->len + JN_JOURNAL_RECORD;
}

int jn_journal_walk(const uint8_t *bytes, size_t end, const struct jn_seg_head *h, uint64_t *last, uint64_t *last_us,
                    int (*each)(void *arg, const struct jn_journal_record *r), void *arg, size_t *bad)
{
    size_t off = JN_SEG_HEAD;
    struct jn_journal_record r;
    int64_t group, len;

    while (off < end && (group = jn_group_get(bytes, end, off, h)) > 0) {
        const uint8_t *payload = bytes + off + JN_GROUP_HEAD;
        size_t n = (size_t)group - JN_GROUP_HEAD, at = 0;
        for (; (len = jn_journal_record_get(&r, payload, n, at)) > 0; at += (size_t)len) {
            if (r.kind == JN_JK_EVENT) {
                if (r.seq != *last + 1) {
                    len = -EBADMSG;
                    break;
                }
                *last = r.seq;
                *last_us = r.time_us;
            }
            int rc = each ? each(arg, &r) : 0;
            if (rc)
                return rc;
        }
        if (len < 0) {
            *bad = off + JN_GROUP_HEAD + at;
            return -EBADMSG;
        }
        off += (size_t)group;
    }
    return 0;
}
