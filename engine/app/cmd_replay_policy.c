/* `junctor replay --policy`: a recorded day once more under other policies, over several seeds, side by side. */
#include "engine/app/cmd.h"
#include "engine/app/whatif.h"
#include "engine/base/log.h"
#include "engine/base/str.h"
#include "router/whatif/compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: junctor replay --policy NAME|FILE... DATA_DIR [--seeds N] [--queues] [--json]\n"
    "       junctor replay --policy NAME|FILE... --day CALLS.csv [--target S] [--wrap-up S] [--break S] ...\n"
    "What if: arrivals, logins, handling times and patience of a recorded day, run through the router again under "
    "other\n"
    "policies. Accepts, ends and abandonments follow anew. Patience is estimated by Kaplan-Meier (who was answered "
    "would\n"
    "have waited at least so long). Means over seeds with 95 % intervals; changes are measured in pairs of equal "
    "draws.\n"
    "  --policy P  longest-idle, best-skill, or a file of lines \"QUEUE POLICY [weight=N] [priority=N] "
    "[target_ms=N]\"\n"
    "              (QUEUE * for all); may be given several times; the present one is always shown first\n"
    "  --day FILE  calls as CSV (arrival_s,queue,answered,wait_s,service_s,agent), with agents.csv beside it if there\n"
    "  --target S  service-level target of a file's queues (20); --wrap-up S after each of its calls (0)\n"
    "  --break S   an agent without a call for longer was away (900)\n"
    "  --seeds N   runs of each policy (10)\n"
    "  --queues    figures of every queue too (--json always has them)\n"
    "  --json      one JSON object on standard output\n"
    "Exit code: 0 done, 1 not as hoped (said why), 2 wrong use.\n";

enum { POLICIES_MAX = 8 };
struct options {
    const char *policy[POLICIES_MAX + 1], *data, *day;
    unsigned policies;
    uint64_t seeds, target_s, wrap_up_s, break_s;
    bool json, queues;
};
struct columns {
    struct jn_sim_figures recorded, *recorded_queue;
    struct jn_compare at[POLICIES_MAX + 1];
};
static const char *const figure[JN_CMP_N] = JN_CMP_NAMES;

char *jn_whatif_text(const char *path, struct jn_err *err)
{
    enum { STEP = 65536, MOST = 1 << 28 };
    struct jn_buf b = {.max = MOST};
    char piece[STEP];
    FILE *f = fopen(path, "rb");
    size_t n;

    if (!f) {
        jn_fail(err, -errno, "%s: %s", path, strerror(errno));
        return NULL;
    }
    jn_buf_text(&b, "");
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        jn_buf_add(&b, piece, n);
    if (ferror(f) || b.failed || !b.data) {
        jn_fail(err, -EIO, "%s: cannot be read, or is larger than 256 MiB", path);
        jn_buf_free(&b);
        b.data = NULL;
    }
    fclose(f);
    return b.data;
}

static bool valued(struct options *o, const char *name, const char *value)
{
    if (strcmp(name, "--policy") == 0) {
        if (o->policies > POLICIES_MAX)
            return false;
        o->policy[o->policies++] = value;
        return true;
    }
    if (strcmp(name, "--day") == 0) {
        o->day = value;
        return true;
    }
    if (strcmp(name, "--seeds") == 0)
        return jn_parse_u64(value, JN_CMP_SEEDS_MAX, &o->seeds) == 0 && o->seeds >= 1;
    uint64_t *seconds = strcmp(name, "--target") == 0    ? &o->target_s
                        : strcmp(name, "--wrap-up") == 0 ? &o->wrap_up_s
                        : strcmp(name, "--break") == 0   ? &o->break_s
                                                         : NULL;
    return seconds && jn_parse_u64(value, 86400, seconds) == 0;
}

/* 0; 1: helped; -1: wrong use. */
static int parse(struct options *o, int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return 1;
        }
        if (strcmp(argv[i], "--json") == 0)
            o->json = true;
        else if (strcmp(argv[i], "--queues") == 0)
            o->queues = true;
        else if (argv[i][0] != '-' && !o->data)
            o->data = argv[i];
        else if (i + 1 < argc && valued(o, argv[i], argv[i + 1]))
            i++;
        else {
            fprintf(stderr, "junctor replay: \"%s\" is not understood\n%s", argv[i], help);
            return -1;
        }
    }
    if (!o->data == !o->day) {
        fputs(help, stderr);
        return -1;
    }
    return 0;
}

