/* Relay: the short way of a packet that goes straight from one leg to another, and a burst's state brought near before
 * it is needed. A packet of one stream in thousands finds nothing of it in the caches: its leg, its voice, who hears
 * it, that one's leg. Each step knows where the next one is, so the steps are taken for the whole burst one after the
 * other, and the misses overlap. The short way changes the same state as rx.c, flow.c and tx.c do; whatever is not
 * plain takes theirs. */
#include "media/stream/state.h"
#include <string.h>

static inline void near_lines(const void *at, size_t bytes)
{
    (void)*(const volatile char *)at;
    for (size_t i = 64; i < bytes; i += 64)
        __builtin_prefetch((const char *)at + i, 1);
}

/* What a received packet asks and changes. */
static void near_inbound(const struct jn_leg *l)
{
    (void)*(const volatile char *)l;
    near_lines(&l->rtp, offsetof(struct jn_leg, rx_before) - offsetof(struct jn_leg, rtp));
}

/* What a sent packet asks and changes. */
static void near_outbound(const struct jn_leg *l)
{
    (void)*(const volatile char *)l;
    __builtin_prefetch(&l->tx, 1);
}

void jn_relay_near(struct jn_plane *p, const uint32_t leg[], unsigned n)
{
    const struct jn_voice *v[JN_PKT_BURST];
    unsigned m = 0;

    for (unsigned i = 0; i < n; i++)
        near_inbound(&p->leg[leg[i]]);
    for (unsigned i = 0; i < n; i++) {
        uint32_t at = p->leg[leg[i]].voice;
        if (at == JN_NONE)
            continue;
        v[m++] = &p->voice[at];
        near_lines(&p->voice[at], offsetof(struct jn_voice, track));
    }
    for (unsigned i = 0; i < m; i++)
        if (v[i]->flow == JN_FLOW_STRAIGHT && v[i]->to != JN_NONE)
            near_outbound(&p->leg[v[i]->to]);
        else
            (void)*(const volatile char *)(&p->room[v[i]->room].tape.state);
}

void jn_relay_aim(const struct jn_plane *p, struct jn_voice *v)
{
    v->to = p->room[v->room].tape.state == JN_TAPE_OFF ? p->voice[v->peer].leg_at : JN_NONE;
}

/* RTP in its simplest form (no CSRC, extension or padding), of the leg's codec. */
static bool simple(const struct jn_leg *l, const struct jn_pkt *pk, struct jn_rtp *h)
{
    const uint8_t *at = pk->data;
    uint32_t ts, ssrc;

    if (pk->len <= JN_RTP_HEADER || pk->len > JN_RTP_HEADER + JN_FRAME_MAX || at[0] != 0x80 ||
        (at[1] & 0x7f) != l->rtp_pt)
        return false;
    memcpy(&ts, at + 4, 4);
    memcpy(&ssrc, at + 8, 4);
    *h = (struct jn_rtp){.ts = __builtin_bswap32(ts),
                         .ssrc = __builtin_bswap32(ssrc),
                         .seq = (uint16_t)(at[2] << 8 | at[3]),
                         .payload_off = JN_RTP_HEADER,
                         .payload_len = (uint16_t)(pk->len - JN_RTP_HEADER),
                         .pt = l->rtp_pt,
                         .marker = at[1] >> 7};
    return true;
}

/* The next of its source, a gap of a few at most; nothing that has to be judged. */
static bool in_order(const struct jn_rtp_source *s, const struct jn_rtp *h)
{
    return s->started && s->ssrc == h->ssrc && (uint16_t)(h->seq - (uint16_t)s->ext_seq - 1) < 64;
}

/* The leg that the voice's frames go to as they come, when that is here and both are on one time line; else NULL. */
static struct jn_leg *straight_to(struct jn_plane *p, const struct jn_leg *l, const struct jn_voice *v)
{
    if (v->flow != JN_FLOW_STRAIGHT || v->restarts != l->restarts || v->to == JN_NONE)
        return NULL;
    struct jn_leg *t = &p->leg[v->to];
    uint32_t tag = JN_TAG_RELAY | ((uint32_t)(v - p->voice) << 8 & ~JN_TAG_RELAY) | l->restarts;
    bool good = t->ready && t->tx.tag == tag && t->rtp_pt <= 127 && t->src.have.family != JN_ADDR_NONE &&
                jn_leg_may_send(t->mode);
    return good ? t : NULL;
}

static uint16_t duration(const struct jn_leg *l, const struct jn_pkt *pk, uint16_t len)
{
    if (l->codec <= JN_CODEC_PCMA)
        return len;
    int units = jn_codec(l->codec)->duration(pk->data + JN_RTP_HEADER, len);
    return (uint16_t)(units > 0 ? units : 0);
}

static void send_on(struct jn_plane *p, struct jn_leg *t, struct jn_pkt *pk, const struct jn_rtp *h, uint64_t ext,
                    uint64_t now_ns)
{
    struct jn_leg_tx *tx = &t->tx;
    uint64_t seq = ext + (uint64_t)tx->seq_off;
    struct jn_pkt *out = jn_tx_packet(p, t);
    uint32_t ts = h->ts + tx->ts_off, swapped_ts = __builtin_bswap32(ts), ssrc = __builtin_bswap32(tx->ssrc);

    if (seq > tx->seq) {
        tx->seq = seq;
        tx->last_ts = ts;
        tx->last_ns = now_ns;
        tx->last_dur = duration(t, pk, h->payload_len);
        tx->started = true;
    }
    if (pk->cap >= pk->len + JN_SRTP_TRAILER_MAX) { /* it leaves where it lies */
        out->data = pk->data;
        out->cap = pk->cap;
        out->buf = pk->buf;
        out->kept = !t->out;
        p->tx_lent = true;
    } else {
        memcpy(out->data + JN_RTP_HEADER, pk->data + JN_RTP_HEADER, h->payload_len);
    }
    uint8_t *at = out->data;
    at[0] = 0x80;
    at[1] = (uint8_t)(h->marker << 7 | t->rtp_pt);
    at[2] = (uint8_t)(seq >> 8);
    at[3] = (uint8_t)seq;
    memcpy(at + 4, &swapped_ts, 4);
    memcpy(at + 8, &ssrc, 4);
    out->len = pk->len;
    tx->packets++;
    tx->octets += h->payload_len;
    p->counts.relayed++;
}

bool jn_relay_take(struct jn_plane *p, struct jn_leg *l, struct jn_pkt *pk, uint64_t now_ns)
{
    struct jn_rtp h;
    uint64_t ext;

    if (l->in || l->listen || !l->joined || l->voice == JN_NONE || !jn_leg_may_receive(l->mode) ||
        !jn_source_known(&l->src, &pk->from) || !simple(l, pk, &h) || !in_order(&l->rtp, &h))
        return false;
    struct jn_voice *v = &p->voice[l->voice];
    struct jn_leg *t = straight_to(p, l, v);
    if (!t || l->rtp.ext_seq < t->tx.base_ext)
        return false;
    jn_rtp_source_take(&l->rtp, &h, (uint32_t)(pk->at_ns / 125000) * l->scale, &ext);
    l->rx_bytes += h.payload_len;
    l->last_rx_ns = pk->at_ns;
    l->silent = false;
    v->last_ext = ext;
    v->last_in_ns = now_ns;
    send_on(p, t, pk, &h, ext, now_ns);
    return true;
}
