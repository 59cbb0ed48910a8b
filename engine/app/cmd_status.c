/* Cmd status: how a running engine is: its parts, its queues, its agents. */
#include "engine/app/cmd.h"
#include "engine/app/cmd_api.h"
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: junctor status [OPTIONS]\n\nHow a running engine is: parts, queues, agents.\n\n" JN_CMD_API_HELP;

static void print_parts(const struct jn_json *s)
{
    long long up = jn_cmd_number(s, "uptime_s");
    printf("junctor %s, up %lld:%02lld:%02lld%s\n", jn_cmd_text(s, "version"), up / 3600, up / 60 % 60, up % 60,
           jn_json_bool(jn_json_get(s, "draining")) == 1 ? ", DRAINING" : "");
    printf(
        "journal %s, database %s, recorder %s; calls %lld, open interactions %lld, phones %lld, connections %lld\n\n",
        jn_cmd_text(s, "journal"), jn_cmd_text(s, "database"), jn_cmd_text(s, "recorder"), jn_cmd_number(s, "calls"),
        jn_cmd_number(s, "interactions_open"), jn_cmd_number(s, "phones"), jn_cmd_number(s, "connections"));
}

static void print_live(const struct jn_json *live)
{
    const struct jn_json *queues = jn_json_get(live, "queues"), *agents = jn_json_get(live, "agents");
    char level[16];
    printf("%-14s %-16s %7s %7s %7s %8s %8s %9s %8s\n", "TENANT", "QUEUE", "WAITING", "RINGING", "TALKING", "OFFERED",
           "ANSWERED", "ABANDONED", "LEVEL");
    for (size_t i = 0; i < jn_json_count(queues); i++) {
        const struct jn_json *q = jn_json_at(queues, i);
        printf("%-14s %-16s %7lld %7lld %7lld %8lld %8lld %9lld %8s\n", jn_cmd_text(q, "tenant"),
               jn_cmd_text(q, "name"), jn_cmd_number(q, "waiting"), jn_cmd_number(q, "offered_now"),
               jn_cmd_number(q, "talking"), jn_cmd_number(q, "offered"), jn_cmd_number(q, "answered"),
               jn_cmd_number(q, "abandoned"), jn_cmd_percent(level, q, "service_level"));
    }
    printf("\n%-14s %-16s %-16s %-16s %8s %5s\n", "TENANT", "AGENT", "STATE", "REASON", "SINCE", "PHONE");
    for (size_t i = 0; i < jn_json_count(agents); i++) {
        const struct jn_json *a = jn_json_at(agents, i);
        printf("%-14s %-16s %-16s %-16s %6llds %5s\n", jn_cmd_text(a, "tenant"), jn_cmd_text(a, "name"),
               jn_cmd_text(a, "state"), jn_cmd_text(a, "reason"), jn_cmd_number(a, "state_s"),
               jn_json_bool(jn_json_get(a, "phone")) == 1 ? "yes" : "no");
    }
}

static void print_trunks(const struct jn_json *carriers)
{
    const struct jn_json *trunks = jn_json_get(carriers, "trunks"), *bans = jn_json_get(carriers, "bans");
    if (jn_json_count(trunks))
        printf("\n%-14s %-16s %-12s %-12s %8s %8s %8s %8s %8s\n", "TENANT", "TRUNK", "STATE", "REGISTERED", "CHANNELS",
               "IN", "OUT", "FAILED", "CAPPED");
    for (size_t i = 0; i < jn_json_count(trunks); i++) {
        const struct jn_json *t = jn_json_at(trunks, i);
        printf("%-14s %-16s %-12s %-12s %8lld %8lld %8lld %8lld %8lld\n", jn_cmd_text(t, "tenant"),
               jn_cmd_text(t, "name"), jn_cmd_text(t, "state"), jn_cmd_text(t, "registration"),
               jn_cmd_number(t, "channels"), jn_cmd_number(t, "calls_in"), jn_cmd_number(t, "calls_out"),
               jn_cmd_number(t, "failed"), jn_cmd_number(t, "capped"));
    }
    for (size_t i = 0; i < jn_json_count(bans); i++) {
        const struct jn_json *b = jn_json_at(bans, i);
        printf("%sbanned: %s, %lld failures, %lld s left\n", i ? "" : "\n", jn_cmd_text(b, "source"),
               jn_cmd_number(b, "failures"), jn_cmd_number(b, "seconds_left"));
    }
}

int jn_cmd_status(int argc, char *argv[])
{
    static const struct option known[] = {JN_CMD_API_OPTIONS, {0}};
    struct jn_cmd_api c = {.verb = "status"};
    struct jn_buf body = {0}, body_live = {0}, body_trunks = {0};
    struct jn_json *status = NULL, *live = NULL, *trunks = NULL;
    for (int o; (o = getopt_long(argc, argv, "h", known, NULL)) != -1;)
        if (!jn_cmd_api_option(&c, o, optarg))
            return fputs("try: junctor status --help\n", stderr), 2;
    if (c.help)
        return fputs(help, stdout), 0;
    if (optind < argc)
        return fprintf(stderr, "junctor status: \"%s\" is too much\n", argv[optind]), 2;
    int rc = jn_cmd_api_find(&c);
    if (!rc)
        rc = jn_cmd_api_call(&c, "GET", "/api/v1/status", NULL, NULL, &body, &status);
    if (!rc)
        rc = jn_cmd_api_call(&c, "GET", "/api/v1/live", NULL, NULL, &body_live, &live);
    if (!rc)
        rc = jn_cmd_api_call(&c, "GET", "/api/v1/trunks", NULL, NULL, &body_trunks, &trunks);
    if (!rc && c.json) {
        printf("{\"status\":%s,\"live\":%s,\"carriers\":%s}\n", body.data, body_live.data, body_trunks.data);
    } else if (!rc) {
        print_parts(status);
        print_live(live);
        print_trunks(trunks);
    }
    jn_json_free(trunks);
    jn_buf_free(&body_trunks);
    jn_json_free(status);
    jn_json_free(live);
    jn_buf_free(&body);
    jn_buf_free(&body_live);
    return rc;
}
