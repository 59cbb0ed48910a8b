/* Turns: a two-party call becomes a mix when a third comes and a relay again when it leaves, and nobody hears it
 * happen. */
#include "turn.h"

TestSuite(turn, .timeout = 60);

static void five_times(unsigned workers, bool srtp)
{
    struct call k = begin(workers, JN_CODEC_PCMU, srtp, HZ_A, HZ_B);
    int64_t first_max = 0;
    go(&k, 50);
    for (int i = 0; i < 5; i++) {
        uint64_t before = relayed(&k);
        enter(&k, (enum mode)(i % 3));
        go(&k, 40);
        cr_expect_leq(relayed(&k), before + 2 * 4, "it mixes after a few frames");
        leave(&k);
        before = relayed(&k);
        go(&k, 60);
        cr_expect_geq(relayed(&k), before + 2 * 25, "it relays again");
        if (i == 0)
            first_max = k.a->off_max > k.b->off_max ? k.a->off_max : k.b->off_max;
        if (i == 3) { /* of the last times only */
            k.a->off_max = k.b->off_max = INT64_MIN;
        }
    }
    cr_expect(k.a->off_max < first_max + 120 && k.b->off_max < first_max + 120,
              "delay that stays from turn to turn: %ld %ld after %ld", (long)k.a->off_max, (long)k.b->off_max,
              (long)first_max);
    in_one_piece(k.a, "caller");
    in_one_piece(k.b, "agent");
    dump(k.a, "a");
    dump(k.b, "b");
    double clean_a = worst_db(k.a, HZ_B, HZ_B, 4000, 7000), clean_b = worst_db(k.b, HZ_A, HZ_A, 4000, 7000);
    double all_a = worst_db(k.a, HZ_B, HZ_B, 4000, k.a->n), all_b = worst_db(k.b, HZ_A, HZ_A, 4000, k.b->n);
    cr_expect_lt(clean_a, -38, "mu-law itself: %f dB", clean_a);
    cr_expect(all_a < -34 && all_b < -34, "outside the tone: caller %f dB, agent %f dB (alone %f, %f)", all_a, all_b,
              clean_a, clean_b);
    double hole_a = weakest(k.a, HZ_B, 4000, k.a->n), hole_b = weakest(k.b, HZ_A, 4000, k.b->n);
    cr_expect(hole_a > 5000 && hole_b > 5000, "of 8000 there are at least %f and %f", hole_a, hole_b);
    int own_a = (int)(8000 * 2 * M_PI * HZ_B / 8000), own_b = (int)(8000 * 2 * M_PI * HZ_A / 8000);
    cr_expect_leq(steepest(k.a->line, 4000, k.a->n), own_a + 300);
    cr_expect_leq(steepest(k.b->line, 4000, k.b->n), own_b + 300);
    cr_expect_eq(unheard(&k, k.a), 0, "caller: %lu frames", (unsigned long)unheard(&k, k.a));
    cr_expect_eq(unheard(&k, k.b), 0, "agent: %lu frames", (unsigned long)unheard(&k, k.b));
    end(&k);
}

Test(turn, five_times_a_third_comes_and_goes_and_the_tones_stay_clean)
{
    five_times(1, false);
}

Test(turn, the_same_over_two_workers)
{
    five_times(2, false);
}

Test(turn, the_same_over_two_workers_with_srtp)
{
    five_times(2, true);
}

Test(turn, a_voice_has_no_click_where_it_turns)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct call k = begin(workers, JN_CODEC_PCMU, false, 0, HZ_B);
        go(&k, 60);
        int own = 0;
        for (int i = 0; i < 5; i++) {
            enter(&k, LISTEN);
            go(&k, 40);
            leave(&k);
            go(&k, 60);
        }
        in_one_piece(k.b, "agent");
        dump(k.b, "voice");
        static int16_t clean[FRAMES * 160];
        for (unsigned i = 0; i < FRAMES * 160; i++)
            clean[i] = voice_like(i);
        own = steepest(clean, 0, FRAMES * 160);
        int got = steepest(k.b->line, 8000, k.b->n);
        cr_expect_leq(got, own * 11 / 10, "steepest step %d, the voice's own %d", got, own);
        cr_expect_eq(unheard(&k, k.a), 0);
        end(&k);
    }
}

static void with_jitter(unsigned ms, double bound_db)
{
    struct call k = begin(2, JN_CODEC_PCMU, false, HZ_A, HZ_B);
    k.jitter = ms;
    go(&k, 50);
    for (int i = 0; i < 5; i++) {
        enter(&k, LISTEN);
        go(&k, 40);
        leave(&k);
        go(&k, 60);
    }
    in_one_piece(k.a, "caller");
    in_one_piece(k.b, "agent");
    double all_a = worst_db(k.a, HZ_B, HZ_B, 4000, k.a->n), all_b = worst_db(k.b, HZ_A, HZ_A, 4000, k.b->n);
    cr_expect(all_a < bound_db && all_b < bound_db, "outside the tone: caller %f dB, agent %f dB", all_a, all_b);
    cr_expect_eq(unheard(&k, k.a), 0);
    cr_expect_eq(unheard(&k, k.b), 0);
    end(&k);
}

Test(turn, arrival_that_jitters_by_6_ms_costs_no_frame_and_no_click)
{
    with_jitter(6, -32);
}

Test(turn, arrival_that_jitters_by_16_ms_costs_no_frame_and_no_gap)
{
    with_jitter(16, -20);
}

Test(turn, who_comes_into_a_mix_in_the_middle_of_a_word_and_goes_so_does_it_softly)
{
    struct call k = begin(1, JN_CODEC_PCMU, false, HZ_A, HZ_B);
    k.c_talks = true;
    go(&k, 50);
    for (int i = 0; i < 5; i++) {
        enter(&k, i % 2 ? BARGE : LISTEN);
        go(&k, 20);
        change(&k, BARGE);
        go(&k, 20);
        change(&k, LISTEN);
        go(&k, 20);
        change(&k, BARGE);
        go(&k, 20);
        leave(&k);
        go(&k, 40);
    }
    double all = worst_db(k.a, HZ_B, HZ_C, 4000, k.a->n);
    cr_expect(all < -33, "outside the two tones: %f dB", all);
    end(&k);
}
