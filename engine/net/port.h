/* Port: where media packets enter and leave, behind one ops table: plain UDP sockets here, other back ends beside it.
 * One owner thread. Local ports are named by one index over all local addresses: the first address's port_min ..
 * port_max are 0 .. n-1, the next address's follow, so that an array and no hash leads from a packet to its stream. */
#ifndef JN_ENGINE_PORT_H
#define JN_ENGINE_PORT_H

#include "engine/base/err.h"
#include "engine/base/pkt.h"

enum { JN_PORT_PLACES = 16 };

struct jn_port; /* layout in each back end's file */
/* One local address with its range of ports. dscp: of what is sent from there (RFC 2474), 0 .. 63; voice has 46, EF
 * (RFC 3246). vlan: 802.1Q, 0 untagged; a device without the kernel alone knows it. */
struct jn_port_place {
    struct jn_addr local; /* its port is ignored */
    uint16_t port_min, port_max, vlan;
    uint8_t dscp;
};
/* The first place stands in the struct itself, `more` are the others. */
struct jn_port_config {
    struct jn_addr local; /* its port is ignored */
    uint16_t port_min, port_max;
    int wake_fd;          /* ends a wait when readable, -1 none */
    const void *back_end; /* what one back end needs beside this, NULL none; its header says */
    uint8_t index;        /* of the worker that owns this port, 0 .. */
    uint8_t dscp;         /* of what is sent */
    uint8_t more_n;
    uint16_t vlan;
    struct jn_port_place more[JN_PORT_PLACES - 1];
};
/* All places of a port: index first[i] is port_min of at[i]; first[n] is how many local ports there are. */
struct jn_port_places {
    struct jn_port_place at[JN_PORT_PLACES];
    uint32_t first[JN_PORT_PLACES + 1];
    uint8_t n;
};
/* 0, or -EINVAL: a place without an address or without two ports, or too many of them. */
int jn_port_places(struct jn_port_places *p, const struct jn_port_config *c);
/* The place of a local index that is below first[n]. */
static inline unsigned jn_port_place_of(const struct jn_port_places *p, uint32_t local)
{
    unsigned i = 0;

    while (local >= p->first[i + 1])
        i++;
    return i;
}
static inline uint16_t jn_port_number(const struct jn_port_places *p, unsigned place, uint32_t local)
{
    return (uint16_t)(p->at[place].port_min + (local - p->first[place]));
}
/* What a port counts of frames that never become packets, or are its own business. */
enum jn_port_count {
    JN_PORT_OTHER_MAC,      /* to another station */
    JN_PORT_OTHER_VLAN,     /* of another VLAN, or untagged where a VLAN is configured */
    JN_PORT_OTHER_TYPE,     /* neither IPv4 nor ARP */
    JN_PORT_OTHER_IP,       /* to another address */
    JN_PORT_OTHER_PROTOCOL, /* neither UDP nor an ICMP echo request */
    JN_PORT_SHORT,          /* truncated, or lengths that disagree */
    JN_PORT_BAD_IP,         /* IPv4 header: version, length or checksum */
    JN_PORT_FRAGMENT,       /* fragments are not put together */
    JN_PORT_BAD_SUM,        /* UDP checksum wrong: dropped where the device has verified it, else only counted */
    JN_PORT_CLOSED,         /* to a UDP port that no leg has */
    JN_PORT_STEERED,        /* handed to the worker that owns its UDP port */
    JN_PORT_STEER_FULL,     /* that worker's ring was full: lost */
    JN_PORT_NO_BUFFER,      /* no free buffer, or one that cannot be used */
    JN_PORT_TX_FULL,        /* the device took no more */
    JN_PORT_NO_ROUTE,       /* outside the prefix, and no gateway */
    JN_PORT_ARP_IN,         /* ARP for us: asked or told */
    JN_PORT_ARP_OUT,        /* ARP of ours: asked or answered */
    JN_PORT_ARP_CONFLICT,   /* another station says that it has our address */
    JN_PORT_ECHO,           /* pings answered */
    JN_PORT_WAITED,         /* packets that waited for a station's address */
    JN_PORT_WAIT_FULL,      /* too many wait already: lost */
    JN_PORT_WAIT_LOST,      /* waited in vain */
    JN_PORT_COUNTS
};
#define JN_PORT_COUNT_NAMES                                                                                            \
    {                                                                                                                  \
        "other_mac", "other_vlan", "other_type", "other_ip", "other_protocol", "short", "bad_ip", "fragment",          \
            "bad_checksum", "closed_port", "steered", "steer_full", "no_buffer", "tx_full", "no_route", "arp_in",      \
            "arp_out", "arp_conflict", "echo", "arp_waited", "arp_wait_full", "arp_wait_lost"                          \
    }
struct jn_port_ops {
    /* 0 or -errno with the reason. */
    int (*open)(struct jn_port **out, const struct jn_port_config *c, struct jn_err *err);
    /* Local index begins, or ceases, to receive. take: 0, -EADDRINUSE, or another -errno. */
    int (*take)(struct jn_port *p, uint32_t local);
    void (*give)(struct jn_port *p, uint32_t local);
    /* Up to max packets that have arrived, at most JN_PKT_BURST; never blocks. Packets and bytes stay the port's and
     * are good until the next rx; they may be changed. at_ns is now_ns. */
    unsigned (*rx)(struct jn_port *p, struct jn_pkt *pk[], unsigned max, uint64_t now_ns);
    /* Sends pk[i] from local index pk[i]->local to pk[i]->from. Borrows packets and bytes until it returns; what could
     * not be sent has drop = JN_DROP_TX. A packet with the buf of a received one (since the last rx, each once) takes
     * that buffer with it: those bytes are gone. */
    void (*tx)(struct jn_port *p, struct jn_pkt *pk[], unsigned n);
    /* Sleeps until something can be received, wake_fd is readable, or timeout_ns have passed (UINT64_MAX: for ever).
     * True when there may be packets. A back end that has to poll may return earlier. */
    bool (*wait)(struct jn_port *p, uint64_t timeout_ns);
    void (*close)(struct jn_port *p);
    /* JN_PORT_COUNTS figures, readable by any thread (relaxed). NULL: this back end counts nothing of its own. */
    const _Atomic uint64_t *(*counts)(const struct jn_port *p);
};
extern const struct jn_port_ops jn_port_udp;

#endif
