/* Voice: the sound that test parties speak. It carries time: one period of samples, spoken by everybody in step with
 * one clock, so that whoever hears a piece of it knows when it was said, however often RTP was rewritten on its way.
 * Callers begin at the period's begin, those who answer at its middle: a party hears whether it hears the other one or
 * itself. Built in is noise with the spectrum and the syllables of speech; a sound of the user's is spoken over a
 * little noise, which makes every moment of it unlike every other. */
#ifndef JN_LOAD_VOICE_H
#define JN_LOAD_VOICE_H

#include "engine/base/err.h"
#include "engine/base/map.h"
#include "media/codec/codec.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JN_VOICE_RATE = 8000,
    JN_VOICE_SAMPLE_NS = 125000,
    JN_VOICE_PERIOD_MIN = 8 * JN_VOICE_RATE, /* at least so many samples; delays up to half of it can be told */
    JN_VOICE_PERIOD_MAX = 120 * JN_VOICE_RATE,
    JN_VOICE_BEYOND = JN_VOICE_RATE / 5, /* so many samples stand behind the period's end once more */
    JN_VOICE_PHASES = 4,                 /* framed codecs: frames begin at so many places of 20 ms */
    JN_VOICE_RESAMPLED = 24              /* samples by which a change of rate delays (media/codec/resample.h) */
};
#define JN_VOICE_TWICE (UINT32_MAX - 1)
/* One 20 ms frame of a codec whose frames cannot be cut. */
struct jn_voice_frame {
    uint16_t len;
    uint32_t at;
};
/* n: samples of a period, a multiple of 320. pcm: n + BEYOND; less: without the last four
 * bits, for correlation. coded: the same in G.711 of both laws. find: where eight
 * coded bytes stand, TWICE: at more than one place. frames: of a framed codec, n / 160 for each of the phases, in
 * bytes; of G.722 what stands at BEYOND once more too, for a packet may begin at any byte. */
struct jn_voice {
    uint32_t n;
    int16_t *pcm, *less;
    uint8_t *coded[2];
    struct jn_map find[2];
    struct jn_voice_frame *frames[JN_CODEC_N];
    uint8_t *bytes[JN_CODEC_N];
};
/* wav: n samples at 8 kHz, NULL for the built-in voice. The same seed gives the same sound. 0 or -errno. */
int jn_voice_make(struct jn_voice **out, const int16_t *wav, uint32_t n, uint64_t seed, struct jn_err *err);
/* The rate of linear sound at which a codec is fed and listened to: 8 kHz where it can, else (G.722) its own. */
uint32_t jn_voice_linear_rate(uint8_t codec);
/* Encodes the period for a framed codec (G.722, Opus); G.711 is always there. -ENOTSUP: not in this program. */
int jn_voice_encode(struct jn_voice *v, uint8_t codec, struct jn_err *err);
void jn_voice_free(struct jn_voice *v);
/* The sample that is spoken at that time, by a caller or by one who answers. */
uint32_t jn_voice_at(const struct jn_voice *v, uint64_t time_ns, bool answers);
/* Whether packets of that length, 10 to 60 ms, can be made: of Opus only those of 20 ms are there. */
bool jn_voice_has(const struct jn_voice *v, uint8_t codec, unsigned ms);
/* The payload of the packet that leaves at that time: the ms before it. Its bytes stay the voice's. */
const uint8_t *jn_voice_payload(const struct jn_voice *v, uint8_t codec, uint64_t time_ns, unsigned ms, bool answers,
                                uint16_t *len);
/* When a caller said what stands at that sample, heard at time_ns: nanoseconds ago, 0 .. the period. Half a period or
 * more: it was the one who answers, that much less ago. */
uint64_t jn_voice_ago(const struct jn_voice *v, uint32_t sample, uint64_t time_ns);

#endif
