/* Media: what the workers' ports stand on: sockets, or one network device that they share. */
#include "engine/app/config_check.h"
#include "engine/app/engine.h"
#include "engine/net/port_dpdk.h"
#include <errno.h>

static_assert((int)JN_MEDIA_ADDRESSES == (int)JN_PORT_PLACES, "all of them fit");
static_assert((int)JN_DPDK_WORKERS == 64, "as config_media.c says");
static_assert(sizeof((struct jn_config_dpdk *)0)->device == (int)JN_DPDK_DEVICE_MAX, "a whole description fits");

static int parse(struct jn_addr *out, const char *text, const char *key, struct jn_err *err)
{
    *out = (struct jn_addr){.family = JN_ADDR_NONE};
    if (!text[0] || jn_addr_parse(out, text, 0) == 0)
        return 0;
    return jn_fail(err, -EINVAL, "%s: \"%s\" is no address", key, text);
}

/* Worker i's part of a range, whole pairs. */
static uint16_t part(uint16_t min, uint16_t max, unsigned workers, unsigned i, uint16_t *last)
{
    uint32_t span = ((uint32_t)max - min + 1) / workers & ~1u, first = min + i * span;

    *last = (uint16_t)(first + span - 1);
    return (uint16_t)first;
}

int jn_engine_media_places(const struct jn_engine *e, struct jn_worker_config *wc, unsigned worker, struct jn_err *err)
{
    const struct jn_config *c = &e->config;
    bool first = true;
    int rc = 0;

    wc->port_min = part(c->media_port_min, c->media_port_max, c->workers, worker, &wc->port_max);
    wc->dscp = c->media_dscp;
    wc->vlan = c->interfaces ? c->interface[0].vlan : c->media_back_end == JN_MEDIA_DPDK ? c->dpdk.vlan : 0;
    wc->more_n = 0;
    rc = parse(&wc->local, c->media_host, "media.listen", err);
    if (rc == 0)
        rc = parse(&wc->advertise, c->media_advertise, "media.advertise", err);
    for (unsigned i = 0; rc == 0 && i < c->interfaces; i++) {
        const struct jn_config_interface *n = &c->interface[i];
        for (unsigned k = 0; rc == 0 && k < n->addresses; k++, first = false) {
            if (first) /* it stands in the fields above */
                continue;
            struct jn_worker_place *m = &wc->more[wc->more_n++];
            m->port_min = part(n->port_min, n->port_max, c->workers, worker, &m->port_max);
            m->vlan = n->vlan;
            m->dscp = n->dscp;
            m->interface = (uint8_t)i;
            if ((rc = parse(&m->local, n->address[k].listen, "media.interfaces", err)) == 0)
                rc = parse(&m->advertise, n->address[k].advertise, "media.interfaces", err);
        }
    }
    return rc;
}

void jn_engine_media_place(const struct jn_engine *e, const struct jn_addr *peer, uint8_t *interface, uint8_t *family)
{
    const struct jn_config *c = &e->config;
    int best = -1;

    *interface = 0;
    *family = peer ? peer->family : JN_ADDR_NONE;
    for (unsigned i = 0; peer && i < c->interfaces; i++)
        for (unsigned k = 0; k < c->interface[i].networks; k++)
            if (jn_cidr_has(&c->interface[i].network[k], peer) && c->interface[i].network[k].bits > best) {
                best = c->interface[i].network[k].bits;
                *interface = (uint8_t)i;
            }
}

static int device_addresses(const struct jn_config *c, struct jn_dpdk_config *d, struct jn_err *err)
{
    const struct jn_config_dpdk *from = &c->dpdk;
    unsigned n = 0;
    int rc = 0;

    if (c->interfaces == 0) {
        d->prefix = from->prefix;
        d->vlan = from->vlan;
        rc = parse(&d->address, c->media_host, "media.listen", err);
        return rc < 0 ? rc : parse(&d->gateway, from->gateway, "media.dpdk.gateway", err);
    }
    for (unsigned i = 0; rc == 0 && i < c->interfaces; i++)
        for (unsigned k = 0; rc == 0 && k < c->interface[i].addresses; k++, n++) {
            const struct jn_config_address *a = &c->interface[i].address[k];
            struct jn_dpdk_address one = {.vlan = c->interface[i].vlan, .prefix = a->prefix};
            if ((rc = parse(&one.address, a->listen, "media.interfaces", err)) == 0)
                rc = parse(&one.gateway, a->gateway, "media.interfaces", err);
            if (n > 0) {
                d->more[d->more_n++] = one;
                continue;
            }
            d->address = one.address;
            d->gateway = one.gateway;
            d->vlan = one.vlan;
            d->prefix = one.prefix;
        }
    return rc;
}

/* Of all interfaces together. */
static void port_range(const struct jn_config *c, struct jn_dpdk_config *d)
{
    d->port_min = c->media_port_min;
    d->port_max = c->media_port_max;
    for (unsigned i = 0; i < c->interfaces; i++) {
        d->port_min = c->interface[i].port_min < d->port_min ? c->interface[i].port_min : d->port_min;
        d->port_max = c->interface[i].port_max > d->port_max ? c->interface[i].port_max : d->port_max;
    }
}

int jn_engine_media_open(struct jn_engine *e, struct jn_worker_config *wc, struct jn_err *err)
{
    const struct jn_config_dpdk *from = &e->config.dpdk;

    if (e->config.media_back_end != JN_MEDIA_DPDK)
        return 0;
    struct jn_dpdk_config c = {.huge_pages = from->huge_pages,
                               .memory_mb = from->memory_mb,
                               .max_sleep_us = from->max_sleep_us,
                               .workers = e->config.workers};
    jn_copy(c.device, sizeof c.device, from->device);
    port_range(&e->config, &c);
    int rc = device_addresses(&e->config, &c, err);
    if (rc < 0)
        return rc;
    if (from->mac[0] && !jn_mac_parse(c.mac, from->mac))
        return jn_fail(err, -EINVAL, "media.dpdk.mac: \"%s\" is no station's address", from->mac);
    rc = jn_dpdk_open(&e->dpdk, &c, err);
    if (rc < 0)
        return rc;
    wc->net = &jn_port_dpdk;
    wc->net_back_end = e->dpdk;
    return 0;
}

void jn_engine_media_close(struct jn_engine *e)
{
    jn_dpdk_close(e->dpdk);
    e->dpdk = NULL;
}
