/* Engines: what must hold of SRTP under every engine and suite, and what an attacker must not get. */
#include "tests/media/srtp/engines.h"

TestSuite(srtp_engines, .timeout = 60);

enum { BURST = 40 };
static struct packet p[JN_PKT_BURST];
static struct jn_pkt *pk[JN_PKT_BURST];
static struct jn_srtp *ctx[JN_PKT_BURST];

/* n packets of one context from first on, sealed one burst. */
static void said(const struct engine *e, struct jn_srtp *tx, uint16_t first, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        packet_rtp(&p[i], 0x1234, (uint16_t)(first + i), 160);
        pk[i] = &p[i].pk;
    }
    cr_assert_eq(jn_srtp_seal_one(e->ops, tx, pk, n, false), n, "%s", e->name);
}

Test(srtp_engines, a_wrap_a_duplicate_and_a_replay_in_one_burst_are_judged_one_by_one)
{
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 8);
    for (unsigned k = 0; k < n; k++) {
        for (int suite = 1; suite < JN_SUITE_N; suite++) {
            struct jn_srtp *tx = e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, test_key(), false);
            struct jn_srtp *rx = e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, test_key(), true);
            if (!tx && k == 0)
                continue; /* libsrtp without AES-192 */
            cr_assert(tx && rx);
            said(&e[k], tx, 65516, BURST); /* wraps at 20 */
            static struct packet old;
            packet_copy(&old, &p[2]);
            packet_copy(&p[30], &p[25]); /* after the wrap: a duplicate */
            packet_copy(&p[33], &p[3]);  /* a replay from before it */
            p[36].at[20] ^= 1;
            p[38].pk.len = 13;
            cr_assert_eq(jn_srtp_open_one(e[k].ops, rx, pk, BURST, false), BURST - 4, "%s suite %d", e[k].name, suite);
            static const unsigned bad[4] = {30, 33, 36, 38};
            static const uint8_t why[4] = {JN_DROP_REPLAY, JN_DROP_REPLAY, JN_DROP_AUTH, JN_DROP_SHORT};
            for (unsigned i = 0; i < 4; i++) {
                cr_assert_eq(pk[BURST - 4 + i], &p[bad[i]].pk, "%s suite %d: refused ones in order", e[k].name, suite);
                cr_assert_eq(p[bad[i]].pk.drop, why[i], "%s suite %d packet %u: %d", e[k].name, suite, bad[i],
                             p[bad[i]].pk.drop);
            }
            for (unsigned i = 0; i < BURST - 4; i++)
                cr_assert(pk[i]->len == 172 && pk[i]->data[12] == ((pk[i]->data[3]) & 0x7f) + 1, "opened %u", i);
            cr_assert_eq(packet_open(&e[k], rx, &old, false), JN_DROP_REPLAY);
            e[k].ops->close_context(tx);
            e[k].ops->close_context(rx);
        }
    }
    engines_close(e, n);
}

Test(srtp_engines, a_hundred_packets_late_is_in_time_and_a_hundred_and_thirty_is_not)
{
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 8);
    static struct packet all[140];
    for (unsigned k = 0; k < n; k++) {
        struct jn_srtp *tx = e[k].ops->open_context(e[k].bank, JN_SUITE_AES128_SHA80, test_key(), false);
        struct jn_srtp *rx = e[k].ops->open_context(e[k].bank, JN_SUITE_AES128_SHA80, test_key(), true);
        for (unsigned i = 0; i < 140; i++) {
            packet_rtp(&all[i], 7, (uint16_t)(1000 + i), 160);
            cr_assert_eq(packet_seal(&e[k], tx, &all[i], false), JN_DROP_NONE);
        }
        cr_assert_eq(packet_open(&e[k], rx, &all[139], false), JN_DROP_NONE);
        cr_assert_eq(packet_open(&e[k], rx, &all[39], false), JN_DROP_NONE, "%s: 100 behind", e[k].name);
        cr_assert_eq(packet_open(&e[k], rx, &all[12], false), JN_DROP_NONE, "%s: 127 behind", e[k].name);
        cr_assert_eq(packet_open(&e[k], rx, &all[11], false), JN_DROP_REPLAY, "%s: 128 behind", e[k].name);
    }
    engines_close(e, n);
}

