/* Zone: TZif files (RFC 8536). Version 2 and later: the second block, with 64-bit times, and the footer after it. */
#include "router/flow/zone.h"
#include "engine/base/str.h"
#include "router/flow/zone_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 44, TIMES_MAX = 4096, TYPES_MAX = 256, OFFSET_MAX_S = 26 * 3600 };

struct jn_zone {
    char name[JN_ZONE_NAME_MAX];
    struct jn_zone_rule rule;
    int32_t first_s; /* before the first change */
    uint32_t n;
    struct {
        int64_t at;
        int32_t offset_s; /* from at on */
    } change[];
};

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const uint8_t *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* One header and what it says of the block behind it. */
struct block {
    uint32_t isut, isstd, leap, times, types, chars;
    size_t bytes; /* of the block, without header */
};

static bool read_header(struct block *b, const uint8_t *p, size_t n, unsigned time_bytes)
{
    if (n < HEADER || memcmp(p, "TZif", 4))
        return false;
    *b = (struct block){be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40), 0};
    if (b->times > TIMES_MAX || !b->types || b->types > TYPES_MAX || b->chars > 4096 || b->leap > 1024 ||
        b->isut > TYPES_MAX || b->isstd > TYPES_MAX)
        return false;
    b->bytes = (size_t)b->times * (time_bytes + 1) + (size_t)b->types * 6 + b->chars +
               (size_t)b->leap * (time_bytes + 4) + b->isstd + b->isut;
    return n - HEADER >= b->bytes;
}

/* The block's changes; false when an index or an offset is out of range or times do not rise. */
static bool read_block(struct jn_zone *z, const struct block *b, const uint8_t *p)
{
    const uint8_t *index = p + (size_t)b->times * 8, *type = index + b->times;

    for (uint32_t i = 0; i < b->types; i++) {
        int32_t offset = (int32_t)be32(type + (size_t)6 * i);
        if (offset > OFFSET_MAX_S || offset < -OFFSET_MAX_S)
            return false;
    }
    z->first_s = (int32_t)be32(type);
    z->n = b->times;
    for (uint32_t i = 0; i < b->times; i++) {
        z->change[i].at = be64(p + (size_t)8 * i);
        if (index[i] >= b->types || (i && z->change[i].at <= z->change[i - 1].at))
            return false;
        z->change[i].offset_s = (int32_t)be32(type + (size_t)6 * index[i]);
    }
    return true;
}

static bool read_footer(struct jn_zone *z, const uint8_t *p, size_t n)
{
    const uint8_t *end = n > 1 && p[0] == '\n' ? memchr(p + 1, '\n', n - 1) : NULL;

    if (!end)
        return false;
    return end == p + 1 || jn_zone_rule_parse(&z->rule, (const char *)p + 1, (size_t)(end - p) - 1);
}

int jn_zone_parse(struct jn_zone **out, const char *name, const void *bytes, size_t n, struct jn_err *err)
{
    const uint8_t *p = bytes;
    struct block first, b;

    *out = NULL;
    if (!read_header(&first, p, n, 4))
        return jn_fail(err, -EBADMSG, "is no time zone file (RFC 8536)");
    if (p[4] < '2')
        return jn_fail(err, -EBADMSG, "is a time zone file of version 1, which ends in 2037");
    size_t second = HEADER + first.bytes;
    if (!read_header(&b, p + second, n - second, 8))
        return jn_fail(err, -EBADMSG, "is a damaged time zone file");
    struct jn_zone *z = calloc(1, sizeof *z + b.times * sizeof z->change[0]);
    if (!z)
        return jn_fail(err, -ENOMEM, "no memory");
    jn_copy(z->name, sizeof z->name, name);
    size_t foot = second + HEADER + b.bytes;
    if (!read_block(z, &b, p + second + HEADER) || !read_footer(z, p + foot, n - foot)) {
        free(z);
        return jn_fail(err, -EBADMSG, "is a damaged time zone file");
    }
    *out = z;
    return 0;
}

void jn_zone_free(struct jn_zone *z)
{
    free(z);
}

const char *jn_zone_name(const struct jn_zone *z)
{
    return z->name;
}

int32_t jn_zone_offset(const struct jn_zone *z, int64_t unix_s)
{
    uint32_t low = 0, high = z->n; /* the changes before low are not after unix_s */

    if (z->rule.there && (!z->n || unix_s >= z->change[z->n - 1].at))
        return jn_zone_rule_offset(&z->rule, unix_s);
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (z->change[mid].at <= unix_s)
            low = mid + 1;
        else
            high = mid;
    }
    return low ? z->change[low - 1].offset_s : z->first_s;
}
