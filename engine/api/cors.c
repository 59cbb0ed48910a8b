/* Cors: pages of other web sites that talk to the customers' chat (the Fetch standard's CORS protocol). Only origins
 * that the configuration names (api.origins); agents' routes are never opened. */
#include "engine/api/server.h"
#include "engine/api/www.h"
#include <stdio.h>
#include <string.h>

bool jn_origin_allowed(const struct jn_api *a, const char *origin)
{
    for (unsigned i = 0; *origin && i < a->config.n_origins; i++)
        if (!strcasecmp(a->config.origin[i], origin))
            return true;
    return false;
}

bool jn_path_is_chat(const char *path)
{
    static const char chat[] = "/api/v1/chat";
    size_t n = sizeof chat - 1;
    return !strncmp(path, chat, n) && (!path[n] || path[n] == '/');
}

void jn_cors_preflight(struct jn_req *r)
{
    struct jn_buf nothing = {0};
    if (!jn_path_is_chat(r->path))
        jn_req_error(r, JN_NO_METHOD, NULL, "not with this method");
    else if (!jn_origin_allowed(r->api, r->origin))
        jn_req_error(r, JN_NO_FORBIDDEN, NULL, "this origin is not among api.origins");
    else
        jn_req_bytes(r, 200, "text/plain", &nothing);
}

unsigned jn_cors_headers(const struct jn_req *r, struct jn_http_header out[3])
{
    unsigned n = 0;
    if (!jn_path_is_chat(r->path) || !jn_origin_allowed(r->api, r->origin))
        return 0;
    out[n++] = (struct jn_http_header){"access-control-allow-origin:", r->origin};
    if (r->method == JN_OPTIONS) {
        out[n++] = (struct jn_http_header){"access-control-allow-headers:", "authorization, content-type"};
        out[n++] = (struct jn_http_header){"access-control-max-age:", "600"};
    } else {
        out[n++] = (struct jn_http_header){"access-control-expose-headers:", "retry-after"};
    }
    return n;
}

void jn_cors_frame_policy(struct jn_api *a)
{
    int n = snprintf(a->frame_policy, sizeof a->frame_policy,
                     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                     "base-uri 'none'; form-action 'none'; frame-ancestors 'self'");
    for (unsigned i = 0; i < a->config.n_origins && n > 0 && (size_t)n < sizeof a->frame_policy; i++)
        n += snprintf(a->frame_policy + n, sizeof a->frame_policy - (size_t)n, " %s", a->config.origin[i]);
}
