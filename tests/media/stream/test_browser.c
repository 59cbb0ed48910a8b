/* Browsers' legs on one shared port: whose a packet is, what strangers reach (nothing), handshakes by mail, and that no
 * sound goes in or out before there are keys. The thread that does handshakes is played by the test. */
#include "media/codec/g711.h"
#include "media/dtls/mail.h"
#include "media/record/ring.h"
#include "media/rtp/rtp.h"
#include "media/stream/browser.h"
#include "tests/media/ice/check.h"
#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(browser, .timeout = 60);

enum { BROWSERS = 4, SENT = 4096 };
struct out {
    uint16_t len;
    uint32_t local;
    struct jn_addr to;
    uint8_t data[600];
};
struct world {
    struct jn_plane *p;
    struct jn_mailbox facts, to_slow, from_slow;
    struct jn_rec_ring rec;
    struct jn_sounds sounds;
    struct out *sent;
    unsigned sent_n;
    uint64_t now;
    struct jn_fact fact;
    struct jn_dtls_mail mail;
};

static int port_take(void *arg, uint32_t local)
{
    (void)arg;
    (void)local;
    return 0;
}

static void port_give(void *arg, uint32_t local)
{
    (void)arg;
    (void)local;
}

static void port_tx(void *arg, struct jn_pkt *pk[], unsigned n)
{
    struct world *w = arg;
    for (unsigned i = 0; i < n; i++) {
        cr_assert(w->sent_n < SENT && pk[i]->len <= 600);
        struct out *o = &w->sent[w->sent_n++];
        *o = (struct out){.len = pk[i]->len, .local = pk[i]->local, .to = pk[i]->from};
        memcpy(o->data, pk[i]->data, pk[i]->len);
    }
}

static struct world *world_open(void)
{
    struct world *w = calloc(1, sizeof *w);
    w->sent = calloc(SENT, sizeof *w->sent);
    w->now = UINT64_C(1000000000000);
    struct jn_plane_config c = {.ports = 64,
                                .max_legs = 16,
                                .max_rooms = 4,
                                .browsers = BROWSERS,
                                .quarantine_ms = 5000,
                                .sounds = &w->sounds,
                                .srtp = jn_srtp(),
                                .port = {.take = port_take, .give = port_give, .tx = port_tx, .arg = w}};
    jn_addr_parse(&c.advertise, "192.0.2.1", 20000);
    cr_assert_eq(jn_plane_open(&w->p, &c), 0);
    uint32_t size = (uint32_t)jn_plane_slow_bytes();
    cr_assert_eq(jn_mailbox_init(&w->facts, 256, sizeof(struct jn_fact), NULL), 0);
    cr_assert_eq(jn_mailbox_init(&w->to_slow, 2 * BROWSERS + 248, size, NULL), 0);
    cr_assert_eq(jn_mailbox_init(&w->from_slow, 64, size, NULL), 0);
    cr_assert_eq(jn_rec_ring_init(&w->rec, 64), 0);
    jn_plane_mail(w->p, &w->facts, &w->rec);
    jn_plane_slow(w->p, &w->to_slow, &w->from_slow);
    return w;
}

static void world_close(struct world *w)
{
    jn_plane_close(w->p);
    jn_mailbox_free(&w->facts);
    jn_mailbox_free(&w->to_slow);
    jn_mailbox_free(&w->from_slow);
    jn_rec_ring_free(&w->rec);
    jn_sounds_free(&w->sounds);
    free(w->sent);
    free(w);
}

static const struct jn_plane_counts *counts(const struct world *w)
{
    return jn_plane_counts(w->p);
}

static uint8_t next_fact(struct world *w)
{
    return jn_mailbox_recv(&w->facts, &w->fact, 1) ? w->fact.kind : JN_FACT_NONE;
}

/* What the handshake thread finds in its mailbox, -1: nothing. */
static int next_mail(struct world *w)
{
    return jn_mailbox_recv(&w->to_slow, &w->mail, 1) ? w->mail.kind : -1;
}

static void run(struct world *w, unsigned ms)
{
    for (; ms > 0; ms--) {
        w->now += 1000000;
        jn_plane_tick(w->p, w->now);
        jn_plane_flush(w->p);
    }
}

static struct jn_ice_own name_of(uint64_t leg)
{
    struct jn_ice_own own = {.ufrag = "legABCDEFGHI", .pwd = "passwordpasswordpassword"};
    own.ufrag[3] = (char)('a' + leg);
    own.pwd[0] = (char)('a' + leg);
    return own;
}

