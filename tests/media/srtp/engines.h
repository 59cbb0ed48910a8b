/* Engines: every engine that this CPU can run, for tests that must hold for all: libsrtp and each form of the batch
 * engine. */
#ifndef JN_TEST_SRTP_ENGINES_H
#define JN_TEST_SRTP_ENGINES_H

#include "media/srtp/srtp.h"
#include <criterion/criterion.h>
#include <string.h>

enum { ENGINES_MAX = 1 + JN_SRTP_ISA_N, PACKET_CAP = 320 };
struct engine {
    const struct jn_srtp_ops *ops;
    struct jn_srtp_bank *bank;
    const char *name;
};

static inline unsigned engines_open(struct engine e[static ENGINES_MAX], uint32_t contexts)
{
    static const char *const names[JN_SRTP_ISA_N] = {"sse", "avx", "avx2", "avx512"};
    unsigned n = 1;
    e[0] = (struct engine){.ops = &jn_srtp_libsrtp, .name = "libsrtp"};
    cr_assert_eq(e[0].ops->open_bank(&e[0].bank, contexts), 0);
    for (int isa = 0; isa < JN_SRTP_ISA_N; isa++)
        if (jn_srtp_mb_open_bank(&e[n].bank, contexts, (enum jn_srtp_isa)isa) == 0) {
            e[n].ops = &jn_srtp_mb;
            e[n++].name = names[isa];
        }
    cr_assert_gt(n, 1, "the batch engine works on no form here");
    return n;
}

static inline void engines_close(struct engine e[], unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        e[i].ops->close_bank(e[i].bank);
}

struct packet {
    uint8_t at[PACKET_CAP];
    struct jn_pkt pk;
};

static inline void packet_rtp(struct packet *p, uint32_t ssrc, uint16_t seq, unsigned payload)
{
    memset(p, 0, sizeof *p);
    p->at[0] = 0x80;
    p->at[2] = (uint8_t)(seq >> 8);
    p->at[3] = (uint8_t)seq;
    p->at[8] = (uint8_t)(ssrc >> 24);
    p->at[9] = (uint8_t)(ssrc >> 16);
    p->at[10] = (uint8_t)(ssrc >> 8);
    p->at[11] = (uint8_t)ssrc;
    memset(p->at + 12, (int)(seq & 0x7f) + 1, payload);
    p->pk = (struct jn_pkt){.data = p->at, .len = (uint16_t)(12 + payload), .cap = PACKET_CAP};
}

/* A copy whose bytes are its own. */
static inline void packet_copy(struct packet *to, const struct packet *from)
{
    *to = *from;
    to->pk.data = to->at;
    to->pk.drop = JN_DROP_NONE;
}

/* JN_DROP_NONE or why not. */
static inline int packet_seal(const struct engine *e, struct jn_srtp *s, struct packet *p, bool rtcp)
{
    struct jn_pkt *pk = &p->pk;
    return e->ops->seal(&s, &pk, 1, rtcp) == 1 ? JN_DROP_NONE : p->pk.drop;
}
static inline int packet_open(const struct engine *e, struct jn_srtp *s, struct packet *p, bool rtcp)
{
    struct jn_pkt *pk = &p->pk;
    return e->ops->open(&s, &pk, 1, rtcp) == 1 ? JN_DROP_NONE : p->pk.drop;
}

static inline const uint8_t *test_key(void)
{
    static uint8_t key[JN_SRTP_KEY_MAX];
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(0x5a ^ 7 * i);
    return key;
}

#endif
