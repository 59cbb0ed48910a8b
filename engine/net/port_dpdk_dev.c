/* Port, DPDK: the device that all ports of the process share: found, told its queues, started, stopped. */
#include "engine/base/log.h"
#include "engine/net/port_dpdk_state.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIPTORS = 512, CACHE = 256 };

static uint32_t ip_of(const struct jn_addr *a)
{
    uint32_t ip = 0;

    if (a->family == JN_ADDR_V4)
        memcpy(&ip, a->ip, 4);
    return ip;
}

/* All addresses: the first and more; i below 1 + c->more_n. */
static struct jn_dpdk_address nth(const struct jn_dpdk_config *c, unsigned i)
{
    if (i > 0)
        return c->more[i - 1];
    return (struct jn_dpdk_address){.address = c->address, .gateway = c->gateway, .vlan = c->vlan, .prefix = c->prefix};
}

static uint32_t mask_of(uint8_t prefix)
{
    return htonl(prefix ? ~UINT32_C(0) << (32 - prefix) : 0);
}

/* Do both begin with the same prefix bits? */
static bool near(const uint8_t *a, const uint8_t *b, unsigned prefix)
{
    unsigned whole = prefix / 8, rest = prefix % 8;

    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

static int check_address(const struct jn_dpdk_address *a, struct jn_err *err)
{
    char text[JN_ADDR_TEXT_MAX];
    bool v6 = a->address.family == JN_ADDR_V6;
    const struct jn_addr *g = &a->gateway;

    if ((!v6 && ip_of(&a->address) == 0) || a->prefix == 0 || a->prefix > (v6 ? 127 : 31) || a->vlan > 4094)
        return jn_fail(err, -EINVAL, "media.dpdk: each address needs a prefix, 1 to 31 bits (IPv6: 1 to 127)");
    if (g->family == JN_ADDR_NONE)
        return 0;
    /* A router of IPv6 is often known by its link-local address alone. */
    bool local = v6 && g->ip[0] == 0xfe && (g->ip[1] & 0xc0) == 0x80;
    if (g->family != a->address.family || (!local && !near(g->ip, a->address.ip, a->prefix)))
        return jn_fail(err, -EINVAL, "media.dpdk.gateway: %s is not in the network of the media address",
                       jn_addr_ip_text(g, text));
    return 0;
}

static int check(const struct jn_dpdk_config *c, struct jn_err *err)
{
    int rc = 0;

    if (c->workers == 0 || c->workers > JN_DPDK_WORKERS || c->more_n >= JN_PORT_PLACES || !c->device[0])
        return jn_fail(err, -EINVAL, "media.dpdk: a device, 1 to %d addresses and 1 to %d workers", JN_PORT_PLACES,
                       JN_DPDK_WORKERS);
    for (unsigned i = 0; rc == 0 && i <= c->more_n; i++) {
        struct jn_dpdk_address a = nth(c, i);
        rc = check_address(&a, err);
    }
    return rc;
}

static bool is_ours(const struct sockaddr *s, const struct jn_addr *a)
{
    if (s && s->sa_family == AF_INET && a->family == JN_ADDR_V4)
        return memcmp(&((const struct sockaddr_in *)(const void *)s)->sin_addr, a->ip, 4) == 0;
    return s && s->sa_family == AF_INET6 && a->family == JN_ADDR_V6 &&
           memcmp(&((const struct sockaddr_in6 *)(const void *)s)->sin6_addr, a->ip, 16) == 0;
}

/* An address that the kernel has too would be answered twice: by us, and by "port unreachable". */
static int not_the_kernels(const struct jn_dpdk_config *c, struct jn_err *err)
{
    struct ifaddrs *all, *i;
    char text[JN_ADDR_TEXT_MAX];
    int rc = 0;

    if (getifaddrs(&all) < 0)
        return 0;
    for (i = all; i && rc == 0; i = i->ifa_next)
        for (unsigned k = 0; k <= c->more_n && rc == 0; k++) {
            struct jn_dpdk_address a = nth(c, k);
            if (is_ours(i->ifa_addr, &a.address))
                rc = jn_fail(err, -EADDRINUSE,
                             "media.listen: %s is configured in the kernel (%s), which would answer for it; "
                             "give media over DPDK an address of its own",
                             jn_addr_ip_text(&a.address, text), i->ifa_name);
        }
    freeifaddrs(all);
    return rc;
}

/* A kernel that forwards would send media on that it sees under its own station's address. */
static void tell_of_forwarding(const struct jn_dpdk_config *c)
{
    static const uint8_t none[6];
    FILE *f = memcmp(c->mac, none, 6) == 0 && strstr(c->device, "iface=") ? fopen("/proc/sys/net/ipv4/ip_forward", "re")
                                                                          : NULL;

    if (!f)
        return;
    if (fgetc(f) == '1')
        jn_warn("net",
                "this machine forwards IPv4 (net.ipv4.ip_forward) and shares the interface's MAC with media: give "
                "media.dpdk.mac an address of its own");
    fclose(f);
}

/* What an operator can do about what the driver said. */
static const char *advice(const char *complaint)
{
    if (strstr(complaint, "PACKET_FANOUT")) /* the driver makes the group's number of process and interface number */
        return "Another program happens to have the same number for its sockets' group: start again";
    return "An ordinary user needs CAP_NET_RAW and CAP_NET_ADMIN for net_af_packet";
}

/* The device by the first word of its description. Before DPDK was started there is none. */
static int find(struct jn_dpdk *d, struct jn_err *err)
{
    char name[JN_DPDK_DEVICE_MAX];
    size_t n = strcspn(d->c.device, ",");

    memcpy(name, d->c.device, n);
    name[n] = 0;
    if (rte_eth_dev_get_port_by_name(name, &d->dev) == 0)
        return 0;
    int rc = jn_dpdk_eal(&d->c, err);
    if (rc < 0)
        return rc;
    d->eal_ours = true;
    if (rte_eth_dev_get_port_by_name(name, &d->dev) == 0)
        return 0;
    const char *why = jn_dpdk_complaint();
    return jn_fail(err, -ENODEV, "media.dpdk.device: \"%s\" cannot be used: %s. (%s.)", name,
                   why[0] ? why : "no driver took it", advice(why));
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static int start_queues(struct jn_dpdk *d, const struct rte_eth_dev_info *info)
{
    uint64_t sums = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
    uint64_t verified = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
    uint16_t rx_n = DESCRIPTORS, tx_n = DESCRIPTORS;
    struct rte_eth_conf conf = {0};
    int socket = rte_eth_dev_socket_id(d->dev), rc;

    if ((info->tx_offload_capa & sums) == sums) {
        conf.txmode.offloads |= sums;
        d->offload = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
    }
    if ((info->rx_offload_capa & verified) == verified)
        conf.rxmode.offloads |= verified;
    if (d->queues > 1 && (info->flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP)) != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP);
    }
    if ((rc = rte_eth_dev_configure(d->dev, d->queues, d->queues, &conf)) < 0 ||
        (rc = rte_eth_dev_adjust_nb_rx_tx_desc(d->dev, &rx_n, &tx_n)) < 0)
        return rc;
    for (uint16_t q = 0; q < d->queues; q++)
        if ((rc = rte_eth_rx_queue_setup(d->dev, q, rx_n, (unsigned)socket, NULL, d->pool)) < 0 ||
            (rc = rte_eth_tx_queue_setup(d->dev, q, tx_n, (unsigned)socket, NULL)) < 0)
            return rc;
    if ((rc = rte_eth_dev_start(d->dev)) < 0)
        return rc;
    d->started = true;
    return 0;
}

