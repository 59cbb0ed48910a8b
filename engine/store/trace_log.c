/* Trace log, the writer and the reader. Records gather and are written a few times a second; nothing is synced: what
 * a trace is for is gone with the machine anyway. Each run begins a segment of its own. */
#include "engine/store/trace_log.h"
#include "engine/store/file.h"
#include "engine/store/trace_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GATHER = 256 << 10, SEGMENT_MIN = 256 << 10, SEGMENT_FILE_MAX = 1 << 30, REVIEW_US = 30000000 };

struct jn_trace_writer {
    char dir[1024];
    uint64_t size, segment_bytes, keep_us, now_us;
    uint64_t begun_us, named_us, reviewed_us, end; /* of the segment that is written */
    int fd;                                        /* -1: none */
    size_t used;
    uint8_t gather[GATHER];
};

int jn_trace_open(struct jn_trace_writer **out, const char *dir, uint64_t size, uint64_t keep_s, struct jn_err *err)
{
    struct jn_trace_writer *w = calloc(1, sizeof *w);

    if (!w)
        return jn_fail(err, -ENOMEM, "no memory");
    w->fd = -1;
    w->size = size;
    w->segment_bytes = size / JN_TRACE_SEGMENTS > SEGMENT_MIN ? size / JN_TRACE_SEGMENTS : SEGMENT_MIN;
    w->keep_us = keep_s * 1000000;
    int rc = jn_copy(w->dir, sizeof w->dir, dir) ? jn_file_dir(dir) : -ENAMETOOLONG;
    if (rc < 0) {
        free(w);
        return jn_fail(err, rc, "%s: %s", dir, strerror(-rc));
    }
    *out = w;
    return 0;
}

static void segment_path(char out[static 1100], const char *dir, const char *name)
{
    snprintf(out, 1100, "%s/%s", dir, name);
}

static uint64_t began(const char *name)
{
    uint64_t us;
    char digits[17];
    uint8_t b[8];

    if (!jn_copy_n(digits, sizeof digits, name, 16) || jn_unhex(b, 8, digits) < 0)
        return 0;
    us = 0;
    for (unsigned i = 0; i < 8; i++)
        us = us << 8 | b[i];
    return us;
}

/* Removes the oldest while there is too much, and what is too old: a segment's last record is older than the next
 * one's name. The newest stays. */
static void review(struct jn_trace_writer *w)
{
    struct jn_names names = {0};
    char path[1100];
    uint64_t total = 0, *bytes;

    w->reviewed_us = w->now_us;
    if (jn_names_list(&names, w->dir, JN_TRACE_SUFFIX) < 0)
        return;
    bytes = calloc(names.count ? names.count : 1, sizeof *bytes);
    for (size_t i = 0; bytes && i < names.count; i++) {
        segment_path(path, w->dir, names.at[i]);
        int fd = jn_files->open(path, O_RDONLY | O_CLOEXEC, 0);
        int64_t n = fd < 0 ? 0 : jn_files->size(fd);
        if (fd >= 0)
            jn_files->close(fd);
        bytes[i] = n > 0 ? (uint64_t)n : 0;
        total += bytes[i];
    }
    for (size_t i = 0; bytes && i + 1 < names.count; i++) {
        bool old = began(names.at[i + 1]) + w->keep_us < w->now_us;
        if (!old && total + w->segment_bytes <= w->size)
            break;
        segment_path(path, w->dir, names.at[i]);
        jn_files->unlink(path);
        total -= bytes[i];
    }
    free(bytes);
    jn_names_free(&names);
}

static int begin(struct jn_trace_writer *w)
{
    char path[1100];
    uint64_t us = w->now_us > w->named_us ? w->now_us : w->named_us + 1;

    if (w->fd >= 0)
        jn_files->close(w->fd);
    w->fd = -1;
    int fd = -EEXIST;
    for (int i = 0; fd == -EEXIST && i < 1000; i++, us++) {
        snprintf(path, sizeof path, "%s/%016llx" JN_TRACE_SUFFIX, w->dir, (unsigned long long)us);
        fd = jn_files->open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        w->named_us = us;
    }
    if (fd < 0)
        return fd;
    w->fd = fd;
    w->end = 0;
    w->begun_us = w->now_us;
    review(w);
    return 0;
}

/* What gathered goes to the file, or is lost. */
static int write_out(struct jn_trace_writer *w)
{
    int rc = 0;

    if (w->used == 0)
        return 0;
    if (w->fd < 0 || w->end + w->used > w->segment_bytes || w->now_us > w->begun_us + w->keep_us / JN_TRACE_SEGMENTS)
        rc = begin(w);
    if (rc == 0)
        rc = jn_file_write(w->fd, w->gather, w->used, w->end);
    if (rc == 0)
        w->end += w->used;
    w->used = 0;
    return rc;
}

int jn_trace_put(struct jn_trace_writer *w, const uint8_t *bytes, size_t n)
{
    int rc = 0;

    if (n > JN_TRACE_BYTES_MAX)
        return -EMSGSIZE;
    if (n + JN_TRACE_HEAD > GATHER - w->used)
        rc = write_out(w);
    jn_trace_frame(w->gather + w->used, bytes, n);
    memcpy(w->gather + w->used + JN_TRACE_HEAD, bytes, n);
    w->used += JN_TRACE_HEAD + n;
    return rc;
}

