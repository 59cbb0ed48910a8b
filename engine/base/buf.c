/* Buf: the growable text buffer of str.h and its JSON strings. */
#include "engine/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool room(struct jn_buf *b, size_t more)
{
    if (b->failed)
        return false;
    size_t need = b->len + more + 1;
    if (need < more || (b->max && b->len + more > b->max)) {
        b->failed = true;
        return false;
    }
    if (need <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : 256;
    while (cap < need)
        cap *= 2;
    char *grown = realloc(b->data, cap);
    if (!grown) {
        b->failed = true;
        return false;
    }
    b->data = grown;
    b->cap = cap;
    return true;
}

void jn_buf_add(struct jn_buf *b, const void *bytes, size_t n)
{
    if (!room(b, n))
        return;
    if (n)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = 0;
}

void jn_buf_text(struct jn_buf *b, const char *text)
{
    jn_buf_add(b, text, strlen(text));
}

void jn_buf_printf(struct jn_buf *b, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !room(b, (size_t)n))
        return;
    va_start(args, fmt);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, args);
    va_end(args);
    b->len += (size_t)n;
}

/* Length of the UTF-8 character at p, 0 when it is not one (RFC 3629 4). */
static size_t utf8_at(const unsigned char *p, size_t n)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80                   ? 1
                 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                               : 0;

    if (len <= 1)
        return len;
    if (len > n)
        return 0;
    uint32_t c = p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    return len;
}

bool jn_utf8_valid(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;

    for (size_t i = 0; i < n;) {
        size_t len = utf8_at(p + i, n - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

void jn_buf_json(struct jn_buf *b, const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;

    jn_buf_add(b, "\"", 1);
    for (size_t i = 0; i < n;) {
        size_t len = utf8_at(p + i, n - i);
        if (len == 0) {
            jn_buf_text(b, "\xef\xbf\xbd");
            i++;
            continue;
        }
        if (p[i] == '"' || p[i] == '\\')
            jn_buf_printf(b, "\\%c", p[i]);
        else if (p[i] < 0x20 || p[i] == 0x7f)
            jn_buf_printf(b, "\\u%04x", p[i]);
        else
            jn_buf_add(b, p + i, len);
        i += len;
    }
    jn_buf_add(b, "\"", 1);
}

void jn_buf_clear(struct jn_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = 0;
}

void jn_buf_free(struct jn_buf *b)
{
    free(b->data);
    *b = (struct jn_buf){.max = b->max};
}