/* Buffers for what the device's queues hold, what the rings between workers hold, and what is in work. */
static int make_pool(struct jn_dpdk *d, struct jn_err *err)
{
    unsigned n = 1023u + d->c.spare_buffers + d->queues * 2u * DESCRIPTORS +
                 d->c.workers * (unsigned)(JN_DPDK_RING + CACHE * 2 + JN_PKT_BURST * 4 + JN_NEIGH_WAIT_ALL);

    d->pool = rte_pktmbuf_pool_create("junctor", n, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, rte_eth_dev_socket_id(d->dev));
    if (!d->pool)
        return jn_fail(err, -ENOMEM,
                       "DPDK has no memory for %u packet buffers, about %u MB: raise media.dpdk.memory_mb", n,
                       n / 400 + 8);
    return 0;
}

static int make_rings(struct jn_dpdk *d)
{
    for (unsigned to = 0; to < d->c.workers; to++)
        for (unsigned from = 0; from < d->c.workers; from++) {
            if (from == to)
                continue;
            struct jn_mailbox *m = aligned_alloc(64, (sizeof *m + 63) & ~(size_t)63);
            if (!m || jn_mailbox_init(m, JN_DPDK_RING, sizeof(struct jn_dpdk_msg), NULL) < 0) {
                free(m);
                return -ENOMEM;
            }
            d->ring[to][from] = m;
        }
    return 0;
}

