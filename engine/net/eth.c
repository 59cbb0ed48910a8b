/* Eth: see eth.h. Headers are read and written byte by byte or through memcpy: nothing is assumed of alignment. */
#include "engine/net/eth.h"
#include "engine/base/sum.h"
#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

enum { IP_HEADER = 20, UDP_HEADER = 8, ARP_BYTES = 28, TTL = 64, PROTO_ICMP = 1, PROTO_UDP = 17, ECHO_REQUEST = 8 };
enum { TYPE_IP = 0x0800, TYPE_ARP = 0x0806, TYPE_IP6 = 0x86dd, TYPE_TAG = 0x8100, DONT_FRAGMENT = 0x4000 };

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static uint32_t get_ip(const uint8_t *at)
{
    uint32_t ip;
    memcpy(&ip, at, 4);
    return ip;
}

/* Not yet folded: addresses, protocol and length (RFC 768). */
static uint64_t pseudo(uint32_t from, uint32_t to, uint16_t len)
{
    return (uint64_t)from + to + htons(PROTO_UDP) + htons(len);
}

/* Sums to which a carry may still be added back: of four and of five words, as they lie there. */
static inline uint64_t words(const uint8_t *at, unsigned n)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < n; i++)
        sum += get_ip(at + 4 * i);
    return sum;
}

/* Which of ours has that IPv4 address in that VLAN; hosts: none. */
static unsigned host_of(const struct jn_eth_host us[], unsigned hosts, uint16_t vlan, uint32_t ip)
{
    unsigned i = 0;

    while (i < hosts && (us[i].ip != ip || us[i].vlan != vlan || us[i].v6))
        i++;
    return i;
}

/* The first of ours in that VLAN that speaks IPv4; hosts: none. */
static unsigned any_host(const struct jn_eth_host us[], unsigned hosts, uint16_t vlan)
{
    unsigned i = 0;

    while (i < hosts && (us[i].vlan != vlan || us[i].v6))
        i++;
    return i;
}

static enum jn_eth_kind parse_arp(struct jn_eth_frame *f, const struct jn_eth_host us[], unsigned hosts, uint16_t vlan,
                                  const uint8_t *at, size_t n)
{
    static const uint8_t ethernet_ip[6] = {0, 1, TYPE_IP >> 8, TYPE_IP & 255, 6, 4};

    if (n < ARP_BYTES)
        return JN_ETH_SHORT;
    uint16_t what = get16(at + 6);
    if (memcmp(at, ethernet_ip, sizeof ethernet_ip) != 0 || (what != 1 && what != 2))
        return JN_ETH_OTHER_TYPE;
    f->asks = what == 1;
    memcpy(f->mac, at + 8, 6);
    f->from = get_ip(at + 14);
    f->to = get_ip(at + 24);
    unsigned host = host_of(us, hosts, vlan, f->to);
    f->to_us = host < hosts;
    if (!f->to_us)
        host = any_host(us, hosts, vlan);
    if (host == hosts) /* of IPv4 we have nothing here */
        return JN_ETH_OTHER_TYPE;
    f->host = (uint8_t)host;
    return JN_ETH_ARP;
}

static enum jn_eth_kind parse_icmp(struct jn_eth_frame *f, const uint8_t *bytes)
{
    const uint8_t *at = bytes + f->off;

    if (f->len < 8)
        return JN_ETH_SHORT;
    if (at[0] != ECHO_REQUEST || at[1] != 0 || jn_eth_fold(jn_sum(0, at, f->len)) != 0)
        return JN_ETH_OTHER_PROTOCOL;
    return JN_ETH_ECHO;
}

static enum jn_eth_kind parse_udp(struct jn_eth_frame *f, const uint8_t *bytes)
{
    const uint8_t *at = bytes + f->off;

