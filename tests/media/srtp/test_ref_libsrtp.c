#include "media/rtp/rtp.h"
#include "media/srtp/srtp.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

TestSuite(srtp, .timeout = 60);

enum { N = 16, LEN = JN_RTP_HEADER + 160, CAP = 256 };
struct burst {
    struct jn_pkt pkt[N], *pk[N];
    uint8_t bytes[N][CAP];
};

static void fill(struct burst *b, uint16_t first)
{
    memset(b, 0, sizeof *b);
    for (unsigned i = 0; i < N; i++) {
        struct jn_rtp h = {.seq = (uint16_t)(first + i), .ts = i * 160, .ssrc = 0x1234};
        jn_rtp_build(b->bytes[i], &h);
        memset(b->bytes[i] + JN_RTP_HEADER, (int)(0x40 + i), 160);
        b->pkt[i] = (struct jn_pkt){.data = b->bytes[i], .len = LEN, .cap = CAP};
        b->pk[i] = &b->pkt[i];
    }
}

static const uint8_t key[JN_SRTP_KEY_MAX] = {0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f,
                                             0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39, 0x0e, 0xc6, 0x75, 0xad,
                                             0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6};

static void round_trip(enum jn_srtp_suite suite, unsigned tag)
{
    struct jn_srtp *tx = jn_srtp_libsrtp.open_context(NULL, suite, key, false);
    struct jn_srtp *rx = jn_srtp_libsrtp.open_context(NULL, suite, key, true);
    cr_assert(tx != NULL && rx != NULL);
    static struct burst b, plain;
    for (unsigned round = 0; round < 3; round++) { /* across the sequence wrap */
        fill(&b, (uint16_t)(65520 + round * N));
        plain = b;
        cr_assert_eq(jn_srtp_seal_one(&jn_srtp_libsrtp, tx, b.pk, N, false), N);
        for (unsigned i = 0; i < N; i++) {
            cr_assert_eq(b.pkt[i].len, LEN + tag);
            cr_assert_neq(memcmp(b.bytes[i] + 12, plain.bytes[i] + 12, 160), 0, "encrypted");
        }
        cr_assert_eq(jn_srtp_open_one(&jn_srtp_libsrtp, rx, b.pk, N, false), N);
        for (unsigned i = 0; i < N; i++) {
            cr_assert_eq(b.pkt[i].len, LEN);
            cr_assert_eq(memcmp(b.bytes[i], plain.bytes[i], LEN), 0);
        }
    }
    jn_srtp_libsrtp.close_context(tx);
    jn_srtp_libsrtp.close_context(rx);
}

Test(srtp, both_suites_go_there_and_back)
{
    round_trip(JN_SUITE_AES128_SHA80, 10);
    round_trip(JN_SUITE_AES128_SHA32, 4);
}

Test(srtp, a_burst_is_sorted_into_good_and_named_bad_in_order)
{
    struct jn_srtp *tx = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, key, false);
    struct jn_srtp *rx = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, key, true);
    static struct burst b;
    fill(&b, 100);
    cr_assert_eq(jn_srtp_seal_one(&jn_srtp_libsrtp, tx, b.pk, N, false), N);
    memcpy(b.bytes[5], b.bytes[4], CAP); /* a duplicate inside the burst */
    b.bytes[7][50] ^= 1;                 /* damaged */
    b.pkt[9].len = 15;                   /* cut */
    cr_assert_eq(jn_srtp_open_one(&jn_srtp_libsrtp, rx, b.pk, N, false), N - 3);
    static const unsigned order[N] = {0, 1, 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15, 5, 7, 9};
    for (unsigned i = 0; i < N; i++)
        cr_assert_eq(b.pk[i], &b.pkt[order[i]], "place %u", i);
    cr_assert_eq(b.pkt[5].drop, JN_DROP_REPLAY);
    cr_assert_eq(b.pkt[7].drop, JN_DROP_AUTH);
    cr_assert_eq(b.pkt[9].drop, JN_DROP_SHORT);
    cr_assert_eq(b.bytes[15][12], 0x40 + 15);
    jn_srtp_libsrtp.close_context(tx);
    jn_srtp_libsrtp.close_context(rx);
}

