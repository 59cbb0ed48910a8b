/* Port, DPDK: the ops: local ports, receiving, waiting. A received packet is shown to the worker where it lies, in its
 * buffer; buffers that were not sent on are freed at the next look. */
#include "engine/net/port_dpdk.h"
#include "engine/base/rand.h"
#include "engine/net/port_dpdk_state.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { TICK_MS = 100, RING_BURST = 32, SPINS = 16, SLEEP_US = 50, SLACK_NS = 1000 };

static pthread_key_t registered;
static pthread_once_t register_once = PTHREAD_ONCE_INIT;

static void unregister(void *arg)
{
    (void)arg;
    rte_thread_unregister();
}

static void make_key(void)
{
    pthread_key_create(&registered, unregister);
}

/* A thread that DPDK knows has a cache of buffers of its own. When it has no place left all works, only slower. */
static void know_thread(struct jn_port *p)
{
    p->registered = true;
    prctl(PR_SET_TIMERSLACK, SLACK_NS);
    if (rte_lcore_id() != LCORE_ID_ANY || rte_thread_register() < 0)
        return;
    pthread_once(&register_once, make_key);
    pthread_setspecific(registered, p);
}

/* Joins the places of the port to the device's addresses. */
static int places(struct jn_port *p, struct jn_err *err)
{
    struct jn_dpdk *d = p->d;
    char text[JN_ADDR_TEXT_MAX];

    memset(p->place_of, JN_DPDK_NOBODY, sizeof p->place_of);
    for (unsigned i = 0; i < p->at.n; i++) {
        const struct jn_port_place *at = &p->at.at[i];
        unsigned h = 0;
        while (h < d->hosts && (d->us[h].vlan != at->vlan || d->us[h].v6 != (at->local.family == JN_ADDR_V6) ||
                                memcmp(d->us[h].v6 ? (const void *)d->us[h].ip6 : &d->us[h].ip, at->local.ip,
                                       d->us[h].v6 ? 16 : 4) != 0))
            h++;
        if (h == d->hosts || p->place_of[h] != JN_DPDK_NOBODY)
            return jn_fail(err, -EINVAL, "media over DPDK: %s is no address of the device, or there twice",
                           jn_addr_ip_text(&at->local, text));
        p->host_of[i] = (uint8_t)h;
        p->place_of[h] = (uint8_t)i;
        memset(d->owner[h] + at->port_min, (int)p->self, (size_t)(at->port_max - at->port_min) + 1);
    }
    return 0;
}

static void release(struct jn_port *p)
{
    jn_neigh_close(p->neigh);
    free(p->taken);
    free(p);
}

static int dpdk_open(struct jn_port **out, const struct jn_port_config *c, struct jn_err *err)
{
    struct jn_dpdk *d = (struct jn_dpdk *)c->back_end;
    size_t bytes = (sizeof(struct jn_port) + 63) & ~(size_t)63;
    struct jn_port_places at;

    if (!d || c->index >= d->c.workers || d->port[c->index] || jn_port_places(&at, c) < 0)
        return jn_fail(err, -EINVAL, "media over DPDK: worker %u has no place or no ports", c->index);
    struct jn_port *p = aligned_alloc(64, bytes);
    if (!p)
        return jn_fail(err, -ENOMEM, "no memory for the media port");
    memset(p, 0, bytes);
    p->d = d;
    p->c = *c;
    p->at = at;
    p->self = c->index;
    p->has_queue = p->self < d->queues;
    p->ports = at.first[at.n];
    uint64_t seed;
    jn_random(&seed, sizeof seed);
    p->taken = calloc(1, p->ports);
    p->neigh = jn_neigh_open(seed);
    int rc = p->taken && p->neigh ? places(p, err) : jn_fail(err, -ENOMEM, "no memory for the media port");
    if (rc < 0) {
        release(p);
        return rc;
    }
    d->port[p->self] = p;
    jn_dpdk_steer(p);
    *out = p;
    return 0;
}

static void free_held(struct jn_port *p)
{
    for (unsigned i = 0; i < p->held_n; i++)
        rte_pktmbuf_free(p->held[i]); /* NULL: it was sent on */
    p->held_n = 0;
}

static void dpdk_close(struct jn_port *p)
{
    if (!p)
        return;
    free_held(p);
    jn_neigh_flush(p->neigh);
    jn_dpdk_lost(p);
    p->d->port[p->self] = NULL;
    release(p);
}

static int dpdk_take(struct jn_port *p, uint32_t local)
{
    if (local >= p->ports || p->taken[local])
        return -EINVAL;
    p->taken[local] = 1;
    return 0;
}

static void dpdk_give(struct jn_port *p, uint32_t local)
{
    if (local < p->ports)
        p->taken[local] = 0;
}

