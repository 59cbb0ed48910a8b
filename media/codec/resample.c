/* Resample: state, choice of the filter, and the plain C kernels. */
#include "engine/base/cpu.h"
#include "media/codec/resample_state.h"
#include <string.h>

enum { CHUNK = 960 };

/* Sums of |coefficient| stay below 3 << 14, so that 32 bits hold any input. */
static int16_t dot(const int16_t *in, const int16_t *filter, unsigned taps)
{
    int32_t sum = 1 << 13;
    for (unsigned i = 0; i < taps; i++)
        sum += in[i] * filter[i];
    sum >>= 14;
    return (int16_t)(sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum);
}

static void up(int16_t *out, const int16_t *in, unsigned n, const int16_t *filter, unsigned phases)
{
    for (unsigned i = 0; i < n; i++)
        for (unsigned p = 0; p < phases; p++)
            *out++ = dot(in + i, filter + p * JN_RESAMPLE_TAPS, JN_RESAMPLE_TAPS);
}

static void down(int16_t *out, const int16_t *in, unsigned n, const int16_t *filter, unsigned taps, unsigned step)
{
    for (unsigned i = 0; i < n; i++)
        out[i] = dot(in + (size_t)i * step, filter, taps);
}

const struct jn_resample_ops jn_resample_plain = {.up = up, .down = down};

static unsigned taps_down(unsigned factor)
{
    return factor == 6 ? 6 * 40 : factor * JN_RESAMPLE_TAPS;
}

void jn_resample_init(struct jn_resample *r, uint32_t from, uint32_t to)
{
    memset(r, 0, sizeof *r);
    r->up = (uint8_t)(to > from ? to / from : 1);
    r->down = (uint8_t)(from > to ? from / to : 1);
    /* Downwards a window ends with its step's last sample. */
    r->past = (uint16_t)(r->up > 1 ? JN_RESAMPLE_TAPS - 1 : r->down > 1 ? taps_down(r->down) - r->down : 0);
}

unsigned jn_resample(struct jn_resample *r, int16_t *out, const int16_t *in, unsigned n)
{
    static const int16_t *const ups[] = {[2] = jn_resample_up2, [3] = jn_resample_up3, [6] = jn_resample_up6};
    static const int16_t *const downs[] = {[2] = jn_resample_down2, [3] = jn_resample_down3, [6] = jn_resample_down6};
    const struct jn_resample_ops *ops = jn_cpu_isa() >= JN_ISA_AVX2 ? &jn_resample_avx2 : &jn_resample_plain;
    unsigned made = 0;

    if (r->past == 0) {
        memcpy(out, in, n * sizeof *in);
        return n;
    }
    while (n > 0) {
        int16_t window[JN_RESAMPLE_PAST + CHUNK];
        unsigned take = n < CHUNK ? n : CHUNK;
        memcpy(window, r->last, r->past * sizeof *window);
        memcpy(window + r->past, in, take * sizeof *window);
        if (r->up > 1)
            ops->up(out + made, window, take, ups[r->up], r->up);
        else
            ops->down(out + made, window, take / r->down, downs[r->down], taps_down(r->down), r->down);
        memcpy(r->last, window + take, r->past * sizeof *window);
        made += take * r->up / r->down;
        in += take;
        n -= take;
    }
    return made;
}
