/* Kdf: session keys from master key and salt (RFC 3711 4.3; RFC 7714 11 for GCM). The key derivation rate is 0: keys
 * are derived once. */
#ifndef JN_MEDIA_SRTP_KDF_H
#define JN_MEDIA_SRTP_KDF_H

#include "media/srtp/srtp.h"

enum { JN_SRTP_AUTH_KEY = 20, JN_SRTP_SALT_MAX = 14 };

/* The session keys of RTP or of RTCP. */
struct jn_srtp_session {
    uint8_t key[32], auth[JN_SRTP_AUTH_KEY], salt[JN_SRTP_SALT_MAX];
};
/* AES in counter mode under the master key: out becomes n bytes of key stream from iv on. */
typedef void (*jn_srtp_stream)(void *arg, const uint8_t iv[16], uint8_t *out, unsigned n);

/* master_salt: parts->salt bytes. */
void jn_srtp_derive(struct jn_srtp_session *out, const struct jn_srtp_parts *parts, const uint8_t *master_salt,
                    bool rtcp, jn_srtp_stream stream, void *arg);

#endif
