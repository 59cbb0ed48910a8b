/* Store: where sound waits. G.711 lies as it came, a byte a sample, in a ring that time indexes; what was heard lies
 * there as well until it is overwritten, so that concealment needs no history of its own. Payloads of codecs with state
 * wait whole; they are decoded in order, a little ahead of what is played, into a ring of samples of the same kind. */
#include "media/codec/g711.h"
#include "media/jbuf/state.h"
#include <errno.h>
#include <string.h>

enum {
    ARENA_OPUS = 4096,
    ARENA_BYTES = 2560, /* 240 ms of a byte for each unit of 8 kHz, and a frame more */
    GRID = 400          /* a codec's own concealment comes in parts of a second: 2.5 ms */
};

static size_t lines(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* Samples of a decoded ring: a power of two above 60 ms, a period and its search ahead, and history behind. */
static uint32_t pcm_samples(uint32_t rate)
{
    return rate == 8000 ? 2048 : rate == 16000 ? 4096 : 8192;
}

static uint16_t arena_bytes(uint8_t codec)
{
    return jn_codec_cuts(codec) ? ARENA_BYTES : ARENA_OPUS;
}

size_t jn_store_bytes(uint8_t codec, uint32_t rate)
{
    const struct jn_codec_ops *ops = jn_codec(codec);

    if (codec <= JN_CODEC_PCMA)
        return rate == 8000 ? JN_RING : 0;
    return lines(sizeof(struct jn_framed)) + lines(ops->decoder_bytes(rate)) + arena_bytes(codec) +
           lines(pcm_samples(rate) * sizeof(int16_t));
}

int jn_store_init(struct jn_jbuf *j, const struct jn_codec_ops *ops, uint32_t rate)
{
    uint8_t codec = ops == jn_codec(JN_CODEC_G722) ? JN_CODEC_G722 : JN_CODEC_OPUS, *at = j->ring;

    if (!j->framed)
        return 0;
    struct jn_framed *m = (struct jn_framed *)(void *)at;
    memset(m, 0, sizeof *m);
    m->ops = ops;
    m->arena_size = arena_bytes(codec);
    m->pcm_mask = pcm_samples(rate) - 1;
    m->decoder = at += lines(sizeof *m);
    at += lines(ops->decoder_bytes(rate));
    m->arena = at;
    at += m->arena_size;
    m->pcm = (int16_t *)(void *)at;
    return ops->decoder_init(m->decoder, rate);
}

int jn_store_duration(const struct jn_jbuf *j, const struct jn_frame *f)
{
    if (!j->framed)
        return f->codec <= JN_CODEC_PCMA ? f->len : -EINVAL;
    if (jn_codec(f->codec) != jn_more(j)->ops)
        return -EINVAL;
    int units = jn_more(j)->ops->duration(f->payload, f->len);
    int n = units < 0 ? units : units * j->up / j->down;
    return n > 0 && n <= LONGEST ? n : -EINVAL;
}

static void decode(const struct jn_jbuf *j, int16_t *out, const uint8_t *in, unsigned n)
{
    if (j->alaw)
        jn_g711()->decode_alaw(out, in, n);
    else
        jn_g711()->decode_ulaw(out, in, n);
}

static void encode(bool alaw, uint8_t *out, const int16_t *pcm, unsigned n)
{
    if (alaw)
        jn_g711()->encode_alaw(out, pcm, n);
    else
        jn_g711()->encode_ulaw(out, pcm, n);
}

/* The sender changes the law: everything that is kept does too. */
static void change_law(struct jn_jbuf *j, bool alaw)
{
    int16_t pcm[256];

    for (unsigned i = 0; i < JN_RING; i += 256) {
        decode(j, pcm, j->ring + i, 256);
        encode(alaw, j->ring + i, pcm, 256);
    }
    j->alaw = alaw;
}

static bool overlaps(const struct jn_jbuf *j, unsigned off, unsigned len)
{
    const struct jn_framed *m = jn_more(j);

    for (unsigned i = 0; i < j->waiting; i++) {
        unsigned k = (j->head + i) % JN_SLOTS;
        if (off < m->kept[k].off + m->kept[k].bytes && m->kept[k].off < off + len)
            return true;
    }
    return false;
}

static int keep(struct jn_jbuf *j, unsigned index, const struct jn_frame *f)
{
    struct jn_framed *m = jn_more(j);
    unsigned at = m->arena_at;

    m->kept[index].bytes = 0;
    if (f->cn)
        return 0;
    if (at + f->len > m->arena_size)
        at = 0;
    if (overlaps(j, at, f->len))
        return -ENOSPC;
    memcpy(m->arena + at, f->payload, f->len);
    m->kept[index].off = (uint16_t)at;
    m->kept[index].bytes = f->len;
    m->arena_at = (uint16_t)(at + f->len);
    return 0;
}

int jn_store_frame(struct jn_jbuf *j, unsigned index, const struct jn_frame *f, int64_t t)
{
    if (j->framed)
        return keep(j, index, f);
    if (f->cn)
        return 0;
    bool alaw = f->codec == JN_CODEC_PCMA;
    if (alaw != j->alaw)
        change_law(j, alaw);
    unsigned at = (unsigned)t % JN_RING, first = JN_RING - at < f->len ? JN_RING - at : f->len;
    memcpy(j->ring + at, f->payload, first);
    if (first < f->len)
        memcpy(j->ring, f->payload + first, f->len - first);
    return 0;
}

void jn_store_move(struct jn_jbuf *j, unsigned to, unsigned from)
{
    j->slot[to] = j->slot[from];
    if (j->framed)
        jn_more(j)->kept[to] = jn_more(j)->kept[from];
}

static void ring_load(const struct jn_jbuf *j, int16_t *out, int64_t t, unsigned n)
{
    unsigned at = (unsigned)t % JN_RING, first = JN_RING - at < n ? JN_RING - at : n;

    decode(j, out, j->ring + at, first);
    if (first < n)
        decode(j, out + first, j->ring, n - first);
}

void jn_store_ring(const struct jn_jbuf *j, int16_t *out, unsigned n)
{
    ring_load(j, out, j->play, n);
}

static void pcm_load(const struct jn_framed *m, int16_t *out, int64_t t, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        out[i] = m->pcm[(uint32_t)(t + i) & m->pcm_mask];
}

static void pcm_save(struct jn_framed *m, int64_t t, const int16_t *pcm, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        m->pcm[(uint32_t)(t + i) & m->pcm_mask] = pcm[i];
}

void jn_store_load(const struct jn_jbuf *j, int16_t *out, int64_t t, unsigned n)
{
    int64_t newest = j->play + j->held, low = j->from;
    unsigned size = JN_RING, none = 0;

    if (j->framed) {
        newest = jn_more(j)->made > newest ? jn_more(j)->made : newest;
        size = jn_more(j)->pcm_mask + 1;
    } else if (j->end > newest) {
        newest = j->end;
    }
    low = newest - size > low ? newest - size : low;
    if (t < low)
        none = low - t < n ? (unsigned)(low - t) : n;
    memset(out, 0, none * sizeof out[0]);
    if (j->framed)
        pcm_load(jn_more(j), out + none, t + none, n - none);
    else
        ring_load(j, out + none, t + none, n - none);
}

void jn_store_save(struct jn_jbuf *j, int64_t t, const int16_t *pcm, unsigned n)
{
    if (j->framed) {
        pcm_save(jn_more(j), t, pcm, n);
        return;
    }
    unsigned at = (unsigned)t % JN_RING, first = JN_RING - at < n ? JN_RING - at : n;
    encode(j->alaw, j->ring + at, pcm, first);
    encode(j->alaw, j->ring, pcm + first, n - first);
}

/* One waiting payload becomes sound; what is already there of its time stays. */
static void make(struct jn_jbuf *j, struct jn_slot *s, unsigned index)
{
    struct jn_framed *m = jn_more(j);
    int16_t pcm[LONGEST];
    int64_t t = jn_slot_t(j, s);
    unsigned len = s->len & SLOT_LEN;

    int n = m->ops->decode(m->decoder, pcm, LONGEST, m->arena + m->kept[index].off, m->kept[index].bytes);
    if (n < 0) {
        j->counts.broken++;
        memset(pcm, 0, len * sizeof pcm[0]);
        if (m->ops->conceal)
            m->ops->conceal(m->decoder, pcm, len, NULL, 0);
        n = (int)len;
    }
    int64_t skip = m->made > t ? m->made - t : 0;
    if (skip < n) {
        pcm_save(m, t + skip, pcm + skip, (unsigned)(n - skip));
        m->made = t + n;
    }
    s->len |= SLOT_DECODED;
    m->kept[index].bytes = 0;
}

/* Decodes what follows without a gap up to that time. */
static void make_until(struct jn_jbuf *j, int64_t until)
{
    struct jn_framed *m = jn_more(j);

    if (m->made < j->play)
        m->made = j->play;
    for (unsigned i = 0; i < j->waiting && m->made < until; i++) {
        struct jn_slot *s = jn_slot_at(j, i);
        if ((s->len & SLOT_DECODED) != 0)
            continue;
        if ((s->len & SLOT_CN) != 0 || jn_slot_t(j, s) > m->made)
            return;
        make(j, s, (j->head + i) % JN_SLOTS);
    }
}

/* Samples that go on from `play`, up to max. */
static unsigned contiguous(struct jn_jbuf *j, unsigned max)
{
    unsigned n = 0;

    if (j->framed) {
        make_until(j, j->play + max);
        int64_t made = jn_more(j)->made - j->play;
        if (j->waiting == 0 || jn_slot_t(j, jn_slot_at(j, 0)) > j->play)
            return 0;
        return made < max ? (unsigned)made : max;
    }
    for (unsigned i = 0; i < j->waiting && n < max; i++) {
        const struct jn_slot *s = jn_slot_at(j, i);
        int32_t off = (int32_t)((uint32_t)j->play + n - s->t);
        unsigned len = s->len & SLOT_LEN;
        if (off < 0 || (s->len & SLOT_CN) != 0)
            break;
        if (off < (int32_t)len)
            n += len - (unsigned)off;
    }
    return n < max ? n : max;
}

unsigned jn_store_peek(struct jn_jbuf *j, int16_t *out, unsigned max)
{
    unsigned n = contiguous(j, max);

    if (j->framed)
        pcm_load(jn_more(j), out, j->play, n);
    else
        ring_load(j, out, j->play, n);
    return n;
}

unsigned jn_store_pass(struct jn_jbuf *j)
{
    return contiguous(j, JN_JBUF_END_MAX * j->scale);
}

static unsigned own(struct jn_framed *m, int16_t *out, unsigned n, const struct jn_jbuf *j, unsigned next)
{
    unsigned bytes = next < JN_SLOTS && (j->slot[next].len & (SLOT_CN | SLOT_DECODED)) == 0 ? m->kept[next].bytes : 0;
    int got = m->ops->conceal(m->decoder, out, n, bytes ? m->arena + m->kept[next].off : NULL, bytes);

    if (got < (int)n)
        memset(out + (got > 0 ? got : 0), 0, (n - (unsigned)(got > 0 ? got : 0)) * sizeof out[0]);
    return n;
}

unsigned jn_store_rest(struct jn_jbuf *j, int16_t *out, unsigned n)
{
    struct jn_framed *m = jn_more(j);

    if (!j->framed || m->rest_n == 0)
        return 0;
    n = n < m->rest_n ? n : m->rest_n;
    memcpy(out, m->rest + m->rest_at, n * sizeof out[0]);
    m->rest_at = (uint16_t)(m->rest_at + n);
    m->rest_n = (uint16_t)(m->rest_n - n);
    return n;
}

/* A gap of known length is filled at once, so that redundancy in the next payload (which holds the end of the gap)
 * comes to its place; of an unknown one as much as is asked for. */
unsigned jn_store_conceal(struct jn_jbuf *j, int16_t *out, unsigned n, unsigned gap)
{
    struct jn_framed *m = jn_more(j);
    unsigned grid = JN_SAMPLES_20MS * 50u * j->scale / GRID;
    int16_t pcm[LONGEST];

    if (!j->framed || !m->ops->conceal)
        return 0;
    if (gap != 0 && (m->rest_n != 0 || m->made > j->play)) { /* already invented, for this gap or before it was known */
        unsigned got = jn_store_rest(j, out, n < gap ? n : gap);
        if (got > 0) {
            pcm_save(m, j->play, out, got);
            return got;
        }
        n = n < m->made - j->play ? n : (unsigned)(m->made - j->play);
        pcm_load(m, out, j->play, n);
        return n;
    }
    if (gap != 0) {
        unsigned part = gap < LONGEST / JN_SCALE_MAX * j->scale ? gap : LONGEST / JN_SCALE_MAX * j->scale;
        unsigned whole = (part + grid - 1) / grid * grid;
        own(m, pcm, whole, j, part == gap ? j->head : JN_SLOTS);
        pcm_save(m, j->play, pcm + whole - part, part);
        m->made = j->play + part;
        n = n < part ? n : part;
        memcpy(out, pcm + whole - part, n * sizeof out[0]);
        return n;
    }
    unsigned got = jn_store_rest(j, out, n);
    if (got < n) {
        unsigned whole = (n - got + grid - 1) / grid * grid;
        own(m, pcm, whole, j, JN_SLOTS);
        memcpy(out + got, pcm, (n - got) * sizeof out[0]);
        m->rest_at = 0;
        m->rest_n = (uint16_t)(whole - (n - got));
        memcpy(m->rest, pcm + (n - got), m->rest_n * sizeof out[0]);
    }
    return n;
}

void jn_store_reset(struct jn_jbuf *j, bool decoder)
{
    struct jn_framed *m = jn_more(j);

    if (!j->framed)
        return;
    m->rest_n = m->arena_at = 0;
    m->made = j->play;
    if (decoder)
        m->ops->decoder_init(m->decoder, 8000u * j->scale);
}