/* The frame in one piece in a buffer that nobody else reads, so that it may be written to; NULL when there is none. */
static struct rte_mbuf *own(struct jn_port *p, struct rte_mbuf *m)
{
    if (m->nb_segs == 1 && rte_mbuf_refcnt_read(m) == 1)
        return m;
    struct rte_mbuf *copy = rte_pktmbuf_copy(m, p->d->pool, 0, UINT32_MAX);
    rte_pktmbuf_free(m);
    if (copy && copy->nb_segs == 1)
        return copy;
    rte_pktmbuf_free(copy);
    jn_dpdk_count(p, JN_PORT_NO_BUFFER, 1);
    return NULL;
}

static void drop(struct jn_port *p, struct rte_mbuf *m, enum jn_port_count why)
{
    jn_dpdk_count(p, why, 1);
    rte_pktmbuf_free(m);
}

/* A wrong checksum that the device has found is one; what we find ourselves is often only unfinished (a veth's peer on
 * the same machine leaves it so), and counted alone. */
static bool sum_refused(struct jn_port *p, const struct rte_mbuf *m, const struct jn_eth_frame *f)
{
    uint64_t verdict = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);

    p->tail_known[p->held_n] = false;

    if (verdict == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
        return false;
    if (verdict != RTE_MBUF_F_RX_L4_CKSUM_BAD) {
        bool whole = !f->v6 && f->len >= JN_ETH_HEAD && (bytes[f->off - 2] | bytes[f->off - 1]) != 0;
        bool good = whole ? jn_eth_tail(f, bytes, &p->tail[p->held_n]) : jn_eth_udp_sum_ok(f, bytes);
        p->tail_known[p->held_n] = whole && good;
        if (good)
            return false;
    }
    jn_dpdk_count(p, JN_PORT_BAD_SUM, 1);
    return verdict == RTE_MBUF_F_RX_L4_CKSUM_BAD;
}

static void hand_over(struct jn_port *p, struct rte_mbuf *m, unsigned to)
{
    struct jn_dpdk_msg msg = {.m = m, .what = JN_HAND_FRAME};

    if (jn_mailbox_send(p->d->ring[to][p->self], &msg) < 0)
        drop(p, m, JN_PORT_STEER_FULL);
    else
        jn_dpdk_count(p, JN_PORT_STEERED, 1);
}

/* A datagram to us: to the worker whose port it is. */
static void datagram(struct jn_port *p, struct rte_mbuf *m, const struct jn_eth_frame *f, bool handed)
{
    unsigned owner = p->d->owner[f->host][f->to_port], place = p->place_of[f->host];

    if (owner != p->self) {
        if (owner == JN_DPDK_NOBODY || handed)
            drop(p, m, JN_PORT_CLOSED);
        else
            hand_over(p, m, owner);
        return;
    }
    uint32_t local = p->at.first[place] + (uint32_t)(f->to_port - p->at.at[place].port_min);
    if (!p->taken[local]) {
        drop(p, m, JN_PORT_CLOSED);
        return;
    }
    if (sum_refused(p, m, f)) {
        rte_pktmbuf_free(m);
        return;
    }
    struct rte_mbuf **slot = &p->held[p->held_n];
    struct jn_pkt *pk = &p->pkt[p->held_n++];
    *slot = m;
    *pk = (struct jn_pkt){.data = rte_pktmbuf_mtod_offset(m, uint8_t *, f->off),
                          .len = f->len,
                          .local = local,
                          .stream = JN_PKT_NO_STREAM,
                          .from = {.port = f->from_port, .family = f->v6 ? JN_ADDR_V6 : JN_ADDR_V4},
                          .at_ns = p->now_ns,
                          .cap = (uint16_t)(m->buf_len - m->data_off - f->off),
                          .buf = slot};
    if (f->v6)
        memcpy(pk->from.ip, f->from6, 16);
    else
        memcpy(pk->from.ip, &f->from, 4);
}

