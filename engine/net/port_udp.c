/* Port, UDP: a kernel socket for each local port, found ready by epoll, read and written by recvmmsg and sendmmsg.
 * Needs no privilege. Buffers are made when it opens; the only system calls of the packet path are here. */
#include "engine/net/port.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PER_SOCKET = 8, EVENTS = 256, SOCKET_BUFFER = 256 * 1024 };
#define WAKE UINT32_MAX

struct jn_port {
    struct jn_port_places at;
    int epoll;
    uint32_t ports;
    uint64_t files; /* this process may have so many */
    int *fd;        /* by local index; -1 not taken */
    struct epoll_event ready[EVENTS];
    unsigned ready_n, ready_at;
    struct jn_pkt pkt[JN_PKT_BURST];
    uint8_t bytes[JN_PKT_BURST][JN_PKT_MTU + 64];
};

static socklen_t to_kernel(struct sockaddr_storage *ss, const struct jn_addr *a)
{
    if (a->family == JN_ADDR_V6) {
        struct sockaddr_in6 *s6 = (struct sockaddr_in6 *)ss;
        *s6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
        memcpy(&s6->sin6_addr, a->ip, 16);
        return sizeof *s6;
    }
    struct sockaddr_in *s4 = (struct sockaddr_in *)ss;
    *s4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
    memcpy(&s4->sin_addr, a->ip, 4);
    return sizeof *s4;
}

static void from_kernel(struct jn_addr *a, const struct sockaddr_storage *ss)
{
    memset(a, 0, sizeof *a);
    if (ss->ss_family == AF_INET6) {
        const struct sockaddr_in6 *s6 = (const struct sockaddr_in6 *)ss;
        memcpy(a->ip, &s6->sin6_addr, 16);
        a->port = ntohs(s6->sin6_port);
        a->family = JN_ADDR_V6;
    } else if (ss->ss_family == AF_INET) {
        const struct sockaddr_in *s4 = (const struct sockaddr_in *)ss;
        memcpy(a->ip, &s4->sin_addr, 4);
        a->port = ntohs(s4->sin_port);
        a->family = JN_ADDR_V4;
    }
}

static _Atomic uint64_t sockets_open; /* of all ports of this process */

static void udp_close(struct jn_port *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; p->fd && i < p->ports; i++)
        if (p->fd[i] >= 0) {
            atomic_fetch_sub_explicit(&sockets_open, 1, memory_order_relaxed);
            close(p->fd[i]);
        }
    if (p->epoll >= 0)
        close(p->epoll);
    free(p->fd);
    free(p);
}

/* Every local port is a file: asks for as many as the machine lets an ordinary process have. Where that is less than
 * the range, take says -EMFILE when they end. */
static uint64_t allow_files(uint32_t ports)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    rlim_t want = r.rlim_cur + ports; /* beside what others of this process count on */
    r.rlim_cur = r.rlim_max == RLIM_INFINITY || want < r.rlim_max ? want : r.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &r) == 0 || getrlimit(RLIMIT_NOFILE, &r) == 0 ? r.rlim_cur : 1024;
}

/* Sockets of every port of this process, against its limit of files: some are left for everything else, and the last
 * quarter is for sound alone (RTP has the even ports, RTCP the odd ones: RFC 3550 11). */
enum { FILES_LEFT = 256 };

static bool files_end(const struct jn_port *p, uint32_t local)
{
    uint64_t open = atomic_load_explicit(&sockets_open, memory_order_relaxed);
    unsigned place = jn_port_place_of(&p->at, local);
    bool rtcp = jn_port_number(&p->at, place, local) % 2;

    return open + FILES_LEFT >= p->files || (rtcp && open >= p->files / 4 * 3);
}

static int udp_open(struct jn_port **out, const struct jn_port_config *c, struct jn_err *err)
{
    struct jn_port_places at;
    int rc = jn_port_places(&at, c);
    if (rc < 0)
        return jn_fail(err, rc, "media needs an address and a range of ports, not %u to %u", c->port_min, c->port_max);
    struct jn_port *p = calloc(1, sizeof *p);
    if (!p)
        return jn_fail(err, -ENOMEM, "no memory for the media port");
    p->at = at;
    p->ports = at.first[at.n];
    p->files = allow_files(p->ports);
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->fd = malloc(p->ports * sizeof *p->fd);
    for (uint32_t i = 0; p->fd && i < p->ports; i++)
        p->fd[i] = -1;
    rc = p->epoll < 0 ? -errno : p->fd ? 0 : -ENOMEM;
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = WAKE};
    if (rc == 0 && c->wake_fd >= 0 && epoll_ctl(p->epoll, EPOLL_CTL_ADD, c->wake_fd, &ev) < 0)
        rc = -errno;
    if (rc < 0) {
        udp_close(p);
        return jn_fail(err, rc, "epoll for media: %s", strerror(-rc));
    }
    *out = p;
    return 0;
}

static void options(int fd, uint8_t family, uint8_t dscp)
{
    int size = SOCKET_BUFFER, tos = dscp << 2, on = 1;

    /* All of them are improvements, none is needed: a refusal is no error. */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (family == JN_ADDR_V6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos);
    } else {
        setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
    }
}

