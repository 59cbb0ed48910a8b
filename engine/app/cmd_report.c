/* Cmd report: what came and what became of it, by tenant, queue and channel, each total with its formula. */
#include "engine/app/cmd.h"
#include "engine/app/cmd_api.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "usage: junctor report [--from TIME] [--to TIME] [OPTIONS]\n\n"
    "What came and what became of it, by tenant, queue and channel.\n\n"
    "  --from TIME  arrived at or after; TIME is 2026-01-31T08:00:00 (UTC) or microseconds since 1970\n"
    "  --to TIME    arrived before\n" JN_CMD_API_HELP
    "\nEvery line adds up: offered = answered + abandoned + rejected + lost + open.\n"
    "LEVEL is answered in target / (answered + abandoned), ASA the mean wait of the answered, AHT (talk + wrap-up) / "
    "answered.\n";

static bool parse_time(const char *text, uint64_t *us)
{
    struct tm tm = {0};
    const char *end;
    if (!jn_parse_u64(text, INT64_MAX, us))
        return true;
    end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end || (*end && strcmp(end, "Z")))
        return false;
    time_t t = timegm(&tm);
    *us = (uint64_t)t * 1000000;
    return t >= 0;
}

static void seconds(char out[static 16], const struct jn_json *j)
{
    double ms = jn_json_number(j, -1);
    if (ms < 0)
        jn_copy(out, 16, "-");
    else
        snprintf(out, 16, "%.1f s", ms / 1000);
}

static void print_line(const struct jn_json *g, const char *tenant, const char *queue, const char *channel)
{
    char level[16], asa[16], aht[16];
    seconds(asa, jn_json_get(g, "asa_ms"));
    seconds(aht, jn_json_get(g, "aht_ms"));
    printf("%-14s %-16s %-7s %8lld %8lld %9lld %8lld %5lld %5lld %8s %9s %9s %6lld %5lld %5lld\n", tenant, queue,
           channel, jn_cmd_number(g, "offered"), jn_cmd_number(g, "answered"), jn_cmd_number(g, "abandoned"),
           jn_cmd_number(g, "rejected"), jn_cmd_number(g, "lost"), jn_cmd_number(g, "open"),
           jn_cmd_percent(level, g, "service_level"), asa, aht, jn_cmd_number(g, "transferred"),
           jn_cmd_number(g, "out"), jn_cmd_number(g, "out_answered"));
}

static void print_report(const struct jn_json *r)
{
    const struct jn_json *groups = jn_json_get(r, "groups"), *total = jn_json_get(r, "total");
    printf("%-14s %-16s %-7s %8s %8s %9s %8s %5s %5s %8s %9s %9s %6s %5s %5s\n", "TENANT", "QUEUE", "CHANNEL",
           "OFFERED", "ANSWERED", "ABANDONED", "REJECTED", "LOST", "OPEN", "LEVEL", "ASA", "AHT", "TRANSF", "OUT",
           "TAKEN");
    for (size_t i = 0; i < jn_json_count(groups); i++) {
        const struct jn_json *g = jn_json_at(groups, i);
        print_line(g, jn_cmd_text(g, "tenant"), jn_cmd_text(g, "queue"), jn_cmd_text(g, "channel"));
    }
    print_line(total, "all", "", "");
    printf("\n%s\n", jn_cmd_text(total, "formula"));
    const struct jn_json *before = jn_json_get(r, "before_queue");
    for (size_t i = 0; i < jn_json_count(before); i++) {
        const struct jn_json *b = jn_json_at(before, i);
        printf("%sbefore a queue: %lld %s (%s) %s\n", i ? "" : "\n", jn_cmd_number(b, "calls"),
               jn_cmd_text(b, "outcome"), jn_cmd_text(b, "why"), jn_cmd_text(b, "tenant"));
    }
}

/* Whether the numbers of the total add up, as everybody is told that they do. */
static bool adds_up(const struct jn_json *t)
{
    return jn_cmd_number(t, "offered") == jn_cmd_number(t, "answered") + jn_cmd_number(t, "abandoned") +
                                              jn_cmd_number(t, "rejected") + jn_cmd_number(t, "lost") +
                                              jn_cmd_number(t, "open");
}

int jn_cmd_report(int argc, char *argv[])
{
    static const struct option known[] = {
        {"from", required_argument, NULL, 'f'}, {"to", required_argument, NULL, 't'}, JN_CMD_API_OPTIONS, {0}};
    struct jn_cmd_api c = {.verb = "report"};
    struct jn_buf body = {0};
    struct jn_json *report = NULL;
    uint64_t from = 0, to = INT64_MAX;
    char path[100];
    for (int o; (o = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (jn_cmd_api_option(&c, o, optarg))
            continue;
        if ((o != 'f' && o != 't') || !parse_time(optarg, o == 'f' ? &from : &to))
            return fputs("junctor report: times look like 2026-01-31T08:00:00\ntry: junctor report --help\n", stderr),
                   2;
    }
    if (c.help)
        return fputs(help, stdout), 0;
    if (optind < argc)
        return fprintf(stderr, "junctor report: \"%s\" is too much\n", argv[optind]), 2;
    snprintf(path, sizeof path, "/api/v1/report?from=%llu&to=%llu", (unsigned long long)from, (unsigned long long)to);
    int rc = jn_cmd_api_find(&c);
    if (!rc)
        rc = jn_cmd_api_call(&c, "GET", path, NULL, NULL, &body, &report);
    if (!rc && c.json)
        printf("%s\n", body.data);
    else if (!rc)
        print_report(report);
    if (!rc && !adds_up(jn_json_get(report, "total"))) {
        fputs("junctor report: the total does not add up\n", stderr);
        rc = 1;
    }
    jn_json_free(report);
    jn_buf_free(&body);
    return rc;
}
