/* Suite: names and key lengths of the protection profiles (RFC 4568 6.2). */
#include "media/srtp/srtp.h"
#include <stddef.h>

unsigned jn_srtp_key_bytes(enum jn_srtp_suite suite)
{
    return suite == JN_SUITE_AES128_SHA80 || suite == JN_SUITE_AES128_SHA32 ? 16 + 14 : 0;
}

const char *jn_srtp_suite_name(enum jn_srtp_suite suite)
{
    switch (suite) {
    case JN_SUITE_AES128_SHA80:
        return "AES_CM_128_HMAC_SHA1_80";
    case JN_SUITE_AES128_SHA32:
        return "AES_CM_128_HMAC_SHA1_32";
    default:
        return NULL;
    }
}
