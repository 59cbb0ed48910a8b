/* Journal file: opening (what is durable, what was torn, what is damaged), appending, group commit. Reading it again
 * lives in journal_read.c, snapshots in snapshot.c. */
#include "engine/store/journal_file.h"

#include "engine/base/log.h"
#include "engine/base/rand.h"
#include "engine/store/file.h"
#include "engine/store/journal_check.h"
#include "engine/store/journal_private.h"
#include "router/journal/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static int add_segment(struct jn_journal *j, const struct jn_journal_segment *s)
{
    if (j->segments == j->segment_cap) {
        uint32_t cap = j->segment_cap ? j->segment_cap * 2 : 16;
        struct jn_journal_segment *grown = realloc(j->segment, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        j->segment = grown;
        j->segment_cap = cap;
    }
    j->segment[j->segments++] = *s;
    return 0;
}

/* A torn end: nobody was told of it. Cut, so that what is appended stands right behind what is good. */
static int cut(struct jn_journal *j, const char *path, uint64_t end)
{
    if (j->read_only)
        return 0;
    int fd = jn_files->open(path, O_RDWR, 0);
    if (fd < 0)
        return fd;
    int rc = jn_files->truncate(fd, end);
    if (rc == 0)
        rc = jn_files->sync(fd);
    jn_files->close(fd);
    return rc;
}

static int check_head(struct jn_seg_head *h, const uint8_t *bytes, size_t n, uint64_t named, const char *path,
                      struct jn_err *err)
{
    int rc = jn_seg_head_get(h, bytes, n, JN_JOURNAL_KIND);

    if (rc == -EPROTO || (rc == 0 && h->logic > JN_LOGIC_VERSION))
        return jn_fail(err, -EPROTO, "%s: written by a newer version (format %u, logic %u; this one reads %u and %u)",
                       path, h->format, h->logic, JN_SEG_FORMAT, JN_LOGIC_VERSION);
    if (rc == 0 && h->logic + 1 < JN_LOGIC_VERSION)
        return jn_fail(err, -EPROTO, "%s: logic %u is too old; this version reads %u and %u", path, h->logic,
                       JN_LOGIC_VERSION - 1, JN_LOGIC_VERSION);
    if (rc < 0 || h->first_seq != named)
        return jn_fail(err, -EBADMSG, "%s: damaged at offset 0: its head", path);
    return 0;
}

/* Looks through one segment. last: it is the newest, so its end may be torn. */
static int open_segment(struct jn_journal *j, uint64_t named, bool last, struct jn_journal_found *found,
                        struct jn_err *err)
{
    struct jn_journal_segment s = {0};
    char path[1100];
    uint8_t *bytes;
    size_t n, behind, bad = 0;

    jn_journal_name(path, sizeof path, j->dir, named, JN_JOURNAL_SUFFIX);
    int rc = jn_file_load(path, JN_SEGMENT_LOAD_MAX, &bytes, &n);
    if (rc < 0)
        return jn_fail(err, rc, "%s: %s", path, strerror(-rc));
    if (last && n <= JN_SEG_HEAD && jn_seg_head_get(&s.head, bytes, n, JN_JOURNAL_KIND) == -EBADMSG) {
        /* A head is synced before the first group is written: this one never was. */
        free(bytes);
        found->torn_bytes += n;
        if (!j->read_only && ((rc = jn_files->unlink(path)) < 0 || (rc = jn_files->sync_dir(j->dir)) < 0))
            return jn_fail(err, rc, "%s: %s", path, strerror(-rc));
        return 0;
    }
    rc = check_head(&s.head, bytes, n, named, path, err);
    if (rc == 0 && j->segments > 0 && named != j->last_seq + 1)
        rc = jn_fail(err, -EBADMSG, "%s: events %llu to %llu before it are missing", path,
                     (unsigned long long)j->last_seq + 1, (unsigned long long)named - 1);
    if (rc < 0) {
        free(bytes);
        return rc;
    }
    s.end = jn_seg_scan(bytes, n, &s.head, &behind);
    j->last_seq = named - 1;
    uint64_t last_us = j->last_us;
    if (s.end < n && (behind > 0 || !last))
        rc = jn_fail(err, -EBADMSG, "%s: damaged at offset %zu: what follows was durable and cannot be trusted", path,
                     (size_t)s.end);
    else if (jn_journal_walk(bytes, s.end, &s.head, &j->last_seq, &last_us, NULL, NULL, &bad) < 0)
        rc = jn_fail(err, -EBADMSG, "%s: damaged at offset %zu: records out of order", path, bad);
    else if (s.end < n) {
        found->torn_bytes += n - s.end;
        jn_warn("journal", "torn end cut: file=%s offset=%llu bytes=%llu", path, (unsigned long long)s.end,
                (unsigned long long)(n - s.end));
        rc = cut(j, path, s.end);
        if (rc < 0)
            jn_fail(err, rc, "%s: %s", path, strerror(-rc));
    }
    free(bytes);
    j->last_us = last_us;
    return rc == 0 ? add_segment(j, &s) : rc;
}

static int open_all(struct jn_journal *j, struct jn_journal_found *found, struct jn_err *err)
{
    struct jn_names names;
    int rc = jn_names_list(&names, j->dir, JN_JOURNAL_SUFFIX);

    if (rc < 0)
        return jn_fail(err, rc, "%s: %s", j->dir, strerror(-rc));
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        uint64_t named;
        if (jn_journal_name_seq(names.at[i], JN_JOURNAL_SUFFIX, &named) == 0)
            rc = open_segment(j, named, i + 1 == names.count, found, err);
    }
    jn_names_free(&names);
    return rc;
}

