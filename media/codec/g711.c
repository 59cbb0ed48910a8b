/* G711: plain C of both laws and the choice of a variant. mu-law and A-law as ITU-T G.711 tables 1 and 2 say, in the
 * arithmetic of G.191's reference: 14 and 13 significant bits, negative values by one's complement. */
#include "media/codec/g711.h"
#include "engine/base/cpu.h"

static void decode_ulaw(int16_t *pcm, const uint8_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned u = in[i] ^ 0xffu;
        int mag = (int)((((u & 0x0f) << 3) + 0x84) << (u >> 4 & 7)) - 0x84;
        pcm[i] = (int16_t)(u & 0x80 ? -mag : mag);
    }
}

static void decode_alaw(int16_t *pcm, const uint8_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned a = in[i] ^ 0x55u, seg = a >> 4 & 7;
        unsigned mag = ((a & 0x0f) << 4) + 8 + (seg != 0 ? 0x100 : 0);
        if (seg > 1)
            mag <<= seg - 1;
        pcm[i] = (int16_t)(a & 0x80 ? (int)mag : -(int)mag);
    }
}

static unsigned ulaw(int x)
{
    unsigned mag = ((unsigned)(x < 0 ? ~x : x) >> 2) + 33;
    if (mag > 0x1fff)
        mag = 0x1fff;
    unsigned seg = 0;
    for (unsigned v = mag >> 6; v != 0; v >>= 1)
        seg++;
    unsigned code = seg << 4 | (mag >> (seg + 1) & 0x0f);
    return (code | (x < 0 ? 0x80 : 0)) ^ 0xff;
}

static unsigned alaw(int x)
{
    unsigned mag = (unsigned)(x < 0 ? ~x : x) >> 4, seg = 0;
    for (unsigned v = mag >> 4; v != 0; v >>= 1)
        seg++;
    unsigned code = seg << 4 | (mag >> (seg > 1 ? seg - 1 : 0) & 0x0f);
    return (code | (x < 0 ? 0 : 0x80)) ^ 0x55;
}

static void encode_ulaw(uint8_t *out, const int16_t *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)ulaw(pcm[i]);
}

static void encode_alaw(uint8_t *out, const int16_t *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)alaw(pcm[i]);
}

const struct jn_g711_ops *jn_g711(void)
{
    static const struct jn_g711_ops *const table[] = {
        [JN_ISA_PLAIN] = &jn_g711_plain, [JN_ISA_AVX2] = &jn_g711_avx2, [JN_ISA_AVX512] = &jn_g711_avx512};
    return table[jn_cpu_isa()];
}

void jn_codec_decode(enum jn_codec_id c, int16_t *pcm, const uint8_t *in, size_t n)
{
    if (c == JN_CODEC_PCMA)
        jn_g711()->decode_alaw(pcm, in, n);
    else
        jn_g711()->decode_ulaw(pcm, in, n);
}

void jn_codec_encode(enum jn_codec_id c, uint8_t *out, const int16_t *pcm, size_t n)
{
    if (c == JN_CODEC_PCMA)
        jn_g711()->encode_alaw(out, pcm, n);
    else
        jn_g711()->encode_ulaw(out, pcm, n);
}

const struct jn_g711_ops jn_g711_plain = {
    .decode_ulaw = decode_ulaw, .decode_alaw = decode_alaw, .encode_ulaw = encode_ulaw, .encode_alaw = encode_alaw};
