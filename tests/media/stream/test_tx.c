#include "rig.h"

TestSuite(tx, .timeout = 60);

Test(tx, relay_keeps_the_payload_bit_by_bit_under_our_own_ssrc_and_sequence)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    unsigned from = r->sent_n;
    struct sent *last = rig_sent(r, b.local, 0, rig_count(r, b.local, 0) - 1);
    cr_assert_not_null(last);
    uint32_t ssrc = last->h.ssrc;
    uint16_t seq = last->h.seq;
    for (int i = 0; i < 20; i++) {
        uint8_t payload[160], data[600];
        for (int k = 0; k < 160; k++)
            payload[k] = (uint8_t)(i * 31 + k * 7);
        uint16_t len = rig_packet(&a, data, 0, false, payload, 160);
        a.ts += 160;
        rig_inject(r, &a, &a.addr, data, len, a.local);
        struct sent *s = rig_sent(r, b.local, from, (unsigned)i);
        cr_assert_not_null(s, "packet %d was not relayed at once", i);
        cr_assert_arr_eq(s->data + 12, payload, 160);
        cr_assert_eq(s->h.ssrc, ssrc);
        cr_assert_neq(s->h.ssrc, a.ssrc);
        cr_assert_eq(s->h.seq, (uint16_t)(seq + 1 + i));
        cr_assert_eq(s->h.marker, i == 0, "marker at the switch only");
        cr_assert(jn_addr_equal(&s->to, &b.addr));
        rig_run(r, 20);
    }
    cr_assert_eq(rig_count(r, a.local, from), 0, "nobody hears himself");
    cr_assert_eq(jn_plane_counts(r->p)->relayed, 20);
    rig_close(r);
}

Test(tx, relay_keeps_gaps_and_order_of_the_sender)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    rig_say(r, &a, 100);
    unsigned from = r->sent_n;
    struct sent *s = rig_sent(r, b.local, 0, rig_count(r, b.local, 0) - 1);
    uint16_t seq = s->h.seq;
    uint32_t ts = s->h.ts;
    a.seq = (uint16_t)(a.seq + 2); /* two lost */
    a.ts += 320;
    rig_say(r, &a, 100);
    a.seq = (uint16_t)(a.seq - 2); /* one of them comes late */
    a.ts -= 320;
    rig_say(r, &a, 100);
    cr_assert_eq(rig_sent(r, b.local, from, 0)->h.seq, (uint16_t)(seq + 3));
    cr_assert_eq(rig_sent(r, b.local, from, 0)->h.ts, ts + 480);
    cr_assert_eq(rig_sent(r, b.local, from, 1)->h.seq, (uint16_t)(seq + 2));
    cr_assert_eq(rig_sent(r, b.local, from, 1)->h.ts, ts + 320);
    a.seq = (uint16_t)(a.seq - 1);
    rig_say(r, &a, 100); /* a duplicate goes no further */
    cr_assert_eq(rig_count(r, b.local, from), 2);
    cr_assert_eq(rig_drops(r, JN_DROP_DUPLICATE), 1);
    rig_close(r);
}

/* Every packet follows the one before by one in sequence, and by real time in timestamps, give or take the playout
 * depth that a mix holds. */
static void check_continuous(struct rig *r, uint16_t local)
{
    struct sent *first = rig_sent(r, local, 0, 0), *before = first;
    for (unsigned i = 1;; i++) {
        struct sent *s = rig_sent(r, local, 0, i);
        if (!s)
            break;
        cr_assert_eq(s->h.seq, (uint16_t)(before->h.seq + 1), "packet %u: %u after %u", i, s->h.seq, before->h.seq);
        cr_assert_eq(s->h.ssrc, first->h.ssrc);
        int32_t step = (int32_t)(s->h.ts - before->h.ts);
        cr_assert_geq(step, before->h.payload_len, "packet %u overlaps the one before: %d", i, step);
        int64_t real = (int64_t)(s->at_ns - first->at_ns) / 125000;
        int64_t off = (int64_t)(uint32_t)(s->h.ts - first->h.ts) - real;
        cr_assert(off > -700 && off < 700, "packet %u: %ld samples off real time", i, (long)off);
        before = s;
    }
}

