/* Path: what an HTTP request asks for, in pieces: path segments matched against a route's pattern, and query arguments.
 * Works on text whose percent escapes were already decoded (libwebsockets does that once, it must not be done twice).
 */
#ifndef JN_ENGINE_API_PATH_H
#define JN_ENGINE_API_PATH_H

#include <stdbool.h>
#include <stddef.h>

enum { JN_PATH_PARAMS = 2, JN_PARAM_MAX = 64, JN_QUERY_ARGS = 8, JN_ARG_MAX = 160, JN_URL_PATH_MAX = 256 };

struct jn_params {
    char at[JN_PATH_PARAMS][JN_PARAM_MAX];
    unsigned count;
};
/* Pattern: "/api/v1/calls/{}/hangup"; {} takes one whole segment of 1..63 printable ASCII characters into params. One
 * trailing slash of path is forgiven. False: no match (params is then undefined). */
bool jn_path_match(const char *pattern, const char *path, struct jn_params *params);

/* name and value of each argument; a name without '=' has an empty value. */
struct jn_query {
    char name[JN_QUERY_ARGS][32], value[JN_QUERY_ARGS][JN_ARG_MAX];
    unsigned count;
};
/* Adds one decoded "name=value". 0; -EINVAL: control characters, no name, or the name stands twice; -E2BIG: too many or
 * too long. */
int jn_query_add(struct jn_query *q, const char *arg, size_t n);
/* NULL when it is not there. */
const char *jn_query_get(const struct jn_query *q, const char *name);

#endif
