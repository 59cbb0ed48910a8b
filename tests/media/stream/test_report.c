#include "rig.h"

TestSuite(report, .timeout = 20);

Test(report, reports_go_out_about_every_five_seconds_and_say_what_was_sent_and_received)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    for (int i = 0; i < 1500; i++) {
        rig_say(r, &a, 100);
        rig_say(r, &b, 100);
        rig_run(r, 20);
    }
    unsigned n = 0;
    for (unsigned i = 0; i < r->sent_n; i++) {
        struct sent *s = &r->sent[i];
        struct jn_rtcp_news news;
        if (!s->rtcp || s->local != a.local + 1)
            continue;
        cr_assert_eq(jn_rtcp_parse(&news, s->data, s->len, a.ssrc), 0);
        cr_assert_eq(s->to.port, a.addr.port + 1);
        cr_assert(news.has_sr);
        cr_assert(news.has_block);
        cr_assert_eq(news.block.lost, 0);
        cr_assert_eq(news.ssrc, rig_sent(r, a.local, 0, 0)->h.ssrc);
        cr_assert(!news.bye);
        n++;
    }
    cr_assert_geq(n, 4);
    cr_assert_leq(n, 14);
    rig_close(r);
}

Test(report, the_end_is_said_and_the_figures_are_right)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    for (int i = 0; i < 100; i++) {
        if (i % 10 == 5) { /* every tenth is lost */
            a.seq++;
            a.ts += 160;
        } else {
            rig_say(r, &a, 100);
        }
        rig_run(r, 20);
    }
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = 1, .token = 3};
    rig_order(r, &o);
    struct jn_rtcp_news news = {0};
    struct sent *last = &r->sent[r->sent_n - 1];
    cr_assert(last->rtcp);
    cr_assert_eq(jn_rtcp_parse(&news, last->data, last->len, a.ssrc), 0);
    cr_assert(news.bye);
    while (rig_fact(r)->kind == JN_FACT_LEG_SILENT)
        continue;
    cr_assert_eq(r->fact.kind, JN_FACT_LEG_CLOSED);
    cr_assert_eq(r->fact.stats.rx_packets, 90);
    cr_assert_eq(r->fact.stats.rx_bytes, 90 * 160);
    cr_assert_eq(r->fact.stats.lost, 10);
    cr_assert_gt(r->fact.stats.tx_packets, 0);
    cr_assert_lt(r->fact.stats.jitter_us, 1000);
    cr_assert(r->fact.stats.mos_x100 > 100 && r->fact.stats.mos_x100 < 350, "MOS %u", r->fact.stats.mos_x100);
    rig_close(r);
}

Test(report, the_round_trip_comes_from_the_peers_block_about_us)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    for (int i = 0; i < 500; i++) {
        rig_say(r, &b, 100);
        rig_run(r, 20);
    }
    struct sent *sr = NULL;
    for (unsigned i = 0; i < r->sent_n; i++)
        if (r->sent[i].rtcp && r->sent[i].local == a.local + 1)
            sr = &r->sent[i];
    cr_assert_not_null(sr);
    struct jn_rtcp_news news;
    cr_assert_eq(jn_rtcp_parse(&news, sr->data, sr->len, 0), 0);
    uint64_t sent_ns = sr->at_ns;
    rig_run(r, 40); /* it may have left just now, and 30 ms must have passed */
    uint64_t ago_ns = r->now - sent_ns;
    struct jn_rtcp_out out = {.ssrc = a.ssrc, .has_block = true, .cname = "x"};
    out.block.ssrc = news.ssrc;
    out.block.lsr = (uint32_t)(news.ntp >> 16);
    out.block.dlsr = (uint32_t)((ago_ns - 30000000) * 65536 / 1000000000); /* all but 30 ms */
    out.block.lost = 17;
    uint8_t data[JN_RTCP_MAX];
    uint16_t len = (uint16_t)jn_rtcp_build(data, &out);
    rig_inject(r, &a, &a.remote.rtcp, data, len, (uint16_t)(a.local + 1));
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = 1};
    rig_order(r, &o);
    while (rig_fact(r)->kind == JN_FACT_LEG_SILENT)
        continue;
    cr_assert_eq(r->fact.kind, JN_FACT_LEG_CLOSED);
    cr_assert(abs((int)r->fact.stats.rtt_us - 30000) < 1000, "%u us", r->fact.stats.rtt_us);
    cr_assert_eq(r->fact.stats.remote_lost, 17);
    rig_close(r);
}
