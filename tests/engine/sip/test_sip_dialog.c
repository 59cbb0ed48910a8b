/* Dialogs as carriers use them, on the wire: UPDATE, PRACK, session timers, glare, forked answers, redirects, routes.
 */
#include "tests/engine/sip/dialog.h"

TestSuite(sip_dialog, .timeout = 60);

static struct peer p, q;

/* ---- UPDATE ---- */

Test(sip_dialog, an_update_with_an_offer_is_asked_about_once)
{
    struct talk t;
    char first[2048];
    start(true);
    peer_open(&p, false);
    answered(&p, &t, "up", "Allow: INVITE, UPDATE\r\n");
    inside(&p, &t, "UPDATE", "", SDP_HELD);
    must_hear(&p, "SIP/2.0 200");
    cr_assert_not_null(strstr(p.msg, "m=audio"));
    jn_copy(first, sizeof first, strstr(p.msg, "\r\n\r\n"));
    cr_assert(wait_heard(H_REINVITE, 0, 1000).with_sdp);
    inside(&p, &t, "UPDATE", "", SDP_HELD);
    must_hear(&p, "SIP/2.0 200");
    cr_assert_str_eq(strstr(p.msg, "\r\n\r\n"), first, "the same offer has the same answer");
    inside(&p, &t, "INVITE", "", SDP_HELD);
    must_hear(&p, "SIP/2.0 200");
    cr_assert_str_eq(strstr(p.msg, "\r\n\r\n"), first, "the same offer has the same answer");
    inside(&p, &t, "ACK", "", NULL);
    cr_assert_eq(heard_of(H_REINVITE), 1u, "a refresh disturbs nobody");
    hang_up(&p, &t);
    finish();
}

Test(sip_dialog, an_update_without_an_offer_is_answered_without)
{
    struct talk t;
    start(true);
    peer_open(&p, false);
    answered(&p, &t, "up0", "Supported: timer\r\nSession-Expires: 120;refresher=uac\r\n");
    inside(&p, &t, "UPDATE", "Supported: timer\r\nSession-Expires: 120;refresher=uac\r\n", NULL);
    must_hear(&p, "SIP/2.0 200");
    cr_assert_null(strstr(p.msg, "m=audio"));
    cr_assert_not_null(strcasestr(p.msg, "Session-Expires: 120"), "%s", p.msg);
    cr_assert_eq(heard_of(H_REINVITE), 0u);
    hang_up(&p, &t);
    finish();
}

Test(sip_dialog, a_reinvite_without_an_offer_gets_ours_and_brings_the_answer)
{
    struct talk t;
    start(true);
    peer_open(&p, false);
    answered(&p, &t, "late-re", "");
    inside(&p, &t, "INVITE", "", NULL);
    must_hear(&p, "SIP/2.0 200");
    cr_assert_not_null(strstr(p.msg, "m=audio"));
    inside(&p, &t, "ACK", "", SDP_HELD);
    cr_assert(!wait_heard(H_REINVITE, 0, 1000).with_sdp);
    cr_assert(wait_heard(H_CONFIRMED, 1, 1000).with_sdp);
    hang_up(&p, &t);
    finish();
}

/* ---- PRACK ---- */

Test(sip_dialog, early_media_is_sent_reliably_to_who_can)
{
    char to[256];
    start(true);
    peer_open(&p, false);
    invite(&p, "early", "rel", "Supported: 100rel\r\n", SDP);
    must_hear(&p, "SIP/2.0 183");
    cr_assert_not_null(strcasestr(p.msg, "Require: 100rel"));
    cr_assert_not_null(strstr(p.msg, "m=audio"));
    must_hear(&p, "SIP/2.0 183"); /* until the PRACK comes (RFC 3262 3) */
    prack(&p, "rel", to);
    must_hear(&p, "SIP/2.0 200");
    cr_assert(!hears(&p, "SIP/2.0 183", 1200), "repeated after its PRACK");
    uint64_t leg = wait_heard(H_INVITE, 0, 100).leg;
    answer_leg(leg);
    must_hear(&p, "SIP/2.0 200");
    cr_assert_not_null(strstr(p.msg, "INVITE"));
    struct talk t = {.id = "rel", .cseq = 2};
    jn_copy(t.to, sizeof t.to, to);
    acknowledge(&p, &t, 1);
    wait_heard(H_CONFIRMED, 0, 1000);
    hang_up(&p, &t);
    finish();
}

