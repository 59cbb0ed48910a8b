/* Tls: the stack's TLS contexts under our rules. The stack makes them by itself, without chains, without a lowest
 * version, and has no way to change a certificate later; OpenSSL tells us of each context as it is made, so that our
 * files and rules are put in, at the start and again whenever the files change. */
#include "engine/sip/ua.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* The agent whose stack is being made on this thread. */
static _Thread_local struct jn_sip *making;

static void made(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
    (void)ptr, (void)ad, (void)idx, (void)argl, (void)argp;
    if (making && making->n_tls_ctx < TLS_CONTEXTS)
        making->tls_ctx[making->n_tls_ctx++] = parent;
}

static int reason(struct jn_err *err, const char *what, const char *file)
{
    char text[160];
    unsigned long e = ERR_get_error();
    ERR_error_string_n(e, text, sizeof text);
    ERR_clear_error();
    return jn_fail(err, -EINVAL, "sip.tls: %s \"%s\": %s", what, file, e ? text : "not readable");
}

static bool names(X509 *cert, const char *host)
{
    struct jn_addr a;
    if (!host[0])
        return false;
    return jn_addr_parse(&a, host, 0) ? X509_check_host(cert, host, 0, 0, NULL) == 1
                                      : X509_check_ip_asc(cert, host, 0) == 1;
}

/* True when the certificate names a server that we mean to connect to: the host or address of a trunk's TLS target, or
 * the SIP domain of that trunk (RFC 5922 7.1). The stack's own comparison does not read addresses. */
static bool expected(const struct jn_sip *s, X509 *cert)
{
    for (uint32_t i = 0; i < s->dir->n_trunks; i++) {
        const struct jn_dir_trunk *t = &s->dir->trunks[i];
        for (unsigned k = 0; k < t->tos; k++)
            if (t->to[k].transport == JN_TRANSPORT_TLS && (names(cert, t->to[k].host) || names(cert, t->domain)))
                return true;
    }
    return false;
}

/* Instead of OpenSSL's own: the chain, and then whose it is. Whoever connects to us is asked for none. */
static int verify(X509_STORE_CTX *x, void *arg)
{
    const struct jn_sip *s = arg;
    int ok = X509_verify_cert(x);
    if (!s->c.tls.verify_peer || ok <= 0 || X509_STORE_CTX_get_error(x) != X509_V_OK)
        return ok;
    X509 *cert = X509_STORE_CTX_get0_cert(x);
    if (cert && expected(s, cert))
        return ok;
    jn_warn("sip", "a TLS server has a certificate of another name");
    X509_STORE_CTX_set_error(x, X509_V_ERR_HOSTNAME_MISMATCH);
    return 0;
}

/* Files and rules into one context. */
static int fill(SSL_CTX *ctx, const struct jn_sip_tls *t, struct jn_sip *s, struct jn_err *err)
{
    X509_STORE *store = X509_STORE_new();
    if (!store)
        return jn_fail(err, -ENOMEM, "sip.tls: no memory");
    SSL_CTX_set_cert_store(ctx, store); /* takes it; whatever the stack loaded is gone */
    if (t->ca[0] ? !SSL_CTX_load_verify_locations(ctx, t->ca, NULL) : !SSL_CTX_set_default_verify_paths(ctx))
        return reason(err, "authorities", t->ca[0] ? t->ca : "of the system");
    if (SSL_CTX_use_certificate_chain_file(ctx, t->certificate) != 1)
        return reason(err, "certificate", t->certificate);
    if (SSL_CTX_use_PrivateKey_file(ctx, t->key, SSL_FILETYPE_PEM) != 1)
        return reason(err, "key", t->key);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return reason(err, "this key does not belong to the certificate", t->key);
    SSL_CTX_set_cert_verify_callback(ctx, verify, s);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, "HIGH:!aNULL:!eNULL:!kRSA:!SHA1:!CAMELLIA:!ARIA:!PSK:!SRP:@STRENGTH");
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return 0;
}

static int try_out(struct jn_sip *s, struct jn_err *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    int rc = ctx ? fill(ctx, &s->c.tls, s, err) : jn_fail(err, -ENOMEM, "sip.tls: no memory");
    SSL_CTX_free(ctx);
    return rc;
}

int jn_sip_tls_begin(struct jn_sip *s, struct jn_err *err)
{
    static _Thread_local bool watching;
    if (!s->c.tls.port)
        return 0;
    int rc = try_out(s, err);
    if (rc)
        return rc;
    if (!watching && CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, NULL, made, NULL, NULL) < 0)
        return jn_fail(err, -ENOMEM, "sip.tls: no memory");
    watching = true;
    making = s;
    return 0;
}

int jn_sip_tls_finish(struct jn_sip *s, struct jn_err *err)
{
    making = NULL;
    int rc = 0;
    if (s->c.tls.port && !s->n_tls_ctx)
        rc = jn_fail(err, -EIO, "sip.tls: the stack made no TLS context");
    for (unsigned i = 0; i < s->n_tls_ctx && !rc; i++)
        rc = fill(s->tls_ctx[i], &s->c.tls, s, err);
    return rc;
}

int jn_sip_tls_reload(struct jn_sip *s, struct jn_err *err)
{
    if (!s->c.tls.port)
        return 0;
    int rc = try_out(s, err); /* a bad file changes nothing */
    for (unsigned i = 0; i < s->n_tls_ctx && !rc; i++)
        rc = fill(s->tls_ctx[i], &s->c.tls, s, err);
    return rc;
}

const char *jn_sip_tls_dir(void)
{
    return "/proc/self/fdinfo"; /* never holds a certificate */
}
