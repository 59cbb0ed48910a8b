/* Message bytes: heads of records, to and from bytes. */
#include "engine/store/message_bytes.h"

#include "engine/store/file.h"

#include <errno.h>
#include <string.h>

int64_t jn_msgrec_get(struct jn_msgrec *r, const uint8_t *bytes, size_t n, size_t off)
{
    const uint8_t *p = bytes + off;

    if (off >= n)
        return 0;
    if (n - off < JN_MSGREC_HEAD)
        return -EBADMSG;
    *r = (struct jn_msgrec){.len = jn_get32(p),
                            .kind = p[4],
                            .from = p[5],
                            .key_len = p[6],
                            .ix = jn_get64(p + 8),
                            .tenant = jn_get64(p + 16),
                            .at_us = jn_get64(p + 24),
                            .agent = jn_get64(p + 32),
                            .n = jn_get32(p + 40),
                            .nonce = p + JN_MSGREC_AAD,
                            .mark = p + JN_MSGREC_AAD + JN_CRYPT_NONCE,
                            .tag = p + JN_MSGREC_AAD + JN_CRYPT_NONCE + 16,
                            .sealed = p + JN_MSGREC_HEAD};
    if (r->len < JN_MSGREC_HEAD || r->len > n - off || r->len > JN_MSGREC_HEAD + JN_MSG_KEY_MAX + JN_MSG_BODY_MAX)
        return -EBADMSG;
    r->sealed_len = r->len - JN_MSGREC_HEAD;
    if (r->kind < JN_MSGREC_BODY || r->kind > JN_MSGREC_ERASE || r->ix == 0 || r->key_len >= JN_MSG_KEY_MAX ||
        r->key_len > r->sealed_len)
        return -EBADMSG;
    return r->len;
}

void jn_msgrec_put(uint8_t *out, struct jn_msgrec *r)
{
    r->len = JN_MSGREC_HEAD + r->sealed_len;
    memset(out, 0, JN_MSGREC_HEAD);
    jn_put32(out, r->len);
    out[4] = r->kind;
    out[5] = r->from;
    out[6] = r->key_len;
    jn_put64(out + 8, r->ix);
    jn_put64(out + 16, r->tenant);
    jn_put64(out + 24, r->at_us);
    jn_put64(out + 32, r->agent);
    jn_put32(out + 40, r->n);
}
