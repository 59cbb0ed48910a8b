/* The media plane over the DPDK port: a relayed RTP packet leaves in the very buffer it came in, plain and with SRTP; a
 * mixed one in a fresh one; no buffer is lost. */
#include "media/rtp/rtp.h"
#include "media/stream/plane.h"
#include "tests/engine/net/dpdk_rig.h"

TestSuite(relay_port_dpdk, .timeout = 60);

static struct rig r;
static struct jn_plane *plane;
static struct jn_mailbox facts;
static uint16_t local[2]; /* of the two legs: UDP ports */

static int take(void *arg, uint32_t l)
{
    (void)arg;
    (void)l;
    return 0; /* the rig has taken all of them */
}

static void give(void *arg, uint32_t l)
{
    (void)arg;
    (void)l;
}

static void tx(void *arg, struct jn_pkt *pk[], unsigned n)
{
    (void)arg;
    jn_port_dpdk.tx(r.p[0], pk, n);
}

static void order(const struct jn_order *o)
{
    struct jn_fact f;
    cr_assert(jn_plane_order(plane, o, r.now));
    while (jn_mailbox_recv(&facts, &f, 1) == 1)
        if (f.kind == JN_FACT_LEG_OPENED)
            local[f.leg - 1] = f.opened.rtp.port;
}

static void step(unsigned ms)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    for (unsigned i = 0; i < ms; i++) {
        unsigned n = rig_rx(&r, 0, pk);
        jn_plane_rx(plane, pk, n, r.now);
        jn_plane_tick(plane, r.now);
        jn_plane_flush(plane);
        rig_quiet(&r, 1);
    }
}

static struct jn_leg_remote remote(unsigned leg, bool srtp)
{
    struct jn_leg_remote m = {.dtmf_pt = 101, .cn_pt = 13, .ptime_ms = 20};
    jn_addr_parse(&m.rtp, "10.0.0.2", 4000);
    m.rtp.port = (uint16_t)(4000 + 2 * leg);
    m.rtcp = m.rtp;
    m.rtcp.port++;
    m.suite = srtp ? JN_SUITE_AES128_SHA80 : JN_SUITE_NONE;
    for (unsigned i = 0; srtp && i < 30; i++) {
        m.key_in[i] = (uint8_t)(leg * 40 + i);
        m.key_out[i] = (uint8_t)(leg * 40 + i + 100);
    }
    return m;
}

/* Two legs of one room, until it relays; second_ms: the packets of the second one, another length makes it a mix. */
static void call_open(bool srtp, uint8_t second_ms)
{
    static struct jn_sounds none;
    struct jn_plane_config c = {.ports = RIG_PORTS,
                                .max_legs = 4,
                                .max_rooms = 2,
                                .sounds = &none,
                                .srtp = jn_srtp(),
                                .port = {.take = take, .give = give, .tx = tx}};
    rig_open(&r, rig_config(1), 1);
    rig_tell(&r, 0);
    jn_addr_parse(&c.advertise, "10.0.0.1", RIG_FIRST);
    cr_assert_eq(jn_plane_open(&plane, &c), 0);
    cr_assert_eq(jn_mailbox_init(&facts, 256, sizeof(struct jn_fact), NULL), 0);
    jn_plane_mail(plane, &facts, NULL);
    order(&(struct jn_order){.kind = JN_ORDER_ROOM_OPEN, .room = 1});
    for (unsigned i = 0; i < 2; i++) {
        struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = i + 1, .room = 1};
        order(&o);
        o.kind = JN_ORDER_LEG_REMOTE;
        o.remote = remote(i, srtp);
        o.remote.ptime_ms = i ? second_ms : 20;
        order(&o);
        o = (struct jn_order){.kind = JN_ORDER_ROOM_JOIN, .leg = i + 1, .room = 1};
        o.join.track = i ? JN_TRACK_AGENT : JN_TRACK_CALLER;
        order(&o);
    }
    step(2500); /* until it has announced itself for the last time */
}

static void call_close(void)
{
    jn_plane_end_all(plane, r.now);
    jn_plane_close(plane);
    jn_mailbox_free(&facts);
    rig_close(&r, 1);
}

/* A frame of leg 1's phone, RTP with csrc contributing sources, sealed when keys are given; returns its length. */
static size_t speak(uint8_t frame[1600], uint16_t seq, unsigned csrc, struct jn_srtp *seal)
{
    struct jn_eth_udp u = {.sums = true, .to = r.us.ip, .from_port = 4000, .to_port = local[0]};
    uint8_t bytes[600] = {0};
    struct jn_rtp h = {.seq = seq, .ts = seq * 160u, .ssrc = 7};
    struct jn_pkt pk = {.data = bytes + 64, .cap = 400}, *list[1] = {&pk};
    memcpy(u.mac, r.us.mac, 6);
    jn_rtp_build(bytes + 64, &h);
    bytes[64] |= (uint8_t)csrc;
    memset(bytes + 64 + 12 + 4 * csrc, 0x80 + seq, 160);
    pk.len = (uint16_t)(172 + 4 * csrc);
    if (seal)
        cr_assert_eq(jn_srtp_seal_one(&jn_srtp_libsrtp, seal, list, 1, false), 1);
    unsigned headers = jn_eth_put_udp(&r.them, &u, bytes + 64, pk.len);
    memcpy(frame, bytes + 64 - headers, headers + pk.len);
    return headers + pk.len;
}

