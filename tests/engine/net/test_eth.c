/* Frames: what is built can be parsed again and is what RFC 791, 768, 826 and 792 say; what is wrong has its reason. */
#include "engine/base/sum.h"
#include "engine/net/eth.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(eth, .timeout = 60);

static const uint8_t OUR_MAC[6] = {2, 0, 0, 0, 0, 1}, PEER_MAC[6] = {2, 0, 0, 0, 0, 2};

static struct jn_eth_host host(const char *ip, const uint8_t mac[6], uint16_t vlan)
{
    struct jn_eth_host h = {.vlan = vlan, .ip = inet_addr(ip)};
    memcpy(h.mac, mac, 6);
    return h;
}

/* A datagram from the peer to us; returns its length. */
static size_t datagram(uint8_t frame[300], uint16_t vlan, uint16_t len)
{
    struct jn_eth_host peer = host("10.0.0.2", PEER_MAC, vlan);
    struct jn_eth_udp u = {.dscp = 46, .sums = true, .to = inet_addr("10.0.0.1"), .from_port = 4000, .to_port = 20002};
    uint8_t bytes[400];
    memcpy(u.mac, OUR_MAC, 6);
    for (unsigned i = 0; i < len; i++)
        bytes[64 + i] = (uint8_t)(i * 7 + 1);
    unsigned headers = jn_eth_put_udp(&peer, &u, bytes + 64, len);
    cr_assert_eq(headers, (vlan ? 18 : 14) + 28);
    memcpy(frame, bytes + 64 - headers, headers + len);
    return headers + len;
}

static enum jn_eth_kind parse(struct jn_eth_frame *f, const uint8_t *frame, size_t n)
{
    struct jn_eth_host us = host("10.0.0.1", OUR_MAC, 0);
    return jn_eth_parse(f, &us, frame, n, 0);
}

Test(eth, a_datagram_is_read_as_it_was_built)
{
    for (uint16_t len = 0; len < 200; len++) {
        uint8_t frame[300];
        struct jn_eth_frame f;
        size_t n = datagram(frame, 0, len);
        cr_assert_eq(parse(&f, frame, n), JN_ETH_UDP);
        cr_assert_eq(f.from, inet_addr("10.0.0.2"));
        cr_assert_eq(f.from_port, 4000);
        cr_assert_eq(f.to_port, 20002);
        cr_assert_eq(f.len, len);
        cr_assert_eq((size_t)f.off + f.len, n);
        cr_assert(memcmp(f.mac, PEER_MAC, 6) == 0);
        cr_assert(jn_eth_udp_sum_ok(&f, frame));
        cr_assert_eq(frame[15] >> 2, 46, "EF");
        if (len > 0) {
            frame[n - 1] ^= 0x20;
            cr_assert(!jn_eth_udp_sum_ok(&f, frame), "length %u", len);
            frame[n - 1] ^= 0x20;
        }
        frame[40] = frame[41] = 0;
        cr_assert(jn_eth_udp_sum_ok(&f, frame), "zero: no checksum was made");
    }
}

/* The example header of Wikipedia, "Internet checksum". */
Test(eth, known_bytes_have_the_known_sums)
{
    static const uint8_t ip[20] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                                   0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    cr_assert_eq(jn_eth_fold(jn_sum(0, ip, 20)), 0);
    uint8_t without[20];
    memcpy(without, ip, 20);
    without[10] = without[11] = 0;
    uint16_t sum = jn_eth_fold(jn_sum(0, without, 20));
    cr_assert(memcmp(&sum, ip + 10, 2) == 0);
}

Test(eth, a_sum_is_the_same_in_whatever_pieces_it_is_made)
{
    uint8_t bytes[1500];
    for (unsigned i = 0; i < sizeof bytes; i++) /* among them long runs of ones, which carry everywhere */
        bytes[i] = i / 200 % 2 ? 255 : (uint8_t)(i * i + 255);
    for (size_t n = 0; n < sizeof bytes; n += 7) {
        uint32_t slow = 0;
        for (size_t i = 0; i < n; i++)
            slow += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
        while (slow >> 16)
            slow = (slow & 0xffff) + (slow >> 16);
        cr_assert_eq(htons(jn_eth_fold(jn_sum(0, bytes, n))), (uint16_t)~slow, "%zu bytes", n);
    }
}

