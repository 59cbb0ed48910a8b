/* Bans and the registrar under load: who is dropped, who is not, and what a storm is told. */
#include "tests/engine/sip/peer.h"

TestSuite(ban, .timeout = 60);

static void bind_to(struct peer *p, const char *ip)
{
    struct sockaddr_in me = {.sin_family = AF_INET};
    socklen_t n = sizeof me;
    inet_pton(AF_INET, ip, &me.sin_addr);
    close(p->fd);
    p->fd = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert_eq(bind(p->fd, (struct sockaddr *)&me, sizeof me), 0);
    cr_assert_eq(getsockname(p->fd, (struct sockaddr *)&me, &n), 0);
    p->port = ntohs(me.sin_port);
}

static void stranger_calls(struct peer *p, const char *agent)
{
    char head[256];
    say(p,
        "INVITE sip:900@127.0.0.1 SIP/2.0\r\n%sFrom: <sip:x@nowhere.test>;tag=f\r\nTo: <sip:900@127.0.0.1>\r\n"
        "Call-ID: s%u\r\nCSeq: 1 INVITE\r\nContact: <sip:x@127.0.0.1:%u>\r\n%sContent-Length: 0\r\n\r\n",
        top(p, head, sizeof head), p->branch, p->port, agent);
}

static void asks(struct peer *p)
{
    char head[256];
    say(p,
        "OPTIONS sip:127.0.0.1 SIP/2.0\r\n%sFrom: <sip:x@nowhere.test>;tag=f\r\nTo: <sip:127.0.0.1>\r\n"
        "Call-ID: o%u\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
        top(p, head, sizeof head), p->branch);
}

static bool answered(struct peer *p)
{
    asks(p);
    return hears(p, "SIP/2.0 200", 300);
}

static struct jn_sip_ban the_ban(void)
{
    struct jn_sip_ban list[4] = {0};
    unsigned n = jn_sip_bans_list(fx.sip, list, 4);
    cr_assert_eq(n, 1u, "%u bans", n);
    return list[0];
}

Test(ban, a_source_that_fails_again_and_again_is_dropped_for_a_while_and_others_are_not)
{
    struct peer bad, good;
    fx.ban_after = 3;
    fx.ban_s = 2;
    start(false);
    peer_open(&bad, false);
    peer_open(&good, false);
    bind_to(&bad, "127.0.0.5");
    for (int i = 0; i < 2; i++) {
        stranger_calls(&bad, "");
        must_hear(&bad, "SIP/2.0 403");
    }
    cr_expect(answered(&bad), "banned too early");
    stranger_calls(&bad, "");
    must_hear(&bad, "SIP/2.0 403");
    cr_expect_not(answered(&bad), "a banned source is still answered");
    cr_expect(answered(&good), "the ban hit another source");
    struct jn_sip_ban b = the_ban();
    cr_expect_eq(b.failures, 3u);
    cr_expect_not(b.proven, "a UDP source is not proven by what it sends");
    cr_expect_eq(atomic_load(&jn_sip_counts(fx.sip)->bans), 1u);
    sleep(3);
    cr_expect(answered(&bad), "the ban is over");
    cr_expect_eq(jn_sip_bans_list(fx.sip, &b, 1), 0u);
    cr_expect_gt(atomic_load(&jn_sip_counts(fx.sip)->socket_drops), 0u);
    finish();
}

Test(ban, a_scanner_by_name_needs_one_request)
{
    struct peer bad;
    fx.ban_after = 50;
    fx.ban_s = 600;
    start(false);
    peer_open(&bad, false);
    stranger_calls(&bad, "User-Agent: Friendly-Scanner\r\n");
    usleep(100000);
    cr_expect_not(answered(&bad));
    uint64_t left = the_ban().until_ns - jn_mono_ns();
    cr_expect_leq(left, UINT64_C(60000000000), "what may be forged bans for a minute at most");
    finish();
}

Test(ban, whoever_answers_our_challenge_wrongly_is_proven_and_banned_for_long)
{
    struct peer bad;
    char auth[600];
    fx.ban_after = 3;
    fx.ban_s = 600;
    start(false);
    peer_open(&bad, false);
    for (unsigned i = 0; i < 3; i++) {
        send_register(&bad, "1001", "<sip:1001@127.0.0.1>", 60, 2 * i + 1, "");
        must_hear(&bad, "SIP/2.0 401");
        take_nonce(&bad);
        bad.nc++;
        authorization(&bad, "1001", "guess", auth, sizeof auth);
        send_register(&bad, "1001", "<sip:1001@127.0.0.1>", 60, 2 * i + 2, auth);
        must_hear(&bad, "SIP/2.0 403");
    }
    cr_expect_not(answered(&bad));
    struct jn_sip_ban b = the_ban();
    cr_expect(b.proven);
    cr_expect_gt(b.until_ns - jn_mono_ns(), UINT64_C(500000000000));
    finish();
}

