/* Stun: the part of STUN (RFC 8489) that ICE's connectivity checks need: Binding requests read, answers built. Bytes
 * are a stranger's: nothing is believed about lengths, and nothing is answered with more than was sent. */
#ifndef JN_MEDIA_STUN_H
#define JN_MEDIA_STUN_H

#include "engine/base/addr.h"
#include "media/ice/sha1.h"

enum {
    JN_STUN_HEADER = 20,
    JN_STUN_TRANSACTION = 12,
    JN_STUN_MAX = 548,      /* longer ones are not looked at: a check is about 100 bytes */
    JN_STUN_ANSWER_MAX = 96 /* what jn_stun_success and jn_stun_error write at most */
};
enum jn_stun_class { JN_STUN_REQUEST, JN_STUN_INDICATION, JN_STUN_SUCCESS, JN_STUN_ERROR };

/* What a message says. Pointers point into it.
 *   method        1: Binding
 *   username      NULL: none; with ICE "ours:theirs" (RFC 8445 7.2.2)
 *   integrity_at  offset of MESSAGE-INTEGRITY, 0: none; what is behind it (but FINGERPRINT) was skipped
 *   fingerprint   0 none, 1 right, -1 wrong
 *   unknown       the first attribute that must be understood and is not, 0: none */
struct jn_stun {
    uint16_t method, username_len, integrity_at, unknown;
    uint8_t cls;
    int8_t fingerprint;
    bool use_candidate, controlled, controlling, has_priority;
    uint32_t priority;
    uint64_t tie_breaker;
    const uint8_t *transaction, *username;
};

/* True when the first byte is STUN's (RFC 7983), and the cookie stands where it must. */
bool jn_stun_is(const uint8_t *bytes, size_t n);
/* 0, or -EBADMSG. */
int jn_stun_parse(struct jn_stun *s, const uint8_t *bytes, size_t n);
/* Whether MESSAGE-INTEGRITY (RFC 8489 14.5) was made with that key; false when there is none. The time does not depend
 * on where it differs. */
bool jn_stun_authentic(const struct jn_stun *s, const uint8_t *bytes, const struct jn_hmac_sha1 *key);
/* A success response with XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT. Its length. */
size_t jn_stun_success(uint8_t out[static JN_STUN_ANSWER_MAX], const struct jn_stun *to, const struct jn_addr *mapped,
                       const struct jn_hmac_sha1 *key);
/* An error response; unknown: the attribute of a 420; key NULL: without MESSAGE-INTEGRITY. Its length. */
size_t jn_stun_error(uint8_t out[static JN_STUN_ANSWER_MAX], const struct jn_stun *to, unsigned code, uint16_t unknown,
                     const struct jn_hmac_sha1 *key);
/* FINGERPRINT's value for that many bytes (RFC 8489 14.7). */
uint32_t jn_stun_fingerprint(const uint8_t *bytes, size_t n);

#endif
