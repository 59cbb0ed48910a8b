/* The DPDK port on real devices (net_ring) without privileges: what arrives where, what is sent how, and that no buffer
 * is lost. Each test is a process with an EAL of its own. */
#include "engine/base/sum.h"
#include "tests/engine/net/dpdk_rig.h"

TestSuite(port_dpdk, .timeout = 60);

static struct rig r;

static void echo_back(struct jn_pkt *pk[], unsigned n, unsigned worker)
{
    jn_port_dpdk.tx(r.p[worker], pk, n);
    for (unsigned i = 0; i < n; i++)
        cr_assert_eq(pk[i]->drop, JN_DROP_NONE);
}

Test(port_dpdk, a_relayed_packet_leaves_in_the_buffer_it_came_in)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint8_t frame[1600];
    struct jn_eth_frame f;
    rig_open(&r, rig_config(1), 1);
    rig_tell(&r, 0);
    size_t n = rig_datagram(&r, frame, RIG_FIRST + 6, 0x5a, 172);
    struct rte_mbuf *in = rig_send(&r, 0, frame, n);
    const void *bytes = in->buf_addr;
    cr_assert_eq(rig_rx(&r, 0, pk), 1);
    cr_assert_eq(pk[0]->local, 6);
    cr_assert_eq(pk[0]->len, 172);
    cr_assert_eq(pk[0]->data[171], 0x5a);
    cr_assert_eq(pk[0]->from.port, 4000);
    cr_assert_eq(pk[0]->at_ns, r.now);
    cr_assert_geq(pk[0]->cap, 172 + 64);
    /* As a relay does: another leg, another peer, a header in place, a tag behind. */
    pk[0]->data += 4;
    pk[0]->local = 8;
    pk[0]->from.port = 4100;
    echo_back(pk, 1, 0);
    struct rte_mbuf *out = rig_receive(&r, 0);
    cr_assert(out == in && out->buf_addr == bytes, "the same buffer");
    const uint8_t *at = rte_pktmbuf_mtod(out, const uint8_t *);
    cr_assert_eq(jn_eth_parse(&f, &r.them, at, out->data_len, 0), JN_ETH_UDP);
    cr_assert(jn_eth_udp_sum_ok(&f, at) && jn_eth_fold(jn_sum(0, at + 14, 20)) == 0);
    cr_assert_eq(f.from, r.us.ip);
    cr_assert_eq(f.from_port, RIG_FIRST + 8);
    cr_assert_eq(f.to_port, 4100);
    cr_assert_eq(f.len, 172);
    cr_assert_eq(at[f.off], 0x5a);
    cr_assert_eq(at[15], 46 << 2, "EF");
    rte_pktmbuf_free(out);
    jn_port_dpdk.tx(r.p[0], pk, 1);
    cr_assert_eq(pk[0]->drop, JN_DROP_TX, "a buffer can go only once");
    cr_assert_eq(rig_receive(&r, 0), NULL);
    rig_close(&r, 1);
}

Test(port_dpdk, other_packets_take_a_fresh_buffer_and_what_is_not_sent_is_freed)
{
    struct jn_pkt *pk[JN_PKT_BURST], out, *list[1] = {&out};
    uint8_t frame[1600], data[200];
    rig_open(&r, rig_config(1), 1);
    rig_tell(&r, 0);
    for (unsigned round = 0; round < 5000; round++) { /* more than there are buffers */
        size_t n = rig_datagram(&r, frame, (uint16_t)(RIG_FIRST + round % RIG_PORTS), (uint8_t)round, 20);
        rig_send(&r, 0, frame, n);
        cr_assert_eq(rig_rx(&r, 0, pk), 1);
        cr_assert_eq(pk[0]->local, round % RIG_PORTS);
        if (round % 3 == 0)
            continue; /* not sent on: freed at the next look */
        memset(data, (int)round, sizeof data);
        out = (struct jn_pkt){.data = data, .len = 100, .local = 1, .from = pk[0]->from};
        if (round % 3 == 1)
            echo_back(pk, 1, 0);
        else
            echo_back(list, 1, 0);
        struct rte_mbuf *m = rig_receive(&r, 0);
        while (m && m->data_len == 42) { /* it announces itself */
            rte_pktmbuf_free(m);
            m = rig_receive(&r, 0);
        }
        cr_assert(m != NULL);
        cr_assert_eq(rte_pktmbuf_mtod(m, uint8_t *)[m->data_len - 1], (uint8_t)round);
        rte_pktmbuf_free(m);
    }
    cr_assert_eq(rig_count(&r, 0, JN_PORT_NO_BUFFER), 0);
    rig_close(&r, 1);
}

