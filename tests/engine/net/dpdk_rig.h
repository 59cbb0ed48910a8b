/* Rig: a jn_dpdk device made of rings (net_ring, no privilege), and the wire's other end as a second one: what a test
 * sends there the engine receives. One EAL a process; included by one program each. */
#ifndef JN_TESTS_DPDK_RIG_H
#define JN_TESTS_DPDK_RIG_H

#include "engine/net/eth.h"
#include "engine/net/port_dpdk.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RIG_QUEUES = 2, RIG_FIRST = 20000, RIG_PORTS = 100, RIG_BUFFERS = 2047 };

struct rig {
    uint16_t peer; /* its port id */
    struct rte_mempool *pool;
    struct rte_ring *down[RIG_QUEUES], *up[RIG_QUEUES]; /* to the engine, from it */
    struct jn_dpdk *d;
    struct jn_port *p[4];
    unsigned workers;
    struct jn_eth_host us, them;
    uint64_t now;
};

static const uint8_t RIG_THEIRS[6] = {2, 0, 0, 0, 0, 2}, RIG_OURS[6] = {2, 0, 0, 0, 0, 1};

static inline void rig_eal(void)
{
    static char *argv[] = {
        "rig",      "--no-huge", "--no-shconf", "-m", "64", "--no-pci", "--no-telemetry", "--log-level=*:critical",
        "--lcores", "0@(0-127)", NULL};
    argv[9] = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? "0@(0,1)" : "0@(0)";
    cr_assert_geq(rte_eal_init(10, argv), 0);
}

static inline struct jn_dpdk_config rig_config(unsigned workers)
{
    struct jn_dpdk_config c = {.device = "net_ring_engine",
                               .prefix = 24,
                               .mac = {2, 0, 0, 0, 0, 1},
                               .memory_mb = 64,
                               .max_sleep_us = 100,
                               .workers = (uint16_t)workers};
    jn_addr_parse(&c.address, "10.0.0.1", 0);
    jn_addr_parse(&c.gateway, "10.0.0.254", 0);
    return c;
}

static inline void rig_port(uint16_t port, uint16_t queues, struct rte_mempool *pool)
{
    struct rte_eth_conf conf = {0};
    cr_assert_eq(rte_eth_dev_configure(port, queues, queues, &conf), 0);
    for (uint16_t q = 0; q < queues; q++) {
        cr_assert_eq(rte_eth_rx_queue_setup(port, q, 256, 0, NULL, pool), 0);
        cr_assert_eq(rte_eth_tx_queue_setup(port, q, 256, 0, NULL), 0);
    }
    cr_assert_eq(rte_eth_dev_start(port), 0);
}

