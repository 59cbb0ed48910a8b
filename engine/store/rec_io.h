/* Rec io: writing blocks at offsets of one file, several under way at a time: by io_uring where the kernel lets us,
 * else by plain writes. Private to recording_log.c. */
#ifndef JN_ENGINE_REC_IO_H
#define JN_ENGINE_REC_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JN_REC_BLOCK = 512 << 10,
    JN_REC_BLOCKS = 8,
    JN_REC_ALIGN = 4096, /* of a block's place and length: what the disk takes without a copy */
    JN_REC_AHEAD = 32 << 20
};

/* bytes[0 .. len) belong at off; done: how much of it is written. */
struct jn_rec_block {
    uint8_t *bytes;
    size_t len, done;
    uint64_t off;
    bool full;      /* given to be written */
    bool under_way; /* the kernel has it */
    int error;      /* -errno of the last attempt */
};
struct jn_rec_io;
/* Never fails for want of io_uring: says in the log which way it writes. NULL: no memory. */
struct jn_rec_io *jn_rec_io_new(void);
void jn_rec_io_free(struct jn_rec_io *io);
/* Opens a new segment; past the page cache where that can be. A descriptor or -errno. */
int jn_rec_io_open(struct jn_rec_io *io, const char *path);
/* Room on disk up to `to`, so that writing does not change the file's size; -errno: there is none, or no such call. */
int jn_rec_io_prepare(struct jn_rec_io *io, int fd, uint64_t from, uint64_t to);
/* The blocks that will be written, whose memory the kernel then keeps at hand. */
void jn_rec_io_blocks(struct jn_rec_io *io, struct jn_rec_block *b, unsigned n);
/* Begins (or with plain writes: does) the rest of b. Errors are left in b->error. */
void jn_rec_io_write(struct jn_rec_io *io, int fd, struct jn_rec_block *b);
/* Takes what has finished; waits for at least one when `wait` and any is under way. */
void jn_rec_io_reap(struct jn_rec_io *io, bool wait);
bool jn_rec_io_busy(const struct jn_rec_io *io);

#endif
