/* Two associations against each other: keys that fit, certificates that do not, lost and strange datagrams. */
#include "engine/base/rand.h"
#include "media/dtls/dtls.h"
#include "media/srtp/srtp.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <time.h>

TestSuite(dtls, .timeout = 60);

enum { QUEUE = 64 };
struct wire {
    uint8_t bytes[QUEUE][1500];
    size_t len[QUEUE];
    unsigned n, sent, lose; /* lose: bit n: the nth datagram sent is lost */
};
static struct wire to_server, to_client;
static struct jn_dtls_identity *server_id, *client_id;

static void queue(void *arg, const uint8_t *datagram, size_t n)
{
    struct wire *w = arg;
    bool lost = w->sent < 32 && (w->lose >> w->sent & 1);
    w->sent++;
    cr_assert_leq(n, 1200);
    cr_assert(n > 0 && datagram[0] >= 20 && datagram[0] < 64, "RFC 7983 can tell it");
    if (lost || w->n == QUEUE)
        return;
    memcpy(w->bytes[w->n], datagram, n);
    w->len[w->n++] = n;
}

static struct jn_dtls *side(bool active, bool gcm, const uint8_t *peer)
{
    struct jn_dtls_config c = {.identity = active ? client_id : server_id,
                               .active = active,
                               .suites = (uint16_t)(1u << JN_SUITE_AES128_SHA80 | (gcm ? 1u << JN_SUITE_GCM128 : 0)),
                               .timer_us = 5000,
                               .send = queue,
                               .arg = active ? &to_server : &to_client};
    memcpy(c.fingerprint, peer, JN_FINGERPRINT);
    struct jn_dtls *d = jn_dtls_open(&c);
    cr_assert(d != NULL);
    return d;
}

static void begin(void)
{
    struct jn_err err = {{0}};
    memset(&to_server, 0, sizeof to_server);
    memset(&to_client, 0, sizeof to_client);
    cr_assert_eq(jn_dtls_identity_make(&server_id, 30, &err), 0, "%s", err.text);
    cr_assert_eq(jn_dtls_identity_make(&client_id, 30, &err), 0, "%s", err.text);
}

static void end(struct jn_dtls *client, struct jn_dtls *server)
{
    jn_dtls_close(client);
    jn_dtls_close(server);
    jn_dtls_identity_free(server_id);
    jn_dtls_identity_free(client_id);
}

static void deliver(struct wire *w, struct jn_dtls *to)
{
    struct wire now = *w;
    w->n = 0;
    for (unsigned i = 0; i < now.n; i++)
        jn_dtls_take(to, now.bytes[i], now.len[i]);
}

/* Until both are up, at most so many rounds; timers run. */
static bool run(struct jn_dtls *client, struct jn_dtls *server, unsigned rounds)
{
    struct timespec nap = {.tv_nsec = 1000000};
    for (unsigned i = 0; i < rounds; i++) {
        deliver(&to_server, server);
        deliver(&to_client, client);
        if (jn_dtls_how(client) == JN_KEYS_UP && jn_dtls_how(server) == JN_KEYS_UP)
            return true;
        if (to_server.n + to_client.n == 0)
            nanosleep(&nap, NULL);
        jn_dtls_tick(client);
        jn_dtls_tick(server);
    }
    return false;
}

static void same_keys(struct jn_dtls *client, struct jn_dtls *server, uint8_t want)
{
    uint8_t c_suite, s_suite, c_in[JN_SRTP_KEY_MAX] = {0}, c_out[JN_SRTP_KEY_MAX] = {0}, s_in[JN_SRTP_KEY_MAX] = {0},
                              s_out[JN_SRTP_KEY_MAX] = {0};
    cr_assert_eq(jn_dtls_keys(client, &c_suite, c_in, c_out), 0);
    cr_assert_eq(jn_dtls_keys(server, &s_suite, s_in, s_out), 0);
    cr_assert(c_suite == want && s_suite == want, "suites %u and %u", c_suite, s_suite);
    unsigned n = jn_srtp_key_bytes((enum jn_srtp_suite)want);
    cr_assert(memcmp(c_in, s_out, n) == 0 && memcmp(c_out, s_in, n) == 0 && memcmp(c_in, c_out, n) != 0);
    cr_assert_neq(c_in[n - 1] | c_in[n - 2] | c_in[n - 3], 0, "the salt is there, to its end");
}