/* Our station's address: the configured one (then the device has to take what is not for its own), the device's, or one
 * made up where a device has none. */
static int station(struct jn_dpdk *d, uint8_t mac[6])
{
    static const uint8_t none[6];
    struct rte_ether_addr own;

    if (memcmp(d->c.mac, none, 6) != 0) {
        memcpy(mac, d->c.mac, 6);
        int rc = rte_eth_promiscuous_enable(d->dev);
        return rc == -ENOTSUP ? 0 : rc;
    }
    int rc = rte_eth_macaddr_get(d->dev, &own);
    if (rc < 0)
        return rc;
    if (rte_is_zero_ether_addr(&own))
        rte_eth_random_addr(own.addr_bytes);
    memcpy(mac, own.addr_bytes, 6);
    return 0;
}

static int addresses(struct jn_dpdk *d)
{
    uint8_t mac[6];
    bool v6 = false;
    int rc = station(d, mac);

    if (rc < 0)
        return rc;
    d->hosts = d->c.more_n + 1u;
    for (unsigned i = 0; i < d->hosts; i++) {
        struct jn_dpdk_address a = nth(&d->c, i);
        struct jn_eth_host *us = &d->us[i];
        struct jn_dpdk_net *net = &d->net[i];
        memcpy(us->mac, mac, 6);
        us->vlan = a.vlan;
        us->v6 = a.address.family == JN_ADDR_V6;
        net->prefix = a.prefix;
        net->has_gateway = a.gateway.family != JN_ADDR_NONE;
        v6 = v6 || us->v6;
        if (us->v6) {
            memcpy(us->ip6, a.address.ip, 16);
            memcpy(net->gateway6, a.gateway.ip, 16);
        } else {
            us->ip = ip_of(&a.address);
            net->mask = mask_of(a.prefix);
            net->gateway = ip_of(&a.gateway);
        }
    }
    if (v6) /* solicitations come to groups; where a device cannot pass them all, it has to pass everything */
        if (rte_eth_allmulticast_enable(d->dev) < 0)
            rte_eth_promiscuous_enable(d->dev);
    d->owner = malloc(d->hosts * sizeof *d->owner);
    if (!d->owner)
        return -ENOMEM;
    memset(d->owner, JN_DPDK_NOBODY, d->hosts * sizeof *d->owner);
    return 0;
}

/* The interface's name in the device's description; false: it is no net_af_xdp. */
static bool xdp_interface(const struct jn_dpdk *d, char name[static 32])
{
    const char *at = strncmp(d->c.device, "net_af_xdp", 10) == 0 ? strstr(d->c.device, "iface=") : NULL;
    size_t n = at ? strcspn(at + 6, ",") : 0;

    if (n == 0 || n >= 32)
        return false;
    memcpy(name, at + 6, n);
    name[n] = 0;
    return true;
}

/* On AF_XDP the kernel goes on using the interface: only media is taken from it. */
static int take_media_only(struct jn_dpdk *d, struct jn_err *err)
{
    struct jn_xdp_wish w = {.host = d->us,
                            .hosts = d->hosts,
                            .port_min = d->c.port_min,
                            .port_max = d->c.port_max ? d->c.port_max : UINT16_MAX};
    char name[32];
    int rc = xdp_interface(d, name) ? jn_xdp_attach(&d->xdp, name, &w, err) : 0;

    if (d->xdp)
        jn_info("net", "AF_XDP: our program on %s takes UDP to %u addresses, ports %u to %u; the rest is the kernel's",
                name, d->hosts, w.port_min, w.port_max);
    return rc;
}

