/* Trunks: calls out: what a carrier sees of us, and where a call goes when it says no. Carriers are sockets of the
 * test. */
#include "tests/engine/sip/carrier.h"

TestSuite(trunks, .timeout = 60);

Test(trunks, a_call_goes_out_with_the_numbers_and_identities_that_the_trunk_wants)
{
    struct jn_directory *d = two_trunks();
    d->trunks[0].dial = JN_DIAL_NATIONAL;
    d->trunks[0].asserts = true;
    jn_copy(d->trunks[0].domain, JN_HOST_MAX, "carrier.test");
    up(d);
    call.display = "Acme \"Ltd\"\r\nX: y";
    call.asserted = "+49305000";
    uint64_t leg = calls_out();
    call.display = call.asserted = NULL;
    must_hear(&a, "INVITE sip:0301234@carrier.test SIP/2.0");
    cr_expect(has(&a, "From: \"Acme LtdX: y\" <sip:0305555@carrier.test>;tag="), "%s", a.msg);
    cr_expect(has(&a, "To: <sip:0301234@carrier.test>\r\n"), "%s", a.msg);
    cr_expect(has(&a, "P-Asserted-Identity: <sip:0305000@carrier.test>\r\n"), "%s", a.msg);
    cr_expect_not(has(&a, "Privacy:"));
    cr_expect_not(has(&a, "\nX: y"), "a display name brought a header");
    answers(&a);
    wait_heard(H_ANSWERED, 0, 3000);
    cr_expect_eq(atomic_load(&status_of(A)->channels), 1u);
    job(J_HANGUP, &leg);
    done(&a);
    cr_expect_eq(wait_heard(H_ENDED, 0, 3000).how, JN_SIP_END_BYE);
    cr_expect_eq(atomic_load(&status_of(A)->channels), 0u);
    cr_expect_eq(heard_of(H_RINGING), 1u);
    finish();
}

Test(trunks, a_call_without_a_caller_id_is_anonymous_and_one_with_the_trunks_own_is_not)
{
    struct jn_directory *d = two_trunks();
    d->trunks[0].asserts = true;
    jn_copy(d->trunks[1].caller_id, JN_NUMBER_MAX, "+49309999");
    up(d);
    call.from = NULL;
    calls_out();
    must_hear(&a, "INVITE");
    cr_expect(has(&a, "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>"), "%s", a.msg);
    cr_expect(has(&a, "Privacy: id\r\n"), "%s", a.msg);
    cr_expect_not(has(&a, "P-Asserted"));
    reply(&a, "603 Decline", "x", NULL, NULL);
    wait_heard(H_ENDED, 0, 3000);
    call.trunk = B;
    calls_out();
    must_hear(&b, "INVITE");
    cr_expect(has(&b, "From: <sip:+49309999@127.0.0.1>"), "%s", b.msg);
    cr_expect_not(has(&b, "P-Asserted"), "this trunk is not told who calls");
    reply(&b, "603 Decline", "x", NULL, NULL);
    wait_heard(H_ENDED, 1, 3000);
    call.trunk = 0;
    call.from = "+49305555";
    finish();
}

Test(trunks, the_answer_decides_whether_the_next_trunk_is_tried)
{
    static const struct {
        const char *status;
        bool next;
    } cases[] = {{"503 Service Unavailable", true}, {"500 Error", true},    {"404 Not Found", false},
                 {"486 Busy Here", false},          {"603 Decline", false}, {"408 Timeout", true}};
    struct jn_directory *d = two_trunks();
    d->trunks[0].next_on[1].high = 699; /* even so */
    up(d);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t leg = calls_out();
        must_hear(&a, "INVITE");
        reply(&a, cases[i].status, "x", NULL, NULL);
        must_hear(&a, "ACK");
        if (cases[i].next) {
            must_hear(&b, "INVITE");
            cr_expect_eq(heard_of(H_ENDED), i, "the leg ended though there is another way");
            reply(&b, "486 Busy Here", "y", NULL, NULL);
        }
        struct heard h = wait_heard(H_ENDED, i, 3000);
        cr_expect_eq(h.leg, leg);
        cr_expect_eq(h.how, JN_SIP_END_REFUSED);
        cr_expect_eq(h.status, cases[i].next ? 486 : atoi(cases[i].status), "%s", cases[i].status);
    }
    cr_expect_not(hears(&b, "INVITE", 200), "a refusal that is final went on to another trunk");
    cr_expect_eq(atomic_load(&status_of(A)->next), 3u);
    cr_expect_eq(atomic_load(&status_of(A)->failed), 6u);
    cr_expect_eq(atomic_load(&status_of(A)->channels) + atomic_load(&status_of(B)->channels), 0u);
    finish();
}

