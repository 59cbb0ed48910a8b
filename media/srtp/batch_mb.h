/* Batch_mb: what the files of the batch engine share: how a context lies in memory, its bank, and the cryptography of
 * one bank. */
#ifndef JN_MEDIA_SRTP_BATCH_MB_H
#define JN_MEDIA_SRTP_BATCH_MB_H

#include "media/srtp/index.h"
#include "media/srtp/kdf.h"
#include <assert.h>
#define NO_COMPAT_IMB_API_053 /* short old names such as GCM */
#include <intel-ipsec-mb.h>

enum { MB_LINE = 64, MB_IV = 16, MB_STATE = 20, MB_DIGEST = 12, MB_KINDS = 3 };

/* One sender beyond a context's first. */
struct jn_mb_sender {
    struct jn_srtp_seen rtp, rtcp;
    uint32_t ssrc;
};
/* Six of them in a piece of memory, and the next piece. */
enum { MB_MORE = 6, MB_INHERIT = 8 };
struct jn_mb_more {
    struct jn_mb_sender s[MB_MORE];
    struct jn_mb_more *next;
};

/* First cache line of a context: all that tells which index a packet has, and the first sender's own state. inherited:
 * bit for each sender (of the first MB_INHERIT) whose index comes from the key before and that sent nothing yet under
 * this one. */
struct jn_srtp {
    struct jn_srtp_bank *bank;
    struct jn_mb_more *more;
    struct jn_srtp_seen rtp;
    uint32_t ssrc;
    uint8_t suite, senders, inherited;
    bool inbound;
    _Alignas(8) uint8_t salt[MB_IV];
};
static_assert(sizeof(struct jn_srtp) == MB_LINE, "one cache line");

/* Then what a packet's bytes go through. AES-CM: inner and outer state of the HMAC, AES's round keys. GCM: the
 * library's own. */
struct jn_mb_cm {
    uint8_t inner[MB_STATE], outer[MB_STATE];
    _Alignas(16) uint8_t round[];
};
struct jn_mb_gcm {
    struct gcm_key_data key;
};
/* At the end what only RTCP needs, a few times in a minute: so its keys are kept short and are expanded for each use.
 */
struct jn_mb_rtcp {
    struct jn_srtp_seen seen;
    uint8_t salt[JN_SRTP_SALT_MAX], auth[JN_SRTP_AUTH_KEY], key[];
};

/* Measures of a suite. rtcp_at: where in the context jn_mb_rtcp lies. slab: which memory it comes from. kind: which
 * jobs, by AES's key: 16, 24, 32 bytes. */
struct jn_mb_form {
    uint16_t rtcp_at;
    uint8_t slab, kind, key, tag, rtcp_tag;
    bool gcm, plain;
};
extern const struct jn_mb_form jn_mb_forms[JN_SUITE_N];

static inline struct jn_mb_cm *jn_mb_cm(struct jn_srtp *s)
{
    return (struct jn_mb_cm *)(s + 1);
}
static inline struct jn_mb_gcm *jn_mb_gcm(struct jn_srtp *s)
{
    return (struct jn_mb_gcm *)(s + 1);
}
static inline struct jn_mb_rtcp *jn_mb_rtcp(struct jn_srtp *s)
{
    return (struct jn_mb_rtcp *)((uint8_t *)s + jn_mb_forms[s->suite].rtcp_at);
}

/* Equal pieces of memory that are taken and given back. */
struct jn_mb_slab {
    uint8_t *base;
    uint32_t size, cap, used, free; /* used: pieces that ever were; free: the last one given back, plus 1 */
};

/* Of a burst: a job for each packet that is not under GCM. theirs: the tag that came with it. hashed: the index that
 * ours was computed for. */
