/* The ops table: G.722 and Opus, and the resampler. */
#include "engine/base/cpu.h"
#include "engine/base/rand.h"
#include "media/codec/codec.h"
#include "media/codec/resample_state.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

TestSuite(codec, .timeout = 60);

enum { STATE_MAX = 65536 };
static _Alignas(64) uint8_t enc[STATE_MAX], dec[STATE_MAX];

static double tone(int16_t *out, unsigned n, uint32_t rate, double hz, double level, double phase)
{
    for (unsigned i = 0; i < n; i++)
        out[i] = (int16_t)lrint(level * sin(phase + 2 * M_PI * hz * i / rate));
    return phase + 2 * M_PI * hz * n / rate;
}

/* Power of one frequency in x, and of everything. */
static void power(const int16_t *x, unsigned n, uint32_t rate, double hz, double *at, double *all)
{
    double re = 0, im = 0, sum = 0;
    for (unsigned i = 0; i < n; i++) {
        re += x[i] * cos(2 * M_PI * hz * i / rate);
        im += x[i] * sin(2 * M_PI * hz * i / rate);
        sum += (double)x[i] * x[i];
    }
    *at = 2 * (re * re + im * im) / n / n;
    *all = sum / n;
}

static uint32_t hash(uint32_t h, const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * 16777619u;
    return h;
}

static uint32_t next(uint32_t *seed)
{
    return *seed = *seed * 1664525u + 1013904223u;
}

Test(codec, the_table_says_what_rfc_3551_and_7587_say)
{
    static const struct {
        const char *name;
        uint32_t clock, rate;
        uint8_t pt;
    } v[JN_CODEC_N] = {
        {"PCMU", 8000, 8000, 0}, {"PCMA", 8000, 8000, 8}, {"G722", 8000, 16000, 9}, {"opus", 48000, 48000, 255}};
    for (uint8_t i = 0; i < JN_CODEC_N; i++) {
        const struct jn_codec_ops *c = jn_codec(i);
        cr_assert_str_eq(c->name, v[i].name);
        cr_assert(c->clock == v[i].clock && c->rate == v[i].rate && c->static_pt == v[i].pt, "%s", c->name);
        cr_assert(c->decoder_bytes(c->rate) % 64 == 0 && c->decoder_bytes(c->rate) <= STATE_MAX);
        cr_assert(c->encoder_bytes(c->rate) % 64 == 0 && c->encoder_bytes(c->rate) <= STATE_MAX);
        cr_assert_eq(c->decoder_init(dec, 44100), -EINVAL, "%s has no 44.1 kHz", c->name);
    }
    cr_assert_null(jn_codec(JN_CODEC_N));
}

/* Noise, tones, silence, clipping and sweeps through G.722, hashed (FNV-1a) as spandsp 0.0.6 codes and decodes them.
 * Where the decoder's filter overflows spandsp wraps around and this one clips (G.722 4.4.3): the decoder's hash is of
 * sound that does not overflow. */
Test(codec, g722_gives_the_bits_of_an_independent_one)
{
    const struct jn_codec_ops *g = jn_codec(JN_CODEC_G722);
    uint32_t seed = 1, coded = 2166136261u, decoded = coded;
    int16_t pcm[320], back[320];
    uint8_t bytes[160];
    cr_assert_eq(g->encoder_init(enc, 16000, NULL), 0);
    cr_assert_eq(g->decoder_init(dec, 16000), 0);
    for (int f = 0; f < 600; f++) {
        for (int i = 0, kind = f / 20 % 5; i < 320; i++) {
            uint32_t r = next(&seed) >> 16;
            int saw = (f * 320 + i) * (f % 20 + 1) * 97 % 16384 - 8192;
            pcm[i] = (int16_t)(kind == 0   ? (int)r - 32768
                               : kind == 1 ? saw
                               : kind == 2 ? 0
                               : kind == 3 ? (r & 1 ? 32767 : -32768)
                                           : (int)(r & 63));
        }
        cr_assert_eq(g->encode(enc, bytes, 160, pcm, 320), 160);
        coded = hash(coded, bytes, 160);
        if (f / 20 % 5 == 3 || f / 20 % 5 == 0)
            continue;
        cr_assert_eq(g->decode(dec, back, 320, bytes, 160), 320);
        decoded = hash(decoded, back, sizeof back);
    }
    cr_assert_eq(coded, 0x16d8956e, "%08x", coded);
    cr_assert_eq(decoded, 0x5fd150e6, "%08x", decoded);
}

