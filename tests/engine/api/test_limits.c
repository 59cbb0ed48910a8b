/* Limits: connections, slow senders and answers that never come. */
#include "tests/engine/api/fixture.h"

static void start_small(void)
{
    struct jn_api_config c = test_config();
    c.max_connections = 4;
    c.body_s = c.answer_s = 1;
    api_open(c);
    api_go();
}

TestSuite(limits, .init = start_small, .fini = stop_api, .timeout = 40);

Test(limits, beyond_the_bound_a_connection_is_told_busy)
{
    int fd[4];
    for (int i = 0; i < 4; i++) {
        fd[i] = dial(T.port);
        ask(fd[i], "GET", "/healthz", NULL, NULL, NULL, 0);
        struct reply r = answer(fd[i], 2000);
        cr_assert_eq(r.status, 200);
        done(&r);
    }
    expect(get(T.port, "/healthz", NULL), 503, "too many connections");
    int status;
    close(ws_dial(T.port, "/api/v1/events", T.sue_t, &status));
    cr_assert_eq(status, 503);
    for (int i = 0; i < 4; i++)
        close(fd[i]);
    usleep(300000);
    expect(get(T.port, "/healthz", NULL), 200, "ok");
}

Test(limits, a_slow_sender_is_cut_off)
{
    int fd = dial(T.port), head = dial(T.port);
    const char *slow = "POST /api/v1/login HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                       "Content-Length: 1000\r\n\r\n";
    char byte;
    say(fd, slow, strlen(slow));
    say(head, "GET /heal", 9);
    bool cut = false, head_cut = false;
    for (int i = 0; i < 60 && !(cut && head_cut); i++) { /* a byte now and then does not buy time */
        struct pollfd p[2] = {{.fd = cut ? -1 : fd, .events = POLLIN}, {.fd = head_cut ? -1 : head, .events = POLLIN}};
        poll(p, 2, 100);
        if (p[0].revents && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0)
            cut = true;
        if (p[1].revents && recv(head, &byte, 1, MSG_DONTWAIT) <= 0)
            head_cut = true;
        if (!cut)
            say(fd, " ", 1);
        if (!head_cut && i % 10 == 0)
            say(head, "x", 1);
    }
    cr_assert(cut, "the slow body still holds its connection");
    cr_assert(head_cut, "the slow head still holds its connection");
    close(fd), close(head);
    expect(get(T.port, "/metrics", NULL), 200, "junctor_api_slow_clients_total 2\n");
}

Test(limits, an_event_that_is_never_answered_does_not_hold_a_request_for_ever)
{
    T.silent = true;
    int fd = dial(T.port);
    ask(fd, "POST", "/api/v1/agents/me/ready", T.ann_t, NULL, "", 0);
    struct reply r = answer(fd, 5000);
    cr_assert_eq(r.status, 503, "%s", r.text);
    cr_assert(has(&r, "no answer in time"));
    done(&r);
    close(fd);
    /* The late answer finds nobody. */
    struct jn_event ev = last_event();
    command(&(struct jn_command){.kind = JN_CMD_DONE, .token = ev.token, .maker = JN_MAKER_API});
    settle_mail();
}
