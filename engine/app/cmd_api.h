/* Cmd api: what the verbs that talk to a running engine share: where it is, the token, and how failures are told. */
#ifndef JN_ENGINE_CMD_API_H
#define JN_ENGINE_CMD_API_H

#include "engine/api/json.h"
#include "engine/app/config.h"
#include <getopt.h>

struct jn_cmd_api {
    const char *verb;
    char url[256], token[128], data[JN_PATH_MAX];
    bool json, help;
};
#define JN_CMD_API_HELP                                                                                                \
    "  --data DIR   the engine's data folder, where api.json says how to reach it\n"                                   \
    "               (default: $JUNCTOR_DATA_DIR, else ./data)\n"                                                       \
    "  --api URL    http://HOST:PORT instead, with a token in $JUNCTOR_TOKEN\n"                                        \
    "  --json       the engine's answer as it came\n"
#define JN_CMD_API_OPTIONS                                                                                             \
    {"api", required_argument, NULL, 'A'}, {"data", required_argument, NULL, 'D'}, {"json", no_argument, NULL, 'J'},   \
    {                                                                                                                  \
        "help", no_argument, NULL, 'h'                                                                                 \
    }
/* Takes one of the options above. False: it is not one of them. */
bool jn_cmd_api_option(struct jn_cmd_api *c, int option, const char *value);
/* Finds url and token. 0, or the exit code after saying why. */
int jn_cmd_api_find(struct jn_cmd_api *c);
/* Asks. 0 when it was answered with 2xx, else the exit code, and the reason was said on standard error. *json is the
 * parsed body (jn_json_free), text as it came; also of a refusal. */
int jn_cmd_api_call(struct jn_cmd_api *c, const char *method, const char *path, const char *type,
                    const struct jn_buf *body, struct jn_buf *text, struct jn_json **json);
/* Prints {"error":{...}} for people. */
void jn_cmd_api_error(const struct jn_cmd_api *c, int status, const struct jn_json *json);
/* A whole verb that only looks: finds the engine, gets path and lets print tell the answer, or tells it as it came with
 * --json. The exit code. */
int jn_cmd_api_show(struct jn_cmd_api *c, const char *path, void (*print)(const struct jn_json *answer));
/* A member for people: "-" and 0 where there is none. */
const char *jn_cmd_text(const struct jn_json *j, const char *key);
long long jn_cmd_number(const struct jn_json *j, const char *key);
/* A share in percent, "-" where there is none. Returns out. */
const char *jn_cmd_percent(char out[static 16], const struct jn_json *j, const char *key);

#endif
