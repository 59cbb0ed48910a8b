#include "rig.h"

TestSuite(control, .timeout = 60);

static void close_leg(struct rig *r, uint64_t leg)
{
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = leg, .token = 99};
    rig_order(r, &o);
}

Test(control, orders_for_what_is_not_there_are_refused_with_their_token)
{
    struct rig *r = rig_open();
    static const uint8_t kinds[] = {JN_ORDER_LEG_REMOTE, JN_ORDER_ROOM_JOIN, JN_ORDER_ROOM_LEAVE, JN_ORDER_ROOM_CLOSE,
                                    JN_ORDER_HEAR,       JN_ORDER_PLAY,      JN_ORDER_STOP,       JN_ORDER_RECORD,
                                    JN_ORDER_MARK,       JN_ORDER_NONE,      JN_ORDER_N,          255};
    for (unsigned i = 0; i < sizeof kinds; i++) {
        struct jn_order o = {.kind = kinds[i], .leg = 4, .room = 5, .token = 100 + i};
        rig_order(r, &o);
        rig_expect(r, JN_FACT_REFUSED);
        cr_assert_eq(r->fact.token, 100 + i);
    }
    cr_assert_eq(jn_plane_counts(r->p)->refused_orders, sizeof kinds);
    rig_close(r);
}

Test(control, a_close_is_always_answered_once_more_even_when_the_leg_is_gone)
{
    struct rig *r = rig_open();
    rig_leg(r, 1);
    close_leg(r, 1);
    rig_expect(r, JN_FACT_LEG_CLOSED);
    cr_assert_eq(r->fact.token, 99);
    close_leg(r, 1);
    rig_expect(r, JN_FACT_LEG_CLOSED);
    cr_assert_eq(jn_plane_counts(r->p)->legs, 0);
    rig_close(r);
}

Test(control, a_port_rests_before_it_is_used_again_and_when_none_is_left_it_says_so)
{
    struct rig *r = rig_open();
    for (uint64_t i = 1; i <= RIG_PAIRS; i++)
        rig_leg(r, i);
    struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = 40, .token = 3};
    rig_order(r, &o);
    rig_expect(r, JN_FACT_LEG_REFUSED);
    close_leg(r, 7);
    rig_expect(r, JN_FACT_LEG_CLOSED);
    rig_run(r, 4990);
    while (rig_fact(r)->kind != JN_FACT_NONE)
        continue;
    rig_order(r, &o);
    rig_expect(r, JN_FACT_LEG_REFUSED);
    rig_run(r, 20);
    while (rig_fact(r)->kind != JN_FACT_NONE)
        continue;
    rig_order(r, &o);
    rig_expect(r, JN_FACT_LEG_OPENED);
    rig_close(r);
}

Test(control, a_port_that_somebody_else_has_bound_is_passed_over)
{
    struct rig *r = rig_open();
    r->busy[0] = true; /* RTP of the first pair */
    r->busy[3] = true; /* RTCP of the second */
    struct party a = rig_leg_open(r, 1);
    cr_assert_eq(a.local, 4);
    cr_assert(!r->taken[2], "half a pair is given back");
    cr_assert_eq(a.local % 2, 0);
    rig_close(r);
}

Test(control, where_files_end_sound_goes_on_without_reports_and_then_nothing_is_tried_in_vain)
{
    struct rig *r = rig_open();
    r->no_files = 1;
    struct party a = rig_leg_open(r, 1);
    cr_assert_eq(a.local % 2, 0);
    cr_assert(r->taken[a.local] && !r->taken[a.local + 1], "RTP alone");
    cr_assert_eq(jn_plane_counts(r->p)->legs_without_rtcp, 1);
    r->no_files = 2;
    r->asked = 0;
    struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = 2, .token = 2};
    rig_order(r, &o);
    rig_expect(r, JN_FACT_LEG_REFUSED);
    cr_assert_eq(r->asked, 1, "%u ports were tried though no file is left", r->asked);
    r->no_files = 0;
    struct party b = rig_leg_open(r, 3);
    cr_assert(r->taken[b.local] && r->taken[b.local + 1], "both again");
    rig_close(r);
}

