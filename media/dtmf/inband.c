/* Inband: blocks of 12.75 ms through eight resonators (Goertzel). A block fits a digit when its strongest row and
 * column hold nearly all of its power. Two such blocks in succession are a press if moreover both tones kept their
 * level and their phases went on as the digit's frequencies do, which is what a voice's harmonics do not. Two blocks
 * that do not fit end it. */
#include "media/dtmf/inband.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Q.23: 697 770 852 941 and 1209 1336 1477 1633 Hz. Of each, at 8 kHz: cosine and sine of the angle of a sample and of
 * that of a block, and the cosine of the angle by which a tone that is 2 % and 3 Hz off turns in a block. */
static const float turn_cos[JN_INBAND_TONES] = {0.85386890f, 0.82264052f, 0.78434349f, 0.73910228f,
                                                0.58205201f, 0.49818511f, 0.39930919f, 0.28426635f};
static const float turn_sin[JN_INBAND_TONES] = {0.52048813f, 0.56856185f, 0.62032676f, 0.67359321f,
                                                0.81315156f, 0.86707070f, 0.91681632f, 0.95874535f};
static const float block_cos[JN_INBAND_TONES] = {0.75733708f,  0.41151436f, 0.65183373f, 0.99990007f,
                                                 -0.85994137f, 0.97726812f, 0.49135985f, 0.43003845f};
static const float block_sin[JN_INBAND_TONES] = {-0.65302415f, -0.91140328f, -0.75836192f, -0.01413670f,
                                                 0.51039284f,  0.21200711f,  -0.87095666f, -0.90281058f};
static const float off_cos[JN_INBAND_TONES] = {0.21209921f,  0.09661013f,  -0.03461344f, -0.17629108f,
                                               -0.57008567f, -0.72434997f, -0.86037399f, -0.95970432f};
static const char digits[16] = "123A456B789C*0#D";

enum { HALF = JN_INBAND_TONES / 2, NONE = 0xff };
/* Power of a tone of amplitude A in a block's resonator: (A * BLOCK / 2)^2. */
#define TONE_MIN    (250.0f * 250.0f * JN_INBAND_BLOCK * JN_INBAND_BLOCK / 4)
#define TWIST       6.4f  /* 8 dB */
#define OVER_OTHERS 4.0f  /* 6 dB */
#define SHARE       0.72f /* of the block's power in the two tones */
#define TOGETHER    1.6f  /* 2 dB, of both */
#define STEADY      2.6f  /* 3.5 dB from block to block: the tones reach into each other's resonators */

static unsigned strongest(const float *power)
{
    unsigned best = 0;
    for (unsigned i = 1; i < HALF; i++)
        if (power[i] > power[best])
            best = i;
    return best;
}

static bool alone(const float *power, unsigned best)
{
    for (unsigned i = 0; i < HALF; i++)
        if (i != best && power[i] * OVER_OTHERS > power[best])
            return false;
    return true;
}

/* The digit's place in the table that a block's powers fit, or NONE. */
static unsigned fits(const float power[JN_INBAND_TONES], float energy)
{
    unsigned r = strongest(power), c = strongest(power + HALF);
    float row = power[r], column = power[HALF + c];
    if (row < TONE_MIN || column < TONE_MIN || row > column * TWIST || column > row * TWIST)
        return NONE;
    if (!alone(power, r) || !alone(power + HALF, c))
        return NONE;
    /* both tones alone: BLOCK / 2 times the energy */
    if (row + column < SHARE * (JN_INBAND_BLOCK / 2.0f) * energy)
        return NONE;
    return r * HALF + c;
}

static bool steady(float now, float before)
{
    return now < before * STEADY && before < now * STEADY;
}

static bool together(float now, float before)
{
    return now < before * TOGETHER && before < now * TOGETHER;
}

/* Whether the tone's phase went on from the block before as its frequency does: the product of one with the other's
 * conjugate and the block's angle points ahead within the angle allowed. */
static bool in_tune(const struct jn_inband *d, unsigned tone, float re, float im)
{
    float a = re * d->re[tone] + im * d->im[tone], b = im * d->re[tone] - re * d->im[tone];
    float ahead = a * block_cos[tone] + b * block_sin[tone];
    return ahead >= off_cos[tone] * sqrtf(a * a + b * b);
}

static char judge(struct jn_inband *d, unsigned fit, const float power[JN_INBAND_TONES],
                  const float re[JN_INBAND_TONES], const float im[JN_INBAND_TONES])
{
    unsigned r = fit / HALF, c = HALF + fit % HALF;
    bool pressed = false;
    if (fit == NONE) {
        if (d->misses < 2 && ++d->misses == 2)
            d->pressed = 0;
        d->candidate = 0;
        return 0;
    }
    if (d->candidate == fit + 1)
        pressed = steady(power[r], d->row) && steady(power[c], d->column) &&
                  together(power[r] + power[c], d->row + d->column) && in_tune(d, r, re[r], im[r]) &&
                  in_tune(d, c, re[c], im[c]);
    d->candidate = (uint8_t)(fit + 1);
    d->row = power[r];
    d->column = power[c];
    if (d->pressed == fit + 1)
        d->misses = 0;
    if (!pressed || d->pressed == fit + 1)
        return 0;
    d->pressed = (uint8_t)(fit + 1);
    d->misses = 0;
    return digits[fit];
}

static char block_end(struct jn_inband *d)
{
    float power[JN_INBAND_TONES], re[JN_INBAND_TONES], im[JN_INBAND_TONES];
    for (unsigned i = 0; i < JN_INBAND_TONES; i++) {
        re[i] = d->s1[i] - d->s2[i] * turn_cos[i];
        im[i] = d->s2[i] * turn_sin[i];
        power[i] = re[i] * re[i] + im[i] * im[i];
    }
    char digit = judge(d, fits(power, d->energy), power, re, im);
    memcpy(d->re, re, sizeof re);
    memcpy(d->im, im, sizeof im);
    memset(d->s1, 0, sizeof d->s1);
    memset(d->s2, 0, sizeof d->s2);
    d->energy = 0;
    d->at = 0;
    return digit;
}

/* The resonators beside each other: what a compiler makes vectors of. */
static void feed(struct jn_inband *d, const int16_t *pcm, unsigned n)
{
    float s1[JN_INBAND_TONES], s2[JN_INBAND_TONES], energy = d->energy;
    memcpy(s1, d->s1, sizeof s1);
    memcpy(s2, d->s2, sizeof s2);
    for (unsigned k = 0; k < n; k++) {
        float x = pcm[k];
        energy += x * x;
        for (unsigned i = 0; i < JN_INBAND_TONES; i++) {
            float s = x + 2 * turn_cos[i] * s1[i] - s2[i];
            s2[i] = s1[i];
            s1[i] = s;
        }
    }
    memcpy(d->s1, s1, sizeof s1);
    memcpy(d->s2, s2, sizeof s2);
    d->energy = energy;
}

char jn_inband_take(struct jn_inband *d, const int16_t *pcm, unsigned n)
{
    char digit = 0;
    while (n > 0) {
        unsigned part = JN_INBAND_BLOCK - d->at;
        part = part < n ? part : n;
        feed(d, pcm, part);
        d->at = (uint8_t)(d->at + part);
        pcm += part;
        n -= part;
        char found = d->at == JN_INBAND_BLOCK ? block_end(d) : 0;
        digit = found != 0 ? found : digit;
    }
    return digit;
}
