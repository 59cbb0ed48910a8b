#include "rig.h"

TestSuite(play, .timeout = 60);

static struct party alone(struct rig *r)
{
    struct party a = rig_leg(r, 1);
    rig_room(r, 50);
    rig_join(r, 1, 50, JN_TRACK_CALLER);
    return a;
}

Test(play, a_prompt_is_heard_bit_by_bit_and_its_end_is_told_with_its_token)
{
    struct rig *r = rig_open();
    struct party a = alone(r);
    rig_run(r, 60);
    rig_play(r, 1, 50, 31, false, 0);
    unsigned from = r->sent_n;
    rig_run(r, 200);
    uint8_t got[4000];
    unsigned n = 0;
    for (unsigned i = 0; rig_sent(r, a.local, from, i); i++, n += 160)
        memcpy(got + n, rig_sent(r, a.local, from, i)->data + 12, 160);
    cr_assert_geq(n, 800 + 160);
    cr_assert_arr_eq(got, r->sounds.at[0].coded[JN_CODEC_PCMU], 800);
    cr_assert_eq(got[800], 0xff, "then silence");
    rig_expect(r, JN_FACT_PLAY_DONE);
    cr_assert_eq(r->fact.token, 31);
    cr_assert_eq(r->fact.leg, 1);
    cr_assert_eq(r->fact.room, 50);
    rig_expect(r, JN_FACT_NONE);
    rig_close(r);
}

Test(play, a_list_plays_in_order)
{
    struct rig *r = rig_open();
    struct party a = alone(r);
    struct jn_order o = {.kind = JN_ORDER_PLAY, .room = 50, .token = 4, .play = {.sound = {1, 0}, .n = 2}};
    rig_order(r, &o);
    unsigned from = r->sent_n;
    rig_run(r, 180);
    cr_assert_arr_eq(rig_sent(r, a.local, from, 1)->data + 12, r->sounds.at[1].coded[0] + 160, 160);
    cr_assert_arr_eq(rig_sent(r, a.local, from, 2)->data + 12, r->sounds.at[0].coded[0], 160);
    rig_expect(r, JN_FACT_PLAY_DONE);
    cr_assert_eq(r->fact.leg, 0);
    rig_close(r);
}

Test(play, music_loops_until_it_is_stopped_and_says_nothing)
{
    struct rig *r = rig_open();
    struct party a = alone(r);
    rig_play(r, 0, 50, 8, true, 1);
    rig_run(r, 1000);
    rig_expect(r, JN_FACT_NONE);
    struct sent *s = rig_sent(r, a.local, 0, rig_count(r, a.local, 0) - 1);
    cr_assert_neq(s->data[12], 0xff);
    struct jn_order o = {.kind = JN_ORDER_STOP, .room = 50};
    rig_order(r, &o);
    rig_run(r, 60);
    s = rig_sent(r, a.local, 0, rig_count(r, a.local, 0) - 1);
    cr_assert_eq(s->data[12], 0xff);
    rig_expect(r, JN_FACT_NONE);
    rig_close(r);
}

Test(play, a_new_prompt_replaces_the_old_which_is_not_told)
{
    struct rig *r = rig_open();
    alone(r);
    rig_play(r, 1, 50, 31, false, 0);
    rig_run(r, 40);
    rig_play(r, 1, 50, 32, false, 0);
    rig_run(r, 300);
    rig_expect(r, JN_FACT_PLAY_DONE);
    cr_assert_eq(r->fact.token, 32);
    rig_expect(r, JN_FACT_NONE);
    rig_close(r);
}

Test(play, a_prompt_to_one_leg_is_heard_by_it_alone_over_what_the_other_says)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    rig_play(r, 2, 50, 31, true, 1);
    for (int i = 0; i < 30; i++) {
        rig_say(r, &a, 8000);
        rig_say(r, &b, 2000);
        rig_run(r, 20);
    }
    int16_t to_a = rig_value(rig_sent(r, a.local, 0, rig_count(r, a.local, 0) - 1), 0);
    int16_t to_b = rig_value(rig_sent(r, b.local, 0, rig_count(r, b.local, 0) - 1), 0);
    cr_assert(abs(to_a - 2000) < 100, "%d", to_a);
    cr_assert(to_b > 11500 && to_b < 12900, "%d", to_b);
    rig_close(r);
}

Test(play, unknown_sounds_and_empty_lists_are_refused)
{
    struct rig *r = rig_open();
    alone(r);
    rig_play(r, 1, 50, 31, false, 77);
    rig_expect(r, JN_FACT_REFUSED);
    struct jn_order o = {.kind = JN_ORDER_PLAY, .room = 50, .token = 4};
    rig_order(r, &o);
    rig_expect(r, JN_FACT_REFUSED);
    o.play.n = JN_PLAY_MAX + 1;
    rig_order(r, &o);
    rig_expect(r, JN_FACT_REFUSED);
    rig_close(r);
}