/* The k-th of 70 values that mu-law codes exactly. */
static int16_t own_value(int k)
{
    uint8_t code = (uint8_t)(0x90 + k);
    int16_t v;
    jn_codec_decode(JN_CODEC_PCMU, &v, &code, 1);
    return v;
}

Test(tx, sequence_and_time_go_on_over_relay_mix_relay_and_nothing_is_lost)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    bool heard[80] = {0};
    for (int i = 0; i < 70; i++) {
        if (i == 20)
            rig_play(r, 2, 50, 9, true, 1); /* music to the agent: a mix */
        if (i == 40) {
            struct jn_order stop = {.kind = JN_ORDER_STOP, .leg = 2, .room = 50};
            rig_order(r, &stop);
        }
        rig_say(r, &b, own_value(i)); /* the agent's words */
        rig_say(r, &a, 0);
        rig_run(r, 20);
    }
    cr_assert_gt(jn_plane_counts(r->p)->relayed, 60);
    check_continuous(r, a.local);
    check_continuous(r, b.local);
    for (unsigned i = 0; i < rig_count(r, a.local, 0); i++) {
        const struct sent *s = rig_sent(r, a.local, 0, i);
        for (unsigned at = 0; at < s->h.payload_len; at++)
            for (int k = 0; k < 70; k++)
                heard[k] |= s->data[s->h.payload_off + at] == 0x90 + k;
    }
    for (int k = 0; k < 70; k++)
        cr_expect(heard[k], "frame %d was not heard", k);
    rig_close(r);
}

Test(tx, marker_stands_at_each_begin_of_another_time_line)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    struct sent *first = rig_sent(r, b.local, 0, 0);
    cr_assert(first->h.marker);
    cr_assert(!rig_sent(r, b.local, 0, 1)->h.marker);
    rig_close(r);
}

Test(tx, packets_have_the_length_that_the_peer_asked_for)
{
    static const uint8_t ptimes[] = {10, 20, 30, 40, 60};
    for (unsigned k = 0; k < sizeof ptimes; k++) {
        struct rig *r = rig_open();
        struct party a = rig_leg_open(r, 1);
        a.remote.ptime_ms = ptimes[k];
        rig_remote(r, &a);
        rig_room(r, 50);
        rig_join(r, 1, 50, JN_TRACK_CALLER);
        rig_play(r, 0, 50, 9, true, 0);
        rig_run(r, 600);
        unsigned n = rig_count(r, a.local, 0);
        cr_assert_geq(n, 600u / ptimes[k] - 3);
        cr_assert_leq(n, 600u / ptimes[k] + 1);
        for (unsigned i = 0; i < n; i++) {
            struct sent *s = rig_sent(r, a.local, 0, i);
            cr_assert_eq(s->h.payload_len, ptimes[k] * 8);
            if (i > 0)
                cr_assert_eq(s->h.ts - rig_sent(r, a.local, 0, i - 1)->h.ts, ptimes[k] * 8u);
        }
        rig_close(r);
    }
}

