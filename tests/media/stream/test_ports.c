/* Local ports: several addresses, by interface and family; who comes after a closed leg hears nothing of what is late
 * for it; and the short way of a relayed packet, held against the long one. */
#include "rig.h"

TestSuite(ports, .timeout = 60);

static void close_leg(struct rig *r, uint64_t leg)
{
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = leg};
    rig_order(r, &o);
    rig_expect(r, JN_FACT_LEG_CLOSED);
}

static void flood(struct rig *r, struct party *who, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        rig_say(r, who, 9000);
        if (i % 10 == 0)
            rig_run(r, 1);
    }
}

Test(ports, late_packets_for_a_closed_port_reach_neither_the_quarantine_nor_its_next_owner)
{
    struct rig *r = rig_open();
    struct party a, b, late;
    rig_call(r, &a, &b);
    rig_say(r, &a, 5000);
    for (uint64_t i = 3; i <= RIG_PAIRS; i++) /* no other pair is left for who comes later */
        rig_leg(r, i);
    late = a;
    close_leg(r, 1);
    rig_run(r, 200); /* its last words end */
    uint64_t before = rig_drops(r, JN_DROP_NO_STREAM);
    unsigned sent = r->sent_n;
    flood(r, &late, 500);
    cr_assert_eq(rig_drops(r, JN_DROP_NO_STREAM), before + 500, "each one is counted");
    for (unsigned i = 0; i < rig_count(r, b.local, sent); i++) /* alone in the room it is told silence */
        cr_assert_lt(abs(rig_value(rig_sent(r, b.local, sent, i), JN_CODEC_PCMU)), 40, "nobody hears them");
    rig_run(r, 5010);
    while (rig_fact(r)->kind != JN_FACT_NONE)
        continue;
    struct party c = rig_leg(r, 40);
    cr_assert_eq(c.local, late.local, "the same port, for somebody else now");
    rig_join(r, 40, 50, JN_TRACK_CALLER);
    rig_run(r, 200);
    sent = r->sent_n;
    before = rig_drops(r, JN_DROP_SOURCE);
    flood(r, &late, 500);
    cr_assert_eq(rig_drops(r, JN_DROP_SOURCE), before + 500, "strangers, each one counted");
    cr_assert_eq(rig_count(r, b.local, sent), 0);
    rig_say(r, &c, 1000);
    flood(r, &late, 100);
    rig_say(r, &c, 1000);
    cr_assert_eq(rig_count(r, b.local, sent), 2, "the owner's two, and no other");
    for (unsigned i = 0; i < 2; i++)
        cr_assert_lt(abs(rig_value(rig_sent(r, b.local, sent, i), JN_CODEC_PCMU) - 1000), 40);
    uint16_t first = rig_sent(r, b.local, sent, 0)->h.seq;
    cr_assert_eq(rig_sent(r, b.local, sent, 1)->h.seq, (uint16_t)(first + 1), "and no number is missing between them");
    cr_assert_eq(rig_count(r, late.local, sent), 0);
    rig_close(r);
}

/* A plane with an address more of interface 0, IPv6, and interface 1 with two. */
static struct jn_plane *four_places(struct rig *r, struct jn_mailbox *facts)
{
    struct jn_plane_config c = {.ports = 4,
                                .more_n = 3,
                                .max_legs = 32,
                                .max_rooms = 2,
                                .quarantine_ms = 5000,
                                .srtp = jn_srtp(),
                                .port = {.take = rig_take, .give = rig_give, .tx = rig_tx, .arg = r}};
    static const char *const ip[3] = {"2001:db8::1", "203.0.113.1", "203.0.113.2"};
    struct jn_plane *p;
    jn_addr_parse(&c.advertise, "192.0.2.1", 20000);
    for (unsigned i = 0; i < 3; i++) {
        c.more[i] = (struct jn_plane_place){.ports = 4, .interface = i > 0};
        jn_addr_parse(&c.more[i].advertise, ip[i], (uint16_t)(30000 + 100 * i));
    }
    cr_assert_eq(jn_plane_open(&p, &c), 0);
    cr_assert_eq(jn_mailbox_init(facts, 64, sizeof(struct jn_fact), NULL), 0);
    jn_plane_mail(p, facts, NULL);
    return p;
}

