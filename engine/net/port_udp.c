/* Port, UDP: a kernel socket for each local port, made when a leg takes it; waiting by epoll. Receiving and sending are
 * in port_udp_rx.c and port_udp_tx.c; the only system calls of the packet path are in these files. */
#include "engine/base/log.h"
#include "engine/net/port_udp_state.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SOCKET_BUFFER = 256 * 1024 };

socklen_t jn_udp_to_kernel(struct sockaddr_storage *ss, const struct jn_addr *a)
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

void jn_udp_from_kernel(struct jn_addr *a, const struct sockaddr_storage *ss)
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
    jn_udp_share_end(p);
    jn_udp_ring_end(p);
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
    size_t bytes = (sizeof(struct jn_port) + 63) & ~(size_t)63;
    struct jn_port *p = aligned_alloc(64, bytes);
    if (!p)
        return jn_fail(err, -ENOMEM, "no memory for the media port");
    memset(p, 0, bytes);
    memset(p->shared, -1, sizeof p->shared);
    p->map = p->taken = p->link = -1;
    p->at = at;
    if (c->back_end)
        p->use = *(const struct jn_port_udp_options *)c->back_end;
    p->ports = at.first[at.n];
    p->files = allow_files(p->ports);
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->fd = malloc(p->ports * sizeof *p->fd);
    for (uint32_t i = 0; p->fd && i < p->ports; i++)
        p->fd[i] = -1;
    rc = p->epoll < 0 ? -errno : p->fd ? 0 : -ENOMEM;
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = JN_UDP_WAKE};
    if (rc == 0 && c->wake_fd >= 0 && epoll_ctl(p->epoll, EPOLL_CTL_ADD, c->wake_fd, &ev) < 0)
        rc = -errno;
    if (rc < 0) {
        udp_close(p);
        return jn_fail(err, rc, "epoll for media: %s", strerror(-rc));
    }
    char why[512] = "";
    if (!p->use.no_shared_receive && (rc = jn_udp_share(p, why, sizeof why)) < 0)
        jn_debug("net", "media ports receive one by one: %s %s", strerror(-rc), why);
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
    socklen_t len = jn_udp_to_kernel(&ss, &a);
    int fd = socket(a.family == JN_ADDR_V6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    options(fd, a.family, p->at.at[place].dscp);
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = local};
    int rc = bind(fd, (struct sockaddr *)&ss, len) < 0 ? -errno : jn_udp_share_port(p, local, true);
    if (rc == 0 && !p->is_shared && epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
        rc = -errno;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    p->fd[local] = fd;
    jn_udp_ring_file(p, local, fd);
    atomic_fetch_add_explicit(&sockets_open, 1, memory_order_relaxed);
    return 0;
}

static void udp_give(struct jn_port *p, uint32_t local)
{
    if (local >= p->ports || p->fd[local] < 0)
        return;
    atomic_fetch_sub_explicit(&sockets_open, 1, memory_order_relaxed);
    jn_udp_ring_file(p, local, -1);
    jn_udp_share_port(p, local, false);
    close(p->fd[local]); /* leaves epoll by itself; an event still in `ready` finds no socket */
    p->fd[local] = -1;
}

void jn_udp_look(struct jn_port *p, const struct timespec *timeout)
{
    int n = epoll_pwait2(p->epoll, p->ready, JN_UDP_EVENTS, timeout, NULL);

    if (n < 0 && errno == ENOSYS) { /* a kernel before 5.11, or valgrind: whole milliseconds, a little late */
        int ms = timeout ? (int)(timeout->tv_sec * 1000 + (timeout->tv_nsec + 999999) / 1000000) : -1;
        n = epoll_wait(p->epoll, p->ready, JN_UDP_EVENTS, ms);
    }
    p->ready_n = n > 0 ? (unsigned)n : 0;
    p->ready_at = 0;
}

static bool udp_wait(struct jn_port *p, uint64_t timeout_ns)
{
    struct timespec t = {.tv_sec = (time_t)(timeout_ns / 1000000000), .tv_nsec = (long)(timeout_ns % 1000000000)};

    if (p->ready_at == p->ready_n)
        jn_udp_look(p, timeout_ns == UINT64_MAX ? NULL : &t);
    return p->ready_at < p->ready_n;
}

static const _Atomic uint64_t *udp_counts(const struct jn_port *p)
{
    return p->count;
}

bool jn_port_udp_shared(const struct jn_port *p)
{
    return p->is_shared;
}

bool jn_port_udp_ring(const struct jn_port *p)
{
    return p->has_ring;
}

const struct jn_port_ops jn_port_udp = {.open = udp_open,
                                        .take = udp_take,
                                        .give = udp_give,
                                        .rx = jn_udp_rx,
                                        .tx = jn_udp_tx,
                                        .wait = udp_wait,
                                        .close = udp_close,
                                        .counts = udp_counts};
