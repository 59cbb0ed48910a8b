/* Crypt: OpenSSL's EVP interface behind crypt.h. */
#include "engine/store/crypt.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct jn_crypt {
    EVP_CIPHER_CTX *ctx;
    EVP_CIPHER *gcm;
};

struct jn_crypt *jn_crypt_new(void)
{
    struct jn_crypt *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->ctx = EVP_CIPHER_CTX_new();
    c->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (!c->ctx || !c->gcm) {
        jn_crypt_free(c);
        return NULL;
    }
    return c;
}

void jn_crypt_free(struct jn_crypt *c)
{
    if (!c)
        return;
    EVP_CIPHER_CTX_free(c->ctx);
    EVP_CIPHER_free(c->gcm);
    free(c);
}

int jn_crypt_seal(struct jn_crypt *c, const uint8_t key[static JN_CRYPT_KEY],
                  const uint8_t nonce[static JN_CRYPT_NONCE], const void *aad, size_t aad_n, const uint8_t *in,
                  size_t n, uint8_t *out, uint8_t tag[static JN_CRYPT_TAG])
{
    int got;
    bool ok = EVP_EncryptInit_ex2(c->ctx, c->gcm, key, nonce, NULL) == 1 &&
              EVP_EncryptUpdate(c->ctx, NULL, &got, aad, (int)aad_n) == 1 &&
              EVP_EncryptUpdate(c->ctx, out, &got, in, (int)n) == 1 &&
              EVP_EncryptFinal_ex(c->ctx, out + n, &got) == 1 &&
              EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_GET_TAG, JN_CRYPT_TAG, tag) == 1;
    return ok ? 0 : -EIO;
}

int jn_crypt_open(struct jn_crypt *c, const uint8_t key[static JN_CRYPT_KEY],
                  const uint8_t nonce[static JN_CRYPT_NONCE], const void *aad, size_t aad_n, const uint8_t *in,
                  size_t n, uint8_t *out, const uint8_t tag[static JN_CRYPT_TAG])
{
    uint8_t want[JN_CRYPT_TAG];
    int got;

    memcpy(want, tag, sizeof want);
    bool ok = EVP_DecryptInit_ex2(c->ctx, c->gcm, key, nonce, NULL) == 1 &&
              EVP_DecryptUpdate(c->ctx, NULL, &got, aad, (int)aad_n) == 1 &&
              EVP_DecryptUpdate(c->ctx, out, &got, in, (int)n) == 1 &&
              EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_TAG, JN_CRYPT_TAG, want) == 1 &&
              EVP_DecryptFinal_ex(c->ctx, out + n, &got) == 1;
    return ok ? 0 : -EBADMSG;
}

struct jn_crypt_key {
    EVP_CIPHER_CTX *ctx;
};

struct jn_crypt_key *jn_crypt_key_new(struct jn_crypt *c, const uint8_t key[static JN_CRYPT_KEY])
{
    struct jn_crypt_key *k = calloc(1, sizeof *k);

    if (!k)
        return NULL;
    k->ctx = EVP_CIPHER_CTX_new();
    if (!k->ctx || EVP_EncryptInit_ex2(k->ctx, c->gcm, key, NULL, NULL) != 1) {
        jn_crypt_key_free(k);
        return NULL;
    }
    return k;
}

void jn_crypt_key_free(struct jn_crypt_key *k)
{
    if (!k)
        return;
    EVP_CIPHER_CTX_free(k->ctx);
    free(k);
}

int jn_crypt_key_seal(struct jn_crypt_key *k, const uint8_t nonce[static JN_CRYPT_NONCE], const void *aad, size_t aad_n,
                      const uint8_t *in, size_t n, uint8_t *out, uint8_t tag[static JN_CRYPT_TAG])
{
    int got;
    bool ok = EVP_EncryptInit_ex2(k->ctx, NULL, NULL, nonce, NULL) == 1 &&
              EVP_EncryptUpdate(k->ctx, NULL, &got, aad, (int)aad_n) == 1 &&
              EVP_EncryptUpdate(k->ctx, out, &got, in, (int)n) == 1 &&
              EVP_EncryptFinal_ex(k->ctx, out + n, &got) == 1 &&
              EVP_CIPHER_CTX_ctrl(k->ctx, EVP_CTRL_AEAD_GET_TAG, JN_CRYPT_TAG, tag) == 1;
    return ok ? 0 : -EIO;
}

void jn_crypt_mac(uint8_t out[static 16], const uint8_t key[static JN_CRYPT_KEY], const void *bytes, size_t n)
{
    uint8_t full[EVP_MAX_MD_SIZE] = {0};
    unsigned len;

    HMAC(EVP_sha256(), key, JN_CRYPT_KEY, bytes, n, full, &len);
    memcpy(out, full, 16);
}

void jn_crypt_wipe(void *bytes, size_t n)
{
    OPENSSL_cleanse(bytes, n);
}
