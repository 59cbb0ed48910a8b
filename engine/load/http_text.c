/* Http text: see http_text.h. */
#include "engine/load/http_text.h"
#include "engine/base/str.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool digits(const char *p, const char *end, size_t max, size_t *out)
{
    size_t n = 0, any = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++, any++)
        if ((n = n * 10 + (size_t)(*p - '0')) > max)
            return false;
    *out = n;
    return any > 0;
}

/* One header line without its end. */
static int line(struct jn_http_in *in, const char *p, const char *end, bool *sized)
{
    static const char length[] = "content-length:", coding[] = "transfer-encoding:", connection[] = "connection:";
    size_t n = (size_t)(end - p);
    if (n >= sizeof length - 1 && !strncasecmp(p, length, sizeof length - 1)) {
        for (p += sizeof length - 1; p < end && *p == ' ';)
            p++;
        *sized = true;
        return digits(p, end, JN_HTTP_ANSWER_MAX, &in->body) ? 0 : -EBADMSG;
    }
    if (n >= sizeof coding - 1 && !strncasecmp(p, coding, sizeof coding - 1))
        return -EBADMSG;
    if (n >= sizeof connection - 1 && !strncasecmp(p, connection, sizeof connection - 1))
        in->close = memmem(p, n, "close", 5) != NULL;
    return 0;
}

int jn_http_read(struct jn_http_in *in, const char *text, size_t len)
{
    const char *end = memmem(text, len < JN_HTTP_HEAD_MAX ? len : JN_HTTP_HEAD_MAX, "\r\n\r\n", 4);
    size_t status;
    bool sized = false;
    memset(in, 0, sizeof *in);
    if (!end)
        return len >= JN_HTTP_HEAD_MAX ? -EBADMSG : 0;
    in->head = (size_t)(end - text) + 4;
    if (in->head < 16 || memcmp(text, "HTTP/1.", 7) != 0 || text[8] != ' ' || !digits(text + 9, end, 599, &status) ||
        status < 100)
        return -EBADMSG;
    in->status = (unsigned)status;
    const char *p = memmem(text, in->head, "\r\n", 2);
    while (p < end) {
        const char *stop = memmem(p + 2, (size_t)(end + 2 - (p + 2)), "\r\n", 2);
        if (!stop || line(in, p + 2, stop, &sized) < 0)
            return -EBADMSG;
        p = stop;
    }
    if (in->status < 200 || in->status == 204 || in->status == 304)
        in->body = 0;
    else if (!sized)
        return -EBADMSG;
    return 1;
}

int jn_ws_read(struct jn_ws_in *in, const uint8_t *text, size_t len)
{
    memset(in, 0, sizeof *in);
    if (len < 2)
        return 0;
    in->fin = text[0] & 0x80;
    in->opcode = text[0] & 15;
    if ((text[0] & 0x70) || (text[1] & 0x80))
        return -EBADMSG; /* extensions that nobody asked for; servers do not mask */
    size_t small = text[1], more = small == 126 ? 2 : small == 127 ? 8 : 0;
    in->head = 2 + more;
    if (len < in->head)
        return 0;
    in->body = more ? 0 : small;
    for (size_t i = 0; i < more; i++) {
        if (in->body > JN_HTTP_ANSWER_MAX)
            return -EBADMSG;
        in->body = in->body << 8 | text[2 + i];
    }
    if (in->body > JN_HTTP_ANSWER_MAX)
        return -EBADMSG;
    return len - in->head >= in->body;
}

bool jn_http_member(char *out, size_t size, const char *text, size_t len, const char *name)
{
    char key[40];
    int n = snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = n > 0 && n < (int)sizeof key ? memmem(text, len, key, (size_t)n) : NULL;
    if (!at)
        return false;
    const char *value = at + n, *end = memchr(value, '"', len - (size_t)(value - text));
    return end && !memchr(value, '\\', (size_t)(end - value)) && jn_copy_n(out, size, value, (size_t)(end - value));
}
