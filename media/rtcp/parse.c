/* Parse: what a compound RTCP packet says, under the checks of RFC 3550 A.2. */
#include "media/rtcp/rtcp.h"
#include <errno.h>
#include <string.h>

enum { RTCP_SR = 200, RTCP_RR = 201, RTCP_BYE = 203, RTCP_XR = 207, SENDER_INFO = 20, BLOCK = 24 };

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void take_block(struct jn_rtcp_news *n, const uint8_t *p, uint32_t ours)
{
    if (n->has_block || get32(p) != ours)
        return;
    n->has_block = true;
    uint32_t lost = get32(p + 4) & 0xffffff;
    if (lost & 0x800000) /* signed 24 bit: duplicates can make it negative */
        lost = 0;
    n->block = (struct jn_rtcp_block){.ssrc = ours,
                                      .fraction = p[4],
                                      .lost = lost,
                                      .ext_seq = get32(p + 8),
                                      .jitter = get32(p + 12),
                                      .lsr = get32(p + 16),
                                      .dlsr = get32(p + 20)};
}

/* p: one SR or RR of n bytes, header included (RFC 3550 6.4). */
static int take_report(struct jn_rtcp_news *news, const uint8_t *p, size_t n, uint32_t ours)
{
    size_t off = p[1] == RTCP_SR ? 8 + SENDER_INFO : 8;
    size_t blocks = p[0] & 0x1f;
    if (off + blocks * BLOCK > n)
        return -EBADMSG;
    news->ssrc = get32(p + 4);
    if (p[1] == RTCP_SR && !news->has_sr) {
        news->has_sr = true;
        news->ntp = (uint64_t)get32(p + 8) << 32 | get32(p + 12);
        news->rtp_ts = get32(p + 16);
        news->packets = get32(p + 20);
        news->octets = get32(p + 24);
    }
    for (size_t i = 0; i < blocks; i++)
        take_block(news, p + off + i * BLOCK, ours);
    return 0;
}

/* Only a BYE that names the sender of the report ends it (RFC 3550 6.6). */
static int take_bye(struct jn_rtcp_news *news, const uint8_t *p, size_t n)
{
    size_t sources = p[0] & 0x1f;
    if (4 + sources * 4 > n)
        return -EBADMSG;
    for (size_t i = 0; i < sources; i++)
        if (get32(p + 4 + i * 4) == news->ssrc)
            news->bye = true;
    return 0;
}

int jn_rtcp_parse(struct jn_rtcp_news *n, const uint8_t *data, size_t len, uint32_t ours)
{
    memset(n, 0, sizeof *n);
    if (len < 8 || (data[1] != RTCP_SR && data[1] != RTCP_RR))
        return -EBADMSG;
    for (size_t at = 0; at < len;) {
        const uint8_t *p = data + at;
        if (len - at < 4 || p[0] >> 6 != 2)
            return -EBADMSG;
        size_t size = 4u * ((size_t)(p[2] << 8 | p[3]) + 1);
        if (size > len - at)
            return -EBADMSG;
        size_t body = size;
        if (p[0] & 0x20) { /* padding: allowed in the last part only */
            size_t pad = p[size - 1];
            if (at + size != len || pad == 0 || pad % 4 != 0 || pad > size - 4)
                return -EBADMSG;
            body -= pad;
        }
        int rc = 0;
        if (p[1] == RTCP_SR || p[1] == RTCP_RR)
            rc = body < 8 ? -EBADMSG : take_report(n, p, body, ours);
        else if (p[1] == RTCP_BYE)
            rc = take_bye(n, p, body);
        else if (p[1] == RTCP_XR && !n->has_xr) {
            rc = jn_xr_parse(&n->xr, p, body, ours);
            n->has_xr = true;
        }
        if (rc != 0)
            return rc;
        at += size;
    }
    return 0;
}
