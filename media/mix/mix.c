/* Mix: the plain kernels, and the choice. */
#include "media/mix/mix.h"
#include "engine/base/cpu.h"
#include <stdatomic.h>

static int16_t saturate(int32_t x)
{
    return (int16_t)(x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x);
}

static void add(int32_t *acc, const int16_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        acc[i] += in[i];
}

static void sub(int32_t *acc, const int16_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        acc[i] -= in[i];
}

static void pack(int16_t *out, const int32_t *acc, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = saturate(acc[i]);
}

static void minus(int16_t *out, const int32_t *total, const int16_t *own, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = saturate(total[i] - own[i]);
}

static void two(int16_t *out, const int16_t *a, const int16_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = saturate(a[i] + b[i]);
}

static uint16_t peak(const int16_t *in, size_t n)
{
    uint16_t most = 0;

    for (size_t i = 0; i < n; i++) {
        uint16_t x = (uint16_t)(in[i] < 0 ? ~in[i] : in[i]);
        most = x > most ? x : most;
    }
    return most;
}

void jn_mix_ramp_rest(int16_t *io, uint16_t from, int32_t slope, size_t first, size_t n)
{
    for (size_t i = first; i < n; i++) {
        int32_t gain = from + (slope * (int32_t)i >> 8);
        io[i] = saturate((io[i] * gain + 2048) >> 12);
    }
}

static void ramp(int16_t *io, uint16_t from, uint16_t to, size_t n)
{
    jn_mix_ramp_rest(io, from, jn_mix_slope(from, to, n), 0, n);
}

void jn_mix_cross_rest(int16_t *io, const int16_t *old, int32_t weight, size_t first, size_t n)
{
    for (size_t i = first; i < n; i++) {
        int32_t w = (int32_t)i * weight >> 8;
        io[i] = (int16_t)((old[i] * (16384 - w) + io[i] * w + 8192) >> 14);
    }
}

static void cross(int16_t *io, const int16_t *old, size_t n)
{
    jn_mix_cross_rest(io, old, jn_mix_weight(n), 0, n);
}

const struct jn_mix_ops *jn_mix(void)
{
    static _Atomic(const struct jn_mix_ops *) chosen;
    /* Relaxed: every thread finds the same answer, and what it points to is constant. */
    const struct jn_mix_ops *ops = atomic_load_explicit(&chosen, memory_order_relaxed);

    if (!ops) {
        enum jn_isa isa = jn_cpu_isa();
        ops = isa >= JN_ISA_AVX512 ? &jn_mix_avx512 : isa >= JN_ISA_AVX2 ? &jn_mix_avx2 : &jn_mix_plain;
        atomic_store_explicit(&chosen, ops, memory_order_relaxed);
    }
    return ops;
}

const struct jn_mix_ops jn_mix_plain = {
    .add = add, .sub = sub, .pack = pack, .minus = minus, .two = two, .peak = peak, .ramp = ramp, .cross = cross};
