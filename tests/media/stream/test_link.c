/* Two planes, joined by links: the legs of one call live on different workers. */
#include "rig.h"
#include "tests/media/record/drain.h"

TestSuite(link, .timeout = 60);

struct pair {
    struct rig *r[2];
    struct jn_mailbox ring[2]; /* ring[i]: to plane i */
};

static void join_planes(struct pair *p, uint32_t slots)
{
    for (unsigned i = 0; i < 2; i++) {
        p->r[i] = rig_open_at((uint8_t)i, 256, 64);
        cr_assert_eq(jn_mailbox_init(&p->ring[i], slots, (uint32_t)jn_plane_link_bytes(), NULL), 0);
    }
    jn_plane_link(p->r[0]->p, 1, &p->ring[0], &p->ring[1]);
    jn_plane_link(p->r[1]->p, 0, &p->ring[1], &p->ring[0]);
}

static void part_planes(struct pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        rig_close(p->r[i]);
        jn_mailbox_free(&p->ring[i]);
    }
}

static void carry(struct pair *p)
{
    for (bool more = true; more;) {
        more = false;
        for (unsigned i = 0; i < 2; i++) {
            more |= jn_plane_links(p->r[i]->p, p->r[i]->now) > 0;
            jn_plane_flush(p->r[i]->p);
        }
    }
}

static void run(struct pair *p, unsigned ms)
{
    for (; ms > 0; ms--) {
        rig_run(p->r[0], 1);
        rig_run(p->r[1], 1);
        carry(p);
    }
}

static void both(struct pair *p, const struct jn_order *o, bool home_first)
{
    rig_order(p->r[home_first ? o->room_worker : o->leg_worker], o);
    if (o->room_worker != o->leg_worker)
        rig_order(p->r[home_first ? o->leg_worker : o->room_worker], o);
}

static void membership(struct pair *p, uint8_t kind, uint64_t leg, uint8_t leg_worker, uint8_t track, bool home_first)
{
    struct jn_order o = {
        .kind = kind, .leg = leg, .room = 50, .leg_worker = leg_worker, .room_worker = 0, .join.track = track};
    both(p, &o, home_first);
}

static void call(struct pair *p, struct party *a, struct party *b, bool home_first)
{
    *a = rig_leg(p->r[0], 1);
    *b = rig_leg(p->r[1], 2);
    rig_room(p->r[0], 50);
    membership(p, JN_ORDER_ROOM_JOIN, 1, 0, JN_TRACK_CALLER, home_first);
    if (home_first) { /* its worker hears of it later */
        struct jn_order o = {
            .kind = JN_ORDER_ROOM_JOIN, .leg = 2, .room = 50, .leg_worker = 1, .join.track = JN_TRACK_AGENT};
        rig_order(p->r[0], &o);
        run(p, 5);
        rig_order(p->r[1], &o);
    } else {
        membership(p, JN_ORDER_ROOM_JOIN, 2, 1, JN_TRACK_AGENT, false);
    }
    run(p, 200);
}

static void relays(bool home_first)
{
    struct pair p;
    struct party a, b;
    join_planes(&p, 64);
    call(&p, &a, &b, home_first);
    unsigned from0 = p.r[0]->sent_n, from1 = p.r[1]->sent_n;
    for (int i = 0; i < 20; i++) {
        rig_say(p.r[0], &a, 1000);
        rig_say(p.r[1], &b, 2000);
        run(&p, 20);
    }
    cr_assert_eq(rig_count(p.r[1], b.local, from1), 20);
    cr_assert_eq(rig_count(p.r[0], a.local, from0), 20);
    cr_assert(abs(rig_value(rig_sent(p.r[1], b.local, from1, 19), 0) - 1000) < 50);
    cr_assert(abs(rig_value(rig_sent(p.r[0], a.local, from0, 19), 0) - 2000) < 80);
    cr_assert_eq(jn_plane_counts(p.r[0]->p)->link_frames, 20 /* b's words */);
    part_planes(&p);
}

