/* Srtp: protection of RTP and RTCP (RFC 3711, 6188, 7714) by bursts across streams, behind one ops table with two
 * engines: batch_mb.c (libipsec-mb, many streams at once) and ref_libsrtp.c (the reference, and where the CPU can no
 * more). No state changes before a packet is authenticated. */
#ifndef JN_MEDIA_SRTP_H
#define JN_MEDIA_SRTP_H

#include "engine/base/pkt.h"
#include "media/stream/order.h"
#include <stddef.h>

/* What sealing may add: the tag (GCM's is the longest) and SRTCP's index. How many senders (SSRCs) one context keeps
 * apart; packets of one more are refused and counted (JN_DROP_SENDERS). */
enum { JN_SRTP_TRAILER_MAX = 16 + 4, JN_SRTP_SENDERS_MAX = 31 };

struct jn_srtp_bank; /* of one thread: working memory and room for contexts */
struct jn_srtp;      /* one direction of one leg; any SSRC */
struct jn_srtp_ops {
    const char *name;
    /* Room for that many contexts at once, so that nothing allocates later. 0, -ENOMEM, -ENOTSUP (this CPU cannot). */
    int (*open_bank)(struct jn_srtp_bank **out, uint32_t contexts);
    /* Contexts that are still open end with it; all memory that held keys is wiped. */
    void (*close_bank)(struct jn_srtp_bank *b);
    /* key: master key then salt, jn_srtp_key_bytes of them. NULL on bad suite or no room. inbound: opens; otherwise
     * seals. */
    struct jn_srtp *(*open_context)(struct jn_srtp_bank *b, enum jn_srtp_suite suite, const uint8_t *key, bool inbound);
    /* A context under another key that goes on where `old` is: its senders keep their extended index (RFC 3711 3.3.1:
     * re-keying does not reset the ROC). A peer that does begin again at ROC 0 is understood too. `old` stays as it
     * is, for the caller to close. NULL as above. */
    struct jn_srtp *(*rekey)(const struct jn_srtp *old, enum jn_srtp_suite suite, const uint8_t *key);
    void (*close_context)(struct jn_srtp *s); /* keys are wiped */
    /* RTP or, with rtcp, SRTCP, in place: one burst of at most JN_PKT_BURST, pk[i] under ctx[i], all contexts of one
     * bank and one direction. Judged as if they had come one by one. Good ones move to the front, in order; returns how
     * many. The rest stay the caller's, behind them and in order, reason in pkt->drop (AUTH, REPLAY, SHORT, OVERSIZE,
     * SENDERS), their bytes undefined. seal needs cap >= len + JN_SRTP_TRAILER_MAX. Borrows pk. */
    unsigned (*open)(struct jn_srtp *const ctx[], struct jn_pkt *pk[], unsigned n, bool rtcp);
    unsigned (*seal)(struct jn_srtp *const ctx[], struct jn_pkt *pk[], unsigned n, bool rtcp);
};
extern const struct jn_srtp_ops jn_srtp_libsrtp, jn_srtp_mb;
/* The engine for this CPU: jn_srtp_mb where it works, which is on every x86 since about 2010. */
const struct jn_srtp_ops *jn_srtp(void);

/* Which instructions the batch engine uses; all need those for AES and carry-less multiplication. */
enum jn_srtp_isa { JN_SRTP_SSE, JN_SRTP_AVX, JN_SRTP_AVX2, JN_SRTP_AVX512, JN_SRTP_ISA_N };
/* As jn_srtp_mb.open_bank, with those and no others. -ENOTSUP: this CPU has them not. */
int jn_srtp_mb_open_bank(struct jn_srtp_bank **out, uint32_t contexts, enum jn_srtp_isa isa);
/* Which ones jn_srtp_mb.open_bank takes: the most that the CPU offers and JUNCTOR_ISA (engine/base/cpu.h) allows.
 * JN_SRTP_ISA_N: none. */
enum jn_srtp_isa jn_srtp_mb_isa(void);
/* Bytes of memory that a context of that suite takes in the batch engine. */
size_t jn_srtp_mb_context_bytes(enum jn_srtp_suite suite);

/* A burst that is all of one context. */
static inline unsigned jn_srtp_open_one(const struct jn_srtp_ops *ops, struct jn_srtp *s, struct jn_pkt *pk[],
                                        unsigned n, bool rtcp)
{
    struct jn_srtp *ctx[JN_PKT_BURST];
    for (unsigned i = 0; i < n; i++)
        ctx[i] = s;
    return ops->open(ctx, pk, n, rtcp);
}
static inline unsigned jn_srtp_seal_one(const struct jn_srtp_ops *ops, struct jn_srtp *s, struct jn_pkt *pk[],
                                        unsigned n, bool rtcp)
{
    struct jn_srtp *ctx[JN_PKT_BURST];
    for (unsigned i = 0; i < n; i++)
        ctx[i] = s;
    return ops->seal(ctx, pk, n, rtcp);
}

/* What a suite is made of. Bytes of master key, master salt and the tags of RTP and RTCP (RFC 4568 6.2: _32 shortens
 * RTP's alone). */
struct jn_srtp_parts {
    const char *name; /* SDES (RFC 4568 6.2, 6188, 7714 14.2); NULL_HMAC_SHA1_80 has none there */
    uint8_t key, salt, rtp_tag, rtcp_tag;
    bool gcm, plain; /* plain: authenticated, not encrypted */
};
/* NULL for JN_SUITE_NONE and what is no suite. */
const struct jn_srtp_parts *jn_srtp_parts(enum jn_srtp_suite suite);
/* Bytes of master key and salt together; 0 for JN_SUITE_NONE. */
unsigned jn_srtp_key_bytes(enum jn_srtp_suite suite);
/* "AES_CM_128_HMAC_SHA1_80" and so on, NULL for NONE. */
const char *jn_srtp_suite_name(enum jn_srtp_suite suite);
/* The suite of that name; JN_SUITE_NONE when it is none of ours. */
enum jn_srtp_suite jn_srtp_suite_of(const char *name, size_t len);

#endif
