/* Journal read: durable records again, in order. */
#include "engine/store/file.h"
#include "engine/store/journal_check.h"
#include "engine/store/journal_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    const struct jn_journal_reader *to;
    uint64_t after;
    uint16_t logic; /* of the segment being read */
};

static int pass_on(void *arg, const struct jn_journal_record *r)
{
    struct reading *x = arg;
    const struct jn_journal_reader *to = x->to;

    if (r->kind == JN_JK_EVENT)
        return r->seq > x->after && to->each ? to->each(to->arg, r->seq, r->time_us, r->bytes, r->len) : 0;
    if (r->kind == JN_JK_CHECK && to->check && r->len == 24) {
        struct jn_journal_check c = {r->seq, jn_get64(r->bytes), jn_get64(r->bytes + 8), jn_get64(r->bytes + 16),
                                     x->logic};
        return to->check(to->arg, &c);
    }
    if (r->kind == JN_JK_BOUNDS && to->bounds && r->len == 16) {
        const uint8_t *b = r->bytes;
        struct jn_journal_bounds x16 = {r->seq, jn_get32(b), jn_get32(b + 4), jn_get32(b + 8), jn_get32(b + 12)};
        return to->bounds(to->arg, &x16);
    }
    return 0;
}

static int read_segment(struct jn_journal *j, const struct jn_seglog_segment *s, struct reading *x, struct jn_err *err)
{
    char path[1100];
    uint8_t *bytes;
    uint64_t last = s->head.first_seq - 1, last_us;
    size_t n, bad = 0, behind;

    jn_seglog_path(&j->log, s->head.first_seq, path);
    int rc = jn_file_load(path, JN_SEGLOG_LOAD_MAX, &bytes, &n);
    if (rc < 0)
        return jn_fail(err, rc, "%s: %s", path, strerror(-rc));
    /* What was good at open must still be: groups go on to where they ended then. */
    if (n < s->end || jn_seg_scan(bytes, s->end, &s->head, &behind) != s->end)
        rc = jn_fail(err, -EBADMSG, "%s: changed on disk since it was opened", path);
    else {
        x->logic = s->head.logic;
        rc = jn_journal_walk(bytes, s->end, &s->head, &last, &last_us, pass_on, x, &bad);
        if (rc == -EBADMSG && bad > 0)
            jn_fail(err, rc, "%s: damaged at offset %zu", path, bad);
    }
    free(bytes);
    return rc;
}

int jn_journal_read_checked(struct jn_journal *j, uint64_t after, const struct jn_journal_reader *r, struct jn_err *err)
{
    struct reading x = {.to = r, .after = after};
    int rc = 0;

    if (j->log.segments > 0 && after + 1 < j->log.segment[0].head.first_seq)
        return jn_fail(err, -ENODATA, "%s begins at event %llu: events after %llu cannot be read", j->log.dir,
                       (unsigned long long)j->log.segment[0].head.first_seq, (unsigned long long)after);
    j->start_seq = after;
    for (uint32_t i = 0; rc == 0 && i < j->log.segments; i++) {
        bool older = i + 1 < j->log.segments && j->log.segment[i + 1].head.first_seq <= after + 1;
        /* All of its events are at or before `after`. */
        if (!older)
            rc = read_segment(j, &j->log.segment[i], &x, err);
    }
    return rc;
}

int jn_journal_read(struct jn_journal *j, uint64_t after,
                    int (*each)(void *arg, uint64_t seq, uint64_t time_us, const void *bytes, uint32_t n), void *arg,
                    struct jn_err *err)
{
    struct jn_journal_reader r = {.each = each, .arg = arg};

    return jn_journal_read_checked(j, after, &r, err);
}
