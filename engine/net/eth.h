/* Eth: frames as they lie on the wire: Ethernet (802.3) with an 802.1Q tag, ARP (RFC 826), IPv4 (RFC 791), UDP (RFC
 * 768), ICMP echo (RFC 792) and, in eth6.c, IPv6 (RFC 8200) with neighbour discovery (RFC 4861) and echo (RFC 4443):
 * parsed, answered and built in the caller's bytes. No device, no clock, no state. */
#ifndef JN_ENGINE_ETH_H
#define JN_ENGINE_ETH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JN_ETH_HEADER = 14,
    JN_ETH_HEAD = 12, /* what changes of a payload that is sent on: RTP's header */
    JN_ETH_TAG = 4,   /* a VLAN's, between addresses and type */
    JN_ETH_UDP_HEADERS = JN_ETH_HEADER + JN_ETH_TAG + 40 + 8, /* room that jn_eth_put_udp(6) may need */
    JN_ETH_ARP_MAX = JN_ETH_HEADER + JN_ETH_TAG + 28,
    JN_ETH_ND_MAX = JN_ETH_HEADER + JN_ETH_TAG + 40 + 32
};

/* One address of ours on the wire: IPv4, or IPv6 where v6 says so. IPv4 addresses are kept as they are sent (network
 * order) everywhere in this folder. */
struct jn_eth_host {
    uint8_t mac[6];
    uint16_t vlan; /* 1 .. 4094; 0: untagged */
    uint32_t ip;
    bool v6;
    uint8_t ip6[16];
};

enum jn_eth_kind {
    JN_ETH_UDP,  /* to us */
    JN_ETH_ARP,  /* who is what: request or answer, of anybody */
    JN_ETH_ECHO, /* a ping for us (its checksum holds) */
    JN_ETH_ND,   /* neighbour solicitation or advertisement, valid as RFC 4861 7.1 says */
    /* not for us, each with its reason */
    JN_ETH_SHORT,
    JN_ETH_OTHER_MAC,
    JN_ETH_OTHER_VLAN,
    JN_ETH_OTHER_TYPE,
    JN_ETH_OTHER_IP,
    JN_ETH_OTHER_PROTOCOL,
    JN_ETH_BAD_IP,
    JN_ETH_FRAGMENT,
    JN_ETH_NO_SUM, /* UDP over IPv6 without a checksum (RFC 8200 8.1) */
};

/* What a frame holds. off, len: UDP's payload, or ICMP from its first byte. l3: where IPv4, IPv6 or ARP begins. mac:
 * the sender's (ARP and ND: as the message says; ND without that option: zero). from: its address, IPv6's in from6 (v6
 * says which; all zero: one that has none yet). Ports in host order. host: which of ours it is for; of ARP and ND for
 * nobody here the first of that network. asks: ARP request or neighbour solicitation; target6: the address that ND is
 * about; to_us: its target is host's own address; solicited, override: flags of an advertisement. */
struct jn_eth_frame {
    uint32_t from, to;
    uint16_t off, len, l3, from_port, to_port;
    uint8_t mac[6], host;
    bool v6, asks, to_us, solicited, override;
    uint8_t from6[16], target6[16];
};

/* tag: the VLAN's id where the device has taken the tag out of the frame, 0 otherwise. Bytes behind the IPv4 packet
 * (padding) are passed over; UDP's checksum is not looked at. */
enum jn_eth_kind jn_eth_parse_for(struct jn_eth_frame *f, const struct jn_eth_host us[], unsigned hosts,
                                  const uint8_t *bytes, size_t n, uint16_t tag);
static inline enum jn_eth_kind jn_eth_parse(struct jn_eth_frame *f, const struct jn_eth_host *us, const uint8_t *bytes,
                                            size_t n, uint16_t tag)
{
    return jn_eth_parse_for(f, us, 1, bytes, n, tag);
}
/* The common case alone: an untagged datagram over IPv4 without options, to one of us, its header right: true, and f as
 * jn_eth_parse_for has it, but for the sender's station. False says nothing: jn_eth_parse_for tells. */
bool jn_eth_plain(struct jn_eth_frame *f, const struct jn_eth_host us[], unsigned hosts, const uint8_t *bytes,
                  size_t n);
