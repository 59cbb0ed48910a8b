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

const struct jn_mix_ops *jn_mix(void)
{
    static _Atomic(const struct jn_mix_ops *) chosen;
    /* Relaxed: every thread finds the same answer, and what it points to is constant. */
    const struct jn_mix_ops *ops = atomic_load_explicit(&chosen, memory_order_relaxed);

    if (!ops) {
        ops = jn_cpu_isa() >= JN_ISA_AVX2 ? &jn_mix_avx2 : &jn_mix_plain;
        atomic_store_explicit(&chosen, ops, memory_order_relaxed);
    }
    return ops;
}

const struct jn_mix_ops jn_mix_plain = {.add = add, .sub = sub, .pack = pack, .minus = minus};
