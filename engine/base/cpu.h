/* Cpu: what this processor can do, asked once; JUNCTOR_ISA=plain|avx2|avx512 in the environment lowers it for tests. */
#ifndef JN_BASE_CPU_H
#define JN_BASE_CPU_H

enum jn_isa { JN_ISA_PLAIN, JN_ISA_AVX2, JN_ISA_AVX512 };
/* Every variant up to the answer works on this processor. */
enum jn_isa jn_cpu_isa(void);

#endif
