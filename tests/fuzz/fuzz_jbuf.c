/* LINK: jn_media */
/* Any sequence of frames, periods, turns and resets: nothing is touched beyond its memory, every frame has its fate. */
#include "media/jbuf/jbuf.h"
#include <stdlib.h>
#include <string.h>

struct input {
    const uint8_t *at, *end;
};

static uint32_t take(struct input *in, unsigned n)
{
    uint32_t v = 0;

    for (; n > 0; n--)
        v = v << 8 | (in->at < in->end ? *in->at++ : 0u);
    return v;
}

static void settle(struct jn_jbuf *j, uint64_t puts)
{
    const struct jn_jbuf_counts *k = jn_jbuf_counts(j);

    jn_jbuf_reset(j);
    if (k->in + k->late + k->duplicate + k->full + k->bad != puts || k->in != k->played + k->skipped)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        uint8_t codec;
        uint32_t rate;
    } kinds[] = {{JN_CODEC_PCMU, 8000},
                 {JN_CODEC_PCMA, 8000},
                 {JN_CODEC_G722, 16000},
                 {JN_CODEC_OPUS, 8000},
                 {JN_CODEC_OPUS, 48000}};
    struct input in = {data, data + size};
    unsigned kind = take(&in, 1), n;
    struct jn_jbuf_config c = {.min_ms = 20, .max_ms = 200, .start_ms = 40, .fixed = kind >> 7};
    uint64_t seq = 1000, now = 1000000000, puts = 0;
    uint32_t ts = 0;
    int16_t out[3 * JN_PERIOD_MAX];
    uint8_t payload[JN_FRAME_MAX];

    kind = kind % 128 % (sizeof kinds / sizeof kinds[0]);
    c.codec = kinds[kind].codec;
    c.rate = kinds[kind].rate;
    struct jn_jbuf *j = jn_jbuf_init(aligned_alloc(64, jn_jbuf_size(c.codec, c.rate)), &c);
    while (in.at < in.end) {
        uint8_t op = (uint8_t)take(&in, 1);
        struct jn_jbuf_line line;
        struct jn_frame f = {.ext_seq = seq, .at_ns = now, .ts = ts, .codec = c.codec, .payload = payload};
        switch (op & 7) {
        case 0:
        case 1: /* the next one */
        case 2: /* or any other */
            f.ext_seq += (op & 7) == 2 ? take(&in, 1) - 60 : 0;
            f.ts += (op & 7) == 2 ? take(&in, 3) - 800000 : 0;
            f.codec = op >> 7 && kind < 2 ? (uint8_t)take(&in, 1) : c.codec;
            f.cn = (op >> 3 & 15) == 5;
            f.marker = (op >> 3 & 15) == 6;
            f.len = (uint16_t)((op >> 3 & 15) == 7 ? take(&in, 2) : f.cn ? 1 : 160);
            memset(payload, op, sizeof payload);
            payload[0] = (uint8_t)take(&in, 1);
            jn_jbuf_put(j, &f);
            puts++, seq++;
            ts += 160 * (c.codec == JN_CODEC_OPUS ? 6 : 1);
            break;
        case 3:
        case 4:
            now += UINT64_C(1000000) * (op >> 3);
            jn_jbuf_get(j, out, now);
            break;
        case 5:
            if (jn_jbuf_end(j, out, &n, &line, op >> 7, now))
                jn_jbuf_follow_begin(j);
            if (n > JN_JBUF_END_MAX * c.rate / 8000)
                abort();
            now += 20000000;
            break;
        case 6:
            f.len = 160;
            memset(payload, op, sizeof payload);
            jn_jbuf_follow(j, &f);
            puts++, seq++;
            ts += 160 * (c.codec == JN_CODEC_OPUS ? 6 : 1);
            break;
        default:
            if (op >> 3 == 31)
                jn_jbuf_reset(j);
            else
                jn_jbuf_go_on(j);
        }
    }
    settle(j, puts);
    free(j);
    return 0;
}
