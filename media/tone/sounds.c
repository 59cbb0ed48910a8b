/* Sounds: keeping prompts and music; reading RIFF WAV from memory. No file is opened here. */
#include "media/tone/sounds.h"
#include "engine/base/str.h"
#include "media/codec/g711.h"
#include "media/tone/coded.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PERIOD = 160, SAMPLES_MAX = 8000 * 3600 /* an hour */ };

static void free_sound(struct jn_sound *s)
{
    free(s->pcm);
    for (unsigned c = 0; c <= JN_CODEC_PCMA; c++)
        free(s->coded[c]);
    jn_sound_frames_free(s->frames);
    memset(s, 0, sizeof *s);
}

static int grow(struct jn_sounds *s)
{
    if (s->n < s->cap)
        return 0;
    if (s->n >= JN_SOUND_NONE - 1)
        return -E2BIG;
    unsigned cap = s->cap ? s->cap * 2u : 16;
    cap = cap < JN_SOUND_NONE ? cap : JN_SOUND_NONE - 1;
    struct jn_sound *at = realloc(s->at, cap * sizeof *at);
    if (!at)
        return -ENOMEM;
    s->at = at;
    s->cap = (uint16_t)cap;
    return 0;
}

int jn_sounds_add(struct jn_sounds *s, const char *name, const int16_t *pcm, uint32_t n)
{
    struct jn_sound new = {.n = (n + PERIOD - 1) / PERIOD * PERIOD};

    if (n == 0)
        return -EINVAL;
    if (n > SAMPLES_MAX || !jn_copy(new.name, sizeof new.name, name))
        return -E2BIG;
    if (jn_sounds_find(s, name) != JN_SOUND_NONE)
        return -EEXIST;
    int rc = grow(s);
    if (rc < 0)
        return rc;
    new.pcm = calloc(new.n, sizeof *new.pcm);
    new.frames = jn_sound_frames_new();
    if (!new.pcm || !new.frames) {
        free_sound(&new);
        return -ENOMEM;
    }
    memcpy(new.pcm, pcm, n * sizeof *pcm);
    for (unsigned c = 0; c <= JN_CODEC_PCMA; c++) {
        new.coded[c] = malloc(new.n);
        if (!new.coded[c]) {
            free_sound(&new);
            return -ENOMEM;
        }
        jn_codec_encode((enum jn_codec_id)c, new.coded[c], new.pcm, new.n);
    }
    s->at[s->n] = new;
    return s->n++;
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static unsigned le16(const uint8_t *p)
{
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static int check_format(const uint8_t *fmt, uint32_t len, struct jn_err *err)
{
    if (len < 16)
        return jn_fail(err, -EBADMSG, "the fmt chunk has %u bytes, at least 16 are needed", len);
    unsigned format = le16(fmt), channels = le16(fmt + 2), bits = le16(fmt + 14);
    uint32_t rate = le32(fmt + 4);
    if (format != 1 || channels != 1 || rate != 8000 || bits != 16)
        return jn_fail(err, -ENOTSUP, "format %u, %u channels, %u Hz, %u bits; needed: PCM (1), mono, 8000 Hz, 16 bits",
                       format, channels, rate, bits);
    return 0;
}

static int add_data(struct jn_sounds *s, const char *name, const uint8_t *data, uint32_t bytes, struct jn_err *err)
{
    uint32_t n = bytes / 2;

    if (n == 0)
        return jn_fail(err, -EINVAL, "it holds no sample");
    if (n > SAMPLES_MAX)
        return jn_fail(err, -E2BIG, "it is longer than an hour");
    int16_t *pcm = malloc(n * sizeof *pcm);
    if (!pcm)
        return jn_fail(err, -ENOMEM, "no memory for %u samples", n);
    for (uint32_t i = 0; i < n; i++)
        pcm[i] = (int16_t)le16(data + 2 * (size_t)i);
    int rc = jn_sounds_add(s, name, pcm, n);
    free(pcm);
    if (rc < 0)
        jn_fail(err, rc, "sound \"%s\": %s", name, strerror(-rc));
    return rc;
}

/* Chunks are padded to even length; unknown ones are skipped; a data chunk that says more than there is (written by a
 * pipe) is taken as far as it goes. */
int jn_sounds_add_wav(struct jn_sounds *s, const char *name, const void *wav, size_t len, struct jn_err *err)
{
    const uint8_t *p = wav;
    bool format_seen = false;

    if (len < 12 || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WAVE", 4) != 0)
        return jn_fail(err, -EBADMSG, "not a RIFF WAVE file");
    for (size_t off = 12; len - off >= 8;) {
        const uint8_t *chunk = p + off;
        uint32_t size = le32(chunk + 4);
        size_t left = len - off - 8;
        bool data = memcmp(chunk, "data", 4) == 0;
        if (size > left && !data)
            return jn_fail(err, -EBADMSG, "a chunk at byte %zu goes past the end", off);
        if (data && !format_seen)
            return jn_fail(err, -EBADMSG, "data comes before the format");
        if (data)
            return add_data(s, name, chunk + 8, size < left ? size : (uint32_t)left, err);
        if (memcmp(chunk, "fmt ", 4) == 0) {
            int rc = check_format(chunk + 8, size, err);
            if (rc < 0)
                return rc;
            format_seen = true;
        }
        size_t step = 8 + (size_t)size + (size & 1);
        if (step > len - off)
            break;
        off += step;
    }
    return jn_fail(err, -EBADMSG, "there is no data chunk");
}

uint16_t jn_sounds_find(const struct jn_sounds *s, const char *name)
{
    for (uint16_t i = 0; i < s->n; i++)
        if (strcmp(s->at[i].name, name) == 0)
            return i;
    return JN_SOUND_NONE;
}

void jn_sounds_free(struct jn_sounds *s)
{
    for (uint16_t i = 0; i < s->n; i++)
        free_sound(&s->at[i]);
    free(s->at);
    *s = (struct jn_sounds){0};
}