/* Forged packets with sequences half a round away, with other SSRCs and with damage: none moves the index. */
Test(srtp_engines, forged_packets_do_not_shift_the_rollover_counter)
{
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 8);
    for (unsigned k = 0; k < n; k++) {
        for (int suite = JN_SUITE_AES128_SHA80; suite <= JN_SUITE_NULL_SHA80; suite++) {
            struct jn_srtp *tx = e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, test_key(), false);
            struct jn_srtp *rx = e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, test_key(), true);
            if (!tx && k == 0)
                continue;
            said(&e[k], tx, 65530, 4);
            cr_assert_eq(jn_srtp_open_one(e[k].ops, rx, pk, 4, false), 4);
            for (unsigned i = 0; i < BURST; i++) {
                packet_rtp(&p[i], i % 5 ? 0x1234 : 0x9999 + i, (uint16_t)(i % 2 ? 20000 + 97 * i : i), 160);
                p[i].pk.len = 12 + 160 + 16;
                pk[i] = &p[i].pk;
            }
            cr_assert_eq(jn_srtp_open_one(e[k].ops, rx, pk, BURST, false), 0, "%s suite %d", e[k].name, suite);
            said(&e[k], tx, 65534, 20); /* over the wrap */
            cr_assert_eq(jn_srtp_open_one(e[k].ops, rx, pk, 20, false), 20, "%s suite %d", e[k].name, suite);
            e[k].ops->close_context(tx);
            e[k].ops->close_context(rx);
        }
    }
    engines_close(e, n);
}

Test(srtp_engines, more_senders_than_a_context_keeps_apart_are_refused_and_the_known_ones_are_not)
{
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 16);
    for (unsigned k = 0; k < n; k++) {
        struct packet one;
        struct jn_srtp *rx = e[k].ops->open_context(e[k].bank, JN_SUITE_AES128_SHA80, test_key(), true);
        for (uint32_t ssrc = 1; ssrc <= 100; ssrc++) {
            struct jn_srtp *tx = e[k].ops->open_context(e[k].bank, JN_SUITE_AES128_SHA80, test_key(), false);
            packet_rtp(&one, ssrc, 10, 160);
            cr_assert_eq(packet_seal(&e[k], tx, &one, false), JN_DROP_NONE);
            e[k].ops->close_context(tx);
            int want = ssrc <= JN_SRTP_SENDERS_MAX ? JN_DROP_NONE : JN_DROP_SENDERS;
            cr_assert_eq(packet_open(&e[k], rx, &one, false), want, "%s sender %u", e[k].name, ssrc);
        }
        struct jn_srtp *tx = e[k].ops->open_context(e[k].bank, JN_SUITE_AES128_SHA80, test_key(), false);
        /* those that came last: the ones refused left nothing behind */
        for (uint32_t ssrc = 1; ssrc <= JN_SRTP_SENDERS_MAX; ssrc++) {
            packet_rtp(&one, ssrc, 11, 160);
            cr_assert_eq(packet_seal(&e[k], tx, &one, false), JN_DROP_NONE);
            cr_assert_eq(packet_open(&e[k], rx, &one, false), JN_DROP_NONE, "%s sender %u goes on", e[k].name, ssrc);
        }
        packet_rtp(&one, 4711, 1, 160);
        cr_assert_eq(packet_seal(&e[k], tx, &one, false), JN_DROP_SENDERS, "%s", e[k].name);
        memcpy(one.at + 4, one.at + 8, 4);
        cr_assert_eq(packet_seal(&e[k], tx, &one, true), JN_DROP_SENDERS, "%s RTCP", e[k].name);
    }
    engines_close(e, n);
}

Test(srtp_engines, every_length_from_nothing_to_too_much_is_answered)
{
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 8);
    for (unsigned k = 0; k < n; k++) {
        for (int suite = JN_SUITE_AES128_SHA80; suite <= JN_SUITE_NULL_SHA80; suite++) {
            struct jn_srtp *s = e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, test_key(), false);
            struct jn_srtp *rx = e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, test_key(), true);
            for (unsigned len = 0; s && len <= PACKET_CAP; len++) {
                for (int rtcp = 0; rtcp < 2; rtcp++) {
                    struct packet one;
                    packet_rtp(&one, 1, (uint16_t)len, 0);
                    one.pk.len = (uint16_t)len;
                    int rc = packet_seal(&e[k], s, &one, rtcp);
                    int want = len < (rtcp ? 8u : 12u)                  ? JN_DROP_SHORT
                               : len + JN_SRTP_TRAILER_MAX > PACKET_CAP ? JN_DROP_OVERSIZE
                                                                        : JN_DROP_NONE;
                    cr_assert_eq(rc, want, "%s suite %d length %u: %d", e[k].name, suite, len, rc);
                    packet_rtp(&one, 1, (uint16_t)len, 0);
                    one.at[0] = len % 3 ? 0x9f : 0x80; /* an extension and CSRCs that are not there */
                    one.at[100] = 0xff;
                    one.pk.len = (uint16_t)len;
                    rc = packet_open(&e[k], rx, &one, rtcp);
                    cr_assert(rc == JN_DROP_SHORT || rc == JN_DROP_AUTH, "%s suite %d length %u: %d", e[k].name, suite,
                              len, rc);
                }
            }
            e[k].ops->close_context(s);
            e[k].ops->close_context(rx);
        }
    }
    engines_close(e, n);
}

