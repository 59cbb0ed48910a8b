/* Sha1: the hash of RFC 3174 and its HMAC, straight from the text. */
#include "media/ice/sha1.h"
#include <string.h>

static uint32_t rol(uint32_t x, unsigned by)
{
    return x << by | x >> (32 - by);
}

static void block(uint32_t h[static 5], const uint8_t *at)
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)at[4 * i] << 24 | (uint32_t)at[4 * i + 1] << 16 | (uint32_t)at[4 * i + 2] << 8 | at[4 * i + 3];
    for (unsigned i = 16; i < 80; i++)
        w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                              : (b ^ c ^ d) + 0xca62c1d6;
        uint32_t next = rol(a, 5) + f + e + w[i];
        e = d;
        d = c;
        c = rol(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

void jn_sha1_init(struct jn_sha1 *s)
{
    static const uint32_t first[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

    memcpy(s->h, first, sizeof s->h);
    s->used = 0;
    s->bytes = 0;
}

void jn_sha1_add(struct jn_sha1 *s, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;

    s->bytes += n;
    while (n > 0) {
        if (s->used == 0 && n >= sizeof s->block) {
            block(s->h, at);
            at += sizeof s->block;
            n -= sizeof s->block;
            continue;
        }
        size_t part = sizeof s->block - s->used < n ? sizeof s->block - s->used : n;
        memcpy(s->block + s->used, at, part);
        s->used += (uint32_t)part;
        at += part;
        n -= part;
        if (s->used == sizeof s->block) {
            block(s->h, s->block);
            s->used = 0;
        }
    }
}

void jn_sha1_end(struct jn_sha1 *s, uint8_t out[static JN_SHA1])
{
    static const uint8_t pad[64] = {0x80};
    uint64_t bits = 8 * s->bytes;
    uint8_t length[8];

    for (unsigned i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    jn_sha1_add(s, pad, (s->used < 56 ? 56 : 120) - s->used);
    jn_sha1_add(s, length, sizeof length);
    for (unsigned i = 0; i < JN_SHA1; i++)
        out[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

void jn_hmac_sha1_key(struct jn_hmac_sha1 *k, const void *key, size_t n)
{
    uint8_t pad[64] = {0}, inner[64], outer[64];
    struct jn_sha1 s;

    if (n > sizeof pad) {
        jn_sha1_init(&s);
        jn_sha1_add(&s, key, n);
        jn_sha1_end(&s, pad);
    } else {
        memcpy(pad, key, n);
    }
    for (unsigned i = 0; i < sizeof pad; i++) {
        inner[i] = pad[i] ^ 0x36;
        outer[i] = pad[i] ^ 0x5c;
    }
    jn_sha1_init(&s);
    memcpy(k->inner, s.h, sizeof k->inner);
    memcpy(k->outer, s.h, sizeof k->outer);
    block(k->inner, inner);
    block(k->outer, outer);
    explicit_bzero(pad, sizeof pad);
    explicit_bzero(inner, sizeof inner);
    explicit_bzero(outer, sizeof outer);
}

void jn_hmac_sha1_begin(const struct jn_hmac_sha1 *k, struct jn_sha1 *s)
{
    memcpy(s->h, k->inner, sizeof s->h);
    s->used = 0;
    s->bytes = sizeof s->block;
}

void jn_hmac_sha1_end(const struct jn_hmac_sha1 *k, struct jn_sha1 *s, uint8_t out[static JN_SHA1])
{
    uint8_t inner[JN_SHA1];

    jn_sha1_end(s, inner);
    memcpy(s->h, k->outer, sizeof s->h);
    s->used = 0;
    s->bytes = sizeof s->block;
    jn_sha1_add(s, inner, sizeof inner);
    jn_sha1_end(s, out);
}