Test(srtp, a_wrong_key_is_auth_and_a_later_right_one_still_works)
{
    uint8_t wrong[JN_SRTP_KEY_MAX];
    memcpy(wrong, key, sizeof wrong);
    wrong[0] ^= 1;
    struct jn_srtp *bad = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, wrong, false);
    struct jn_srtp *tx = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, key, false);
    struct jn_srtp *rx = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, key, true);
    static struct burst b;
    fill(&b, 500);
    jn_srtp_seal_one(&jn_srtp_libsrtp, bad, b.pk, N, false);
    cr_assert_eq(jn_srtp_open_one(&jn_srtp_libsrtp, rx, b.pk, N, false), 0);
    for (unsigned i = 0; i < N; i++)
        cr_assert_eq(b.pkt[i].drop, JN_DROP_AUTH);
    fill(&b, 500);
    jn_srtp_seal_one(&jn_srtp_libsrtp, tx, b.pk, N, false);
    cr_assert_eq(jn_srtp_open_one(&jn_srtp_libsrtp, rx, b.pk, N, false), N);
    jn_srtp_libsrtp.close_context(bad);
    jn_srtp_libsrtp.close_context(tx);
    jn_srtp_libsrtp.close_context(rx);
}

Test(srtp, sealing_needs_room_for_the_trailer)
{
    struct jn_srtp *tx = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, key, false);
    static struct burst b;
    fill(&b, 1);
    b.pkt[0].cap = LEN + JN_SRTP_TRAILER_MAX - 1;
    cr_assert_eq(jn_srtp_seal_one(&jn_srtp_libsrtp, tx, b.pk, N, false), N - 1);
    cr_assert_eq(b.pkt[0].drop, JN_DROP_OVERSIZE);
    cr_assert_eq(b.pk[N - 1], &b.pkt[0]);
    jn_srtp_libsrtp.close_context(tx);
}

Test(srtp, srtcp_goes_there_and_back_with_80_bits_in_both_suites)
{
    for (int suite = JN_SUITE_AES128_SHA80; suite <= JN_SUITE_AES128_SHA32; suite++) {
        struct jn_srtp *tx = jn_srtp_libsrtp.open_context(NULL, (enum jn_srtp_suite)suite, key, false);
        struct jn_srtp *rx = jn_srtp_libsrtp.open_context(NULL, (enum jn_srtp_suite)suite, key, true);
        uint8_t bytes[CAP] = {0x80, 201, 0, 1, 1, 2, 3, 4}, again[CAP];
        struct jn_pkt p = {.data = bytes, .len = 8, .cap = CAP}, *pk = &p;
        cr_assert_eq(jn_srtp_seal_one(&jn_srtp_libsrtp, tx, &pk, 1, true), 1);
        cr_assert_eq(p.len, 8 + 4 + 10);
        memcpy(again, bytes, CAP);
        cr_assert_eq(jn_srtp_open_one(&jn_srtp_libsrtp, rx, &pk, 1, true), 1);
        cr_assert_eq(p.len, 8);
        p.data = again;
        p.len = 22;
        cr_assert_eq(jn_srtp_open_one(&jn_srtp_libsrtp, rx, &pk, 1, true), 0);
        cr_assert_eq(p.drop, JN_DROP_REPLAY);
        jn_srtp_libsrtp.close_context(tx);
        jn_srtp_libsrtp.close_context(rx);
    }
}

static void *open_and_close(void *arg)
{
    for (int i = 0; i < 50; i++) {
        struct jn_srtp *s = jn_srtp_libsrtp.open_context(NULL, JN_SUITE_AES128_SHA80, key, i & 1);
        if (s == NULL)
            return arg;
        jn_srtp_libsrtp.close_context(s);
    }
    return NULL;
}

Test(srtp, contexts_open_from_many_threads_at_once)
{
    pthread_t t[4];
    int failed = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, open_and_close, &failed);
    for (int i = 0; i < 4; i++) {
        void *rc;
        pthread_join(t[i], &rc);
        cr_assert_null(rc);
    }
}

Test(srtp, no_suite_no_context)
{
    cr_assert_null(jn_srtp_libsrtp.open_context(NULL, JN_SUITE_NONE, key, true));
    cr_assert_null(jn_srtp_libsrtp.open_context(NULL, JN_SUITE_N, key, true));
    cr_assert_eq(jn_srtp_key_bytes(JN_SUITE_NONE), 0);
    cr_assert_eq(jn_srtp_key_bytes(JN_SUITE_AES128_SHA32), 30);
    cr_assert_null(jn_srtp_suite_name(JN_SUITE_NONE));
    cr_assert_str_eq(jn_srtp_suite_name(JN_SUITE_AES128_SHA80), "AES_CM_128_HMAC_SHA1_80");
}
