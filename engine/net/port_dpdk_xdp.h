/* Port, DPDK over AF_XDP: our own program on the interface; see port_dpdk_xdp.c. Needs what net_af_xdp needs: root. */
#ifndef JN_ENGINE_PORT_DPDK_XDP_H
#define JN_ENGINE_PORT_DPDK_XDP_H

#include "engine/base/err.h"
#include "engine/net/bpf.h"
#include "engine/net/eth.h"

/* What is media's: these addresses, and of them the UDP ports from port_min to port_max. */
struct jn_xdp_wish {
    const struct jn_eth_host *host;
    unsigned hosts;
    uint16_t port_min, port_max;
};
struct jn_xdp;
/* Removes a program of ours that a killed process left on the interface; before the driver starts. True: there was one.
 */
bool jn_xdp_clean(const char *interface);
/* After the driver has started: takes its program's place. 0 or -errno with the reason. */
int jn_xdp_attach(struct jn_xdp **out, const char *interface, const struct jn_xdp_wish *w, struct jn_err *err);
void jn_xdp_detach(struct jn_xdp *x);
/* The instructions; map: descriptor of the sockets' map, or -1: what would be taken ends as XDP_TX (for tests). 0 or
 * -E2BIG. */
int jn_xdp_program(struct jn_bpf *b, const struct jn_xdp_wish *w, int map);

#endif
