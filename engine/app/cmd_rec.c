/* `junctor rec`: recordings listed, proved and exported, from their files; the engine may run or not. */
#include "engine/app/cmd_rec.h"
#include "engine/app/cmd.h"
#include "engine/base/id.h"
#include "engine/base/log.h"
#include "engine/base/str.h"
#include "engine/store/recording_log.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
    "usage: junctor rec list   [--data DIR] [--tenant NAME] [--json]\n"
    "       junctor rec verify [--data DIR] [--tenant NAME] [--json] [CALL]\n"
    "       junctor rec export [--data DIR] [--tenant NAME] CALL [-o FILE.wav]\n"
    "       junctor rec show   [--data DIR] [--tenant NAME] [--json] CALL\n"
    "Reads DIR/recordings (DIR: ./data unless told). CALL is an interaction's id, as list prints it.\n"
    "  list    every recorded call, oldest first\n"
    "  verify  each call's ledger: frames received (caller, agent, other), frames lost on the network,\n"
    "          frames handed to the recorder and frames that found it full. complete: every frame that\n"
    "          was handed over is on disk, none found the recorder full, and the end is there\n"
    "  export  stereo WAV, 8 kHz: caller left, agent right; FILE is CALL.wav unless told\n"
    "  show    its events: who was there and heard whom, what was played to whom and when, and the\n"
    "          recording notice that the caller heard to its end\n"
    "Exit code: 0 done; 1 not as hoped (verify: a recording is not complete, or there is none);\n"
    "2 wrong use.\n";

struct options {
    const char *verb, *data, *tenant, *call, *file;
    bool json;
    uint64_t tenant_id, call_id;
    char dir[1024];
    /* while going through them */
    uint64_t seen, complete;
    struct jn_buf out;
    bool found;
};

static const char *time_text(char out[static 40], uint64_t us)
{
    time_t s = (time_t)(us / 1000000);
    struct tm tm;
    size_t n = gmtime_r(&s, &tm) ? strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm) : 0;

    snprintf(out + n, 40 - n, ".%03uZ", (unsigned)(us / 1000 % 1000));
    return out;
}

static void add_json(struct options *o, const struct jn_rec_summary *s)
{
    const struct jn_rec_ledger *l = &s->ledger;
    char id[JN_ID_TEXT_MAX], tenant[JN_ID_TEXT_MAX], from[40], to[40];

    jn_buf_printf(
        &o->out,
        "%s{\"call\":\"%s\",\"tenant\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"duration_ms\":%llu,"
        "\"frames\":[%llu,%llu,%llu,%llu],\"network_gaps\":[%llu,%llu,%llu,%llu],"
        "\"duplicates\":[%llu,%llu,%llu,%llu],"
        "\"handed_over\":%llu,\"overflow\":%llu,\"events\":%u,\"stopped\":%s,\"bad_records\":%u,"
        "\"complete\":%s}",
        o->seen > 1 ? "," : "", jn_id_text(l->call, id), jn_id_text(l->tenant, tenant), time_text(from, l->first_us),
        time_text(to, l->last_us), (unsigned long long)(l->last_us - l->first_us) / 1000,
        (unsigned long long)l->frames[0], (unsigned long long)l->frames[1], (unsigned long long)l->frames[2],
        (unsigned long long)l->frames[3], (unsigned long long)l->missing[0], (unsigned long long)l->missing[1],
        (unsigned long long)l->missing[2], (unsigned long long)l->missing[3], (unsigned long long)l->duplicates[0],
        (unsigned long long)l->duplicates[1], (unsigned long long)l->duplicates[2],
        (unsigned long long)l->duplicates[3], (unsigned long long)l->handed_over, (unsigned long long)l->overflow,
        l->events, l->stopped ? "true" : "false", s->bad_records, l->complete ? "true" : "false");
}

static void print_line(const struct jn_rec_summary *s, bool verify)
{
    const struct jn_rec_ledger *l = &s->ledger;
    uint64_t ms = (l->last_us - l->first_us) / 1000;
    char id[JN_ID_TEXT_MAX], from[40];

    printf("%s  %s  %4llu.%01llu s", jn_id_text(l->call, id), time_text(from, l->first_us),
           (unsigned long long)ms / 1000, (unsigned long long)ms % 1000 / 100);
    if (verify)
        printf(
            "  frames %llu/%llu/%llu/%llu  network gaps %llu/%llu/%llu/%llu  handed over %llu  overflow %llu  damaged "
            "%u  %s",
            (unsigned long long)l->frames[0], (unsigned long long)l->frames[1], (unsigned long long)l->frames[2],
            (unsigned long long)l->frames[3], (unsigned long long)l->missing[0], (unsigned long long)l->missing[1],
            (unsigned long long)l->missing[2], (unsigned long long)l->missing[3], (unsigned long long)l->handed_over,
            (unsigned long long)l->overflow, s->bad_records,
            l->complete  ? "complete"
            : l->stopped ? "NOT COMPLETE"
                         : "NOT COMPLETE: no end");
    putchar('\n');
}

