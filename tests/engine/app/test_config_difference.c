#include "engine/app/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(config_difference, .timeout = 60);

static const char head[] = "version: 1\ntenants:\n  - name: acme\n    domain: acme.example\n    skills: [s]\n";
static const char before[] =
    "    queues: [{name: sales, target: 20s, skills: {s: 1}}, {name: gone}]\n"
    "    agents: [{name: ann, phone: {user: '1', secret: secret-one}, capacity: {chat: 2}}, {name: bob}]\n"
    "    trunks: [{name: t, from: [10.0.0.0/8]}]\n    rules: [{pattern: a1}, {pattern: b1}]\n";
static const char after[] = "    queues: [{name: sales, target: 30s, record: true, skills: {s: 2}}, {name: fresh}]\n"
                            "    agents: [{name: ann, phone: {user: '1', secret: secret-two}, capacity: {chat: 3}}]\n"
                            "    trunks: [{name: t, from: [10.0.0.0/9]}]\n    rules: [{pattern: b1}, {pattern: a1}]\n";

static struct jn_directory *centre(const char *tail)
{
    struct jn_problems p = {0};
    struct jn_directory *d;
    struct jn_rules *r;
    char text[2048];
    int n = snprintf(text, sizeof text, "%s%s", head, tail);

    cr_assert_eq(jn_centre_parse(&d, &r, "c", text, (size_t)n, &p), 0, "%s", p.text.data ? p.text.data : "");
    jn_rules_unref(r);
    return d;
}

static void difference(const char *a, const char *b, struct jn_buf *json)
{
    struct jn_directory *x = a ? centre(a) : NULL, *y = centre(b);

    jn_centre_difference(x, y, json);
    jn_directory_unref(x);
    jn_directory_unref(y);
}

Test(config_difference, the_same_centre_has_none)
{
    struct jn_buf json = {0};

    difference(before, before, &json);
    cr_assert_str_eq(json.data, "{\"changes\":[]}");
    jn_buf_free(&json);
}

Test(config_difference, each_change_is_told_in_words_and_secrets_are_not)
{
    struct jn_buf json = {0};

    difference(before, after, &json);
    cr_assert_str_eq(json.data,
                     "{\"changes\":["
                     "{\"what\":\"queue acme/sales\",\"change\":\"target 20 s -> 30 s, skills changed, record on\"},"
                     "{\"what\":\"queue acme/fresh\",\"change\":\"new\"},"
                     "{\"what\":\"agent acme/ann\",\"change\":\"phone secret changed, chat capacity 2 -> 3\"},"
                     "{\"what\":\"trunk acme/t\",\"change\":\"from changed\"},"
                     "{\"what\":\"rules acme\",\"change\":\"changed: 2 -> 2\"},"
                     "{\"what\":\"agent acme/bob\",\"change\":\"removed\"},"
                     "{\"what\":\"queue acme/gone\",\"change\":\"removed: what waits in it is rejected\"}]}");
    jn_buf_free(&json);
}

Test(config_difference, from_nothing_everything_is_new)
{
    struct jn_buf json = {0};

    difference(NULL, after, &json);
    cr_assert_str_eq(json.data, "{\"changes\":[{\"what\":\"tenant acme\",\"change\":\"new\"},"
                                "{\"what\":\"queue acme/sales\",\"change\":\"new\"},"
                                "{\"what\":\"queue acme/fresh\",\"change\":\"new\"},"
                                "{\"what\":\"agent acme/ann\",\"change\":\"new\"},"
                                "{\"what\":\"trunk acme/t\",\"change\":\"new\"},"
                                "{\"what\":\"rules acme\",\"change\":\"2 new\"}]}");
    jn_buf_free(&json);
}

Test(config_difference, who_may_call_out_and_what_is_shown_is_told)
{
    static const char calls[] =
        "    caller_id: '+4930100'\n    call_out: ['+49']\n"
        "    queues: [{name: sales, target: 20s, skills: {s: 1}, caller_id: '+4930111'}, {name: gone}]\n"
        "    agents: [{name: ann, phone: {user: '1', secret: secret-one}, capacity: {chat: 2},"
        " may_call_out: true}, {name: bob}]\n"
        "    trunks: [{name: t, from: [10.0.0.0/8]}]\n    rules: [{pattern: a1}, {pattern: b1}]\n";
    struct jn_buf json = {0};

    difference(before, calls, &json);
    cr_assert_str_eq(
        json.data, "{\"changes\":["
                   "{\"what\":\"tenant acme\",\"change\":\"caller_id \\\"\\\" -> \\\"+4930100\\\", call_out changed\"},"
                   "{\"what\":\"queue acme/sales\",\"change\":\"caller_id \\\"\\\" -> \\\"+4930111\\\"\"},"
                   "{\"what\":\"agent acme/ann\",\"change\":\"may_call_out on\"}]}");
    jn_buf_free(&json);
}
