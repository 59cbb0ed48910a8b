/* Tx: frames out of a leg: payload type, SSRC, sequence and timestamps of our own, packets of the peer's length,
 * sealing and the burst. */
#include "media/codec/codec.h"
#include "media/stream/browser.h"
#include "media/stream/state.h"
#include <string.h>

/* What a turn between relay and mix may take, and what a frame may be away from where its sender's line says. */
enum { TURN_SAMPLES = 480, LINE_SAMPLES = 4000 };

bool jn_leg_may_send(uint8_t mode)
{
    return mode == JN_MODE_SENDRECV || mode == JN_MODE_SENDONLY;
}

bool jn_leg_may_receive(uint8_t mode)
{
    return mode == JN_MODE_SENDRECV || mode == JN_MODE_RECVONLY;
}

struct jn_pkt *jn_tx_packet(struct jn_plane *p, const struct jn_leg *l)
{
    if (p->tx_n == JN_PKT_BURST)
        jn_plane_flush(p);
    struct jn_pkt *pk = &p->tx[p->tx_n];
    *pk = (struct jn_pkt){.data = p->tx_bytes[p->tx_n],
                          .cap = JN_TX_CAP,
                          .local = 2 * l->pair,
                          .stream = (uint32_t)(l - p->leg),
                          .from = l->src.have};
    p->tx_n++;
    return pk;
}

/* Seals the packets of every leg that has a key, all RTP of the burst at once and then all RTCP; those that may go out
 * are left in out, in their order. */
static unsigned seal(struct jn_plane *p, struct jn_pkt *out[])
{
    struct jn_srtp *ctx[2][JN_PKT_BURST];
    struct jn_pkt *pk[2][JN_PKT_BURST];
    unsigned n[2] = {0, 0}, good = 0;

    for (unsigned i = 0; i < p->tx_n; i++) {
        struct jn_srtp *s = p->leg[p->tx[i].stream].out;
        if (!s)
            continue;
        bool rtcp = jn_is_rtcp(p->tx[i].data, p->tx[i].len);
        ctx[rtcp][n[rtcp]] = s;
        pk[rtcp][n[rtcp]++] = &p->tx[i];
    }
    for (unsigned k = 0; k < 2; k++)
        if (n[k] > 0)
            p->counts.drops[JN_DROP_TX] += n[k] - p->c.srtp->seal(ctx[k], pk[k], n[k], k == 1);
    for (unsigned i = 0; i < p->tx_n; i++)
        if (p->tx[i].drop == JN_DROP_NONE)
            out[good++] = &p->tx[i];
    return good;
}

void jn_plane_flush(struct jn_plane *p)
{
    struct jn_pkt *out[JN_PKT_BURST];

    jn_browser_flush(p);
    if (p->tx_n == 0)
        return;
    unsigned n = seal(p, out);
    p->tx_n = 0;
    p->tx_lent = false;
    if (n > 0)
        p->c.port.tx(p->c.port.arg, out, n);
    for (unsigned i = 0; i < n; i++) {
        if (out[i]->drop != JN_DROP_NONE) {
            p->counts.drops[JN_DROP_TX]++;
            continue;
        }
        p->counts.tx_packets++;
        p->counts.tx_bytes += out[i]->len;
    }
}

/* RTP units from the last packet until now, at least what that packet held. */
static uint32_t samples_since(const struct jn_leg_tx *tx, unsigned scale, uint64_t now_ns)
{
    uint64_t gone = now_ns > tx->last_ns ? (now_ns - tx->last_ns) / 125000 * scale : 0;
    return gone > tx->last_dur ? (uint32_t)gone : tx->last_dur;
}

/* Where a relay begins at a known frame, and this one is not far from it by real time. */
static bool on_line(const struct jn_leg_tx *tx, unsigned scale, const struct jn_out *o, uint64_t now_ns)
{
    uint32_t ahead = o->ts - o->line.ts;
    return o->relayed && o->line.known && tx->tag != 0 &&
           ahead <= samples_since(tx, scale, now_ns) + LINE_SAMPLES * scale;
}

/* Another time line begins: sequence goes on by one. Timestamps too, when one line takes the other's sound up (a mix
 * that was a relay, a relay that was a mix): no gap and no jump for the peer's jitter buffer. Otherwise they go on by
 * real time, marked. Returns whether it is to be marked. */
static bool anchor(struct jn_leg_tx *tx, unsigned scale, const struct jn_out *o, uint64_t now_ns)
{
    bool turn = tx->started && tx->tag != 0 && ((tx->tag ^ o->tag) & JN_TAG_RELAY) != 0,
         line = on_line(tx, scale, o, now_ns);
    uint32_t step = tx->started ? samples_since(tx, scale, now_ns) : 0;
    uint64_t first = line ? o->line.ext_seq : o->ext_seq;

    turn = turn && (o->relayed ? line : step <= tx->last_dur + TURN_SAMPLES * scale);
    if (turn)
        step = tx->last_dur;
    tx->ts_off = tx->last_ts + step - (line ? o->line.ts : o->ts);
    tx->tag = o->tag;
    if (o->relayed) {
        tx->seq_off = (int64_t)(tx->seq + 1 - first);
        tx->base_ext = first;
    }
    return !turn;
}

