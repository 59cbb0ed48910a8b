/* Rec blocks: segments, and the blocks that are on their way into them. */
#include "engine/store/rec_writer.h"

#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/store/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Named by time, so that names sort by age over all runs; never one that is there. */
static int next_segment(struct jn_rec_writer *w)
{
    char path[1100];
    uint64_t us = jn_wall_us();

    if (us <= w->segment)
        us = w->segment + 1;
    int fd = -EEXIST;
    for (int i = 0; fd == -EEXIST && i < 1000; i++, us++) {
        jn_rec_segment_path(path, w->dir, us);
        fd = jn_rec_io_open(w->io, path);
    }
    if (fd < 0)
        return fd;
    int rc = jn_files->sync_dir(w->dir);
    if (rc < 0) {
        jn_files->close(fd);
        jn_files->unlink(path);
        return rc;
    }
    w->segment = us - 1;
    w->fd = fd;
    w->end = w->prepared = 0;
    return 0;
}

/* What was prepared and not used is given back. */
void jn_rec_close_segment(struct jn_rec_writer *w, bool good)
{
    if (good && w->prepared > w->end && w->prepared != UINT64_MAX)
        jn_files->truncate(w->fd, w->end);
    jn_files->close(w->fd);
    w->fd = -1;
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

int jn_rec_sync_segment(struct jn_rec_writer *w)
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
    jn_rec_close_segment(w, false);
    w->unsynced = false;
    return rc;
}

/* The block goes to the disk as it is, filled with zeros to where the next may begin. */
static int write_block(struct jn_rec_writer *w, struct jn_rec_block *b)
{
    if (w->new_keys) { /* nothing lies on disk whose key does not */
        int rc = jn_rec_keys_commit(w->keys);
        if (rc < 0)
            return rc;
        w->new_keys = false;
    }
    size_t fill = -b->len & (JN_REC_ALIGN - 1);
    memset(b->bytes + b->len, 0, fill);
    b->len += fill;
    w->end += fill;
    if (b->off + b->len > w->prepared) {
        uint64_t to = b->off + b->len + JN_REC_AHEAD;
        to = to < w->segment_bytes + (uint64_t)JN_REC_BLOCK ? to : w->segment_bytes + (uint64_t)JN_REC_BLOCK;
        w->prepared = jn_rec_io_prepare(w->io, w->fd, b->off, to) == 0 ? to : UINT64_MAX;
    }
    b->full = true;
    w->unsynced = true;
    jn_rec_io_write(w->io, w->fd, b);
    settle(b);
    return 0;
}

/* Gives the block being filled to the disk, and finds another. -errno: none is free. */
int jn_rec_give_block(struct jn_rec_writer *w)
{
    struct jn_rec_block *b = &w->block[w->filling];

    if (b->len > 0 && !b->full) {
        int rc = write_block(w, b);
        if (rc < 0)
            return rc;
    }
    for (int round = 0; round < 2; round++) {
        jn_rec_io_reap(w->io, round > 0);
        for (unsigned i = 0; i < JN_REC_BLOCKS; i++) {
            struct jn_rec_block *f = &w->block[i]; /* the first ones again and again: they are in the cache */
            settle(f);
            if (!f->full && f->len == 0) {
                w->filling = i;
                return 0;
            }
        }
    }
    int rc = drain(w);
    return rc < 0 ? rc : jn_rec_give_block(w);
}

/* A place for n bytes in the block being filled. */
int jn_rec_place_for(struct jn_rec_writer *w, size_t n, uint8_t **at)
{
    struct jn_rec_block *b = &w->block[w->filling];
    int rc = 0;

    if (b->full || b->len + n > JN_REC_BLOCK)
        rc = jn_rec_give_block(w);
    if (rc == 0 && w->fd >= 0 && w->end + n > w->segment_bytes) {
        rc = jn_rec_give_block(w);
        if (rc == 0)
            rc = jn_rec_sync_segment(w);
        if (rc == 0)
            jn_rec_close_segment(w, true);
    }
    if (rc == 0 && w->fd < 0)
        rc = next_segment(w);
    if (rc < 0)
        return rc;
    b = &w->block[w->filling];
    if (b->len == 0)
        b->off = w->end;
    *at = b->bytes + b->len;
    return 0;
}
