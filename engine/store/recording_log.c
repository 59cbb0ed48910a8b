/* Recording log, the writer: chunks into blocks, blocks into segments, and a full disk that is counted call by call.
 * Blocks and segments are in rec_blocks.c, reading in recording_read.c, the index in rec_index.c, keys in rec_keys.c.
 *
 * A block keeps its place in the segment until it is written, so a failed write is tried again as it is; only when
 * every block waits for space are chunks refused, counted, and told to the ledger of their call once there is space
 * again. A chunk is sealed when its place is sure, so that no nonce is used for two of them. */
#include "engine/store/rec_writer.h"

#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/base/pages.h"
#include "engine/store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECENT = 65536, SEGMENT_MIN = 256 << 10 };
static const uint64_t mark_every_ns = UINT64_C(5000000000);

static int finish(struct jn_rec_writer *w, struct jn_rec_growing *g)
{
    uint32_t number;
    struct jn_rec_entry e = *jn_rec_growing_entry(g);
    if (w->deleted.count > 0 && jn_map_get(&w->deleted, e.call) != JN_MAP_NONE)
        e.deleted_us = e.last_us;
    int rc = jn_rec_index_add(w->index, &e, &number);

    if (rc < 0)
        return rc;
    if (w->recent.count >= RECENT) { /* an old one that begins again then has two entries */
        jn_map_free(&w->recent);
        jn_map_init(&w->recent, 1024);
    }
    jn_map_set(&w->recent, g->e.call, number);
    return 0;
}

static int recover_ended(void *arg, struct jn_rec_growing *g)
{
    return finish(arg, g);
}

/* What an earlier run left: recordings that ran get their entries, as far as they came. */
static int recover(struct jn_rec_writer *w, struct jn_err *err)
{
    struct jn_rec_mark mark;
    int rc = jn_rec_index_load(w->dir, &w->table, &mark);

    if (rc < 0 && rc != -ENOENT)
        return jn_fail(err, rc, "%s: %s", w->dir, strerror(-rc));
    struct jn_rec_entry e;
    for (uint32_t n = (uint32_t)mark.entries + 1; (rc = jn_rec_index_get(w->index, n, &e)) == 0 || rc == -EBADMSG; n++)
        if (rc == 0 && e.deleted_us) /* stays so */
            jn_map_set(&w->deleted, e.call, 1);
    rc = jn_rec_index_cut(w->index, mark.entries);
    if (rc == 0)
        rc = jn_rec_index_catch_up(w->dir, &mark.at, &w->table, recover_ended, w, err);
    while (rc == 0 && w->table.n > 0) {
        rc = finish(w, &w->table.at[0]);
        jn_rec_table_drop(&w->table, &w->table.at[0]);
    }
    struct jn_rec_place next = {.segment = jn_wall_us()};
    w->segment = next.segment > mark.at.segment ? next.segment : mark.at.segment;
    next.segment = w->segment + 1;
    if (rc == 0)
        rc = jn_rec_index_mark(w->index, &w->table, &next);
    return rc;
}

int jn_rec_writer_open(struct jn_rec_writer **out, const char *dir, const struct jn_rec_writer_config *c,
                       struct jn_err *err)
{
    struct jn_rec_writer *w = calloc(1, sizeof *w);

