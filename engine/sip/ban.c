/* Ban: sources that fail again and again are dropped by the kernel before the stack sees a byte. Spoofing: a UDP source
 * address proves nothing, so what a forged packet can cause stays small: unproven failures ban for a minute at most,
 * and never an address of a trunk's access list or target, or one where a phone of ours is registered. Proven is who
 * came over a connection, or used a nonce that we sent to that very address. */
#include "engine/sip/ban.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

enum { SOURCES = 2048, BANNED = 256, SOCKETS = 8, UNPROVEN_S = 60, PROGRAM_MAX = BANNED * 9 + 16, RCVBUF = 8 << 20 };

/* One source that failed. In the order of last failure: a full table forgets the oldest that is not banned. */
struct source {
    uint64_t key, since_ns, until_ns; /* until: 0 not banned */
    uint32_t failures, prev, next;
    struct jn_addr addr;
    bool proven, used;
};
struct jn_sip_bans {
    struct source at[SOURCES + 1]; /* 0: head of the ring */
    struct jn_map by_key;
    uint32_t n, banned;
    int fd[SOCKETS];
    unsigned fds;
    bool told;
    pthread_mutex_t lock; /* of list, for who wants to see it */
    struct jn_sip_ban list[BANNED];
    unsigned listed;
    struct sock_filter code[PROGRAM_MAX];
};

static uint64_t key_of(const struct jn_addr *a)
{
    char hex[33];
    jn_hex(hex, a->ip, 16);
    return jn_name_id(a->family, "source", hex);
}

static void unlink_source(struct jn_sip_bans *b, uint32_t i)
{
    b->at[b->at[i].prev].next = b->at[i].next;
    b->at[b->at[i].next].prev = b->at[i].prev;
}

static void to_front(struct jn_sip_bans *b, uint32_t i)
{
    b->at[i].prev = 0;
    b->at[i].next = b->at[0].next;
    b->at[b->at[0].next].prev = i;
    b->at[0].next = i;
}

/* A place for a new source: a fresh one, or that of whoever failed longest ago. 0: all are banned. */
static uint32_t place(struct jn_sip_bans *b)
{
    if (b->n < SOURCES)
        return ++b->n;
    for (uint32_t i = b->at[0].prev; i; i = b->at[i].prev)
        if (!b->at[i].until_ns) {
            unlink_source(b, i);
            jn_map_del(&b->by_key, b->at[i].key);
            return i;
        }
    return 0;
}

static struct source *source_of(struct jn_sip_bans *b, const struct jn_addr *a)
{
    uint64_t key = key_of(a);
    uint32_t i = jn_map_get(&b->by_key, key);
    if (i != JN_MAP_NONE) {
        unlink_source(b, i);
        to_front(b, i);
        return &b->at[i];
    }
    i = place(b);
    if (!i || jn_map_set(&b->by_key, key, i))
        return NULL;
    b->at[i] = (struct source){.key = key, .addr = *a, .used = true};
    b->at[i].addr.port = 0;
    to_front(b, i);
    return &b->at[i];
}

static unsigned emit(struct sock_filter *c, unsigned n, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
    c[n] = (struct sock_filter)BPF_JUMP(code, k, jt, jf);
    return n + 1;
}

static uint32_t word(const uint8_t *ip)
{
    return (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3];
}

/* Classic BPF over the IP header: packets of a banned source are cut to nothing, all others pass whole. */
static unsigned program(const struct jn_sip_bans *b, uint8_t family, struct sock_filter *c)
{
    enum { LD = BPF_LD | BPF_W | BPF_ABS, EQ = BPF_JMP | BPF_JEQ | BPF_K, RET = BPF_RET | BPF_K };
    const uint32_t net = (uint32_t)SKF_NET_OFF;
    unsigned n = 0;
    n = emit(c, n, BPF_LD | BPF_B | BPF_ABS, 0, 0, net);
    n = emit(c, n, BPF_ALU | BPF_RSH | BPF_K, 0, 0, 4);
    n = emit(c, n, EQ, 1, 0, family == JN_ADDR_V4 ? 4 : 6);
    n = emit(c, n, RET, 0, 0, UINT32_MAX); /* the other family */
    if (family == JN_ADDR_V4)
        n = emit(c, n, LD, 0, 0, net + 12);
    for (unsigned i = 0; i < b->listed; i++) {
        const uint8_t *ip = b->list[i].source.ip;
        if (b->list[i].source.family != family)
            continue;
        for (unsigned w = 0; family == JN_ADDR_V6 && w < 4; w++) {
            n = emit(c, n, LD, 0, 0, net + 8 + 4 * w);
            n = emit(c, n, EQ, 0, (uint8_t)(7 - 2 * w), word(ip + 4 * w));
        }
        if (family == JN_ADDR_V4)
            n = emit(c, n, EQ, 0, 1, word(ip));
        n = emit(c, n, RET, 0, 0, 0);
    }
    return emit(c, n, RET, 0, 0, UINT32_MAX);
}

