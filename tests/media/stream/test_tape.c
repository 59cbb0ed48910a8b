#include "media/record/render.h"
#include "rig.h"

TestSuite(tape, .timeout = 20);

static void record(struct rig *r, uint8_t on)
{
    struct jn_order o = {.kind = JN_ORDER_RECORD, .room = 50, .record = {.call = 700, .tenant = 3, .on = on}};
    rig_order(r, &o);
}

static unsigned drain(struct rig *r, struct jn_rec_item *items, unsigned max)
{
    return jn_mailbox_recv(&r->items, items, max);
}

Test(tape, every_received_frame_is_there_as_it_was_in_relay_and_in_mix)
{
    static struct jn_rec_item it[512];
    struct rig *r = rig_open();
    struct party a, b;
    struct jn_rec_ledger ledger = {0};
    rig_call(r, &a, &b);
    record(r, 1);
    for (int i = 0; i < 60; i++) {
        if (i == 30)
            rig_play(r, 2, 50, 9, true, 1);
        rig_say(r, &a, (int16_t)(i * 100));
        rig_say(r, &b, (int16_t)(-i * 100));
        rig_run(r, 20);
    }
    struct jn_order close = {.kind = JN_ORDER_ROOM_CLOSE, .room = 50, .token = 1};
    rig_order(r, &close);
    rig_expect(r, JN_FACT_ROOM_CLOSED);
    cr_assert_eq(r->fact.closed_room.frames, 120);
    cr_assert_eq(r->fact.closed_room.lost, 0);
    unsigned n = drain(r, it, 512), frames = 0, last = 0;
    cr_assert_eq(it[0].event, JN_RECEV_START);
    for (unsigned i = 0; i < n; i++) {
        jn_rec_ledger_add(&ledger, &it[i]);
        cr_assert_eq(it[i].call, 700);
        cr_assert_eq(it[i].tenant, 3);
        if (it[i].kind != JN_REC_FRAME) {
            last = it[i].event;
            continue;
        }
        struct party *who = it[i].track == JN_TRACK_CALLER ? &a : &b;
        cr_assert_eq(it[i].ssrc, who->ssrc);
        cr_assert_eq(it[i].len, 160);
        int16_t v;
        jn_codec_decode((enum jn_codec_id)it[i].codec, &v, it[i].payload, 1);
        int want = (int)(frames / 2) * (it[i].track == JN_TRACK_CALLER ? 100 : -100);
        cr_assert(abs(v - want) <= abs(want) / 16 + 8, "frame %u: %d instead of %d", frames, v, want);
        frames++;
    }
    cr_assert_eq(last, JN_RECEV_STOP);
    cr_assert(ledger.complete);
    cr_assert_eq(ledger.missing[0] + ledger.missing[1], 0);
    rig_close(r);
}

Test(tape, events_tell_who_joined_heard_and_what_was_played)
{
    static struct jn_rec_item it[64];
    struct rig *r = rig_open();
    rig_leg(r, 1);
    rig_leg(r, 2);
    rig_room(r, 50);
    rig_join(r, 1, 50, JN_TRACK_CALLER);
    record(r, 1);
    rig_play(r, 1, 50, 9, false, 1);
    rig_run(r, 100);
    rig_join(r, 2, 50, JN_TRACK_AGENT);
    record(r, 2);
    record(r, 1);
    struct jn_order mark = {.kind = JN_ORDER_MARK, .room = 50, .leg = 2, .mark = {.event = JN_RECEV_HOLD, .arg = 5}};
    rig_order(r, &mark);
    struct jn_order leave = {.kind = JN_ORDER_ROOM_LEAVE, .room = 50, .leg = 1};
    rig_order(r, &leave);
    record(r, 0);
    static const uint8_t want[] = {JN_RECEV_START,   JN_RECEV_JOIN, JN_RECEV_HEAR,  JN_RECEV_PROMPT,
                                   JN_RECEV_PROMPT,  JN_RECEV_JOIN, JN_RECEV_HEAR,  JN_RECEV_PAUSE,
                                   JN_RECEV_UNPAUSE, JN_RECEV_HOLD, JN_RECEV_LEAVE, JN_RECEV_STOP};
    unsigned n = drain(r, it, 64);
    cr_assert_eq(n, sizeof want);
    for (unsigned i = 0; i < n; i++)
        cr_assert_eq(it[i].event, want[i], "event %u is %u instead of %u", i, it[i].event, want[i]);
    cr_assert_eq(it[3].arg, UINT64_C(1) << 32);
    cr_assert_eq(it[4].arg >> 32, 0xffff);
    cr_assert_eq(it[9].track, JN_TRACK_AGENT);
    cr_assert_eq(it[9].arg, 5);
    cr_assert_eq(it[11].arg, 0);
    rig_close(r);
}

