/* Www: the desk, the chat widget and its demonstration: files of engine/api/www, inside the program. There is no folder
 * to read at run time, so no path can lead out of one. */
#ifndef JN_ENGINE_API_WWW_H
#define JN_ENGINE_API_WWW_H

#include "engine/api/api.h"

struct jn_page {
    const char *path, *type, *etag; /* path as asked for: "/desk/", "/desk/desk.css"; etag with its quotes */
    const unsigned char *body;
    size_t len;
};
/* Made at build time by engine/api/www/embed.cmake, ordered by path. */
extern const struct jn_page jn_pages[];
extern const unsigned jn_n_pages;

/* The page of exactly that path, or NULL. */
const struct jn_page *jn_page_of(const char *path);
/* Where a path without its last slash leads, or "/" itself: a page's path; NULL elsewhere. */
const char *jn_page_redirect(const char *path);
/* Whether an If-None-Match header (RFC 9110 13.1.2) names that etag. */
bool jn_etag_matches(const char *header, const char *etag);

struct jn_req;
struct jn_http_header {
    const char *name, *value; /* name with its colon */
};
enum { JN_WWW_HEADERS = 10, JN_CSP_MAX = 256 + JN_ORIGINS * JN_ORIGIN_MAX };
/* Answers r when it asks for a page, or for anything else that is no business of the API's routes: the page, 304, a
 * redirect, a 404 in HTML for a browser, and the preflight of another origin (cors.c). true: answered. */
bool jn_www_serve(struct jn_req *r);
/* Headers beyond type, length and nosniff: policies of pages, caching, and who of other origins may read the answer. */
unsigned jn_www_headers(const struct jn_req *r, struct jn_http_header out[JN_WWW_HEADERS]);

/* cors.c. Whether the configuration lets pages of that origin talk to the chat and embed the widget. */
bool jn_origin_allowed(const struct jn_api *a, const char *origin);
/* Whether path is one that customers' pages ask for: /api/v1/chat and below. */
bool jn_path_is_chat(const char *path);
/* r is OPTIONS: answers it. */
void jn_cors_preflight(struct jn_req *r);
unsigned jn_cors_headers(const struct jn_req *r, struct jn_http_header out[3]);
/* The widget frame's policy, with the origins that may embed it. */
void jn_cors_frame_policy(struct jn_api *a);

#endif