/* Announcements aside: what kind of frame the engine sent next, to whom. */
static enum jn_eth_kind next_frame(struct jn_eth_frame *f, uint8_t mac[6])
{
    struct rte_mbuf *m = rig_receive(&r, 0);
    cr_assert(m != NULL, "the engine says nothing");
    memcpy(mac, rte_pktmbuf_mtod(m, uint8_t *), 6);
    enum jn_eth_kind kind = jn_eth_parse(f, &r.them, rte_pktmbuf_mtod(m, uint8_t *), m->data_len, 0);
    rte_pktmbuf_free(m);
    return kind;
}

Test(port_dpdk, a_packet_waits_for_its_stations_address_and_goes_when_it_is_told)
{
    static uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
    struct jn_pkt *pk[JN_PKT_BURST], out, *list[1] = {&out};
    uint8_t data[50] = {7}, mac[6], arp[JN_ETH_ARP_MAX];
    struct jn_eth_frame f;
    rig_open(&r, rig_config(1), 1);
    rig_rx(&r, 0, pk);
    cr_assert_eq(next_frame(&f, mac), JN_ETH_ARP);
    cr_assert(f.from == r.us.ip && f.to == r.us.ip, "it announces itself");
    out = (struct jn_pkt){.data = data, .len = 50, .local = 3};
    jn_addr_parse(&out.from, "10.0.0.2", 4000);
    for (unsigned i = 0; i < JN_PKT_BURST; i++)
        jn_port_dpdk.tx(r.p[0], list, 1);
    cr_assert_eq(out.drop, JN_DROP_TX, "the later ones found no room");
    cr_assert_eq(rig_count(&r, 0, JN_PORT_WAITED), 4);
    cr_assert_eq(rig_count(&r, 0, JN_PORT_WAIT_FULL), JN_PKT_BURST - 4);
    cr_assert_eq(next_frame(&f, mac), JN_ETH_ARP);
    cr_assert(f.asks && f.to == r.them.ip && memcmp(mac, everybody, 6) == 0);
    cr_assert_eq(rig_receive(&r, 0), NULL, "asked once");
    unsigned n = jn_eth_put_arp(&r.them, r.us.ip, r.us.mac, arp);
    rig_send(&r, 0, arp, n);
    rig_rx(&r, 0, pk);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(next_frame(&f, mac), JN_ETH_UDP);
        cr_assert(memcmp(mac, RIG_THEIRS, 6) == 0);
        cr_assert_eq(f.len, 50);
    }
    jn_port_dpdk.tx(r.p[0], list, 1);
    cr_assert_eq(out.drop, JN_DROP_NONE);
    cr_assert_eq(next_frame(&f, mac), JN_ETH_UDP);
    rig_close(&r, 1);
}

Test(port_dpdk, far_addresses_go_through_the_gateway_and_some_go_nowhere)
{
    static const char *const nowhere[] = {"10.0.0.1", "10.0.0.255", "224.0.0.1", "255.255.255.255", "0.0.0.0"};
    struct jn_pkt *pk[JN_PKT_BURST], out, *list[1] = {&out};
    uint8_t data[50] = {7}, mac[6];
    struct jn_eth_frame f;
    rig_open(&r, rig_config(1), 1);
    rig_rx(&r, 0, pk);
    rig_quiet(&r, 1);
    out = (struct jn_pkt){.data = data, .len = 50, .local = 3};
    jn_addr_parse(&out.from, "192.0.2.1", 4000);
    jn_port_dpdk.tx(r.p[0], list, 1);
    cr_assert_eq(next_frame(&f, mac), JN_ETH_ARP);
    cr_assert_eq(f.to, inet_addr("10.0.0.254"));
    for (unsigned i = 0; i < 5; i++) {
        jn_addr_parse(&out.from, nowhere[i], 4000);
        jn_port_dpdk.tx(r.p[0], list, 1);
        cr_assert_eq(out.drop, JN_DROP_TX);
    }
    jn_addr_parse(&out.from, "::1", 4000);
    jn_port_dpdk.tx(r.p[0], list, 1);
    cr_assert_eq(out.drop, JN_DROP_TX);
    cr_assert_eq(rig_count(&r, 0, JN_PORT_NO_ROUTE), 5);
    /* Nobody is the gateway: what waited is given up, and counted. */
    for (unsigned i = 0; i < 80; i++) {
        r.now += 100000000;
        rig_rx(&r, 0, pk);
    }
    cr_assert_eq(rig_count(&r, 0, JN_PORT_WAIT_LOST), 1);
    jn_addr_parse(&out.from, "192.0.2.1", 4000);
    jn_port_dpdk.tx(r.p[0], list, 1); /* this one waits when the port is closed */
    cr_assert_eq(rig_count(&r, 0, JN_PORT_WAITED), 2);
    rig_close(&r, 1);
}

