/* LINK: jn_media */
#include "media/codec/codec.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(64) uint8_t state[65536];
static int16_t out[2880 + 8];

/* One payload: what duration promises decode keeps, at every rate, and nothing is written behind it. */
static void one(const struct jn_codec_ops *c, uint32_t rate, const uint8_t *in, unsigned len, bool lost)
{
    int units = c->duration(in, len);
    unsigned samples = units > 0 ? (unsigned)units * (rate / 1000) / (c->clock / 1000) : 0;
    uint8_t *exact = malloc(len + 1);
    memcpy(exact, in, len);
    if (lost && c->conceal && c->conceal(state, out, rate / 50, exact, len) != (int)rate / 50)
        abort();
    for (unsigned i = 0; i < 8; i++)
        out[samples + i] = 0x1234;
    int got = c->decode(state, out, samples, exact, len);
    free(exact);
    for (unsigned i = 0; i < 8; i++)
        if (out[samples + i] != 0x1234)
            abort();
    if (units <= 0 ? got > 0 : got != (int)samples && got != -EBADMSG)
        abort();
}

/* First byte: codec and rate. Then payloads, each with a byte of its length in front. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t rates[] = {8000, 16000, 48000};
    if (size == 0)
        return 0;
    const struct jn_codec_ops *c = jn_codec(data[0] % JN_CODEC_N);
    uint32_t rate = data[0] % JN_CODEC_N == JN_CODEC_OPUS ? rates[data[0] / JN_CODEC_N % 3] : c->rate;
    if (c->decoder_init(state, rate) != 0)
        abort();
    for (size_t at = 1; at < size;) {
        unsigned len = data[at++];
        len = len > size - at ? (unsigned)(size - at) : len;
        one(c, rate, data + at, len, data[0] & 0x80);
        at += len;
    }
    return 0;
}
