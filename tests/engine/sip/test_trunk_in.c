/* Trunks: registration at a carrier, the calls that come over it, and whom they are from. Carriers are sockets of the
 * test. */
#include "tests/engine/sip/carrier.h"

TestSuite(trunk_in, .timeout = 60);

static void challenge(struct peer *p)
{
    char from[256], to[256], id[256], cseq[64], via[1024];
    header(p, "From", from, sizeof from);
    header(p, "To", to, sizeof to);
    header(p, "Call-ID", id, sizeof id);
    header(p, "CSeq", cseq, sizeof cseq);
    header(p, "Via", via, sizeof via);
    say(p,
        "SIP/2.0 401 Unauthorized\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=x\r\nCall-ID: %s\r\nCSeq: %s\r\n"
        "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"\r\n"
        "Content-Length: 0\r\n\r\n",
        via, from, to, id, cseq);
}

/* Answers the REGISTER in p->msg with its own contact for so many seconds. */
static void grants(struct peer *p, unsigned seconds)
{
    char from[256], to[256], id[256], cseq[64], via[1024], contact[300];
    header(p, "From", from, sizeof from);
    header(p, "To", to, sizeof to);
    header(p, "Call-ID", id, sizeof id);
    header(p, "CSeq", cseq, sizeof cseq);
    header(p, "Via", via, sizeof via);
    header(p, "Contact", contact, sizeof contact);
    say(p,
        "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=x\r\nCall-ID: %s\r\nCSeq: %s\r\n"
        "Contact: <sip:old@192.0.2.7>;expires=9999, %s;expires=%u\r\nContent-Length: 0\r\n\r\n",
        via, from, to, id, cseq, contact, seconds);
}

static struct jn_directory *registering(void)
{
    struct jn_directory *d = two_trunks();
    struct jn_dir_trunk *t = &d->trunks[0];
    t->reg_expires_s = 600;
    jn_copy(t->user, JN_NAME_MAX, "acme");
    jn_copy(t->secret, JN_NAME_MAX, "word");
    jn_copy(t->reg_user, JN_NAME_MAX, "4930555");
    jn_copy(t->domain, JN_HOST_MAX, "carrier.test");
    return d;
}

Test(trunk_in, a_trunk_registers_refreshes_and_takes_calls_to_the_contact_that_it_gave)
{
    up(registering());
    char contact[300], uri[64];
    must_hear(&a, "REGISTER sip:carrier.test SIP/2.0");
    cr_expect(has(&a, "To: <sip:4930555@carrier.test>\r\n"), "%s", a.msg);
    cr_expect(has(&a, "Expires: 600\r\n"), "%s", a.msg);
    cr_expect_not(has(&a, "Authorization:"));
    challenge(&a);
    must_hear(&a, "REGISTER");
    cr_expect(has(&a, "Authorization: Digest username=\"acme\", realm=\"carrier\""), "%s", a.msg);
    header(&a, "Contact", contact, sizeof contact);
    grants(&a, 2);
    wait_value(&status_of(A)->registered, JN_SIP_REG_ON, "registered");
    const char *user = strchr(contact, ':') + 1;
    cr_assert_eq(strcspn(user, "@"), 16u, "%s", contact);
    snprintf(uri, sizeof uri, "%.16s", user);

    /* The carrier calls the contact: the number that was called stands in To. */
    char head[256];
    for (int good = 1; good >= 0; good--) {
        if (!good)
            uri[3] ^= 1;
        say(&a,
            "INVITE sip:%s@127.0.0.1 SIP/2.0\r\n%sFrom: <sip:0309876@carrier.test>;tag=f\r\n"
            "To: <sip:0305551@carrier.test>\r\nCall-ID: in-%d\r\nCSeq: 1 INVITE\r\nContact: <sip:c@127.0.0.1:%u>\r\n"
            "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
            uri, top(&a, head, sizeof head), good, a.port, strlen(SDP), SDP);
        if (good) {
            struct heard h = wait_heard(H_INVITE, 0, 3000);
            cr_expect_eq(h.trunk, (uint64_t)A);
            cr_expect_str_eq(h.to, "0305551", "%s", h.to);
            cr_expect_str_eq(h.number, "+49305551", "%s", h.number);
            cr_expect_str_eq(h.from_number, "+49309876", "%s", h.from_number);
            job(J_HANGUP, &h.leg);
            must_hear(&a, "SIP/2.0 480");
        } else {
            must_hear(&a, "SIP/2.0 403");
        }
    }
    must_hear(&a, "REGISTER"); /* before the two seconds are over */
    cr_expect(has(&a, "Authorization:"), "the refresh answers the challenge that it knows: %s", a.msg);
    grants(&a, 600);
    cr_expect_eq(atomic_load(&status_of(A)->registered), (unsigned)JN_SIP_REG_ON);
    finish();
}

