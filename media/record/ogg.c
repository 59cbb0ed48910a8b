/* Ogg: an Ogg Opus file (RFC 3533, RFC 7845) made of linear sound. Stereo is two mono streams, each coded for itself:
 * the two sides of a call have nothing in common. */
#include "media/codec/codec.h"
#include "media/record/render.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    STREAMS = 2,
    LOOKAHEAD = 312, /* of libopus at 48 kHz, 6.5 ms */
    FRAME = 960,     /* 20 ms at 48 kHz */
    PACKET = 1500,
    LACES = 255,
    PAGE_PACKETS = 50,
    PAGE_HEAD = 27,
    FIRST = 2,
    LAST = 4
};

struct page {
    struct jn_buf *out;
    uint8_t lace[LACES], body[LACES * 255];
    size_t laces, bytes;
    unsigned packets;
    uint32_t serial, number;
    uint64_t granule;
};

static void put(uint8_t *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* RFC 3533 6, field 7: the polynomial 04c11db7, most significant bit first, nothing inverted. */
static uint32_t crc(uint32_t c, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        c ^= (uint32_t)p[i] << 24;
        for (unsigned k = 0; k < 8; k++)
            c = c & 0x80000000u ? c << 1 ^ 0x04c11db7u : c << 1;
    }
    return c;
}

static void page_out(struct page *p, uint8_t flags)
{
    uint8_t head[PAGE_HEAD] = "OggS";

    head[5] = flags;
    put(head + 6, p->granule, 8);
    put(head + 14, p->serial, 4);
    put(head + 18, p->number++, 4);
    head[26] = (uint8_t)p->laces;
    uint32_t c = crc(crc(crc(0, head, sizeof head), p->lace, p->laces), p->body, p->bytes);
    put(head + 22, c, 4);
    jn_buf_add(p->out, head, sizeof head);
    jn_buf_add(p->out, p->lace, p->laces);
    jn_buf_add(p->out, p->body, p->bytes);
    p->laces = p->bytes = 0;
    p->packets = 0;
}

/* A whole packet; the page goes out first when it does not fit. granule: where the sound ends with it. */
static void packet(struct page *p, const uint8_t *bytes, size_t n, uint64_t granule)
{
    if (p->laces + n / 255 + 1 > LACES || p->packets == PAGE_PACKETS)
        page_out(p, 0);
    memcpy(p->body + p->bytes, bytes, n);
    p->bytes += n;
    for (size_t left = n;; left -= 255) {
        p->lace[p->laces++] = (uint8_t)(left < 255 ? left : 255);
        if (left < 255)
            break;
    }
    p->packets++;
    p->granule = granule;
}

static void headers(struct page *p, uint32_t rate)
{
    /* version, channels, pre-skip, rate of the input, gain, mapping family; streams, of them coupled, whose channel */
    uint8_t head[23] = "OpusHead";
    uint8_t tags[24] = "OpusTags";

    head[8] = 1;
    head[9] = STREAMS;
    put(head + 10, LOOKAHEAD, 2);
    put(head + 12, rate, 4);
    head[18] = 1;
    head[19] = STREAMS;
    head[22] = 1;
    packet(p, head, sizeof head, 0);
    page_out(p, FIRST);
    put(tags + 8, 7, 4);
    memcpy(tags + 12, "Junctor", 7);
    packet(p, tags, 23, 0);
    page_out(p, 0);
}

/* RFC 6716 appendix B: a packet of one frame that tells its own length. */
static size_t self_delimited(uint8_t *out, const uint8_t *in, size_t n)
{
    size_t len = n - 1, at = 1;

    out[0] = in[0];
    if (len < 252) {
        out[at++] = (uint8_t)len;
    } else {
        out[at++] = (uint8_t)(252 + (len & 3));
        out[at++] = (uint8_t)((len - out[1]) / 4);
    }
    memcpy(out + at, in + 1, len);
    return at + len;
}

struct coder {
    const struct jn_codec_ops *ops;
    void *state[STREAMS];
    const int16_t *pcm;
    size_t n, per;
};

/* One frame of one side; where the coder has nothing to say, a frame without bytes. */
static int one(const struct coder *c, unsigned side, size_t at, uint8_t *out)
{
    int16_t in[FRAME] = {0};

    for (size_t i = 0; i < c->per && at + i < c->n; i++)
        in[i] = c->pcm[2 * (at + i) + side];
    int n = c->ops->encode(c->state[side], out, PACKET / STREAMS - 4, in, (unsigned)c->per);
    if (n == 0)
        out[0] = 0x48; /* SILK, 20 ms, mono, one frame (RFC 6716 3.1) */
    else if (n > 0 && out[0] & 3)
        return -EINVAL;
    return n == 0 ? 1 : n;
}

static int code(const struct coder *c, struct page *p, uint32_t rate)
{
    uint64_t total = (uint64_t)c->n * 48000 / rate + LOOKAHEAD, done = 0;
    uint8_t bytes[PACKET], first[PACKET / STREAMS], second[PACKET / STREAMS];

    for (size_t at = 0; done < total; at += c->per) {
        int a = one(c, 0, at, first), b = one(c, 1, at, second);
        if (a < 0 || b < 0)
            return a < 0 ? a : b;
        size_t n = self_delimited(bytes, first, (size_t)a);
        memcpy(bytes + n, second, (size_t)b);
        done += FRAME;
        packet(p, bytes, n + (size_t)b, done < total ? done : total);
    }
    page_out(p, LAST);
    return 0;
}

int jn_ogg_opus(struct jn_buf *out, const int16_t *pcm, size_t n, uint32_t rate, uint32_t serial)
{
    const struct jn_codec_profile profile = {.bitrate = rate == 8000    ? 16000
                                                        : rate == 16000 ? 24000
                                                                        : 32000,
                                             .complexity = 5};
    struct coder c = {.ops = jn_codec(JN_CODEC_OPUS), .pcm = pcm, .n = n, .per = rate / 50};
    struct page *p = calloc(1, sizeof *p);
    int rc = p && c.ops ? 0 : -ENOMEM;

    for (unsigned i = 0; rc == 0 && i < STREAMS; i++) {
        size_t bytes = c.ops->encoder_bytes(rate);
        c.state[i] = bytes ? aligned_alloc(64, (bytes + 63) & ~(size_t)63) : NULL;
        rc = !bytes ? -EINVAL : !c.state[i] ? -ENOMEM : c.ops->encoder_init(c.state[i], rate, &profile);
    }
    if (rc == 0) {
        p->out = out;
        p->serial = serial;
        headers(p, rate);
        rc = code(&c, p, rate);
    }
    for (unsigned i = 0; i < STREAMS; i++)
        free(c.state[i]);
    free(p);
    return rc == 0 && out->failed ? -ENOMEM : rc;
}
