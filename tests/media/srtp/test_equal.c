/* Equal: the batch engine and libsrtp get the same packets, in bursts across streams, with loss, reordering,
 * repetition, replay, damage and sequence wraps; what each seals and opens must be the same, bit for bit, and so must
 * each refusal. JUNCTOR_SRTP_PACKETS=1000000 in the environment: so many packets in all. */
#include "engine/base/rand.h"
#include "media/srtp/srtp.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(srtp_equal, .timeout = 900);

enum { CONTEXTS = 5, SENDERS = 3, HISTORY = 512, CAP = 640, PACKETS = 40000 };

struct packet {
    uint8_t at[CAP];
    uint16_t len, ctx;
    bool rtcp;
};
struct side {
    const struct jn_srtp_ops *ops;
    struct jn_srtp_bank *bank;
    struct jn_srtp *tx[CONTEXTS], *rx[CONTEXTS];
    struct jn_pkt pkt[JN_PKT_BURST], *pk[JN_PKT_BURST];
    uint8_t bytes[JN_PKT_BURST][CAP];
};
struct run {
    struct side mine, ref;
    uint64_t seed;
    uint32_t ssrc[CONTEXTS][SENDERS];
    uint16_t seq[CONTEXTS][SENDERS];
    struct packet history[HISTORY];
    unsigned known;
    unsigned sealed, opened, refused[JN_DROP_N];
    char what[64];
};

static uint32_t below(struct run *r, uint32_t n)
{
    return (uint32_t)(jn_splitmix(&r->seed) % n);
}

static bool chance(struct run *r, unsigned percent)
{
    return below(r, 100) < percent;
}

/* Header with CSRCs and an extension now and then; the sequence goes on, jumps, repeats or wraps. */
static void speak(struct run *r, struct packet *p, bool rtcp)
{
    unsigned ctx = below(r, CONTEXTS), who = below(r, SENDERS), n = rtcp ? 8 : 12;
    for (unsigned i = 0; i < sizeof p->at; i++)
        p->at[i] = (uint8_t)jn_splitmix(&r->seed);
    uint32_t ssrc = r->ssrc[ctx][who];
    p->ctx = (uint16_t)ctx;
    p->rtcp = rtcp;
    uint8_t *name = p->at + (rtcp ? 4 : 8);
    name[0] = (uint8_t)(ssrc >> 24);
    name[1] = (uint8_t)(ssrc >> 16);
    name[2] = (uint8_t)(ssrc >> 8);
    name[3] = (uint8_t)ssrc;
    p->at[0] = 0x80;
    if (!rtcp) {
        unsigned step = chance(r, 90) ? 1 : chance(r, 70) ? below(r, 200) : below(r, 30000);
        r->seq[ctx][who] = (uint16_t)(r->seq[ctx][who] + step);
        p->at[2] = (uint8_t)(r->seq[ctx][who] >> 8);
        p->at[3] = (uint8_t)r->seq[ctx][who];
        if (chance(r, 20)) {
            unsigned csrcs = below(r, 16);
            p->at[0] = (uint8_t)(p->at[0] | csrcs);
            n += 4 * csrcs;
        }
        if (chance(r, 20)) {
            unsigned words = below(r, 8);
            p->at[0] |= 0x10;
            p->at[n + 2] = 0;
            p->at[n + 3] = (uint8_t)words;
            n += 4 + 4 * words;
        }
    }
    p->len = (uint16_t)(n + (chance(r, 5) ? 0 : chance(r, 70) ? 160 : below(r, 320)));
}

static void load(struct side *s, const struct packet *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        memcpy(s->bytes[i], p[i].at, CAP);
        s->pkt[i] = (struct jn_pkt){.data = s->bytes[i], .len = p[i].len, .cap = CAP};
        s->pk[i] = &s->pkt[i];
    }
}

