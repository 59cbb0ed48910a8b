#include "router/directory/directory.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(plan, .timeout = 60);

enum { T1 = 1, T2 = 2 };

static void number(struct jn_directory *d, unsigned i, uint64_t tenant, int kind, const char *first, const char *last,
                   uint64_t target)
{
    struct jn_dir_number *n = &d->numbers[i];

    *n = (struct jn_dir_number){.tenant = tenant, .kind = (uint8_t)kind, .reach = JN_REACH_QUEUE, .target = target};
    snprintf(n->first, sizeof n->first, "%s", first);
    snprintf(n->last, sizeof n->last, "%s", last);
}

static uint64_t reaches(const struct jn_directory *d, uint64_t tenant, const char *text)
{
    const struct jn_dir_number *n = jn_dir_number(d, tenant, text);

    return n ? n->target : 0;
}

Test(plan, a_number_reaches_what_names_it_most_closely)
{
    struct jn_directory *d = jn_directory_new(0, 0, 0, 0, 0);
    struct jn_err err;

    cr_assert_eq(jn_directory_plan(d, 0, 8), 0);
    number(d, 0, T1, JN_NUMBER_PREFIX, "+4930", "", 1);
    number(d, 1, T1, JN_NUMBER_PREFIX, "+493012", "", 2);
    number(d, 2, T1, JN_NUMBER_RANGE, "+493012300", "+493012399", 3);
    number(d, 3, T1, JN_NUMBER_EXACT, "+493012350", "", 4);
    number(d, 4, T1, JN_NUMBER_RANGE, "+493012400", "+493012400", 5);
    number(d, 5, T2, JN_NUMBER_RANGE, "+493012000", "+493012999", 6);
    number(d, 6, T2, JN_NUMBER_PREFIX, "", "", 7);
    number(d, 7, T1, JN_NUMBER_EXACT, "300", "", 8);
    cr_assert_eq(jn_directory_index(d, &err), 0, "%s", err.text);
    cr_expect_eq(reaches(d, T1, "+4930999"), 1);
    cr_expect_eq(reaches(d, T1, "+4930129"), 2);
    cr_expect_eq(reaches(d, T1, "+493012300"), 3);
    cr_expect_eq(reaches(d, T1, "+493012399"), 3);
    cr_expect_eq(reaches(d, T1, "+493012350"), 4);
    cr_expect_eq(reaches(d, T1, "+493012400"), 5);
    cr_expect_eq(reaches(d, T1, "+493012401"), 2, "beyond the range: the prefix");
    cr_expect_eq(reaches(d, T1, "+4930123000"), 2, "a longer number is not in the range");
    cr_expect_eq(reaches(d, T1, "+49"), 0);
    cr_expect_eq(reaches(d, T1, "300"), 8);
    cr_expect_eq(reaches(d, T1, ""), 0);
    cr_expect_eq(reaches(d, T2, "+493012350"), 6, "another tenant's numbers are its own");
    cr_expect_eq(reaches(d, T2, "+1"), 7, "an empty prefix takes the rest");
    cr_expect_eq(reaches(d, 3, "+493012350"), 0);
    jn_directory_unref(d);
}