    if (f->len < UDP_HEADER)
        return JN_ETH_SHORT;
    uint16_t len = get16(at + 4);
    if (len < UDP_HEADER || len > f->len)
        return JN_ETH_SHORT;
    f->from_port = get16(at);
    f->to_port = get16(at + 2);
    f->off = (uint16_t)(f->off + UDP_HEADER);
    f->len = (uint16_t)(len - UDP_HEADER);
    return JN_ETH_UDP;
}

static enum jn_eth_kind parse_ip(struct jn_eth_frame *f, const struct jn_eth_host us[], unsigned hosts, uint16_t vlan,
                                 const uint8_t *bytes, size_t n)
{
    const uint8_t *at = bytes + f->l3;

    n -= f->l3;
    if (n < IP_HEADER)
        return JN_ETH_SHORT;
    size_t header = (at[0] & 15u) * 4u;
    uint16_t whole = get16(at + 2);
    if (at[0] >> 4 != 4 || header < IP_HEADER)
        return JN_ETH_BAD_IP;
    if (header > n || whole > n || whole < header)
        return JN_ETH_SHORT;
    if (jn_eth_fold(jn_sum(0, at, header)) != 0)
        return JN_ETH_BAD_IP;
    f->from = get_ip(at + 12);
    f->to = get_ip(at + 16);
    unsigned host = host_of(us, hosts, vlan, f->to);
    if (host == hosts)
        return JN_ETH_OTHER_IP;
    f->host = (uint8_t)host;
    if ((get16(at + 6) & 0x3fff) != 0) /* more to come, or not the first */
        return JN_ETH_FRAGMENT;
    f->off = (uint16_t)(f->l3 + header);
    f->len = (uint16_t)(whole - header);
    if (at[9] == PROTO_UDP)
        return parse_udp(f, bytes);
    return at[9] == PROTO_ICMP ? parse_icmp(f, bytes) : JN_ETH_OTHER_PROTOCOL;
}

static bool have_vlan(const struct jn_eth_host us[], unsigned hosts, uint16_t vlan)
{
    unsigned i = 0;

    while (i < hosts && us[i].vlan != vlan)
        i++;
    return i < hosts;
}

bool jn_eth_plain(struct jn_eth_frame *f, const struct jn_eth_host us[], unsigned hosts, const uint8_t *bytes, size_t n)
{
    const uint8_t *ip = bytes + JN_ETH_HEADER, *udp = ip + IP_HEADER;
    unsigned i = 0;

    if (n < JN_ETH_HEADER + IP_HEADER + UDP_HEADER || bytes[12] != TYPE_IP >> 8 || bytes[13] != (TYPE_IP & 255) ||
        ip[0] != 0x45 || ip[9] != PROTO_UDP || memcmp(bytes, us->mac, 6) != 0 || (get16(ip + 6) & 0x3fff) != 0)
        return false;
    uint16_t whole = get16(ip + 2), len = get16(udp + 4);
    f->to = get_ip(ip + 16);
    while (i < hosts && (us[i].ip != f->to || us[i].vlan != 0 || us[i].v6))
        i++;
    if (i == hosts || (size_t)JN_ETH_HEADER + whole > n || whole < IP_HEADER + UDP_HEADER || len < UDP_HEADER ||
        len > whole - IP_HEADER || jn_eth_fold(words(ip, IP_HEADER / 4)) != 0)
        return false;
    f->from = get_ip(ip + 12);
    f->from_port = get16(udp);
    f->to_port = get16(udp + 2);
    f->l3 = JN_ETH_HEADER;
    f->off = JN_ETH_HEADER + IP_HEADER + UDP_HEADER;
    f->len = (uint16_t)(len - UDP_HEADER);
    f->host = (uint8_t)i;
    f->v6 = false;
    return true;
}

