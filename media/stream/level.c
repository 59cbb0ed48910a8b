/* Level: how loud a frame is, told before anything is decoded: what the bytes of G.711 show by themselves, or what its
 * sender says (RFC 6464). */
#include "media/stream/state.h"
#include <math.h>

enum { G722_FAINT = 3000 };
enum { CREST_DB = 9 }; /* what speech's peaks stand above its mean power, which is what senders say */

uint8_t jn_level_of_peak(uint16_t peak)
{
    static const uint8_t within[4] = {0, 2, 4, 5}; /* dB of the two bits after the first */

    if (peak < 4)
        return 80;
    unsigned top = 31 - (unsigned)__builtin_clz(peak);
    unsigned above = 6 * (15 - top), rest = within[peak >> (top - 2) & 3];
    return (uint8_t)(above > rest ? above - rest : 0);
}

/* Both laws are logarithmic: the largest code is the largest sample. */
static uint8_t peak_of_ulaw(const uint8_t *in, unsigned n)
{
    uint8_t least = 0x7f;

    for (unsigned i = 0; i < n; i++)
        least = (in[i] & 0x7f) < least ? in[i] & 0x7f : least;
    return (uint8_t)(0x80 | least);
}

static uint8_t peak_of_alaw(const uint8_t *in, unsigned n)
{
    uint8_t most = 0;

    for (unsigned i = 0; i < n; i++) {
        uint8_t code = (in[i] ^ 0x55) & 0x7f;
        most = code > most ? code : most;
    }
    return (uint8_t)((most | 0x80) ^ 0x55);
}

uint8_t jn_level_of(const struct jn_in *in)
{
    uint8_t code;
    int16_t peak;

    if (in->cls == JN_CLASS_CN)
        return 127;
    if (in->codec == JN_CODEC_PCMU)
        code = peak_of_ulaw(in->payload, in->len);
    else if (in->codec == JN_CODEC_PCMA)
        code = peak_of_alaw(in->payload, in->len);
    else if (in->level != JN_LEVEL_UNKNOWN)
        return in->level > CREST_DB ? in->level - CREST_DB : 0;
    else
        return JN_LEVEL_UNKNOWN;
    jn_codec_decode((enum jn_codec_id)in->codec, &peak, &code, 1);
    return jn_level_of_peak((uint16_t)(peak < 0 ? -(peak + 1) : peak));
}

/* The scale of G.722's lower band follows the sound: its logarithm loses 1/128 with each code and gains what the code
 * says (ITU-T G.722 6.2.1.4, W_L), so over a frame it is about 128 times their mean. Noise of -60 dBov comes to 3,700.
 */
static bool g722_heard(const uint8_t *in, unsigned n)
{
    static const int16_t gains[16] = {-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60};
    int32_t sum = 0;

    for (unsigned i = 0; i < n; i++)
        sum += gains[in[i] >> 2 & 15];
    return sum * 128 > G722_FAINT * (int32_t)n;
}

/* Opus without redundancy has frames of silence of at most two bytes (RFC 6716 2.1.9). */
bool jn_level_heard(const struct jn_in *in)
{
    uint8_t level = jn_level_of(in);

    if (level != JN_LEVEL_UNKNOWN)
        return level < JN_FAINT_DB;
    return in->codec == JN_CODEC_G722 ? g722_heard(in->payload, in->len) : in->len > 2;
}

uint16_t jn_level_gain(int16_t gain_db_q8)
{
    return (uint16_t)lrint(4096 * pow(10, gain_db_q8 / (20.0 * 256)));
}
