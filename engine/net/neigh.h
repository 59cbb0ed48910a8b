/* Neigh: which station (MAC) an address of our own networks is, IPv4 or IPv6, each VLAN by itself: a table of fixed
 * size, one owner thread. An entry is asked for, known, asked again while it is used, and forgotten when nobody
 * answers; packets wait for a first answer, few and counted. Time is an argument; packets are the caller's pointers;
 * asking is the caller's work. */
#ifndef JN_ENGINE_NEIGH_H
#define JN_ENGINE_NEIGH_H

#include <stdbool.h>
#include <stdint.h>

enum {
    JN_NEIGH_WAYS = 8,
    JN_NEIGH_SETS = 512, /* 4,096 stations; a full set forgets the one used least recently */
    JN_NEIGH_WAIT = 4,   /* packets that wait for one address (RFC 1122 2.3.2.2: at least one) */
    JN_NEIGH_WAIT_ALL = 512,
    JN_NEIGH_TRIES = 3,   /* requests without an answer until an entry is given up, one a second */
    JN_NEIGH_ASK_S = 30,  /* a used entry is asked for again after that */
    JN_NEIGH_KEEP_S = 300 /* an entry that nobody used for so long is forgotten */
};

/* An address in a VLAN: IPv6's two halves, or IPv4's as it is sent, in lo. lo 0 is no station. */
struct jn_neigh_ip {
    uint64_t hi, lo;
    uint16_t vlan;
};
static inline struct jn_neigh_ip jn_neigh_v4(uint32_t ip, uint16_t vlan)
{
    return (struct jn_neigh_ip){.lo = ip, .vlan = vlan};
}
static inline struct jn_neigh_ip jn_neigh_v6(const uint8_t ip[static 16], uint16_t vlan)
{
    struct jn_neigh_ip k = {.vlan = vlan};
    __builtin_memcpy(&k.hi, ip, 8);
    __builtin_memcpy(&k.lo, ip + 8, 8);
    return k;
}

struct jn_neigh;
struct jn_neigh *jn_neigh_open(uint64_t seed);
/* What still waits must have been taken by jn_neigh_flush and jn_neigh_lost before. */
void jn_neigh_close(struct jn_neigh *n);

/* True: mac is where packets for ip go. */
bool jn_neigh_find(struct jn_neigh *n, struct jn_neigh_ip ip, uint8_t mac[static 6], uint64_t now_ns);
/* Takes a packet that waits for ip (after jn_neigh_find said no). 0, or -ENOBUFS: too many wait, it stays the caller's.
 * ask: the caller has to ask for ip now. */
int jn_neigh_wait(struct jn_neigh *n, struct jn_neigh_ip ip, void *packet, uint64_t now_ns, bool *ask);
/* ip is at mac, say ARP and ND. for_us: it was a question for us, so an answer is going there: an entry may be made
 * while there is room (never at the cost of another); otherwise only entries that we have are changed (RFC 826). Gives
 * back what waited for it; returns how many. */
unsigned jn_neigh_learn(struct jn_neigh *n, struct jn_neigh_ip ip, const uint8_t mac[static 6], bool for_us,
                        uint64_t now_ns, void *packet[static JN_NEIGH_WAIT]);
/* Looks at a tenth of the table; to be called ten times a second. Forgets what is old; writes the addresses that have
 * to be asked for (again) now, at most max, and returns how many. */
unsigned jn_neigh_tick(struct jn_neigh *n, struct jn_neigh_ip ask[], unsigned max, uint64_t now_ns);
/* Gives back packets that waited in vain or were pushed out, up to max; call until it says 0. */
unsigned jn_neigh_lost(struct jn_neigh *n, void *packet[], unsigned max);
/* Forgets everything; what waited is then to be had from jn_neigh_lost. */
void jn_neigh_flush(struct jn_neigh *n);

#endif
