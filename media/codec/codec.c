/* Codec: the table of codecs, and G.711 behind it: a byte a sample, no state. */
#include "media/codec/codec.h"
#include "media/codec/g711.h"
#include <errno.h>

static size_t none(uint32_t rate)
{
    (void)rate;
    return 0;
}

static int decoder_init(void *state, uint32_t rate)
{
    (void)state;
    return rate == 8000 ? 0 : -EINVAL;
}

static int encoder_init(void *state, uint32_t rate, const struct jn_codec_profile *p)
{
    (void)p;
    return decoder_init(state, rate);
}

static int duration(const uint8_t *in, unsigned len)
{
    (void)in;
    return len > 0 && len <= JN_CODEC_BYTES_MAX ? (int)len : -EBADMSG;
}

static int decode_ulaw(void *state, int16_t *out, unsigned max, const uint8_t *in, unsigned len)
{
    (void)state;
    if (len > max)
        return -ENOSPC;
    jn_g711()->decode_ulaw(out, in, len);
    return (int)len;
}

static int decode_alaw(void *state, int16_t *out, unsigned max, const uint8_t *in, unsigned len)
{
    (void)state;
    if (len > max)
        return -ENOSPC;
    jn_g711()->decode_alaw(out, in, len);
    return (int)len;
}

static int encode_ulaw(void *state, uint8_t *out, unsigned max, const int16_t *pcm, unsigned n)
{
    (void)state;
    if (n > max)
        return -ENOSPC;
    jn_g711()->encode_ulaw(out, pcm, n);
    return (int)n;
}

static int encode_alaw(void *state, uint8_t *out, unsigned max, const int16_t *pcm, unsigned n)
{
    (void)state;
    if (n > max)
        return -ENOSPC;
    jn_g711()->encode_alaw(out, pcm, n);
    return (int)n;
}

#define G711(n, pt, law)                                                                                               \
    {                                                                                                                  \
        .name = n, .clock = 8000, .rate = 8000, .static_pt = pt, .decoder_bytes = none, .decoder_init = decoder_init,  \
        .duration = duration, .decode = decode_##law, .encoder_bytes = none, .encoder_init = encoder_init,             \
        .encode = encode_##law                                                                                         \
    }
static const struct jn_codec_ops pcmu = G711("PCMU", 0, ulaw), pcma = G711("PCMA", 8, alaw);

const struct jn_codec_ops *jn_codec(uint8_t id)
{
    static const struct jn_codec_ops *const table[JN_CODEC_N] = {[JN_CODEC_PCMU] = &pcmu,
                                                                 [JN_CODEC_PCMA] = &pcma,
                                                                 [JN_CODEC_G722] = &jn_codec_g722,
                                                                 [JN_CODEC_OPUS] = &jn_codec_opus};

    return id < JN_CODEC_N ? table[id] : NULL;
}
