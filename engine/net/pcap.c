/* Pcap, reading: the file's own structure, pcap and pcapng. What is inside a packet: pcap_frame.c. */
#include "engine/net/pcap.h"
#include <errno.h>
#include <string.h>

enum {
    PCAP_HEAD = 24,
    PCAP_RECORD = 16,
    PACKET_MAX = 262144, /* libpcap's MAXIMUM_SNAPLEN */
    NG_SECTION = 0x0a0d0d0a,
    NG_INTERFACE = 1,
    NG_SIMPLE = 3,
    NG_ENHANCED = 6,
    OPTION_TSRESOL = 9,
};
#define PCAP_US    0xa1b2c3d4u
#define PCAP_NS    0xa1b23c4du
#define NG_ORDER   0x1a2b3c4du
#define NS_PER_SEC UINT64_C(1000000000)

static uint32_t swap32(uint32_t v)
{
    return v >> 24 | (v >> 8 & 0xff00u) | (v << 8 & 0xff0000u) | v << 24;
}

static uint32_t host32(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint32_t get32(const struct jn_pcap *p, size_t at)
{
    uint32_t v = host32(p->bytes + at);
    return p->swapped ? swap32(v) : v;
}

static uint16_t get16(const struct jn_pcap *p, size_t at)
{
    const uint8_t *b = p->bytes + at;
    return (uint16_t)(p->swapped ? b[0] << 8 | b[1] : b[1] << 8 | b[0]);
}

static int open_pcap(struct jn_pcap *p, uint32_t magic, struct jn_err *err)
{
    p->swapped = magic == swap32(PCAP_US) || magic == swap32(PCAP_NS);
    p->nano = magic == PCAP_NS || magic == swap32(PCAP_NS);
    if (p->n < PCAP_HEAD)
        return jn_fail(err, -EBADMSG, "the capture ends in its head");
    p->interface[0].link = get32(p, 20) & 0x0fffffffu; /* the upper bits are about frame check sequences */
    p->interfaces = 1;
    p->off = PCAP_HEAD;
    if (!jn_pcap_link_known(p->interface[0].link))
        return jn_fail(err, -EBADMSG, "link type %u is not known (Ethernet, Linux cooked, loopback, raw IP are)",
                       p->interface[0].link);
    return 0;
}

int jn_pcap_open(struct jn_pcap *p, const void *bytes, size_t n, struct jn_err *err)
{
    *p = (struct jn_pcap){.bytes = bytes, .n = n};
    uint32_t magic = n >= 4 ? host32(p->bytes) : 0;
    switch (magic) {
    case PCAP_US:
    case PCAP_NS:
    case 0xd4c3b2a1u:
    case 0x4d3cb2a1u:
        return open_pcap(p, magic, err);
    case NG_SECTION:
        p->ng = true;
        return 0;
    default:
        return jn_fail(err, -EBADMSG, "no capture: it begins neither as pcap nor as pcapng");
    }
}

static void passed_over(struct jn_pcap *p, int why)
{
    if (why == -EPROTONOSUPPORT)
        p->counts.not_udp++;
    else if (why == -EMSGSIZE)
        p->counts.fragments++;
    else if (why == -ENODATA)
        p->counts.cut++;
    else
        p->counts.malformed++;
}

/* True when the packet at `at` is a datagram. */
static bool take(struct jn_pcap *p, struct jn_pcap_udp *out, uint32_t link, size_t at, uint32_t n, uint64_t at_ns)
{
    p->counts.packets++;
    int rc = jn_pcap_frame(out, link, p->bytes + at, n);
    if (rc < 0) {
        passed_over(p, rc);
        return false;
    }
    p->counts.datagrams++;
    out->at_ns = at_ns;
    return true;
}

static int next_pcap(struct jn_pcap *p, struct jn_pcap_udp *out, struct jn_err *err)
{
    while (p->off < p->n) {
        if (p->n - p->off < PCAP_RECORD)
            return jn_fail(err, -EBADMSG, "the capture ends inside a packet's head");
        uint32_t part = get32(p, p->off + 4), len = get32(p, p->off + 8);
        uint64_t at_ns = get32(p, p->off) * NS_PER_SEC + (p->nano ? part : part * UINT64_C(1000));
        if (len > PACKET_MAX || len > p->n - p->off - PCAP_RECORD)
            return jn_fail(err, -EBADMSG, "the capture ends inside a packet, or is damaged, at byte %zu", p->off);
        size_t at = p->off + PCAP_RECORD;
        p->off = at + len;
        if (take(p, out, p->interface[0].link, at, len, at_ns))
            return 1;
    }
    return 0;
}

/* Interface description: link type, then options; if_tsresol is the only one that matters. */
static void interface(struct jn_pcap *p, size_t at, size_t end)
{
    struct jn_pcap_interface made = {.link = get16(p, at), .resolution = 6};

    for (size_t o = at + 8; o + 4 <= end;) {
        uint16_t code = get16(p, o), len = get16(p, o + 2);
        if (code == 0 || (size_t)len > end - o - 4)
            break;
        if (code == OPTION_TSRESOL && len >= 1)
            made.resolution = p->bytes[o + 4];
        o += 4 + (((size_t)len + 3) & ~(size_t)3);
    }
    if (p->interfaces < JN_PCAP_INTERFACES)
        p->interface[p->interfaces++] = made;
}

/* Ticks of 10^-r or, with the upper bit set, 2^-r seconds; false when that does not fit unix nanoseconds. */
static bool ticks_to_ns(uint8_t resolution, uint64_t ticks, uint64_t *ns)
{
    unsigned r = resolution & 0x7f;

    if (resolution & 0x80) {
        if (r > 32 || (ticks >> r) > UINT64_MAX / NS_PER_SEC - 1)
            return false;
        *ns = (ticks >> r) * NS_PER_SEC + ((ticks & ((UINT64_C(1) << r) - 1)) * NS_PER_SEC >> r);
        return true;
    }
    if (r > 18)
        return false;
    for (; r < 9; r++) {
        if (ticks > UINT64_MAX / 10)
            return false;
        ticks *= 10;
    }
    for (; r > 9; r--)
        ticks /= 10;
    *ns = ticks;
    return true;
}

/* One block after its type and length were checked; true when it gave a datagram. */
static bool block(struct jn_pcap *p, struct jn_pcap_udp *out, uint32_t type, size_t at, size_t end)
{
    uint64_t at_ns;

    if (type == NG_INTERFACE && end - at >= 8)
        interface(p, at, end);
    if (type == NG_SIMPLE) { /* has no time */
        p->counts.packets++;
        p->counts.malformed++;
    }
    if (type != NG_ENHANCED)
        return false;
    uint32_t of = end - at >= 20 ? get32(p, at) : UINT32_MAX, len = end - at >= 20 ? get32(p, at + 12) : 0;
    if (of >= p->interfaces || len > end - at - 20 ||
        !ticks_to_ns(p->interface[of].resolution, (uint64_t)get32(p, at + 4) << 32 | get32(p, at + 8), &at_ns)) {
        p->counts.packets++;
        p->counts.malformed++;
        return false;
    }
    return take(p, out, p->interface[of].link, at + 20, len, at_ns);
}

static int next_ng(struct jn_pcap *p, struct jn_pcap_udp *out, struct jn_err *err)
{
    while (p->off < p->n) {
        size_t left = p->n - p->off, at = p->off;
        if (left < 12)
            return jn_fail(err, -EBADMSG, "the capture ends inside a block's head");
        if (host32(p->bytes + at) == NG_SECTION) { /* each section says its own byte order */
            uint32_t order = host32(p->bytes + at + 8);
            if (order != NG_ORDER && order != swap32(NG_ORDER))
                return jn_fail(err, -EBADMSG, "a section without byte order at byte %zu", at);
            p->swapped = order != NG_ORDER;
            p->interfaces = 0;
        }
        uint32_t type = get32(p, at), len = get32(p, at + 4);
        if (len < 12 || len % 4 != 0 || len > left)
            return jn_fail(err, -EBADMSG, "the capture ends inside a block, or is damaged, at byte %zu", at);
        p->off += len;
        if (block(p, out, type, at + 8, at + len - 4))
            return 1;
    }
    return 0;
}

int jn_pcap_next(struct jn_pcap *p, struct jn_pcap_udp *out, struct jn_err *err)
{
    return p->ng ? next_ng(p, out, err) : next_pcap(p, out, err);
}
