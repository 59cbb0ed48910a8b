/* sip.tls and the session timers: every key reaches its field, every mistake has its line. */
#include "engine/app/config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(config_tls, .timeout = 60);

static int parse(struct jn_config *c, const char *text, struct jn_problems *p)
{
    return jn_config_parse(c, "m.yaml", text, strlen(text), p);
}

static void mistake(const char *text, const char *want)
{
    struct jn_problems p = {0};
    struct jn_config c;

    cr_assert_eq(parse(&c, text, &p), -EINVAL, "taken: %s", text);
    cr_assert_eq(p.count, 1, "%s", p.text.data);
    cr_assert_eq(strncmp(p.text.data, want, strlen(want)), 0, "is:   %s\nwant: %s", p.text.data, want);
    jn_problems_free(&p);
}

Test(config_tls, every_key_reaches_its_field)
{
    struct jn_problems p = {0};
    struct jn_config c;

    cr_assert_eq(
        parse(&c,
              "centre: ''\nsip:\n  session_expires: 20m\n  session_min: 2m\n"
              "  tls: {port: 5099, certificate: /etc/passwd, key: /etc/group, ca: /etc/hosts, verify_peer: false}\n",
              &p),
        0, "%s", p.text.data ? p.text.data : "");
    cr_assert_eq(c.session_expires_s, 1200);
    cr_assert_eq(c.session_min_s, 120);
    cr_assert_eq(c.tls_port, 5099);
    cr_assert_str_eq(c.tls_certificate, "/etc/passwd");
    cr_assert_str_eq(c.tls_key, "/etc/group");
    cr_assert_str_eq(c.tls_ca, "/etc/hosts");
    cr_assert(!c.tls_verify_peer);
}

Test(config_tls, what_is_left_out_has_its_default)
{
    struct jn_problems p = {0};
    struct jn_config c;

    cr_assert_eq(parse(&c, "centre: ''\n", &p), 0);
    cr_assert_eq(c.tls_port, 0, "no TLS unless it is asked for");
    cr_assert_eq(c.session_expires_s, 1800);
    cr_assert_eq(c.session_min_s, 90);
    cr_assert_eq(
        parse(&c, "centre: ''\nsip: {session_expires: 0s, tls: {certificate: /etc/passwd, key: /etc/group}}\n", &p), 0,
        "%s", p.text.data ? p.text.data : "");
    cr_assert_eq(c.tls_port, 5061);
    cr_assert(c.tls_verify_peer);
    cr_assert_eq(c.session_expires_s, 0);
}

Test(config_tls, each_mistake_is_told_with_line_and_key)
{
    mistake("centre: ''\nsip:\n  tls: {key: /etc/group}\n", "m.yaml:3 sip.tls.certificate: is missing");
    mistake("centre: ''\nsip:\n  tls: {certificate: /etc/group}\n", "m.yaml:3 sip.tls.key: is missing");
    mistake("centre: ''\nsip:\n  tls:\n    certificate: /nowhere.pem\n    key: /etc/group\n",
            "m.yaml:4 sip.tls.certificate: \"/nowhere.pem\" cannot be read");
    mistake("centre: ''\nsip:\n  tls:\n    certificate: /etc/group\n    key: /etc/group\n    ca: /nowhere.pem\n",
            "m.yaml:6 sip.tls.ca: \"/nowhere.pem\" cannot be read");
    mistake("centre: ''\nsip:\n  tls: {certificate: /etc/group, key: /etc/group, prot: 1}\n",
            "m.yaml:3 sip.tls.prot: is not a known key; did you mean \"port\"?");
    mistake("centre: ''\nsip:\n  tls: {certificate: /etc/group, key: /etc/group, verify_peer: perhaps}\n",
            "m.yaml:3 sip.tls.verify_peer: ");
    mistake("centre: ''\nsip:\n  tls: {certificate: /etc/group, key: /etc/group, port: 5060}\n",
            "m.yaml:3 sip.tls.port: 5060 is sip.port too");
    mistake("centre: ''\nsip:\n  tls: {certificate: /etc/group, key: /etc/group, port: 8080}\n",
            "m.yaml:3 sip.tls.port: 8080 is api.port too");
    mistake("centre: ''\nsip:\n  tls: 5\n", "m.yaml:3 sip.tls: must be a mapping");
    mistake("centre: ''\nsip:\n  session_expires: 60s\n", "m.yaml:3 sip.session_expires: 60 s is shorter than");
    mistake("centre: ''\nsip:\n  session_min: 1\n", "m.yaml:3 sip.session_min: ");
}
