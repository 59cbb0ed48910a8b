/* Ear: see ear.h. Packets in order, the sound's place in them, and what is missing. */
#include "engine/load/ear.h"
#include "engine/load/correlate.h"
#include "media/codec/codec.h"
#include "media/codec/resample.h"
#include "media/rtcp/rtcp.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    FRAME_MAX = 480, /* 60 ms */
    PIECE = 160,     /* what is looked for */
    BLOCK = 40,      /* 5 ms: what is judged at once; twice that where a codec leaves less to judge by */
    BLOCK_LOSSY = 80,
    NEAR = 200,   /* a jitter buffer stretches and shrinks by less */
    BESIDE = 10,  /* so close to the best it is the same */
    FAR = 1600,   /* it was rebuilt, or words were left out */
    LEAP = 120,   /* 15 ms: more than a pitch period */
    SEAM = 120,   /* 15 ms: less than a frame */
    GONE = 1600,  /* 200 ms without it: look everywhere */
    REACH = 8000, /* a delay of up to a second is looked for by correlation; by bytes, any */
    TRAIL = 800,  /* at the end, so much may be missing because the other side ended first */
    START = 10 * JN_VOICE_RATE,
    QUIET = 40,       /* rms below which a block says nothing, in G.711 ... */
    QUIET_LOSSY = 200 /* ... and in codecs that leave out what nobody hears */
};

/* A decoder's state, and the change of rate behind it. */
struct jn_ear_listener {
    struct jn_resample down;
    _Alignas(64) uint8_t decoder[];
};

int jn_ear_open(struct jn_ear *e, uint8_t codec, bool answers)
{
    const struct jn_codec_ops *ops = jn_codec(codec);
    uint32_t rate = jn_voice_linear_rate(codec);
    memset(e, 0, sizeof *e);
    if (!ops)
        return -ENOTSUP;
    e->codec = codec;
    e->answers = answers;
    size_t bytes = ops->decoder_bytes ? ops->decoder_bytes(rate) : 0;
    if (!bytes)
        return 0;
    e->listener = aligned_alloc(64, (sizeof *e->listener + bytes + 63) / 64 * 64);
    if (!e->listener)
        return -ENOMEM;
    jn_resample_init(&e->listener->down, rate, JN_VOICE_RATE);
    int rc = ops->decoder_init(e->listener->decoder, rate);
    if (rc < 0) {
        free(e->listener);
        e->listener = NULL;
    }
    return rc;
}

/* The sound at `sample` was said by a party, how long ago; sets echo. UINT64_MAX: neither could have said it. */
static uint64_t ago(const struct jn_ear *e, const struct jn_voice *v, uint32_t sample, uint64_t at_ns, bool *echo)
{
    uint64_t half = (uint64_t)v->n / 2 * JN_VOICE_SAMPLE_NS, ns = jn_voice_ago(v, sample, at_ns);
    bool answerer = ns >= half;
    *echo = answerer == e->answers;
    ns -= answerer ? half : 0;
    return ns <= JN_EAR_NS_MAX ? ns : UINT64_MAX;
}

/* By eight bytes that stand nowhere else: G.711 that nobody changed. */
static int64_t by_bytes(const struct jn_ear *e, const struct jn_voice *v, const uint8_t *payload, unsigned len)
{
    static const unsigned probe[] = {8, 72, 136};
    uint64_t key;
    for (unsigned i = 0; e->codec <= JN_CODEC_PCMA && i < sizeof probe / sizeof *probe && probe[i] + 8 <= len; i++) {
        memcpy(&key, payload + probe[i], 8);
        uint32_t found = key ? jn_map_get(&v->find[e->codec], key) : JN_MAP_NONE;
        if (found != JN_MAP_NONE && found != JN_VOICE_TWICE)
            return (found + v->n - probe[i]) % v->n;
    }
    return -1;
}

/* By correlation over the delays that are likely: of the other's voice, then of one's own. A sound that is as good
 * elsewhere (a tone, a vowel held) tells no time. */
static int64_t by_sound(struct jn_ear *e, struct jn_ear_room *room, const int16_t *pcm, unsigned n, uint64_t at_ns)
{
    const struct jn_voice *v = room->voice;
    bool who = (e->tries++ & 1) ? e->answers : !e->answers;
    uint32_t from = (jn_voice_at(v, at_ns, who) + v->n - REACH) % v->n, best = 0, other;
    unsigned size = n < PIECE ? n : PIECE;
    if (room->searches <= 0 || n < PIECE / 2)
        return -1;
    room->searches--;
    double r = jn_correlate_best(v, from, REACH, pcm, size, &best), second = -1;
    uint32_t before = (best + v->n - from) % v->n, after = before + BESIDE;
    if (r <= 0.7)
        return -1;
    if (before > BESIDE)
        second = jn_correlate_best(v, from, before - BESIDE, pcm, size, &other);
    if (after < REACH) {
        double later = jn_correlate_best(v, (from + after) % v->n, REACH - after, pcm, size, &other);
        second = later > second ? later : second;
    }
    return second < r - 0.05 ? (int64_t)best : -1;
}

