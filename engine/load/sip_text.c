/* Sip text: see sip_text.h. The reading half. */
#include "engine/load/sip_text.h"
#include "engine/base/str.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    enum jn_sip_method method;
} methods[] = {{"INVITE", JN_SIP_INVITE}, {"ACK", JN_SIP_ACK},           {"BYE", JN_SIP_BYE},
               {"CANCEL", JN_SIP_CANCEL}, {"REGISTER", JN_SIP_REGISTER}, {"OPTIONS", JN_SIP_OPTIONS}};

static struct jn_view trimmed(const char *p, const char *end)
{
    while (p < end && isspace((unsigned char)*p))
        p++;
    while (end > p && isspace((unsigned char)end[-1]))
        end--;
    return (struct jn_view){p, (size_t)(end - p)};
}

static bool number(struct jn_view v, uint32_t max, uint32_t *out)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < v.n && isdigit((unsigned char)v.p[i]) && i < 11; i++)
        n = n * 10 + (unsigned)(v.p[i] - '0');
    *out = (uint32_t)n;
    return i > 0 && i < 11 && n <= max;
}

static void method_of(struct jn_sip_in *m, struct jn_view name)
{
    m->method_name = name;
    m->method = JN_SIP_OTHER;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (name.n == strlen(methods[i].name) && memcmp(name.p, methods[i].name, name.n) == 0)
            m->method = methods[i].method;
}

static int start_line(struct jn_sip_in *m, const char *p, const char *end)
{
    uint32_t status;
    if (end - p > 8 && strncasecmp(p, "SIP/2.0 ", 8) == 0) {
        if (!number((struct jn_view){p + 8, (size_t)(end - p - 8)}, 699, &status) || status < 100)
            return -EBADMSG;
        m->status = status;
        return 0;
    }
    const char *a = memchr(p, ' ', (size_t)(end - p));
    const char *b = a ? memchr(a + 1, ' ', (size_t)(end - a - 1)) : NULL;
    if (!b || a == p || b == a + 1 || end - b < 8 || strncasecmp(b + 1, "SIP/2.0", 7) != 0)
        return -EBADMSG;
    method_of(m, (struct jn_view){p, (size_t)(a - p)});
    m->uri = (struct jn_view){a + 1, (size_t)(b - a - 1)};
    return 0;
}

/* What stands between the brackets, or before the first parameter. */
static struct jn_view address(struct jn_view v)
{
    const char *open = memchr(v.p, '<', v.n), *end = v.p + v.n;
    if (open) {
        const char *close = memchr(open, '>', (size_t)(end - open));
        return close ? (struct jn_view){open + 1, (size_t)(close - open - 1)} : (struct jn_view){0};
    }
    const char *semicolon = memchr(v.p, ';', v.n);
    return trimmed(v.p, semicolon ? semicolon : end);
}

static struct jn_view user_of(struct jn_view uri)
{
    const char *colon = uri.p ? memchr(uri.p, ':', uri.n) : NULL, *at = uri.p ? memchr(uri.p, '@', uri.n) : NULL;
    return colon && at && at > colon ? (struct jn_view){colon + 1, (size_t)(at - colon - 1)} : (struct jn_view){0};
}

/* The tag among the parameters behind the address. */
static struct jn_view tag_of(struct jn_view v)
{
    const char *end = v.p + v.n, *close = memchr(v.p, '>', v.n), *p = close ? close : v.p;
    for (; (p = memchr(p, ';', (size_t)(end - p))); p++)
        if (end - p > 5 && strncasecmp(p, ";tag=", 5) == 0) {
            const char *t = p + 5, *e = t;
            while (e < end && *e != ';' && !isspace((unsigned char)*e))
                e++;
            return (struct jn_view){t, (size_t)(e - t)};
        }
    return (struct jn_view){0};
}

static bool is(struct jn_view name, const char *full, char compact)
{
    return (compact && name.n == 1 && tolower((unsigned char)name.p[0]) == compact) ||
           (name.n == strlen(full) && strncasecmp(name.p, full, name.n) == 0);
}

static bool hop(struct jn_view *list, unsigned *n, struct jn_view v)
{
    if (*n == JN_SIP_HOPS_MAX)
        return false;
    list[(*n)++] = v;
    return true;
}

static bool cseq(struct jn_sip_in *m, struct jn_view v)
{
    size_t i = 0;
    if (!number(v, UINT32_MAX, &m->cseq))
        return false;
    while (i < v.n && isdigit((unsigned char)v.p[i]))
        i++;
    struct jn_view name = trimmed(v.p + i, v.p + v.n);
    if (m->status)
        method_of(m, name);
    return name.n == m->method_name.n && memcmp(name.p, m->method_name.p, name.n) == 0;
}

