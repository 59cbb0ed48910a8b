#include "engine/app/config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(config_centre, .timeout = 60);

#define HASH                                                                                                           \
    "pbkdf2-sha256$1000$00112233445566778899aabbccddeeff$"                                                             \
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static const char good[] = "version: 1\n"                                                             /* 1 */
                           "tenants:\n"                                                               /* 2 */
                           "  - name: acme\n"                                                         /* 3 */
                           "    domain: Acme.example\n"                                               /* 4 */
                           "    weight: 7\n"                                                          /* 5 */
                           "    skills: [billing, sales]\n"                                           /* 6 */
                           "    queues:\n"                                                            /* 7 */
                           "      - name: bills\n"                                                    /* 8 */
                           "        number: '8001'\n"                                                 /* 9 */
                           "        skills: {billing: 3}\n"                                           /* 10 */
                           "        channels: [voice, chat]\n"                                        /* 11 */
                           "        priority: 6\n        weight: 200\n        target: 20s\n"          /* 12-14 */
                           "        offer_timeout: 12s\n        wrap_up: 1500ms\n"                    /* 15-16 */
                           "        max_wait: 2m\n        max_waiting: 9\n        prefer: 5s\n"       /* 17-19 */
                           "        announce_every: 15s\n        policy: best_skill\n"                /* 20-21 */
                           "        greeting: queue-thankyou\n        music: reno\n"                  /* 22-23 */
                           "        no_agent: im-sorry\n        record: true\n"                       /* 24-25 */
                           "        say_position: false\n"                                            /* 26 */
                           "    agents:\n"                                                            /* 27 */
                           "      - name: ann\n"                                                      /* 28 */
                           "        display: Ann Other\n        role: supervisor\n"                   /* 29-30 */
                           "        password: " HASH "\n"                                             /* 31 */
                           "        phone: {user: '1001', secret: demo-secret, srtp: required}\n"     /* 32 */
                           "        skills: {billing: 8, sales: 2}\n"                                 /* 33 */
                           "        capacity: {voice: 1, chat: 4}\n        max_no_answer: 2\n"        /* 34-35 */
                           "    trunks:\n"                                                            /* 36 */
                           "      - {name: t, from: [10.0.0.0/8, '2001:db8::/32'], srtp: optional}\n" /* 37 */
                           "    rules:\n"                                                             /* 38 */
                           "      - {pattern: refund, intent: billing, queue: bills, priority: 8, "   /* 39 */
                           "language: en, label: money, weight: 30}\n";

static int parse(const char *text, struct jn_directory **d, struct jn_rules **r, struct jn_problems *p)
{
    return jn_centre_parse(d, r, "c.yaml", text, strlen(text), p);
}