int jn_journal_open(struct jn_journal **out, const char *dir, bool read_only, struct jn_journal_found *found,
                    struct jn_err *err)
{
    struct jn_journal_found unused;
    struct jn_journal *j = calloc(1, sizeof *j);
    int rc = j ? 0 : -ENOMEM;

    if (!found)
        found = &unused;
    *found = (struct jn_journal_found){0};
    if (rc < 0)
        return jn_fail(err, rc, "no memory");
    j->fd = -1;
    j->read_only = read_only;
    if (!jn_copy(j->dir, sizeof j->dir, dir))
        rc = jn_fail(err, -ENAMETOOLONG, "%s: the name is too long", dir);
    else if (!read_only && (rc = jn_file_dir(dir)) < 0)
        jn_fail(err, rc, "%s: %s", dir, strerror(-rc));
    if (rc == 0)
        rc = open_all(j, found, err);
    if (rc < 0) {
        jn_journal_close(j);
        return rc;
    }
    found->segments = j->segments;
    found->first_seq = j->segments ? j->segment[0].head.first_seq : 0;
    found->last_seq = j->last_seq;
    found->last_time_us = j->last_us;
    *out = j;
    return 0;
}

void jn_journal_close(struct jn_journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        jn_files->close(j->fd);
    free(j->segment);
    free(j->group);
    free(j);
}

/* Room for n more bytes of payload in the coming group. */
static int room(struct jn_journal *j, size_t n)
{
    if (j->read_only)
        return -EROFS;
    if (j->failed)
        return j->failed;
    if (j->used + n > JN_GROUP_MAX)
        return -ENOBUFS;
    size_t need = JN_GROUP_HEAD + j->used + n;
    if (need <= j->cap)
        return 0;
    size_t cap = j->cap ? j->cap : 65536;
    while (cap < need)
        cap *= 2;
    uint8_t *grown = realloc(j->group, cap);
    if (!grown)
        return -ENOMEM;
    j->group = grown;
    j->cap = cap;
    return 0;
}