struct jn_mb_burst {
    IMB_JOB hash[JN_PKT_BURST], cipher[MB_KINDS][JN_PKT_BURST];
    unsigned hashes, ciphers[MB_KINDS];
    _Alignas(16) uint8_t iv[JN_PKT_BURST][MB_IV];
    uint8_t tag[JN_PKT_BURST][MB_DIGEST], theirs[JN_PKT_BURST][MB_DIGEST];
    uint64_t hashed[JN_PKT_BURST];
    uint16_t body[JN_PKT_BURST], off[JN_PKT_BURST];
    uint8_t why[JN_PKT_BURST];
};

/* narrow: a manager for few jobs, where the wide one would run with most of its lanes empty; may be the same. lanes: of
 * the wide one; few: up to how many jobs the narrow one is faster. gcm_lines: bit for each line of a GCM context that
 * RTP touches. */
struct jn_srtp_bank {
    IMB_MGR *wide, *narrow;
    unsigned lanes, few;
    uint32_t gcm_lines;
    struct jn_mb_slab slab[MB_KINDS];
    struct jn_mb_burst burst;
    _Alignas(16) uint8_t round[15 * 16];
    _Alignas(64) struct gcm_key_data gcm;
    struct gcm_context_data gcm_state;
};

/* batch_mb_bank.c: memory of contexts. */
void *jn_mb_take(struct jn_mb_slab *slab);
void jn_mb_give(struct jn_mb_slab *slab, void *piece); /* wiped */
int jn_mb_slabs_open(struct jn_srtp_bank *b, uint32_t contexts);
void jn_mb_slabs_close(struct jn_srtp_bank *b); /* wiped as far as they were used */

/* batch_mb_keys.c: managers and keys. */
/* 0, -ENOTSUP or -ENOMEM. */
int jn_mb_managers(struct jn_srtp_bank *b, enum jn_srtp_isa isa);
void jn_mb_managers_close(struct jn_srtp_bank *b);
void jn_mb_expand(struct jn_srtp_bank *b, const uint8_t *key, unsigned bytes, uint8_t *round);
void jn_mb_hmac_states(struct jn_srtp_bank *b, const uint8_t key[JN_SRTP_AUTH_KEY], uint8_t inner[MB_STATE],
                       uint8_t outer[MB_STATE]);
void jn_mb_gcm_expand(struct jn_srtp_bank *b, const uint8_t *key, unsigned bytes, struct gcm_key_data *out);
/* Fills a context whose suite is set. */
void jn_mb_derive(struct jn_srtp *s, const uint8_t *master);

/* batch_mb_jobs.c: many packets' cryptography at once. */
void jn_mb_jobs_begin(struct jn_srtp_bank *b);
/* Place i of the burst: HMAC over len bytes, 12 bytes of it to tag[i]. */
void jn_mb_hash_add(struct jn_mb_burst *w, unsigned i, const struct jn_mb_cm *k, const uint8_t *at, unsigned len);
void jn_mb_hash_run(struct jn_srtp_bank *b);
/* The same for one, at once, by the states given. */
void jn_mb_hash_one(struct jn_srtp_bank *b, const uint8_t *inner, const uint8_t *outer, const uint8_t *at, unsigned len,
                    uint8_t tag[MB_DIGEST]);
/* AES-CM from iv[i] on, in place, one way as the other; len may be 0. */
void jn_mb_cipher_add(struct jn_mb_burst *w, unsigned i, unsigned kind, const struct jn_mb_cm *k, uint8_t *at,
                      unsigned len);
void jn_mb_cipher_run(struct jn_srtp_bank *b);
void jn_mb_cipher_one(struct jn_srtp_bank *b, const uint8_t *round, unsigned key_bytes, const uint8_t iv[MB_IV],
                      uint8_t *at, unsigned len);
void jn_mb_gcm_run(struct jn_srtp_bank *b, const struct gcm_key_data *key, unsigned key_bytes, bool encrypt,
                   const uint8_t iv[MB_IV], uint8_t *at, unsigned len, const uint8_t *aad, unsigned aad_len,
                   uint8_t tag[16]);

