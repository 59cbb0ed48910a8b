/* Pcap, frames: link layer, IP and UDP around a datagram, read and written. */
#include "engine/net/pcap.h"
#include <errno.h>
#include <string.h>

enum {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_RAW = 101,
    LINK_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_SLL2 = 276,
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    TYPE_QINQ = 0x88a8,
    UDP = 17,
    UDP_HEADER = 8,
    DATA_MAX = 65507 - 20, /* so that it fits in IPv6 too */
};

static unsigned be16(const uint8_t *b)
{
    return (unsigned)(b[0] << 8 | b[1]);
}

bool jn_pcap_link_known(uint32_t link)
{
    return link == LINK_NULL || link == LINK_ETHERNET || link == LINK_RAW || link == LINK_SLL || link == LINK_IPV4 ||
           link == LINK_IPV6 || link == LINK_SLL2;
}

/* Where IP begins; 0 when the frame carries something else or is too short. */
static uint32_t ip_at(uint32_t link, const uint8_t *f, uint32_t n)
{
    uint32_t type_at = link == LINK_ETHERNET ? 12 : link == LINK_SLL ? 14 : 0, at;

    if (link == LINK_NULL) /* an address family in the byte order of whoever captured: the IP version tells as much */
        return n > 4 ? 4 : 0;
    at = link == LINK_SLL2 ? 20 : type_at + 2;
    if (n <= at)
        return 0;
    unsigned type = be16(f + type_at);
    while ((type == TYPE_VLAN || type == TYPE_QINQ) && n > at + 4) {
        type = be16(f + at + 2);
        at += 4;
    }
    return type == TYPE_IPV4 || type == TYPE_IPV6 ? at : 0;
}

static int udp(struct jn_pcap_udp *out, const uint8_t *u, uint32_t n)
{
    if (n < UDP_HEADER)
        return -ENODATA;
    unsigned len = be16(u + 4);
    if (len < UDP_HEADER)
        return -EBADMSG;
    if (len > n)
        return -ENODATA;
    out->from.port = (uint16_t)be16(u);
    out->to.port = (uint16_t)be16(u + 2);
    out->data = u + UDP_HEADER;
    out->len = len - UDP_HEADER;
    return 0;
}

static int ipv4(struct jn_pcap_udp *out, const uint8_t *ip, uint32_t n)
{
    uint32_t head = (ip[0] & 15u) * 4;

    if (n < 20)
        return -ENODATA;
    if (head < 20)
        return -EBADMSG;
    if (ip[9] != UDP)
        return -EPROTONOSUPPORT;
    if ((be16(ip + 6) & 0x3fff) != 0) /* more fragments, or not the first */
        return -EMSGSIZE;
    if (n < head)
        return -ENODATA;
    memcpy(out->from.ip, ip + 12, 4);
    memcpy(out->to.ip, ip + 16, 4);
    out->from.family = out->to.family = JN_ADDR_V4;
    return udp(out, ip + head, n - head);
}

static int ipv6(struct jn_pcap_udp *out, const uint8_t *ip, uint32_t n)
{
    uint32_t at = 40;

    if (n < 40)
        return -ENODATA;
    unsigned next = ip[6];
    while (next == 0 || next == 43 || next == 60) { /* hop by hop, routing, destination options (RFC 8200 4) */
        if (n < at + 8)
            return -ENODATA;
        next = ip[at];
        at += 8 + ip[at + 1] * 8u;
    }
    if (next == 44)
        return -EMSGSIZE;
    if (next != UDP)
        return -EPROTONOSUPPORT;
    if (n < at)
        return -ENODATA;
    memcpy(out->from.ip, ip + 8, 16);
    memcpy(out->to.ip, ip + 24, 16);
    out->from.family = out->to.family = JN_ADDR_V6;
    return udp(out, ip + at, n - at);
}

int jn_pcap_frame(struct jn_pcap_udp *out, uint32_t link, const uint8_t *frame, uint32_t n)
{
    bool raw = link == LINK_RAW || link == LINK_IPV4 || link == LINK_IPV6;
    uint32_t at = raw ? 0 : jn_pcap_link_known(link) ? ip_at(link, frame, n) : 0;

    *out = (struct jn_pcap_udp){0};
    if ((!raw && at == 0) || n <= at)
        return -EPROTONOSUPPORT;
    switch (frame[at] >> 4) {
    case 4:
        return ipv4(out, frame + at, n - at);
    case 6:
        return ipv6(out, frame + at, n - at);
    default:
        return -EBADMSG;
    }
}

