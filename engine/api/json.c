/* Json: see json.h. */
#include "engine/api/json.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

static const json_t *in(const struct jn_json *j)
{
    return (const json_t *)(const void *)j;
}

static const struct jn_json *out(const json_t *j)
{
    return (const struct jn_json *)(const void *)j;
}

/* Depth is bounded before jansson recurses into it. */
static unsigned depth_of(const char *text, size_t n)
{
    unsigned depth = 0, most = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            most = ++depth > most ? depth : most;
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return most;
}

struct jn_json *jn_json_parse(const char *text, size_t n, struct jn_err *why)
{
    if (depth_of(text, n) > JN_JSON_DEPTH_MAX) {
        jn_fail(why, 0, "nested deeper than %d", JN_JSON_DEPTH_MAX);
        return NULL;
    }
    json_error_t e;
    json_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &e);
    if (!j)
        jn_fail(why, 0, "line %d column %d: %s", e.line, e.column, e.text);
    return (struct jn_json *)(void *)j;
}

void jn_json_free(struct jn_json *j)
{
    json_decref((json_t *)(void *)j);
}

bool jn_json_is_object(const struct jn_json *j)
{
    return json_is_object(in(j));
}

const struct jn_json *jn_json_get(const struct jn_json *object, const char *key)
{
    return out(json_object_get(in(object), key));
}

size_t jn_json_count(const struct jn_json *array)
{
    return json_array_size(in(array));
}

const struct jn_json *jn_json_at(const struct jn_json *array, size_t i)
{
    return out(json_array_get(in(array), i));
}

const char *jn_json_text(const struct jn_json *j)
{
    return json_string_value(in(j));
}

size_t jn_json_text_length(const struct jn_json *j)
{
    return json_string_length(in(j));
}

int64_t jn_json_int(const struct jn_json *j, int64_t fallback)
{
    double v = jn_json_number(j, NAN);
    return v >= -0x1p53 && v <= 0x1p53 && v == floor(v) ? (int64_t)v : fallback;
}

double jn_json_number(const struct jn_json *j, double fallback)
{
    return json_is_number(in(j)) ? json_number_value(in(j)) : fallback;
}

int jn_json_bool(const struct jn_json *j)
{
    return json_is_boolean(in(j)) ? json_is_true(in(j)) : -1;
}

static bool listed(const char *key, const char *names)
{
    size_t n = strlen(key);
    for (const char *p = names; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (!strncmp(p, key, n) && (p[n] == ',' || !p[n]))
            return n > 0;
    }
    return false;
}

const char *jn_json_stranger(const struct jn_json *object, const char *names)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(void *)(uintptr_t)object, key, value)
    {
        if (!listed(key, names))
            return key;
    }
    return NULL;
}
