/* Supervisors in a call: who hears whom in each mode, and digits that are pressed meanwhile. */
#include "turn.h"

TestSuite(supervise, .timeout = 60);

/* Amplitudes of the three tones in the last 100 ms that t heard. */
static void loud(const struct talker *t, double *caller, double *agent, double *third)
{
    *caller = tone(t->line, t->n - 800, t->n, HZ_A);
    *agent = tone(t->line, t->n - 800, t->n, HZ_B);
    *third = tone(t->line, t->n - 800, t->n, HZ_C);
}

static void expect_loud(const struct talker *t, bool caller, bool agent, bool third, const char *name)
{
    double c, a, o;
    loud(t, &c, &a, &o);
    cr_expect((c > 7000) == caller && (caller || c < 80), "%s hears the caller: %f", name, c);
    cr_expect((a > 7000) == agent && (agent || a < 80), "%s hears the agent: %f", name, a);
    cr_expect((o > 7000) == third && (third || o < 80), "%s hears the third: %f", name, o);
}

static void modes(unsigned workers, uint8_t codec_b, bool srtp)
{
    struct call k = begin(workers, codec_b, srtp, HZ_A, HZ_B);
    k.c_talks = true;
    go(&k, 30);
    enter(&k, LISTEN);
    static const enum mode then[] = {LISTEN, WHISPER, BARGE, WHISPER, LISTEN, BARGE, LISTEN};
    for (unsigned i = 0; i < sizeof then / sizeof then[0]; i++) {
        change(&k, then[i]);
        go(&k, 25);
        expect_loud(k.a, false, true, then[i] == BARGE, "caller");
        expect_loud(k.b, true, false, then[i] != LISTEN, "agent");
        expect_loud(k.c, true, true, false, "third");
    }
    change(&k, BARGE);
    go(&k, 25);
    leave(&k); /* in the middle of a word */
    go(&k, 60);
    expect_loud(k.a, false, true, false, "caller");
    expect_loud(k.b, true, false, false, "agent");
    in_one_piece(k.a, "caller");
    in_one_piece(k.b, "agent");
    end(&k);
}

Test(supervise, each_mode_lets_each_party_hear_whom_it_may)
{
    modes(1, JN_CODEC_PCMU, false);
}

Test(supervise, modes_over_two_workers_and_two_codecs)
{
    modes(2, JN_CODEC_PCMA, false);
}

Test(supervise, modes_with_srtp)
{
    modes(2, JN_CODEC_PCMA, true);
}

Test(supervise, the_caller_never_hears_a_whisper)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct call k = begin(workers, JN_CODEC_PCMU, false, HZ_A, HZ_B);
        k.c_talks = true;
        go(&k, 30);
        for (int i = 0; i < 5; i++) {
            enter(&k, WHISPER);
            go(&k, 30);
            change(&k, LISTEN);
            go(&k, 10);
            change(&k, WHISPER);
            go(&k, 20);
            leave(&k);
            go(&k, 35);
        }
        for (unsigned at = 4000; at + 400 <= k.a->n; at += 200) {
            double third = tone(k.a->line, at, at + 400, HZ_C);
            cr_assert_lt(third, 80, "at %u: %f", at, third);
        }
        end(&k);
    }
}

/* The agent's phone counts presses by timestamps (RFC 4733 2.5.1.2): a turn in the middle of one makes no second. */
static void press_over(bool entering, bool leaving)
{
    struct call k = begin(2, JN_CODEC_PCMU, false, HZ_A, HZ_B);
    go(&k, 40);
    if (!entering) {
        enter(&k, LISTEN);
        go(&k, 40);
    }
    unsigned from = k.b->r->sent_n, n = 0;
    for (int i = 1; i <= 20; i++) {
        press(&k, k.a, i, i >= 18);
        if (i == 5 && entering)
            enter(&k, LISTEN);
        if (i == 5 && leaving)
            leave(&k);
        say(k.a);
        pass(k.w, 20);
    }
    uint32_t ts = 0;
    for (unsigned i = from; i < k.b->r->sent_n; i++) {
        struct sent *s = &k.b->r->sent[i];
        if (s->rtcp || s->local != k.b->who.local || s->h.pt != RIG_PT_DTMF)
            continue;
        cr_assert(n == 0 || s->h.ts == ts, "packet %u begins another press", n);
        ts = s->h.ts;
        n++;
    }
    cr_assert_eq(n, 20, "%u of 20 event packets came", n);
    end(&k);
}

Test(supervise, a_digit_pressed_in_a_mix_reaches_the_other_party)
{
    press_over(false, false);
}

Test(supervise, a_digit_pressed_while_a_third_comes_is_one_digit)
{
    press_over(true, false);
}

Test(supervise, a_digit_pressed_while_a_third_goes_is_one_digit)
{
    press_over(false, true);
}
