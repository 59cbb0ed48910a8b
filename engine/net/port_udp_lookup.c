/* Port, UDP: one receiving socket for all ports of a local address. A program of ours at the kernel's socket lookup
 * (sk_lookup, Linux 5.9) gives it every datagram for those ports of the range that legs have taken, for others may use
 * the rest; the datagram's own port comes beside it. The program goes with its link, which goes with the process. A
 * flood on one port fills the buffer that all share, as a network card's ring would: it is large. */
#include "engine/net/bpf.h"
#include "engine/net/port_udp_state.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { SHARED_BUFFER = 16 * 1024 * 1024, NEXT = 0, DONE = 1, R0 = 0, R1, R2, R3, R4, R5, R6, R7, R10 = 10 };
#define FIELD(name) (int16_t) offsetof(struct bpf_sk_lookup, name)

static int32_t word(const uint8_t *at)
{
    int32_t w;
    memcpy(&w, at, 4);
    return w;
}

/* R0 = what lies in the map under the 32 bits at R10 + off; nothing there: done. */
static void look_up(struct jn_bpf *b, int map, int16_t off)
{
    jn_bpf_map_fd(b, R1, map);
    jn_bpf_mov(b, R2, R10);
    jn_bpf_put(b, BPF_ALU64 | BPF_ADD | BPF_K, R2, 0, 0, off);
    jn_bpf_call(b, BPF_FUNC_map_lookup_elem);
    jn_bpf_jump_null(b, R0, DONE);
}

/* For a datagram to a taken port of the place: the socket that stands in the map under the place's number, and done. */
static void one_place(struct jn_bpf *b, const struct jn_port *p, unsigned place)
{
    const struct jn_port_place *at = &p->at.at[place];
    bool v6 = at->local.family == JN_ADDR_V6;

    jn_bpf_load(b, BPF_W, R2, R6, FIELD(family));
    jn_bpf_jump_k(b, BPF_JNE, R2, v6 ? AF_INET6 : AF_INET, NEXT);
    for (int16_t i = 0; i < (v6 ? 4 : 1); i++) {
        jn_bpf_load(b, BPF_W, R2, R6, (int16_t)((v6 ? FIELD(local_ip6) : FIELD(local_ip4)) + 4 * i));
        jn_bpf_jump_k(b, BPF_JNE, R2, word(at->local.ip + 4 * i), NEXT);
    }
    jn_bpf_load(b, BPF_W, R2, R6, FIELD(local_port));
    jn_bpf_jump_k(b, BPF_JLT, R2, at->port_min, NEXT);
    jn_bpf_jump_k(b, BPF_JGT, R2, at->port_max, NEXT);
    jn_bpf_put(b, BPF_ALU64 | BPF_ADD | BPF_K, R2, 0, 0, (int32_t)p->at.first[place] - at->port_min);
    jn_bpf_put(b, BPF_STX | BPF_MEM | BPF_W, R10, R2, -8, 0);
    look_up(b, p->taken, -8);
    jn_bpf_load(b, BPF_W, R2, R0, 0);
    jn_bpf_jump_k(b, BPF_JEQ, R2, 0, DONE);
    jn_bpf_put(b, BPF_ST | BPF_MEM | BPF_W, R10, 0, -4, (int32_t)place);
    look_up(b, p->map, -4);
    jn_bpf_mov(b, R7, R0);
    jn_bpf_mov(b, R1, R6);
    jn_bpf_mov(b, R2, R0);
    jn_bpf_mov_k(b, R3, 0);
    jn_bpf_call(b, BPF_FUNC_sk_assign);
    jn_bpf_mov(b, R1, R7);
    jn_bpf_call(b, BPF_FUNC_sk_release);
    jn_bpf_jump(b, DONE);
    jn_bpf_label(b, NEXT);
}

static int program(const struct jn_port *p, char *why, size_t n)
{
    struct jn_bpf b;

    jn_bpf_begin(&b);
    jn_bpf_mov(&b, R6, R1);
    jn_bpf_load(&b, BPF_W, R2, R6, FIELD(protocol));
    jn_bpf_jump_k(&b, BPF_JNE, R2, IPPROTO_UDP, DONE);
    for (unsigned i = 0; i < p->at.n; i++)
        one_place(&b, p, i);
    jn_bpf_label(&b, DONE);
    jn_bpf_mov_k(&b, R0, SK_PASS); /* what is not ours goes where it would have gone */
    jn_bpf_exit(&b);
    return jn_bpf_program(&b, BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, "junctor_udp", why, n);
}

/* A socket of that address on any port; what it is bound to does not matter. */
static int open_socket(struct jn_port *p, unsigned place)
{
    struct jn_addr a = p->at.at[place].local;
    bool v6 = a.family == JN_ADDR_V6;
    struct sockaddr_storage ss;
    int on = 1, size = SHARED_BUFFER;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    p->shared[place] = fd;
    a.port = 0;
    socklen_t len = jn_udp_to_kernel(&ss, &a);
    if (v6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVORIGDSTADDR : IP_RECVORIGDSTADDR, &on, sizeof on) <
            0 ||
        bind(fd, (struct sockaddr *)&ss, len) < 0)
        return -errno;
    uint32_t key = place;
    uint64_t value = (uint64_t)fd;
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = JN_UDP_WAKE};
    int rc = jn_bpf_map_set(p->map, &key, &value);
    if (rc == 0 && epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
        rc = -errno;
    return rc;
}

int jn_udp_share(struct jn_port *p, char *why, size_t n)
{
    p->map = jn_bpf_map(BPF_MAP_TYPE_SOCKMAP, sizeof(uint32_t), sizeof(uint64_t), JN_PORT_PLACES, "junctor_udp");
    p->taken = jn_bpf_map(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(uint32_t), p->ports, "junctor_taken");
    int rc = p->map < 0 ? p->map : p->taken < 0 ? p->taken : 0;
    for (unsigned i = 0; rc == 0 && i < p->at.n; i++)
        rc = open_socket(p, i);
    int code = rc == 0 ? program(p, why, n) : rc;
    int net = code >= 0 ? open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) : -1;
    if (code >= 0)
        rc = net < 0 ? -errno : (p->link = jn_bpf_link(code, net, BPF_SK_LOOKUP));
    else
        rc = code;
    if (code >= 0)
        close(code); /* the link holds it */
    if (net >= 0)
        close(net);
    if (rc < 0) {
        jn_udp_share_end(p);
        return rc;
    }
    p->is_shared = true;
    return 0;
}

int jn_udp_share_port(struct jn_port *p, uint32_t local, bool taken)
{
    uint32_t value = taken;

    return p->is_shared ? jn_bpf_map_set(p->taken, &local, &value) : 0;
}

void jn_udp_share_end(struct jn_port *p)
{
    if (p->link >= 0)
        close(p->link);
    for (unsigned i = 0; i < JN_PORT_PLACES; i++) {
        if (p->shared[i] >= 0)
            close(p->shared[i]);
        p->shared[i] = -1;
    }
    if (p->map >= 0)
        close(p->map);
    if (p->taken >= 0)
        close(p->taken);
    p->link = p->map = p->taken = -1;
    p->is_shared = false;
}
