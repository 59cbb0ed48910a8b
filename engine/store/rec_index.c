/* Rec index: the two files. Finding is in rec_find.c. */
#include "engine/store/rec_index.h"

#include "engine/base/crc.h"
#include "engine/base/log.h"
#include "engine/base/str.h"
#include "engine/store/file.h"
#include "engine/store/rec_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_MAGIC 0x45524e4au /* "JNRE" */
#define MARK_MAGIC  0x4d524e4au /* "JNRM" */
enum { ENTRY = sizeof(struct jn_rec_entry), MARK_HEAD = 40, MARK_VERSION = 1, PATH = 1100 };

struct jn_rec_index {
    char dir[1024];
    int fd;
    uint64_t entries;
};

static uint32_t entry_crc(const struct jn_rec_entry *e)
{
    size_t from = offsetof(struct jn_rec_entry, call);
    return jn_crc32c(0, (const uint8_t *)e + from, sizeof *e - from);
}

bool jn_rec_entry_good(const struct jn_rec_entry *e)
{
    return e->magic == ENTRY_MAGIC && e->crc == entry_crc(e);
}

int jn_rec_index_open(struct jn_rec_index **out, const char *dir, struct jn_err *err)
{
    struct jn_rec_index *x = calloc(1, sizeof *x);
    char path[PATH];

    if (!x)
        return jn_fail(err, -ENOMEM, "no memory");
    snprintf(path, sizeof path, "%s/index", dir);
    x->fd = jn_copy(x->dir, sizeof x->dir, dir) ? jn_files->open(path, O_RDWR | O_CREAT, 0600) : -ENAMETOOLONG;
    int64_t size = x->fd < 0 ? x->fd : jn_files->size(x->fd);
    if (size < 0) {
        jn_rec_index_close(x);
        return jn_fail(err, (int)size, "%s: %s", path, strerror((int)-size));
    }
    x->entries = (uint64_t)size / ENTRY;
    *out = x;
    return 0;
}

void jn_rec_index_close(struct jn_rec_index *x)
{
    if (!x)
        return;
    if (x->fd >= 0)
        jn_files->close(x->fd);
    free(x);
}

int jn_rec_index_cut(struct jn_rec_index *x, uint64_t entries)
{
    x->entries = entries < x->entries ? entries : x->entries;
    return jn_files->truncate(x->fd, x->entries * ENTRY);
}

int jn_rec_index_add(struct jn_rec_index *x, const struct jn_rec_entry *e, uint32_t *number)
{
    struct jn_rec_entry out = *e;

    out.magic = ENTRY_MAGIC;
    out.crc = entry_crc(&out);
    int rc = jn_file_write(x->fd, &out, sizeof out, x->entries * ENTRY);
    if (rc == 0)
        *number = (uint32_t)++x->entries;
    return rc;
}

int jn_rec_index_get(const struct jn_rec_index *x, uint32_t number, struct jn_rec_entry *e)
{
    ssize_t got = jn_file_read(x->fd, e, sizeof *e, (uint64_t)(number - 1) * ENTRY);
    return got < 0 ? (int)got : got < ENTRY ? -ENODATA : jn_rec_entry_good(e) ? 0 : -EBADMSG;
}

int jn_rec_index_mark(struct jn_rec_index *x, const struct jn_rec_table *t, const struct jn_rec_place *at)
{
    char path[PATH], tmp[PATH];
    size_t body = (size_t)t->n * sizeof *t->at, n = MARK_HEAD + body;
    uint8_t *b = calloc(1, n);

    if (!b)
        return -ENOMEM;
    jn_put32(b, MARK_MAGIC);
    b[8] = MARK_VERSION;
    jn_put32(b + 12, sizeof *t->at); /* another layout is another version's: everything is made anew */
    jn_put64(b + 16, x->entries);
    jn_put64(b + 24, at->segment);
    jn_put32(b + 32, at->off);
    jn_put32(b + 36, t->n);
    if (body > 0)
        memcpy(b + MARK_HEAD, t->at, body);
    for (uint32_t i = 0; i < t->n; i++) /* no address of ours on disk */
        memset(b + MARK_HEAD + i * sizeof *t->at + offsetof(struct jn_rec_growing, key), 0, sizeof t->at->key);
    jn_put32(b + 4, jn_crc32c(0, b + 8, n - 8));
    snprintf(path, sizeof path, "%s/open", x->dir);
    snprintf(tmp, sizeof tmp, "%s/open.new", x->dir);
    int rc = jn_files->sync(x->fd), fd = rc < 0 ? rc : jn_files->open(tmp, O_RDWR | O_CREAT | O_TRUNC, 0600);
    rc = fd < 0 ? fd : jn_file_write(fd, b, n, 0);
    if (rc == 0)
        rc = jn_files->sync(fd);
    if (fd >= 0)
        jn_files->close(fd);
    if (rc == 0)
        rc = jn_files->rename(tmp, path);
    if (rc == 0)
        rc = jn_files->sync_dir(x->dir);
    free(b);
    return rc;
}

