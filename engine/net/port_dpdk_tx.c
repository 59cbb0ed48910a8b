/* Port, DPDK: sending: the buffer that a packet came in, or a fresh one, with new headers in front. */
#include "engine/net/port_dpdk_state.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static_assert((int)JN_ETH_HEAD == (int)JN_PKT_HEAD, "what changes of a packet that is sent on");

enum { TRIES = 3, MTU = 1500, IP_UDP = 28, IP6_UDP = 48 };

/* From the first one on as many as the device takes; it may need a moment. */
static unsigned put(struct jn_port *p, struct rte_mbuf *m[], unsigned n)
{
    uint16_t queue = (uint16_t)p->self;
    unsigned done = 0;

    if (p->d->offload != 0)
        n = rte_eth_tx_prepare(p->d->dev, queue, m, (uint16_t)n);
    for (unsigned i = 0; i < TRIES && done < n; i++)
        done += rte_eth_tx_burst(p->d->dev, queue, m + done, (uint16_t)(n - done));
    return done;
}

/* A worker without a queue sends through one that has. */
static unsigned pass(struct jn_port *p, struct rte_mbuf *m[], unsigned n)
{
    struct jn_mailbox *ring = p->d->ring[p->self % p->d->queues][p->self];
    unsigned done = 0;

    for (; done < n; done++) {
        struct jn_dpdk_msg msg = {.m = m[done], .what = JN_HAND_SEND};
        if (jn_mailbox_send(ring, &msg) < 0)
            break;
    }
    return done;
}

unsigned jn_dpdk_send(struct jn_port *p, struct rte_mbuf *m[], unsigned n)
{
    unsigned done = p->has_queue ? put(p, m, n) : pass(p, m, n);

    for (unsigned i = done; i < n; i++)
        rte_pktmbuf_free(m[i]);
    if (done < n)
        jn_dpdk_count(p, JN_PORT_TX_FULL, n - done);
    return done;
}

/* The received buffer that the packet lies in, out of the port's hands; NULL when it lies in none of them. */
static struct rte_mbuf *same(struct jn_port *p, const struct jn_pkt *pk)
{
    struct rte_mbuf **slot = pk->buf;

    if (!slot || slot < p->held || slot >= p->held + p->held_n || !*slot)
        return NULL;
    struct rte_mbuf *m = *slot;
    uint8_t *begin = m->buf_addr;
    if (pk->data < begin + JN_ETH_UDP_HEADERS || pk->data + pk->len > begin + m->buf_len)
        return NULL;
    *slot = NULL;
    m->data_off = (uint16_t)(pk->data - begin);
    m->data_len = pk->len;
    m->pkt_len = pk->len;
    m->ol_flags = 0;
    m->tx_offload = 0;
    return m;
}

static struct rte_mbuf *fresh(struct jn_port *p, const struct jn_pkt *pk)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(p->d->pool);

    if (!m)
        return NULL;
    memcpy(rte_pktmbuf_append(m, pk->len), pk->data, pk->len);
    return m;
}

/* Who takes a datagram for `to` on our own network: itself, or the gateway; lo 0: nobody. */
static struct jn_neigh_ip next_hop(const struct jn_dpdk *d, unsigned host, uint32_t to)
{
    const struct jn_dpdk_net *net = &d->net[host];
    uint32_t us = d->us[host].ip;
    bool near = (to & net->mask) == (us & net->mask);

    if (to == 0 || to == us || (ntohl(to) >> 28) >= 14 || (near && (to | net->mask) == UINT32_MAX))
        return (struct jn_neigh_ip){0}; /* ourselves, groups, everybody */
    return jn_neigh_v4(near ? to : net->gateway, d->us[host].vlan);
}

static struct jn_neigh_ip next_hop6(const struct jn_dpdk *d, unsigned host, const uint8_t *to)
{
    const struct jn_dpdk_net *net = &d->net[host];
    const uint8_t *us = d->us[host].ip6;
    unsigned whole = net->prefix / 8, rest = net->prefix % 8;
    bool near = (memcmp(to, us, whole) == 0 && (rest == 0 || (to[whole] ^ us[whole]) >> (8 - rest) == 0)) ||
                (to[0] == 0xfe && (to[1] & 0xc0) == 0x80);

    if (to[0] == 0xff || memcmp(to, us, 16) == 0 || (!near && !net->has_gateway))
        return (struct jn_neigh_ip){0};
    return jn_neigh_v6(near ? to : net->gateway6, d->us[host].vlan);
}

/* The whole frame; its destination is still missing. */
static struct rte_mbuf *build(struct jn_port *p, const struct jn_pkt *pk, unsigned place)
{
    struct jn_dpdk *d = p->d;
    const struct jn_eth_host *us = &d->us[p->host_of[place]];
    struct jn_eth_udp u = {.dscp = p->at.at[place].dscp,
                           .sums = d->offload == 0,
                           .from_port = jn_port_number(&p->at, place, pk->local),
                           .to_port = pk->from.port};
    struct rte_mbuf *m = pk->buf ? same(p, pk) : fresh(p, pk);

