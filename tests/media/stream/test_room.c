#include "rig.h"

TestSuite(room, .timeout = 60);

static void hear(struct rig *r, uint64_t leg, uint8_t tracks)
{
    struct jn_order o = {.kind = JN_ORDER_HEAR, .leg = leg, .room = 50, .hear.tracks = tracks};
    rig_order(r, &o);
}

/* What the party heard at the end of the run, by the middle of its last packet. */
static int heard(struct rig *r, const struct party *who, uint8_t codec)
{
    unsigned n = rig_count(r, who->local, 0);
    cr_assert_gt(n, 0);
    return rig_value(rig_sent(r, who->local, 0, n - 1), codec);
}

static void talk(struct rig *r, struct party *who[], const int16_t say[], unsigned n)
{
    for (int i = 0; i < 30; i++) {
        for (unsigned k = 0; k < n; k++)
            rig_say(r, who[k], say[k]);
        rig_run(r, 20);
    }
}

static void near(int got, int want)
{
    cr_assert_leq(abs(got - want), abs(want) / 20 + 20, "%d instead of %d", got, want);
}

Test(room, three_hear_the_sum_of_the_others_and_never_themselves)
{
    struct rig *r = rig_open();
    struct party a, b, c;
    rig_call(r, &a, &b);
    c = rig_leg_open(r, 3);
    c.remote.codec = JN_CODEC_PCMA;
    c.remote.rtp_pt = 8;
    rig_remote(r, &c);
    rig_join(r, 3, 50, JN_TRACK_OTHER);
    talk(r, (struct party *[]){&a, &b, &c}, (int16_t[]){1000, 2000, 4000}, 3);
    near(heard(r, &a, 0), 6000);
    near(heard(r, &b, 0), 5000);
    near(heard(r, &c, 1), 3000);
    rig_close(r);
}

Test(room, the_matrix_says_who_hears_whom)
{
    struct rig *r = rig_open();
    struct party a, b, c;
    rig_call(r, &a, &b);
    c = rig_leg(r, 3);
    rig_join(r, 3, 50, JN_TRACK_OTHER);
    hear(r, 1, 1 << JN_TRACK_AGENT); /* whisper: the caller does not hear the supervisor */
    hear(r, 3, 1 << JN_TRACK_CALLER | 1 << JN_TRACK_AGENT);
    struct party *all[] = {&a, &b, &c};
    int16_t say[] = {1000, 2000, 4000};
    talk(r, all, say, 3);
    near(heard(r, &a, 0), 2000);
    near(heard(r, &b, 0), 5000);
    near(heard(r, &c, 0), 3000);
    hear(r, 2, 1 << JN_TRACK_CALLER); /* monitor: nobody hears the supervisor */
    talk(r, all, say, 3);
    near(heard(r, &a, 0), 2000);
    near(heard(r, &b, 0), 1000);
    near(heard(r, &c, 0), 3000);
    hear(r, 2, 0);
    talk(r, all, say, 3);
    near(heard(r, &b, 0), 0);
    rig_close(r);
}

Test(room, loud_sums_saturate_and_do_not_wrap)
{
    struct rig *r = rig_open();
    struct party a, b, c;
    rig_call(r, &a, &b);
    c = rig_leg(r, 3);
    rig_join(r, 3, 50, JN_TRACK_OTHER);
    talk(r, (struct party *[]){&a, &b, &c}, (int16_t[]){30000, 30000, 100}, 3);
    cr_assert_gt(heard(r, &c, 0), 31000);
    rig_close(r);
}

Test(room, different_codecs_are_mixed_not_relayed_and_still_hear_each_other)
{
    struct rig *r = rig_open();
    struct party a = rig_leg(r, 1), b = rig_leg_open(r, 2);
    b.remote.codec = JN_CODEC_PCMA;
    b.remote.rtp_pt = 8;
    rig_remote(r, &b);
    rig_room(r, 50);
    rig_join(r, 1, 50, JN_TRACK_CALLER);
    rig_join(r, 2, 50, JN_TRACK_AGENT);
    talk(r, (struct party *[]){&a, &b}, (int16_t[]){1000, 2000}, 2);
    cr_assert_eq(jn_plane_counts(r->p)->relayed, 0);
    near(heard(r, &a, 0), 2000);
    near(heard(r, &b, 1), 1000);
    rig_close(r);
}