Test(trunks, a_call_that_meets_503_is_answered_by_the_second_trunk)
{
    up(two_trunks());
    uint64_t leg = calls_out();
    must_hear(&a, "INVITE");
    reply(&a, "503 Service Unavailable", "x", NULL, NULL);
    must_hear(&b, "INVITE");
    answers(&b);
    cr_expect_eq(wait_heard(H_ANSWERED, 0, 3000).leg, leg);
    cr_expect_eq(atomic_load(&status_of(A)->channels), 0u);
    cr_expect_eq(atomic_load(&status_of(B)->channels), 1u);
    job(J_HANGUP, &leg);
    done(&b);
    wait_heard(H_ENDED, 0, 3000);
    finish();
}

Test(trunks, a_target_that_says_nothing_is_left_for_the_next_and_cannot_answer_late)
{
    fx.t1x64_ms = 4000; /* silent after 500 ms */
    up(two_trunks());
    uint64_t leg = calls_out();
    must_hear(&a, "INVITE");
    struct peer late = a;
    must_hear(&b, "INVITE");
    answers(&b);
    wait_heard(H_ANSWERED, 0, 3000);
    /* Now the first wakes up: it is acknowledged and sent home, the call stays where it is. */
    char contact[64];
    snprintf(contact, sizeof contact, "sip:c@127.0.0.1:%u", a.port);
    memcpy(a.msg, late.msg, sizeof a.msg);
    reply(&a, "200 OK", "x", contact, SDP);
    must_hear(&a, "ACK");
    done(&a);
    cr_expect_eq(heard_of(H_ENDED), 0u);
    job(J_HANGUP, &leg);
    done(&b);
    wait_heard(H_ENDED, 0, 3000);
    finish();
}

Test(trunks, a_carriers_challenge_is_answered_once)
{
    struct jn_directory *d = two_trunks();
    jn_copy(d->trunks[0].user, JN_NAME_MAX, "acme");
    jn_copy(d->trunks[0].secret, JN_NAME_MAX, "s3cret\"x");
    up(d);
    calls_out();
    for (int i = 0; i < 2; i++) {
        char from[256], to[256], id[256], cseq[64], via[1024];
        must_hear(&a, "INVITE");
        cr_expect_eq(has(&a, "Proxy-Authorization: Digest username=\"acme\", realm=\"c t\", nonce=\"n1\""), i == 1,
                     "%s", a.msg);
        if (i == 1) {
            char ha1[33], ha2[33], want[33], text[512], uri[200];
            const char *u = strstr(a.msg, "uri=\"");
            cr_assert_not_null(u);
            jn_copy_n(uri, sizeof uri, u + 5, strcspn(u + 5, "\""));
            md5_of(ha1, "acme:c t:s3cret\"x");
            snprintf(text, sizeof text, "INVITE:%s", uri);
            md5_of(ha2, text);
            snprintf(text, sizeof text, "%s:n1:%s", ha1, ha2);
            md5_of(want, text);
            snprintf(text, sizeof text, "response=\"%s\"", want);
            cr_expect(has(&a, text), "%s", a.msg);
        }
        header(&a, "From", from, sizeof from);
        header(&a, "To", to, sizeof to);
        header(&a, "Call-ID", id, sizeof id);
        header(&a, "CSeq", cseq, sizeof cseq);
        header(&a, "Via", via, sizeof via);
        say(&a,
            "SIP/2.0 407 Proxy Authentication Required\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=x\r\nCall-ID: %s\r\n"
            "CSeq: %s\r\nProxy-Authenticate: Digest realm=\"c t\", nonce=\"n1\"\r\nContent-Length: 0\r\n\r\n",
            via, from, to, id, cseq);
        must_hear(&a, "ACK");
    }
    struct heard h = wait_heard(H_ENDED, 0, 3000);
    cr_expect_eq(h.status, 407, "a wrong secret is not tried for ever");
    cr_expect_not(hears(&a, "INVITE", 200));
    finish();
}