static uint8_t payload_type(const struct jn_leg *l, uint8_t cls)
{
    switch (cls) {
    case JN_CLASS_DTMF:
        return l->dtmf_pt;
    case JN_CLASS_CN:
        return l->cn_pt;
    default:
        return l->rtp_pt;
    }
}

/* Lets pk lie in the received packet, its header right in front of the payload; false: there is no room. */
static bool in_place(struct jn_pkt *pk, struct jn_pkt *in, const uint8_t *payload, uint16_t len)
{
    size_t off = (size_t)(payload - in->data);

    if (off < JN_RTP_HEADER || in->cap < off + len + JN_SRTP_TRAILER_MAX)
        return false;
    pk->data = in->data + off - JN_RTP_HEADER;
    pk->cap = (uint16_t)(in->cap - off + JN_RTP_HEADER);
    pk->buf = in->buf;
    return true;
}

static void build(struct jn_plane *p, struct jn_leg *l, const struct jn_rtp *h, const uint8_t *payload, uint16_t len,
                  struct jn_pkt *in)
{
    struct jn_pkt *pk = jn_tx_packet(p, l);

    if (in && in_place(pk, in, payload, len))
        p->tx_lent = true;
    else
        memcpy(pk->data + JN_RTP_HEADER, payload, len);
    jn_rtp_build(pk->data, h);
    pk->len = (uint16_t)(JN_RTP_HEADER + len);
    l->tx.packets++;
    l->tx.octets += len;
}

/* The next packet of the leg's own sequence. */
static void next(struct jn_plane *p, struct jn_leg *l, uint32_t ts, bool marker, const uint8_t *payload, uint16_t len,
                 uint16_t units, uint64_t now_ns)
{
    struct jn_leg_tx *tx = &l->tx;
    struct jn_rtp h = {.ts = ts, .ssrc = tx->ssrc, .seq = (uint16_t)++tx->seq, .pt = l->rtp_pt, .marker = marker};

    tx->last_ts = ts;
    tx->last_ns = now_ns;
    tx->last_dur = units;
    tx->started = true;
    build(p, l, &h, payload, len, NULL);
}

static void gather_end(struct jn_plane *p, struct jn_leg *l, uint64_t now_ns)
{
    if (l->packs == JN_NONE)
        return;
    struct jn_pack *k = jn_pack_of(p, l);
    if (k->len > 0)
        next(p, l, k->ts + l->tx.ts_off, k->marker, k->bytes, k->len, k->len, now_ns);
    k->len = 0;
    k->marker = false;
}

static struct jn_vad_level loudness(const struct jn_leg *l, const struct jn_out *o)
{
    int16_t pcm[JN_TICK_SAMPLES];

    if (l->codec == JN_CODEC_G722)
        return o->loud;
    jn_codec_decode((enum jn_codec_id)l->codec, pcm, o->payload, o->len);
    return jn_vad_measure(pcm, JN_TICK_SAMPLES);
}

/* Silence of a mix, for a peer that takes comfort noise (RFC 3389): its level once, then nothing until that changes or
 * speech begins, whose first packet is marked. True: nothing else is to be sent. */
static bool comfort(struct jn_plane *p, struct jn_leg *l, const struct jn_out *o, bool *marker, uint64_t now_ns)
{
    struct jn_leg_tx *tx = &l->tx;
    enum jn_vad_says says = jn_vad_take(&l->vad, loudness(l, o));

    *marker |= says == JN_VAD_BEGINS;
    if (says == JN_VAD_SPEECH || says == JN_VAD_BEGINS)
        return false;
    gather_end(p, l, now_ns); /* the last of what was said goes in a shorter packet */
    if (says == JN_VAD_NOTHING)
        return true;
    struct jn_rtp h = {.ts = o->ts + tx->ts_off, .ssrc = tx->ssrc, .seq = (uint16_t)++tx->seq, .pt = l->cn_pt};
    tx->last_ts = h.ts;
    tx->last_ns = now_ns;
    tx->last_dur = o->units;
    tx->started = true;
    build(p, l, &h, &l->vad.told, 1, NULL);
    return true;
}

/* Packets of the peer's length out of periods of 20 ms. */
static void gather(struct jn_plane *p, struct jn_leg *l, const struct jn_out *o, bool marker, uint64_t now_ns)
{
    uint16_t want = (uint16_t)(l->ptime_ms * 8), at = 0;

    if (!jn_packs_take(p, l)) {
        p->counts.drops[JN_DROP_FULL]++;
        return;
    }
    struct jn_pack *k = jn_pack_of(p, l);
    if (o->len > sizeof k->bytes - k->len) { /* nothing that is said is so long */
        p->counts.drops[JN_DROP_FULL]++;
        return;
    }
    if (k->len == 0)
        k->ts = o->ts;
    memcpy(k->bytes + k->len, o->payload, o->len);
    k->len = (uint16_t)(k->len + o->len);
    k->marker |= marker;
    for (; k->len - at >= want; at = (uint16_t)(at + want), k->marker = false)
        next(p, l, k->ts + at + l->tx.ts_off, k->marker, k->bytes + at, want, want, now_ns);
    k->len = (uint16_t)(k->len - at);
    k->ts += at;
    memmove(k->bytes, k->bytes + at, k->len);
}

