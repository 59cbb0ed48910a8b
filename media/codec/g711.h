/* G711: ITU-T G.711 mu-law and A-law, whole blocks; plain C here, AVX2 and AVX-512 in files of their own, picked at
 * start. */
#ifndef JN_MEDIA_G711_H
#define JN_MEDIA_G711_H

#include "media/stream/order.h"
#include <stddef.h>
#include <stdint.h>

struct jn_g711_ops {
    void (*decode_ulaw)(int16_t *pcm, const uint8_t *in, size_t n);
    void (*decode_alaw)(int16_t *pcm, const uint8_t *in, size_t n);
    void (*encode_ulaw)(uint8_t *out, const int16_t *pcm, size_t n);
    void (*encode_alaw)(uint8_t *out, const int16_t *pcm, size_t n);
};
extern const struct jn_g711_ops jn_g711_plain, jn_g711_avx2, jn_g711_avx512;
/* The fastest that jn_cpu_isa allows. */
const struct jn_g711_ops *jn_g711(void);
/* By codec. */
void jn_codec_decode(enum jn_codec_id c, int16_t *pcm, const uint8_t *in, size_t n);
void jn_codec_encode(enum jn_codec_id c, uint8_t *out, const int16_t *pcm, size_t n);

#endif