Test(sip_dialog, an_answer_waits_for_the_prack_of_the_early_one)
{
    char to[256];
    start(true);
    peer_open(&p, false);
    invite(&p, "early", "wait", "Require: 100rel\r\n", SDP);
    must_hear(&p, "SIP/2.0 183");
    answer_leg(wait_heard(H_INVITE, 0, 100).leg);
    cr_assert(!hears(&p, "SIP/2.0 200", 200));
    must_hear(&p, "SIP/2.0 183");
    prack(&p, "wait", to);
    must_hear(&p, "SIP/2.0 200");
    must_hear(&p, "SIP/2.0 200");
    cr_assert_not_null(strstr(p.msg, "1 INVITE"));
    struct talk t = {.id = "wait", .cseq = 2};
    jn_copy(t.to, sizeof t.to, to);
    acknowledge(&p, &t, 1);
    hang_up(&p, &t);
    finish();
}

Test(sip_dialog, a_ringing_that_must_be_reliable_is)
{
    start(true);
    peer_open(&p, false);
    invite(&p, "ring", "req", "Require: 100rel\r\n", SDP);
    must_hear(&p, "SIP/2.0 180");
    cr_assert_not_null(strcasestr(p.msg, "RSeq:"));
    cr_assert_eq(jn_sip_counts(fx.sip)->bad_extension, 0);
    close(p.fd);
    finish();
}

Test(sip_dialog, a_phone_that_rings_reliably_gets_its_prack)
{
    static struct peer at_invite;
    char text[256], rack[300];
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", NEAR(&p), 60, 1);
    uint64_t leg = ring_agent(101);
    must_hear(&p, "INVITE ");
    cr_assert_not_null(strcasestr(p.msg, "100rel"), "%s", p.msg);
    header(&p, "CSeq", text, sizeof text);
    snprintf(rack, sizeof rack, "77 %s", text);
    at_invite = p;
    reply_with(&p, "183 Session Progress", "t1", "Require: 100rel\r\nRSeq: 77\r\nAllow: UPDATE, PRACK\r\n", SDP);
    must_hear(&p, "PRACK ");
    cr_assert_str_eq(header(&p, "RAck", text, sizeof text), rack);
    reply(&p, "200 OK", "", NULL, NULL);
    cr_assert_eq(wait_heard(H_EARLY, 0, 1000).leg, leg);
    wait_heard(H_RINGING, 0, 1000);
    /* An offer of ours while it rings goes as UPDATE (RFC 3311). */
    cr_assert_eq(reoffer(leg, SDP_HELD), 0);
    must_hear(&p, "UPDATE ");
    reply(&p, "200 OK", "", NULL, SDP);
    cr_assert_eq(wait_heard(H_REINVITED, 0, 1000).status, 200);
    again(&p, &at_invite);
    reply_with(&p, "200 OK", "t1", "", SDP);
    must_hear(&p, "ACK ");
    wait_heard(H_ANSWERED, 0, 1000);
    job(J_HANGUP, &leg);
    must_hear(&p, "BYE ");
    reply(&p, "200 OK", "", NULL, NULL);
    wait_heard(H_ENDED, 0, 2000);
    close(p.fd);
    finish();
}

/* ---- offers that meet ---- */

Test(sip_dialog, their_offer_that_meets_ours_is_491_and_ours_goes_again_after_491)
{
    struct talk t;
    static struct peer ours;
    start(true);
    peer_open(&p, false);
    answered(&p, &t, "glare", "");
    cr_assert_eq(reoffer(t.leg, SDP_HELD), 0);
    must_hear(&p, "INVITE ");
    ours = p;
    inside(&p, &t, "INVITE", "", SDP);
    must_hear(&p, "SIP/2.0 491");
    acknowledge(&p, &t, t.cseq);
    inside(&p, &t, "UPDATE", "", SDP);
    do
        cr_assert(hears(&p, "SIP/2.0 ", 2000), "the UPDATE was not answered");
    while (!strstr(p.msg, " UPDATE\r\n"));
    cr_assert_eq(strncmp(p.msg, "SIP/2.0 491", 11), 0, "%s", p.msg);
    cr_assert_eq(heard_of(H_REINVITE), 0u);
    cr_assert_eq(reoffer(t.leg, SDP), -EBUSY);
    again(&p, &ours);
    reply(&p, "491 Request Pending", "", NULL, NULL);
    must_hear(&p, "ACK ");
    /* While ours waits, theirs is taken. */
    inside(&p, &t, "UPDATE", "", SDP_OTHER);
    must_hear(&p, "SIP/2.0 200");
    must_hear(&p, "INVITE "); /* within 2 s: the call is theirs (RFC 3261 14.1) */
    cr_assert_not_null(strstr(p.msg, "a=sendonly"));
    reply_with(&p, "200 OK", "", "", SDP);
    must_hear(&p, "ACK ");
    struct heard h = wait_heard(H_REINVITED, 0, 1000);
    cr_assert_eq(h.status, 200);
    cr_assert(h.with_sdp);
    cr_assert_eq(jn_sip_counts(fx.sip)->glares, 1);
    hang_up(&p, &t);
    finish();
}