    if (!w)
        return jn_fail(err, -ENOMEM, "no memory");
    w->fd = -1;
    w->segment_bytes = c->segment_bytes < SEGMENT_MIN ? SEGMENT_MIN : c->segment_bytes;
    int rc = jn_copy(w->dir, sizeof w->dir, dir) ? jn_file_dir(dir) : -ENAMETOOLONG;
    if (rc == 0 && (!(w->io = jn_rec_io_new()) || !(w->crypt = jn_crypt_new())))
        rc = -ENOMEM;
    if (rc == 0 && !(w->memory = jn_untouched_pages((size_t)JN_REC_BLOCKS * JN_REC_BLOCK)))
        rc = -ENOMEM;
    for (unsigned i = 0; rc == 0 && i < JN_REC_BLOCKS; i++)
        w->block[i].bytes = w->memory + (size_t)i * JN_REC_BLOCK;
    if (rc == 0)
        rc = jn_rec_table_init(&w->table);
    if (rc == 0)
        rc = jn_map_init(&w->recent, 1024);
    if (rc == 0)
        rc = jn_map_init(&w->deleted, 16);
    if (rc == 0) {
        jn_rec_io_blocks(w->io, w->block, JN_REC_BLOCKS);
        if (c->key_file)
            rc = jn_rec_keys_open(&w->keys, dir, c->key_file, err);
    }
    if (rc == 0)
        rc = jn_rec_index_open(&w->index, dir, err);
    if (rc == 0)
        rc = recover(w, err);
    if (rc < 0) {
        jn_rec_writer_close(w);
        return err && err->text[0] ? rc : jn_fail(err, rc, "%s: %s", dir, strerror(-rc));
    }
    *out = w;
    return 0;
}

/* A recording that begins gets a key of its own; without one nothing of it is written. */
static int begin(struct jn_rec_writer *w, struct jn_rec_growing *g)
{
    uint8_t key[JN_CRYPT_KEY];

    if (!w->keys || g->key)
        return 0;
    int rc = jn_rec_keys_new(w->keys, g->e.call, g->e.tenant, key, &g->slot);
    if (rc == 0) {
        w->new_keys = true;
        g->number = 0;
        g->key = jn_crypt_key_new(w->crypt, key);
        rc = g->key ? 0 : -ENOMEM;
    }
    jn_crypt_wipe(key, sizeof key);
    return rc;
}

static int put_sealed(struct jn_rec_writer *w, struct jn_rec_growing *g, const struct jn_rec_chunk *c)
{
    uint8_t *at;
    int rc = begin(w, g);

    if (rc == 0)
        rc = jn_rec_place_for(w, jn_rec_seal_bytes(c->used, g->key != NULL), &at);
    if (rc < 0)
        return rc;
    struct jn_rec_seal s = {.call = c->call,
                            .tenant = c->tenant,
                            .begin_us = c->begin_us,
                            .prev_segment = g->e.last,
                            .prev_off = g->e.last_off,
                            .number = g->number++,
                            .slot = g->slot,
                            .frames = c->frames,
                            .n = c->used,
                            .worker = c->worker};
    struct jn_rec_place here = {.segment = w->segment, .off = (uint32_t)w->end};
    rc = jn_rec_seal_put(at, &s, c->body, g->key);
    if (rc < 0)
        return rc;
    w->block[w->filling].len += jn_rec_seal_bytes(c->used, g->key != NULL);
    w->end += jn_rec_seal_bytes(c->used, g->key != NULL);
    jn_rec_growing_chunk(g, &here, g->key != NULL, g->slot);
    g->ledger.stopped = 0; /* unless its end is in here: it may go on after one */
    jn_rec_ledger_chunk(&g->ledger, c);
    w->changed = true;
    return 0;
}

/* Whose agents and queues it names; *stop: 1 + what its end says, when it is there. */
static void events_of(struct jn_rec_growing *g, const struct jn_rec_chunk *c, uint64_t *stop)
{
    struct jn_rec_item it;
    uint32_t at = 0;

    while (jn_rec_next(&it, c, c->body, c->used, &at) == 1) {
        if (it.kind != JN_REC_EVENT)
            continue;
        jn_rec_growing_item(g, &it);
        if (it.event == JN_RECEV_STOP)
            *stop = it.arg + 1;
    }
}