/* Of a datagram over IPv4 of JN_ETH_HEAD bytes or more whose checksum was made: whether that is right, and then the sum
 * (not folded to its complement) of its payload from JN_ETH_HEAD on. */
bool jn_eth_tail(const struct jn_eth_frame *f, const uint8_t *bytes, uint16_t *tail);
/* RFC 768: the checksum of the UDP datagram that f says is right, or was not made (zero). */
bool jn_eth_udp_sum_ok(const struct jn_eth_frame *f, const uint8_t *bytes);

/* What a UDP datagram is sent with. dscp 0 .. 63; sums: who makes IPv4's and UDP's checksum: true we, false the device
 * (UDP's field then holds the pseudo header's sum, as devices want it). */
struct jn_eth_udp {
    uint8_t mac[6];
    uint8_t dscp;
    bool sums, tail_known; /* tail: of a payload whose bytes from JN_ETH_HEAD on are known to add up to it */
    uint16_t tail;
    uint32_t to;
    uint16_t from_port, to_port;
};
/* Writes Ethernet, IPv4 and UDP headers in front of payload, which has room for them there (JN_ETH_UDP_HEADERS);
 * returns their length. The datagram may not be fragmented and lives 64 hops (RFC 6864: its id is zero). */
unsigned jn_eth_put_udp(const struct jn_eth_host *us, const struct jn_eth_udp *u, uint8_t *payload, uint16_t len);
/* The same in IPv6: to `to` (u->to is not looked at), 40 bytes instead of 20; the checksum is always there. */
unsigned jn_eth_put_udp6(const struct jn_eth_host *us, const struct jn_eth_udp *u, const uint8_t to[static 16],
                         uint8_t *payload, uint16_t len);
/* The destination of a frame that jn_eth_put_udp made. */
void jn_eth_set_mac(uint8_t *frame, const uint8_t mac[static 6]);

/* A whole ARP frame; returns its length. mac NULL: a request for ip, to everybody (ip of our own: an announcement,
 * RFC 5227 2.3). Otherwise the answer to the station with that mac and ip. */
unsigned jn_eth_put_arp(const struct jn_eth_host *us, uint32_t ip, const uint8_t *mac,
                        uint8_t frame[static JN_ETH_ARP_MAX]);
/* Turns a ping (as parsed) into its answer, in place; returns the frame's length. The tag that the device took out is
 * missed here: bytes must then have room for JN_ETH_TAG in front, and *at becomes where the frame begins. */
unsigned jn_eth_answer_echo(const struct jn_eth_host *us, const struct jn_eth_frame *f, uint8_t *bytes, uint8_t **at);

/* A whole neighbour solicitation for ip (RFC 4861 4.3), to its solicited-node group; returns its length. */
unsigned jn_eth_put_ask6(const struct jn_eth_host *us, const uint8_t ip[static 16],
                         uint8_t frame[static JN_ETH_ND_MAX]);
/* A whole advertisement of our own address (4.4): to the station that asked, or, mac NULL, to everybody (7.2.6; also
 * the answer to one that has no address yet, 7.2.4). */
unsigned jn_eth_put_tell6(const struct jn_eth_host *us, const uint8_t ip[static 16], const uint8_t *mac,
                          uint8_t frame[static JN_ETH_ND_MAX]);

/* The 16 bits to be sent, of what jn_sum() gathered. */
static inline uint16_t jn_eth_fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32); /* at most 0x1fffffffe: the last step carries no more */
    sum = (sum & UINT16_MAX) + (sum >> 16 & UINT16_MAX) + (sum >> 32);
    return (uint16_t) ~((sum & UINT16_MAX) + (sum >> 16));
}

/* eth.c and eth6.c of each other. */
uint8_t *jn_eth_put_header(const struct jn_eth_host *us, uint8_t *at, const uint8_t mac[static 6], uint16_t type,
                           uint8_t priority);
enum jn_eth_kind jn_eth_parse6(struct jn_eth_frame *f, const struct jn_eth_host us[], unsigned hosts, uint16_t vlan,
                               const uint8_t *bytes, size_t n);
unsigned jn_eth_answer_echo6(const struct jn_eth_host *us, const struct jn_eth_frame *f, uint8_t *bytes, uint8_t **at);
bool jn_eth_sum6_ok(const uint8_t *ip6, const uint8_t *at, size_t n, uint8_t protocol);

#endif
