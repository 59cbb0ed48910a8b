#include "engine/base/rand.h"
#include "media/rtcp/burst.h"
#include "media/stream/state.h"
#include "rig.h"

TestSuite(report, .timeout = 60);

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

static struct jn_leg *leg_of(struct rig *r, uint64_t id)
{
    struct jn_leg *l = jn_leg_find(r->p, id);
    cr_assert_not_null(l);
    return l;
}

static unsigned facts(struct rig *r, uint8_t kind, struct jn_fact *last)
{
    unsigned n = 0;

    while (rig_fact(r)->kind != JN_FACT_NONE)
        if (r->fact.kind == kind) {
            *last = r->fact;
            n++;
        }
    return n;
}

static struct jn_leg_stats close_leg(struct rig *r, uint64_t id)
{
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = id};
    struct jn_fact f = {0};

    rig_order(r, &o);
    cr_assert_eq(facts(r, JN_FACT_LEG_CLOSED, &f), 1);
    cr_assert_eq(f.leg, id);
    return f.stats;
}

static void skip(struct party *who)
{
    who->seq++;
    who->ts += 160;
}

/* The reports that left for the party since `from`, handed to it; its own block about us is what `hears` says. */
static struct jn_rtcp_out block_for(const struct party *who, uint32_t ssrc, uint32_t ext, uint32_t lost)
{
    struct jn_rtcp_out out = {.ssrc = who->ssrc, .has_block = true, .cname = "peer"};
    out.block = (struct jn_rtcp_block){.ssrc = ssrc, .ext_seq = ext, .lost = lost};
    return out;
}

static void reports(struct rig *r, const struct party *who, const struct jn_rtcp_out *out)
{
    uint8_t data[JN_RTCP_MAX];
    uint16_t len = (uint16_t)jn_rtcp_build(data, out);
    rig_inject(r, who, &who->remote.rtcp, data, len, (uint16_t)(who->local + 1));
}

Test(report, a_planned_loss_pattern_comes_out_of_the_walk_as_it_went_in)
{
    struct rig *r = rig_open();
    struct party a, b;
    struct jn_burst want = {0};
    struct jn_burst_report said;
    uint64_t good = 0, lost = 0;
    rig_call(r, &a, &b);
    for (int i = 0; i < 3000; i++) { /* every 300 packets a burst of 12 with every third one there, and one alone */
        int at = i % 300;
        if ((at >= 100 && at < 112 && at % 3) || at == 200) {
            skip(&a);
            jn_burst_lost(&want, good, 1);
            lost++;
        } else {
            rig_say(r, &a, 100);
            good++;
        }
        rig_run(r, 20);
    }
    jn_burst_say(&said, &want, good, 20);
    struct jn_leg_stats s = close_leg(r, 1);
    cr_assert_eq(s.lost, lost);
    cr_assert_gt(said.burst_density, 100);
    cr_assert_eq(s.burst_density, said.burst_density, "%u, not %u", s.burst_density, said.burst_density);
    cr_assert_eq(s.gap_density, said.gap_density);
    cr_assert_eq(s.burst_ms, said.burst_ms, "%u ms, not %u", s.burst_ms, said.burst_ms);
    cr_assert_eq(s.gap_ms, said.gap_ms, "%u ms, not %u", s.gap_ms, said.gap_ms);
    rig_close(r);
}

Test(report, what_comes_out_of_order_is_not_lost)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    for (int i = 0; i < 600; i++) {
        if (i % 10 == 0) { /* this one comes after the next three */
            struct party late = a;
            skip(&a);
            for (int k = 0; k < 3; k++, rig_run(r, 20))
                rig_say(r, &a, 100);
            rig_say(r, &late, 100);
        } else {
            rig_say(r, &a, 100);
        }
        rig_run(r, 20);
    }
    cr_assert_eq(leg_of(r, 1)->quality.burst.lost, 0);
    struct jn_leg_stats s = close_leg(r, 1);
    cr_assert_eq(s.lost, 0);
    cr_assert_eq(s.burst_density, 0);
    rig_close(r);
}

Test(report, a_gap_wider_than_what_is_remembered_is_lost_all_the_same)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    for (int i = 0; i < 50; i++, rig_run(r, 20))
        rig_say(r, &a, 100);
    for (int i = 0; i < 500; i++)
        skip(&a);
    for (int i = 0; i < 50; i++, rig_run(r, 20))
        rig_say(r, &a, 100);
    cr_assert_eq(leg_of(r, 1)->quality.burst.lost, 500);
    cr_assert_eq(close_leg(r, 1).lost, 500);
    rig_close(r);
}

