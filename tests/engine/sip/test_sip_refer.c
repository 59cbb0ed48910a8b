/* REFER and Replaces on the wire: who is asked for, what is refused, what the asker is told. */
#include "tests/engine/sip/dialog.h"

TestSuite(sip_refer, .timeout = 60);

static struct peer p, q;

/* REFERs that must be refused, and with what. */
static const struct {
    const char *headers;
    int status;
} bad[] = {
    {"", 400},
    {"Refer-To: <sip:a@127.0.0.1>\r\nRefer-To: <sip:b@127.0.0.1>\r\n", 400},
    {"Refer-To: <<<\r\n", 400},
    {"Refer-To: <mailto:a@b>\r\n", 403},
    {"Refer-To: <sip:127.0.0.1>\r\n", 400},
    {"Refer-To: <sip:a@127.0.0.1;method=SUBSCRIBE>\r\n", 403},
    {"Refer-To: <sip:a@127.0.0.1?Replaces=>\r\n", 400},
    {"Refer-To: <sip:a@127.0.0.1?Replaces=x>\r\n", 400},
    {"Refer-To: <sip:a@127.0.0.1?Replaces=x%3Bto-tag%3D1>\r\n", 400},
    {"Refer-To: <sip:a@127.0.0.1?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D%0D%0AEvil>\r\n", 400},
    {"Refer-To: <sip:a@127.0.0.1?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=y%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n",
     400},
    {"Refer-To: <sip:%0d%0aa@127.0.0.1>\r\n", 400},
    {"Refer-To: <sip:a@127.0.0.1?Replaces=%>\r\n", 400},
};

Test(sip_refer, malformed_ones_are_refused_counted_and_change_nothing)
{
    struct talk t;
    char status[32];
    start(true);
    peer_open(&p, false);
    answered(&p, &t, "bad", "");
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        inside(&p, &t, "REFER", bad[i].headers, NULL);
        snprintf(status, sizeof status, "SIP/2.0 %d", bad[i].status);
        cr_assert(hears(&p, "SIP/2.0 ", 2000), "%u: no answer", i);
        cr_assert_eq(strncmp(p.msg, status, strlen(status)), 0, "%u (%s): %.40s", i, bad[i].headers, p.msg);
    }
    char longer[2600], name[2048];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    snprintf(longer, sizeof longer, "Refer-To: <sip:%s@127.0.0.1>\r\n", name);
    inside(&p, &t, "REFER", longer, NULL);
    must_hear(&p, "SIP/2.0 400");
    snprintf(longer, sizeof longer, "Refer-To: <sip:a@127.0.0.1?Replaces=%s%%3Bto-tag%%3D1%%3Bfrom-tag%%3D2>\r\n",
             name);
    inside(&p, &t, "REFER", longer, NULL);
    must_hear(&p, "SIP/2.0 400");
    cr_assert_eq(heard_of(H_REFER), 0u);
    cr_assert(!hears(&p, "NOTIFY ", 100), "%s", p.msg);
    cr_assert_geq(jn_sip_counts(fx.sip)->refers_refused, 13);
    cr_assert_eq(jn_sip_counts(fx.sip)->refers, 0);
    inside(&p, &t, "UPDATE", "", SDP_HELD); /* the call is as it was */
    must_hear(&p, "SIP/2.0 200");
    hang_up(&p, &t);
    finish();
}