/* queues of the device, workers on it; each worker has RIG_PORTS ports from RIG_FIRST on, all of them taken. */
static inline void rig_open(struct rig *r, struct jn_dpdk_config c, unsigned queues)
{
    struct jn_err err = {{0}};
    char name[32];
    memset(r, 0, sizeof *r);
    r->workers = c.workers;
    r->now = 1000000000;
    rig_eal();
    r->pool = rte_pktmbuf_pool_create("rig", RIG_BUFFERS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    cr_assert(r->pool != NULL);
    for (unsigned q = 0; q < queues; q++) {
        snprintf(name, sizeof name, "down%u", q);
        r->down[q] = rte_ring_create(name, 256, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
        snprintf(name, sizeof name, "up%u", q);
        r->up[q] = rte_ring_create(name, 256, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
    }
    int engine = rte_eth_from_rings("engine", r->down, queues, r->up, queues, 0);
    int peer = rte_eth_from_rings("peer", r->up, queues, r->down, queues, 0);
    cr_assert(engine >= 0 && peer >= 0);
    r->peer = (uint16_t)peer;
    rig_port(r->peer, (uint16_t)queues, r->pool);
    r->us = (struct jn_eth_host){.vlan = c.vlan, .ip = inet_addr("10.0.0.1")};
    r->them = (struct jn_eth_host){.vlan = c.vlan, .ip = inet_addr("10.0.0.2")};
    memcpy(r->us.mac, RIG_OURS, 6);
    memcpy(r->them.mac, RIG_THEIRS, 6);
    cr_assert_eq(jn_dpdk_open(&r->d, &c, &err), 0, "%s", err.text);
    for (unsigned w = 0; w < c.workers; w++) {
        struct jn_port_config pc = {.port_min = (uint16_t)(RIG_FIRST + w * RIG_PORTS),
                                    .port_max = (uint16_t)(RIG_FIRST + w * RIG_PORTS + RIG_PORTS - 1),
                                    .wake_fd = -1,
                                    .back_end = r->d,
                                    .index = (uint8_t)w,
                                    .dscp = 46,
                                    .vlan = c.vlan};
        pc.local = c.address;
        cr_assert_eq(jn_port_dpdk.open(&r->p[w], &pc, &err), 0, "%s", err.text);
        for (uint16_t i = 0; i < RIG_PORTS; i++)
            cr_assert_eq(jn_port_dpdk.take(r->p[w], i), 0);
    }
}

static inline uint64_t rig_count(const struct rig *r, unsigned worker, enum jn_port_count which)
{
    return atomic_load(&jn_port_dpdk.counts(r->p[worker])[which]);
}

/* Bytes as a frame on the wire towards queue q; its buffer is given back. */
static inline struct rte_mbuf *rig_send(struct rig *r, unsigned q, const void *bytes, size_t n)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(r->pool);
    cr_assert(m != NULL);
    memcpy(rte_pktmbuf_append(m, (uint16_t)n), bytes, n);
    cr_assert_eq(rte_eth_tx_burst(r->peer, (uint16_t)q, &m, 1), 1);
    return m;
}

/* The next frame that the engine sent on queue q, or NULL. The caller frees it. */
static inline struct rte_mbuf *rig_receive(struct rig *r, unsigned q)
{
    struct rte_mbuf *m;
    return rte_eth_rx_burst(r->peer, (uint16_t)q, &m, 1) == 1 ? m : NULL;
}

/* The worker looks once; a millisecond passes. */
static inline unsigned rig_rx(struct rig *r, unsigned worker, struct jn_pkt *pk[])
{
    r->now += 1000000;
    return jn_port_dpdk.rx(r->p[worker], pk, JN_PKT_BURST, r->now);
}

/* A datagram of n equal bytes for a port, in frame; returns its length. */
static inline size_t rig_datagram(const struct rig *r, uint8_t frame[1600], uint16_t port, uint8_t value, uint16_t n)
{
    struct jn_eth_udp u = {.sums = true, .to = r->us.ip, .from_port = 4000, .to_port = port};
    uint8_t bytes[1600];
    memcpy(u.mac, r->us.mac, 6);
    memset(bytes + 64, value, n);
    unsigned headers = jn_eth_put_udp(&r->them, &u, bytes + 64, n);
    memcpy(frame, bytes + 64 - headers, headers + n);
    return headers + n;
}

/* Throws away what the engine said so far (announcements). */
static inline void rig_quiet(struct rig *r, unsigned queues)
{
    struct rte_mbuf *m;
    for (unsigned q = 0; q < queues; q++)
        while ((m = rig_receive(r, q)) != NULL)
            rte_pktmbuf_free(m);
}

/* The station that the peer is becomes known to the engine. */
static inline void rig_tell(struct rig *r, unsigned q)
{
    uint8_t arp[JN_ETH_ARP_MAX];
    struct jn_pkt *pk[JN_PKT_BURST];
    unsigned n = jn_eth_put_arp(&r->them, r->us.ip, r->us.mac, arp); /* an answer to us */
    arp[n - 21] = 1;                                                 /* no: a question for us */
    rig_send(r, q, arp, n);
    for (unsigned w = 0; w < r->workers; w++)
        rig_rx(r, w, pk);
    for (unsigned w = 0; w < r->workers; w++)
        rig_rx(r, w, pk);
    rig_quiet(r, 1);
}

/* Closes everything; no buffer may be missing. */
static inline void rig_close(struct rig *r, unsigned queues)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    for (unsigned w = 0; w < r->workers; w++)
        rig_rx(r, w, pk);
    rig_quiet(r, queues);
    for (unsigned w = 0; w < r->workers; w++) /* what is still between them */
        while (rig_rx(r, w, pk) > 0)
            continue;
    rig_quiet(r, queues);
    for (unsigned w = 0; w < r->workers; w++)
        jn_port_dpdk.close(r->p[w]);
    struct rte_mempool *ours = rte_mempool_lookup("junctor");
    cr_assert_eq(rte_mempool_avail_count(ours), ours->size, "%u buffers of the engine are missing",
                 ours->size - rte_mempool_avail_count(ours));
    jn_dpdk_close(r->d);
    cr_assert_eq(rte_mempool_avail_count(r->pool), RIG_BUFFERS, "%u buffers are missing",
                 RIG_BUFFERS - rte_mempool_avail_count(r->pool));
    rte_eth_dev_stop(r->peer);
    rte_eth_dev_close(r->peer);
}

#endif