Test(eth, every_cut_of_a_frame_is_refused_as_short)
{
    uint8_t frame[300];
    struct jn_eth_frame f;
    size_t n = datagram(frame, 0, 172);
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *exact = malloc(cut + !cut); /* so that a read behind it is seen by the sanitizer */
        memcpy(exact, frame, cut);
        cr_assert_eq(parse(&f, exact, cut), JN_ETH_SHORT, "cut at %zu", cut);
        free(exact);
    }
}

Test(eth, padding_behind_the_packet_is_no_part_of_it)
{
    uint8_t frame[300] = {0};
    struct jn_eth_frame f;
    size_t n = datagram(frame, 0, 4);
    cr_assert_eq(parse(&f, frame, n + 14), JN_ETH_UDP);
    cr_assert_eq(f.len, 4);
}

Test(eth, what_is_not_for_us_has_its_reason)
{
    uint8_t frame[300], good[300];
    struct jn_eth_frame f;
    size_t n = datagram(good, 0, 20);
    struct {
        unsigned at;
        uint8_t value;
        bool sum; /* the IPv4 checksum is made again */
        enum jn_eth_kind why;
    } wrong[] = {
        {5, 9, false, JN_ETH_OTHER_MAC},      {12, 0x86, false, JN_ETH_OTHER_TYPE}, {14, 0x65, true, JN_ETH_BAD_IP},
        {14, 0x44, true, JN_ETH_BAD_IP},      {14, 0x4f, true, JN_ETH_SHORT},       {24, 1, false, JN_ETH_BAD_IP},
        {33, 7, true, JN_ETH_OTHER_IP},       {20, 0x20, true, JN_ETH_FRAGMENT},    {21, 1, true, JN_ETH_FRAGMENT},
        {23, 6, true, JN_ETH_OTHER_PROTOCOL}, {39, 7, false, JN_ETH_SHORT},         {39, 200, false, JN_ETH_SHORT},
        {17, 255, true, JN_ETH_SHORT},        {17, 5, true, JN_ETH_SHORT}};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        memcpy(frame, good, n);
        frame[wrong[i].at] = wrong[i].value;
        if (wrong[i].sum) {
            frame[24] = frame[25] = 0;
            uint16_t sum = jn_eth_fold(jn_sum(0, frame + 14, 20));
            memcpy(frame + 24, &sum, 2);
        }
        cr_assert_eq(parse(&f, frame, n), wrong[i].why, "change %u gave %d", i, parse(&f, frame, n));
    }
    memset(good, 255, 6);
    cr_assert_eq(parse(&f, good, n), JN_ETH_OTHER_MAC, "UDP to everybody");
}

Test(eth, vlans_are_kept_apart)
{
    uint8_t tagged[300], plain[300];
    struct jn_eth_frame f;
    struct jn_eth_host in12 = host("10.0.0.1", OUR_MAC, 12), untagged = host("10.0.0.1", OUR_MAC, 0);
    size_t n = datagram(tagged, 12, 20), m = datagram(plain, 0, 20);
    cr_assert_eq(tagged[14] >> 5, 5, "EF's priority");
    cr_assert_eq(jn_eth_parse(&f, &in12, tagged, n, 0), JN_ETH_UDP);
    cr_assert_eq(f.len, 20);
    cr_assert_eq(jn_eth_parse(&f, &untagged, tagged, n, 0), JN_ETH_OTHER_VLAN);
    cr_assert_eq(jn_eth_parse(&f, &in12, plain, m, 0), JN_ETH_OTHER_VLAN);
    cr_assert_eq(jn_eth_parse(&f, &in12, plain, m, 12), JN_ETH_UDP, "the device took the tag out");
    cr_assert_eq(jn_eth_parse(&f, &in12, plain, m, 13), JN_ETH_OTHER_VLAN);
    cr_assert_eq(jn_eth_parse(&f, &in12, tagged, 16, 0), JN_ETH_SHORT);
    tagged[14] = 0xa0; /* priority 5, VLAN 0: untagged, says 802.1Q */
    tagged[15] = 0;
    cr_assert_eq(jn_eth_parse(&f, &untagged, tagged, n, 0), JN_ETH_UDP);
}

