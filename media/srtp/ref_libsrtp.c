/* Ref_libsrtp: SRTP by libsrtp2, the reference that the batch engine is compared with, and the engine where the CPU
 * lacks what that one needs. The sole user of srtp.h from libsrtp2. The library allocates once for each new SSRC;
 * beyond that nothing here does. */
#include "media/srtp/shape.h"
#include "media/srtp/srtp.h"
#include <errno.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

struct jn_srtp_bank {
    struct jn_srtp *first;
};
struct jn_srtp {
    struct jn_srtp_bank *bank; /* NULL: none, this engine can do without */
    struct jn_srtp *next, *prev;
    srtp_t session;
    uint32_t ssrc[JN_SRTP_SENDERS_MAX];
    uint8_t senders;
    const struct jn_srtp_parts *parts;
    bool inbound;
};

enum { RTCP_INDEX = 4, REPLAY_WINDOW = 128, KEPT = 4 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool library_works, aes192_works;

static srtp_t open_session(enum jn_srtp_suite suite, const uint8_t *key, bool inbound);

/* Up to 2.7 the library, unless built on OpenSSL's own key derivation, derives keys of AES-192 with AES-256, so that
 * nobody else understands them: it is asked for the tag of an empty packet under the key of RFC 6188 7.4. */
static bool derives_aes192(void)
{
    static const uint8_t key[38] = {0x73, 0xed, 0xc6, 0x6c, 0x4f, 0xa1, 0x57, 0x76, 0xfb, 0x57, 0xf9, 0x50, 0x5c,
                                    0x17, 0x13, 0x65, 0x50, 0xff, 0xda, 0x71, 0xf3, 0xe8, 0xe5, 0xf1, 0xc8, 0x52,
                                    0x2f, 0x3a, 0xcd, 0x4c, 0xe8, 0x6d, 0x5a, 0xdd, 0x78, 0xed, 0xbb, 0x11},
                         tag[10] = {0xcc, 0xea, 0x70, 0xe8, 0x5d, 0xe5, 0x8f, 0xaf, 0x82, 0x90};
    uint8_t packet[JN_SRTP_RTP_HEADER + SRTP_MAX_TRAILER_LEN] = {0x80};
    int len = JN_SRTP_RTP_HEADER;
    srtp_t s = open_session(JN_SUITE_AES192_SHA80, key, false);
    bool right = s && srtp_protect(s, packet, &len) == srtp_err_status_ok &&
                 memcmp(packet + JN_SRTP_RTP_HEADER, tag, sizeof tag) == 0;

    if (s)
        srtp_dealloc(s);
    return right;
}

static void start_library(void)
{
    library_works = srtp_init() == srtp_err_status_ok;
    aes192_works = library_works && derives_aes192();
}

static int open_bank(struct jn_srtp_bank **out, uint32_t contexts)
{
    (void)contexts;
    pthread_once(&once, start_library);
    if (!library_works)
        return -ENOTSUP;
    *out = calloc(1, sizeof **out);
    return *out ? 0 : -ENOMEM;
}

static void close_context(struct jn_srtp *s)
{
    if (s == NULL)
        return;
    if (s->bank) {
        *(s->prev ? &s->prev->next : &s->bank->first) = s->next;
        if (s->next)
            s->next->prev = s->prev;
    }
    srtp_dealloc(s->session); /* wipes the session keys */
    free(s);
}

static void close_bank(struct jn_srtp_bank *b)
{
    if (b == NULL)
        return;
    while (b->first)
        close_context(b->first);
    free(b);
}

/* RFC 4568 6.2: the 32-bit suites shorten RTP's tag only; SRTCP keeps 80 bits. */
static void policy_of(enum jn_srtp_suite suite, srtp_policy_t *p)
{
    switch (suite) {
    case JN_SUITE_AES192_SHA80:
    case JN_SUITE_AES192_SHA32:
        srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80(&p->rtcp);
        break;
    case JN_SUITE_AES256_SHA80:
    case JN_SUITE_AES256_SHA32:
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&p->rtcp);
        break;
    case JN_SUITE_GCM128:
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&p->rtcp);
        break;
    case JN_SUITE_GCM256:
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&p->rtcp);
        break;
    case JN_SUITE_NULL_SHA80:
        srtp_crypto_policy_set_null_cipher_hmac_sha1_80(&p->rtcp);
        break;
    default:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p->rtcp);
        break;
    }
    p->rtp = p->rtcp;
    p->rtp.auth_tag_len = jn_srtp_parts(suite)->rtp_tag;
}

