#include "media/rtcp/rtcp.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(rtcp, .timeout = 5);

static struct jn_rtcp_out sample(void)
{
    struct jn_rtcp_out r = {
        .ssrc = 0x11223344,
        .ntp = 0xe0000001c0000000u,
        .rtp_ts = 160000,
        .packets = 1000,
        .octets = 160000,
        .sent_any = true,
        .has_block = true,
        .bye = true,
        .block = {.ssrc = 0xaabbccdd, .lost = 12, .ext_seq = 70000, .jitter = 33, .lsr = 5, .dlsr = 6, .fraction = 9}};
    strcpy(r.cname, "junctor-1");
    return r;
}

Test(rtcp, a_full_compound_packet_comes_back)
{
    struct jn_rtcp_out r = sample();
    uint8_t b[JN_RTCP_MAX];
    size_t n = jn_rtcp_build(b, &r);
    cr_assert_eq(n % 4, 0);
    struct jn_rtcp_news w;
    cr_assert_eq(jn_rtcp_parse(&w, b, n, 0xaabbccdd), 0);
    cr_assert(w.has_sr && w.has_block && w.bye);
    cr_assert_eq(w.ssrc, r.ssrc);
    cr_assert_eq(w.ntp, r.ntp);
    cr_assert_eq(w.rtp_ts, r.rtp_ts);
    cr_assert_eq(w.packets, 1000);
    cr_assert_eq(w.octets, 160000);
    cr_assert_eq(w.block.lost, 12);
    cr_assert_eq(w.block.ext_seq, 70000);
    cr_assert_eq(w.block.jitter, 33);
    cr_assert_eq(w.block.lsr, 5);
    cr_assert_eq(w.block.dlsr, 6);
    cr_assert_eq(w.block.fraction, 9);
    cr_assert_eq(jn_rtcp_parse(&w, b, n, 1), 0);
    cr_assert_not(w.has_block, "a block about another source is not ours");
}

Test(rtcp, a_receiver_report_and_every_cname_length_are_whole_words)
{
    struct jn_rtcp_out r = sample();
    r.sent_any = r.bye = r.has_block = false;
    for (size_t len = 0; len <= JN_CNAME_MAX; len++) {
        memset(r.cname, 'x', sizeof r.cname);
        if (len < sizeof r.cname)
            r.cname[len] = 0;
        uint8_t b[JN_RTCP_MAX];
        size_t n = jn_rtcp_build(b, &r);
        struct jn_rtcp_news w;
        cr_assert_eq(jn_rtcp_parse(&w, b, n, 1), 0);
        cr_assert(!w.has_sr && !w.has_block && !w.bye);
        cr_assert_eq(b[8 + 9], len, "length byte of the CNAME");
        cr_assert_eq(b[8 + 10 + len], 0, "the item list ends with a zero");
    }
}

Test(rtcp, every_cut_is_refused_but_at_part_borders)
{
    struct jn_rtcp_out r = sample();
    uint8_t b[JN_RTCP_MAX];
    size_t n = jn_rtcp_build(b, &r);
    struct jn_rtcp_news w;
    unsigned good = 0;
    for (size_t i = 0; i <= n; i++)
        good += jn_rtcp_parse(&w, b, i, 1) == 0;
    cr_assert_eq(good, 3, "after SR, after SDES, after BYE");
    b[0] |= 31; /* more blocks than bytes */
    cr_assert_eq(jn_rtcp_parse(&w, b, n, 1), -EBADMSG);
}

Test(rtcp, a_bye_of_somebody_else_is_not_the_senders)
{
    struct jn_rtcp_out r = sample();
    uint8_t b[JN_RTCP_MAX];
    size_t n = jn_rtcp_build(b, &r);
    b[n - 1] ^= 1;
    struct jn_rtcp_news w;
    cr_assert_eq(jn_rtcp_parse(&w, b, n, 1), 0);
    cr_assert_not(w.bye);
}

Test(rtcp, fraction_is_of_the_interval_and_lost_of_all)
{
    struct jn_rtp_source s = {0};
    uint64_t ext;
    struct jn_rtcp_block b;
    for (unsigned i = 0; i < 100; i++) {
        struct jn_rtp h = {.seq = (uint16_t)(65500 + i), .ssrc = 7};
        if (i % 4 != 1)
            jn_rtp_source_take(&s, &h, 0, &ext);
    }
    jn_rtcp_block_of(&b, &s, 3, 4);
    cr_assert_eq(b.ssrc, 7);
    cr_assert_eq(b.lost, 25);
    cr_assert_eq(b.fraction, 64);
    cr_assert_eq(b.ext_seq, 65599);
    cr_assert_eq(b.lsr, 3);
    cr_assert_eq(b.dlsr, 4);
    for (unsigned i = 100; i < 200; i++) {
        struct jn_rtp h = {.seq = (uint16_t)(65500 + i), .ssrc = 7};
        jn_rtp_source_take(&s, &h, 0, &ext);
    }
    jn_rtcp_block_of(&b, &s, 0, 0);
    cr_assert_eq(b.fraction, 0);
    cr_assert_eq(b.lost, 25);
}

Test(rtcp, round_trip_as_in_the_rfcs_figure)
{
    /* RFC 3550 figure 2: A = b710:8000, DLSR = 5.25 s, LSR = b705:2000; delay 6.125 s */
    struct jn_rtcp_block b = {.lsr = 0xb7052000, .dlsr = 0x00054000};
    cr_assert_eq(jn_rtcp_rtt_us(&b, (uint64_t)0xb7108000 << 16), 6125000);
    b.dlsr = 0x00200000;
    cr_assert_eq(jn_rtcp_rtt_us(&b, (uint64_t)0xb7108000 << 16), 0, "negative");
    b.lsr = 0;
    cr_assert_eq(jn_rtcp_rtt_us(&b, (uint64_t)0xb7108000 << 16), 0, "no LSR");
}

Test(rtcp, ntp_time_begins_in_1900)
{
    cr_assert_eq(jn_ntp_of_us(0), (uint64_t)2208988800u << 32);
    cr_assert_eq(jn_ntp_of_us(1500000), (uint64_t)2208988801u << 32 | 0x80000000u);
}

Test(rtcp, mos_falls_with_loss_and_delay_and_stays_in_range)
{
    cr_assert(jn_mos_x100(0, 0) >= 438 && jn_mos_x100(0, 0) <= 445, "%u", jn_mos_x100(0, 0));
    cr_assert(jn_mos_x100(50, 50) >= 360 && jn_mos_x100(50, 50) <= 400, "5 %% loss: %u", jn_mos_x100(50, 50));
    for (unsigned l = 0; l < 1000; l += 10)
        cr_assert_geq(jn_mos_x100(l, 100), jn_mos_x100(l + 10, 100));
    for (unsigned d = 0; d < 1000; d += 10)
        cr_assert_geq(jn_mos_x100(20, d), jn_mos_x100(20, d + 10));
    cr_assert_eq(jn_mos_x100(1000, 5000), 100);
}
