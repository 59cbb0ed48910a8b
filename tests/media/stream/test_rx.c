#include "media/stream/source.h"
#include "rig.h"
#include <math.h>

TestSuite(rx, .timeout = 60);

Test(rx, every_refusal_has_its_counter)
{
    struct rig *r = rig_open();
    struct party a = rig_leg_open(r, 1);
    rig_say(r, &a, 100);
    cr_assert_eq(rig_drops(r, JN_DROP_NOT_READY), 1);
    rig_remote(r, &a);
    uint8_t data[1400] = {0x80, 0};
    rig_inject(r, &a, &a.addr, data, 7, a.local);
    cr_assert_eq(rig_drops(r, JN_DROP_SHORT), 1);
    rig_inject(r, &a, &a.addr, data, 11, a.local);
    cr_assert_eq(rig_drops(r, JN_DROP_SHORT), 2);
    data[0] = 22; /* DTLS */
    rig_inject(r, &a, &a.addr, data, 100, a.local);
    cr_assert_eq(rig_drops(r, JN_DROP_NOT_MEDIA), 1);
    data[0] = 0x80;
    rig_inject(r, &a, &a.addr, data, 12 + 481, a.local);
    cr_assert_eq(rig_drops(r, JN_DROP_OVERSIZE), 1);
    data[1] = 34;
    rig_inject(r, &a, &a.addr, data, 172, a.local);
    cr_assert_eq(rig_drops(r, JN_DROP_PAYLOAD), 1);
    rig_inject(r, &a, &a.addr, data, 172, (uint16_t)(a.local + 2));
    cr_assert_eq(rig_drops(r, JN_DROP_NO_STREAM), 1);
    struct jn_addr stranger;
    jn_addr_parse(&stranger, "203.0.113.9", 4000);
    data[1] = 0;
    rig_inject(r, &a, &stranger, data, 172, a.local);
    cr_assert_eq(rig_drops(r, JN_DROP_SOURCE), 1);
    cr_assert_eq(jn_plane_counts(r->p)->rx_packets, 8);
    rig_close(r);
}

Test(rx, a_stranger_changes_nothing_that_the_peer_hears_or_counts)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    rig_say(r, &a, 100);
    unsigned from = r->sent_n;
    struct party thief = a;
    thief.addr.port++;
    for (int i = 0; i < 10; i++)
        rig_say(r, &thief, 9000);
    cr_assert_eq(rig_count(r, b.local, from), 0);
    cr_assert_eq(rig_drops(r, JN_DROP_SOURCE), 10);
    rig_say(r, &a, 100);
    cr_assert_eq(rig_count(r, b.local, from), 1);
    rig_close(r);
}

Test(rx, one_press_is_one_digit_however_many_packets_carry_it)
{
    struct rig *r = rig_open();
    struct party a = rig_leg(r, 1);
    for (int press = 0; press < 2; press++) {
        for (int i = 1; i <= 8; i++) {
            uint8_t data[600], event[4] = {11, (uint8_t)(i > 5 ? 0x8a : 0x0a), 0, (uint8_t)(i * 20)};
            uint16_t len = rig_packet(&a, data, RIG_PT_DTMF, i == 1, event, 4);
            rig_inject(r, &a, &a.addr, data, len, a.local);
        }
        a.ts += 2000;
    }
    for (int press = 0; press < 2; press++) {
        rig_expect(r, JN_FACT_DIGIT);
        cr_assert_eq(r->fact.digit.digit, '#');
        cr_assert_eq(r->fact.leg, 1);
    }
    rig_expect(r, JN_FACT_NONE);
    rig_close(r);
}