    if (m && pk->kept && pk->buf) {
        size_t slot = (size_t)((struct rte_mbuf **)pk->buf - p->held);
        u.tail_known = p->tail_known[slot];
        u.tail = p->tail[slot];
    }
    if (!m) {
        jn_dpdk_count(p, JN_PORT_NO_BUFFER, 1);
        return NULL;
    }
    memcpy(&u.to, pk->from.ip, 4);
    unsigned headers = us->v6 ? jn_eth_put_udp6(us, &u, pk->from.ip, rte_pktmbuf_mtod(m, uint8_t *), pk->len)
                              : jn_eth_put_udp(us, &u, rte_pktmbuf_mtod(m, uint8_t *), pk->len);
    rte_pktmbuf_prepend(m, (uint16_t)headers);
    if (d->offload != 0) {
        m->l2_len = (headers - (us->v6 ? IP6_UDP : IP_UDP)) & 0x7f;
        m->l3_len = us->v6 ? IP6_UDP - 8 : IP_UDP - 8;
        m->ol_flags = us->v6 ? RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM : d->offload;
    }
    return m;
}

/* Keeps m until the station's address is known. False: it cannot, m is gone. */
static bool wait_for(struct jn_port *p, unsigned host, struct jn_neigh_ip hop, struct rte_mbuf *m)
{
    bool ask, kept = jn_neigh_wait(p->neigh, hop, m, p->now_ns, &ask) == 0;

    if (ask)
        jn_dpdk_ask(p, host, hop);
    jn_dpdk_count(p, kept ? JN_PORT_WAITED : JN_PORT_WAIT_FULL, 1);
    if (!kept)
        rte_pktmbuf_free(m);
    jn_dpdk_lost(p);
    return kept;
}

static bool station(struct jn_port *p, struct jn_neigh_ip hop, uint8_t mac[static 6])
{
    if (p->hop_ns == p->now_ns && p->hop.lo == hop.lo && p->hop.hi == hop.hi && p->hop.vlan == hop.vlan) {
        memcpy(mac, p->hop_mac, 6);
        return true;
    }
    if (!jn_neigh_find(p->neigh, hop, mac, p->now_ns))
        return false;
    p->hop = hop;
    p->hop_ns = p->now_ns;
    memcpy(p->hop_mac, mac, 6);
    return true;
}

/* A frame that can go now, or NULL: it waits, or it cannot go at all (then pk->drop says so). */
static struct rte_mbuf *ready(struct jn_port *p, struct jn_pkt *pk)
{
    uint32_t to = 0;
    uint8_t mac[6];

    pk->drop = JN_DROP_TX;
    if (pk->local >= p->ports || pk->from.port == 0 || !p->taken[pk->local])
        return NULL;
    unsigned place = jn_port_place_of(&p->at, pk->local), host = p->host_of[place];
    bool v6 = p->d->us[host].v6;
    if (pk->from.family != (v6 ? JN_ADDR_V6 : JN_ADDR_V4) || pk->len > MTU - (v6 ? IP6_UDP : IP_UDP))
        return NULL;
    memcpy(&to, pk->from.ip, 4);
    struct jn_neigh_ip hop = v6 ? next_hop6(p->d, host, pk->from.ip) : next_hop(p->d, host, to);
    if (hop.lo == 0) {
        jn_dpdk_count(p, JN_PORT_NO_ROUTE, 1);
        return NULL;
    }
    struct rte_mbuf *m = build(p, pk, place);
    if (!m)
        return NULL;
    if (station(p, hop, mac)) {
        pk->drop = JN_DROP_NONE;
        jn_eth_set_mac(rte_pktmbuf_mtod(m, uint8_t *), mac);
        return m;
    }
    if (wait_for(p, host, hop, m))
        pk->drop = JN_DROP_NONE;
    return NULL;
}

static void send_some(struct jn_port *p, struct rte_mbuf *m[], struct jn_pkt *of[], unsigned n)
{
    unsigned sent = n > 0 ? jn_dpdk_send(p, m, n) : 0;

    for (unsigned i = sent; i < n; i++)
        of[i]->drop = JN_DROP_TX;
}

void jn_dpdk_tx(struct jn_port *p, struct jn_pkt *pk[], unsigned n)
{
    struct rte_mbuf *m[JN_PKT_BURST];
    struct jn_pkt *of[JN_PKT_BURST];
    unsigned some = 0;

    for (unsigned i = 0; i < n; i++) {
        m[some] = ready(p, pk[i]);
        if (!m[some])
            continue;
        of[some++] = pk[i];
        if (some == JN_PKT_BURST) {
            send_some(p, m, of, some);
            some = 0;
        }
    }
    send_some(p, m, of, some);
}
