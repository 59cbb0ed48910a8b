/* Ref_libsrtp: SRTP by libsrtp2, the reference that faster engines are measured against. The sole user of srtp.h from
 * libsrtp2. The library allocates once for each new SSRC; beyond that nothing here does. */
#include "media/srtp/srtp.h"
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

struct jn_srtp {
    srtp_t session;
    uint8_t rtp_tag;
};

enum { RTP_HEADER = 12, RTCP_HEADER = 8, RTCP_TAG = 10, RTCP_INDEX = 4, REPLAY_WINDOW = 128 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool library_works;

static void start_library(void)
{
    library_works = srtp_init() == srtp_err_status_ok;
}

static void close_context(struct jn_srtp *s)
{
    if (s == NULL)
        return;
    srtp_dealloc(s->session); /* wipes the session keys */
    free(s);
}

static struct jn_srtp *open_context(enum jn_srtp_suite suite, const uint8_t *key, bool inbound)
{
    uint8_t master[JN_SRTP_KEY_MAX];
    srtp_policy_t policy = {
        .ssrc = {.type = inbound ? ssrc_any_inbound : ssrc_any_outbound}, .key = master, .window_size = REPLAY_WINDOW};
    unsigned bytes = jn_srtp_key_bytes(suite);
    pthread_once(&once, start_library);
    struct jn_srtp *s = bytes != 0 && library_works ? calloc(1, sizeof *s) : NULL;
    if (s == NULL)
        return NULL;
    /* RFC 4568 6.2: the 32-bit suite shortens RTP's tag only; SRTCP keeps 80 bits */
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
    if (suite == JN_SUITE_AES128_SHA32)
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp);
    else
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
    s->rtp_tag = (uint8_t)policy.rtp.auth_tag_len;
    memcpy(master, key, bytes);
    srtp_err_status_t rc = srtp_create(&s->session, &policy);
    explicit_bzero(master, sizeof master);
    if (rc != srtp_err_status_ok) {
        free(s);
        return NULL;
    }
    return s;
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
    int need = rtcp ? RTCP_HEADER + RTCP_INDEX + RTCP_TAG : RTP_HEADER + s->rtp_tag, len = pk->len;
    if (len < need || pk->data[0] >> 6 != 2)
        return JN_DROP_SHORT;
    srtp_err_status_t rc =
        rtcp ? srtp_unprotect_rtcp(s->session, pk->data, &len) : srtp_unprotect(s->session, pk->data, &len);
    if (rc != srtp_err_status_ok)
        return reason(rc);
    pk->len = (uint16_t)len;
    return JN_DROP_NONE;
}

static uint8_t seal_one(struct jn_srtp *s, struct jn_pkt *pk, bool rtcp)
{
    int len = pk->len;
    if (len < (rtcp ? RTCP_HEADER : RTP_HEADER) || pk->data[0] >> 6 != 2)
        return JN_DROP_SHORT;
    if (pk->cap < len + JN_SRTP_TRAILER_MAX)
        return JN_DROP_OVERSIZE;
    srtp_err_status_t rc =
        rtcp ? srtp_protect_rtcp(s->session, pk->data, &len) : srtp_protect(s->session, pk->data, &len);
    if (rc != srtp_err_status_ok)
        return reason(rc);
    pk->len = (uint16_t)len;
    return JN_DROP_NONE;
}

/* Runs one over the burst and moves the good ones to the front; both parts keep their order. libsrtp commits replay
 * state packet by packet, so a duplicate in the same burst is found. */
static unsigned each(struct jn_srtp *s, struct jn_pkt *pk[], unsigned n, bool rtcp,
                     uint8_t (*one)(struct jn_srtp *, struct jn_pkt *, bool))
{
    unsigned good = 0;
    for (unsigned i = 0; i < n; i++) {
        struct jn_pkt *p = pk[i];
        uint8_t why = one(s, p, rtcp);
        if (why != JN_DROP_NONE) {
            p->drop = why;
            continue;
        }
        if (i != good) /* the refused ones before it move up by one */
            memmove(pk + good + 1, pk + good, (i - good) * sizeof pk[0]);
        pk[good++] = p;
    }
    return good;
}

static unsigned open_burst(struct jn_srtp *s, struct jn_pkt *pk[], unsigned n, bool rtcp)
{
    return each(s, pk, n, rtcp, open_one);
}

static unsigned seal_burst(struct jn_srtp *s, struct jn_pkt *pk[], unsigned n, bool rtcp)
{
    return each(s, pk, n, rtcp, seal_one);
}

const struct jn_srtp_ops jn_srtp_libsrtp = {
    .open_context = open_context, .close_context = close_context, .open = open_burst, .seal = seal_burst};
