/* Rx: a burst of received packets: which leg, RTP or RTCP, opened, from the peer, in which class; then into the room.
 */
#include "media/stream/browser.h"
#include "media/stream/state.h"
#include <string.h>

static void drop(struct jn_plane *p, struct jn_pkt *pk, enum jn_drop why)
{
    pk->drop = (uint8_t)why;
    p->counts.drops[why]++;
}

static void tell_moved(struct jn_plane *p, struct jn_leg *l)
{
    struct jn_fact f = {.kind = JN_FACT_LEG_LATCHED, .leg = l->id, .room = l->room};

    f.latched.from = l->src.have;
    jn_fact_send(p, &f);
}

/* A peer behind NAT sends from where its signalling comes from, or another port of where it says it is. Nobody else is
 * learnt, so that a stranger who is quicker than the peer hears nothing. */
static bool learnable(const struct jn_leg *l, const struct jn_addr *from)
{
    return jn_addr_same_ip(from, &l->src.signalled) || jn_addr_same_ip(from, &l->remote.via);
}

static bool from_peer(struct jn_plane *p, struct jn_leg *l, struct jn_pkt *pk, const struct jn_rtp *h)
{
    bool moved;

    if (l->in)
        return true; /* authenticated; may move the address once its sequence is known */
    if (jn_source_known(&l->src, &pk->from))
        return true;
    if (!learnable(l, &pk->from) || !jn_source_accept(&l->src, &pk->from, h, pk->at_ns, &moved)) {
        drop(p, pk, JN_DROP_SOURCE);
        l->seen.dropped_source++;
        return false;
    }
    if (moved)
        tell_moved(p, l);
    return true;
}

/* Plain RTP of another SSRC than the peer's: taken for a change when two packets follow each other and the one before
 * is not heard any more (RFC 3550 A.1's probation); one that is thrown in between changes nothing. */
static bool other_sender(struct jn_leg *l, const struct jn_rtp *h, uint64_t at_ns)
{
    struct jn_leg_other *o = &l->other;

    bool follows = o->waits && o->ssrc == h->ssrc && o->next_seq == h->seq;
    *o = (struct jn_leg_other){.ssrc = h->ssrc, .next_seq = (uint16_t)(h->seq + 1), .waits = true};
    if (!follows || at_ns < l->last_rx_ns + JN_OTHER_SILENCE_NS)
        return false;
    o->waits = false;
    return true;
}

/* Extended sequence and statistics; false when the packet goes no further. */
static bool sequence(struct jn_plane *p, struct jn_leg *l, struct jn_pkt *pk, const struct jn_rtp *h, uint64_t *ext)
{
    uint64_t before = l->rtp.ext_seq, received = l->rtp.received;

    if (!l->in && l->rtp.started && l->rtp.ssrc != h->ssrc && !other_sender(l, h, pk->at_ns)) {
        drop(p, pk, JN_DROP_SENDERS);
        l->seen.dropped_source++;
        return false;
    }
    switch (jn_rtp_source_take(&l->rtp, h, (uint32_t)(pk->at_ns / 125000) * l->scale, ext)) {
    case JN_SEQ_DUPLICATE:
        drop(p, pk, JN_DROP_DUPLICATE);
        l->seen.duplicate++;
        return false;
    case JN_SEQ_STRAY:
        drop(p, pk, JN_DROP_LATE);
        l->seen.late++;
        return false;
    case JN_SEQ_RESTART:
        l->restarts++;
        l->rx_before += (uint32_t)received;
        memset(&l->dtmf, 0, sizeof l->dtmf);
        break;
    case JN_SEQ_OLD:
    case JN_SEQ_OK:
        break;
    }
    bool newest = l->rtp.ext_seq != before || l->rtp.received == 1;
    if (l->in && !l->browser && jn_source_accept_authentic(&l->src, &pk->from, newest))
        tell_moved(p, l);
    l->rx_bytes += h->payload_len;
    l->last_rx_ns = pk->at_ns;
    l->silent = false;
    return true;
}

