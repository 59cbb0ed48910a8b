/* Port, pcap: a port whose packets come out of a capture, at the capture's own times, and whose sent packets become a
 * capture. Time is what rx is told, so whoever drives it drives the clock: the same capture and the same steps give the
 * same bytes. */
#ifndef JN_ENGINE_PORT_PCAP_H
#define JN_ENGINE_PORT_PCAP_H

#include "engine/net/pcap.h"
#include "engine/net/port.h"

/* What jn_port_config.back_end points to. bytes: the capture; out: where sent packets are written. Borrowed. */
struct jn_port_pcap_files {
    const void *bytes;
    size_t n;
    struct jn_buf *out;
};
struct jn_port_pcap_counts {
    uint64_t delivered, closed /* its local port was not open */, oversize, unrouted,
        backwards /* times that ran back */;
};
#define JN_PORT_PCAP_CLOSED UINT16_MAX

extern const struct jn_port_ops jn_port_pcap;
/* Datagrams of the capture from `from` to `to` arrive at that local index from now on (JN_PORT_PCAP_CLOSED: nowhere,
 * until it is said again). All pairs must be known before the first rx or next. 0 or -ENOMEM. */
int jn_port_pcap_route(struct jn_port *p, const struct jn_addr *from, const struct jn_addr *to, uint16_t local);
/* When the next routed datagram was captured (unix ns, never before an earlier one); UINT64_MAX: there is none. */
uint64_t jn_port_pcap_next_ns(struct jn_port *p);
const struct jn_port_pcap_counts *jn_port_pcap_counts(const struct jn_port *p);

#endif
