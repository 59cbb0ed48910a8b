/* Rtcp: compound packets (RFC 3550 6): SR, RR, SDES CNAME, XR, BYE; the report block of a source; round trip. */
#ifndef JN_MEDIA_RTCP_H
#define JN_MEDIA_RTCP_H

#include "media/rtcp/xr.h"
#include "media/rtp/rtp.h"

enum { JN_RTCP_MAX = 256, JN_CNAME_MAX = 32 };

struct jn_rtcp_block {
    uint32_t ssrc, lost /* 24 bit, clamped at 0 */, ext_seq, jitter, lsr, dlsr;
    uint8_t fraction; /* of 256, since the last report */
};
/* What one compound packet said. Only the first block about `ours` is kept. */
struct jn_rtcp_news {
    uint32_t ssrc; /* of the sender */
    uint64_t ntp;  /* of its SR, 0 none */
    uint32_t rtp_ts, packets, octets;
    struct jn_rtcp_block block;
    bool has_sr, has_block, bye, has_xr;
    struct jn_xr xr; /* the first one */
};
/* Every part is checked against its length. 0 or -EBADMSG; never reads past len. */
int jn_rtcp_parse(struct jn_rtcp_news *n, const uint8_t *data, size_t len, uint32_t ours);

struct jn_rtcp_out {
    uint32_t ssrc;
    uint64_t ntp; /* 64-bit NTP time now */
    uint32_t rtp_ts, packets, octets;
    bool sent_any; /* SR, otherwise RR */
    bool has_block, bye;
    struct jn_rtcp_block block;
    const struct jn_xr *xr; /* NULL: none */
    char cname[JN_CNAME_MAX];
};
/* Writes a compound packet (JN_RTCP_MAX bytes); returns its length. */
size_t jn_rtcp_build(uint8_t *out, const struct jn_rtcp_out *r);
/* The block about s; moves its *_prior marks. lsr and dlsr (units of 1/65536 s) are the caller's. */
void jn_rtcp_block_of(struct jn_rtcp_block *b, struct jn_rtp_source *s, uint32_t lsr, uint32_t dlsr);
/* Round trip in us from a block received at ntp_now (0 when it has no LSR or would be negative). */
uint32_t jn_rtcp_rtt_us(const struct jn_rtcp_block *b, uint64_t ntp_now);
uint64_t jn_ntp_of_us(uint64_t unix_us);
/* MOS x 100 (100..450) of random loss in 1/1000 and a one-way delay in ms, by media/rtcp/emodel.h. */
unsigned jn_mos_x100(unsigned loss_permille, unsigned delay_ms);

#endif
