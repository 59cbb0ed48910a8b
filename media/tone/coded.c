/* Coded: the frames of a sound, wanted by workers, made by one thread of the engine. */
#include "media/tone/coded.h"
#include "media/codec/codec.h"
#include "media/codec/resample.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { PERIOD = 160, FRAMED = JN_CODEC_N - JN_CODEC_G722 };

/* at[i]..at[i + 1]: where frame i's bytes lie. */
struct frames {
    uint32_t n, *at;
    uint8_t bytes[];
};
/* of[codec - JN_CODEC_G722]: published with release when whole, taken with acquire by whoever plays it. wanted: a bit
 * for each codec that was asked for; a hint, so relaxed. failed: as bits, of those that could not be made. */
struct jn_sound_frames {
    _Atomic(struct frames *) of[FRAMED];
    _Atomic uint8_t wanted;
    uint8_t failed;
};

struct jn_sound_frames *jn_sound_frames_new(void)
{
    return calloc(1, sizeof(struct jn_sound_frames));
}

static void frames_free(struct frames *f)
{
    if (f != NULL)
        free(f->at);
    free(f);
}

void jn_sound_frames_free(struct jn_sound_frames *f)
{
    for (unsigned i = 0; f != NULL && i < FRAMED; i++)
        frames_free(atomic_load_explicit(&f->of[i], memory_order_relaxed));
    free(f);
}

const uint8_t *jn_sound_coded(const struct jn_sound *s, uint8_t codec, uint32_t off, unsigned *len)
{
    *len = PERIOD;
    if (codec <= JN_CODEC_PCMA)
        return s->coded[codec] + off;
    unsigned i = codec - JN_CODEC_G722;
    /* Pairs with the release in make_one: its bytes are written before it is seen. */
    const struct frames *f = atomic_load_explicit(&s->frames->of[i], memory_order_acquire);
    if (f == NULL) {
        if (!(atomic_load_explicit(&s->frames->wanted, memory_order_relaxed) & 1u << i))
            atomic_fetch_or_explicit(&s->frames->wanted, (uint8_t)(1u << i), memory_order_relaxed);
        return NULL;
    }
    *len = f->at[off / PERIOD + 1] - f->at[off / PERIOD];
    return f->bytes + f->at[off / PERIOD];
}

/* One sound through an encoder: each period at the rate that the codec is given it. Opus takes the 8 kHz as they are.
 */
static struct frames *encode(const struct jn_sound *s, uint8_t codec)
{
    static const struct jn_codec_profile profile = {.bitrate = 24000, .complexity = 3};
    const struct jn_codec_ops *c = jn_codec(codec);
    uint32_t rate = codec == JN_CODEC_OPUS ? 8000 : c->rate, n = s->n / PERIOD;
    size_t room = (size_t)n * (codec == JN_CODEC_OPUS ? 256 : PERIOD), used = 0;
    struct frames *f = malloc(sizeof *f + room);
    uint32_t *at = malloc((n + 1) * sizeof *at);
    void *state = aligned_alloc(64, c->encoder_bytes(rate));
    struct jn_resample up;
    int16_t pcm[JN_PERIOD_MAX];
    int len = 0;

    if (f == NULL || at == NULL || state == NULL || c->encoder_init(state, rate, &profile) < 0)
        len = -1;
    jn_resample_init(&up, 8000, rate);
    for (uint32_t i = 0; len >= 0 && i < n; i++) {
        unsigned samples = jn_resample(&up, pcm, s->pcm + (size_t)i * PERIOD, PERIOD);
        at[i] = (uint32_t)used;
        len = c->encode(state, f->bytes + used, room - used < 256 ? (unsigned)(room - used) : 256, pcm, samples);
        used += len > 0 ? (size_t)len : 0;
    }
    free(state);
    if (len < 0) {
        free(f);
        free(at);
        return NULL;
    }
    at[n] = (uint32_t)used;
    struct frames *fitting = realloc(f, sizeof *f + used);
    f = fitting != NULL ? fitting : f;
    f->n = n;
    f->at = at;
    return f;
}

static bool make_one(const struct jn_sound *s)
{
    struct jn_sound_frames *to = s->frames;
    uint8_t wanted = atomic_load_explicit(&to->wanted, memory_order_relaxed) & (uint8_t)~to->failed;

    for (uint8_t i = 0; i < FRAMED; i++) {
        if (!(wanted & 1u << i) || atomic_load_explicit(&to->of[i], memory_order_relaxed) != NULL)
            continue;
        struct frames *f = encode(s, (uint8_t)(JN_CODEC_G722 + i));
        if (f == NULL)
            to->failed |= (uint8_t)(1u << i); /* it is encoded while it plays, as before */
        /* Pairs with the acquire in jn_sound_coded. */
        atomic_store_explicit(&to->of[i], f, memory_order_release);
        return true;
    }
    return false;
}

bool jn_sounds_code(const struct jn_sounds *s)
{
    for (uint16_t i = 0; i < s->n; i++)
        if (make_one(&s->at[i]))
            return true;
    return false;
}