enum jn_eth_kind jn_eth_parse_for(struct jn_eth_frame *f, const struct jn_eth_host us[], unsigned hosts,
                                  const uint8_t *bytes, size_t n, uint16_t tag)
{
    static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};

    memset(f, 0, sizeof *f);
    if (n < JN_ETH_HEADER || n > UINT16_MAX)
        return JN_ETH_SHORT;
    uint16_t type = get16(bytes + 12), vlan = tag & 0xfff;
    f->l3 = JN_ETH_HEADER;
    if (type == TYPE_TAG && vlan == 0) {
        if (n < JN_ETH_HEADER + JN_ETH_TAG)
            return JN_ETH_SHORT;
        vlan = get16(bytes + 14) & 0xfff; /* 0: a priority and no VLAN (802.1Q) */
        type = get16(bytes + 16);
        f->l3 += JN_ETH_TAG;
    }
    if (!have_vlan(us, hosts, vlan))
        return JN_ETH_OTHER_VLAN;
    bool group6 = bytes[0] == 0x33 && bytes[1] == 0x33 && type == TYPE_IP6; /* RFC 2464 7 */
    bool all = memcmp(bytes, everybody, 6) == 0;
    if (!all && !group6 && memcmp(bytes, us->mac, 6) != 0)
        return JN_ETH_OTHER_MAC;
    if (type == TYPE_ARP)
        return parse_arp(f, us, hosts, vlan, bytes + f->l3, n - f->l3);
    if (type != TYPE_IP && type != TYPE_IP6)
        return JN_ETH_OTHER_TYPE;
    if (all) /* nobody sends media or pings to everybody */
        return JN_ETH_OTHER_MAC;
    memcpy(f->mac, bytes + 6, 6);
    return type == TYPE_IP ? parse_ip(f, us, hosts, vlan, bytes, n) : jn_eth_parse6(f, us, hosts, vlan, bytes, n);
}

/* All of it adds up to 0xffff, so the tail is what the rest lacks. */
bool jn_eth_tail(const struct jn_eth_frame *f, const uint8_t *bytes, uint16_t *tail)
{
    const uint8_t *at = bytes + f->off - UDP_HEADER;
    uint64_t head = pseudo(f->from, f->to, (uint16_t)(f->len + UDP_HEADER)) + words(at, (UDP_HEADER + JN_ETH_HEAD) / 4);

    *tail = jn_eth_fold(head);
    return jn_eth_fold(jn_sum(head, at + UDP_HEADER + JN_ETH_HEAD, (size_t)f->len - JN_ETH_HEAD)) == 0;
}

bool jn_eth_udp_sum_ok(const struct jn_eth_frame *f, const uint8_t *bytes)
{
    const uint8_t *at = bytes + f->off - UDP_HEADER;
    uint16_t len = (uint16_t)(f->len + UDP_HEADER);

    if (f->v6)
        return jn_eth_sum6_ok(bytes + f->l3, at, len, PROTO_UDP);
    return get16(at + 6) == 0 || jn_eth_fold(jn_sum(pseudo(f->from, f->to, len), at, len)) == 0;
}

/* Ethernet's header; returns where the next one begins. */
uint8_t *jn_eth_put_header(const struct jn_eth_host *us, uint8_t *at, const uint8_t mac[static 6], uint16_t type,
                           uint8_t priority)
{
    memcpy(at, mac, 6);
    memcpy(at + 6, us->mac, 6);
    at += 12;
    if (us->vlan != 0) {
        put16(at, TYPE_TAG);
        put16(at + 2, (uint16_t)(priority << 13 | us->vlan));
        at += JN_ETH_TAG;
    }
    put16(at, type);
    return at + 2;
}

static unsigned eth_length(const struct jn_eth_host *us)
{
    return us->vlan != 0 ? JN_ETH_HEADER + JN_ETH_TAG : JN_ETH_HEADER;
}

/* Headers are made of whole words and added up before they are written: reading back what was just written in smaller
 * pieces would wait for it. */