Test(port_dpdk, arp_and_pings_are_answered_and_conflicts_counted)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint8_t arp[JN_ETH_ARP_MAX], mac[6], frame[1600];
    struct jn_eth_frame f;
    rig_open(&r, rig_config(1), 1);
    rig_rx(&r, 0, pk);
    rig_quiet(&r, 1);
    unsigned n = jn_eth_put_arp(&r.them, r.us.ip, NULL, arp);
    rig_send(&r, 0, arp, n);
    rig_rx(&r, 0, pk);
    cr_assert_eq(next_frame(&f, mac), JN_ETH_ARP);
    cr_assert(!f.asks && f.from == r.us.ip && memcmp(f.mac, RIG_OURS, 6) == 0 && memcmp(mac, RIG_THEIRS, 6) == 0);
    n = jn_eth_put_arp(&r.them, inet_addr("10.0.0.9"), NULL, arp); /* for somebody else */
    rig_send(&r, 0, arp, n);
    rig_rx(&r, 0, pk);
    cr_assert_eq(rig_receive(&r, 0), NULL);
    n = jn_eth_put_arp(&r.them, r.them.ip, NULL, arp); /* it announces itself: no question */
    rig_send(&r, 0, arp, n);
    rig_rx(&r, 0, pk);
    cr_assert_eq(rig_receive(&r, 0), NULL);
    struct jn_eth_host thief = r.us;
    memcpy(thief.mac, "\x02\x00\x00\x00\x00\x66", 6);
    rig_send(&r, 0, arp, jn_eth_put_arp(&thief, r.us.ip, NULL, arp));
    rig_rx(&r, 0, pk);
    cr_assert_eq(rig_count(&r, 0, JN_PORT_ARP_CONFLICT), 1);
    /* A ping made out of a datagram. */
    size_t all = rig_datagram(&r, frame, 0, 'x', 40);
    static const uint8_t head[8] = {8, 0, 0, 0, 1, 2, 0, 1};
    frame[23] = 1;
    frame[24] = frame[25] = 0;
    uint16_t sum = jn_eth_fold(jn_sum(0, frame + 14, 20));
    memcpy(frame + 24, &sum, 2);
    memcpy(frame + 34, head, 8);
    sum = jn_eth_fold(jn_sum(0, frame + 34, all - 34));
    memcpy(frame + 36, &sum, 2);
    struct rte_mbuf *in = rig_send(&r, 0, frame, all);
    cr_assert_eq(rig_rx(&r, 0, pk), 0);
    struct rte_mbuf *out = rig_receive(&r, 0);
    cr_assert(out == in, "answered in place");
    cr_assert_eq(out->data_len, all);
    cr_assert_eq(rte_pktmbuf_mtod(out, uint8_t *)[34], 0);
    cr_assert_eq(rte_pktmbuf_mtod(out, uint8_t *)[all - 1], 'x');
    rte_pktmbuf_free(out);
    cr_assert_eq(rig_count(&r, 0, JN_PORT_ECHO), 1);
    rig_close(&r, 1);
}

