/* Recording read: what the log's header promises to readers: every call checked byte for byte, one call's items by
 * following its chunks backwards, a recording erased. */
#include "engine/base/id.h"
#include "engine/store/file.h"
#include "engine/store/rec_index.h"
#include "engine/store/rec_keys.h"
#include "engine/store/rec_read.h"
#include "engine/store/recording_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* ---- every call ---- */

struct listed {
    struct jn_rec_summary s;
    uint64_t segment; /* the last one that it touched */
};
struct listing {
    uint64_t tenant, segment;
    struct jn_rec_reader *reader;
    struct listed *at;
    uint32_t count, cap;
    struct jn_map by_call;
};

static struct listed *want(struct listing *l, uint64_t call, uint64_t tenant)
{
    uint32_t i = jn_map_get(&l->by_call, call);

    if (i == JN_MAP_NONE) {
        if (l->count == l->cap) {
            uint32_t cap = l->cap ? l->cap * 2 : 256;
            struct listed *grown = realloc(l->at, cap * sizeof *grown);
            if (!grown)
                return NULL;
            l->at = grown;
            l->cap = cap;
        }
        if (jn_map_set(&l->by_call, call, l->count) < 0)
            return NULL;
        i = l->count++;
        l->at[i] = (struct listed){.s = {.ledger = {.call = call, .tenant = tenant}}};
    }
    return &l->at[i];
}

static int list_item(void *arg, const struct jn_rec_item *it)
{
    struct jn_rec_ledger *l = arg;
    jn_rec_ledger_add(l, it);
    return 0;
}

static int list_chunk(void *arg, const struct jn_rec_seal *s, const uint8_t *bytes, const struct jn_rec_place *at)
{
    struct listing *l = arg;

    if (s->call == 0 || (l->tenant && s->tenant != l->tenant) || s->flags & JN_SEAL_ERASED)
        return 0;
    struct listed *x = want(l, s->call, s->tenant);
    if (!x)
        return -ENOMEM;
    x->segment = at->segment;
    int rc = jn_rec_reader_chunk(l->reader, s, bytes, list_item, &x->s.ledger);
    x->s.locked += rc == -ENOKEY;
    x->s.bad_records += rc == -EBADMSG;
    return rc == -ENOKEY || rc == -EBADMSG ? 0 : rc;
}

static int list_record(void *arg, const struct jn_rec_item *it, const struct jn_rec_place *at)
{
    struct listing *l = arg;

    if (it->call == 0 || (l->tenant && it->tenant != l->tenant))
        return 0;
    struct listed *x = want(l, it->call, it->tenant);
    if (!x)
        return -ENOMEM;
    x->segment = at->segment;
    return list_item(&x->s.ledger, it);
}

static int list_segment(void *arg, uint64_t segment, uint32_t bad, uint64_t end, uint64_t size)
{
    struct listing *l = arg;

    (void)end;
    (void)size;
    for (uint32_t i = 0; bad > 0 && i < l->count; i++)
        if (l->at[i].segment == segment)
            l->at[i].s.bad_records += bad;
    return 0;
}

static int by_age(const void *a, const void *b)
{
    const struct jn_rec_ledger *x = &((const struct listed *)a)->s.ledger, *y = &((const struct listed *)b)->s.ledger;

    if (x->first_us != y->first_us)
        return x->first_us < y->first_us ? -1 : 1;
    return x->call < y->call ? -1 : x->call > y->call;
}

int jn_rec_check(const char *dir, uint64_t tenant, int (*each)(void *arg, const struct jn_rec_summary *s), void *arg,
                 struct jn_err *err)
{
    struct listing l = {.tenant = tenant};
    struct jn_rec_walker w = {.chunk = list_chunk, .record = list_record, .segment = list_segment, .arg = &l};
    int rc = jn_map_init(&l.by_call, 1024);

    if (rc < 0)
        return jn_fail(err, rc, "no memory");
    rc = jn_rec_reader_open(&l.reader, dir, err);
    if (rc == 0)
        rc = jn_rec_walk(dir, NULL, 0, &w, err);
    if (l.count > 1)
        qsort(l.at, l.count, sizeof *l.at, by_age);
    for (uint32_t i = 0; rc == 0 && i < l.count; i++)
        if (l.at[i].s.ledger.first_us > 0) /* with no record that can be read it was deleted */
            rc = each(arg, &l.at[i].s);
    jn_rec_reader_close(l.reader);
    free(l.at);
    jn_map_free(&l.by_call);
    return rc;
}