void jn_pcap_head(struct jn_buf *b)
{
    static const uint8_t head[24] = {0x4d, 0x3c, 0xb2, 0xa1,         2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
                                     0xff, 4,    0,    LINK_ETHERNET};
    jn_buf_add(b, head, sizeof head);
}

static void put16(uint8_t *b, unsigned v)
{
    b[0] = (uint8_t)(v >> 8);
    b[1] = (uint8_t)v;
}

static void put32le(uint8_t *b, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        b[i] = (uint8_t)(v >> 8 * i);
}

/* The Internet checksum's running sum (RFC 1071). */
static uint32_t sum(uint32_t s, const uint8_t *b, size_t n)
{
    for (; n > 1; b += 2, n -= 2)
        s += be16(b);
    if (n)
        s += (uint32_t)*b << 8;
    return s;
}

static unsigned folded(uint32_t s)
{
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return ~s & 0xffff;
}

/* A locally administered address that shows which IP address it stands for. */
static void mac(uint8_t *out, const struct jn_addr *a)
{
    out[0] = 2;
    out[1] = 0;
    memcpy(out + 2, a->family == JN_ADDR_V6 ? a->ip + 12 : a->ip, 4);
}

/* IP header at out; returns its length. */
static uint32_t ip_header(uint8_t *out, const struct jn_pcap_udp *u)
{
    if (u->from.family == JN_ADDR_V6) {
        memset(out, 0, 40);
        out[0] = 0x60;
        put16(out + 4, u->len + UDP_HEADER);
        out[6] = UDP;
        out[7] = 64;
        memcpy(out + 8, u->from.ip, 16);
        memcpy(out + 24, u->to.ip, 16);
        return 40;
    }
    memset(out, 0, 20);
    out[0] = 0x45;
    put16(out + 2, u->len + UDP_HEADER + 20);
    out[6] = 0x40; /* do not fragment */
    out[8] = 64;
    out[9] = UDP;
    memcpy(out + 12, u->from.ip, 4);
    memcpy(out + 16, u->to.ip, 4);
    put16(out + 10, folded(sum(0, out, 20)));
    return 20;
}

int jn_pcap_add(struct jn_buf *b, const struct jn_pcap_udp *u)
{
    uint8_t h[16 + 14 + 40 + UDP_HEADER] = {0}, *ip = h + 30;
    bool v6 = u->from.family == JN_ADDR_V6;

    if (u->from.family != u->to.family || u->from.family == JN_ADDR_NONE)
        return -EINVAL;
    if (u->len > DATA_MAX)
        return -EMSGSIZE;
    mac(h + 16, &u->to);
    mac(h + 22, &u->from);
    put16(h + 28, v6 ? TYPE_IPV6 : TYPE_IPV4);
    uint32_t ip_len = ip_header(ip, u);
    uint8_t *udp_at = ip + ip_len;
    put16(udp_at, u->from.port);
    put16(udp_at + 2, u->to.port);
    put16(udp_at + 4, u->len + UDP_HEADER);
    /* Pseudo header (RFC 768, RFC 8200 8.1): addresses, protocol, length. */
    uint32_t s = sum(0, v6 ? ip + 8 : ip + 12, v6 ? 32 : 8) + UDP + u->len + UDP_HEADER;
    unsigned check = folded(sum(sum(s, udp_at, UDP_HEADER), u->data, u->len));
    put16(udp_at + 6, check ? check : 0xffff);
    uint32_t frame = 14 + ip_len + UDP_HEADER + u->len;
    put32le(h, (uint32_t)(u->at_ns / 1000000000));
    put32le(h + 4, (uint32_t)(u->at_ns % 1000000000));
    put32le(h + 8, frame);
    put32le(h + 12, frame);
    jn_buf_add(b, h, 30 + ip_len + UDP_HEADER);
    jn_buf_add(b, u->data, u->len);
    return b->failed ? -ENOMEM : 0;
}