Test(tape, a_pause_takes_nothing)
{
    static struct jn_rec_item it[64];
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    record(r, 1);
    rig_say(r, &a, 1);
    record(r, 2);
    rig_say(r, &a, 1);
    record(r, 1);
    rig_say(r, &a, 1);
    record(r, 0);
    unsigned n = drain(r, it, 64), frames = 0;
    for (unsigned i = 0; i < n; i++)
        frames += it[i].kind == JN_REC_FRAME;
    cr_assert_eq(frames, 2);
    cr_assert_eq(it[n - 1].arg, 2);
    rig_close(r);
}

Test(tape, a_full_mailbox_costs_frames_that_are_counted_and_never_the_end)
{
    static struct jn_rec_item it[1024];
    struct rig *r = rig_open_at(0, 1024, 128);
    struct party a, b;
    struct jn_rec_ledger ledger = {0};
    rig_call(r, &a, &b);
    record(r, 1);
    for (int i = 0; i < 200; i++)
        rig_say(r, &a, 1);
    unsigned n = drain(r, it, 1024);
    for (int i = 0; i < 5; i++)
        rig_say(r, &a, 1);
    for (int i = 0; i < 200; i++)
        rig_say(r, &a, 1);
    record(r, 0);
    n += drain(r, it + n, 1024 - n);
    for (unsigned i = 0; i < n; i++)
        jn_rec_ledger_add(&ledger, &it[i]);
    cr_assert_eq(ledger.stopped, 1);
    cr_assert_eq(ledger.handed_over, ledger.frames[0]);
    cr_assert_eq(ledger.frames[0] + ledger.overflow, 405);
    cr_assert_gt(ledger.overflow, 100);
    cr_assert_eq(ledger.overflow, jn_plane_counts(r->p)->rec_overflow);
    cr_assert(!ledger.complete);
    rig_close(r);
}

Test(tape, digits_and_comfort_noise_stand_in_the_sequence_without_sound)
{
    static struct jn_rec_item it[64];
    struct rig *r = rig_open();
    struct party a, b;
    struct jn_rec_ledger ledger = {0};
    rig_call(r, &a, &b);
    record(r, 1);
    uint8_t data[600], event[4] = {5, 10, 0, 160}, noise[1] = {60};
    rig_say(r, &a, 1);
    uint16_t len = rig_packet(&a, data, RIG_PT_DTMF, true, event, 4);
    rig_inject(r, &a, &a.addr, data, len, a.local);
    len = rig_packet(&a, data, RIG_PT_CN, true, noise, 1);
    rig_inject(r, &a, &a.addr, data, len, a.local);
    rig_say(r, &a, 1);
    record(r, 0);
    unsigned n = drain(r, it, 64);
    for (unsigned i = 0; i < n; i++)
        jn_rec_ledger_add(&ledger, &it[i]);
    cr_assert_eq(ledger.missing[0], 0);
    cr_assert(ledger.complete);
    rig_close(r);
}
