/* Opus (RFC 6716, RTP payload RFC 7587) by libopus, whose states lie in memory that is given and whose calls take
 * theirs from the stack: nothing is allocated here. It decodes and encodes straight at 8, 16 and 48 kHz, mono (stereo
 * is mixed down by its decoder). */
#include "media/codec/codec.h"
#include <errno.h>
#include <opus.h>

enum { LONGEST = 2880 /* 60 ms at 48 kHz */, ALIGN = 64 };

static bool known_rate(uint32_t rate)
{
    return rate == 8000 || rate == 16000 || rate == 48000;
}

static size_t aligned(int bytes)
{
    return ((size_t)bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t decoder_bytes(uint32_t rate)
{
    return known_rate(rate) ? aligned(opus_decoder_get_size(1)) : 0;
}

static size_t encoder_bytes(uint32_t rate)
{
    return known_rate(rate) ? aligned(opus_encoder_get_size(1)) : 0;
}

static int decoder_init(void *state, uint32_t rate)
{
    return known_rate(rate) && opus_decoder_init(state, (opus_int32)rate, 1) == OPUS_OK ? 0 : -EINVAL;
}

static int duration(const uint8_t *in, unsigned len)
{
    if (len == 0 || len > JN_CODEC_BYTES_MAX)
        return -EBADMSG;
    int n = opus_packet_get_nb_samples(in, (opus_int32)len, 48000);
    return n > 0 && n <= LONGEST ? n : -EBADMSG;
}

static int result(int n)
{
    return n > 0 ? n : n == OPUS_BUFFER_TOO_SMALL ? -ENOSPC : -EBADMSG;
}

static int decode(void *state, int16_t *out, unsigned max, const uint8_t *in, unsigned len)
{
    int rc = duration(in, len);
    return rc < 0 ? rc : result(opus_decode(state, in, (opus_int32)len, out, (int)max, 0));
}

/* libopus falls back to its own concealment where the payload carries no redundancy; where it finds the payload broken
 * it says so and has changed nothing: then it is as if none were there. It invents whole multiples of 2.5 ms. */
static int conceal(void *state, int16_t *out, unsigned n, const uint8_t *next, unsigned next_len)
{
    int made = -1;
    if (next != NULL && duration(next, next_len) > 0)
        made = opus_decode(state, next, (opus_int32)next_len, out, (int)n, 1);
    return result(made > 0 ? made : opus_decode(state, NULL, 0, out, (int)n, 0));
}

static int encoder_init(void *state, uint32_t rate, const struct jn_codec_profile *p)
{
    static const struct jn_codec_profile plain = {.complexity = 5};
    if (p == NULL)
        p = &plain;
    if (!known_rate(rate) || opus_encoder_init(state, (opus_int32)rate, 1, OPUS_APPLICATION_VOIP) != OPUS_OK)
        return -EINVAL;
    int rc = opus_encoder_ctl(state, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
    rc |= opus_encoder_ctl(state, OPUS_SET_BITRATE(p->bitrate != 0 ? (opus_int32)p->bitrate : OPUS_AUTO));
    rc |= opus_encoder_ctl(state, OPUS_SET_COMPLEXITY(p->complexity));
    rc |= opus_encoder_ctl(state, OPUS_SET_INBAND_FEC(p->fec));
    rc |= opus_encoder_ctl(state, OPUS_SET_PACKET_LOSS_PERC(p->loss_percent));
    rc |= opus_encoder_ctl(state, OPUS_SET_DTX(p->dtx));
    return rc == OPUS_OK ? 0 : -EINVAL;
}

/* In silence with DTX the encoder gives a byte or two that need not be sent (opus_encode's own words). */
static int encode(void *state, uint8_t *out, unsigned max, const int16_t *pcm, unsigned n)
{
    int len = opus_encode(state, pcm, (int)n, out, (opus_int32)max);
    return len > 2 ? len : len > 0 ? 0 : len == OPUS_BUFFER_TOO_SMALL ? -ENOSPC : -EINVAL;
}

const struct jn_codec_ops jn_codec_opus = {.name = "opus",
                                           .clock = 48000,
                                           .rate = 48000,
                                           .static_pt = 255,
                                           .decoder_bytes = decoder_bytes,
                                           .decoder_init = decoder_init,
                                           .duration = duration,
                                           .decode = decode,
                                           .conceal = conceal,
                                           .encoder_bytes = encoder_bytes,
                                           .encoder_init = encoder_init,
                                           .encode = encode};
