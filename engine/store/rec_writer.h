/* Rec writer: the writer's state, shared by recording_log.c (recordings) and rec_blocks.c (where their bytes go). */
#ifndef JN_ENGINE_REC_WRITER_H
#define JN_ENGINE_REC_WRITER_H

#include "engine/store/rec_io.h"
#include "engine/store/rec_keys.h"
#include "engine/store/recording_log.h"

struct jn_rec_writer {
    char dir[1024];
    struct jn_rec_io *io;
    struct jn_rec_keys *keys; /* NULL: written in the clear */
    struct jn_crypt *crypt;
    struct jn_rec_index *index;
    struct jn_rec_table table; /* recordings that run */
    struct jn_map deleted;     /* calls that the run before deleted after its last mark */
    struct jn_map recent;      /* call to its entry's number: one that begins again goes on where it ended */
    struct jn_rec_block block[JN_REC_BLOCKS];
    uint8_t *memory;   /* of all blocks */
    unsigned filling;  /* index of the block that takes chunks */
    uint64_t end;      /* of the segment, with everything put so far */
    uint64_t prepared; /* room on disk up to there */
    uint64_t segment;  /* its name; the newest one's while none is open */
    uint64_t marked_ns;
    uint32_t segment_bytes;
    int fd;               /* -1: no segment */
    bool unsynced;        /* something was written since the last sync */
    bool new_keys;        /* to be on disk before anything under them */
    bool changed;         /* since the last mark */
    uint32_t losing;      /* recordings with frames that found no room */
    uint64_t lost_beyond; /* frames of calls that the table had no room for */
    uint32_t n_ended;     /* recordings that ended and stand in the table still */
};

/* A place for n bytes in the block being filled. 0 or -errno. */
int jn_rec_place_for(struct jn_rec_writer *w, size_t n, uint8_t **at);
/* Gives the block being filled to the disk, and finds another. -errno: none is free. */
int jn_rec_give_block(struct jn_rec_writer *w);
/* Everything given is on disk. */
int jn_rec_sync_segment(struct jn_rec_writer *w);
/* What was prepared and not used is given back, when all is well. */
void jn_rec_close_segment(struct jn_rec_writer *w, bool good);

#endif