static int read_csv(struct jn_day *d, const struct options *o, struct jn_err *err)
{
    struct jn_day_how how = {(uint32_t)o->break_s, (uint32_t)o->wrap_up_s, (uint32_t)o->target_s};
    const char *slash = strrchr(o->day, '/');
    char beside[1024], *agents = NULL;
    struct stat st;

    if (snprintf(beside, sizeof beside, "%.*sagents.csv", slash ? (int)(slash - o->day + 1) : 0, o->day) >=
        (int)sizeof beside)
        return jn_fail(err, -ENAMETOOLONG, "the name is too long");
    char *calls = jn_whatif_text(o->day, err);
    if (!calls)
        return -EIO;
    int rc = 0;
    if (stat(beside, &st) == 0 && !(agents = jn_whatif_text(beside, err)))
        rc = -EIO;
    if (rc == 0)
        rc = jn_day_read(d, calls, agents, &how, err);
    free(calls);
    free(agents);
    return rc;
}

/* The queues as the policy wants them. NULL: err says why. */
static struct jn_sim_queue *changed(const struct jn_day *d, const char *policy, struct jn_err *err)
{
    struct jn_sim_queue *q = malloc((d->queues + 1u) * sizeof *q);
    char *text = NULL;
    uint8_t number;
    int rc = q ? 0 : jn_fail(err, -ENOMEM, "no memory");

    if (rc == 0 && d->queues)
        memcpy(q, d->queue, d->queues * sizeof *q);
    if (rc == 0 && policy && jn_day_policy_named(policy, &number))
        rc = jn_day_policy(d, q, policy, err);
    else if (rc == 0 && policy) {
        struct jn_err why = {{0}};
        text = jn_whatif_text(policy, err);
        rc = text ? jn_day_policy(d, q, text, &why) : -EIO;
        if (text && rc < 0)
            jn_fail(err, rc, "%s %s", policy, why.text);
    }
    free(text);
    if (rc < 0) {
        free(q);
        q = NULL;
    }
    return q;
}

static void print_row(const char *name, const double *recorded, const struct columns *c, const struct options *o,
                      unsigned f, size_t at, bool queue)
{
    printf("%-18s", name);
    if (recorded)
        printf(" %9.3f", *recorded);
    else
        printf(" %9s", "-");
    for (unsigned p = 0; p < o->policies; p++) {
        const struct jn_compare_value *v = queue ? &c->at[p].queue[at + f] : &c->at[p].all[f];
        printf("  %9.3f +- %-7.3f", v->mean, v->half);
        if (!queue && p > 0)
            printf(" (%+.3f +- %.3f)", c->at[p].change[f].mean, c->at[p].change[f].half);
    }
    putchar('\n');
}

static void print_text(const struct jn_day *d, const struct columns *c, const struct options *o)
{
    double recorded[JN_CMP_QUEUE_N];

    printf("%u calls, %u queues, %u agents in %u shifts; %llu seeds\n%-18s %9s", d->calls, d->queues, d->agents,
           d->shifts, (unsigned long long)o->seeds, "", "recorded");
    for (unsigned p = 0; p < o->policies; p++)
        printf("  %-20s%s", p ? o->policy[p] : "present", p ? " (change)         " : "");
    putchar('\n');
    jn_compare_figures(recorded, &c->recorded);
    for (unsigned f = 0; f < JN_CMP_N; f++)
        print_row(figure[f], f < JN_CMP_QUEUE_N ? &recorded[f] : NULL, c, o, f, 0, false);
    for (uint32_t q = 0; o->queues && q < d->queues; q++) {
        printf("queue %s: %llu offered\n", d->queue_name[q].text, (unsigned long long)c->recorded_queue[q].offered);
        jn_compare_figures(recorded, &c->recorded_queue[q]);
        for (unsigned f = 0; f < JN_CMP_QUEUE_N; f++)
            print_row(figure[f], &recorded[f], c, o, f, (size_t)q * JN_CMP_QUEUE_N, true);
    }
}

static void json_values(const struct jn_compare_value *v, unsigned n)
{
    putchar('{');
    for (unsigned f = 0; f < n; f++)
        printf("%s\"%s\":{\"mean\":%.6f,\"half\":%.6f}", f ? "," : "", figure[f], v[f].mean, v[f].half);
    putchar('}');
}

