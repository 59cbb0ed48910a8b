#include "engine/app/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(config_serves, .timeout = 60);

/* Two tenants; the agent of the first says what it serves. */
static int parse(const char *serves, struct jn_directory **d, struct jn_problems *p)
{
    char text[2048];
    snprintf(text, sizeof text,
             "version: 1\ntenants:\n  - name: bpo\n    domain: bpo.test\n    skills: [chat]\n    agents:\n"
             "      - name: ann\n        skills: {chat: 5}\n        serves: %s\n        capacity: {chat: 2}\n"
             "  - name: acme\n    domain: acme.test\n    skills: [boats, cars]\n    queues:\n"
             "      - {name: q, channels: [chat], skills: {boats: 2}}\n",
             serves);
    *p = (struct jn_problems){0};
    return jn_centre_parse(d, NULL, "c.yaml", text, strlen(text), p);
}

Test(config_serves, skills_of_another_tenant)
{
    struct jn_directory *d;
    struct jn_problems p;
    cr_assert_eq(parse("{acme: {boats: 7, cars: 1}}", &d, &p), 0, "%s", p.text.data);
    const struct jn_dir_agent *a = &d->agents[0];
    cr_assert_eq(a->set.n_serves, 1);
    cr_assert_eq(a->set.serves[0], d->tenants[1].id);
    cr_assert_eq(a->set.skills, 3);
    cr_assert_eq(a->set.skill[1].id, d->queues[0].set.skill[0].id,
                 "the other tenant's skill, not one of that name here");
    cr_assert_eq(a->set.skill[1].level, 7);
    jn_directory_unref(d);
    jn_problems_free(&p);
}

Test(config_serves, every_mistake_is_told)
{
    static const struct {
        const char *serves, *want;
    } bad[] = {
        {"{acne: {boats: 7}}",
         "c.yaml:9 tenants[0].agents[0].serves.acne: \"acne\" is not defined; did you mean \"acme\"?"},
        {"{acme: {boat: 7}}", "did you mean \"boats\"?"},
        {"{acme: {chat: 7}}", "\"chat\" is not defined"},
        {"{bpo: {chat: 7}}", "is the agent's own tenant"},
        {"{acme: {boats: 11}}", "c.yaml:9 tenants[0].agents[0].serves.acme.boats:"},
        {"[acme]", "c.yaml:9 tenants[0].agents[0].serves:"},
        {"{acme: boats}", "c.yaml:9 tenants[0].agents[0].serves.acme:"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct jn_directory *d;
        struct jn_problems p;
        cr_assert_lt(parse(bad[i].serves, &d, &p), 0, "taken: %s", bad[i].serves);
        cr_assert(p.text.data && strstr(p.text.data, bad[i].want), "%s: %s", bad[i].serves, p.text.data);
        jn_problems_free(&p);
    }
}

Test(config_serves, a_change_is_shown)
{
    struct jn_directory *a, *b;
    struct jn_problems p;
    struct jn_buf out = {0};
    cr_assert_eq(parse("{}", &a, &p), 0, "%s", p.text.data);
    jn_problems_free(&p);
    cr_assert_eq(parse("{acme: {}}", &b, &p), 0, "%s", p.text.data);
    jn_problems_free(&p);
    jn_centre_difference(a, b, &out);
    cr_assert(strstr(out.data, "agent bpo/ann") && strstr(out.data, "tenants that it serves changed"), "%s", out.data);
    jn_buf_free(&out);
    jn_directory_unref(a);
    jn_directory_unref(b);
}