static unsigned go(struct side *s, const struct packet *p, unsigned n, bool seal)
{
    struct jn_srtp *ctx[JN_PKT_BURST];
    load(s, p, n);
    for (unsigned i = 0; i < n; i++)
        ctx[i] = seal ? s->tx[p[i].ctx] : s->rx[p[i].ctx];
    return (seal ? s->ops->seal : s->ops->open)(ctx, s->pk, n, p[0].rtcp);
}

/* Both engines on the same burst. */
static void both(struct run *r, const struct packet *p, unsigned n, bool seal)
{
    unsigned a = go(&r->mine, p, n, seal), b = go(&r->ref, p, n, seal);
    for (unsigned i = 0; i < n; i++) {
        const struct jn_pkt *x = &r->mine.pkt[i], *y = &r->ref.pkt[i];
        cr_assert_eq(x->drop, y->drop, "%s %s of %u bytes: mine %d, libsrtp %d", r->what, seal ? "seal" : "open",
                     p[i].len, x->drop, y->drop);
        cr_assert_eq(r->mine.pk[i] - r->mine.pkt, r->ref.pk[i] - r->ref.pkt, "order");
        if (x->drop != JN_DROP_NONE) {
            r->refused[x->drop]++;
            continue;
        }
        cr_assert_eq(x->len, y->len, "%s length %u, libsrtp's %u", r->what, x->len, y->len);
        unsigned same = 0;
        while (same < x->len && x->data[same] == y->data[same])
            same++;
        cr_assert_eq(same, x->len, "%s %s of %u bytes differs at %u of %u", r->what, seal ? "sealed" : "opened",
                     p[i].len, same, x->len);
    }
    cr_assert_eq(a, b);
    *(seal ? &r->sealed : &r->opened) += a;
}

/* What the network makes of one sealed packet: nothing, one, or more of it, late, old or damaged. */
static unsigned deliver(struct run *r, struct packet out[], unsigned room, bool rtcp)
{
    unsigned n = 0;
    for (unsigned tries = 0; n < room && tries < 4 * room && r->known > 0; tries++) {
        unsigned last = r->known < 24 ? r->known : 24;
        unsigned back = chance(r, 80) ? below(r, last) : below(r, r->known < HISTORY ? r->known : HISTORY);
        out[n] = r->history[(r->known - 1 - back) % HISTORY];
        if (out[n].rtcp != rtcp)
            continue;
        if (chance(r, 4))
            out[n].at[below(r, out[n].len)] ^= (uint8_t)(1u << below(r, 8));
        if (chance(r, 2))
            out[n].len = (uint16_t)below(r, out[n].len);
        n++;
        if (n < room && chance(r, 4)) {
            out[n] = out[n - 1];
            n++;
        }
    }
    return n;
}

static void burst(struct run *r, bool rtcp)
{
    static struct packet p[JN_PKT_BURST];
    unsigned n = 1 + below(r, JN_PKT_BURST);
    for (unsigned i = 0; i < n; i++) {
        if (i > 0 && chance(r, 3))
            p[i] = p[i - 1];
        else
            speak(r, &p[i], rtcp);
    }
    both(r, p, n, true);
    for (unsigned i = 0; i < n; i++) {
        if (r->mine.pkt[i].drop != JN_DROP_NONE)
            continue;
        struct packet *h = &r->history[r->known++ % HISTORY];
        *h = p[i];
        h->len = r->mine.pkt[i].len;
        memcpy(h->at, r->mine.bytes[i], CAP);
    }
    n = deliver(r, p, JN_PKT_BURST, rtcp);
    if (n > 0)
        both(r, p, n, false);
}