Test(ban, noise_does_not_shut_out_trunks_and_phones_of_ours)
{
    struct peer phone;
    fx.ban_after = 2;
    fx.ban_s = 600;
    start(false);
    peer_open(&phone, false);
    registers(&phone, "1001", "one", "<sip:1001@127.0.0.1:6000>", 60, 1);
    for (int i = 0; i < 4; i++) { /* from the phone's address, as a forger would */
        stranger_calls(&phone, "User-Agent: friendly-scanner\r\n");
        must_hear(&phone, "SIP/2.0 403");
    }
    cr_expect(answered(&phone));
    finish();
    close(phone.fd);

    fx.ban_after = 2;
    start(true); /* a trunk for the whole of 127/8 */
    struct peer carrier;
    peer_open(&carrier, false);
    for (int i = 0; i < 4; i++)
        say(&carrier, "INVITE sip:x SIP/2.0\r\nbroken\r\n\r\n");
    usleep(100000);
    cr_expect(answered(&carrier));
    cr_expect_eq(atomic_load(&jn_sip_counts(fx.sip)->bans), 0u);
    finish();
}

Test(ban, a_nonce_is_good_from_the_address_alone_that_it_was_sent_to)
{
    struct peer a, b;
    char auth[600];
    start(false);
    peer_open(&a, false);
    peer_open(&b, false);
    bind_to(&b, "127.0.0.9");
    send_register(&a, "1001", "<sip:1001@127.0.0.1>", 60, 1, "");
    must_hear(&a, "SIP/2.0 401");
    take_nonce(&a);
    a.nc++;
    authorization(&a, "1001", "one", auth, sizeof auth);
    send_register(&b, "1001", "<sip:1001@127.0.0.9>", 60, 2, auth);
    must_hear(&b, "SIP/2.0 401");
    cr_expect_not_null(strstr(b.msg, "stale=true"));
    send_register(&a, "1001", "<sip:1001@127.0.0.1>", 60, 2, auth);
    must_hear(&a, "SIP/2.0 200");
    finish();
}

Test(ban, a_second_contact_waits_and_takes_over_when_the_first_leaves)
{
    struct peer a, b;
    char auth[600];
    start(false);
    peer_open(&a, false);
    peer_open(&b, false);
    char ca[64], cb[64];
    snprintf(ca, sizeof ca, "<sip:1001@127.0.0.1:%u>", a.port);
    snprintf(cb, sizeof cb, "<sip:1001@127.0.0.1:%u>", b.port);
    registers(&a, "1001", "one", ca, 60, 1);
    registers(&b, "1001", "one", cb, 60, 1);
    cr_expect(strstr(b.msg, ca) && strstr(b.msg, cb), "both are told: %s", b.msg);
    uint64_t leg = 101;
    cr_expect_eq(job(J_CALL, &leg), 0);
    must_hear(&b, "INVITE"); /* the newest */
    reply(&b, "486 Busy Here", "x", NULL, NULL);
    wait_heard(H_ENDED, 0, 3000);
    send_register(&b, "1001", cb, 0, 3, "");
    must_hear(&b, "SIP/2.0 401");
    take_nonce(&b);
    b.nc++;
    authorization(&b, "1001", "one", auth, sizeof auth);
    send_register(&b, "1001", cb, 0, 4, auth);
    must_hear(&b, "SIP/2.0 200");
    cr_expect(strstr(b.msg, ca) && !strstr(b.msg, cb), "%s", b.msg);
    leg = 101;
    cr_expect_eq(job(J_CALL, &leg), 0);
    must_hear(&a, "INVITE");
    reply(&a, "486 Busy Here", "x", NULL, NULL);
    wait_heard(H_ENDED, 1, 3000);
    cr_expect_eq(heard_of(H_PHONE), 1u, "the agent's phone was there all the time");
    finish();
}

Test(ban, a_storm_is_told_to_come_back_later)
{
    struct peer p;
    fx.registers_per_s = 5;
    start(false);
    peer_open(&p, false);
    unsigned busy = 0, challenged = 0;
    for (unsigned i = 0; i < 30; i++)
        send_register(&p, "1001", "<sip:1001@127.0.0.1>", 60, i + 1, "");
    for (unsigned i = 0; i < 30; i++) {
        must_hear(&p, "SIP/2.0 ");
        if (!strncmp(p.msg, "SIP/2.0 503", 11)) {
            cr_expect(strstr(p.msg, "Retry-After: "), "%s", p.msg);
            busy++;
        } else {
            challenged++;
        }
    }
    cr_expect_geq(challenged, 5u);
    cr_expect_leq(challenged, 15u);
    cr_expect_eq(atomic_load(&jn_sip_counts(fx.sip)->registers_throttled), busy);
    finish();
}