static bool look(struct jn_ear *e, struct jn_ear_room *room, const uint8_t *payload, unsigned len, const int16_t *pcm,
                 unsigned n, uint32_t ts, uint64_t at_ns)
{
    const struct jn_voice *v = room->voice;
    int64_t found = by_bytes(e, v, payload, len);
    bool echo;
    if (found < 0 || jn_correlate(v, (uint32_t)found, pcm, n < PIECE ? n : PIECE) < 0.7)
        found = by_sound(e, room, pcm, n, at_ns);
    if (found < 0 || ago(e, v, (uint32_t)found, at_ns, &echo) == UINT64_MAX)
        return false;
    e->anchor = ((uint32_t)found + v->n - ts % v->n) % v->n;
    e->echo = echo;
    e->locked = true;
    return true;
}

/* Blocks of one frame, a bit each: bad ones hold something else than they should, quiet ones cannot be told. */
struct verdict {
    uint32_t at, bad, quiet;
    unsigned blocks, block;
};

static unsigned bits(uint32_t mask)
{
    return (unsigned)__builtin_popcount(mask);
}

static bool mostly_bad(const struct verdict *j)
{
    return bits(j->bad) * 2 > j->blocks - bits(j->quiet);
}

/* A codec that keeps the ear's impression and not the wave form is judged more kindly. */
static struct verdict judge(const struct jn_ear *e, const struct jn_voice *v, uint32_t at, const int16_t *pcm,
                            unsigned n)
{
    bool wave = e->codec <= JN_CODEC_PCMA;
    unsigned block = wave ? BLOCK : BLOCK_LOSSY;
    struct verdict j = {.at = at, .blocks = (n + block - 1) / block, .block = block};
    double alike = wave ? 0.6 : 0.35;
    unsigned quiet = wave ? QUIET : QUIET_LOSSY;
    for (unsigned i = 0; i < j.blocks; i++) {
        uint32_t place = (at + i * block) % v->n;
        unsigned size = n - i * block < block ? n - i * block : block;
        if (jn_correlate_rms(v, place, size) < quiet)
            j.quiet |= 1u << i;
        else if (jn_correlate(v, place, pcm + (size_t)i * block, size) < alike)
            j.bad |= 1u << i;
    }
    return j;
}

static void missed(struct jn_ear *e, uint32_t samples)
{
    e->run += samples;
}

/* The run of what was not heard ends. A short one in which the sound was only moved a little is the seam where a jitter
 * buffer stretched or shrank it: no word is missing there. */
static void heard(struct jn_ear *e, uint32_t samples)
{
    if (e->run && e->run <= SEAM && e->moved) {
        e->bent += e->run;
    } else if (e->run) {
        e->missing += e->run;
        e->longest_gap = e->run > e->longest_gap ? e->run : e->longest_gap;
    }
    e->run = 0;
    e->moved = false;
    e->heard += samples;
}

static void count(struct jn_ear *e, struct jn_ear_room *room, const struct verdict *j, unsigned n, uint64_t at_ns)
{
    bool echo;
    for (unsigned i = 0; i < j->blocks; i++) {
        unsigned size = n - i * j->block < j->block ? n - i * j->block : j->block;
        bool quiet = j->quiet >> i & 1; /* like what was before it */
        if (quiet ? e->run != 0 : j->bad >> i & 1)
            missed(e, size);
        else
            heard(e, size);
    }
    if (mostly_bad(j))
        return;
    uint64_t ns = ago(e, room->voice, j->at, at_ns, &echo);
    e->sound_ns = at_ns;
    if (!e->joined_ns)
        e->joined_ns = at_ns;
    if (ns == UINT64_MAX)
        return;
    if (jn_voice_linear_rate(e->codec) != JN_VOICE_RATE) { /* our own part of it */
        uint64_t own = JN_VOICE_RESAMPLED * UINT64_C(125000);
        ns -= ns < own ? ns : own;
    }
    e->latency_ns += ns;
    e->latency_n++;
    e->latency_max_ns = ns > e->latency_max_ns ? ns : e->latency_max_ns;
    jn_histo_add(&room->latency_us, ns / 1000);
}

