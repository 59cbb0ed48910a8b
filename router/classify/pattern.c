/* Pattern: from a rule as a person writes it to an expression and flags that Hyperscan takes. */
#include "router/classify/private.h"

#include "engine/base/str.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Hyperscan's \b is ASCII's: beside Cyrillic or Chinese letters it would never match, silently. In block mode with one
 * match wanted, a border may as well eat the one character beyond it. */
static const char border_before[] = "(?:^|[^\\pL\\pN_])", border_after[] = "(?:[^\\pL\\pN_]|$)";

/* What the flags depend on. */
struct look {
    bool ascii, borders, characters; /* characters: says something of single characters, so bytes would be wrong */
};

static struct look look_at(const char *p)
{
    struct look l = {.ascii = true};
    bool in_class = false;

    for (; *p; p++) {
        if ((unsigned char)*p >= 0x80)
            l.ascii = false;
        if (*p == '\\' && p[1]) {
            p++;
            if (!in_class && (*p == 'b' || *p == 'B'))
                l.borders = true;
            else if (strchr("WDSpPxXRNoC", *p))
                l.characters = true;
        } else if (in_class) {
            in_class = *p != ']';
        } else if (*p == '[') {
            in_class = true;
            l.characters |= p[1] == '^';
            /* A bracket that stands first in a class belongs to it. */
            p += p[1] == '^';
            p += p[1] == ']';
        } else if (*p == '.') {
            l.characters = true;
        }
    }
    return l;
}

static int append(char *out, size_t *n, const char *text, size_t len)
{
    if (*n + len >= JN_PATTERN_MAX)
        return -EINVAL;
    memcpy(out + *n, text, len);
    out[ *n += len] = 0;
    return 0;
}

/* Writes p to out with each \b at the start or end of a top-level alternative replaced. */
static int replace_borders(char *out, const char *p, char why[200])
{
    bool in_class = false, at_start = true;
    unsigned depth = 0;
    size_t n = 0;
    int rc = 0;

    for (; *p && !rc; p++) {
        if (!in_class && p[0] == '\\' && (p[1] == 'b' || p[1] == 'B')) {
            bool at_end = !p[2] || p[2] == '|';

            if (p[1] == 'B' || depth || (!at_start && !at_end)) {
                snprintf(why, 200,
                         "\\%c can only stand at the start or the end of an alternative when the pattern has "
                         "letters beyond ASCII",
                         p[1]);
                return -EINVAL;
            }
            rc = at_start ? append(out, &n, border_before, sizeof border_before - 1)
                          : append(out, &n, border_after, sizeof border_after - 1);
            p++;
        } else if (p[0] == '\\' && p[1]) {
            rc = append(out, &n, p++, 2);
        } else {
            if (in_class)
                in_class = *p != ']';
            else if (*p == '[')
                in_class = true;
            else if (*p == '(')
                depth++;
            else if (*p == ')' && depth)
                depth--;
            rc = append(out, &n, p, 1);
            at_start = !in_class && !depth && *p == '|';
            continue;
        }
        at_start = false;
    }
    if (rc)
        snprintf(why, 200, "the pattern is too long");
    return rc;
}

int jn_pattern_prepare(char *out, unsigned *flags, const char *pattern, char why[200])
{
    size_t n = strlen(pattern);
    struct look l = look_at(pattern);

    if (!n) {
        snprintf(why, 200, "the pattern is empty");
        return -EINVAL;
    }
    if (!jn_utf8_valid(pattern, n)) {
        snprintf(why, 200, "the pattern is not UTF-8");
        return -EINVAL;
    }
    *flags = HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH;
    if (!l.ascii || l.characters)
        *flags |= HS_FLAG_UTF8;
    if (!l.ascii || (l.characters && !l.borders))
        *flags |= HS_FLAG_UCP;
    if (!l.ascii && l.borders)
        return replace_borders(out, pattern, why);
    memcpy(out, pattern, n + 1);
    return 0;
}