Test(sip_dialog, an_offer_of_ours_that_is_refused_leaves_the_call)
{
    struct talk t;
    start(true);
    peer_open(&p, false);
    answered(&p, &t, "no", "");
    cr_assert_eq(reoffer(t.leg, SDP_HELD), 0);
    must_hear(&p, "INVITE ");
    reply(&p, "488 Not Acceptable Here", "", NULL, NULL);
    must_hear(&p, "ACK ");
    cr_assert_eq(wait_heard(H_REINVITED, 0, 1000).status, 488);
    cr_assert_eq(heard_of(H_ENDED), 0u);
    cr_assert_eq(reoffer(t.leg, SDP_HELD), 0, "and another may follow");
    must_hear(&p, "INVITE ");
    reply_with(&p, "200 OK", "", "", SDP);
    must_hear(&p, "ACK ");
    cr_assert_eq(wait_heard(H_REINVITED, 1, 1000).status, 200);
    hang_up(&p, &t);
    finish();
}

Test(sip_dialog, each_new_description_of_ours_has_a_higher_version)
{
    struct talk t;
    start(true);
    peer_open(&p, false);
    answered(&p, &t, "version", "");
    cr_assert_not_null(strstr(t.ok, "o=- 1 1 IN"), "%s", t.ok);
    cr_assert_eq(reoffer(t.leg, SDP_HELD), 0); /* says version 1 too, and says something else */
    must_hear(&p, "INVITE ");
    cr_assert_not_null(strstr(p.msg, "o=- 1 2 IN"), "%s", p.msg);
    reply_with(&p, "200 OK", "", "", SDP);
    wait_heard(H_REINVITED, 0, 1000);
    hang_up(&p, &t);
    finish();
}

/* ---- forks, redirects, routes ---- */

Test(sip_dialog, the_first_answer_of_a_forked_call_wins)
{
    static struct peer at_invite;
    char from[64];
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", NEAR(&p), 60, 1);
    uint64_t leg = ring_agent(101);
    must_hear(&p, "INVITE ");
    at_invite = p;
    reply(&p, "180 Ringing", "fork-a", "sip:a@127.0.0.1", NULL);
    again(&p, &at_invite);
    reply(&p, "180 Ringing", "fork-b", "sip:b@127.0.0.1", NULL);
    again(&p, &at_invite);
    snprintf(from, sizeof from, "sip:b@127.0.0.1:%u", p.port);
    reply(&p, "200 OK", "fork-b", from, SDP);
    must_hear(&p, "ACK ");
    cr_assert_not_null(strstr(p.msg, "tag=fork-b"));
    again(&p, &at_invite);
    snprintf(from, sizeof from, "sip:a@127.0.0.1:%u", p.port);
    reply(&p, "200 OK", "fork-a", from, SDP);
    bool ack = false, bye = false;
    for (int i = 0; i < 6 && !(ack && bye) && hears(&p, "", 2000); i++) {
        ack = ack || (!strncmp(p.msg, "ACK ", 4) && strstr(p.msg, "tag=fork-a"));
        bye = bye || (!strncmp(p.msg, "BYE ", 4) && strstr(p.msg, "tag=fork-a"));
    }
    cr_assert(ack && bye, "the later answer: ack=%d bye=%d", ack, bye);
    cr_assert_eq(heard_of(H_ANSWERED), 1u);
    cr_assert_eq(heard_of(H_ENDED), 0u);
    job(J_HANGUP, &leg);
    while (hears(&p, "BYE ", 2000) && !strstr(p.msg, "tag=fork-b"))
        ;
    reply(&p, "200 OK", "", NULL, NULL);
    wait_heard(H_ENDED, 0, 2000);
    close(p.fd);
    finish();
}

