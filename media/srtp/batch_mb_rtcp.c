/* Batch_mb_rtcp: SRTCP (RFC 3711 3.4, RFC 7714 9), one packet at a time: a leg has one in seconds. Its keys are
 * expanded for each, in memory that the bank shares. */
#include "media/srtp/batch_mb.h"
#include "media/srtp/shape.h"
#include <string.h>

enum { RTCP_HEADER = JN_SRTP_RTCP_HEADER, WORD = 4 };
#define ENCRYPTED UINT32_C(0x80000000)
#define INDEX_MAX UINT32_C(0x7fffffff)

static void iv_of(uint8_t iv[MB_IV], struct jn_srtp *s, uint32_t ssrc, uint32_t index)
{
    uint8_t salt[MB_IV] = {0};

    memcpy(salt, jn_mb_rtcp(s)->salt, JN_SRTP_SALT_MAX);
    if (jn_mb_forms[s->suite].gcm)
        jn_mb_gcm_iv(iv, salt, ssrc, index);
    else
        jn_mb_iv(iv, salt, ssrc, index);
}

static void cipher(struct jn_srtp *s, const uint8_t iv[MB_IV], uint8_t *at, unsigned len)
{
    struct jn_srtp_bank *b = s->bank;
    unsigned key = jn_mb_forms[s->suite].key;

    jn_mb_expand(b, jn_mb_rtcp(s)->key, key, b->round);
    jn_mb_cipher_one(b, b->round, key, iv, at, len);
    explicit_bzero(b->round, sizeof b->round);
}

static void hash(struct jn_srtp *s, const uint8_t *at, unsigned len, uint8_t tag[MB_DIGEST])
{
    uint8_t inner[MB_STATE], outer[MB_STATE];

    jn_mb_hmac_states(s->bank, jn_mb_rtcp(s)->auth, inner, outer);
    jn_mb_hash_one(s->bank, inner, outer, at, len, tag);
    explicit_bzero(inner, sizeof inner);
    explicit_bzero(outer, sizeof outer);
}

/* at: what is encrypted; aad: what is authenticated beside it, the index word at its end. */
static void gcm(struct jn_srtp *s, bool encrypt, const uint8_t iv[MB_IV], uint8_t *at, unsigned len, const uint8_t *aad,
                unsigned aad_len, uint8_t tag[16])
{
    struct jn_srtp_bank *b = s->bank;
    unsigned key = jn_mb_forms[s->suite].key;

    jn_mb_gcm_expand(b, jn_mb_rtcp(s)->key, key, &b->gcm);
    jn_mb_gcm_run(b, &b->gcm, key, encrypt, iv, at, len, aad, aad_len, tag);
    explicit_bzero(&b->gcm, sizeof b->gcm);
}

uint8_t jn_mb_seal_rtcp(struct jn_srtp *s, struct jn_pkt *pk)
{
    const struct jn_mb_form *f = &jn_mb_forms[s->suite];
    uint8_t *p = pk->data, iv[MB_IV], tag[16], aad[RTCP_HEADER + WORD];
    unsigned len = pk->len;

    if (len < RTCP_HEADER || p[0] >> 6 != 2)
        return JN_DROP_SHORT;
    if (pk->cap < len + JN_SRTP_TRAILER_MAX)
        return JN_DROP_OVERSIZE;
    uint32_t ssrc = jn_mb_be32(p + 4);
    unsigned at = jn_mb_find(s, ssrc);
    if (at == s->senders && (at = jn_mb_add_sender(s, ssrc)) == JN_SRTP_SENDERS_MAX)
        return JN_DROP_SENDERS;
    struct jn_srtp_seen *seen = jn_mb_rtcp_seen(s, at);
    if (seen->highest == INDEX_MAX)
        return JN_DROP_REPLAY; /* the key is used up */
    jn_srtp_see(seen, seen->highest + 1);
    uint32_t word = (uint32_t)seen->highest | (f->plain ? 0 : ENCRYPTED);
    iv_of(iv, s, ssrc, (uint32_t)seen->highest);
    if (f->gcm) {
        memcpy(aad, p, RTCP_HEADER);
        jn_mb_put_be32(aad + RTCP_HEADER, word);
        gcm(s, true, iv, p + RTCP_HEADER, len - RTCP_HEADER, aad, sizeof aad, tag);
        memcpy(p + len, tag, f->rtcp_tag);
        jn_mb_put_be32(p + len + f->rtcp_tag, word);
    } else {
        if (!f->plain)
            cipher(s, iv, p + RTCP_HEADER, len - RTCP_HEADER);
        jn_mb_put_be32(p + len, word);
        hash(s, p, len + WORD, tag);
        memcpy(p + len + WORD, tag, f->rtcp_tag);
    }
    pk->len = (uint16_t)(len + WORD + f->rtcp_tag);
    return JN_DROP_NONE;
}

