/* Recording log, the writer: items into blocks, blocks into segments, and a full disk that is counted call by call.
 * Reading and export live in recording_read.c.
 *
 * A block keeps its place in the segment until it is written, so a failed write is tried again as it is; only when
 * every block waits for space are items refused, counted, and told to the ledger of their call once there is space
 * again. */
#include "engine/store/recording_log.h"

#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/store/file.h"
#include "engine/store/rec_io.h"
#include "media/record/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lost {
    uint64_t call, tenant, at_us, count;
};
struct jn_rec_writer {
    char dir[1024];
    struct jn_rec_io *io;
    struct jn_rec_block block[JN_REC_BLOCKS];
    unsigned filling;  /* index of the block that takes items */
    uint64_t end;      /* of the segment, with everything put so far */
    uint64_t named_us; /* of the newest segment */
    uint32_t segment_bytes;
    int fd;            /* -1: no segment */
    bool unsynced;     /* something was written since the last sync */
    struct lost *lost; /* calls with items that found no room */
    uint32_t n_lost, lost_cap;
    uint64_t lost_beyond; /* items of calls that the table above had no room for */
};

int jn_rec_writer_open(struct jn_rec_writer **out, const char *dir, uint32_t segment_bytes, struct jn_err *err)
{
    struct jn_rec_writer *w = calloc(1, sizeof *w);

    if (!w)
        return jn_fail(err, -ENOMEM, "no memory");
    w->fd = -1;
    w->segment_bytes = segment_bytes < JN_REC_BLOCK ? JN_REC_BLOCK : segment_bytes;
    int rc = jn_copy(w->dir, sizeof w->dir, dir) ? jn_file_dir(dir) : -ENAMETOOLONG;
    if (rc == 0 && !(w->io = jn_rec_io_new()))
        rc = -ENOMEM;
    for (unsigned i = 0; rc == 0 && i < JN_REC_BLOCKS; i++)
        if (!(w->block[i].bytes = malloc(JN_REC_BLOCK)))
            rc = -ENOMEM;
    if (rc < 0) {
        jn_rec_writer_close(w);
        return jn_fail(err, rc, "%s: %s", dir, strerror(-rc));
    }
    *out = w;
    return 0;
}

/* Named by time, so that names sort by age over all runs; never one that is there. */
static int next_segment(struct jn_rec_writer *w)
{
    char path[1100];
    uint64_t us = jn_wall_us();

    if (us <= w->named_us)
        us = w->named_us + 1;
    int fd = -EEXIST;
    for (int i = 0; fd == -EEXIST && i < 1000; i++) {
        snprintf(path, sizeof path, "%s/%016llx.rec", w->dir, (unsigned long long)us + (unsigned long long)i);
        fd = jn_files->open(path, O_RDWR | O_CREAT | O_EXCL, 0640);
    }
    if (fd < 0)
        return fd;
    int rc = jn_files->sync_dir(w->dir);
    if (rc < 0) {
        jn_files->close(fd);
        jn_files->unlink(path);
        return rc;
    }
    w->named_us = us;
    w->fd = fd;
    w->end = 0;
    return 0;
}

static void settle(struct jn_rec_block *b)
{
    if (b->full && !b->under_way && b->done == b->len)
        *b = (struct jn_rec_block){.bytes = b->bytes};
}

/* Waits for every block that was given; what was short or failed is tried again, once. 0, or what stopped one. */
static int drain(struct jn_rec_writer *w)
{
    int rc = 0;

    while (jn_rec_io_busy(w->io))
        jn_rec_io_reap(w->io, true);
    for (unsigned i = 0; rc == 0 && i < JN_REC_BLOCKS; i++) {
        struct jn_rec_block *b = &w->block[i];
        settle(b);
        while (rc == 0 && b->full) {
            jn_rec_io_write(w->io, w->fd, b);
            while (b->under_way)
                jn_rec_io_reap(w->io, true);
            rc = b->error;
            settle(b);
        }
    }
    return rc;
}

static int sync_segment(struct jn_rec_writer *w)
{
    int rc = drain(w);

    if (rc < 0 || !w->unsynced)
        return rc;
    rc = jn_files->sync(w->fd);
    if (rc == 0) {
        w->unsynced = false;
        return 0;
    }
    /* After a failed sync the kernel forgets what it could not write: this segment is not trusted with more. */
    jn_error("store", "sync of a recording segment failed, items since the last flush may be lost: dir=%s error=%s",
             w->dir, strerror(-rc));
    jn_files->close(w->fd);
    w->fd = -1;
    w->unsynced = false;
    return rc;
}