/* New keys in the middle of a call: indexes go on, on both sides, and old packets are of no use. */
Test(srtp_engines, new_keys_keep_the_rollover_counter)
{
    uint8_t other[JN_SRTP_KEY_MAX];
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 16);
    memcpy(other, test_key(), sizeof other);
    other[3] ^= 0x77;
    for (unsigned k = 0; k < n; k++) {
        for (int suite = JN_SUITE_AES128_SHA80; suite <= JN_SUITE_NULL_SHA80; suite++) {
            enum jn_srtp_suite next = suite == JN_SUITE_GCM128 ? JN_SUITE_AES128_SHA80 : (enum jn_srtp_suite)suite;
            struct jn_srtp *tx = e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, test_key(), false);
            struct jn_srtp *rx = e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, test_key(), true);
            if (!tx && k == 0)
                continue;
            said(&e[k], tx, 65530, 20); /* ROC 1 now */
            static struct packet old;
            packet_copy(&old, &p[19]);
            cr_assert_eq(jn_srtp_open_one(e[k].ops, rx, pk, 19, false), 19);
            struct jn_srtp *tx2 = e[k].ops->rekey(tx, next, other), *rx2 = e[k].ops->rekey(rx, next, other);
            cr_assert(tx2 && rx2);
            cr_assert_eq(packet_open(&e[k], rx2, &old, false), JN_DROP_AUTH);
            said(&e[k], tx2, 14, 5);
            cr_assert_eq(jn_srtp_open_one(e[k].ops, rx2, pk, 5, false), 5, "%s suite %d", e[k].name, suite);
            /* and it is ROC 1 that was sealed: a context that begins anew does not understand it */
            struct jn_srtp *anew = e[k].ops->open_context(e[k].bank, next, other, true);
            said(&e[k], tx2, 19, 1);
            cr_assert_eq(packet_open(&e[k], anew, &p[0], false), JN_DROP_AUTH, "%s suite %d", e[k].name, suite);
            struct jn_srtp *const done[] = {tx, rx, tx2, rx2, anew};
            for (unsigned i = 0; i < 5; i++)
                e[k].ops->close_context(done[i]);
        }
    }
    engines_close(e, n);
}

/* RFC 3711 3.4: the SRTCP index is not reset by new keys. A peer's is taken as it comes. */
Test(srtp_engines, new_keys_keep_the_index_of_reports)
{
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 8);
    for (unsigned k = 1; k < n; k++) {
        struct packet one;
        struct jn_srtp *tx = e[k].ops->open_context(e[k].bank, JN_SUITE_AES128_SHA80, test_key(), false);
        struct jn_srtp *rx = e[k].ops->open_context(e[k].bank, JN_SUITE_AES128_SHA80, test_key(), true);
        for (unsigned i = 0; i < 3; i++) {
            packet_rtp(&one, 1, 0, 40);
            cr_assert_eq(packet_seal(&e[k], tx, &one, true), JN_DROP_NONE);
            cr_assert_eq(packet_open(&e[k], rx, &one, true), JN_DROP_NONE);
        }
        struct jn_srtp *tx2 = e[k].ops->rekey(tx, JN_SUITE_GCM128, test_key());
        struct jn_srtp *rx2 = e[k].ops->rekey(rx, JN_SUITE_GCM128, test_key());
        struct jn_srtp *anew = e[k].ops->open_context(e[k].bank, JN_SUITE_GCM128, test_key(), false);
        packet_rtp(&one, 1, 0, 40);
        cr_assert_eq(packet_seal(&e[k], tx2, &one, true), JN_DROP_NONE);
        cr_assert_eq(one.at[one.pk.len - 1], 4, "%s: the fourth", e[k].name);
        cr_assert_eq(packet_open(&e[k], rx2, &one, true), JN_DROP_NONE);
        packet_rtp(&one, 1, 0, 40);
        cr_assert_eq(packet_seal(&e[k], anew, &one, true), JN_DROP_NONE);
        cr_assert_eq(packet_open(&e[k], rx2, &one, true), JN_DROP_NONE, "%s: a peer's first again", e[k].name);
    }
    engines_close(e, n);
}