Test(port_dpdk, what_is_not_media_is_dropped_for_its_reason)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint8_t frame[1600], good[1600];
    rig_open(&r, rig_config(1), 1);
    rig_tell(&r, 0);
    size_t n = rig_datagram(&r, good, RIG_FIRST, 1, 60);
    struct {
        unsigned at;
        uint8_t value;
        bool sum;
        enum jn_port_count why;
    } wrong[] = {{5, 9, false, JN_PORT_OTHER_MAC},   {12, 0x86, false, JN_PORT_OTHER_TYPE},
                 {33, 9, true, JN_PORT_OTHER_IP},    {23, 6, true, JN_PORT_OTHER_PROTOCOL},
                 {20, 0x20, true, JN_PORT_FRAGMENT}, {24, 1, false, JN_PORT_BAD_IP},
                 {36, 1, false, JN_PORT_CLOSED}};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        memcpy(frame, good, n);
        frame[wrong[i].at] = wrong[i].value;
        if (wrong[i].sum) {
            frame[24] = frame[25] = 0;
            uint16_t sum = jn_eth_fold(jn_sum(0, frame + 14, 20));
            memcpy(frame + 24, &sum, 2);
        }
        rig_send(&r, 0, frame, n);
        cr_assert_eq(rig_rx(&r, 0, pk), 0, "case %u", i);
        cr_assert_eq(rig_count(&r, 0, wrong[i].why), 1, "case %u", i);
    }
    for (size_t cut = 0; cut < n; cut += 5) {
        rig_send(&r, 0, good, cut);
        cr_assert_eq(rig_rx(&r, 0, pk), 0);
    }
    cr_assert_eq(rig_count(&r, 0, JN_PORT_SHORT), (n + 4) / 5);
    jn_port_dpdk.give(r.p[0], 0);
    rig_send(&r, 0, good, n);
    cr_assert_eq(rig_rx(&r, 0, pk), 0);
    cr_assert_eq(rig_count(&r, 0, JN_PORT_CLOSED), 2, "no leg has that port");
    rig_close(&r, 1);
}

Test(port_dpdk, a_wrong_udp_checksum_is_counted_and_dropped_only_where_the_device_says_so)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint8_t frame[1600];
    rig_open(&r, rig_config(1), 1);
    size_t n = rig_datagram(&r, frame, RIG_FIRST, 1, 60);
    frame[n - 1] ^= 1;
    rig_send(&r, 0, frame, n);
    cr_assert_eq(rig_rx(&r, 0, pk), 1);
    cr_assert_eq(rig_count(&r, 0, JN_PORT_BAD_SUM), 1);
    struct rte_mbuf *m = rte_pktmbuf_alloc(r.pool);
    memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame, n);
    m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD;
    cr_assert_eq(rte_eth_tx_burst(r.peer, 0, &m, 1), 1);
    cr_assert_eq(rig_rx(&r, 0, pk), 0);
    cr_assert_eq(rig_count(&r, 0, JN_PORT_BAD_SUM), 2);
    rig_close(&r, 1);
}

Test(port_dpdk, a_vlan_is_spoken_and_nothing_else_heard)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint8_t frame[1600];
    struct jn_eth_frame f;
    struct jn_dpdk_config c = rig_config(1);
    c.vlan = 12;
    rig_open(&r, c, 1);
    rig_tell(&r, 0);
    size_t n = rig_datagram(&r, frame, RIG_FIRST, 3, 60);
    rig_send(&r, 0, frame, n);
    cr_assert_eq(rig_rx(&r, 0, pk), 1);
    echo_back(pk, 1, 0);
    struct rte_mbuf *m = rig_receive(&r, 0);
    cr_assert_eq(jn_eth_parse(&f, &r.them, rte_pktmbuf_mtod(m, uint8_t *), m->data_len, 0), JN_ETH_UDP);
    rte_pktmbuf_free(m);
    r.them.vlan = 0;
    n = rig_datagram(&r, frame, RIG_FIRST, 3, 60);
    rig_send(&r, 0, frame, n);
    cr_assert_eq(rig_rx(&r, 0, pk), 0);
    cr_assert_eq(rig_count(&r, 0, JN_PORT_OTHER_VLAN), 1);
    rig_close(&r, 1);
}

