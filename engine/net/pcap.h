/* Pcap: UDP datagrams out of a capture in memory, and into one. Reads pcap (both byte orders, micro- and nanoseconds)
 * and pcapng; Ethernet with VLAN tags, Linux cooked (SLL, SLL2), BSD loopback and raw IP. Formats: libpcap's
 * pcap-savefile(5), draft-ietf-opsawg-pcapng. No files, no sockets. */
#ifndef JN_ENGINE_PCAP_H
#define JN_ENGINE_PCAP_H

#include "engine/base/addr.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

enum { JN_PCAP_INTERFACES = 64 };

/* data points into the capture (reading) or is borrowed (writing). at_ns: unix time. */
struct jn_pcap_udp {
    uint64_t at_ns;
    struct jn_addr from, to;
    const uint8_t *data;
    uint32_t len;
};
/* What was passed over, and why. */
struct jn_pcap_counts {
    uint64_t packets, datagrams, not_udp, fragments, cut /* longer than what was captured */, malformed;
};
struct jn_pcap_interface {
    uint32_t link;
    uint8_t resolution; /* if_tsresol */
};
struct jn_pcap {
    const uint8_t *bytes;
    size_t n, off;
    struct jn_pcap_interface interface[JN_PCAP_INTERFACES];
    uint32_t interfaces;
    bool ng, swapped, nano;
    struct jn_pcap_counts counts;
};

/* Borrows bytes until the last use. 0, or -EBADMSG with the reason: no capture, or a link type that is not known. */
int jn_pcap_open(struct jn_pcap *p, const void *bytes, size_t n, struct jn_err *err);
/* The next UDP datagram, 1; 0 at the end; -EBADMSG when the file is damaged from here on (what came before is good). */
int jn_pcap_next(struct jn_pcap *p, struct jn_pcap_udp *out, struct jn_err *err);
/* Link-layer frame to datagram. 0, or -EPROTONOSUPPORT (not UDP), -EMSGSIZE (a fragment), -ENODATA (cut), -EBADMSG. */
int jn_pcap_frame(struct jn_pcap_udp *out, uint32_t link, const uint8_t *frame, uint32_t n);
/* True for a link type that jn_pcap_frame reads. */
bool jn_pcap_link_known(uint32_t link);

/* A capture of Ethernet frames with nanosecond times, little-endian: its head, then datagrams; the Ethernet, IP and
 * UDP headers around them are made here, checksums included. add: 0, -EMSGSIZE, -ENOMEM, or -EINVAL (families differ).
 */
void jn_pcap_head(struct jn_buf *b);
int jn_pcap_add(struct jn_buf *b, const struct jn_pcap_udp *u);

#endif