/* The lowest ratio that a tone keeps through a codec, in dB. */
static double snr(uint8_t id, uint32_t rate, double hz, unsigned ms)
{
    const struct jn_codec_ops *c = jn_codec(id);
    struct jn_codec_profile p = {.bitrate = 32000, .complexity = 5};
    int16_t pcm[2880], back[5760], tail[48000];
    uint8_t bytes[JN_CODEC_BYTES_MAX];
    unsigned n = rate / 1000 * ms, kept = 0;
    double phase = 0, at, all;
    cr_assert_eq(c->encoder_init(enc, rate, &p), 0);
    cr_assert_eq(c->decoder_init(dec, rate), 0);
    for (unsigned t = 0; t < 1500; t += ms) {
        phase = tone(pcm, n, rate, hz, 8000, phase);
        int len = c->encode(enc, bytes, sizeof bytes, pcm, n);
        cr_assert(len > 0, "%s %u ms: %d", c->name, ms, len);
        cr_assert_eq(c->duration(bytes, (unsigned)len), (int)(c->clock / 1000 * ms));
        cr_assert_eq(c->decode(dec, back, 5760, bytes, (unsigned)len), (int)n);
        if (t >= 600 && kept + n <= rate / 25 * 12) {
            memcpy(tail + kept, back, n * sizeof *back);
            kept += n;
        }
    }
    power(tail, kept, rate, hz, &at, &all);
    return 10 * log10(at / (all - at));
}

Test(codec, a_tone_survives_every_codec_rate_and_packet_time)
{
    static const unsigned ms[] = {10, 20, 40, 60}, rates[] = {8000, 16000, 48000};
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_gt(snr(JN_CODEC_PCMU, 8000, 500, ms[i]), 30);
        cr_assert_gt(snr(JN_CODEC_PCMA, 8000, 500, ms[i]), 30);
        cr_assert_gt(snr(JN_CODEC_G722, 16000, 500, ms[i]), 30);
        for (unsigned r = 0; r < 3; r++) {
            double got = snr(JN_CODEC_OPUS, rates[r], 500, ms[i]);
            cr_assert_gt(got, 15, "opus %u Hz %u ms: %.1f dB", rates[r], ms[i], got);
        }
    }
    cr_assert_gt(snr(JN_CODEC_G722, 16000, 5000, 20), 20, "what G.711 cannot carry");
}

Test(codec, bounds_are_kept_and_nothing_is_written_past_them)
{
    uint8_t bytes[JN_CODEC_BYTES_MAX + 1] = {0x7f};
    int16_t pcm[5760];
    for (uint8_t i = 0; i < JN_CODEC_N; i++) {
        const struct jn_codec_ops *c = jn_codec(i);
        cr_assert_eq(c->decoder_init(dec, c->rate), 0);
        cr_assert_eq(c->encoder_init(enc, c->rate, NULL), 0);
        cr_assert_eq(c->duration(bytes, 0), -EBADMSG);
        cr_assert_eq(c->duration(bytes, sizeof bytes), -EBADMSG);
        if (i == JN_CODEC_OPUS)
            continue;
        cr_assert_eq(c->decode(dec, pcm, 159, bytes, 160), -ENOSPC);
        cr_assert_eq(c->encode(enc, bytes, 79, pcm, c->rate / 50), -ENOSPC);
    }
    const struct jn_codec_ops *o = jn_codec(JN_CODEC_OPUS);

    cr_assert_eq(o->duration((const uint8_t[]){0x0b, 0x46}, 2), -EBADMSG, "120 ms are more than 60");
    cr_assert_eq(o->decode(dec, pcm, 5760, (const uint8_t[]){0xff}, 1), -EBADMSG, "code 3 without a count");
    cr_assert_eq(o->decode(dec, pcm, 100, (const uint8_t[]){0x08}, 1), -ENOSPC, "20 ms do not fit");
}

/* Speech-like enough for SILK: a sum of harmonics whose level moves. */
static void voice(int16_t *out, unsigned n, unsigned at)
{
    for (unsigned i = 0; i < n; i++) {
        double t = (at + i) / 16000.0, v = 0;
        for (int h = 1; h < 12; h++)
            v += sin(2 * M_PI * 140 * h * t + h) / h;
        out[i] = (int16_t)lrint(v * 3000 * (0.6 + 0.4 * sin(2 * M_PI * 3 * t)));
    }
}

/* Of a packet that was lost, how near the concealed sound is to the one that was sent, in dB. */
static double recovered(bool redundancy)
{
    const struct jn_codec_ops *o = jn_codec(JN_CODEC_OPUS);
    struct jn_codec_profile p = {.bitrate = 24000, .complexity = 5, .loss_percent = 30, .fec = true};
    static _Alignas(64) uint8_t whole[STATE_MAX];
    int16_t pcm[320], good[320], made[320];
    uint8_t now[480], before[480];
    int len, before_len = 0;
    double signal = 0, error = 0;
    cr_assert_eq(o->encoder_init(enc, 16000, &p), 0);
    cr_assert_eq(o->decoder_init(dec, 16000), 0);
    cr_assert_eq(o->decoder_init(whole, 16000), 0);
    for (unsigned f = 0; f < 100; f++) {
        voice(pcm, 320, f * 320);
        len = o->encode(enc, now, sizeof now, pcm, 320);
        cr_assert_gt(len, 0);
        if (f > 0)
            cr_assert_eq(o->decode(whole, good, 320, before, (unsigned)before_len), 320);
        if (f > 0 && f % 5 == 0) { /* `before` was lost */
            cr_assert_eq(o->conceal(dec, made, 320, redundancy ? now : NULL, redundancy ? (unsigned)len : 0), 320);
            for (int i = 0; i < 320; i++) {
                signal += (double)good[i] * good[i];
                error += (double)(good[i] - made[i]) * (good[i] - made[i]);
            }
        } else if (f > 0) {
            cr_assert_eq(o->decode(dec, made, 320, before, (unsigned)before_len), 320);
        }
        memcpy(before, now, (size_t)len);
        before_len = len;
    }
    return 10 * log10(signal / error);
}

