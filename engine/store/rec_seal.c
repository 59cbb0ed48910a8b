/* Rec seal: see the header. */
#include "engine/store/rec_seal.h"

#include "engine/base/crc.h"
#include "engine/store/file.h"

#include <errno.h>
#include <string.h>

#define MAGIC 0x43524e4au /* "JNRC" */
enum { VERSION = 2, CRC_FROM = 16, AAD = 56 };

static void nonce_of(uint8_t nonce[static JN_CRYPT_NONCE], uint32_t number)
{
    memset(nonce, 0, JN_CRYPT_NONCE);
    jn_put32(nonce, number);
}

static void aad_of(uint8_t aad[static AAD], const uint8_t *head)
{
    memcpy(aad, head + 4, 8);
    memcpy(aad + 8, head + 16, 48);
}

int jn_rec_seal_put(uint8_t *out, const struct jn_rec_seal *s, const uint8_t *body, struct jn_crypt_key *key)
{
    uint8_t nonce[JN_CRYPT_NONCE], aad[AAD];
    int rc = 0;

    jn_put32(out, MAGIC);
    out[4] = VERSION;
    out[5] = (uint8_t)(s->flags | (key ? JN_SEAL_ENCRYPTED : 0));
    out[6] = s->worker;
    out[7] = 0;
    jn_put32(out + 8, s->n);
    jn_put64(out + 16, s->call);
    jn_put64(out + 24, s->tenant);
    jn_put64(out + 32, s->begin_us);
    jn_put32(out + 40, s->number);
    jn_put32(out + 44, s->slot);
    jn_put64(out + 48, s->prev_segment);
    jn_put32(out + 56, s->prev_off);
    jn_put32(out + 60, s->frames);
    if (key) {
        nonce_of(nonce, s->number);
        aad_of(aad, out);
        rc = jn_crypt_key_seal(key, nonce, aad, AAD, body, s->n, out + JN_SEAL_HEAD, out + JN_SEAL_HEAD + s->n);
        jn_put32(out + 12, jn_crc32c(0, out + CRC_FROM, jn_rec_seal_bytes(s->n, true) - CRC_FROM));
    } else {
        uint32_t crc = jn_crc32c(0, out + CRC_FROM, JN_SEAL_HEAD - CRC_FROM);
        jn_put32(out + 12, jn_crc32c_copy(crc, out + JN_SEAL_HEAD, body, s->n));
    }
    return rc;
}

int jn_rec_seal_get(struct jn_rec_seal *s, const uint8_t *bytes, size_t n)
{
    static const uint8_t magic[] = {'J', 'N', 'R', 'C', VERSION};
    size_t known = n < sizeof magic ? n : sizeof magic;

    if (memcmp(bytes, magic, known) != 0)
        return -EBADMSG;
    if (n < JN_SEAL_HEAD)
        return 0;
    *s = (struct jn_rec_seal){.flags = bytes[5], .worker = bytes[6], .n = jn_get32(bytes + 8)};
    if (s->n > JN_CHUNK_ROOM)
        return -EBADMSG;
    uint32_t size = jn_rec_seal_bytes(s->n, s->flags & JN_SEAL_ENCRYPTED);
    if (n < size)
        return 0;
    if (jn_get32(bytes + 12) != jn_crc32c(0, bytes + CRC_FROM, size - CRC_FROM))
        return -EBADMSG;
    s->call = jn_get64(bytes + 16);
    s->tenant = jn_get64(bytes + 24);
    s->begin_us = jn_get64(bytes + 32);
    s->number = jn_get32(bytes + 40);
    s->slot = jn_get32(bytes + 44);
    s->prev_segment = jn_get64(bytes + 48);
    s->prev_off = jn_get32(bytes + 56);
    s->frames = jn_get32(bytes + 60);
    return (int)size;
}

int jn_rec_seal_open(uint8_t *out, const struct jn_rec_seal *s, const uint8_t *bytes, struct jn_crypt *c,
                     const uint8_t *key)
{
    uint8_t nonce[JN_CRYPT_NONCE], aad[AAD];

    if (!(s->flags & JN_SEAL_ENCRYPTED)) {
        memcpy(out, bytes + JN_SEAL_HEAD, s->n);
        return 0;
    }
    nonce_of(nonce, s->number);
    aad_of(aad, bytes);
    return jn_crypt_open(c, key, nonce, aad, AAD, bytes + JN_SEAL_HEAD, s->n, out, bytes + JN_SEAL_HEAD + s->n);
}
