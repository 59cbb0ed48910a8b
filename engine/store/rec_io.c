/* Rec io: io_uring, or the plain way. */
#include "engine/store/rec_io.h"

#include "engine/base/log.h"
#include "engine/store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

struct jn_rec_io {
    struct io_uring ring;
    bool uring, fixed;
    struct jn_rec_block *first; /* of the blocks that the kernel knows */
    unsigned under_way;
};

struct jn_rec_io *jn_rec_io_new(void)
{
    struct jn_rec_io *io = calloc(1, sizeof *io);

    if (!io)
        return NULL;
    /* Containers often forbid io_uring; a test's model of a disk knows plain calls only. */
    int rc = jn_files != &jn_files_kernel || getenv("JUNCTOR_NO_URING")
                 ? -EOPNOTSUPP
                 : io_uring_queue_init(JN_REC_BLOCKS * 2, &io->ring, 0);
    io->uring = rc == 0;
    if (io->uring)
        jn_info("store", "recordings are written by io_uring");
    else
        jn_info("store", "recordings are written by plain writes: io_uring: %s", strerror(-rc));
    return io;
}

void jn_rec_io_free(struct jn_rec_io *io)
{
    if (!io)
        return;
    while (jn_rec_io_busy(io))
        jn_rec_io_reap(io, true);
    if (io->uring)
        io_uring_queue_exit(&io->ring);
    free(io);
}

int jn_rec_io_open(struct jn_rec_io *io, const char *path)
{
    int flags = O_RDWR | O_CREAT | O_EXCL, fd = -EINVAL;

    if (io->uring)
        fd = jn_files->open(path, flags | O_DIRECT, 0600);
    return fd == -EINVAL ? jn_files->open(path, flags, 0600) : fd;
}

int jn_rec_io_prepare(struct jn_rec_io *io, int fd, uint64_t from, uint64_t to)
{
    if (!io->uring)
        return -EOPNOTSUPP;
    return fallocate(fd, 0, (off_t)from, (off_t)(to - from)) < 0 ? -errno : 0;
}

void jn_rec_io_blocks(struct jn_rec_io *io, struct jn_rec_block *b, unsigned n)
{
    struct iovec v[JN_REC_BLOCKS];

    for (unsigned i = 0; i < n; i++)
        v[i] = (struct iovec){.iov_base = b[i].bytes, .iov_len = JN_REC_BLOCK};
    io->first = b;
    io->fixed = io->uring && io_uring_register_buffers(&io->ring, v, n) == 0; /* else each write pins them anew */
}

static void plain(int fd, struct jn_rec_block *b)
{
    b->error = 0;
    while (b->done < b->len) {
        ssize_t put = jn_files->pwrite(fd, b->bytes + b->done, b->len - b->done, b->off + b->done);
        if (put == -EINTR)
            continue;
        if (put <= 0) {
            b->error = put < 0 ? (int)put : -ENOSPC;
            return;
        }
        b->done += (size_t)put;
    }
}

void jn_rec_io_write(struct jn_rec_io *io, int fd, struct jn_rec_block *b)
{
    struct io_uring_sqe *sqe = io->uring ? io_uring_get_sqe(&io->ring) : NULL;

    if (!sqe) {
        plain(fd, b);
        return;
    }
    b->done &= ~(size_t)(JN_REC_ALIGN - 1); /* after a short write: what lies past the page cache is aligned */
    if (io->fixed)
        io_uring_prep_write_fixed(sqe, fd, b->bytes + b->done, (unsigned)(b->len - b->done), b->off + b->done,
                                  (int)(b - io->first));
    else
        io_uring_prep_write(sqe, fd, b->bytes + b->done, (unsigned)(b->len - b->done), b->off + b->done);
    io_uring_sqe_set_data(sqe, b);
    b->error = 0;
    b->under_way = true;
    io->under_way++;
    int rc;
    while ((rc = io_uring_submit(&io->ring)) == -EINTR || rc == -EAGAIN || rc == -EBUSY)
        jn_rec_io_reap(io, false);
}

static void finish(struct jn_rec_io *io, const struct io_uring_cqe *cqe)
{
    struct jn_rec_block *b = io_uring_cqe_get_data(cqe);

    io->under_way--;
    b->under_way = false;
    if (cqe->res > 0)
        b->done += (size_t)cqe->res; /* a short write: the owner gives the rest again */
    else if (cqe->res != -EINTR && cqe->res != -EAGAIN)
        b->error = cqe->res < 0 ? cqe->res : -ENOSPC;
}

void jn_rec_io_reap(struct jn_rec_io *io, bool wait)
{
    struct io_uring_cqe *cqe;

    if (io->under_way == 0)
        return;
    int rc = wait ? io_uring_wait_cqe(&io->ring, &cqe) : io_uring_peek_cqe(&io->ring, &cqe);
    while (rc == 0) {
        finish(io, cqe);
        io_uring_cqe_seen(&io->ring, cqe);
        rc = io_uring_peek_cqe(&io->ring, &cqe);
    }
}

bool jn_rec_io_busy(const struct jn_rec_io *io)
{
    return io->under_way > 0;
}
