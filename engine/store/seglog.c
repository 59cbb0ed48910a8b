/* Seglog: opening (what is durable, what was torn, what is damaged), gathering, group commit. */
#include "engine/store/seglog.h"

#include "engine/base/log.h"
#include "engine/base/rand.h"
#include "engine/store/file.h"
#include "router/journal/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jn_seglog_name(char out[static 1100], const char *dir, uint64_t seq, const char *suffix)
{
    snprintf(out, 1100, "%s/%016llx%s", dir, (unsigned long long)seq, suffix);
}

int jn_seglog_name_seq(const char *name, const char *suffix, uint64_t *seq)
{
    char digits[17];

    if (strlen(name) != 16 + strlen(suffix) || strcmp(name + 16, suffix) != 0)
        return -EINVAL;
    memcpy(digits, name, 16);
    digits[16] = 0;
    if (strspn(digits, "0123456789abcdef") != 16)
        return -EINVAL;
    *seq = strtoull(digits, NULL, 16);
    return 0;
}

void jn_seglog_path(const struct jn_seglog *l, uint64_t first_seq, char out[static 1100])
{
    jn_seglog_name(out, l->dir, first_seq, l->suffix);
}

static int add_segment(struct jn_seglog *l, const struct jn_seglog_segment *s)
{
    if (l->segments == l->segment_cap) {
        uint32_t cap = l->segment_cap ? l->segment_cap * 2 : 16;
        struct jn_seglog_segment *grown = realloc(l->segment, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        l->segment = grown;
        l->segment_cap = cap;
    }
    l->segment[l->segments++] = *s;
    return 0;
}

/* A torn end: nobody was told of it. Cut, so that what is appended stands right behind what is good. */
static int cut(struct jn_seglog *l, const char *path, uint64_t end, struct jn_err *err)
{
    if (l->read_only)
        return 0;
    int fd = jn_files->open(path, O_RDWR, 0), rc = fd;
    if (fd >= 0) {
        rc = jn_files->truncate(fd, end);
        if (rc == 0)
            rc = jn_files->sync(fd);
        jn_files->close(fd);
    }
    return rc < 0 ? jn_fail(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}

/* A head is synced before the first group is written: a file no longer than a bad head never held anything. */
static int drop_unborn(struct jn_seglog *l, const char *path, struct jn_err *err)
{
    int rc = l->read_only ? 0 : jn_files->unlink(path);

    if (rc == 0 && !l->read_only)
        rc = jn_files->sync_dir(l->dir);
    return rc < 0 ? jn_fail(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}

static int check_head(const struct jn_seglog *l, struct jn_seg_head *h, const uint8_t *bytes, size_t n, uint64_t named,
                      const char *path, struct jn_err *err)
{
    int rc = jn_seg_head_get(h, bytes, n, l->kind);

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

struct opening {
    int (*each)(void *arg, const struct jn_seg_head *h, const uint8_t *bytes, size_t end, const char *path,
                struct jn_err *err);
    void *arg;
};

static int look_through(struct jn_seglog *l, const struct opening *o, const uint8_t *bytes, size_t n, uint64_t named,
                        bool last, const char *path, struct jn_err *err)
{
    struct jn_seglog_segment s;
    size_t behind;
    int rc = check_head(l, &s.head, bytes, n, named, path, err);

    if (rc < 0)
        return rc;
    s.end = jn_seg_scan(bytes, n, &s.head, &behind);
    if (s.end < n && (behind > 0 || !last))
        return jn_fail(err, -EBADMSG, "%s: damaged at offset %llu: what stands there was durable once", path,
                       (unsigned long long)s.end);
    rc = o->each(o->arg, &s.head, bytes, (size_t)s.end, path, err);
    if (rc == 0 && s.end < n) {
        l->torn_bytes += n - s.end;
        jn_warn("store", "torn end cut: file=%s offset=%llu bytes=%llu", path, (unsigned long long)s.end,
                (unsigned long long)(n - s.end));
        rc = cut(l, path, s.end, err);
    }
    return rc == 0 ? add_segment(l, &s) : rc;
}

static int open_segment(struct jn_seglog *l, const struct opening *o, uint64_t named, bool last, struct jn_err *err)
{
    struct jn_seg_head h;
    char path[1100];
    uint8_t *bytes;
    size_t n;

    jn_seglog_path(l, named, path);
    int rc = jn_file_load(path, JN_SEGLOG_LOAD_MAX, &bytes, &n);
    if (rc < 0)
        return jn_fail(err, rc, "%s: %s", path, strerror(-rc));
    if (last && n <= JN_SEG_HEAD && jn_seg_head_get(&h, bytes, n, l->kind) == -EBADMSG) {
        l->torn_bytes += n;
        rc = drop_unborn(l, path, err);
    } else {
        rc = look_through(l, o, bytes, n, named, last, path, err);
    }
    free(bytes);
    return rc;
}

static int open_all(struct jn_seglog *l, const struct opening *o, struct jn_err *err)
{
    struct jn_names names;
    int rc = jn_names_list(&names, l->dir, l->suffix);

    if (rc < 0)
        return jn_fail(err, rc, "%s: %s", l->dir, strerror(-rc));
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        uint64_t named;
        if (jn_seglog_name_seq(names.at[i], l->suffix, &named) == 0)
            rc = open_segment(l, o, named, i + 1 == names.count, err);
    }
    jn_names_free(&names);
    return rc;
}

int jn_seglog_open(struct jn_seglog *l, const char *dir,
                   int (*each)(void *arg, const struct jn_seg_head *h, const uint8_t *bytes, size_t end,
                               const char *path, struct jn_err *err),
                   void *arg, struct jn_err *err)
{
    struct opening o = {.each = each, .arg = arg};
    int rc = 0;

    l->fd = -1;
    if (!jn_copy(l->dir, sizeof l->dir, dir))
        rc = jn_fail(err, -ENAMETOOLONG, "%s: the name is too long", dir);
    else if (!l->read_only && (rc = jn_file_dir(dir)) < 0)
        jn_fail(err, rc, "%s: %s", dir, strerror(-rc));
    if (rc == 0)
        rc = open_all(l, &o, err);
    if (rc < 0)
        jn_seglog_close(l);
    return rc;
}

void jn_seglog_close(struct jn_seglog *l)
{
    if (l->fd >= 0)
        jn_files->close(l->fd);
    free(l->segment);
    free(l->group);
    l->fd = -1;
    l->segment = NULL;
    l->group = NULL;
}

int jn_seglog_room(struct jn_seglog *l, size_t n, uint8_t **at)
{
    if (l->read_only)
        return -EROFS;
    if (l->failed)
        return l->failed;
    if (l->used + n > JN_GROUP_MAX)
        return -ENOBUFS;
    size_t need = JN_GROUP_HEAD + l->used + n, cap = l->cap ? l->cap : 65536;
    while (cap < need)
        cap *= 2;
    if (cap > l->cap) {
        uint8_t *grown = realloc(l->group, cap);
        if (!grown)
            return -ENOMEM;
        l->group = grown;
        l->cap = cap;
    }
    *at = l->group + JN_GROUP_HEAD + l->used;
    l->used += n;
    return 0;
}

/* A new segment: its head and its name are durable before anything is written behind it. */
static int start_segment(struct jn_seglog *l, uint64_t first_seq)
{
    struct jn_seglog_segment s = {
        .end = JN_SEG_HEAD,
        .head = {.kind = l->kind, .format = JN_SEG_FORMAT, .logic = JN_LOGIC_VERSION, .first_seq = first_seq}};
    uint8_t head[JN_SEG_HEAD];
    char path[1100];

    if (l->fd >= 0)
        jn_files->close(l->fd);
    if (l->segments > 0 && l->segment[l->segments - 1].head.first_seq == first_seq)
        l->segments--; /* an empty one of an older logic: replaced */
    jn_random(&s.head.salt, sizeof s.head.salt);
    jn_seg_head_put(head, &s.head);
    jn_seglog_path(l, first_seq, path);
    l->fd = jn_files->open(path, O_RDWR | O_CREAT | O_TRUNC, 0640);
    if (l->fd < 0)
        return l->fd;
    int rc = jn_file_write(l->fd, head, sizeof head, 0);
    if (rc == 0)
        rc = jn_files->sync(l->fd);
    if (rc == 0)
        rc = jn_files->sync_dir(l->dir);
    if (rc == 0)
        rc = add_segment(l, &s);
    if (rc < 0) {
        jn_files->close(l->fd);
        l->fd = -1;
    }
    return rc;
}

/* The segment to write to: the newest while it has room and is of this logic. */
static int want_segment(struct jn_seglog *l, uint64_t first_seq)
{
    struct jn_seglog_segment *s = l->segments ? &l->segment[l->segments - 1] : NULL;
    char path[1100];

    if (!s || s->head.logic != JN_LOGIC_VERSION || (s->end > JN_SEG_HEAD && s->end + l->used > l->segment_bytes))
        return start_segment(l, first_seq);
    if (l->fd >= 0)
        return 0;
    jn_seglog_path(l, s->head.first_seq, path);
    l->fd = jn_files->open(path, O_RDWR, 0);
    return l->fd < 0 ? l->fd : 0;
}

/* What a failed attempt left must stand neither behind the next one nor at the end of a segment that is done with. */
static int clean(struct jn_seglog *l)
{
    if (!l->dirty || l->fd < 0)
        return 0;
    int rc = jn_files->truncate(l->fd, l->segment[l->segments - 1].end);
    if (rc == 0)
        rc = jn_files->sync(l->fd);
    if (rc == 0)
        l->dirty = false;
    return rc;
}

static int write_group(struct jn_seglog *l, uint64_t first_seq, uint64_t *at)
{
    int rc = clean(l);
    if (rc == 0)
        rc = want_segment(l, first_seq);
    if (rc < 0)
        return rc;
    struct jn_seglog_segment *s = &l->segment[l->segments - 1];
    jn_group_seal(l->group, l->used, &s->head, s->end);
    rc = jn_file_write(l->fd, l->group, JN_GROUP_HEAD + l->used, s->end);
    if (rc == 0)
        rc = jn_files->sync(l->fd);
    if (rc < 0) {
        jn_files->truncate(l->fd, s->end); /* gives the space back; tried again above if it fails */
        return rc;
    }
    *at = s->end + JN_GROUP_HEAD;
    s->end += JN_GROUP_HEAD + l->used;
    return 0;
}

int jn_seglog_commit(struct jn_seglog *l, uint64_t first_seq, uint64_t *at)
{
    if (l->read_only)
        return -EROFS;
    if (l->used == 0)
        return 0;
    int rc = write_group(l, first_seq, at);
    l->failed = rc;
    l->dirty = l->dirty || rc < 0;
    if (rc == 0)
        l->used = 0;
    return rc;
}
