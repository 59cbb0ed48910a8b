/* Xr: extended reports, written and read (RFC 3611). */
#include "media/rtcp/xr.h"
#include <errno.h>
#include <string.h>

enum { RTCP_XR = 207, BLOCK_RRT = 4, BLOCK_DLRR = 5, BLOCK_VOIP = 7, RRT_WORDS = 2, DLRR_WORDS = 3, VOIP_WORDS = 8 };

static uint8_t *put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
    return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
    return put16(put16(p, (uint16_t)(v >> 16)), (uint16_t)v);
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint8_t *head(uint8_t *p, uint8_t type, uint16_t words)
{
    p[0] = type;
    p[1] = 0;
    return put16(p + 2, words);
}

static uint8_t *put_voip(uint8_t *p, const struct jn_xr_voip *v)
{
    p = put32(head(p, BLOCK_VOIP, VOIP_WORDS), v->ssrc);
    *p++ = v->loss_rate;
    *p++ = v->discard_rate;
    *p++ = v->burst_density;
    *p++ = v->gap_density;
    p = put16(put16(put16(put16(p, v->burst_ms), v->gap_ms), v->round_trip_ms), v->end_system_ms);
    *p++ = (uint8_t)v->signal_dbm0;
    *p++ = (uint8_t)v->noise_dbm0;
    *p++ = JN_XR_UNKNOWN; /* residual echo return loss: not measured here */
    *p++ = v->gmin;
    *p++ = v->r;
    *p++ = JN_XR_UNKNOWN; /* no other network's R is known */
    *p++ = v->mos_lq;
    *p++ = v->mos_cq;
    *p++ = (uint8_t)(3 << 6 | (v->jb_adaptive ? 3 : 2) << 4); /* enhanced concealment; adaptive or fixed buffer */
    *p++ = 0;
    return put16(put16(put16(p, v->jb_nominal_ms), v->jb_max_ms), v->jb_abs_max_ms);
}

size_t jn_xr_build(uint8_t *out, const struct jn_xr *x)
{
    uint8_t *p = put32(out + 4, x->ssrc);

    if (x->rrt)
        p = put32(put32(head(p, BLOCK_RRT, RRT_WORDS), (uint32_t)(x->rrt >> 32)), (uint32_t)x->rrt);
    if (x->has_dlrr)
        p = put32(put32(put32(head(p, BLOCK_DLRR, DLRR_WORDS), x->dlrr_ssrc), x->lrr), x->dlrr);
    if (x->has_voip)
        p = put_voip(p, &x->voip);
    out[0] = 2 << 6;
    out[1] = RTCP_XR;
    put16(out + 2, (uint16_t)((p - out) / 4 - 1));
    return (size_t)(p - out);
}

static void take_voip(struct jn_xr *x, const uint8_t *p)
{
    x->has_voip = true;
    x->voip = (struct jn_xr_voip){.ssrc = get32(p),
                                  .loss_rate = p[4],
                                  .discard_rate = p[5],
                                  .burst_density = p[6],
                                  .gap_density = p[7],
                                  .burst_ms = get16(p + 8),
                                  .gap_ms = get16(p + 10),
                                  .round_trip_ms = get16(p + 12),
                                  .end_system_ms = get16(p + 14),
                                  .signal_dbm0 = (int8_t)p[16],
                                  .noise_dbm0 = (int8_t)p[17],
                                  .gmin = p[19],
                                  .r = p[20],
                                  .mos_lq = p[22],
                                  .mos_cq = p[23],
                                  .jb_adaptive = (p[24] >> 4 & 3) == 3,
                                  .jb_nominal_ms = get16(p + 26),
                                  .jb_max_ms = get16(p + 28),
                                  .jb_abs_max_ms = get16(p + 30)};
}

/* One block's content of so many words; false: it is not as long as its kind is. */
static bool take_block(struct jn_xr *x, uint8_t type, const uint8_t *p, size_t words, uint32_t ours)
{
    switch (type) {
    case BLOCK_RRT:
        if (words != RRT_WORDS)
            return false;
        x->rrt = (uint64_t)get32(p) << 32 | get32(p + 4);
        return true;
    case BLOCK_DLRR:
        if (words % DLRR_WORDS != 0)
            return false;
        for (size_t i = 0; i < words; i += DLRR_WORDS)
            if (get32(p + 4 * i) == ours) {
                x->has_dlrr = true;
                x->dlrr_ssrc = ours;
                x->lrr = get32(p + 4 * i + 4);
                x->dlrr = get32(p + 4 * i + 8);
            }
        return true;
    case BLOCK_VOIP:
        if (words != VOIP_WORDS)
            return false;
        if (get32(p) == ours)
            take_voip(x, p);
        return true;
    default:
        return true;
    }
}

int jn_xr_parse(struct jn_xr *x, const uint8_t *p, size_t n, uint32_t ours)
{
    memset(x, 0, sizeof *x);
    if (n < 8 || n % 4 != 0 || p[1] != RTCP_XR)
        return -EBADMSG;
    x->ssrc = get32(p + 4);
    for (size_t at = 8; at < n;) {
        if (n - at < 4)
            return -EBADMSG;
        size_t words = get16(p + at + 2);
        if (4 * words > n - at - 4 || !take_block(x, p[at], p + at + 4, words, ours))
            return -EBADMSG;
        at += 4 + 4 * words;
    }
    return 0;
}