static void say_60_ms(struct rig *r, struct party *who)
{
    uint8_t payload[480], data[600];
    for (unsigned i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(0x80 + i * 7 % 64);
    uint16_t len = rig_packet(who, data, who->remote.rtp_pt, false, payload, sizeof payload);
    who->ts += sizeof payload;
    rig_inject(r, who, &who->addr, data, len, who->local);
}

/* Whenever a mix ends, with a packet half full, and up to 60 ms are said at once. */
Test(tx, long_packets_stay_on_their_line_however_often_a_mix_ends)
{
    enum { CALLS = 6 };
    struct rig *r = rig_open();
    struct party who[2 * CALLS];
    for (unsigned k = 0; k < 2 * CALLS; k++) {
        who[k] = rig_leg_open(r, k + 1);
        who[k].remote.ptime_ms = 60;
        rig_remote(r, &who[k]);
        if (k % 2 == 0)
            rig_room(r, 50 + k / 2);
        rig_join(r, k + 1, 50 + k / 2, k % 2 ? JN_TRACK_AGENT : JN_TRACK_CALLER);
    }
    for (unsigned ms = 0; ms < 18000; ms += 5) {
        for (unsigned k = 0; k < 2 * CALLS; k++) {
            unsigned at = ms + 5 * k, late = at / 60 * 35 % 50 / 5 * 5; /* each packet by so much */
            if (at % 60 == late && at >= 60)
                say_60_ms(r, &who[k]);
            if (k % 2 == 0 && at % 1200 == 0)
                rig_play(r, k + 2, 50 + k / 2, 9, true, 1);
            struct jn_order stop = {.kind = JN_ORDER_STOP, .leg = k + 1, .room = 50 + k / 2};
            if (k % 2 && at % 1200 == 105 + at / 1200 * 5)
                rig_order(r, &stop);
        }
        rig_run(r, 5);
    }
    cr_expect_gt(jn_plane_counts(r->p)->turns_to_relay, 20, "%lu",
                 (unsigned long)jn_plane_counts(r->p)->turns_to_relay);
    for (unsigned k = 0; k < 2 * CALLS; k++) {
        unsigned n = rig_count(r, who[k].local, 0);
        cr_expect(n > 270 && n < 400, "leg %u: %u packets", k, n);
        for (unsigned i = 1; i < n; i++) {
            const struct sent *s = rig_sent(r, who[k].local, 0, i), *before = rig_sent(r, who[k].local, 0, i - 1);
            int32_t step = (int32_t)(s->h.ts - before->h.ts);
            cr_assert(s->h.payload_len <= 480 && step > 0 && step < 2000, "leg %u, packet %u: %d samples on", k, i,
                      step);
        }
    }
    rig_close(r);
}

Test(tx, a_leg_on_hold_is_sent_nothing_but_reports)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    rig_say(r, &a, 100);
    rig_say(r, &b, 100);
    b.remote.mode = JN_MODE_INACTIVE;
    rig_remote(r, &b);
    unsigned from = r->sent_n;
    for (int i = 0; i < 500; i++) {
        rig_say(r, &a, 500);
        rig_run(r, 20);
    }
    cr_assert_eq(rig_count(r, b.local, from), 0);
    bool report = false;
    for (unsigned i = from; i < r->sent_n; i++)
        report |= r->sent[i].rtcp && r->sent[i].local == b.local + 1;
    cr_assert(report, "reports go on");
    const struct jn_fact *f;
    while ((f = rig_fact(r))->kind != JN_FACT_NONE)
        cr_assert_neq(f->kind, JN_FACT_LEG_SILENT, "an inactive leg is expected to be silent");
    rig_close(r);
}

Test(tx, digits_take_the_other_sides_payload_type_and_vanish_without_a_gap_when_it_has_none)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    b.remote.dtmf_pt = 96;
    rig_remote(r, &b);
    rig_say(r, &a, 100);
    unsigned from = r->sent_n;
    uint8_t data[600], event[4] = {5, 10, 0, 160};
    uint16_t len = rig_packet(&a, data, RIG_PT_DTMF, true, event, 4);
    rig_inject(r, &a, &a.addr, data, len, a.local);
    struct sent *s = rig_sent(r, b.local, from, 0);
    cr_assert_eq(s->h.pt, 96);
    cr_assert_arr_eq(s->data + 12, event, 4);
    b.remote.dtmf_pt = 255;
    rig_remote(r, &b);
    uint16_t seq = s->h.seq;
    len = rig_packet(&a, data, RIG_PT_DTMF, false, event, 4);
    rig_inject(r, &a, &a.addr, data, len, a.local);
    rig_say(r, &a, 100);
    cr_assert_eq(rig_count(r, b.local, from), 2);
    cr_assert_eq(rig_sent(r, b.local, from, 1)->h.seq, (uint16_t)(seq + 1));
    cr_assert_eq(rig_sent(r, b.local, from, 1)->h.pt, 0);
    rig_close(r);
}

