#include "engine/app/config_yaml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(config_yaml, .timeout = 60);

static struct jn_yaml *parse(const char *text, struct jn_problems *p)
{
    return jn_yaml_parse("f.yaml", text, strlen(text), p);
}

/* The text is refused, at that line, and the message has that word. */
static void refused(const char *text, unsigned line, const char *word)
{
    struct jn_problems p = {0};
    char head[32];

    cr_assert_null(parse(text, &p), "%s", text);
    cr_assert_eq(p.count, 1);
    snprintf(head, sizeof head, "f.yaml:%u ", line);
    cr_assert_eq(strncmp(p.text.data, head, strlen(head)), 0, "%s", p.text.data);
    cr_assert_not_null(strstr(p.text.data, word), "%s", p.text.data);
    jn_problems_free(&p);
}

Test(config_yaml, nodes_know_their_keys_kinds_and_lines)
{
    struct jn_problems p = {0};
    struct jn_yaml *root = parse("a: 1\nb:\n  - x\n  - 'y'\nc: {d: e}\n", &p);
    const struct jn_yaml *b;

    cr_assert_not_null(root);
    cr_assert_eq(p.count, 0);
    cr_assert_eq(root->count, 3);
    cr_assert_str_eq(jn_yaml_get(root, "a")->text, "1");
    b = jn_yaml_get(root, "b");
    cr_assert_eq(b->kind, JN_YAML_LIST);
    cr_assert_eq(b->count, 2);
    cr_assert_eq(b->line, 2);
    cr_assert_eq(b->first->line, 3);
    cr_assert(!b->first->quoted);
    cr_assert(b->first->next->quoted);
    cr_assert_eq(jn_yaml_get(jn_yaml_get(root, "c"), "d")->line, 5);
    cr_assert_null(jn_yaml_get(root, "z"));
    cr_assert_null(jn_yaml_get(b, "x"));
    jn_yaml_free(root);
}

Test(config_yaml, what_could_grow_or_hide_is_refused_with_its_line)
{
    refused("a: &x 1\n", 1, "anchors");
    refused("a: 1\nb: *x\n", 2, "aliases");
    refused("a: 1\nb: !!python/object 2\n", 2, "tags");
    refused("a: 1\n---\nb: 2\n", 2, "second document");
    refused("a: \"x\\0y\"\n", 1, "NUL");
    refused("a: 1\n[x]: 2\n", 2, "key");
    refused("", 1, "empty");
    refused("a: 1\nb: [\n", 3, "not YAML");
    refused("a: 1\n\tb: 2\n", 2, "not YAML");
}

Test(config_yaml, depth_and_keys_are_bounded)
{
    char text[8192];
    size_t n = 0;

    for (int i = 0; i < 40; i++)
        text[n++] = '[';
    text[n] = 0;
    refused(text, 1, "deeply");
    n = 0;
    for (int i = 0; i <= JN_YAML_KEYS; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "k%d: 1\n", i);
    refused(text, JN_YAML_KEYS + 1, "too many keys");
}

Test(config_yaml, a_key_given_twice_is_told_and_the_first_counts)
{
    struct jn_problems p = {0};
    struct jn_yaml *root = parse("a: 1\nb: 2\na: 3\n", &p);

    cr_assert_not_null(root);
    cr_assert_eq(p.count, 1);
    cr_assert_str_eq(p.text.data, "f.yaml:3 a: is given twice, first at line 1\n");
    cr_assert_str_eq(jn_yaml_get(root, "a")->text, "1");
    jn_yaml_free(root);
    jn_problems_free(&p);
}
