/* Cmd operate: small verbs for the people who run an installation: log levels, the audit trail, tokens, the version. */
#include "engine/app/cmd.h"
#include "engine/app/cmd_api.h"
#include "engine/app/data_format.h"
#include "engine/store/store.h"
#include "router/journal/codec.h"
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static const char log_help[] =
    "usage: junctor log [LEVEL] [--module NAME] [OPTIONS]\n\n"
    "Shows or changes what a running engine logs: error, warn, info or debug. It holds until "
    "the next start.\n\n"
    "  --module NAME  only that module's lines (the word after the level in each line);\n"
    "                 a LEVEL without --module ends all modules' own levels\n" JN_CMD_API_HELP;

int jn_cmd_log(int argc, char *argv[])
{
    static const struct option known[] = {{"module", required_argument, NULL, 'm'}, JN_CMD_API_OPTIONS, {0}};
    struct jn_cmd_api c = {.verb = "log"};
    struct jn_buf body = {0}, ask = {0};
    struct jn_json *answer = NULL;
    const char *module = NULL;
    for (int o; (o = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (o == 'm')
            module = optarg;
        else if (!jn_cmd_api_option(&c, o, optarg))
            return fputs("try: junctor log --help\n", stderr), 2;
    }
    if (c.help)
        return fputs(log_help, stdout), 0;
    if (optind + 1 < argc || (module && optind == argc))
        return fputs("junctor log: one LEVEL\ntry: junctor log --help\n", stderr), 2;
    int rc = jn_cmd_api_find(&c);
    if (!rc && optind < argc) {
        jn_buf_text(&ask, "{\"level\":");
        jn_buf_json(&ask, argv[optind], strlen(argv[optind]));
        if (module) {
            jn_buf_text(&ask, ",\"module\":");
            jn_buf_json(&ask, module, strlen(module));
        }
        jn_buf_text(&ask, "}");
    }
    if (!rc)
        rc = jn_cmd_api_call(&c, ask.len ? "POST" : "GET", "/api/v1/log", ask.len ? "application/json" : NULL,
                             ask.len ? &ask : NULL, &body, &answer);
    if (!rc && c.json)
        printf("%s\n", body.data);
    else if (!rc)
        printf(module ? "level %s; %s: %s\n" : "level %s\n", jn_cmd_text(answer, "level"), module, argv[optind]);
    jn_json_free(answer);
    jn_buf_free(&body);
    jn_buf_free(&ask);
    return rc;
}

static const char audit_help[] =
    "usage: junctor audit [--who NAME] [--limit N] [--before LINE] [OPTIONS]\n\n"
    "Who changed the centre, logged in, or looked at recordings and messages; newest first.\n\n"
    "  --who NAME     only what that one did\n"
    "  --limit N      so many lines (default 50, at most 200)\n"
    "  --before LINE  older than that line\n" JN_CMD_API_HELP;

static void print_audit(const struct jn_json *answer)
{
    const struct jn_json *list = jn_json_get(answer, "audit");
    size_t n = jn_json_count(list);
    for (size_t i = 0; i < n; i++) {
        const struct jn_json *x = jn_json_at(list, i);
        printf("%6lld  %-24s  %-16s %-14s %s\n", jn_cmd_number(x, "line"), jn_cmd_text(x, "at"), jn_cmd_text(x, "who"),
               jn_cmd_text(x, "kind"), jn_cmd_text(x, "what"));
    }
    if (!n)
        puts("nothing is written down");
    long long next = jn_cmd_number(answer, "next");
    if (next)
        printf("older ones: --before %lld\n", next);
}

int jn_cmd_audit(int argc, char *argv[])
{
    static const struct option known[] = {{"who", required_argument, NULL, 'w'},
                                          {"limit", required_argument, NULL, 'l'},
                                          {"before", required_argument, NULL, 'b'},
                                          JN_CMD_API_OPTIONS,
                                          {0}};
    struct jn_cmd_api c = {.verb = "audit"};
    struct jn_buf path = {0};
    uint64_t limit = 50, before = 0;
    const char *who = "";
    for (int o; (o = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (o == 'w')
            who = optarg;
        else if (o == 'l' && !jn_parse_u64(optarg, 200, &limit) && limit)
            continue;
        else if (o == 'b' && !jn_parse_u64(optarg, INT64_MAX, &before))
            continue;
        else if (!jn_cmd_api_option(&c, o, optarg))
            return fputs("try: junctor audit --help\n", stderr), 2;
    }
    if (c.help)
        return fputs(audit_help, stdout), 0;
    if (optind < argc ||
        strspn(who, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != strlen(who))
        return fputs("junctor audit: only options, and plain names\ntry: junctor audit --help\n", stderr), 2;
    jn_buf_printf(&path, "/api/v1/audit?limit=%llu&before=%llu%s%s", (unsigned long long)limit,
                  (unsigned long long)before, *who ? "&who=" : "", who);
    int rc = jn_cmd_api_show(&c, path.data, print_audit);
    jn_buf_free(&path);
    return rc;
}

static const char token_help[] =
    "usage: junctor token TENANT/NAME [--life SECONDS] [OPTIONS]\n\n"
    "Makes an API token of that agent, supervisor or administrator, for programs. It is printed alone on\n"
    "standard output, and the audit trail says that it was made.\n\n"
    "  --life SECONDS  how long it is valid (default 3600)\n" JN_CMD_API_HELP;

int jn_cmd_token(int argc, char *argv[])
{
    static const struct option known[] = {{"life", required_argument, NULL, 'l'}, JN_CMD_API_OPTIONS, {0}};
    struct jn_cmd_api c = {.verb = "token"};
    struct jn_buf body = {0}, ask = {0};
    struct jn_json *answer = NULL;
    uint64_t life = 3600;
    for (int o; (o = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (o == 'l' && !jn_parse_u64(optarg, UINT32_MAX, &life))
            continue;
        if (!jn_cmd_api_option(&c, o, optarg))
            return fputs("try: junctor token --help\n", stderr), 2;
    }
    if (c.help)
        return fputs(token_help, stdout), 0;
    const char *slash = optind + 1 == argc ? strchr(argv[optind], '/') : NULL;
    if (!slash)
        return fputs("junctor token: give TENANT/NAME\ntry: junctor token --help\n", stderr), 2;
    int rc = jn_cmd_api_find(&c);
    jn_buf_text(&ask, "{\"tenant\":");
    jn_buf_json(&ask, argv[optind], (size_t)(slash - argv[optind]));
    jn_buf_text(&ask, ",\"name\":");
    jn_buf_json(&ask, slash + 1, strlen(slash + 1));
    jn_buf_printf(&ask, ",\"life_s\":%llu}", (unsigned long long)life);
    if (!rc)
        rc = jn_cmd_api_call(&c, "POST", "/api/v1/tokens", "application/json", &ask, &body, &answer);
    if (!rc)
        printf("%s\n", c.json ? body.data : jn_cmd_text(answer, "token"));
    jn_json_free(answer);
    if (body.data)
        explicit_bzero(body.data, body.len);
    jn_buf_free(&body);
    jn_buf_free(&ask);
    return rc;
}

int jn_cmd_version(int argc, char *argv[])
{
    struct utsname u;
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
        return puts("usage: junctor version [--short]\n\nThis program's version, and the versions of what it reads and "
                    "writes."),
               0;
    if (argc > 1 && strcmp(argv[1], "--short") != 0)
        return fputs("try: junctor version --help\n", stderr), 2;
    puts("junctor " JUNCTOR_VERSION);
    if (argc > 1)
        return 0;
    printf("data format %d, router logic %d\n", JN_DATA_FORMAT, JN_LOGIC_VERSION);
    printf("built by %s for x86-64, C17%s\n", __VERSION__,
#ifdef NDEBUG
           ""
#else
           ", with assertions"
#endif
    );
    if (uname(&u) == 0)
        printf("running on %s %s %s\n", u.sysname, u.release, u.machine);
    return 0;
}