Test(eth, arp_asks_answers_and_is_understood)
{
    struct jn_eth_host us = host("10.0.0.1", OUR_MAC, 0), peer = host("10.0.0.2", PEER_MAC, 0);
    uint8_t frame[JN_ETH_ARP_MAX];
    struct jn_eth_frame f;
    unsigned n = jn_eth_put_arp(&us, peer.ip, NULL, frame);
    cr_assert_eq(n, 42);
    cr_assert_eq(jn_eth_parse(&f, &peer, frame, n, 0), JN_ETH_ARP);
    cr_assert(f.asks && f.from == us.ip && f.to == peer.ip && memcmp(f.mac, OUR_MAC, 6) == 0);
    n = jn_eth_put_arp(&peer, f.from, f.mac, frame);
    cr_assert_eq(jn_eth_parse(&f, &us, frame, n, 0), JN_ETH_ARP);
    cr_assert(!f.asks && f.from == peer.ip && f.to == us.ip && memcmp(f.mac, PEER_MAC, 6) == 0);
    for (size_t cut = 0; cut < 42; cut++)
        cr_assert_eq(jn_eth_parse(&f, &us, frame, cut, 0), JN_ETH_SHORT);
    frame[21] = 3; /* neither question nor answer */
    cr_assert_eq(jn_eth_parse(&f, &us, frame, n, 0), JN_ETH_OTHER_TYPE);
}

static size_t ping(uint8_t *frame, const uint8_t *text, size_t n)
{
    size_t all = datagram(frame, 0, (uint16_t)n); /* its IPv4 header, with other contents */
    frame[23] = 1;
    frame[24] = frame[25] = 0;
    uint16_t sum = jn_eth_fold(jn_sum(0, frame + 14, 20));
    memcpy(frame + 24, &sum, 2);
    static const uint8_t head[8] = {8, 0, 0, 0, 0x12, 0x34, 0, 9};
    memcpy(frame + 34, head, 8);
    memcpy(frame + 42, text, n);
    sum = jn_eth_fold(jn_sum(0, frame + 34, 8 + n));
    memcpy(frame + 36, &sum, 2);
    return all;
}

Test(eth, a_ping_is_answered_with_what_it_said)
{
    uint8_t room[400], *frame = room + 20, *at, text[57];
    struct jn_eth_frame f;
    struct jn_eth_host us = host("10.0.0.1", OUR_MAC, 0), peer = host("10.0.0.2", PEER_MAC, 0);
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i + 'a');
    size_t n = ping(frame, text, sizeof text);
    cr_assert_eq(parse(&f, frame, n), JN_ETH_ECHO);
    cr_assert_eq(jn_eth_answer_echo(&us, &f, frame, &at), n);
    cr_assert_eq(at, frame);
    cr_assert(memcmp(frame, PEER_MAC, 6) == 0 && memcmp(frame + 6, OUR_MAC, 6) == 0);
    cr_assert_eq(jn_eth_fold(jn_sum(0, frame + 14, 20)), 0);
    cr_assert_eq(jn_eth_fold(jn_sum(0, frame + 34, n - 34)), 0);
    cr_assert_eq(frame[34], 0, "echo reply");
    cr_assert(memcmp(frame + 42, text, sizeof text) == 0);
    uint32_t to;
    memcpy(&to, frame + 30, 4);
    cr_assert_eq(to, peer.ip);
    n = ping(frame, text, sizeof text);
    frame[50] ^= 1;
    cr_assert_eq(parse(&f, frame, n), JN_ETH_OTHER_PROTOCOL, "a damaged ping is not answered");
}

