/* Build: compound RTCP packets out: SR or RR first, SDES with CNAME, XR, BYE last (RFC 3550 6.1). */
#include "media/rtcp/rtcp.h"
#include <string.h>

enum { RTCP_SR = 200, RTCP_RR = 201, RTCP_SDES = 202, RTCP_BYE = 203, SDES_CNAME = 1 };

static uint8_t *put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
    return p + 4;
}

/* Fills in the header of the part that begins at p and ends at end. */
static void head(uint8_t *p, const uint8_t *end, unsigned count, uint8_t type)
{
    size_t words = (size_t)(end - p) / 4 - 1;
    p[0] = (uint8_t)(2 << 6 | count);
    p[1] = type;
    p[2] = (uint8_t)(words >> 8);
    p[3] = (uint8_t)words;
}

static uint8_t *report(uint8_t *p, const struct jn_rtcp_out *r)
{
    uint8_t *q = put32(p + 4, r->ssrc);
    if (r->sent_any) {
        q = put32(q, (uint32_t)(r->ntp >> 32));
        q = put32(q, (uint32_t)r->ntp);
        q = put32(q, r->rtp_ts);
        q = put32(q, r->packets);
        q = put32(q, r->octets);
    }
    if (r->has_block) {
        const struct jn_rtcp_block *b = &r->block;
        q = put32(q, b->ssrc);
        q = put32(q, (uint32_t)b->fraction << 24 | (b->lost > 0x7fffff ? 0x7fffff : b->lost));
        q = put32(q, b->ext_seq);
        q = put32(q, b->jitter);
        q = put32(q, b->lsr);
        q = put32(q, b->dlsr);
    }
    head(p, q, r->has_block, r->sent_any ? RTCP_SR : RTCP_RR);
    return q;
}

/* RFC 3550 6.5: chunk of SSRC and items, ended by at least one zero, filled to 32 bits. */
static uint8_t *sdes(uint8_t *p, const struct jn_rtcp_out *r)
{
    uint8_t *q = put32(p + 4, r->ssrc);
    size_t n = strnlen(r->cname, sizeof r->cname);
    *q++ = SDES_CNAME;
    *q++ = (uint8_t)n;
    memcpy(q, r->cname, n);
    q += n;
    do
        *q++ = 0;
    while ((q - p) % 4 != 0);
    head(p, q, 1, RTCP_SDES);
    return q;
}

size_t jn_rtcp_build(uint8_t *out, const struct jn_rtcp_out *r)
{
    uint8_t *p = sdes(report(out, r), r);
    if (r->xr)
        p += jn_xr_build(p, r->xr);
    if (r->bye) {
        uint8_t *q = put32(p + 4, r->ssrc);
        head(p, q, 1, RTCP_BYE);
        p = q;
    }
    return (size_t)(p - out);
}
