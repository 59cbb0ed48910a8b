/* Eth: frames as they lie on the wire: Ethernet (802.3) with an 802.1Q tag, ARP (RFC 826), IPv4 (RFC 791), UDP (RFC
 * 768) and ICMP echo (RFC 792): parsed, answered and built in the caller's bytes. No device, no clock, no state. */
#ifndef JN_ENGINE_ETH_H
#define JN_ENGINE_ETH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JN_ETH_HEADER = 14,
    JN_ETH_TAG = 4,                                           /* a VLAN's, between addresses and type */
    JN_ETH_UDP_HEADERS = JN_ETH_HEADER + JN_ETH_TAG + 20 + 8, /* room that jn_eth_put_udp may need */
    JN_ETH_ARP_MAX = JN_ETH_HEADER + JN_ETH_TAG + 28
};

/* Who we are on the wire. IPv4 addresses are kept as they are sent (network order) everywhere in this folder. */
struct jn_eth_host {
    uint8_t mac[6];
    uint16_t vlan; /* 1 .. 4094; 0: untagged */
    uint32_t ip;
};

enum jn_eth_kind {
    JN_ETH_UDP,  /* to us */
    JN_ETH_ARP,  /* who is what: request or answer, of anybody */
    JN_ETH_ECHO, /* a ping for us (its checksum holds) */
    /* not for us, each with its reason */
    JN_ETH_SHORT,
    JN_ETH_OTHER_MAC,
    JN_ETH_OTHER_VLAN,
    JN_ETH_OTHER_TYPE,
    JN_ETH_OTHER_IP,
    JN_ETH_OTHER_PROTOCOL,
    JN_ETH_BAD_IP,
    JN_ETH_FRAGMENT,
};

/* What a frame holds. off, len: UDP's payload, or ICMP from its first byte. l3: where IPv4 or ARP begins. mac: the
 * sender's (ARP: as the ARP message says). from: its IPv4 address. Ports in host order. */
struct jn_eth_frame {
    uint32_t from, to;
    uint16_t off, len, l3, from_port, to_port;
    uint8_t mac[6];
    bool arp_request;
};

/* tag: the VLAN's id where the device has taken the tag out of the frame, 0 otherwise. Bytes behind the IPv4 packet
 * (padding) are passed over; UDP's checksum is not looked at. */
enum jn_eth_kind jn_eth_parse(struct jn_eth_frame *f, const struct jn_eth_host *us, const uint8_t *bytes, size_t n,
                              uint16_t tag);
/* RFC 768: the checksum of the UDP datagram that f says is right, or was not made (zero). */
bool jn_eth_udp_sum_ok(const struct jn_eth_frame *f, const uint8_t *bytes);

/* What a UDP datagram is sent with. dscp 0 .. 63; sums: who makes IPv4's and UDP's checksum: true we, false the device
 * (UDP's field then holds the pseudo header's sum, as devices want it). */
struct jn_eth_udp {
    uint8_t mac[6];
    uint8_t dscp;
    bool sums;
    uint32_t to;
    uint16_t from_port, to_port;
};
/* Writes Ethernet, IPv4 and UDP headers in front of payload, which has room for them there (JN_ETH_UDP_HEADERS);
 * returns their length. The datagram may not be fragmented and lives 64 hops (RFC 6864: its id is zero). */
unsigned jn_eth_put_udp(const struct jn_eth_host *us, const struct jn_eth_udp *u, uint8_t *payload, uint16_t len);
/* The destination of a frame that jn_eth_put_udp made. */
void jn_eth_set_mac(uint8_t *frame, const uint8_t mac[static 6]);

/* A whole ARP frame; returns its length. mac NULL: a request for ip, to everybody (ip of our own: an announcement,
 * RFC 5227 2.3). Otherwise the answer to the station with that mac and ip. */
unsigned jn_eth_put_arp(const struct jn_eth_host *us, uint32_t ip, const uint8_t *mac,
                        uint8_t frame[static JN_ETH_ARP_MAX]);
/* Turns a ping (as parsed) into its answer, in place; returns the frame's length. The tag that the device took out is
 * missed here: bytes must then have room for JN_ETH_TAG in front, and *at becomes where the frame begins. */
unsigned jn_eth_answer_echo(const struct jn_eth_host *us, const struct jn_eth_frame *f, uint8_t *bytes, uint8_t **at);

/* RFC 1071 over n bytes, added to sum; fold gives the 16 bits to be sent. */
uint64_t jn_eth_sum(uint64_t sum, const uint8_t *bytes, size_t n);
uint16_t jn_eth_fold(uint64_t sum);

#endif
