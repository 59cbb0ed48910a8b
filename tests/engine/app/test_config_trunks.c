#include "engine/app/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(config_trunks, .timeout = 60);

static const char good[] = "version: 1\n"                                                                   /* 1 */
                           "tenants:\n"                                                                     /* 2 */
                           "  - name: acme\n"                                                               /* 3 */
                           "    domain: acme.example\n"                                                     /* 4 */
                           "    queues: [{name: bills}, {name: sales}]\n"                                   /* 5 */
                           "    trunks:\n"                                                                  /* 6 */
                           "      - name: one\n"                                                            /* 7 */
                           "        from: [192.0.2.0/24]\n"                                                 /* 8 */
                           "        to: [sip.one.example, '192.0.2.1:5062/tcp', '[2001:db8::1]/tls']\n"     /* 9 */
                           "        domain: one.example\n        user: acme\n        secret: pa ss\n"       /* 10-12 */
                           "        register: {user: '4930555', expires: 5m}\n"                             /* 13 */
                           "        caller_id: +4930555\n        max_channels: 30\n"                        /* 14-15 */
                           "        max_calls_per_s: 5\n        probe: 10s\n        probe_failures: 2\n"    /* 16-18 */
                           "        next_on: [404, 500-599]\n        follow: true\n        country: '49'\n" /* 19-21 */
                           "        international: '00'\n        national: '0'\n        dial: national\n"   /* 22-24 */
                           "        trusted: true\n        asserts: true\n"                                 /* 25-26 */
                           "      - {name: two, to: ['192.0.2.9']}\n"                                       /* 27 */
                           "    routes:\n"                                                                  /* 28 */
                           "      - {prefix: '+49', trunks: [one, {trunk: two, order: 0, weight: 7}]}\n"    /* 29 */
                           "      - {trunks: [two]}\n"                                                      /* 30 */
                           "    numbers:\n"                                                                 /* 31 */
                           "      - {number: +49301, queue: bills}\n"                                       /* 32 */
                           "      - {prefix: +4940, queue: sales}\n"                                        /* 33 */
                           "      - {range: +49301200-+49301299, queue: sales}\n";                          /* 34 */

static struct jn_directory *load(const char *text, struct jn_problems *p)
{
    struct jn_directory *d;

    jn_centre_parse(&d, NULL, "c.yaml", text, strlen(text), p);
    return d;
}

