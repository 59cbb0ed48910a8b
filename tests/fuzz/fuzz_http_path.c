/* LINK: jn_api */
/* Paths against every kind of pattern and the pages, and query arguments: bounded, terminated, printable. */
#include "engine/api/path.h"
#include "engine/api/www.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *const patterns[] = {"/api/v1/login", "/api/v1/interactions/{}", "/api/v1/calls/{}/hangup", "/{}/{}",
                                       "/metrics"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *path = malloc(n + 1);
    struct jn_params params;
    struct jn_query query = {.count = 0};
    memcpy(path, data, n);
    path[n] = 0;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        if (jn_path_match(patterns[i], path, &params))
            for (unsigned p = 0; p < params.count; p++)
                if (!params.at[p][0] || strchr(params.at[p], '/') || strlen(params.at[p]) >= JN_PARAM_MAX)
                    __builtin_trap();
    const struct jn_page *page = jn_page_of(path);
    const char *to = jn_page_redirect(path);
    if ((page && strcmp(page->path, path)) || (to && !jn_page_of(to)))
        __builtin_trap();
    for (size_t at = 0; at < n;) { /* arguments end with & here; the library cuts them so */
        const char *end = memchr(path + at, '&', n - at);
        size_t len = end ? (size_t)(end - path) - at : n - at;
        jn_query_add(&query, path + at, len);
        at += len + 1;
    }
    for (unsigned i = 0; i < query.count; i++)
        if (jn_query_get(&query, query.name[i]) != query.value[i])
            __builtin_trap();
    free(path);
    return 0;
}