static int start(struct jn_dpdk *d, struct jn_err *err)
{
    struct rte_eth_dev_info info;
    int rc = rte_eth_dev_info_get(d->dev, &info);

    if (rc < 0)
        return jn_fail(err, rc, "media.dpdk.device: %s", rte_strerror(-rc));
    unsigned most = least(info.max_rx_queues, info.max_tx_queues);
    /* The kernel spreads over all of its sockets: one that nobody reads would swallow its share. */
    if (info.driver_name && strcmp(info.driver_name, "net_af_packet") == 0 && most > d->c.workers)
        return jn_fail(err, -EINVAL, "media.dpdk.device: qpairs=%u, but there are %u workers", most, d->c.workers);
    d->queues = (uint16_t)least(most, d->c.workers);
    if (d->queues == 0)
        return jn_fail(err, -ENODEV, "media.dpdk.device: it has no queues");
    if ((rc = make_pool(d, err)) < 0)
        return rc;
    if ((rc = start_queues(d, &info)) == 0 && (rc = addresses(d)) == 0 && (rc = make_rings(d)) == 0)
        return 0;
    const char *why = jn_dpdk_complaint();
    return jn_fail(err, rc, "media.dpdk.device: it does not start: %s. (%s.)", why[0] ? why : rte_strerror(-rc),
                   advice(why));
}

int jn_dpdk_open(struct jn_dpdk **out, const struct jn_dpdk_config *c, struct jn_err *err)
{
    char ip[JN_ADDR_TEXT_MAX];
    int rc;

    if ((rc = check(c, err)) < 0 || (rc = not_the_kernels(c, err)) < 0)
        return rc;
    tell_of_forwarding(c);
    struct jn_dpdk *d = calloc(1, sizeof *d);
    if (!d)
        return jn_fail(err, -ENOMEM, "no memory for the media device");
    d->c = *c;
    char name[32];
    if (xdp_interface(d, name) && jn_xdp_clean(name))
        jn_warn("net", "AF_XDP: a program of an earlier run was still on %s and is removed", name);
    if ((rc = find(d, err)) < 0 || (rc = start(d, err)) < 0 || (rc = take_media_only(d, err)) < 0) {
        jn_dpdk_close(d);
        return rc;
    }
    const uint8_t *m = d->us[0].mac;
    jn_info("net",
            "DPDK: device=%s queues=%u addresses=%u first=%s/%u mac=%02x:%02x:%02x:%02x:%02x:%02x vlan=%u checksums=%s "
            "memory=%s",
            c->device, d->queues, d->hosts, jn_addr_ip_text(&c->address, ip), c->prefix, m[0], m[1], m[2], m[3], m[4],
            m[5], c->vlan, d->offload ? "device" : "own", c->huge_pages ? "huge pages" : "ordinary pages");
    *out = d;
    return 0;
}

void jn_dpdk_close(struct jn_dpdk *d)
{
    struct jn_dpdk_msg msg;

    if (!d)
        return;
    for (unsigned to = 0; to < JN_DPDK_WORKERS; to++)
        for (unsigned from = 0; from < JN_DPDK_WORKERS; from++) {
            struct jn_mailbox *m = d->ring[to][from];
            while (m && jn_mailbox_recv(m, &msg, 1) == 1)
                rte_pktmbuf_free(msg.m);
            if (m)
                jn_mailbox_free(m);
            free(m);
        }
    if (d->started) {
        jn_dpdk_steer_end(d);
        jn_xdp_detach(d->xdp);
        rte_eth_dev_stop(d->dev);
        rte_eth_dev_close(d->dev);
    }
    rte_mempool_free(d->pool);
    free(d->owner);
    if (d->eal_ours)
        rte_eal_cleanup();
    free(d);
}

unsigned jn_dpdk_queues(const struct jn_dpdk *d)
{
    return d->queues;
}