/* Takes a place over where more of the frame is as it should be. What was leapt over is missing; a jitter buffer that
 * shrinks leaves out less at once (a pitch period), and says it all. */
static bool move_to(struct jn_ear *e, const struct jn_voice *v, uint32_t place, const int16_t *pcm, unsigned n,
                    uint32_t ts, struct verdict *j)
{
    struct verdict other = judge(e, v, place % v->n, pcm, n);
    uint32_t leap = (other.at + v->n - j->at) % v->n;
    if (bits(other.bad) >= bits(j->bad))
        return false;
    if (leap > LEAP && leap < v->n / 2)
        missed(e, leap);
    e->moved = true;
    e->anchor = (other.at + v->n - ts % v->n) % v->n;
    e->shifts++;
    *j = other;
    return true;
}

/* The sound is not where it was: elsewhere (bytes tell), close by (a jitter buffer moved it), further off, or gone. */
static void find_again(struct jn_ear *e, struct jn_ear_room *room, const uint8_t *payload, unsigned len,
                       const int16_t *pcm, unsigned n, uint32_t ts, struct verdict *j)
{
    const struct jn_voice *v = room->voice;
    int64_t found = by_bytes(e, v, payload, len);
    uint32_t best = 0, reach = NEAR;
    if (e->failed < UINT8_MAX)
        e->failed++;
    if (found >= 0 && move_to(e, v, (uint32_t)found, pcm, n, ts, j))
        return;
    if (n < PIECE || (e->failed > 8 && e->failed % 8))
        return;
    if (e->failed > 2 && room->searches > 0) {
        room->searches--;
        reach = FAR;
    }
    uint32_t from = (j->at + n - PIECE + v->n - reach) % v->n;
    if (jn_correlate_best(v, from, 2 * reach, pcm + n - PIECE, PIECE, &best) >= 0.75)
        move_to(e, v, best + PIECE + v->n - n, pcm, n, ts, j);
}

/* Linear sound at 8 kHz; 0: no frame of this codec. */
static unsigned decode(struct jn_ear *e, int16_t pcm[static FRAME_MAX], const uint8_t *payload, unsigned len)
{
    const struct jn_codec_ops *ops = jn_codec(e->codec);
    int16_t own[2 * FRAME_MAX];
    if (jn_voice_linear_rate(e->codec) == JN_VOICE_RATE) {
        int n = ops->decode(e->listener ? e->listener->decoder : NULL, pcm, FRAME_MAX, payload, len);
        return n > 0 ? (unsigned)n : 0;
    }
    int n = ops->decode(e->listener->decoder, own, 2 * FRAME_MAX, payload, len);
    return n > 1 ? jn_resample(&e->listener->down, pcm, own, (unsigned)n & ~1u) : 0;
}

/* One packet, in order. ts: in samples of 8 kHz. */
static void hear(struct jn_ear *e, struct jn_ear_room *room, const uint8_t *payload, unsigned len, uint32_t ts,
                 uint64_t at_ns)
{
    int16_t pcm[FRAME_MAX];
    uint32_t lost = e->joined_ns ? ts - e->next_ts : 0;
    unsigned n = decode(e, pcm, payload, len);
    if (!n)
        return;
    if (lost >= UINT32_MAX / 2)
        lost = 0; /* time stood still or went back: the packets say what was lost */
    if (e->joined_ns && lost)
        missed(e, lost);
    e->next_ts = ts + n;
    if (!e->locked && !look(e, room, payload, len, pcm, n, ts, at_ns)) {
        if (e->joined_ns)
            missed(e, n);
        return;
    }
    struct verdict j = judge(e, room->voice, (ts % room->voice->n + e->anchor) % room->voice->n, pcm, n);
    if (mostly_bad(&j))
        find_again(e, room, payload, len, pcm, n, ts, &j);
    if (!mostly_bad(&j))
        e->failed = 0;
    count(e, room, &j, n, at_ns);
    if (e->run > GONE)
        e->locked = false;
}

/* RTP's time in samples of 8 kHz since some time before the first packet, so that it neither wraps nor goes below 0. */
static uint32_t samples_of(const struct jn_ear *e, uint32_t ts)
{
    return (ts - e->base_ts) / (jn_codec(e->codec)->clock / JN_VOICE_RATE);
}

static void set_base(struct jn_ear *e, uint32_t ts, uint32_t samples)
{
    e->base_ts = ts - samples * (jn_codec(e->codec)->clock / JN_VOICE_RATE);
}

