/* Auth: see auth.h. The password functions are declared in api.h, because their hashes stand in the directory. */
#include "engine/api/auth.h"
#include "engine/api/api.h"
#include "engine/base/rand.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

enum {
    CLAIM_BYTES = 34,
    MAC_BYTES = 32,
    TOKEN_BYTES = CLAIM_BYTES + MAC_BYTES, /* a multiple of 3: no padding */
    TOKEN_TEXT = TOKEN_BYTES / 3 * 4,
    ITERATIONS = 120000,
    ITERATIONS_MIN = 1000,
    ITERATIONS_MAX = 10000000,
    SALT_BYTES = 16,
    HASH_BYTES = 32
};
#define SCHEME "pbkdf2-sha256$"

static uint8_t *put64(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        *p++ = (uint8_t)(v >> (8 * i));
    return p;
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static void mac(uint8_t out[MAC_BYTES], const uint8_t secret[32], const void *bytes, size_t n)
{
    unsigned len = MAC_BYTES;
    HMAC(EVP_sha256(), secret, 32, bytes, n, out, &len);
}

void jn_token_sign(char out[static JN_TOKEN_MAX], const uint8_t secret[static 32], const struct jn_claims *c)
{
    uint8_t raw[TOKEN_BYTES], *p = raw;
    *p++ = c->kind;
    *p++ = c->role;
    p = put64(p, c->tenant);
    p = put64(p, c->subject);
    p = put64(p, c->expires_s);
    p = put64(p, c->nonce);
    mac(p, secret, raw, CLAIM_BYTES);
    jn_base64(out, raw, sizeof raw);
    for (char *s = out; *s; s++)
        *s = (char)(*s == '+' ? '-' : *s == '/' ? '_' : *s);
}

int jn_token_verify(struct jn_claims *c, const uint8_t secret[static 32], enum jn_token_kind kind, const char *text,
                    uint64_t now_s)
{
    if (strnlen(text, TOKEN_TEXT + 1) != TOKEN_TEXT)
        return -EACCES;
    char plain[TOKEN_TEXT + 1];
    for (int i = 0; i < TOKEN_TEXT; i++) {
        if (text[i] == '+' || text[i] == '/' || text[i] == '=')
            return -EACCES; /* one spelling for each token */
        plain[i] = (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
    }
    plain[TOKEN_TEXT] = 0;
    uint8_t raw[TOKEN_BYTES + 3], want[MAC_BYTES];
    if (jn_unbase64(raw, sizeof raw, plain, TOKEN_TEXT) != TOKEN_BYTES)
        return -EACCES;
    mac(want, secret, raw, CLAIM_BYTES);
    if (!jn_equal_ct(want, raw + CLAIM_BYTES, MAC_BYTES) || raw[0] != kind)
        return -EACCES;
    *c = (struct jn_claims){.kind = raw[0],
                            .role = raw[1],
                            .tenant = get64(raw + 2),
                            .subject = get64(raw + 10),
                            .expires_s = get64(raw + 18),
                            .nonce = get64(raw + 26)};
    return c->expires_s && c->expires_s <= now_s ? -EACCES : 0;
}

uint64_t jn_keyed_hash(const uint8_t secret[static 32], uint64_t label, const char *text)
{
    uint8_t head[8], out[MAC_BYTES];
    struct jn_buf b = {0};
    put64(head, label);
    jn_buf_add(&b, head, sizeof head);
    jn_buf_text(&b, text);
    mac(out, secret, b.data ? b.data : "", b.len);
    jn_buf_free(&b);
    uint64_t h = get64(out);
    return h ? h : 1;
}

static int derive(uint8_t out[HASH_BYTES], const char *password, const uint8_t *salt, int salt_n, int iterations)
{
    size_t n = strlen(password);
    if (n > 1024)
        return -EINVAL;
    return PKCS5_PBKDF2_HMAC(password, (int)n, salt, salt_n, iterations, EVP_sha256(), HASH_BYTES, out) == 1 ? 0
                                                                                                             : -ENOMEM;
}

int jn_password_hash(char out[static JN_SECRET_MAX], const char *password)
{
    uint8_t salt[SALT_BYTES], hash[HASH_BYTES];
    char salt_hex[2 * SALT_BYTES + 1], hash_hex[2 * HASH_BYTES + 1];
    jn_random(salt, sizeof salt);
    int rc = derive(hash, password, salt, sizeof salt, ITERATIONS);
    if (rc)
        return rc;
    jn_hex(salt_hex, salt, sizeof salt);
    jn_hex(hash_hex, hash, sizeof hash);
    snprintf(out, JN_SECRET_MAX, SCHEME "%d$%s$%s", ITERATIONS, salt_hex, hash_hex);
    OPENSSL_cleanse(hash, sizeof hash);
    return 0;
}

int jn_password_check(const char *hash, const char *password)
{
    uint8_t salt[SALT_BYTES], want[HASH_BYTES], got[HASH_BYTES];
    char part[JN_SECRET_MAX], *save = NULL;
    uint64_t iterations;
    if (strncmp(hash, SCHEME, sizeof SCHEME - 1) || !jn_copy(part, sizeof part, hash + sizeof SCHEME - 1))
        return -EINVAL;
    const char *count = strtok_r(part, "$", &save), *salt_hex = strtok_r(NULL, "$", &save),
               *hash_hex = strtok_r(NULL, "$", &save);
    if (!hash_hex || strtok_r(NULL, "$", &save) || jn_parse_u64(count, ITERATIONS_MAX, &iterations) ||
        iterations < ITERATIONS_MIN || strlen(salt_hex) != 2 * SALT_BYTES || jn_unhex(salt, SALT_BYTES, salt_hex) ||
        strlen(hash_hex) != 2 * HASH_BYTES || jn_unhex(want, HASH_BYTES, hash_hex))
        return -EINVAL;
    int rc = derive(got, password, salt, sizeof salt, (int)iterations);
    if (!rc && !jn_equal_ct(got, want, sizeof got))
        rc = -EACCES;
    OPENSSL_cleanse(got, sizeof got);
    return rc;
}
