/* Http client: what an engine answers comes back whole; everything else has a reason. */
#include "engine/app/http_client.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(http_client, .timeout = 60);

static int listener;
static char url[64], asked[4096];
static const char *canned;

static void *serve(void *arg)
{
    size_t n = 0;
    int fd = accept(listener, NULL, NULL);
    (void)arg;
    while (n < sizeof asked - 1 && !strstr(asked, "\r\n\r\n")) {
        ssize_t got = recv(fd, asked + n, sizeof asked - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    for (const char *p = canned; *p; p += strnlen(p, 7)) /* in small pieces */
        send(fd, p, strnlen(p, 7), MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static int ask(const char *answer, const struct jn_buf *body, struct jn_buf *out)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    struct jn_err err = {""};
    pthread_t t;
    canned = answer;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(asked, 0, sizeof asked);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *)&a, &n);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", ntohs(a.sin_port));
    pthread_create(&t, NULL, serve, NULL);
    int rc = jn_http_call(url, body ? "POST" : "GET", "/x", "token", body ? "text/plain" : NULL, body, out, &err);
    pthread_join(t, NULL);
    close(listener);
    cr_assert(rc >= 0 || err.text[0], "a failure has its reason");
    return rc;
}

Test(http_client, gives_status_and_body)
{
    struct jn_buf out = {0}, body = {0};
    jn_buf_text(&body, "hello");
    cr_assert_eq(ask("HTTP/1.1 201 Created\r\nServer: x\r\ncontent-LENGTH: 4\r\n\r\nbodyrest", &body, &out), 201);
    cr_assert_str_eq(out.data, "body");
    cr_assert_not_null(strstr(asked, "POST /x HTTP/1.1\r\n"));
    cr_assert_not_null(strstr(asked, "Authorization: Bearer token\r\n"));
    cr_assert_not_null(strstr(asked, "Content-Length: 5\r\n"));
    jn_buf_free(&out);
    jn_buf_free(&body);
}

Test(http_client, refuses_what_is_no_engines_answer)
{
    static const char *const bad[] = {"",
                                      "HTTP/1.1 200 OK\r\n\r\n",
                                      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
                                      "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
                                      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                                      "HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n",
                                      "SSH-2.0-x\r\n\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct jn_buf out = {0};
        cr_assert_eq(ask(bad[i], NULL, &out), -EPROTO, "%s", bad[i]);
        jn_buf_free(&out);
    }
}

Test(http_client, says_what_is_wrong_with_an_address)
{
    struct jn_buf out = {0};
    struct jn_err err = {""};
    static const char *const bad[] = {"127.0.0.1:80",       "http://",       "http://127.0.0.1:0",  "http://[::1",
                                      "http://h:99999",     "http://:80",    "http://h:80/api",     "https://h",
                                      "http://127.0.0.1:x", "http://[]:80/", "http://127.0.0.1:80:"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(jn_http_call(bad[i], "GET", "/", NULL, NULL, NULL, &out, &err), -EINVAL, "%s", bad[i]);
    /* A port where nobody listens: ask() has just closed it. */
    ask("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL, &out);
    cr_assert_eq(jn_http_call(url, "GET", "/", NULL, NULL, NULL, &out, &err), -ECONNREFUSED);
    jn_buf_free(&out);
}
