/* Quality: how good a leg's media is in both directions, and what is wrong with it. Losses are read from the bits of
 * the last 64 packets when the walk over the legs comes by, so that a packet costs nothing here; what the peer hears is
 * taken from its reports. */
#include "media/rtcp/emodel.h"
#include "media/stream/state.h"

enum {
    BITS = 64,           /* of jn_rtp_source.seen */
    REORDER = 16,        /* packets within which one that is missing may still come */
    COMES_MS = 2000,     /* since the last packet: they come */
    LISTEN_MS = 1000,    /* between two frames that are looked at */
    SPOKEN = 50,         /* packets of ours that a report must know of */
    DEAF = 2,            /* reports in a row that know of none */
    AHEAD = 3000,        /* packets: a report farther ahead begins anew */
    DELAY_MS = 60,       /* packet time and jitter buffer, where nothing is known of them */
    JBUF_MAX_MS = 200,   /* as pools.c opens them */
    LEVEL_UNKNOWN = 127, /* RFC 3611 4.7.3, of signal and noise */
    SHARE_PPM = 1000000 / 256
};

/* Where more packets came between two walks than there are bits: how many are missing is known, not where. */
static void judge_unknown(struct jn_quality *q, const struct jn_rtp_source *s, uint64_t oldest)
{
    uint64_t n = oldest - q->judged, missing = q->lost_now;
    uint64_t waits = BITS - (unsigned)__builtin_popcountll(s->seen), told = q->burst.lost - q->lost_told;

    missing = missing > waits + told ? missing - waits - told : 0;
    missing = missing < n ? missing : n;
    q->good += n - missing;
    jn_burst_lost(&q->burst, q->good, (unsigned)missing);
    q->judged = oldest;
}

/* Every packet but the newest `margin`. */
static void judge(struct jn_leg *l, unsigned margin)
{
    const struct jn_rtp_source *s = &l->rtp;
    struct jn_quality *q = &l->quality;

    if (!s->started)
        return;
    if (!q->started || q->restarts != l->restarts) {
        q->lost += q->lost_now;
        q->lost_told = q->burst.lost;
        q->judged = s->base_ext;
        q->restarts = l->restarts;
        q->started = true;
    }
    q->lost_now = (uint32_t)jn_rtp_source_lost(s);
    if (s->ext_seq + 1 <= q->judged + margin)
        return;
    uint64_t end = s->ext_seq + 1 - margin;
    if (s->ext_seq >= BITS && q->judged < s->ext_seq + 1 - BITS)
        judge_unknown(q, s, s->ext_seq + 1 - BITS);
    unsigned n = (unsigned)(end - q->judged);
    uint64_t all = (n < BITS ? (UINT64_C(1) << n) - 1 : UINT64_MAX) << margin;
    if ((s->seen & all) == all) {
        q->good += n;
        q->judged = end;
        return;
    }
    for (; q->judged < end; q->judged++) {
        if (s->seen >> (s->ext_seq - q->judged) & 1)
            q->good++;
        else
            jn_burst_lost(&q->burst, q->good, 1);
    }
}

/* The jitter buffer tells of them some time later: they stand where that is. */
void jn_quality_late(struct jn_leg *l, uint32_t n)
{
    struct jn_quality *q = &l->quality;

    q->good -= n < q->good ? n : q->good;
    jn_burst_discarded(&q->burst, q->good, n);
}

static uint32_t ppm(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : part >= whole ? 1000000 : (uint32_t)(part * 1000000 / whole);
}

/* R x 100 of what came. */
static unsigned rating(const struct jn_leg *l, unsigned delay_ms)
{
    uint64_t lost = (uint64_t)l->quality.lost + l->quality.lost_now;
    struct jn_burst_report b;

    jn_burst_say(&b, &l->quality.burst, l->quality.good, l->ptime_ms);
    struct jn_emodel e = {.codec = l->codec,
                          .burst_ratio_q8 = b.ratio_q8,
                          .loss_ppm = ppm(lost + l->seen.late, jn_leg_received(l) + lost),
                          .delay_ms = delay_ms};
    return jn_emodel_r_x100(&e);
}

static unsigned delay(const struct jn_leg *l)
{
    return l->seen.rtt_us / 2000 + DELAY_MS;
}

/* What is noted as it happens. */
static struct jn_leg_stats counted(const struct jn_leg *l)
{
    const struct jn_leg_seen *n = &l->seen;

