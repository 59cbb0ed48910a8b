/* The agent against peers that lie about where they are, answer late, fall silent or send nonsense. */
#include "tests/engine/sip/peer.h"

TestSuite(sip_raw, .timeout = 60);

#define FAR "<sip:1001@10.9.9.9:5060>" /* behind a NAT: nothing can be sent there */

static uint64_t call_phone(uint64_t agent)
{
    uint64_t leg = agent;
    cr_assert_eq(job(J_CALL, &leg), 0);
    return leg;
}

static void invite_from(struct peer *p, const char *user, const char *id, const char *contact)
{
    char head[256];
    say(p,
        "INVITE sip:%s@127.0.0.1 SIP/2.0\r\n%sFrom: <sip:ann@x.test>;tag=a\r\nTo: <sip:%s@127.0.0.1>\r\nCall-ID: %s\r\n"
        "CSeq: 1 INVITE\r\nContact: <%s>\r\nContent-Type: application/sdp\r\nContent-Length: "
        "%zu\r\n\r\n%s",
        user, top(p, head, sizeof head), user, id, contact, strlen(SDP), SDP);
}

static void invite_us(struct peer *p, const char *user, const char *id)
{
    char contact[64];
    snprintf(contact, sizeof contact, "sip:ann@127.0.0.1:%u", p->port);
    invite_from(p, user, id, contact);
}

/* A request in the dialog whose 200 was taken down in to. */
static void in_dialog(struct peer *p, const char *method, unsigned cseq, const char *id, const char *to)
{
    char head[256];
    say(p,
        "%s sip:x@127.0.0.1:%u SIP/2.0\r\n%sFrom: <sip:ann@x.test>;tag=a\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
        "Contact: <sip:ann@127.0.0.1:%u>\r\nContent-Length: 0\r\n\r\n",
        method, fx.port, top(p, head, sizeof head), to, id, cseq, method, p->port);
}

Test(sip_raw, a_phone_behind_nat_is_called_where_it_is)
{
    static struct peer p;
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", FAR, 60, 1);
    cr_assert_eq(wait_heard(H_PHONE, 0, 1000).agent, 101);
    uint64_t leg = call_phone(101);
    must_hear(&p, "INVITE sip:1001@10.9.9.9");
    char from[256];
    header(&p, "From", from, sizeof from);
    cr_assert_not_null(strstr(from, "+4930"), "%s", from);
    cr_assert_null(strchr(from + 1, '\\'), "%s", from);
    reply(&p, "180 Ringing", "t1", "sip:1001@10.9.9.9:5060", NULL);
    cr_assert_eq(wait_heard(H_RINGING, 0, 1000).leg, leg);
    reply(&p, "200 OK", "t1", "sip:1001@10.9.9.9:5060", SDP);
    must_hear(&p, "ACK ");
    cr_assert(wait_heard(H_ANSWERED, 0, 1000).with_sdp);
    job(J_HANGUP, &leg);
    must_hear(&p, "BYE ");
    reply(&p, "200 OK", "t1", NULL, NULL);
    cr_assert_eq(wait_heard(H_ENDED, 0, 2000).how, JN_SIP_END_BYE);
    close(p.fd);
    finish();
}

Test(sip_raw, a_phone_on_tcp_is_called_on_its_connection)
{
    static struct peer p;
    start(false);
    peer_open(&p, true);
    registers(&p, "1002", "two", "<sip:1002@10.9.9.9:5060;transport=tcp>", 60, 1);
    call_phone(102);
    must_hear(&p, "INVITE sip:1002@10.9.9.9");
    reply(&p, "486 Busy Here", "t1", NULL, NULL);
    must_hear(&p, "ACK ");
    struct heard h = wait_heard(H_ENDED, 0, 2000);
    cr_assert_eq(h.how, JN_SIP_END_REFUSED);
    cr_assert_eq(h.status, 486);
    close(p.fd);
    finish();
}

Test(sip_raw, an_answer_that_crosses_our_cancel_is_acknowledged_and_ended)
{
    static struct peer p;
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", FAR, 60, 1);
    uint64_t leg = call_phone(101);
    must_hear(&p, "INVITE ");
    static struct peer later;
    later = p;
    reply(&p, "180 Ringing", "t1", "sip:1001@10.9.9.9:5060", NULL);
    wait_heard(H_RINGING, 0, 1000);
    job(J_HANGUP, &leg);
    must_hear(&p, "CANCEL ");
    later.have = 0;
    reply(&later, "200 OK", "t1", "sip:1001@10.9.9.9:5060", SDP); /* lifted before the CANCEL came */
    reply(&p, "200 OK", "t1", NULL, NULL);                        /* to the CANCEL */
    must_hear(&p, "ACK ");
    must_hear(&p, "BYE ");
    reply(&p, "200 OK", "t1", NULL, NULL);
    wait_heard(H_ENDED, 0, 2000);
    cr_assert_eq(heard_of(H_ANSWERED), 0u);
    close(p.fd);
    finish();
}

