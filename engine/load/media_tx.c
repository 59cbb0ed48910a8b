/* Media, sending: talkers by the moment of 20 ms at which each speaks; what is due leaves in bursts. */
#include "engine/load/media_state.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BEHIND_MAX = 8000 /* a second: a generator that stood still longer does not catch up */ };

int jn_load_media_join(struct jn_load_media *m, uint32_t i)
{
    struct jn_talker *t = &m->talker[i];
    /* 61 is prime and no divisor of their number: neighbours are far apart, all moments are used. Opus: see voice.h. */
    t->moment = (uint16_t)(t->codec <= JN_CODEC_G722 ? (uint64_t)i * 61 % m->moments
                                                     : i % JN_VOICE_PHASES * (m->moments / JN_VOICE_PHASES));
    struct jn_moment *at = &m->moment[t->moment];
    if (at->n == at->cap) {
        uint32_t cap = at->cap ? 2 * at->cap : 16;
        uint32_t *who = realloc(at->who, cap * sizeof *who);
        if (!who)
            return -ENOMEM;
        at->who = who;
        at->cap = cap;
    }
    t->place = at->n;
    at->who[at->n++] = i;
    return 0;
}

void jn_load_media_leave(struct jn_load_media *m, uint32_t i)
{
    struct jn_talker *t = &m->talker[i];
    struct jn_moment *at = &m->moment[t->moment];
    uint32_t last = at->who[--at->n];
    at->who[t->place] = last;
    m->talker[last].place = t->place;
}

static void flush(struct jn_load_media *m)
{
    unsigned n = m->n;
    if (!n)
        return;
    m->n = 0;
    m->c.ops->tx(m->port, m->list, n);
    for (unsigned i = 0; i < n; i++)
        m->counts.not_sent += m->list[i]->drop != JN_DROP_NONE;
    m->counts.sent += n;
}

/* The next packet of the burst, with room for so many bytes. */
static struct jn_pkt *next(struct jn_load_media *m, const struct jn_talker *t, uint16_t len)
{
    unsigned n = m->n++;
    m->pkt[n] = (struct jn_pkt){.data = m->bytes[n],
                                .len = len,
                                .local = t->local,
                                .stream = JN_PKT_NO_STREAM,
                                .from = t->to,
                                .cap = sizeof m->bytes[n]};
    return m->list[n] = &m->pkt[n];
}

static void build(struct jn_load_media *m, struct jn_talker *t, uint64_t line_ns)
{
    uint16_t len = (uint16_t)(m->c.ptime_ms * JN_VOICE_RATE / 1000); /* of silence */
    const uint8_t *payload =
        m->c.voice ? jn_voice_payload(m->c.voice, t->codec, line_ns, m->c.ptime_ms, t->answers, &len) : NULL;
    struct jn_rtp h = {.ts = t->ts, .ssrc = t->ssrc, .seq = t->seq, .pt = t->pt, .marker = !t->sent};
    struct jn_pkt *pk = next(m, t, (uint16_t)(JN_RTP_HEADER + len));
    jn_rtp_build(pk->data, &h);
    if (payload)
        memcpy(pk->data + JN_RTP_HEADER, payload, len);
    else
        memset(pk->data + JN_RTP_HEADER, 0xff, len);
    t->seq++;
    t->sent++;
    if (t->out && !jn_srtp_seal_one(m->srtp, t->out, &pk, 1, false)) {
        m->counts.not_sent++;
        m->n--;
        return;
    }
    if (!m->hold)
        return;
    m->n--; /* it takes the long way */
    if (jn_impair_put(m->hold, &t->impair, (uint64_t)(t - m->talker), pk->data, pk->len,
                      line_ns - (uint64_t)m->c.line_ns) < 0)
        m->counts.refused++;
}

static void speak(struct jn_load_media *m, uint64_t slot, uint64_t now_ns)
{
    struct jn_moment *at = &m->moment[slot % m->moments];
    uint64_t line_ns = slot * JN_LOAD_MOMENT_NS, now = jn_load_line(m, now_ns);
    for (uint32_t k = 0; k < at->n; k++) {
        struct jn_talker *t = &m->talker[at->who[k]];
        if (k + 4 < at->n)
            __builtin_prefetch(&m->talker[at->who[k + 4]]);
        t->ts += t->ticks;
        bool due = !m->c.sparse || t->sent < m->c.dense || slot / m->moments % m->c.sparse == 0;
        if (!t->sends || !due || t->sent >= t->limit)
            continue;
        build(m, t, line_ns);
        jn_histo_add(&m->counts.late_us, (now - line_ns) / 1000);
        if (m->n == JN_PKT_BURST)
            flush(m);
    }
}

static void send_held(struct jn_load_media *m, uint64_t now_ns)
{
    struct jn_impair_packet p;
    while (m->hold && jn_impair_take(m->hold, &p, now_ns)) {
        struct jn_talker *t = &m->talker[p.stream];
        if (!t->on)
            continue;
        struct jn_pkt *pk = next(m, t, p.len);
        memcpy(pk->data, p.data, p.len);
        if (m->n == JN_PKT_BURST)
            flush(m);
    }
}

void jn_load_media_send(struct jn_load_media *m, uint64_t now_ns)
{
    uint64_t now = jn_load_line(m, now_ns) / JN_LOAD_MOMENT_NS;
    if (!m->slot || now > m->slot + BEHIND_MAX)
        m->slot = now;
    for (; m->slot <= now; m->slot++)
        speak(m, m->slot, now_ns);
    send_held(m, now_ns);
    flush(m);
}

uint64_t jn_load_media_next_ns(const struct jn_load_media *m)
{
    uint64_t due = (uint64_t)((int64_t)(m->slot * JN_LOAD_MOMENT_NS) - m->c.line_ns);
    uint64_t held = m->hold ? jn_impair_next_ns(m->hold) : UINT64_MAX;
    return due < held ? due : held;
}
