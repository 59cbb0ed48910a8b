#include "engine/base/cpu.h"
#include "engine/base/rand.h"
#include "media/mix/mix.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(mix, .timeout = 10);

static void fill(uint64_t *seed, int16_t *pcm, size_t n)
{
    static const int16_t edge[] = {INT16_MIN, INT16_MAX, 0, -1, 1};
    for (size_t i = 0; i < n; i++) {
        uint64_t x = jn_splitmix(seed);
        pcm[i] = x % 4 == 0 ? edge[(x >> 8) % 5] : (int16_t)(x >> 16);
    }
}

Test(mix, sums_are_exact_and_saturate_once)
{
    int16_t a[3] = {30000, -30000, 5}, b[3] = {30000, -30000, 6}, c[3] = {-30000, 30000, 7}, out[3];
    int32_t acc[3] = {0};
    jn_mix_plain.add(acc, a, 3);
    jn_mix_plain.add(acc, b, 3);
    jn_mix_plain.pack(out, acc, 3);
    cr_assert_eq(out[0], INT16_MAX);
    cr_assert_eq(out[1], INT16_MIN);
    jn_mix_plain.add(acc, c, 3);
    jn_mix_plain.pack(out, acc, 3);
    cr_assert_eq(out[0], 30000, "what was over in between is not lost");
    cr_assert_eq(out[2], 18);
    jn_mix_plain.minus(out, acc, a, 3);
    cr_assert_eq(out[0], 0);
    cr_assert_eq(out[2], 13);
    jn_mix_plain.sub(acc, b, 3);
    jn_mix_plain.pack(out, acc, 3);
    cr_assert_eq(out[2], 12);
}

Test(mix, avx2_is_bit_for_bit_the_plain_one)
{
    uint64_t seed = 7;
    int16_t in[203], own[203], out[2][203];
    int32_t acc[2][203];
    if (jn_cpu_isa() < JN_ISA_AVX2)
        return; /* nothing to compare on this processor */
    for (int round = 0; round < 3000; round++) {
        size_t n = jn_splitmix(&seed) % 203;
        memset(acc, 0, sizeof acc);
        memset(out, 0, sizeof out);
        for (int k = 0; k < 5; k++) {
            fill(&seed, in, n);
            bool take = k == 4;
            (take ? jn_mix_plain.sub : jn_mix_plain.add)(acc[0], in, n);
            (take ? jn_mix_avx2.sub : jn_mix_avx2.add)(acc[1], in, n);
        }
        cr_assert_arr_eq(acc[0], acc[1], sizeof acc[0]);
        jn_mix_plain.pack(out[0], acc[0], n);
        jn_mix_avx2.pack(out[1], acc[1], n);
        cr_assert_arr_eq(out[0], out[1], sizeof out[0]);
        fill(&seed, own, n);
        jn_mix_plain.minus(out[0], acc[0], own, n);
        jn_mix_avx2.minus(out[1], acc[1], own, n);
        cr_assert_arr_eq(out[0], out[1], sizeof out[0]);
    }
}