/* The stack binds an INVITE to the first fork that rang reliably: another one's answer is ended, and the call goes on.
 */
Test(sip_dialog, an_answer_from_another_fork_than_the_reliable_one_is_ended_and_not_left_open)
{
    static struct peer at_invite;
    char contact[64];
    bool ack = false, bye = false;
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", NEAR(&p), 60, 1);
    ring_agent(101);
    must_hear(&p, "INVITE ");
    at_invite = p;
    reply_with(&p, "183 Session Progress", "fork-a", "Require: 100rel\r\nRSeq: 5\r\n", SDP);
    must_hear(&p, "PRACK ");
    reply(&p, "200 OK", "", NULL, NULL);
    again(&p, &at_invite);
    snprintf(contact, sizeof contact, "sip:b@127.0.0.1:%u", p.port);
    reply(&p, "200 OK", "fork-b", contact, SDP);
    for (int i = 0; i < 4 && !(ack && bye) && hears(&p, "", 2000); i++) {
        ack = ack || (!strncmp(p.msg, "ACK ", 4) && strstr(p.msg, "tag=fork-b"));
        bye = bye || (!strncmp(p.msg, "BYE ", 4) && strstr(p.msg, "tag=fork-b"));
    }
    cr_assert(ack && bye, "ack=%d bye=%d", ack, bye);
    again(&p, &at_invite);
    snprintf(contact, sizeof contact, "sip:a@127.0.0.1:%u", p.port);
    reply(&p, "200 OK", "fork-a", contact, SDP);
    must_hear(&p, "ACK ");
    wait_heard(H_ANSWERED, 0, 1000);
    close(p.fd);
    finish();
}

Test(sip_dialog, a_redirection_to_the_same_phone_or_a_colleague_is_followed_and_no_other)
{
    char contact[64];
    start(false);
    peer_open(&p, false);
    peer_open(&q, false);
    registers(&p, "1001", "one", NEAR(&p), 60, 1);
    registers(&q, "1002", "two", NEAR(&q), 60, 1);
    uint64_t leg = ring_agent(101);
    must_hear(&p, "INVITE ");
    snprintf(contact, sizeof contact, "sip:line2@127.0.0.1:%u", p.port);
    reply(&p, "302 Moved Temporarily", "t", contact, NULL);
    must_hear(&p, "ACK ");
    must_hear(&p, "INVITE sip:line2@");
    reply(&p, "302 Moved Temporarily", "t", "sip:1002@acme.test", NULL);
    must_hear(&q, "INVITE ");
    cr_assert_not_null(strstr(q.msg, "m=audio"));
    reply(&q, "302 Moved Temporarily", "t", "sip:somebody@198.51.100.7", NULL);
    must_hear(&q, "ACK ");
    struct heard h = wait_heard(H_ENDED, 0, 2000);
    cr_assert_eq(h.leg, leg);
    cr_assert_eq(h.how, JN_SIP_END_REFUSED);
    cr_assert_eq(h.status, 302);
    cr_assert_eq(jn_sip_counts(fx.sip)->redirects, 2);
    close(p.fd);
    close(q.fd);
    finish();
}

Test(sip_dialog, a_redirection_that_crosses_our_hang_up_is_not_followed)
{
    char contact[64];
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", NEAR(&p), 60, 1);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t leg = ring_agent(101);
        must_hear(&p, "INVITE ");
        job(J_HANGUP, &leg); /* nothing provisional came: the CANCEL waits (RFC 3261 9.1) */
        snprintf(contact, sizeof contact, "sip:%s@%s", i ? "1001" : "line2", i ? "192.0.2.77" : "127.0.0.1");
        reply(&p, "302 Moved Temporarily", "t", contact, NULL);
        must_hear(&p, "ACK ");
        cr_assert_eq(wait_heard(H_ENDED, i, 2000).how, JN_SIP_END_CANCEL);
    }
    cr_assert(!hears(&p, "INVITE ", 200));
    close(p.fd);
    finish();
}

