/* Suite: names and measures of the protection profiles, and which engine does them on this CPU. */
#include "media/srtp/srtp.h"
#include <stddef.h>
#include <string.h>

static const struct jn_srtp_parts parts[JN_SUITE_N] = {
    [JN_SUITE_AES128_SHA80] = {"AES_CM_128_HMAC_SHA1_80", 16, 14, 10, 10, false, false},
    [JN_SUITE_AES128_SHA32] = {"AES_CM_128_HMAC_SHA1_32", 16, 14, 4, 10, false, false},
    [JN_SUITE_AES192_SHA80] = {"AES_192_CM_HMAC_SHA1_80", 24, 14, 10, 10, false, false},
    [JN_SUITE_AES192_SHA32] = {"AES_192_CM_HMAC_SHA1_32", 24, 14, 4, 10, false, false},
    [JN_SUITE_AES256_SHA80] = {"AES_256_CM_HMAC_SHA1_80", 32, 14, 10, 10, false, false},
    [JN_SUITE_AES256_SHA32] = {"AES_256_CM_HMAC_SHA1_32", 32, 14, 4, 10, false, false},
    [JN_SUITE_GCM128] = {"AEAD_AES_128_GCM", 16, 12, 16, 16, true, false},
    [JN_SUITE_GCM256] = {"AEAD_AES_256_GCM", 32, 12, 16, 16, true, false},
    [JN_SUITE_NULL_SHA80] = {"NULL_HMAC_SHA1_80", 16, 14, 10, 10, false, true},
};

const struct jn_srtp_parts *jn_srtp_parts(enum jn_srtp_suite suite)
{
    return suite > JN_SUITE_NONE && suite < JN_SUITE_N ? &parts[suite] : NULL;
}

unsigned jn_srtp_key_bytes(enum jn_srtp_suite suite)
{
    const struct jn_srtp_parts *p = jn_srtp_parts(suite);
    return p ? (unsigned)p->key + p->salt : 0;
}

const char *jn_srtp_suite_name(enum jn_srtp_suite suite)
{
    const struct jn_srtp_parts *p = jn_srtp_parts(suite);
    return p ? p->name : NULL;
}

enum jn_srtp_suite jn_srtp_suite_of(const char *name, size_t len)
{
    for (unsigned i = JN_SUITE_NONE + 1; i < JN_SUITE_N; i++)
        if (strlen(parts[i].name) == len && memcmp(parts[i].name, name, len) == 0)
            return (enum jn_srtp_suite)i;
    return JN_SUITE_NONE;
}

const struct jn_srtp_ops *jn_srtp(void)
{
    return jn_srtp_mb_isa() < JN_SRTP_ISA_N ? &jn_srtp_mb : &jn_srtp_libsrtp;
}