unsigned jn_eth_put_udp(const struct jn_eth_host *us, const struct jn_eth_udp *u, uint8_t *payload, uint16_t len)
{
    static_assert((UDP_HEADER + JN_ETH_HEAD) % 4 == 0, "whole words");
    unsigned headers = eth_length(us) + IP_HEADER + UDP_HEADER;
    uint16_t udp_len = (uint16_t)(len + UDP_HEADER);
    uint8_t *udp = payload - UDP_HEADER;
    /* 802.1Q's priority is the class selector of DSCP: EF travels as 5. */
    uint8_t *at = jn_eth_put_header(us, payload - headers, u->mac, TYPE_IP, u->dscp >> 3);
    uint32_t ip[IP_HEADER / 4] = {htonl(0x45000000u | (uint32_t)u->dscp << 18 | (uint32_t)(udp_len + IP_HEADER)),
                                  htonl(DONT_FRAGMENT), htonl((uint32_t)TTL << 24 | (uint32_t)PROTO_UDP << 16), us->ip,
                                  u->to};
    uint32_t ports = htonl((uint32_t)u->from_port << 16 | u->to_port);
    uint64_t base = pseudo(us->ip, u->to, udp_len);
    uint16_t sum = (uint16_t)~jn_eth_fold(base);

    if (u->sums) {
        uint16_t ip_sum = jn_eth_fold((uint64_t)ip[0] + ip[1] + ip[2] + ip[3] + ip[4]);
        ip[2] |= htonl(ntohs(ip_sum));
        base += (uint64_t)ports + htons(udp_len);
        sum =
            jn_eth_fold(u->tail_known ? base + words(payload, JN_ETH_HEAD / 4) + u->tail : jn_sum(base, payload, len));
        sum = sum != 0 ? sum : UINT16_MAX; /* zero would mean "none" */
    }
    uint32_t rest = htonl((uint32_t)udp_len << 16 | ntohs(sum));
    memcpy(at, ip, sizeof ip);
    memcpy(udp, &ports, 4);
    memcpy(udp + 4, &rest, 4);
    return headers;
}

void jn_eth_set_mac(uint8_t *frame, const uint8_t mac[static 6])
{
    memcpy(frame, mac, 6);
}

unsigned jn_eth_put_arp(const struct jn_eth_host *us, uint32_t ip, const uint8_t *mac,
                        uint8_t frame[static JN_ETH_ARP_MAX])
{
    static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255}, nobody[6] = {0};
    static const uint8_t ethernet_ip[6] = {0, 1, TYPE_IP >> 8, TYPE_IP & 255, 6, 4};
    uint8_t *at = jn_eth_put_header(us, frame, mac ? mac : everybody, TYPE_ARP, 0);

    memcpy(at, ethernet_ip, sizeof ethernet_ip);
    put16(at + 6, mac ? 2 : 1);
    memcpy(at + 8, us->mac, 6);
    memcpy(at + 14, &us->ip, 4);
    memcpy(at + 18, mac ? mac : nobody, 6);
    memcpy(at + 24, &ip, 4);
    return (unsigned)(at + ARP_BYTES - frame);
}

/* Header options are sent back as they came. */
unsigned jn_eth_answer_echo(const struct jn_eth_host *us, const struct jn_eth_frame *f, uint8_t *bytes, uint8_t **at)
{
    uint8_t *ip = bytes + f->l3, *icmp = bytes + f->off;
    unsigned headers = eth_length(us);

    if (f->v6)
        return jn_eth_answer_echo6(us, f, bytes, at);

    *at = ip - headers;
    uint8_t mac[6];
    memcpy(mac, f->mac, 6);
    jn_eth_put_header(us, *at, mac, TYPE_IP, 0);
    memcpy(ip + 12, &us->ip, 4);
    memcpy(ip + 16, &f->from, 4);
    ip[8] = TTL;
    memset(ip + 10, 0, 2);
    uint16_t sum = jn_eth_fold(jn_sum(0, ip, (size_t)(f->off - f->l3)));
    memcpy(ip + 10, &sum, 2);
    icmp[0] = 0;
    memset(icmp + 2, 0, 2);
    sum = jn_eth_fold(jn_sum(0, icmp, f->len));
    memcpy(icmp + 2, &sum, 2);
    return headers + (unsigned)(f->off - f->l3) + f->len;
}
