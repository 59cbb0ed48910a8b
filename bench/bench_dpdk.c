/* DPDK: what one relayed packet costs a core from the device's receive ring to its send ring: frame, checks, leg, RTP,
 * new headers and checksums, over net_ring (memory only, so no driver of a card and no kernel is in it). Once in the
 * buffer that it came in and, interleaved, once copied into a fresh one. `bench/run dpdk huge`: with huge pages. */
#include "bench/plane.h"
#include "engine/base/clock.h"
#include "engine/net/eth.h"
#include "engine/net/port_dpdk.h"
#include "media/rtp/rtp.h"
#include <arpa/inet.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALLS = 200,
    LEGS = 2 * CALLS,
    FIRST = 20000,
    ROUNDS = 7,
    PERIODS = 100,
    BURST = 32,
    RING = 1024,
    BUFFERS = 8191
};

struct bench {
    struct jn_dpdk *d;
    struct jn_port *port;
    struct jn_plane *plane;
    struct jn_mailbox facts;
    struct rte_mempool *pool;
    uint16_t peer, local[LEGS], seq;
    uint64_t now, spent_ns, packets;
    struct jn_eth_host us, them;
};

static int take(void *arg, uint32_t local)
{
    return jn_port_dpdk.take(((struct bench *)arg)->port, local);
}

static void give(void *arg, uint32_t local)
{
    jn_port_dpdk.give(((struct bench *)arg)->port, local);
}

static void tx(void *arg, struct jn_pkt *pk[], unsigned n)
{
    jn_port_dpdk.tx(((struct bench *)arg)->port, pk, n);
}

static void start_port(uint16_t port, struct rte_mempool *pool)
{
    struct rte_eth_conf conf = {0};

    if (rte_eth_dev_configure(port, 1, 1, &conf) < 0 || rte_eth_rx_queue_setup(port, 0, RING, 0, NULL, pool) < 0 ||
        rte_eth_tx_queue_setup(port, 0, RING, 0, NULL) < 0 || rte_eth_dev_start(port) < 0)
        plane_die("the wire's other end does not start");
}

static void open_device(struct bench *b, bool huge)
{
    static char words[][24] = {"bench", "--no-huge", "--no-shconf",    "-m",
                               "128",   "--no-pci",  "--no-telemetry", "--log-level=*:error"};
    static char in_memory[] = "--in-memory";
    char *argv[8];
    int argc = 0;
    struct jn_dpdk_config c = {
        .device = "net_ring_engine", .prefix = 24, .mac = {2, 0, 0, 0, 0, 1}, .memory_mb = 64, .workers = 1};
    struct jn_err err = {{0}};

    for (unsigned i = 0; i < 8; i++)
        if (!huge || (i != 1 && i != 2))
            argv[argc++] = words[i];
    if (huge)
        argv[argc++] = in_memory;
    if (rte_eal_init(argc, argv) < 0)
        plane_die(huge ? "DPDK does not start; are huge pages reserved?" : "DPDK does not start");
    struct rte_ring *down = rte_ring_create("down", RING, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
    struct rte_ring *up = rte_ring_create("up", RING, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
    b->pool = rte_pktmbuf_pool_create("bench", BUFFERS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    if (!down || !up || !b->pool || rte_eth_from_rings("engine", &down, 1, &up, 1, 0) < 0)
        plane_die("no rings");
    int peer = rte_eth_from_rings("peer", &up, 1, &down, 1, 0);
    if (peer < 0)
        plane_die("no rings");
    b->peer = (uint16_t)peer;
    start_port(b->peer, b->pool);
    jn_addr_parse(&c.address, "10.0.0.1", 0);
    if (jn_dpdk_open(&b->d, &c, &err) < 0)
        plane_die(err.text);
    struct jn_port_config pc = {
        .port_min = FIRST, .port_max = FIRST + 2 * LEGS - 1, .wake_fd = -1, .back_end = b->d, .dscp = 46};
    if (jn_port_dpdk.open(&b->port, &pc, &err) < 0)
        plane_die(err.text);
    b->us = (struct jn_eth_host){.mac = {2, 0, 0, 0, 0, 1}, .ip = htonl(0x0a000001)};
    b->them = (struct jn_eth_host){.mac = {2, 0, 0, 0, 0, 2}, .ip = htonl(0x0a000002)};
}

static void order(struct bench *b, const struct jn_order *o)
{
    plane_order(b->plane, &b->facts, b->local, o, b->now);
}

static void open_calls(struct bench *b)
{
    struct jn_plane_config c = {.ports = 2 * LEGS,
                                .max_legs = LEGS,
                                .max_rooms = CALLS,
                                .srtp = jn_srtp(),
                                .port = {.take = take, .give = give, .tx = tx, .arg = b}};

    jn_addr_parse(&c.advertise, "10.0.0.1", FIRST);
    if (jn_plane_open(&b->plane, &c) < 0 || jn_mailbox_init(&b->facts, 4096, sizeof(struct jn_fact), NULL) < 0)
        plane_die("no memory");
    jn_plane_mail(b->plane, &b->facts, NULL);
    b->now = UINT64_C(1000000000000);
    for (uint32_t i = 0; i < LEGS; i++) {
        struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i + 1, .room = i / 2 + 1};
        order(b, &o);
        o.kind = JN_ORDER_LEG_REMOTE;
        o.remote = (struct jn_leg_remote){.dtmf_pt = 101, .cn_pt = 13, .ptime_ms = 20};
        jn_addr_parse(&o.remote.rtp, "10.0.0.2", (uint16_t)(4000 + 2 * i));
        o.remote.rtcp = o.remote.rtp;
        order(b, &o);
        plane_join_call(b->plane, &b->facts, b->local, i, b->now);
    }
}

/* What the engine sent, counted: datagrams only, ARP and reports aside. */
static uint64_t drain(struct bench *b)
{
    struct rte_mbuf *m[BURST];
    uint64_t media = 0;
    uint16_t n;

    while ((n = rte_eth_rx_burst(b->peer, 0, m, BURST)) > 0)
        for (uint16_t i = 0; i < n; i++) {
            media += m[i]->data_len == 42 + 172;
            rte_pktmbuf_free(m[i]);
        }
    return media;
}

static void send_frame(struct bench *b, uint32_t leg)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(b->pool);
    struct jn_rtp h = {.seq = b->seq, .ts = b->seq * 160u, .ssrc = leg + 1};
    struct jn_eth_udp u = {
        .sums = true, .to = b->us.ip, .from_port = (uint16_t)(4000 + 2 * leg), .to_port = b->local[leg]};

    if (!m)
        plane_die("buffers are missing");
    uint8_t *rtp = (uint8_t *)rte_pktmbuf_append(m, 42 + 172) + 42;
    memcpy(u.mac, b->us.mac, 6);
    jn_rtp_build(rtp, &h);
    memset(rtp + 12, (int)leg, 160);
    jn_eth_put_udp(&b->them, &u, rtp, 172);
    if (rte_eth_tx_burst(b->peer, 0, &m, 1) != 1)
        plane_die("the ring is full");
}

/* The engine's turn: as its loop has it. */
static unsigned look(struct bench *b, bool copied)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint64_t begin = jn_mono_ns();
    unsigned n = jn_port_dpdk.rx(b->port, pk, JN_PKT_BURST, b->now);

    for (unsigned i = 0; copied && i < n; i++)
        pk[i]->cap = 0; /* no room to build in: the plane copies */
    jn_plane_rx(b->plane, pk, n, b->now);
    jn_plane_flush(b->plane);
    b->spent_ns += jn_mono_ns() - begin;
    return n;
}