/* The good centre with one text replaced by another. */
static char *with(const char *from, const char *to)
{
    const char *at = strstr(good, from);
    char *out = malloc(sizeof good + strlen(to) + 1);

    cr_assert_not_null(at, "%s", from);
    sprintf(out, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return out;
}

static void mistake(const char *from, const char *to, const char *want)
{
    struct jn_problems p = {0};
    struct jn_directory *d;
    struct jn_rules *r;
    char *text = with(from, to);

    cr_assert_eq(parse(text, &d, &r, &p), -EINVAL, "taken: %s", to);
    cr_assert_null(d);
    cr_assert_null(r);
    cr_assert_eq(p.count, 1, "%s: %s", to, p.text.data);
    cr_assert_eq(strncmp(p.text.data, want, strlen(want)), 0, "is:   %s\nwant: %s", p.text.data, want);
    jn_problems_free(&p);
    free(text);
}

Test(config_centre, everything_reaches_the_directory)
{
    struct jn_problems p = {0};
    struct jn_directory *d;
    struct jn_rules *r;
    const struct jn_dir_tenant *t;
    const struct jn_dir_queue *q;
    const struct jn_dir_agent *g;
    struct jn_addr from;

    cr_assert_eq(parse(good, &d, &r, &p), 0, "%s", p.text.data ? p.text.data : "");
    t = jn_dir_tenant_domain(d, "acme.EXAMPLE");
    cr_assert_str_eq(t->name, "acme");
    cr_assert_eq(t->id, jn_name_id(0, "tenant", "acme"));
    cr_assert_eq(t->weight, 7);
    q = jn_dir_queue_number(d, t->id, "8001");
    cr_assert_eq(q, jn_dir_queue_named(d, t->id, "bills"));
    cr_assert_eq(q->set.id, jn_name_id(t->id, "queue", "bills"));
    cr_assert_eq(q->set.skills, 1);
    cr_assert_eq(q->set.skill[0].id, jn_name_id(t->id, "skill", "billing"));
    cr_assert_eq(q->set.skill[0].level, 3);
    cr_assert_eq(q->set.channel_mask, 3);
    cr_assert_eq(q->set.priority, 6);
    cr_assert_eq(q->set.weight, 200);
    cr_assert_eq(q->set.target_ms, 20000);
    cr_assert_eq(q->set.offer_timeout_ms, 12000);
    cr_assert_eq(q->set.wrap_up_ms, 1500);
    cr_assert_eq(q->set.max_wait_ms, 120000);
    cr_assert_eq(q->set.max_waiting, 9);
    cr_assert_eq(q->set.prefer_ms, 5000);
    cr_assert_eq(q->set.announce_ms, 15000);
    cr_assert_eq(q->set.policy, JN_POLICY_BEST_SKILL);
    cr_assert_str_eq(q->greeting, "queue-thankyou");
    cr_assert_str_eq(q->music, "reno");
    cr_assert_str_eq(q->no_agent, "im-sorry");
    cr_assert(q->record && !q->say_position);
    g = jn_dir_agent_named(d, t->id, "ann");
    cr_assert_eq(g, jn_dir_agent_sip(d, t->id, "1001"));
    cr_assert_str_eq(g->display, "Ann Other");
    cr_assert_str_eq(g->password, HASH);
    /* md5sum of "1001:acme.example:demo-secret" */
    cr_assert_str_eq(g->sip_ha1, "6f7cb4634c2f89ed5187f6e987ea639f");
    cr_assert_eq(g->role, JN_ROLE_SUPERVISOR);
    cr_assert_eq(g->srtp, JN_SRTP_REQUIRED);
    cr_assert_eq(g->set.skills, 2);
    cr_assert_eq(g->set.capacity[JN_CH_VOICE], 1);
    cr_assert_eq(g->set.capacity[JN_CH_CHAT], 4);
    cr_assert_eq(g->set.max_no_answer, 2);
    jn_addr_parse(&from, "10.4.5.6", 0);
    cr_assert_str_eq(jn_dir_trunk_from(d, &from)->name, "t");
    cr_assert_eq(jn_dir_trunk_from(d, &from)->srtp, JN_SRTP_OPTIONAL);
    cr_assert_eq(d->n_rules, 1);
    cr_assert_eq(d->rules[0].queue, q->set.id);
    cr_assert_eq(d->rules[0].line, 39);
    jn_rules_unref(r);
    jn_directory_unref(d);
}

Test(config_centre, the_rules_are_compiled_and_scan)
{
    struct jn_problems p = {0};
    struct jn_directory *d;
    struct jn_rules *r;
    struct jn_scratch *s = jn_scratch_new();
    struct jn_verdict v;

    cr_assert_eq(parse(good, &d, &r, &p), 0);
    cr_assert_eq(jn_classify(r, s, d->tenants[0].id, "a Refund", 8, &v), 0);
    cr_assert_str_eq(v.intent, "billing");
    cr_assert_eq(v.priority, 8);
    cr_assert_str_eq(v.language, "en");
    cr_assert_str_eq(v.label[0], "money");
    cr_assert_eq(v.queue, d->queues[0].set.id);
    jn_scratch_free(s);
    jn_rules_unref(r);
    jn_directory_unref(d);
}

Test(config_centre, undefined_names_are_told_with_what_was_perhaps_meant)
{
    mistake("skills: {billing: 3}", "skills: {bilingg: 3}",
            "c.yaml:10 tenants[0].queues[0].skills: \"bilingg\" is not defined; did you mean \"billing\"?\n");
    mistake("skills: {billing: 8, sales: 2}", "skills: {billing: 8, sale: 2}",
            "c.yaml:33 tenants[0].agents[0].skills: \"sale\" is not defined; did you mean \"sales\"?\n");
    mistake("queue: bills", "queue: bill",
            "c.yaml:39 tenants[0].rules[0].queue: \"bill\" is not defined; did you mean \"bills\"?\n");
    mistake("policy: best_skill", "policy: best_skil",
            "c.yaml:21 tenants[0].queues[0].policy: \"best_skil\" is none of longest_idle, best_skill; did you mean "
            "\"best_skill\"?\n");
    mistake("max_waiting: 9", "max_wating: 9",
            "c.yaml:18 tenants[0].queues[0].max_wating: is not a known key; did you mean \"max_waiting\"?\n");
}

Test(config_centre, wrong_values_are_told)
{
    mistake("billing: 3", "billing: 11", "c.yaml:10 tenants[0].queues[0].skills.billing: \"11\" is not a whole number");
    mistake("channels: [voice, chat]", "channels: [chat]", "c.yaml:9 tenants[0].queues[0].number: callers could");
    mistake("channels: [voice, chat]", "channels: [voice, voice]", "c.yaml:11 tenants[0].queues[0].channels[1]: ");
    mistake("channels: [voice, chat]", "channels: []", "c.yaml:11 tenants[0].queues[0].channels: is empty");
    mistake("prefer: 5s", "prefer: 3m", "c.yaml:19 tenants[0].queues[0].prefer: is longer");
    mistake("announce_every: 15s", "announce_every: 1s", "c.yaml:20 tenants[0].queues[0].announce_every: ");
    mistake("greeting: queue-thankyou", "greeting: ../../etc/passwd", "c.yaml:22 tenants[0].queues[0].greeting: ");
    mistake("greeting: queue-thankyou", "greeting: /etc/passwd", "c.yaml:22 tenants[0].queues[0].greeting: ");
    mistake("password: " HASH, "password: hunter2",
            "c.yaml:31 tenants[0].agents[0].password: is not a password's hash");
    mistake("password: " HASH, "password: pbkdf2-sha256$1000$00$00", "c.yaml:31 tenants[0].agents[0].password: ");
    mistake("secret: demo-secret", "ha1: abc", "c.yaml:32 tenants[0].agents[0].phone.ha1: must be 32");
    mistake("secret: demo-secret, ", "", "c.yaml:32 tenants[0].agents[0].phone.user: a phone needs either");
    mistake("phone: {user: '1001', secret: demo-secret, srtp: required}", "",
            "c.yaml:34 tenants[0].agents[0].capacity: voice is 1");
    mistake("10.0.0.0/8", "10.0.0.1/8", "c.yaml:37 tenants[0].trunks[0].from[0]: ");
    mistake("10.0.0.0/8", "somewhere", "c.yaml:37 tenants[0].trunks[0].from[0]: ");
    mistake("pattern: refund, ", "", "c.yaml:39 tenants[0].rules[0].pattern: is missing");
    mistake("pattern: refund", "pattern: ref(und", "c.yaml:39 tenants[0].rules[0].pattern: \"ref(und\": Missing close");
    mistake("pattern: refund", "pattern: r*", "c.yaml:39 tenants[0].rules[0].pattern: ");
    mistake("name: ann", "name: ann/x", "c.yaml:28 tenants[0].agents[0].name: must be a name");
}

Test(config_centre, a_secret_is_never_printed)
{
    struct jn_problems p = {0};
    struct jn_directory *d;
    struct jn_rules *r;
    char *text = with("password: " HASH, "password: hunter2secret");

    cr_assert_eq(parse(text, &d, &r, &p), -EINVAL);
    cr_assert_null(strstr(p.text.data, "hunter2secret"));
    jn_problems_free(&p);
    free(text);
}

static void two(const char *second, unsigned count, const char *want)
{
    struct jn_problems p = {0};
    struct jn_directory *d;
    struct jn_rules *r;
    char *text = with("    rules:", second);

    cr_assert_eq(parse(text, &d, &r, &p), -EINVAL, "taken: %s", second);
    cr_assert_eq(p.count, count, "%s", p.text.data);
    cr_assert_not_null(strstr(p.text.data, want), "is: %s\nwant: %s", p.text.data, want);
    jn_problems_free(&p);
    free(text);
}

Test(config_centre, what_must_be_unique_is)
{
    mistake("[billing, sales]", "[billing, sales, sales]",
            "c.yaml:6 tenants[0].skills[2]: \"sales\" is there twice, first at line 6\n");
    two("      - {name: t, from: [192.0.2.1]}\n    rules:", 1,
        "c.yaml:38 tenants[0].trunks[1].name: \"t\" is there twice");
    two("      - {name: u, from: [10.0.0.0/8]}\n    rules:", 1, "10.0.0.0/8 is there twice");
    two("  - {name: b, domain: ACME.example}\n  - name: c\n    domain: c.example\n    skills: [billing]\n"
        "    queues: [{name: bills}]\n    rules:",
        1, "c.yaml:38 tenants[1].domain: \"acme.example\" is there twice, first at line 4");
    mistake("      - name: ann\n",
            "      - {name: bob, phone: {user: '1001', secret: demo-secret}}\n      - name: ann\n",
            "c.yaml:33 tenants[0].agents[1].phone.user: \"1001\" is there twice, first at line 28\n");
    mistake("      - name: ann\n", "      - {name: ann}\n      - name: ann\n",
            "c.yaml:29 tenants[0].agents[1].name: \"ann\" is there twice, first at line 28\n");
    mistake("      - name: bills\n", "      - {name: other, number: '8001'}\n      - name: bills\n",
            "c.yaml:10 tenants[0].queues[1].number: \"8001\" is there twice, first at line 8\n");
}

Test(config_centre, one_address_must_not_mean_two_tenants)
{
    two("  - {name: b, domain: b.example, trunks: [{name: x, from: [10.1.2.0/24]}]}\n  - name: c\n"
        "    domain: c.example\n    queues: [{name: bills}]\n    rules:",
        1, "10.1.2.0/24 of tenant \"b\" overlaps with a block of tenant \"acme\" in line 37");
}

Test(config_centre, all_mistakes_come_at_once)
{
    struct jn_problems p = {0};
    struct jn_directory *d;
    struct jn_rules *r;

    cr_assert_eq(parse("version: 2\ntenants:\n  - name: a\n    queues:\n      - {target: 0s}\n      - {nmae: x}\n"
                       "    rules:\n      - {pattern: 'a('}\n      - {pattern: 'b*', queue: q}\nfoo: 1\n",
                       &d, &r, &p),
                 -EINVAL);
    /* foo, version, domain missing, name and target of the first queue, name and nmae of the second, two patterns, q */
    cr_assert_eq(p.count, 10, "%s", p.text.data);
    jn_problems_free(&p);
}

Test(config_centre, tenants_may_have_the_same_names_inside)
{
    struct jn_problems p = {0};
    struct jn_directory *d;
    struct jn_rules *r;
    static const char text[] = "version: 1\ntenants:\n"
                               "  - {name: a, domain: a.x, skills: [s], queues: [{name: q, number: '1'}]}\n"
                               "  - {name: b, domain: b.x, skills: [s], queues: [{name: q, number: '1'}]}\n";

    cr_assert_eq(parse(text, &d, &r, &p), 0, "%s", p.text.data ? p.text.data : "");
    cr_assert_neq(d->queues[0].set.id, d->queues[1].set.id);
    jn_rules_unref(r);
    jn_directory_unref(d);
}
