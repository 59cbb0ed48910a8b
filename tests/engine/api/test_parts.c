/* Parts of the API that need no socket: paths, queries, JSON, throttling, the event ring and the view. */
#include "engine/api/events.h"
#include "engine/api/json.h"
#include "engine/api/path.h"
#include "engine/api/throttle.h"
#include "engine/api/view.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(parts, .timeout = 5);

Test(parts, patterns_take_whole_segments)
{
    struct jn_params p;
    cr_assert(jn_path_match("/a/{}/c", "/a/b/c", &p));
    cr_assert_str_eq(p.at[0], "b");
    cr_assert(jn_path_match("/a/{}", "/a/b/", &p), "one slash at the end is forgiven");
    cr_assert(!jn_path_match("/a/{}", "/a/b//", &p));
    cr_assert(!jn_path_match("/a/{}", "/a/", &p));
    cr_assert(!jn_path_match("/a/{}", "/a/b/c", &p));
    cr_assert(!jn_path_match("/a/{}/c", "/a/b c/c", &p));
    cr_assert(!jn_path_match("/a", "/ab", &p));
    char path[100] = "/a/";
    memset(path + 3, 'x', 64);
    cr_assert(!jn_path_match("/a/{}", path, &p), "64 characters are too many");
    path[66] = 0;
    cr_assert(jn_path_match("/a/{}", path, &p), "63 are not");
}

Test(parts, query_arguments_stand_once)
{
    struct jn_query q = {.count = 0};
    cr_assert_eq(jn_query_add(&q, "a=1", 3), 0);
    cr_assert_eq(jn_query_add(&q, "b", 1), 0);
    cr_assert_eq(jn_query_add(&q, "c=x=y", 5), 0);
    cr_assert_str_eq(jn_query_get(&q, "a"), "1");
    cr_assert_str_eq(jn_query_get(&q, "b"), "");
    cr_assert_str_eq(jn_query_get(&q, "c"), "x=y");
    cr_assert_null(jn_query_get(&q, "d"));
    cr_assert_eq(jn_query_add(&q, "a=2", 3), -EINVAL);
    cr_assert_eq(jn_query_add(&q, "=2", 2), -EINVAL);
    cr_assert_eq(jn_query_add(&q, "e=\n", 3), -EINVAL);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(jn_query_add(&q, (char[]){(char)('p' + i), '=', '1'}, 3), 0);
    cr_assert_eq(jn_query_add(&q, "z=1", 3), -E2BIG);
}

