/* Identity: key and certificate, made when the engine starts and never stored: who has the SDP knows the fingerprint,
 * and nothing else is proven by it. */
#include "media/dtls/identity.h"
#include "engine/base/rand.h"
#include <errno.h>
#include <openssl/ec.h>
#include <stdlib.h>

enum { DAY_S = 86400 };

/* A name that tells nothing (RFC 8827 7.3 wants no identity in it), a serial number of 64 random bits. */
static bool fill(struct jn_dtls_identity *id, unsigned days)
{
    static const unsigned char name[] = "WebRTC";
    uint64_t serial;
    unsigned n = 0;

    jn_random(&serial, sizeof serial);
    X509 *x = id->certificate;
    X509_NAME *subject = X509_get_subject_name(x);
    return X509_set_version(x, 2) && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) &&
           X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S) && /* a peer's clock may be behind */
           X509_time_adj_ex(X509_getm_notAfter(x), (int)days, 0, NULL) && X509_set_pubkey(x, id->key) &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0) &&
           X509_set_issuer_name(x, subject) && X509_sign(x, id->key, EVP_sha256()) > 0 &&
           X509_digest(x, EVP_sha256(), id->fingerprint, &n) && n == JN_FINGERPRINT;
}

int jn_dtls_identity_make(struct jn_dtls_identity **out, unsigned days, struct jn_err *err)
{
    struct jn_dtls_identity *id = calloc(1, sizeof *id);

    *out = NULL;
    if (!id)
        return jn_fail(err, -ENOMEM, "no memory for a DTLS certificate");
    id->key = EVP_EC_gen("P-256");
    id->certificate = X509_new();
    if (!id->key || !id->certificate || !fill(id, days) || !(id->context = jn_dtls_context(id->key, id->certificate))) {
        jn_dtls_identity_free(id);
        return jn_fail(err, -EIO, "a DTLS certificate cannot be made");
    }
    *out = id;
    return 0;
}

void jn_dtls_identity_free(struct jn_dtls_identity *id)
{
    if (!id)
        return;
    SSL_CTX_free(id->context);
    X509_free(id->certificate);
    EVP_PKEY_free(id->key);
    free(id);
}

const uint8_t *jn_dtls_identity_fingerprint(const struct jn_dtls_identity *id)
{
    return id->fingerprint;
}