Test(sip_refer, a_blind_one_is_accepted_and_told_how_it_went)
{
    struct talk t;
    char text[256];
    start(true);
    peer_open(&p, false);
    answered(&p, &t, "blind", "");
    inside(&p, &t, "REFER",
           "Refer-To: \"Ben\" <sip:%2B4930123@acme.test;user=phone>\r\nReferred-By: <sip:ann@x.test>\r\n", NULL);
    must_hear(&p, "SIP/2.0 202");
    must_hear(&p, "NOTIFY ");
    cr_assert_not_null(strcasestr(p.msg, "Event: refer"), "%s", p.msg);
    cr_assert_not_null(strcasestr(p.msg, "Subscription-State: active"), "%s", p.msg);
    cr_assert_not_null(strcasestr(p.msg, "Content-Type: message/sipfrag"), "%s", p.msg);
    cr_assert_not_null(strstr(p.msg, "\r\n\r\nSIP/2.0 100 Trying"), "%s", p.msg);
    reply(&p, "200 OK", "", NULL, NULL);
    struct heard h = wait_heard(H_REFER, 0, 1000);
    cr_assert_eq(h.leg, t.leg);
    cr_assert_str_eq(h.to, "+4930123");
    cr_assert_str_eq(h.from, "acme.test");
    cr_assert(h.on, "our own domain");
    cr_assert_eq(h.replaces, 0);
    inside(&p, &t, "REFER", "Refer-To: <sip:b@elsewhere.test>\r\n", NULL); /* one at a time */
    must_hear(&p, "SIP/2.0 491");
    cr_assert_eq(result(t.leg, 180), 0);
    must_hear(&p, "NOTIFY ");
    cr_assert_not_null(strstr(p.msg, "\r\n\r\nSIP/2.0 180 Ringing"), "%s", p.msg);
    reply(&p, "200 OK", "", NULL, NULL);
    cr_assert_eq(result(t.leg, 200), 0);
    must_hear(&p, "NOTIFY ");
    cr_assert_not_null(strstr(p.msg, "\r\n\r\nSIP/2.0 200 OK"), "%s", p.msg);
    cr_assert_not_null(strcasestr(header(&p, "Subscription-State", text, sizeof text), "terminated"), "%s", text);
    reply(&p, "200 OK", "", NULL, NULL);
    cr_assert_eq(result(t.leg, 200), -ENOENT);
    cr_assert_eq(heard_of(H_ENDED), 0u, "the call itself goes on until somebody ends it");
    inside(&p, &t, "REFER", "Refer-To: <sip:b@elsewhere.test>\r\n", NULL);
    must_hear(&p, "SIP/2.0 202");
    cr_assert(!wait_heard(H_REFER, 1, 1000).on);
    must_hear(&p, "NOTIFY ");
    reply(&p, "200 OK", "", NULL, NULL);
    cr_assert_eq(result(t.leg, 603), 0);
    must_hear(&p, "NOTIFY ");
    cr_assert_not_null(strstr(p.msg, "\r\n\r\nSIP/2.0 603 Decline"), "%s", p.msg);
    reply(&p, "200 OK", "", NULL, NULL);
    hang_up(&p, &t);
    finish();
}

Test(sip_refer, who_wants_no_notify_gets_none)
{
    struct talk t;
    start(true);
    peer_open(&p, false);
    answered(&p, &t, "quiet", "");
    inside(&p, &t, "REFER", "Refer-To: <sip:b@acme.test>\r\nRefer-Sub: false\r\n", NULL);
    must_hear(&p, "SIP/2.0 202");
    cr_assert_not_null(strcasestr(p.msg, "Refer-Sub: false"), "%s", p.msg);
    wait_heard(H_REFER, 0, 1000);
    cr_assert_eq(result(t.leg, 200), 0);
    cr_assert(!hears(&p, "NOTIFY ", 200), "%s", p.msg);
    hang_up(&p, &t);
    finish();
}

Test(sip_refer, outside_a_dialog_it_is_forbidden)
{
    char head[256];
    start(true);
    peer_open(&p, false);
    say(&p,
        "REFER sip:x@127.0.0.1 SIP/2.0\r\n%sFrom: <sip:a@b>;tag=1\r\nTo: <sip:x@y>\r\nCall-ID: out\r\nCSeq: 1 REFER\r\n"
        "Contact: <sip:a@127.0.0.1:%u>\r\nRefer-To: <sip:b@acme.test>\r\nContent-Length: 0\r\n\r\n",
        top(&p, head, sizeof head), p.port);
    must_hear(&p, "SIP/2.0 403");
    cr_assert(!hears(&p, "NOTIFY ", 200), "%s", p.msg);
    cr_assert_eq(heard_of(H_REFER), 0u);
    cr_assert_eq(jn_sip_counts(fx.sip)->refers_refused, 1);
    close(p.fd);
    finish();
}

static const char *tag_of(const char *to)
{
    const char *t = strstr(to, ";tag=");
    return t ? t + 5 : "";
}