/* batch_mb_senders.c: the senders of a context. */
unsigned jn_mb_find_more(const struct jn_srtp *s, uint32_t ssrc);
/* Its place; the number of senders when it is not among them. */
static inline unsigned jn_mb_find(const struct jn_srtp *s, uint32_t ssrc)
{
    return s->senders > 0 && s->ssrc == ssrc ? 0 : jn_mb_find_more(s, ssrc);
}
/* A place for one more: behind the last one, or that of one that was heard under the keys before and not under these.
 * JN_SRTP_SENDERS_MAX: no room. */
unsigned jn_mb_add_sender(struct jn_srtp *s, uint32_t ssrc);
/* Whether a sender with that place is one too many, so that its packets need not be looked at. */
static inline bool jn_mb_too_many(const struct jn_srtp *s, unsigned at)
{
    return at == JN_SRTP_SENDERS_MAX && s->inherited == 0;
}
/* What was seen of the sender at a place; of one that is not there yet: nothing. */
extern const struct jn_srtp_seen jn_mb_nothing;
struct jn_mb_sender *jn_mb_beyond(const struct jn_srtp *s, unsigned at); /* at: not the first */
static inline struct jn_srtp_seen *jn_mb_rtp_seen(struct jn_srtp *s, unsigned at)
{
    return at == 0 ? &s->rtp : &jn_mb_beyond(s, at)->rtp;
}
static inline struct jn_srtp_seen *jn_mb_rtcp_seen(struct jn_srtp *s, unsigned at)
{
    return at == 0 ? &jn_mb_rtcp(s)->seen : &jn_mb_beyond(s, at)->rtcp;
}
bool jn_mb_keep_senders(struct jn_srtp *s, const struct jn_srtp *old);

/* batch_mb_rtcp.c: one packet at a time. JN_DROP_NONE or why not. */
uint8_t jn_mb_open_rtcp(struct jn_srtp *s, struct jn_pkt *pk);
uint8_t jn_mb_seal_rtcp(struct jn_srtp *s, struct jn_pkt *pk);

/* Bytes in network order. */
static inline uint32_t jn_mb_be32(const uint8_t *at)
{
    uint32_t v;
    __builtin_memcpy(&v, at, sizeof v);
    return __builtin_bswap32(v);
}
static inline void jn_mb_put_be32(uint8_t *at, uint32_t v)
{
    v = __builtin_bswap32(v);
    __builtin_memcpy(at, &v, sizeof v);
}
/* The counter block of AES-CM (RFC 3711 4.1.1): salt, SSRC and index, each at its place, xored. */
static inline void jn_mb_iv(uint8_t iv[MB_IV], const uint8_t salt[MB_IV], uint32_t ssrc, uint64_t index)
{
    uint64_t a, b;
    __builtin_memcpy(&a, salt, 8);
    __builtin_memcpy(&b, salt + 8, 8);
    a ^= (uint64_t)__builtin_bswap32(ssrc) << 32;
    b ^= __builtin_bswap64(index << 16);
    __builtin_memcpy(iv, &a, 8);
    __builtin_memcpy(iv + 8, &b, 8);
}
/* GCM's 12 bytes (RFC 7714 8.1, 9.1): two zeros, SSRC, 48 bits of index. */
static inline void jn_mb_gcm_iv(uint8_t iv[MB_IV], const uint8_t salt[MB_IV], uint32_t ssrc, uint64_t index)
{
    uint8_t block[MB_IV] = {0};
    jn_mb_put_be32(block + 2, ssrc);
    jn_mb_put_be32(block + 6, (uint32_t)(index >> 16));
    block[10] = (uint8_t)(index >> 8);
    block[11] = (uint8_t)index;
    for (unsigned i = 0; i < 12; i++)
        iv[i] = block[i] ^ salt[i];
}
/* Whether n bytes (4, 10, 16) differ, in constant time. */
static inline bool jn_mb_tags_differ(const uint8_t *a, const uint8_t *b, unsigned n)
{
    uint32_t differ = 0;
    for (unsigned i = 0; i < n; i++)
        differ |= (uint32_t)(a[i] ^ b[i]);
    return differ != 0;
}

#endif
