/* Report: the figures of a report block, the round trip, NTP time. */
#include "media/rtcp/emodel.h"
#include "media/rtcp/rtcp.h"
#include <string.h>

/* RFC 3550 A.3. Duplicates count as received in the fraction's interval no more than in `lost`, so that neither hides
 * a loss. */
void jn_rtcp_block_of(struct jn_rtcp_block *b, struct jn_rtp_source *s, uint32_t lsr, uint32_t dlsr)
{
    memset(b, 0, sizeof *b);
    b->lsr = lsr;
    b->dlsr = dlsr;
    if (!s->started)
        return;
    uint64_t expected = s->ext_seq - s->base_ext + 1;
    uint64_t lost = jn_rtp_source_lost(s);
    uint64_t exp_now = expected - s->expected_prior;
    uint64_t got_now = s->received - s->received_prior;
    s->expected_prior = expected;
    s->received_prior = s->received;
    b->ssrc = s->ssrc;
    b->lost = lost > 0x7fffff ? 0x7fffff : (uint32_t)lost;
    if (exp_now > got_now) {
        uint64_t f = ((exp_now - got_now) << 8) / exp_now;
        b->fraction = f > 255 ? 255 : (uint8_t)f;
    }
    b->ext_seq = (uint32_t)s->ext_seq;
    b->jitter = s->jitter_q4 >> 4;
}

/* RFC 3550 6.4.1, figure 2: A - LSR - DLSR in the middle 32 bits of NTP time. */
uint32_t jn_rtcp_rtt_us(const struct jn_rtcp_block *b, uint64_t ntp_now)
{
    if (b->lsr == 0)
        return 0;
    uint32_t a = (uint32_t)(ntp_now >> 16);
    int32_t rtt = (int32_t)(a - b->lsr - b->dlsr);
    if (rtt <= 0)
        return 0;
    uint64_t us = (uint64_t)(uint32_t)rtt * 1000000 >> 16;
    return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* Seconds since 1900 in the high word (RFC 5905 6). */
uint64_t jn_ntp_of_us(uint64_t unix_us)
{
    uint64_t s = unix_us / 1000000 + 2208988800u;
    uint64_t frac = ((unix_us % 1000000) << 32) / 1000000;
    return s << 32 | frac;
}

unsigned jn_mos_x100(unsigned loss_permille, unsigned delay_ms)
{
    struct jn_emodel e = {.loss_ppm = loss_permille * 1000, .delay_ms = delay_ms};
    return jn_emodel_mos_x100(jn_emodel_r_x100(&e));
}
