/* Neigh: see neigh.h. Sets of eight by a hash with a seed of our own, so that nobody outside can aim at one set. */
#include "engine/net/neigh.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FREE, ASKED, KNOWN };
enum { SETS_A_TICK = (JN_NEIGH_SETS + 9) / 10 };
#define NS_PER_S UINT64_C(1000000000)

struct entry {
    uint64_t hi;
    uint16_t vlan;
    uint8_t mac[6], state, tries, waiting;
    uint64_t used_ns, known_ns, ask_ns; /* ask_ns: not again before that */
    void *wait[JN_NEIGH_WAIT];
};
struct jn_neigh {
    _Alignas(
        64) uint64_t lo[JN_NEIGH_SETS][JN_NEIGH_WAYS]; /* 0: free; apart from the entries: a set is one cache line */
    struct entry e[JN_NEIGH_SETS][JN_NEIGH_WAYS];
    uint64_t seed;
    unsigned waiting, lost_n, at;
    void *lost[JN_NEIGH_WAIT_ALL];
};

struct jn_neigh *jn_neigh_open(uint64_t seed)
{
    struct jn_neigh *n = aligned_alloc(64, sizeof *n);

    if (!n)
        return NULL;
    memset(n, 0, sizeof *n);
    n->seed = seed | 1;
    return n;
}

void jn_neigh_close(struct jn_neigh *n)
{
    free(n);
}

static unsigned set_of(const struct jn_neigh *n, struct jn_neigh_ip ip)
{
    uint64_t h = (ip.lo ^ n->seed) * UINT64_C(0x9e3779b97f4a7c15) ^ (ip.hi + ip.vlan) * UINT64_C(0xd6e8feb86659fd93);

    return (unsigned)((h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9) >> 55) % JN_NEIGH_SETS;
}

static struct entry *look(struct jn_neigh *n, struct jn_neigh_ip ip)
{
    unsigned s = set_of(n, ip);

    for (unsigned w = 0; ip.lo != 0 && w < JN_NEIGH_WAYS; w++)
        if (n->lo[s][w] == ip.lo && n->e[s][w].hi == ip.hi && n->e[s][w].vlan == ip.vlan)
            return &n->e[s][w];
    return NULL;
}

/* waiting counts what waits and what is in `lost`, so lost has room for all of it. */
static void forget(struct jn_neigh *n, unsigned s, unsigned w)
{
    struct entry *e = &n->e[s][w];

    for (unsigned i = 0; i < e->waiting; i++)
        n->lost[n->lost_n++] = e->wait[i];
    n->lo[s][w] = 0;
    memset(e, 0, sizeof *e);
}

/* An empty entry for ip. push: at the cost of the one used least recently when its set is full. */
static struct entry *make(struct jn_neigh *n, struct jn_neigh_ip ip, bool push)
{
    unsigned s = set_of(n, ip), oldest = 0, w = 0;

    for (; w < JN_NEIGH_WAYS && n->lo[s][w] != 0; w++)
        if (n->e[s][w].used_ns < n->e[s][oldest].used_ns)
            oldest = w;
    if (w == JN_NEIGH_WAYS) {
        if (!push)
            return NULL;
        w = oldest;
        forget(n, s, w);
    }
    n->lo[s][w] = ip.lo;
    n->e[s][w].hi = ip.hi;
    n->e[s][w].vlan = ip.vlan;
    return &n->e[s][w];
}

bool jn_neigh_find(struct jn_neigh *n, struct jn_neigh_ip ip, uint8_t mac[static 6], uint64_t now_ns)
{
    struct entry *e = look(n, ip);

    if (!e)
        return false;
    e->used_ns = now_ns;
    if (e->state != KNOWN)
        return false;
    memcpy(mac, e->mac, 6);
    return true;
}

int jn_neigh_wait(struct jn_neigh *n, struct jn_neigh_ip ip, void *packet, uint64_t now_ns, bool *ask)
{
    struct entry *e = look(n, ip);

    *ask = !e;
    if (!e) {
        e = make(n, ip, true);
        e->state = ASKED;
        e->tries = 1;
        e->ask_ns = now_ns + NS_PER_S;
        e->used_ns = now_ns;
    }
    if (e->waiting == JN_NEIGH_WAIT || n->waiting == JN_NEIGH_WAIT_ALL)
        return -ENOBUFS;
    e->wait[e->waiting++] = packet;
    n->waiting++;
    return 0;
}

unsigned jn_neigh_learn(struct jn_neigh *n, struct jn_neigh_ip ip, const uint8_t mac[static 6], bool for_us,
                        uint64_t now_ns, void *packet[static JN_NEIGH_WAIT])
{
    struct entry *e = look(n, ip);

    if (ip.lo == 0 || (mac[0] & 1) != 0) /* no station: 0.0.0.0 probes (RFC 5227), and groups have no address */
        return 0;
    if (!e && for_us && (e = make(n, ip, false)) != NULL)
        e->used_ns = now_ns;
    if (!e)
        return 0;
    unsigned waited = e->waiting;
    memcpy(packet, e->wait, waited * sizeof *packet);
    n->waiting -= waited;
    e->waiting = 0;
    e->state = KNOWN;
    e->tries = 0;
    e->known_ns = now_ns;
    memcpy(e->mac, mac, 6);
    return waited;
}

/* True: to be asked for now. */
static bool due(struct jn_neigh *n, unsigned s, unsigned w, uint64_t now_ns)
{
    struct entry *e = &n->e[s][w];

    if (now_ns >= e->used_ns + JN_NEIGH_KEEP_S * NS_PER_S) {
        forget(n, s, w);
        return false;
    }
    if (now_ns < e->ask_ns)
        return false;
    /* A known one is used on while it is asked for again; one that is not used is left alone. */
    if (e->state == KNOWN && e->tries == 0 &&
        (now_ns < e->known_ns + JN_NEIGH_ASK_S * NS_PER_S || e->used_ns <= e->known_ns))
        return false;
    if (e->tries == JN_NEIGH_TRIES) {
        forget(n, s, w);
        return false;
    }
    e->tries++;
    e->ask_ns = now_ns + NS_PER_S;
    return true;
}

unsigned jn_neigh_tick(struct jn_neigh *n, struct jn_neigh_ip ask[], unsigned max, uint64_t now_ns)
{
    unsigned some = 0;

    for (unsigned i = 0; i < SETS_A_TICK && max - some >= JN_NEIGH_WAYS; i++) {
        unsigned s = n->at;
        n->at = (n->at + 1) % JN_NEIGH_SETS;
        for (unsigned w = 0; w < JN_NEIGH_WAYS; w++) {
            struct jn_neigh_ip ip = {.hi = n->e[s][w].hi, .lo = n->lo[s][w], .vlan = n->e[s][w].vlan};
            if (ip.lo != 0 && due(n, s, w, now_ns))
                ask[some++] = ip;
        }
    }
    return some;
}

unsigned jn_neigh_lost(struct jn_neigh *n, void *packet[], unsigned max)
{
    unsigned some = n->lost_n < max ? n->lost_n : max;

    n->lost_n -= some;
    n->waiting -= some;
    memcpy(packet, n->lost + n->lost_n, some * sizeof *packet);
    return some;
}

void jn_neigh_flush(struct jn_neigh *n)
{
    for (unsigned s = 0; s < JN_NEIGH_SETS; s++)
        for (unsigned w = 0; w < JN_NEIGH_WAYS; w++)
            if (n->lo[s][w] != 0)
                forget(n, s, w);
}