static int udp_take(struct jn_port *p, uint32_t local)
{
    if (local >= p->ports || p->fd[local] >= 0)
        return -EINVAL;
    if (files_end(p, local))
        return -EMFILE;
    unsigned place = jn_port_place_of(&p->at, local);
    struct jn_addr a = p->at.at[place].local;
    a.port = jn_port_number(&p->at, place, local);
    struct sockaddr_storage ss;
    socklen_t len = to_kernel(&ss, &a);
    int fd = socket(a.family == JN_ADDR_V6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    options(fd, a.family, p->at.at[place].dscp);
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = local};
    if (bind(fd, (struct sockaddr *)&ss, len) < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    p->fd[local] = fd;
    atomic_fetch_add_explicit(&sockets_open, 1, memory_order_relaxed);
    return 0;
}

static void udp_give(struct jn_port *p, uint32_t local)
{
    if (local >= p->ports || p->fd[local] < 0)
        return;
    atomic_fetch_sub_explicit(&sockets_open, 1, memory_order_relaxed);
    close(p->fd[local]); /* leaves epoll by itself; an event still in `ready` finds no socket */
    p->fd[local] = -1;
}

/* Reads one ready socket into the burst from `at` on; returns how many. */
static unsigned read_socket(struct jn_port *p, uint32_t local, unsigned at, unsigned max, uint64_t now_ns)
{
    struct mmsghdr m[PER_SOCKET];
    struct iovec iov[PER_SOCKET];
    struct sockaddr_storage from[PER_SOCKET];
    unsigned want = max < PER_SOCKET ? max : PER_SOCKET;

    for (unsigned i = 0; i < want; i++) {
        iov[i] = (struct iovec){.iov_base = p->bytes[at + i], .iov_len = JN_PKT_MTU};
        m[i].msg_hdr =
            (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &iov[i], .msg_iovlen = 1};
    }
    int n = recvmmsg(p->fd[local], m, want, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        struct jn_pkt *pk = &p->pkt[at + (unsigned)i];
        *pk = (struct jn_pkt){.data = p->bytes[at + (unsigned)i],
                              .len = (uint16_t)m[i].msg_len,
                              .local = local,
                              .stream = JN_PKT_NO_STREAM,
                              .at_ns = now_ns,
                              .cap = sizeof p->bytes[0]};
        from_kernel(&pk->from, &from[i]);
    }
    return n > 0 ? (unsigned)n : 0;
}

static void look(struct jn_port *p, const struct timespec *timeout)
{
    int n = epoll_pwait2(p->epoll, p->ready, EVENTS, timeout, NULL);

    if (n < 0 && errno == ENOSYS) { /* a kernel before 5.11, or valgrind: whole milliseconds, a little late */
        int ms = timeout ? (int)(timeout->tv_sec * 1000 + (timeout->tv_nsec + 999999) / 1000000) : -1;
        n = epoll_wait(p->epoll, p->ready, EVENTS, ms);
    }
    p->ready_n = n > 0 ? (unsigned)n : 0;
    p->ready_at = 0;
}

static unsigned udp_rx(struct jn_port *p, struct jn_pkt *pk[], unsigned max, uint64_t now_ns)
{
    static const struct timespec at_once = {0, 0};
    unsigned n = 0;

    if (max > JN_PKT_BURST)
        max = JN_PKT_BURST;
    if (p->ready_at == p->ready_n)
        look(p, &at_once);
    while (n < max && p->ready_at < p->ready_n) {
        uint32_t local = p->ready[p->ready_at].data.u32;
        p->ready_at++; /* a socket that holds more is ready again next time: epoll is level triggered */
        if (local != WAKE && p->fd[local] >= 0)
            n += read_socket(p, local, n, max - n, now_ns);
    }
    for (unsigned i = 0; i < n; i++)
        pk[i] = &p->pkt[i];
    return n;
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
        m[i].msg_hdr = (struct msghdr){
            .msg_name = &to[i], .msg_namelen = to_kernel(&to[i], &pk[i]->from), .msg_iov = &iov[i], .msg_iovlen = 1};
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

static void udp_tx(struct jn_port *p, struct jn_pkt *pk[], unsigned n)
{
    for (unsigned i = 0; i < n;) {
        unsigned run = 1;
        while (i + run < n && run < JN_PKT_BURST && pk[i + run]->local == pk[i]->local)
            run++;
        send_run(p, pk + i, run);
        i += run;
    }
}

static bool udp_wait(struct jn_port *p, uint64_t timeout_ns)
{
    struct timespec t = {.tv_sec = (time_t)(timeout_ns / 1000000000), .tv_nsec = (long)(timeout_ns % 1000000000)};

    if (p->ready_at == p->ready_n)
        look(p, timeout_ns == UINT64_MAX ? NULL : &t);
    return p->ready_at < p->ready_n;
}

const struct jn_port_ops jn_port_udp = {.open = udp_open,
                                        .take = udp_take,
                                        .give = udp_give,
                                        .rx = udp_rx,
                                        .tx = udp_tx,
                                        .wait = udp_wait,
                                        .close = udp_close};
