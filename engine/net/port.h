/* Port: where media packets enter and leave, behind one ops table: plain UDP sockets here, other back ends beside it.
 * One owner thread. Local ports are named by index: 0 .. ports-1 stand for port_min .. port_max. */
#ifndef JN_ENGINE_PORT_H
#define JN_ENGINE_PORT_H

#include "engine/base/err.h"
#include "engine/base/pkt.h"

struct jn_port; /* layout in each back end's file */
struct jn_port_config {
    struct jn_addr local; /* its port is ignored */
    uint16_t port_min, port_max;
    int wake_fd; /* ends a wait when readable, -1 none */
};
struct jn_port_ops {
    /* 0 or -errno with the reason. */
    int (*open)(struct jn_port **out, const struct jn_port_config *c, struct jn_err *err);
    /* Local index begins, or ceases, to receive. take: 0, -EADDRINUSE, or another -errno. */
    int (*take)(struct jn_port *p, uint16_t local);
    void (*give)(struct jn_port *p, uint16_t local);
    /* Up to max packets that have arrived, at most JN_PKT_BURST; never blocks. Packets and bytes stay the port's and
     * are good until the next rx; they may be changed. at_ns is now_ns. */
    unsigned (*rx)(struct jn_port *p, struct jn_pkt *pk[], unsigned max, uint64_t now_ns);
    /* Sends pk[i] from local index pk[i]->local to pk[i]->from. Borrows packets and bytes until it returns; what could
     * not be sent has drop = JN_DROP_TX. */
    void (*tx)(struct jn_port *p, struct jn_pkt *pk[], unsigned n);
    /* Sleeps until something can be received, wake_fd is readable, or timeout_ns have passed (UINT64_MAX: for ever).
     * True when there may be packets. A back end that polls returns at once. */
    bool (*wait)(struct jn_port *p, uint64_t timeout_ns);
    void (*close)(struct jn_port *p);
};
extern const struct jn_port_ops jn_port_udp;

#endif
