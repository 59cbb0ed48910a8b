/* Dtls: OpenSSL's handshake over a BIO of our own, in which a write is a datagram and a read is the one that came. */
#include "media/dtls/dtls.h"
#include "engine/base/str.h"
#include "media/dtls/identity.h"
#include "media/srtp/srtp.h"
#include <errno.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* MTU: what every path carries with IPv6's headers (RFC 8200 5). */
enum { MTU = 1200, TIMER_US = 200000, TIMER_MAX_US = 3200000, CERTIFICATES_MAX = 16384, LABEL = 19 };

struct jn_dtls {
    SSL *ssl;
    struct jn_dtls_config c;
    const uint8_t *in;
    size_t in_n;
    uint8_t state, how;
};

static const struct {
    const char *name;
    unsigned long id;
    uint8_t suite;
} profiles[] = {{"SRTP_AEAD_AES_128_GCM", SRTP_AEAD_AES_128_GCM, JN_SUITE_GCM128},
                {"SRTP_AEAD_AES_256_GCM", SRTP_AEAD_AES_256_GCM, JN_SUITE_GCM256},
                {"SRTP_AES128_CM_SHA1_80", SRTP_AES128_CM_SHA1_80, JN_SUITE_AES128_SHA80}};

/* ---- the BIO ---- */

/* An alert in the clear (epoch 0) proves nothing about who sent it. Ours, about packets that somebody forged, would end
 * the true peer's handshake; a forged one would end ours. What does not come to its end is ended by time. */
static bool is_bare_alert(const uint8_t *bytes, size_t n)
{
    return n >= 13 && bytes[0] == 21 && bytes[3] == 0 && bytes[4] == 0;
}

static int bio_write(BIO *b, const char *bytes, int n)
{
    struct jn_dtls *d = BIO_get_data(b);

    if (n > 0 && !is_bare_alert((const uint8_t *)bytes, (size_t)n))
        d->c.send(d->c.arg, (const uint8_t *)bytes, (size_t)n);
    return n;
}

static int bio_read(BIO *b, char *bytes, int n)
{
    struct jn_dtls *d = BIO_get_data(b);

    BIO_clear_retry_flags(b);
    if (!d->in || n <= 0) {
        BIO_set_retry_read(b);
        return -1;
    }
    int got = d->in_n < (size_t)n ? (int)d->in_n : n;
    memcpy(bytes, d->in, (size_t)got);
    d->in = NULL; /* what does not fit is lost, as with a datagram socket */
    return got;
}

static long bio_ctrl(BIO *b, int what, long number, void *pointer)
{
    (void)b;
    (void)number;
    (void)pointer;
    switch (what) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return MTU;
    default:
        return 0;
    }
}

static int bio_create(BIO *b)
{
    BIO_set_init(b, 1);
    return 1;
}

/* Made once and kept: OpenSSL's methods are for the process. Who comes second gives its own back. */
static const BIO_METHOD *method(void)
{
    static _Atomic(BIO_METHOD *) made;
    /* Pairs with the exchange below: what it points to is complete. */
    BIO_METHOD *m = atomic_load_explicit(&made, memory_order_acquire), *first = NULL;

    if (m)
        return m;
    m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
    if (m && BIO_meth_set_write(m, bio_write) && BIO_meth_set_read(m, bio_read) && BIO_meth_set_ctrl(m, bio_ctrl) &&
        BIO_meth_set_create(m, bio_create) &&
        atomic_compare_exchange_strong_explicit(&made, &first, m, memory_order_acq_rel, memory_order_acquire))
        return m;
    BIO_meth_free(m);
    return first;
}

static BIO *bio_new(struct jn_dtls *d)
{
    const BIO_METHOD *m = method();
    BIO *b = m ? BIO_new(m) : NULL;

    if (b)
        BIO_set_data(b, d);
    return b;
}

/* ---- set-up ---- */

