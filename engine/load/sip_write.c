/* Sip write: see sip_text.h. The writing half, and digest. */
#include "engine/base/str.h"
#include "engine/load/sip_text.h"
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void jn_sip_put(struct jn_sip_out *o, const char *fmt, ...)
{
    va_list args;
    if (o->full)
        return;
    va_start(args, fmt);
    int n = vsnprintf(o->p + o->n, sizeof o->p - o->n, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof o->p - o->n)
        o->full = true;
    else
        o->n += (size_t)n;
}

void jn_sip_put_body(struct jn_sip_out *o, const char *body, size_t n)
{
    jn_sip_put(o, "%sContent-Length: %zu\r\n\r\n%.*s", n ? "Content-Type: application/sdp\r\n" : "", n, (int)n,
               n ? body : "");
}

void jn_sip_put_answer(struct jn_sip_out *o, const struct jn_sip_in *q, unsigned status, const char *reason,
                       const char *to_tag)
{
    jn_sip_put(o, "SIP/2.0 %u %s\r\n", status, reason);
    for (unsigned i = 0; i < q->vias; i++)
        jn_sip_put(o, "Via: %.*s\r\n", jn_view_len(q->via[i]), q->via[i].p);
    for (unsigned i = 0; i < q->record_routes; i++)
        jn_sip_put(o, "Record-Route: %.*s\r\n", jn_view_len(q->record_route[i]), q->record_route[i].p);
    jn_sip_put(o, "From: %.*s\r\nTo: %.*s%s%s\r\nCall-ID: %.*s\r\nCSeq: %u %.*s\r\n", jn_view_len(q->from), q->from.p,
               jn_view_len(q->to), q->to.p, q->to_tag.n ? "" : ";tag=", q->to_tag.n ? "" : to_tag,
               jn_view_len(q->call_id), q->call_id.p, q->cseq, jn_view_len(q->method_name), q->method_name.p);
}

void jn_sip_routes(char *out, size_t size, const struct jn_sip_in *m)
{
    size_t at = 0;
    out[0] = 0;
    for (unsigned i = 0; i < m->record_routes; i++) {
        struct jn_view v = m->record_route[m->status ? m->record_routes - 1 - i : i];
        int n = snprintf(out + at, size - at, "Route: %.*s\r\n", jn_view_len(v), v.p);
        if (n < 0 || (size_t)n >= size - at) {
            out[at] = 0;
            return;
        }
        at += (size_t)n;
    }
}

/* MD5 is what digest is made of (RFC 3261 22.4); nothing else here rests on it. */
static void md5(char out[static 33], const char *text, size_t len)
{
    static _Thread_local EVP_MD_CTX *ctx;
    unsigned char d[EVP_MAX_MD_SIZE] = {0};
    unsigned n = 0;
    if (!ctx)
        ctx = EVP_MD_CTX_new();
    if (ctx && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) && EVP_DigestUpdate(ctx, text, len))
        EVP_DigestFinal_ex(ctx, d, &n);
    jn_hex(out, d, 16);
}

void jn_sip_ha1(char out[static 33], const char *user, const char *realm, const char *password)
{
    char text[512];
    int n = snprintf(text, sizeof text, "%s:%s:%s", user, realm, password);
    md5(out, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
    explicit_bzero(text, sizeof text);
}

void jn_sip_put_credentials(struct jn_sip_out *o, const struct jn_sip_challenge *c, bool proxy, const char *user,
                            const char ha1[static 33], const char *method, const char *uri)
{
    char text[1024], ha2[33], response[33];
    int n = snprintf(text, sizeof text, "%s:%s", method, uri);
    md5(ha2, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
    n = snprintf(text, sizeof text, c->qop_auth ? "%s:%s:00000001:load:auth:%s" : "%s:%s:%s", ha1, c->nonce, ha2);
    md5(response, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
    jn_sip_put(o,
               "%sAuthorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\", "
               "algorithm=MD5%s",
               proxy ? "Proxy-" : "", user, c->realm, c->nonce, uri, response,
               c->qop_auth ? ", qop=auth, nc=00000001, cnonce=\"load\"" : "");
    if (c->opaque[0])
        jn_sip_put(o, ", opaque=\"%s\"", c->opaque);
    jn_sip_put(o, "\r\n");
}