/* ---- one call ---- */

struct loading {
    uint64_t call;
    struct jn_rec_reader *reader;
    struct jn_rec_item *at;
    size_t count, cap;
    struct jn_rec_summary *sum;
    uint64_t segment;
};

static int load_item(void *arg, const struct jn_rec_item *it)
{
    struct loading *l = arg;

    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 1024;
        struct jn_rec_item *grown = realloc(l->at, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        l->at = grown;
        l->cap = cap;
    }
    l->at[l->count++] = *it;
    jn_rec_ledger_add(&l->sum->ledger, it);
    return 0;
}

static int load_chunk(void *arg, const struct jn_rec_seal *s, const uint8_t *bytes, const struct jn_rec_place *at)
{
    struct loading *l = arg;

    if (s->call != l->call)
        return 0;
    l->segment = at->segment;
    l->sum->ledger.tenant = s->tenant;
    int rc = jn_rec_reader_chunk(l->reader, s, bytes, load_item, l);
    l->sum->locked += rc == -ENOKEY;
    l->sum->bad_records += rc == -EBADMSG;
    return rc == -ENOKEY || rc == -EBADMSG ? 0 : rc;
}

static int load_record(void *arg, const struct jn_rec_item *it, const struct jn_rec_place *at)
{
    struct loading *l = arg;

    if (it->call != l->call)
        return 0;
    l->segment = at->segment;
    l->sum->ledger.tenant = it->tenant;
    return load_item(l, it);
}

static int load_segment(void *arg, uint64_t segment, uint32_t bad, uint64_t end, uint64_t size)
{
    struct loading *l = arg;

    (void)end;
    (void)size;
    if (l->segment == segment)
        l->sum->bad_records += bad;
    return 0;
}

/* The chunks of a call, the newest first in out. -EBADMSG: the chain is broken. */
struct chain {
    struct jn_rec_place *at;
    uint32_t n, cap;
};

