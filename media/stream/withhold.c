/* Withhold: which samples of a recorded frame must not reach the disk, while a recording is paused or masked (card
 * data). The beginning goes by arrival: a sample that came after the order is withheld. The end goes by the track's own
 * clock, fitted to its earliest arrivals: what was spoken before the end and comes late is withheld too. A track whose
 * clock is not known stays withheld a little longer. */
#include "media/codec/codec.h"
#include "media/stream/state.h"
#include <string.h>

static const uint64_t unknown_ns = 200 * NS_PER_MS, watch_ns = 2000 * NS_PER_MS;

static uint64_t to_ns(uint64_t units, uint32_t clock)
{
    return units * UINT64_C(1000000000) / clock;
}

/* Sound that ends at end_ts came at at_ns. */
static void learn(struct jn_tape_line *l, uint32_t ssrc, uint32_t end_ts, uint64_t at_ns, uint32_t clock)
{
    if (l->known && l->ssrc == ssrc) {
        int32_t ahead = (int32_t)(end_ts - l->ref_ts);
        uint64_t due = ahead < 0 ? l->ref_ns - to_ns((uint64_t) - (int64_t)ahead, clock)
                                 : l->ref_ns + to_ns((uint64_t)ahead, clock);
        if ((int64_t)(at_ns - due) >= 0)
            return;
    }
    *l = (struct jn_tape_line){.known = true, .ssrc = ssrc, .ref_ts = end_ts, .ref_ns = at_ns};
}

void jn_tape_withhold(struct jn_tape *t, uint8_t why, uint64_t now_ns)
{
    static const struct jn_rec_chunk head = {.begin_us = 0}; /* times are counted from its beginning */
    struct jn_rec_item it;
    uint32_t at = 0;

    t->why = why;
    t->from_ns = now_ns;
    t->ending = false;
    memset(t->line, 0, sizeof t->line);
    while (t->chunk && jn_rec_next(&it, &head, t->chunk->body, t->used, &at) == 1) {
        const struct jn_codec_ops *ops =
            it.kind == JN_REC_FRAME && it.len > 0 && !it.withheld ? jn_codec(it.codec) : NULL;
        int n = ops && it.track < JN_TRACK_N ? ops->duration(it.payload, it.len) : 0;
        if (n > 0)
            learn(&t->line[it.track], it.ssrc, it.rtp_ts + (uint32_t)n, t->begin_ns + it.at_us * 1000, ops->clock);
    }
}

void jn_tape_withhold_end(struct jn_tape *t, uint64_t now_ns)
{
    t->to_ns = now_ns;
    t->ending = true;
}

/* Units of the frame, from its beginning, that came before ns if it came as fast as it could. */
static uint32_t before(uint64_t ns, uint64_t begin_ns, uint32_t n, uint32_t clock)
{
    if (ns <= begin_ns)
        return 0;
    uint64_t units = (ns - begin_ns) * clock / UINT64_C(1000000000);
    return units < n ? (uint32_t)units : n;
}

bool jn_tape_clear(struct jn_tape *t, unsigned track, const struct jn_in *in, uint32_t n, uint32_t clock,
                   uint32_t *clear_from, uint32_t *clear_to)
{
    struct jn_tape_line *l = &t->line[track];
    uint64_t begin_ns = in->at_ns - to_ns(n, clock);

    *clear_from = *clear_to = 0;
    if (!t->ending) {
        *clear_to = before(t->from_ns, begin_ns, n, clock);
        learn(l, in->ssrc, in->ts + n, in->at_ns, clock);
        return *clear_to == n;
    }
    if (in->at_ns > t->to_ns + watch_ns) { /* nothing of before is still on its way */
        t->ending = false;
        return true;
    }
    if (!l->known || l->ssrc != in->ssrc) {
        *clear_from = in->at_ns < t->to_ns + unknown_ns ? n : 0;
    } else {
        learn(l, in->ssrc, in->ts + n, in->at_ns, clock);
        int64_t since = (int64_t)(t->to_ns - l->ref_ns);
        int64_t units = since * (int64_t)clock, second = INT64_C(1000000000);
        units = (units > 0 ? units + second - 1 : units) / second; /* a sample that was begun is hidden */
        int32_t hidden = (int32_t)(l->ref_ts + (uint32_t)units - in->ts);
        *clear_from = hidden <= 0 ? 0 : (uint32_t)hidden < n ? (uint32_t)hidden : n;
    }
    *clear_to = n;
    return *clear_from == 0;
}

/* Noise of the four lowest segments of G.711, at most -36 dB of full scale; or silence. */
void jn_tape_cover(uint8_t *g711, uint32_t n, uint8_t codec, uint8_t why, uint64_t seed)
{
    uint8_t flip = codec == JN_CODEC_PCMA ? 0x55 : 0xff;

    if (why != JN_RECF_MASKED) {
        memset(g711, codec == JN_CODEC_PCMA ? 0xd5 : 0xff, n);
        return;
    }
    uint64_t x = seed | 1;
    for (uint32_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        g711[i] = (uint8_t)((x & 0xbf) ^ flip);
    }
}
