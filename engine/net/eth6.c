/* Eth6: IPv6 as it lies on the wire (RFC 8200), its neighbour discovery (RFC 4861) and echo (RFC 4443). Extension
 * headers are not followed: voice has none, and nothing else of IPv6 is ours to answer. */
#include "engine/base/sum.h"
#include "engine/net/eth.h"
#include <string.h>

enum { IP6_HEADER = 40, UDP_HEADER = 8, ND_BYTES = 24, HOPS = 64, ND_HOPS = 255 };
enum { NEXT_UDP = 17, NEXT_FRAGMENT = 44, NEXT_ICMP6 = 58, TYPE_IP6 = 0x86dd };
enum { ECHO_ASK = 128, ECHO_TELL, ND_ASK = 135, ND_TELL = 136, SOURCE_MAC = 1, TARGET_MAC = 2 };
enum { SOLICITED = 0x40, OVERRIDE = 0x20 };

static const uint8_t nobody[16];

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

/* RFC 8200 8.1, not yet folded: both addresses, length and protocol. */
static uint64_t pseudo(const uint8_t *ip6, uint32_t n, uint8_t protocol)
{
    uint8_t rest[8] = {
        (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, [7] = protocol,
    };

    return jn_sum(jn_sum(0, ip6 + 8, 32), rest, sizeof rest);
}

bool jn_eth_sum6_ok(const uint8_t *ip6, const uint8_t *at, size_t n, uint8_t protocol)
{
    return jn_eth_fold(jn_sum(pseudo(ip6, (uint32_t)n, protocol), at, n)) == 0;
}

/* ff02::1:ffXX:XXXX (RFC 4291 2.7.1). */
static void group_of(uint8_t group[16], const uint8_t ip[16])
{
    static const uint8_t begin[13] = {0xff, 2, [11] = 1, 0xff};

    memcpy(group, begin, sizeof begin);
    memcpy(group + 13, ip + 13, 3);
}

/* Which of ours is meant: by its address, or by its solicited-node group; hosts: none. */
static unsigned host_of(const struct jn_eth_host us[], unsigned hosts, uint16_t vlan, const uint8_t *ip)
{
    unsigned i = 0;
    uint8_t group[16];

    for (; i < hosts; i++) {
        if (!us[i].v6 || us[i].vlan != vlan)
            continue;
        group_of(group, us[i].ip6);
        if (memcmp(us[i].ip6, ip, 16) == 0 || memcmp(group, ip, 16) == 0)
            break;
    }
    return i;
}

/* The link-layer address option of that kind; false: the options are malformed (RFC 4861 4.6). */
static bool options(struct jn_eth_frame *f, const uint8_t *at, size_t n, uint8_t kind, bool *have)
{
    *have = false;
    while (n > 0) {
        size_t len = n >= 2 ? at[1] * 8u : 0;
        if (len == 0 || len > n)
            return false;
        if (at[0] == kind && len == 8) {
            memcpy(f->mac, at + 2, 6);
            *have = true;
        }
        at += len;
        n -= len;
    }
    return true;
}

/* RFC 4861 7.1.1 and 7.1.2: what does not hold is passed over in silence there, and counted here. */
static enum jn_eth_kind parse_nd(struct jn_eth_frame *f, const struct jn_eth_host us[], unsigned hosts, uint16_t vlan,
                                 const uint8_t *bytes)
{
    const uint8_t *ip = bytes + f->l3, *at = bytes + f->off, *to = ip + 24;
    bool have, ask = at[0] == ND_ASK, group = to[0] == 0xff;

    if (f->len < ND_BYTES)
        return JN_ETH_SHORT;
    if (ip[7] != ND_HOPS || at[1] != 0 || at[8] == 0xff)
        return JN_ETH_OTHER_PROTOCOL;
    memset(f->mac, 0, 6);
    if (!options(f, at + ND_BYTES, (size_t)f->len - ND_BYTES, ask ? SOURCE_MAC : TARGET_MAC, &have))
        return JN_ETH_OTHER_PROTOCOL;
    bool unnamed = memcmp(f->from6, nobody, 16) == 0;
    if (ask && unnamed && (have || !group))
        return JN_ETH_OTHER_PROTOCOL;
    f->asks = ask;
    f->solicited = !ask && (at[4] & SOLICITED) != 0;
    f->override = !ask && (at[4] & OVERRIDE) != 0;
    if ((!ask && unnamed) || (f->solicited && group))
        return JN_ETH_OTHER_PROTOCOL;
    memcpy(f->target6, at + 8, 16);
    unsigned host = host_of(us, hosts, vlan, f->target6);
    f->to_us = host < hosts && memcmp(us[host].ip6, f->target6, 16) == 0;
    for (unsigned i = 0; i < hosts && !f->to_us; i++)
        if (us[i].v6 && us[i].vlan == vlan)
            host = i;
    f->host = (uint8_t)host;
    return JN_ETH_ND;
}

static enum jn_eth_kind parse_icmp(struct jn_eth_frame *f, const struct jn_eth_host us[], unsigned hosts, uint16_t vlan,
                                   const uint8_t *bytes)
{
    const uint8_t *ip = bytes + f->l3, *at = bytes + f->off;

    if (f->len < 8)
        return JN_ETH_SHORT;
    if (!jn_eth_sum6_ok(ip, at, f->len, NEXT_ICMP6))
        return JN_ETH_OTHER_PROTOCOL;
    if (at[0] == ND_ASK || at[0] == ND_TELL)
        return parse_nd(f, us, hosts, vlan, bytes);
    if (at[0] != ECHO_ASK || at[1] != 0 || ip[24] == 0xff || f->from6[0] == 0xff || memcmp(f->from6, nobody, 16) == 0)
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
    if (get16(at + 6) == 0)
        return JN_ETH_NO_SUM;
    f->from_port = get16(at);
    f->to_port = get16(at + 2);
    f->off = (uint16_t)(f->off + UDP_HEADER);
    f->len = (uint16_t)(len - UDP_HEADER);
    return JN_ETH_UDP;
}

enum jn_eth_kind jn_eth_parse6(struct jn_eth_frame *f, const struct jn_eth_host us[], unsigned hosts, uint16_t vlan,
                               const uint8_t *bytes, size_t n)
{
    static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
    const uint8_t *at = bytes + f->l3;
    unsigned any = 0;

    while (any < hosts && (!us[any].v6 || us[any].vlan != vlan))
        any++;
    if (any == hosts) /* of IPv6 we have nothing here */
        return JN_ETH_OTHER_TYPE;
    n -= f->l3;
    if (n < IP6_HEADER)
        return JN_ETH_SHORT;
    uint16_t len = get16(at + 4);
    if (at[0] >> 4 != 6)
        return JN_ETH_BAD_IP;
    if (len > n - IP6_HEADER)
        return JN_ETH_SHORT;
    f->v6 = true;
    memcpy(f->from6, at + 8, 16);
    unsigned host = host_of(us, hosts, vlan, at + 24);
    bool advertised = at[6] == NEXT_ICMP6 && memcmp(at + 24, all_nodes, 16) == 0;
    if (host == hosts && !advertised)
        return JN_ETH_OTHER_IP;
    if (at[6] == NEXT_FRAGMENT)
        return JN_ETH_FRAGMENT;
    f->host = (uint8_t)(host < hosts ? host : any);
    f->off = (uint16_t)(f->l3 + IP6_HEADER);
    f->len = len;
    if (at[6] == NEXT_ICMP6)
        return parse_icmp(f, us, hosts, vlan, bytes);
    if (at[6] != NEXT_UDP || at[24] == 0xff)
        return JN_ETH_OTHER_PROTOCOL;
    return parse_udp(f, bytes);
}

static void put_ip6(const struct jn_eth_host *us, uint8_t *ip, const uint8_t to[16], uint16_t len, uint8_t next,
                    uint8_t hops, uint8_t dscp)
{
    memset(ip, 0, 8);
    ip[0] = (uint8_t)(0x60 | dscp >> 2);
    ip[1] = (uint8_t)(dscp << 6);
    put16(ip + 4, len);
    ip[6] = next;
    ip[7] = hops;
    memcpy(ip + 8, us->ip6, 16);
    memcpy(ip + 24, to, 16);
}

static unsigned eth_length(const struct jn_eth_host *us)
{
    return us->vlan != 0 ? JN_ETH_HEADER + JN_ETH_TAG : JN_ETH_HEADER;
}

unsigned jn_eth_put_udp6(const struct jn_eth_host *us, const struct jn_eth_udp *u, const uint8_t to[static 16],
                         uint8_t *payload, uint16_t len)
{
    unsigned headers = eth_length(us) + IP6_HEADER + UDP_HEADER;
    uint16_t udp_len = (uint16_t)(len + UDP_HEADER), sum;
    uint8_t *udp = payload - UDP_HEADER;
    uint8_t *ip = jn_eth_put_header(us, payload - headers, u->mac, TYPE_IP6, u->dscp >> 3);

    put_ip6(us, ip, to, udp_len, NEXT_UDP, HOPS, u->dscp);
    put16(udp, u->from_port);
    put16(udp + 2, u->to_port);
    put16(udp + 4, udp_len);
    memset(udp + 6, 0, 2);
    uint64_t base = pseudo(ip, udp_len, NEXT_UDP);
    if (u->sums) {
        sum = jn_eth_fold(jn_sum(base, udp, udp_len));
        if (sum == 0)
            sum = UINT16_MAX;
    } else {
        sum = (uint16_t)~jn_eth_fold(base);
    }
    memcpy(udp + 6, &sum, 2);
    return headers;
}

/* Both messages: type, flags, target, one option with our own station. */
static unsigned put_nd(const struct jn_eth_host *us, const uint8_t to[16], const uint8_t mac[6], uint8_t type,
                       uint8_t flags, const uint8_t target[16], uint8_t *frame)
{
    uint8_t *ip = jn_eth_put_header(us, frame, mac, TYPE_IP6, 0), *at = ip + IP6_HEADER;

    put_ip6(us, ip, to, ND_BYTES + 8, NEXT_ICMP6, ND_HOPS, 0);
    memset(at, 0, ND_BYTES);
    at[0] = type;
    at[4] = flags;
    memcpy(at + 8, target, 16);
    at[ND_BYTES] = type == ND_ASK ? SOURCE_MAC : TARGET_MAC;
    at[ND_BYTES + 1] = 1;
    memcpy(at + ND_BYTES + 2, us->mac, 6);
    uint16_t sum = jn_eth_fold(jn_sum(pseudo(ip, ND_BYTES + 8, NEXT_ICMP6), at, ND_BYTES + 8));
    memcpy(at + 2, &sum, 2);
    return (unsigned)(at + ND_BYTES + 8 - frame);
}

unsigned jn_eth_put_ask6(const struct jn_eth_host *us, const uint8_t ip[static 16], uint8_t frame[static JN_ETH_ND_MAX])
{
    uint8_t group[16], mac[6] = {0x33, 0x33};

    group_of(group, ip);
    memcpy(mac + 2, group + 12, 4);
    return put_nd(us, group, mac, ND_ASK, 0, ip, frame);
}

unsigned jn_eth_put_tell6(const struct jn_eth_host *us, const uint8_t ip[static 16], const uint8_t *mac,
                          uint8_t frame[static JN_ETH_ND_MAX])
{
    static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1}, all_stations[6] = {0x33, 0x33, 0, 0, 0, 1};

    if (!mac)
        return put_nd(us, all_nodes, all_stations, ND_TELL, OVERRIDE, us->ip6, frame);
    return put_nd(us, ip, mac, ND_TELL, SOLICITED | OVERRIDE, us->ip6, frame);
}

unsigned jn_eth_answer_echo6(const struct jn_eth_host *us, const struct jn_eth_frame *f, uint8_t *bytes, uint8_t **at)
{
    uint8_t *ip = bytes + f->l3, *icmp = bytes + f->off, mac[6];
    unsigned headers = eth_length(us);

    *at = ip - headers;
    memcpy(mac, f->mac, 6);
    jn_eth_put_header(us, *at, mac, TYPE_IP6, 0);
    put_ip6(us, ip, f->from6, f->len, NEXT_ICMP6, HOPS, 0);
    icmp[0] = ECHO_TELL;
    memset(icmp + 2, 0, 2);
    uint16_t sum = jn_eth_fold(jn_sum(pseudo(ip, f->len, NEXT_ICMP6), icmp, f->len));
    memcpy(icmp + 2, &sum, 2);
    return headers + IP6_HEADER + f->len;
}
