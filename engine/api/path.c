/* Path: see path.h. */
#include "engine/api/path.h"
#include "engine/base/str.h"
#include <errno.h>
#include <string.h>

static bool printable(char c)
{
    return c > ' ' && c < 127;
}

/* One segment of path into params; how far it went, 0 when it is not fit to be one. */
static size_t take(const char *path, struct jn_params *params)
{
    size_t n = 0;
    while (path[n] && path[n] != '/' && printable(path[n]))
        n++;
    if (!n || n >= JN_PARAM_MAX || (path[n] && path[n] != '/') || params->count == JN_PATH_PARAMS)
        return 0;
    return jn_copy_n(params->at[params->count++], JN_PARAM_MAX, path, n) ? n : 0;
}

bool jn_path_match(const char *pattern, const char *path, struct jn_params *params)
{
    params->count = 0;
    while (*pattern) {
        if (pattern[0] == '{' && pattern[1] == '}') {
            size_t n = take(path, params);
            if (!n)
                return false;
            path += n;
            pattern += 2;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return !path[0] || (path[0] == '/' && !path[1]);
}

int jn_query_add(struct jn_query *q, const char *arg, size_t n)
{
    if (q->count == JN_QUERY_ARGS)
        return -E2BIG;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)arg[i] < ' ' || arg[i] == 127)
            return -EINVAL;
    const char *eq = memchr(arg, '=', n);
    size_t name = eq ? (size_t)(eq - arg) : n;
    if (!name)
        return -EINVAL;
    if (!jn_copy_n(q->name[q->count], sizeof q->name[0], arg, name) ||
        !jn_copy_n(q->value[q->count], JN_ARG_MAX, eq ? eq + 1 : "", eq ? n - name - 1 : 0))
        return -E2BIG;
    if (jn_query_get(q, q->name[q->count]))
        return -EINVAL;
    q->count++;
    return 0;
}

const char *jn_query_get(const struct jn_query *q, const char *name)
{
    for (unsigned i = 0; i < q->count; i++)
        if (!strcmp(q->name[i], name))
            return q->value[i];
    return NULL;
}
