/* Port, DPDK over AF_XDP: our own program on the interface. It takes what is media's (UDP to our addresses and ports,
 * pings of them, ARP and neighbour discovery about them) and leaves everything else to the kernel, so that one
 * interface serves both. The driver's own program takes every frame; ours is put in its place and uses the same
 * sockets. When this process dies without a word the sockets go and the program passes everything on; the next start
 * removes it. */
#include "engine/net/port_dpdk_xdp.h"
#include "engine/net/bpf.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { R0, R1, R2, R3, R4, R5, R6, NEXT = 0, TAKE, PASS, TAGGED, IS_ARP, IS_IP, IS_IP6, UDP, OURS };
static const char NAME[] = "junctor_xdp";

struct jn_xdp {
    unsigned interface;
    uint32_t flags;
};

static int32_t word(const void *at)
{
    int32_t w;
    memcpy(&w, at, 4);
    return w;
}

/* Goes to PASS unless the frame has n bytes. */
static void need(struct jn_bpf *b, int32_t n)
{
    jn_bpf_mov(b, R4, R2);
    jn_bpf_put(b, BPF_ALU64 | BPF_ADD | BPF_K, R4, 0, 0, n);
    jn_bpf_jump_greater(b, R4, R3, PASS);
}

/* Goes to label when the IPv6 address at off is one of ours. */
static void one_of_ours6(struct jn_bpf *b, const struct jn_xdp_wish *w, int16_t off, unsigned label)
{
    for (unsigned i = 0; i < w->hosts; i++) {
        if (!w->host[i].v6)
            continue;
        for (int16_t k = 0; k < 4; k++) {
            jn_bpf_load(b, BPF_W, R5, R2, (int16_t)(off + 4 * k));
            jn_bpf_jump_k(b, BPF_JNE, R5, word(w->host[i].ip6 + 4 * k), NEXT);
        }
        jn_bpf_jump(b, label);
        jn_bpf_label(b, NEXT);
    }
}

static void one_of_ours(struct jn_bpf *b, const struct jn_xdp_wish *w, int16_t off, unsigned label)
{
    jn_bpf_load(b, BPF_W, R5, R2, off);
    for (unsigned i = 0; i < w->hosts; i++)
        if (!w->host[i].v6)
            jn_bpf_jump_k(b, BPF_JEQ, R5, word(&w->host[i].ip), label);
}

/* Takes the frame when the UDP port at off is media's. */
static void media_port(struct jn_bpf *b, const struct jn_xdp_wish *w, int16_t off)
{
    jn_bpf_load(b, BPF_H, R5, R2, off);
    jn_bpf_put(b, BPF_ALU | BPF_END | BPF_TO_BE, R5, 0, 0, 16);
    jn_bpf_jump_k(b, BPF_JLT, R5, w->port_min, PASS);
    jn_bpf_jump_k(b, BPF_JGT, R5, w->port_max, PASS);
    jn_bpf_jump(b, TAKE);
}

/* IPv4 without options; fragments are nothing of media's. */
static void ip(struct jn_bpf *b, const struct jn_xdp_wish *w, int16_t l3)
{
    jn_bpf_load(b, BPF_B, R5, R2, l3);
    jn_bpf_jump_k(b, BPF_JNE, R5, 0x45, PASS);
    jn_bpf_load(b, BPF_H, R5, R2, (int16_t)(l3 + 6));
    jn_bpf_put(b, BPF_ALU64 | BPF_AND | BPF_K, R5, 0, 0, htons(0x3fff));
    jn_bpf_jump_k(b, BPF_JNE, R5, 0, PASS);
    one_of_ours(b, w, (int16_t)(l3 + 16), OURS);
    jn_bpf_jump(b, PASS);
    jn_bpf_label(b, OURS);
    jn_bpf_load(b, BPF_B, R5, R2, (int16_t)(l3 + 9));
    jn_bpf_jump_k(b, BPF_JEQ, R5, 1, TAKE);
    jn_bpf_jump_k(b, BPF_JNE, R5, 17, PASS);
    media_port(b, w, (int16_t)(l3 + 22));
}

/* IPv6: ICMPv6 to us, or neighbour discovery whose target we are (it comes to a group). */
static void ip6(struct jn_bpf *b, const struct jn_xdp_wish *w, int16_t l3)
{
    need(b, l3 + 48);
    jn_bpf_load(b, BPF_B, R5, R2, (int16_t)(l3 + 6));
    jn_bpf_jump_k(b, BPF_JEQ, R5, 17, UDP);
    jn_bpf_jump_k(b, BPF_JNE, R5, 58, PASS);
    one_of_ours6(b, w, (int16_t)(l3 + 24), TAKE);
    jn_bpf_load(b, BPF_B, R5, R2, (int16_t)(l3 + 40));
    jn_bpf_jump_k(b, BPF_JLT, R5, 135, PASS);
    jn_bpf_jump_k(b, BPF_JGT, R5, 136, PASS);
    need(b, l3 + 64);
    one_of_ours6(b, w, (int16_t)(l3 + 48), TAKE);
    jn_bpf_jump(b, PASS);
    jn_bpf_label(b, UDP);
    one_of_ours6(b, w, (int16_t)(l3 + 24), OURS);
    jn_bpf_jump(b, PASS);
    jn_bpf_label(b, OURS);
    media_port(b, w, (int16_t)(l3 + 42));
}

