/* Batch_mb_jobs: the packets' cryptography by libipsec-mb: HMAC of a whole burst in the lanes of the widest registers,
 * AES-CM one after the other, GCM packet by packet (its blocks are what runs side by side). */
#include "media/srtp/batch_mb.h"

/* What is the same in every job, so that the packet path writes the rest only. */
void jn_mb_jobs_begin(struct jn_srtp_bank *b)
{
    struct jn_mb_burst *w = &b->burst;

    for (unsigned i = 0; i < JN_PKT_BURST; i++) {
        w->hash[i].hash_alg = IMB_AUTH_HMAC_SHA_1;
        w->hash[i].cipher_mode = IMB_CIPHER_NULL;
        w->hash[i].chain_order = IMB_ORDER_HASH_CIPHER;
        w->hash[i].auth_tag_output_len_in_bytes = MB_DIGEST;
        for (unsigned k = 0; k < MB_KINDS; k++) {
            IMB_JOB *j = &w->cipher[k][i];
            j->cipher_mode = IMB_CIPHER_CNTR;
            j->hash_alg = IMB_AUTH_NULL;
            j->chain_order = IMB_ORDER_CIPHER_HASH;
            j->cipher_direction = IMB_DIR_ENCRYPT;
            j->key_len_in_bytes = 16 + 8 * k;
            j->iv_len_in_bytes = MB_IV;
        }
    }
}

void jn_mb_hash_add(struct jn_mb_burst *w, unsigned i, const struct jn_mb_cm *k, const uint8_t *at, unsigned len)
{
    IMB_JOB *j = &w->hash[w->hashes++];

    j->src = at;
    j->msg_len_to_hash_in_bytes = len;
    j->auth_tag_output = w->tag[i];
    j->u.HMAC._hashed_auth_key_xor_ipad = k->inner;
    j->u.HMAC._hashed_auth_key_xor_opad = k->outer;
}

/* Full rounds of lanes by the wide manager; what is left over by the one that is faster for so few. */
void jn_mb_hash_run(struct jn_srtp_bank *b)
{
    struct jn_mb_burst *w = &b->burst;
    unsigned rest = w->hashes % b->lanes, most = w->hashes - (rest <= b->few ? rest : 0);

    if (most > 0)
        IMB_SUBMIT_HASH_BURST_NOCHECK(b->wide, w->hash, most, IMB_AUTH_HMAC_SHA_1);
    if (most < w->hashes)
        IMB_SUBMIT_HASH_BURST_NOCHECK(b->narrow, w->hash + most, w->hashes - most, IMB_AUTH_HMAC_SHA_1);
    w->hashes = 0;
}

void jn_mb_hash_one(struct jn_srtp_bank *b, const uint8_t *inner, const uint8_t *outer, const uint8_t *at, unsigned len,
                    uint8_t tag[MB_DIGEST])
{
    IMB_JOB j = {.src = at,
                 .msg_len_to_hash_in_bytes = len,
                 .auth_tag_output = tag,
                 .auth_tag_output_len_in_bytes = MB_DIGEST,
                 .hash_alg = IMB_AUTH_HMAC_SHA_1,
                 .cipher_mode = IMB_CIPHER_NULL,
                 .chain_order = IMB_ORDER_HASH_CIPHER};

    j.u.HMAC._hashed_auth_key_xor_ipad = inner;
    j.u.HMAC._hashed_auth_key_xor_opad = outer;
    IMB_SUBMIT_HASH_BURST_NOCHECK(b->narrow, &j, 1, IMB_AUTH_HMAC_SHA_1);
}

void jn_mb_cipher_add(struct jn_mb_burst *w, unsigned i, unsigned kind, const struct jn_mb_cm *k, uint8_t *at,
                      unsigned len)
{
    if (len == 0)
        return;
    IMB_JOB *j = &w->cipher[kind][w->ciphers[kind]++];
    j->enc_keys = j->dec_keys = k->round;
    j->src = j->dst = at;
    j->msg_len_to_cipher_in_bytes = len;
    j->iv = w->iv[i];
}

void jn_mb_cipher_run(struct jn_srtp_bank *b)
{
    static const IMB_KEY_SIZE_BYTES size[MB_KINDS] = {IMB_KEY_128_BYTES, IMB_KEY_192_BYTES, IMB_KEY_256_BYTES};
    struct jn_mb_burst *w = &b->burst;

    for (unsigned k = 0; k < MB_KINDS; k++) {
        if (w->ciphers[k] > 0)
            IMB_SUBMIT_CIPHER_BURST_NOCHECK(b->wide, w->cipher[k], w->ciphers[k], IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
                                            size[k]);
        w->ciphers[k] = 0;
    }
}

void jn_mb_cipher_one(struct jn_srtp_bank *b, const uint8_t *round, unsigned key_bytes, const uint8_t iv[MB_IV],
                      uint8_t *at, unsigned len)
{
    IMB_JOB j = {.enc_keys = round,
                 .dec_keys = round,
                 .key_len_in_bytes = key_bytes,
                 .src = at,
                 .dst = at,
                 .msg_len_to_cipher_in_bytes = len,
                 .iv = iv,
                 .iv_len_in_bytes = MB_IV,
                 .cipher_mode = IMB_CIPHER_CNTR,
                 .cipher_direction = IMB_DIR_ENCRYPT,
                 .hash_alg = IMB_AUTH_NULL,
                 .chain_order = IMB_ORDER_CIPHER_HASH};

    if (len > 0)
        IMB_SUBMIT_CIPHER_BURST_NOCHECK(b->wide, &j, 1, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
                                        (IMB_KEY_SIZE_BYTES)key_bytes);
}

void jn_mb_gcm_run(struct jn_srtp_bank *b, const struct gcm_key_data *key, unsigned key_bytes, bool encrypt,
                   const uint8_t iv[MB_IV], uint8_t *at, unsigned len, const uint8_t *aad, unsigned aad_len,
                   uint8_t tag[16])
{
    IMB_MGR *m = b->wide;
    struct gcm_context_data *c = &b->gcm_state;

    if (key_bytes == 16 && encrypt)
        IMB_AES128_GCM_ENC(m, key, c, at, at, len, iv, aad, aad_len, tag, 16);
    else if (key_bytes == 16)
        IMB_AES128_GCM_DEC(m, key, c, at, at, len, iv, aad, aad_len, tag, 16);
    else if (encrypt)
        IMB_AES256_GCM_ENC(m, key, c, at, at, len, iv, aad, aad_len, tag, 16);
    else
        IMB_AES256_GCM_DEC(m, key, c, at, at, len, iv, aad, aad_len, tag, 16);
}
