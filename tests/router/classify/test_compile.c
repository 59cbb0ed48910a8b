#include "router/classify/classify.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

TestSuite(compile, .timeout = 60);

static struct jn_dir_rule rule(const char *pattern)
{
    struct jn_dir_rule r = {.tenant = 1, .weight = 1, .priority = 255, .intent = "x"};

    snprintf(r.pattern, sizeof r.pattern, "%s", pattern);
    return r;
}

Test(compile, every_bad_rule_is_named_with_its_reason)
{
    static const char *const bad[] = {"foo(", "a*",   "",          "(?=x)y", "\\1(a)", "x|",
                                      "^",    "\xff", "[б](\\bя)", "\\Bб",   "$"};
    enum { N = sizeof bad / sizeof *bad };
    struct jn_dir_rule r[2 * N];
    struct jn_rule_fault f[2 * N];
    struct jn_rules *out;
    unsigned n = 0;

    for (unsigned i = 0; i < N; i++) {
        r[2 * i] = rule("good");
        r[2 * i + 1] = rule(bad[i]);
    }
    cr_assert_eq(jn_rules_compile(&out, r, 2 * N, f, 2 * N, &n), -EINVAL);
    cr_assert_null(out);
    cr_assert_eq(n, N);
    for (unsigned i = 0; i < N; i++) {
        cr_assert_eq(f[i].index, 2 * i + 1, "rule %s", bad[i]);
        cr_assert_neq(f[i].why[0], 0);
    }
    cr_assert_not_null(strstr(f[0].why, "parenthesis"), "%s", f[0].why);
    cr_assert_not_null(strstr(f[1].why, "empty"), "%s", f[1].why);
}

Test(compile, faults_of_every_tenant_are_given_and_no_more_than_there_is_room_for)
{
    struct jn_dir_rule r[] = {rule("a("), rule("b("), rule("c("), rule("d(")};
    struct jn_rule_fault f[3];
    struct jn_rules *out;
    unsigned n = 9;

    for (unsigned i = 0; i < 4; i++)
        r[i].tenant = 1 + i % 2;
    cr_assert_eq(jn_rules_compile(&out, r, 4, f, 3, &n), -EINVAL);
    cr_assert_eq(n, 3);
    cr_assert_eq(f[0].index, 0);
    cr_assert_eq(f[1].index, 2);
    cr_assert_eq(f[2].index, 1);
    cr_assert_eq(jn_rules_compile(&out, r, 4, NULL, 0, NULL), -EINVAL);
}

Test(compile, weights_and_owners_are_checked)
{
    struct jn_dir_rule r[] = {rule("a"), rule("b")};
    struct jn_rule_fault f[2];
    struct jn_rules *out;
    unsigned n;

    r[1].weight = 101;
    cr_assert_eq(jn_rules_compile(&out, r, 2, f, 2, &n), -EINVAL);
    cr_assert_eq(f[0].index, 1);
    r[1].weight = 0;
    cr_assert_eq(jn_rules_compile(&out, r, 2, f, 2, &n), -EINVAL);
    r[1].weight = 1;
    r[1].tenant = 0;
    cr_assert_eq(jn_rules_compile(&out, r, 2, f, 2, &n), -EINVAL);
    cr_assert_eq(f[0].index, 1);
}

Test(compile, no_rules_compile_to_rules_that_match_nothing)
{
    struct jn_rules *out;
    struct jn_scratch *s = jn_scratch_new();
    struct jn_verdict v;
    unsigned n = 5;

    cr_assert_eq(jn_rules_compile(&out, NULL, 0, NULL, 0, &n), 0);
    cr_assert_eq(n, 0);
    cr_assert_eq(jn_classify(out, s, 1, "x", 1, &v), 0);
    cr_assert_eq(v.matches, 0);
    jn_rules_unref(out);
    jn_scratch_free(s);
}

/* A scanning thread takes whatever rules are current while another swaps them: each message is judged by one whole set
 * of rules, old or new. */
struct shared {
    pthread_mutex_t lock;
    struct jn_rules *now;
    atomic_bool stop;
    atomic_uint wrong, scans;
};

static struct jn_rules *take(struct shared *sh)
{
    struct jn_rules *r;

    pthread_mutex_lock(&sh->lock);
    r = jn_rules_ref(sh->now);
    pthread_mutex_unlock(&sh->lock);
    return r;
}

static void *scan(void *arg)
{
    struct shared *sh = arg;
    struct jn_scratch *s = jn_scratch_new();

    while (!atomic_load(&sh->stop)) {
        struct jn_rules *r = take(sh);
        struct jn_verdict v;
        int rc = jn_classify(r, s, 1, "one two three", 13, &v);

        if (rc || v.matches != 3 || (strcmp(v.intent, "old") && strcmp(v.intent, "new")) || v.weight != 3)
            atomic_fetch_add(&sh->wrong, 1);
        atomic_fetch_add(&sh->scans, 1);
        jn_rules_unref(r);
    }
    jn_scratch_free(s);
    return NULL;
}

Test(compile, rules_are_swapped_under_scanning_threads)
{
    struct shared sh = {.lock = PTHREAD_MUTEX_INITIALIZER};
    static const char *const words[] = {"one", "two", "three"};
    pthread_t threads[2];

    for (unsigned round = 0; round < 60; round++) {
        struct jn_dir_rule r[3];
        struct jn_rules *fresh, *old;

        for (unsigned i = 0; i < 3; i++) {
            r[i] = rule(words[i]);
            strcpy(r[i].intent, round % 2 ? "old" : "new");
        }
        cr_assert_eq(jn_rules_compile(&fresh, r, 3, NULL, 0, NULL), 0);
        pthread_mutex_lock(&sh.lock);
        old = sh.now;
        sh.now = fresh;
        pthread_mutex_unlock(&sh.lock);
        jn_rules_unref(old);
        for (unsigned i = 0; round == 0 && i < 2; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, scan, &sh), 0);
    }
    while (atomic_load(&sh.scans) < 1000)
        ;
    atomic_store(&sh.stop, true);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    jn_rules_unref(sh.now);
    cr_assert_eq(atomic_load(&sh.wrong), 0);
}