/* One frame; takes m. */
static void frame(struct jn_port *p, struct rte_mbuf *m, bool handed)
{
    static const uint8_t why[] = {
        [JN_ETH_SHORT] = JN_PORT_SHORT,           [JN_ETH_OTHER_MAC] = JN_PORT_OTHER_MAC,
        [JN_ETH_OTHER_VLAN] = JN_PORT_OTHER_VLAN, [JN_ETH_OTHER_TYPE] = JN_PORT_OTHER_TYPE,
        [JN_ETH_OTHER_IP] = JN_PORT_OTHER_IP,     [JN_ETH_OTHER_PROTOCOL] = JN_PORT_OTHER_PROTOCOL,
        [JN_ETH_BAD_IP] = JN_PORT_BAD_IP,         [JN_ETH_FRAGMENT] = JN_PORT_FRAGMENT,
        [JN_ETH_NO_SUM] = JN_PORT_BAD_SUM,
    };
    struct jn_eth_frame f;

    if ((m = own(p, m)) == NULL)
        return;
    uint16_t tag = (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0 ? m->vlan_tci : 0;
    if (tag == 0 && jn_eth_plain(&f, p->d->us, p->d->hosts, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len)) {
        datagram(p, m, &f, handed);
        return;
    }
    enum jn_eth_kind kind =
        jn_eth_parse_for(&f, p->d->us, p->d->hosts, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, tag);
    if (kind == JN_ETH_UDP)
        datagram(p, m, &f, handed);
    else if (kind == JN_ETH_ARP)
        jn_dpdk_arp(p, m, &f);
    else if (kind == JN_ETH_ND)
        jn_dpdk_nd(p, m, &f);
    else if (kind == JN_ETH_ECHO)
        jn_dpdk_echo(p, m, &f);
    else
        drop(p, m, why[kind]);
}

/* What other workers received or want sent. Returns how many messages. */
static unsigned from_others(struct jn_port *p, unsigned max)
{
    struct jn_dpdk_msg msg[RING_BURST];
    struct rte_mbuf *out[RING_BURST];
    unsigned all = 0, n_out = 0;

    for (unsigned from = 0; from < p->d->c.workers && all < max; from++) {
        struct jn_mailbox *ring = p->d->ring[p->self][from];
        unsigned n = ring ? jn_mailbox_recv(ring, msg, max - all) : 0;
        all += n;
        for (unsigned i = 0; i < n; i++) {
            if (msg[i].what == JN_HAND_SEND)
                out[n_out++] = msg[i].m;
            else if (msg[i].what == JN_HAND_FRAME)
                frame(p, msg[i].m, true);
            else
                jn_dpdk_handed_arp(p, msg[i].m);
        }
    }
    if (n_out > 0)
        jn_dpdk_send(p, out, n_out);
    return all;
}

static unsigned dpdk_rx(struct jn_port *p, struct jn_pkt *pk[], unsigned max, uint64_t now_ns)
{
    struct rte_mbuf *m[JN_PKT_BURST];
    unsigned got;

    p->now_ns = now_ns;
    if (!p->registered)
        know_thread(p);
    free_held(p);
    if (now_ns >= p->tick_ns) {
        p->tick_ns = now_ns + TICK_MS * UINT64_C(1000000);
        jn_dpdk_tick(p);
    }
    if (max > JN_PKT_BURST)
        max = JN_PKT_BURST;
    got = from_others(p, max / 2 < RING_BURST ? max / 2 : RING_BURST);
    if (p->has_queue && p->held_n < max) {
        unsigned n = rte_eth_rx_burst(p->d->dev, (uint16_t)p->self, m, (uint16_t)(max - p->held_n));
        for (unsigned i = 0; i < n; i++)
            __builtin_prefetch(rte_pktmbuf_mtod(m[i], const uint8_t *));
        for (unsigned i = 0; i < n; i++)
            frame(p, m[i], false);
        got += n;
    }
    if (got > 0)
        p->idle = 0;
    for (unsigned i = 0; i < p->held_n; i++)
        pk[i] = &p->pkt[i];
    return p->held_n;
}

/* A device cannot wake us, so it is looked at: at once a few times, then after ever longer sleeps up to max_sleep_us;
 * a core without traffic is so nearly free, and mail for the worker ends the sleep. */
static bool dpdk_wait(struct jn_port *p, uint64_t timeout_ns)
{
    unsigned looks = p->idle++;

    if (looks < SPINS || p->d->c.max_sleep_us == 0)
        return true;
    uint64_t sleep_us = looks - SPINS < 5 ? (uint64_t)SLEEP_US << (looks - SPINS) : p->d->c.max_sleep_us;
    uint64_t ns = 1000 * (sleep_us < p->d->c.max_sleep_us ? sleep_us : p->d->c.max_sleep_us);
    if (ns > timeout_ns)
        ns = timeout_ns;
    struct timespec t = {.tv_nsec = (long)ns};
    struct pollfd fd = {.fd = p->c.wake_fd, .events = POLLIN};
    ppoll(&fd, 1, &t, NULL); /* a negative fd is passed over */
    return true;
}

static const _Atomic uint64_t *dpdk_counts(const struct jn_port *p)
{
    return p->count;
}

const struct jn_port_ops jn_port_dpdk = {.open = dpdk_open,
                                         .take = dpdk_take,
                                         .give = dpdk_give,
                                         .rx = dpdk_rx,
                                         .tx = jn_dpdk_tx,
                                         .wait = dpdk_wait,
                                         .close = dpdk_close,
                                         .counts = dpdk_counts};
