#include "media/codec/g711.h"
#include "media/tone/sounds.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(sounds, .timeout = 10);

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
