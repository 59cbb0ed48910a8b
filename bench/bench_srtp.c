/* SRTP over 20,000 streams with a key each, in random order: what a packet of G.711 costs to protect and to unprotect
 * with replay and rollover included, against the floor: libipsec-mb's raw multi-buffer jobs on the same bytes and keys
 * in the same order; against libsrtp; and GCM. All of them take turns in one run, for each set of instructions. libsrtp
 * gets 64 of the streams only: Debian's is built on NSS, which looks for each packet's key among all keys that are
 * open, so that with 20,000 a packet was seen to take 1.4 ms. */
#include "engine/base/clock.h"
#include "engine/base/pages.h"
#include "engine/base/rand.h"
#include "media/srtp/srtp.h"
#define NO_COMPAT_IMB_API_053
#include <intel-ipsec-mb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STREAMS = 20000,
    HEADER = 12,
    PAYLOAD = 160,
    LEN = HEADER + PAYLOAD,
    CAP = 256,
    ROUNDS = 15,
    BURST = 64,
    LIB_STREAMS = 64
};
enum { FLOOR, PROTECT, UNPROTECT, LIBSRTP, GCM, GCM_OPEN, GCM_FLOOR, MEASURES };
static const char *const names[MEASURES] = {"floor",       "protect",       "unprotect", "libsrtp_protect",
                                            "gcm_protect", "gcm_unprotect", "gcm_floor"};

/* What the raw jobs need of one stream, nothing else. */
struct raw {
    _Alignas(64) uint8_t round[176], inner[20], outer[20];
};
struct end {
    const struct jn_srtp_ops *ops;
    struct jn_srtp_bank *bank;
    struct jn_srtp *at[STREAMS];
};
struct bench {
    uint8_t key[STREAMS][JN_SRTP_KEY_MAX];
    uint8_t *bytes;
    struct jn_pkt pkt[STREAMS];
    uint32_t order[STREAMS];
    uint64_t seed;
    uint16_t seq;
    struct raw *raw;
    struct gcm_key_data *raw_gcm;
    IMB_MGR *mgr;
    struct end tx, rx, lib, gcm_tx, gcm_rx;
    double ns[MEASURES][ROUNDS];
};
static struct bench b;

static void die(const char *what)
{
    fprintf(stderr, "bench_srtp: %s\n", what);
    exit(1);
}

static void shuffle(void)
{
    for (uint32_t i = 0; i < STREAMS; i++)
        b.order[i] = i;
    for (uint32_t i = STREAMS - 1; i > 0; i--) {
        uint32_t j = (uint32_t)(jn_splitmix(&b.seed) % (i + 1)), t = b.order[i];
        b.order[i] = b.order[j];
        b.order[j] = t;
    }
}

/* The next packet of every stream, in the order of the round, so that its bytes are no warmer for one than another. */
static void speak(void)
{
    b.seq++;
    for (uint32_t k = 0; k < STREAMS; k++) {
        uint32_t i = b.order[k];
        uint8_t *p = b.bytes + (size_t)i * CAP;
        const uint8_t head[HEADER] = {0x80, 0, (uint8_t)(b.seq >> 8), (uint8_t)b.seq, 0, 0, 0, 0,
                                      1,    2, (uint8_t)(i >> 8),     (uint8_t)i};
        memcpy(p, head, HEADER);
        memset(p + HEADER, (int)(i + b.seq) & 255, PAYLOAD);
        b.pkt[i] = (struct jn_pkt){.data = p, .len = LEN, .cap = CAP};
    }
}

/* One round of bursts through one end; ns a packet. */
static double run(struct end *e, bool seal)
{
    unsigned good = 0;
    uint64_t from = jn_mono_ns();
    for (uint32_t at = 0; at < STREAMS; at += BURST) {
        struct jn_srtp *ctx[BURST];
        struct jn_pkt *pk[BURST];
        unsigned n = STREAMS - at < BURST ? STREAMS - at : BURST;
        for (unsigned i = 0; i < n; i++) {
            ctx[i] = e->at[b.order[at + i]];
            pk[i] = &b.pkt[b.order[at + i]];
        }
        good += (seal ? e->ops->seal : e->ops->open)(ctx, pk, n, false);
    }
    double ns = (double)(jn_mono_ns() - from) / STREAMS;
    if (good != STREAMS)
        die("packets were refused");
    return ns;
}

