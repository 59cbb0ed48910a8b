/* Load text: what callers and phones read and write: SIP messages, digest, HTTP answers, WebSocket frames; and what a
 * run is judged by. */
#include "engine/load/http_text.h"
#include "engine/load/report.h"
#include "engine/load/sip_text.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

TestSuite(load_text, .timeout = 60);

static bool same(struct jn_view v, const char *text)
{
    return v.n == strlen(text) && memcmp(v.p, text, v.n) == 0;
}

static const char invite[] = "INVITE sip:p7@10.0.0.1:5080 SIP/2.0\r\n"
                             "v: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK1;rport\r\n"
                             "Via: SIP/2.0/UDP 10.0.0.3,\r\n SIP/2.0/UDP 10.0.0.4\r\n"
                             "Record-Route: <sip:10.0.0.2;lr>\r\nRecord-Route: <sip:10.0.0.3;lr>\r\n"
                             "f: \"A > B\" <sip:c12@acme.test>;tag=abc;x=y\r\nTo: <sip:p7@acme.test>\r\n"
                             "i: 1234@host\r\nCSeq: 7 INVITE\r\nm: <sip:engine@10.0.0.2:5060>;expires=3\r\n"
                             "l: 4\r\n\r\nv=0\r";

Test(load_text, a_request_is_read)
{
    struct jn_sip_in m;
    char routes[256];
    cr_assert_eq(jn_sip_read(&m, invite, sizeof invite - 1), 0);
    cr_expect_eq(m.method, JN_SIP_INVITE);
    cr_expect_eq(m.status, 0);
    cr_expect_eq(m.cseq, 7);
    cr_expect_eq(m.vias, 2);
    cr_expect(same(m.uri, "sip:p7@10.0.0.1:5080"));
    cr_expect(same(m.from_tag, "abc"));
    cr_expect_eq(m.to_tag.n, 0);
    cr_expect(same(m.call_id, "1234@host"));
    cr_expect(same(m.contact, "sip:engine@10.0.0.2:5060"));
    cr_expect(same(m.body, "v=0\r"));
    jn_sip_routes(routes, sizeof routes, &m);
    cr_expect_str_eq(routes, "Route: <sip:10.0.0.2;lr>\r\nRoute: <sip:10.0.0.3;lr>\r\n");
}

Test(load_text, an_answer_is_read_and_its_route_is_turned_around)
{
    static const char text[] =
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>;tag=1\r\nTo: sip:c@d;tag=two\r\n"
        "Call-ID: x\r\nCSeq: 2 BYE\r\nRecord-Route: <sip:1;lr>\r\nRecord-Route: <sip:2;lr>\r\n\r\n";
    struct jn_sip_in m;
    char routes[64];
    cr_assert_eq(jn_sip_read(&m, text, sizeof text - 1), 0);
    cr_expect_eq(m.status, 200);
    cr_expect_eq(m.method, JN_SIP_BYE);
    cr_expect(same(m.to_tag, "two"));
    cr_expect_eq(m.body.n, 0);
    jn_sip_routes(routes, sizeof routes, &m);
    cr_expect_str_eq(routes, "Route: <sip:2;lr>\r\nRoute: <sip:1;lr>\r\n");
}

Test(load_text, what_is_no_message_is_refused)
{
    static const char *const bad[] = {
        "",
        "\r\n\r\n",
        "SIP/2.0 99 X\r\n\r\n",
        "SIP/2.0 700 X\r\n\r\n",
        "INVITE sip:x SIP/2.0\r\n\r\n",
        "INVITE sip:x SIP/3.0\r\nVia: x\r\nFrom: a\r\nTo: b\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n",
        "OPTIONS sip:x SIP/2.0\r\nVia: x\r\nFrom: a\r\nTo: b\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n",
        "OPTIONS sip:x SIP/2.0\r\nVia: x\r\nFrom: a\r\nTo: b\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nl: 9\r\n\r\n1234",
        "OPTIONS sip:x SIP/2.0\r\nVia: x\r\nno colon\r\nFrom: a\r\nTo: b\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"};
    struct jn_sip_in m;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_eq(jn_sip_read(&m, bad[i], strlen(bad[i])), -EBADMSG, "%s", bad[i]);
    for (size_t n = 0; n < sizeof invite - 1; n++) /* every cut of a good one */
        cr_expect_eq(jn_sip_read(&m, invite, n), -EBADMSG, "cut at %zu", n);
}