/* 5 is 770 and 1336 Hz. */
static void press_as_tones(struct rig *r, struct party *a, unsigned ms)
{
    for (unsigned i = 0; i < ms; i += 20) {
        int16_t pcm[160];
        uint8_t coded[160], data[600];
        for (unsigned k = 0; k < 160; k++) {
            double t = (i * 8 + k) / 8000.0;
            pcm[k] = (int16_t)(4000 * sin(2 * M_PI * 770 * t) + 4000 * sin(2 * M_PI * 1336 * t));
        }
        jn_codec_encode((enum jn_codec_id)a->remote.codec, coded, pcm, 160);
        uint16_t len = rig_packet(a, data, a->remote.rtp_pt, false, coded, 160);
        a->ts += 160;
        rig_inject(r, a, &a->addr, data, len, a->local);
    }
    rig_say(r, a, 0);
    rig_say(r, a, 0);
}

Test(rx, tones_are_digits_only_of_a_peer_that_has_no_telephone_events)
{
    struct rig *r = rig_open();
    struct party a = rig_leg(r, 1);
    press_as_tones(r, &a, 80);
    rig_expect(r, JN_FACT_NONE);
    a.remote.dtmf_pt = 255;
    a.remote.inband = true;
    a.remote.codec = JN_CODEC_PCMA;
    a.remote.rtp_pt = 8;
    rig_remote(r, &a);
    for (int i = 0; i < 2; i++) {
        press_as_tones(r, &a, 80);
        rig_expect(r, JN_FACT_DIGIT);
        cr_assert_eq(r->fact.digit.digit, '5');
        cr_assert_eq(r->fact.leg, 1);
    }
    rig_expect(r, JN_FACT_NONE);
    rig_close(r);
}

Test(rx, silence_is_told_once_and_again_only_after_sound)
{
    struct rig *r = rig_open();
    struct party a = rig_leg(r, 1);
    rig_run(r, 6000);
    rig_expect(r, JN_FACT_LEG_SILENT);
    rig_expect(r, JN_FACT_NONE);
    rig_say(r, &a, 100);
    rig_run(r, 1000);
    rig_expect(r, JN_FACT_NONE);
    rig_run(r, 2000);
    rig_expect(r, JN_FACT_LEG_SILENT);
    rig_close(r);
}

static void keys(struct party *who, uint8_t salt)
{
    who->remote.suite = JN_SUITE_AES128_SHA80;
    for (int i = 0; i < 30; i++) {
        who->remote.key_in[i] = (uint8_t)(salt + i);
        who->remote.key_out[i] = (uint8_t)(salt + 100 + i);
    }
}

/* Says 20 ms sealed with key; the leg's own key_in when it is to be understood. */
static void say_sealed(struct rig *r, struct party *who, struct jn_srtp *s, uint8_t fill)
{
    uint8_t data[700], payload[160];
    memset(payload, fill, 160);
    struct jn_pkt pk = {.data = data, .cap = sizeof data, .len = rig_packet(who, data, 0, false, payload, 160)};
    struct jn_pkt *burst[1] = {&pk};
    who->ts += 160;
    cr_assert_eq(jn_srtp_seal_one(&jn_srtp_libsrtp, s, burst, 1, false), 1);
    rig_inject(r, who, &who->addr, data, pk.len, who->local);
}