Test(link, a_call_over_two_workers_is_relayed)
{
    relays(false);
}

Test(link, the_home_may_hear_of_the_leg_before_its_own_worker_does)
{
    relays(true);
}

Test(link, a_prompt_reaches_the_remote_leg_and_the_relay_comes_back)
{
    struct pair p;
    struct party a, b;
    join_planes(&p, 64);
    call(&p, &a, &b, false);
    rig_play(p.r[0], 2, 50, 9, false, 0);
    unsigned from = p.r[1]->sent_n;
    run(&p, 200);
    uint8_t got[4000];
    unsigned n = 0;
    for (unsigned i = 0; rig_sent(p.r[1], b.local, from, i); i++, n += 160)
        memcpy(got + n, rig_sent(p.r[1], b.local, from, i)->data + 12, 160);
    cr_assert_geq(n, 800);
    cr_assert_arr_eq(got, p.r[0]->sounds.at[0].coded[0], 800);
    rig_expect(p.r[0], JN_FACT_PLAY_DONE);
    run(&p, 200);
    uint64_t relayed = jn_plane_counts(p.r[1]->p)->relayed;
    rig_say(p.r[0], &a, 1000);
    run(&p, 2);
    cr_assert_eq(jn_plane_counts(p.r[1]->p)->relayed, relayed + 1);
    part_planes(&p);
}

Test(link, the_home_records_the_remote_leg_with_its_arrival_times)
{
    static struct jn_rec_item it[64];
    struct pair p;
    struct party a, b;
    join_planes(&p, 64);
    call(&p, &a, &b, false);
    struct jn_order rec = {.kind = JN_ORDER_RECORD, .room = 50, .record = {.call = 7, .tenant = 1, .on = 1}};
    rig_order(p.r[0], &rec);
    uint64_t at = p.r[1]->now;
    rig_say(p.r[1], &b, 2000);
    run(&p, 5);
    rec.record.on = 0;
    rig_order(p.r[0], &rec);
    unsigned n = jn_test_drain(&p.r[0]->rec, it, 64), frames = 0;
    for (unsigned i = 0; i < n; i++)
        if (it[i].kind == JN_REC_FRAME) {
            frames++;
            cr_assert_eq(it[i].track, JN_TRACK_AGENT);
            cr_assert_eq(it[i].at_us, at / 1000);
            cr_assert_eq(it[i].ssrc, 2);
        }
    cr_assert_eq(frames, 1);
    part_planes(&p);
}

Test(link, a_digit_is_told_once_by_the_legs_own_worker)
{
    struct pair p;
    struct party a, b;
    join_planes(&p, 64);
    call(&p, &a, &b, false);
    uint8_t data[600], event[4] = {7, 10, 0, 160};
    uint16_t len = rig_packet(&b, data, RIG_PT_DTMF, true, event, 4);
    rig_inject(p.r[1], &b, &b.addr, data, len, b.local);
    run(&p, 20);
    rig_expect(p.r[1], JN_FACT_DIGIT);
    cr_assert_eq(p.r[1]->fact.digit.digit, '7');
    rig_expect(p.r[0], JN_FACT_NONE);
    part_planes(&p);
}

Test(link, a_remote_leg_that_closes_without_leaving_leaves)
{
    struct pair p;
    struct party a, b;
    join_planes(&p, 64);
    call(&p, &a, &b, false);
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = 2, .token = 9};
    rig_order(p.r[1], &o);
    rig_expect(p.r[1], JN_FACT_LEG_CLOSED);
    run(&p, 10);
    membership(&p, JN_ORDER_ROOM_LEAVE, 2, 1, 0, true);
    rig_expect(p.r[0], JN_FACT_REFUSED);
    part_planes(&p);
}

