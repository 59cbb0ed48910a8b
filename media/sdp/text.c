/* Text: spans. */
#include "media/sdp/text.h"
#include <string.h>

struct span jn_span_cut(struct span *rest, char by)
{
    const char *at = rest->n != 0 ? memchr(rest->p, by, rest->n) : NULL;
    struct span first = {rest->p, at != NULL ? (size_t)(at - rest->p) : rest->n};
    size_t used = first.n + (at != NULL);
    rest->p += used;
    rest->n -= used;
    return first;
}

bool jn_span_is(struct span s, const char *word)
{
    return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

bool jn_span_is_nocase(struct span s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

bool jn_span_skip(struct span *s, const char *prefix)
{
    size_t n = strlen(prefix);
    if (s->n < n || memcmp(s->p, prefix, n) != 0)
        return false;
    s->p += n;
    s->n -= n;
    return true;
}

bool jn_span_number(struct span s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(uint8_t)s.p[i] - '0';
        if (digit > 9 || v > (max - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

void jn_span_address(struct span s, struct jn_addr *out)
{
    char text[JN_ADDR_TEXT_MAX];
    *out = (struct jn_addr){0};
    bool v4 = jn_span_skip(&s, "IN IP4 ");
    if (!v4 && !jn_span_skip(&s, "IN IP6 "))
        return;
    struct span ip = jn_span_cut(&s, '/');
    while (ip.n != 0 && ip.p[ip.n - 1] == ' ')
        ip.n--;
    if (ip.n == 0 || ip.n >= sizeof text || memchr(ip.p, 0, ip.n) != NULL)
        return;
    memcpy(text, ip.p, ip.n);
    text[ip.n] = 0;
    struct jn_addr a;
    if (jn_addr_parse(&a, text, 0) == 0 && a.family == (v4 ? JN_ADDR_V4 : JN_ADDR_V6))
        *out = a;
}
