/* Sounds: prompts and music, loaded once before workers start, immutable and shared: linear samples and each codec's
 * bytes, so that a listener costs a copy and not an encoding. Files are read by engine/app; here they are only kept. */
#ifndef JN_MEDIA_SOUNDS_H
#define JN_MEDIA_SOUNDS_H

#include "engine/base/err.h"
#include "media/stream/order.h"
#include <stddef.h>
#include <stdint.h>

/* 8 kHz mono. pcm: n samples; coded[c]: n bytes of codec c, PCMU and PCMA. frames: of the other codecs (coded.h). */
struct jn_sound_frames;
struct jn_sound {
    char name[64];
    int16_t *pcm;
    uint8_t *coded[JN_CODEC_PCMA + 1];
    struct jn_sound_frames *frames;
    uint32_t n;
};
struct jn_sounds {
    struct jn_sound *at;
    uint16_t n, cap;
};
#define JN_SOUND_NONE UINT16_MAX

/* Adds a copy of n samples under name, padded to whole 20 ms; returns its index or -errno (-EEXIST, -ENOMEM, -E2BIG).
 */
int jn_sounds_add(struct jn_sounds *s, const char *name, const int16_t *pcm, uint32_t n);
/* RIFF WAV, 8 kHz mono 16-bit PCM, from memory. Index or -errno with the reason. */
int jn_sounds_add_wav(struct jn_sounds *s, const char *name, const void *wav, size_t len, struct jn_err *err);
/* JN_SOUND_NONE when there is none of that name. */
uint16_t jn_sounds_find(const struct jn_sounds *s, const char *name);
void jn_sounds_free(struct jn_sounds *s);

#endif