    return (struct jn_leg_stats){.rx_packets = jn_leg_received(l),
                                 .rx_bytes = l->rx_bytes,
                                 .tx_packets = l->tx.packets,
                                 .tx_bytes = l->tx.octets,
                                 .late = n->late,
                                 .duplicate = n->duplicate,
                                 .concealed = n->concealed,
                                 .dropped_source = n->dropped_source,
                                 .dropped_auth = n->dropped_auth,
                                 .dropped_replay = n->dropped_replay,
                                 .rtt_us = n->rtt_us,
                                 .remote_lost = n->remote_lost,
                                 .remote_discard = n->remote_discard,
                                 .remote_r = n->remote_r,
                                 .trouble = n->trouble,
                                 .troubles = n->troubles};
}

void jn_quality_figures(struct jn_leg *l, struct jn_leg_stats *s, bool end)
{
    struct jn_quality *q = &l->quality;
    struct jn_burst_report b;

    judge(l, end ? 0 : REORDER);
    jn_burst_say(&b, &q->burst, q->good, l->ptime_ms);
    *s = counted(l);
    s->lost = (uint64_t)q->lost + q->lost_now;
    s->jitter_us = (l->rtp.jitter_q4 >> 4) * 125 / (l->scale ? l->scale : 1);
    s->burst_ms = b.burst_ms;
    s->gap_ms = b.gap_ms;
    s->burst_density = b.burst_density;
    s->gap_density = b.gap_density;
    s->mos_x100 = s->rx_packets ? (uint16_t)jn_emodel_mos_x100(rating(l, delay(l))) : 0;
    if (q->peer_expected == 0)
        return;
    struct jn_emodel e = {.codec = l->codec,
                          .burst_ratio_q8 = 256,
                          .loss_ppm = ppm(q->peer_missed, q->peer_expected) + s->remote_discard * SHARE_PPM,
                          .delay_ms = delay(l)};
    s->remote_mos_x100 = (uint16_t)jn_emodel_mos_x100(jn_emodel_r_x100(&e));
}

/* MOS x 10, 10..50 (RFC 3611 4.7.5). */
static uint8_t tenths(unsigned mos_x100)
{
    return (uint8_t)((mos_x100 + 5) / 10);
}

void jn_quality_voip(const struct jn_plane *p, struct jn_leg *l, struct jn_xr_voip *v)
{
    const struct jn_voice *voice = l->voice != JN_NONE ? &p->voice[l->voice] : NULL;
    struct jn_burst_report b;

    judge(l, REORDER);
    jn_burst_say(&b, &l->quality.burst, l->quality.good, l->ptime_ms);
    unsigned r = rating(l, delay(l)), depth = voice && voice->jb ? jn_jbuf_depth_ms(voice->jb) : 0;
    *v = (struct jn_xr_voip){.ssrc = l->rtp.ssrc,
                             .loss_rate = b.loss_rate,
                             .discard_rate = b.discard_rate,
                             .burst_density = b.burst_density,
                             .gap_density = b.gap_density,
                             .burst_ms = b.burst_ms,
                             .gap_ms = b.gap_ms,
                             .round_trip_ms =
                                 (uint16_t)(l->seen.rtt_us / 1000 < UINT16_MAX ? l->seen.rtt_us / 1000 : UINT16_MAX),
                             .end_system_ms = (uint16_t)(depth + l->ptime_ms),
                             .signal_dbm0 = LEVEL_UNKNOWN,
                             .noise_dbm0 = LEVEL_UNKNOWN,
                             .gmin = JN_BURST_GMIN,
                             .r = (uint8_t)((r + 50) / 100),
                             .mos_lq = tenths(jn_emodel_mos_x100(rating(l, 0))),
                             .mos_cq = tenths(jn_emodel_mos_x100(r)),
                             .jb_adaptive = true,
                             .jb_nominal_ms = (uint16_t)depth,
                             .jb_max_ms = depth ? JBUF_MAX_MS : 0,
                             .jb_abs_max_ms = depth ? JBUF_MAX_MS : 0};
}

static void trouble(struct jn_plane *p, struct jn_leg *l, enum jn_trouble what, bool on)
{
    uint8_t bit = (uint8_t)(1u << what);

    if (((l->seen.trouble & bit) != 0) == on)
        return;
    l->seen.trouble ^= bit;
    l->seen.troubles |= bit;
    struct jn_fact f = {.kind = JN_FACT_LEG_TROUBLE, .leg = l->id, .room = l->room};
    f.trouble.what = (uint8_t)what;
    f.trouble.on = on;
    jn_fact_send(p, &f);
}

/* What a block says is since the stream began: between two of them lies what is new. The first one, and one of a peer
 * that begins anew, is about what was sent since the last report. */
static void add_block(struct jn_quality *q, const struct jn_rtcp_block *b, uint32_t sent)
{
    uint32_t expected = q->peer_known ? b->ext_seq - q->peer_ext : sent;
    int64_t missed = (int64_t)b->lost - (q->peer_known ? q->peer_lost : 0);

    if (expected > sent + AHEAD) {
        expected = sent;
        missed = (int64_t)b->fraction * sent / 256;
    }
    if (missed < -(int64_t)q->peer_missed)
        missed = -(int64_t)q->peer_missed;
    if (missed > expected)
        missed = expected;
    q->peer_expected += expected;
    q->peer_missed = (uint32_t)(q->peer_missed + missed);
    q->peer_ext = b->ext_seq;
    q->peer_lost = b->lost;
    q->peer_known = true;
}

