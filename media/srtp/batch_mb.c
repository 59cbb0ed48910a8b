/* Batch_mb: SRTP by libipsec-mb, a burst of packets of many streams at once: which index each packet has, the jobs of
 * all, then the verdicts one after the other, as if the packets had come alone. SRTCP goes one by one
 * (batch_mb_rtcp.c). */
#include "media/srtp/batch_mb.h"
#include "media/srtp/shape.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { AHEAD = 8 };
#define NOT_HASHED UINT64_MAX

static uint16_t sequence(const uint8_t *p)
{
    return (uint16_t)(p[2] << 8 | p[3]);
}

/* Asks for the memory that a packet's jobs will go through, while others are still being looked at. */
static void warm(const struct jn_srtp_bank *b, const struct jn_srtp *s, const struct jn_pkt *pk)
{
    const struct jn_mb_form *f = &jn_mb_forms[s->suite];
    const char *at = (const char *)s;

    if (f->gcm) {
        for (uint32_t left = b->gcm_lines & ~1u; left != 0; left &= left - 1)
            __builtin_prefetch(at + MB_LINE * (unsigned)__builtin_ctz(left));
    } else {
        for (unsigned n = MB_LINE; n < f->rtcp_at; n += MB_LINE)
            __builtin_prefetch(at + n);
    }
    for (unsigned n = MB_LINE; n < pk->len; n += MB_LINE)
        __builtin_prefetch(pk->data + n, 1);
}

/* Good ones to the front, the others behind them, both in their order. */
static unsigned sort(struct jn_pkt *pk[], unsigned n, const uint8_t why[])
{
    struct jn_pkt *bad[JN_PKT_BURST];
    unsigned good = 0, refused = 0;

    for (unsigned i = 0; i < n; i++) {
        if (why[i] == JN_DROP_NONE) {
            pk[good++] = pk[i];
        } else {
            pk[i]->drop = why[i];
            bad[refused++] = pk[i];
        }
    }
    memcpy(pk + good, bad, refused * sizeof bad[0]);
    return good;
}

/* Index and window of a packet to be sent; false: its reason is set. */
static bool next_index(struct jn_srtp *s, struct jn_pkt *pk, uint64_t *index, uint8_t *why)
{
    uint32_t ssrc = jn_mb_be32(pk->data + 8);
    unsigned at = jn_mb_find(s, ssrc);
    uint64_t highest = at < s->senders ? jn_mb_rtp_seen(s, at)->highest : 0;

    *index = jn_srtp_estimate(highest, sequence(pk->data));
    if (at < s->senders && jn_srtp_replayed(jn_mb_rtp_seen(s, at), *index))
        *why = JN_DROP_REPLAY;
    else if (at == s->senders && (at = jn_mb_add_sender(s, ssrc)) == JN_SRTP_SENDERS_MAX)
        *why = JN_DROP_SENDERS;
    else
        jn_srtp_see(jn_mb_rtp_seen(s, at), *index);
    return *why == JN_DROP_NONE;
}

static uint8_t seal_one(struct jn_srtp_bank *b, struct jn_srtp *s, struct jn_pkt *pk, unsigned i)
{
    const struct jn_mb_form *f = &jn_mb_forms[s->suite];
    struct jn_mb_burst *w = &b->burst;
    unsigned off = jn_srtp_header(pk->data, pk->len);
    uint8_t why = JN_DROP_NONE;
    uint64_t index;

    if (off == 0)
        return JN_DROP_SHORT;
    if (pk->cap < pk->len + JN_SRTP_TRAILER_MAX)
        return JN_DROP_OVERSIZE;
    if (!next_index(s, pk, &index, &why))
        return why;
    uint32_t ssrc = jn_mb_be32(pk->data + 8);
    unsigned len = pk->len - off;
    if (f->gcm) {
        jn_mb_gcm_iv(w->iv[i], s->salt, ssrc, index);
        jn_mb_gcm_run(b, &jn_mb_gcm(s)->key, f->key, true, w->iv[i], pk->data + off, len, pk->data, off,
                      pk->data + pk->len);
        pk->len = (uint16_t)(pk->len + f->tag);
        return JN_DROP_NONE;
    }
    if (!f->plain) {
        jn_mb_iv(w->iv[i], s->salt, ssrc, index);
        jn_mb_cipher_add(w, i, f->kind, jn_mb_cm(s), pk->data + off, len);
    }
    jn_mb_put_be32(pk->data + pk->len, (uint32_t)(index >> 16));
    jn_mb_hash_add(w, i, jn_mb_cm(s), pk->data, pk->len + 4u);
    return JN_DROP_NONE;
}