/* Every packet is received on the queue of the other worker. */
static void steered(unsigned queues, unsigned workers)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint8_t frame[1600];
    rig_open(&r, rig_config(workers), queues);
    cr_assert_eq(jn_dpdk_queues(r.d), queues);
    rig_tell(&r, 0);
    for (unsigned i = 0; i < 500; i++) {
        unsigned owner = i % workers, q = (i + 1) % queues;
        size_t n = rig_datagram(&r, frame, (uint16_t)(RIG_FIRST + owner * RIG_PORTS + 4), (uint8_t)i, 60);
        struct rte_mbuf *in = rig_send(&r, q, frame, n);
        if (owner != q)
            cr_assert_eq(rig_rx(&r, q, pk), 0);
        cr_assert_eq(rig_rx(&r, owner, pk), 1);
        cr_assert_eq(pk[0]->local, 4);
        cr_assert_eq(pk[0]->data[0], (uint8_t)i);
        echo_back(pk, 1, owner); /* every worker knows the station, whoever heard its ARP */
        struct rte_mbuf *out = rig_receive(&r, owner % queues);
        if (!out) { /* a worker without a queue: another one sends for it */
            cr_assert_geq(owner, queues);
            rig_rx(&r, owner % queues, pk);
            out = rig_receive(&r, owner % queues);
        }
        cr_assert(out == in, "the same buffer all the way");
        rte_pktmbuf_free(out);
    }
    uint64_t all = 0;
    for (unsigned w = 0; w < workers; w++)
        all += rig_count(&r, w, JN_PORT_STEERED);
    cr_assert_geq(all, 200);
    rig_close(&r, queues);
}

Test(port_dpdk, what_another_worker_received_reaches_its_owner_over_two_queues)
{
    steered(2, 2);
}

Test(port_dpdk, workers_without_a_queue_receive_and_send_through_others)
{
    steered(1, 3);
}

Test(port_dpdk, a_full_ring_loses_packets_and_counts_them)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint8_t frame[1600];
    unsigned lost = 0;
    rig_open(&r, rig_config(2), 1);
    size_t n = rig_datagram(&r, frame, RIG_FIRST + RIG_PORTS, 1, 60);
    for (unsigned i = 0; i < 1500; i++) { /* worker 1 does not look */
        rig_send(&r, 0, frame, n);
        rig_rx(&r, 0, pk);
    }
    lost = (unsigned)rig_count(&r, 0, JN_PORT_STEER_FULL);
    cr_assert_eq(lost + rig_count(&r, 0, JN_PORT_STEERED), 1500);
    cr_assert_gt(lost, 0);
    unsigned got = 0, some;
    while ((some = rig_rx(&r, 1, pk)) > 0)
        got += some;
    cr_assert_eq(got + lost, 1500);
    rig_close(&r, 1);
}

Test(port_dpdk, arp_that_finds_a_full_ring_is_counted_and_its_buffer_comes_back)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint8_t arp[JN_ETH_ARP_MAX];
    rig_open(&r, rig_config(2), 1);
    unsigned n = jn_eth_put_arp(&r.them, r.us.ip, NULL, arp);
    for (unsigned i = 0; i < 1500; i++) { /* worker 1 does not look */
        rig_send(&r, 0, arp, n);
        rig_rx(&r, 0, pk);
        rig_quiet(&r, 1);
    }
    cr_assert_gt(rig_count(&r, 0, JN_PORT_STEER_FULL), 0);
    rig_close(&r, 1);
}

Test(port_dpdk, a_device_that_is_full_marks_what_it_did_not_take)
{
    struct jn_pkt out[300], *list[300], *pk[JN_PKT_BURST];
    uint8_t data[50] = {7};
    rig_open(&r, rig_config(1), 1);
    rig_tell(&r, 0);
    for (unsigned i = 0; i < 300; i++) {
        out[i] = (struct jn_pkt){.data = data, .len = 50, .local = 3};
        jn_addr_parse(&out[i].from, "10.0.0.2", 4000);
        list[i] = &out[i];
    }
    jn_port_dpdk.tx(r.p[0], list, 300);
    unsigned sent = 0;
    for (unsigned i = 0; i < 300; i++)
        sent += out[i].drop == JN_DROP_NONE;
    cr_assert_eq(sent, 255, "what a ring of 256 holds");
    cr_assert_eq(rig_count(&r, 0, JN_PORT_TX_FULL), 45);
    (void)pk;
    rig_close(&r, 1);
}

