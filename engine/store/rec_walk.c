/* Rec walk: see the header. */
#include "engine/store/rec_walk.h"

#include "engine/store/file.h"
#include "engine/store/seglog.h"
#include "media/record/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 20, MOST = JN_SEAL_MAX };
static_assert((int)MOST > (int)JN_REC_BYTES_MAX, "a record of an earlier version is no longer than a chunk");

void jn_rec_segment_path(char out[static 1100], const char *dir, uint64_t segment)
{
    jn_seglog_name(out, dir, segment, ".rec");
}

/* What lies at bytes: how many of them it takes, 0: more are needed, -EBADMSG. */
static int one(struct jn_rec_walker *w, const uint8_t *bytes, size_t n, int *rc)
{
    struct jn_rec_seal s;
    struct jn_rec_item it;
    int used = jn_rec_seal_get(&s, bytes, n);

    if (used > 0) {
        *rc = w->chunk(w->arg, &s, bytes, &w->at);
        return used;
    }
    int old = used == 0 ? 0 : jn_rec_decode(&it, bytes, n);
    if (old > 0 && w->record)
        *rc = w->record(w->arg, &it, &w->at);
    return used == 0 ? 0 : old;
}

size_t jn_rec_walk_bytes(struct jn_rec_walker *w, const uint8_t *bytes, size_t n, bool whole, int *rc)
{
    size_t at = 0;

    *rc = 0;
    while (at < n && *rc == 0) {
        if (bytes[at] == 0 && !w->in_bad) {
            at++;
            w->at.off++;
            continue;
        }
        int used = one(w, bytes + at, n - at, rc);
        if (used == 0 && !whole && n - at < MOST)
            break; /* the rest of it is in the next piece */
        /* One run of bad bytes is one bad record. A torn end is none: nobody was told that it was written. */
        if (used < 0 && !w->in_bad)
            w->bad++;
        w->in_bad = used <= 0;
        size_t step = used > 0 ? (size_t)used : 1;
        at += step;
        w->at.off += (uint32_t)step;
        if (used > 0 || bytes[at - 1] != 0)
            w->end = w->at.off;
    }
    return at;
}

static int walk_file(struct jn_rec_walker *w, const char *path, uint32_t from)
{
    uint8_t *buf = malloc(PIECE + MOST);
    int fd = buf ? jn_files->open(path, O_RDONLY, 0) : -ENOMEM, rc = fd < 0 ? fd : 0;
    size_t have = 0;
    uint64_t off = from;

    w->at.off = from;
    w->end = from;
    w->bad = 0;
    w->in_bad = false;
    while (rc == 0) {
        ssize_t got = jn_file_read(fd, buf + have, PIECE, off);
        if (got < 0) {
            rc = (int)got;
            break;
        }
        off += (uint64_t)got;
        have += (size_t)got;
        size_t used = jn_rec_walk_bytes(w, buf, have, got < PIECE, &rc);
        have -= used;
        memmove(buf, buf + used, have);
        if (got < PIECE)
            break;
    }
    if (rc == 0 && w->segment)
        rc = w->segment(w->arg, w->at.segment, w->bad, w->end, off);
    if (fd >= 0)
        jn_files->close(fd);
    free(buf);
    return rc;
}

int jn_rec_walk(const char *dir, const struct jn_rec_place *from, uint64_t last, struct jn_rec_walker *w,
                struct jn_err *err)
{
    struct jn_names names;
    char path[1100];
    int rc = jn_names_list(&names, dir, ".rec");

    if (rc < 0)
        return jn_fail(err, rc, "%s: %s", dir, strerror(-rc));
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        if (jn_seglog_name_seq(names.at[i], ".rec", &w->at.segment) < 0)
            continue;
        if ((from && w->at.segment < from->segment) || (last && w->at.segment > last))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, names.at[i]);
        rc = walk_file(w, path, from && w->at.segment == from->segment ? from->off : 0);
        if (rc == -ENOENT)
            rc = 0; /* retention took it meanwhile */
        else if (rc < 0)
            jn_fail(err, rc, "%s: %s", path, strerror(-rc));
    }
    jn_names_free(&names);
    return rc;
}
