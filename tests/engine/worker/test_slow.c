/* A worker and the thread that does handshakes, over a real socket: a browser played by the client side of OpenSSL,
 * with strangers' and broken packets around it. */
#include "engine/base/clock.h"
#include "engine/base/rand.h"
#include "engine/worker/slow.h"
#include "media/dtls/dtls.h"
#include "media/record/ring.h"
#include "media/rtp/rtp.h"
#include "media/srtp/srtp.h"
#include "tests/media/ice/check.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

TestSuite(slow, .timeout = 60);

static struct {
    struct jn_worker *w;
    struct jn_slow *s;
    struct jn_mailbox orders, facts;
    struct jn_rec_ring rec;
    struct jn_sounds sounds;
    int fd; /* the browser's */
    struct jn_dtls_identity *id;
    struct jn_dtls *dtls;
    struct jn_ice_own own;
    struct sockaddr_in engine;
    unsigned answered; /* checks */
} x;

static void begin(uint16_t first, uint32_t certificate_s)
{
    struct jn_err err = {{0}};
    struct jn_worker_config c = {.cpu = -1,
                                 .port_min = first,
                                 .port_max = (uint16_t)(first + 19),
                                 .max_legs = 8,
                                 .max_rooms = 4,
                                 .browsers = 4,
                                 .quarantine_ms = 5000,
                                 .sounds = &x.sounds};
    struct jn_slow_config sc = {
        .workers = 1, .browsers = 4, .certificate_s = certificate_s, .suites = 1u << JN_SUITE_AES128_SHA80};
    memset(&x, 0, sizeof x);
    jn_time_start(0);
    jn_addr_parse(&c.local, "127.0.0.1", 0);
    cr_assert_eq(jn_worker_open(&x.w, &c, &err), 0, "%s", err.text);
    cr_assert_eq(jn_slow_open(&x.s, &sc, &err), 0, "%s", err.text);
    cr_assert_eq(jn_slow_join(x.s, 0, x.w), 0);
    jn_mailbox_init(&x.orders, 64, sizeof(struct jn_order), jn_worker_waker(x.w));
    jn_mailbox_init(&x.facts, 256, sizeof(struct jn_fact), NULL);
    jn_rec_ring_init(&x.rec, 64);
    jn_worker_mail(x.w, &x.orders, &x.facts, &x.rec);
    cr_assert(jn_slow_start(x.s) == 0 && jn_worker_start(x.w) == 0);
    x.fd = socket(AF_INET, SOCK_DGRAM, 0);
    x.engine = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(first)};
    inet_pton(AF_INET, "127.0.0.1", &x.engine.sin_addr);
    cr_assert_eq(connect(x.fd, (struct sockaddr *)&x.engine, sizeof x.engine), 0);
    x.own = (struct jn_ice_own){.ufrag = "abcdefghijkl", .pwd = "0123456789abcdef01234567"};
}

static void finish(void)
{
    jn_worker_stop(x.w);
    jn_slow_stop(x.s);
    jn_worker_close(x.w);
    jn_slow_close(x.s);
    jn_mailbox_free(&x.orders);
    jn_mailbox_free(&x.facts);
    jn_rec_ring_free(&x.rec);
    jn_dtls_close(x.dtls);
    jn_dtls_identity_free(x.id);
    close(x.fd);
}

static void send_to_engine(void *arg, const uint8_t *datagram, size_t n)
{
    (void)arg;
    cr_assert_eq(send(x.fd, datagram, n, 0), (ssize_t)n);
}

static void pause_ms(unsigned ms)
{
    struct timespec t = {.tv_nsec = (long)ms * 1000000};
    nanosleep(&t, NULL);
}

