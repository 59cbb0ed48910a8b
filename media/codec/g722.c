/* G722 (ITU-T G.722 at 64 kbit/s): two bands of 8 kHz by a quadrature mirror filter, each by adaptive differential
 * coding, six bits for the lower and two for the upper. The names of the steps are the recommendation's blocks. All in
 * integers, so that every decoder of the recommendation gives these bits. RTP's clock is 8,000 though the sound has
 * 16,000 samples a second (RFC 3551 4.5.2): a byte is a clock unit. */
#include "media/codec/codec.h"
#include <errno.h>
#include <string.h>

enum { QMF = 24 };

/* One band's predictor and scale: d, b: the last six differences and the zeros' coefficients; r, p, a: the last two of
 * the poles' part; s, sz: the prediction and the zeros' part of it; nb, det: the scale's logarithm and the scale. */
struct band {
    int32_t s, sz, nb, det;
    int32_t r[2], p[2], a[2];
    int32_t d[6], b[6];
};
struct g722 {
    struct band low, high;
    int16_t x[QMF];
};
enum { STATE = (sizeof(struct g722) + 63) / 64 * 64 };

static const int16_t qmf[QMF / 2] = {3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11};
static const int16_t wl[8] = {-60, -30, 58, 172, 334, 538, 1198, 3042};
static const uint8_t rl42[16] = {0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0};
static const int16_t ilb[32] = {2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543,
                                2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025, 3091, 3158, 3228,
                                3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008};
static const int16_t qm4[16] = {0,     -20456, -12896, -8968, -6288, -4240, -2584, -1200,
                                20456, 12896,  8968,   6288,  4240,  2584,  1200,  0};
static const int16_t qm6[64] = {-136,   -136,   -136,  -136,  -24808, -21904, -19008, -16704, -14984, -13512, -12280,
                                -11192, -10232, -9360, -8576, -7856,  -7192,  -6576,  -6000,  -5456,  -4944,  -4464,
                                -4008,  -3576,  -3168, -2776, -2400,  -2032,  -1688,  -1360,  -1040,  -728,   24808,
                                21904,  19008,  16704, 14984, 13512,  12280,  11192,  10232,  9360,   8576,   7856,
                                7192,   6576,   6000,  5456,  4944,   4464,   4008,   3576,   3168,   2776,   2400,
                                2032,   1688,   1360,  1040,  728,    432,    136,    -432,   -136};
static const int16_t qm2[4] = {-7408, -1616, 7408, 1616};
static const int16_t wh[2] = {798, -214}; /* upper codes 0 and 2; 1 and 3 */
static const int16_t q6[30] = {0,   35,  72,  110, 150,  190,  233,  276,  323,  370,  422,  473,  530,  587,  650,
                               714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919};

