/* Rec walk: everything that lies in the segments of a folder, oldest first, over torn ends, damage and the zeros that
 * fill blocks: chunks, and records of earlier versions. */
#ifndef JN_ENGINE_REC_WALK_H
#define JN_ENGINE_REC_WALK_H

#include "engine/base/err.h"
#include "engine/store/rec_seal.h"
#include <stdbool.h>
#include <stddef.h>

/* Where a chunk lies: the segment's name as a number, and the offset. */
struct jn_rec_place {
    uint64_t segment;
    uint32_t off;
};
struct jn_rec_walker {
    /* Each good chunk; 0 to go on. bytes: as they lie there. */
    int (*chunk)(void *arg, const struct jn_rec_seal *s, const uint8_t *bytes, const struct jn_rec_place *at);
    /* Each good record of an earlier version; may be NULL. */
    int (*record)(void *arg, const struct jn_rec_item *it, const struct jn_rec_place *at);
    /* After each segment: runs of bytes that are nothing, where its last byte that is no zero lies, its size; may be
     * NULL. */
    int (*segment)(void *arg, uint64_t segment, uint32_t bad, uint64_t end, uint64_t size);
    void *arg;
    /* what goes from piece to piece of a segment */
    struct jn_rec_place at;
    uint64_t end;
    uint32_t bad;
    bool in_bad;
};
/* From `from` on (NULL: from the beginning), up to and including segment `last` (0: all). */
int jn_rec_walk(const char *dir, const struct jn_rec_place *from, uint64_t last, struct jn_rec_walker *w,
                struct jn_err *err);
/* n bytes at w->at; whole: nothing follows, so what is cut off is a torn end. Returns the bytes used; *rc: what a
 * callback said. */
size_t jn_rec_walk_bytes(struct jn_rec_walker *w, const uint8_t *bytes, size_t n, bool whole, int *rc);
void jn_rec_segment_path(char out[static 1100], const char *dir, uint64_t segment);

#endif
