/* Port, DPDK: layout, shared by the files port_dpdk*.c and nobody else. */
#ifndef JN_ENGINE_PORT_DPDK_STATE_H
#define JN_ENGINE_PORT_DPDK_STATE_H

#include "engine/base/mailbox.h"
#include "engine/net/eth.h"
#include "engine/net/neigh.h"
#include "engine/net/port_dpdk.h"
#include "engine/net/port_dpdk_xdp.h"
#include <rte_ethdev.h>
#include <rte_mbuf.h>

enum { JN_DPDK_RING = 1024, JN_DPDK_NOBODY = 255 };

/* What one worker hands to another. */
enum jn_dpdk_hand {
    JN_HAND_FRAME, /* received here, for a UDP port of yours */
    JN_HAND_ARP,   /* received here, ARP or ND: learn from it, it was answered; the buffer is shared, only read it */
    JN_HAND_SEND   /* whole: put it on your queue for me */
};
struct jn_dpdk_msg {
    struct rte_mbuf *m;
    uint64_t what;
};

/* The network that one address of ours is in. */
struct jn_dpdk_net {
    uint32_t mask, gateway; /* IPv4's */
    uint8_t prefix, gateway6[16];
    bool has_gateway;
};

struct jn_dpdk {
    struct jn_dpdk_config c;
    uint16_t dev, queues;
    struct rte_mempool *pool;
    uint64_t offload; /* RTE_MBUF_F_TX_*: checksums that the device makes */
    struct jn_eth_host us[JN_PORT_PLACES];
    struct jn_dpdk_net net[JN_PORT_PLACES];
    unsigned hosts;
    struct jn_xdp *xdp; /* our program on the interface, NULL: none */
    bool eal_ours, started, steered, told_steering;
    uint8_t (*owner)[65536];                                   /* [address]: worker by UDP port */
    struct jn_mailbox *ring[JN_DPDK_WORKERS][JN_DPDK_WORKERS]; /* [to][from] */
    struct jn_port *port[JN_DPDK_WORKERS];
};

struct jn_port {
    struct jn_dpdk *d;
    struct jn_port_config c;
    struct jn_port_places at;
    uint8_t host_of[JN_PORT_PLACES], place_of[JN_PORT_PLACES]; /* an address of the device and our place there */
    unsigned self;
    bool has_queue, registered;
    uint8_t announced;
    uint8_t *taken; /* by local index */
    uint32_t ports;
    struct jn_neigh *neigh;
    uint64_t now_ns, tick_ns;
    struct jn_neigh_ip
        hop; /* where the last packet went, and its station, as of hop_ns: whole bursts go to one gateway */
    uint64_t hop_ns;
    uint8_t hop_mac[6];
    unsigned idle; /* looks that found nothing, in a row */
    struct jn_pkt pkt[JN_PKT_BURST];
    struct rte_mbuf *held[JN_PKT_BURST]; /* of the packets that the last rx gave */
    uint16_t tail[JN_PKT_BURST];         /* the sum of what is behind their first bytes, */
    bool tail_known[JN_PKT_BURST];       /* where the checksum says so */
    unsigned held_n;
    _Alignas(64) _Atomic uint64_t count[JN_PORT_COUNTS];
};

/* One writer: a plain addition that others may read at any time. */
static inline void jn_dpdk_count(struct jn_port *p, enum jn_port_count which, uint64_t n)
{
    uint64_t v = atomic_load_explicit(&p->count[which], memory_order_relaxed);
    atomic_store_explicit(&p->count[which], v + n, memory_order_relaxed);
}

/* port_dpdk_eal.c: DPDK itself, once a process. 0 or -errno. */
int jn_dpdk_eal(const struct jn_dpdk_config *c, struct jn_err *err);
/* The last thing that DPDK complained of, "" when nothing. */
const char *jn_dpdk_complaint(void);

/* port_dpdk_tx.c: the op, and: puts whole frames onto the device; returns how many it took, from the first on; the rest
 * is freed and counted. */
void jn_dpdk_tx(struct jn_port *p, struct jn_pkt *pk[], unsigned n);
unsigned jn_dpdk_send(struct jn_port *p, struct rte_mbuf *m[], unsigned n);
/* port_dpdk_arp.c: what is not media. Each takes m. */
void jn_dpdk_arp(struct jn_port *p, struct rte_mbuf *m, const struct jn_eth_frame *f);
/* ARP or ND that another worker received and answered: only learnt from. */
void jn_dpdk_handed_arp(struct jn_port *p, struct rte_mbuf *m);
void jn_dpdk_echo(struct jn_port *p, struct rte_mbuf *m, const struct jn_eth_frame *f);
void jn_dpdk_nd(struct jn_port *p, struct rte_mbuf *m, const struct jn_eth_frame *f);
/* Asks who has ip, from that address of ours. */
void jn_dpdk_ask(struct jn_port *p, unsigned host, struct jn_neigh_ip ip);
/* port_dpdk_steer.c: tells the device which queue has this worker's ports, where it can; otherwise rings do that work.
 * Said in the log. */
void jn_dpdk_steer(struct jn_port *p);
void jn_dpdk_steer_end(struct jn_dpdk *d);
/* What is due by time, ten times a second. */
void jn_dpdk_tick(struct jn_port *p);
/* Frees what waited in vain. */
void jn_dpdk_lost(struct jn_port *p);

#endif
