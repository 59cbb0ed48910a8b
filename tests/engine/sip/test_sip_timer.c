/* Session timers on the wire (RFC 4028): who refreshes how, and what ends when nobody does. */
#include "tests/engine/sip/dialog.h"

TestSuite(sip_timer, .timeout = 60);

static struct peer p;

Test(sip_timer, a_session_too_short_is_told_how_long)
{
    char text[64];
    fx.session_min_s = 90;
    start(true);
    peer_open(&p, false);
    invite(&p, "answer", "short", "Supported: timer\r\nSession-Expires: 30\r\n", SDP);
    must_hear(&p, "SIP/2.0 422");
    cr_assert_str_eq(header(&p, "Min-SE", text, sizeof text), "90");
    cr_assert_eq(heard_of(H_INVITE), 0u);
    close(p.fd);
    finish();
}

Test(sip_timer, a_caller_that_vanishes_is_ended_when_its_session_is_over)
{
    struct talk t;
    fx.session_min_s = 1;
    start(true);
    peer_open(&p, false);
    answered(&p, &t, "gone", "Supported: timer\r\nSession-Expires: 3;refresher=uac\r\n");
    cr_assert_not_null(strcasestr(t.ok, "Session-Expires: 3;refresher=uac"), "%s", t.ok);
    cr_assert_not_null(strcasestr(t.ok, "Require: timer"), "%s", t.ok);
    usleep(1000000);
    inside(&p, &t, "UPDATE", "Supported: timer\r\nSession-Expires: 3;refresher=uac\r\n", NULL);
    must_hear(&p, "SIP/2.0 200");
    cr_assert(!hears(&p, "", 1500), "it was refreshed, and to refresh is the caller's part: %s", p.msg);
    cr_assert(hears(&p, "", 2000));
    cr_assert_eq(strncmp(p.msg, "BYE ", 4), 0, "%s", p.msg);
    cr_assert_not_null(strcasestr(p.msg, "cause=408"));
    reply(&p, "200 OK", "", NULL, NULL);
    struct heard h = wait_heard(H_ENDED, 0, 2000);
    cr_assert_eq(h.how, JN_SIP_END_TIMEOUT, "how %d", h.how);
    cr_assert_eq(jn_sip_counts(fx.sip)->expired, 1);
    close(p.fd);
    finish();
}

static void refreshed_by(const char *allow, const char *method, const char *other)
{
    fx.session_min_s = 1;
    fx.session_s = 60;
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", NEAR(&p), 60, 1);
    uint64_t leg = ring_agent(101);
    must_hear(&p, "INVITE ");
    cr_assert_not_null(strcasestr(p.msg, "Session-Expires: 60"), "%s", p.msg);
    char headers[256];
    snprintf(headers, sizeof headers, "%sSupported: timer\r\nRequire: timer\r\nSession-Expires: 6;refresher=uac\r\n",
             allow);
    reply_with(&p, "200 OK", "t1", headers, SDP);
    must_hear(&p, "ACK ");
    wait_heard(H_ANSWERED, 0, 1000);
    cr_assert(hears(&p, method, 2500), "no %s refreshed the session", method);
    cr_assert_not_null(strcasestr(p.msg, "Session-Expires: "), "%s", p.msg);
    bool sdp = strstr(p.msg, "m=audio");
    cr_assert_eq(sdp, !strcmp(method, "INVITE "));
    if (sdp)
        cr_assert_not_null(strstr(p.msg, "o=- 1 1 IN"), "the session as it is: %s", p.msg);
    reply_with(&p, "200 OK", "", "Supported: timer\r\nSession-Expires: 6;refresher=uac\r\n", sdp ? SDP : NULL);
    cr_assert(hears(&p, method, 2500), "and once more");
    reply_with(&p, "200 OK", "", "Supported: timer\r\nSession-Expires: 6;refresher=uac\r\n", sdp ? SDP : NULL);
    cr_assert(!hears(&p, other, 300));
    cr_assert_eq(heard_of(H_REINVITED), 0u, "nobody is told of a refresh");
    job(J_HANGUP, &leg);
    must_hear(&p, "BYE ");
    reply(&p, "200 OK", "", NULL, NULL);
    wait_heard(H_ENDED, 0, 2000);
    close(p.fd);
    finish();
}

Test(sip_timer, we_refresh_by_update_when_the_peer_allows_it)
{
    refreshed_by("Allow: INVITE, ACK, BYE, UPDATE\r\n", "UPDATE ", "INVITE ");
}
Test(sip_timer, we_refresh_by_reinvite_otherwise)
{
    refreshed_by("Allow: INVITE, ACK, BYE\r\n", "INVITE ", "UPDATE ");
}

Test(sip_timer, a_phone_that_answers_no_refresh_is_ended)
{
    fx.session_min_s = 1;
    fx.session_s = 3;
    fx.t1x64_ms = 1000;
    start(false);
    peer_open(&p, false);
    registers(&p, "1001", "one", NEAR(&p), 60, 1);
    ring_agent(101);
    must_hear(&p, "INVITE ");
    reply_with(&p, "200 OK", "t1", "Allow: UPDATE\r\n", SDP); /* knows no session timers: we refresh alone */
    must_hear(&p, "ACK ");
    must_hear(&p, "UPDATE ");
    struct heard h = wait_heard(H_ENDED, 0, 6000);
    cr_assert_eq(h.how, JN_SIP_END_TIMEOUT, "how %d", h.how);
    close(p.fd);
    finish();
}
