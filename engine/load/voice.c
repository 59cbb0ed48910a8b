/* Voice: see voice.h. */
#include "engine/load/voice.h"
#include "engine/base/rand.h"
#include "media/codec/g711.h"
#include "media/codec/resample.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME = JN_VOICE_RATE / 50, KEY = 8, HISS = 200, PEAK = 12000, BYTES_MAX = 320 };

static double noise(uint64_t *seed)
{
    return (double)(int64_t)(jn_splitmix(seed) >> 11) / (double)(INT64_C(1) << 52) - 1.0;
}

/* Noise through three resonances, where vowels have theirs, four syllables a second, never silent: what is silent
 * cannot be measured. */
static void speak(int16_t *out, uint32_t n, uint64_t seed)
{
    static const double hz[3] = {600, 1400, 2500}, width[3] = {250, 400, 600}, weight[3] = {1.0, 0.8, 0.7};
    const double pi = 3.14159265358979323846;
    double a[3], b[3], y1[3] = {0}, y2[3] = {0}, loud = 1, aim = 1;
    for (unsigned k = 0; k < 3; k++) {
        double r = exp(-pi * width[k] / JN_VOICE_RATE);
        a[k] = 2 * r * cos(2 * pi * hz[k] / JN_VOICE_RATE);
        b[k] = -r * r;
    }
    for (uint32_t i = 0; i < n; i++) {
        double x = noise(&seed), sum = 0.3 * x;
        if (i % (JN_VOICE_RATE / 8) == 0)
            aim = 0.45 + 0.55 * fabs(noise(&seed));
        loud += (aim - loud) * 0.004;
        for (unsigned k = 0; k < 3; k++) {
            double y = x * 0.25 + a[k] * y1[k] + b[k] * y2[k];
            y2[k] = y1[k];
            y1[k] = y;
            sum += weight[k] * y;
        }
        double v = sum * loud * 5000;
        out[i] = (int16_t)(v > PEAK ? PEAK : v < -PEAK ? -PEAK : v);
    }
}

