/* Codec: what the media path asks of a codec, one ops table each behind enum jn_codec_id. States lie in the caller's
 * memory, so that nothing allocates on the packet path; a codec without state says 0 bytes. Linear sound is 16 bits,
 * mono, at 8, 16 or 48 kHz. */
#ifndef JN_MEDIA_CODEC_H
#define JN_MEDIA_CODEC_H

#include "media/stream/order.h"
#include <stddef.h>
#include <stdint.h>

/* bytes: of a payload at most; the media path carries no longer ones. */
enum { JN_CODEC_BYTES_MAX = 480 };
enum { JN_PERIOD_MS = 20, JN_RATE_MAX = 48000, JN_PERIOD_MAX = JN_RATE_MAX / 1000 * JN_PERIOD_MS };

/* struct jn_codec_profile, how to encode where the codec has a choice, is in order.h. */
/* name: encoding name of the rtpmap (RFC 3551 6, RFC 7587). clock: RTP timestamp units a second. rate: its own linear
 * samples a second. static_pt: RFC 3551's payload type, 255 none.
 *
 * decoder_bytes, encoder_bytes: of a state, 64-aligned; 0: none, and NULL is given. rate, here and below: of the linear
 * sound, the codec's own or one that it can do by itself. init: 0 or -EINVAL.
 * duration: clock units that a payload holds; -EBADMSG where it is none of this codec. At most 60 ms.
 * decode: one payload, in order; the samples written, or -EBADMSG (and nothing is changed), -ENOSPC.
 * conceal: n samples for what is missing; next: the payload that follows it, from which a codec with forward error
 * correction may take it, NULL where it is not there. NULL: the codec leaves that to the jitter buffer.
 * encode: n samples, a whole frame (10, 20, 40 or 60 ms); the bytes written, 0 where nothing has to be sent (DTX), or
 * -ENOSPC. */
struct jn_codec_ops {
    const char *name;
    uint32_t clock, rate;
    uint8_t static_pt;
    size_t (*decoder_bytes)(uint32_t rate);
    int (*decoder_init)(void *state, uint32_t rate);
    int (*duration)(const uint8_t *in, unsigned len);
    int (*decode)(void *state, int16_t *out, unsigned max, const uint8_t *in, unsigned len);
    int (*conceal)(void *state, int16_t *out, unsigned n, const uint8_t *next, unsigned next_len);
    size_t (*encoder_bytes)(uint32_t rate);
    int (*encoder_init)(void *state, uint32_t rate, const struct jn_codec_profile *p);
    int (*encode)(void *state, uint8_t *out, unsigned max, const int16_t *pcm, unsigned n);
};
/* NULL: no such codec. */
const struct jn_codec_ops *jn_codec(uint8_t id);
extern const struct jn_codec_ops jn_codec_g722, jn_codec_opus;
/* The codec whose payloads hold a byte for each unit of an 8 kHz clock, so that they can be cut and joined anywhere:
 * all but Opus. */
static inline bool jn_codec_cuts(uint8_t id)
{
    return id < JN_CODEC_OPUS;
}

#endif
