/* Sock: see sock.h. */
#include "engine/load/sock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* BUFFERS: of all sockets together, some 30,000 packets as the kernel counts; EACH: one has at least that. READ_NS: how
 * often sockets are read, AT_ONCE: bursts of one before the next one has its turn. */
enum { BUFFERS = 32 << 20, EACH = 1 << 20, CONTROL = 128, READ_NS = 2000000, AT_ONCE = 4 };

struct jn_port {
    struct jn_port_config c;
    uint32_t sockets, next, left; /* left: sockets that this reading has not come to */
    unsigned bursts;
    uint64_t read_ns;
    int *fd; /* by local index, -1 not taken */
    uint64_t *dropped;
    int64_t to_mono_ns; /* from the wall clock, which the kernel stamps with */
    struct jn_pkt pkt[JN_PKT_BURST];
    struct mmsghdr m[JN_PKT_BURST];
    struct iovec iov[JN_PKT_BURST];
    struct sockaddr_storage from[JN_PKT_BURST];
    uint8_t control[JN_PKT_BURST][CONTROL], bytes[JN_PKT_BURST][JN_PKT_MTU + 64];
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
    bool six = ss->ss_family == AF_INET6;
    const struct sockaddr_in6 *s6 = (const struct sockaddr_in6 *)ss;
    const struct sockaddr_in *s4 = (const struct sockaddr_in *)ss;
    memcpy(a->ip, six ? (const void *)&s6->sin6_addr : (const void *)&s4->sin_addr, six ? 16 : 4);
    a->port = ntohs(six ? s6->sin6_port : s4->sin_port);
    a->family = six ? JN_ADDR_V6 : JN_ADDR_V4;
}

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sock_close(struct jn_port *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; p->fd && i < p->sockets; i++)
        if (p->fd[i] >= 0)
            close(p->fd[i]);
    free(p->fd);
    free(p->dropped);
    free(p);
}

static int sock_open(struct jn_port **out, const struct jn_port_config *c, struct jn_err *err)
{
    struct jn_port *p = c->port_max >= c->port_min ? calloc(1, sizeof *p) : NULL;
    if (!p)
        return jn_fail(err, c->port_max < c->port_min ? -EINVAL : -ENOMEM, "media sockets: no range, or no memory");
    p->c = *c;
    p->sockets = (uint32_t)(c->port_max - c->port_min) + 1;
    p->fd = malloc(p->sockets * sizeof *p->fd);
    p->dropped = calloc(p->sockets, sizeof *p->dropped);
    for (uint32_t i = 0; p->fd && i < p->sockets; i++)
        p->fd[i] = -1;
    if (!p->fd || !p->dropped) {
        sock_close(p);
        return jn_fail(err, -ENOMEM, "no memory for the media sockets");
    }
    for (unsigned i = 0; i < JN_PKT_BURST; i++)
        p->iov[i] = (struct iovec){.iov_base = p->bytes[i], .iov_len = JN_PKT_MTU};
    *out = p;
    return 0;
}

static int sock_take(struct jn_port *p, uint32_t local)
{
    struct sockaddr_storage ss;
    struct jn_addr a = p->c.local;
    uint32_t share = BUFFERS / (p->sockets / 2 + 1);
    int room = share > EACH ? (int)share : EACH, on = 1, tos = p->c.dscp << 2;
    if (local >= p->sockets || p->fd[local] >= 0)
        return -EINVAL;
    a.port = (uint16_t)(p->c.port_min + local);
    socklen_t len = to_kernel(&ss, &a);
    int fd = socket(a.family == JN_ADDR_V6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* All of them are improvements, none is needed. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room))
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    setsockopt(fd, a.family == JN_ADDR_V6 ? IPPROTO_IPV6 : IPPROTO_IP, a.family == JN_ADDR_V6 ? IPV6_TCLASS : IP_TOS,
               &tos, sizeof tos);
    if (bind(fd, (struct sockaddr *)&ss, len) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    p->fd[local] = fd;
    return 0;
}

static void sock_give(struct jn_port *p, uint32_t local)
{
    if (local < p->sockets && p->fd[local] >= 0) {
        close(p->fd[local]);
        p->fd[local] = -1;
    }
}

/* What the kernel says beside a packet: when it came, and how many of this socket were lost so far. */
static uint64_t beside(struct jn_port *p, uint32_t local, struct msghdr *h, uint64_t now_ns)
{
    uint64_t at = now_ns;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            uint64_t ns = (uint64_t)((int64_t)t.tv_sec * 1000000000 + t.tv_nsec + p->to_mono_ns);
            at = ns < now_ns ? ns : now_ns;
        } else if (c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t n;
            memcpy(&n, CMSG_DATA(c), sizeof n);
            p->dropped[local] = n;
        }
    }
    return at;
}

