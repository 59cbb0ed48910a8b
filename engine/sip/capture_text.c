/* Capture text: line by line, without understanding more than it must. */
#include "engine/sip/capture.h"
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { BODY_MAX = 1 << 20 };

/* The line at p: its length without the end of line; *next: where the next one begins. */
static size_t line(const char *p, const char *end, const char **next)
{
    const char *nl = memchr(p, '\n', (size_t)(end - p));
    *next = nl ? nl + 1 : end;
    const char *stop = nl ? nl : end;
    return (size_t)(stop - p) - (stop > p && stop[-1] == '\r');
}

/* The value of the line when it is that header, NULL when it is another. compact: its one-letter name, 0 none. */
static const char *header(const char *p, size_t n, const char *name, char compact, size_t *len)
{
    size_t k = strlen(name);

    if (n > k && strncasecmp(p, name, k) == 0)
        ;
    else if (compact && n > 1 && (p[0] | 0x20) == compact)
        k = 1;
    else
        return NULL;
    while (k < n && (p[k] == ' ' || p[k] == '\t'))
        k++;
    if (k == n || p[k] != ':')
        return NULL;
    for (k++; k < n && (p[k] == ' ' || p[k] == '\t'); k++)
        ;
    while (n > k && (p[n - 1] == ' ' || p[n - 1] == '\t'))
        n--;
    *len = n - k;
    return p + k;
}

static bool start_line(const char *p, size_t n)
{
    static const char version[] = "SIP/2.0";
    const size_t v = sizeof version - 1;

    return n > v && (memcmp(p, version, v) == 0 || memcmp(p + n - v, version, v) == 0);
}

static void take(struct jn_sip_text *t, const char *p, size_t n)
{
    size_t len;
    const char *v;
    char first = (char)(n ? *p | 0x20 : 0);

    if (first != 'c' && first != 'i' && first != 'l') /* most lines are none of these */
        return;
    if ((v = header(p, n, "Call-ID", 'i', &len))) {
        t->call_id = v;
        t->call_id_len = len;
    } else if ((v = header(p, n, "CSeq", 0, &len))) {
        while (len > 0 && (*v == ' ' || (*v >= '0' && *v <= '9')))
            v++, len--;
        t->method = v;
        t->method_len = len;
    } else if ((v = header(p, n, "Content-Length", 'l', &len))) {
        t->has_length = true;
        for (t->body = 0; len > 0 && *v >= '0' && *v <= '9' && t->body < BODY_MAX; v++, len--)
            t->body = 10 * t->body + (size_t)(*v - '0');
    }
}

bool jn_sip_text_read(struct jn_sip_text *t, const char *bytes, size_t n)
{
    const char *end = bytes + n, *next;
    size_t len = n ? line(bytes, end, &next) : 0;

    *t = (struct jn_sip_text){0};
    if (len == 0 || !start_line(bytes, len))
        return false;
    for (const char *p = next; p < end; p = next) {
        len = line(p, end, &next);
        if (len == 0 && next[-1] == '\n') {
            t->head = (size_t)(next - bytes);
            if (!t->has_length)
                t->body = n - t->head;
            return t->call_id_len > 0 && t->method_len > 0;
        }
        take(t, p, len);
    }
    return false;
}

static void cover(char *p, size_t n)
{
    memset(p, 'x', n);
}

/* What stands between `response="` and its quote; the whole of credentials that are not Digest. */
static void mask_credentials(char *v, size_t n)
{
    static const char name[] = "response";
    const size_t k = sizeof name - 1;

    if (n < 6 || strncasecmp(v, "Digest", 6) != 0) {
        char *space = memchr(v, ' ', n);
        if (space)
            cover(space + 1, n - (size_t)(space + 1 - v));
        return;
    }
    for (size_t i = 6; i + k < n; i++) {
        if (strncasecmp(v + i, name, k) != 0)
            continue;
        size_t at = i + k;
        while (at < n && (v[at] == ' ' || v[at] == '\t' || v[at] == '='))
            at++;
        if (at < n && v[at] == '"')
            at++;
        size_t to = at;
        while (to < n && v[to] != '"' && v[to] != ',' && v[to] != ' ')
            to++;
        cover(v + at, to - at);
        i = to;
    }
}

/* a=crypto:1 SUITE inline:KEY|LIFETIME ...: every key of the line. */
static void mask_crypto(char *p, size_t n)
{
    static const char name[] = "inline:";
    const size_t k = sizeof name - 1;

    for (size_t i = 0; i + k < n; i++) {
        if (strncasecmp(p + i, name, k) != 0)
            continue;
        size_t to = i + k;
        while (to < n && p[to] != '|' && p[to] != ' ' && p[to] != ';')
            to++;
        cover(p + i + k, to - i - k);
        i = to - 1;
    }
}

void jn_sip_text_mask(char *bytes, size_t n)
{
    const char *end = bytes + n, *next;
    bool credentials = false, body = false;

    for (const char *p = bytes; p < end; p = next) {
        size_t len = line(p, end, &next), v_len = 0;
        char *at = bytes + (p - bytes);
        if (body) {
            if (len > 8 && strncasecmp(p, "a=crypto", 8) == 0)
                mask_crypto(at, len);
            else if (len > 10 && strncasecmp(p, "a=ice-pwd:", 10) == 0)
                cover(at + 10, len - 10);
            else if (len > 2 && (p[0] == 'k' || p[0] == 'K') && p[1] == '=')
                cover(at + 2, len - 2);
            continue;
        }
        body = len == 0;
        if (p == bytes && start_line(p, len))
            continue;
        char first = (char)(len ? *p | 0x20 : 0);
        const char *v = first == 'a'   ? header(p, len, "Authorization", 0, &v_len)
                        : first == 'p' ? header(p, len, "Proxy-Authorization", 0, &v_len)
                                       : NULL;
        bool goes_on = credentials && len > 0 && (*p == ' ' || *p == '\t'); /* RFC 3261 7.3.1 */
        if (v)
            mask_credentials(bytes + (v - bytes), v_len);
        else if (goes_on)
            cover(at + 1, len - 1);
        credentials = v || goes_on;
    }
}