static int put_record(struct jn_journal *j, uint32_t kind, uint64_t seq, uint64_t time_us, const void *bytes,
                      uint32_t n)
{
    if (n > JN_JOURNAL_RECORD_MAX)
        return -EMSGSIZE;
    int rc = room(j, JN_JOURNAL_RECORD + (size_t)n);
    if (rc < 0)
        return rc;
    uint8_t *p = j->group + JN_GROUP_HEAD + j->used;
    jn_put32(p, n);
    jn_put32(p + 4, kind);
    jn_put64(p + 8, seq);
    jn_put64(p + 16, time_us);
    memcpy(p + JN_JOURNAL_RECORD, bytes, n);
    if (j->used == 0)
        j->group_seq = j->last_seq + 1;
    j->used += JN_JOURNAL_RECORD + (size_t)n;
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

/* A new segment for what the group holds: its head and its name are durable before anything is written behind it. */
static int start_segment(struct jn_journal *j)
{
    struct jn_journal_segment s = {
        .end = JN_SEG_HEAD,
        .head = {
            .kind = JN_JOURNAL_KIND, .format = JN_SEG_FORMAT, .logic = JN_LOGIC_VERSION, .first_seq = j->group_seq}};
    uint8_t head[JN_SEG_HEAD];
    char path[1100];

    if (j->fd >= 0)
        jn_files->close(j->fd);
    if (j->segments > 0 && j->segment[j->segments - 1].head.first_seq == j->group_seq)
        j->segments--; /* an empty one of an older logic: replaced */
    jn_random(&s.head.salt, sizeof s.head.salt);
    jn_seg_head_put(head, &s.head);
    jn_journal_name(path, sizeof path, j->dir, s.head.first_seq, JN_JOURNAL_SUFFIX);
    j->fd = jn_files->open(path, O_RDWR | O_CREAT | O_TRUNC, 0640);
    if (j->fd < 0)
        return j->fd;
    int rc = jn_file_write(j->fd, head, sizeof head, 0);
    if (rc == 0)
        rc = jn_files->sync(j->fd);
    if (rc == 0)
        rc = jn_files->sync_dir(j->dir);
    if (rc == 0)
        rc = add_segment(j, &s);
    if (rc < 0) {
        jn_files->close(j->fd);
        j->fd = -1;
    }
    return rc;
}

/* The segment to write to: the newest while it has room and is of this logic. */
static int want_segment(struct jn_journal *j)
{
    struct jn_journal_segment *s = j->segments ? &j->segment[j->segments - 1] : NULL;
    char path[1100];

    if (!s || s->head.logic != JN_LOGIC_VERSION || (s->end > JN_SEG_HEAD && s->end + j->used > JN_SEGMENT_BYTES))
        return start_segment(j);
    if (j->fd >= 0)
        return 0;
    jn_journal_name(path, sizeof path, j->dir, s->head.first_seq, JN_JOURNAL_SUFFIX);
    j->fd = jn_files->open(path, O_RDWR, 0);
    return j->fd < 0 ? j->fd : 0;
}

static int write_group(struct jn_journal *j)
{
    int rc = want_segment(j);
    if (rc < 0)
        return rc;
    struct jn_journal_segment *s = &j->segment[j->segments - 1];
    size_t n = JN_GROUP_HEAD + j->used;
    /* What a failed attempt left must not stand behind this one. */
    if (j->failed && (rc = jn_files->truncate(j->fd, s->end)) < 0)
        return rc;
    jn_group_seal(j->group, j->used, &s->head, s->end);
    rc = jn_file_write(j->fd, j->group, n, s->end);
    if (rc == 0)
        rc = jn_files->sync(j->fd);
    if (rc == 0)
        s->end += n;
    else
        jn_files->truncate(j->fd, s->end); /* gives the space back; tried again above if it fails */
    return rc;
}

int jn_journal_commit(struct jn_journal *j)
{
    if (j->read_only)
        return -EROFS;
    if (j->used == 0)
        return 0;
    int rc = write_group(j);
    j->failed = rc;
    if (rc == 0)
        j->used = 0;
    return rc;
}
