/* Cmd why: what led to each offer of one interaction. */
#include "engine/app/cmd.h"
#include "engine/app/cmd_api.h"
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: junctor why ID [OPTIONS]\n\n"
    "Why interaction ID went to that agent: each offer with the sentence that decided, who else could have\n"
    "taken it and who not, and what it came before. Replayed out of the journal, as long as that is "
    "kept.\n\n" JN_CMD_API_HELP;

static const char *text(const struct jn_json *j, const char *key)
{
    const char *t = jn_json_text(jn_json_get(j, key));
    return t ? t : "-";
}

static long long number(const struct jn_json *j, const char *key)
{
    return (long long)jn_json_int(jn_json_get(j, key), 0);
}

static void print(const struct jn_json *answer)
{
    const struct jn_json *list = jn_json_get(answer, "decisions");
    if (!jn_json_count(list))
        puts("No offer of it is in the journal that is kept (router.keep_journal): it never was offered, or too long "
             "ago.");
    for (size_t i = 0; i < jn_json_count(list); i++) {
        const struct jn_json *d = jn_json_at(list, i), *c = jn_json_get(d, "candidates"), *b = jn_json_get(d, "before");
        printf("%s after %.1f s in %s (%s)\n  %s.\n", i ? "Then offered" : "Offered",
               (double)number(d, "waited_ms") / 1000, text(d, "queue"), text(d, "policy"), text(d, "text"));
        for (size_t k = 0; k < jn_json_count(c); k++) {
            const struct jn_json *x = jn_json_at(c, k);
            printf("  %zu. %-24s levels %-3lld in hand %-2lld in this state for %.1f s\n", k + 1, text(x, "agent"),
                   number(x, "levels"), number(x, "in_hand"), (double)number(x, "state_for_ms") / 1000);
        }
        for (size_t k = 0; k < jn_json_count(b); k++) {
            const struct jn_json *x = jn_json_at(b, k);
            printf("  before %s of %s: priority %lld to %lld, weight %lld to %lld, due %+.1f s later\n", text(x, "id"),
                   text(x, "queue"), number(d, "priority"), number(x, "priority"), number(d, "weight"),
                   number(x, "weight"), (double)(number(x, "due_us") - number(d, "due_us")) / 1e6);
        }
    }
}

int jn_cmd_why(int argc, char *argv[])
{
    static const struct option known[] = {JN_CMD_API_OPTIONS, {0}};
    struct jn_cmd_api c = {.verb = "why"};
    struct jn_buf body = {0};
    struct jn_json *answer = NULL;
    char path[96];
    uint64_t id;
    int http;
    for (int o; (o = getopt_long(argc, argv, "h", known, NULL)) != -1;)
        if (!jn_cmd_api_option(&c, o, optarg))
            return fputs("try: junctor why --help\n", stderr), 2;
    if (c.help)
        return fputs(help, stdout), 0;
    if (optind + 1 != argc || jn_id_parse(&id, argv[optind]))
        return fputs("junctor why: give one interaction's ID\ntry: junctor why --help\n", stderr), 2;
    snprintf(path, sizeof path, "/api/v1/interactions/%s/why", argv[optind]);
    int rc = jn_cmd_api_find(&c);
    if (!rc)
        rc = jn_cmd_api_call(&c, "GET", path, NULL, NULL, &http, &body, &answer);
    if (!rc && c.json)
        printf("%s\n", body.data);
    else if (!rc)
        print(answer);
    jn_json_free(answer);
    jn_buf_free(&body);
    return rc;
}
