/* Cmd api: see cmd_api.h. */
#include "engine/app/cmd_api.h"
#include "engine/app/http_client.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool jn_cmd_api_option(struct jn_cmd_api *c, int option, const char *value)
{
    switch (option) {
    case 'A':
        jn_copy(c->url, sizeof c->url, value);
        return true;
    case 'D':
        jn_copy(c->data, sizeof c->data, value);
        return true;
    case 'J':
        c->json = true;
        return true;
    case 'h':
        c->help = true;
        return true;
    default:
        return false;
    }
}

static int not_running(const struct jn_cmd_api *c, const char *why)
{
    fprintf(stderr,
            "junctor %s: %s\nIs the engine running? Start it with `junctor run` or engine/run, or say where it is with "
            "--data DIR or --api URL.\n",
            c->verb, why);
    return 1;
}

static int read_api_json(struct jn_cmd_api *c)
{
    char path[JN_PATH_MAX + 16], text[1024], why[JN_PATH_MAX + 100];
    snprintf(path, sizeof path, "%s/api.json", c->data);
    FILE *f = fopen(path, "re");
    if (!f) {
        snprintf(why, sizeof why, "cannot read %s: %s", path, strerror(errno));
        if (errno == ENOENT)
            return not_running(c, why);
        fprintf(stderr, "junctor %s: %s\n", c->verb, why);
        return 1;
    }
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    struct jn_json *j = jn_json_parse(text, n, NULL);
    const char *url = jn_json_text(jn_json_get(j, "url")), *token = jn_json_text(jn_json_get(j, "admin_token"));
    bool good = url && token && jn_copy(c->url, sizeof c->url, url) && jn_copy(c->token, sizeof c->token, token);
    explicit_bzero(text, sizeof text);
    jn_json_free(j);
    if (good)
        return 0;
    fprintf(stderr, "junctor %s: %s is not what an engine writes\n", c->verb, path);
    return 1;
}

int jn_cmd_api_find(struct jn_cmd_api *c)
{
    const char *data = getenv("JUNCTOR_DATA_DIR"), *token = getenv("JUNCTOR_TOKEN");
    if (*c->url) {
        jn_copy(c->token, sizeof c->token, token ? token : "");
        return 0;
    }
    if (!*c->data)
        jn_copy(c->data, sizeof c->data, data && *data ? data : "data");
    return read_api_json(c);
}

void jn_cmd_api_error(const struct jn_cmd_api *c, int status, const struct jn_json *json)
{
    const struct jn_json *e = jn_json_get(json, "error"), *list = jn_json_get(e, "mistakes");
    const char *message = jn_json_text(jn_json_get(e, "message"));
    for (size_t i = 0; i < jn_json_count(list); i++) {
        const char *line = jn_json_text(jn_json_at(list, i));
        if (line)
            fprintf(stderr, "%s\n", line);
    }
    fprintf(stderr, "junctor %s: %s (%d)\n", c->verb, message ? message : "refused", status);
    if (status == 401)
        fprintf(stderr, "Give a valid token in $JUNCTOR_TOKEN, or use --data DIR of the running engine.\n");
}

int jn_cmd_api_call(struct jn_cmd_api *c, const char *method, const char *path, const char *type,
                    const struct jn_buf *body, struct jn_buf *text, struct jn_json **json)
{
    struct jn_err err = {""};
    *json = NULL;
    int rc = jn_http_call(c->url, method, path, c->token, type, body, text, &err);
    if (rc == -ECONNREFUSED)
        return not_running(c, err.text);
    if (rc < 0) {
        fprintf(stderr, "junctor %s: %s\n", c->verb, err.text);
        return rc == -EINVAL ? 2 : 1;
    }
    *json = jn_json_parse(text->data ? text->data : "", text->len, &err);
    if (!*json) {
        fprintf(stderr, "junctor %s: the answer is not JSON: %s\n", c->verb, err.text);
        return 1;
    }
    if (rc >= 200 && rc < 300)
        return 0;
    jn_cmd_api_error(c, rc, *json);
    return 1;
}

int jn_cmd_api_show(struct jn_cmd_api *c, const char *path, void (*print)(const struct jn_json *answer))
{
    struct jn_buf body = {0};
    struct jn_json *answer = NULL;
    int rc = jn_cmd_api_find(c);
    if (!rc)
        rc = jn_cmd_api_call(c, "GET", path, NULL, NULL, &body, &answer);
    if (!rc && c->json)
        printf("%s\n", body.data);
    else if (!rc)
        print(answer);
    jn_json_free(answer);
    jn_buf_free(&body);
    return rc;
}

const char *jn_cmd_text(const struct jn_json *j, const char *key)
{
    const char *t = jn_json_text(jn_json_get(j, key));
    return t ? t : "-";
}

long long jn_cmd_number(const struct jn_json *j, const char *key)
{
    return (long long)jn_json_int(jn_json_get(j, key), 0);
}

const char *jn_cmd_percent(char out[static 16], const struct jn_json *j, const char *key)
{
    double v = jn_json_number(jn_json_get(j, key), -1);
    if (v < 0)
        jn_copy(out, 16, "-");
    else
        snprintf(out, 16, "%.1f %%", v * 100);
    return out;
}
