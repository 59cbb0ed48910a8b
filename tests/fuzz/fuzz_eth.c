/* LINK: jn_net */
#include "engine/base/sum.h"
#include "engine/net/eth.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same bytes for a host with both families: IPv6, its neighbours, pings. */
static void both_families(const uint8_t *bytes, size_t size, uint16_t vlan, uint16_t tag)
{
    static const uint8_t ip6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1}, ip[4] = {10, 0, 0, 1};
    struct jn_eth_host us[2] = {{.mac = {2, 0, 0, 0, 0, 1}, .vlan = vlan},
                                {.mac = {2, 0, 0, 0, 0, 1}, .vlan = vlan, .v6 = true}};
    uint8_t *room = malloc(JN_ETH_TAG + size), *frame = room + JN_ETH_TAG, *at;
    struct jn_eth_frame f;

    if (!room)
        return;
    memcpy(&us[0].ip, ip, 4);
    memcpy(us[1].ip6, ip6, 16);
    memcpy(frame, bytes, size);
    enum jn_eth_kind kind = jn_eth_parse_for(&f, us, 2, frame, size, tag);
    bool lies_inside = f.l3 >= JN_ETH_HEADER && f.off > f.l3 && (size_t)f.off + f.len <= size;
    if ((kind == JN_ETH_UDP || kind == JN_ETH_ECHO || kind == JN_ETH_ND) && (!lies_inside || f.host > 1))
        abort();
    uint16_t tail;
    if (kind == JN_ETH_UDP && !f.v6 && f.len >= JN_ETH_HEAD && (frame[f.off - 2] | frame[f.off - 1]) != 0 &&
        jn_eth_tail(&f, frame, &tail) != jn_eth_udp_sum_ok(&f, frame))
        abort();
    if (kind == JN_ETH_ECHO) {
        unsigned n = jn_eth_answer_echo(&us[f.host], &f, frame, &at);
        if (at < room || at + n > frame + size)
            abort();
    }
    free(room);
}

/* Two bytes of VLAN, ours and the one that the device took out, then a frame for 10.0.0.1 at 02:00:00:00:00:01. What is
 * found must lie inside; what is answered must be a frame that the peer understands; what is built again is the same.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jn_eth_host us = {.mac = {2, 0, 0, 0, 0, 1}}, them = {.mac = {2, 0, 0, 0, 0, 2}};
    struct jn_eth_frame f, again;
    const uint8_t ip[4] = {10, 0, 0, 1};

    if (size < 2)
        return 0;
    memcpy(&us.ip, ip, 4);
    us.vlan = data[0] % 3;
    uint16_t tag = data[1] % 3;
    size -= 2;
    uint8_t *room = malloc(JN_ETH_TAG + size), *frame = room + JN_ETH_TAG; /* its end is the frame's: seen by ASan */
    if (!room)
        return 0;
    memcpy(frame, data + 2, size);
    both_families(frame, size, us.vlan, tag);
    enum jn_eth_kind kind = jn_eth_parse(&f, &us, frame, size, tag);
    if ((kind == JN_ETH_UDP || kind == JN_ETH_ECHO) &&
        (f.l3 < JN_ETH_HEADER || f.off < f.l3 + 20 || (size_t)f.off + f.len > size))
        abort();
    if (kind == JN_ETH_UDP) {
        struct jn_eth_udp u = {.sums = true, .to = us.ip, .from_port = f.from_port, .to_port = f.to_port};
        uint8_t *made = malloc(JN_ETH_UDP_HEADERS + (size_t)f.len);
        (void)jn_eth_udp_sum_ok(&f, frame);
        if (!made)
            abort();
        them.vlan = us.vlan;
        them.ip = f.from;
        memcpy(u.mac, us.mac, 6);
        memcpy(made + JN_ETH_UDP_HEADERS, frame + f.off, f.len);
        unsigned headers = jn_eth_put_udp(&them, &u, made + JN_ETH_UDP_HEADERS, f.len);
        uint8_t *begin = made + JN_ETH_UDP_HEADERS - headers;
        if (headers + (size_t)f.len <= UINT16_MAX - 28 &&
            (jn_eth_parse(&again, &us, begin, headers + f.len, 0) != JN_ETH_UDP || again.len != f.len ||
             again.from != f.from || again.to_port != f.to_port || !jn_eth_udp_sum_ok(&again, begin)))
            abort();
        free(made);
    } else if (kind == JN_ETH_ECHO) {
        uint8_t *at;
        memcpy(them.mac, f.mac, 6);
        unsigned n = jn_eth_answer_echo(&us, &f, frame, &at);
        if (at < room || at + n > frame + size || jn_eth_fold(jn_sum(0, frame + f.l3, (size_t)(f.off - f.l3))) != 0 ||
            jn_eth_fold(jn_sum(0, frame + f.off, f.len)) != 0 || frame[f.off] != 0)
            abort();
    }
    free(room);
    return 0;
}