Test(trunk_in, a_refused_registration_is_told_and_retried_and_its_trunk_calls_nobody)
{
    up(registering());
    const struct jn_sip_trunk_status *t = status_of(A);
    for (int i = 0; i < 2; i++) { /* the secret is wrong */
        must_hear(&a, "REGISTER");
        challenge(&a);
    }
    wait_value(&t->registered, JN_SIP_REG_FAILED, "registered");
    cr_expect_eq(atomic_load(&t->last), 401u);
    call.trunk = A;
    cr_expect_eq(refused_call(), -EBUSY);
    call.trunk = 0;
    must_hear(&a, "REGISTER"); /* after one to two seconds */
    grants(&a, 600);
    wait_value(&t->registered, JN_SIP_REG_ON, "registered");
    calls_out();
    must_hear(&a, "INVITE");
    reply(&a, "486 Busy Here", "x", NULL, NULL);
    wait_heard(H_ENDED, 0, 3000);
    finish();
}

static void calls_in(struct peer *p, const char *extra, const char *id)
{
    char head[256];
    say(p,
        "INVITE sip:0305551@127.0.0.1 SIP/2.0\r\n%sFrom: \"Eve\" <sip:0309876@carrier.test>;tag=f\r\n"
        "To: <sip:0305551@carrier.test>\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\nContact: <sip:c@127.0.0.1:%u>\r\n"
        "%sContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
        top(p, head, sizeof head), id, p->port, extra, strlen(SDP), SDP);
}

Test(trunk_in, identities_are_believed_from_trusted_trunks_alone_and_privacy_is_kept)
{
    for (int trusted = 0; trusted < 2; trusted++) {
        struct jn_directory *d = two_trunks();
        d->trunks[0].froms = 1;
        d->trunks[0].max_channels = 2;
        d->trunks[0].trusted = trusted;
        jn_cidr_parse(&d->trunks[0].from[0], "127.0.0.1");
        up(d);
        calls_in(&a, "P-Asserted-Identity: \"B\" <sip:+49301111@x>\r\nDiversion: <sip:0302222@x>;reason=no-answer\r\n",
                 "p1");
        struct heard h = wait_heard(H_INVITE, 0, 3000), h2;
        cr_expect_str_eq(h.asserted, trusted ? "+49301111" : "", "%s", h.asserted);
        cr_expect_str_eq(h.from_number, trusted ? "+49301111" : "+49309876", "%s", h.from_number);
        cr_expect_str_eq(h.diversion, "0302222", "%s", h.diversion);
        cr_expect_str_eq(h.number, "+49305551", "%s", h.number);
        cr_expect_str_eq(h.from, "0309876", "%s", h.from);
        calls_in(&a, "P-Asserted-Identity: <tel:+49301111>\r\nPrivacy: header;id\r\n", "p2");
        h2 = wait_heard(H_INVITE, 1, 3000);
        cr_expect_str_eq(h2.from_number, "", "%s", h2.from_number);
        cr_expect_str_eq(h2.asserted, "", "%s", h2.asserted);
        cr_expect_str_eq(h2.from, "anonymous", "%s", h2.from);
        cr_expect_eq(atomic_load(&status_of(A)->channels), 2u);
        calls_in(&a, "", "p3");
        must_hear(&a, "SIP/2.0 503"); /* the trunk's channels are taken */
        job(J_HANGUP, &h.leg);
        job(J_HANGUP, &h2.leg);
        wait_heard(H_ENDED, 1, 3000);
        finish();
        close(a.fd);
        close(b.fd);
    }
}