/* Puts the list into force on our sockets. */
static void enforce(struct jn_sip *s)
{
    struct jn_sip_bans *b = s->bans;
    for (unsigned i = 0; i < b->fds; i++) {
        struct sockaddr_storage ss;
        socklen_t len = sizeof ss;
        int family = AF_INET, none = 0, rc;
        if (!getsockname(b->fd[i], (struct sockaddr *)&ss, &len))
            family = ss.ss_family;
        struct sock_fprog p = {.filter = b->code};
        p.len = (unsigned short)program(b, family == AF_INET6 ? JN_ADDR_V6 : JN_ADDR_V4, b->code);
        if (b->listed)
            rc = setsockopt(b->fd[i], SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p);
        else
            rc = setsockopt(b->fd[i], SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none),
            rc = rc && errno == ENOENT ? 0 : rc;
        if (rc && !b->told)
            jn_warn("sip", "bans cannot be put into force on this system: %s", strerror(errno));
        b->told = b->told || rc;
    }
}

static void publish(struct jn_sip *s)
{
    struct jn_sip_bans *b = s->bans;
    pthread_mutex_lock(&b->lock);
    b->listed = 0;
    for (uint32_t i = b->at[0].next; i && b->listed < BANNED; i = b->at[i].next)
        if (b->at[i].until_ns)
            b->list[b->listed++] = (struct jn_sip_ban){.source = b->at[i].addr,
                                                       .until_ns = b->at[i].until_ns,
                                                       .failures = b->at[i].failures,
                                                       .proven = b->at[i].proven};
    pthread_mutex_unlock(&b->lock);
    atomic_store_explicit(&s->counts.banned, b->listed, memory_order_relaxed);
    enforce(s);
}

unsigned jn_sip_bans_list(const struct jn_sip *s, struct jn_sip_ban *out, unsigned max)
{
    struct jn_sip_bans *b = s->bans;
    pthread_mutex_lock(&b->lock);
    unsigned n = b->listed < max ? b->listed : max;
    memcpy(out, b->list, n * sizeof *out);
    pthread_mutex_unlock(&b->lock);
    return n;
}

/* Addresses that noise must not shut out. */
static bool exempt(const struct jn_sip *s, const struct jn_addr *a)
{
    struct jn_addr host;
    if (jn_dir_trunk_from(s->dir, a) || jn_sip_phone_at(s, a))
        return true;
    for (uint32_t i = 0; i < s->dir->n_trunks; i++)
        for (unsigned k = 0; k < s->dir->trunks[i].tos; k++)
            if (!jn_addr_parse(&host, s->dir->trunks[i].to[k].host, 0) && jn_addr_same_ip(&host, a))
                return true;
    return false;
}

void jn_sip_suspect(struct jn_sip *s, const struct jn_addr *a, bool proven, bool certain)
{
    struct jn_sip_bans *b = s->bans;
    uint64_t now = jn_mono_ns(), window = s->c.ban_window_s * UINT64_C(1000000000);
    if (!b || !s->c.ban_after || a->family == JN_ADDR_NONE || exempt(s, a))
        return;
    struct source *x = source_of(b, a);
    if (!x || x->until_ns)
        return;
    if (now - x->since_ns > window) {
        x->since_ns = now;
        x->failures = 0;
        x->proven = false;
    }
    x->failures += certain ? s->c.ban_after : 1;
    x->proven |= proven;
    if (x->failures < s->c.ban_after || b->banned >= BANNED)
        return;
    uint64_t time_s = s->c.ban_s;
    if (!x->proven && time_s > UNPROVEN_S)
        time_s = UNPROVEN_S;
    x->until_ns = now + time_s * UINT64_C(1000000000);
    b->banned++;
    count(&s->counts.bans);
    char text[JN_ADDR_TEXT_MAX];
    jn_warn("sip", "source banned source=%s failures=%u seconds=%u proven=%s", jn_addr_ip_text(a, text), x->failures,
            (unsigned)time_s, x->proven ? "yes" : "no");
    publish(s);
}