static void count_lost(struct jn_rec_writer *w, struct jn_rec_growing *g, const struct jn_rec_chunk *c, uint64_t stop)
{
    if (!g) {
        w->lost_beyond += c->frames;
        return;
    }
    w->losing += g->lost == 0 && g->lost_stop == 0;
    g->lost += c->frames ? c->frames : 1; /* events alone: the ledger shall not be called complete */
    if (stop)
        g->lost_stop = stop;
}

/* There is room again: what was lost goes into the ledgers first. */
static int tell_lost(struct jn_rec_writer *w)
{
    struct jn_rec_chunk *c = calloc(1, sizeof *c);
    int rc = c ? 0 : -ENOMEM;

    if (w->lost_beyond > 0)
        jn_error("store", "recorded frames lost without a ledger: count=%llu", (unsigned long long)w->lost_beyond);
    w->lost_beyond = 0;
    for (uint32_t i = 0; rc == 0 && w->losing > 0 && i < w->table.n; i++) {
        struct jn_rec_growing *g = &w->table.at[i];
        if (g->lost == 0 && g->lost_stop == 0)
            continue;
        *c = (struct jn_rec_chunk){.call = g->e.call, .tenant = g->e.tenant, .begin_us = jn_time_us()};
        struct jn_rec_item it = {
            .kind = JN_REC_EVENT, .event = JN_RECEV_OVERFLOW, .arg = g->lost, .at_us = c->begin_us};
        jn_rec_chunk_add(c, &it);
        it.event = JN_RECEV_STOP;
        it.arg = g->lost_stop - 1;
        if (g->lost_stop)
            jn_rec_chunk_add(c, &it);
        rc = put_sealed(w, g, c);
        if (rc == 0) {
            if (g->lost_stop)
                w->n_ended++; /* it leaves the table with the next flush, when all of it is on disk */
            g->lost = g->lost_stop = 0;
            w->losing--;
        }
    }
    free(c);
    return rc;
}

/* A call that was recorded before in this run goes on: one entry, one chain. */
static void go_on(struct jn_rec_writer *w, struct jn_rec_growing *g)
{
    uint32_t number = jn_map_get(&w->recent, g->e.call);
    struct jn_rec_entry e;

    if (number == JN_MAP_NONE || jn_rec_index_get(w->index, number, &e) < 0 || e.deleted_us)
        return;
    uint64_t call = g->e.call, tenant = g->e.tenant;
    g->e = e;
    g->e.older = number;
    g->ledger = (struct jn_rec_ledger){.call = call,
                                       .tenant = tenant,
                                       .first_us = e.first_us,
                                       .last_us = e.last_us,
                                       .handed_over = e.handed_over,
                                       .overflow = e.overflow,
                                       .events = e.events};
    memcpy(g->ledger.frames, e.frames, sizeof e.frames);
    memcpy(g->ledger.missing, e.missing, sizeof e.missing);
    memcpy(g->ledger.duplicates, e.duplicates, sizeof e.duplicates);
    memcpy(g->ledger.withheld, e.withheld, sizeof e.withheld);
}

static int put(struct jn_rec_writer *w, const struct jn_rec_chunk *c)
{
    struct jn_rec_growing *g = jn_rec_table_find(&w->table, c->call);
    uint64_t stop = 0;
    int rc = 0;

    if (!g) {
        g = jn_rec_table_want(&w->table, c->call, c->tenant);
        if (g)
            go_on(w, g);
    }
    if (g && c->events > 0)
        events_of(g, c, &stop);
    if (w->losing > 0 || w->lost_beyond > 0) {
        rc = tell_lost(w);
        g = jn_rec_table_find(&w->table, c->call);
    }
    if (rc == 0)
        rc = g ? put_sealed(w, g, c) : -ENOMEM;
    if (rc < 0)
        count_lost(w, g, c, stop);
    else if (stop)
        w->n_ended++;
    return rc;
}

/* Chunks of one burst belong to as many calls, all of them in main memory: what the next ones touch is brought near
 * while one is worked on. */