/* GCM's packet with the word behind the tag; one that is not encrypted is all authenticated. */
static bool authentic_gcm(struct jn_srtp *s, uint8_t *p, unsigned len, uint32_t word, const uint8_t iv[MB_IV])
{
    uint8_t aad[RTCP_HEADER + WORD], theirs[16], ours[16];

    memcpy(theirs, p + len, sizeof theirs);
    if ((word & ENCRYPTED) != 0) {
        memcpy(aad, p, RTCP_HEADER);
        jn_mb_put_be32(aad + RTCP_HEADER, word);
        gcm(s, false, iv, p + RTCP_HEADER, len - RTCP_HEADER, aad, sizeof aad, ours);
    } else {
        jn_mb_put_be32(p + len, word);
        gcm(s, false, iv, p + len, 0, p, len + WORD, ours);
    }
    return !jn_mb_tags_differ(ours, theirs, sizeof ours);
}

uint8_t jn_mb_open_rtcp(struct jn_srtp *s, struct jn_pkt *pk)
{
    const struct jn_mb_form *f = &jn_mb_forms[s->suite];
    uint8_t *p = pk->data, iv[MB_IV], tag[MB_DIGEST];

    if (pk->len < RTCP_HEADER + WORD + f->rtcp_tag || p[0] >> 6 != 2)
        return JN_DROP_SHORT;
    unsigned len = pk->len - WORD - (unsigned)f->rtcp_tag;
    uint32_t ssrc = jn_mb_be32(p + 4), word = jn_mb_be32(p + len + (f->gcm ? f->rtcp_tag : 0)),
             index = word & INDEX_MAX;
    unsigned at = jn_mb_find(s, ssrc);
    if (jn_mb_too_many(s, at))
        return JN_DROP_SENDERS;
    if (!f->gcm && ((word & ENCRYPTED) == 0) != f->plain)
        return JN_DROP_AUTH; /* the suite says whether packets are encrypted: none may say otherwise of itself */
    if (at < s->senders && jn_srtp_replayed(jn_mb_rtcp_seen(s, at), index))
        return JN_DROP_REPLAY;
    iv_of(iv, s, ssrc, index);
    if (f->gcm) {
        if (!authentic_gcm(s, p, len, word, iv))
            return JN_DROP_AUTH;
    } else {
        hash(s, p, len + WORD, tag);
        if (jn_mb_tags_differ(tag, p + len + WORD, f->rtcp_tag))
            return JN_DROP_AUTH;
    }
    if (at == s->senders && (at = jn_mb_add_sender(s, ssrc)) == JN_SRTP_SENDERS_MAX)
        return JN_DROP_SENDERS;
    jn_srtp_see(jn_mb_rtcp_seen(s, at), index);
    if (!f->gcm && !f->plain)
        cipher(s, iv, p + RTCP_HEADER, len - RTCP_HEADER);
    pk->len = (uint16_t)len;
    return JN_DROP_NONE;
}