static int32_t clamp(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

static int32_t sat(int32_t v)
{
    return clamp(v, -32768, 32767);
}

/* UPPOL2, UPPOL1: the poles' coefficients, from the signs of the last three values of the poles' part. */
static void adapt_poles(struct band *b, int32_t p)
{
    bool same1 = (p >= 0) == (b->p[0] >= 0), same2 = (p >= 0) == (b->p[1] >= 0);
    int32_t wd = sat(b->a[0] * 4);
    wd = same1 ? (-wd > 32767 ? 32767 : -wd) : wd;
    int32_t a2 = clamp((same2 ? 128 : -128) + (wd >> 7) + (b->a[1] * 32512 >> 15), -12288, 12288);
    int32_t limit = sat(15360 - a2);
    int32_t a1 = sat((same1 ? 192 : -192) + (b->a[0] * 32640 >> 15));
    b->a[0] = clamp(a1, -limit, limit);
    b->a[1] = a2;
}

/* UPZERO, DELAYA: the zeros' coefficients from the signs of the last seven differences. */
static void adapt_zeros(struct band *b, int32_t d)
{
    int32_t step = d == 0 ? 0 : 128;
    for (int i = 0; i < 6; i++)
        b->b[i] = sat(((b->d[i] >= 0) == (d >= 0) ? step : -step) + (b->b[i] * 32640 >> 15));
    memmove(b->d + 1, b->d, 5 * sizeof b->d[0]);
    b->d[0] = d;
}

/* Block 4: the prediction of the next sample after the difference d. */
static void predict(struct band *b, int32_t d)
{
    int32_t r = sat(b->s + d), p = sat(b->sz + d); /* RECONS, PARREC */
    adapt_poles(b, p);
    adapt_zeros(b, d);
    b->r[1] = b->r[0];
    b->r[0] = r;
    b->p[1] = b->p[0];
    b->p[0] = p;
    int32_t sp = sat((b->a[0] * sat(2 * b->r[0]) >> 15) + (b->a[1] * sat(2 * b->r[1]) >> 15)); /* FILTEP */
    int32_t sz = 0;                                                                            /* FILTEZ */
    for (int i = 0; i < 6; i++)
        sz += b->b[i] * sat(2 * b->d[i]) >> 15;
    b->sz = sat(sz);
    b->s = sat(sp + b->sz); /* PREDIC */
}

/* LOGSCL and SCALEL of the lower band, LOGSCH and SCALEH of the upper: they differ in limit and shift. */
static void scale(struct band *b, int32_t w, int32_t limit, int shift)
{
    b->nb = clamp((b->nb * 127 >> 7) + w, 0, limit);
    int down = shift - (b->nb >> 11);
    int32_t v = ilb[b->nb >> 6 & 31];
    b->det = (down < 0 ? v << -down : v >> down) << 2;
}

static void low_step(struct band *b, unsigned code6)
{
    unsigned code = code6 >> 2;
    int32_t d = b->det * qm4[code] >> 15;
    scale(b, wl[rl42[code]], 18432, 8);
    predict(b, d);
}

static int32_t high_step(struct band *b, unsigned code)
{
    int32_t d = b->det * qm2[code] >> 15, was = b->s;
    scale(b, wh[code & 1], 22528, 10);
    predict(b, d);
    return d + was;
}

/* QUANTL: the six bits of the lower band's difference. */
static unsigned quantize_low(int32_t e, int32_t det)
{
    int32_t size = e >= 0 ? e : -(e + 1);
    unsigned i = 1;
    while (i < 30 && size >= q6[i] * det >> 12)
        i++;
    return e >= 0 ? 62 - i : i < 3 ? 64 - i : 34 - i;
}

/* QUANTH. */
static unsigned quantize_high(int32_t e, int32_t det)
{
    int32_t size = e >= 0 ? e : -(e + 1);
    bool small = size < 564 * det >> 12;
    return e >= 0 ? (small ? 3 : 2) : small ? 1 : 0;
}

static size_t bytes(uint32_t rate)
{
    return rate == 16000 ? STATE : 0;
}

static int init(void *state, uint32_t rate)
{
    struct g722 *g = state;
    if (rate != 16000)
        return -EINVAL;
    memset(g, 0, sizeof *g);
    g->low.det = 32;
    g->high.det = 8;
    return 0;
}

static int encoder_init(void *state, uint32_t rate, const struct jn_codec_profile *p)
{
    (void)p;
    return init(state, rate);
}

static int duration(const uint8_t *in, unsigned len)
{
    (void)in;
    return len > 0 && len <= JN_CODEC_BYTES_MAX ? (int)len : -EBADMSG;
}

/* Both bands' next sample. */
static void decode_byte(struct g722 *g, unsigned code, int32_t *low, int32_t *high)
{
    *low = clamp(g->low.s + (g->low.det * qm6[code & 63] >> 15), -16384, 16383);
    low_step(&g->low, code & 63);
    *high = clamp(high_step(&g->high, code >> 6), -16384, 16383);
}

static int decode(void *state, int16_t *out, unsigned max, const uint8_t *in, unsigned len)
{
    struct g722 *g = state;
    if (duration(in, len) < 0)
        return -EBADMSG;
    if (2 * len > max)
        return -ENOSPC;
    int16_t x[QMF - 2 + 2 * JN_CODEC_BYTES_MAX];
    memcpy(x, g->x, (QMF - 2) * sizeof *x);
    for (unsigned i = 0; i < len; i++) {
        int32_t low, high;
        decode_byte(g, in[i], &low, &high);
        x[QMF - 2 + 2 * i] = (int16_t)(low + high);
        x[QMF - 1 + 2 * i] = (int16_t)(low - high);
    }
    for (unsigned i = 0; i < len; i++) {
        int32_t first = 0, second = 0;
        for (int k = 0; k < QMF / 2; k++) {
            second += x[2 * i + 2 * (unsigned)k] * qmf[k];
            first += x[2 * i + 2 * (unsigned)k + 1] * qmf[QMF / 2 - 1 - k];
        }
        out[2 * i] = (int16_t)sat(first >> 11);
        out[2 * i + 1] = (int16_t)sat(second >> 11);
    }
    memcpy(g->x, x + 2 * (size_t)len, (QMF - 2) * sizeof *x);
    return (int)(2 * len);
}

static uint8_t encode_pair(struct g722 *g, int32_t low, int32_t high)
{
    unsigned lower = quantize_low(sat(low - g->low.s), g->low.det);
    unsigned upper = quantize_high(sat(high - g->high.s), g->high.det);
    low_step(&g->low, lower);
    high_step(&g->high, upper);
    return (uint8_t)(upper << 6 | lower);
}

static int encode(void *state, uint8_t *out, unsigned max, const int16_t *pcm, unsigned n)
{
    struct g722 *g = state;
    if (n / 2 > max || n > 2 * JN_CODEC_BYTES_MAX)
        return -ENOSPC;
    int16_t x[QMF - 2 + 2 * JN_CODEC_BYTES_MAX];
    memcpy(x, g->x, (QMF - 2) * sizeof *x);
    memcpy(x + QMF - 2, pcm, n * sizeof *x);
    for (unsigned i = 0; i < n / 2; i++) {
        int32_t even = 0, odd = 0;
        for (int k = 0; k < QMF / 2; k++) {
            odd += x[2 * i + 2 * (unsigned)k] * qmf[k];
            even += x[2 * i + 2 * (unsigned)k + 1] * qmf[QMF / 2 - 1 - k];
        }
        out[i] = encode_pair(g, (even + odd) >> 14, (even - odd) >> 14);
    }
    memcpy(g->x, x + n / 2 * 2, (QMF - 2) * sizeof *x);
    return (int)(n / 2);
}

const struct jn_codec_ops jn_codec_g722 = {.name = "G722",
                                           .clock = 8000,
                                           .rate = 16000,
                                           .static_pt = 9,
                                           .decoder_bytes = bytes,
                                           .decoder_init = init,
                                           .duration = duration,
                                           .decode = decode,
                                           .encoder_bytes = bytes,
                                           .encoder_init = encoder_init,
                                           .encode = encode};