Test(port_dpdk, a_shared_or_divided_buffer_is_copied_before_it_is_shown)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint8_t frame[1600];
    rig_open(&r, rig_config(1), 1);
    size_t n = rig_datagram(&r, frame, RIG_FIRST, 9, 400);
    struct rte_mbuf *m = rte_pktmbuf_alloc(r.pool), *tail = rte_pktmbuf_alloc(r.pool);
    memcpy(rte_pktmbuf_append(m, 100), frame, 100);
    memcpy(rte_pktmbuf_append(tail, (uint16_t)(n - 100)), frame + 100, n - 100);
    cr_assert_eq(rte_pktmbuf_chain(m, tail), 0);
    cr_assert_eq(rte_eth_tx_burst(r.peer, 0, &m, 1), 1);
    cr_assert_eq(rig_rx(&r, 0, pk), 1);
    cr_assert_eq(pk[0]->len, 400);
    cr_assert_eq(pk[0]->data[399], 9);
    m = rte_pktmbuf_alloc(r.pool);
    memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame, n);
    rte_mbuf_refcnt_update(m, 1);
    struct rte_mbuf *kept = m;
    cr_assert_eq(rte_eth_tx_burst(r.peer, 0, &m, 1), 1);
    cr_assert_eq(rig_rx(&r, 0, pk), 1);
    memset(pk[0]->data, 0, 400);
    cr_assert_eq(rte_pktmbuf_mtod(kept, uint8_t *)[n - 1], 9, "somebody else's bytes stay");
    rte_pktmbuf_free(kept);
    rig_close(&r, 1);
}

Test(port_dpdk, mistakes_are_refused_with_a_reason)
{
    struct jn_dpdk *d;
    struct jn_err err;
    struct jn_dpdk_config c = rig_config(1);
    c.prefix = 32;
    cr_assert_eq(jn_dpdk_open(&d, &c, &err), -EINVAL);
    c = rig_config(1);
    jn_addr_parse(&c.gateway, "10.0.1.254", 0);
    cr_assert_eq(jn_dpdk_open(&d, &c, &err), -EINVAL);
    cr_assert(strstr(err.text, "10.0.1.254") != NULL, "%s", err.text);
    c = rig_config(1);
    jn_addr_parse(&c.address, "127.0.0.1", 0);
    jn_addr_parse(&c.gateway, "127.0.0.2", 0);
    cr_assert_eq(jn_dpdk_open(&d, &c, &err), -EADDRINUSE);
    cr_assert(strstr(err.text, "kernel") != NULL, "%s", err.text);
    c = rig_config(1);
    strcpy(c.device, "net_af_packet0,iface=no-such-interface");
    cr_assert_eq(jn_dpdk_open(&d, &c, &err), -ENODEV);
    cr_assert(strstr(err.text, "net_af_packet0") != NULL, "%s", err.text);
    cr_assert(strstr(err.text, "no-such-interface") != NULL, "the driver's own words: %s", err.text);
    cr_assert_eq(jn_dpdk_open(&d, &c, &err), -EALREADY);
}

Test(port_dpdk, the_device_is_started_by_its_own_description)
{
    struct jn_dpdk *d;
    struct jn_err err = {{0}};
    struct jn_port *p;
    struct jn_pkt *pk[JN_PKT_BURST];
    struct jn_dpdk_config c = rig_config(1);
    strcpy(c.device, "net_null0,size=20");
    cr_assert_eq(jn_dpdk_open(&d, &c, &err), 0, "%s", err.text);
    struct jn_port_config pc = {.local = c.address, .port_min = 20000, .port_max = 20009, .wake_fd = -1, .back_end = d};
    cr_assert_eq(jn_port_dpdk.open(&p, &pc, &err), 0);
    cr_assert_eq(jn_port_dpdk.rx(p, pk, JN_PKT_BURST, 5), 0);
    cr_assert_gt(atomic_load(&jn_port_dpdk.counts(p)[JN_PORT_OTHER_MAC]), 0, "frames of zeros, 20 bytes long");
    jn_port_dpdk.close(p);
    jn_dpdk_close(d);
}
