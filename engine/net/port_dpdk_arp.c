/* Port, DPDK: what is not media: ARP and ND asked and answered, pings answered, what waits for an address. */
#include "engine/net/port_dpdk_state.h"
#include <string.h>

enum { ASK = 64, ANNOUNCEMENTS = 2, ANNOUNCE_TICKS = 20 /* two seconds apart: RFC 5227 1.1 */, LOST = 32 };

/* A frame for the wire, of at most JN_ETH_ND_MAX bytes; NULL, counted: no buffer. */
static struct rte_mbuf *blank(struct jn_port *p)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(p->d->pool);

    if (!m)
        jn_dpdk_count(p, JN_PORT_NO_BUFFER, 1);
    return m;
}

static void say(struct jn_port *p, struct rte_mbuf *m, unsigned n)
{
    rte_pktmbuf_append(m, (uint16_t)n);
    jn_dpdk_count(p, JN_PORT_ARP_OUT, 1);
    jn_dpdk_send(p, &m, 1);
}

void jn_dpdk_ask(struct jn_port *p, unsigned host, struct jn_neigh_ip ip)
{
    const struct jn_eth_host *us = &p->d->us[host];
    struct rte_mbuf *m = blank(p);
    uint8_t ip6[16];

    if (!m)
        return;
    memcpy(ip6, &ip.hi, 8);
    memcpy(ip6 + 8, &ip.lo, 8);
    if (us->v6)
        say(p, m, jn_eth_put_ask6(us, ip6, rte_pktmbuf_mtod(m, uint8_t *)));
    else
        say(p, m, jn_eth_put_arp(us, (uint32_t)ip.lo, NULL, rte_pktmbuf_mtod(m, uint8_t *)));
}

/* Our address that asks for ip: one of its VLAN and family, best of its network. */
static unsigned asker(const struct jn_dpdk *d, struct jn_neigh_ip ip)
{
    unsigned any = d->hosts;
    bool v6 = ip.hi != 0;

    for (unsigned i = d->hosts; i-- > 0;) {
        if (d->us[i].vlan != ip.vlan || d->us[i].v6 != v6)
            continue;
        any = i;
        if (!v6 && ((uint32_t)ip.lo & d->net[i].mask) == (d->us[i].ip & d->net[i].mask))
            return i;
    }
    return any;
}

/* Sends what waited for that station. */
static void learn(struct jn_port *p, struct jn_neigh_ip ip, const uint8_t mac[6], bool for_us)
{
    void *waited[JN_NEIGH_WAIT];
    struct rte_mbuf *m[JN_NEIGH_WAIT];
    unsigned n = jn_neigh_learn(p->neigh, ip, mac, for_us, p->now_ns, waited);

    p->hop_ns = 0; /* a station may have moved */

    for (unsigned i = 0; i < n; i++) {
        m[i] = waited[i];
        jn_eth_set_mac(rte_pktmbuf_mtod(m[i], uint8_t *), mac);
    }
    if (n > 0)
        jn_dpdk_send(p, m, n);
}

static void learn_arp(struct jn_port *p, const struct jn_eth_frame *f)
{
    const struct jn_dpdk *d = p->d;

    for (unsigned i = 0; i < d->hosts; i++) /* what is not on a network of ours has no station there */
        if (!d->us[i].v6 && d->us[i].vlan == d->us[f->host].vlan &&
            (f->from & d->net[i].mask) == (d->us[i].ip & d->net[i].mask)) {
            learn(p, jn_neigh_v4(f->from, d->us[i].vlan), f->mac, f->to_us);
            return;
        }
}

/* A solicitation tells of who asks, an advertisement of its target (RFC 4861 7.2.3, 7.2.5: one that may not override
 * changes nothing that is known otherwise; we take every answer to what we asked). */