void jn_sip_bans_tick(struct jn_sip *s, uint64_t now_ns)
{
    struct jn_sip_bans *b = s->bans;
    bool changed = false;
    for (uint32_t i = b->banned ? b->at[0].next : 0; i; i = b->at[i].next)
        if (b->at[i].until_ns && b->at[i].until_ns <= now_ns) {
            b->at[i].until_ns = 0;
            b->at[i].failures = 0;
            b->banned--;
            changed = true;
        }
    if (changed)
        publish(s);
    uint64_t drops = 0;
    for (unsigned i = 0; i < b->fds; i++) {
        uint32_t info[9] = {0};
        socklen_t len = sizeof info;
        if (!getsockopt(b->fd[i], SOL_SOCKET, SO_MEMINFO, info, &len))
            drops += info[8]; /* SK_MEMINFO_DROPS */
    }
    atomic_store_explicit(&s->counts.socket_drops, drops, memory_order_relaxed);
}

static bool scanner(const char *agent)
{
    static const char *const names[] = {"friendly-scanner", "sipvicious", "sundayddr", "sip-scan", "friendly-request"};
    for (unsigned i = 0; agent && i < sizeof names / sizeof *names; i++)
        if (strcasestr(agent, names[i]))
            return true;
    return false;
}

/* The stack gives its hook no argument of ours. */
static _Thread_local struct jn_sip *guarded;

void jn_sip_look(msg_t *msg, const sip_t *sip, bool bad)
{
    if (!guarded ||
        (!bad && !(sip->sip_request && scanner(sip->sip_user_agent ? sip->sip_user_agent->g_string : NULL))))
        return;
    const su_addrinfo_t *ai = msg_addrinfo(msg);
    struct jn_addr a;
    if (ai && jn_sip_addr(&a, ai->ai_addr))
        jn_sip_suspect(guarded, &a, ai->ai_socktype == SOCK_STREAM, !bad);
}

/* The stack's sockets on our port. The connections of phones are their filters' heirs and need none. */
static void find_sockets(struct jn_sip *s)
{
    struct jn_sip_bans *b = s->bans;
    DIR *dir = opendir("/proc/self/fd");
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct sockaddr_storage ss;
        socklen_t len = sizeof ss, n = sizeof(int);
        struct jn_addr a;
        int fd = atoi(e->d_name), type = 0, listens = 0, room = RCVBUF;
        if (b->fds == SOCKETS || getsockname(fd, (struct sockaddr *)&ss, &len) ||
            !jn_sip_addr(&a, (struct sockaddr *)&ss) || (a.port != s->c.port && a.port != s->c.tls.port))
            continue;
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n);
        n = sizeof listens;
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n);
        if (type != SOCK_DGRAM && !listens)
            continue;
        /* Room for what a storm sends while we answer; beyond the system's bound only with privileges. */
        if (type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        b->fd[b->fds++] = fd;
    }
    if (dir)
        closedir(dir);
}

int jn_sip_bans_init(struct jn_sip *s)
{
    s->bans = calloc(1, sizeof *s->bans);
    if (!s->bans)
        return -ENOMEM;
    pthread_mutex_init(&s->bans->lock, NULL);
    if (jn_map_init(&s->bans->by_key, SOURCES))
        return -ENOMEM;
    find_sockets(s);
    guarded = s;
    return 0;
}

void jn_sip_bans_free(struct jn_sip *s)
{
    if (!s->bans)
        return;
    guarded = NULL;
    jn_map_free(&s->bans->by_key);
    pthread_mutex_destroy(&s->bans->lock);
    free(s->bans);
    s->bans = NULL;
}