Test(sip_dialog, a_phone_that_redirects_to_itself_for_ever_is_left)
{
    char contact[64];
    unsigned invites = 0;
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", NEAR(&p), 60, 1);
    ring_agent(101);
    snprintf(contact, sizeof contact, "sip:1001@127.0.0.1:%u", p.port);
    while (hears(&p, "INVITE ", 500)) {
        invites++;
        reply(&p, "302 Moved Temporarily", "t", contact, NULL);
    }
    cr_assert_eq(invites, 4u, "%u", invites);
    cr_assert_eq(wait_heard(H_ENDED, 0, 1000).status, 302);
    close(p.fd);
    finish();
}

Test(sip_dialog, requests_of_ours_follow_the_recorded_route)
{
    struct talk t;
    char rr[256], text[512];
    start(true);
    peer_open(&p, false);
    snprintf(rr, sizeof rr, "Record-Route: <sip:127.0.0.1:%u;lr;hop=1>\r\nRecord-Route: <sip:192.0.2.1;lr;hop=2>\r\n",
             p.port);
    answered(&p, &t, "route", rr);
    cr_assert_eq(job(J_DIALOG, &t.leg), 0);
    t.leg = wait_heard(H_INVITE, 0, 100).leg;
    cr_assert_not_null(strstr(fx.dialog.route, "hop=1>, <"), "%s", fx.dialog.route);
    job(J_HANGUP, &t.leg);
    must_hear(&p, "BYE ");
    header(&p, "Route", text, sizeof text);
    cr_assert_not_null(strstr(text, "hop=1"), "%s", text);
    cr_assert_not_null(strstr(p.msg, "192.0.2.1"), "%s", p.msg);
    reply(&p, "200 OK", "", NULL, NULL);
    wait_heard(H_ENDED, 0, 2000);
    close(p.fd);
    finish();
}

Test(sip_dialog, answers_go_where_the_request_came_from)
{
    char text[256], port[32];
    start(true);
    peer_open(&p, false);
    say(&p, "INVITE sip:486@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.2.3:9;branch=z9hG4bKnat;rport\r\nMax-Forwards: "
            "70\r\n"
            "From: <sip:ann@x.test>;tag=a\r\nTo: <sip:x@y>\r\nCall-ID: rport\r\nCSeq: 1 INVITE\r\n"
            "Contact: <sip:ann@10.1.2.3:9>\r\nContent-Length: 0\r\n\r\n");
    must_hear(&p, "SIP/2.0 486");
    header(&p, "Via", text, sizeof text);
    snprintf(port, sizeof port, "rport=%u", p.port);
    cr_assert_not_null(strstr(text, port), "%s", text);
    cr_assert_not_null(strstr(text, "received=127.0.0.1"), "%s", text);
    close(p.fd);
    finish();
}

Test(sip_dialog, the_bye_of_an_earlier_process_finds_a_caller_behind_nat)
{
    struct talk t;
    start(true);
    peer_open(&p, false);
    invite_at(&p, "answer", "nat-old", "sip:ann@10.9.9.9:5060", "", SDP);
    taken(&p, &t, "nat-old");
    uint64_t leg = t.leg;
    cr_assert_eq(job(J_DIALOG, &leg), 0);
    cr_assert_eq(job(J_BYE_OLD, NULL), 0);
    must_hear(&p, "BYE sip:ann@10.9.9.9");
    cr_assert_null(strcasestr(p.msg, "\r\nRoute:"), "%s", p.msg);
    reply(&p, "200 OK", "", NULL, NULL);
    close(p.fd);
    finish();
}

Test(sip_dialog, what_is_allowed_and_supported_is_said)
{
    struct talk t;
    char text[256];
    start(true);
    peer_open(&p, false);
    answered(&p, &t, "allow", "");
    inside(&p, &t, "INFO", "", NULL);
    must_hear(&p, "SIP/2.0 405");
    header(&p, "Allow", text, sizeof text);
    cr_assert(strstr(text, "UPDATE") && strstr(text, "PRACK") && strstr(text, "REFER"), "%s", text);
    inside(&p, &t, "INVITE", "Require: siesta\r\n", SDP_HELD);
    must_hear(&p, "SIP/2.0 420");
    cr_assert_str_eq(header(&p, "Unsupported", text, sizeof text), "siesta");
    acknowledge(&p, &t, t.cseq);
    inside(&p, &t, "PRACK", "RAck: 9 1 INVITE\r\n", NULL);
    must_hear(&p, "SIP/2.0 481");
    cr_assert_eq(heard_of(H_REINVITE), 0u);
    cr_assert_eq(heard_of(H_ENDED), 0u);
    hang_up(&p, &t);
    finish();
}