static void tell_address(struct bench *b)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(b->pool);

    if (!m)
        plane_die("buffers are missing");
    rte_pktmbuf_append(m, (uint16_t)jn_eth_put_arp(&b->them, b->us.ip, NULL, rte_pktmbuf_mtod(m, uint8_t *)));
    rte_eth_tx_burst(b->peer, 0, &m, 1);
    look(b, false);
    drain(b);
}

static double round_of(struct bench *b, bool copied)
{
    uint64_t out = 0;

    tell_address(b);
    b->spent_ns = b->packets = 0;
    for (unsigned i = 0; i < PERIODS; i++) {
        b->seq++;
        for (uint32_t leg = 0; leg < LEGS;) {
            for (unsigned k = 0; k < BURST && leg < LEGS; k++)
                send_frame(b, leg++);
            b->packets += look(b, copied);
            out += drain(b);
        }
        b->now += 20000000;
        jn_plane_tick(b->plane, b->now);
        jn_plane_flush(b->plane);
        drain(b);
    }
    if (out != (uint64_t)PERIODS * LEGS || b->packets != out)
        plane_die("not every packet was relayed");
    return (double)b->spent_ns / (double)b->packets;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char *argv[])
{
    static struct bench b;
    double same[ROUNDS], copied[ROUNDS];

    open_device(&b, argc > 1 && strcmp(argv[1], "huge") == 0);
    open_calls(&b);
    tell_address(&b);
    for (unsigned ms = 0; ms < 300; ms++) /* until all of them relay */
        jn_plane_tick(b.plane, b.now += 1000000);
    jn_plane_flush(b.plane);
    drain(&b);
    round_of(&b, false);
    for (unsigned i = 0; i < ROUNDS; i++) {
        same[i] = round_of(&b, false);
        copied[i] = round_of(&b, true);
    }
    qsort(same, ROUNDS, sizeof *same, by_value);
    qsort(copied, ROUNDS, sizeof *copied, by_value);
    printf("FIGURE relay_dpdk_ns_per_packet %.1f ns\n", same[ROUNDS / 2]);
    printf("FIGURE relay_dpdk_copied_ns_per_packet %.1f ns\n", copied[ROUNDS / 2]);
    return 0;
}