static int chain_add(struct chain *c, const struct jn_rec_place *at)
{
    if (c->n == c->cap) {
        uint32_t cap = c->cap ? c->cap * 2 : 256;
        struct jn_rec_place *grown = realloc(c->at, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        c->at = grown;
        c->cap = cap;
    }
    c->at[c->n++] = *at;
    return 0;
}

/* One segment is open at a time. */
struct open_segment {
    const char *dir;
    uint64_t segment;
    int fd;
};

static int chunk_at(struct open_segment *o, const struct jn_rec_place *at, struct jn_rec_seal *s, uint8_t *bytes,
                    size_t n)
{
    char path[1100];

    if (o->fd < 0 || o->segment != at->segment) {
        if (o->fd >= 0)
            jn_files->close(o->fd);
        jn_rec_segment_path(path, o->dir, at->segment);
        o->fd = jn_files->open(path, O_RDWR, 0);
        o->segment = at->segment;
        if (o->fd < 0)
            return o->fd == -ENOENT ? -EBADMSG : o->fd;
    }
    ssize_t got = jn_file_read(o->fd, bytes, n, at->off);
    if (got < 0)
        return (int)got;
    int used = jn_rec_seal_get(s, bytes, (size_t)got);
    return used > 0 ? used : -EBADMSG;
}

static int follow(struct chain *c, struct open_segment *o, const struct jn_rec_entry *e, uint8_t *bytes)
{
    struct jn_rec_place at = {.segment = e->last, .off = e->last_off};
    struct jn_rec_seal s;
    int rc = 0;

    while (rc >= 0 && at.segment != 0) {
        rc = chunk_at(o, &at, &s, bytes, JN_SEAL_MAX);
        bool before = s.prev_segment < at.segment || (s.prev_segment == at.segment && s.prev_off < at.off);
        if (rc > 0 && (s.call != e->call || !before))
            rc = -EBADMSG;
        if (rc > 0)
            rc = chain_add(c, &at);
        at = (struct jn_rec_place){.segment = s.prev_segment, .off = s.prev_off};
    }
    return rc < 0 ? rc : c->n < e->chunks ? -EBADMSG : 0;
}

static int find_one(void *arg, const struct jn_rec_entry *e, uint32_t number)
{
    struct jn_rec_found *f = arg;

    f->e = *e;
    f->number = number;
    return 1;
}

int jn_rec_lookup(const char *dir, uint64_t call, struct jn_rec_found *f, struct jn_err *err)
{
    struct jn_rec_query q = {.call = call, .deleted = true};
    char id[JN_ID_TEXT_MAX];

    for (unsigned exact = 0; exact < 2; exact++) { /* a call that began just now, or whose end a crash took */
        q.exact = exact;
        int rc = jn_rec_find(dir, &q, find_one, f, err);
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    return jn_fail(err, -ENOENT, "%s: no recording of call %s", dir, jn_id_text(call, id));
}

/* By the chain where it is whole, else everything between its first and last segment. A call that runs has more than
 * the index knows. */
static int load(struct loading *l, const char *dir, const struct jn_rec_found *f, struct jn_err *err)
{
    struct chain c = {0};
    struct open_segment o = {.dir = dir, .fd = -1};
    uint8_t *bytes = malloc(JN_SEAL_MAX);
    struct jn_rec_seal s;
    int rc = !bytes ? -ENOMEM : f->number == 0 || f->e.old ? -EBADMSG : follow(&c, &o, &f->e, bytes);

    for (uint32_t i = c.n; rc == 0 && i > 0; i--) {
        int used = chunk_at(&o, &c.at[i - 1], &s, bytes, JN_SEAL_MAX);
        rc = used < 0 ? used : load_chunk(l, &s, bytes, &c.at[i - 1]);
    }
    if (o.fd >= 0)
        jn_files->close(o.fd);
    free(c.at);
    free(bytes);
    if (rc == -EBADMSG) {
        struct jn_rec_place from = {.segment = f->e.first};
        struct jn_rec_walker w = {.chunk = load_chunk, .record = load_record, .segment = load_segment, .arg = l};
        l->count = 0;
        *l->sum = (struct jn_rec_summary){.ledger = {.call = l->call, .tenant = f->e.tenant}};
        rc = jn_rec_walk(dir, from.segment ? &from : NULL, f->number ? f->e.last : 0, &w, err);
    }
    return rc;
}

int jn_rec_load(const char *dir, uint64_t call, struct jn_rec_item **items, size_t *n, struct jn_rec_summary *sum,
                struct jn_err *err)
{
    struct jn_rec_summary unused;
    struct loading l = {.call = call, .sum = sum ? sum : &unused};
    struct jn_rec_found f;
    char id[JN_ID_TEXT_MAX];
    int rc = jn_rec_lookup(dir, call, &f, err);

    if (rc < 0)
        return rc;
    if (f.e.deleted_us)
        return jn_fail(err, -ENOENT, "the recording of call %s was deleted", jn_id_text(call, id));
    *l.sum = (struct jn_rec_summary){.ledger = {.call = call, .tenant = f.e.tenant}};
    rc = jn_rec_reader_open(&l.reader, dir, err);
    if (rc == 0)
        rc = load(&l, dir, &f, err);
    jn_rec_reader_close(l.reader);
    if (rc == 0 && l.count == 0)
        rc = l.sum->locked
                 ? jn_fail(err, -ENOKEY, "the key of call %s was destroyed or is not at hand", jn_id_text(call, id))
                 : jn_fail(err, -ENOENT, "%s: no recording of call %s", dir, jn_id_text(call, id));
    if (rc < 0) {
        free(l.at);
        return rc;
    }
    *items = l.at;
    *n = l.count;
    return 0;
}

/* ---- deleting ---- */

struct erasing {
    uint64_t call;
    struct open_segment o;
    struct jn_rec_reader *reader;
    uint8_t zero[JN_SEAL_MAX];
    uint32_t erased, keys;
};

/* In the clear there is no key to destroy: the bytes themselves are overwritten. */
static int erase_chunk(void *arg, const struct jn_rec_seal *s, const uint8_t *bytes, const struct jn_rec_place *at)
{
    struct erasing *x = arg;
    struct jn_rec_seal now;

    if (s->call != x->call || s->flags & JN_SEAL_ERASED)
        return 0;
    if (s->flags & JN_SEAL_ENCRYPTED) {
        struct jn_rec_keys *keys = jn_rec_reader_keys(x->reader);
        x->keys++;
        return keys ? jn_rec_keys_destroy(keys, s->slot) : -ENOKEY;
    }
    (void)bytes;
    int rc = chunk_at(&x->o, at, &now, x->zero, sizeof x->zero);
    if (rc < 0)
        return rc;
    memset(x->zero, 0, sizeof x->zero);
    now.flags |= JN_SEAL_ERASED;
    uint8_t *out = malloc(JN_SEAL_MAX);
    rc = out ? jn_rec_seal_put(out, &now, x->zero, NULL) : -ENOMEM;
    if (rc == 0)
        rc = jn_file_write(x->o.fd, out, jn_rec_seal_bytes(now.n, false), at->off);
    if (rc == 0)
        rc = jn_files->sync(x->o.fd);
    x->erased += rc == 0;
    free(out);
    return rc;
}

static int destroy_keys(struct erasing *x, const struct jn_rec_entry *e)
{
    struct jn_rec_keys *keys = jn_rec_reader_keys(x->reader);
    int rc = keys ? 0 : -ENOKEY;

    for (unsigned i = 0; rc == 0 && i < e->slots; i++, x->keys++)
        rc = jn_rec_keys_destroy(keys, e->slot[i] - 1);
    return rc;
}

int jn_rec_delete_found(const char *dir, const struct jn_rec_found *f, uint64_t now_us, struct jn_err *err)
{
    struct erasing *x = calloc(1, sizeof *x);
    char id[JN_ID_TEXT_MAX];

    if (!x)
        return jn_fail(err, -ENOMEM, "no memory");
    x->call = f->e.call;
    x->o = (struct open_segment){.dir = dir, .fd = -1};
    int rc = jn_rec_reader_open(&x->reader, dir, err);
    if (rc == 0 && f->e.encrypted && f->e.slots <= JN_REC_SLOTS) {
        rc = destroy_keys(x, &f->e);
    } else if (rc == 0 && f->e.old) {
        rc = jn_fail(err, -EOPNOTSUPP, "call %s was recorded by an earlier version: it cannot be deleted alone",
                     jn_id_text(f->e.call, id));
    } else if (rc == 0) {
        struct jn_rec_place from = {.segment = f->e.first};
        struct jn_rec_walker w = {.chunk = erase_chunk, .arg = x};
        rc = jn_rec_walk(dir, &from, f->e.last, &w, err);
    }
    if (rc == 0)
        rc = jn_rec_index_delete(dir, f->number, now_us);
    if (rc < 0 && err && !err->text[0])
        jn_fail(err, rc, "%s: %s", dir, strerror(-rc));
    jn_rec_reader_close(x->reader);
    if (x->o.fd >= 0)
        jn_files->close(x->o.fd);
    free(x);
    return rc;
}

int jn_rec_delete(const char *dir, uint64_t call, uint64_t tenant, uint64_t now_us, bool *encrypted, struct jn_err *err)
{
    struct jn_rec_query q = {.call = call, .deleted = true, .exact = true};
    struct jn_rec_found f;
    char id[JN_ID_TEXT_MAX];
    int rc = jn_rec_find(dir, &q, find_one, &f, err);

    if (rc == 1 && f.number == 0 && f.e.stopped) /* it ended a moment ago: its entry is there already, or soon */
        rc = jn_rec_lookup(dir, call, &f, err) < 0 ? -ENOENT : 1;
    if (rc <= 0)
        return rc < 0 ? rc : jn_fail(err, -ENOENT, "no recording of call %s", jn_id_text(call, id));
    if (f.e.deleted_us || (tenant && f.e.tenant != tenant))
        return jn_fail(err, -ENOENT, "no recording of call %s", jn_id_text(call, id));
    if (f.number == 0)
        return jn_fail(err, -EBUSY, "the recording of call %s still runs, or its engine was killed: start it once",
                       jn_id_text(call, id));
    *encrypted = f.e.encrypted;
    return jn_rec_delete_found(dir, &f, now_us, err);
}
