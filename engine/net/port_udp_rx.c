/* Port, UDP: receiving: through the shared sockets where there are some, otherwise each ready socket by itself. */
#include "engine/net/port_udp_state.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

enum { PER_SOCKET = 8 };

static void prepare(struct jn_port *p, unsigned at, unsigned n)
{
    struct jn_udp_burst *in = &p->in;

    for (unsigned i = at; i < at + n; i++) {
        in->iov[i] = (struct iovec){.iov_base = p->bytes[i], .iov_len = JN_PKT_MTU};
        in->m[i].msg_hdr = (struct msghdr){.msg_name = &in->from[i],
                                           .msg_namelen = sizeof in->from[i],
                                           .msg_iov = &in->iov[i],
                                           .msg_iovlen = 1,
                                           .msg_control = p->is_shared ? in->control[i] : NULL,
                                           .msg_controllen = p->is_shared ? JN_UDP_CONTROL : 0};
    }
}

static void fill(struct jn_port *p, unsigned i, uint32_t local, uint64_t now_ns)
{
    struct jn_pkt *pk = &p->pkt[i];

    *pk = (struct jn_pkt){.data = p->bytes[i],
                          .len = (uint16_t)p->in.m[i].msg_len,
                          .local = local,
                          .stream = JN_PKT_NO_STREAM,
                          .at_ns = now_ns,
                          .cap = sizeof p->bytes[0]};
    jn_udp_from_kernel(&pk->from, &p->in.from[i]);
}

/* Reads one ready socket into the burst from `at` on; returns how many. */
static unsigned read_socket(struct jn_port *p, uint32_t local, unsigned at, unsigned max, uint64_t now_ns)
{
    unsigned want = max < PER_SOCKET ? max : PER_SOCKET;

    prepare(p, at, want);
    int n = recvmmsg(p->fd[local], p->in.m + at, want, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++)
        fill(p, at + (unsigned)i, local, now_ns);
    return n > 0 ? (unsigned)n : 0;
}

/* The local port that the datagram was sent to, as the kernel says beside it; 0: it did not. */
static uint16_t sent_to(const struct msghdr *m)
{
    struct sockaddr_in6 to; /* the port lies where IPv4 has it */
    const struct cmsghdr *c = CMSG_FIRSTHDR(m);

    if (!c || c->cmsg_len < CMSG_LEN(sizeof(struct sockaddr_in)) ||
        !((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_ORIGDSTADDR) ||
          (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_ORIGDSTADDR)))
        return 0;
    memcpy(&to, CMSG_DATA(c), sizeof(struct sockaddr_in));
    return ntohs(to.sin6_port);
}

/* One burst of one place; pk gets those that somebody here waits for. *more: the socket may hold more. */
static unsigned read_shared(struct jn_port *p, unsigned place, struct jn_pkt *pk[], unsigned at, unsigned max,
                            uint64_t now_ns, bool *more)
{
    const struct jn_port_place *of = &p->at.at[place];
    unsigned good = 0;

    prepare(p, at, max);
    int n = recvmmsg(p->shared[place], p->in.m + at, max, MSG_DONTWAIT, NULL);
    *more = n == (int)max;
    for (int i = 0; i < n; i++) {
        uint16_t port = sent_to(&p->in.m[at + (unsigned)i].msg_hdr);
        uint32_t local = p->at.first[place] + (uint32_t)(port - of->port_min);
        if (port < of->port_min || port > of->port_max || p->fd[local] < 0) {
            jn_udp_count(p, JN_PORT_CLOSED, 1);
            continue;
        }
        fill(p, at + (unsigned)i, local, now_ns);
        pk[good++] = &p->pkt[at + (unsigned)i];
    }
    return good;
}

/* Every place in turn, the one that was cut short goes on next time. */
static unsigned all_shared(struct jn_port *p, struct jn_pkt *pk[], unsigned max, uint64_t now_ns)
{
    unsigned n = 0;
    bool more = false;

    for (unsigned i = 0; i < p->at.n && n == 0; i++) {
        n = read_shared(p, p->shared_next, pk, 0, max, now_ns, &more);
        if (!more)
            p->shared_next = (p->shared_next + 1) % p->at.n;
    }
    return n;
}

unsigned jn_udp_rx(struct jn_port *p, struct jn_pkt *pk[], unsigned max, uint64_t now_ns)
{
    static const struct timespec at_once = {0, 0};
    unsigned n = 0;

    if (max > JN_PKT_BURST)
        max = JN_PKT_BURST;
    if (p->is_shared) {
        p->ready_at = p->ready_n; /* what woke us is looked at anyway */
        return all_shared(p, pk, max, now_ns);
    }
    if (p->ready_at == p->ready_n)
        jn_udp_look(p, &at_once);
    while (n < max && p->ready_at < p->ready_n) {
        uint32_t local = p->ready[p->ready_at].data.u32;
        p->ready_at++; /* a socket that holds more is ready again next time: epoll is level triggered */
        if (local != JN_UDP_WAKE && p->fd[local] >= 0)
            n += read_socket(p, local, n, max - n, now_ns);
    }
    for (unsigned i = 0; i < n; i++)
        pk[i] = &p->pkt[i];
    return n;
}
