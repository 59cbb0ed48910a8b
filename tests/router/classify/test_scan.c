#include "router/classify/classify.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(scan, .timeout = 60);

enum { T1 = 1, T2 = 2 };

static struct jn_dir_rule rule(const char *pattern, const char *intent, int weight)
{
    struct jn_dir_rule r = {.tenant = T1, .weight = (int16_t)weight, .priority = 255};

    snprintf(r.pattern, sizeof r.pattern, "%s", pattern);
    snprintf(r.intent, sizeof r.intent, "%s", intent);
    return r;
}

static struct jn_rules *compiled(const struct jn_dir_rule *r, uint32_t n)
{
    struct jn_rule_fault f[4];
    struct jn_rules *out = NULL;
    unsigned faults = 0;
    int rc = jn_rules_compile(&out, r, n, f, 4, &faults);

    cr_assert_eq(rc, 0, "%d: %s", rc, faults ? f[0].why : "");
    return out;
}

static struct jn_verdict says(const struct jn_rules *r, uint64_t tenant, const char *text)
{
    struct jn_scratch *s = jn_scratch_new();
    struct jn_verdict v;

    cr_assert_eq(jn_classify(r, s, tenant, text, strlen(text), &v), 0, "%s", text);
    jn_scratch_free(s);
    return v;
}

Test(scan, the_largest_sum_of_weights_wins)
{
    struct jn_dir_rule r[] = {rule("refund", "billing", 30), rule("invoice", "billing", 25),
                              rule("broken", "support", 50)};
    struct jn_rules *c = compiled(r, 3);
    struct jn_verdict v = says(c, T1, "Broken device; I want a REFUND of the invoice");

    cr_assert_str_eq(v.intent, "billing");
    cr_assert_eq(v.weight, 55);
    cr_assert_eq(v.matches, 3);
    v = says(c, T1, "broken, refund, refund, refund");
    cr_assert_str_eq(v.intent, "support", "a rule counts once however often it matches");
    jn_rules_unref(c);
}

Test(scan, equal_sums_go_to_the_first_rule)
{
    struct jn_dir_rule r[] = {rule("alpha", "one", 10), rule("beta", "two", 10), rule("gamma", "two", 5),
                              rule("delta", "one", 5)};
    struct jn_rules *c = compiled(r, 4);

    cr_assert_str_eq(says(c, T1, "beta alpha").intent, "one");
    cr_assert_str_eq(says(c, T1, "gamma delta").intent, "one");
    jn_rules_unref(c);
}

Test(scan, nothing_matched_says_nothing)
{
    struct jn_dir_rule r[] = {rule("refund", "billing", 30)};
    struct jn_rules *c = compiled(r, 1);
    struct jn_verdict v = says(c, T1, "good morning");

    cr_assert_eq(v.matches, 0);
    cr_assert_eq(v.intent[0], 0);
    cr_assert_eq(v.queue, 0);
    cr_assert_eq(v.priority, 255);
    v = says(c, T1, "");
    cr_assert_eq(v.matches, 0);
    jn_rules_unref(c);
}

Test(scan, each_tenant_is_judged_by_its_own_rules)
{
    struct jn_dir_rule r[] = {rule("order", "sales", 10), rule("order", "logistics", 10), rule("hello", "greet", 1)};
    struct jn_rules *c;

    r[1].tenant = T2;
    c = compiled(r, 3);
    cr_assert_str_eq(says(c, T1, "my order").intent, "sales");
    cr_assert_str_eq(says(c, T2, "my order").intent, "logistics");
    cr_assert_eq(says(c, T2, "hello").matches, 0);
    cr_assert_eq(says(c, 3, "my order hello").matches, 0);
    jn_rules_unref(c);
}

Test(scan, queue_and_language_come_from_the_winning_intents_heaviest_rule)
{
    struct jn_dir_rule r[] = {rule("loud", "", 90), rule("refund", "billing", 30), rule("money", "billing", 20),
                              rule("lang", "", 5)};
    struct jn_rules *c;
    struct jn_verdict v;

    r[0].queue = 1;
    r[1].queue = 2;
    r[2].queue = 3;
    strcpy(r[3].language, "ru");
    c = compiled(r, 4);
    v = says(c, T1, "loud refund money lang");
    cr_assert_eq(v.queue, 2);
    cr_assert_str_eq(v.language, "ru");
    cr_assert_eq(says(c, T1, "loud").queue, 1, "without a winner any rule may name the queue");
    cr_assert_eq(says(c, T1, "money loud").queue, 3);
    jn_rules_unref(c);
}

Test(scan, of_equally_heavy_rules_the_first_names_the_queue)
{
    struct jn_dir_rule r[] = {rule("alpha", "x", 10), rule("beta", "x", 10)};
    struct jn_rules *c;

    r[0].queue = 1;
    r[1].queue = 2;
    c = compiled(r, 2);
    cr_assert_eq(says(c, T1, "beta alpha").queue, 1);
    jn_rules_unref(c);
}

Test(scan, priority_is_the_largest_and_labels_stand_in_rule_order)
{
    struct jn_dir_rule r[6];
    struct jn_rules *c;
    struct jn_verdict v;
    static const char *label[] = {"a", "b", "a", "c", "d", "e"};

    for (unsigned i = 0; i < 6; i++) {
        char word[8];

        snprintf(word, sizeof word, "word%u", i);
        r[i] = rule(word, "x", 1);
        strcpy(r[i].label, label[i]);
    }
    r[1].priority = 7;
    r[4].priority = 3;
    c = compiled(r, 6);
    v = says(c, T1, "word5 word4 word3 word2 word1 word0");
    cr_assert_eq(v.priority, 7);
    cr_assert_eq(v.labels, 4);
    cr_assert_str_eq(v.label[0], "a");
    cr_assert_str_eq(v.label[1], "b");
    cr_assert_str_eq(v.label[2], "c");
    cr_assert_str_eq(v.label[3], "d");
    cr_assert_eq(says(c, T1, "word4").priority, 3);
    jn_rules_unref(c);
}

