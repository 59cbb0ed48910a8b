/* `junctor replay`: the journal once more, compared with what the engine wrote down while it ran. */
#include "engine/app/cmd.h"
#include "engine/base/log.h"
#include "engine/base/str.h"
#include "engine/store/replay.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: junctor replay DATA_DIR [--from-start] [--json]\n"
    "       junctor replay --pcap IN --out OUT ...   a capture through the media plane: `junctor replay --pcap "
    "--help`\n"
    "       junctor replay --policy NAME|FILE ...    what if: the day under other policies: `junctor replay --policy "
    "--help`\n"
    "Applies the events of DATA_DIR/journal to a fresh router and compares commands and states with\n"
    "the check records that the engine wrote every 1,000 events, at snapshots and at its end, and with snapshots on\n"
    "the way. Begins at the oldest usable snapshot, or at the first event when there is none. Changes\n"
    "nothing; an engine may be running.\n"
    "  --from-start  begin at the first event ever; refused when retention removed it\n"
    "  --json        one JSON object on standard output\n"
    "Exit code: 0 all equal, 1 something differs or the journal cannot be replayed, 2 wrong use.\n";

static void tell_progress(void *arg, uint64_t seq, uint64_t last)
{
    if (*(const int *)arg)
        fprintf(stderr, "\revent %llu of %llu", (unsigned long long)seq, (unsigned long long)last);
}

static void print_json(const struct jn_replay *r, int rc, const struct jn_err *err)
{
    struct jn_buf b = {0};

    jn_buf_printf(&b,
                  "{\"equal\":%s,\"began\":%llu,\"last\":%llu,\"events\":%llu,\"command_checks\":%llu,"
                  "\"commands_not_comparable\":%llu,\"state_checks\":%llu,\"snapshots\":%llu,\"torn_bytes\":%llu,"
                  "\"bounds_known\":%s,",
                  rc == 0 ? "true" : "false", (unsigned long long)r->began_seq, (unsigned long long)r->last_seq,
                  (unsigned long long)r->events, (unsigned long long)r->command_checks,
                  (unsigned long long)r->commands_unknown, (unsigned long long)r->state_checks,
                  (unsigned long long)r->snapshots, (unsigned long long)r->torn_bytes,
                  r->bounds_known ? "true" : "false");
    if (r->differs_at)
        jn_buf_printf(&b, "\"differs_at\":%llu,\"error\":", (unsigned long long)r->differs_at);
    else
        jn_buf_text(&b, "\"differs_at\":null,\"error\":");
    if (rc == 0)
        jn_buf_text(&b, "null}");
    else {
        jn_buf_json(&b, err->text, strlen(err->text));
        jn_buf_text(&b, "}");
    }
    puts(b.failed ? "{\"equal\":false,\"error\":\"no memory\"}" : b.data);
    jn_buf_free(&b);
}

static void print_text(const struct jn_replay *r, int rc, const struct jn_err *err)
{
    if (rc < 0) {
        fprintf(stderr, "junctor replay: %s\n", err->text);
        return;
    }
    printf("replayed %llu events, %llu commands checks equal, state equal (%llu checks, %llu snapshots)\n",
           (unsigned long long)r->events, (unsigned long long)r->command_checks, (unsigned long long)r->state_checks,
           (unsigned long long)r->snapshots);
    if (r->commands_unknown)
        printf("%llu checks compared by state alone: their run began before event %llu\n",
               (unsigned long long)r->commands_unknown, (unsigned long long)r->began_seq);
    if (r->torn_bytes)
        printf("%llu bytes at the end were torn and nobody was told of them\n", (unsigned long long)r->torn_bytes);
    if (!r->bounds_known && r->events)
        printf("the router's bounds were not written down: defaults were taken\n");
}

int jn_cmd_replay(int argc, char *argv[])
{
    bool from_start = false, json = false;
    const char *data = NULL;
    char dir[1024];
    struct jn_replay r;
    struct jn_err err = {0};
    int terminal = isatty(STDERR_FILENO);

    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--pcap") == 0)
            return jn_cmd_replay_pcap(argc, argv);
        else if (strcmp(argv[i], "--policy") == 0 || strcmp(argv[i], "--day") == 0)
            return jn_cmd_replay_policy(argc, argv);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--from-start") == 0)
            from_start = true;
        else if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (argv[i][0] != '-' && !data)
            data = argv[i];
        else {
            fprintf(stderr, "junctor replay: \"%s\" is not understood\n%s", argv[i], help);
            return 2;
        }
    }
    if (!data) {
        fputs(help, stderr);
        return 2;
    }
    if (snprintf(dir, sizeof dir, "%s/journal", data) >= (int)sizeof dir) {
        fprintf(stderr, "junctor replay: the name is too long\n");
        return 2;
    }
    jn_log_level_set(JN_LOG_WARN);
    int rc = jn_replay(dir, from_start, &r, tell_progress, &terminal, &err);
    if (terminal)
        fputs("\r\033[K", stderr);
    if (json)
        print_json(&r, rc, &err);
    else
        print_text(&r, rc, &err);
    return rc == 0 ? 0 : 1;
}