static void drain(struct jn_ear *e, struct jn_ear_room *room)
{
    struct jn_ear_packet *p;
    while ((p = &e->wait[e->next_ext % JN_EAR_WAIT])->used && p->ext == e->next_ext) {
        hear(e, room, p->payload, p->len, p->ts, p->at_ns);
        p->used = false;
        e->next_ext++;
    }
}

/* Gives up on what is missing before the first that waits. */
static bool skip(struct jn_ear *e)
{
    uint64_t first = UINT64_MAX;
    for (unsigned i = 0; i < JN_EAR_WAIT; i++)
        if (e->wait[i].used && e->wait[i].ext < first)
            first = e->wait[i].ext;
    if (first == UINT64_MAX)
        return false;
    e->next_ext = first;
    return true;
}

/* Another source: its time means nothing to the one before, the clock says how much passed. */
static void restart(struct jn_ear *e, struct jn_ear_room *room, uint64_t ext, uint32_t ts, uint64_t at_ns)
{
    while (skip(e))
        drain(e, room);
    uint64_t passed = at_ns > e->last_ns ? (at_ns - e->last_ns) / JN_VOICE_SAMPLE_NS : 0;
    set_base(e, ts, e->next_ts + (passed > PIECE ? (uint32_t)passed - PIECE : 0));
    e->next_ext = ext;
    e->locked = false;
}

void jn_ear_take(struct jn_ear *e, struct jn_ear_room *room, const struct jn_rtp *h, const uint8_t *payload,
                 uint64_t at_ns)
{
    const struct jn_codec_ops *ops = jn_codec(e->codec);
    uint64_t ext;
    bool first = !e->source.started;
    uint32_t now_ts = (uint32_t)(at_ns / 1000 * ops->clock / 1000000);
    enum jn_seq_verdict verdict = jn_rtp_source_take(&e->source, h, now_ts, &ext);
    if (verdict == JN_SEQ_DUPLICATE || verdict == JN_SEQ_STRAY)
        return;
    if (first)
        e->first_ns = at_ns;
    else if (at_ns > e->last_ns && at_ns - e->last_ns > e->pause_ns)
        e->pause_ns = at_ns - e->last_ns;
    if (first) {
        e->next_ext = ext;
        set_base(e, h->ts, START);
    } else if (verdict == JN_SEQ_RESTART) {
        restart(e, room, ext, h->ts, at_ns);
    }
    uint32_t ts = samples_of(e, h->ts);
    e->last_ns = at_ns;
    if (!room->voice || h->payload_len > JN_EAR_PAYLOAD_MAX)
        return;
    if (ext < e->next_ext) {
        e->late++;
        return;
    }
    while (ext >= e->next_ext + JN_EAR_WAIT) {
        if (!skip(e))
            e->next_ext = ext;
        drain(e, room);
    }
    if (ext == e->next_ext) {
        hear(e, room, payload, h->payload_len, ts, at_ns);
        e->next_ext++;
    } else {
        struct jn_ear_packet *p = &e->wait[ext % JN_EAR_WAIT];
        *p = (struct jn_ear_packet){.ext = ext, .at_ns = at_ns, .ts = ts, .len = h->payload_len, .used = true};
        memcpy(p->payload, payload, h->payload_len);
    }
    drain(e, room);
}

void jn_ear_end(struct jn_ear *e, struct jn_ear_room *room, uint64_t now_ns)
{
    while (room->voice && skip(e))
        drain(e, room);
    if (e->joined_ns && now_ns > e->sound_ns) {
        uint64_t quiet = (now_ns - e->sound_ns) / JN_VOICE_SAMPLE_NS;
        if (quiet > TRAIL) {
            e->missing += quiet;
            e->longest_gap = quiet > e->longest_gap ? quiet : e->longest_gap;
        }
    }
    e->run = 0;
    free(e->listener);
    e->listener = NULL;
}

uint32_t jn_ear_lost_ppm(const struct jn_ear *e)
{
    uint64_t lost = e->missing, all = e->heard + e->missing;
    if (!all) {
        lost = jn_rtp_source_lost(&e->source);
        all = lost + e->source.received;
    }
    return all ? (uint32_t)(lost * 1000000 / all) : 0;
}

unsigned jn_ear_mos_x100(const struct jn_ear *e)
{
    uint64_t mean_ms = e->latency_n ? e->latency_ns / e->latency_n / 1000000 : 0;
    uint64_t clock = jn_codec(e->codec) ? jn_codec(e->codec)->clock : JN_VOICE_RATE;
    uint64_t jitter_ms = (uint64_t)(e->source.jitter_q4 >> 4) * 1000 / clock;
    return jn_mos_x100((jn_ear_lost_ppm(e) + 500) / 1000, (unsigned)(mean_ms + 2 * jitter_ms));
}