static bool open_leg(struct world *w, uint64_t leg)
{
    struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = leg, .open = {.browser = true, .ice = name_of(leg)}};
    cr_assert(jn_plane_order(w->p, &o, w->now));
    return next_fact(w) == JN_FACT_LEG_OPENED;
}

static void describe(struct world *w, uint64_t leg, const struct jn_ice_own *own, uint8_t print, bool active)
{
    struct jn_order o = {.kind = JN_ORDER_LEG_REMOTE, .leg = leg};
    o.remote = (struct jn_leg_remote){.dtmf_pt = 255, .cn_pt = 255, .ptime_ms = 20, .dtls = true};
    o.remote.by.own = *own;
    o.remote.by.active = active;
    memset(o.remote.by.fingerprint, print, JN_FINGERPRINT);
    cr_assert(jn_plane_order(w->p, &o, w->now));
}

static struct jn_addr from(const char *ip, uint16_t port)
{
    struct jn_addr a;
    jn_addr_parse(&a, ip, port);
    return a;
}

/* All browsers' packets come to local port 0, the first even port. */
static void inject(struct world *w, struct jn_addr peer, const void *data, size_t n)
{
    static uint8_t bytes[2048];
    struct jn_pkt pk = {.data = bytes, .len = (uint16_t)n, .cap = sizeof bytes, .at_ns = w->now, .from = peer};
    struct jn_pkt *burst[1] = {&pk};
    memcpy(bytes, data, n);
    jn_plane_rx(w->p, burst, 1, w->now);
    jn_plane_flush(w->p);
}

static void check_by(struct world *w, struct jn_addr peer, const struct jn_ice_own *own, bool use)
{
    uint8_t bytes[200];
    size_t n = request(bytes, &(struct request){.to = own, .use = use});
    inject(w, peer, bytes, n);
}

static const uint8_t hello[40] = {22, 0xfe, 0xfd, [12] = 27, 1};

static void keys_come(struct world *w, uint64_t leg, uint32_t session, uint8_t in, uint8_t out)
{
    struct jn_dtls_mail m = {.kind = JN_DTLS_KEYS, .how = JN_KEYS_UP, .leg = leg, .session = session};
    m.keys.suite = JN_SUITE_AES128_SHA80;
    memset(m.keys.in, in, sizeof m.keys.in);
    memset(m.keys.out, out, sizeof m.keys.out);
    cr_assert_eq(jn_mailbox_send(&w->from_slow, &m), 0);
    cr_assert_eq(jn_plane_keys(w->p, w->now), 1);
}

/* One SRTP packet of that browser. */
static size_t speak(uint8_t out[600], uint8_t key, uint16_t seq)
{
    uint8_t keys[JN_SRTP_KEY_MAX];
    struct jn_srtp_bank *bank;
    struct jn_rtp h = {.ts = seq * 160u, .ssrc = 77, .seq = seq};
    struct jn_pkt pk = {.data = out, .len = 172, .cap = 600};
    struct jn_pkt *burst[1] = {&pk};
    memset(keys, key, sizeof keys);
    cr_assert_eq(jn_srtp_libsrtp.open_bank(&bank, 2), 0);
    struct jn_srtp *s = jn_srtp_libsrtp.open_context(bank, JN_SUITE_AES128_SHA80, keys, false);
    jn_rtp_build(out, &h);
    memset(out + 12, 0x55, 160);
    cr_assert_eq(jn_srtp_seal_one(&jn_srtp_libsrtp, s, burst, 1, false), 1);
    jn_srtp_libsrtp.close_context(s);
    jn_srtp_libsrtp.close_bank(bank);
    return pk.len;
}

/* Leg 1 up to its keys, at 198.51.100.1:4000, in room 9 with music, so that something would go out. */
static struct jn_addr leg_up(struct world *w, bool with_keys)
{
    struct jn_addr peer = from("198.51.100.1", 4000);
    struct jn_ice_own own = name_of(1);
    int16_t tone[320];
    for (int i = 0; i < 320; i++)
        tone[i] = 4000;
    jn_sounds_add(&w->sounds, "music", tone, 320);
    cr_assert(open_leg(w, 1));
    describe(w, 1, &own, 1, false);
    cr_assert_eq(next_mail(w), JN_DTLS_BEGIN);
    check_by(w, peer, &own, true);
    if (with_keys) {
        keys_come(w, 1, 1, 5, 6);
        cr_assert(next_fact(w) == JN_FACT_LEG_KEYS && w->fact.keys.how == JN_KEYS_UP);
    }
    struct jn_order room = {.kind = JN_ORDER_ROOM_OPEN, .room = 9},
                    join = {.kind = JN_ORDER_ROOM_JOIN, .leg = 1, .room = 9},
                    play = {.kind = JN_ORDER_PLAY, .room = 9, .play = {.n = 1, .loop = true}};
    cr_assert(jn_plane_order(w->p, &room, w->now) && jn_plane_order(w->p, &join, w->now) &&
              jn_plane_order(w->p, &play, w->now));
    return peer;
}

