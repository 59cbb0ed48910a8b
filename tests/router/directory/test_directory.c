#include "router/directory/directory.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(directory, .timeout = 60);

enum { T1 = 1, T2 = 2 };

static void cidr(struct jn_dir_trunk *t, const char *text)
{
    cr_assert_eq(jn_cidr_parse(&t->from[t->froms++], text), 0, "%s", text);
}

/* Two tenants whose queues, agents and numbers have the same names. */
static struct jn_directory *two_tenants(void)
{
    struct jn_directory *d = jn_directory_new(2, 4, 4, 3, 0);

    cr_assert_not_null(d);
    for (unsigned t = 0; t < 2; t++) {
        d->tenants[t] = (struct jn_dir_tenant){.id = t + 1, .weight = 1};
        snprintf(d->tenants[t].name, JN_NAME_MAX, "tenant%u", t + 1);
        snprintf(d->tenants[t].domain, JN_HOST_MAX, "T%u.Example", t + 1);
        for (unsigned i = 0; i < 2; i++) {
            struct jn_dir_queue *q = &d->queues[2 * t + i];
            struct jn_dir_agent *g = &d->agents[2 * t + i];

            q->tenant = g->tenant = t + 1;
            q->set.id = 10 * (t + 1) + i;
            g->set.id = 100 * (t + 1) + i;
            snprintf(q->name, JN_NAME_MAX, "queue%u", i);
            snprintf(q->number, JN_NUMBER_MAX, "80%u", i);
            snprintf(g->name, JN_NAME_MAX, "agent%u", i);
            snprintf(g->sip_user, JN_NAME_MAX, "10%u", i);
        }
    }
    d->trunks[0].tenant = T1;
    cidr(&d->trunks[0], "10.0.0.0/8");
    cidr(&d->trunks[0], "2001:db8::/32");
    d->trunks[1].tenant = T2;
    cidr(&d->trunks[1], "10.1.2.0/25");
    d->trunks[2].tenant = T2;
    cidr(&d->trunks[2], "10.1.2.3");
    return d;
}

static void end(struct jn_directory *d)
{
    jn_directory_unref(d);
}

Test(directory, each_finder_finds_its_own_tenants_things)
{
    struct jn_directory *d = two_tenants();
    struct jn_err err;

    cr_assert_eq(jn_directory_index(d, &err), 0, "%s", err.text);
    cr_assert_eq(jn_dir_tenant(d, T2)->id, T2);
    cr_assert_eq(jn_dir_tenant_named(d, "tenant2")->id, T2);
    cr_assert_eq(jn_dir_queue(d, 21)->set.id, 21);
    cr_assert_eq(jn_dir_queue_named(d, T1, "queue1")->set.id, 11);
    cr_assert_eq(jn_dir_queue_named(d, T2, "queue1")->set.id, 21);
    cr_assert_eq(jn_dir_queue_number(d, T2, "800")->set.id, 20);
    cr_assert_eq(jn_dir_agent(d, 201)->set.id, 201);
    cr_assert_eq(jn_dir_agent_named(d, T1, "agent1")->set.id, 101);
    cr_assert_eq(jn_dir_agent_sip(d, T2, "101")->set.id, 201);
    end(d);
}

Test(directory, what_is_unknown_or_of_another_kind_is_null)
{
    struct jn_directory *d = two_tenants();

    cr_assert_eq(jn_directory_index(d, NULL), 0);
    cr_assert_null(jn_dir_tenant(d, 0));
    cr_assert_null(jn_dir_tenant(d, 10), "a queue's id is no tenant");
    cr_assert_null(jn_dir_agent(d, 10), "a queue's id is no agent");
    cr_assert_null(jn_dir_queue(d, 100), "an agent's id is no queue");
    cr_assert_null(jn_dir_queue_named(d, T1, "agent1"));
    cr_assert_null(jn_dir_queue_named(d, 3, "queue1"));
    cr_assert_null(jn_dir_queue_number(d, T1, ""));
    cr_assert_null(jn_dir_agent_sip(d, T1, ""));
    cr_assert_null(jn_dir_agent_named(d, T1, "AGENT1"), "names keep their case");
    end(d);
}

Test(directory, domains_compare_without_case)
{
    struct jn_directory *d = two_tenants();

    cr_assert_eq(jn_directory_index(d, NULL), 0);
    cr_assert_eq(jn_dir_tenant_domain(d, "t2.EXAMPLE")->id, T2);
    cr_assert_null(jn_dir_tenant_domain(d, "t3.example"));
    cr_assert_null(jn_dir_tenant_domain(d, ""));
    end(d);
}