/* The first streams through libsrtp. */
static double run_libsrtp(void)
{
    struct jn_pkt *pk[LIB_STREAMS];
    for (unsigned i = 0; i < LIB_STREAMS; i++)
        pk[i] = &b.pkt[i];
    uint64_t from = jn_mono_ns();
    if (b.lib.ops->seal(b.lib.at, pk, LIB_STREAMS, false) != LIB_STREAMS)
        die("libsrtp refuses packets");
    return (double)(jn_mono_ns() - from) / LIB_STREAMS;
}

static void job(IMB_JOB *j, uint32_t i, uint8_t iv[16], uint8_t tag[12])
{
    uint8_t *p = b.bytes + (size_t)i * CAP;
    const struct raw *r = &b.raw[i];
    j->enc_keys = j->dec_keys = r->round;
    j->key_len_in_bytes = 16;
    j->src = p;
    j->dst = p + HEADER;
    j->cipher_start_src_offset_in_bytes = HEADER;
    j->msg_len_to_cipher_in_bytes = PAYLOAD;
    j->hash_start_src_offset_in_bytes = 0;
    j->msg_len_to_hash_in_bytes = LEN + 4;
    j->iv = iv;
    j->iv_len_in_bytes = 16;
    j->auth_tag_output = tag;
    j->auth_tag_output_len_in_bytes = 12;
    j->u.HMAC._hashed_auth_key_xor_ipad = r->inner;
    j->u.HMAC._hashed_auth_key_xor_opad = r->outer;
    j->cipher_mode = IMB_CIPHER_CNTR;
    j->cipher_direction = IMB_DIR_ENCRYPT;
    j->hash_alg = IMB_AUTH_HMAC_SHA_1;
    j->chain_order = IMB_ORDER_CIPHER_HASH;
}

static double run_floor(void)
{
    static uint8_t iv[BURST][16], tag[BURST][12];
    unsigned done = 0;
    uint64_t from = jn_mono_ns();
    for (uint32_t at = 0; at < STREAMS; at += BURST) {
        IMB_JOB *jobs[BURST];
        unsigned n = STREAMS - at < BURST ? STREAMS - at : BURST, got;
        if (IMB_GET_NEXT_BURST(b.mgr, n, jobs) != n)
            die("the queue of raw jobs is full");
        for (unsigned i = 0; i < n; i++)
            job(jobs[i], b.order[at + i], iv[i], tag[i]);
        done += IMB_SUBMIT_BURST(b.mgr, n, jobs);
        while ((got = IMB_FLUSH_BURST(b.mgr, BURST, jobs)) > 0)
            done += got;
    }
    double ns = (double)(jn_mono_ns() - from) / STREAMS;
    if (done != STREAMS || imb_get_errno(b.mgr) != 0)
        die("raw jobs were not done");
    return ns;
}

/* The raw call on the same packets, their keys asked for some packets ahead as the engine does. */
static double run_gcm_floor(void)
{
    enum { AHEAD = 8, KEY_LINES = 9 }; /* the round keys and the powers of the hash key that 160 bytes need */
    static struct gcm_context_data state;
    uint8_t iv[12] = {0}, tag[16];
    uint64_t from = jn_mono_ns();
    for (uint32_t at = 0; at < STREAMS; at++) {
        uint32_t i = b.order[at], next = b.order[at + AHEAD < STREAMS ? at + AHEAD : at];
        for (unsigned n = 0; n < KEY_LINES; n++)
            __builtin_prefetch((const char *)&b.raw_gcm[next] + (size_t)n * 64);
        for (unsigned n = 0; n < LEN; n += 64)
            __builtin_prefetch(b.bytes + (size_t)next * CAP + n, 1);
        uint8_t *p = b.bytes + (size_t)i * CAP;
        iv[0]++;
        IMB_AES128_GCM_ENC(b.mgr, &b.raw_gcm[i], &state, p + HEADER, p + HEADER, PAYLOAD, iv, p, HEADER, tag, 16);
    }
    return (double)(jn_mono_ns() - from) / STREAMS;
}