static unsigned media_sent(const struct world *w)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->sent_n; i++)
        n += w->sent[i].data[0] >= 128;
    return n;
}

Test(browser, legs_share_one_port_and_are_told_apart_by_where_they_come_from)
{
    struct world *w = world_open();
    for (uint64_t leg = 1; leg <= BROWSERS; leg++) {
        struct jn_ice_own own = name_of(leg);
        cr_assert(open_leg(w, leg));
        cr_assert_eq(w->fact.opened.rtp.port, 20000, "the same for all");
        describe(w, leg, &own, (uint8_t)leg, false);
        cr_assert(next_mail(w) == JN_DTLS_BEGIN && w->mail.leg == leg && w->mail.begin.fingerprint[3] == leg);
        check_by(w, from("198.51.100.1", (uint16_t)(4000 + leg)), &own, true);
        cr_assert(w->sent_n == leg && w->sent[leg - 1].to.port == 4000 + leg && w->sent[leg - 1].data[0] == 1);
    }
    for (uint64_t leg = BROWSERS; leg >= 1; leg--) {
        inject(w, from("198.51.100.1", (uint16_t)(4000 + leg)), hello, sizeof hello);
        cr_assert(next_mail(w) == JN_DTLS_DATAGRAM && w->mail.leg == leg && w->mail.len == sizeof hello);
        cr_assert_eq(memcmp(w->mail.bytes, hello, sizeof hello), 0);
    }
    cr_assert(!open_leg(w, 9), "bounded");
    cr_assert_eq(counts(w)->browsers, BROWSERS);
    world_close(w);
}

Test(browser, a_stranger_reaches_no_handshake_and_no_leg)
{
    struct world *w = world_open();
    leg_up(w, true);
    struct jn_addr thief = from("203.0.113.9", 4000);
    struct jn_ice_own wrong = name_of(1);
    uint8_t bytes[600];
    wrong.pwd[4] = '!';
    unsigned before = w->sent_n;
    for (int i = 0; i < 200; i++)
        inject(w, thief, hello, sizeof hello);
    cr_assert_eq(next_mail(w), -1);
    cr_assert(counts(w)->dtls_strangers == 200 && counts(w)->drops[JN_DROP_SOURCE] == 200);
    size_t n = speak(bytes, 5, 1); /* right keys, another place */
    inject(w, thief, bytes, n);
    cr_assert_eq(counts(w)->drops[JN_DROP_SOURCE], 201);
    check_by(w, thief, &wrong, true);
    cr_assert_eq(counts(w)->ice_refused, 1);
    struct jn_ice_own nobody = name_of(7);
    check_by(w, thief, &nobody, true);
    cr_assert_eq(counts(w)->ice_strangers, 1);
    inject(w, thief, hello, sizeof hello);
    cr_assert_eq(next_mail(w), -1, "still a stranger");
    cr_assert_eq(w->sent_n - before, 2, "two short answers");
    for (unsigned i = before; i < w->sent_n; i++)
        cr_assert(w->sent[i].len <= 60 && w->sent[i].data[0] == 1 && w->sent[i].data[1] == 0x11);
    run(w, 100);
    for (unsigned i = before + 2; i < w->sent_n; i++)
        cr_assert_eq(w->sent[i].to.port, 4000);
    world_close(w);
}