Test(eth, the_pseudo_header_alone_is_left_to_a_device_that_makes_sums)
{
    struct jn_eth_host peer = host("10.0.0.2", PEER_MAC, 0);
    struct jn_eth_udp u = {.to = inet_addr("10.0.0.1"), .from_port = 4000, .to_port = 20002};
    uint8_t bytes[200];
    struct jn_eth_frame f;
    for (unsigned i = 0; i < 101; i++)
        bytes[64 + i] = (uint8_t)i;
    memcpy(u.mac, OUR_MAC, 6);
    unsigned headers = jn_eth_put_udp(&peer, &u, bytes + 64, 101);
    uint8_t *frame = bytes + 64 - headers;
    /* As a device does it: both sums over what stands there. */
    uint16_t sum = jn_eth_fold(jn_sum(0, frame + 14, 20));
    memcpy(frame + 24, &sum, 2);
    sum = jn_eth_fold(jn_sum(0, frame + 34, 109));
    memcpy(frame + 40, &sum, 2);
    cr_assert_eq(parse(&f, frame, headers + 101), JN_ETH_UDP);
    cr_assert(jn_eth_udp_sum_ok(&f, frame));
}

/* IPv6. */
static struct jn_eth_host six(const char *ip, const uint8_t mac[6], uint16_t vlan)
{
    struct jn_eth_host h = {.v6 = true, .vlan = vlan};
    memcpy(h.mac, mac, 6);
    inet_pton(AF_INET6, ip, h.ip6);
    return h;
}

Test(eth, a_datagram_over_ipv6_comes_back_as_it_was_sent_with_its_class_and_checksum)
{
    for (uint16_t vlan = 0; vlan < 13; vlan = (uint16_t)(vlan + 12)) {
        struct jn_eth_host us = six("2001:db8::1", OUR_MAC, vlan), peer = six("2001:db8::2", PEER_MAC, vlan);
        struct jn_eth_udp u = {.dscp = 46, .sums = true, .from_port = 4000, .to_port = 20000};
        uint8_t room[300] = {0}, *payload = room + JN_ETH_UDP_HEADERS;
        struct jn_eth_frame f;
        memcpy(u.mac, OUR_MAC, 6);
        memset(payload, 0x5a, 161);
        unsigned n = jn_eth_put_udp6(&peer, &u, us.ip6, payload, 161);
        const uint8_t *frame = payload - n, *ip = frame + (vlan ? 18 : 14);
        cr_assert_eq(jn_eth_parse(&f, &us, frame, n + 161, 0), JN_ETH_UDP);
        cr_assert(f.v6 && memcmp(f.from6, peer.ip6, 16) == 0 && f.from_port == 4000 && f.to_port == 20000);
        cr_assert(f.len == 161 && frame + f.off == payload && jn_eth_udp_sum_ok(&f, frame));
        cr_assert_eq((ip[0] & 15) << 2 | ip[1] >> 6, 46, "the traffic class has the mark (RFC 2474)");
        payload[7] ^= 1;
        cr_assert(!jn_eth_udp_sum_ok(&f, frame), "one bit is seen");
        payload[7] ^= 1;
        memset(payload - 2, 0, 2);
        cr_assert_eq(jn_eth_parse(&f, &us, frame, n + 161, 0), JN_ETH_NO_SUM, "IPv6 always has a checksum");
        for (unsigned cut = 14; cut < n + 161; cut++)
            cr_assert_neq(jn_eth_parse(&f, &us, frame, cut, 0), JN_ETH_UDP, "%u of its bytes", cut);
        us.ip6[15] = 9;
        cr_assert_eq(jn_eth_parse(&f, &us, frame, n + 161, 0), JN_ETH_OTHER_IP);
        struct jn_eth_host four = {.vlan = vlan, .ip = 1};
        memcpy(four.mac, OUR_MAC, 6);
        cr_assert_eq(jn_eth_parse(&f, &four, frame, n + 161, 0), JN_ETH_OTHER_TYPE, "where nothing of ours is IPv6");
    }
}

