/* Batch_mb_keys: libipsec-mb's managers for this CPU, and keys made ready for them. */
#include "engine/base/cpu.h"
#include "media/srtp/batch_mb.h"
#include <errno.h>
#include <string.h>

/* Lines of a GCM context that a packet of speech goes through: the first, AES's round keys, and the powers of the hash
 * key, which with 512-bit instructions are 48, the first ones last. */
enum { GCM_LINES = 0x1ff, GCM_LINES_VAES512 = 0x1f01f };

static const struct {
    uint64_t needs;
    void (*init)(IMB_MGR *m);
    unsigned lanes;
} isas[JN_SRTP_ISA_N] = {
    [JN_SRTP_SSE] = {IMB_CPUFLAGS_SSE, init_mb_mgr_sse, 4},
    [JN_SRTP_AVX] = {IMB_CPUFLAGS_AVX, init_mb_mgr_avx, 4},
    [JN_SRTP_AVX2] = {IMB_CPUFLAGS_AVX2, init_mb_mgr_avx2, 8},
    [JN_SRTP_AVX512] = {IMB_CPUFLAGS_AVX512, init_mb_mgr_avx512, 16},
};

/* init on a CPU that lacks what it needs would crash in the library's self test: so the CPU is asked first. */
static IMB_MGR *manager(enum jn_srtp_isa isa, int *rc)
{
    IMB_MGR *m = alloc_mb_mgr(0);

    *rc = -ENOMEM;
    if (!m)
        return NULL;
    if ((m->features & isas[isa].needs) == isas[isa].needs) {
        isas[isa].init(m);
        if (imb_get_errno(m) == 0 && (m->features & IMB_FEATURE_SELF_TEST_PASS) != 0) {
            *rc = 0;
            return m;
        }
    }
    *rc = -ENOTSUP;
    free_mb_mgr(m);
    return NULL;
}

enum jn_srtp_isa jn_srtp_mb_isa(void)
{
    static const enum jn_srtp_isa most[] = {
        [JN_ISA_PLAIN] = JN_SRTP_SSE, [JN_ISA_AVX2] = JN_SRTP_AVX2, [JN_ISA_AVX512] = JN_SRTP_AVX512};

    for (int isa = (int)most[jn_cpu_isa()]; isa >= 0; isa--) {
        int rc;
        IMB_MGR *m = manager((enum jn_srtp_isa)isa, &rc);
        if (m) {
            free_mb_mgr(m);
            return (enum jn_srtp_isa)isa;
        }
    }
    return JN_SRTP_ISA_N;
}

/* SHA-1's own instructions do two packets at a time, each faster than a lane of a wide manager does: they take what is
 * left over of a burst. */
int jn_mb_managers(struct jn_srtp_bank *b, enum jn_srtp_isa isa)
{
    int rc;

    b->wide = b->narrow = manager(isa, &rc);
    if (!b->wide)
        return rc;
    b->lanes = isas[isa].lanes;
    b->gcm_lines = isa == JN_SRTP_AVX512 && (b->wide->features & IMB_CPUFLAGS_AVX512_T2) == IMB_CPUFLAGS_AVX512_T2
                       ? GCM_LINES_VAES512
                       : GCM_LINES;
    if (isa > JN_SRTP_SSE && (b->wide->features & IMB_FEATURE_SHANI) != 0) {
        b->narrow = manager(JN_SRTP_SSE, &rc);
        b->few = b->lanes / 2;
        if (!b->narrow)
            return rc;
    }
    return 0;
}

void jn_mb_managers_close(struct jn_srtp_bank *b)
{
    if (b->narrow && b->narrow != b->wide)
        free_mb_mgr(b->narrow);
    if (b->wide)
        free_mb_mgr(b->wide);
}

void jn_mb_expand(struct jn_srtp_bank *b, const uint8_t *key, unsigned bytes, uint8_t *round)
{
    _Alignas(16) uint8_t decrypt[15 * 16];

    if (bytes == 16)
        IMB_AES_KEYEXP_128(b->wide, key, round, decrypt);
    else if (bytes == 24)
        IMB_AES_KEYEXP_192(b->wide, key, round, decrypt);
    else
        IMB_AES_KEYEXP_256(b->wide, key, round, decrypt);
    explicit_bzero(decrypt, sizeof decrypt);
}

void jn_mb_hmac_states(struct jn_srtp_bank *b, const uint8_t key[JN_SRTP_AUTH_KEY], uint8_t inner[MB_STATE],
                       uint8_t outer[MB_STATE])
{
    uint8_t block[IMB_SHA1_BLOCK_SIZE] = {0};

    memcpy(block, key, JN_SRTP_AUTH_KEY);
    for (unsigned i = 0; i < sizeof block; i++)
        block[i] ^= 0x36;
    IMB_SHA1_ONE_BLOCK(b->wide, block, inner);
    for (unsigned i = 0; i < sizeof block; i++)
        block[i] ^= 0x36 ^ 0x5c;
    IMB_SHA1_ONE_BLOCK(b->wide, block, outer);
    explicit_bzero(block, sizeof block);
}

void jn_mb_gcm_expand(struct jn_srtp_bank *b, const uint8_t *key, unsigned bytes, struct gcm_key_data *out)
{
    if (bytes == 16)
        IMB_AES128_GCM_PRE(b->wide, key, out);
    else
        IMB_AES256_GCM_PRE(b->wide, key, out);
}

struct master {
    struct jn_srtp_bank *bank;
    unsigned bytes;
};

static void key_stream(void *arg, const uint8_t iv[16], uint8_t *out, unsigned n)
{
    const struct master *m = arg;

    memset(out, 0, n);
    jn_mb_cipher_one(m->bank, m->bank->round, m->bytes, iv, out, n);
}

void jn_mb_derive(struct jn_srtp *s, const uint8_t *key)
{
    const struct jn_srtp_parts *parts = jn_srtp_parts((enum jn_srtp_suite)s->suite);
    struct jn_srtp_bank *b = s->bank;
    struct master m = {.bank = b, .bytes = parts->key};
    struct jn_srtp_session k;
    struct jn_mb_rtcp *r = jn_mb_rtcp(s);

    jn_mb_expand(b, key, parts->key, b->round);
    jn_srtp_derive(&k, parts, key + parts->key, false, key_stream, &m);
    memcpy(s->salt, k.salt, parts->salt);
    if (parts->gcm) {
        jn_mb_gcm_expand(b, k.key, parts->key, &jn_mb_gcm(s)->key);
    } else {
        jn_mb_hmac_states(b, k.auth, jn_mb_cm(s)->inner, jn_mb_cm(s)->outer);
        if (!parts->plain)
            jn_mb_expand(b, k.key, parts->key, jn_mb_cm(s)->round);
    }
    jn_srtp_derive(&k, parts, key + parts->key, true, key_stream, &m);
    memcpy(r->key, k.key, parts->key);
    memcpy(r->auth, k.auth, sizeof r->auth);
    memcpy(r->salt, k.salt, parts->salt);
    explicit_bzero(&k, sizeof k);
    explicit_bzero(b->round, sizeof b->round);
}
