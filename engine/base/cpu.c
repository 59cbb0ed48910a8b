/* Cpu: asks the compiler's cpuid support; the environment may only lower the answer. */
#include "engine/base/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static enum jn_isa ask(void)
{
    enum jn_isa best = JN_ISA_PLAIN;
    const char *bound = getenv("JUNCTOR_ISA");

#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        best = JN_ISA_AVX2;
    if (best == JN_ISA_AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        best = JN_ISA_AVX512;
#endif
    if (bound && strcmp(bound, "plain") == 0)
        return JN_ISA_PLAIN;
    if (bound && strcmp(bound, "avx2") == 0 && best > JN_ISA_AVX2)
        return JN_ISA_AVX2;
    return best;
}

enum jn_isa jn_cpu_isa(void)
{
    /* Asked on hot paths: the first answer is kept. Two threads may both ask first; they get the same. */
    static _Atomic int known;
    int isa = atomic_load_explicit(&known, memory_order_relaxed);

    if (isa == 0) {
        isa = (int)ask() + 1;
        atomic_store_explicit(&known, isa, memory_order_relaxed);
    }
    return (enum jn_isa)(isa - 1);
}