/* No authority signs a browser's certificate: it is the one that the description names, or it is not. */
static int verify(X509_STORE_CTX *store, void *arg)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct jn_dtls *d = SSL_get_app_data(ssl);
    uint8_t print[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    (void)arg;
    X509 *x = X509_STORE_CTX_get0_cert(store);

    if (x && X509_digest(x, EVP_sha256(), print, &n) && n == JN_FINGERPRINT &&
        jn_equal_ct(print, d->c.fingerprint, JN_FINGERPRINT))
        return 1;
    d->how = JN_KEYS_FINGERPRINT;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static unsigned timer(SSL *ssl, unsigned before_us)
{
    const struct jn_dtls *d = SSL_get_app_data(ssl);
    unsigned first = d->c.timer_us ? d->c.timer_us : TIMER_US;

    return before_us == 0 ? first : before_us < TIMER_MAX_US / 2 ? 2 * before_us : TIMER_MAX_US;
}

SSL_CTX *jn_dtls_context(EVP_PKEY *key, X509 *certificate)
{
    SSL_CTX *x = SSL_CTX_new(DTLS_method());

    if (!x || !SSL_CTX_set_min_proto_version(x, DTLS1_2_VERSION) ||
        !SSL_CTX_set_cipher_list(x, "ECDHE+AESGCM:ECDHE+CHACHA20") || !SSL_CTX_set1_groups_list(x, "X25519:P-256") ||
        !SSL_CTX_use_certificate(x, certificate) || !SSL_CTX_use_PrivateKey(x, key)) {
        SSL_CTX_free(x);
        return NULL;
    }
    SSL_CTX_set_options(x, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_QUERY_MTU);
    SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(x, CERTIFICATES_MAX);
    SSL_CTX_set_verify(x, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(x, verify, NULL);
    return x;
}

static bool use_srtp(struct jn_dtls *d)
{
    char list[96];
    size_t n = 0;

    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        if (d->c.suites & 1u << profiles[i].suite)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ":" : "", profiles[i].name);
    return n > 0 && SSL_set_tlsext_use_srtp(d->ssl, list) == 0; /* 0 is success here */
}

struct jn_dtls *jn_dtls_open(const struct jn_dtls_config *c)
{
    struct jn_dtls *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->c = *c;
    d->state = JN_DTLS_GOING;
    d->how = JN_KEYS_HANDSHAKE;
    BIO *b = bio_new(d);
    if (!b || !(d->ssl = SSL_new(c->identity->context)) || !use_srtp(d)) {
        BIO_free(b);
        jn_dtls_close(d);
        return NULL;
    }
    SSL_set_app_data(d->ssl, d);
    SSL_set_bio(d->ssl, b, b);
    SSL_set_mtu(d->ssl, MTU);
    DTLS_set_timer_cb(d->ssl, timer);
    if (c->active)
        SSL_set_connect_state(d->ssl);
    else
        SSL_set_accept_state(d->ssl);
    return d;
}

void jn_dtls_close(struct jn_dtls *d)
{
    if (!d)
        return;
    SSL_free(d->ssl);
    free(d);
}

/* ---- running ---- */

static enum jn_dtls_state went(struct jn_dtls *d, int rc)
{
    if (rc == 1) {
        bool common = SSL_get_selected_srtp_profile(d->ssl) != NULL;
        d->state = common ? JN_DTLS_UP : JN_DTLS_FAILED;
        d->how = common ? JN_KEYS_UP : JN_KEYS_PROFILE;
    } else {
        int why = SSL_get_error(d->ssl, rc);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            d->state = JN_DTLS_FAILED;
    }
    ERR_clear_error();
    return (enum jn_dtls_state)d->state;
}

enum jn_dtls_state jn_dtls_start(struct jn_dtls *d)
{
    if (d->state != JN_DTLS_GOING || !d->c.active)
        return (enum jn_dtls_state)d->state;
    ERR_clear_error();
    return went(d, SSL_do_handshake(d->ssl));
}

enum jn_dtls_state jn_dtls_take(struct jn_dtls *d, const uint8_t *datagram, size_t n)
{
    uint8_t nothing[64];

    if (d->state == JN_DTLS_FAILED || is_bare_alert(datagram, n))
        return (enum jn_dtls_state)d->state;
    ERR_clear_error();
    d->in = datagram;
    d->in_n = n;
    if (d->state == JN_DTLS_GOING)
        went(d, SSL_do_handshake(d->ssl));
    else
        SSL_read(d->ssl, nothing,
                 sizeof nothing); /* a last flight that comes again is answered again; no data is ours */
    d->in = NULL;
    ERR_clear_error();
    return (enum jn_dtls_state)d->state;
}

enum jn_dtls_state jn_dtls_tick(struct jn_dtls *d)
{
    if (d->state != JN_DTLS_GOING || jn_dtls_wait_us(d) > 0)
        return (enum jn_dtls_state)d->state;
    ERR_clear_error();
    if (DTLSv1_handle_timeout(d->ssl) < 0)
        d->state = JN_DTLS_FAILED; /* repeated too often */
    ERR_clear_error();
    return (enum jn_dtls_state)d->state;
}

uint64_t jn_dtls_wait_us(const struct jn_dtls *d)
{
    struct timeval left;

    if (d->state != JN_DTLS_GOING || !DTLSv1_get_timeout(d->ssl, &left))
        return UINT64_MAX;
    return (uint64_t)left.tv_sec * 1000000 + (uint64_t)left.tv_usec;
}

enum jn_keys jn_dtls_how(const struct jn_dtls *d)
{
    return (enum jn_keys)d->how;
}

/* client_write_key, server_write_key, client_write_salt, server_write_salt (RFC 5764 4.2). */
int jn_dtls_keys(const struct jn_dtls *d, uint8_t *suite, uint8_t in[static JN_SRTP_KEY_MAX],
                 uint8_t out[static JN_SRTP_KEY_MAX])
{
    const SRTP_PROTECTION_PROFILE *chosen = d->state == JN_DTLS_UP ? SSL_get_selected_srtp_profile(d->ssl) : NULL;
    uint8_t all[2 * JN_SRTP_KEY_MAX];

    for (size_t i = 0; chosen && i < sizeof profiles / sizeof *profiles; i++) {
        if (chosen->id != profiles[i].id)
            continue;
        unsigned both = jn_srtp_key_bytes((enum jn_srtp_suite)profiles[i].suite);
        unsigned salt = profiles[i].suite == JN_SUITE_AES128_SHA80 ? 14 : 12, key = both - salt;
        if (SSL_export_keying_material(d->ssl, all, 2ul * both, "EXTRACTOR-dtls_srtp", LABEL, NULL, 0, 0) != 1)
            break;
        uint8_t *client = d->c.active ? out : in, *server = d->c.active ? in : out;
        memcpy(client, all, key);
        memcpy(server, all + key, key);
        memcpy(client + key, all + 2ul * key, salt);
        memcpy(server + key, all + 2ul * key + salt, salt);
        explicit_bzero(all, sizeof all);
        *suite = profiles[i].suite;
        return 0;
    }
    return -EPROTO;
}