int jn_trace_flush(struct jn_trace_writer *w, uint64_t now_us)
{
    w->now_us = now_us;
    int rc = write_out(w);
    if (now_us > w->reviewed_us + REVIEW_US)
        review(w);
    return rc;
}

void jn_trace_close(struct jn_trace_writer *w)
{
    if (!w)
        return;
    write_out(w);
    if (w->fd >= 0)
        jn_files->close(w->fd);
    free(w);
}

/* ---- reading ---- */

struct search {
    struct jn_trace *t;
    uint64_t tenant;
    bool collect;
    int rc;
    unsigned legs;
    struct {
        char id[JN_TRACE_CALL_ID_MAX];
        uint16_t len;
    } leg[JN_TRACE_LEGS_MAX];
};

static bool known(const struct search *s, const struct jn_trace_record *r)
{
    for (unsigned i = 0; i < s->legs; i++)
        if (s->leg[i].len == r->call_id_len && memcmp(s->leg[i].id, r->call_id, r->call_id_len) == 0)
            return true;
    return false;
}

/* First: which dialogs are the call's. */
static int learn(struct search *s, const struct jn_trace_record *r)
{
    if (r->ix != s->t->ix || r->kind == JN_TRACE_MESSAGE || (s->tenant && r->tenant != s->tenant))
        return 0;
    s->t->tenant = r->tenant;
    if (r->kind != JN_TRACE_LEG || known(s, r) || s->legs == JN_TRACE_LEGS_MAX)
        return 0;
    memcpy(s->leg[s->legs].id, r->call_id, r->call_id_len);
    s->leg[s->legs++].len = r->call_id_len;
    return 0;
}

/* Then: everything of them. */
static int collect(struct search *s, const struct jn_trace_record *r, const uint8_t *bytes, size_t n)
{
    bool ours = r->kind == JN_TRACE_MESSAGE ? known(s, r) : r->ix == s->t->ix && r->tenant == s->t->tenant;
    uint8_t len[4];

    if (!ours)
        return 0;
    if (s->t->n == JN_TRACE_RECORDS_MAX) {
        s->t->left_out++;
        return 0;
    }
    jn_put32(len, (uint32_t)n);
    jn_buf_add(&s->t->bytes, len, sizeof len);
    jn_buf_add(&s->t->bytes, bytes, n);
    s->t->n++;
    return s->t->bytes.failed ? -ENOMEM : 0;
}

static int each(void *arg, const uint8_t *bytes, size_t n)
{
    struct search *s = arg;
    struct jn_trace_record r;

    if (n == 0 || (!s->collect && bytes[0] == JN_TRACE_MESSAGE) || jn_trace_decode(&r, bytes, n) < 0)
        return 0;
    return s->collect ? collect(s, &r, bytes, n) : learn(s, &r);
}

static int through(struct search *s, const char *dir, const struct jn_names *names)
{
    char path[1100];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < names->count; i++) {
        uint8_t *bytes;
        size_t n;
        segment_path(path, dir, names->at[i]);
        rc = jn_file_load(path, SEGMENT_FILE_MAX, &bytes, &n);
        if (rc == -ENOENT) { /* retention took it meanwhile */
            rc = 0;
            continue;
        }
        if (rc == 0) {
            rc = jn_trace_scan(bytes, n, each, s);
            free(bytes);
        }
    }
    return rc;
}

static int decode_all(struct jn_trace *t)
{
    const uint8_t *at = (const uint8_t *)t->bytes.data;

    t->at = calloc(t->n ? t->n : 1, sizeof *t->at);
    if (!t->at)
        return -ENOMEM;
    for (size_t i = 0; i < t->n; i++) {
        uint32_t len = jn_get32(at);
        if (jn_trace_decode(&t->at[i], at + 4, len) < 0)
            return -EBADMSG;
        at += 4 + len;
    }
    return 0;
}

int jn_trace_load(struct jn_trace *t, const char *dir, uint64_t ix, uint64_t tenant, struct jn_err *err)
{
    struct search *s = calloc(1, sizeof *s);
    struct jn_names names = {0};

    *t = (struct jn_trace){.ix = ix};
    if (!s)
        return jn_fail(err, -ENOMEM, "no memory");
    s->t = t;
    s->tenant = tenant;
    int rc = jn_names_list(&names, dir, JN_TRACE_SUFFIX);
    if (rc == 0)
        rc = through(s, dir, &names);
    if (rc == 0 && t->tenant == 0)
        rc = -ENOENT;
    s->collect = true;
    if (rc == 0)
        rc = through(s, dir, &names);
    if (rc == 0)
        rc = decode_all(t);
    jn_names_free(&names);
    free(s);
    if (rc == -ENOENT)
        return jn_fail(err, rc, "nothing was kept of that call");
    return rc < 0 ? jn_fail(err, rc, "%s: %s", dir, strerror(-rc)) : 0;
}

void jn_trace_free(struct jn_trace *t)
{
    free(t->at);
    jn_buf_free(&t->bytes);
    *t = (struct jn_trace){0};
}
