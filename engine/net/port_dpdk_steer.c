/* Port, DPDK: steering by the device (rte_flow): datagrams for a worker's ports come out of that worker's queue. A
 * range becomes masks, which more cards understand than ranges. All rules of a device are taken, or none: what it does
 * not steer, rings between the workers carry, so nothing depends on it. */
#include "engine/base/log.h"
#include "engine/net/port_dpdk_state.h"
#include <arpa/inet.h>
#include <rte_flow.h>
#include <string.h>

static bool rule(const struct jn_port *p, const struct jn_eth_host *us, uint16_t port, uint16_t mask, const char **why)
{
    struct rte_flow_attr attr = {.ingress = 1};
    struct rte_flow_action_queue queue = {.index = (uint16_t)p->self};
    struct rte_flow_action action[] = {{.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue},
                                       {.type = RTE_FLOW_ACTION_TYPE_END}};
    struct rte_flow_item_udp udp, udp_mask;
    struct rte_flow_item_ipv4 ip, ip_mask;
    struct rte_flow_item_ipv6 ip6, ip6_mask;
    struct rte_flow_error error = {0};

    memset(&udp, 0, sizeof udp);
    memset(&udp_mask, 0, sizeof udp_mask);
    memset(&ip, 0, sizeof ip);
    memset(&ip_mask, 0, sizeof ip_mask);
    memset(&ip6, 0, sizeof ip6);
    memset(&ip6_mask, 0, sizeof ip6_mask);
    udp.hdr.dst_port = htons(port);
    udp_mask.hdr.dst_port = htons(mask);
    ip.hdr.dst_addr = us->ip;
    ip_mask.hdr.dst_addr = UINT32_MAX;
    memcpy(ip6.hdr.dst_addr, us->ip6, 16);
    memset(ip6_mask.hdr.dst_addr, 255, 16);
    struct rte_flow_item item[] = {
        {.type = RTE_FLOW_ITEM_TYPE_ETH},
        us->v6 ? (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_IPV6, .spec = &ip6, .mask = &ip6_mask}
               : (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_IPV4, .spec = &ip, .mask = &ip_mask},
        {.type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &udp, .mask = &udp_mask},
        {.type = RTE_FLOW_ITEM_TYPE_END}};
    if (rte_flow_create(p->d->dev, &attr, item, action, &error))
        return true;
    *why = error.message ? error.message : "it has no such rules";
    return false;
}

/* The whole range of one place, as few masks as there are; false: the device refused one. */
static bool range(const struct jn_port *p, unsigned place, const char **why)
{
    const struct jn_eth_host *us = &p->d->us[p->host_of[place]];
    uint32_t at = p->at.at[place].port_min, end = (uint32_t)p->at.at[place].port_max + 1;

    while (at < end) {
        uint32_t size = at & (~at + 1);
        while (size == 0 || at + size > end)
            size = size == 0 ? 32768 : size / 2;
        if (us->vlan != 0) {
            *why = "media has a VLAN";
            return false;
        }
        if (!rule(p, us, (uint16_t)at, (uint16_t) ~(size - 1), why))
            return false;
        at += size;
    }
    return true;
}

void jn_dpdk_steer(struct jn_port *p)
{
    struct jn_dpdk *d = p->d;
    const char *why = NULL;

    if (d->c.workers < 2 || (d->told_steering && !d->steered))
        return;
    bool good = d->queues == d->c.workers;
    if (!good)
        why = "fewer queues than workers";
    for (unsigned i = 0; good && i < p->at.n; i++)
        good = range(p, i, &why);
    if (!good)
        jn_dpdk_steer_end(d);
    d->steered = good;
    if (!d->told_steering || !good)
        jn_info("net", "DPDK: steering=%s%s", good ? "device" : "rings between workers: ", good ? "" : why);
    d->told_steering = true;
}

void jn_dpdk_steer_end(struct jn_dpdk *d)
{
    struct rte_flow_error error;

    if (d->c.workers > 1)
        rte_flow_flush(d->dev, &error);
    d->steered = false;
}