static void json_recorded(const struct jn_sim_figures *r)
{
    double x[JN_CMP_QUEUE_N];

    jn_compare_figures(x, r);
    printf("{\"offered\":%llu,\"answered\":%llu,\"abandoned_calls\":%llu", (unsigned long long)r->offered,
           (unsigned long long)r->answered, (unsigned long long)r->abandoned);
    for (unsigned f = 0; f < JN_CMP_QUEUE_N; f++)
        printf(",\"%s\":%.6f", figure[f], x[f]);
    putchar('}');
}

static void json_text(const char *text)
{
    struct jn_buf b = {0};

    jn_buf_json(&b, text, strlen(text));
    fputs(b.failed || !b.data ? "null" : b.data, stdout);
    jn_buf_free(&b);
}

static void print_json(const struct jn_day *d, const struct columns *c, const struct options *o,
                       const struct jn_whatif_left_out *left)
{
    printf("{\"calls\":%u,\"queues\":%u,\"agents\":%u,\"shifts\":%u,\"seeds\":%llu,", d->calls, d->queues, d->agents,
           d->shifts, (unsigned long long)o->seeds);
    printf("\"left_out\":{\"calls_out\":%llu,\"before_queue\":%llu,\"open\":%llu,\"transfers\":%llu},\"recorded\":",
           (unsigned long long)left->calls_out, (unsigned long long)left->before_queue, (unsigned long long)left->open,
           (unsigned long long)left->transfers);
    json_recorded(&c->recorded);
    fputs(",\"policies\":[", stdout);
    for (unsigned p = 0; p < o->policies; p++) {
        fputs(p ? ",{\"policy\":" : "{\"policy\":", stdout);
        json_text(p ? o->policy[p] : "present");
        fputs(",\"figures\":", stdout);
        json_values(c->at[p].all, JN_CMP_N);
        fputs(",\"change\":", stdout);
        json_values(c->at[p].change, JN_CMP_N);
        fputs(",\"by_queue\":[", stdout);
        for (uint32_t q = 0; q < d->queues; q++) {
            fputs(q ? ",{\"queue\":" : "{\"queue\":", stdout);
            json_text(d->queue_name[q].text);
            fputs(",\"recorded\":", stdout);
            json_recorded(&c->recorded_queue[q]);
            fputs(",\"figures\":", stdout);
            json_values(c->at[p].queue + (size_t)q * JN_CMP_QUEUE_N, JN_CMP_QUEUE_N);
            putchar('}');
        }
        fputs("]}", stdout);
    }
    puts("]}");
}

static int compare(struct columns *c, const struct jn_day *d, const struct options *o, struct jn_err *err)
{
    c->recorded_queue = calloc(d->queues + 1u, sizeof *c->recorded_queue);
    if (!c->recorded_queue || jn_day_recorded(d, &c->recorded, c->recorded_queue) < 0)
        return jn_fail(err, -ENOMEM, "no memory");
    for (unsigned p = 0; p < o->policies; p++) {
        struct jn_sim_queue *queue = changed(d, o->policy[p], err);
        if (!queue)
            return -EINVAL;
        int rc = jn_compare_run(&c->at[p], d, queue, (unsigned)o->seeds, p ? &c->at[0] : NULL, err);
        free(queue);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int jn_cmd_replay_policy(int argc, char *argv[])
{
    struct options o = {.policies = 1, .seeds = 10, .target_s = 20, .break_s = 900};
    struct jn_whatif_left_out left = {0};
    struct columns c = {0};
    struct jn_day d = {0};
    struct jn_err err = {{0}};
    int rc = parse(&o, argc, argv);

    if (rc)
        return rc > 0 ? 0 : 2;
    jn_log_level_set(JN_LOG_WARN);
    rc = o.day ? read_csv(&d, &o, &err) : jn_whatif_journal(&d, &left, o.data, &err);
    if (rc == 0)
        rc = compare(&c, &d, &o, &err);
    if (rc < 0)
        fprintf(stderr, "junctor replay: %s\n", err.text);
    else if (o.json)
        print_json(&d, &c, &o, &left);
    else {
        print_text(&d, &c, &o);
        if (left.calls_out || left.before_queue || left.open || left.transfers)
            printf("left out: %llu calls to outside, %llu that ended before a queue, %llu still open; %llu transfers "
                   "are part of their calls' handling time\n",
                   (unsigned long long)left.calls_out, (unsigned long long)left.before_queue,
                   (unsigned long long)left.open, (unsigned long long)left.transfers);
    }
    for (unsigned p = 0; p < o.policies; p++)
        jn_compare_free(&c.at[p]);
    free(c.recorded_queue);
    jn_day_free(&d);
    return rc < 0 ? 1 : 0;
}