Test(tx, what_the_port_cannot_send_is_counted)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    uint64_t sent = jn_plane_counts(r->p)->tx_packets;
    r->tx_fails = true;
    rig_say(r, &a, 100);
    cr_assert_eq(rig_drops(r, JN_DROP_TX), 1);
    cr_assert_eq(jn_plane_counts(r->p)->tx_packets, sent);
    rig_close(r);
}

Test(tx, a_digit_in_a_mix_goes_to_those_who_hear_it_with_one_timestamp_of_its_own)
{
    struct rig *r = rig_open();
    struct party a, b, c;
    rig_call(r, &a, &b);
    c = rig_leg(r, 3);
    rig_join(r, 3, 50, JN_TRACK_OTHER);
    struct jn_order o = {.kind = JN_ORDER_HEAR, .leg = 3, .room = 50, .hear.tracks = 1 << JN_TRACK_AGENT};
    rig_order(r, &o);
    rig_run(r, 100);
    unsigned from = r->sent_n, n = 0;
    for (int i = 1; i <= 5; i++) {
        uint8_t data[600], event[4] = {3, (uint8_t)(i == 5 ? 0x8a : 0x0a), 0, (uint8_t)(i * 40)};
        uint16_t len = rig_packet(&a, data, RIG_PT_DTMF, i == 1, event, 4);
        rig_inject(r, &a, &a.addr, data, len, a.local);
        rig_run(r, 20);
    }
    struct sent *first = NULL, *s, *before = NULL;
    for (unsigned i = 0; (s = rig_sent(r, b.local, from, i)); before = s, i++) {
        if (before)
            cr_assert_eq(s->h.seq, (uint16_t)(before->h.seq + 1));
        if (s->h.pt != RIG_PT_DTMF)
            continue;
        cr_assert_eq(s->h.marker, n == 0);
        first = first ? first : s;
        cr_assert_eq(s->h.ts, first->h.ts);
        cr_assert_eq(s->data[12], 3);
        n++;
    }
    cr_assert_eq(n, 5);
    for (unsigned i = 0; (s = rig_sent(r, c.local, from, i)); i++)
        cr_assert_neq(s->h.pt, RIG_PT_DTMF, "it does not hear the caller");
    rig_close(r);
}

Test(tx, a_sender_that_starts_over_is_no_jump_for_the_listener)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    for (int i = 0; i < 5; i++, rig_run(r, 20))
        rig_say(r, &a, 100);
    a.ssrc = 4711;
    a.seq = 9;
    a.ts = 77;
    for (int i = 0; i < 5; i++, rig_run(r, 20))
        rig_say(r, &a, 100);
    cr_assert_eq(jn_plane_counts(r->p)->relayed, 9, "all but the first of the new one, which had to prove itself");
    cr_assert_eq(rig_drops(r, JN_DROP_SENDERS), 1);
    check_continuous(r, b.local);
    rig_close(r);
}

Test(tx, a_packet_from_before_the_relay_does_not_use_a_sequence_number_twice)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    a.seq++; /* the one before comes late */
    a.ts += 160;
    rig_say(r, &a, 100);
    unsigned n = rig_count(r, b.local, 0);
    a.seq = (uint16_t)(a.seq - 2);
    a.ts -= 320;
    rig_say(r, &a, 100);
    cr_assert_eq(rig_count(r, b.local, 0), n);
    cr_assert_eq(rig_drops(r, JN_DROP_LATE), 1);
    check_continuous(r, b.local);
    rig_close(r);
}