/* RFC 3389's static type 13 is tolerated though it was not negotiated. */
static bool classify(const struct jn_leg *l, const struct jn_rtp *h, uint8_t *cls)
{
    if (h->pt == l->rtp_pt)
        *cls = JN_CLASS_AUDIO;
    else if (h->pt == l->dtmf_pt)
        *cls = JN_CLASS_DTMF;
    else if (h->pt == l->cn_pt || h->pt == 13)
        *cls = JN_CLASS_CN;
    else
        return false;
    return true;
}

static void listen(struct jn_plane *p, struct jn_leg *l, const struct jn_in *in)
{
    if (l->listen & JN_LISTEN_DIGITS)
        jn_digit_sound(p, l, in);
    if (l->listen & JN_LISTEN_LEVEL)
        jn_quality_frame(l, in);
}

static void into_room(struct jn_plane *p, struct jn_leg *l, const struct jn_in *in, uint64_t now_ns)
{
    if (!l->joined)
        return;
    if (l->voice != JN_NONE) {
        jn_voice_in(p, &p->voice[l->voice], in, now_ns);
        return;
    }
    struct jn_link_msg *m = &p->scratch;
    m->leg = l->id;
    m->room = l->room;
    m->ext_seq = in->ext_seq;
    m->at_ns = in->at_ns;
    m->ts = in->ts;
    m->ssrc = in->ssrc;
    m->len = in->len;
    m->kind = JN_LINK_IN;
    m->cls = in->cls;
    m->codec = in->codec;
    m->level = in->level;
    m->restarts = in->restarts;
    m->marker = in->marker;
    memcpy(m->payload, in->payload, in->len);
    if (!jn_link_send(p, l->room_worker, m))
        p->counts.drops[JN_DROP_FULL]++;
}

static void take_rtp(struct jn_plane *p, struct jn_leg *l, struct jn_pkt *pk, uint64_t now_ns)
{
    struct jn_rtp h;
    struct jn_in in;

    if (jn_rtp_parse(&h, pk->data, pk->len) < 0) {
        drop(p, pk, JN_DROP_SHORT);
        return;
    }
    if (!from_peer(p, l, pk, &h))
        return;
    if (!classify(l, &h, &in.cls)) {
        drop(p, pk, JN_DROP_PAYLOAD);
        return;
    }
    if (h.payload_len > JN_FRAME_MAX) {
        drop(p, pk, JN_DROP_OVERSIZE);
        return;
    }
    if (h.payload_len == 0) {
        drop(p, pk, JN_DROP_SHORT);
        return;
    }
    if (!sequence(p, l, pk, &h, &in.ext_seq))
        return;
    if (!jn_leg_may_receive(l->mode)) { /* on hold: it may not speak into the room */
        drop(p, pk, JN_DROP_NOT_READY);
        return;
    }
    in.at_ns = pk->at_ns;
    in.ts = h.ts;
    in.ssrc = h.ssrc;
    in.len = h.payload_len;
    in.codec = l->codec;
    in.level = pk->data[0] & 0x10 ? jn_rtp_level(pk->data, pk->len, l->remote.level_id) : JN_LEVEL_UNKNOWN;
    in.restarts = l->restarts;
    in.marker = h.marker;
    in.payload = pk->data + h.payload_off;
    in.pk = pk;
    if (in.cls == JN_CLASS_DTMF)
        jn_digit_event(p, l, &in);
    else if (l->listen && in.cls == JN_CLASS_AUDIO)
        listen(p, l, &in);
    into_room(p, l, &in, now_ns);
}

/* Opens the packets of a burst that are under a key, all RTP at once and then all RTCP; SRTP's refusals are counted by
 * reason, for the worker and for the call's record. */