/* One header, folded lines and all. length: what Content-Length says. */
static bool header(struct jn_sip_in *m, struct jn_view name, struct jn_view v, uint32_t *length)
{
    if (is(name, "Via", 'v'))
        return hop(m->via, &m->vias, v);
    if (is(name, "Record-Route", 0))
        return hop(m->record_route, &m->record_routes, v);
    if (is(name, "CSeq", 0))
        return cseq(m, v);
    if (is(name, "Content-Length", 'l'))
        return number(v, JN_SIP_MESSAGE_MAX, length);
    if (is(name, "Call-ID", 'i'))
        m->call_id = v;
    else if (is(name, "From", 'f')) {
        m->from = v;
        m->from_tag = tag_of(v);
        m->from_user = user_of(address(v));
    } else if (is(name, "To", 't')) {
        m->to = v;
        m->to_tag = tag_of(v);
    } else if (is(name, "Contact", 'm') && !m->contact.p)
        m->contact = address(v);
    else if ((is(name, "WWW-Authenticate", 0) || is(name, "Proxy-Authenticate", 0)) && !m->challenge.p) {
        m->challenge = v;
        m->proxy_challenge = tolower((unsigned char)name.p[0]) == 'p';
    }
    return true;
}

int jn_sip_read(struct jn_sip_in *m, const char *text, size_t len)
{
    memset(m, 0, sizeof *m);
    const char *end = len <= JN_SIP_MESSAGE_MAX ? memmem(text, len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return -EBADMSG;
    const char *body = end + 4, *line = memmem(text, (size_t)(end + 2 - text), "\r\n", 2);
    uint32_t length = UINT32_MAX;
    if (!line || start_line(m, text, line) < 0)
        return -EBADMSG;
    for (const char *p = line + 2; p < end + 2;) {
        const char *stop = p;
        do { /* a line that begins with white space belongs to the one before */
            stop = memmem(stop, (size_t)(end + 2 - stop), "\r\n", 2);
            if (!stop)
                return -EBADMSG;
            stop += 2;
        } while (stop < end + 2 && (*stop == ' ' || *stop == '\t'));
        const char *colon = memchr(p, ':', (size_t)(stop - p));
        if (!colon || !header(m, trimmed(p, colon), trimmed(colon + 1, stop), &length))
            return -EBADMSG;
        p = stop;
    }
    size_t left = len - (size_t)(body - text);
    if (length != UINT32_MAX && length > left)
        return -EBADMSG;
    m->body = (struct jn_view){body, length != UINT32_MAX ? length : left};
    return m->vias && m->method_name.n && m->call_id.n && m->from.n && m->to.n ? 0 : -EBADMSG;
}

/* The value of one parameter of a challenge, unquoted, into out. False: not there or too long. */
static bool parameter(struct jn_view v, const char *name, char *out, size_t size)
{
    const char *p = v.p, *end = v.p + v.n;
    size_t n = strlen(name);
    out[0] = 0;
    while (p < end) {
        while (p < end && (*p == ',' || isspace((unsigned char)*p)))
            p++;
        const char *key = p;
        while (p < end && *p != '=' && *p != ',')
            p++;
        if (p == end || *p == ',')
            continue;
        bool mine = (size_t)(p - key) == n && strncasecmp(key, name, n) == 0, quoted = ++p < end && *p == '"';
        const char *value = p + quoted;
        p = value;
        while (p < end && (quoted ? *p != '"' : *p != ',' && !isspace((unsigned char)*p)))
            p++;
        if (mine)
            return jn_copy_n(out, size, value, (size_t)(p - value)) && (!quoted || p < end);
        p += quoted && p < end;
    }
    return false;
}

int jn_sip_challenge_read(struct jn_sip_challenge *c, struct jn_view header_value)
{
    char algorithm[32], qop[64];
    memset(c, 0, sizeof *c);
    if (header_value.n < 7 || strncasecmp(header_value.p, "Digest ", 7) != 0)
        return -EBADMSG;
    struct jn_view v = {header_value.p + 7, header_value.n - 7};
    if (!parameter(v, "realm", c->realm, sizeof c->realm) || !parameter(v, "nonce", c->nonce, sizeof c->nonce))
        return -EBADMSG;
    parameter(v, "opaque", c->opaque, sizeof c->opaque);
    if (parameter(v, "algorithm", algorithm, sizeof algorithm) && strcasecmp(algorithm, "MD5") != 0)
        return -ENOTSUP;
    if (parameter(v, "qop", qop, sizeof qop)) {
        for (char *save = NULL, *word = strtok_r(qop, ", ", &save); word; word = strtok_r(NULL, ", ", &save))
            c->qop_auth |= strcasecmp(word, "auth") == 0;
        if (!c->qop_auth)
            return -ENOTSUP;
    }
    return 0;
}