static srtp_t open_session(enum jn_srtp_suite suite, const uint8_t *key, bool inbound)
{
    uint8_t master[JN_SRTP_KEY_MAX];
    srtp_policy_t policy = {
        .ssrc = {.type = inbound ? ssrc_any_inbound : ssrc_any_outbound}, .key = master, .window_size = REPLAY_WINDOW};
    srtp_t session;

    policy_of(suite, &policy);
    memcpy(master, key, jn_srtp_key_bytes(suite));
    srtp_err_status_t rc = srtp_create(&session, &policy);
    explicit_bzero(master, sizeof master);
    return rc == srtp_err_status_ok ? session : NULL;
}

static struct jn_srtp *open_context(struct jn_srtp_bank *b, enum jn_srtp_suite suite, const uint8_t *key, bool inbound)
{
    const struct jn_srtp_parts *parts = jn_srtp_parts(suite);

    pthread_once(&once, start_library);
    bool can = parts && library_works && (parts->key != 24 || aes192_works);
    struct jn_srtp *s = can ? calloc(1, sizeof *s) : NULL;
    if (s == NULL)
        return NULL;
    s->session = open_session(suite, key, inbound);
    if (s->session == NULL) {
        free(s);
        return NULL;
    }
    s->parts = parts;
    s->inbound = inbound;
    s->bank = b;
    if (b) {
        s->next = b->first;
        if (s->next)
            s->next->prev = s;
        b->first = s;
    }
    return s;
}

/* The library takes a ROC for streams that it knows by name; so the last senders of `old` get one each, and new ones
 * find room. */
static bool keep_roc(struct jn_srtp *s, const struct jn_srtp *old, enum jn_srtp_suite suite, const uint8_t *key)
{
    uint8_t master[JN_SRTP_KEY_MAX];
    srtp_policy_t policy = {.key = master, .window_size = REPLAY_WINDOW};
    bool done = true;

    policy_of(suite, &policy);
    memcpy(master, key, jn_srtp_key_bytes(suite));
    for (unsigned i = old->senders > KEPT ? old->senders - KEPT : 0; done && i < old->senders; i++) {
        uint32_t roc;
        policy.ssrc = (srtp_ssrc_t){.type = ssrc_specific, .value = old->ssrc[i]};
        done = srtp_get_stream_roc(old->session, old->ssrc[i], &roc) == srtp_err_status_ok &&
               srtp_add_stream(s->session, &policy) == srtp_err_status_ok &&
               (roc == 0 || srtp_set_stream_roc(s->session, old->ssrc[i], roc) == srtp_err_status_ok);
        s->ssrc[s->senders++] = old->ssrc[i];
    }
    explicit_bzero(master, sizeof master);
    return done;
}

static struct jn_srtp *rekey(const struct jn_srtp *old, enum jn_srtp_suite suite, const uint8_t *key)
{
    struct jn_srtp *s = open_context(old->bank, suite, key, old->inbound);

    if (s && !keep_roc(s, old, suite, key)) {
        close_context(s);
        return NULL;
    }
    return s;
}

/* The place of the sender among those known, or behind them. */
static unsigned sender(const struct jn_srtp *s, const uint8_t *at)
{
    uint32_t ssrc = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    unsigned i = 0;

    while (i < s->senders && s->ssrc[i] != ssrc)
        i++;
    return i;
}

