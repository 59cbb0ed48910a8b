/* Cmd why: what led to each offer of one interaction. */
#include "engine/app/cmd.h"
#include "engine/app/cmd_api.h"
#include <stdio.h>

static const char help[] =
    "usage: junctor why ID [OPTIONS]\n\n"
    "Why interaction ID went to that agent: each offer with the sentence that decided, who else could have\n"
    "taken it and who not, and what it came before. Replayed out of the journal, as long as that is "
    "kept.\n\n" JN_CMD_API_HELP;

static void print(const struct jn_json *answer)
{
    const struct jn_json *list = jn_json_get(answer, "decisions");
    if (!jn_json_count(list))
        puts("No offer of it is in the journal that is kept (router.keep_journal): it never was offered, or too long "
             "ago.");
    for (size_t i = 0; i < jn_json_count(list); i++) {
        const struct jn_json *d = jn_json_at(list, i), *c = jn_json_get(d, "candidates"), *b = jn_json_get(d, "before");
        printf("%s after %.1f s in %s (%s)\n  %s.\n", i ? "Then offered" : "Offered",
               (double)jn_cmd_number(d, "waited_ms") / 1000, jn_cmd_text(d, "queue"), jn_cmd_text(d, "policy"),
               jn_cmd_text(d, "text"));
        for (size_t k = 0; k < jn_json_count(c); k++) {
            const struct jn_json *x = jn_json_at(c, k);
            printf("  %zu. %-24s levels %-3lld in hand %-2lld in this state for %.1f s\n", k + 1,
                   jn_cmd_text(x, "agent"), jn_cmd_number(x, "levels"), jn_cmd_number(x, "in_hand"),
                   (double)jn_cmd_number(x, "state_for_ms") / 1000);
        }
        for (size_t k = 0; k < jn_json_count(b); k++) {
            const struct jn_json *x = jn_json_at(b, k);
            printf("  before %s of %s: priority %lld to %lld, weight %lld to %lld, due %+.1f s later\n",
                   jn_cmd_text(x, "id"), jn_cmd_text(x, "queue"), jn_cmd_number(d, "priority"),
                   jn_cmd_number(x, "priority"), jn_cmd_number(d, "weight"), jn_cmd_number(x, "weight"),
                   (double)(jn_cmd_number(x, "due_us") - jn_cmd_number(d, "due_us")) / 1e6);
        }
    }
}

int jn_cmd_why(int argc, char *argv[])
{
    static const struct option known[] = {JN_CMD_API_OPTIONS, {0}};
    struct jn_cmd_api c = {.verb = "why"};
    char path[96];
    uint64_t id;
    for (int o; (o = getopt_long(argc, argv, "h", known, NULL)) != -1;)
        if (!jn_cmd_api_option(&c, o, optarg))
            return fputs("try: junctor why --help\n", stderr), 2;
    if (c.help)
        return fputs(help, stdout), 0;
    if (optind + 1 != argc || jn_id_parse(&id, argv[optind]))
        return fputs("junctor why: give one interaction's ID\ntry: junctor why --help\n", stderr), 2;
    snprintf(path, sizeof path, "/api/v1/interactions/%s/why", argv[optind]);
    return jn_cmd_api_show(&c, path, print);
}