Test(report, both_directions_are_scored_and_told_while_the_leg_lives)
{
    struct rig *r = rig_open();
    struct party a, b;
    struct jn_fact f = {0};
    uint32_t lost = 0;
    r->p->c.quality_ms = 5000;
    rig_call(r, &a, &b);
    for (int i = 1; i <= 1500; i++) {
        rig_say(r, &a, 100);
        rig_say(r, &b, 100);
        rig_run(r, 20);
        if (i % 250 == 0) { /* every tenth of ours did not reach it */
            lost += 25;
            struct jn_rtcp_out out = block_for(&a, leg_of(r, 1)->tx.ssrc, (uint32_t)leg_of(r, 1)->tx.seq, lost);
            reports(r, &a, &out);
        }
    }
    unsigned n = 0;
    while (rig_fact(r)->kind != JN_FACT_NONE)
        if (r->fact.kind == JN_FACT_LEG_QUALITY && r->fact.leg == 1) {
            f = r->fact;
            n++;
        }
    cr_assert(n >= 4 && n <= 7, "%u", n);
    cr_assert_gt(f.stats.mos_x100, 400, "%u", f.stats.mos_x100);
    cr_assert(f.stats.remote_mos_x100 > 200 && f.stats.remote_mos_x100 < 350, "%u", f.stats.remote_mos_x100);
    cr_assert_geq(f.stats.remote_lost, 125);
    cr_assert_eq(close_leg(r, 2).remote_mos_x100, 0, "it never reported");
    rig_close(r);
}

Test(report, a_full_mailbox_costs_only_figures_that_are_told_again)
{
    struct rig *r = rig_open_at(0, 64, 64);
    struct party a, b;
    r->p->c.quality_ms = 100;
    rig_call(r, &a, &b);
    rig_run(r, 10000);
    cr_assert_gt(jn_plane_counts(r->p)->quality_missed, 100);
    cr_assert_eq(jn_plane_counts(r->p)->facts_refused, 0);
    cr_assert_eq(r->p->backlog_n, 0);
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = 1};
    rig_order(r, &o);
    struct jn_fact f = {0};
    cr_assert_eq(facts(r, JN_FACT_LEG_CLOSED, &f), 1);
    rig_close(r);
}

/* Two planes: what one sends is what the other hears, 15 ms later. */
static void carry(struct rig *from, const struct party *near, struct rig *to, const struct party *far, unsigned *done,
                  unsigned lose)
{
    for (; *done < from->sent_n && from->sent[*done].at_ns + 15000000 <= to->now; ++*done) {
        const struct sent *s = &from->sent[*done];
        if (s->local / 2 != near->local / 2 || (lose && !s->rtcp && s->h.seq % lose == 0))
            continue;
        rig_inject(to, far, s->rtcp ? &far->remote.rtcp : &far->addr, s->data, s->len,
                   (uint16_t)(far->local + s->rtcp));
    }
}

Test(report, two_planes_tell_each_other_by_extended_reports)
{
    struct rig *one = rig_open(), *two = rig_open();
    struct party a, b, c, d;
    unsigned there = 0, back = 0;
    one->p->seed = 1;
    two->p->seed = 2;
    rig_call(one, &a, &b);
    rig_call(two, &c, &d);
    a.remote.xr = c.remote.xr = JN_XR_WANTS_RTT | JN_XR_WANTS_VOIP;
    rig_remote(one, &a);
    rig_remote(two, &c);
    for (int i = 0; i < 1500; i++) {
        rig_say(one, &b, 100); /* goes out to a, which is the other plane's c */
        for (int ms = 0; ms < 20; ms++) {
            rig_run(one, 1);
            rig_run(two, 1);
            carry(one, &a, two, &c, &there, 20); /* every twentieth is lost */
            carry(two, &c, one, &a, &back, 0);
        }
    }
    cr_assert_gt(jn_plane_counts(one->p)->xr_in, 3);
    cr_assert_gt(jn_plane_counts(two->p)->xr_in, 3);
    struct jn_leg_stats sender = close_leg(one, 1), listener = close_leg(two, 1);
    cr_assert(abs((int)listener.rtt_us - 30000) < 3000, "who only listens knows it by DLRR: %u us", listener.rtt_us);
    cr_assert(abs((int)sender.rtt_us - 30000) < 3000, "%u us", sender.rtt_us);
    cr_assert(sender.remote_r > 60 && sender.remote_r < 93, "%u", sender.remote_r);
    cr_assert(abs((int)sender.remote_mos_x100 - (int)listener.mos_x100) < 15, "%u at one end, %u at the other",
              sender.remote_mos_x100, listener.mos_x100);
    rig_close(one);
    rig_close(two);
}

