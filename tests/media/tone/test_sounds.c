#include "media/codec/codec.h"
#include "media/codec/g711.h"
#include "media/tone/coded.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(sounds, .timeout = 60);

static const uint8_t wav[] = {'R', 'I', 'F', 'F', 48,  0, 0,   0,   'W', 'A',  'V',  'E',  'f', 'm', 't',
                              ' ', 16,  0,   0,   0,   1, 0,   1,   0,   64,   31,   0,    0,   128, 62,
                              0,   0,   2,   0,   16,  0, 'L', 'I', 'S', 'T',  1,    0,    0,   0,   'x',
                              0,   'd', 'a', 't', 'a', 4, 0,   0,   0,   0x34, 0x12, 0xff, 0xff};

Test(sounds, a_sound_is_padded_with_silence_and_kept_in_every_codec)
{
    struct jn_sounds s = {0};
    int16_t pcm[161];
    for (int i = 0; i < 161; i++)
        pcm[i] = (int16_t)(i * 100);
    cr_assert_eq(jn_sounds_add(&s, "a", pcm, 161), 0);
    cr_assert_eq(s.at[0].n, 320);
    cr_assert_arr_eq(s.at[0].pcm, pcm, sizeof pcm);
    for (unsigned i = 161; i < 320; i++)
        cr_assert_eq(s.at[0].pcm[i], 0);
    for (unsigned c = 0; c <= JN_CODEC_PCMA; c++) {
        uint8_t coded[320];
        jn_codec_encode((enum jn_codec_id)c, coded, s.at[0].pcm, 320);
        cr_assert_arr_eq(s.at[0].coded[c], coded, 320);
    }
    jn_sounds_free(&s);
}

/* What a listener hears of the frames at off. */
static void heard(const struct jn_sound *s, uint8_t codec, int16_t out[static 320])
{
    static _Alignas(64) uint8_t state[65536];
    const struct jn_codec_ops *c = jn_codec(codec);
    uint32_t rate = codec == JN_CODEC_OPUS ? 8000 : c->rate;
    cr_assert_eq(c->decoder_init(state, rate), 0);
    for (uint32_t off = 0; off < s->n; off += 160) {
        unsigned len;
        const uint8_t *bytes = jn_sound_coded(s, codec, off, &len);
        cr_assert(bytes != NULL && len > 0 && len <= 160);
        cr_assert_eq(c->duration(bytes, len), (int)c->clock / 50);
        cr_assert_eq(c->decode(state, out, 320, bytes, len), (int)rate / 50);
    }
}

Test(sounds, frames_are_made_when_somebody_asked_and_carry_the_sound)
{
    struct jn_sounds s = {0};
    int16_t pcm[8000], out[320];
    unsigned len;
    for (int i = 0; i < 8000; i++)
        pcm[i] = (int16_t)(8000 * sin(i * 0.3));
    cr_assert_eq(jn_sounds_add(&s, "quiet", pcm, 160), 0);
    cr_assert_eq(jn_sounds_add(&s, "a", pcm, 8000), 1);
    cr_assert(!jn_sounds_code(&s), "nobody asked");
    for (uint8_t codec = JN_CODEC_G722; codec < JN_CODEC_N; codec++) {
        double power = 0;
        cr_assert_null(jn_sound_coded(&s.at[1], codec, 0, &len));
        cr_assert(jn_sounds_code(&s));
        cr_assert(!jn_sounds_code(&s), "once");
        heard(&s.at[1], codec, out);
        unsigned n = codec == JN_CODEC_OPUS ? 160 : 320;
        for (unsigned i = 0; i < n; i++)
            power += (double)out[i] * out[i] / n;
        cr_assert(fabs(sqrt(power) - 8000 / sqrt(2)) < 600, "codec %u: %.0f", codec, sqrt(power));
        cr_assert_null(jn_sound_coded(&s.at[0], codec, 0, &len), "nobody asked for that one");
        cr_assert(jn_sounds_code(&s));
    }
    cr_assert(jn_sound_coded(&s.at[1], JN_CODEC_PCMA, 160, &len) == s.at[1].coded[JN_CODEC_PCMA] + 160 && len == 160);
    jn_sounds_free(&s);
}

Test(sounds, names_are_found_and_are_unique)
{
    struct jn_sounds s = {0};
    int16_t pcm[160] = {1};
    char name[16], longest[80];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "s%d", i);
        cr_assert_eq(jn_sounds_add(&s, name, pcm, 160), i);
    }
    cr_assert_eq(jn_sounds_find(&s, "s33"), 33);
    cr_assert_eq(jn_sounds_find(&s, "s50"), JN_SOUND_NONE);
    cr_assert_eq(jn_sounds_add(&s, "s3", pcm, 160), -EEXIST);
    cr_assert_eq(jn_sounds_add(&s, "none", pcm, 0), -EINVAL);
    memset(longest, 'x', 79);
    longest[79] = 0;
    cr_assert_eq(jn_sounds_add(&s, longest, pcm, 160), -E2BIG);
    cr_assert_eq(jn_sounds_add(&s, "long", pcm, 8000 * 3600 + 1), -E2BIG);
    jn_sounds_free(&s);
    cr_assert_eq(s.n, 0);
}

Test(sounds, wav_is_read_past_chunks_that_it_does_not_know)
{
    struct jn_sounds s = {0};
    struct jn_err err;
    cr_assert_eq(jn_sounds_add_wav(&s, "w", wav, sizeof wav, &err), 0, "%s", err.text);
    cr_assert_eq(s.at[0].n, 160);
    cr_assert_eq(s.at[0].pcm[0], 0x1234);
    cr_assert_eq(s.at[0].pcm[1], -1);
    jn_sounds_free(&s);
}

Test(sounds, every_shortened_or_changed_wav_is_refused_with_a_reason_or_read_in_bounds)
{
    struct jn_sounds s = {0};
    struct jn_err err;
    for (size_t n = 0; n < sizeof wav - 3; n++) {
        uint8_t *cut = malloc(n + 1); /* the sanitizer sees every byte too many */
        memcpy(cut, wav, n);
        err.text[0] = 0;
        cr_assert_lt(jn_sounds_add_wav(&s, "w", cut, n, &err), 0, "cut at %zu", n);
        cr_assert_neq(err.text[0], 0);
        free(cut);
    }
    static const struct {
        uint8_t at, value;
    } bad[] = {{20, 3}, {22, 2}, {25, 62}, {34, 8}, {0, 'X'}, {8, 'X'}};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t copy[sizeof wav];
        memcpy(copy, wav, sizeof wav);
        copy[bad[i].at] = bad[i].value;
        cr_assert_lt(jn_sounds_add_wav(&s, "w", copy, sizeof copy, &err), 0, "byte %u", bad[i].at);
    }
    cr_assert_eq(s.n, 0);
    jn_sounds_free(&s);
}
