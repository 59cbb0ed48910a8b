/* Wire: what benchmarks over net_ring share: DPDK started without a card, one device for the engine, another at the
 * other end of it for the benchmark. Memory only: no card's driver and no kernel is in it. */
#ifndef JN_BENCH_WIRE_H
#define JN_BENCH_WIRE_H

#include "bench/plane.h"
#include "engine/base/log.h"
#include "engine/net/eth.h"
#include "engine/net/port_dpdk.h"
#include <arpa/inet.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <string.h>

/* WIRE_PLACES: the engine's addresses on it, 10.0.0.1 and 10.0.0.2. */
enum { WIRE_PLACES = 2, WIRE_FRAME = 42 + 172, WIRE_DESCRIPTORS = 512 };

struct wire_size {
    unsigned ring, buffers; /* each way, a power of two; the benchmark's own buffers */
    uint32_t engine_spare;  /* the engine's, beside what it always has */
    uint16_t room;          /* of the benchmark's buffers, headroom included */
    bool huge;
    unsigned memory_mb;
};

struct wire {
    struct jn_dpdk *d;
    struct rte_mempool *pool;
    uint16_t peer;
    struct jn_addr place[WIRE_PLACES];
    struct jn_eth_host us, them; /* the engine's station, and the gateway behind which everybody is */
};

static inline void wire_start_port(uint16_t port, struct rte_mempool *pool)
{
    struct rte_eth_conf conf = {0};

    if (rte_eth_dev_configure(port, 1, 1, &conf) < 0 ||
        rte_eth_rx_queue_setup(port, 0, WIRE_DESCRIPTORS, 0, NULL, pool) < 0 ||
        rte_eth_tx_queue_setup(port, 0, WIRE_DESCRIPTORS, 0, NULL) < 0 || rte_eth_dev_start(port) < 0)
        plane_die("the wire's other end does not start");
}

static inline void wire_start_eal(const struct wire_size *s)
{
    static char words[][24] = {"bench", "--no-huge", "--no-shconf",    "-m",
                               "",      "--no-pci",  "--no-telemetry", "--log-level=*:error"};
    static char in_memory[] = "--in-memory";
    char *argv[8];
    int argc = 0;

    snprintf(words[4], sizeof words[4], "%u", s->memory_mb);
    for (unsigned i = 0; i < 8; i++)
        if (!s->huge || (i != 1 && i != 2))
            argv[argc++] = words[i];
    if (s->huge)
        argv[argc++] = in_memory;
    if (rte_eal_init(argc, argv) < 0)
        plane_die(s->huge ? "DPDK does not start; are huge pages reserved?" : "DPDK does not start");
}

static inline void wire_open(struct wire *w, const struct wire_size *s)
{
    struct jn_dpdk_config c = {.device = "net_ring_engine",
                               .prefix = 24,
                               .mac = {2, 0, 0, 0, 0, 1},
                               .memory_mb = 64,
                               .workers = 1,
                               .spare_buffers = s->engine_spare,
                               .more_n = WIRE_PLACES - 1,
                               .more[0].prefix = 24};
    struct jn_err err = {{0}};

    jn_log_level_set(JN_LOG_WARN);
    wire_start_eal(s);
    struct rte_ring *down = rte_ring_create("down", s->ring, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
    struct rte_ring *up = rte_ring_create("up", s->ring, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
    w->pool = rte_pktmbuf_pool_create("bench", s->buffers, 256, 0, s->room, 0);
    if (!down || !up || !w->pool || rte_eth_from_rings("engine", &down, 1, &up, 1, 0) < 0)
        plane_die("no memory for the wire");
    int peer = rte_eth_from_rings("peer", &up, 1, &down, 1, 0);
    if (peer < 0)
        plane_die("no memory for the wire");
    w->peer = (uint16_t)peer;
    wire_start_port(w->peer, w->pool);
    jn_addr_parse(&c.address, "10.0.0.1", 0);
    jn_addr_parse(&c.gateway, "10.0.0.254", 0);
    jn_addr_parse(&c.more[0].address, "10.0.0.2", 0);
    c.more[0].gateway = c.gateway;
    if (jn_dpdk_open(&w->d, &c, &err) < 0)
        plane_die(err.text);
    w->place[0] = c.address;
    w->place[1] = c.more[0].address;
    w->us = (struct jn_eth_host){.mac = {2, 0, 0, 0, 0, 1}, .ip = htonl(0x0a000001)};
    w->them = (struct jn_eth_host){.mac = {2, 0, 0, 0, 0, 2}, .ip = htonl(0x0a0000fe)};
}

/* The far end of a leg, behind the gateway. */
static inline struct jn_addr wire_peer(uint32_t leg)
{
    struct jn_addr a = plane_peer(leg);

    a.ip[0] = 172;
    a.ip[1] = 16;
    return a;
}

/* Ethernet, IPv4 and UDP in front of an RTP packet, from the leg's far end to `to`. */
static inline void wire_put(const struct wire *w, uint32_t leg, const struct jn_addr *to, uint8_t *rtp)
{
    struct jn_addr peer = wire_peer(leg);
    struct jn_eth_udp u = {.sums = true, .from_port = peer.port, .to_port = to->port};
    struct jn_eth_host far = w->them;

    memcpy(u.mac, w->us.mac, 6);
    memcpy(&u.to, to->ip, 4);
    memcpy(&far.ip, peer.ip, 4);
    jn_eth_put_udp(&far, &u, rtp, WIRE_FRAME - 42);
}

/* The gateway tells the engine its address: a benchmark's gateway answers no questions. */
static inline void wire_tell_address(const struct wire *w)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(w->pool);

    if (!m)
        plane_die("buffers are missing");
    rte_pktmbuf_append(m, (uint16_t)jn_eth_put_arp(&w->them, w->us.ip, NULL, rte_pktmbuf_mtod(m, uint8_t *)));
    if (rte_eth_tx_burst(w->peer, 0, &m, 1) != 1)
        rte_pktmbuf_free(m);
}

#endif
