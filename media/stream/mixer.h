/* Mixer: what one room's period of 20 ms is worked out in: the sound of each seat at each rate that somebody listens
 * at, the mixes, and what they were encoded into. Part of state.h; one for each plane, used from room to room. */
#ifndef JN_MEDIA_STREAM_MIXER_H
#define JN_MEDIA_STREAM_MIXER_H

#include "media/codec/codec.h"
#include "media/codec/resample.h"
#include "media/codec/vad.h"
#include <stdbool.h>

/* Rates of linear sound by index. */
enum { JN_RATE_8, JN_RATE_16, JN_RATE_48, JN_RATES };
static inline unsigned jn_rate_samples(unsigned rate)
{
    return rate == JN_RATE_8 ? 160 : rate == JN_RATE_16 ? 320 : 960;
}
static inline uint32_t jn_rate_hz(unsigned rate)
{
    return 50 * jn_rate_samples(rate);
}
/* Of what is decoded from and encoded into that codec. */
uint8_t jn_rate_of(uint8_t codec);

/* One bit of a mask of seats is left over, see jn_voice.fed. */
enum { JN_SEATS = 31, JN_MADE_MAX = 64, JN_PROMPTS_MAX = 8 };

/* A voice's way to the rates that are not its own; on: those that went on in the last period. */
struct jn_rates {
    struct jn_resample to[JN_RATES];
    uint8_t on;
};

/* An encoder with state and those who hear what it makes. acc: samples that wait for a packet of more than 20 ms.
 * quiet: it had nothing to send; still: periods of silence in a row; shelf: what silence became, again and again. */
struct jn_encoder {
    _Alignas(64) uint32_t listeners, claimed;
    struct jn_codec_profile profile;
    uint8_t codec, ptime_ms;
    bool quiet;
    uint8_t still, shelf_len;
    uint16_t acc_n;
    uint8_t shelf[32];
    int16_t acc[3 * JN_PERIOD_MAX];
    _Alignas(64) uint8_t state[];
};

/* One mix, encoded: whose voices, and those of the period before, what prompt (samples at 8 kHz; NULL: none; unless it
 * begins, what it said before stands in front), in which codec. For codecs with state also how, and by which encoder;
 * listeners: how many hear it. frames: that went out of it in this period, 0 to 2, each of units RTP units, the first
 * beginning `back` units before this period. loud: of G.722, whose bytes do not tell how loud it is. */
struct jn_sort {
    const int16_t *prompt;
    uint32_t set, was;
    struct jn_codec_profile profile;
    uint8_t codec, ptime_ms;
    bool prompt_begins;
};
struct jn_made {
    struct jn_sort sort;
    uint8_t frames;
    bool marker, encoded;
    struct jn_encoder *enc;
    uint32_t listeners;
    uint16_t len[2], units, back;
    struct jn_vad_level loud;
    const uint8_t *at[2];
    uint8_t bytes[2][JN_CODEC_BYTES_MAX];
};

/* active: seats that sound; got: seats whose period was taken; summed: rates whose total is made. */
struct jn_mixer {
    uint32_t active, got, period;
    uint8_t summed;
    unsigned n, prompts;
    _Alignas(64) int32_t total8[160], total16[320], total48[JN_PERIOD_MAX];
    _Alignas(64) int16_t pcm8[JN_SEATS][160], pcm16[JN_SEATS][320], pcm48[JN_SEATS][JN_PERIOD_MAX];
    struct {
        const int16_t *at;
        unsigned rate;
        int16_t pcm[JN_PERIOD_MAX];
    } prompt[JN_PROMPTS_MAX];
    struct jn_made made[JN_MADE_MAX + 1]; /* the last one: for one listener alone, when there are too many */
};

static inline int16_t *jn_mixer_pcm(struct jn_mixer *m, unsigned rate, unsigned seat)
{
    return rate == JN_RATE_8 ? m->pcm8[seat] : rate == JN_RATE_16 ? m->pcm16[seat] : m->pcm48[seat];
}
/* A new period. */
void jn_mixer_begin(struct jn_mixer *m);
/* The sound of that sort at that rate, in out, a seat's place or the prompt itself. */
const int16_t *jn_mixer_sound(struct jn_mixer *m, const struct jn_sort *c, unsigned rate, int16_t *out);

#endif