Test(report, who_did_not_ask_gets_no_extended_report)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    for (int i = 0; i < 1000; i++, rig_run(r, 20)) {
        rig_say(r, &a, 100);
        rig_say(r, &b, 100);
    }
    cr_assert_gt(jn_plane_counts(r->p)->rtcp_out, 4);
    cr_assert_eq(jn_plane_counts(r->p)->xr_out, 0);
    for (unsigned i = 0; i < r->sent_n; i++) {
        struct jn_rtcp_news n;
        if (!r->sent[i].rtcp)
            continue;
        cr_assert_eq(jn_rtcp_parse(&n, r->sent[i].data, r->sent[i].len, 0), 0);
        cr_assert(!n.has_xr);
    }
    rig_close(r);
}

Test(report, nothing_from_the_peer_is_told_once_and_so_is_its_end)
{
    struct rig *r = rig_open();
    struct party a, b;
    struct jn_fact f = {0};
    r->p->c.one_way_ms = 4000;
    rig_call(r, &a, &b);
    for (int i = 0; i < 500; i++, rig_run(r, 20))
        rig_say(r, &b, 100);
    cr_assert_eq(facts(r, JN_FACT_LEG_TROUBLE, &f), 1);
    cr_assert_eq(f.leg, 1);
    cr_assert_eq(f.trouble.what, JN_TROUBLE_NO_MEDIA);
    cr_assert(f.trouble.on);
    for (int i = 0; i < 100; i++, rig_run(r, 20)) {
        rig_say(r, &a, 100);
        rig_say(r, &b, 100);
    }
    cr_assert_eq(facts(r, JN_FACT_LEG_TROUBLE, &f), 1);
    cr_assert_eq(f.trouble.what, JN_TROUBLE_NO_MEDIA);
    cr_assert(!f.trouble.on);
    struct jn_leg_stats s = close_leg(r, 1);
    cr_assert_eq(s.trouble, 0);
    cr_assert_eq(s.troubles, 1u << JN_TROUBLE_NO_MEDIA);
    rig_close(r);
}

Test(report, a_peer_that_reports_hearing_nothing_is_told_once)
{
    struct rig *r = rig_open();
    struct party a, b;
    struct jn_fact f = {0};
    r->p->c.one_way_ms = 4000;
    rig_call(r, &a, &b);
    for (int i = 1; i <= 1500; i++) {
        rig_say(r, &a, 100);
        rig_say(r, &b, 100);
        rig_run(r, 20);
        if (i % 250 == 0) {
            bool hears = i <= 250 || i > 1250; /* in between its highest sequence number stays where it was */
            struct jn_rtcp_out out = block_for(&a, leg_of(r, 1)->tx.ssrc, (uint32_t)leg_of(r, 1)->tx.seq, 0);
            if (!hears)
                out.block.ext_seq = leg_of(r, 1)->quality.peer_ext;
            reports(r, &a, &out);
        }
        if (i == 1000) {
            cr_assert_eq(facts(r, JN_FACT_LEG_TROUBLE, &f), 1);
            cr_assert_eq(f.trouble.what, JN_TROUBLE_UNHEARD);
            cr_assert(f.trouble.on);
        }
    }
    cr_assert_eq(facts(r, JN_FACT_LEG_TROUBLE, &f), 1);
    cr_assert(!f.trouble.on);
    rig_close(r);
}

Test(report, packets_without_sound_are_silence_and_its_end_is_heard)
{
    struct rig *r = rig_open();
    struct party a, b;
    struct jn_fact f = {0};
    r->p->c.quiet_ms = 5000;
    rig_call(r, &a, &b);
    for (int i = 0; i < 500; i++, rig_run(r, 20)) {
        rig_say(r, &a, 0);
        rig_say(r, &b, 3000);
    }
    cr_assert_eq(facts(r, JN_FACT_LEG_TROUBLE, &f), 1);
    cr_assert_eq(f.leg, 1);
    cr_assert_eq(f.trouble.what, JN_TROUBLE_SILENCE);
    cr_assert_eq(jn_leg_received(leg_of(r, 1)), 500);
    for (int i = 0; i < 100; i++, rig_run(r, 20))
        rig_say(r, &a, 3000);
    cr_assert_eq(facts(r, JN_FACT_LEG_TROUBLE, &f), 1);
    cr_assert(!f.trouble.on);
    rig_close(r);
}
