/* Place: the local addresses of a port, and the one index over all their ports. */
#include "engine/net/port.h"
#include <errno.h>

static int add(struct jn_port_places *p, const struct jn_port_place *one)
{
    if ((one->local.family != JN_ADDR_V4 && one->local.family != JN_ADDR_V6) || one->port_max <= one->port_min)
        return -EINVAL;
    p->at[p->n] = *one;
    p->first[p->n + 1] = p->first[p->n] + (uint32_t)(one->port_max - one->port_min) + 1;
    p->n++;
    return 0;
}

int jn_port_places(struct jn_port_places *p, const struct jn_port_config *c)
{
    const struct jn_port_place own = {
        .local = c->local, .port_min = c->port_min, .port_max = c->port_max, .vlan = c->vlan, .dscp = c->dscp};

    *p = (struct jn_port_places){0};
    int rc = c->more_n < JN_PORT_PLACES ? add(p, &own) : -EINVAL;
    for (unsigned i = 0; rc == 0 && i < c->more_n; i++)
        rc = add(p, &c->more[i]);
    return rc;
}