static void know(struct jn_srtp *s, unsigned i, const uint8_t *at)
{
    if (i < s->senders)
        return;
    s->ssrc[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    s->senders++;
}

static uint8_t reason(srtp_err_status_t rc)
{
    switch (rc) {
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
    case srtp_err_status_pkt_idx_old:
        return JN_DROP_REPLAY;
    case srtp_err_status_parse_err:
    case srtp_err_status_bad_param:
        return JN_DROP_SHORT;
    default:
        return JN_DROP_AUTH;
    }
}

static uint8_t open_one(struct jn_srtp *s, struct jn_pkt *pk, bool rtcp)
{
    int len = pk->len;
    if (rtcp ? len < JN_SRTP_RTCP_HEADER + RTCP_INDEX + s->parts->rtcp_tag || pk->data[0] >> 6 != 2
             : jn_srtp_header_in(pk->data, pk->len, s->parts->rtp_tag) == 0)
        return JN_DROP_SHORT;
    const uint8_t *ssrc = pk->data + (rtcp ? 4 : 8);
    unsigned who = sender(s, ssrc);
    if (who == JN_SRTP_SENDERS_MAX)
        return JN_DROP_SENDERS;
    srtp_err_status_t rc =
        rtcp ? srtp_unprotect_rtcp(s->session, pk->data, &len) : srtp_unprotect(s->session, pk->data, &len);
    if (rc != srtp_err_status_ok)
        return reason(rc);
    know(s, who, ssrc);
    pk->len = (uint16_t)len;
    return JN_DROP_NONE;
}

static uint8_t seal_one(struct jn_srtp *s, struct jn_pkt *pk, bool rtcp)
{
    int len = pk->len;
    if (rtcp ? len < JN_SRTP_RTCP_HEADER || pk->data[0] >> 6 != 2 : jn_srtp_header(pk->data, pk->len) == 0)
        return JN_DROP_SHORT;
    if (pk->cap < len + JN_SRTP_TRAILER_MAX)
        return JN_DROP_OVERSIZE;
    const uint8_t *ssrc = pk->data + (rtcp ? 4 : 8);
    unsigned who = sender(s, ssrc);
    if (who == JN_SRTP_SENDERS_MAX)
        return JN_DROP_SENDERS;
    srtp_err_status_t rc =
        rtcp ? srtp_protect_rtcp(s->session, pk->data, &len) : srtp_protect(s->session, pk->data, &len);
    if (rc != srtp_err_status_ok)
        return reason(rc);
    know(s, who, ssrc);
    pk->len = (uint16_t)len;
    return JN_DROP_NONE;
}

/* Runs one over the burst and moves the good ones to the front; both parts keep their order. libsrtp commits replay
 * state packet by packet, so a duplicate in the same burst is found. */
static unsigned each(struct jn_srtp *const ctx[], struct jn_pkt *pk[], unsigned n, bool rtcp,
                     uint8_t (*one)(struct jn_srtp *, struct jn_pkt *, bool))
{
    struct jn_pkt *bad[JN_PKT_BURST];
    unsigned good = 0, refused = 0;
    for (unsigned i = 0; i < n; i++) {
        uint8_t why = one(ctx[i], pk[i], rtcp);
        if (why == JN_DROP_NONE) {
            pk[good++] = pk[i];
        } else {
            pk[i]->drop = why;
            bad[refused++] = pk[i];
        }
    }
    memcpy(pk + good, bad, refused * sizeof bad[0]);
    return good;
}

static unsigned open_burst(struct jn_srtp *const ctx[], struct jn_pkt *pk[], unsigned n, bool rtcp)
{
    return each(ctx, pk, n, rtcp, open_one);
}

static unsigned seal_burst(struct jn_srtp *const ctx[], struct jn_pkt *pk[], unsigned n, bool rtcp)
{
    return each(ctx, pk, n, rtcp, seal_one);
}

const struct jn_srtp_ops jn_srtp_libsrtp = {.name = "libsrtp",
                                            .open_bank = open_bank,
                                            .close_bank = close_bank,
                                            .open_context = open_context,
                                            .rekey = rekey,
                                            .close_context = close_context,
                                            .open = open_burst,
                                            .seal = seal_burst};