Test(sip_raw, a_cancelled_phone_that_agrees_ends_as_cancelled)
{
    static struct peer p, invite;
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", FAR, 60, 1);
    uint64_t leg = call_phone(101);
    must_hear(&p, "INVITE ");
    invite = p;
    reply(&p, "180 Ringing", "t1", NULL, NULL);
    wait_heard(H_RINGING, 0, 1000);
    job(J_HANGUP, &leg);
    must_hear(&p, "CANCEL ");
    reply(&p, "200 OK", "t1", NULL, NULL);
    invite.have = 0;
    reply(&invite, "487 Request Terminated", "t1", NULL, NULL);
    must_hear(&p, "ACK ");
    cr_assert_eq(wait_heard(H_ENDED, 0, 2000).how, JN_SIP_END_CANCEL);
    close(p.fd);
    finish();
}

Test(sip_raw, a_phone_that_never_answers_times_out)
{
    static struct peer p;
    fx.t1x64_ms = 1000;
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", FAR, 60, 1);
    call_phone(101);
    must_hear(&p, "INVITE ");
    struct heard h = wait_heard(H_ENDED, 0, 5000);
    cr_assert_eq(h.how, JN_SIP_END_TIMEOUT, "how %d", h.how);
    cr_assert_eq(h.status, 408);
    close(p.fd);
    finish();
}

Test(sip_raw, an_answer_that_nobody_acknowledges_times_out)
{
    static struct peer p;
    fx.t1x64_ms = 1000;
    start(true);
    peer_open(&p, false);
    invite_us(&p, "answer", "noack");
    must_hear(&p, "SIP/2.0 200");
    struct heard h = wait_heard(H_ENDED, 0, 6000);
    cr_assert_eq(h.how, JN_SIP_END_TIMEOUT, "how %d", h.how);
    cr_assert_eq(heard_of(H_CONFIRMED), 0u);
    close(p.fd);
    finish();
}

Test(sip_raw, a_hang_up_before_the_ack_waits_for_it)
{
    static struct peer p;
    char to[256];
    start(true);
    peer_open(&p, false);
    invite_us(&p, "answer", "early");
    must_hear(&p, "SIP/2.0 200");
    header(&p, "To", to, sizeof to);
    uint64_t leg = wait_heard(H_INVITE, 0, 100).leg;
    job(J_HANGUP, &leg);
    cr_assert(!hears(&p, "BYE ", 150), "a BYE before the ACK (RFC 3261 15)");
    in_dialog(&p, "ACK", 1, "early", to);
    must_hear(&p, "BYE ");
    reply(&p, "200 OK", "", NULL, NULL);
    wait_heard(H_ENDED, 0, 2000);
    cr_assert_eq(heard_of(H_CONFIRMED), 0u);
    close(p.fd);
    finish();
}

Test(sip_raw, a_caller_behind_nat_hears_our_bye)
{
    static struct peer p;
    char to[256];
    start(true);
    peer_open(&p, false);
    invite_from(&p, "answer", "nat", "sip:ann@10.9.9.9:5060");
    must_hear(&p, "SIP/2.0 200");
    header(&p, "To", to, sizeof to);
    in_dialog(&p, "ACK", 1, "nat", to);
    uint64_t leg = wait_heard(H_CONFIRMED, 0, 1000).leg;
    job(J_HANGUP, &leg);
    must_hear(&p, "BYE sip:ann@10.9.9.9");
    reply(&p, "200 OK", "", NULL, NULL);
    wait_heard(H_ENDED, 0, 2000);
    close(p.fd);
    finish();
}