Test(room, a_relay_ends_when_one_stops_hearing_and_comes_back)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    struct party *all[] = {&a, &b};
    int16_t say[] = {1000, 2000};
    talk(r, all, say, 2);
    uint64_t relayed = jn_plane_counts(r->p)->relayed;
    cr_assert_eq(relayed, 60);
    hear(r, 1, 0);
    talk(r, all, say, 2);
    cr_assert_leq(jn_plane_counts(r->p)->relayed, relayed + 3, "the other direction is followed for a moment");
    near(heard(r, &a, 0), 0);
    near(heard(r, &b, 0), 1000);
    hear(r, 1, 7);
    for (int i = 0; i < 2; i++)
        talk(r, all, say, 2);
    cr_assert_gt(jn_plane_counts(r->p)->relayed, relayed + 40);
    near(heard(r, &a, 0), 2000);
    rig_close(r);
}

Test(room, a_track_that_does_not_exist_is_refused_and_the_leg_stays_where_it_is)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    struct jn_order o = {.kind = JN_ORDER_ROOM_JOIN, .leg = 1, .room = 50, .join.track = JN_TRACK_N};
    rig_order(r, &o);
    rig_expect(r, JN_FACT_REFUSED);
    rig_say(r, &a, 100);
    cr_assert_eq(jn_plane_counts(r->p)->relayed, 1);
    rig_close(r);
}

Test(room, a_late_worker_catches_up_without_a_gap)
{
    struct rig *r = rig_open();
    struct party a = rig_leg(r, 1);
    rig_room(r, 50);
    rig_join(r, 1, 50, JN_TRACK_CALLER);
    rig_run(r, 100);
    unsigned from = rig_count(r, a.local, 0);
    r->now += 80 * 1000000;
    for (unsigned i = 0; i < 4; i++, r->now += 10 * 1000000) {
        jn_plane_tick(r->p, r->now);
        jn_plane_flush(r->p);
    }
    unsigned n = rig_count(r, a.local, 0);
    cr_assert_geq(n - from, 4);
    cr_assert_eq(jn_plane_counts(r->p)->left_out, 0);
    for (unsigned i = 1; i < n; i++)
        cr_assert_eq(rig_sent(r, a.local, 0, i)->h.ts - rig_sent(r, a.local, 0, i - 1)->h.ts, 160u);
    cr_assert_gt(jn_plane_counts(r->p)->late_ticks, 0);
    rig_close(r);
}

Test(room, one_mix_is_encoded_for_each_codec_and_prompt_apart)
{
    struct rig *r = rig_open();
    struct party a, b, c;
    rig_call(r, &a, &b);
    c = rig_leg_open(r, 3);
    c.remote.codec = JN_CODEC_PCMA;
    c.remote.rtp_pt = 8;
    rig_remote(r, &c);
    struct party d = rig_leg(r, 4);
    rig_join(r, 3, 50, JN_TRACK_OTHER);
    rig_join(r, 4, 50, JN_TRACK_OTHER);
    for (uint64_t leg = 2; leg <= 4; leg++)
        hear(r, leg, 1 << JN_TRACK_CALLER); /* all three hear the same */
    rig_play(r, 4, 50, 9, true, 1);         /* about 4160 */
    talk(r, (struct party *[]){&a}, (int16_t[]){2000}, 1);
    near(heard(r, &b, 0), 2000);
    near(heard(r, &c, 1), 2000);
    int got = heard(r, &d, 0);
    cr_assert(got > 5800 && got < 6500, "%d", got);
    rig_close(r);
}

Test(room, who_is_heard_by_nobody_costs_no_jitter_buffer)
{
    struct rig *r = rig_open();
    struct party a = rig_leg(r, 1);
    rig_room(r, 50);
    rig_join(r, 1, 50, JN_TRACK_CALLER);
    rig_play(r, 0, 50, 9, true, 1);
    for (int i = 0; i < 200; i++)
        rig_say(r, &a, 100); /* all at once: more than a jitter buffer holds */
    for (unsigned i = 0; i < JN_DROP_N; i++)
        cr_assert_eq(rig_drops(r, (enum jn_drop)i), 0);
    rig_close(r);
}