/* A frame whose network header is at l3. */
static void body(struct jn_bpf *b, const struct jn_xdp_wish *w, int16_t l3)
{
    bool v4 = false, v6 = false; /* code that nothing leads to is refused */

    for (unsigned i = 0; i < w->hosts; i++) {
        v4 = v4 || !w->host[i].v6;
        v6 = v6 || w->host[i].v6;
    }
    need(b, l3 + 28);
    jn_bpf_load(b, BPF_H, R5, R2, (int16_t)(l3 - 2));
    if (v4) {
        jn_bpf_jump_k(b, BPF_JEQ, R5, htons(0x0806), IS_ARP);
        jn_bpf_jump_k(b, BPF_JEQ, R5, htons(0x0800), IS_IP);
    }
    if (v6)
        jn_bpf_jump_k(b, BPF_JEQ, R5, htons(0x86dd), IS_IP6);
    jn_bpf_jump(b, PASS);
    if (v4) {
        jn_bpf_label(b, IS_ARP);
        one_of_ours(b, w, (int16_t)(l3 + 24), TAKE);
        jn_bpf_jump(b, PASS);
        jn_bpf_label(b, IS_IP);
        ip(b, w, l3);
    }
    if (v6) {
        jn_bpf_label(b, IS_IP6);
        ip6(b, w, l3);
    }
}

int jn_xdp_program(struct jn_bpf *b, const struct jn_xdp_wish *w, int map)
{
    jn_bpf_begin(b);
    jn_bpf_mov(b, R6, R1);
    jn_bpf_load(b, BPF_W, R2, R6, (int16_t)offsetof(struct xdp_md, data));
    jn_bpf_load(b, BPF_W, R3, R6, (int16_t)offsetof(struct xdp_md, data_end));
    need(b, 14);
    jn_bpf_load(b, BPF_H, R5, R2, 12);
    jn_bpf_jump_k(b, BPF_JEQ, R5, htons(0x8100), TAGGED);
    body(b, w, 14);
    jn_bpf_label(b, TAGGED);
    body(b, w, 18);
    jn_bpf_label(b, TAKE);
    if (map >= 0) {
        jn_bpf_map_fd(b, R1, map);
        jn_bpf_load(b, BPF_W, R2, R6, (int16_t)offsetof(struct xdp_md, rx_queue_index));
        jn_bpf_mov_k(b, R3, XDP_PASS); /* a queue that nobody reads stays the kernel's */
        jn_bpf_call(b, BPF_FUNC_redirect_map);
    } else {
        jn_bpf_mov_k(b, R0, XDP_TX);
    }
    jn_bpf_exit(b);
    jn_bpf_label(b, PASS);
    jn_bpf_mov_k(b, R0, XDP_PASS);
    jn_bpf_exit(b);
    return b->bad || b->fixups > 0 ? -E2BIG : 0;
}

/* What is asked of, or told to, the kernel about an interface's program. */
struct ask {
    struct nlmsghdr n;
    struct ifinfomsg i;
    uint8_t more[64];
};

static void add(struct ask *a, uint16_t type, const void *value, size_t n)
{
    struct rtattr *r = (struct rtattr *)(void *)((uint8_t *)a + a->n.nlmsg_len);

    r->rta_type = type;
    r->rta_len = (uint16_t)RTA_LENGTH(n);
    memcpy(RTA_DATA(r), value, n);
    a->n.nlmsg_len += (uint32_t)RTA_ALIGN(r->rta_len);
}

/* One question, one answer of at most n bytes; its length, or -errno. */
static long talk(struct ask *a, void *answer, size_t n)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    long got = -1;

    if (fd < 0)
        return -errno;
    if (send(fd, a, a->n.nlmsg_len, 0) >= 0)
        got = recv(fd, answer, n, 0);
    got = got < 0 ? -errno : got;
    close(fd);
    return got;
}

