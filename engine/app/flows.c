/* Flows: found by what RTP looks like: version 2, one SSRC, sequence numbers that follow each other. */
#include "engine/app/flows.h"
#include "media/codec/codec.h"
#include "media/rtp/rtp.h"
#include "media/stream/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE = 4 * JN_FLOWS_MAX, FOLLOWS_MIN = 3, STEP_MAX = 100, EVENT_BYTES = 4, EVENT_MAX = 16, DYNAMIC = 96 };
enum { PT_CN = 13, BYTES_PER_MS = 8 };

/* While searching: flows by hash of both addresses; index + 1. */
struct search {
    struct jn_flows *f;
    uint16_t slot[TABLE];
};

static uint32_t hash(const struct jn_pcap_udp *u)
{
    const uint8_t *at[2] = {(const uint8_t *)&u->from, (const uint8_t *)&u->to};
    uint32_t h = 2166136261u; /* FNV-1a */

    for (unsigned k = 0; k < 2; k++)
        for (size_t i = 0; i < sizeof(struct jn_addr); i++)
            h = (h ^ at[k][i]) * 16777619u;
    return h;
}

static struct jn_flow *flow_of(struct search *s, const struct jn_pcap_udp *u)
{
    uint32_t i = hash(u) % TABLE;

    for (; s->slot[i]; i = (i + 1) % TABLE) {
        struct jn_flow *f = &s->f->at[s->slot[i] - 1];
        if (jn_addr_equal(&f->from, &u->from) && jn_addr_equal(&f->to, &u->to))
            return f;
    }
    if (s->f->n == JN_FLOWS_MAX) {
        s->f->too_many++;
        return NULL;
    }
    s->slot[i] = (uint16_t)++s->f->n;
    struct jn_flow *f = &s->f->at[s->f->n - 1];
    *f = (struct jn_flow){
        .from = u->from, .to = u->to, .first_ns = u->at_ns, .last_ns = u->at_ns, .dtmf_pt = 255, .pair = JN_FLOW_NONE};
    return f;
}

/* RFC 3551 6; JN_CODEC_N: none of ours. */
static uint8_t static_codec(unsigned pt)
{
    uint8_t id = 0;

    while (id < JN_CODEC_N && jn_codec(id)->static_pt != pt)
        id++;
    return id;
}

static void payload(struct jn_flow *f, const struct jn_rtp *h, const uint8_t *data, unsigned len)
{
    f->of_pt[h->pt]++;
    f->payload_bytes += len;
    if (h->pt >= DYNAMIC && len == EVENT_BYTES && data[h->payload_off] < EVENT_MAX)
        f->events[h->pt]++;
    if (h->pt >= DYNAMIC) {
        int units = jn_codec(JN_CODEC_OPUS)->duration(data + h->payload_off, len);
        f->opus[h->pt] += f->due_pt == h->pt && f->due == h->ts && units > 0;
        f->due_pt = h->pt;
        f->due = h->ts + (uint32_t)(units > 0 ? units : 0);
    }
    if (static_codec(h->pt) == JN_CODEC_N)
        return;
    f->audio++;
    if (len % (10 * BYTES_PER_MS) == 0 && len / (10 * BYTES_PER_MS) < 8)
        f->of_ptime[len / (10 * BYTES_PER_MS)]++;
}

static void take(struct search *s, const struct jn_pcap_udp *u, unsigned tag)
{
    struct jn_rtp h;

    s->f->datagrams++;
    if (u->len > UINT16_MAX || jn_is_rtcp(u->data, u->len) || jn_rtp_parse(&h, u->data, u->len) < 0)
        return;
    struct jn_flow *f = flow_of(s, u);
    if (!f)
        return;
    uint16_t step = (uint16_t)(h.seq - f->seq);
    if (f->started && h.ssrc == f->ssrc && step > 0 && step < STEP_MAX)
        f->follows++;
    f->started = true;
    f->ssrc = h.ssrc;
    f->seq = h.seq;
    f->packets++;
    if (u->at_ns > f->last_ns)
        f->last_ns = u->at_ns;
    payload(f, &h, u->data, h.payload_len > tag ? h.payload_len - tag : 0);
}

/* The commonest of our codecs' static types; or Opus, whose type is the capture's secret: its packets say how long they
 * are, and timestamps that follow accordingly are no accident. */
