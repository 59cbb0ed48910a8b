/* Flows, calendars and how agents answer, in the centre's YAML: everything reaches the directory, every mistake is one
 * line, every change is told. */
#include "engine/app/config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(config_flows, .timeout = 60);

static const char good[] = "version: 1\n"
                           "tenants:\n"
                           "  - name: acme\n"
                           "    domain: acme.example\n"
                           "    skills: [german]\n"
                           "    announce_agent: acme-name\n"                                              /* 6 */
                           "    queues:\n"                                                                /* 7 */
                           "      - {name: sales, number: '100', announce_agent: [sales-name, please]}\n" /* 8 */
                           "      - {name: night}\n"                                                      /* 9 */
                           "    agents:\n"                                                                /* 10 */
                           "      - name: ann\n"                                                          /* 11 */
                           "        phone: {user: '1', secret: secret}\n"                                 /* 12 */
                           "        answer: nailed\n"                                                     /* 13 */
                           "        accept: desk\n"                                                       /* 14 */
                           "    calendars:\n"                                                             /* 15 */
                           "      - name: office\n"                                                       /* 16 */
                           "        zone: Europe/Berlin\n"                                                /* 17 */
                           "        week: ['mon-fri 08:00-18:00']\n"                                      /* 18 */
                           "        dates: ['2026-12-25 closed']\n"                                       /* 19 */
                           "    flows:\n"                                                                 /* 20 */
                           "      - name: welcome\n"                                                      /* 21 */
                           "        number: '200'\n"                                                      /* 22 */
                           "        hours: office\n"                                                      /* 23 */
                           "        closed: {play: we-are-closed, go: {queue: night}}\n"                  /* 24 */
                           "        greeting: [hello, again]\n"                                           /* 25 */
                           "        notice: {play: recorded, decline: '1', wait: 2s}\n"                   /* 26 */
                           "        menu:\n"                                                              /* 27 */
                           "          play: [for-sales]\n"                                                /* 28 */
                           "          wrong: sorry\n"                                                     /* 29 */
                           "          timeout: 4s\n"                                                      /* 30 */
                           "          retries: 1\n"                                                       /* 31 */
                           "          choices:\n"                                                         /* 32 */
                           "            1: {queue: sales, priority: 8, skills: {german: 5}}\n"            /* 33 */
                           "            2: {flow: second}\n"                                              /* 34 */
                           "            '*': repeat\n"                                                    /* 35 */
                           "            '#': hangup\n"                                                    /* 36 */
                           "        go: {queue: night}\n"                                                 /* 37 */
                           "      - {name: second, notice: {play: recorded}, go: {queue: sales}}\n";