Test(link, a_room_that_closes_frees_the_remote_leg)
{
    struct pair p;
    struct party a, b;
    join_planes(&p, 64);
    call(&p, &a, &b, false);
    struct jn_order o = {.kind = JN_ORDER_ROOM_CLOSE, .room = 50, .token = 9};
    rig_order(p.r[0], &o);
    rig_expect(p.r[0], JN_FACT_ROOM_CLOSED);
    run(&p, 10);
    uint64_t frames = jn_plane_counts(p.r[0]->p)->link_frames;
    rig_say(p.r[1], &b, 2000);
    run(&p, 10);
    cr_assert_eq(jn_plane_counts(p.r[0]->p)->link_frames, frames, "it sends nothing to a room that is gone");
    part_planes(&p);
}

Test(link, a_full_link_costs_frames_that_are_counted_and_the_call_recovers)
{
    struct pair p;
    struct party a, b;
    join_planes(&p, 8);
    call(&p, &a, &b, false);
    for (int i = 0; i < 50; i++)
        rig_say(p.r[1], &b, 2000); /* nobody carries */
    cr_assert_gt(rig_drops(p.r[1], JN_DROP_FULL), 40);
    b.remote.codec = JN_CODEC_PCMA; /* told when there is room */
    b.remote.rtp_pt = 8;
    rig_remote(p.r[1], &b);
    run(&p, 1000);
    for (int i = 0; i < 20; i++) {
        rig_say(p.r[0], &a, 1000);
        run(&p, 20);
    }
    int16_t got = rig_value(rig_sent(p.r[1], b.local, 0, rig_count(p.r[1], b.local, 0) - 1), JN_CODEC_PCMA);
    cr_assert(abs(got - 1000) < 50, "%d", got);
    part_planes(&p);
}

Test(link, a_question_that_finds_the_link_full_is_asked_again)
{
    static struct jn_rec_item dump[2]; /* as large as a frame of a link */
    struct pair p;
    join_planes(&p, 8);
    struct party b = rig_leg(p.r[1], 2), c = rig_leg(p.r[1], 3);
    (void)b;
    rig_room(p.r[0], 50);
    membership(&p, JN_ORDER_ROOM_JOIN, 2, 1, JN_TRACK_AGENT, false);
    run(&p, 20);
    struct jn_order o = {.kind = JN_ORDER_ROOM_JOIN, .leg = 3, .room = 50, .leg_worker = 1, .join.track = 2};
    rig_order(p.r[1], &o);
    carry(&p); /* its format comes to a home that does not know the leg yet */
    rig_run(p.r[0], 400);
    cr_assert_gt(rig_drops(p.r[0], JN_DROP_FULL), 0);
    cr_assert_geq(sizeof dump, jn_plane_link_bytes());
    cr_assert_eq(jn_mailbox_recv(&p.ring[1], dump, 1), 1); /* one place: the join keeps it, the question has none */
    rig_order(p.r[0], &o);
    rig_expect(p.r[0], JN_FACT_NONE);
    rig_play(p.r[0], 0, 50, 9, true, 1);
    run(&p, 200);
    struct sent *s = rig_sent(p.r[1], c.local, 0, 0);
    cr_assert_not_null(s, "the leg hears nothing: its format was never told");
    part_planes(&p);
}

Test(link, places_kept_for_endings_are_given_back)
{
    struct pair p;
    struct party a, b;
    join_planes(&p, 8);
    a = rig_leg(p.r[0], 1);
    b = rig_leg(p.r[1], 2);
    rig_room(p.r[0], 50);
    for (int i = 0; i < 40; i++) {
        membership(&p, JN_ORDER_ROOM_JOIN, 2, 1, JN_TRACK_AGENT, i & 1);
        run(&p, 10);
        membership(&p, JN_ORDER_ROOM_LEAVE, 2, 1, 0, i & 1);
        run(&p, 10);
        rig_expect(p.r[0], JN_FACT_NONE);
        rig_expect(p.r[1], JN_FACT_NONE);
    }
    cr_assert_eq(p.ring[0].reserved + p.ring[1].reserved, 0);
    (void)a;
    (void)b;
    part_planes(&p);
}