static void unseal(struct jn_plane *p, struct jn_pkt *pk[], const bool rtcp[], unsigned n)
{
    struct jn_srtp *ctx[2][JN_PKT_BURST];
    struct jn_pkt *of[2][JN_PKT_BURST];
    unsigned m[2] = {0, 0};

    for (unsigned i = 0; i < n; i++) {
        const struct jn_leg *l = &p->leg[pk[i]->stream];
        if (!l->ready || !l->in)
            continue;
        ctx[rtcp[i]][m[rtcp[i]]] = l->in;
        of[rtcp[i]][m[rtcp[i]]++] = pk[i];
    }
    for (unsigned k = 0; k < 2; k++) {
        unsigned good = m[k] > 0 ? p->c.srtp->open(ctx[k], of[k], m[k], k == 1) : 0;
        for (unsigned i = good; i < m[k]; i++) {
            struct jn_leg *l = &p->leg[of[k][i]->stream];
            p->counts.drops[of[k][i]->drop]++;
            if (of[k][i]->drop == JN_DROP_REPLAY)
                l->seen.dropped_replay++;
            else
                l->seen.dropped_auth++;
        }
    }
}

/* The leg of a packet's port, and whether it is RTCP (RFC 7983 by the first byte, RFC 5761 by the second); JN_NONE and
 * counted when it is neither's. */
static uint32_t look_up(struct jn_plane *p, struct jn_pkt *pk, bool *rtcp)
{
    pk->drop = JN_DROP_NONE;
    pk->stream = pk->local < 2 * p->pairs ? p->pair_leg[pk->local / 2] : JN_NONE;
    p->counts.rx_packets++;
    p->counts.rx_bytes += pk->len;
    if (pk->stream == JN_NONE) {
        drop(p, pk, JN_DROP_NO_STREAM);
        return JN_NONE;
    }
    if (pk->stream == JN_SHARED)
        return jn_browser_look_up(p, pk, rtcp);
    if (pk->len < 8) {
        drop(p, pk, JN_DROP_SHORT);
        return JN_NONE;
    }
    *rtcp = jn_is_rtcp(pk->data, pk->len);
    if (pk->data[0] < 128 || pk->data[0] > 191 || ((pk->local & 1) != 0 && !*rtcp)) {
        drop(p, pk, JN_DROP_NOT_MEDIA);
        return JN_NONE;
    }
    return pk->stream;
}

static void take_burst(struct jn_plane *p, struct jn_pkt *pk[], unsigned n, uint64_t now_ns)
{
    struct jn_pkt *mine[JN_PKT_BURST];
    bool rtcp[JN_PKT_BURST] = {false};
    uint32_t at[JN_PKT_BURST];
    unsigned m = 0;

    for (unsigned i = 0; i < n; i++) {
        bool is_rtcp = false;
        uint32_t leg = look_up(p, pk[i], &is_rtcp);
        if (leg == JN_NONE)
            continue;
        at[m] = leg;
        rtcp[m] = is_rtcp;
        mine[m++] = pk[i];
    }
    if (m == 0)
        return;
    jn_relay_near(p, at, m);
    unseal(p, mine, rtcp, m);
    for (unsigned i = 0; i < m; i++) {
        if (i % JN_AHEAD_PACKETS == 0)
            jn_ahead_packets(p, mine, i, m);
        struct jn_leg *l = &p->leg[mine[i]->stream];
        if (mine[i]->drop != JN_DROP_NONE)
            continue;
        if (!l->ready)
            drop(p, mine[i], JN_DROP_NOT_READY);
        else if (rtcp[i])
            jn_report_in(p, l, mine[i], now_ns);
        else if (!jn_relay_take(p, l, mine[i], now_ns))
            take_rtp(p, l, mine[i], now_ns);
    }
}

void jn_plane_rx(struct jn_plane *p, struct jn_pkt *pk[], unsigned n, uint64_t now_ns)
{
    for (; n > JN_PKT_BURST; n -= JN_PKT_BURST, pk += JN_PKT_BURST)
        take_burst(p, pk, JN_PKT_BURST, now_ns);
    take_burst(p, pk, n, now_ns);
    if (p->tx_lent)
        jn_plane_flush(p);
}