static unsigned read_socket(struct jn_port *p, uint32_t local, struct jn_pkt *pk[], unsigned max, uint64_t now_ns)
{
    for (unsigned i = 0; i < max; i++)
        p->m[i].msg_hdr = (struct msghdr){.msg_name = &p->from[i],
                                          .msg_namelen = sizeof p->from[i],
                                          .msg_iov = &p->iov[i],
                                          .msg_iovlen = 1,
                                          .msg_control = p->control[i],
                                          .msg_controllen = CONTROL};
    int n = recvmmsg(p->fd[local], p->m, max, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        p->pkt[i] = (struct jn_pkt){.data = p->bytes[i],
                                    .len = (uint16_t)p->m[i].msg_len,
                                    .local = local,
                                    .stream = JN_PKT_NO_STREAM,
                                    .at_ns = beside(p, local, &p->m[i].msg_hdr, now_ns),
                                    .cap = sizeof p->bytes[0]};
        from_kernel(&p->pkt[i].from, &p->from[i]);
        pk[i] = &p->pkt[i];
    }
    return n > 0 ? (unsigned)n : 0;
}

/* One burst of one socket a call, all sockets in turn; 0 once each was asked, until READ_NS have passed. */
static unsigned sock_rx(struct jn_port *p, struct jn_pkt *pk[], unsigned max, uint64_t now_ns)
{
    max = max < JN_PKT_BURST ? max : JN_PKT_BURST;
    if (!p->left) {
        if (now_ns - p->read_ns < READ_NS)
            return 0;
        p->read_ns = now_ns;
        p->left = p->sockets;
        p->to_mono_ns = (int64_t)clock_ns(CLOCK_MONOTONIC) - (int64_t)clock_ns(CLOCK_REALTIME);
    }
    while (p->left) {
        unsigned n = p->fd[p->next] >= 0 ? read_socket(p, p->next, pk, max, now_ns) : 0;
        if (n == max && ++p->bursts < AT_ONCE)
            return n; /* the same one again: it has more */
        p->next = (p->next + 1) % p->sockets;
        p->bursts = 0;
        p->left--;
        if (n)
            return n;
    }
    return 0;
}

static void send_run(struct jn_port *p, struct jn_pkt *pk[], unsigned n)
{
    struct mmsghdr m[JN_PKT_BURST];
    struct iovec iov[JN_PKT_BURST];
    struct sockaddr_storage to[JN_PKT_BURST];
    int fd = pk[0]->local < p->sockets ? p->fd[pk[0]->local] : -1;
    for (unsigned i = 0; i < n; i++) {
        iov[i] = (struct iovec){.iov_base = pk[i]->data, .iov_len = pk[i]->len};
        m[i].msg_hdr = (struct msghdr){
            .msg_name = &to[i], .msg_namelen = to_kernel(&to[i], &pk[i]->from), .msg_iov = &iov[i], .msg_iovlen = 1};
    }
    for (unsigned done = 0; done < n;) {
        int sent = fd >= 0 ? sendmmsg(fd, m + done, n - done, MSG_DONTWAIT) : -1;
        if (sent > 0)
            done += (unsigned)sent;
        else
            pk[done++]->drop = JN_DROP_TX;
    }
}

/* By their sockets, those of one in the order that they had: a run of them is one system call. */
static void sort(struct jn_pkt *pk[], unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        struct jn_pkt *x = pk[i];
        unsigned k = i;
        for (; k > 0 && pk[k - 1]->local > x->local; k--)
            pk[k] = pk[k - 1];
        pk[k] = x;
    }
}

static void sock_tx(struct jn_port *p, struct jn_pkt *pk[], unsigned n)
{
    sort(pk, n);
    for (unsigned i = 0; i < n;) {
        unsigned run = 1;
        while (i + run < n && run < JN_PKT_BURST && pk[i + run]->local == pk[i]->local)
            run++;
        send_run(p, pk + i, run);
        i += run;
    }
}

/* A generator looks by the clock: packets never wake it. */
static bool sock_wait(struct jn_port *p, uint64_t timeout_ns)
{
    struct timespec t = {.tv_sec = (time_t)(timeout_ns / 1000000000), .tv_nsec = (long)(timeout_ns % 1000000000)};
    (void)p;
    nanosleep(&t, NULL);
    return true;
}

uint64_t jn_load_sock_dropped(const struct jn_port *p)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < p->sockets; i++)
        n += p->dropped[i];
    return n;
}

const struct jn_port_ops jn_load_sock = {.open = sock_open,
                                         .take = sock_take,
                                         .give = sock_give,
                                         .rx = sock_rx,
                                         .tx = sock_tx,
                                         .wait = sock_wait,
                                         .close = sock_close};