typedef uint8_t look(struct jn_srtp_bank *b, struct jn_srtp *s, struct jn_pkt *pk, unsigned i);

/* The first look at each packet of a burst, contexts and bytes brought near some packets ahead. */
static inline void first_look(struct jn_srtp *const ctx[], struct jn_pkt *pk[], unsigned n, look *one)
{
    struct jn_srtp_bank *b = ctx[0]->bank;

    for (unsigned i = 0; i < n; i++) {
        __builtin_prefetch(ctx[i], 1);
        __builtin_prefetch(pk[i]->data, 1);
    }
    for (unsigned i = 0; i < n && i < AHEAD; i++)
        warm(b, ctx[i], pk[i]);
    for (unsigned i = 0; i < n; i++) {
        if (i + AHEAD < n)
            warm(b, ctx[i + AHEAD], pk[i + AHEAD]);
        b->burst.why[i] = one(b, ctx[i], pk[i], i);
    }
}

static unsigned seal_rtp(struct jn_srtp *const ctx[], struct jn_pkt *pk[], unsigned n)
{
    struct jn_srtp_bank *b = ctx[0]->bank;
    struct jn_mb_burst *w = &b->burst;

    first_look(ctx, pk, n, seal_one);
    jn_mb_cipher_run(b);
    jn_mb_hash_run(b);
    for (unsigned i = 0; i < n; i++) {
        const struct jn_mb_form *f = &jn_mb_forms[ctx[i]->suite];
        if (w->why[i] != JN_DROP_NONE || f->gcm)
            continue;
        memcpy(pk[i]->data + pk[i]->len, w->tag[i], f->tag);
        pk[i]->len = (uint16_t)(pk[i]->len + f->tag);
    }
    return sort(pk, n, w->why);
}

/* The index that a packet has by what was seen until now. False: it came before. */
static bool index_now(struct jn_srtp *s, unsigned at, const uint8_t *p, uint64_t *index)
{
    const struct jn_srtp_seen *seen = at < s->senders ? jn_mb_rtp_seen(s, at) : &jn_mb_nothing;

    *index = jn_srtp_estimate(seen->highest, sequence(p));
    return !jn_srtp_replayed(seen, *index);
}

/* Whether the packet's tag is that of the index. The job's is taken where it was for the same ROC. */
static bool authentic(struct jn_srtp_bank *b, struct jn_srtp *s, const struct jn_pkt *pk, unsigned i, uint64_t index)
{
    struct jn_mb_burst *w = &b->burst;

    if (w->hashed[i] == NOT_HASHED || w->hashed[i] >> 16 != index >> 16) {
        jn_mb_put_be32(pk->data + w->body[i], (uint32_t)(index >> 16));
        jn_mb_hash_one(b, jn_mb_cm(s)->inner, jn_mb_cm(s)->outer, pk->data, w->body[i] + 4u, w->tag[i]);
        w->hashed[i] = index;
    }
    return !jn_mb_tags_differ(w->tag[i], w->theirs[i], jn_mb_forms[s->suite].tag);
}

/* GCM decrypts while it authenticates: a packet that is not what it says is encrypted back, for another try. */
static bool authentic_gcm(struct jn_srtp_bank *b, struct jn_srtp *s, const struct jn_pkt *pk, unsigned i,
                          uint64_t index)
{
    const struct jn_mb_form *f = &jn_mb_forms[s->suite];
    struct jn_mb_burst *w = &b->burst;
    unsigned off = w->off[i], len = w->body[i] - off;
    uint8_t tag[16];

    jn_mb_gcm_iv(w->iv[i], s->salt, jn_mb_be32(pk->data + 8), index);
    jn_mb_gcm_run(b, &jn_mb_gcm(s)->key, f->key, false, w->iv[i], pk->data + off, len, pk->data, off, tag);
    if (!jn_mb_tags_differ(tag, pk->data + w->body[i], f->tag))
        return true;
    if (s->inherited != 0)
        jn_mb_gcm_run(b, &jn_mb_gcm(s)->key, f->key, true, w->iv[i], pk->data + off, len, pk->data, off, tag);
    return false;
}

