/* Main: `junctor VERB ...`; each verb has a file of its own. */
#include "engine/app/cmd.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *what;
    int (*run)(int argc, char *argv[]);
} verbs[] = {
    {"run", "run the engine in the foreground", jn_cmd_run},
    {"check", "check configuration files, every mistake at once", jn_cmd_check},
    {"status", "how a running engine is", jn_cmd_status},
    {"report", "offered, answered, abandoned, service level, by tenant, queue and channel", jn_cmd_report},
    {"apply", "change tenants, queues, agents and rules of a running engine", jn_cmd_apply},
    {"drain", "refuse new work and let calls end", jn_cmd_drain},
    {"rec", "list, verify and export recordings", jn_cmd_rec},
    {"trace", "one call: SIP ladder, figures of its media, pcap", jn_cmd_trace},
    {"replay", "replay a journal and compare the commands", jn_cmd_replay},
    {"classify", "what the rules make of a text", jn_cmd_classify},
    {"load", "load a system with calls and chats, measure loss, delay and MOS", jn_cmd_load},
    {"why", "why an interaction went to that agent", jn_cmd_why},
    {"log", "show or change what a running engine logs", jn_cmd_log},
    {"audit", "who changed what, and who looked at recordings and messages", jn_cmd_audit},
    {"token", "an API token for a program", jn_cmd_token},
    {"backup", "copy a data folder, also of a running engine", jn_cmd_backup},
    {"restore", "make a data folder out of a backup", jn_cmd_restore},
    {"version", "this program's version and its formats'", jn_cmd_version},
    {"password", "hash a password or a phone's secret for centre.yaml", jn_cmd_password},
};

static void usage(FILE *to)
{
    fputs("junctor " JUNCTOR_VERSION ", a contact-centre engine\n\nusage: junctor VERB [OPTIONS]\n\n", to);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].what);
    fputs("\n`junctor VERB --help` says more.\n", to);
}

int main(int argc, char *argv[])
{
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("junctor " JUNCTOR_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    fprintf(stderr, "junctor: there is no verb \"%s\"\n\n", argv[1]);
    usage(stderr);
    return 2;
}