Test(dtls, both_sides_get_the_same_keys)
{
    for (int gcm = 0; gcm < 2; gcm++) {
        begin();
        struct jn_dtls *client = side(true, gcm, jn_dtls_identity_fingerprint(server_id)),
                       *server = side(false, gcm, jn_dtls_identity_fingerprint(client_id));
        cr_assert_eq(jn_dtls_start(client), JN_DTLS_GOING);
        cr_assert(run(client, server, 20));
        same_keys(client, server, gcm ? JN_SUITE_GCM128 : JN_SUITE_AES128_SHA80);
        end(client, server);
    }
}

Test(dtls, who_has_another_certificate_than_was_told_gets_no_keys)
{
    for (int wrong = 0; wrong < 2; wrong++) {
        uint8_t suite, in[JN_SRTP_KEY_MAX], out[JN_SRTP_KEY_MAX], print[JN_FINGERPRINT];
        begin();
        memcpy(print, jn_dtls_identity_fingerprint(wrong ? server_id : client_id), sizeof print);
        print[31] ^= 1;
        struct jn_dtls *client = side(true, true, wrong ? print : jn_dtls_identity_fingerprint(server_id)),
                       *server = side(false, true, wrong ? jn_dtls_identity_fingerprint(client_id) : print);
        jn_dtls_start(client);
        cr_assert(!run(client, server, 20));
        cr_assert_eq(jn_dtls_how(wrong ? client : server), JN_KEYS_FINGERPRINT);
        cr_assert_eq(jn_dtls_keys(wrong ? client : server, &suite, in, out), -EPROTO);
        end(client, server);
    }
}

/* Each single datagram of the handshake lost, either way, and the first two. */
Test(dtls, lost_datagrams_are_sent_again)
{
    for (unsigned way = 0; way < 2; way++)
        for (unsigned lose = 1; lose < 16; lose = lose == 8 ? 3 : lose == 3 ? 16 : lose * 2) {
            begin();
            struct jn_dtls *client = side(true, false, jn_dtls_identity_fingerprint(server_id)),
                           *server = side(false, false, jn_dtls_identity_fingerprint(client_id));
            *(way ? &to_client.lose : &to_server.lose) = lose;
            jn_dtls_start(client);
            cr_assert(run(client, server, 400), "way %u lost %x", way, lose);
            same_keys(client, server, JN_SUITE_AES128_SHA80);
            end(client, server);
        }
}

/* Rubbish that looks like DTLS, before, between and behind: the keys come, and stay. */
Test(dtls, a_hundred_bad_datagrams_do_no_harm)
{
    begin();
    struct jn_dtls *client = side(true, false, jn_dtls_identity_fingerprint(server_id)),
                   *server = side(false, false, jn_dtls_identity_fingerprint(client_id));
    uint64_t seed = 7;
    uint8_t bad[200];
    jn_dtls_start(client);
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < 100; i++) {
            size_t n = 13 + jn_splitmix(&seed) % 180;
            for (size_t k = 0; k < n; k++)
                bad[k] = (uint8_t)jn_splitmix(&seed);
            bad[0] = 23; /* application data, epoch 5: nothing that is in force */
            bad[1] = 0xfe;
            bad[2] = 0xfd;
            bad[3] = 0;
            bad[4] = 5;
            bad[11] = 0;
            bad[12] = (uint8_t)(n - 13);
            jn_dtls_take(server, bad, n);
        }
        deliver(&to_server, server);
        deliver(&to_client, client);
    }
    cr_assert(run(client, server, 50));
    same_keys(client, server, JN_SUITE_AES128_SHA80);
    for (unsigned i = 0; i < 100; i++) /* also a hundred alerts in the clear */
        jn_dtls_take(server, (const uint8_t *)"\x15\xfe\xfd\0\0\0\0\0\0\0\x63\0\x02\x02\x28", 15);
    cr_assert_eq(jn_dtls_take(server, bad, 20), JN_DTLS_UP);
    same_keys(client, server, JN_SUITE_AES128_SHA80);
    end(client, server);
}

Test(dtls, each_certificate_is_another)
{
    begin();
    cr_assert_neq(
        memcmp(jn_dtls_identity_fingerprint(server_id), jn_dtls_identity_fingerprint(client_id), JN_FINGERPRINT), 0);
    end(NULL, NULL);
}
