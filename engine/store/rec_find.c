/* Rec find: entries of the index, newest first, with the recordings that run before them. */
#include "engine/store/file.h"
#include "engine/store/rec_index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY = sizeof(struct jn_rec_entry), BLOCK = 256, PATH = 1100 };

struct finding {
    const struct jn_rec_query *q;
    int (*each)(void *arg, const struct jn_rec_entry *e, uint32_t number);
    void *arg;
    struct jn_map replaced; /* numbers of entries that a newer one of the same call replaces */
    struct jn_map ended;    /* calls whose end the index knows and `open` does not */
    int fd;
};

static bool any(const uint64_t *list, unsigned n, uint64_t id)
{
    for (unsigned i = 0; i < n; i++)
        if (list[i] == id)
            return true;
    return id == 0;
}

static bool wanted(const struct jn_rec_query *q, const struct jn_rec_entry *e)
{
    unsigned agents = e->agents < JN_REC_AGENTS ? e->agents : JN_REC_AGENTS;
    unsigned queues = e->queues < JN_REC_QUEUES ? e->queues : JN_REC_QUEUES;

    return (q->call == 0 || e->call == q->call) && (q->tenant == 0 || e->tenant == q->tenant) &&
           any(e->agent, agents, q->agent) && any(e->queue, queues, q->queue) && e->first_us >= q->from_us &&
           (q->to_us == 0 || e->first_us < q->to_us) && (e->deleted_us == 0 || q->deleted);
}

static int by_age(const void *a, const void *b)
{
    const struct jn_rec_entry *x = &((const struct jn_rec_growing *)a)->e, *y = &((const struct jn_rec_growing *)b)->e;

    if (x->first_us != y->first_us)
        return x->first_us > y->first_us ? -1 : 1;
    return x->call > y->call ? -1 : x->call < y->call;
}

/* t is not of use as a table any more. */
static int tell_running(struct finding *f, struct jn_rec_table *t)
{
    int rc = 0;

    for (uint32_t i = 0; i < t->n; i++)
        jn_rec_growing_entry(&t->at[i]);
    if (t->n > 1)
        qsort(t->at, t->n, sizeof *t->at, by_age);
    for (uint32_t i = 0; rc == 0 && i < t->n; i++) {
        const struct jn_rec_entry *e = &t->at[i].e;
        if (jn_map_get(&f->ended, e->call) == JN_MAP_NONE && wanted(f->q, e))
            rc = f->each(f->arg, e, 0);
        if (e->older)
            jn_map_set(&f->replaced, e->older, 1);
    }
    return rc;
}

/* Entries of `numbers` from the one before `number` down, at most BLOCK: how many stand in out, or -errno. */
static int block(const struct finding *f, struct jn_rec_entry *out, uint32_t before)
{
    uint32_t n = before - 1 < BLOCK ? before - 1 : BLOCK;
    ssize_t got = n ? jn_file_read(f->fd, out, (size_t)n * ENTRY, (uint64_t)(before - 1 - n) * ENTRY) : 0;

    if (got < 0)
        return (int)got;
    return got == (ssize_t)n * ENTRY ? (int)n : -EBADMSG;
}

static int tell_ended(struct finding *f, uint32_t before)
{
    struct jn_rec_entry *b = malloc((size_t)BLOCK * ENTRY);
    int n = b ? 0 : -ENOMEM, rc = 0;

    for (; rc == 0 && n >= 0 && before > 1; before -= (uint32_t)n) {
        n = block(f, b, before);
        for (int i = n - 1; rc == 0 && i >= 0; i--) {
            uint32_t number = before - (uint32_t)(n - i);
            if (!jn_rec_entry_good(&b[i]))
                continue;
            if (b[i].older)
                jn_map_set(&f->replaced, b[i].older, 1);
            if (jn_map_get(&f->replaced, number) == JN_MAP_NONE && wanted(f->q, &b[i]))
                rc = f->each(f->arg, &b[i], number);
        }
    }
    free(b);
    return n < 0 ? n : rc;
}

/* Calls that ended since `open` was written stand in the index already; with `deleted`, those that were deleted since
 * are noted alone. */
static int note_ended(struct finding *f, uint64_t from, uint64_t to, bool deleted)
{
    struct jn_rec_entry e;

    for (uint64_t i = from; i < to; i++) {
        ssize_t got = jn_file_read(f->fd, &e, ENTRY, i * ENTRY);
        if (got < ENTRY)
            return got < 0 ? (int)got : 0;
        if (jn_rec_entry_good(&e) && e.call && (e.deleted_us || !deleted) && jn_map_set(&f->ended, e.call, 1) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int find(struct finding *f, const char *dir, struct jn_rec_table *t, struct jn_err *err)
{
    const struct jn_rec_query *q = f->q;
    struct jn_rec_mark mark;
    int64_t size = f->fd >= 0 ? jn_files->size(f->fd) : 0;
    uint64_t entries = size > 0 ? (uint64_t)size / ENTRY : 0;
    int rc = jn_rec_index_load(dir, t, &mark);
    bool lost = rc == -ENOENT;

    if (rc < 0 && !lost)
        return rc;
    rc = 0;
    if (q->exact || lost) {
        rc = note_ended(f, mark.entries, entries, true);
        if (rc == 0)
            rc = jn_rec_index_catch_up(dir, &mark.at, t, NULL, NULL, err);
        entries = mark.entries;
    } else {
        rc = note_ended(f, mark.entries, entries, false);
    }
    if (rc == 0 && q->before == 0)
        rc = tell_running(f, t);
    if (rc == 0)
        rc = tell_ended(f, q->before && q->before <= entries ? q->before : (uint32_t)entries + 1);
    return rc;
}

int jn_rec_find(const char *dir, const struct jn_rec_query *q,
                int (*each)(void *arg, const struct jn_rec_entry *e, uint32_t number), void *arg, struct jn_err *err)
{
    struct finding f = {.q = q, .each = each, .arg = arg, .fd = -1};
    struct jn_rec_table t = {0};
    char path[PATH];
    struct jn_names names;
    int rc = jn_names_list(&names, dir, ".rec");

    if (rc < 0)
        return jn_fail(err, rc, "%s: %s", dir, strerror(-rc));
    jn_names_free(&names);
    snprintf(path, sizeof path, "%s/index", dir);
    f.fd = jn_files->open(path, O_RDONLY, 0);
    if (f.fd < 0 && f.fd != -ENOENT)
        return jn_fail(err, f.fd, "%s: %s", path, strerror(-f.fd));
    rc = jn_map_init(&f.replaced, 64);
    if (rc == 0)
        rc = jn_map_init(&f.ended, 64);
    if (rc == 0)
        rc = jn_rec_table_init(&t);
    if (rc == 0)
        rc = find(&f, dir, &t, err);
    if (rc < 0 && err && !err->text[0])
        jn_fail(err, rc, "%s: %s", path, strerror(-rc));
    jn_rec_table_free(&t);
    jn_map_free(&f.replaced);
    jn_map_free(&f.ended);
    if (f.fd >= 0)
        jn_files->close(f.fd);
    return rc;
}