static void begin(struct run *r, enum jn_srtp_suite suite)
{
    uint8_t key[JN_SRTP_KEY_MAX];
    for (unsigned c = 0; c < CONTEXTS; c++) {
        for (unsigned i = 0; i < sizeof key; i++)
            key[i] = (uint8_t)jn_splitmix(&r->seed);
        for (int k = 0; k < 2; k++) {
            struct side *s = k ? &r->ref : &r->mine;
            s->tx[c] = s->ops->open_context(s->bank, suite, key, false);
            s->rx[c] = s->ops->open_context(s->bank, suite, key, true);
            cr_assert(s->tx[c] && s->rx[c], "context");
        }
        for (unsigned w = 0; w < SENDERS; w++) {
            r->ssrc[c][w] = (uint32_t)jn_splitmix(&r->seed);
            r->seq[c][w] = (uint16_t)(chance(r, 50) ? 65400 + below(r, 100) : below(r, 65536));
        }
    }
    r->known = 0;
}

static void end(struct run *r)
{
    for (unsigned c = 0; c < CONTEXTS; c++)
        for (int k = 0; k < 2; k++) {
            struct side *s = k ? &r->ref : &r->mine;
            s->ops->close_context(s->tx[c]);
            s->ops->close_context(s->rx[c]);
        }
}

static bool libsrtp_can(enum jn_srtp_suite suite)
{
    static const uint8_t key[JN_SRTP_KEY_MAX];
    struct jn_srtp *s = jn_srtp_libsrtp.open_context(NULL, suite, key, true);
    jn_srtp_libsrtp.close_context(s);
    return s != NULL;
}

static unsigned packets(void)
{
    const char *n = getenv("JUNCTOR_SRTP_PACKETS");
    return n ? (unsigned)strtoul(n, NULL, 10) : PACKETS;
}

Test(srtp_equal, every_form_of_the_batch_engine_does_what_libsrtp_does)
{
    static struct run r;
    struct jn_srtp_bank *sse; /* the reference where libsrtp's own keys are wrong: see ref_libsrtp.c */
    unsigned forms = 0, sealed = 0;
    for (int isa = 0; isa < JN_SRTP_ISA_N; isa++) {
        struct jn_srtp_bank *b;
        if (jn_srtp_mb_open_bank(&b, 1, (enum jn_srtp_isa)isa) == 0) {
            jn_srtp_mb.close_bank(b);
            forms++;
        }
    }
    cr_assert_gt(forms, 0);
    cr_assert_eq(jn_srtp_mb_open_bank(&sse, 16 * CONTEXTS, JN_SRTP_SSE), 0);
    for (int isa = 0; isa < JN_SRTP_ISA_N; isa++) {
        memset(&r, 0, sizeof r);
        r.seed = 7 + (uint64_t)isa;
        r.mine.ops = &jn_srtp_mb;
        if (jn_srtp_mb_open_bank(&r.mine.bank, 16 * CONTEXTS, (enum jn_srtp_isa)isa) < 0)
            continue;
        for (int suite = JN_SUITE_NONE + 1; suite < JN_SUITE_N; suite++) {
            unsigned want = packets() / forms / (JN_SUITE_N - 1) + 1, before = r.sealed;
            r.ref.ops = libsrtp_can((enum jn_srtp_suite)suite) ? &jn_srtp_libsrtp : &jn_srtp_mb;
            r.ref.bank = r.ref.ops == &jn_srtp_mb ? sse : NULL;
            begin(&r, (enum jn_srtp_suite)suite);
            snprintf(r.what, sizeof r.what, "form %d, %s:", isa, jn_srtp_suite_name((enum jn_srtp_suite)suite));
            while (r.sealed - before < want)
                burst(&r, chance(&r, 10));
            end(&r);
        }
        jn_srtp_mb.close_bank(r.mine.bank);
        printf("form %d: %u sealed, %u opened, refused: auth %u replay %u short %u\n", isa, r.sealed, r.opened,
               r.refused[JN_DROP_AUTH], r.refused[JN_DROP_REPLAY], r.refused[JN_DROP_SHORT]);
        cr_assert(r.refused[JN_DROP_AUTH] > 0 && r.refused[JN_DROP_REPLAY] > 0 && r.refused[JN_DROP_SHORT] > 0);
        sealed += r.sealed;
    }
    jn_srtp_mb.close_bank(sse);
    cr_assert_geq(sealed, packets());
}