/* The user's sound again and again, hiss under it: louder where the sound is, so that steps of G.711 show it there. */
static void play(int16_t *out, uint32_t n, const int16_t *wav, uint32_t wav_n, uint64_t seed)
{
    for (uint32_t i = 0; i < n; i++) {
        int sound = wav[i % wav_n], hiss = HISS + abs(sound) / 8;
        int v = sound + (int)(noise(&seed) * hiss);
        out[i] = (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
    }
}

static uint32_t period(uint32_t wav_n)
{
    uint32_t n = wav_n ? wav_n : JN_VOICE_PERIOD_MIN;
    while (n < JN_VOICE_PERIOD_MIN)
        n += wav_n;
    n = n < JN_VOICE_PERIOD_MAX ? n : JN_VOICE_PERIOD_MAX;
    return n / (2 * FRAME) * (2 * FRAME);
}

static int index_coded(struct jn_voice *v, unsigned law)
{
    uint64_t key;
    for (uint32_t i = 0; i < v->n; i++) {
        memcpy(&key, v->coded[law] + i, KEY);
        uint32_t place = jn_map_get(&v->find[law], key) == JN_MAP_NONE ? i : JN_VOICE_TWICE;
        if (key && jn_map_set(&v->find[law], key, place) < 0)
            return -ENOMEM;
    }
    return 0;
}

int jn_voice_make(struct jn_voice **out, const int16_t *wav, uint32_t n, uint64_t seed, struct jn_err *err)
{
    struct jn_voice *v = calloc(1, sizeof *v);
    if (!v)
        return jn_fail(err, -ENOMEM, "no memory for the voice");
    v->n = period(wav ? n : 0);
    size_t all = v->n + JN_VOICE_BEYOND;
    v->pcm = malloc(all * sizeof *v->pcm);
    v->less = malloc(all * sizeof *v->less);
    bool good = v->pcm && v->less;
    for (unsigned law = 0; law < 2; law++) {
        v->coded[law] = malloc(all);
        good &= v->coded[law] && jn_map_init(&v->find[law], v->n) == 0;
    }
    if (good && wav && n)
        play(v->pcm, v->n, wav, n, seed);
    else if (good)
        speak(v->pcm, v->n, seed);
    if (good)
        memcpy(v->pcm + v->n, v->pcm, JN_VOICE_BEYOND * sizeof *v->pcm);
    for (size_t i = 0; i < all && good; i++)
        v->less[i] = (int16_t)(v->pcm[i] >> 4);
    for (unsigned law = 0; law < 2 && good; law++) {
        jn_codec_encode(law ? JN_CODEC_PCMA : JN_CODEC_PCMU, v->coded[law], v->pcm, (unsigned)all);
        good = index_coded(v, law) == 0;
    }
    if (!good) {
        jn_voice_free(v);
        return jn_fail(err, -ENOMEM, "no memory for the voice");
    }
    *out = v;
    return 0;
}

void jn_voice_free(struct jn_voice *v)
{
    if (!v)
        return;
    for (unsigned law = 0; law < 2; law++) {
        free(v->coded[law]);
        jn_map_free(&v->find[law]);
    }
    for (unsigned c = 0; c < JN_CODEC_N; c++) {
        free(v->frames[c]);
        free(v->bytes[c]);
    }
    free(v->pcm);
    free(v->less);
    free(v);
}

uint32_t jn_voice_linear_rate(uint8_t codec)
{
    return codec == JN_CODEC_G722 ? 2 * JN_VOICE_RATE : JN_VOICE_RATE;
}

/* Each phase's frames by an encoder of its own that goes twice around: what it says the second time follows itself. */
static int encode_phase(struct jn_voice *v, const struct jn_codec_ops *ops, uint8_t codec, unsigned phase, void *state,
                        size_t *at)
{
    static const struct jn_codec_profile profile = {.complexity = 5};
    uint32_t frames = v->n / FRAME, rate = jn_voice_linear_rate(codec),
             ahead = rate == JN_VOICE_RATE ? 0 : JN_VOICE_RESAMPLED;
    struct jn_resample up;
    int rc = ops->encoder_init ? ops->encoder_init(state, rate, &profile) : 0;
    jn_resample_init(&up, JN_VOICE_RATE, rate);
    for (uint32_t i = 0; i < 2 * frames && rc >= 0; i++) {
        struct jn_voice_frame *f = &v->frames[codec][phase * frames + i % frames];
        uint32_t from = (i % frames * FRAME + phase * (FRAME / JN_VOICE_PHASES) + ahead) % v->n;
        int16_t pcm[2 * FRAME];
        uint8_t bytes[BYTES_MAX];
        unsigned n = jn_resample(&up, pcm, v->pcm + from, FRAME);
        rc = ops->encode(state, bytes, sizeof bytes, pcm, n);
        if (rc < 0 || i < frames)
            continue;
        *f = (struct jn_voice_frame){.len = (uint16_t)rc, .at = (uint32_t)*at};
        memcpy(v->bytes[codec] + *at, bytes, (size_t)rc);
        *at += (size_t)rc;
    }
    return rc < 0 ? rc : 0;
}

int jn_voice_encode(struct jn_voice *v, uint8_t codec, struct jn_err *err)
{
    const struct jn_codec_ops *ops = jn_codec(codec);
    unsigned phases = codec == JN_CODEC_G722 ? 1 : JN_VOICE_PHASES; /* its frames can be cut */
    size_t frames = (size_t)v->n / FRAME * phases, at = 0;
    if (!ops)
        return jn_fail(err, -ENOTSUP, "this program does not have that codec");
    if (codec <= JN_CODEC_PCMA || v->frames[codec])
        return 0;
    size_t bytes = ops->encoder_bytes ? ops->encoder_bytes(jn_voice_linear_rate(codec)) : 0;
    void *state = aligned_alloc(64, (bytes + 64) / 64 * 64);
    v->frames[codec] = calloc(frames, sizeof *v->frames[codec]);
    v->bytes[codec] = malloc(frames * BYTES_MAX + JN_VOICE_BEYOND);
    int rc = state && v->frames[codec] && v->bytes[codec] ? 0 : -ENOMEM;
    for (unsigned phase = 0; phase < phases && rc == 0; phase++)
        rc = encode_phase(v, ops, codec, phase, state, &at);
    if (codec == JN_CODEC_G722 && rc == 0)
        memcpy(v->bytes[codec] + at, v->bytes[codec], JN_VOICE_BEYOND);
    free(state);
    return rc < 0 ? jn_fail(err, rc, "the voice cannot be encoded in %s: %s", ops->name, strerror(-rc)) : 0;
}

uint32_t jn_voice_at(const struct jn_voice *v, uint64_t time_ns, bool answers)
{
    return (uint32_t)((time_ns / JN_VOICE_SAMPLE_NS + (answers ? v->n / 2 : 0)) % v->n);
}

bool jn_voice_has(const struct jn_voice *v, uint8_t codec, unsigned ms)
{
    if (ms < 10 || ms > 60)
        return false;
    return codec <= JN_CODEC_PCMA ||
           (v && codec < JN_CODEC_N && v->frames[codec] && (codec == JN_CODEC_G722 || ms == 20));
}

const uint8_t *jn_voice_payload(const struct jn_voice *v, uint8_t codec, uint64_t time_ns, unsigned ms, bool answers,
                                uint16_t *len)
{
    uint32_t samples = ms * (JN_VOICE_RATE / 1000), at = jn_voice_at(v, time_ns - samples * UINT64_C(125000), answers);
    if (codec <= JN_CODEC_PCMA || codec == JN_CODEC_G722) { /* a byte a sample */
        *len = (uint16_t)samples;
        return (codec == JN_CODEC_G722 ? v->bytes[codec] : v->coded[codec]) + at;
    }
    uint32_t phase = at % FRAME / (FRAME / JN_VOICE_PHASES);
    const struct jn_voice_frame *f = &v->frames[codec][phase * (v->n / FRAME) + at / FRAME];
    *len = f->len;
    return v->bytes[codec] + f->at;
}

uint64_t jn_voice_ago(const struct jn_voice *v, uint32_t sample, uint64_t time_ns)
{
    uint64_t all = (uint64_t)v->n * JN_VOICE_SAMPLE_NS;
    return (time_ns % all + all - (uint64_t)sample * JN_VOICE_SAMPLE_NS) % all;
}