Test(control, every_leg_that_opens_can_say_that_it_closed_though_nobody_reads_the_facts)
{
    struct rig *r = rig_open_at(0, 8, 64);
    unsigned opened = 0;
    for (uint64_t i = 1; i <= 8; i++) {
        struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i, .token = i};
        rig_order(r, &o);
        opened = (unsigned)jn_plane_counts(r->p)->legs;
    }
    cr_assert_gt(opened, 1);
    cr_assert_lt(opened, 8, "those that could not have been answered were refused");
    for (uint64_t i = 1; i <= 8; i++)
        close_leg(r, i);
    unsigned closed = 0, refused = 0, n = 0;
    for (; rig_fact(r)->kind != JN_FACT_NONE || n == 0; n++) {
        closed += r->fact.kind == JN_FACT_LEG_CLOSED;
        refused += r->fact.kind == JN_FACT_LEG_REFUSED;
        rig_run(r, 10);
    }
    cr_assert_eq(closed, 8);
    cr_assert_eq(refused, 8 - opened);
    cr_assert_eq(jn_plane_counts(r->p)->facts_refused, 0);
    rig_close(r);
}

Test(control, orders_wait_while_too_many_facts_do)
{
    struct rig *r = rig_open_at(0, 2, 64);
    struct jn_order o = {.kind = JN_ORDER_STOP, .room = 9};
    unsigned taken = 0;
    while (taken < 1000 && jn_plane_order(r->p, &o, r->now))
        taken++;
    cr_assert_lt(taken, 300);
    unsigned told = 0;
    while (rig_fact(r)->kind != JN_FACT_NONE) {
        cr_assert_eq(r->fact.kind, JN_FACT_REFUSED);
        told++;
        rig_run(r, 10);
    }
    cr_assert_eq(told, taken, "each was answered");
    cr_assert(jn_plane_order(r->p, &o, r->now));
    cr_assert_eq(jn_plane_counts(r->p)->facts_refused, 0);
    rig_close(r);
}

Test(control, a_leg_that_closes_leaves_its_room_and_the_room_goes_on)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    rig_say(r, &a, 100);
    close_leg(r, 1);
    rig_expect(r, JN_FACT_LEG_CLOSED);
    unsigned from = r->sent_n;
    rig_run(r, 100);
    cr_assert_geq(rig_count(r, b.local, from), 4, "the other one hears silence, not nothing");
    struct jn_order o = {.kind = JN_ORDER_ROOM_CLOSE, .room = 50, .token = 12};
    rig_order(r, &o);
    rig_expect(r, JN_FACT_ROOM_CLOSED);
    cr_assert_eq(r->fact.token, 12);
    from = r->sent_n;
    rig_run(r, 100);
    cr_assert_eq(rig_count(r, b.local, from), 0);
    rig_close(r);
}

Test(control, joining_another_room_leaves_the_first)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    rig_room(r, 51);
    rig_join(r, 2, 51, JN_TRACK_AGENT);
    unsigned from = r->sent_n;
    rig_say(r, &a, 5000);
    rig_run(r, 100);
    for (unsigned i = 0; i < rig_count(r, b.local, from); i++)
        cr_assert(abs(rig_value(rig_sent(r, b.local, from, i), 0)) < 10);
    rig_close(r);
}

Test(control, bad_descriptions_are_refused_and_change_nothing)
{
    struct rig *r = rig_open();
    struct party a = rig_leg(r, 1), bad = a;
    bad.remote.codec = JN_CODEC_N;
    rig_remote(r, &bad);
    rig_expect(r, JN_FACT_REFUSED);
    bad = a;
    bad.remote.ptime_ms = 70;
    rig_remote(r, &bad);
    rig_expect(r, JN_FACT_REFUSED);
    bad = a;
    bad.remote.suite = JN_SUITE_N;
    rig_remote(r, &bad);
    rig_expect(r, JN_FACT_REFUSED);
    rig_say(r, &a, 100);
    cr_assert_eq(rig_drops(r, JN_DROP_SOURCE), 0);
    cr_assert_eq(rig_drops(r, JN_DROP_NOT_READY), 0);
    rig_close(r);
}

Test(control, ending_everything_answers_every_leg_and_room)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    rig_say(r, &a, 1);
    rig_say(r, &b, 1);
    jn_plane_end_all(r->p, r->now);
    rig_expect(r, JN_FACT_ROOM_CLOSED);
    rig_expect(r, JN_FACT_LEG_CLOSED);
    rig_expect(r, JN_FACT_LEG_CLOSED);
    for (unsigned i = 0; i < 2 * RIG_PAIRS; i++)
        cr_assert(!r->taken[i]);
    unsigned byes = 0;
    for (unsigned i = 0; i < r->sent_n; i++) {
        struct jn_rtcp_news n;
        byes += r->sent[i].rtcp && jn_rtcp_parse(&n, r->sent[i].data, r->sent[i].len, 0) == 0 && n.bye;
    }
    cr_assert_eq(byes, 2);
    rig_close(r);
}
