/* Report: RTCP of one leg (RFC 3550 6): what the peer says of us, our SR or RR with SDES, BYE at the end; extended
 * reports (RFC 3611) for a peer that asked for them. */
#include "engine/base/rand.h"
#include "media/stream/state.h"
#include <inttypes.h>
#include <stdio.h>

/* Under a key anybody who has it. Else where reports or media were signalled and media came from; only of a peer behind
 * NAT, whose reports come through a port that nobody can know, any port of its address. */
static bool from_peer(const struct jn_leg *l, const struct jn_pkt *pk)
{
    if (l->in || jn_addr_equal(&pk->from, &l->src.have) || jn_addr_equal(&pk->from, &l->remote.rtcp))
        return true;
    return !l->src.signalled_seen && jn_addr_same_ip(&pk->from, &l->src.have);
}

static void round_trip(const struct jn_plane *p, struct jn_leg *l, const struct jn_rtcp_block *b, uint64_t now_ns)
{
    uint32_t rtt = jn_rtcp_rtt_us(b, jn_ntp_of_us(jn_time_at(p, now_ns)));

    if (rtt > 0)
        l->seen.rtt_us = rtt;
}

void jn_report_in(struct jn_plane *p, struct jn_leg *l, const struct jn_pkt *pk, uint64_t now_ns)
{
    struct jn_rtcp_news n;

    if (!from_peer(l, pk)) {
        p->counts.drops[JN_DROP_SOURCE]++;
        l->seen.dropped_source++;
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
        round_trip(p, l, &n.block, now_ns);
        l->seen.remote_lost = n.block.lost;
    }
    if (n.has_xr) {
        struct jn_rtcp_block b = {.lsr = n.xr.lrr, .dlsr = n.xr.dlrr};
        p->counts.xr_in++;
        if (n.xr.has_dlrr)
            round_trip(p, l, &b, now_ns);
    }
    jn_quality_reported(p, l, &n, now_ns);
}

/* The address for reports: as signalled, unless the peer was found elsewhere: then beside its media. */
static void address(const struct jn_leg *l, struct jn_pkt *pk)
{
    if (!l->remote.muxed)
        pk->local++;
    if (l->src.latched || l->remote.rtcp.family == JN_ADDR_NONE) {
        pk->from = l->src.have;
        if (!l->remote.muxed)
            pk->from.port++;
    } else {
        pk->from = l->remote.rtcp;
    }
}

/* Units of 1/65536 s. */
static uint32_t since(uint64_t then_ns, uint64_t now_ns)
{
    return (uint32_t)((now_ns - then_ns) * 65536 / 1000000000);
}

/* What the peer asked for, as far as there is something to say; false: nothing. */
static bool extend(const struct jn_plane *p, struct jn_leg *l, struct jn_xr *x, uint64_t ntp, uint64_t now_ns)
{
    const struct jn_quality *q = &l->quality;

    *x = (struct jn_xr){.ssrc = l->tx.ssrc};
    if (l->remote.xr & JN_XR_WANTS_RTT) {
        x->rrt = ntp;
        x->has_dlrr = q->rrt_at_ns != 0 && l->rtp.started;
        x->dlrr_ssrc = l->rtp.ssrc;
        x->lrr = q->rrt;
        x->dlrr = x->has_dlrr ? since(q->rrt_at_ns, now_ns) : 0;
    }
    if (l->remote.xr & JN_XR_WANTS_VOIP && l->rtp.started) {
        x->has_voip = true;
        jn_quality_voip(p, l, &x->voip);
    }
    return x->rrt || x->has_voip;
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
        uint32_t dlsr = l->report.lsr ? since(l->report.sr_at_ns, now_ns) : 0;
        jn_rtcp_block_of(&r.block, &l->rtp, l->report.lsr, dlsr);
    }
    struct jn_xr xr;
    if (l->remote.xr && extend(p, l, &xr, r.ntp, now_ns)) {
        r.xr = &xr;
        p->counts.xr_out++;
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
