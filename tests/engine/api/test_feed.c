/* Feed: event sockets see what is theirs, go on from a cursor, are reset when it is gone, and never hold anybody up. */
#include "tests/engine/api/fixture.h"

TestSuite(feed, .init = start_api, .fini = stop_api, .timeout = 60);

static char *hear(int ws)
{
    char *text = ws_hear(ws, 2000, NULL);
    cr_assert_not_null(text);
    return text;
}

static void expect_heard(int ws, const char *want)
{
    char *text = hear(ws);
    cr_assert(strstr(text, want) != NULL, "%s, wanted %s", text, want);
    free(text);
}

static long long cursor_of(const char *text)
{
    return atoll(strstr(text, "\"cursor\":") + 9);
}

static int enter(const char *path, const char *token)
{
    int status, ws = ws_dial(T.port, path, token, &status);
    cr_assert_eq(status, 101, "status %d", status);
    return ws;
}

static void expect_silence(int ws)
{
    char *text = ws_hear(ws, 200, NULL);
    cr_assert_null(text, "heard %s", text);
}

Test(feed, everybody_hears_what_is_theirs_and_nothing_else)
{
    int ann = enter("/api/v1/events", T.ann_t), bob = enter("/api/v1/events", T.bob_t),
        sue = enter("/api/v1/events", T.sue_t), zoe = enter("/api/v1/events", T.zoe_t);
    expect_heard(ann, "\"type\":\"reset\"");
    expect_heard(bob, "\"type\":\"reset\"");
    expect_heard(sue, "\"live\":");
    expect_heard(zoe, "\"type\":\"reset\"");
    ix_row(5, JN_CMD_QUEUED, T.acme, T.sales, 0, JN_CH_CHAT, JN_IX_QUEUED);
    ix_row(5, JN_CMD_OFFER, T.acme, T.sales, T.ann, JN_CH_CHAT, JN_IX_OFFERED);
    expect_heard(ann, "\"type\":\"offer\"");
    expect_heard(sue, "\"type\":\"queued\"");
    expect_heard(sue, "\"type\":\"offer\"");
    expect_silence(bob);
    expect_silence(zoe);
    expect_silence(ann);
    /* The offer is taken from ann, and the row already says bob. */
    struct jn_command c = {.kind = JN_CMD_OFFER_CANCEL, .agent = T.ann};
    c.row = (struct jn_ix_row){.id = 5, .tenant = T.acme, .agent = T.bob, .channel = 1, .state = JN_IX_OFFERED};
    command(&c);
    expect_heard(ann, "\"type\":\"offer_cancel\"");
    expect_silence(bob);
    close(ann), close(bob), close(sue), close(zoe);
}

Test(feed, a_cursor_goes_on_where_it_was)
{
    int ws = enter("/api/v1/events", T.sue_t);
    char path[200], *text = hear(ws);
    long long cursor = cursor_of(text);
    free(text);
    for (uint64_t i = 1; i <= 5; i++)
        ix_row(i, JN_CMD_QUEUED, T.acme, T.sales, 0, JN_CH_CHAT, JN_IX_QUEUED);
    for (int i = 1; i <= 2; i++) {
        text = hear(ws);
        cr_assert_eq(cursor_of(text), cursor + i);
        free(text);
    }
    close(ws);
    snprintf(path, sizeof path, "/api/v1/events?cursor=%lld&token=%s", cursor + 2, T.sue_t);
    ws = enter(path, NULL);
    for (int i = 3; i <= 5; i++) {
        text = hear(ws);
        cr_assert_eq(cursor_of(text), cursor + i);
        cr_assert(strstr(text, "\"type\":\"queued\""));
        free(text);
    }
    expect_silence(ws);
    close(ws);
    ws = enter("/api/v1/events?cursor=12345", T.sue_t); /* of another start */
    text = hear(ws);
    cr_assert(strstr(text, "\"type\":\"reset\"") && cursor_of(text) == cursor + 5, "%s", text);
    free(text);
    close(ws);
    expect(get(T.port, "/metrics", NULL), 200, "junctor_api_sockets_reset_total 1\n");
}

Test(feed, the_token_may_come_first_in_the_socket)
{
    int ws = enter("/api/v1/events", NULL), code;
    char text[200];
    snprintf(text, sizeof text, "{\"token\":\"%s\"}", T.ann_t);
    ws_say(ws, text);
    expect_heard(ws, "\"type\":\"reset\"");
    close(ws);
    ws = enter("/api/v1/events", NULL);
    ws_say(ws, "{\"token\":\"wrong\"}");
    cr_assert_null(ws_hear(ws, 2000, &code));
    cr_assert_eq(code, 4401);
    close(ws);
}

Test(feed, strangers_do_not_get_in)
{
    int status;
    close(ws_dial(T.port, "/api/v1/events?token=x", NULL, &status));
    cr_assert_eq(status, 401);
    close(ws_dial(T.port, "/api/v1/nothing", T.ann_t, &status));
    cr_assert_eq(status, 404);
    close(ws_dial(T.port, "/api/v1/events?cursor=abc", T.ann_t, &status));
    cr_assert_eq(status, 400);
}

Test(feed, logging_out_ends_the_socket)
{
    int code, ws = enter("/api/v1/events", T.ann_t);
    expect_heard(ws, "\"type\":\"reset\"");
    expect(post(T.port, "/api/v1/logout", T.ann_t, NULL), 200, "");
    cr_assert_null(ws_hear(ws, 2000, &code));
    cr_assert_eq(code, 4401);
    close(ws);
}

Test(feed, who_does_not_read_is_disconnected_and_nobody_waits)
{
    int slow = enter("/api/v1/events", T.sue_t), quick = enter("/api/v1/events", T.sue_t);
    expect_heard(quick, "\"type\":\"reset\"");
    unsigned heard = 0;
    bool counted = false;
    for (int round = 0; round < 60 && !counted; round++) {
        for (uint64_t i = 1; i <= 500; i++)
            ix_row(i, JN_CMD_POSITION, T.acme, T.sales, 0, JN_CH_CHAT, JN_IX_QUEUED);
        for (int i = 0; i < 500; i++) {
            free(hear(quick));
            heard++;
        }
        struct reply r = get(T.port, "/metrics", NULL);
        counted = has(&r, "junctor_api_sockets_slow_total 1\n");
        done(&r);
    }
    cr_assert(counted, "the slow one is still there after %u events", heard);
    ix_row(9, JN_CMD_POSITION, T.acme, T.sales, 0, JN_CH_CHAT, JN_IX_QUEUED);
    expect_heard(quick, "\"type\":\"position\"");
    close(slow), close(quick);
}
