/* Session descriptions as SIPp, baresip, Linphone and Asterisk write them. */
#include "media/srtp/srtp.h"
#include "tests/media/sdp/sdp_rig.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(sdp, .timeout = 60);

#define SIPP                                                                                                           \
    "v=0\r\no=user1 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"                    \
    "m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
#define BARESIP                                                                                                        \
    "v=0\r\no=- 3214567890 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\na=tool:baresip 1.0.0\r\n"     \
    "m=audio 10002 RTP/SAVP 9 8 0 96 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"  \
    "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 stereo=1\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"       \
    "a=rtcp:10003\r\na=sendrecv\r\na=label:1\r\na=rtcp-rsize\r\na=ssrc:1 cname:x\r\na=ptime:20\r\n"                    \
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"                           \
    "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
#define LINPHONE                                                                                                       \
    "v=0\r\no=alice 2890 2891 IN IP6 2001:db8::7\r\ns=Talk\r\nc=IN IP6 2001:db8::7\r\nt=0 0\r\na=rtcp-xr:rcvr-rtt\r\n" \
    "a=record:off\r\nm=audio 7078 RTP/AVP 96 97 98 0 8 18 101 99 100\r\na=rtpmap:96 opus/48000/2\r\n"                  \
    "a=rtpmap:97 speex/16000\r\na=rtpmap:98 speex/8000\r\na=fmtp:98 vbr=on\r\na=rtpmap:101 telephone-event/48000\r\n"  \
    "a=rtpmap:99 telephone-event/16000\r\na=rtpmap:100 telephone-event/8000\r\na=rtcp-mux\r\na=maxptime:20\r\n"        \
    "a=ptime:40\r\nm=video 9078 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=inactive\r\n"
#define ASTERISK                                                                                                       \
    "v=0\r\no=- 1 2 IN IP4 198.51.100.1\r\ns=Asterisk\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"                           \
    "m=image 4000 udptl t38\r\nm=audio 14000 RTP/AVP 8 13 101\r\nc=IN IP4 198.51.100.2/127\r\n"                        \
    "a=rtpmap:8 pcma/8000/1\r\na=rtpmap:101 TELEPHONE-EVENT/8000\r\na=fmtp:101 0-16\r\na=maxptime:150\r\n"             \
    "a=rtcp:15001 IN IP4 198.51.100.3\r\na=sendonly\r\n"

static struct jn_sdp parsed(const char *text)
{
    struct jn_sdp s;
    struct jn_err err = {{0}};
    /* a copy of exactly that length, so that a sanitizer sees a step past the end */
    size_t n = strlen(text);
    char *copy = malloc(n);
    memcpy(copy, text, n);
    int rc = jn_sdp_parse(&s, copy, n, &err);
    free(copy);
    cr_assert_eq(rc, 0, "%s", err.text);
    return s;
}

static int refusal(const char *text, size_t n)
{
    struct jn_sdp s;
    struct jn_err err = {{0}};
    int rc = jn_sdp_parse(&s, text, n, &err);
    cr_assert(rc == 0 || err.text[0] != 0, "a refusal has its reason");
    return rc;
}

static bool at(const struct jn_addr *a, const char *ip, uint16_t port)
{
    struct jn_addr b = addr(ip, port);
    return jn_addr_equal(a, &b);
}

Test(sdp, reads_what_sipp_writes)
{
    struct jn_sdp s = parsed(SIPP);
    cr_assert(at(&s.audio.rtp, "127.0.0.1", 6000) && at(&s.audio.rtcp, "127.0.0.1", 6001));
    cr_assert(s.audio.codecs == 1 && s.audio.codec[0] == JN_CODEC_PCMU && s.audio.pt[0] == 0);
    cr_assert(s.audio.dtmf_pt == 255 && s.audio.cn_pt == 255 && s.audio.ptime_ms == 20 && !s.audio.savp);
    cr_assert_eq(s.session_version, 2353687637u);
    cr_assert_eq(s.mode, JN_MODE_SENDRECV);
}