static int take(void *arg, const struct jn_rec_summary *s)
{
    struct options *o = arg;

    if (o->call && s->ledger.call != o->call_id)
        return 0;
    o->seen++;
    o->complete += s->ledger.complete != 0;
    if (o->json)
        add_json(o, s);
    else
        print_line(s, strcmp(o->verb, "verify") == 0);
    return 0;
}

static int list_or_verify(struct options *o)
{
    bool verify = strcmp(o->verb, "verify") == 0;
    struct jn_err err = {0};

    int rc = jn_rec_check(o->dir, o->tenant_id, take, o, &err);
    if (rc < 0) {
        fprintf(stderr, "junctor rec %s: %s\n", o->verb, err.text);
        jn_buf_free(&o->out);
        return 1;
    }
    if (o->json)
        printf("{\"recordings\":[%s],\"count\":%llu,\"complete\":%llu}\n", o->out.data ? o->out.data : "",
               (unsigned long long)o->seen, (unsigned long long)o->complete);
    else if (verify)
        printf("%llu recordings, %llu complete, %llu not\n", (unsigned long long)o->seen,
               (unsigned long long)o->complete, (unsigned long long)(o->seen - o->complete));
    else
        printf("%llu recordings\n", (unsigned long long)o->seen);
    bool failed = o->json && o->out.failed;
    jn_buf_free(&o->out);
    if (o->call && o->seen == 0)
        fprintf(stderr, "junctor rec %s: there is no recording of %s\n", o->verb, o->call);
    return failed || (verify && (o->seen == 0 || o->complete < o->seen)) ? 1 : 0;
}

static int check_tenant(void *arg, const struct jn_rec_summary *s)
{
    struct options *o = arg;

    o->found |= s->ledger.call == o->call_id;
    return o->found;
}

static int export(struct options *o)
{
    struct jn_err err = {0};
    char file[64];

    snprintf(file, sizeof file, "%s.wav", o->call);
    const char *path = o->file ? o->file : file;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "looking through %s\r", o->dir);
    if (o->tenant_id) {
        int rc = jn_rec_check(o->dir, o->tenant_id, check_tenant, o, &err);
        if (rc < 0 || !o->found) {
            fprintf(stderr, "junctor rec export: %s\n", rc < 0 ? err.text : "that tenant has no such recording");
            return 1;
        }
    }
    int rc = jn_rec_export_wav(o->dir, o->call_id, path, &err);
    if (isatty(STDERR_FILENO))
        fputs("\033[K", stderr);
    if (rc < 0) {
        fprintf(stderr, "junctor rec export: %s\n", err.text);
        return 1;
    }
    printf("%s\n", path);
    return 0;
}

/* 0, or what the program exits with, +1: done already. */
static int parse(struct options *o, int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        const char **value = strcmp(argv[i], "--data") == 0     ? &o->data
                             : strcmp(argv[i], "--tenant") == 0 ? &o->tenant
                             : strcmp(argv[i], "-o") == 0       ? &o->file
                                                                : NULL;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return 1;
        }
        if (value && i + 1 < argc)
            *value = argv[++i];
        else if (strcmp(argv[i], "--json") == 0)
            o->json = true;
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

int jn_cmd_rec(int argc, char *argv[])
{
    struct options o = {.data = "data"};
    int rc = parse(&o, argc, argv);

    if (rc)
        return rc > 0 ? 0 : 2;
    bool showing = o.verb && strcmp(o.verb, "show") == 0;
    bool exporting = o.verb && strcmp(o.verb, "export") == 0, listing = o.verb && strcmp(o.verb, "list") == 0;
    if (!o.verb || !(exporting || listing || showing || strcmp(o.verb, "verify") == 0) ||
        ((exporting || showing) && !o.call) || (listing && o.call) || (!exporting && o.file)) {
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
    if (showing)
        return jn_rec_show(o.dir, o.tenant_id, o.call_id, o.json);
    return exporting ? export(&o) : list_or_verify(&o);
}