Test(load_text, an_answer_repeats_what_it_must)
{
    static struct jn_sip_out o;
    struct jn_sip_in q, a;
    cr_assert_eq(jn_sip_read(&q, invite, sizeof invite - 1), 0);
    jn_sip_put_answer(&o, &q, 180, "Ringing", "mine");
    jn_sip_put_body(&o, "", 0);
    cr_assert_not(o.full);
    cr_assert_eq(jn_sip_read(&a, o.p, o.n), 0);
    cr_expect_eq(a.status, 180);
    cr_expect_eq(a.vias, 2);
    cr_expect_eq(a.record_routes, 2);
    cr_expect(same(a.to_tag, "mine"));
    cr_expect(same(a.from_tag, "abc"));
    cr_expect(same(a.call_id, "1234@host"));
    cr_expect_eq(a.cseq, 7);
}

Test(load_text, too_much_text_is_told_and_not_cut)
{
    static struct jn_sip_out o;
    for (unsigned i = 0; i < 1000; i++)
        jn_sip_put(&o, "0123456789");
    cr_expect(o.full);
    cr_expect_lt(o.n, sizeof o.p);
}

/* RFC 2617 3.5's example, with the qop and client nonce that we use. */
Test(load_text, digest_is_what_the_rfc_says)
{
    static const char header[] =
        "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
        "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
    struct jn_sip_challenge c;
    static struct jn_sip_out o;
    char ha1[33];
    cr_assert_eq(jn_sip_challenge_read(&c, (struct jn_view){header, sizeof header - 1}), 0);
    cr_expect(c.qop_auth);
    cr_expect_str_eq(c.realm, "testrealm@host.com");
    jn_sip_ha1(ha1, "Mufasa", c.realm, "Circle Of Life");
    cr_expect_str_eq(ha1, "939e7578ed9e3c518a452acee763bce9");
    c.qop_auth = false; /* RFC 2069's form has a published answer: 670fd8c2df070c60b045671b8b24ff02 */
    jn_sip_put_credentials(&o, &c, false, "Mufasa", ha1, "GET", "/dir/index.html");
    cr_expect_not_null(strstr(o.p, "response=\"670fd8c2df070c60b045671b8b24ff02\""), "%s", o.p);
    cr_expect_not_null(strstr(o.p, "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""));
    cr_expect_eq(jn_sip_challenge_read(&c, (struct jn_view){"Basic realm=\"x\"", 15}), -EBADMSG);
    cr_expect_eq(jn_sip_challenge_read(&c, (struct jn_view){"Digest realm=\"x\",nonce=\"y\",algorithm=SHA-256", 43}),
                 -ENOTSUP);
    cr_expect_eq(jn_sip_challenge_read(&c, (struct jn_view){"Digest realm=\"x\",nonce=\"y", 25}), -EBADMSG);
}

Test(load_text, names_are_made_by_pattern)
{
    char out[8];
    cr_expect(jn_load_name(out, sizeof out, "a%d", 7));
    cr_expect_str_eq(out, "a7");
    cr_expect(jn_load_name(out, sizeof out, "x%dy", 12));
    cr_expect_str_eq(out, "x12y");
    cr_expect(jn_load_name(out, sizeof out, "%s%n", 1), "nothing but the number is a pattern");
    cr_expect_str_eq(out, "%s%n");
    cr_expect_not(jn_load_name(out, sizeof out, "number%d", 1234));
}

Test(load_text, http_answers_are_read)
{
    static const char text[] = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\ncontent-length:  18\r\n\r\n"
                               "{\"id\":\"7\",\"n\":1}  ";
    struct jn_http_in h;
    char id[8];
    size_t head = sizeof text - 1 - 18;
    for (size_t n = 0; n < head; n++)
        cr_expect_eq(jn_http_read(&h, text, n), 0, "cut at %zu", n);
    cr_assert_eq(jn_http_read(&h, text, sizeof text - 1), 1);
    cr_expect_eq(h.status, 201);
    cr_expect_eq(h.head, head);
    cr_expect_eq(h.body, 18);
    cr_expect_not(h.close);
    cr_expect(jn_http_member(id, sizeof id, text + head, 18, "id"));
    cr_expect_str_eq(id, "7");
    cr_expect_not(jn_http_member(id, sizeof id, text + head, 18, "token"));
    cr_expect_eq(jn_http_read(&h, "HTTP/1.1 200 OK\r\n\r\n", 19), -EBADMSG, "no length");
    cr_expect_eq(jn_http_read(&h, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 47), -EBADMSG);
    cr_expect_eq(jn_http_read(&h, "ICY 200 OK\r\ncontent-length: 0\r\n\r\n", 33), -EBADMSG);
}

Test(load_text, frames_are_read)
{
    static const uint8_t small[] = {0x81, 3, 'a', 'b', 'c'}, large[] = {0x82, 126, 1, 0}, masked[] = {0x81, 0x83};
    static const uint8_t huge[] = {0x81, 127, 1, 0, 0, 0, 0, 0, 0, 0};
    struct jn_ws_in f;
    cr_expect_eq(jn_ws_read(&f, small, 4), 0);
    cr_expect_eq(jn_ws_read(&f, small, 5), 1);
    cr_expect(f.fin && f.opcode == 1 && f.head == 2 && f.body == 3);
    cr_expect_eq(jn_ws_read(&f, large, 4), 0);
    cr_expect_eq(f.body, 256);
    cr_expect_eq(jn_ws_read(&f, masked, 2), -EBADMSG);
    cr_expect_eq(jn_ws_read(&f, huge, sizeof huge), -EBADMSG);
}

Test(load_text, a_figure_has_the_interval_of_its_repetitions)
{
    static const double v[] = {10, 12, 11, 13, 9};
    struct jn_load_figure f = jn_load_figure(v, 5);
    cr_expect(fabs(f.mean - 11) < 1e-9);
    cr_expect(fabs(f.half - 2.776 * sqrt(2.5 / 5)) < 1e-3, "%f", f.half); /* Student's t of 4 degrees of freedom */
    cr_expect(jn_load_figure(v, 1).half == 0);
}

/* One run of 10 legs at each side: 1 % of the sound missing at the phones, MOS 4.2; the generator 5 ms late. */
static struct jn_load_result result;

static struct jn_load_verdict judged(const struct jn_load_limits *l)
{
    struct jn_load_plan plan = {.calls = 10};
    struct jn_load_verdict v;
    memset(&result, 0, sizeof result);
    result.counts.begun = 10;
    result.counts.failed = 1;
    for (unsigned s = 0; s < JN_LOAD_SIDES; s++) {
        result.counts.heard[s].legs = 10;
        result.counts.heard[s].heard = s == JN_LOAD_AT_PHONE ? 99000 : 100000;
        result.counts.heard[s].missing = s == JN_LOAD_AT_PHONE ? 1000 : 0;
        for (unsigned i = 0; i < 10; i++) {
            jn_histo_add(&result.counts.heard[s].mos, 80);
            jn_histo_add(&result.counts.heard[s].delay_us, 40000);
            jn_histo_add(&result.media.late_us, 5000);
        }
    }
    jn_load_judge(&v, &plan, l, &result, 1);
    return v;
}

Test(load_text, limits_hold_or_are_named)
{
    static const struct {
        struct jn_load_limits l; /* loss, MOS, failed, delay, late */
        bool pass, valid;
        const char *says;
    } all[] = {{{-1, -1, 1, -1, -1}, true, true, ""},
               {{1.01, 4.19, 1, 45, 6}, true, true, ""},
               {{0.99, -1, 1, -1, -1}, false, true, "loss at the phones"},
               {{-1, 4.21, 1, -1, -1}, false, true, "MOS at the callers"},
               {{-1, -1, 0, -1, -1}, false, true, "1 failed"},
               {{-1, -1, 1, 35, -1}, false, true, "delay to the callers"},
               {{-1, -1, 1, -1, 4}, false, false, "the generator was late"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct jn_load_verdict v = judged(&all[i].l);
        cr_expect_eq(v.pass, all[i].pass, "%zu", i);
        cr_expect_eq(v.valid, all[i].valid, "%zu", i);
        cr_expect(v.pass ? v.reasons == 0 : v.reasons > 0 && strstr(v.reason[0], all[i].says) != NULL, "%zu: %s", i,
                  v.reason[0]);
    }
}
