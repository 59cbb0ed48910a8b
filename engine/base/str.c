/* Str: copies, numbers, hex, base64, compares. The growable buffer is in buf.c. */
#include "engine/base/str.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

bool jn_copy_n(char *out, size_t size, const char *text, size_t n)
{
    size_t fits = n < size ? n : size - 1;

    memcpy(out, text, fits);
    out[fits] = 0;
    return fits == n;
}

bool jn_copy(char *out, size_t size, const char *text)
{
    return jn_copy_n(out, size, text, strlen(text));
}

int jn_parse_u64(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (!*text)
        return -EINVAL;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9')
            return -EINVAL;
        uint64_t digit = (uint64_t)(*p - '0');
        if (digit > max || value > (max - digit) / 10)
            return -ERANGE;
        value = value * 10 + digit;
    }
    *out = value;
    return 0;
}

void jn_hex(char *out, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[p[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
    }
    out[2 * n] = 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int jn_unhex(void *out, size_t n, const char *hex)
{
    unsigned char *p = out;

    if (strlen(hex) != 2 * n)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return -EINVAL;
        p[i] = (unsigned char)(high << 4 | low);
    }
    return 0;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t jn_base64(char *out, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    size_t o = 0;

    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0u);
        out[o++] = base64_digits[v >> 18];
        out[o++] = base64_digits[v >> 12 & 63];
        out[o++] = i + 1 < n ? base64_digits[v >> 6 & 63] : '=';
        out[o++] = i + 2 < n ? base64_digits[v & 63] : '=';
    }
    out[o] = 0;
    return o;
}

static int base64_value(char c)
{
    const char *at = c ? strchr(base64_digits, c) : NULL;

    return at ? (int)(at - base64_digits) : -1;
}

int jn_unbase64(void *out, size_t size, const char *text, size_t n)
{
    unsigned char *p = out;
    size_t o = 0;

    if (n % 4 != 0)
        return -EINVAL;
    for (size_t i = 0; i < n; i += 4) {
        unsigned pad = 0;
        if (i + 4 == n && text[i + 3] == '=')
            pad = text[i + 2] == '=' ? 2 : 1;
        uint32_t v = 0;
        for (unsigned k = 0; k < 4; k++) {
            int d = k >= 4 - pad ? 0 : base64_value(text[i + k]);
            if (d < 0)
                return -EINVAL;
            v = v << 6 | (uint32_t)d;
        }
        for (unsigned k = 0; k < 3 - pad; k++) {
            if (o == size)
                return -EINVAL;
            p[o++] = (unsigned char)(v >> (16 - 8 * k));
        }
    }
    return (int)o;
}

bool jn_equal_ct(const void *a, const void *b, size_t n)
{
    const volatile unsigned char *x = a, *y = b;
    unsigned char differs = 0;

    for (size_t i = 0; i < n; i++)
        differs |= (unsigned char)(x[i] ^ y[i]);
    return differs == 0;
}

/* Edit distance by two rows; words longer than 63 are not compared. */
static unsigned distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    unsigned row[64];

    if (na > 63 || nb > 63)
        return 64;
    for (size_t j = 0; j <= nb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned same = corner + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            unsigned least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            corner = row[j];
            row[j] = same < least ? same : least;
        }
    }
    return row[nb];
}

const char *jn_nearest(const char *word, const char *const names[], size_t n)
{
    unsigned best = ((unsigned)strlen(word) + 2) / 3 + 1;
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        unsigned d = distance(word, names[i]);
        if (d < best) {
            best = d;
            found = names[i];
        }
    }
    return found;
}