static uint64_t tenant_from(const struct jn_directory *d, const char *ip)
{
    struct jn_addr a;
    const struct jn_dir_trunk *t;

    cr_assert_eq(jn_addr_parse(&a, ip, 5060), 0);
    t = jn_dir_trunk_from(d, &a);
    return t ? (uint64_t)(t - d->trunks) + 1 : 0;
}

Test(directory, the_longest_matching_block_decides_the_trunk)
{
    struct jn_directory *d = two_tenants();

    cr_assert_eq(jn_directory_index(d, NULL), 0);
    cr_assert_eq(tenant_from(d, "10.9.9.9"), 1);
    cr_assert_eq(tenant_from(d, "10.1.2.127"), 2);
    cr_assert_eq(tenant_from(d, "10.1.2.128"), 1);
    cr_assert_eq(tenant_from(d, "10.1.2.3"), 3);
    cr_assert_eq(tenant_from(d, "11.0.0.1"), 0);
    cr_assert_eq(tenant_from(d, "2001:db8:ffff::1"), 1);
    cr_assert_eq(tenant_from(d, "2001:db9::1"), 0);
    end(d);
}

Test(directory, an_open_trunk_takes_every_address_of_its_family)
{
    struct jn_directory *d = jn_directory_new(0, 0, 0, 1, 0);

    cidr(&d->trunks[0], "0.0.0.0/0");
    cr_assert_eq(jn_directory_index(d, NULL), 0);
    cr_assert_eq(tenant_from(d, "203.0.113.9"), 1);
    cr_assert_eq(tenant_from(d, "2001:db8::1"), 0);
    end(d);
}

Test(directory, two_things_with_one_id_or_word_are_refused)
{
    for (unsigned what = 0; what < 7; what++) {
        struct jn_directory *d = two_tenants();
        struct jn_err err = {.text = ""};

        if (what == 0)
            d->agents[3].set.id = d->queues[0].set.id;
        else if (what == 1)
            strcpy(d->queues[1].name, d->queues[0].name);
        else if (what == 2)
            strcpy(d->queues[1].number, d->queues[0].number);
        else if (what == 3)
            strcpy(d->agents[1].sip_user, d->agents[0].sip_user);
        else if (what == 4)
            strcpy(d->tenants[1].domain, "t1.example");
        else if (what == 5)
            d->trunks[1].from[0] = d->trunks[0].from[0];
        else
            strcpy(d->agents[1].name, d->agents[0].name);
        cr_assert_eq(jn_directory_index(d, &err), -EEXIST, "case %u", what);
        cr_assert_neq(err.text[0], 0);
        end(d);
    }
}

Test(directory, lives_until_its_last_reference_is_dropped)
{
    struct jn_directory *d = two_tenants();

    cr_assert_eq(jn_directory_index(d, NULL), 0);
    cr_assert_eq(jn_directory_ref(d), d);
    jn_directory_unref(d);
    cr_assert_eq(jn_dir_agent(d, 101)->set.id, 101);
    jn_directory_unref(d);
    jn_directory_unref(NULL);
}

Test(directory, a_hundred_thousand_agents_are_all_found)
{
    enum { N = 100000 };
    struct jn_directory *d = jn_directory_new(1, 0, N, 0, 0);
    char name[JN_NAME_MAX];

    d->tenants[0] = (struct jn_dir_tenant){.id = T1, .name = "t"};
    for (unsigned i = 0; i < N; i++) {
        struct jn_dir_agent *g = &d->agents[i];

        g->tenant = T1;
        snprintf(g->name, sizeof g->name, "agent%u", i);
        snprintf(g->sip_user, sizeof g->sip_user, "%u", i);
        g->set.id = jn_name_id(T1, "agent", g->name);
    }
    cr_assert_eq(jn_directory_index(d, NULL), 0);
    /* Linear look-ups would make 10^10 comparisons of this loop, far past the suite's time. */
    for (unsigned i = 0; i < N; i++) {
        snprintf(name, sizeof name, "agent%u", i);
        cr_assert_eq(jn_dir_agent_named(d, T1, name), &d->agents[i]);
        cr_assert_eq(jn_dir_agent_sip(d, T1, name + 5), &d->agents[i]);
    }
    end(d);
}