Test(rx, srtp_on_each_side_independently)
{
    struct rig *r = rig_open();
    struct party a = rig_leg_open(r, 1), b = rig_leg_open(r, 2);
    keys(&a, 1);
    rig_remote(r, &a);
    rig_remote(r, &b); /* plain */
    rig_room(r, 50);
    rig_join(r, 1, 50, JN_TRACK_CALLER);
    rig_join(r, 2, 50, JN_TRACK_AGENT);
    struct jn_srtp *to_a = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, a.remote.key_out, true);
    struct jn_srtp *from_a = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, a.remote.key_in, false);
    rig_run(r, 200);
    unsigned from = r->sent_n;
    say_sealed(r, &a, from_a, 0x33);
    struct sent *s = rig_sent(r, b.local, from, 0);
    cr_assert_not_null(s);
    cr_assert_eq(s->len, 172, "plain towards the plain side");
    cr_assert_eq(s->data[100], 0x33);
    rig_say(r, &b, 1000);
    unsigned n = rig_count(r, a.local, 0);
    for (unsigned i = 0; i < n; i++) { /* from the first packet on everything that a gets opens with its key */
        s = rig_sent(r, a.local, 0, i);
        cr_assert_eq(s->len, 182);
        struct jn_pkt pk = {.data = s->data, .len = s->len, .cap = sizeof s->data};
        struct jn_pkt *burst[1] = {&pk};
        cr_assert_eq(jn_srtp_open_one(&jn_srtp_libsrtp, to_a, burst, 1, false), 1);
    }
    int16_t pcm[160];
    jn_codec_decode(JN_CODEC_PCMU, pcm, s->data + 12, 160);
    cr_assert(abs(pcm[80] - 1000) < 60);
    jn_srtp_libsrtp.close_context(to_a);
    jn_srtp_libsrtp.close_context(from_a);
    rig_close(r);
}

Test(rx, wrong_key_replay_and_plain_packets_are_refused_on_an_srtp_leg)
{
    struct rig *r = rig_open();
    struct party a = rig_leg_open(r, 1);
    keys(&a, 1);
    rig_remote(r, &a);
    struct jn_srtp *good = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, a.remote.key_in, false);
    struct jn_srtp *good2 = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, a.remote.key_in, false);
    struct jn_srtp *bad = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, a.remote.key_out, false);
    say_sealed(r, &a, bad, 1);
    cr_assert_eq(rig_drops(r, JN_DROP_AUTH), 1);
    rig_say(r, &a, 100);
    cr_assert_eq(rig_drops(r, JN_DROP_AUTH), 2);
    say_sealed(r, &a, good, 1);
    a.seq--;
    a.ts -= 160;
    say_sealed(r, &a, good2, 1);
    cr_assert_eq(rig_drops(r, JN_DROP_REPLAY), 1);
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = 1, .token = 3};
    rig_order(r, &o);
    rig_expect(r, JN_FACT_LEG_CLOSED);
    cr_assert_eq(r->fact.stats.rx_packets, 1);
    cr_assert_eq(r->fact.stats.dropped_auth, 2);
    cr_assert_eq(r->fact.stats.dropped_replay, 1);
    jn_srtp_libsrtp.close_context(good);
    jn_srtp_libsrtp.close_context(good2);
    jn_srtp_libsrtp.close_context(bad);
    rig_close(r);
}

Test(rx, an_authenticated_packet_may_move_the_address_a_replayed_one_not)
{
    struct rig *r = rig_open();
    struct party a = rig_leg_open(r, 1);
    keys(&a, 1);
    rig_remote(r, &a);
    rig_room(r, 50);
    rig_join(r, 1, 50, JN_TRACK_CALLER);
    struct jn_srtp *good = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, a.remote.key_in, false);
    say_sealed(r, &a, good, 1);
    a.addr.port = 5555;
    say_sealed(r, &a, good, 1);
    rig_expect(r, JN_FACT_LEG_LATCHED);
    cr_assert_eq(r->fact.latched.from.port, 5555);
    unsigned from = r->sent_n;
    rig_run(r, 40);
    cr_assert_eq(rig_sent(r, a.local, from, 0)->to.port, 5555);
    jn_srtp_libsrtp.close_context(good);
    rig_close(r);
}

