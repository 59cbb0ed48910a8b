/* Seq: one source's extended sequence number, what is missing of it, and its interarrival jitter (RFC 3550 A.1, A.3,
 * A.8). */
#include "media/rtp/rtp.h"

enum {
    MAX_DROPOUT = 3000,   /* ahead by less: a gap */
    MAX_MISORDER = 100,   /* behind by less: reordered */
    WINDOW = 64,          /* how far back duplicates are told from late ones */
    NO_BAD_SEQ = 1u << 17 /* no 16-bit sequence number equals it */
};

static void start(struct jn_rtp_source *s, const struct jn_rtp *h, uint32_t now_ts)
{
    *s = (struct jn_rtp_source){.ext_seq = h->seq,
                                .base_ext = h->seq,
                                .seen = 1,
                                .received = 1,
                                .ssrc = h->ssrc,
                                .last_transit = now_ts - h->ts,
                                .bad_seq = NO_BAD_SEQ,
                                .started = true};
}

static void jitter(struct jn_rtp_source *s, uint32_t ts, uint32_t now_ts)
{
    uint32_t transit = now_ts - ts;
    int32_t d = (int32_t)(transit - s->last_transit);
    s->last_transit = transit;
    uint32_t dist = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;
    s->jitter_q4 += dist - ((s->jitter_q4 + 8) >> 4);
}

static enum jn_seq_verdict behind(struct jn_rtp_source *s, unsigned back)
{
    if (back < WINDOW) {
        uint64_t bit = UINT64_C(1) << back;
        if (s->seen & bit) {
            s->duplicate++;
            return JN_SEQ_DUPLICATE;
        }
        s->seen |= bit;
    }
    if (s->ext_seq - back < s->base_ext)
        s->base_ext = s->ext_seq - back;
    s->received++;
    return JN_SEQ_OLD;
}

enum jn_seq_verdict jn_rtp_source_take(struct jn_rtp_source *s, const struct jn_rtp *h, uint32_t now_ts, uint64_t *ext)
{
    if (!s->started || s->ssrc != h->ssrc) {
        bool fresh = !s->started;
        start(s, h, now_ts);
        *ext = s->ext_seq;
        return fresh ? JN_SEQ_OK : JN_SEQ_RESTART;
    }
    uint16_t ahead = (uint16_t)(h->seq - (uint16_t)s->ext_seq);
    uint16_t back = (uint16_t)(0u - ahead);
    enum jn_seq_verdict v = JN_SEQ_OK;
    if (ahead != 0 && ahead < MAX_DROPOUT) {
        s->ext_seq += ahead;
        s->seen = ahead < WINDOW ? s->seen << ahead | 1 : 1;
        s->received++;
        *ext = s->ext_seq;
    } else if (back < MAX_MISORDER && back <= s->ext_seq) {
        *ext = s->ext_seq - back;
        v = behind(s, back);
        if (v == JN_SEQ_DUPLICATE)
            return v;
    } else if (h->seq == s->bad_seq) { /* two in a row: the source started over */
        start(s, h, now_ts);
        *ext = s->ext_seq;
        return JN_SEQ_RESTART;
    } else {
        s->bad_seq = (uint16_t)(h->seq + 1);
        *ext = s->ext_seq;
        return JN_SEQ_STRAY;
    }
    s->bad_seq = NO_BAD_SEQ;
    jitter(s, h->ts, now_ts);
    return v;
}

uint64_t jn_rtp_source_lost(const struct jn_rtp_source *s)
{
    if (!s->started)
        return 0;
    uint64_t expected = s->ext_seq - s->base_ext + 1;
    return expected > s->received ? expected - s->received : 0;
}