Test(parts, json_is_bounded_in_depth_and_strict)
{
    char deep[64];
    struct jn_err err;
    for (int n = 15; n <= 17; n++) {
        memset(deep, '[', (size_t)n);
        memset(deep + n, ']', (size_t)n);
        struct jn_json *j = jn_json_parse(deep, (size_t)n * 2, &err);
        cr_assert_eq(j != NULL, n <= 16, "%d", n);
        jn_json_free(j);
    }
    static const char *const bad[] = {
        "", "{", "{\"a\":1,\"a\":2}", "{\"a\":\"\\u0000\"}", "\"\xc3\x28\"", "{} {}", "{\"a\":1e999}", "{'a':1}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_null(jn_json_parse(bad[i], strlen(bad[i]), &err), "%s", bad[i]);
    const char *text = "{\"tenant\":\"a\",\"n\":42,\"big\":18446744073709551615,\"part\":1.5,\"on\":true}";
    struct jn_json *j = jn_json_parse(text, strlen(text), &err);
    cr_assert_not_null(j, "%s", err.text);
    cr_assert_eq(jn_json_int(jn_json_get(j, "n"), 0), 42);
    cr_assert_eq(jn_json_int(jn_json_get(j, "big"), -1), -1, "not exact, so none");
    cr_assert_eq(jn_json_int(jn_json_get(j, "part"), -1), -1);
    cr_assert_eq(jn_json_bool(jn_json_get(j, "on")), 1);
    cr_assert_eq(jn_json_bool(jn_json_get(j, "n")), -1);
    cr_assert_str_eq(jn_json_stranger(j, "tenant,n,big,part"), "on");
    cr_assert_null(jn_json_stranger(j, "tenant,n,big,part,on"));
    cr_assert_not_null(jn_json_stranger(j, "tenant,n,big,part,only"), "on is no part of only");
    jn_json_free(j);
}

Test(parts, a_bucket_gives_its_burst_then_its_rate)
{
    static struct jn_throttle t;
    uint64_t now = 1000000000;
    for (int i = 0; i < 5; i++)
        cr_assert_eq(jn_throttle_take(&t, 7, 5, 1000000, now), 0);
    cr_assert_eq(jn_throttle_take(&t, 7, 5, 1000000, now), 1000000);
    cr_assert_eq(jn_throttle_take(&t, 8, 5, 1000000, now), 0, "another key");
    cr_assert_eq(jn_throttle_wait(&t, 7, 5, 1000000, now + 400000), 600000);
    cr_assert_eq(jn_throttle_take(&t, 7, 5, 1000000, now + 1000000), 0);
    cr_assert_neq(jn_throttle_take(&t, 7, 5, 1000000, now + 1000000), 0);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(jn_throttle_take(&t, 7, 5, 1000000, now + 100000000), 0, "full again");
}

Test(parts, many_keys_do_not_push_out_a_busy_one)
{
    static struct jn_throttle t;
    uint64_t now = 1000000000;
    while (!jn_throttle_take(&t, 7, 50, 1000000, now))
        ;
    for (uint64_t k = 100; k < 200000; k++)
        jn_throttle_take(&t, k * 0x9e3779b97f4a7c15, 50, 1000000, now);
    cr_assert_neq(jn_throttle_wait(&t, 7, 50, 1000000, now), 0);
}

Test(parts, the_ring_knows_what_it_still_has)
{
    struct jn_events *e = jn_events_new(4, 3);
    uint64_t first = jn_events_last(e);
    cr_assert(jn_events_has(e, first) && !jn_events_has(e, first + 1) && !jn_events_has(e, first - 1));
    for (int i = 0; i < 6; i++)
        jn_events_add(e, 1, 0, "t", "{}");
    cr_assert(!jn_events_has(e, first + 1), "5 events follow, 4 are there");
    cr_assert(jn_events_has(e, first + 2));
    cr_assert_null(jn_events_at(e, first + 2));
    cr_assert_not_null(strstr(jn_events_at(e, first + 3)->json, "\"type\":\"t\",\"data\":{}}"));
    cr_assert_lt(jn_events_last(e), 1ull << 53);
    uint64_t before = jn_events_last(e);
    jn_events_skip(e);
    cr_assert(!jn_events_has(e, before), "something happened that nobody wrote down");
    cr_assert(jn_events_has(e, jn_events_last(e)), "from here on it goes");
    jn_events_add(e, 1, 0, "t", "{}");
    cr_assert_not_null(jn_events_at(e, before + 2));
    cr_assert_null(jn_events_at(e, before + 1));
    struct jn_events *later = jn_events_new(4, 4);
    cr_assert(!jn_events_has(later, jn_events_last(e)), "a cursor of an earlier start");
    jn_events_free(later);
    jn_events_free(e);
}

Test(parts, the_view_keeps_the_newest_row_and_forgets_what_is_done)
{
    struct jn_view v;
    cr_assert_eq(jn_view_init(&v), 0);
    for (uint64_t i = 1; i <= 1000; i++) {
        struct jn_command c = {.kind = JN_CMD_QUEUED};
        c.row = (struct jn_ix_row){.id = i, .queue = i * 2};
        jn_view_take(&v, &c);
    }
    for (uint64_t i = 1; i <= 1000; i += 2) {
        struct jn_command c = {.kind = JN_CMD_RECORD};
        c.row = (struct jn_ix_row){.id = i, .state = JN_IX_DONE};
        jn_view_take(&v, &c);
        jn_view_take(&v, &c);
    }
    cr_assert_eq(v.n_ixs, 500);
    for (uint64_t i = 1; i <= 1000; i++) {
        const struct jn_ix_row *x = jn_view_ix(&v, i);
        cr_assert_eq(x != NULL, i % 2 == 0, "%d", (int)i);
        cr_assert(!x || (x->id == i && x->queue == i * 2));
    }
    struct jn_command c = {.kind = JN_CMD_AGENT};
    c.agent_row = (struct jn_agent_row){.id = 5, .state = JN_AGENT_READY};
    jn_view_take(&v, &c);
    cr_assert_eq(jn_view_agent(&v, 5)->row.state, JN_AGENT_READY);
    c.kind = JN_CMD_GONE;
    jn_view_take(&v, &c);
    cr_assert_null(jn_view_agent(&v, 5));
    jn_view_free(&v);
}