Test(plan, the_longest_prefix_of_the_tenant_is_the_route)
{
    struct jn_directory *d = jn_directory_new(0, 0, 0, 2, 0);
    struct jn_err err;

    d->trunks[0] = (struct jn_dir_trunk){.id = 50, .tenant = T1, .name = "a"};
    d->trunks[1] = (struct jn_dir_trunk){.id = 51, .tenant = T2, .name = "a"};
    cr_assert_eq(jn_directory_plan(d, 4, 0), 0);
    d->routes[0] = (struct jn_dir_route){.tenant = T1, .prefix = "+49", .vias = 1};
    d->routes[1] = (struct jn_dir_route){.tenant = T1, .prefix = "+4930", .vias = 1};
    d->routes[2] = (struct jn_dir_route){.tenant = T1, .prefix = "", .vias = 1};
    d->routes[3] = (struct jn_dir_route){.tenant = T2, .prefix = "+493", .vias = 1};
    cr_assert_eq(jn_directory_index(d, &err), 0, "%s", err.text);
    cr_expect_eq(jn_dir_route(d, T1, "+4989"), &d->routes[0]);
    cr_expect_eq(jn_dir_route(d, T1, "+4930"), &d->routes[1]);
    cr_expect_eq(jn_dir_route(d, T1, "+49301"), &d->routes[1]);
    cr_expect_eq(jn_dir_route(d, T1, "112"), &d->routes[2]);
    cr_expect_eq(jn_dir_route(d, T2, "+4930"), &d->routes[3]);
    cr_expect_null(jn_dir_route(d, T2, "+48"));
    cr_expect_eq(jn_dir_trunk(d, 51), &d->trunks[1]);
    cr_expect_null(jn_dir_trunk(d, 52));
    cr_expect_null(jn_dir_trunk(d, 0));
    jn_directory_unref(d);
}

static int two_numbers(int kind, const char *a, const char *b, const char *c, const char *e)
{
    struct jn_directory *d = jn_directory_new(0, 0, 0, 0, 0);
    struct jn_err err;
    int rc;

    cr_assert_eq(jn_directory_plan(d, 0, 2), 0);
    number(d, 0, T1, kind, a, b, 1);
    number(d, 1, T1, kind, c, e, 2);
    rc = jn_directory_index(d, &err);
    jn_directory_unref(d);
    return rc;
}

Test(plan, what_would_reach_two_things_is_refused)
{
    cr_expect_eq(two_numbers(JN_NUMBER_RANGE, "+100", "+200", "+200", "+300"), -EEXIST);
    cr_expect_eq(two_numbers(JN_NUMBER_RANGE, "+100", "+200", "+150", "+160"), -EEXIST);
    cr_expect_eq(two_numbers(JN_NUMBER_RANGE, "+100", "+200", "+201", "+300"), 0);
    cr_expect_eq(two_numbers(JN_NUMBER_RANGE, "+100", "+200", "+1500", "+1600"), 0, "other lengths are other numbers");
    cr_expect_eq(two_numbers(JN_NUMBER_RANGE, "+200", "+100", "+301", "+302"), -EINVAL);
    cr_expect_eq(two_numbers(JN_NUMBER_RANGE, "+20", "+100", "+301", "+302"), -EINVAL);
    cr_expect_eq(two_numbers(JN_NUMBER_EXACT, "+100", "", "+100", ""), -EEXIST);
    cr_expect_eq(two_numbers(JN_NUMBER_PREFIX, "+100", "", "+100", ""), -EEXIST);
}

Test(plan, many_ranges_are_searched_not_walked_and_each_is_found)
{
    enum { N = 2000 };
    struct jn_directory *d = jn_directory_new(0, 0, 0, 0, 0);
    struct jn_err err;

    cr_assert_eq(jn_directory_plan(d, 0, N), 0);
    for (unsigned i = 0; i < N; i++) { /* in an order that is not theirs */
        char first[16], last[16];
        unsigned k = (i * 7919u) % N;

        snprintf(first, sizeof first, "+49%06u00", k);
        snprintf(last, sizeof last, "+49%06u49", k);
        number(d, i, T1 + k % 2, JN_NUMBER_RANGE, first, last, k + 1);
    }
    cr_assert_eq(jn_directory_index(d, &err), 0, "%s", err.text);
    for (unsigned k = 0; k < N; k++) {
        char text[16];

        snprintf(text, sizeof text, "+49%06u25", k);
        cr_assert_eq(reaches(d, T1 + k % 2, text), k + 1);
        cr_assert_eq(reaches(d, T2 - k % 2, text), 0);
        snprintf(text, sizeof text, "+49%06u50", k);
        cr_assert_eq(reaches(d, T1 + k % 2, text), 0);
    }
    jn_directory_unref(d);
}