/* The verdict, in the order of each context: by now what came before in the same burst is known. */
static uint8_t judge(struct jn_srtp_bank *b, struct jn_srtp *s, struct jn_pkt *pk, unsigned i)
{
    const struct jn_mb_form *f = &jn_mb_forms[s->suite];
    bool (*fits)(struct jn_srtp_bank *, struct jn_srtp *, const struct jn_pkt *, unsigned, uint64_t) =
        f->gcm ? authentic_gcm : authentic;
    uint32_t ssrc = jn_mb_be32(pk->data + 8);
    unsigned at = jn_mb_find(s, ssrc);
    uint64_t index;

    if (jn_mb_too_many(s, at))
        return JN_DROP_SENDERS;
    if (!index_now(s, at, pk->data, &index))
        return JN_DROP_REPLAY;
    bool again = false;
    if (!fits(b, s, pk, i, index)) {
        /* under new keys the peer may have begun again at ROC 0 */
        again = at < MB_INHERIT && (s->inherited >> at & 1) != 0 && index >> 16 != 0;
        index &= 0xffff;
        if (!again || !fits(b, s, pk, i, index))
            return JN_DROP_AUTH;
    }
    if (at == s->senders && (at = jn_mb_add_sender(s, ssrc)) == JN_SRTP_SENDERS_MAX)
        return JN_DROP_SENDERS;
    if (again)
        *jn_mb_rtp_seen(s, at) = jn_mb_nothing;
    if (at < MB_INHERIT)
        s->inherited = (uint8_t)(s->inherited & ~(1u << at));
    jn_srtp_see(jn_mb_rtp_seen(s, at), index);
    pk->len = b->burst.body[i];
    if (!f->gcm && !f->plain) {
        jn_mb_iv(b->burst.iv[i], s->salt, ssrc, index);
        jn_mb_cipher_add(&b->burst, i, f->kind, jn_mb_cm(s), pk->data + b->burst.off[i], pk->len - b->burst.off[i]);
    }
    return JN_DROP_NONE;
}

/* Before the verdicts: what the packet is, and our tag for the index that it most likely has. Nothing is changed but
 * the packet. */
static uint8_t prepare(struct jn_srtp_bank *b, struct jn_srtp *s, struct jn_pkt *pk, unsigned i)
{
    const struct jn_mb_form *f = &jn_mb_forms[s->suite];
    struct jn_mb_burst *w = &b->burst;
    unsigned off = jn_srtp_header_in(pk->data, pk->len, f->tag);
    uint64_t index;

    if (off == 0)
        return JN_DROP_SHORT;
    w->off[i] = (uint16_t)off;
    w->body[i] = (uint16_t)(pk->len - f->tag);
    w->hashed[i] = NOT_HASHED;
    if (f->gcm) /* nothing of it runs beside another packet's: its verdict now, while its keys are near */
        return judge(b, s, pk, i);
    uint8_t *tag = pk->data + w->body[i];
    memcpy(w->theirs[i], tag, f->tag);
    unsigned at = jn_mb_find(s, jn_mb_be32(pk->data + 8));
    if (jn_mb_too_many(s, at))
        return JN_DROP_SENDERS;
    if (!index_now(s, at, pk->data, &index))
        return JN_DROP_NONE; /* most likely a replay: not worth a job */
    w->hashed[i] = index;
    jn_mb_put_be32(tag, (uint32_t)(index >> 16));
    jn_mb_hash_add(w, i, jn_mb_cm(s), pk->data, w->body[i] + 4u);
    return JN_DROP_NONE;
}

