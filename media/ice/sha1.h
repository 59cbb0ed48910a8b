/* Sha1: SHA-1 (RFC 3174) and HMAC with it (RFC 2104) for STUN's MESSAGE-INTEGRITY. Its own few lines, because a check
 * stands on the packet path, where a library's contexts would be allocated; nothing else here may use it. */
#ifndef JN_MEDIA_SHA1_H
#define JN_MEDIA_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { JN_SHA1 = 20 };

struct jn_sha1 {
    uint32_t h[5];
    uint32_t used; /* bytes of block */
    uint64_t bytes;
    uint8_t block[64];
};
void jn_sha1_init(struct jn_sha1 *s);
void jn_sha1_add(struct jn_sha1 *s, const void *bytes, size_t n);
void jn_sha1_end(struct jn_sha1 *s, uint8_t out[static JN_SHA1]);

/* A key made ready: the states after the inner and outer pad, so that a message costs its own blocks and one more. */
struct jn_hmac_sha1 {
    uint32_t inner[5], outer[5];
};
void jn_hmac_sha1_key(struct jn_hmac_sha1 *k, const void *key, size_t n);
/* Continues s, begun by jn_hmac_sha1_begin and fed by jn_sha1_add. */
void jn_hmac_sha1_begin(const struct jn_hmac_sha1 *k, struct jn_sha1 *s);
void jn_hmac_sha1_end(const struct jn_hmac_sha1 *k, struct jn_sha1 *s, uint8_t out[static JN_SHA1]);

#endif
