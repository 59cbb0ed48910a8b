/* Vad: words begin within their first period, silence costs nothing, what lasts and is loud is no noise. */
#include "media/codec/vad.h"
#include <criterion/criterion.h>
#include <math.h>

enum { N = 160 };

static double noise(uint32_t *seed)
{
    double sum = 0;
    for (unsigned i = 0; i < 4; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        sum += *seed / 4294967296.0 - 0.5;
    }
    return sum * 1.732; /* variance 1 */
}

static double amplitude(double dbov)
{
    return 32768 * pow(10, dbov / 20);
}

/* One sample of a talker, t seconds into its word: a soft hiss for 60 ms, then a voice that rises and falls in
 * syllables. */
static double word(double t, uint32_t *seed)
{
    if (t < 0.06)
        return amplitude(-44) * noise(seed);
    double rises = t - 0.06 < 0.02 ? (t - 0.06) / 0.02 : 1, syllable = 0.55 + 0.45 * cos(2 * M_PI * 4 * t), sum = 0;
    for (int k = 1; k <= 12; k++)
        sum += sin(2 * M_PI * 130 * k * t) / k;
    return amplitude(-22) * rises * syllable * sum;
}

struct heard {
    unsigned periods, sent, late, words;
};

/* A conversation's one side: spurts of 0.6 to 2 s, pauses of 0.4 to 2.5 s, over line noise. */
static struct heard converse(double noise_dbov, unsigned seconds)
{
    struct heard h = {0};
    struct jn_vad v = {0};
    uint32_t seed = 7;
    int16_t pcm[N];
    double begin = 1.0, end = 2.0;

    for (unsigned i = 0; i < seconds * 50; i++) {
        bool begins = false;
        double t0 = i * 0.02;
        if (t0 > end) {
            seed = seed * 1664525u + 1013904223u;
            begin = end + 0.4 + (seed >> 8) % 2100 / 1000.0;
            end = begin + 0.6 + (seed >> 4) % 1400 / 1000.0;
        }
        for (unsigned k = 0; k < N; k++) {
            double t = t0 + k / 8000.0, x = amplitude(noise_dbov) * noise(&seed);
            if (t >= begin && t < end)
                x += word(t - begin, &seed);
            pcm[k] = (int16_t)lrint(x);
        }
        enum jn_vad_says says = jn_vad_take(&v, jn_vad_measure(pcm, 160));
        bool heard = says == JN_VAD_SPEECH || says == JN_VAD_BEGINS;
        begins = t0 >= begin && t0 < begin + 0.02; /* the first period that is all of the word */
        h.words += begins;
        h.late += begins && !heard;
        h.periods++;
        h.sent += says != JN_VAD_NOTHING;
    }
    return h;
}

Test(codec, words_begin_within_20_ms_and_a_third_of_the_packets_is_saved)
{
    static const double lines[] = {-90, -70, -60, -54};
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct heard h = converse(lines[i], 200);
        cr_assert_gt(h.words, 60);
        cr_assert_eq(h.late, 0, "noise of %g dBov: %u of %u words begin late", lines[i], h.late, h.words);
        cr_assert_lt(h.sent * 10, h.periods * 7, "noise of %g dBov: %u of %u sent", lines[i], h.sent, h.periods);
        cr_assert_gt(h.sent * 10, h.periods * 3, "speech is sent");
    }
}

Test(codec, digital_silence_is_told_once_and_a_louder_noise_again)
{
    struct jn_vad v = {0};
    int16_t pcm[N] = {0};
    unsigned told = 0;
    for (int i = 0; i < 500; i++)
        told += jn_vad_take(&v, jn_vad_measure(pcm, 160)) == JN_VAD_NOISE;
    cr_assert_eq(told, 1);
    cr_assert_eq(v.told, 127);
    pcm[3] = 20000;
    cr_assert_eq(jn_vad_take(&v, jn_vad_measure(pcm, 160)), JN_VAD_BEGINS, "one click is enough");
    cr_assert_eq(jn_vad_take(&v, jn_vad_measure(pcm, 160)), JN_VAD_SPEECH);
    uint32_t seed = 3;
    for (int i = 0; i < 3000; i++) {
        for (int k = 0; k < N; k++)
            pcm[k] = (int16_t)lrint(amplitude(-60) * noise(&seed));
        told += jn_vad_take(&v, jn_vad_measure(pcm, 160)) == JN_VAD_NOISE;
    }
    cr_assert(v.quiet && v.told >= 56 && v.told <= 64, "noise of -60 dBov is told as -%u", v.told);
    cr_assert_lt(told, 40);
}

Test(codec, what_lasts_and_is_loud_is_never_taken_for_noise)
{
    struct jn_vad v = {0};
    int16_t pcm[N];
    for (int i = 0; i < 50 * 120; i++) {
        for (int k = 0; k < N; k++)
            pcm[k] = (int16_t)lrint(amplitude(-35) * sin(2 * M_PI * 440 * (i * N + k) / 8000.0));
        cr_assert_eq(jn_vad_take(&v, jn_vad_measure(pcm, 160)), JN_VAD_SPEECH, "period %d", i);
    }
}
