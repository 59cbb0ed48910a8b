/* Message bytes: records inside the groups of the message log. Private to message_*.c.
 * The first 48 bytes are the authenticated head (AAD); then nonce, mark of the idempotency key, tag, and the sealed
 * bytes: idempotency key, then body. */
#ifndef JN_ENGINE_MESSAGE_BYTES_H
#define JN_ENGINE_MESSAGE_BYTES_H

#include "engine/store/crypt.h"
#include "engine/store/message_log.h"

enum { JN_MSGREC_AAD = 48, JN_MSGREC_HEAD = 48 + JN_CRYPT_NONCE + 16 + JN_CRYPT_TAG, JN_MSGREC_KIND_FILE = 0x474d4e4a };
enum jn_msgrec_kind { JN_MSGREC_BODY = 1, JN_MSGREC_NOTE, JN_MSGREC_ERASE };

struct jn_msgrec {
    uint64_t ix, tenant, at_us, agent;
    uint32_t n, len; /* len: of the whole record */
    uint8_t kind, from, key_len;
    const uint8_t *nonce, *mark, *tag, *sealed;
    uint32_t sealed_len;
};
/* The record at off of n bytes: its length, 0 at the end, -EBADMSG. */
int64_t jn_msgrec_get(struct jn_msgrec *r, const uint8_t *bytes, size_t n, size_t off);
/* Writes the authenticated head; r->len is set. */
void jn_msgrec_put(uint8_t *out, struct jn_msgrec *r);

#endif