Test(ports, a_leg_gets_an_address_of_its_interface_and_family_and_is_refused_when_none_is_left)
{
    struct rig *r = rig_open();
    struct jn_mailbox facts;
    struct jn_plane *p = four_places(r, &facts);
    static const struct {
        uint8_t interface, family;
        const char *ip[3]; /* what may come; NULL: refused */
    } want[] = {
        {0, JN_ADDR_V4, {"192.0.2.1"}},
        {0, JN_ADDR_V6, {"2001:db8::1"}},
        {0, JN_ADDR_V6, {"2001:db8::1"}},
        {0, JN_ADDR_V6, {NULL}},
        {1, JN_ADDR_V6, {"203.0.113.1", "203.0.113.2"}}, /* it has no such address: another is better than none */
        {1, JN_ADDR_V4, {"203.0.113.1", "203.0.113.2"}},
        {1, JN_ADDR_NONE, {"203.0.113.1", "203.0.113.2"}},
        {1, JN_ADDR_V4, {"203.0.113.1", "203.0.113.2"}},
        {1, JN_ADDR_V4, {NULL}},
        {0, JN_ADDR_NONE, {"192.0.2.1"}},
        {7, JN_ADDR_V4, {NULL}}};
    for (unsigned i = 0; i < sizeof want / sizeof *want; i++) {
        struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i + 1};
        struct jn_fact f;
        char text[JN_ADDR_TEXT_MAX];
        o.open.interface = want[i].interface;
        o.open.family = want[i].family;
        cr_assert(jn_plane_order(p, &o, r->now));
        cr_assert_eq(jn_mailbox_recv(&facts, &f, 1), 1);
        cr_assert_eq(f.kind, want[i].ip[0] ? JN_FACT_LEG_OPENED : JN_FACT_LEG_REFUSED, "leg %u", i + 1);
        if (!want[i].ip[0])
            continue;
        jn_addr_ip_text(&f.opened.rtp, text);
        cr_assert(!strcmp(text, want[i].ip[0]) || (want[i].ip[1] && !strcmp(text, want[i].ip[1])), "leg %u: %s", i + 1,
                  text);
        cr_assert(f.opened.rtp.port % 2 == 0 && (f.opened.rtp.port % 100) < 4, "leg %u: port %u", i + 1,
                  f.opened.rtp.port);
    }
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = 2};
    cr_assert(jn_plane_order(p, &o, r->now));
    jn_plane_close(p);
    jn_mailbox_free(&facts);
    rig_close(r);
}

/* What b hears of one relayed sender; pad: in a form that only the long way takes (RFC 3550 5.1, the padding bit). */
struct heard {
    unsigned n;
    uint16_t seq[600];
    uint32_t ts[600];
    bool marker[600];
    uint8_t first[600];
    uint64_t drops[JN_DROP_N], relayed;
};

static void talk(struct heard *h, bool pad)
{
    struct rig *r = rig_open();
    struct party a, b;
    uint64_t seed = 11;
    rig_call(r, &a, &b);
    unsigned from = r->sent_n;
    for (unsigned i = 0; i < 500; i++) {
        uint8_t data[600], payload[160];
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        unsigned dice = (unsigned)(seed >> 40) % 100;
        memset(payload, (int)i, sizeof payload);
        if (dice < 5) /* lost */
            a.seq++;
        else if (dice < 8) /* one that is old, or comes twice */
            a.seq = (uint16_t)(a.seq - (dice - 4));
        else if (dice == 8) /* far away, alone */
            a.seq = (uint16_t)(a.seq + 20000);
        else if (dice == 9) /* a new source */
            a.ssrc += 7;
        uint16_t len = rig_packet(&a, data, a.remote.rtp_pt, dice == 50, payload, 160);
        if (dice == 8)
            a.seq = (uint16_t)(a.seq - 20001);
        a.ts += 160;
        if (pad) {
            data[0] |= 0x20;
            data[len++] = 1;
        }
        rig_inject(r, &a, &a.addr, data, len, a.local);
        rig_run(r, 20);
    }
    uint16_t seq = rig_sent(r, b.local, from, 0)->h.seq;
    uint32_t ts = rig_sent(r, b.local, from, 0)->h.ts;
    const struct sent *s;
    for (; h->n < 600 && (s = rig_sent(r, b.local, from, h->n)) != NULL; h->n++) {
        h->seq[h->n] = (uint16_t)(s->h.seq - seq);
        h->ts[h->n] = s->h.ts - ts;
        h->marker[h->n] = s->h.marker;
        h->first[h->n] = s->data[s->h.payload_off];
        cr_assert_eq(s->h.payload_len, 160);
    }
    memcpy(h->drops, jn_plane_counts(r->p)->drops, sizeof h->drops);
    h->relayed = jn_plane_counts(r->p)->relayed;
    rig_close(r);
}

Test(ports, the_short_way_of_a_relayed_packet_is_the_long_one_in_fewer_steps)
{
    static struct heard quick, slow;
    talk(&quick, false);
    talk(&slow, true);
    cr_assert_gt(quick.n, 400);
    cr_assert_eq(quick.n, slow.n);
    for (unsigned i = 0; i < quick.n; i++) {
        cr_assert_eq(quick.seq[i], slow.seq[i], "packet %u", i);
        cr_assert_eq(quick.ts[i], slow.ts[i], "packet %u", i);
        cr_assert_eq(quick.marker[i], slow.marker[i], "packet %u", i);
        cr_assert_eq(quick.first[i], slow.first[i], "packet %u", i);
    }
    cr_assert_arr_eq(quick.drops, slow.drops, sizeof quick.drops);
    cr_assert_eq(quick.relayed, slow.relayed);
}
