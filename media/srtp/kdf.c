/* Kdf: three labels for RTP, three for RTCP (RFC 3711 4.3.2). */
#include "media/srtp/kdf.h"
#include <string.h>

enum { LABEL_KEY, LABEL_AUTH, LABEL_SALT, LABELS };

static void derive(uint8_t *out, unsigned n, unsigned label, const struct jn_srtp_parts *parts,
                   const uint8_t *master_salt, jn_srtp_stream stream, void *arg)
{
    uint8_t iv[16] = {0}; /* x * 2^16, where x is the salt, shorter ones with zeros behind, xor label * 2^48 */

    memcpy(iv, master_salt, parts->salt);
    iv[7] ^= (uint8_t)label;
    stream(arg, iv, out, n);
}

void jn_srtp_derive(struct jn_srtp_session *out, const struct jn_srtp_parts *parts, const uint8_t *master_salt,
                    bool rtcp, jn_srtp_stream stream, void *arg)
{
    unsigned first = rtcp ? LABELS : 0;

    memset(out, 0, sizeof *out);
    derive(out->key, parts->key, first + LABEL_KEY, parts, master_salt, stream, arg);
    if (!parts->gcm)
        derive(out->auth, sizeof out->auth, first + LABEL_AUTH, parts, master_salt, stream, arg);
    derive(out->salt, parts->salt, first + LABEL_SALT, parts, master_salt, stream, arg);
}