static void same(uint32_t i, const uint8_t *sealed, unsigned len, const char *what)
{
    if (b.pkt[i].len != len || memcmp(b.pkt[i].data, sealed, len) != 0)
        die(what);
}

/* Every measure once. What the engine seals is what libsrtp seals, and opens again: looked at on some packets. */
static void once(unsigned round)
{
    static uint8_t kept[LIB_STREAMS][CAP];
    shuffle();
    speak();
    b.ns[FLOOR][round] = run_floor();
    speak();
    b.ns[PROTECT][round] = run(&b.tx, true);
    for (uint32_t i = 0; i < LIB_STREAMS; i++)
        memcpy(kept[i], b.pkt[i].data, LEN + 10);
    b.ns[UNPROTECT][round] = run(&b.rx, false);
    b.seq--;
    speak();
    b.ns[LIBSRTP][round] = run_libsrtp();
    for (uint32_t i = 0; i < LIB_STREAMS; i++)
        same(i, kept[i], LEN + 10, "libsrtp seals something else");
    speak();
    b.ns[GCM_FLOOR][round] = run_gcm_floor();
    speak();
    b.ns[GCM][round] = run(&b.gcm_tx, true);
    b.ns[GCM_OPEN][round] = run(&b.gcm_rx, false);
    for (uint32_t i = 0; i < STREAMS; i += 100)
        if (b.pkt[i].len != LEN || b.pkt[i].data[HEADER] != (uint8_t)(i + b.seq))
            die("opened bytes are not what was said");
}

static void open_end(struct end *e, enum jn_srtp_isa isa, enum jn_srtp_suite suite, bool inbound)
{
    uint32_t n = isa == JN_SRTP_ISA_N ? LIB_STREAMS : STREAMS;
    e->ops = isa == JN_SRTP_ISA_N ? &jn_srtp_libsrtp : &jn_srtp_mb;
    int rc = isa == JN_SRTP_ISA_N ? e->ops->open_bank(&e->bank, n) : jn_srtp_mb_open_bank(&e->bank, STREAMS, isa);
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        if ((e->at[i] = e->ops->open_context(e->bank, suite, b.key[i], inbound)) == NULL)
            rc = -1;
    if (rc < 0)
        die("contexts");
}

static void open_raw(enum jn_srtp_isa isa)
{
    static void (*const init[JN_SRTP_ISA_N])(IMB_MGR *) = {init_mb_mgr_sse, init_mb_mgr_avx, init_mb_mgr_avx2,
                                                           init_mb_mgr_avx512};
    _Alignas(16) uint8_t unused[176];
    b.mgr = alloc_mb_mgr(0);
    if (!b.mgr)
        die("raw jobs");
    init[isa](b.mgr);
    for (uint32_t i = 0; i < STREAMS; i++) {
        uint8_t block[64];
        memcpy(block, b.key[i], 40);
        memset(block + 40, 7, 24);
        IMB_AES_KEYEXP_128(b.mgr, b.key[i], b.raw[i].round, unused);
        IMB_AES128_GCM_PRE(b.mgr, b.key[i], &b.raw_gcm[i]);
        IMB_SHA1_ONE_BLOCK(b.mgr, block, b.raw[i].inner);
        block[0] ^= 1;
        IMB_SHA1_ONE_BLOCK(b.mgr, block, b.raw[i].outer);
    }
}

static int by_size(const void *x, const void *y)
{
    double d = *(const double *)x - *(const double *)y;
    return d < 0 ? -1 : d > 0;
}

static double median(double v[ROUNDS])
{
    qsort(v, ROUNDS, sizeof v[0], by_size);
    return v[ROUNDS / 2];
}

static void measure(enum jn_srtp_isa isa, double out[MEASURES])
{
    b.seq = 65530; /* the sequence wraps on the way */
    open_raw(isa);
    open_end(&b.tx, isa, JN_SUITE_AES128_SHA80, false);
    open_end(&b.rx, isa, JN_SUITE_AES128_SHA80, true);
    open_end(&b.lib, JN_SRTP_ISA_N, JN_SUITE_AES128_SHA80, false);
    open_end(&b.gcm_tx, isa, JN_SUITE_GCM128, false);
    open_end(&b.gcm_rx, isa, JN_SUITE_GCM128, true);
    once(0); /* not counted: caches and first senders */
    for (unsigned r = 0; r < ROUNDS; r++)
        once(r);
    for (unsigned m = 0; m < MEASURES; m++)
        out[m] = median(b.ns[m]);
    struct end *all[] = {&b.tx, &b.rx, &b.lib, &b.gcm_tx, &b.gcm_rx};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        all[i]->ops->close_bank(all[i]->bank);
    free_mb_mgr(b.mgr);
}