Test(sip_raw, a_dialog_of_an_earlier_process_gets_its_bye)
{
    static struct peer p;
    char to[256], text[256];
    start(true);
    peer_open(&p, false);
    invite_us(&p, "answer", "old-call");
    must_hear(&p, "SIP/2.0 200");
    header(&p, "To", to, sizeof to);
    in_dialog(&p, "ACK", 1, "old-call", to);
    uint64_t leg = wait_heard(H_CONFIRMED, 0, 1000).leg;
    cr_assert_eq(job(J_DIALOG, &leg), 0);
    cr_assert_eq(job(J_BYE_OLD, NULL), 0); /* as a new process would: it knows nothing but the dialog's facts */
    must_hear(&p, "BYE sip:ann@127.0.0.1");
    cr_assert_str_eq(header(&p, "Call-ID", text, sizeof text), "old-call");
    cr_assert_not_null(strstr(header(&p, "To", text, sizeof text), ";tag=a"));
    cr_assert_not_null(strstr(to, strstr(header(&p, "From", text, sizeof text), ";tag=") + 5), "%s, %s", to, text);
    reply(&p, "200 OK", "", NULL, NULL);
    in_dialog(&p, "BYE", 2, "old-call", to);
    must_hear(&p, "SIP/2.0 200");
    close(p.fd);
    finish();
}

Test(sip_raw, the_newest_contact_wins_and_leaves)
{
    static struct peer a, b;
    start(false);
    peer_open(&a, false);
    peer_open(&b, false);
    registers(&a, "1001", "one", "<sip:1001@10.1.1.1>", 60, 1);
    registers(&b, "1001", "one", "<sip:1001@10.2.2.2>", 60, 1);
    call_phone(101);
    must_hear(&b, "INVITE sip:1001@10.2.2.2");
    cr_assert(!hears(&a, "INVITE", 50));
    reply(&b, "603 Decline", "t", NULL, NULL);
    registers(&b, "1001", "one", "<sip:1001@10.1.1.1>", 0, 10); /* not the one that is there: nothing leaves */
    cr_assert_eq(heard_of(H_PHONE), 1u);
    registers(&b, "1001", "one", "*", 0, 20);
    cr_assert(!wait_heard(H_PHONE, 1, 1000).on);
    uint64_t leg = 101;
    cr_assert_eq(job(J_CALL, &leg), -ENOTCONN);
    close(a.fd);
    close(b.fd);
    finish();
}