static void relayed(bool srtp, unsigned csrc)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint8_t frame[1600];
    uint32_t ssrc = 0;
    call_open(srtp, 20);
    struct jn_leg_remote from = remote(0, srtp), to = remote(1, srtp);
    struct jn_srtp *seal = srtp ? jn_srtp_libsrtp.open_context(NULL, from.suite, from.key_in, false) : NULL;
    struct jn_srtp *open = srtp ? jn_srtp_libsrtp.open_context(NULL, to.suite, to.key_out, true) : NULL;
    for (uint16_t i = 1; i < 100; i++) {
        size_t n = speak(frame, i, csrc, seal);
        struct rte_mbuf *in = rig_send(&r, 0, frame, n);
        cr_assert_eq(rig_rx(&r, 0, pk), 1);
        jn_plane_rx(plane, pk, 1, r.now);
        struct rte_mbuf *out = rig_receive(&r, 0);
        cr_assert(out == in, "packet %u leaves at once, in its buffer", i);
        struct jn_eth_frame f;
        struct jn_rtp h;
        uint8_t *at = rte_pktmbuf_mtod(out, uint8_t *);
        cr_assert_eq(jn_eth_parse(&f, &r.them, at, out->data_len, 0), JN_ETH_UDP);
        cr_assert(jn_eth_udp_sum_ok(&f, at));
        cr_assert(f.to_port == 4002 && f.from_port == local[1]);
        struct jn_pkt heard = {.data = at + f.off, .len = f.len, .cap = f.len}, *list[1] = {&heard};
        if (open)
            cr_assert_eq(jn_srtp_open_one(&jn_srtp_libsrtp, open, list, 1, false), 1);
        cr_assert_eq(jn_rtp_parse(&h, heard.data, heard.len), 0);
        cr_assert_eq(h.payload_len, 160);
        cr_assert_eq(h.payload_off, 12, "contributing sources are not told on");
        cr_assert_neq(h.ssrc, 7, "our own SSRC");
        cr_assert(ssrc == 0 || ssrc == h.ssrc);
        ssrc = h.ssrc;
        for (unsigned k = 0; k < 160; k++)
            cr_assert_eq(heard.data[h.payload_off + k], (uint8_t)(0x80 + i));
        rte_pktmbuf_free(out);
        r.now += 19000000;
    }
    cr_assert_eq(jn_plane_counts(plane)->relayed, 99);
    if (srtp) {
        jn_srtp_libsrtp.close_context(seal);
        jn_srtp_libsrtp.close_context(open);
    }
    call_close();
}

Test(relay_port_dpdk, a_relayed_packet_leaves_in_its_buffer)
{
    relayed(false, 0);
}

Test(relay_port_dpdk, also_when_its_header_becomes_shorter)
{
    relayed(false, 3);
}

Test(relay_port_dpdk, also_with_srtp_on_both_sides)
{
    relayed(true, 0);
}

Test(relay_port_dpdk, a_mixed_packet_leaves_in_a_fresh_buffer_and_none_is_lost)
{
    struct jn_pkt *pk[JN_PKT_BURST];
    uint8_t frame[1600];
    unsigned spoken = 0;
    call_open(false, 40);
    for (uint16_t i = 1; i < 3000; i++) { /* more packets than there are buffers */
        if (i % 1000 == 0)
            rig_tell(&r, 0); /* as it would answer when it is asked again */
        struct rte_mbuf *in = rig_send(&r, 0, frame, speak(frame, i, 0, NULL)), *out;
        unsigned n = rig_rx(&r, 0, pk);
        jn_plane_rx(plane, pk, n, r.now);
        jn_plane_tick(plane, r.now);
        jn_plane_flush(plane);
        while ((out = rig_receive(&r, 0)) != NULL) {
            cr_assert_neq(out, in);
            spoken += out->data_len == 42 + 12 + 320;
            rte_pktmbuf_free(out);
        }
        r.now += 19000000;
    }
    cr_assert_geq(spoken, 1400, "40 ms each");
    cr_assert_eq(jn_plane_counts(plane)->relayed, 0);
    cr_assert_eq(rig_count(&r, 0, JN_PORT_NO_BUFFER), 0);
    call_close();
}