static void learn_nd(struct jn_port *p, const struct jn_eth_frame *f)
{
    static const uint8_t none[6];
    const uint8_t *ip = f->asks ? f->from6 : f->target6;
    uint8_t mac[6];
    struct jn_neigh_ip key = jn_neigh_v6(ip, p->d->us[f->host].vlan);

    if (memcmp(f->mac, none, 6) == 0)
        return;
    if (!f->asks && !f->override && !f->solicited && jn_neigh_find(p->neigh, key, mac, p->now_ns))
        return;
    learn(p, key, f->mac, f->asks && f->to_us);
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
    const struct jn_eth_host *us = &p->d->us[f->host];
    bool own = false;

    for (unsigned i = 0; i < p->d->hosts; i++)
        own = own || (!p->d->us[i].v6 && p->d->us[i].vlan == us->vlan && p->d->us[i].ip == f->from);
    if (own) {
        if (memcmp(f->mac, us->mac, 6) != 0)
            jn_dpdk_count(p, JN_PORT_ARP_CONFLICT, 1);
    } else if (f->to_us || f->to == f->from) { /* or an announcement: a station may have moved */
        jn_dpdk_count(p, JN_PORT_ARP_IN, 1);
        learn_arp(p, f);
        tell_others(p, m);
        struct rte_mbuf *answer = f->to_us && f->asks ? blank(p) : NULL;
        if (answer)
            say(p, answer, jn_eth_put_arp(us, f->from, f->mac, rte_pktmbuf_mtod(answer, uint8_t *)));
    }
    rte_pktmbuf_free(m);
}

/* Neighbour discovery. Who asks without an address of its own is about to take ours: it is told, as everybody is. */
void jn_dpdk_nd(struct jn_port *p, struct rte_mbuf *m, const struct jn_eth_frame *f)
{
    static const uint8_t nobody[16], none[6];
    const struct jn_eth_host *us = &p->d->us[f->host];
    bool unnamed = memcmp(f->from6, nobody, 16) == 0;

    if (!f->asks && f->to_us) {
        if (memcmp(f->mac, us->mac, 6) != 0 && memcmp(f->mac, none, 6) != 0)
            jn_dpdk_count(p, JN_PORT_ARP_CONFLICT, 1);
    } else if (f->to_us || !f->asks) {
        jn_dpdk_count(p, JN_PORT_ARP_IN, 1);
        learn_nd(p, f);
        tell_others(p, m);
        struct rte_mbuf *answer = f->asks ? blank(p) : NULL;
        uint8_t mac[6];
        memcpy(mac, memcmp(f->mac, none, 6) ? f->mac : rte_pktmbuf_mtod(m, const uint8_t *) + 6, 6);
        if (answer)
            say(p, answer, jn_eth_put_tell6(us, f->from6, unnamed ? NULL : mac, rte_pktmbuf_mtod(answer, uint8_t *)));
    }
    rte_pktmbuf_free(m);
}

void jn_dpdk_handed_arp(struct jn_port *p, struct rte_mbuf *m)
{
    struct jn_eth_frame f;
    uint16_t tag = (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0 ? m->vlan_tci : 0;
    enum jn_eth_kind kind =
        jn_eth_parse_for(&f, p->d->us, p->d->hosts, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, tag);

    if (kind == JN_ETH_ARP)
        learn_arp(p, &f);
    else if (kind == JN_ETH_ND)
        learn_nd(p, &f);
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
    unsigned n = jn_eth_answer_echo(&p->d->us[f->host], f, rte_pktmbuf_mtod(m, uint8_t *), &at);
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

/* A question for our own IPv4 address is an announcement (RFC 5227 2.3); IPv6 has one that nobody asked for. */
static void announce(struct jn_port *p)
{
    for (unsigned i = 0; i < p->d->hosts; i++) {
        const struct jn_eth_host *us = &p->d->us[i];
        struct rte_mbuf *m = us->v6 ? blank(p) : NULL;
        if (!us->v6)
            jn_dpdk_ask(p, i, jn_neigh_v4(us->ip, us->vlan));
        else if (m)
            say(p, m, jn_eth_put_tell6(us, us->ip6, NULL, rte_pktmbuf_mtod(m, uint8_t *)));
    }
}

void jn_dpdk_tick(struct jn_port *p)
{
    struct jn_neigh_ip ask[ASK];
    unsigned n = jn_neigh_tick(p->neigh, ask, ASK, p->now_ns);

    for (unsigned i = 0; i < n; i++) {
        unsigned host = asker(p->d, ask[i]);
        if (host < p->d->hosts)
            jn_dpdk_ask(p, host, ask[i]);
    }
    jn_dpdk_lost(p);
    if (p->self == 0 && p->announced < (ANNOUNCEMENTS - 1) * ANNOUNCE_TICKS + 1 && p->announced++ % ANNOUNCE_TICKS == 0)
        announce(p);
}
