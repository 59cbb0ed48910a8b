/* Identity: layout of what we show to peers, for the files of this folder. */
#ifndef JN_MEDIA_DTLS_IDENTITY_H
#define JN_MEDIA_DTLS_IDENTITY_H

#include "media/dtls/dtls.h"
#include <openssl/ssl.h>

struct jn_dtls_identity {
    EVP_PKEY *key;
    X509 *certificate;
    SSL_CTX *context; /* what all its associations share */
    uint8_t fingerprint[JN_FINGERPRINT];
};

/* dtls.c */
SSL_CTX *jn_dtls_context(EVP_PKEY *key, X509 *certificate);

#endif
