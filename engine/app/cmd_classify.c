/* `junctor classify scan`: what a tenant's rules say of each line of a file, for whoever writes the rules. */
#include "engine/app/cmd.h"
#include "engine/app/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: junctor classify scan --centre FILE --tenant NAME [FILE|-]\n"
    "Scans each line of FILE (standard input without it) as one message by the tenant's rules and\n"
    "prints one JSON object a line: intent, weight, queue, priority, language, labels, matches.\n"
    "Exit code: 0 done, 1 the centre or the file is bad, 2 wrong use.\n";

struct job {
    const char *centre, *tenant, *input;
    struct jn_directory *dir;
    struct jn_rules *rules;
    const struct jn_dir_tenant *who;
};

/* 0; 2 for wrong use; 3 when help was wanted. */
static int parse(struct job *j, int argc, char *argv[])
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return 3;
    if (argc < 2 || strcmp(argv[1], "scan") != 0)
        return 2;
    for (int i = 2; i < argc; i++) {
        bool more = i + 1 < argc;

        if (!strcmp(argv[i], "--centre") && more)
            j->centre = argv[++i];
        else if (!strcmp(argv[i], "--tenant") && more)
            j->tenant = argv[++i];
        else if (!j->input && (argv[i][0] != '-' || !argv[i][1]))
            j->input = argv[i];
        else
            return 2;
    }
    return j->centre && j->tenant ? 0 : 2;
}

static void print_verdict(const struct job *j, unsigned long line, const struct jn_verdict *v)
{
    const struct jn_dir_queue *q = v->queue ? jn_dir_queue(j->dir, v->queue) : NULL;
    struct jn_buf out = {0};

    jn_buf_printf(&out, "{\"line\":%lu,\"intent\":", line);
    jn_buf_json(&out, v->intent, strlen(v->intent));
    jn_buf_printf(&out, ",\"weight\":%u,\"queue\":", v->weight);
    if (q)
        jn_buf_json(&out, q->name, strlen(q->name));
    else
        jn_buf_text(&out, "null");
    if (v->priority == 255)
        jn_buf_text(&out, ",\"priority\":null");
    else
        jn_buf_printf(&out, ",\"priority\":%u", v->priority);
    jn_buf_text(&out, ",\"language\":");
    jn_buf_json(&out, v->language, strlen(v->language));
    jn_buf_text(&out, ",\"labels\":[");
    for (unsigned i = 0; i < v->labels; i++) {
        jn_buf_text(&out, i ? "," : "");
        jn_buf_json(&out, v->label[i], strlen(v->label[i]));
    }
    jn_buf_printf(&out, "],\"matches\":%u}", v->matches);
    puts(out.data);
    jn_buf_free(&out);
}

static int scan_lines(const struct job *j, FILE *in)
{
    struct jn_scratch *s = jn_scratch_new();
    char *text = NULL;
    size_t cap = 0;
    unsigned long line = 0;
    int rc = s ? 0 : -ENOMEM;

    for (ssize_t n; !rc && (n = getline(&text, &cap, in)) >= 0;) {
        struct jn_verdict v;

        while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
            n--;
        line++;
        rc = jn_classify(j->rules, s, j->who->id, text, (size_t)n, &v);
        if (rc == -EINVAL) {
            printf("{\"line\":%lu,\"error\":\"not UTF-8\"}\n", line);
            rc = 0;
        } else if (!rc) {
            print_verdict(j, line, &v);
        }
    }
    if (!rc && ferror(in))
        rc = -EIO;
    free(text);
    jn_scratch_free(s);
    return rc;
}

static int load(struct job *j)
{
    struct jn_problems p = {0};
    struct jn_buf text = {0};
    int rc = jn_config_read(&text, j->centre, &p);

    if (!rc)
        rc = jn_centre_parse(&j->dir, &j->rules, j->centre, text.data, text.len, &p);
    if (rc && p.text.data)
        fputs(p.text.data, stderr);
    jn_problems_free(&p);
    jn_buf_free(&text);
    if (rc)
        return rc;
    j->who = jn_dir_tenant_named(j->dir, j->tenant);
    if (!j->who)
        fprintf(stderr, "junctor classify: %s has no tenant \"%s\"\n", j->centre, j->tenant);
    return j->who ? 0 : -ENOENT;
}

int jn_cmd_classify(int argc, char *argv[])
{
    struct job j = {0};
    int rc = parse(&j, argc, argv);
    FILE *in = stdin;

    if (rc) {
        fputs(help, rc == 3 ? stdout : stderr);
        return rc == 3 ? 0 : 2;
    }
    rc = load(&j);
    if (!rc && j.input && strcmp(j.input, "-") != 0) {
        in = fopen(j.input, "re");
        if (!in) {
            rc = -errno;
            fprintf(stderr, "junctor classify: %s: %s\n", j.input, strerror(errno));
        }
    }
    if (!rc) {
        rc = scan_lines(&j, in);
        if (rc)
            fprintf(stderr, "junctor classify: %s\n", strerror(-rc));
    }
    if (in && in != stdin)
        fclose(in);
    jn_rules_unref(j.rules);
    jn_directory_unref(j.dir);
    return rc ? 1 : 0;
}