Test(trunks, full_trunks_are_passed_over_and_then_the_call_is_refused)
{
    struct jn_directory *d = two_trunks();
    d->trunks[0].max_channels = 1;
    d->trunks[1].max_calls_per_s = 1;
    up(d);
    uint64_t leg = calls_out();
    must_hear(&a, "INVITE");
    answers(&a);
    wait_heard(H_ANSWERED, 0, 3000);
    calls_out(); /* the second goes to B */
    must_hear(&b, "INVITE");
    cr_expect_eq(refused_call(), -EBUSY, "one a second is through B, and A has no channel");
    cr_expect_eq(atomic_load(&status_of(A)->capped), 2u);
    cr_expect_eq(atomic_load(&status_of(B)->capped), 1u);
    reply(&b, "486 Busy Here", "x", NULL, NULL);
    wait_heard(H_ENDED, 0, 3000);
    job(J_HANGUP, &leg);
    done(&a);
    wait_heard(H_ENDED, 1, 3000);
    calls_out(); /* the channel is free again */
    must_hear(&a, "INVITE");
    reply(&a, "486 Busy Here", "x", NULL, NULL);
    wait_heard(H_ENDED, 2, 3000);
    finish();
}

Test(trunks, what_cannot_be_called_is_refused_at_once)
{
    struct jn_directory *d = two_trunks();
    d->trunks[1].srtp = JN_SRTP_REQUIRED;
    up(d);
    call.to = "0301234";
    cr_expect_eq(refused_call(), -ENOENT, "no route begins so");
    call.to = "+49 30";
    cr_expect_eq(refused_call(), -EINVAL);
    call.to = "+49@evil";
    cr_expect_eq(refused_call(), -EINVAL);
    call.to = "";
    cr_expect_eq(refused_call(), -EINVAL);
    call.to = "+49301234";
    call.tenant = 8;
    cr_expect_eq(refused_call(), -ENOENT, "another tenant's route");
    call.trunk = A;
    cr_expect_eq(refused_call(), -ENOENT, "another tenant's trunk");
    call.tenant = 7;
    call.trunk = 0;
    cr_expect_eq(jn_sip_trunk_srtp(fx.sip, 7, 0, "+49301234"), JN_SRTP_OFF);
    cr_expect_eq(jn_sip_trunk_srtp(fx.sip, 7, B, "+49301234"), JN_SRTP_REQUIRED);
    cr_expect_eq(jn_sip_trunk_srtp(fx.sip, 8, B, "+49301234"), -ENOENT);
    calls_out();
    must_hear(&a, "INVITE");
    reply(&a, "503 Service Unavailable", "x", NULL, NULL);
    cr_expect_eq(wait_heard(H_ENDED, 0, 3000).status, 503, "an offer in clear went on to a trunk that wants SRTP");
    finish();
}

Test(trunks, a_redirection_is_followed_within_the_carrier_alone)
{
    struct jn_directory *d = two_trunks();
    d->trunks[0].follow = true;
    up(d);
    char contact[64];
    calls_out();
    must_hear(&a, "INVITE sip:+49301234@127.0.0.1");
    snprintf(contact, sizeof contact, "sip:other@127.0.0.1:%u", a.port);
    reply(&a, "302 Moved", "x", contact, NULL);
    must_hear(&a, "ACK");
    must_hear(&a, "INVITE sip:other@127.0.0.1");
    reply(&a, "302 Moved", "y", "sip:x@192.0.2.1", NULL);
    must_hear(&a, "ACK");
    cr_expect_eq(wait_heard(H_ENDED, 0, 3000).status, 302);
    finish();
}

Test(trunks, a_target_is_down_after_silence_and_up_after_one_answer)
{
    struct jn_directory *d = two_trunks();
    fx.t1x64_ms = 800; /* an answer is waited for 100 ms */
    d->trunks[0].probe_s = 1;
    d->trunks[0].probe_failures = 2;
    up(d);
    const struct jn_sip_trunk_status *t = status_of(A);
    must_hear(&a, "OPTIONS sip:127.0.0.1");
    wait_value(&t->down, 1, "targets down");
    cr_expect_eq(atomic_load(&t->up), 0u);
    calls_out(); /* the other way at once */
    must_hear(&b, "INVITE");
    reply(&b, "486 Busy Here", "x", NULL, NULL);
    call.trunk = A;
    cr_expect_eq(refused_call(), -EBUSY);
    for (int i = 0; atomic_load(&t->down) && i < 10; i++) {
        must_hear(&a, "OPTIONS");
        reply(&a, "404 Not Found", "x", NULL, NULL);
        usleep(150000);
    }
    cr_expect_eq(atomic_load(&t->up), 1u);
    calls_out();
    must_hear(&a, "INVITE");
    reply(&a, "486 Busy Here", "x", NULL, NULL);
    call.trunk = 0;
    finish();
}
