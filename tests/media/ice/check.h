/* Check: connectivity checks as a browser sends them (RFC 8445 7.2.2), for tests. */
#ifndef JN_TEST_CHECK_H
#define JN_TEST_CHECK_H

#include "media/ice/lite.h"
#include <stdio.h>
#include <string.h>

/* to: whose name and password it carries. strange: an attribute more, of that type. */
struct request {
    const struct jn_ice_own *to;
    bool use, controlled, no_priority, no_integrity, no_username;
    uint16_t strange;
};

static inline uint8_t *check_put(uint8_t *at, unsigned type, const void *value, size_t n)
{
    *at++ = (uint8_t)(type >> 8);
    *at++ = (uint8_t)type;
    *at++ = 0;
    *at++ = (uint8_t)n;
    memcpy(at, value, n);
    memset(at + n, 0, (4 - n % 4) % 4);
    return at + (n + 3) / 4 * 4;
}

/* A check as a browser sends it. */
static inline size_t request(uint8_t out[200], const struct request *r)
{
    static const uint8_t head[20] = "\x00\x01\x00\x00\x21\x12\xa4\x42transaction!", tie[8] = "tiebreak";
    uint8_t *at = out + 20, sum[JN_SHA1], print[4];
    memcpy(out, head, 20);
    char name[40];
    int n = snprintf(name, sizeof name, "%s:zzzz", r->to->ufrag);
    if (!r->no_username)
        at = check_put(at, 0x0006, name, (size_t)n);
    at = check_put(at, r->controlled ? 0x8029 : 0x802a, tie, 8);
    if (r->use)
        at = check_put(at, 0x0025, "", 0);
    if (!r->no_priority)
        at = check_put(at, 0x0024, "\x6e\x00\x01\xff", 4);
    if (r->strange)
        at = check_put(at, r->strange, "what", 4);
    if (!r->no_integrity) {
        struct jn_hmac_sha1 key;
        struct jn_sha1 s;
        jn_hmac_sha1_key(&key, r->to->pwd, strlen(r->to->pwd));
        out[3] = (uint8_t)(at - out - 20 + 24);
        jn_hmac_sha1_begin(&key, &s);
        jn_sha1_add(&s, out, (size_t)(at - out));
        jn_hmac_sha1_end(&key, &s, sum);
        at = check_put(at, 0x0008, sum, JN_SHA1);
    }
    out[3] = (uint8_t)(at - out - 20 + 8);
    uint32_t crc = jn_stun_fingerprint(out, (size_t)(at - out));
    for (unsigned i = 0; i < 4; i++)
        print[i] = (uint8_t)(crc >> (24 - 8 * i));
    return (size_t)(check_put(at, 0x8028, print, 4) - out);
}

#endif