static bool await(uint8_t kind, struct jn_fact *f)
{
    for (int i = 0; i < 5000; i++) {
        uint8_t bytes[2048];
        ssize_t n;
        while ((n = recv(x.fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
            cr_assert(bytes[0] != 21 || bytes[4] != 0, "an alert in the clear would end a browser's handshake");
            if (bytes[0] >= 20 && bytes[0] < 64 && x.dtls)
                jn_dtls_take(x.dtls, bytes, (size_t)n);
            x.answered += bytes[0] == 1 && bytes[1] == 1;
        }
        if (x.dtls)
            jn_dtls_tick(x.dtls);
        while (jn_mailbox_recv(&x.facts, f, 1) == 1)
            if (f->kind == kind)
                return true;
        pause_ms(1);
    }
    return false;
}

/* Leg 1 is opened and described; wrong: by another certificate than the browser has. */
static void describe(bool wrong)
{
    struct jn_err err = {{0}};
    struct jn_fact f;
    struct jn_order open = {.kind = JN_ORDER_LEG_OPEN, .leg = 1, .open = {.browser = true, .ice = x.own}},
                    remote = {.kind = JN_ORDER_LEG_REMOTE, .leg = 1};
    struct jn_dtls_config c = {
        .active = true, .suites = 1u << JN_SUITE_AES128_SHA80, .timer_us = 50000, .send = send_to_engine};
    cr_assert_eq(jn_dtls_identity_make(&x.id, 1, &err), 0);
    remote.remote = (struct jn_leg_remote){.dtmf_pt = 255, .cn_pt = 255, .ptime_ms = 20, .dtls = true};
    remote.remote.by.own = x.own;
    memcpy(remote.remote.by.fingerprint, jn_dtls_identity_fingerprint(x.id), JN_FINGERPRINT);
    remote.remote.by.fingerprint[7] ^= wrong;
    c.identity = x.id;
    jn_slow_fingerprint(x.s, c.fingerprint, &remote.remote.by.certificate);
    x.dtls = jn_dtls_open(&c);
    cr_assert(x.dtls != NULL);
    cr_assert_eq(jn_mailbox_send(&x.orders, &open), 0);
    cr_assert(await(JN_FACT_LEG_OPENED, &f));
    cr_assert_eq(f.opened.rtp.port, ntohs(x.engine.sin_port));
    cr_assert_eq(jn_mailbox_send(&x.orders, &remote), 0);
}

static void check_in(void)
{
    uint8_t bytes[200];
    struct jn_fact f;
    size_t n = request(bytes, &(struct request){.to = &x.own, .use = true});
    for (int i = 0; i < 50 && x.answered == 0; i++) {
        send_to_engine(NULL, bytes, n);
        for (int k = 0; k < 100 && x.answered == 0; k++) {
            uint8_t in[600];
            if (recv(x.fd, in, sizeof in, MSG_DONTWAIT) > 0)
                x.answered += in[0] == 1 && in[1] == 1;
            else
                pause_ms(1);
        }
    }
    (void)f;
    cr_assert_gt(x.answered, 0, "a check is answered");
}

static void close_leg(void)
{
    struct jn_fact f;
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = 1};
    cr_assert_eq(jn_mailbox_send(&x.orders, &o), 0);
    cr_assert(await(JN_FACT_LEG_CLOSED, &f));
}

static uint64_t handshakes(enum jn_keys how)
{
    return atomic_load(&jn_worker_counts(x.w)->dtls_ended[how]);
}

/* Each is one that a server reads: a ClientHello cut short, an alert in the clear, a finish out of turn, noise. */
static void bad_packets(unsigned times)
{
    static const uint8_t hello[] = {22, 0xfe, 0xfd, 0, 0, 0,  0,    0,    0, 0, 0, 0, 24, 1, 0, 0, 12, 0, 0,
                                    0,  0,    0,    0, 0, 12, 0xfe, 0xfd, 1, 2, 3, 4, 5,  6, 7, 8, 9,  10},
                         alert[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 2, 40};
    uint64_t seed = 3;
    for (unsigned i = 0; i < times; i++) {
        uint8_t noise[64];
        for (size_t k = 0; k < sizeof noise; k++)
            noise[k] = (uint8_t)jn_splitmix(&seed);
        noise[0] = 22;
        noise[1] = 0xfe;
        noise[2] = 0xfd;
        memset(noise + 3, 0, 8);
        noise[11] = 0;
        noise[12] = sizeof noise - 13;
        send_to_engine(NULL,
                       i % 3 == 0   ? hello
                       : i % 3 == 1 ? alert
                                    : noise,
                       i % 3 == 0   ? sizeof hello
                       : i % 3 == 1 ? sizeof alert
                                    : sizeof noise);
    }
}

Test(slow, a_browser_gets_keys_and_its_sound_is_opened_with_them)
{
    struct jn_fact f;
    uint8_t suite, in[JN_SRTP_KEY_MAX], out[JN_SRTP_KEY_MAX], bytes[600];
    begin(25100, 86400);
    describe(false);
    check_in();
    jn_dtls_start(x.dtls);
    cr_assert(await(JN_FACT_LEG_KEYS, &f));
    cr_assert(f.keys.how == JN_KEYS_UP && f.keys.suite == JN_SUITE_AES128_SHA80);
    cr_assert_eq(jn_dtls_keys(x.dtls, &suite, in, out), 0);
    struct jn_srtp_bank *bank;
    cr_assert_eq(jn_srtp_libsrtp.open_bank(&bank, 2), 0);
    struct jn_srtp *seal = jn_srtp_libsrtp.open_context(bank, (enum jn_srtp_suite)suite, out, false);
    for (uint16_t seq = 1; seq <= 20; seq++) {
        struct jn_rtp h = {.ts = seq * 160u, .ssrc = 9, .seq = seq};
        struct jn_pkt pk = {.data = bytes, .len = 172, .cap = sizeof bytes}, *burst[1] = {&pk};
        jn_rtp_build(bytes, &h);
        memset(bytes + 12, 0xff, 160);
        cr_assert_eq(jn_srtp_seal_one(&jn_srtp_libsrtp, seal, burst, 1, false), 1);
        send_to_engine(NULL, bytes, pk.len);
    }
    bad_packets(100); /* after the keys: nothing changes */
    pause_ms(100);
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = 1};
    cr_assert_eq(jn_mailbox_send(&x.orders, &o), 0);
    cr_assert(await(JN_FACT_LEG_CLOSED, &f));
    cr_assert(f.stats.rx_packets == 20 && f.stats.dropped_auth == 0, "%u", (unsigned)f.stats.rx_packets);
    jn_srtp_libsrtp.close_context(seal);
    jn_srtp_libsrtp.close_bank(bank);
    finish();
}

