/* Report: RTCP of one leg (RFC 3550 6): what the peer says of us, our SR or RR with SDES, BYE at the end. */
#include "engine/base/rand.h"
#include "media/stream/state.h"
#include <inttypes.h>
#include <stdio.h>

static bool from_peer(const struct jn_leg *l, const struct jn_pkt *pk)
{
    return l->in || jn_addr_same_ip(&pk->from, &l->src.have) || jn_addr_equal(&pk->from, &l->remote.rtcp);
}

void jn_report_in(struct jn_plane *p, struct jn_leg *l, const struct jn_pkt *pk, uint64_t now_ns)
{
    struct jn_rtcp_news n;

    if (!from_peer(l, pk)) {
        p->counts.drops[JN_DROP_SOURCE]++;
        l->stats.dropped_source++;
        return;
    }
    if (jn_rtcp_parse(&n, pk->data, pk->len, l->tx.ssrc) < 0) {
        p->counts.drops[JN_DROP_SHORT]++;
        return;
    }
    p->counts.rtcp_in++;
    if (n.has_sr) {
        l->report.lsr = (uint32_t)(n.ntp >> 16);
        l->report.sr_at_ns = now_ns;
    }
    if (n.has_block) {
        uint32_t rtt = jn_rtcp_rtt_us(&n.block, jn_ntp_of_us(jn_time_at(p, now_ns)));
        if (rtt > 0)
            l->stats.rtt_us = rtt;
        l->stats.remote_lost = n.block.lost;
    }
}

/* The address for reports: as signalled, unless the peer was found elsewhere: then beside its media. */
static void address(const struct jn_leg *l, struct jn_pkt *pk)
{
    bool muxed = jn_addr_equal(&l->remote.rtcp, &l->remote.rtp);

    if (!muxed)
        pk->local++;
    if (l->src.latched || l->remote.rtcp.family == JN_ADDR_NONE) {
        pk->from = l->src.have;
        if (!muxed)
            pk->from.port++;
    } else {
        pk->from = l->remote.rtcp;
    }
}

void jn_report_send(struct jn_plane *p, struct jn_leg *l, bool bye, uint64_t now_ns)
{
    if (!l->ready || l->src.have.family == JN_ADDR_NONE || (l->tx.packets == 0 && l->rtp.received == 0))
        return;
    struct jn_rtcp_out r = {.ssrc = l->tx.ssrc,
                            .ntp = jn_ntp_of_us(jn_time_at(p, now_ns)),
                            .packets = l->tx.packets,
                            .octets = (uint32_t)l->tx.octets,
                            .sent_any = l->tx.packets > 0,
                            .has_block = l->rtp.started,
                            .bye = bye};
    r.rtp_ts = l->tx.last_ts + (now_ns > l->tx.last_ns ? (uint32_t)((now_ns - l->tx.last_ns) / 125000) * l->scale : 0);
    if (r.has_block) {
        uint32_t dlsr = l->report.lsr ? (uint32_t)((now_ns - l->report.sr_at_ns) * 65536 / 1000000000) : 0;
        jn_rtcp_block_of(&r.block, &l->rtp, l->report.lsr, dlsr);
    }
    snprintf(r.cname, sizeof r.cname, "%016" PRIx64, l->cname);
    struct jn_pkt *pk = jn_tx_packet(p, l);
    pk->len = (uint16_t)jn_rtcp_build(pk->data, &r);
    address(l, pk);
    p->counts.rtcp_out++;
}

/* 5 s, spread over 0.5 to 1.5 of it and corrected as RFC 3550 6.3.1 says, so that reports of many legs do not meet. */
static uint64_t interval_ns(struct jn_plane *p)
{
    uint64_t spread = 500 + jn_splitmix(&p->seed) % 1000;
    return spread * 5 * NS_PER_MS * 1000 / 1218;
}

void jn_report_start(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns)
{
    l->report.next_ns = now_ns + interval_ns(p) / 2;
}

void jn_report_due(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns)
{
    if (l->report.next_ns == 0 || now_ns < l->report.next_ns)
        return;
    l->report.next_ns = now_ns + interval_ns(p);
    jn_report_send(p, l, false, now_ns);
}

/* The figures that are worked out once, at the end. */
void jn_report_close(struct jn_leg *l)
{
    struct jn_leg_stats *s = &l->stats;

    s->tx_packets = l->tx.packets;
    s->tx_bytes = l->tx.octets;
    s->lost = jn_rtp_source_lost(&l->rtp);
    s->jitter_us = (l->rtp.jitter_q4 >> 4) * 125 / (l->scale ? l->scale : 1);
    uint64_t expected = s->rx_packets + s->lost;
    unsigned permille = expected ? (unsigned)((s->lost + s->late) * 1000 / expected) : 0;
    s->mos_x100 = (uint16_t)jn_mos_x100(permille > 1000 ? 1000 : permille, s->rtt_us / 2000 + 60);
}
