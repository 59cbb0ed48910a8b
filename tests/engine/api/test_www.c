/* Pages inside the program, and who of other origins may speak with the chat. */
#include "engine/api/callers.h"
#include "engine/api/server.h"
#include "tests/engine/api/fixture.h"

static void start_with_origins(void)
{
    struct jn_api_config c = test_config();
    c.n_origins = 2;
    jn_copy(c.origin[0], sizeof c.origin[0], "https://www.client.example");
    jn_copy(c.origin[1], sizeof c.origin[1], "http://localhost:8000");
    api_open(c);
    api_go();
}

TestSuite(www, .init = start_with_origins, .fini = stop_api, .timeout = 60);
TestSuite(pages, .timeout = 5);

Test(pages, are_ordered_and_each_is_found_by_its_path_alone)
{
    cr_assert_gt(jn_n_pages, 10);
    for (unsigned i = 0; i < jn_n_pages; i++) {
        cr_assert(!i || strcmp(jn_pages[i - 1].path, jn_pages[i].path) < 0, "%s", jn_pages[i].path);
        cr_assert_eq(jn_page_of(jn_pages[i].path), &jn_pages[i]);
        cr_assert(!strchr(jn_pages[i].path, ' ') && jn_pages[i].path[0] == '/' && jn_pages[i].len);
        cr_assert(jn_pages[i].etag[0] == '"' && strlen(jn_pages[i].etag) == 18);
    }
    const char *const none[] = {"",
                                "/desk",
                                "/desk/index.html",
                                "/desk/main.j",
                                "/desk/main.jss",
                                "/desk//main.js",
                                "/desk/../widget.js",
                                "desk/",
                                "/embed.cmake",
                                "/etc/passwd"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        cr_assert_null(jn_page_of(none[i]), "%s", none[i]);
}

Test(pages, folders_without_their_slash_are_led_there)
{
    cr_assert_str_eq(jn_page_redirect("/"), "/desk/");
    cr_assert_str_eq(jn_page_redirect("/desk"), "/desk/");
    cr_assert_str_eq(jn_page_redirect("/widget-demo"), "/widget-demo/");
    cr_assert_null(jn_page_redirect("/desk/"));
    cr_assert_null(jn_page_redirect("//evil.example"));
    char path[JN_URL_PATH_MAX];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = 0;
    cr_assert_null(jn_page_redirect(path));
}

Test(pages, etags_are_found_in_lists_and_stars)
{
    cr_assert(jn_etag_matches("\"abc\"", "\"abc\""));
    cr_assert(jn_etag_matches("W/\"abc\", \"def\"", "\"def\""));
    cr_assert(jn_etag_matches("*", "\"abc\""));
    cr_assert(!jn_etag_matches("\"abcd\"", "\"abc\""));
    cr_assert(!jn_etag_matches("", "\"abc\""));
}

Test(pages, only_the_chat_is_for_other_origins)
{
    cr_assert(jn_path_is_chat("/api/v1/chat"));
    cr_assert(jn_path_is_chat("/api/v1/chat/0000000000000/messages"));
    cr_assert(!jn_path_is_chat("/api/v1/chats"));
    cr_assert(!jn_path_is_chat("/api/v1/login"));
}

Test(pages, numbers_of_open_calls_stay_and_the_oldest_go)
{
    struct jn_callers t;
    cr_assert_eq(jn_callers_init(&t, 2), 0);
    for (uint64_t ix = 1; ix <= 6; ix++)
        cr_assert_eq(jn_callers_put(&t, ix, ix == 6 ? "six" : "x", "100"), 0);
    cr_assert_eq(jn_callers_put(&t, 5, "again", "100"), 0);
    cr_assert_null(jn_callers_get(&t, 2), "two calls may be open, four numbers are kept");
    cr_assert_str_eq(jn_callers_get(&t, 6)->caller, "six");
    cr_assert_str_eq(jn_callers_get(&t, 5)->caller, "again");
    cr_assert_not_null(jn_callers_get(&t, 3));
    jn_callers_free(&t);
}

/* One request with headers of its own; the whole answer. */
static struct reply with(const char *method, const char *path, const char *headers)
{
    char text[1024];
    int fd = dial(T.port);
    int n =
        snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n", method, path, headers);
    say(fd, text, (size_t)n);
    struct reply r = answer(fd, 3000);
    close(fd);
    return r;
}

static void lacks(struct reply r, int status, const char *text)
{
    cr_assert_eq(r.status, status, "%s", r.text);
    cr_assert(!strstr(r.text, text), "%s", r.text);
    done(&r);
}

Test(www, pages_come_with_type_policy_and_etag)
{
    expect(with("GET", "/", ""), 302, "location: /desk/");
    expect(with("GET", "/desk/", ""), 200, "content-type: text/html; charset=utf-8");
    expect(with("GET", "/desk/", ""), 200, "frame-ancestors 'none'");
    expect(with("GET", "/desk/main.js", ""), 200, "content-type: text/javascript");
    expect(with("GET", "/desk/main.js", ""), 200, "x-content-type-options: nosniff");
    expect(with("GET", "/widget/", ""), 200, "frame-ancestors 'self' https://www.client.example http://localhost:8000");
    char same[80];
    snprintf(same, sizeof same, "If-None-Match: %s\r\n", jn_page_of("/desk/")->etag);
    lacks(with("GET", "/desk/", same), 304, "<html");
    expect(with("GET", "/desk/", "If-None-Match: \"other\"\r\n"), 200, "<html");
}

Test(www, what_is_not_there_is_told_as_the_asker_reads)
{
    expect(with("GET", "/nothing", "Accept: text/html,*/*\r\n"), 404, "<h1>");
    expect(with("GET", "/nothing", ""), 404, "\"code\":\"not_found\"");
    expect(with("GET", "/api/v1/nothing", "Accept: text/html\r\n"), 404, "\"code\":\"not_found\"");
    lacks(with("POST", "/desk/", "Content-Length: 0\r\n"), 404, "<html");
}

Test(www, preflight_only_for_the_chat_and_the_origins_that_are_named)
{
    expect(with("OPTIONS", "/api/v1/chat", "Origin: https://www.client.example\r\n"), 200,
           "access-control-allow-origin: https://www.client.example");
    expect(with("OPTIONS", "/api/v1/chat", "Origin: https://www.client.example\r\n"), 200,
           "access-control-allow-headers: authorization, content-type");
    lacks(with("OPTIONS", "/api/v1/chat", "Origin: https://www.client.example.evil\r\n"), 403, "access-control");
    lacks(with("OPTIONS", "/api/v1/chat", ""), 403, "access-control");
    lacks(with("OPTIONS", "/api/v1/agents/me", "Origin: https://www.client.example\r\n"), 405, "access-control");
    lacks(with("GET", "/api/v1/agents/me", "Origin: https://www.client.example\r\n"), 401, "access-control");
    lacks(with("GET", "/desk/", "Origin: https://www.client.example\r\n"), 200, "access-control");
}
