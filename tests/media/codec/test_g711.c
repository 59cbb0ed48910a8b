#include "engine/base/cpu.h"
#include "engine/base/rand.h"
#include "media/codec/g711.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(g711, .timeout = 5);

/* Decoder outputs of ITU-T G.711 tables 2a and 1a, in 16-bit scale: mu-law 14 bits times 4, A-law 13 bits times 8. */
Test(g711, decodes_to_the_tables_values)
{
    static const struct {
        uint8_t code;
        int16_t ulaw, alaw;
    } v[] = {{0x00, -32124, -5504}, {0x80, 32124, 5504}, {0x7f, 0, -848},       {0xff, 0, 848},
             {0xfe, 8, 880},        {0x8f, 16764, 6784}, {0x9f, 8316, 3392},    {0xd5, 716, 8},
             {0x55, -716, -8},      {0xaa, 5372, 32256}, {0x2a, -5372, -32256}, {0x0f, -16764, -6784}};
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        int16_t u, a;
        jn_g711_plain.decode_ulaw(&u, &v[i].code, 1);
        jn_g711_plain.decode_alaw(&a, &v[i].code, 1);
        cr_assert_eq(u, v[i].ulaw, "mu-law %02x: %d", v[i].code, u);
        cr_assert_eq(a, v[i].alaw, "A-law %02x: %d", v[i].code, a);
    }
}

/* Both tables hashed (FNV-1a) as audioop of CPython 3.11 and sox 14.4 decode them. */
Test(g711, all_codes_decode_as_independent_decoders_do)
{
    static const uint32_t expected[JN_CODEC_PCMA + 1] = {0x715d95a8, 0x12fb6645};
    uint8_t all[256];
    int16_t pcm[256];
    for (unsigned c = 0; c < 256; c++)
        all[c] = (uint8_t)c;
    for (int codec = 0; codec <= JN_CODEC_PCMA; codec++) {
        jn_codec_decode((enum jn_codec_id)codec, pcm, all, 256);
        uint32_t h = 2166136261u;
        for (unsigned i = 0; i < 256; i++) {
            h = (h ^ ((uint16_t)pcm[i] & 0xff)) * 16777619u;
            h = (h ^ ((uint16_t)pcm[i] >> 8)) * 16777619u;
        }
        cr_assert_eq(h, expected[codec], "codec %d: %08x", codec, h);
    }
}

Test(g711, every_code_survives_decode_and_encode)
{
    for (unsigned c = 0; c < 256; c++) {
        uint8_t in = (uint8_t)c, out;
        int16_t x;
        jn_codec_decode(JN_CODEC_PCMA, &x, &in, 1);
        jn_codec_encode(JN_CODEC_PCMA, &out, &x, 1);
        cr_assert_eq(out, in, "A-law %02x -> %d -> %02x", c, x, out);
        jn_codec_decode(JN_CODEC_PCMU, &x, &in, 1);
        jn_codec_encode(JN_CODEC_PCMU, &out, &x, 1);
        cr_assert_eq(out, c == 0x7f ? 0xff : in, "mu-law %02x -> %d -> %02x (negative zero becomes zero)", c, x, out);
    }
}

/* Inside a segment a sample becomes the middle of its step: the error is at most half a step (plus, for mu-law, the two
 * bits that G.711 does not look at). Beyond the last decision value everything is the largest code. */
static void close_enough(enum jn_codec_id codec, int first_step, int ignored, int largest)
{
    for (int x = -32768; x < 32768; x++) {
        int16_t s = (int16_t)x, back;
        uint8_t c;
        jn_codec_encode(codec, &c, &s, 1);
        jn_codec_decode(codec, &back, &c, 1);
        int seg = (codec == JN_CODEC_PCMU ? ~c : c ^ 0x55) >> 4 & 7;
        int step = codec == JN_CODEC_PCMU ? first_step << seg : first_step << (seg > 1 ? seg - 1 : 0);
        if (abs(x) >= largest)
            cr_assert_eq(abs(back), codec == JN_CODEC_PCMU ? 32124 : 32256, "%d became %d", x, back);
        else
            cr_assert_leq(abs(back - x), step / 2 + ignored, "%d became %d", x, back);
        cr_assert(back == 0 || (back > 0) == (x >= 0), "the sign of %d", x);
    }
}

Test(g711, every_sample_is_within_half_a_step)
{
    close_enough(JN_CODEC_PCMU, 8, 3, 32636);
    close_enough(JN_CODEC_PCMA, 16, 0, 32512);
}

/* Where a segment ends in tables 2a and 1a: the decision value itself belongs to the next one. */
Test(g711, segments_end_at_the_tables_decision_values)
{
    static const int ulaw[] = {31, 95, 223, 479, 991, 2015, 4063}, alaw[] = {32, 64, 128, 256, 512, 1024};
    for (unsigned i = 0; i < 7; i++) {
        int16_t s[2] = {(int16_t)(4 * ulaw[i] - 1), (int16_t)(4 * ulaw[i])};
        uint8_t c[2];
        jn_codec_encode(JN_CODEC_PCMU, c, s, 2);
        cr_assert_eq(~c[0] >> 4 & 7, (int)i);
        cr_assert_eq(~c[1] >> 4 & 7, (int)i + 1);
    }
    for (unsigned i = 0; i < 6; i++) {
        int16_t s[2] = {(int16_t)(16 * alaw[i] - 1), (int16_t)(16 * alaw[i])};
        uint8_t c[2];
        jn_codec_encode(JN_CODEC_PCMA, c, s, 2);
        cr_assert_eq((c[0] ^ 0x55) >> 4 & 7, (int)i + 1);
        cr_assert_eq((c[1] ^ 0x55) >> 4 & 7, (int)i + 2);
    }
}

static void twins(const struct jn_g711_ops *fast)
{
    static int16_t pcm[65536], a[65536], b[65536];
    static uint8_t x[65536], y[65536];
    for (unsigned i = 0; i < 65536; i++)
        pcm[i] = (int16_t)(i - 32768);
    jn_g711_plain.encode_ulaw(x, pcm, 65536);
    fast->encode_ulaw(y, pcm, 65536);
    cr_assert_eq(memcmp(x, y, 65536), 0, "mu-law encode");
    jn_g711_plain.encode_alaw(x, pcm, 65536);
    fast->encode_alaw(y, pcm, 65536);
    cr_assert_eq(memcmp(x, y, 65536), 0, "A-law encode");
    for (unsigned i = 0; i < 65536; i++)
        x[i] = (uint8_t)i;
    for (unsigned n = 0; n < 300; n++) {
        memset(a, 1, sizeof a);
        memset(b, 1, sizeof b);
        jn_g711_plain.decode_ulaw(a, x + n, n);
        fast->decode_ulaw(b, x + n, n);
        cr_assert_eq(memcmp(a, b, sizeof a), 0, "mu-law decode of %u", n);
        jn_g711_plain.decode_alaw(a, x + n, n);
        fast->decode_alaw(b, x + n, n);
        cr_assert_eq(memcmp(a, b, sizeof a), 0, "A-law decode of %u", n);
    }
}

Test(g711, avx2_is_the_plain_twin_for_every_input_and_length)
{
    if (jn_cpu_isa() >= JN_ISA_AVX2)
        twins(&jn_g711_avx2);
}

Test(g711, avx512_is_the_plain_twin_for_every_input_and_length)
{
    if (jn_cpu_isa() >= JN_ISA_AVX512)
        twins(&jn_g711_avx512);
}