static void name_codec(struct jn_flow *f, uint32_t other)
{
    uint8_t best = JN_CODEC_PCMU;

    f->known = f->audio > 0 ? f->audio >= other : other == 0;
    for (uint8_t id = 0; id < JN_CODEC_N; id++)
        if (jn_codec(id)->static_pt < DYNAMIC &&
            f->of_pt[jn_codec(id)->static_pt] > f->of_pt[jn_codec(best)->static_pt])
            best = id;
    if (f->known) {
        f->codec = best;
        f->pt = jn_codec(best)->static_pt;
    } else if (f->pt >= DYNAMIC && f->opus[f->pt] * 10 >= f->of_pt[f->pt] * 6) {
        f->known = true;
        f->codec = JN_CODEC_OPUS;
    }
}

/* What a flow is, once everything was seen; false: no RTP. */
static bool settle(struct jn_flow *f)
{
    uint32_t other = 0, best = 0;

    if (f->follows < FOLLOWS_MIN || f->follows * 10 < f->packets * 6)
        return false;
    for (unsigned i = DYNAMIC; i < 128; i++)
        if (f->events[i] > 0 && f->events[i] * 10 >= f->of_pt[i] * 9 &&
            (f->dtmf_pt == 255 || f->events[i] > f->events[f->dtmf_pt]))
            f->dtmf_pt = (uint8_t)i;
    for (unsigned i = 0; i < 128; i++)
        if (static_codec(i) == JN_CODEC_N && i != PT_CN && i != f->dtmf_pt && f->of_pt[i] > other) {
            other = f->of_pt[i];
            f->pt = (uint8_t)i;
        }
    name_codec(f, other);
    f->ptime_ms = 20;
    for (unsigned i = 1; i <= 6; i++)
        if (f->of_ptime[i] > best) {
            best = f->of_ptime[i];
            f->ptime_ms = (uint8_t)(10 * i);
        }
    return true;
}

static void pair_all(struct jn_flows *f)
{
    for (unsigned a = 0; a < f->n; a++)
        for (unsigned b = a + 1; f->at[a].pair == JN_FLOW_NONE && b < f->n; b++)
            if (f->at[b].pair == JN_FLOW_NONE && jn_addr_equal(&f->at[a].from, &f->at[b].to) &&
                jn_addr_equal(&f->at[a].to, &f->at[b].from))
                jn_flows_pair(f, a, b);
}

int jn_flows_find(struct jn_flows *f, const void *bytes, size_t n, unsigned srtp_tag, bool *torn, struct jn_err *err)
{
    struct search *s = calloc(1, sizeof *s);
    struct jn_pcap in;
    struct jn_pcap_udp u;

    *f = (struct jn_flows){.at = calloc(JN_FLOWS_MAX, sizeof *f->at)};
    int rc = s && f->at ? jn_pcap_open(&in, bytes, n, err) : jn_fail(err, -ENOMEM, "no memory for flows");
    if (rc < 0) {
        free(s);
        jn_flows_free(f);
        return rc;
    }
    s->f = f;
    while ((rc = jn_pcap_next(&in, &u, err)) > 0)
        take(s, &u, srtp_tag);
    *torn = rc < 0;
    f->counts = in.counts;
    unsigned kept = 0;
    uint64_t of_flows = 0;
    for (unsigned i = 0; i < f->n; i++)
        if (settle(&f->at[i])) {
            of_flows += f->at[i].packets;
            f->at[kept++] = f->at[i];
        }
    f->n = kept;
    f->other = f->datagrams - of_flows;
    pair_all(f);
    free(s);
    return 0;
}

int jn_flows_pair(struct jn_flows *f, unsigned a, unsigned b)
{
    if (a >= f->n || b >= f->n || a == b)
        return -EINVAL;
    unsigned both[2] = {a, b};
    for (unsigned i = 0; i < 2; i++) {
        struct jn_flow *one = &f->at[both[i]];
        if (one->pair != JN_FLOW_NONE)
            f->at[one->pair].pair = JN_FLOW_NONE;
        one->pair = JN_FLOW_NONE;
    }
    f->at[a].pair = (int)b;
    f->at[b].pair = (int)a;
    return 0;
}

void jn_flows_free(struct jn_flows *f)
{
    free(f->at);
    f->at = NULL;
    f->n = 0;
}
