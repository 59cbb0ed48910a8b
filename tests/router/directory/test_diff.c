#include "router/directory/directory.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(diff, .timeout = 60);

struct seen {
    struct jn_event ev[32];
    unsigned n;
};

static void keep(void *arg, const struct jn_event *ev)
{
    struct seen *s = arg;

    cr_assert_lt(s->n, 32);
    s->ev[s->n++] = *ev;
}

static struct jn_directory *sample(unsigned tenants)
{
    struct jn_directory *d = jn_directory_new(tenants, 2 * tenants, 2 * tenants, 0, 0);

    for (unsigned t = 0; t < tenants; t++) {
        d->tenants[t] = (struct jn_dir_tenant){.id = t + 1, .weight = 5};
        snprintf(d->tenants[t].name, JN_NAME_MAX, "t%u", t);
        for (unsigned i = 0; i < 2; i++) {
            struct jn_dir_queue *q = &d->queues[2 * t + i];
            struct jn_dir_agent *g = &d->agents[2 * t + i];

            q->tenant = g->tenant = t + 1;
            q->set = (struct jn_ev_queue){.id = 10 * (t + 1) + i, .weight = 10, .target_ms = 20000, .skills = 2};
            g->set = (struct jn_ev_agent){.id = 100 * (t + 1) + i, .capacity = {1, 3}, .skills = 2};
            for (unsigned k = 0; k < 2; k++)
                q->set.skill[k] = g->set.skill[k] = (struct jn_skill){.id = 7 + k, .level = (uint8_t)(3 + k)};
            snprintf(q->name, JN_NAME_MAX, "q%u", i);
            snprintf(g->name, JN_NAME_MAX, "a%u", i);
        }
    }
    return d;
}

static struct seen diff(struct jn_directory *a, struct jn_directory *b)
{
    struct seen s = {.n = 0};
    unsigned n;

    if (a && !a->by_id.count)
        cr_assert_eq(jn_directory_index(a, NULL), 0);
    if (b && !b->by_id.count)
        cr_assert_eq(jn_directory_index(b, NULL), 0);
    n = jn_directory_diff(a, b, keep, &s);
    cr_assert_eq(n, s.n);
    return s;
}

Test(diff, from_nothing_puts_tenants_then_queues_then_agents)
{
    static const uint8_t want[] = {JN_EV_TENANT_PUT, JN_EV_QUEUE_PUT, JN_EV_QUEUE_PUT, JN_EV_AGENT_PUT,
                                   JN_EV_AGENT_PUT};
    struct jn_directory *b = sample(1);
    struct seen s = diff(NULL, b);

    cr_assert_eq(s.n, 5);
    for (unsigned i = 0; i < 5; i++) {
        cr_assert_eq(s.ev[i].kind, want[i], "event %u", i);
        cr_assert_eq(s.ev[i].tenant, 1);
        cr_assert_eq(s.ev[i].maker, JN_MAKER_APP);
    }
    cr_assert_eq(s.ev[0].tenant_put.weight, 5);
    cr_assert_eq(s.ev[2].queue.id, 11);
    cr_assert_eq(s.ev[4].agent.id, 101);
    jn_directory_unref(b);
}

Test(diff, to_nothing_deletes_agents_then_queues_then_tenants)
{
    static const uint8_t want[] = {JN_EV_AGENT_DEL, JN_EV_AGENT_DEL, JN_EV_QUEUE_DEL, JN_EV_QUEUE_DEL,
                                   JN_EV_TENANT_DEL};
    struct jn_directory *a = sample(1);
    struct seen s = diff(a, NULL);

    cr_assert_eq(s.n, 5);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(s.ev[i].kind, want[i], "event %u", i);
    cr_assert_eq(s.ev[1].who.agent, 101);
    cr_assert_eq(s.ev[2].ix.queue, 10);
    cr_assert_eq(s.ev[4].tenant, 1);
    jn_directory_unref(a);
}

Test(diff, the_same_says_nothing_whatever_the_order_of_skills_and_names)
{
    struct jn_directory *a = sample(2), *b = sample(2);
    struct jn_skill first = b->queues[0].set.skill[0];

    b->queues[0].set.skill[0] = b->queues[0].set.skill[1];
    b->queues[0].set.skill[1] = first;
    strcpy(b->agents[0].display, "Ann Other");
    strcpy(b->agents[1].password, "changed");
    strcpy(b->queues[1].music, "changed");
    cr_assert_eq(diff(a, b).n, 0);
    jn_directory_unref(a);
    jn_directory_unref(b);
}

Test(diff, each_field_that_the_router_knows_is_a_change)
{
    for (unsigned what = 0; what < 17; what++) {
        struct jn_directory *a = sample(1), *b = sample(1);
        struct jn_ev_queue *q = &b->queues[1].set;
        struct jn_ev_agent *g = &b->agents[1].set;
        struct seen s;
        uint32_t *words[] = {&q->target_ms,   &q->offer_timeout_ms, &q->wrap_up_ms, &q->max_wait_ms,
                             &q->max_waiting, &q->prefer_ms,        &q->announce_ms};
        uint8_t *bytes[] = {&q->priority,    &q->policy,        &q->channel_mask,   &q->skill[1].level, &q->skills,
                            &g->capacity[0], &g->max_no_answer, &g->skill[1].level, &g->skills};

        if (what < 7)
            ++*words[what];
        else if (what < 16)
            *bytes[what - 7] ^= 1;
        else
            q->weight++;
        s = diff(a, b);
        cr_assert_eq(s.n, 1, "change %u gives %u events", what, s.n);
        cr_assert_eq(s.ev[0].kind, what >= 12 && what < 16 ? JN_EV_AGENT_PUT : JN_EV_QUEUE_PUT);
        jn_directory_unref(a);
        jn_directory_unref(b);
    }
}

Test(diff, puts_come_before_deletions)
{
    struct jn_directory *a = sample(2), *b = sample(2);
    struct seen s;

    b->tenants[1] = (struct jn_dir_tenant){.id = 3, .name = "new", .weight = 5};
    for (unsigned i = 2; i < 4; i++) {
        b->queues[i].tenant = b->agents[i].tenant = 3;
        b->queues[i].set.id += 10;
        b->agents[i].set.id += 100;
    }
    s = diff(a, b);
    cr_assert_eq(s.n, 10);
    for (unsigned i = 0; i < 10; i++) {
        bool del =
            s.ev[i].kind == JN_EV_TENANT_DEL || s.ev[i].kind == JN_EV_QUEUE_DEL || s.ev[i].kind == JN_EV_AGENT_DEL;

        cr_assert_eq(del, i >= 5, "event %u", i);
        cr_assert_eq(s.ev[i].tenant, i < 5 ? 3 : 2);
    }
    jn_directory_unref(a);
    jn_directory_unref(b);
}
