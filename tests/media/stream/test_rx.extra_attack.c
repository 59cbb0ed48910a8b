/* Who is not the peer: strangers who are quicker than it, other senders from its own address, reports from elsewhere.
 */
#include "media/stream/source.h"
#include "rig.h"

Test(rx, a_stranger_who_is_first_is_not_learnt_and_the_peer_behind_nat_is)
{
    struct rig *r = rig_open();
    struct party a = rig_leg_open(r, 1), thief;
    a.remote.latch = true;
    jn_addr_parse(&a.remote.via, "203.0.113.77", 5060);
    rig_remote(r, &a);
    thief = a;
    thief.ssrc++;
    jn_addr_parse(&thief.addr, "203.0.113.9", 61000);
    for (int i = 0; i < 20; i++)
        rig_say(r, &thief, 9000);
    cr_assert_eq(rig_drops(r, JN_DROP_SOURCE), 20);
    rig_expect(r, JN_FACT_NONE);
    jn_addr_parse(&a.addr, "203.0.113.77", 61000);
    for (int i = 0; i < JN_LATCH_PACKETS; i++)
        rig_say(r, &a, 100);
    rig_expect(r, JN_FACT_LEG_LATCHED);
    cr_assert(jn_addr_equal(&r->fact.latched.from, &a.addr));
    rig_close(r);
}

Test(rx, another_port_of_the_signalled_address_is_learnt_though_nobody_knows_the_signalling)
{
    struct rig *r = rig_open();
    struct party a = rig_leg_open(r, 1);
    a.remote.latch = true;
    rig_remote(r, &a);
    a.addr.port = 61000;
    for (int i = 0; i < JN_LATCH_PACKETS; i++)
        rig_say(r, &a, 100);
    rig_expect(r, JN_FACT_LEG_LATCHED);
    rig_close(r);
}

/* Sends as the peer would with other SSRCs: n packets that follow each other of each. */
static void other_senders(struct rig *r, const struct party *like, unsigned senders, unsigned n)
{
    struct party other = *like;
    for (unsigned i = 0; i < senders; i++) {
        other.ssrc = like->ssrc + 1 + i;
        other.seq = (uint16_t)(i * 777);
        for (unsigned k = 0; k < n; k++)
            rig_say(r, &other, 9000);
    }
}

Test(rx, other_senders_from_the_peers_own_address_do_not_come_between_its_packets)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    rig_say(r, &a, 100);
    unsigned from = r->sent_n;
    for (int i = 0; i < 50; i++) {
        rig_run(r, 20);
        rig_say(r, &a, 100);
        other_senders(r, &a, 40, 1);
        other_senders(r, &a, 3, 5);
    }
    cr_assert_eq(rig_drops(r, JN_DROP_SENDERS), 50 * (40 + 3 * 5));
    cr_assert_eq(rig_count(r, b.local, from), 50, "the peer's and no other");
    for (unsigned i = 1; i < 50; i++)
        cr_assert_eq(rig_sent(r, b.local, from, i)->h.seq, (uint16_t)(rig_sent(r, b.local, from, i - 1)->h.seq + 1));
    for (unsigned i = 0; i < 50; i++)
        cr_assert_lt(rig_value(rig_sent(r, b.local, from, i), JN_CODEC_PCMU), 200);
    rig_close(r);
}

Test(rx, a_peer_that_has_gone_silent_is_not_replaced_by_single_packets)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    rig_say(r, &a, 100);
    rig_run(r, 1000);
    unsigned from = r->sent_n;
    other_senders(r, &a, 500, 1);
    cr_assert_eq(rig_drops(r, JN_DROP_SENDERS), 500);
    cr_assert_eq(rig_count(r, b.local, from), 0);
    rig_say(r, &a, 100);
    cr_assert_eq(rig_count(r, b.local, from), 1, "it is heard at once when it speaks again");
    rig_close(r);
}

Test(rx, reports_of_a_peer_that_speaks_as_signalled_come_as_signalled)
{
    struct rig *r = rig_open();
    struct party a, b;
    rig_call(r, &a, &b);
    uint8_t data[JN_RTCP_MAX];
    struct jn_rtcp_out out = {.ssrc = a.ssrc, .ntp = UINT64_C(5) << 32, .sent_any = true, .cname = "x", .bye = true};
    uint16_t len = (uint16_t)jn_rtcp_build(data, &out);
    struct jn_addr near = a.addr;
    near.port = (uint16_t)(near.port + 7);
    rig_inject(r, &a, &near, data, len, (uint16_t)(a.local + 1));
    cr_assert_eq(jn_plane_counts(r->p)->rtcp_in, 1, "it has not spoken: it may be behind NAT");
    rig_say(r, &a, 100);
    rig_inject(r, &a, &near, data, len, (uint16_t)(a.local + 1));
    cr_assert_eq(jn_plane_counts(r->p)->rtcp_in, 1);
    cr_assert_eq(rig_drops(r, JN_DROP_SOURCE), 1);
    rig_inject(r, &a, &a.remote.rtcp, data, len, (uint16_t)(a.local + 1));
    cr_assert_eq(jn_plane_counts(r->p)->rtcp_in, 2);
    unsigned from = r->sent_n;
    rig_say(r, &a, 100);
    cr_assert_eq(rig_count(r, b.local, from), 1, "an end in its name ends nothing");
    rig_close(r);
}