Test(sip_refer, an_attended_one_names_the_other_call)
{
    struct talk a, b;
    char refer[600];
    start(true);
    peer_open(&p, false);
    peer_open(&q, false);
    answered(&p, &a, "first", "");
    answered(&q, &b, "second", "");
    snprintf(refer, sizeof refer, "Refer-To: <sip:x@127.0.0.1?Replaces=second%%3Bto-tag%%3D%s%%3Bfrom-tag%%3Da>\r\n",
             tag_of(b.to));
    inside(&p, &a, "REFER", refer, NULL);
    must_hear(&p, "SIP/2.0 202");
    struct heard h = wait_heard(H_REFER, 0, 1000);
    cr_assert_eq(h.leg, a.leg);
    cr_assert_eq(h.replaces, b.leg);
    cr_assert(h.on);
    must_hear(&p, "NOTIFY ");
    reply(&p, "200 OK", "", NULL, NULL);
    cr_assert_eq(result(a.leg, 200), 0);
    must_hear(&p, "NOTIFY ");
    reply(&p, "200 OK", "", NULL, NULL);
    /* A call that is not there: told so, and nobody else is. */
    inside(&p, &a, "REFER", "Refer-To: <sip:x@127.0.0.1?Replaces=third%3Bto-tag%3D1%3Bfrom-tag%3Da>\r\n", NULL);
    must_hear(&p, "SIP/2.0 202");
    must_hear(&p, "NOTIFY ");
    reply(&p, "200 OK", "", NULL, NULL);
    must_hear(&p, "NOTIFY ");
    cr_assert_not_null(strstr(p.msg, "\r\n\r\nSIP/2.0 481"), "%s", p.msg);
    reply(&p, "200 OK", "", NULL, NULL);
    cr_assert_eq(heard_of(H_REFER), 1u);
    hang_up(&p, &a);
    hang_up(&q, &b);
    finish();
}

Test(sip_refer, a_call_in_the_place_of_another_says_which)
{
    struct talk t;
    char extra[300];
    start(true);
    peer_open(&p, false);
    peer_open(&q, false);
    answered(&p, &t, "old", "");
    snprintf(extra, sizeof extra, "Require: replaces\r\nReplaces: old;to-tag=%s;from-tag=a\r\n", tag_of(t.to));
    invite(&q, "wait", "new", extra, SDP);
    struct heard h = wait_heard(H_INVITE, 1, 1000);
    cr_assert_eq(h.replaces, t.leg);
    /* Only an early dialog was meant: this one is answered (RFC 3891 3). */
    snprintf(extra, sizeof extra, "Replaces: old;to-tag=%s;from-tag=a;early-only\r\n", tag_of(t.to));
    invite(&q, "wait", "new2", extra, SDP);
    must_hear(&q, "SIP/2.0 486");
    invite(&q, "wait", "new3", "Replaces: old;to-tag=wrong;from-tag=a\r\n", SDP);
    must_hear(&q, "SIP/2.0 481");
    snprintf(extra, sizeof extra, "Replaces: old;to-tag=%s;from-tag=a\r\nReplaces: old;to-tag=%s;from-tag=a\r\n",
             tag_of(t.to), tag_of(t.to));
    invite(&q, "wait", "new4", extra, SDP);
    must_hear(&q, "SIP/2.0 400");
    cr_assert_not_null(strstr(q.msg, "new4"));
    for (unsigned i = 0; i < 3; i++) {
        static const char *const bent[] = {"Replaces: ;;;\r\n", "Replaces: old\r\n", "Replaces: <<>;to-tag=\"\r\n"};
        char id[16];
        snprintf(id, sizeof id, "bent%u", i);
        invite(&q, "wait", id, bent[i], SDP);
        while (hears(&q, "SIP/2.0 400", 1000) && !strstr(q.msg, id))
            ;
        cr_assert_not_null(strstr(q.msg, id), "%u: not refused", i);
    }
    cr_assert_eq(heard_of(H_INVITE), 2u);
    cr_assert_eq(heard_of(H_ENDED), 0u, "the old call is untouched");
    hang_up(&p, &t);
    close(q.fd);
    finish();
}

static uint64_t new_owner;

static int give_trunk(uint64_t *unused)
{
    (void)unused;
    fx.dir->trunks[0].tenant = new_owner;
    return 0;
}

/* On the signalling thread, whose the directory is. */
static void trunk_belongs_to(uint64_t tenant)
{
    new_owner = tenant;
    fx.todo = give_trunk;
    cr_assert_eq(job(J_DO, NULL), 0);
}

Test(sip_refer, another_tenants_call_cannot_be_taken)
{
    struct talk t;
    char extra[300];
    start(true);
    trunk_belongs_to(8); /* the caller's trunk belongs to another tenant than the second caller */
    peer_open(&p, false);
    answered(&p, &t, "theirs", "");
    snprintf(extra, sizeof extra, "Replaces: theirs;to-tag=%s;from-tag=a\r\n", tag_of(t.to));
    trunk_belongs_to(7);
    peer_open(&q, false);
    invite(&q, "wait", "thief", extra, SDP);
    must_hear(&q, "SIP/2.0 481");
    hang_up(&p, &t);
    close(q.fd);
    finish();
}