Test(eth, neighbours_ask_and_tell_and_what_rfc4861_forbids_is_passed_over)
{
    struct jn_eth_host us = six("fe80::1:2:3", OUR_MAC, 0), peer = six("fe80::9", PEER_MAC, 0);
    uint8_t frame[JN_ETH_ND_MAX], bad[JN_ETH_ND_MAX];
    struct jn_eth_frame f;
    unsigned n = jn_eth_put_ask6(&peer, us.ip6, frame);
    cr_assert(frame[0] == 0x33 && frame[1] == 0x33 && memcmp(frame + 2, (uint8_t[]){0xff, 2, 0, 3}, 4) == 0,
              "the solicited-node group's station (RFC 2464 7)");
    cr_assert_eq(jn_eth_parse(&f, &us, frame, n, 0), JN_ETH_ND);
    cr_assert(f.asks && f.to_us && memcmp(f.mac, PEER_MAC, 6) == 0 && memcmp(f.from6, peer.ip6, 16) == 0 &&
              memcmp(f.target6, us.ip6, 16) == 0);
    static const struct {
        unsigned at;
        uint8_t value;
        const char *why;
    } wrong[] = {{14 + 7, 64, "from beyond a router: its hop limit is not 255"},
                 {14 + 40 + 2, 0, "a wrong checksum"},
                 {14 + 40 + 25, 0, "an option without length"},
                 {14 + 40 + 25, 9, "an option beyond the end"},
                 {14 + 40 + 1, 1, "a code"}};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        memcpy(bad, frame, n);
        bad[wrong[i].at] = (uint8_t)(bad[wrong[i].at] == wrong[i].value ? wrong[i].value + 1 : wrong[i].value);
        if (wrong[i].at > 14 + 40 + 2 || wrong[i].at == 14 + 40 + 1) { /* its checksum made right again */
            memset(bad + 14 + 40 + 2, 0, 2);
            uint8_t rest[8] = {0, 0, 0, 32, 0, 0, 0, 58};
            uint16_t sum = jn_eth_fold(jn_sum(jn_sum(jn_sum(0, bad + 14 + 8, 32), rest, 8), bad + 54, 32));
            memcpy(bad + 14 + 40 + 2, &sum, 2);
        }
        cr_assert_eq(jn_eth_parse(&f, &us, bad, n, 0), JN_ETH_OTHER_PROTOCOL, "%s", wrong[i].why);
    }
    n = jn_eth_put_tell6(&peer, us.ip6, OUR_MAC, frame);
    cr_assert_eq(jn_eth_parse(&f, &us, frame, n, 0), JN_ETH_ND);
    cr_assert(!f.asks && f.solicited && f.override && !f.to_us && memcmp(f.mac, PEER_MAC, 6) == 0 &&
              memcmp(f.target6, peer.ip6, 16) == 0);
    n = jn_eth_put_tell6(&peer, peer.ip6, NULL, frame);
    cr_assert_eq(jn_eth_parse(&f, &us, frame, n, 0), JN_ETH_ND, "to all nodes");
    cr_assert(!f.asks && !f.solicited);
}

