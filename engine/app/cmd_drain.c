/* Cmd drain: lets a running engine refuse new work, and waits until the old has ended. */
#include "engine/app/cmd.h"
#include "engine/app/cmd_api.h"
#include <stdio.h>
#include <time.h>

static const char help[] =
    "usage: junctor drain [--off] [--wait] [OPTIONS]\n\n"
    "New calls and chats are refused from now on; what is open goes on until it ends.\n\n"
    "  --off        take new work again\n"
    "  --wait       come back when nothing is open any more (Ctrl-C stops waiting, not draining)\n" JN_CMD_API_HELP;

static int wait_until_empty(struct jn_cmd_api *c)
{
    const struct timespec pause = {.tv_nsec = 500000000};
    long long before = -1;
    for (;;) {
        struct jn_buf body = {0};
        struct jn_json *status = NULL;
        int rc = jn_cmd_api_call(c, "GET", "/api/v1/status", NULL, NULL, &body, &status);
        long long open = jn_json_int(jn_json_get(status, "interactions_open"), -1),
                  calls = jn_json_int(jn_json_get(status, "calls"), 0);
        jn_json_free(status);
        jn_buf_free(&body);
        if (rc)
            return rc;
        if (open <= 0 && calls <= 0)
            return c->json ? 0 : (puts("drained: nothing is open"), 0);
        if (open != before && !c->json)
            printf("%lld open, %lld calls\n", open, calls), fflush(stdout);
        before = open;
        nanosleep(&pause, NULL);
    }
}

int jn_cmd_drain(int argc, char *argv[])
{
    static const struct option known[] = {
        {"off", no_argument, NULL, 'o'}, {"wait", no_argument, NULL, 'w'}, JN_CMD_API_OPTIONS, {0}};
    struct jn_cmd_api c = {.verb = "drain"};
    struct jn_buf body = {0}, ask = {0};
    struct jn_json *answer = NULL;
    bool off = false, wait = false;
    for (int o; (o = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (o == 'o')
            off = true;
        else if (o == 'w')
            wait = true;
        else if (!jn_cmd_api_option(&c, o, optarg))
            return fputs("try: junctor drain --help\n", stderr), 2;
    }
    if (c.help)
        return fputs(help, stdout), 0;
    if (optind < argc || (off && wait))
        return fputs("junctor drain: --off or --wait, and nothing else\n", stderr), 2;
    int rc = jn_cmd_api_find(&c);
    jn_buf_printf(&ask, "{\"on\":%s}", off ? "false" : "true");
    if (!rc)
        rc = jn_cmd_api_call(&c, "POST", "/api/v1/drain", "application/json", &ask, &body, &answer);
    if (!rc && c.json)
        printf("%s\n", body.data);
    else if (!rc)
        puts(off ? "new work is taken again" : "draining: new calls and chats are refused");
    if (!rc && wait)
        rc = wait_until_empty(&c);
    jn_json_free(answer);
    jn_buf_free(&body);
    jn_buf_free(&ask);
    return rc;
}