static char *with(const char *from, const char *to)
{
    const char *at = strstr(good, from);
    char *out = malloc(sizeof good + strlen(to) + 1);

    cr_assert_not_null(at, "%s", from);
    sprintf(out, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return out;
}

static struct jn_directory *centre(const char *text)
{
    struct jn_problems p = {0};
    struct jn_directory *d;

    cr_assert_eq(jn_centre_parse(&d, NULL, "c.yaml", text, strlen(text), &p), 0, "%s", p.text.data);
    return d;
}

Test(config_flows, everything_reaches_the_directory)
{
    struct jn_directory *d = centre(good);
    uint64_t tenant = d->tenants[0].id;
    const struct jn_flow *f = jn_dir_flow_number(d, tenant, "200"), *second = jn_dir_flow_named(d, tenant, "second");
    const struct jn_dir_queue *sales = jn_dir_queue_named(d, tenant, "sales"),
                              *night = jn_dir_queue_named(d, tenant, "night");

    cr_assert(f && second && f == jn_dir_flow_named(d, tenant, "welcome") && jn_dir_flow(d, f->id) == f);
    cr_assert_null(jn_dir_flow_number(d, tenant, "100"), "that is a queue's");
    cr_assert_null(jn_dir_flow_number(d, tenant + 1, "200"));
    const struct jn_calendar *c = jn_dir_calendar(d, f->hours);
    cr_assert(c && !strcmp(jn_zone_name(c->zone), "Europe/Berlin") && c->n_week == 5 && c->n_dates == 1);
    cr_assert_str_eq(d->tenants[0].announce.sound[0], "acme-name");
    cr_assert(sales->announce.n == 2 && !strcmp(sales->announce.sound[1], "please"));
    const struct jn_dir_agent *ann = jn_dir_agent_named(d, tenant, "ann");
    cr_assert(ann->answer == JN_ANSWER_NAILED && ann->accept == JN_ACCEPT_DESK);
    cr_assert(f->closed.n == 1 && f->closed_go.go == JN_GO_QUEUE && f->closed_go.target == night->set.id);
    cr_assert(f->greeting.n == 2 && !strcmp(f->greeting.sound[1], "again"));
    cr_assert(f->notice.say.n == 1 && f->notice.decline == '1' && f->notice.wait_ms == 2000);
    cr_assert_eq(f->notice.record, JN_NOTICE_AFTER, "who may decline is not recorded before");
    cr_assert_eq(second->notice.record, JN_NOTICE_WITH);
    cr_assert(f->menu && f->timeout_ms == 4000 && f->retries == 1 &&
              f->keys == (1u << 1 | 1u << 2 | 1u << 10 | 1u << 11));
    cr_assert(f->key[1].target == sales->set.id && f->key[1].priority == 8 && f->key[1].skills == 1 &&
              f->key[1].skill[0].level == 5);
    cr_assert(f->key[2].go == JN_GO_FLOW && f->key[2].target == second->id);
    cr_assert(f->key[10].go == JN_GO_REPEAT && f->key[11].go == JN_GO_HANGUP);
    cr_assert(f->go.target == night->set.id && f->go.priority == 255);
    jn_directory_unref(d);
}

Test(config_flows, each_mistake_is_one_line)
{
    static const struct {
        const char *from, *to, *want;
    } all[] = {
        {"zone: Europe/Berlin", "zone: Europe/Berlinn", "c.yaml:17 tenants[0].calendars[0].zone: \"Europe/Berlinn\""},
        {"zone: Europe/Berlin", "zone: ../../etc/passwd",
         "c.yaml:17 tenants[0].calendars[0].zone: \"../../etc/passwd\""},
        {"zone: Europe/Berlin", "zone: Europe", "c.yaml:17 tenants[0].calendars[0].zone: \"Europe\""},
        {"'mon-fri 08:00-18:00'", "'mon-fri 8-18'", "c.yaml:18 tenants[0].calendars[0].week[0]: \"mon-fri 8-18\""},
        {"'2026-12-25 closed'", "'2026-02-30 closed'", "c.yaml:19 tenants[0].calendars[0].dates[0]: \"2026-02-30"},
        {"hours: office", "hours: offise",
         "c.yaml:23 tenants[0].flows[0].hours: \"offise\" is not defined; did you mean \"office\"?"},
        {"go: {queue: night}}\n", "go: {queue: nigth}}\n",
         "c.yaml:24 tenants[0].flows[0].closed.go.queue: \"nigth\" is not defined; did you mean \"night\"?"},
        {"number: '200'", "number: '100'", "c.yaml:22 tenants[0].flows[0].number: \"100\" is there twice"},
        {"decline: '1'", "decline: '12'", "c.yaml:26 tenants[0].flows[0].notice.decline: must be one of"},
        {"decline: '1'", "record: with, decline: '1'",
         "c.yaml:26 tenants[0].flows[0].notice.decline: needs record: after"},
        {"timeout: 4s", "timeout: 4", "c.yaml:30 tenants[0].flows[0].menu.timeout: \"4\" is not a duration"},
        {"retries: 1", "retries: 10", "c.yaml:31 tenants[0].flows[0].menu.retries: \"10\" is not a whole number"},
        {"1: {queue: sales", "11: {queue: sales", "c.yaml:33 tenants[0].flows[0].menu.choices.11: is no key"},
        {"priority: 8", "priority: 12", "c.yaml:33 tenants[0].flows[0].menu.choices.1.priority: \"12\""},
        {"german: 5", "germann: 5", "c.yaml:33 tenants[0].flows[0].menu.choices.1.skills: \"germann\" is not defined"},
        {"{flow: second}", "{flow: second, queue: sales}",
         "c.yaml:34 tenants[0].flows[0].menu.choices.2: leads either to a queue or to a flow"},
        {"{flow: second}", "{flow: second, priority: 3}",
         "c.yaml:34 tenants[0].flows[0].menu.choices.2: priority and skills"},
        {"repeat", "repeet", "c.yaml:35 tenants[0].flows[0].menu.choices.*: must be hangup, repeat"},
        {", go: {queue: sales}}", "}", "c.yaml:38 tenants[0].flows[1]: leads nowhere"},
        {"play: recorded}, go", "record: with}, go", "c.yaml:38 tenants[0].flows[1].notice.play: is missing"},
        {"        hours: office\n", "", "c.yaml:23 tenants[0].flows[0]: closed has no meaning without hours"},
        {"greeting: [hello, again]", "greeting: [a, b, c, d, e, f, g]",
         "c.yaml:25 tenants[0].flows[0].greeting: more than 6 sounds"},
        {"answer: nailed", "answer: nail",
         "c.yaml:13 tenants[0].agents[0].answer: \"nail\" is none of phone, auto, nailed"},
        {"acme-name", "/etc/passwd", "c.yaml:6 tenants[0].announce_agent: must be a sound's name"},
    };

    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        struct jn_problems p = {0};
        struct jn_directory *d;
        char *text = with(all[i].from, all[i].to);
        cr_assert_eq(jn_centre_parse(&d, NULL, "c.yaml", text, strlen(text), &p), -EINVAL, "taken: %s", all[i].to);
        const char *first = strstr(p.text.data, all[i].want);
        cr_expect_eq(first, p.text.data, "is:   %s\nwant: %s", p.text.data, all[i].want);
        cr_expect_leq(p.count, 2, "%s: %s", all[i].to, p.text.data); /* a wrong answer: accept is wrong with it */
        jn_problems_free(&p);
        free(text);
    }
}

