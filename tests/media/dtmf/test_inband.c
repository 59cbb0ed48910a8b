#include "media/codec/g711.h"
#include "media/dtmf/inband.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(inband, .timeout = 60);

static const char all[] = "123A456B789C*0#D";
static const double rows[] = {697, 770, 852, 941}, columns[] = {1209, 1336, 1477, 1633};

/* How a digit is sent. twist_db: the column above the row. noise_db: below the tones' power; 0 none. off: of the
 * frequencies, 0.015 for 1.5 %. */
struct sending {
    double level, twist_db, noise_db, off;
    unsigned on_ms, off_ms, begin;
    uint32_t seed;
};

static double noise(uint32_t *seed)
{
    double sum = 0; /* of 12 uniform values: nearly normal, variance 1 */
    for (int i = 0; i < 12; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        sum += (double)(*seed >> 8) / (1 << 24);
    }
    return sum - 6;
}

/* What is heard of all 16 digits, sent one after the other through mu-law. */
static unsigned heard(struct sending s, char out[static 64])
{
    struct jn_inband d = {0};
    int16_t pcm[160];
    uint8_t coded[160];
    unsigned n = 0, at = 0, period = 8 * (s.on_ms + s.off_ms), end = s.begin + 16 * period + 400;
    double row = s.level * pow(10, -s.twist_db / 40), column = s.level * pow(10, s.twist_db / 40);
    double sigma = s.noise_db > 0 ? sqrt((row * row + column * column) / 2 * pow(10, -s.noise_db / 10)) : 0;
    for (unsigned i = 0; i < end; i++) {
        double x = sigma > 0 ? sigma * noise(&s.seed) : 0;
        if (i >= s.begin) {
            unsigned k = (i - s.begin) / period, t = (i - s.begin) % period;
            if (k < 16 && t < 8 * s.on_ms)
                x += row * sin(2 * M_PI * rows[k / 4] * (1 + s.off) * t / 8000) +
                     column * sin(2 * M_PI * columns[k % 4] * (1 + s.off) * t / 8000 + k);
        }
        pcm[at++] = (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : lrint(x));
        if (at < 160)
            continue;
        at = 0;
        jn_codec_encode(JN_CODEC_PCMU, coded, pcm, 160);
        jn_codec_decode(JN_CODEC_PCMU, pcm, coded, 160);
        char c = jn_inband_take(&d, pcm, 160);
        if (c != 0 && n < 63)
            out[n++] = c;
    }
    out[n] = 0;
    return n;
}

static void expect(struct sending s)
{
    char out[64];
    for (s.begin = 0; s.begin < 204; s.begin += 7) {
        s.seed = s.begin + 1;
        heard(s, out);
        cr_assert_str_eq(out, all, "\"%s\": begin %u, level %.0f, twist %.0f dB, noise %.0f dB, off %.3f, %u/%u ms",
                         out, s.begin, s.level, s.twist_db, s.noise_db, s.off, s.on_ms, s.off_ms);
    }
}

Test(inband, all_digits_are_heard_once_at_40_ms_on_and_40_off)
{
    expect((struct sending){.level = 5000, .on_ms = 40, .off_ms = 40});
    expect((struct sending){.level = 400, .on_ms = 40, .off_ms = 40});   /* -35 dBm0 a tone */
    expect((struct sending){.level = 15000, .on_ms = 40, .off_ms = 40}); /* -3.5 dBm0 a tone */
    expect((struct sending){.level = 5000, .on_ms = 300, .off_ms = 100});
}

Test(inband, twist_noise_and_wrong_frequencies_are_borne)
{
    expect((struct sending){.level = 5000, .twist_db = 6, .on_ms = 40, .off_ms = 40});
    expect((struct sending){.level = 5000, .twist_db = -6, .on_ms = 40, .off_ms = 40});
    expect((struct sending){.level = 5000, .noise_db = 15, .on_ms = 40, .off_ms = 40});
    expect((struct sending){.level = 5000, .off = 0.015, .on_ms = 40, .off_ms = 40});
    expect((struct sending){.level = 5000, .off = -0.015, .on_ms = 40, .off_ms = 40});
}

/* Q.24: 3.5 % off is no digit, nor what lasts 14 ms, nor one tone, nor what lies 12 dB apart. */
Test(inband, what_is_no_digit_is_not_heard)
{
    char out[64];
    struct sending s = {.level = 5000, .on_ms = 40, .off_ms = 40};
    for (int k = 0; k < 4; k++) {
        struct sending v = s;
        if (k == 0)
            v.off = 0.035;
        else if (k == 1)
            v.off = -0.035;
        else if (k == 2)
            v.on_ms = 14;
        else
            v.twist_db = 12;
        for (v.begin = 0; v.begin < 204; v.begin += 13)
            cr_assert_eq(heard(v, out), 0, "case %d: \"%s\"", k, out);
    }
}

static unsigned talk(const char *folder, int depth, unsigned *seconds)
{
    unsigned digits = 0;
    DIR *d = opendir(folder);
    for (struct dirent *f; d && (f = readdir(d));) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
        size_t len = strlen(path);
        if (f->d_name[0] != '.' && f->d_type == DT_DIR && depth > 0) {
            digits += talk(path, depth - 1, seconds);
        } else if (len > 4 && strcmp(path + len - 4, ".wav") == 0) {
            struct jn_inband state = {0};
            int16_t pcm[160];
            FILE *in = fopen(path, "rb");
            cr_assert(in && fseek(in, 44, SEEK_SET) == 0);
            unsigned n = 0;
            for (; fread(pcm, 2, 160, in) == 160; n++)
                digits += jn_inband_take(&state, pcm, 160) != 0;
            *seconds += n / 50;
            fclose(in);
        }
    }
    if (d)
        closedir(d);
    return digits;
}

/* Debian's asterisk-core-sounds-en-wav and asterisk-moh-opsound-wav: 25 minutes of a woman's voice, 18 of music. */
Test(inband, speech_and_music_are_no_digits)
{
    unsigned speech = 0, music = 0;
    cr_assert_eq(talk("/usr/share/asterisk/sounds/en_US_f_Allison", 3, &speech), 0);
    cr_assert_eq(talk("/usr/share/asterisk/moh", 0, &music), 0);
    cr_assert(speech > 600 && music > 600, "material is missing: %u s of speech, %u s of music", speech, music);
}