Test(sdp, reads_what_baresip_writes)
{
    struct jn_sdp s = parsed(BARESIP);
    cr_assert(s.audio.savp && s.audio.cryptos == 2);
    static const uint8_t codecs[] = {JN_CODEC_G722, JN_CODEC_PCMA, JN_CODEC_PCMU, JN_CODEC_OPUS};
    cr_assert(s.audio.codecs == 4 && memcmp(s.audio.codec, codecs, 4) == 0 && s.audio.pt[3] == 96);
    cr_assert(s.audio.dtmf_pt == 101 && s.audio.dtmf48_pt == 255);
    cr_assert(s.audio.crypto[0].tag == 1 && s.audio.crypto[0].suite == JN_SUITE_AES128_SHA80);
    cr_assert_eq(memcmp(s.audio.crypto[0].key, "YS___semctl () {\t220;}\n}\nunles", 30), 0);
    cr_assert(s.audio.crypto[1].tag == 2 && s.audio.crypto[1].suite == JN_SUITE_AES128_SHA32);
}

Test(sdp, reads_what_linphone_writes)
{
    struct jn_sdp s = parsed(LINPHONE);
    cr_assert(at(&s.audio.rtp, "2001:db8::7", 7078) && at(&s.audio.rtcp, "2001:db8::7", 7078), "rtcp-mux");
    cr_assert(s.audio.rtcp_mux && s.audio.codecs == 3 && s.audio.codec[0] == JN_CODEC_OPUS);
    cr_assert(s.audio.codec[1] == JN_CODEC_PCMU && s.audio.codec[2] == JN_CODEC_PCMA);
    cr_assert(s.audio.dtmf_pt == 100 && s.audio.dtmf48_pt == 101, "one on each clock; 16000 is no clock of ours");
    cr_assert_eq(s.audio.ptime_ms, 20, "maxptime wins");
    cr_assert(s.media_count == 2 && s.audio.at == 0);
    cr_assert_str_eq(s.other_media[1], "m=video 0 RTP/AVP 96");
    cr_assert_eq(s.mode, JN_MODE_SENDRECV, "the video's direction is not ours");
}

Test(sdp, reads_what_asterisk_writes)
{
    struct jn_sdp s = parsed(ASTERISK);
    cr_assert(at(&s.audio.rtp, "198.51.100.2", 14000) && at(&s.audio.rtcp, "198.51.100.3", 15001));
    cr_assert(s.audio.codecs == 1 && s.audio.codec[0] == JN_CODEC_PCMA);
    cr_assert(s.audio.cn_pt == 13 && s.audio.dtmf_pt == 101);
    cr_assert(s.audio.at == 1 && s.mode == JN_MODE_SENDONLY);
    cr_assert_str_eq(s.other_media[0], "m=image 0 udptl t38");
}

Test(sdp, hold_is_seen_in_every_way_it_is_written)
{
    static const struct {
        const char *session, *c, *media;
        uint8_t mode;
    } v[] = {{"", "192.0.2.1", "a=sendonly\r\n", JN_MODE_SENDONLY},
             {"", "192.0.2.1", "a=inactive\r\n", JN_MODE_INACTIVE},
             {"a=sendonly\r\n", "192.0.2.1", "", JN_MODE_SENDONLY},
             {"", "0.0.0.0", "", JN_MODE_SENDONLY},
             {"a=inactive\r\n", "192.0.2.1", "a=sendrecv\r\n", JN_MODE_SENDRECV},
             {"", "0.0.0.0", "a=recvonly\r\n", JN_MODE_INACTIVE},
             {"", "0.0.0.0", "a=inactive\r\n", JN_MODE_INACTIVE}};
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        char text[400];
        snprintf(text, sizeof text,
                 "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 %s\nt=0 0\n%sm=audio 4000 RTP/AVP 0\n%s", v[i].c,
                 v[i].session, v[i].media);
        cr_assert_eq(parsed(text).mode, v[i].mode, "case %zu", i);
    }
}