Test(slow, bad_packets_before_the_handshake_do_not_keep_it_from_coming)
{
    struct jn_fact f;
    begin(25130, 86400);
    describe(false);
    check_in();
    bad_packets(60);
    jn_dtls_start(x.dtls);
    bad_packets(40);
    cr_assert(await(JN_FACT_LEG_KEYS, &f));
    cr_assert_eq(f.keys.how, JN_KEYS_UP, "%u", f.keys.how);
    cr_assert_gt(atomic_load(&jn_slow_counts(x.s)->begun_again), 0, "the test broke handshakes off");
    close_leg();
    finish();
}

Test(slow, another_certificate_than_described_is_told_and_gets_nothing)
{
    struct jn_fact f;
    begin(25160, 86400);
    describe(true);
    check_in();
    jn_dtls_start(x.dtls);
    cr_assert(await(JN_FACT_LEG_KEYS, &f));
    cr_assert_eq(f.keys.how, JN_KEYS_FINGERPRINT);
    pause_ms(20);
    cr_assert(handshakes(JN_KEYS_FINGERPRINT) == 1 && handshakes(JN_KEYS_UP) == 0);
    close_leg();
    finish();
}

/* Before any check, from the very socket that will be the browser's. */
Test(slow, a_handshake_from_nobody_does_not_reach_the_thread)
{
    struct jn_fact f;
    begin(25190, 86400);
    describe(false);
    jn_dtls_start(x.dtls);
    bad_packets(300);
    pause_ms(100);
    cr_assert_eq(atomic_load(&jn_worker_counts(x.w)->dtls_strangers), 301);
    cr_assert_eq(atomic_load(&jn_slow_counts(x.s)->begun_again), 0);
    check_in();
    cr_assert(await(JN_FACT_LEG_KEYS, &f) && f.keys.how == JN_KEYS_UP, "its own repetition brings it up");
    close_leg();
    finish();
}

Test(slow, certificates_are_renewed_and_the_one_before_still_holds)
{
    uint8_t first[JN_FINGERPRINT], now[JN_FINGERPRINT], number, later;
    struct jn_fact f;
    begin(25220, 1);
    jn_slow_fingerprint(x.s, first, &number);
    describe(false);
    for (int i = 0; i < 3000; i++) {
        jn_slow_fingerprint(x.s, now, &later);
        if (later != number)
            break;
        pause_ms(1);
    }
    cr_assert(later == (uint8_t)(number + 1) && memcmp(first, now, sizeof now) != 0);
    check_in();
    jn_dtls_start(x.dtls); /* it was told the first one */
    cr_assert(await(JN_FACT_LEG_KEYS, &f));
    cr_assert_eq(f.keys.how, JN_KEYS_UP);
    close_leg();
    finish();
}