/* fd -1: none. */
static int set_program(unsigned interface, int fd, uint32_t flags)
{
    struct ask a = {.n = {.nlmsg_len = NLMSG_LENGTH(sizeof a.i),
                          .nlmsg_type = RTM_SETLINK,
                          .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
                    .i = {.ifi_family = AF_UNSPEC, .ifi_index = (int)interface}};
    struct rtattr *nest = (struct rtattr *)(void *)((uint8_t *)&a + a.n.nlmsg_len);
    struct {
        struct nlmsghdr n;
        struct nlmsgerr e;
        uint8_t more[256];
    } answer;

    nest->rta_type = (uint16_t)(IFLA_XDP | NLA_F_NESTED);
    a.n.nlmsg_len += (uint32_t)RTA_LENGTH(0);
    add(&a, IFLA_XDP_FD, &fd, sizeof fd);
    add(&a, IFLA_XDP_FLAGS, &flags, sizeof flags);
    nest->rta_len = (uint16_t)((uint8_t *)&a + a.n.nlmsg_len - (uint8_t *)nest);
    long n = talk(&a, &answer, sizeof answer);
    if (n < 0)
        return (int)n;
    return n >= (long)NLMSG_LENGTH(sizeof answer.e) && answer.n.nlmsg_type == NLMSG_ERROR ? answer.e.error : -EPROTO;
}

/* The program that is on the interface (0: none), and in which mode. */
static int get_program(unsigned interface, uint32_t *id, uint8_t *mode)
{
    struct ask a = {
        .n = {.nlmsg_len = NLMSG_LENGTH(sizeof a.i), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
        .i = {.ifi_family = AF_UNSPEC, .ifi_index = (int)interface}};
    static _Alignas(8) uint8_t answer[32768];
    struct nlmsghdr *n = (struct nlmsghdr *)(void *)answer;
    long got = talk(&a, answer, sizeof answer);

    *id = 0;
    *mode = XDP_ATTACHED_NONE;
    if (got < 0)
        return (int)got;
    if (got < (long)NLMSG_LENGTH(sizeof(struct ifinfomsg)) || n->nlmsg_type != RTM_NEWLINK || n->nlmsg_len > got)
        return -EPROTO;
    struct rtattr *r = IFLA_RTA((struct ifinfomsg *)NLMSG_DATA(n));
    unsigned left = (unsigned)(n->nlmsg_len - NLMSG_LENGTH(sizeof(struct ifinfomsg)));
    for (; RTA_OK(r, left); r = RTA_NEXT(r, left)) {
        if ((r->rta_type & NLA_TYPE_MASK) != IFLA_XDP)
            continue;
        unsigned in = (unsigned)RTA_PAYLOAD(r);
        for (struct rtattr *x = RTA_DATA(r); RTA_OK(x, in); x = RTA_NEXT(x, in)) {
            if (x->rta_type == IFLA_XDP_PROG_ID)
                memcpy(id, RTA_DATA(x), sizeof *id);
            else if (x->rta_type == IFLA_XDP_ATTACHED)
                memcpy(mode, RTA_DATA(x), sizeof *mode);
        }
    }
    return 0;
}

static uint32_t flags_of(uint8_t mode)
{
    return mode == XDP_ATTACHED_SKB ? XDP_FLAGS_SKB_MODE : mode == XDP_ATTACHED_DRV ? XDP_FLAGS_DRV_MODE : 0;
}

bool jn_xdp_clean(const char *name)
{
    unsigned interface = if_nametoindex(name);
    uint32_t id;
    uint8_t mode;
    char is[BPF_OBJ_NAME_LEN];

    return interface != 0 && get_program(interface, &id, &mode) == 0 && id != 0 && jn_bpf_program_name(id, is) == 0 &&
           strcmp(is, NAME) == 0 && set_program(interface, -1, flags_of(mode)) == 0;
}

int jn_xdp_attach(struct jn_xdp **out, const char *name, const struct jn_xdp_wish *w, struct jn_err *err)
{
    unsigned interface = if_nametoindex(name);
    struct jn_xdp *x = calloc(1, sizeof *x);
    struct jn_bpf *b = calloc(1, sizeof *b);
    char said[300] = "";
    uint32_t id = 0;
    uint8_t mode = 0;
    int rc = !x || !b ? -ENOMEM : interface == 0 ? -ENODEV : get_program(interface, &id, &mode), map = -1, program = -1;

    if (rc == 0)
        rc = map = jn_bpf_find_map(BPF_MAP_TYPE_XSKMAP, "xsks_map", id);
    if (map >= 0 && (rc = jn_xdp_program(b, w, map)) == 0)
        rc = program = jn_bpf_program(b, BPF_PROG_TYPE_XDP, 0, NAME, said, sizeof said);
    if (program >= 0)
        rc = set_program(interface, program, flags_of(mode));
    if (map >= 0)
        close(map);
    if (program >= 0)
        close(program); /* the interface holds it */
    free(b);
    if (rc < 0) {
        free(x);
        return jn_fail(err, rc, "media.dpdk.device: our program for %s is refused: %s %s", name, strerror(-rc), said);
    }
    x->interface = interface;
    x->flags = flags_of(mode);
    *out = x;
    return 0;
}

void jn_xdp_detach(struct jn_xdp *x)
{
    if (x)
        set_program(x->interface, -1, x->flags);
    free(x);
}
