/* Media: what the workers' ports stand on: sockets, or one network device that they share. */
#include "engine/app/config_check.h"
#include "engine/app/engine.h"
#include "engine/net/port_dpdk.h"
#include <errno.h>

static_assert((int)JN_DPDK_WORKERS == 64, "as config_media.c says");
static_assert(sizeof((struct jn_config_dpdk *)0)->device == (int)JN_DPDK_DEVICE_MAX, "a whole description fits");

int jn_engine_media_open(struct jn_engine *e, struct jn_worker_config *wc, struct jn_err *err)
{
    const struct jn_config_dpdk *from = &e->config.dpdk;

    if (e->config.media_back_end != JN_MEDIA_DPDK)
        return 0;
    struct jn_dpdk_config c = {.address = wc->local,
                               .prefix = from->prefix,
                               .vlan = from->vlan,
                               .huge_pages = from->huge_pages,
                               .memory_mb = from->memory_mb,
                               .max_sleep_us = from->max_sleep_us,
                               .workers = e->config.workers};
    jn_copy(c.device, sizeof c.device, from->device);
    if (from->gateway[0] && jn_addr_parse(&c.gateway, from->gateway, 0) < 0)
        return jn_fail(err, -EINVAL, "media.dpdk.gateway: \"%s\" is no address", from->gateway);
    if (from->mac[0] && !jn_mac_parse(c.mac, from->mac))
        return jn_fail(err, -EINVAL, "media.dpdk.mac: \"%s\" is no station's address", from->mac);
    int rc = jn_dpdk_open(&e->dpdk, &c, err);
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
