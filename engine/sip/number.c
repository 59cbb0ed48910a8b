/* Number: what a text means as a telephone number. */
#include "engine/sip/number.h"
#include "engine/base/str.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { E164_MIN = 4, E164_MAX = 15 }; /* digits, ITU-T E.164 6.1; shorter ones are never international */

static bool digits(const char *text)
{
    size_t n = strspn(text, "0123456789");

    return n > 0 && !text[n];
}

/* Without parameters and visual separators (RFC 3966 5.1.1); false when it is no number then. */
static bool squeeze(char out[static JN_NUMBER_MAX], const char *text)
{
    size_t n = 0;

    for (; *text && *text != ';'; text++) {
        if (strchr(" -.()/", *text))
            continue;
        if (!isdigit((unsigned char)*text) && !(*text == '+' && !n))
            return false;
        if (n + 1 >= JN_NUMBER_MAX)
            return false;
        out[n++] = *text;
    }
    out[n] = 0;
    return n > 0 && digits(out + (out[0] == '+'));
}

static bool compose(char out[static JN_NUMBER_MAX], const char *head, const char *middle, const char *rest)
{
    size_t a = strlen(head), b = strlen(middle), c = strlen(rest);

    if (a + b + c >= JN_NUMBER_MAX)
        return false;
    memcpy(out, head, a);
    memcpy(out + a, middle, b);
    memcpy(out + a + b, rest, c + 1);
    return true;
}

static bool good(const char *e164)
{
    size_t n = strlen(e164 + 1);

    return e164[0] == '+' && n >= E164_MIN && n <= E164_MAX && e164[1] != '0';
}

/* What follows prefix, NULL when text does not begin with it or it is empty. */
static const char *after(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);

    return n && !strncmp(text, prefix, n) ? text + n : NULL;
}

bool jn_number_e164(char out[static JN_NUMBER_MAX], const char *text, const struct jn_dir_trunk *t)
{
    char plain[JN_NUMBER_MAX], made[JN_NUMBER_MAX];
    const char *rest;
    bool number = squeeze(plain, text), found = false;

    if (number && plain[0] == '+')
        found = compose(made, "", "", plain);
    else if (number && t && (rest = after(plain, t->international)))
        found = compose(made, "+", "", rest);
    else if (number && t && t->country[0] && (rest = after(plain, t->national)))
        found = compose(made, "+", t->country, rest);
    else if (number && t && t->country[0] && !t->national[0] && !after(plain, t->country))
        found = compose(made, "+", t->country, plain); /* a country without a trunk prefix: all its digits */
    else if (number && t && t->country[0] && after(plain, t->country) && strlen(plain) >= 10)
        found = compose(made, "+", "", plain); /* carriers leave the plus out */
    if (found && good(made))
        return jn_copy(out, JN_NUMBER_MAX, made);
    if (!jn_copy_n(out, JN_NUMBER_MAX, text, strcspn(text, ";")))
        out[0] = 0;
    return false;
}

bool jn_number_dial(char out[static JN_NUMBER_MAX], const char *number, const struct jn_dir_trunk *t)
{
    const char *rest = NULL, *digits_only = number + 1;

    if (number[0] != '+' || !digits(digits_only))
        return jn_copy(out, JN_NUMBER_MAX, number);
    switch ((enum jn_dial)t->dial) {
    case JN_DIAL_NATIONAL:
        rest = after(digits_only, t->country);
        if (rest)
            return compose(out, t->national, "", rest);
        return compose(out, t->international, "", digits_only);
    case JN_DIAL_INTERNATIONAL:
        return compose(out, t->international, "", digits_only);
    case JN_DIAL_PLAIN:
        return jn_copy(out, JN_NUMBER_MAX, digits_only);
    case JN_DIAL_E164:
    case JN_DIAL_N:
        break;
    }
    return jn_copy(out, JN_NUMBER_MAX, number);
}

bool jn_number_plain(const char *number)
{
    static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+*#._-";

    return number[0] && !number[strspn(number, ok)];
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* Copies what may stand in a number or user part, escapes undone; false when there is something else, or nothing. */
static bool take(char *out, size_t size, const char *from, size_t n)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        char c = from[i];

        if (c == '%') {
            int high = i + 1 < n ? hex_digit(from[i + 1]) : -1, low = i + 2 < n ? hex_digit(from[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if ((unsigned char)c <= ' ' || (unsigned char)c >= 0x7f || strchr("<>\"\\,;@", c) || len + 1 >= size)
            return false;
        out[len++] = c;
    }
    out[len] = 0;
    return len > 0;
}

/* One URI of n bytes: "sip:user@host...", "sips:...", "tel:number;...". */
static bool of_uri(char *out, size_t size, const char *uri, size_t n)
{
    static const char *const schemes[] = {"sip:", "sips:", "tel:"};

    for (unsigned i = 0; i < 3; i++) {
        size_t skip = strlen(schemes[i]), end;

        if (n <= skip || strncasecmp(uri, schemes[i], skip))
            continue;
        uri += skip;
        n -= skip;
        if (i == 2) {
            for (end = 0; end < n && uri[end] != ';'; end++) {
            }
            return take(out, size, uri, end);
        }
        const char *at = memchr(uri, '@', n);
        if (!at)
            return false; /* a host alone */
        for (end = 0; end < (size_t)(at - uri) && uri[end] != ';' && uri[end] != ':'; end++) {
        }
        return take(out, size, uri, end);
    }
    return false;
}

/* The length of a quoted string that begins at text (RFC 3261 25.1), 0 when it has no end. */
static size_t quoted(const char *text)
{
    for (size_t i = 1; text[i]; i++) {
        if (text[i] == '\\' && text[i + 1])
            i++;
        else if (text[i] == '"')
            return i + 1;
    }
    return 0;
}

bool jn_number_of_header(char *out, size_t size, const char *value)
{
    out[0] = 0;
    for (const char *p = value; *p;) {
        if (*p == '"') {
            size_t n = quoted(p);

            if (!n)
                return false;
            p += n;
        } else if (*p == '<') {
            const char *end = strchr(p, '>');

            if (!end)
                return false;
            if (of_uri(out, size, p + 1, (size_t)(end - p - 1)))
                return true;
            p = end + 1;
        } else {
            size_t n = strcspn(p, ",; \t\r\n<\"");

            if (of_uri(out, size, p, n))
                return true;
            p += n ? n : 1;
        }
    }
    out[0] = 0;
    return false;
}

bool jn_number_private(const char *value)
{
    static const char *const words[] = {"id", "user", "header"};
    bool hidden = false;

    while (*value) {
        size_t n = strcspn(value, ";, \t\r\n");

        if (n == 4 && !strncasecmp(value, "none", 4))
            return false;
        for (unsigned i = 0; i < 3; i++)
            hidden |= n == strlen(words[i]) && !strncasecmp(value, words[i], n);
        value += n + (value[n] != 0);
    }
    return hidden;
}
