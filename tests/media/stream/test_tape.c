#include "engine/base/rand.h"
#include "media/record/render.h"
#include "rig.h"
#include "tests/media/record/drain.h"

TestSuite(tape, .timeout = 60);

static void record(struct rig *r, uint8_t on)
{
    struct jn_order o = {.kind = JN_ORDER_RECORD, .room = 50, .record = {.call = 700, .tenant = 3, .on = on}};
    rig_order(r, &o);
}

static unsigned drain(struct rig *r, struct jn_rec_item *items, unsigned max)
{
    jn_plane_record_flush(r->p);
    return jn_test_drain(&r->rec, items, max);
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

Test(tape, every_byte_and_field_is_kept_whatever_the_length)
{
    static const uint16_t lengths[] = {160, 240, 80, 33, 96, 1, 160, 31, 224, 47};
    enum { FRAMES = 150, N = sizeof lengths / sizeof *lengths };
    static uint8_t said[FRAMES][240];
    static struct jn_rec_item it[512];
    const uint64_t leg = UINT64_C(0xabcd00000007);
    struct rig *r = rig_open();
    struct party who = rig_leg(r, leg);
    uint64_t before = 0, begin_us = r->now / 1000;
    uint8_t data[600];

    rig_room(r, 50);
    rig_join(r, leg, 50, JN_TRACK_CALLER);
    record(r, 1);
    who.seq = 65460;
    who.ts = UINT32_MAX - 1000;
    who.ssrc = 0x89abcdef;
    for (unsigned i = 0; i < FRAMES; i++) {
        jn_random(said[i], sizeof said[i]);
        uint16_t len = rig_packet(&who, data, 0, i == 3, said[i], lengths[i % N]);
        who.ts += 160;
        rig_inject(r, &who, &who.addr, data, len, who.local);
        rig_run(r, 20);
    }
    unsigned n = drain(r, it, 512), at = 0;
    for (unsigned i = 0; i < n; i++) {
        if (it[i].kind != JN_REC_FRAME)
            continue;
        cr_assert_eq(it[i].len, lengths[at % N]);
        cr_assert_eq(memcmp(it[i].payload, said[at], it[i].len), 0, "frame %u, %u bytes", at, it[i].len);
        cr_assert(it[i].arg == leg && it[i].ssrc == 0x89abcdef && it[i].codec == JN_CODEC_PCMU);
        cr_assert(it[i].rtp_ts == UINT32_MAX - 1000 + 160 * at && it[i].marker == (at == 3));
        cr_assert_eq((uint16_t)it[i].seq, (uint16_t)(65460 + at));
        cr_assert(at == 0 || it[i].seq == before + 1, "the wrap at %u is counted", at);
        cr_assert_eq(it[i].at_us, begin_us + 20000 * at);
        before = it[i].seq;
        at++;
    }
    cr_assert_eq(at, FRAMES);
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

/* One frame of a known sound every 20 ms; the orders come between two packets. */
struct withheld {
    struct rig *r;
    struct party a, b;
    struct jn_rec_item it[128];
    unsigned n, frames;
};

static void withheld_open(struct withheld *w, uint8_t codec)
{
    *w = (struct withheld){.r = rig_open()};
    rig_call(w->r, &w->a, &w->b);
    w->a.codec = codec;
    record(w->r, 1);
}

static void say(struct withheld *w, unsigned frames)
{
    for (; frames > 0; frames--) {
        rig_say(w->r, &w->a, 8000);
        rig_run(w->r, 20);
    }
}

static void withheld_close(struct withheld *w)
{
    record(w->r, 0);
    w->n = drain(w->r, w->it, 128);
    for (unsigned i = 0; i < w->n; i++)
        w->frames += w->it[i].kind == JN_REC_FRAME;
    cr_assert_eq(w->it[w->n - 1].arg, w->frames, "the end tells of every frame");
    rig_close(w->r);
}

/* Samples of the k-th frame that are the sound that was said. */
static unsigned told(const struct withheld *w, unsigned k, unsigned *first, unsigned *last)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->n; i++) {
        const struct jn_rec_item *it = &w->it[i];
        if (it->kind != JN_REC_FRAME || k-- > 0)
            continue;
        uint8_t said;
        for (unsigned s = 0; it->len == 160 && s < 160; s++) {
            int16_t v;
            said = it->payload[s];
            jn_codec_decode(JN_CODEC_PCMU, &v, &said, 1);
            if (v < 7000)
                continue;
            *first = n++ == 0 ? s : *first;
            *last = s;
        }
        return n;
    }
    return 0;
}