static void figures(const char *suffix, const double ns[MEASURES])
{
    for (unsigned m = 0; m < MEASURES; m++)
        printf("FIGURE srtp_%s%s_ns %.1f ns\n", names[m], suffix, ns[m]);
    printf("FIGURE srtp_protect%s_floor_ratio %.2f times\n", suffix, ns[PROTECT] / ns[FLOOR]);
    printf("FIGURE srtp_unprotect%s_floor_ratio %.2f times\n", suffix, ns[UNPROTECT] / ns[FLOOR]);
    printf("FIGURE srtp_libsrtp%s_ratio %.1f times\n", suffix, ns[LIBSRTP] / ns[PROTECT]);
}

int main(void)
{
    static const char *const isa_name[JN_SRTP_ISA_N] = {"sse", "avx", "avx2", "avx512"};
    double ns[JN_SRTP_ISA_N][MEASURES];
    bool have[JN_SRTP_ISA_N] = {false};
    enum jn_srtp_isa best = jn_srtp_mb_isa();

    b.seed = 1;
    b.bytes = jn_large_pages((size_t)STREAMS * CAP);
    b.raw = jn_large_pages(sizeof *b.raw * STREAMS);
    b.raw_gcm = jn_large_pages(sizeof *b.raw_gcm * STREAMS);
    if (!b.bytes || !b.raw || !b.raw_gcm || best == JN_SRTP_ISA_N)
        die(best == JN_SRTP_ISA_N ? "this CPU has not the instructions for the batch engine" : "memory");
    for (uint32_t i = 0; i < STREAMS; i++)
        jn_random(b.key[i], sizeof b.key[i]);
    printf("%d streams, a key each, random order, bursts of %d, payload %d bytes; medians of %d rounds, ns a packet\n"
           "%-8s %8s %8s %9s %8s %8s %8s %9s\n",
           STREAMS, BURST, PAYLOAD, ROUNDS, "", "floor", "protect", "unprotect", "libsrtp", "gcm", "gcm open",
           "gcm floor");
    for (int isa = 0; isa <= (int)best; isa++) {
        struct jn_srtp_bank *bank;
        if (jn_srtp_mb_open_bank(&bank, 1, (enum jn_srtp_isa)isa) < 0)
            continue;
        jn_srtp_mb.close_bank(bank);
        have[isa] = true;
        measure((enum jn_srtp_isa)isa, ns[isa]);
        printf("%-8s", isa_name[isa]);
        for (unsigned m = 0; m < MEASURES; m++)
            printf(" %8.1f", ns[isa][m]);
        printf("\n");
        fflush(stdout);
    }
    printf("memory of a stream, both ways: AES-CM 128 %zu bytes, 192 and 256 %zu, GCM %zu\n",
           2 * jn_srtp_mb_context_bytes(JN_SUITE_AES128_SHA80), 2 * jn_srtp_mb_context_bytes(JN_SUITE_AES256_SHA80),
           2 * jn_srtp_mb_context_bytes(JN_SUITE_GCM128));
    printf("FIGURE srtp_stream_cm_bytes %zu bytes\nFIGURE srtp_stream_gcm_bytes %zu bytes\n",
           2 * jn_srtp_mb_context_bytes(JN_SUITE_AES128_SHA80), 2 * jn_srtp_mb_context_bytes(JN_SUITE_GCM128));
    for (int isa = JN_SRTP_AVX2; isa < (int)best; isa++)
        if (have[isa])
            figures(isa == JN_SRTP_AVX2 ? "_avx2" : "_avx512", ns[isa]);
    printf("the engine's choice here: %s\n", isa_name[best]);
    figures("", ns[best]);
    return 0;
}