static void near(const struct jn_rec_writer *w, const struct jn_rec_chunk *const c[], unsigned i, unsigned n)
{
    enum { HEAD = 8, CALL = 4, LINE = 64, BODY = 24 * LINE };

    if (i + HEAD < n)
        __builtin_prefetch(c[i + HEAD]);
    if (i + CALL < n) {
        const char *g = (const char *)jn_rec_table_find(&w->table, c[i + CALL]->call);
        for (size_t at = 0; g && at < sizeof(struct jn_rec_growing); at += LINE)
            __builtin_prefetch(g + at, 1);
    }
    if (i + 1 < n)
        for (size_t at = 0; at < BODY; at += LINE)
            __builtin_prefetch(c[i + 1]->body + at);
}

uint64_t jn_rec_writer_put(struct jn_rec_writer *w, const struct jn_rec_chunk *const c[], unsigned n, int *why)
{
    uint64_t lost = 0;

    *why = 0;
    for (unsigned i = 0; i < n; i++) {
        near(w, c, i, n);
        int rc = put(w, c[i]);
        if (rc == 0)
            continue;
        lost += c[i]->frames + c[i]->events;
        *why = rc;
    }
    return lost;
}

/* What ended and lies on disk goes into the index. */
static int index_ended(struct jn_rec_writer *w)
{
    int rc = 0;

    for (uint32_t i = 0; w->n_ended > 0 && rc == 0 && i < w->table.n;) {
        struct jn_rec_growing *g = &w->table.at[i];
        if (!g->ledger.stopped || g->lost || g->lost_stop) {
            i++;
            continue;
        }
        rc = finish(w, g);
        if (rc == 0) {
            jn_crypt_key_free(g->key);
            jn_rec_table_drop(&w->table, g);
        }
    }
    if (rc == 0)
        w->n_ended = 0;
    return rc;
}

static int mark(struct jn_rec_writer *w)
{
    struct jn_rec_place here = {.segment = w->segment + (w->fd < 0), .off = w->fd < 0 ? 0 : (uint32_t)w->end};
    int rc = jn_rec_index_mark(w->index, &w->table, &here);

    w->marked_ns = jn_mono_ns();
    w->changed = w->changed && rc < 0;
    return rc;
}

int jn_rec_writer_flush(struct jn_rec_writer *w)
{
    int rc = 0;

    if (w->losing > 0 || w->lost_beyond > 0)
        rc = tell_lost(w);
    struct jn_rec_block *b = &w->block[w->filling];
    if (!b->full && b->len > 0) {
        int given = jn_rec_give_block(w);
        rc = rc < 0 ? rc : given;
    }
    int synced = w->fd >= 0 ? jn_rec_sync_segment(w) : 0;
    rc = rc < 0 ? rc : synced;
    if (rc == 0)
        rc = index_ended(w);
    if (rc == 0 && w->changed && jn_mono_ns() - w->marked_ns >= mark_every_ns)
        rc = mark(w);
    return rc;
}

void jn_rec_writer_close(struct jn_rec_writer *w)
{
    if (!w)
        return;
    if (w->io && w->index) {
        int rc = jn_rec_writer_flush(w);
        if (rc == 0 && w->changed)
            rc = mark(w);
        if (rc < 0)
            jn_error("store", "recordings not flushed at the end: dir=%s error=%s", w->dir, strerror(-rc));
        if (w->fd >= 0)
            jn_rec_close_segment(w, rc == 0);
    }
    jn_rec_io_free(w->io);
    for (uint32_t i = 0; i < w->table.n; i++)
        jn_crypt_key_free(w->table.at[i].key);
    jn_rec_table_free(&w->table);
    jn_map_free(&w->recent);
    jn_map_free(&w->deleted);
    jn_rec_index_close(w->index);
    jn_rec_keys_close(w->keys);
    jn_crypt_free(w->crypt);
    free(w->memory);
    free(w);
}