/* What comes at the moment of the order was spoken before it. */
Test(tape, a_pause_takes_no_sound_and_keeps_the_sequence)
{
    static struct withheld w;
    unsigned first, last;
    withheld_open(&w, JN_CODEC_PCMU);
    say(&w, 2);
    record(w.r, 2);
    say(&w, 3);
    record(w.r, 1);
    say(&w, 2);
    withheld_close(&w);
    cr_assert_eq(w.frames, 7);
    for (unsigned k = 0; k < 7; k++)
        cr_assert_eq(told(&w, k, &first, &last), k < 3 || k > 5 ? 160 : 0, "frame %u", k);
}

/* The order comes 7 ms after the second packet and ends 13 ms after the fifth: of the third, 56 samples were spoken
 * before it; of the sixth, 104 before the end. */
Test(tape, a_mask_has_edges_to_the_sample)
{
    static struct withheld w;
    unsigned first = 0, last = 0;
    withheld_open(&w, JN_CODEC_PCMU);
    say(&w, 1);
    rig_say(w.r, &w.a, 8000);
    rig_run(w.r, 7);
    record(w.r, 3);
    rig_run(w.r, 13);
    say(&w, 2);
    rig_say(w.r, &w.a, 8000);
    rig_run(w.r, 13);
    record(w.r, 1);
    rig_run(w.r, 7);
    say(&w, 2);
    withheld_close(&w);
    cr_assert_eq(w.frames, 7);
    cr_assert_eq(told(&w, 1, &first, &last), 160);
    cr_assert_eq(told(&w, 2, &first, &last), 56);
    cr_assert_eq(last, 55, "what was spoken before stands at the beginning");
    cr_assert_eq(told(&w, 3, &first, &last) + told(&w, 4, &first, &last), 0);
    unsigned rest = told(&w, 5, &first, &last);
    cr_assert_eq(rest, 56, "%u samples after the end", rest);
    cr_assert_eq(last, 159);
    cr_assert_eq(told(&w, 6, &first, &last), 160);
    unsigned marks = 0;
    for (unsigned i = 0; i < w.n; i++)
        marks += w.it[i].kind == JN_REC_EVENT && (w.it[i].event == JN_RECEV_MASK || w.it[i].event == JN_RECEV_UNMASK);
    cr_assert_eq(marks, 2);
}

/* What was spoken while it was masked and comes late is withheld, whenever it comes. */
Test(tape, a_late_frame_does_not_tell_what_was_masked)
{
    static struct withheld w;
    unsigned first, last;
    withheld_open(&w, JN_CODEC_PCMU);
    say(&w, 3);
    record(w.r, 3);
    rig_run(w.r, 100); /* five frames are held up on the way */
    record(w.r, 1);
    rig_run(w.r, 5);
    for (unsigned i = 0; i < 5; i++)
        rig_say(w.r, &w.a, 8000);
    rig_run(w.r, 15);
    say(&w, 3);
    withheld_close(&w);
    cr_assert_eq(w.frames, 11);
    for (unsigned k = 0; k < 11; k++) {
        unsigned n = told(&w, k, &first, &last);
        cr_assert(n == (k < 3 || k > 8 ? 160 : 0), "frame %u: %u samples", k, n);
    }
}

Test(tape, a_full_mailbox_costs_frames_that_are_counted_and_never_the_end)
{
    static struct jn_rec_item it[1024];
    struct rig *r = rig_open_at(0, 1024, 3);
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