static const char base[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";

static const char *with(const char *rest)
{
    static char text[3000];
    snprintf(text, sizeof text, "%s%s", base, rest);
    return text;
}

Test(sdp, keys_that_we_cannot_use_are_skipped)
{
    static const char key[] = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    static const struct {
        const char *suite, *more;
        unsigned cryptos;
    } v[] = {{"AES_CM_128_HMAC_SHA1_80", "", 1},
             {"AES_CM_128_HMAC_SHA1_80", "|2^20", 1},
             {"AES_CM_128_HMAC_SHA1_80", "|1048576 WSH=128", 1},
             {"AES_CM_128_HMAC_SHA1_80", "|2^20|1:4", 0},
             {"AES_CM_128_HMAC_SHA1_80", "|1:4", 0},
             {"AES_CM_128_HMAC_SHA1_80", " UNENCRYPTED_SRTP", 0},
             {"AES_CM_128_HMAC_SHA1_80", " -future=1", 1},
             {"AES_256_CM_HMAC_SHA1_80", "", 0},
             {"AES_CM_128_HMAC_SHA1_80", "A", 0},
             {"AES_CM_128_HMAC_SHA1_80", "|2^20;inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|2:4", 0}};
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        char text[400];
        snprintf(text, sizeof text, "m=audio 4000 RTP/SAVP 0\r\na=crypto:7 %s %s%s\r\n", v[i].suite, key, v[i].more);
        cr_assert_eq(parsed(with(text)).audio.cryptos, v[i].cryptos, "case %zu", i);
    }
}