/* Gives the block being filled to the disk, and finds another. -errno: none is free. */
static int give_block(struct jn_rec_writer *w)
{
    struct jn_rec_block *b = &w->block[w->filling];

    if (b->len > 0 && !b->full) {
        b->full = true;
        w->unsynced = true;
        jn_rec_io_write(w->io, w->fd, b);
        settle(b);
    }
    for (int round = 0; round < 2; round++) {
        jn_rec_io_reap(w->io, round > 0);
        for (unsigned i = 0; i < JN_REC_BLOCKS; i++) {
            struct jn_rec_block *f = &w->block[(w->filling + i) % JN_REC_BLOCKS];
            settle(f);
            if (!f->full && f->len == 0) {
                w->filling = (w->filling + i) % JN_REC_BLOCKS;
                return 0;
            }
        }
    }
    int rc = drain(w);
    return rc < 0 ? rc : give_block(w);
}

static int put_bytes(struct jn_rec_writer *w, const uint8_t *bytes, size_t n)
{
    struct jn_rec_block *b = &w->block[w->filling];
    int rc = 0;

    if (b->full || b->len + n > JN_REC_BLOCK)
        rc = give_block(w);
    if (rc == 0 && w->fd >= 0 && w->end + n > w->segment_bytes) {
        rc = give_block(w);
        if (rc == 0)
            rc = sync_segment(w);
        if (rc == 0) {
            jn_files->close(w->fd);
            w->fd = -1;
        }
    }
    if (rc == 0 && w->fd < 0)
        rc = next_segment(w);
    if (rc < 0)
        return rc;
    b = &w->block[w->filling];
    if (b->len == 0)
        b->off = w->end;
    memcpy(b->bytes + b->len, bytes, n);
    b->len += n;
    w->end += n;
    return 0;
}

static void count_lost(struct jn_rec_writer *w, const struct jn_rec_item *it)
{
    for (uint32_t i = 0; i < w->n_lost; i++)
        if (w->lost[i].call == it->call) {
            w->lost[i].count++;
            w->lost[i].at_us = it->at_us;
            return;
        }
    if (w->n_lost == w->lost_cap) {
        uint32_t cap = w->lost_cap ? w->lost_cap * 2 : 64;
        struct lost *grown = cap <= 65536 ? realloc(w->lost, cap * sizeof *grown) : NULL;
        if (!grown) {
            w->lost_beyond++;
            return;
        }
        w->lost = grown;
        w->lost_cap = cap;
    }
    w->lost[w->n_lost++] = (struct lost){it->call, it->tenant, it->at_us, 1};
}

/* There is room again: what was lost goes into the ledgers first. */
static int tell_lost(struct jn_rec_writer *w)
{
    uint8_t bytes[JN_REC_BYTES_MAX];

    if (w->lost_beyond > 0)
        jn_error("store", "recording items lost without a ledger: count=%llu", (unsigned long long)w->lost_beyond);
    w->lost_beyond = 0;
    while (w->n_lost > 0) {
        const struct lost *l = &w->lost[w->n_lost - 1];
        struct jn_rec_item it = {.call = l->call,
                                 .tenant = l->tenant,
                                 .at_us = l->at_us,
                                 .arg = l->count,
                                 .kind = JN_REC_EVENT,
                                 .event = JN_RECEV_OVERFLOW};
        int rc = put_bytes(w, bytes, jn_rec_encode(bytes, &it));
        if (rc < 0)
            return rc;
        w->n_lost--;
    }
    return 0;
}

static int put_item(struct jn_rec_writer *w, const struct jn_rec_item *it)
{
    uint8_t bytes[JN_REC_BYTES_MAX];
    int rc = w->n_lost > 0 || w->lost_beyond > 0 ? tell_lost(w) : 0;

    if (rc == 0)
        rc = put_bytes(w, bytes, jn_rec_encode(bytes, it));
    if (rc < 0)
        count_lost(w, it);
    return rc;
}

int jn_rec_writer_put(struct jn_rec_writer *w, const struct jn_rec_chunk *c)
{
    struct jn_rec_item it;
    uint32_t at = 0;
    int rc = 0;

    while (jn_rec_next(&it, c, c->body, c->used, &at) == 1) {
        int one = put_item(w, &it);
        rc = rc < 0 ? rc : one;
    }
    return rc;
}

int jn_rec_writer_flush(struct jn_rec_writer *w)
{
    int rc = 0;

    if (w->n_lost > 0 || w->lost_beyond > 0)
        rc = tell_lost(w);
    struct jn_rec_block *b = &w->block[w->filling];
    if (!b->full && b->len > 0) {
        int given = give_block(w);
        rc = rc < 0 ? rc : given;
    }
    int synced = w->fd >= 0 ? sync_segment(w) : 0;
    return rc < 0 ? rc : synced;
}

void jn_rec_writer_close(struct jn_rec_writer *w)
{
    if (!w)
        return;
    if (w->io && w->fd >= 0) {
        int rc = jn_rec_writer_flush(w);
        if (rc < 0)
            jn_error("store", "recordings not flushed at the end: dir=%s error=%s", w->dir, strerror(-rc));
    }
    jn_rec_io_free(w->io);
    if (w->fd >= 0)
        jn_files->close(w->fd);
    for (unsigned i = 0; i < JN_REC_BLOCKS; i++)
        free(w->block[i].bytes);
    free(w->lost);
    free(w);
}