Test(codec, opus_redundancy_repairs_better_than_invention)
{
    double invented = recovered(false), repaired = recovered(true);
    cr_assert_gt(repaired, invented + 3, "invented %.1f dB, repaired %.1f dB", invented, repaired);
}

Test(codec, opus_sends_nothing_in_silence_with_dtx)
{
    const struct jn_codec_ops *o = jn_codec(JN_CODEC_OPUS);
    struct jn_codec_profile p = {.bitrate = 24000, .complexity = 5, .dtx = true};
    int16_t pcm[320] = {0};
    uint8_t bytes[480];
    unsigned sent = 0;
    cr_assert_eq(o->encoder_init(enc, 16000, &p), 0);
    for (int f = 0; f < 100; f++)
        sent += o->encode(enc, bytes, sizeof bytes, pcm, 320) > 0;
    cr_assert_lt(sent, 40, "%u packets in two seconds of silence", sent);
}

static const uint32_t rates[] = {8000, 16000, 48000};

Test(codec, resampling_is_flat_and_does_not_alias)
{
    static int16_t in[48000], out[48000];
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) {
            uint32_t from = rates[a], to = rates[b], low = from < to ? from : to;
            for (double hz = 100; hz < from / 2; hz *= 1.07) {
                struct jn_resample r;
                double at, all;
                double share = hz / low * 2;
                tone(in, from, from, rint(hz), 10000, 0);
                jn_resample_init(&r, from, to);
                unsigned n = 0;
                for (unsigned i = 0; i < from; i += from / 50)
                    n += jn_resample(&r, out + n, in + i, from / 50);
                cr_assert_eq(n, to);
                n = to / 2; /* without the beginning */
                power(out + to / 2, n, to, rint(hz), &at, &all);
                double db = 10 * log10(all / 5e7);
                if (share < 0.89) {
                    cr_assert(db > -0.2 && db < 0.2, "%u to %u: %.0f Hz passes with %.2f dB", from, to, hz, db);
                    cr_assert_lt(10 * log10((all - at) / all + 1e-12), -60, "%u to %u: %.0f Hz has images", from, to,
                                 hz);
                } else if (share > 1.12) {
                    cr_assert_lt(db, -60, "%u to %u: %.0f Hz comes back with %.2f dB", from, to, hz, db);
                }
            }
        }
}

Test(codec, resampling_is_the_same_in_pieces_and_on_every_instruction_set)
{
    static int16_t in[4800], one[28800], two[28800];
    uint32_t seed = 7;
    for (int k = 0; k < 2; k++)
        for (int a = 0; a < 3; a++)
            for (int b = 0; b < 3; b++) {
                struct jn_resample r, q;
                unsigned step = rates[a] > rates[b] ? rates[a] / rates[b] : 1, n = 4800, m = 0;
                for (unsigned i = 0; i < n; i++)
                    in[i] = k ? (int16_t)(next(&seed) >> 16) : next(&seed) >> 31 ? 32767 : -32768;
                jn_resample_init(&r, rates[a], rates[b]);
                jn_resample_init(&q, rates[a], rates[b]);
                unsigned all = jn_resample(&r, one, in, n);
                for (unsigned i = 0; i < n;) {
                    unsigned part = (next(&seed) >> 24) % 50 * step;
                    part = part > n - i ? n - i : part;
                    m += jn_resample(&q, two + m, in + i, part);
                    i += part;
                }
                cr_assert(all == m && memcmp(one, two, m * sizeof *one) == 0, "%u to %u", rates[a], rates[b]);
            }
    if (jn_cpu_isa() < JN_ISA_AVX2)
        return;
    for (unsigned n = 0; n < 40; n++) {
        jn_resample_plain.up(one, in, n, jn_resample_up3, 3);
        jn_resample_avx2.up(two, in, n, jn_resample_up3, 3);
        cr_assert_eq(memcmp(one, two, 3 * n * sizeof *one), 0, "up, %u", n);
        jn_resample_plain.down(one, in, n, jn_resample_down6, 240, 6);
        jn_resample_avx2.down(two, in, n, jn_resample_down6, 240, 6);
        cr_assert_eq(memcmp(one, two, n * sizeof *one), 0, "down, %u", n);
    }
}
