/* Port, DPDK: what is not media: ARP asked and answered, pings answered, what waits for an address. */
#include "engine/net/port_dpdk_state.h"
#include <string.h>

enum { ASK = 64, ANNOUNCEMENTS = 2, ANNOUNCE_TICKS = 20 /* two seconds apart: RFC 5227 1.1 */, LOST = 32 };

static void send_arp(struct jn_port *p, uint32_t ip, const uint8_t *mac)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(p->d->pool);

    if (!m) {
        jn_dpdk_count(p, JN_PORT_NO_BUFFER, 1);
        return;
    }
    unsigned n = jn_eth_put_arp(&p->d->us, ip, mac, rte_pktmbuf_mtod(m, uint8_t *));
    rte_pktmbuf_append(m, (uint16_t)n);
    jn_dpdk_count(p, JN_PORT_ARP_OUT, 1);
    jn_dpdk_send(p, &m, 1);
}

void jn_dpdk_ask(struct jn_port *p, uint32_t ip)
{
    send_arp(p, ip, NULL);
}

/* Sends what waited for that station. */
static void learn(struct jn_port *p, const struct jn_eth_frame *f)
{
    void *waited[JN_NEIGH_WAIT];
    struct rte_mbuf *m[JN_NEIGH_WAIT];
    const struct jn_dpdk *d = p->d;

    if ((f->from & d->mask) != (d->us.ip & d->mask))
        return; /* what is not on our network has no station there */
    unsigned n = jn_neigh_learn(p->neigh, f->from, f->mac, f->to == d->us.ip, p->now_ns, waited);
    for (unsigned i = 0; i < n; i++) {
        m[i] = waited[i];
        jn_eth_set_mac(rte_pktmbuf_mtod(m[i], uint8_t *), f->mac);
    }
    if (n > 0)
        jn_dpdk_send(p, m, n);
}

/* Every worker keeps a table of its own; the one that received an answer tells the others, who only read the buffer. */
static void tell_others(struct jn_port *p, struct rte_mbuf *m)
{
    struct jn_dpdk_msg msg = {.m = m, .what = JN_HAND_ARP};

    for (unsigned to = 0; to < p->d->c.workers; to++) {
        if (to == p->self)
            continue;
        rte_mbuf_refcnt_update(m, 1);
        if (jn_mailbox_send(p->d->ring[to][p->self], &msg) < 0) {
            rte_mbuf_refcnt_update(m, -1);
            jn_dpdk_count(p, JN_PORT_STEER_FULL, 1);
        }
    }
}

void jn_dpdk_arp(struct jn_port *p, struct rte_mbuf *m, const struct jn_eth_frame *f)
{
    const struct jn_eth_host *us = &p->d->us;
    bool for_us = f->to == us->ip;

    if (f->from == us->ip) {
        if (memcmp(f->mac, us->mac, 6) != 0)
            jn_dpdk_count(p, JN_PORT_ARP_CONFLICT, 1);
    } else if (for_us || f->to == f->from) { /* or an announcement: a station may have moved */
        jn_dpdk_count(p, JN_PORT_ARP_IN, 1);
        learn(p, f);
        tell_others(p, m);
        if (for_us && f->arp_request)
            send_arp(p, f->from, f->mac);
    }
    rte_pktmbuf_free(m);
}

void jn_dpdk_handed_arp(struct jn_port *p, struct rte_mbuf *m)
{
    struct jn_eth_frame f;
    uint16_t tag = (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0 ? m->vlan_tci : 0;

    if (jn_eth_parse(&f, &p->d->us, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, tag) == JN_ETH_ARP)
        learn(p, &f);
    rte_pktmbuf_free(m);
}

void jn_dpdk_echo(struct jn_port *p, struct rte_mbuf *m, const struct jn_eth_frame *f)
{
    uint8_t *at;

    if (m->data_off < JN_ETH_TAG) { /* room that the answer may need */
        jn_dpdk_count(p, JN_PORT_NO_BUFFER, 1);
        rte_pktmbuf_free(m);
        return;
    }
    unsigned n = jn_eth_answer_echo(&p->d->us, f, rte_pktmbuf_mtod(m, uint8_t *), &at);
    m->data_off = (uint16_t)(at - (uint8_t *)m->buf_addr);
    m->data_len = (uint16_t)n;
    m->pkt_len = n;
    m->ol_flags = 0;
    jn_dpdk_count(p, JN_PORT_ECHO, 1);
    jn_dpdk_send(p, &m, 1);
}

void jn_dpdk_lost(struct jn_port *p)
{
    void *lost[LOST];
    unsigned n;

    while ((n = jn_neigh_lost(p->neigh, lost, LOST)) > 0) {
        jn_dpdk_count(p, JN_PORT_WAIT_LOST, n);
        for (unsigned i = 0; i < n; i++)
            rte_pktmbuf_free(lost[i]);
    }
}

void jn_dpdk_tick(struct jn_port *p)
{
    uint32_t ask[ASK];
    unsigned n = jn_neigh_tick(p->neigh, ask, ASK, p->now_ns);

    for (unsigned i = 0; i < n; i++)
        jn_dpdk_ask(p, ask[i]);
    jn_dpdk_lost(p);
    if (p->self == 0 && p->announced < (ANNOUNCEMENTS - 1) * ANNOUNCE_TICKS + 1 && p->announced++ % ANNOUNCE_TICKS == 0)
        jn_dpdk_ask(p, p->d->us.ip); /* a question for our own address is an announcement */
}