Test(eth, a_ping_over_ipv6_is_answered_with_what_it_said)
{
    struct jn_eth_host us = six("2001:db8::1", OUR_MAC, 12), peer = six("2001:db8::2", PEER_MAC, 12);
    uint8_t room[300] = {0}, *payload = room + JN_ETH_UDP_HEADERS + JN_ETH_TAG, *at;
    struct jn_eth_udp u = {.sums = true};
    struct jn_eth_frame f;
    memcpy(u.mac, OUR_MAC, 6);
    memset(payload, 0x77, 50);
    unsigned n = jn_eth_put_udp6(&peer, &u, us.ip6, payload, 50);
    uint8_t *frame = payload - n, *ip = frame + 18, *icmp = ip + 40, rest[8] = {0, 0, 0, 58, 0, 0, 0, 58};
    ip[6] = 58;
    icmp[0] = 128;
    memset(icmp + 1, 0, 3);
    uint16_t sum = jn_eth_fold(jn_sum(jn_sum(jn_sum(0, ip + 8, 32), rest, 8), icmp, 58));
    memcpy(icmp + 2, &sum, 2);
    cr_assert_eq(jn_eth_parse(&f, &us, frame, n + 50, 0), JN_ETH_ECHO);
    unsigned answer = jn_eth_answer_echo(&us, &f, frame, &at);
    cr_assert(at == frame && answer == n + 50 && icmp[0] == 129 && memcmp(at, PEER_MAC, 6) == 0);
    cr_assert(memcmp(ip + 8, us.ip6, 16) == 0 && memcmp(ip + 24, peer.ip6, 16) == 0 && payload[49] == 0x77);
    cr_assert_eq(jn_eth_fold(jn_sum(jn_sum(jn_sum(0, ip + 8, 32), rest, 8), icmp, 58)), 0);
}

Test(eth, several_addresses_are_told_apart_by_network_and_vlan)
{
    struct jn_eth_host us[3] = {
        {.ip = inet_addr("10.0.0.1")}, {.ip = inet_addr("10.0.0.1"), .vlan = 12}, {.ip = inet_addr("10.0.0.3")}};
    struct jn_eth_host peer = {.ip = inet_addr("10.0.0.9")};
    for (unsigned i = 0; i < 3; i++) {
        uint8_t room[200] = {0}, *payload = room + JN_ETH_UDP_HEADERS;
        struct jn_eth_udp u = {.sums = true, .to = us[i].ip, .from_port = 1, .to_port = 2};
        struct jn_eth_frame f;
        peer.vlan = us[i].vlan;
        memcpy(u.mac, us[i].mac, 6);
        unsigned n = jn_eth_put_udp(&peer, &u, payload, 50);
        cr_assert_eq(jn_eth_parse_for(&f, us, 3, payload - n, n + 50, 0), JN_ETH_UDP);
        cr_assert_eq(f.host, i);
    }
}

Test(eth, the_sum_of_what_stays_is_known_from_the_checksum_alone)
{
    uint64_t seed = 5;
    for (unsigned round = 0; round < 2000; round++) {
        struct jn_eth_host us = {.ip = inet_addr("10.0.0.1")}, peer = {.ip = inet_addr("10.0.0.2")};
        uint8_t room[400], again[400], *payload = room + JN_ETH_UDP_HEADERS, *other = again + JN_ETH_UDP_HEADERS;
        uint16_t len = (uint16_t)(12 + (seed >> 33) % 300);
        struct jn_eth_udp u = {
            .sums = true, .to = us.ip, .from_port = (uint16_t)seed, .to_port = (uint16_t)(seed >> 16)};
        struct jn_eth_frame f;
        for (unsigned i = 0; i < sizeof room; i++, seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407)
            room[i] = round % 7 ? (uint8_t)(seed >> 56) : round % 2 ? 0xff : 0;
        unsigned n = jn_eth_put_udp(&peer, &u, payload, len);
        cr_assert_eq(jn_eth_parse(&f, &us, payload - n, n + len, 0), JN_ETH_UDP);
        cr_assert(jn_eth_tail(&f, payload - n, &u.tail));
        payload[len - 1] ^= 0x20;
        uint16_t of_wrong;
        cr_assert_not(jn_eth_tail(&f, payload - n, &of_wrong));
        payload[len - 1] ^= 0x20;
        payload[3] ^= 0x41; /* the head may change */
        payload[11] ^= 0x7;
        memcpy(again, room, sizeof room);
        u.to = peer.ip;
        jn_eth_put_udp(&us, &u, payload, len);
        u.tail_known = true;
        jn_eth_put_udp(&us, &u, other, len);
        cr_assert_arr_eq(payload - n, other - n, n + len, "round %u", round);
    }
}
