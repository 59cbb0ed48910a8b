#include "engine/base/cpu.h"
#include "engine/base/rand.h"
#include "media/mix/mix.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(mix, .timeout = 60);

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

/* Every kernel of both on the same random samples; lengths of whole vectors and not. */
static void compare(const struct jn_mix_ops *ops)
{
    uint64_t seed = 7;
    int16_t in[203], own[203], out[2][203];
    int32_t acc[2][203];

    for (int round = 0; round < 3000; round++) {
        size_t n = 1 + jn_splitmix(&seed) % 202;
        uint16_t from = (uint16_t)jn_splitmix(&seed), to = (uint16_t)jn_splitmix(&seed);
        memset(acc, 0, sizeof acc);
        memset(out, 0, sizeof out);
        for (int k = 0; k < 5; k++) {
            fill(&seed, in, n);
            bool take = k == 4;
            (take ? jn_mix_plain.sub : jn_mix_plain.add)(acc[0], in, n);
            (take ? ops->sub : ops->add)(acc[1], in, n);
        }
        cr_assert_arr_eq(acc[0], acc[1], sizeof acc[0]);
        jn_mix_plain.pack(out[0], acc[0], n);
        ops->pack(out[1], acc[1], n);
        cr_assert_arr_eq(out[0], out[1], sizeof out[0], "pack");
        fill(&seed, own, n);
        jn_mix_plain.minus(out[0], acc[0], own, n);
        ops->minus(out[1], acc[1], own, n);
        cr_assert_arr_eq(out[0], out[1], sizeof out[0], "minus");
        jn_mix_plain.two(out[0], in, own, n);
        ops->two(out[1], in, own, n);
        cr_assert_arr_eq(out[0], out[1], sizeof out[0], "two");
        cr_assert_eq(jn_mix_plain.peak(in, n), ops->peak(in, n), "peak");
        jn_mix_plain.ramp(out[0], from, to, n);
        ops->ramp(out[1], from, to, n);
        cr_assert_arr_eq(out[0], out[1], sizeof out[0], "ramp");
        jn_mix_plain.cross(out[0], own, n);
        ops->cross(out[1], own, n);
        cr_assert_arr_eq(out[0], out[1], sizeof out[0], "cross");
    }
}

Test(mix, avx2_is_bit_for_bit_the_plain_one)
{
    if (jn_cpu_isa() >= JN_ISA_AVX2)
        compare(&jn_mix_avx2);
}

Test(mix, avx512_is_bit_for_bit_the_plain_one)
{
    if (jn_cpu_isa() >= JN_ISA_AVX512)
        compare(&jn_mix_avx512);
}

Test(mix, a_peak_is_the_largest_magnitude)
{
    int16_t x[5] = {0, -1, 0, -1, 0};
    cr_assert_eq(jn_mix_plain.peak(x, 5), 0);
    x[2] = -300;
    x[4] = 298;
    cr_assert_eq(jn_mix_plain.peak(x, 5), 299);
    x[1] = INT16_MIN;
    cr_assert_eq(jn_mix_plain.peak(x, 5), INT16_MAX);
}

Test(mix, a_gain_goes_in_even_steps_and_saturates)
{
    int16_t x[160];
    for (int i = 0; i < 160; i++)
        x[i] = 10000;
    jn_mix_plain.ramp(x, 4096, 0, 160);
    cr_assert_eq(x[0], 10000);
    for (int i = 1; i < 160; i++)
        cr_assert(x[i] < x[i - 1] && x[i - 1] - x[i] < 70, "sample %d: %d after %d", i, x[i], x[i - 1]);
    cr_assert_lt(x[159], 100);
    x[0] = 20000;
    x[1] = -20000;
    jn_mix_plain.ramp(x, 8192, 8192, 2);
    cr_assert_eq(x[0], INT16_MAX);
    cr_assert_eq(x[1], INT16_MIN);
}

Test(mix, crossing_ends_one_sound_while_the_other_begins)
{
    int16_t x[160], old[160];
    for (int i = 0; i < 160; i++) {
        x[i] = 8000;
        old[i] = -8000;
    }
    jn_mix_plain.cross(x, old, 160);
    cr_assert_eq(x[0], -8000);
    for (int i = 1; i < 160; i++)
        cr_assert(x[i] > x[i - 1] && x[i] - x[i - 1] < 110, "sample %d", i);
    cr_assert_gt(x[159], 7800);
}
