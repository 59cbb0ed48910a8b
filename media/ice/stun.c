/* Stun: reading Binding requests and building their answers (RFC 8489 5, 14). */
#include "media/ice/stun.h"
#include "engine/base/str.h"
#include <errno.h>
#include <string.h>

#define COOKIE 0x2112a442u
enum {
    USERNAME = 0x0006,
    INTEGRITY = 0x0008,
    ERROR_CODE = 0x0009,
    UNKNOWN = 0x000a,
    XOR_MAPPED = 0x0020,
    PRIORITY = 0x0024,
    USE_CANDIDATE = 0x0025,
    FINGERPRINT = 0x8028,
    CONTROLLED = 0x8029,
    CONTROLLING = 0x802a,
    OPTIONAL = 0x8000,   /* may be skipped by who does not know it */
    USERNAME_MAX = 513,  /* RFC 8489 14.3 */
    ATTRIBUTES_MAX = 32, /* a check has about eight */
};

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, unsigned v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
    put16(at, v >> 16);
    put16(at + 2, v & 0xffff);
}

/* CRC-32 of ITU-T V.42, four bits a step. */
static uint32_t crc32(uint32_t crc, const uint8_t *at, size_t n)
{
    static const uint32_t step[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                      0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                      0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    for (; n > 0; n--, at++) {
        crc = step[(crc ^ *at) & 15] ^ crc >> 4;
        crc = step[(crc ^ *at >> 4) & 15] ^ crc >> 4;
    }
    return crc;
}

uint32_t jn_stun_fingerprint(const uint8_t *bytes, size_t n)
{
    return ~crc32(UINT32_MAX, bytes, n) ^ 0x5354554eu;
}

bool jn_stun_is(const uint8_t *bytes, size_t n)
{
    return n >= JN_STUN_HEADER && bytes[0] < 4 && get32(bytes + 4) == COOKIE;
}

/* One attribute before MESSAGE-INTEGRITY. */
static int attribute(struct jn_stun *s, unsigned type, const uint8_t *value, size_t n)
{
    switch (type) {
    case USERNAME:
        if (n == 0 || n > USERNAME_MAX)
            return -EBADMSG;
        if (!s->username) { /* of two the first counts (RFC 8489 14) */
            s->username = value;
            s->username_len = (uint16_t)n;
        }
        return 0;
    case PRIORITY:
        if (n != 4)
            return -EBADMSG;
        s->priority = get32(value);
        s->has_priority = true;
        return 0;
    case USE_CANDIDATE:
        if (n != 0)
            return -EBADMSG;
        s->use_candidate = true;
        return 0;
    case CONTROLLED:
    case CONTROLLING:
        if (n != 8)
            return -EBADMSG;
        *(type == CONTROLLED ? &s->controlled : &s->controlling) = true;
        s->tie_breaker = (uint64_t)get32(value) << 32 | get32(value + 4);
        return 0;
    case ERROR_CODE:
    case UNKNOWN:
    case XOR_MAPPED:
        return 0; /* of answers; we send no requests */
    default:
        if (type < OPTIONAL && s->unknown == 0)
            s->unknown = (uint16_t)type;
        return 0;
    }
}

int jn_stun_parse(struct jn_stun *s, const uint8_t *bytes, size_t n)
{
    *s = (struct jn_stun){0};
    if (n > JN_STUN_MAX || !jn_stun_is(bytes, n) || get16(bytes + 2) != n - JN_STUN_HEADER || n % 4 != 0)
        return -EBADMSG;
    unsigned type = get16(bytes);
    s->method = (uint16_t)((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
    s->cls = (uint8_t)((type >> 4 & 1) | (type >> 7 & 2));
    s->transaction = bytes + 8;
    unsigned count = 0;
    for (size_t at = JN_STUN_HEADER; at < n; count++) {
        if (n - at < 4 || count == ATTRIBUTES_MAX)
            return -EBADMSG;
        unsigned kind = get16(bytes + at);
        size_t len = get16(bytes + at + 2), whole = 4 + ((len + 3) & ~(size_t)3);
        if (whole > n - at)
            return -EBADMSG;
        if (kind == FINGERPRINT) { /* the last one of all */
            if (len != 4 || at + whole != n)
                return -EBADMSG;
            s->fingerprint = get32(bytes + at + 4) == jn_stun_fingerprint(bytes, at) ? 1 : -1;
        } else if (kind == INTEGRITY && s->integrity_at == 0) {
            if (len != JN_SHA1)
                return -EBADMSG;
            s->integrity_at = (uint16_t)at;
        } else if (s->integrity_at == 0 && attribute(s, kind, bytes + at + 4, len) < 0) {
            return -EBADMSG;
        }
        at += whole;
    }
    return 0;
}

/* Over everything before the attribute, with a length that ends behind it (RFC 8489 14.5). */
static void integrity(uint8_t out[static JN_SHA1], const uint8_t *bytes, size_t at, const struct jn_hmac_sha1 *key)
{
    struct jn_sha1 s;
    uint8_t length[2];

    put16(length, (unsigned)(at + 4 + JN_SHA1 - JN_STUN_HEADER));
    jn_hmac_sha1_begin(key, &s);
    jn_sha1_add(&s, bytes, 2);
    jn_sha1_add(&s, length, 2);
    jn_sha1_add(&s, bytes + 4, at - 4);
    jn_hmac_sha1_end(key, &s, out);
}

bool jn_stun_authentic(const struct jn_stun *s, const uint8_t *bytes, const struct jn_hmac_sha1 *key)
{
    uint8_t right[JN_SHA1];

    if (s->integrity_at == 0)
        return false;
    integrity(right, bytes, s->integrity_at, key);
    return jn_equal_ct(right, bytes + s->integrity_at + 4, JN_SHA1);
}

static size_t head(uint8_t *out, const struct jn_stun *to, enum jn_stun_class cls)
{
    put16(out, cls == JN_STUN_SUCCESS ? 0x0101 : 0x0111);
    put32(out + 4, COOKIE);
    memcpy(out + 8, to->transaction, JN_STUN_TRANSACTION);
    return JN_STUN_HEADER;
}

static size_t end(uint8_t *out, size_t at, const struct jn_hmac_sha1 *key)
{
    if (key) {
        put16(out + at, INTEGRITY);
        put16(out + at + 2, JN_SHA1);
        integrity(out + at + 4, out, at, key);
        at += 4 + JN_SHA1;
    }
    put16(out + 2, (unsigned)(at + 8 - JN_STUN_HEADER)); /* FINGERPRINT is counted in */
    put16(out + at, FINGERPRINT);
    put16(out + at + 2, 4);
    put32(out + at + 4, jn_stun_fingerprint(out, at));
    return at + 8;
}

size_t jn_stun_success(uint8_t out[static JN_STUN_ANSWER_MAX], const struct jn_stun *to, const struct jn_addr *mapped,
                       const struct jn_hmac_sha1 *key)
{
    size_t at = head(out, to, JN_STUN_SUCCESS), ip = mapped->family == JN_ADDR_V6 ? 16 : 4;

    put16(out + at, XOR_MAPPED);
    put16(out + at + 2, (unsigned)(4 + ip));
    out[at + 4] = 0;
    out[at + 5] = ip == 16 ? 2 : 1;
    put16(out + at + 6, mapped->port ^ (COOKIE >> 16));
    for (size_t i = 0; i < ip; i++)
        out[at + 8 + i] = mapped->ip[i] ^ out[4 + i]; /* the cookie, then the transaction: as they lie in the header */
    return end(out, at + 8 + ip, key);
}

size_t jn_stun_error(uint8_t out[static JN_STUN_ANSWER_MAX], const struct jn_stun *to, unsigned code, uint16_t unknown,
                     const struct jn_hmac_sha1 *key)
{
    size_t at = head(out, to, JN_STUN_ERROR);

    put16(out + at, ERROR_CODE); /* no reason phrase: it may be empty, and an answer shall be short */
    put16(out + at + 2, 4);
    put32(out + at + 4, code / 100 << 8 | code % 100);
    at += 8;
    if (unknown) {
        put16(out + at, UNKNOWN);
        put16(out + at + 2, 2);
        put32(out + at + 4, (uint32_t)unknown << 16);
        at += 8;
    }
    return end(out, at, key);
}