Test(config_flows, accept_is_for_nailed_lines)
{
    struct jn_problems p = {0};
    struct jn_directory *d;
    char *text = with("answer: nailed", "answer: auto");

    cr_assert_eq(jn_centre_parse(&d, NULL, "c.yaml", text, strlen(text), &p), -EINVAL);
    cr_assert_not_null(strstr(p.text.data, "c.yaml:14 tenants[0].agents[0].accept"), "%s", p.text.data);
    jn_problems_free(&p);
    free(text);
}

Test(config_flows, every_change_is_told)
{
    static const struct {
        const char *from, *to, *want;
    } all[] = {
        {"zone: Europe/Berlin", "zone: Europe/Rome", "{\"what\":\"calendar acme/office\",\"change\":\"zone "},
        {"08:00-18:00", "08:00-17:00", "\"calendar acme/office\",\"change\":\"week changed\""},
        {"2026-12-25", "2026-12-24", "\"calendar acme/office\",\"change\":\"dates changed\""},
        {"number: '200'", "number: '201'", "\"flow acme/welcome\",\"change\":\"number "},
        {"we-are-closed", "we-are-shut", "closed.play changed"},
        {"go: {queue: night}}", "go: hangup}", "closed.go changed"},
        {"[hello, again]", "[hello]", "greeting changed"},
        {"{play: recorded, decl", "{play: recording, decl", "notice.play changed"},
        {"decline: '1'", "decline: '2'", "notice.decline changed"},
        {"play: recorded}", "play: recorded, record: after}",
         "\"flow acme/second\",\"change\":\"notice.record after\""},
        {"wait: 2s", "wait: 3s", "notice.wait 2 s -> 3 s"},
        {"[for-sales]", "[for-sale]", "menu.play changed"},
        {"wrong: sorry", "wrong: what", "menu.wrong changed"},
        {"timeout: 4s", "timeout: 5s", "menu.timeout 4 s -> 5 s"},
        {"retries: 1", "retries: 2", "menu.retries 1 -> 2"},
        {"priority: 8", "priority: 7", "menu.choices changed"},
        {"german: 5", "german: 4", "menu.choices changed"},
        {"'#': hangup", "'0': hangup", "menu.choices changed"},
        {"        go: {queue: night}", "        go: {queue: sales}", "\"flow acme/welcome\",\"change\":\"go changed\""},
        {"announce_agent: acme-name", "announce_agent: acme", "\"tenant acme\",\"change\":\"announce_agent changed\""},
        {"[sales-name, please]", "[sales-name]", "\"queue acme/sales\",\"change\":\"announce_agent changed\""},
        {"accept: desk", "accept: auto", "accept \\\"desk\\\" -> \\\"auto\\\""},
        {"answer: nailed\n        accept: desk", "answer: auto", "answer \\\"nailed\\\" -> \\\"auto\\\""},
        {"name: second", "name: third", "\"flow acme/second\",\"change\":\"removed\""},
    };
    struct jn_directory *a = centre(good);
    struct jn_buf json = {0};

    jn_centre_difference(a, a, &json);
    cr_assert_str_eq(json.data, "{\"changes\":[]}");
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        char *text = with(all[i].from, all[i].to), *again = NULL;
        if (!strcmp(all[i].from, "name: second")) { /* and the choice that leads there */
            again = malloc(strlen(text) + 1);
            char *at = strstr(text, "flow: second");
            sprintf(again, "%.*sflow: third%s", (int)(at - text), text, at + strlen("flow: second"));
        }
        struct jn_directory *b = centre(again ? again : text);
        jn_buf_clear(&json);
        jn_centre_difference(a, b, &json);
        cr_expect_not_null(strstr(json.data, all[i].want), "%s: %s", all[i].to, json.data);
        jn_directory_unref(b);
        free(text);
        free(again);
    }
    jn_buf_free(&json);
    jn_directory_unref(a);
}