/* A call that is passed on many times, with new keys and a new sender each time: nobody is one too many. */
Test(srtp_engines, senders_of_the_keys_before_make_room)
{
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 16);
    for (unsigned k = 0; k < n; k++) {
        uint8_t key[JN_SRTP_KEY_MAX];
        struct packet one;
        memcpy(key, test_key(), sizeof key);
        struct jn_srtp *rx = e[k].ops->open_context(e[k].bank, JN_SUITE_AES128_SHA80, key, true);
        for (uint32_t ssrc = 1; ssrc <= 30; ssrc++) {
            struct jn_srtp *tx = e[k].ops->open_context(e[k].bank, JN_SUITE_AES128_SHA80, key, false);
            for (uint16_t seq = 1; seq < 4; seq++) {
                packet_rtp(&one, ssrc, seq, 160);
                cr_assert_eq(packet_seal(&e[k], tx, &one, false), JN_DROP_NONE);
                cr_assert_eq(packet_open(&e[k], rx, &one, false), JN_DROP_NONE, "%s sender %u", e[k].name, ssrc);
            }
            e[k].ops->close_context(tx);
            key[0]++;
            struct jn_srtp *next = e[k].ops->rekey(rx, JN_SUITE_AES128_SHA80, key);
            e[k].ops->close_context(rx);
            rx = next;
        }
    }
    engines_close(e, n);
}

/* Not by RFC 3711, but peers do it: with new keys they begin again at ROC 0. */
Test(srtp_engines, a_peer_that_begins_again_at_roc_0_under_new_keys_is_understood)
{
    uint8_t other[JN_SRTP_KEY_MAX];
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 8);
    memcpy(other, test_key(), sizeof other);
    other[3] ^= 0x77;
    for (unsigned k = 1; k < n; k++) {
        for (int suite = JN_SUITE_AES128_SHA80; suite <= JN_SUITE_NULL_SHA80; suite++) {
            struct jn_srtp *tx = e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, test_key(), false);
            struct jn_srtp *rx = e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, test_key(), true);
            said(&e[k], tx, 65530, 20);
            cr_assert_eq(jn_srtp_open_one(e[k].ops, rx, pk, 20, false), 20);
            struct jn_srtp *anew = e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, other, false);
            struct jn_srtp *rx2 = e[k].ops->rekey(rx, (enum jn_srtp_suite)suite, other);
            said(&e[k], anew, 14, 8);
            p[0].at[30] ^= 1; /* a forged one first */
            cr_assert_eq(jn_srtp_open_one(e[k].ops, rx2, pk, 8, false), 7, "%s suite %d", e[k].name, suite);
            cr_assert_eq(p[0].pk.drop, JN_DROP_AUTH);
            struct jn_srtp *const done[] = {tx, rx, anew, rx2};
            for (unsigned i = 0; i < 4; i++)
                e[k].ops->close_context(done[i]);
        }
    }
    engines_close(e, n);
}

Test(srtp_engines, a_bank_has_room_for_so_many_contexts_and_gives_it_back)
{
    struct engine e[ENGINES_MAX];
    unsigned n = engines_open(e, 40);
    for (unsigned k = 1; k < n; k++) {
        for (int suite = JN_SUITE_AES192_SHA80; suite <= JN_SUITE_GCM256; suite++) {
            for (unsigned round = 0; round < 2; round++) {
                for (unsigned i = 0; i < 40; i++) {
                    ctx[i] = e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, test_key(), true);
                    cr_assert_not_null(ctx[i], "%s suite %d context %u", e[k].name, suite, i);
                }
                cr_assert_null(e[k].ops->open_context(e[k].bank, (enum jn_srtp_suite)suite, test_key(), true));
                for (unsigned i = 0; i < 40; i++)
                    e[k].ops->close_context(ctx[i]);
            }
        }
        cr_assert_null(e[k].ops->open_context(e[k].bank, JN_SUITE_NONE, test_key(), true));
        cr_assert_null(e[k].ops->open_context(e[k].bank, JN_SUITE_N, test_key(), true));
    }
    engines_close(e, n);
}