static unsigned open_rtp(struct jn_srtp *const ctx[], struct jn_pkt *pk[], unsigned n)
{
    struct jn_srtp_bank *b = ctx[0]->bank;
    struct jn_mb_burst *w = &b->burst;

    first_look(ctx, pk, n, prepare);
    jn_mb_hash_run(b);
    for (unsigned i = 0; i < n; i++)
        if (w->why[i] == JN_DROP_NONE && !jn_mb_forms[ctx[i]->suite].gcm)
            w->why[i] = judge(b, ctx[i], pk[i], i);
    jn_mb_cipher_run(b);
    return sort(pk, n, w->why);
}

static unsigned each_rtcp(struct jn_srtp *const ctx[], struct jn_pkt *pk[], unsigned n,
                          uint8_t (*one)(struct jn_srtp *, struct jn_pkt *))
{
    uint8_t why[JN_PKT_BURST];

    for (unsigned i = 0; i < n; i++)
        why[i] = one(ctx[i], pk[i]);
    return sort(pk, n, why);
}

static unsigned open_burst(struct jn_srtp *const ctx[], struct jn_pkt *pk[], unsigned n, bool rtcp)
{
    if (n == 0)
        return 0;
    return rtcp ? each_rtcp(ctx, pk, n, jn_mb_open_rtcp) : open_rtp(ctx, pk, n);
}

static unsigned seal_burst(struct jn_srtp *const ctx[], struct jn_pkt *pk[], unsigned n, bool rtcp)
{
    if (n == 0)
        return 0;
    return rtcp ? each_rtcp(ctx, pk, n, jn_mb_seal_rtcp) : seal_rtp(ctx, pk, n);
}

static void close_bank(struct jn_srtp_bank *b)
{
    if (!b)
        return;
    jn_mb_slabs_close(b);
    jn_mb_managers_close(b);
    explicit_bzero(b, sizeof *b);
    free(b);
}

int jn_srtp_mb_open_bank(struct jn_srtp_bank **out, uint32_t contexts, enum jn_srtp_isa isa)
{
    struct jn_srtp_bank *b = isa < JN_SRTP_ISA_N ? aligned_alloc(MB_LINE, sizeof *b) : NULL;

    if (!b)
        return isa < JN_SRTP_ISA_N ? -ENOMEM : -ENOTSUP;
    memset(b, 0, sizeof *b);
    int rc = jn_mb_managers(b, isa);
    if (rc == 0)
        rc = jn_mb_slabs_open(b, contexts);
    if (rc < 0) {
        close_bank(b);
        return rc;
    }
    jn_mb_jobs_begin(b);
    *out = b;
    return 0;
}

static int open_bank(struct jn_srtp_bank **out, uint32_t contexts)
{
    return jn_srtp_mb_open_bank(out, contexts, jn_srtp_mb_isa());
}

static void close_context(struct jn_srtp *s)
{
    if (!s)
        return;
    struct jn_srtp_bank *b = s->bank;
    for (struct jn_mb_more *m = s->more, *next; m; m = next) {
        next = m->next;
        jn_mb_give(&b->slab[0], m);
    }
    jn_mb_give(&b->slab[jn_mb_forms[s->suite].slab], s);
}

static struct jn_srtp *open_context(struct jn_srtp_bank *b, enum jn_srtp_suite suite, const uint8_t *key, bool inbound)
{
    struct jn_srtp *s = jn_srtp_parts(suite) ? jn_mb_take(&b->slab[jn_mb_forms[suite].slab]) : NULL;

    if (!s)
        return NULL;
    s->bank = b;
    s->suite = (uint8_t)suite;
    s->inbound = inbound;
    jn_mb_derive(s, key);
    return s;
}

static struct jn_srtp *rekey(const struct jn_srtp *old, enum jn_srtp_suite suite, const uint8_t *key)
{
    struct jn_srtp *s = open_context(old->bank, suite, key, old->inbound);

    if (s && !jn_mb_keep_senders(s, old)) {
        close_context(s);
        return NULL;
    }
    return s;
}

const struct jn_srtp_ops jn_srtp_mb = {.name = "libipsec-mb",
                                       .open_bank = open_bank,
                                       .close_bank = close_bank,
                                       .open_context = open_context,
                                       .rekey = rekey,
                                       .close_context = close_context,
                                       .open = open_burst,
                                       .seal = seal_burst};
