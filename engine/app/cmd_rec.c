/* `junctor rec`: recordings listed, proved, exported and deleted, from their files; the engine may run or not. */
#include "engine/app/cmd_rec.h"
#include "engine/app/cmd.h"
#include "engine/base/id.h"
#include "engine/base/log.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: junctor rec list   [--data DIR] [--tenant NAME] [--agent NAME] [--queue NAME] [--from T] [--to T] "
    "[--json]\n"
    "       junctor rec verify [--data DIR] [--tenant NAME] [--json] [CALL]\n"
    "       junctor rec export [--data DIR] [--tenant NAME] CALL [--format wav|opus] [--as PARTY] [--tracks L:R] "
    "[-o FILE]\n"
    "       junctor rec show   [--data DIR] [--tenant NAME] [--json] CALL\n"
    "       junctor rec delete [--data DIR] [--tenant NAME] CALL --yes\n"
    "       junctor rec rotate-key [--data DIR]\n"
    "Reads DIR/recordings (DIR: ./data unless told). CALL is an interaction's id, as list prints it.\n"
    "  list    every recorded call, oldest first, from the index; --agent and --queue want --tenant; T is\n"
    "          2026-11-23 or 2026-11-23T10:00:00, UTC\n"
    "  verify  every byte: each call's ledger: frames received (caller, agent, other, supervisor), frames lost on the\n"
    "          network, frames withheld (paused, masked), frames handed to the recorder and frames that found it "
    "full.\n"
    "          complete: every frame that was handed over is on disk, none found the recorder full, and the end is\n"
    "          there. With CALL and --json the missing and withheld ranges of sequence numbers too\n"
    "  export  stereo, WAV or Ogg Opus: caller left, agent and whoever was consulted right; --as caller, agent, other\n"
    "          or supervisor: left what that party heard of the others, right what it said; --tracks 0:13 names the\n"
    "          tracks of each side (0 caller, 1 agent, 2 other, 3 supervisor). FILE is CALL.wav or CALL.opus unless "
    "told\n"
    "  show    its events: who was there and heard whom, what was played to whom and when, pauses and masks, and the\n"
    "          recording notice that the caller heard to its end\n"
    "  delete  an encrypted recording's key is destroyed; one in the clear is overwritten where it lies (a disk's "
    "spare\n"
    "          cells, snapshots and backups may still hold it)\n"
    "  rotate-key  a new master key for encrypted recordings; the engine may run\n"
    "Exit code: 0 done; 1 not as hoped (verify: a recording is not complete, or there is none);\n"
    "2 wrong use.\n";

/* 0, or what the program exits with, +1: done already. */
static int parse(struct jn_rec_cmd *o, int argc, char *argv[])
{
    const struct {
        const char *name, **value;
    } options[] = {{"--data", &o->data}, {"--tenant", &o->tenant}, {"--agent", &o->agent}, {"--queue", &o->queue},
                   {"-o", &o->file},     {"--format", &o->format}, {"--as", &o->as},       {"--tracks", &o->tracks},
                   {"--from", &o->from}, {"--to", &o->to}};

    for (int i = 1; i < argc; i++) {
        const char **value = NULL;
        for (size_t k = 0; k < sizeof options / sizeof *options; k++)
            if (strcmp(argv[i], options[k].name) == 0)
                value = options[k].value;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return 1;
        }
        if (value && i + 1 < argc)
            *value = argv[++i];
        else if (strcmp(argv[i], "--json") == 0)
            o->json = true;
        else if (strcmp(argv[i], "--yes") == 0)
            o->yes = true;
        else if (argv[i][0] != '-' && !o->verb)
            o->verb = argv[i];
        else if (argv[i][0] != '-' && !o->call)
            o->call = argv[i];
        else {
            fprintf(stderr, "junctor rec: \"%s\" is not understood%s\n%s", argv[i], value ? " without a value" : "",
                    help);
            return -1;
        }
    }
    return 0;
}

static int show(const struct jn_rec_cmd *o)
{
    return jn_rec_show(o->dir, o->tenant_id, o->call_id, o->json);
}

int jn_cmd_rec(int argc, char *argv[])
{
    enum { NO_CALL, MAY_CALL, CALL };
    static const struct {
        const char *name;
        int (*run)(const struct jn_rec_cmd *o);
        int call;
    } verbs[] = {{"list", jn_rec_cmd_list, NO_CALL},  {"verify", jn_rec_cmd_verify, MAY_CALL},
                 {"export", jn_rec_cmd_export, CALL}, {"show", show, CALL},
                 {"delete", jn_rec_cmd_delete, CALL}, {"rotate-key", jn_rec_cmd_rotate, NO_CALL}};
    struct jn_rec_cmd o = {.data = "data"};
    size_t v = 0, n = sizeof verbs / sizeof *verbs;
    int rc = parse(&o, argc, argv);

    if (rc)
        return rc > 0 ? 0 : 2;
    while (o.verb && v < n && strcmp(o.verb, verbs[v].name) != 0)
        v++;
    bool exporting = o.verb && strcmp(o.verb, "export") == 0, listing = o.verb && strcmp(o.verb, "list") == 0;
    if (!o.verb || v == n || (verbs[v].call == CALL && !o.call) || (verbs[v].call == NO_CALL && o.call) ||
        (!exporting && (o.file || o.format || o.as || o.tracks)) ||
        (!listing && (o.agent || o.queue || o.from || o.to))) {
        fputs(help, stderr);
        return 2;
    }
    if (o.call && jn_id_parse(&o.call_id, o.call) < 0) {
        fprintf(stderr, "junctor rec: \"%s\" is not an interaction's id (13 characters)\n", o.call);
        return 2;
    }
    if (o.tenant)
        o.tenant_id = jn_name_id(0, "tenant", o.tenant);
    if (snprintf(o.dir, sizeof o.dir, "%s/recordings", o.data) >= (int)sizeof o.dir) {
        fprintf(stderr, "junctor rec: the name is too long\n");
        return 2;
    }
    jn_log_level_set(JN_LOG_WARN);
    return verbs[v].run(&o);
}
