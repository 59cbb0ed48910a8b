/* Rec seal: a chunk as it lies in a segment: head, body, and with encryption the tag. Little-endian:
 *   0 "JNRC"  4 version 2  5 flags (1 encrypted, 2 erased)  6 worker  8 length of the body (32)  12 CRC-32C of what
 * follows 16 call  24 tenant  32 begin_us  40 number of the chunk in its recording (32)  44 slot of its key (32) 48 the
 * segment of the call's chunk before, 0 none  56 where in it (32)  60 frames in this one (32) 64 body:
 * media/record/chunk.h; then 16 bytes of tag AES-256-GCM: nonce = the number, zeros; associated data =
 * bytes 4..11, 16..63. A recording has a key of its own and its numbers only grow, so no nonce comes twice. */
#ifndef JN_ENGINE_REC_SEAL_H
#define JN_ENGINE_REC_SEAL_H

#include "engine/store/crypt.h"
#include "media/record/chunk.h"

enum {
    JN_SEAL_ENCRYPTED = 1,
    JN_SEAL_ERASED = 2,
    JN_SEAL_HEAD = 64,
    JN_SEAL_MAX = JN_SEAL_HEAD + JN_CHUNK_ROOM + JN_CRYPT_TAG
};

struct jn_rec_seal {
    uint64_t call, tenant, begin_us, prev_segment;
    uint32_t number, slot, prev_off, frames, n;
    uint8_t flags, worker;
};
static inline uint32_t jn_rec_seal_bytes(uint32_t n, bool encrypted)
{
    return JN_SEAL_HEAD + n + (encrypted ? JN_CRYPT_TAG : 0);
}
/* out: jn_rec_seal_bytes. key NULL: in the clear. 0 or -EIO. */
int jn_rec_seal_put(uint8_t *out, const struct jn_rec_seal *s, const uint8_t *body, struct jn_crypt_key *key);
/* What lies at bytes: its whole length, 0: more bytes are needed, -EBADMSG: no good chunk. */
int jn_rec_seal_get(struct jn_rec_seal *s, const uint8_t *bytes, size_t n);
/* The body of a chunk that jn_rec_seal_get took, opened into out (JN_CHUNK_ROOM). 0 or -EBADMSG. key: when encrypted.
 */
int jn_rec_seal_open(uint8_t *out, const struct jn_rec_seal *s, const uint8_t *bytes, struct jn_crypt *c,
                     const uint8_t *key);

#endif
