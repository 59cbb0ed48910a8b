/* Www: see www.h. */
#include "engine/api/www.h"
#include "engine/api/server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Only files of our own run, only our own server is spoken to; sounds of recordings are blobs that the desk fetched. */
#define POLICY                                                                                                         \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "   \
    "form-action 'none'; "

static int by_path(const void *path, const void *page)
{
    return strcmp(path, ((const struct jn_page *)page)->path);
}

const struct jn_page *jn_page_of(const char *path)
{
    return bsearch(path, jn_pages, jn_n_pages, sizeof *jn_pages, by_path);
}

const char *jn_page_redirect(const char *path)
{
    char folder[JN_URL_PATH_MAX];
    if (!strcmp(path, "/"))
        return "/desk/";
    int n = snprintf(folder, sizeof folder, "%s/", path);
    const struct jn_page *page = n > 0 && (size_t)n < sizeof folder ? jn_page_of(folder) : NULL;
    return page ? page->path : NULL;
}

bool jn_etag_matches(const char *header, const char *etag)
{
    return strstr(header, etag) || !strcmp(header, "*");
}

static bool starts(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* What the API answers itself, also with its errors. */
static bool of_api(const char *path)
{
    return starts(path, "/api/") || !strcmp(path, "/healthz") || !strcmp(path, "/metrics");
}

static void send_page(struct jn_req *r, const struct jn_page *page, unsigned status)
{
    struct jn_buf body = {0};
    r->page = page;
    if (status == 200 && jn_etag_matches(r->if_none_match, page->etag))
        status = 304;
    else
        jn_buf_add(&body, page->body, page->len);
    if (body.failed)
        jn_req_error(r, JN_NO_BUSY, NULL, "no memory for the page");
    else
        jn_req_bytes(r, status, page->type, &body);
    jn_buf_free(&body);
}

bool jn_www_serve(struct jn_req *r)
{
    if (r->method == JN_OPTIONS) {
        jn_cors_preflight(r);
        return true;
    }
    if (r->method != JN_GET || of_api(r->path))
        return false;
    const struct jn_page *page = jn_page_of(r->path);
    if (page) {
        send_page(r, page, 200);
        return true;
    }
    if ((r->location = jn_page_redirect(r->path))) {
        struct jn_buf nothing = {0};
        jn_req_bytes(r, 302, "text/plain", &nothing);
        return true;
    }
    if (!strstr(r->accept, "text/html") || !(page = jn_page_of("/404.html")))
        return false;
    r->api->count.refused[JN_NO_NOT_FOUND]++;
    send_page(r, page, 404);
    return true;
}

static const char *policy_of(const struct jn_req *r)
{
    const char *path = r->page->path;
    if (starts(path, "/widget/"))
        return r->api->frame_policy;
    if (starts(path, "/widget-demo/"))
        return POLICY "frame-src 'self'; frame-ancestors 'none'";
    return POLICY "media-src blob:; frame-ancestors 'none'";
}

unsigned jn_www_headers(const struct jn_req *r, struct jn_http_header out[JN_WWW_HEADERS])
{
    unsigned n = 0;
    if (r->location)
        out[n++] = (struct jn_http_header){"location:", r->location};
    if (!r->page || r->status == 404) {
        out[n++] = (struct jn_http_header){"cache-control:", "no-store"};
    } else { /* asked for each time, answered with 304: what an upgrade brought is there at once */
        out[n++] = (struct jn_http_header){"cache-control:", "no-cache"};
        out[n++] = (struct jn_http_header){"etag:", r->page->etag};
    }
    if (r->page) {
        out[n++] = (struct jn_http_header){"content-security-policy:", policy_of(r)};
        out[n++] = (struct jn_http_header){"referrer-policy:", "no-referrer"};
        bool widget = starts(r->page->path, "/widget");
        out[n++] = (struct jn_http_header){"cross-origin-resource-policy:", widget ? "cross-origin" : "same-origin"};
        if (!widget)
            out[n++] = (struct jn_http_header){"x-frame-options:", "DENY"};
    }
    return n + jn_cors_headers(r, out + n);
}