Test(sdp, malformed_text_is_refused_with_a_reason)
{
    static const char *const bad[] = {"",
                                      "v=1\r\n",
                                      "hello",
                                      "o=- 1 1 IN IP4 1.1.1.1\r\nv=0\r\n",
                                      "v=0\r\ns=-\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n",
                                      "v=0\r\no=-\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(refusal(bad[i], strlen(bad[i])), -EBADMSG, "case %zu", i);
    static const char *const lines[] = {"m=audio x RTP/AVP 0\r\n",
                                        "m=audio 70000 RTP/AVP 0\r\n",
                                        "m=audio 4000 RTP/AVP\r\n",
                                        "m=audio 4000 RTP/AVP 128\r\n",
                                        "m=audio 4000 RTP/AVP a\r\n",
                                        "xx\r\n",
                                        "A=b\r\n",
                                        "m=audio 4000 RTP/AVP 0\r\na=rtpmap:200 PCMU/8000\r\n",
                                        "m=audio 4000 RTP/AVP 0\r\na=rtcp:99999\r\n",
                                        "m=audio 4000 RTP/SAVP 0\r\na=crypto:x y z\r\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert_eq(refusal(with(lines[i]), strlen(with(lines[i]))), -EBADMSG, "line %zu", i);
    cr_assert_eq(refusal("v=0\0\n", 5), -EBADMSG);
    char *big = calloc(1, JN_SDP_MAX + 1);
    memset(big, 'a', JN_SDP_MAX + 1);
    cr_assert_eq(refusal(big, JN_SDP_MAX + 1), -EBADMSG);
    free(big);
}

Test(sdp, what_we_cannot_do_is_not_supported)
{
    static const char *const lines[] = {"",
                                        "m=audio 0 RTP/AVP 0\r\n",
                                        "m=audio 4000 RTP/AVP 3 18\r\n",
                                        "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 G728/8000\r\n",
                                        "m=audio 4000 TCP/RTP/AVP 0\r\n",
                                        "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 host.example\r\n",
                                        "m=video 4000 RTP/AVP 96\r\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[500];
        snprintf(text, sizeof text, "%s%s", i == 5 ? "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n" : base, lines[i]);
        cr_assert_eq(refusal(text, strlen(text)), -ENOTSUP, "case %zu", i);
    }
    char many[1000] = "";
    for (int i = 0; i <= JN_SDP_MEDIA_MAX; i++)
        strcat(many, "m=audio 4000 RTP/AVP 0\r\n");
    cr_assert_eq(refusal(with(many), strlen(with(many))), -ENOTSUP);
}

Test(sdp, every_cut_is_survived)
{
    static const char *const all[] = {SIPP, BARESIP, LINPHONE, ASTERISK};
    for (size_t k = 0; k < 4; k++)
        for (size_t n = 0; n < strlen(all[k]); n++) {
            char *copy = malloc(n + 1);
            memcpy(copy, all[k], n);
            int rc = refusal(copy, n);
            cr_assert(rc == 0 || rc == -EBADMSG || rc == -ENOTSUP);
            free(copy);
        }
}

static struct jn_sdp_local ours(uint8_t suite)
{
    struct jn_sdp_local l = {.rtp = addr("192.0.2.99", 20000),
                             .session_id = 12,
                             .version = 3,
                             .codec = {JN_CODEC_PCMA, JN_CODEC_PCMU},
                             .pt = {8, 0},
                             .codecs = 2,
                             .dtmf_pt = 101,
                             .ptime_ms = 20,
                             .suite = suite,
                             .crypto_tag = suite != 0};
    for (unsigned i = 0; i < sizeof l.key; i++)
        l.key[i] = (uint8_t)(i * 7 + 1);
    return l;
}

Test(sdp, an_offer_of_ours_answered_by_ourselves_fits_both_sides)
{
    for (uint8_t suite = 0; suite < JN_SUITE_NULL_SHA80; suite++) {
        char text[JN_SDP_MAX];
        struct jn_err err = {{0}};
        struct jn_sdp_local caller = ours(suite), callee = ours(suite);
        struct jn_leg_remote at_callee = {0}, at_caller = {0};
        callee.key[0] ^= 0xff;
        callee.rtp = addr("2001:db8::1", 30000);
        cr_assert_gt(jn_sdp_write(text, sizeof text, &caller, NULL), 0);
        struct jn_sdp offer = parsed(text);
        int mode = suite ? JN_SDP_SRTP_REQUIRED : JN_SDP_SRTP_OFF;
        cr_assert_eq(jn_sdp_answer_to(&callee, &at_callee, &offer, mode, &err), 0, "%s", err.text);
        cr_assert_eq(at_callee.codec, JN_CODEC_PCMA);
        cr_assert(at(&at_callee.rtp, "192.0.2.99", 20000));
        int n = jn_sdp_write(text, sizeof text, &callee, &offer);
        cr_assert_gt(n, 0);
        struct jn_sdp answer = parsed(text);
        cr_assert_eq(jn_sdp_accept(&at_caller, &caller, &answer, &err), 0, "%s", err.text);
        cr_assert(at(&at_caller.rtp, "2001:db8::1", 30000) && at_caller.dtmf_pt == 101 && at_caller.rtp_pt == 8);
        cr_assert_eq(at_caller.suite, suite);
        if (suite) {
            unsigned bytes = jn_srtp_key_bytes((enum jn_srtp_suite)suite);
            cr_assert_eq(memcmp(at_caller.key_in, callee.key, bytes), 0);
            cr_assert_eq(memcmp(at_caller.key_out, caller.key, bytes), 0);
            cr_assert_eq(memcmp(at_callee.key_in, caller.key, bytes), 0);
        }
        for (size_t size = 1; size <= (size_t)n; size++)
            cr_assert_eq(jn_sdp_write(text, size, &callee, &offer), -ENOSPC);
    }
}

Test(sdp, the_policy_chooses_between_plain_and_secure)
{
    static const char avp[] = "m=audio 4000 RTP/AVP 0\r\n";
    static const char savp[] = "m=audio 5000 RTP/SAVP 8\r\na=crypto:4 AES_CM_128_HMAC_SHA1_32 "
                               "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";
    static const char keyless[] = "m=audio 5000 RTP/SAVP 8\r\n";
    static const struct {
        const char *a, *b;
        int mode, rc;
        uint16_t port;
    } v[] = {{avp, "", JN_SDP_SRTP_OFF, 0, 4000},
             {avp, "", JN_SDP_SRTP_OPTIONAL, 0, 4000},
             {avp, "", JN_SDP_SRTP_REQUIRED, -ENOTSUP, 0},
             {savp, "", JN_SDP_SRTP_OFF, -ENOTSUP, 0},
             {savp, "", JN_SDP_SRTP_OPTIONAL, 0, 5000},
             {savp, "", JN_SDP_SRTP_REQUIRED, 0, 5000},
             {avp, savp, JN_SDP_SRTP_OFF, 0, 4000},
             {avp, savp, JN_SDP_SRTP_OPTIONAL, 0, 5000},
             {avp, savp, JN_SDP_SRTP_REQUIRED, 0, 5000},
             {savp, avp, JN_SDP_SRTP_OFF, 0, 4000},
             {keyless, avp, JN_SDP_SRTP_OPTIONAL, 0, 4000},
             {keyless, "", JN_SDP_SRTP_OPTIONAL, -ENOTSUP, 0},
             {keyless, avp, JN_SDP_SRTP_REQUIRED, -ENOTSUP, 0}};
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        char text[600], out[JN_SDP_MAX];
        struct jn_err err = {{0}};
        struct jn_sdp_local l = ours(0);
        struct jn_leg_remote r = {0};
        snprintf(text, sizeof text, "%sm=video 6000 RTP/AVP 96\r\n%s%s", base, v[i].a, v[i].b);
        struct jn_sdp offer = parsed(text);
        cr_assert_eq(jn_sdp_answer_to(&l, &r, &offer, v[i].mode, &err), v[i].rc, "case %zu: %s", i, err.text);
        if (v[i].rc != 0) {
            cr_assert_neq(err.text[0], 0);
            continue;
        }
        cr_assert_eq(r.rtp.port, v[i].port, "case %zu", i);
        cr_assert(jn_sdp_write(out, sizeof out, &l, &offer) > 0);
        /* one m= line for each of the offer's, in order, and a port in ours only */
        const char *p = out;
        for (unsigned k = 0; k < offer.media_count; k++) {
            p = strstr(p, "\r\nm=");
            cr_assert_not_null(p);
            p += 4;
            cr_assert_eq(strstr(p, " 0 RTP") == NULL || strstr(p, " 0 RTP") > strchr(p, '\r'), k == l.media_at,
                         "case %zu, line %u of\n%s", i, k, out);
        }
        cr_assert_null(strstr(p, "\r\nm="));
    }
}

Test(sdp, directions_are_turned_round)
{
    static const char *const theirs[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
    static const uint8_t expected[] = {JN_MODE_SENDRECV, JN_MODE_RECVONLY, JN_MODE_SENDONLY, JN_MODE_INACTIVE};
    for (unsigned i = 0; i < 4; i++) {
        char text[400], out[JN_SDP_MAX];
        struct jn_err err = {{0}};
        struct jn_sdp_local l = ours(0);
        struct jn_leg_remote r = {0};
        snprintf(text, sizeof text, "m=audio 4000 RTP/AVP 0\r\na=%s\r\n", theirs[i]);
        struct jn_sdp offer = parsed(with(text));
        cr_assert_eq(jn_sdp_answer_to(&l, &r, &offer, JN_SDP_SRTP_OFF, &err), 0);
        cr_assert_eq(r.mode, expected[i]);
        jn_sdp_write(out, sizeof out, &l, &offer);
        cr_assert_eq(parsed(out).mode, expected[i]);
    }
}

Test(sdp, answers_that_do_not_fit_our_offer_are_refused)
{
    static const struct {
        uint8_t suite;
        const char *answer;
    } v[] = {{JN_SUITE_NONE, "m=audio 4000 RTP/SAVP 0\r\n"},
             {JN_SUITE_AES128_SHA80, "m=audio 4000 RTP/AVP 0\r\n"},
             {JN_SUITE_AES128_SHA80, "m=audio 4000 RTP/SAVP 0\r\n"},
             {JN_SUITE_AES128_SHA80, "m=audio 4000 RTP/SAVP 0\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 "
                                     "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"},
             {JN_SUITE_AES128_SHA80, "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_32 "
                                     "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"},
             {JN_SUITE_NONE, "m=video 0 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 0\r\n"}};
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        struct jn_err err = {{0}};
        struct jn_sdp_local l = ours(v[i].suite);
        struct jn_leg_remote r = {.rtp_pt = 77};
        struct jn_sdp answer = parsed(with(v[i].answer));
        cr_assert_eq(jn_sdp_accept(&r, &l, &answer, &err), -ENOTSUP, "case %zu", i);
        cr_assert_neq(err.text[0], 0);
        cr_assert_eq(r.rtp_pt, 77, "untouched");
    }
    struct jn_err err = {{0}};
    struct jn_sdp_local l = ours(0);
    struct jn_leg_remote r;
    l.codecs = 1; /* A-law only */
    struct jn_sdp answer = parsed(with("m=audio 4000 RTP/AVP 0\r\n"));
    cr_assert_eq(jn_sdp_accept(&r, &l, &answer, &err), -ENOTSUP);
}

/* Codecs. */

#define PHONE(formats, more) "m=audio 4000 RTP/AVP " formats "\r\n" more
#define OPUS96               "a=rtpmap:96 opus/48000/2\r\n"

static struct jn_sdp_codecs codecs_of(const uint8_t *list, uint8_t n)
{
    struct jn_sdp_codecs c = jn_sdp_codecs_all;
    memset(c.codec, 0, sizeof c.codec);
    memcpy(c.codec, list, n);
    c.n = n;
    c.in_order = true;
    return c;
}

/* Answers text; the codec, or -1. */
static int answer_to(const char *text, const struct jn_sdp_codecs *allowed, struct jn_sdp_local *l,
                     struct jn_leg_remote *r, char out[static JN_SDP_MAX])
{
    struct jn_err err = {{0}};
    struct jn_sdp offer = parsed(with(text));
    *l = (struct jn_sdp_local){.rtp = addr("192.0.2.99", 20000), .allowed = allowed};
    *r = (struct jn_leg_remote){0};
    if (jn_sdp_answer_to(l, r, &offer, JN_SDP_SRTP_OFF, &err) != 0)
        return -1;
    cr_assert_gt(jn_sdp_write(out, JN_SDP_MAX, l, &offer), 0);
    return r->codec;
}

Test(sdp, the_configured_order_chooses_the_codec_and_without_one_the_offers)
{
    static const uint8_t wide[] = {JN_CODEC_OPUS, JN_CODEC_G722}, narrow[] = {JN_CODEC_PCMA};
    static const char *const offer = PHONE("0 8 9 96", OPUS96);
    struct jn_sdp_codecs a = codecs_of(wide, 2), b = codecs_of(narrow, 1);
    struct jn_sdp_local l;
    struct jn_leg_remote r;
    char out[JN_SDP_MAX];
    cr_assert_eq(answer_to(offer, NULL, &l, &r, out), JN_CODEC_PCMU);
    cr_assert_eq(answer_to(offer, &a, &l, &r, out), JN_CODEC_OPUS);
    cr_assert_eq(answer_to(offer, &b, &l, &r, out), JN_CODEC_PCMA);
    cr_assert_eq(answer_to(PHONE("9 0", ""), &a, &l, &r, out), JN_CODEC_G722);
    cr_assert(strstr(out, "a=rtpmap:9 G722/8000\r\n") != NULL, "%s", out);
    cr_assert_eq(answer_to(PHONE("0 8", ""), &a, &l, &r, out), -1, "nothing in common");
}

Test(sdp, opus_is_answered_with_its_own_type_clock_events_and_bounds)
{
    struct jn_sdp_local l;
    struct jn_leg_remote r;
    char out[JN_SDP_MAX];
    static const char *const offer = PHONE(
        "107 0 101 102", "a=rtpmap:107 OPUS/48000/2\r\na=fmtp:107 minptime=10; useinbandfec=1;maxaveragebitrate=20000;"
                         "stereo=1;x\r\na=rtpmap:101 telephone-event/8000\r\n"
                         "a=rtpmap:102 telephone-event/48000\r\na=ptime:30\r\na=maxptime:60\r\n");
    cr_assert_eq(answer_to(offer, NULL, &l, &r, out), JN_CODEC_OPUS);
    cr_assert(r.rtp_pt == 107 && r.dtmf_pt == 102 && r.ptime_ms == 20, "pt %u events %u ptime %u", r.rtp_pt, r.dtmf_pt,
              r.ptime_ms);
    cr_assert(r.profile.fec && !r.profile.dtx && r.profile.bitrate == 20000);
    cr_assert(strstr(out,
                     "RTP/AVP 107 102\r\na=rtpmap:107 opus/48000/2\r\na=fmtp:107 minptime=10;useinbandfec=1;"
                     "maxaveragebitrate=32000\r\na=rtpmap:102 telephone-event/48000\r\na=fmtp:102 0-15\r\n") != NULL,
              "%s", out);
    /* the peer says nothing of redundancy: it is not sent; it asks for DTX: it gets it; events have only one clock */
    cr_assert_eq(answer_to(PHONE("96 101", OPUS96 "a=fmtp:96 usedtx=1\r\na=rtpmap:101 telephone-event/8000\r\n"), NULL,
                           &l, &r, out),
                 JN_CODEC_OPUS);
    cr_assert(!r.profile.fec && r.profile.dtx && r.profile.bitrate == 32000 && r.dtmf_pt == 101);
    cr_assert(strstr(out, "a=rtpmap:101 telephone-event/8000\r\n") != NULL, "%s", out);
    /* one channel is not Opus (RFC 7587 7) */
    cr_assert_eq(answer_to(PHONE("96 0", "a=rtpmap:96 opus/48000\r\n"), NULL, &l, &r, out), JN_CODEC_PCMU);
    static const uint8_t asked[] = {10, 20, 30, 40, 50, 60}, given[] = {10, 20, 20, 40, 40, 60};
    for (size_t i = 0; i < sizeof asked; i++) {
        char text[300];
        snprintf(text, sizeof text, PHONE("96", OPUS96) "a=ptime:60\r\na=maxptime:%u\r\n", asked[i]);
        cr_assert_eq(answer_to(text, NULL, &l, &r, out), JN_CODEC_OPUS);
        cr_assert_eq(r.ptime_ms, given[i], "%u ms", asked[i]);
    }
}

Test(sdp, comfort_noise_is_answered_where_it_is_wanted)
{
    static const uint8_t list[] = {JN_CODEC_PCMU, JN_CODEC_OPUS};
    struct jn_sdp_codecs a = codecs_of(list, 2);
    struct jn_sdp_local l;
    struct jn_leg_remote r;
    char out[JN_SDP_MAX];
    cr_assert_eq(answer_to(PHONE("0 13", ""), &a, &l, &r, out), JN_CODEC_PCMU);
    cr_assert(l.cn_pt == 0 && strstr(out, "CN/8000") == NULL);
    a.cn = true;
    cr_assert_eq(answer_to(PHONE("0 13", ""), &a, &l, &r, out), JN_CODEC_PCMU);
    cr_assert(strstr(out, "RTP/AVP 0 13\r\n") && strstr(out, "a=rtpmap:13 CN/8000\r\n"), "%s", out);
}

Test(sdp, an_offer_of_all_codecs_is_read_as_it_was_meant)
{
    char text[JN_SDP_MAX];
    struct jn_err err = {{0}};
    struct jn_sdp_codecs all = jn_sdp_codecs_all;
    struct jn_sdp_local l = {.rtp = addr("192.0.2.99", 20000), .allowed = &all, .ptime_ms = 20};
    all.cn = true;
    for (uint8_t first = 0; first <= JN_CODEC_N; first++) {
        jn_sdp_offer_codecs(&l, first);
        cr_assert_gt(jn_sdp_write(text, sizeof text, &l, NULL), 0);
        struct jn_sdp s = parsed(text);
        cr_assert(s.codecs == JN_CODEC_N && s.codec[0] == (first < JN_CODEC_N ? first : JN_CODEC_PCMU));
        cr_assert(s.dtmf_pt == 101 && s.dtmf48_pt == 110 && s.cn_pt == 13 && s.opus.fec && s.opus.bitrate == 32000);
        struct jn_leg_remote r = {0};
        cr_assert_eq(jn_sdp_accept(&r, &l, &s, &err), 0, "%s", err.text);
        cr_assert(r.codec == s.codec[0] && r.dtmf_pt == (r.codec == JN_CODEC_OPUS ? 110 : 101));
    }
    all = codecs_of((const uint8_t[]){JN_CODEC_OPUS}, 1);
    jn_sdp_offer_codecs(&l, JN_CODEC_PCMU);
    cr_assert_gt(jn_sdp_write(text, sizeof text, &l, NULL), 0);
    cr_assert(l.codecs == 1 && strstr(text, "RTP/AVP 111 110\r\n"), "%s", text);
}
