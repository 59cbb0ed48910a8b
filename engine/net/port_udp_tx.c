/* Port, UDP: sending: a burst through a ring in one system call (io_uring), or run by run with sendmmsg where the
 * kernel or its guards (seccomp, kernel.io_uring_disabled) refuse the ring. */
#include "engine/base/log.h"
#include "engine/net/port_udp_state.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { RING = 128 };

/* A datagram from a socket to itself through the ring: kernels before 6.x know no destination there. */
static int trial(struct jn_port *p)
{
    struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof self;
    struct io_uring_cqe *done;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = -EIO;
    struct io_uring_sqe *e = io_uring_get_sqe(&p->ring);

    if (fd >= 0 && e && bind(fd, (struct sockaddr *)&self, len) == 0 &&
        getsockname(fd, (struct sockaddr *)&self, &len) == 0) {
        io_uring_prep_send(e, fd, "", 1, MSG_DONTWAIT);
        io_uring_prep_send_set_addr(e, (const struct sockaddr *)&self, (uint16_t)len);
        rc = io_uring_submit_and_wait(&p->ring, 1);
        if (rc >= 0 && (rc = io_uring_peek_cqe(&p->ring, &done)) == 0) {
            rc = done->res == 1 ? 0 : -EOPNOTSUPP;
            io_uring_cqe_seen(&p->ring, done);
        }
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Made by the thread that sends: a ring of one issuer needs no locks and interrupts nobody. */
static void open_ring(struct jn_port *p)
{
    struct io_uring_params want = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                            IORING_SETUP_SUBMIT_ALL};

    p->ring_tried = true;
    if (p->use.no_ring)
        return;
    int rc = io_uring_queue_init_params(RING, &p->ring, &want);
    if (rc == 0 && (rc = trial(p)) < 0)
        io_uring_queue_exit(&p->ring);
    if (rc < 0) {
        jn_debug("net", "media is sent without a ring: %s", strerror(-rc));
        return;
    }
    p->has_ring = true;
    io_uring_register_ring_fd(&p->ring);
    p->fixed = io_uring_register_files_sparse(&p->ring, p->ports) == 0;
    for (uint32_t i = 0; p->fixed && i < p->ports; i++)
        if (p->fd[i] >= 0)
            jn_udp_ring_file(p, i, p->fd[i]);
}

void jn_udp_ring_file(struct jn_port *p, uint32_t local, int fd)
{
    if (p->has_ring && p->fixed && io_uring_register_files_update(&p->ring, local, &fd, 1) < 0)
        p->fixed = false; /* by their numbers, then: a file that cannot be known must not be confused */
}

void jn_udp_ring_end(struct jn_port *p)
{
    if (p->has_ring && p->fixed)
        io_uring_unregister_files(&p->ring); /* now, and not when the kernel gets to it: ports are to be free again */
    if (p->has_ring)
        io_uring_queue_exit(&p->ring);
    p->has_ring = p->fixed = false;
}

/* Up to RING packets; each is done when the call returns (MSG_DONTWAIT), and only what failed says so. */
static void ring_send(struct jn_port *p, struct jn_pkt *pk[], unsigned n)
{
    struct sockaddr_storage to[JN_PKT_BURST];
    struct io_uring_cqe *failed;
    unsigned head, told = 0, asked = 0;

    for (unsigned i = 0; i < n; i++) {
        int fd = pk[i]->local < p->ports ? p->fd[pk[i]->local] : -1;
        struct io_uring_sqe *e = fd >= 0 ? io_uring_get_sqe(&p->ring) : NULL;
        if (!e) {
            pk[i]->drop = JN_DROP_TX;
            continue;
        }
        socklen_t len = jn_udp_to_kernel(&to[i], &pk[i]->from);
        io_uring_prep_send(e, p->fixed ? (int)pk[i]->local : fd, pk[i]->data, pk[i]->len, MSG_DONTWAIT);
        io_uring_prep_send_set_addr(e, (const struct sockaddr *)&to[i], (uint16_t)len);
        e->flags |= (uint8_t)(IOSQE_CQE_SKIP_SUCCESS | (p->fixed ? IOSQE_FIXED_FILE : 0));
        e->user_data = i;
        asked++;
    }
    int rc = asked > 0 ? io_uring_submit(&p->ring) : 0;
    io_uring_for_each_cqe(&p->ring, head, failed)
    {
        told++;
        if (failed->res < 0 && failed->user_data < n)
            pk[failed->user_data]->drop = JN_DROP_TX;
    }
    io_uring_cq_advance(&p->ring, told);
    if (rc >= 0 && (unsigned)rc == asked)
        return;
    /* The kernel took fewer than there were: what is left in the ring must not go out later, from other bytes. */
    for (unsigned i = rc > 0 ? (unsigned)rc : 0; i < n; i++)
        pk[i]->drop = JN_DROP_TX;
    jn_udp_ring_end(p);
}

/* One system call for each run of packets of one socket. */
static void send_run(struct jn_port *p, struct jn_pkt *pk[], unsigned n)
{
    struct mmsghdr m[JN_PKT_BURST];
    struct iovec iov[JN_PKT_BURST];
    struct sockaddr_storage to[JN_PKT_BURST];
    unsigned done = 0;
    int fd = pk[0]->local < p->ports ? p->fd[pk[0]->local] : -1;

    for (unsigned i = 0; i < n; i++) {
        iov[i] = (struct iovec){.iov_base = pk[i]->data, .iov_len = pk[i]->len};
        m[i].msg_hdr = (struct msghdr){.msg_name = &to[i],
                                       .msg_namelen = jn_udp_to_kernel(&to[i], &pk[i]->from),
                                       .msg_iov = &iov[i],
                                       .msg_iovlen = 1};
    }
    while (done < n) {
        int sent = fd >= 0 ? sendmmsg(fd, m + done, n - done, MSG_DONTWAIT) : -1;
        if (sent > 0) {
            done += (unsigned)sent;
            continue;
        }
        pk[done++]->drop = JN_DROP_TX; /* that one cannot go; the rest may */
    }
}

static void one_by_one(struct jn_port *p, struct jn_pkt *pk[], unsigned n)
{
    for (unsigned i = 0; i < n;) {
        unsigned run = 1;
        while (i + run < n && run < JN_PKT_BURST && pk[i + run]->local == pk[i]->local)
            run++;
        send_run(p, pk + i, run);
        i += run;
    }
}

void jn_udp_tx(struct jn_port *p, struct jn_pkt *pk[], unsigned n)
{
    if (!p->ring_tried)
        open_ring(p);
    for (unsigned at = 0; at < n;) {
        unsigned some = n - at < JN_PKT_BURST ? n - at : JN_PKT_BURST;
        if (p->has_ring)
            ring_send(p, pk + at, some);
        else
            one_by_one(p, pk + at, some);
        at += some;
    }
}
