/* Crypt: AES-256-GCM for bodies and keys (NIST SP 800-38D), with OpenSSL. */
#ifndef JN_ENGINE_CRYPT_H
#define JN_ENGINE_CRYPT_H

#include <stddef.h>
#include <stdint.h>

enum { JN_CRYPT_KEY = 32, JN_CRYPT_NONCE = 12, JN_CRYPT_TAG = 16 };

struct jn_crypt; /* one owner thread */
struct jn_crypt *jn_crypt_new(void);
void jn_crypt_free(struct jn_crypt *c);
/* n bytes from in to out (may be the same), tag after. Never twice with one key and nonce. 0 or -EIO. */
int jn_crypt_seal(struct jn_crypt *c, const uint8_t key[static JN_CRYPT_KEY],
                  const uint8_t nonce[static JN_CRYPT_NONCE], const void *aad, size_t aad_n, const uint8_t *in,
                  size_t n, uint8_t *out, uint8_t tag[static JN_CRYPT_TAG]);
/* 0, or -EBADMSG when key, nonce, aad, bytes or tag are not those that were sealed. */
int jn_crypt_open(struct jn_crypt *c, const uint8_t key[static JN_CRYPT_KEY],
                  const uint8_t nonce[static JN_CRYPT_NONCE], const void *aad, size_t aad_n, const uint8_t *in,
                  size_t n, uint8_t *out, const uint8_t tag[static JN_CRYPT_TAG]);
/* A key that seals much: expanded once. NULL: no memory. */
struct jn_crypt_key;
struct jn_crypt_key *jn_crypt_key_new(struct jn_crypt *c, const uint8_t key[static JN_CRYPT_KEY]);
void jn_crypt_key_free(struct jn_crypt_key *k);
/* As jn_crypt_seal. */
int jn_crypt_key_seal(struct jn_crypt_key *k, const uint8_t nonce[static JN_CRYPT_NONCE], const void *aad, size_t aad_n,
                      const uint8_t *in, size_t n, uint8_t *out, uint8_t tag[static JN_CRYPT_TAG]);
/* HMAC-SHA-256 cut to 16 bytes. */
void jn_crypt_mac(uint8_t out[static 16], const uint8_t key[static JN_CRYPT_KEY], const void *bytes, size_t n);
/* Overwrites secrets in memory; never optimised away. */
void jn_crypt_wipe(void *bytes, size_t n);

#endif