Test(rx, rtcp_is_taken_on_its_own_port_and_muxed)
{
    struct rig *r = rig_open();
    struct party a = rig_leg(r, 1);
    uint8_t data[JN_RTCP_MAX];
    struct jn_rtcp_out out = {.ssrc = 1, .ntp = UINT64_C(5) << 32, .sent_any = true, .cname = "x"};
    uint16_t len = (uint16_t)jn_rtcp_build(data, &out);
    rig_inject(r, &a, &a.remote.rtcp, data, len, (uint16_t)(a.local + 1));
    rig_inject(r, &a, &a.addr, data, len, a.local);
    cr_assert_eq(jn_plane_counts(r->p)->rtcp_in, 2);
    struct jn_addr stranger;
    jn_addr_parse(&stranger, "203.0.113.9", 4001);
    rig_inject(r, &a, &stranger, data, len, (uint16_t)(a.local + 1));
    cr_assert_eq(jn_plane_counts(r->p)->rtcp_in, 2);
    cr_assert_eq(rig_drops(r, JN_DROP_SOURCE), 1);
    rig_close(r);
}

Test(rx, a_description_with_the_same_keys_keeps_what_srtp_has_seen)
{
    struct rig *r = rig_open();
    struct party a = rig_leg_open(r, 1);
    keys(&a, 1);
    rig_remote(r, &a);
    struct jn_srtp *good = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, a.remote.key_in, false);
    struct jn_srtp *again = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, a.remote.key_in, false);
    struct party copy = a;
    say_sealed(r, &a, good, 1);
    a.remote.key_out[0] ^= 1; /* only what we send is keyed anew */
    rig_remote(r, &a);
    say_sealed(r, &copy, again, 1);
    cr_assert_eq(rig_drops(r, JN_DROP_REPLAY), 1, "yesterday's packet is not new");
    a.remote.key_in[0] ^= 1;
    rig_remote(r, &a);
    say_sealed(r, &a, good, 1);
    cr_assert_eq(rig_drops(r, JN_DROP_AUTH), 1, "the old key is no key any more");
    a.remote.suite = JN_SUITE_NONE;
    rig_remote(r, &a);
    rig_say(r, &a, 100);
    cr_assert_eq(rig_drops(r, JN_DROP_AUTH), 1);
    jn_srtp_libsrtp.close_context(good);
    jn_srtp_libsrtp.close_context(again);
    rig_close(r);
}

Test(rx, a_peer_behind_nat_is_learnt_told_and_answered_there)
{
    struct rig *r = rig_open();
    struct party a = rig_leg_open(r, 1);
    a.remote.latch = true;
    jn_addr_parse(&a.remote.via, "203.0.113.77", 5060);
    rig_remote(r, &a);
    rig_room(r, 50);
    rig_join(r, 1, 50, JN_TRACK_CALLER);
    jn_addr_parse(&a.addr, "203.0.113.77", 61000);
    for (int i = 0; i < 3; i++)
        rig_say(r, &a, 100);
    cr_assert_eq(rig_drops(r, JN_DROP_SOURCE), JN_LATCH_PACKETS - 1);
    rig_expect(r, JN_FACT_LEG_LATCHED);
    cr_assert(jn_addr_equal(&r->fact.latched.from, &a.addr));
    unsigned from = r->sent_n;
    for (int i = 0; i < 500; i++) {
        rig_say(r, &a, 100);
        rig_run(r, 20);
    }
    bool report = false;
    for (unsigned i = from; i < r->sent_n; i++) {
        struct sent *s = &r->sent[i];
        cr_assert(jn_addr_same_ip(&s->to, &a.addr));
        cr_assert_eq(s->to.port, s->rtcp ? 61001 : 61000);
        report |= s->rtcp;
    }
    cr_assert(report);
    rig_close(r);
}

Test(rx, nobody_is_learnt_when_the_window_has_passed)
{
    struct rig *r = rig_open();
    struct party a = rig_leg_open(r, 1);
    a.remote.latch = true;
    rig_remote(r, &a);
    rig_run(r, 501);
    a.addr.port = 61000;
    for (int i = 0; i < 20; i++)
        rig_say(r, &a, 100);
    cr_assert_eq(rig_drops(r, JN_DROP_SOURCE), 20);
    rig_expect(r, JN_FACT_NONE);
    rig_close(r);
}