void jn_quality_reported(struct jn_plane *p, struct jn_leg *l, const struct jn_rtcp_news *n, uint64_t now_ns)
{
    struct jn_quality *q = &l->quality;
    uint32_t sent = l->tx.packets - q->sent_then;

    if (n->has_xr && n->xr.rrt) {
        q->rrt = (uint32_t)(n->xr.rrt >> 16);
        q->rrt_at_ns = now_ns;
    }
    if (n->has_xr && n->xr.has_voip) {
        l->seen.remote_discard = n->xr.voip.discard_rate;
        l->seen.remote_r = n->xr.voip.r <= 100 ? n->xr.voip.r : JN_XR_UNKNOWN;
    }
    q->sent_then = l->tx.packets;
    if (n->has_block && (!q->peer_known || n->block.ext_seq != q->peer_ext)) {
        add_block(q, &n->block, sent);
        q->deaf = 0;
        q->reported_ns = now_ns;
        trouble(p, l, JN_TROUBLE_UNHEARD, false);
        return;
    }
    if (sent < SPOKEN || !jn_leg_may_send(l->mode))
        return;
    if (q->deaf < DEAF)
        q->deaf++;
    if (q->deaf == DEAF && p->c.one_way_ms && now_ns >= q->reported_ns + p->c.one_way_ms * NS_PER_MS)
        trouble(p, l, JN_TROUBLE_UNHEARD, true);
}

void jn_quality_frame(struct jn_leg *l, const struct jn_in *in)
{
    l->listen &= (uint8_t)~JN_LISTEN_LEVEL;
    if (jn_level_heard(in))
        l->quality.heard_ns = in->at_ns;
}

/* Where it is decoded its sound itself says it, of whatever codec; elsewhere a frame is looked at. */
static void listen(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns)
{
    const struct jn_voice *v = l->voice != JN_NONE ? &p->voice[l->voice] : NULL;

    if (v && v->jb && v->flow == JN_FLOW_MIX && v->seat != JN_NO_SEAT && !v->gained) {
        if (v->level < JN_FAINT_DB)
            l->quality.heard_ns = now_ns;
        return;
    }
    l->listen |= JN_LISTEN_LEVEL;
}

void jn_quality_begin(struct jn_leg *l, uint64_t now_ns)
{
    struct jn_quality *q = &l->quality;

    if (q->heard_ns == 0)
        l->seen.remote_r = JN_XR_UNKNOWN;
    q->heard_ns = q->reported_ns = now_ns;
    q->deaf = 0;
}

static void tell(struct jn_plane *p, struct jn_leg *l)
{
    if (p->backlog_n > 0 || !jn_mailbox_roomy(p->facts)) {
        p->counts.quality_missed++;
        return;
    }
    struct jn_fact f = {.kind = JN_FACT_LEG_QUALITY, .leg = l->id, .room = l->room};
    jn_quality_figures(l, &f.stats, false);
    jn_fact_send(p, &f);
}

void jn_quality_due(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns)
{
    struct jn_quality *q = &l->quality;
    uint64_t one_way = p->c.one_way_ms * NS_PER_MS, quiet = p->c.quiet_ms * NS_PER_MS,
             every = p->c.quality_ms * NS_PER_MS;

    if (!l->ready)
        return;
    judge(l, REORDER);
    bool may = jn_leg_may_receive(l->mode), comes = now_ns < l->last_rx_ns + COMES_MS * NS_PER_MS;
    if (!may || !comes)
        q->heard_ns = now_ns;
    trouble(p, l, JN_TROUBLE_NO_MEDIA, one_way && may && now_ns >= l->last_rx_ns + one_way);
    trouble(p, l, JN_TROUBLE_SILENCE, quiet && now_ns >= q->heard_ns + quiet);
    if (!jn_leg_may_send(l->mode))
        trouble(p, l, JN_TROUBLE_UNHEARD, false);
    if (quiet && may && now_ns >= q->listen_ns) {
        listen(p, l, now_ns);
        q->listen_ns = now_ns + LISTEN_MS * NS_PER_MS;
    }
    if (every && q->next_ns == 0)
        q->next_ns = now_ns + every / 2 + l->cname % every / 2; /* not all legs at once */
    if (every && now_ns >= q->next_ns) {
        q->next_ns += every;
        if (q->next_ns <= now_ns)
            q->next_ns = now_ns + every;
        tell(p, l);
    }
}