/* A digit between the packets of a mix: its event keeps one timestamp, that of its begin (RFC 4733 2.5.1.2). */
static void event(struct jn_plane *p, struct jn_leg *l, const struct jn_out *o, uint64_t now_ns)
{
    struct jn_leg_tx *tx = &l->tx;

    if (l->dtmf_pt > 127) {
        p->counts.drops[JN_DROP_PAYLOAD]++;
        return;
    }
    bool first = !tx->in_event || l->event_in != o->ts;
    if (first) {
        tx->in_event = true;
        l->event_in = o->ts;
        l->event_out = tx->last_ts + (tx->started ? samples_since(tx, l->scale, now_ns) : 0);
    }
    struct jn_rtp h = {
        .ts = l->event_out, .ssrc = tx->ssrc, .seq = (uint16_t)++tx->seq, .pt = l->dtmf_pt, .marker = first};
    build(p, l, &h, o->payload, o->len, NULL);
}

static uint16_t units_of(const struct jn_leg *l, const struct jn_out *o)
{
    if (jn_codec_cuts(l->codec))
        return o->len;
    int units = jn_codec(l->codec)->duration(o->payload, o->len);
    return (uint16_t)(units > 0 ? units : 0);
}

/* Packet by packet, gaps and order kept; what lies before the switch to relaying would reuse a sequence number. */
static void relay(struct jn_plane *p, struct jn_leg *l, const struct jn_out *o, bool marker, uint64_t now_ns)
{
    struct jn_leg_tx *tx = &l->tx;
    uint8_t pt = payload_type(l, o->cls);

    if (o->ext_seq < tx->base_ext) {
        p->counts.drops[JN_DROP_LATE]++;
        return;
    }
    if (pt > 127) { /* not for this peer: no gap where it was */
        p->counts.drops[JN_DROP_PAYLOAD]++;
        tx->seq_off--;
        tx->base_ext = o->ext_seq + 1;
        return;
    }
    uint64_t seq = o->ext_seq + (uint64_t)tx->seq_off;
    struct jn_rtp h = {.ts = o->ts + tx->ts_off, .ssrc = tx->ssrc, .seq = (uint16_t)seq, .pt = pt, .marker = marker};
    if (o->cls == JN_CLASS_DTMF) { /* one press keeps its timestamp over a turn */
        if (!tx->in_event || l->event_in != o->ts)
            l->event_out = h.ts;
        tx->in_event = true;
        l->event_in = o->ts;
        h.ts = l->event_out;
    }
    if (seq > tx->seq) {
        tx->seq = seq;
        tx->last_ts = h.ts;
        tx->last_ns = now_ns;
        tx->last_dur = o->cls == JN_CLASS_AUDIO ? units_of(l, o) : 0;
        tx->started = true;
    }
    build(p, l, &h, o->payload, o->len, o->pk);
    p->counts.relayed++;
}

void jn_leg_out(struct jn_plane *p, struct jn_leg *l, const struct jn_out *o, uint64_t now_ns)
{
    if (!l->ready || l->src.have.family == JN_ADDR_NONE) {
        p->counts.drops[JN_DROP_NOT_READY]++;
        return;
    }
    if (!jn_leg_may_send(l->mode)) { /* on hold: nothing but RTCP; afterwards a new talk begins */
        l->tx.tag = 0;
        jn_packs_give(p, l);
        return;
    }
    if (o->cls == JN_CLASS_DTMF && !o->relayed) {
        event(p, l, o, now_ns);
        return;
    }
    bool fresh = false;
    if (o->tag != l->tx.tag) {
        if (o->relayed && o->line.known && o->ext_seq < o->line.ext_seq) {
            p->counts.drops[JN_DROP_LATE]++;
            return;
        }
        gather_end(p, l, now_ns);
        fresh = anchor(&l->tx, l->scale, o, now_ns);
    }
    bool marker = fresh || (o->marker && o->cls != JN_CLASS_CN);
    if (o->relayed)
        relay(p, l, o, marker, now_ns);
    else if (l->comfort && jn_codec_cuts(l->codec) && l->cn_pt <= 127 && o->len == JN_TICK_SAMPLES &&
             comfort(p, l, o, &marker, now_ns))
        return;
    else if (l->ptime_ms != 20 && jn_codec_cuts(l->codec))
        gather(p, l, o, marker, now_ns);
    else
        next(p, l, o->ts + l->tx.ts_off, marker, o->payload, o->len, o->units, now_ns);
}