Test(scan, many_scripts_match_without_case_and_by_whole_words)
{
    struct jn_dir_rule r[] = {rule("환불|반품", "ko", 1),    rule("退款|退货", "zh", 1), rule("\\bвозврат", "ru", 1),
                              rule("\\bсчёт\\b", "bill", 1), rule("caf.\\?", "cafe", 1), rule("\\bcat\\b", "cat", 1)};
    struct jn_rules *c = compiled(r, 6);

    cr_assert_str_eq(says(c, T1, "환불해 주세요").intent, "ko");
    cr_assert_str_eq(says(c, T1, "我要退款").intent, "zh");
    cr_assert_str_eq(says(c, T1, "Хочу ВОЗВРАТ денег").intent, "ru");
    cr_assert_str_eq(says(c, T1, "возвратите деньги").intent, "ru");
    cr_assert_eq(says(c, T1, "невозврат").matches, 0);
    cr_assert_str_eq(says(c, T1, "Где мой СЧЁТ?").intent, "bill");
    cr_assert_str_eq(says(c, T1, "счёт").intent, "bill");
    cr_assert_eq(says(c, T1, "расчёт").matches, 0);
    cr_assert_eq(says(c, T1, "счёты").matches, 0);
    cr_assert_str_eq(says(c, T1, "CAFÉ?").intent, "cafe", "a dot is one character, not one byte");
    cr_assert_str_eq(says(c, T1, "the Cat.").intent, "cat");
    cr_assert_eq(says(c, T1, "concatenate").matches, 0);
    jn_rules_unref(c);
}

Test(scan, bytes_that_are_not_utf8_are_refused)
{
    struct jn_dir_rule r[] = {rule("refund", "billing", 30)};
    struct jn_rules *c = compiled(r, 1);
    struct jn_scratch *s = jn_scratch_new();
    struct jn_verdict v;

    cr_assert_eq(jn_classify(c, s, T1, "refund \xff", 8, &v), -EINVAL);
    cr_assert_eq(jn_classify(c, s, T1, "\xc3", 1, &v), -EINVAL);
    cr_assert_eq(jn_classify(c, s, T1, "\xed\xa0\x80", 3, &v), -EINVAL, "a surrogate");
    cr_assert_eq(jn_classify(NULL, s, T1, "refund", 6, &v), 0, "no rules at all");
    cr_assert_eq(v.matches, 0);
    jn_scratch_free(s);
    jn_rules_unref(c);
}

Test(scan, a_long_text_is_cut_at_a_whole_character)
{
    struct jn_dir_rule r[] = {rule("refund", "billing", 30)};
    struct jn_rules *c = compiled(r, 1);
    struct jn_scratch *s = jn_scratch_new();
    size_t n = JN_CLASSIFY_BYTES + 1000;
    char *text = malloc(n);
    struct jn_verdict v;

    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, ' ', n);
        for (size_t i = shift; i + 4 <= n; i += 4)
            memcpy(text + i, "\xf0\x9f\x98\x80", 4);
        memset(text + n - 4, ' ', 4);
        cr_assert_eq(jn_classify(c, s, T1, text, n, &v), 0, "cut at %zu", shift);
    }
    memset(text, ' ', n);
    memcpy(text + JN_CLASSIFY_BYTES - 6, "refund", 6);
    cr_assert_eq(jn_classify(c, s, T1, text, n, &v), 0);
    cr_assert_eq(v.matches, 1, "the last word before the bound");
    memset(text, ' ', n);
    memcpy(text + JN_CLASSIFY_BYTES - 5, "refund", 6);
    cr_assert_eq(jn_classify(c, s, T1, text, n, &v), 0);
    cr_assert_eq(v.matches, 0, "beyond the bound nothing is read");
    free(text);
    jn_scratch_free(s);
    jn_rules_unref(c);
}

Test(scan, one_scratch_goes_from_few_rules_to_many_and_back)
{
    enum { MANY = 700 };
    struct jn_dir_rule few[] = {rule("alpha", "one", 1)}, *many = calloc(MANY, sizeof *many);
    struct jn_scratch *s = jn_scratch_new();
    struct jn_rules *a = compiled(few, 1), *b;
    struct jn_verdict v;

    for (unsigned i = 0; i < MANY; i++) {
        char word[40];

        snprintf(word, sizeof word, "w%ux[abc]+%u", i, i % 7);
        many[i] = rule(word, word, 1);
        many[i].tenant = 1 + i % 3;
    }
    b = compiled(many, MANY);
    for (unsigned round = 0; round < 6; round++) {
        cr_assert_eq(jn_classify(a, s, T1, "alpha", 5, &v), 0);
        cr_assert_str_eq(v.intent, "one");
        cr_assert_eq(jn_classify(b, s, T1, "..w699xabcabc6..", 16, &v), 0);
        cr_assert_eq(v.matches, 1);
        cr_assert_str_eq(v.intent, "w699x[abc]+6");
    }
    jn_rules_unref(a);
    cr_assert_eq(jn_classify(b, s, T1, "alpha", 5, &v), 0);
    cr_assert_eq(v.matches, 0);
    jn_scratch_free(s);
    jn_rules_unref(b);
    free(many);
}

Test(scan, the_self_test_passes_here)
{
    struct jn_err err = {.text = ""};

    cr_assert_eq(jn_classify_self_test(&err), 0, "%s", err.text);
}
