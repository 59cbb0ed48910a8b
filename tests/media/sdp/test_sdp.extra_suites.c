/* Sdp suites: which SRTP suites are offered, taken and refused. */
#include "media/sdp/sdp.h"
#include "media/srtp/srtp.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SDP_HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n"
#define KEY30    "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
#define KEY28    "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubA=="

static struct jn_sdp described(const char *text)
{
    struct jn_sdp s;
    struct jn_err err = {{0}};
    cr_assert_eq(jn_sdp_parse(&s, text, strlen(text), &err), 0, "%s", err.text);
    return s;
}

static struct jn_sdp_local side(uint8_t fill, const struct jn_sdp_codecs *allowed)
{
    struct jn_sdp_local l = {.session_id = 1, .ptime_ms = 20, .suite = JN_SUITE_AES128_SHA80, .crypto_tag = 1};
    l.rtp = (struct jn_addr){.family = JN_ADDR_V4, .port = 20000};
    l.allowed = allowed;
    jn_sdp_offer_codecs(&l, JN_CODEC_PCMU);
    for (unsigned i = 0; i < sizeof l.key; i++)
        l.key[i] = (uint8_t)(fill + 3 * i);
    return l;
}

Test(sdp, an_offer_names_the_first_suites_and_the_one_taken_is_kept)
{
    char text[JN_SDP_MAX];
    struct jn_err err = {{0}};
    struct jn_sdp_codecs only_gcm = jn_sdp_codecs_all;
    only_gcm.suite[0] = JN_SUITE_GCM128;
    only_gcm.suites = 1;
    struct jn_sdp_local caller = side(1, NULL), callee = side(9, &only_gcm);
    struct jn_leg_remote at_callee = {0}, at_caller = {0};
    cr_assert_gt(jn_sdp_write(text, sizeof text, &caller, NULL), 0);
    cr_assert(strstr(text, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:") != NULL, "%s", text);
    cr_assert(strstr(text, "a=crypto:2 AEAD_AES_128_GCM inline:") != NULL, "%s", text);
    cr_assert(strstr(text, "a=crypto:3") == NULL);
    struct jn_sdp offer = described(text);
    cr_assert_neq(memcmp(offer.audio.crypto[0].key, offer.audio.crypto[1].key, 16), 0, "a key for each");
    cr_assert_eq(jn_sdp_answer_to(&callee, &at_callee, &offer, JN_SDP_SRTP_REQUIRED, &err), 0, "%s", err.text);
    cr_assert(callee.suite == JN_SUITE_GCM128 && callee.crypto_tag == 2);
    cr_assert_gt(jn_sdp_write(text, sizeof text, &callee, &offer), 0);
    struct jn_sdp answer = described(text);
    cr_assert_eq(answer.audio.cryptos, 1);
    cr_assert_eq(jn_sdp_accept(&at_caller, &caller, &answer, &err), 0, "%s", err.text);
    cr_assert(caller.suite == JN_SUITE_GCM128 && caller.crypto_tag == 2 && at_caller.suite == JN_SUITE_GCM128);
    unsigned bytes = jn_srtp_key_bytes(JN_SUITE_GCM128);
    cr_assert_eq(memcmp(at_caller.key_out, at_callee.key_in, bytes), 0);
    cr_assert_eq(memcmp(at_caller.key_in, callee.key, bytes), 0);
    cr_assert_eq(memcmp(at_caller.key_out, caller.key, bytes), 0, "the next offer keeps the key");
    cr_assert_gt(jn_sdp_write(text, sizeof text, &caller, NULL), 0);
    cr_assert(strstr(text, "a=crypto:2 AEAD_AES_128_GCM") && !strstr(text, "AES_CM_128"), "and nothing else: %s", text);
}

Test(sdp, the_peers_order_counts_among_the_suites_that_are_allowed)
{
    static const struct {
        const char *lines;
        int suite;
    } v[] = {{"a=crypto:1 NULL_HMAC_SHA1_80 " KEY30 "\r\n", -1},
             {"a=crypto:1 NULL_HMAC_SHA1_80 " KEY30 "\r\na=crypto:2 AEAD_AES_128_GCM " KEY28 "\r\n", JN_SUITE_GCM128},
             {"a=crypto:1 AES_CM_128_HMAC_SHA1_32 " KEY30 "\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 " KEY30 "\r\n",
              JN_SUITE_AES128_SHA32},
             {"a=crypto:1 AEAD_AES_128_GCM " KEY30 "\r\n", -1},
             {"a=crypto:1 F8_128_HMAC_SHA1_80 " KEY30 "\r\n", -1}};
    for (unsigned i = 0; i < sizeof v / sizeof v[0]; i++) {
        char text[JN_SDP_MAX];
        struct jn_err err = {{0}};
        struct jn_sdp_local l = side(1, NULL);
        struct jn_leg_remote r = {0};
        snprintf(text, sizeof text, "%s%s", SDP_HEAD, v[i].lines);
        struct jn_sdp offer = described(text);
        int rc = jn_sdp_answer_to(&l, &r, &offer, JN_SDP_SRTP_REQUIRED, &err);
        cr_assert_eq(rc, v[i].suite < 0 ? -ENOTSUP : 0, "case %u: %d %s", i, rc, err.text);
        if (rc == 0)
            cr_assert_eq(r.suite, v[i].suite, "case %u", i);
    }
}

/* RFC 6904 4: who does not encrypt header extensions leaves the extension out of the answer, and it is not used. */
Test(sdp, encrypted_header_extensions_are_not_taken)
{
    char text[JN_SDP_MAX];
    struct jn_err err = {{0}};
    struct jn_sdp_local l = side(1, NULL);
    struct jn_leg_remote r = {0};
    struct jn_sdp offer = described(SDP_HEAD "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY30 "\r\n"
                                             "a=extmap:1 urn:ietf:params:rtp-hdrext:encrypt "
                                             "urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n");
    cr_assert_eq(jn_sdp_answer_to(&l, &r, &offer, JN_SDP_SRTP_REQUIRED, &err), 0, "%s", err.text);
    cr_assert_gt(jn_sdp_write(text, sizeof text, &l, &offer), 0);
    cr_assert(strstr(text, "extmap") == NULL && strstr(text, "a=crypto:1 ") != NULL, "%s", text);
}