Test(sip_raw, credentials_that_were_overheard_cannot_be_used_again)
{
    static struct peer p;
    char auth[600];
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", FAR, 60, 1);
    authorization(&p, "1001", "one", auth, sizeof auth); /* the same nonce and count */
    send_register(&p, "1001", "<sip:evil@10.6.6.6>", 60, 7, auth);
    must_hear(&p, "SIP/2.0 401");
    cr_assert_not_null(strstr(p.msg, "stale=true"));
    p.nc++; /* its owner goes on counting */
    authorization(&p, "1001", "one", auth, sizeof auth);
    send_register(&p, "1001", FAR, 60, 8, auth);
    must_hear(&p, "SIP/2.0 200");
    jn_copy(p.nonce, sizeof p.nonce, "0000000000000001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    authorization(&p, "1001", "one", auth, sizeof auth);
    send_register(&p, "1001", FAR, 60, 9, auth);
    must_hear(&p, "SIP/2.0 401"); /* a nonce that is not ours proves nothing */
    close(p.fd);
    finish();
}

Test(sip_raw, a_registration_too_short_is_told_how_long)
{
    static struct peer p;
    char auth[600], text[64];
    start(false);
    peer_open(&p, false);
    send_register(&p, "1001", FAR, 2, 1, "");
    must_hear(&p, "SIP/2.0 401");
    take_nonce(&p);
    p.nc++;
    authorization(&p, "1001", "one", auth, sizeof auth);
    send_register(&p, "1001", FAR, 2, 2, auth);
    must_hear(&p, "SIP/2.0 423");
    cr_assert_str_eq(header(&p, "Min-Expires", text, sizeof text), "5");
    cr_assert_eq(heard_of(H_PHONE), 0u);
    close(p.fd);
    finish();
}

Test(sip_raw, a_phone_that_stops_registering_is_gone)
{
    static struct peer p;
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", FAR, 60, 1);
    cr_assert_eq(jn_sip_counts(fx.sip)->phones, 1);
    job(J_EXPIRE, NULL);
    struct heard h = wait_heard(H_PHONE, 1, 1000);
    cr_assert_eq(h.agent, 101);
    cr_assert(!h.on);
    cr_assert_eq(jn_sip_counts(fx.sip)->phones, 0);
    close(p.fd);
    finish();
}

Test(sip_raw, a_phone_that_redirects_to_the_world_is_a_refusal_and_is_not_followed)
{
    static struct peer p;
    char contact[64];
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", FAR, 60, 1);
    call_phone(101);
    must_hear(&p, "INVITE ");
    jn_copy(contact, sizeof contact, "sip:elsewhere@198.51.100.9");
    reply(&p, "302 Moved Temporarily", "t", contact, NULL);
    must_hear(&p, "ACK ");
    cr_assert_eq(wait_heard(H_ENDED, 0, 2000).status, 302);
    cr_assert(!hears(&p, "INVITE ", 100));
    close(p.fd);
    finish();
}

Test(sip_raw, a_delayed_offer_brings_its_answer_with_the_ack)
{
    static struct peer p;
    char head[256], to[256];
    start(true);
    peer_open(&p, false);
    say(&p,
        "INVITE sip:answer@127.0.0.1 SIP/2.0\r\n%sFrom: <sip:ann@x.test>;tag=a\r\nTo: <sip:x@y>\r\nCall-ID: late\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:ann@127.0.0.1:%u>\r\nContent-Length: 0\r\n\r\n",
        top(&p, head, sizeof head), p.port);
    must_hear(&p, "SIP/2.0 200");
    cr_assert_not_null(strstr(p.msg, "m=audio"));
    cr_assert(!wait_heard(H_INVITE, 0, 100).with_sdp);
    header(&p, "To", to, sizeof to);
    say(&p,
        "ACK sip:x@127.0.0.1:%u SIP/2.0\r\n%sFrom: <sip:ann@x.test>;tag=a\r\nTo: %s\r\nCall-ID: late\r\nCSeq: 1 ACK\r\n"
        "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
        fx.port, top(&p, head, sizeof head), to, strlen(SDP), SDP);
    struct heard h = wait_heard(H_CONFIRMED, 0, 1000);
    cr_assert(h.with_sdp);
    job(J_HANGUP, &h.leg);
    must_hear(&p, "BYE ");
    reply(&p, "200 OK", "", NULL, NULL);
    wait_heard(H_ENDED, 0, 2000);
    close(p.fd);
    finish();
}

Test(sip_raw, nonsense_is_counted_and_harms_nobody)
{
    static struct peer p;
    char head[256];
    start(true);
    peer_open(&p, false);
    say(&p, "%s", "nonsense\r\n\r\n");
    say(&p, "INVITE sip:x@127.0.0.1 SIP/2.0\r\n%sFrom: <<<\r\nTo: <sip:x@y>\r\nCall-ID: bad\r\nCSeq: x INVITE\r\n\r\n",
        top(&p, head, sizeof head));
    must_hear(&p, "SIP/2.0 400");
    say(&p,
        "WARP sip:x@127.0.0.1 SIP/2.0\r\n%sFrom: <sip:a@b>;tag=1\r\nTo: <sip:x@y>\r\nCall-ID: w\r\nCSeq: 1 "
        "WARP\r\n\r\n",
        top(&p, head, sizeof head));
    must_hear(&p, "SIP/2.0 50"); /* 501 */
    say(&p,
        "SUBSCRIBE sip:x@127.0.0.1 SIP/2.0\r\n%sFrom: <sip:a@b>;tag=1\r\nTo: <sip:x@y>\r\nCall-ID: s\r\nCSeq: 1 "
        "SUBSCRIBE\r\nEvent: x\r\n\r\n",
        top(&p, head, sizeof head));
    must_hear(&p, "SIP/2.0 405");
    in_dialog(&p, "BYE", 5, "never-was", "<sip:x@y>;tag=zz");
    must_hear(&p, "SIP/2.0 481");
    invite_us(&p, "486", "still-alive");
    must_hear(&p, "SIP/2.0 486");
    cr_assert_geq(jn_sip_counts(fx.sip)->malformed, 1);
    close(p.fd);
    finish();
}

Test(sip_raw, a_body_that_is_no_sdp_is_415)
{
    static struct peer p;
    char head[256];
    start(true);
    peer_open(&p, false);
    say(&p,
        "INVITE sip:answer@127.0.0.1 SIP/2.0\r\n%sFrom: <sip:ann@x.test>;tag=a\r\nTo: <sip:x@y>\r\nCall-ID: b\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:ann@127.0.0.1:%u>\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi",
        top(&p, head, sizeof head), p.port);
    must_hear(&p, "SIP/2.0 415");
    cr_assert_eq(heard_of(H_INVITE), 0u);
    close(p.fd);
    finish();
}