Test(browser, a_flood_of_checks_is_answered_a_few_times_and_the_peer_always)
{
    struct world *w = world_open();
    struct jn_addr peer = leg_up(w, true);
    struct jn_ice_own own = name_of(1), nobody = name_of(7);
    unsigned before = w->sent_n;
    for (int i = 0; i < 1000; i++)
        check_by(w, from("203.0.113.9", (uint16_t)(1000 + i)), &nobody, true);
    cr_assert_eq(w->sent_n - before, 50);
    check_by(w, peer, &own, false);
    cr_assert(w->sent_n - before == 51 && w->sent[w->sent_n - 1].data[1] == 1, "a success");
    w->now += 200000000;
    for (int i = 0; i < 100; i++)
        check_by(w, from("203.0.113.9", (uint16_t)(1000 + i)), &nobody, true);
    cr_assert_eq(w->sent_n - before, 61, "ten more by then");
    world_close(w);
}

Test(browser, no_sound_goes_in_or_out_before_there_are_keys)
{
    struct world *w = world_open();
    struct jn_addr peer = leg_up(w, false);
    uint8_t plain[172] = {0x80, 0}, bytes[600];
    run(w, 200);
    inject(w, peer, plain, sizeof plain);
    cr_assert_eq(media_sent(w), 0);
    cr_assert_eq(counts(w)->drops[JN_DROP_NOT_READY] > 0, true);
    keys_come(w, 1, 1, 5, 6);
    cr_assert_eq(next_fact(w), JN_FACT_LEG_KEYS);
    run(w, 200);
    cr_assert_gt(media_sent(w), 5);
    for (unsigned i = 0; i < w->sent_n; i++)
        if (w->sent[i].data[0] >= 128)
            cr_assert(w->sent[i].len > 172 || w->sent[i].data[1] > 191, "sealed");
    uint64_t auth = counts(w)->drops[JN_DROP_AUTH];
    inject(w, peer, plain, sizeof plain);
    cr_assert_eq(counts(w)->drops[JN_DROP_AUTH], auth + 1, "plain sound is refused");
    size_t n = speak(bytes, 5, 10);
    inject(w, peer, bytes, n);
    cr_assert_eq(counts(w)->drops[JN_DROP_AUTH], auth + 1);
    n = speak(bytes, 6, 11);
    inject(w, peer, bytes, n);
    cr_assert_eq(counts(w)->drops[JN_DROP_AUTH], auth + 2);
    world_close(w);
}

/* Another pair is nominated: the sound goes there, and authentic sound from elsewhere does not move it. */
Test(browser, sound_goes_where_the_last_nomination_says)
{
    struct world *w = world_open();
    struct jn_addr first = leg_up(w, true), second = from("2001:db8::7", 5000);
    struct jn_ice_own own = name_of(1);
    uint8_t bytes[600];
    check_by(w, second, &own, false);
    size_t n = speak(bytes, 5, 1);
    inject(w, second, bytes, n);
    unsigned at = w->sent_n;
    run(w, 100);
    for (; at < w->sent_n; at++)
        cr_assert(jn_addr_equal(&w->sent[at].to, &first), "only valid yet");
    check_by(w, second, &own, true);
    at = w->sent_n;
    run(w, 100);
    cr_assert_gt(w->sent_n, at);
    for (; at < w->sent_n; at++)
        cr_assert(jn_addr_equal(&w->sent[at].to, &second));
    cr_assert_eq(counts(w)->ice_nominated, 2);
    world_close(w);
}

Test(browser, a_leg_may_send_only_so_many_handshake_packets)
{
    struct world *w = world_open();
    struct jn_addr peer = leg_up(w, false);
    unsigned n = 0;
    for (int i = 0; i < 1000; i++) {
        inject(w, peer, hello, sizeof hello);
        n += next_mail(w) == JN_DTLS_DATAGRAM;
    }
    cr_assert(n == 128 && counts(w)->dtls_throttled == 872, "%u", n);
    run(w, 100); /* five more by then */
    for (int i = 0; i < 10; i++)
        inject(w, peer, hello, sizeof hello);
    for (n = 0; next_mail(w) == JN_DTLS_DATAGRAM; n++)
        ;
    cr_assert_eq(n, 5);
    inject(w, peer, "\x16\x03\x01\0\0\0\0\0\0\0\0\0\x05hello", 18);
    cr_assert_eq(counts(w)->dtls_malformed, 1);
    world_close(w);
}