int jn_rec_mark_parse(const uint8_t *b, size_t n, struct jn_rec_table *t, struct jn_rec_mark *mark)
{
    struct jn_rec_growing g;

    if (n < MARK_HEAD || jn_get32(b) != MARK_MAGIC || jn_get32(b + 4) != jn_crc32c(0, b + 8, n - 8) ||
        b[8] != MARK_VERSION || jn_get32(b + 12) != sizeof g || (n - MARK_HEAD) % sizeof g != 0 ||
        (n - MARK_HEAD) / sizeof g != jn_get32(b + 36))
        return -EBADMSG;
    mark->entries = jn_get64(b + 16);
    mark->at = (struct jn_rec_place){.segment = jn_get64(b + 24), .off = jn_get32(b + 32)};
    for (size_t at = MARK_HEAD; at < n; at += sizeof g) {
        memcpy(&g, b + at, sizeof g);
        struct jn_rec_growing *to = jn_rec_table_want(t, g.e.call, g.e.tenant);
        if (!to)
            return g.e.call ? -ENOMEM : -EBADMSG;
        *to = g;
        to->key = NULL;
    }
    return 0;
}

int jn_rec_index_load(const char *dir, struct jn_rec_table *t, struct jn_rec_mark *mark)
{
    char path[PATH];
    uint8_t *bytes = NULL;
    size_t n = 0;

    *mark = (struct jn_rec_mark){0};
    snprintf(path, sizeof path, "%s/open", dir);
    int rc = jn_file_load(path, (size_t)1 << 30, &bytes, &n);
    if (rc == 0)
        rc = jn_rec_mark_parse(bytes, n, t, mark);
    free(bytes);
    if (rc == 0 && mark->entries > 0) { /* an index that lost its end is none */
        snprintf(path, sizeof path, "%s/index", dir);
        int fd = jn_files->open(path, O_RDONLY, 0);
        int64_t size = fd < 0 ? 0 : jn_files->size(fd);
        if (fd >= 0)
            jn_files->close(fd);
        if (size < (int64_t)(mark->entries * ENTRY))
            rc = -ENOENT;
    }
    if (rc < 0) {
        *mark = (struct jn_rec_mark){0};
        t->n = 0;
        jn_map_free(&t->by_call);
        int again = jn_map_init(&t->by_call, 256);
        return again < 0 ? again : -ENOENT;
    }
    return 0;
}

int jn_rec_index_delete(const char *dir, uint32_t number, uint64_t now_us)
{
    char path[PATH];
    uint8_t at[8];

    snprintf(path, sizeof path, "%s/index", dir);
    int fd = jn_files->open(path, O_RDWR, 0);
    if (fd < 0)
        return fd;
    jn_put64(at, now_us);
    int rc =
        jn_file_write(fd, at, sizeof at, (uint64_t)(number - 1) * ENTRY + offsetof(struct jn_rec_entry, deleted_us));
    if (rc == 0)
        rc = jn_files->sync(fd);
    jn_files->close(fd);
    return rc;
}

struct catching {
    struct jn_rec_reader *reader;
    struct jn_rec_table *t;
    int (*ended)(void *arg, struct jn_rec_growing *g);
    void *arg;
};

static int take_item(void *arg, const struct jn_rec_item *it)
{
    struct jn_rec_growing *g = arg;

    if (it->kind == JN_REC_FRAME || it->event == JN_RECEV_START)
        g->ledger.stopped = 0; /* it goes on after an end */
    jn_rec_ledger_add(&g->ledger, it);
    jn_rec_growing_item(g, it);
    return 0;
}

static int maybe_end(struct catching *c, struct jn_rec_growing *g)
{
    if (!g->ledger.stopped)
        return 0;
    int rc = c->ended ? c->ended(c->arg, g) : 0;
    if (rc == 0 && c->ended)
        jn_rec_table_drop(c->t, g);
    return rc;
}

static int take_chunk(void *arg, const struct jn_rec_seal *s, const uint8_t *bytes, const struct jn_rec_place *at)
{
    struct catching *c = arg;

    if (s->flags & JN_SEAL_ERASED)
        return 0;
    struct jn_rec_growing *g = jn_rec_table_want(c->t, s->call, s->tenant);
    if (!g)
        return s->call ? -ENOMEM : 0;
    bool encrypted = s->flags & JN_SEAL_ENCRYPTED;
    jn_rec_growing_chunk(g, at, encrypted, s->slot);
    g->number = s->number + 1;
    int rc = jn_rec_reader_chunk(c->reader, s, bytes, take_item, g);
    if (rc == -ENOKEY && g->ledger.frames[0] + g->ledger.frames[1] == 0) { /* it was deleted: there is no recording */
        jn_rec_table_drop(c->t, g);
        return 0;
    }
    return rc < 0 && rc != -ENOKEY && rc != -EBADMSG ? rc : maybe_end(c, g);
}

static int take_record(void *arg, const struct jn_rec_item *it, const struct jn_rec_place *at)
{
    struct catching *c = arg;
    struct jn_rec_growing *g = jn_rec_table_want(c->t, it->call, it->tenant);

    if (!g)
        return it->call ? -ENOMEM : 0;
    g->e.first = g->e.first ? g->e.first : at->segment;
    g->e.last = at->segment;
    g->e.old = 1;
    return take_item(g, it);
}

int jn_rec_index_catch_up(const char *dir, const struct jn_rec_place *from, struct jn_rec_table *t,
                          int (*ended)(void *arg, struct jn_rec_growing *g), void *arg, struct jn_err *err)
{
    struct catching c = {.t = t, .ended = ended, .arg = arg};
    struct jn_rec_walker w = {.chunk = take_chunk, .record = take_record, .arg = &c};
    int rc = jn_rec_reader_open(&c.reader, dir, err);

    if (rc == 0)
        rc = jn_rec_walk(dir, from && from->segment ? from : NULL, 0, &w, err);
    jn_rec_reader_close(c.reader);
    return rc;
}
