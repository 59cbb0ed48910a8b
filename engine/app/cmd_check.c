/* `junctor check FILE...`: says which of the two kinds each file is and every mistake in it. */
#include "engine/app/cmd.h"
#include "engine/app/config_check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: junctor check FILE...\n"
    "Checks YAML files of the machine (junctor.yaml) and of the centre (centre.yaml), which are told\n"
    "apart by their keys, and the centre that a machine file names. Prints every mistake with its file,\n"
    "line and key.\n"
    "Exit code: 0 nothing wrong, 1 mistakes, 2 wrong use.\n";

static void say_machine(const char *file, const struct jn_config *c)
{
    printf("%s: machine: SIP %s port %u, media %s ports %u to %u%s, API %s port %u, %u worker%s, data in %s\n", file,
           c->sip_host, c->sip_port, c->media_host, c->media_port_min, c->media_port_max,
           c->media_back_end == JN_MEDIA_DPDK ? " over DPDK" : "", c->api_host, c->api_port, c->workers,
           c->workers == 1 ? "" : "s", c->data_dir);
}

static void say_centre(const char *file, const struct jn_directory *d)
{
    printf("%s: centre: %u tenants, %u queues, %u agents, %u trunks, %u rules\n", file, d->n_tenants, d->n_queues,
           d->n_agents, d->n_trunks, d->n_rules);
}

/* A centre has tenants; anything else is read as a machine. */
static bool is_centre(const char *file, const struct jn_buf *text)
{
    struct jn_problems ignored = {0};
    struct jn_yaml *root = jn_yaml_parse(file, text->data, text->len, &ignored);
    bool centre = jn_yaml_get(root, "tenants") != NULL;

    jn_yaml_free(root);
    jn_problems_free(&ignored);
    return centre;
}

static void check_centre(const char *file, const struct jn_buf *text, struct jn_problems *p)
{
    struct jn_directory *dir;
    struct jn_rules *rules;

    if (jn_centre_parse(&dir, &rules, file, text->data, text->len, p))
        return;
    say_centre(file, dir);
    jn_rules_unref(rules);
    jn_directory_unref(dir);
}

/* The centre that a machine file names. */
static unsigned check_named_centre(const char *file)
{
    struct jn_problems p = {0};
    struct jn_buf text = {0};
    unsigned count;

    if (!jn_config_read(&text, file, &p))
        check_centre(file, &text, &p);
    count = p.count;
    if (p.text.data)
        fputs(p.text.data, stdout);
    jn_problems_free(&p);
    jn_buf_free(&text);
    return count;
}

/* named: all files of the command line, so that a centre is not told twice. */
static unsigned check(const char *file, char *const named[], int n_named)
{
    char centre[JN_PATH_MAX] = "";
    struct jn_problems p = {0};
    struct jn_buf text = {0};
    struct jn_config c;
    unsigned count;

    if (!jn_config_read(&text, file, &p)) {
        if (is_centre(file, &text))
            check_centre(file, &text, &p);
        else {
            if (!jn_config_parse(&c, file, text.data, text.len, &p))
                say_machine(file, &c);
            memcpy(centre, c.centre, sizeof centre);
        }
    }
    count = p.count;
    if (p.text.data)
        fputs(p.text.data, stdout);
    jn_problems_free(&p);
    jn_buf_free(&text);
    for (int i = 0; i < n_named; i++)
        if (!strcmp(named[i], centre))
            return count;
    /* A centre that is not there was told as the machine's mistake. */
    return count + (centre[0] && !access(centre, R_OK) ? check_named_centre(centre) : 0);
}

int jn_cmd_check(int argc, char *argv[])
{
    unsigned mistakes = 0;

    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            fputs(help, stdout);
            return 0;
        }
    for (int i = 1; i < argc; i++)
        if (argv[i][0] == '-') {
            fprintf(stderr, "junctor check: unknown option %s\n%s", argv[i], help);
            return 2;
        }
    if (argc < 2) {
        fputs(help, stderr);
        return 2;
    }
    for (int i = 1; i < argc; i++)
        mistakes += check(argv[i], argv + 1, argc - 1);
    if (mistakes)
        printf("%u mistake%s\n", mistakes, mistakes == 1 ? "" : "s");
    return mistakes ? 1 : 0;
}