Test(browser, a_full_mailbox_loses_datagrams_and_nothing_else)
{
    struct world *w = world_open();
    struct jn_addr peer[2];
    for (uint64_t leg = 1; leg <= 2; leg++) {
        struct jn_ice_own own = name_of(leg);
        peer[leg - 1] = from("198.51.100.1", (uint16_t)(4000 + leg));
        cr_assert(open_leg(w, leg));
        describe(w, leg, &own, 1, false);
        check_by(w, peer[leg - 1], &own, true);
    }
    for (int i = 0; i < 128; i++)
        for (int k = 0; k < 2; k++)
            inject(w, peer[k], hello, sizeof hello);
    cr_assert_gt(counts(w)->dtls_full, 0);
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = 1};
    cr_assert(jn_plane_order(w->p, &o, w->now));
    int last = -1;
    for (int kind; (kind = next_mail(w)) >= 0;)
        last = kind;
    cr_assert(last == JN_DTLS_END && w->mail.leg == 1, "the end had its place kept");
    world_close(w);
}

Test(browser, the_same_certificate_keeps_the_association_another_begins_one)
{
    struct world *w = world_open();
    struct jn_addr peer = leg_up(w, true);
    struct jn_ice_own own = name_of(1), fresh = name_of(3);
    describe(w, 1, &own, 1, false);
    describe(w, 1, &fresh, 1, false); /* ICE begins again */
    cr_assert_eq(next_mail(w), -1);
    unsigned at = w->sent_n;
    check_by(w, peer, &own, true); /* the former name still holds */
    check_by(w, from("198.51.100.2", 7), &fresh, true);
    cr_assert(w->sent_n == at + 2 && w->sent[at].data[1] == 1 && w->sent[at + 1].data[1] == 1);
    check_by(w, peer, &own, true);
    cr_assert_eq(w->sent[at + 2].data[1], 0x11, "and no more");
    describe(w, 1, &fresh, 2, true);
    cr_assert(next_mail(w) == JN_DTLS_END && w->mail.session == 1);
    cr_assert(next_mail(w) == JN_DTLS_BEGIN && w->mail.session == 2 && w->mail.begin.active);
    cr_assert(next_mail(w) == JN_DTLS_START, "the peer is known already: we begin");
    struct jn_dtls_mail m = {.kind = JN_DTLS_KEYS, .how = JN_KEYS_UP, .leg = 1, .session = 1};
    cr_assert_eq(jn_mailbox_send(&w->from_slow, &m), 0);
    jn_plane_keys(w->p, w->now);
    cr_assert_eq(next_fact(w), JN_FACT_NONE, "of the former association nothing is taken");
    keys_come(w, 1, 2, 7, 8);
    cr_assert_eq(next_fact(w), JN_FACT_LEG_KEYS);
    uint8_t bytes[600];
    size_t n = speak(bytes, 7, 1);
    inject(w, from("198.51.100.2", 7), bytes, n);
    cr_assert_eq(counts(w)->drops[JN_DROP_AUTH], 0);
    world_close(w);
}

Test(browser, who_does_not_come_is_told_and_a_failure_once)
{
    struct world *w = world_open();
    leg_up(w, false);
    run(w, 29000);
    cr_assert_eq(next_fact(w), JN_FACT_NONE);
    run(w, 1500);
    cr_assert(next_fact(w) == JN_FACT_LEG_KEYS && w->fact.keys.how == JN_KEYS_TIMEOUT);
    run(w, 5000);
    cr_assert_eq(next_fact(w), JN_FACT_NONE);
    cr_assert_eq(counts(w)->dtls_ended[JN_KEYS_TIMEOUT], 1);
    world_close(w);
}

/* A closed leg's address is nobody's until it proves itself again; the place is free for another. */
Test(browser, a_closed_leg_leaves_nothing)
{
    struct world *w = world_open();
    for (uint64_t round = 0; round < 50; round++) {
        struct jn_ice_own own = name_of(1);
        struct jn_addr peer = from("198.51.100.1", 4000);
        cr_assert(open_leg(w, 1));
        describe(w, 1, &own, 1, false);
        cr_assert_eq(next_mail(w), JN_DTLS_BEGIN);
        check_by(w, peer, &own, true);
        struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = 1};
        cr_assert(jn_plane_order(w->p, &o, w->now));
        cr_assert_eq(next_mail(w), JN_DTLS_END);
        cr_assert_eq(next_fact(w), JN_FACT_LEG_CLOSED);
        inject(w, peer, hello, sizeof hello);
        cr_assert_eq(next_mail(w), -1);
        cr_assert_eq(counts(w)->dtls_strangers, round + 1);
    }
    cr_assert_eq(counts(w)->browsers, 0);
    cr_assert(w->p->browsers->by_source.count == 0 && w->p->browsers->by_ufrag.count == 0, "the tables do not grow");
    world_close(w);
}
