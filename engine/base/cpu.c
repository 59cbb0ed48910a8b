/* Cpu: asks the compiler's cpuid support; the environment may only lower the answer. */
#include "engine/base/cpu.h"

#include <stdlib.h>
#include <string.h>

enum jn_isa jn_cpu_isa(void)
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