static char *with(const char *from, const char *to)
{
    const char *at = strstr(good, from);
    char *out = malloc(sizeof good + strlen(to) + 1);

    cr_assert_not_null(at, "%s", from);
    sprintf(out, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return out;
}

Test(config_trunks, everything_reaches_the_directory)
{
    struct jn_problems p = {0};
    struct jn_directory *d = load(good, &p);

    cr_assert_not_null(d, "%s", p.text.data);
    const struct jn_dir_trunk *t = &d->trunks[0], *two = &d->trunks[1];
    cr_expect_eq(jn_dir_trunk(d, t->id), t);
    cr_expect_eq(t->tos, 3);
    cr_expect_str_eq(t->to[0].host, "sip.one.example");
    cr_expect_eq(t->to[0].port, 5060);
    cr_expect_eq(t->to[1].port, 5062);
    cr_expect_eq(t->to[1].transport, JN_TRANSPORT_TCP);
    cr_expect_str_eq(t->to[2].host, "2001:db8::1");
    cr_expect_eq(t->to[2].port, 5061);
    cr_expect_eq(t->to[2].transport, JN_TRANSPORT_TLS);
    cr_expect_str_eq(t->secret, "pa ss");
    cr_expect_str_eq(t->reg_user, "4930555");
    cr_expect_eq(t->reg_expires_s, 300u);
    cr_expect_str_eq(t->caller_id, "+4930555");
    cr_expect_eq(t->max_channels, 30u);
    cr_expect_eq(t->max_calls_per_s, 5u);
    cr_expect_eq(t->probe_s, 10u);
    cr_expect_eq(t->probe_failures, 2u);
    cr_expect_eq(t->next_ons, 2);
    cr_expect_eq(t->next_on[0].low, 404);
    cr_expect_eq(t->next_on[0].high, 404);
    cr_expect_eq(t->next_on[1].high, 599);
    cr_expect(t->follow && t->trusted && t->asserts);
    cr_expect_eq(t->dial, JN_DIAL_NATIONAL);
    cr_expect_str_eq(t->country, "49");
    cr_expect_eq(two->probe_s, 30u, "asked unless told otherwise");
    cr_expect_eq(two->next_ons, 2);
    cr_expect_eq(two->next_on[0].low, 408);
    cr_expect_eq(two->reg_expires_s, 0u);
    const struct jn_dir_route *r = jn_dir_route(d, t->tenant, "+4930");
    cr_assert_not_null(r);
    cr_expect_eq(r->vias, 2);
    cr_expect_eq(r->via[1].trunk, two->id);
    cr_expect_eq(r->via[1].weight, 7);
    cr_expect_eq(r->via[1].order, 0);
    cr_expect_eq(jn_dir_route(d, t->tenant, "110"), &d->routes[1]);
    cr_expect_str_eq(jn_dir_number(d, t->tenant, "+49301")->name, "bills");
    cr_expect_str_eq(jn_dir_number(d, t->tenant, "+49301250")->name, "sales");
    cr_expect_eq(jn_dir_number(d, t->tenant, "+4940")->target, d->queues[1].set.id);
    jn_directory_unref(d);
    jn_problems_free(&p);
}

Test(config_trunks, each_mistake_is_told_with_line_and_key)
{
    static const struct {
        const char *from, *to, *line;
    } cases[] = {
        {"sip.one.example, ", "'', ", ":9 tenants[0].trunks[0].to[0]: "},
        {"5062/tcp", "0/tcp", ":9 tenants[0].trunks[0].to[1]: "},
        {"5062/tcp", "5062/sctp", ":9 tenants[0].trunks[0].to[1]: "},
        {"[2001:db8::1]/tls", "[192.0.2.1]/tls", ":9 tenants[0].trunks[0].to[2]: "},
        {"secret: pa ss", "secret: 'a:b'", ":12 tenants[0].trunks[0].secret: "},
        {"        secret: pa ss\n", "", ":11 tenants[0].trunks[0].user: user and secret go together"},
        {"user: acme", "user: 'a b'", ":11 tenants[0].trunks[0].user: "},
        {"expires: 5m", "expires: 5s", ":13 tenants[0].trunks[0].register.expires: "},
        {"user: '4930555'", "user: 'a@b'", ":13 tenants[0].trunks[0].register.user: "},
        {"caller_id: +4930555", "caller_id: '+49 30'", ":14 tenants[0].trunks[0].caller_id: "},
        {"probe_failures: 2", "probe_failures: 0", ":18 tenants[0].trunks[0].probe_failures: "},
        {"[404, 500-599]", "[486]", ":19 tenants[0].trunks[0].next_on[0]: after 486"},
        {"[404, 500-599]", "[500-603]", ":19 tenants[0].trunks[0].next_on[0]: after 486"},
        {"[404, 500-599]", "[599-500]", ":19 tenants[0].trunks[0].next_on[0]: "},
        {"[404, 500-599]", "[200]", ":19 tenants[0].trunks[0].next_on[0]: "},
        {"country: '49'", "country: '+49'", ":21 tenants[0].trunks[0].country: "},
        {"national: '0'", "national: x", ":23 tenants[0].trunks[0].national: "},
        {"        international: '00'\n", "", ":23 tenants[0].trunks[0].dial: needs international"},
        {", to: ['192.0.2.9']", "", ":27 tenants[0].trunks[1].from: is missing"},
        {"name: two", "name: one", ":27 tenants[0].trunks[1].name: \"one\" is there twice"},
        {"to: ['192.0.2.9']", "to: ['192.0.2.9'], srtp: required",
         ":29 routes.trunks: trunks \"one\" and \"two\" differ"},
        {"to: ['192.0.2.9']", "from: ['192.0.2.9']", ":30 routes.trunks: trunk \"two\" has no to"},
        {"[one, {", "[onne, {", ":29 tenants[0].routes[0].trunks[0]: \"onne\" is not defined; did you mean \"one\"?"},
        {"weight: 7", "weight: 0", ":29 tenants[0].routes[0].trunks[1].weight: "},
        {"prefix: '+49', ", "", ":30 tenants[0].routes[1].prefix: \"\" is there twice"},
        {"number: +49301,", "number: +49301, prefix: +4,", ":32 tenants[0].numbers[0].number: each entry has one of"},
        {"number: +49301,", "", ":32 tenants[0].numbers[0].number: each entry has one of"},
        {"queue: bills}", "queue: bill}", ":32 tenants[0].numbers[0].queue: \"bill\" is not defined"},
        {", queue: bills}", "}", ":32 tenants[0].numbers[0].queue: what the number reaches"},
        {"queue: bills}", "flow: x}", ":32 tenants[0].numbers[0].flow: \"x\" is not defined"},
        {"+49301299", "+493012990", ":34 tenants[0].numbers[2].range: "},
        {"+49301299, ", "+49301199, ", ":34 tenants[0].numbers[2].range: "},
        {"prefix: +4940", "range: +49301250-+49301260", ":34 numbers.range: overlaps with the range in line 33"},
        {"prefix: +4940", "number: +49301", ":33 tenants[0].numbers[1].number: \"+49301\" is there twice"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct jn_problems p = {0};
        char *text = with(cases[i].from, cases[i].to);
        struct jn_directory *d = load(text, &p);

        cr_expect_null(d, "taken: %s", cases[i].to);
        cr_expect(p.text.data && strstr(p.text.data, cases[i].line), "%s:\n%s", cases[i].line,
                  p.text.data ? p.text.data : "");
        cr_expect_leq(p.count, 3u, "%s:\n%s", cases[i].line, p.text.data ? p.text.data : "");
        cr_expect(!p.text.data || !strstr(p.text.data, "pa ss"), "a secret was printed");
        jn_directory_unref(d);
        jn_problems_free(&p);
        free(text);
    }
}

Test(config_trunks, a_change_of_every_key_is_shown_and_no_secret)
{
    static const struct {
        const char *from, *to, *line;
    } cases[] = {
        {"192.0.2.0/24", "192.0.3.0/24", "from changed"},
        {"5062/tcp", "5063/tcp", "to changed"},
        {"domain: one.example", "domain: 1.example", "domain \\\"one.example\\\" -> \\\"1.example\\\""},
        {"user: acme", "user: acme2", "user \\\"acme\\\""},
        {"pa ss", "other", "\"change\":\"secret changed\""},
        {"user: '4930555'", "user: '4930556'", "register user"},
        {"expires: 5m", "expires: 6m", "register expires 300 s -> 360 s"},
        {"caller_id: +4930555", "caller_id: +4930556", "caller_id"},
        {"max_channels: 30", "max_channels: 31", "max_channels 30 -> 31"},
        {"max_calls_per_s: 5", "max_calls_per_s: 6", "max_calls_per_s 5 -> 6"},
        {"probe: 10s", "probe: 11s", "probe 10 s -> 11 s"},
        {"probe_failures: 2", "probe_failures: 3", "probe_failures 2 -> 3"},
        {"[404, 500-599]", "[404, 500-598]", "next_on changed"},
        {"follow: true", "follow: false", "follow off"},
        {"country: '49'", "country: '48'", "country"},
        {"international: '00'", "international: '011'", "international"},
        {"        national: '0'", "        national: '8'", "national"},
        {"dial: national", "dial: plain", "dial \\\"national\\\" -> \\\"plain\\\""},
        {"trusted: true", "trusted: false", "trusted off"},
        {"asserts: true", "asserts: false", "asserts off"},
        {"weight: 7", "weight: 8", "\"what\":\"route acme/+49\",\"change\":\"trunks changed\""},
        {"      - {trunks: [two]}\n", "", "\"what\":\"route acme/\",\"change\":\"removed\""},
        {"queue: bills}", "queue: sales}", "\"what\":\"number acme/+49301\",\"change\":\"reaches bills -> sales\""},
        {"prefix: +4940", "prefix: +4941", "\"what\":\"number prefix acme/+4941\",\"change\":\"new\""},
        {"prefix: +4940", "prefix: +4941", "\"what\":\"number prefix acme/+4940\",\"change\":\"removed\""},
        {"+49301299", "+49301298", "\"what\":\"number range acme/+49301200-+49301298\",\"change\":\"new\""},
    };
    struct jn_problems p = {0};
    struct jn_directory *a = load(good, &p);

    cr_assert_not_null(a);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = with(cases[i].from, cases[i].to);
        struct jn_directory *b = load(text, &p);
        struct jn_buf json = {0};

        cr_assert_not_null(b, "%s", p.text.data);
        jn_centre_difference(a, b, &json);
        cr_expect(strstr(json.data, cases[i].line), "%s: %s", cases[i].line, json.data);
        cr_expect_not(strstr(json.data, "pa ss") || strstr(json.data, "other"), "%s", json.data);
        jn_buf_free(&json);
        jn_directory_unref(b);
        free(text);
    }
    jn_directory_unref(a);
    jn_problems_free(&p);
}
