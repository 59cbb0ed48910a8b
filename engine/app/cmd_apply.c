/* Cmd apply: changes the centre of a running engine from YAML, and shows the difference. */
#include "engine/app/cmd.h"
#include "engine/app/cmd_api.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { CENTRE_MAX = 1024 * 1024 };
static const char help[] =
    "usage: junctor apply FILE [--dry-run] [OPTIONS]\n\n"
    "Makes tenants, queues, agents, trunks and rules of a running engine those of FILE (\"-\": standard\n"
    "input). Nobody who is unchanged is logged out. With a mistake nothing is changed, every mistake is\n"
    "shown, and the exit code is 1.\n\n"
    "  --dry-run    only show what would change\n" JN_CMD_API_HELP;

static int read_file(const char *name, struct jn_buf *out)
{
    char block[16384];
    FILE *f = strcmp(name, "-") ? fopen(name, "re") : stdin;
    if (!f)
        return fprintf(stderr, "junctor apply: %s: %s\n", name, strerror(errno)), 1;
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0 && out->len <= CENTRE_MAX;)
        jn_buf_add(out, block, n);
    bool bad = ferror(f);
    if (f != stdin)
        fclose(f);
    if (bad)
        return fprintf(stderr, "junctor apply: %s: cannot be read\n", name), 1;
    if (out->len > CENTRE_MAX)
        return fprintf(stderr, "junctor apply: %s is larger than %d bytes\n", name, CENTRE_MAX), 1;
    return 0;
}

static void print_changes(const struct jn_json *j, bool dry_run)
{
    const struct jn_json *changes = jn_json_get(j, "changes");
    size_t n = jn_json_count(changes);
    for (size_t i = 0; i < n; i++) {
        const struct jn_json *x = jn_json_at(changes, i);
        printf("%s: %s\n", jn_cmd_text(x, "what"), jn_cmd_text(x, "change"));
    }
    if (!n)
        puts("nothing changes");
    else
        printf("%zu change%s%s\n", n, n == 1 ? "" : "s", dry_run ? "; nothing was done yet" : " made");
}

int jn_cmd_apply(int argc, char *argv[])
{
    static const struct option known[] = {{"dry-run", no_argument, NULL, 'n'}, JN_CMD_API_OPTIONS, {0}};
    struct jn_cmd_api c = {.verb = "apply"};
    struct jn_buf yaml = {0}, body = {0};
    struct jn_json *answer = NULL;
    bool dry_run = false;
    for (int o; (o = getopt_long(argc, argv, "hn", known, NULL)) != -1;) {
        if (o == 'n')
            dry_run = true;
        else if (!jn_cmd_api_option(&c, o, optarg))
            return fputs("try: junctor apply --help\n", stderr), 2;
    }
    if (c.help)
        return fputs(help, stdout), 0;
    if (optind + 1 != argc)
        return fputs("junctor apply: give one FILE\ntry: junctor apply --help\n", stderr), 2;
    int rc = read_file(argv[optind], &yaml);
    if (!rc)
        rc = jn_cmd_api_find(&c);
    if (!rc)
        rc = jn_cmd_api_call(&c, "POST", dry_run ? "/api/v1/apply?dry_run=1" : "/api/v1/apply", "application/yaml",
                             &yaml, &body, &answer);
    if (c.json && body.len)
        printf("%s\n", body.data);
    else if (!rc)
        print_changes(answer, dry_run);
    jn_json_free(answer);
    jn_buf_free(&yaml);
    jn_buf_free(&body);
    return rc;
}
