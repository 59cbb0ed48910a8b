/* STUN against RFC 5769's vectors, checks judged as a lite agent must, what is told and heard in SDP. */
#include "engine/base/str.h"
#include "media/ice/lite.h"
#include "media/sdp/sdp.h"
#include "tests/media/ice/check.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(sha1);
TestSuite(stun);
TestSuite(ice);
TestSuite(sdp_browser);

static struct jn_addr addr(const char *ip, uint16_t port)
{
    struct jn_addr a;
    cr_assert_eq(jn_addr_parse(&a, ip, port), 0);
    return a;
}

/* ---- SHA-1 ---- */

static void hash_is(const char *text, unsigned times, const char *hex)
{
    struct jn_sha1 s;
    uint8_t out[JN_SHA1];
    char got[2 * JN_SHA1 + 1];
    jn_sha1_init(&s);
    for (unsigned i = 0; i < times; i++)
        jn_sha1_add(&s, text, strlen(text));
    jn_sha1_end(&s, out);
    jn_hex(got, out, sizeof out);
    cr_assert_str_eq(got, hex);
}

Test(sha1, is_that_of_rfc_3174)
{
    hash_is("abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    hash_is("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    hash_is("0123456701234567012345670123456701234567012345670123456701234567", 10,
            "dea356a2cddd90c7a7ecedc5ebb563934f460452");
    hash_is("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

Test(sha1, pieces_of_any_length_give_the_same)
{
    uint8_t bytes[300], whole[JN_SHA1], parts[JN_SHA1];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    for (size_t n = 0; n < sizeof bytes; n += 13)
        for (size_t cut = 0; cut <= n; cut += 5) {
            struct jn_sha1 s;
            jn_sha1_init(&s);
            jn_sha1_add(&s, bytes, n);
            jn_sha1_end(&s, whole);
            jn_sha1_init(&s);
            jn_sha1_add(&s, bytes, cut);
            jn_sha1_add(&s, bytes + cut, n - cut);
            jn_sha1_end(&s, parts);
            cr_assert_eq(memcmp(whole, parts, JN_SHA1), 0, "n %zu cut %zu", n, cut);
        }
}

/* RFC 2202 3: cases 1, 2, 6 (a key longer than a block). */
Test(sha1, hmac_is_that_of_rfc_2202)
{
    static const struct {
        const char *key, *data, *hex;
    } c[] = {
        {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
         "b617318655057264e28bc0b6fb378c8ef146be00"},
        {"Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {NULL, "Test Using Larger Than Block-Size Key - Hash Key First", "aa4ae5e15272d00e95705637ce8a3b55ed402112"}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char big[81] = {0};
        memset(big, 0xaa, 80);
        const char *key = c[i].key ? c[i].key : big;
        struct jn_hmac_sha1 k;
        struct jn_sha1 s;
        uint8_t out[JN_SHA1];
        char got[2 * JN_SHA1 + 1];
        jn_hmac_sha1_key(&k, key, strlen(key));
        jn_hmac_sha1_begin(&k, &s);
        jn_sha1_add(&s, c[i].data, strlen(c[i].data));
        jn_hmac_sha1_end(&k, &s, out);
        jn_hex(got, out, sizeof out);
        cr_assert_str_eq(got, c[i].hex);
    }
}

/* ---- STUN: RFC 5769 2.1, 2.2, 2.3 ---- */

static const uint8_t sample[] =
    "\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x10STUN test client"
    "\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09"
    "evtj:h6vY   \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2"
    "\x80\x28\x00\x04\xe5\x7a\x3b\xcf";
enum { SAMPLE = sizeof sample - 1 };
static const char sample_pwd[] = "VOkJxbRl1RmTxUk/WvJxBt";

Test(stun, the_sample_request_of_rfc_5769_is_read_and_found_authentic)
{
    struct jn_stun s;
    struct jn_hmac_sha1 key, other;
    jn_hmac_sha1_key(&key, sample_pwd, strlen(sample_pwd));
    jn_hmac_sha1_key(&other, "VOkJxbRl1RmTxUk/WvJxBu", 22);
    cr_assert_eq(jn_stun_parse(&s, sample, SAMPLE), 0);
    cr_assert(s.method == 1 && s.cls == JN_STUN_REQUEST && s.fingerprint == 1 && s.unknown == 0);
    cr_assert(s.has_priority && s.priority == 0x6e0001ffu && s.controlled && !s.controlling && !s.use_candidate);
    cr_assert_eq(s.tie_breaker, 0x932ff9b151263b36u);
    cr_assert(s.username_len == 9 && memcmp(s.username, "evtj:h6vY", 9) == 0);
    cr_assert(jn_stun_authentic(&s, sample, &key));
    cr_assert(!jn_stun_authentic(&s, sample, &other));
}

Test(stun, any_flipped_bit_is_noticed)
{
    struct jn_hmac_sha1 key;
    jn_hmac_sha1_key(&key, sample_pwd, strlen(sample_pwd));
    for (unsigned bit = 0; bit < 8 * SAMPLE; bit++) {
        uint8_t bytes[SAMPLE];
        struct jn_stun s;
        memcpy(bytes, sample, SAMPLE);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (jn_stun_parse(&s, bytes, SAMPLE) < 0)
            continue;
        cr_assert(s.fingerprint != 1, "bit %u", bit);
        if (bit / 8 < SAMPLE - 8) /* FINGERPRINT is not under MESSAGE-INTEGRITY */
            cr_assert(!jn_stun_authentic(&s, bytes, &key), "bit %u", bit);
    }
}

Test(stun, every_truncation_is_refused)
{
    struct jn_stun s;
    for (size_t n = 0; n < SAMPLE; n++) {
        uint8_t bytes[SAMPLE];
        memcpy(bytes, sample, n);
        cr_assert_eq(jn_stun_parse(&s, bytes, n), -EBADMSG, "%zu", n);
        if (n >= 20 && n % 4 == 0) { /* also with a length that agrees, when an attribute is cut */
            bytes[3] = (uint8_t)(n - 20);
            int rc = jn_stun_parse(&s, bytes, n);
            cr_assert(rc == -EBADMSG || s.fingerprint == 0, "%zu", n);
        }
    }
}

Test(stun, answers_carry_the_addresses_of_rfc_5769)
{
    static const uint8_t v4[] = "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43";
    static const uint8_t v6[] =
        "\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";
    struct jn_addr four = addr("192.0.2.1", 32853), six = addr("2001:db8:1234:5678:11:2233:4455:6677", 32853);
    struct jn_hmac_sha1 key;
    struct jn_stun s, back;
    uint8_t out[JN_STUN_ANSWER_MAX];
    jn_hmac_sha1_key(&key, sample_pwd, strlen(sample_pwd));
    jn_stun_parse(&s, sample, SAMPLE);
    size_t n = jn_stun_success(out, &s, &four, &key);
    cr_assert_eq(memcmp(out + 20, v4, sizeof v4 - 1), 0);
    cr_assert(jn_stun_parse(&back, out, n) == 0 && back.cls == JN_STUN_SUCCESS && back.method == 1);
    cr_assert(back.fingerprint == 1 && jn_stun_authentic(&back, out, &key));
    cr_assert_eq(memcmp(back.transaction, s.transaction, JN_STUN_TRANSACTION), 0);
    n = jn_stun_success(out, &s, &six, &key);
    cr_assert(n <= JN_STUN_ANSWER_MAX && memcmp(out + 20, v6, sizeof v6 - 1) == 0);
    n = jn_stun_error(out, &s, 420, 0x7abc, &key);
    cr_assert(n <= JN_STUN_ANSWER_MAX && jn_stun_parse(&back, out, n) == 0 && back.cls == JN_STUN_ERROR);
    cr_assert(out[26] == 4 && out[27] == 20 && out[28] == 0 && out[29] == 0x0a && out[32] == 0x7a && out[33] == 0xbc);
}

/* ---- checks ---- */

static const struct jn_ice_own own = {.ufrag = "abcdefghijkl", .pwd = "0123456789abcdef01234567"};
static const struct jn_ice_own fresh = {.ufrag = "mnopqrstuvwx", .pwd = "76543210fedcba9876543210"};

struct judged {
    enum jn_ice_result what;
    unsigned code; /* of an error answer, 0: none */
    size_t asked, answered;
    struct jn_ice_pair replaced;
};

static struct judged judge(struct jn_ice_lite *ice, const struct request *r, const char *ip, uint16_t port)
{
    uint8_t bytes[200], out[JN_STUN_ANSWER_MAX];
    struct jn_ice_pair by = {.peer = addr(ip, port), .local = 6};
    struct jn_stun s, back;
    struct judged j = {.asked = request(bytes, r)};
    cr_assert_eq(jn_stun_parse(&s, bytes, j.asked), 0);
    cr_assert_eq(s.fingerprint, 1);
    j.what = jn_ice_check(ice, &s, bytes, j.asked, &by, out, &j.answered, &j.replaced);
    if (j.answered) {
        cr_assert_eq(jn_stun_parse(&back, out, j.answered), 0);
        if (back.cls == JN_STUN_ERROR)
            j.code = 100u * out[26] + out[27];
    }
    return j;
}

Test(ice, a_check_makes_a_pair_and_use_candidate_nominates_it)
{
    struct jn_ice_lite ice;
    jn_ice_init(&ice, &own);
    struct judged j = judge(&ice, &(struct request){.to = &own}, "192.0.2.7", 5000);
    cr_assert(j.what == JN_ICE_VALID && j.code == 0 && j.answered > 0 && ice.pairs == 1);
    cr_assert_eq(ice.nominated, JN_ICE_NO_PAIR);
    j = judge(&ice, &(struct request){.to = &own, .use = true}, "2001:db8::7", 5001);
    cr_assert(j.what == JN_ICE_NOMINATED && ice.pairs == 2 && ice.nominated == 1);
    cr_assert_eq(judge(&ice, &(struct request){.to = &own, .use = true}, "2001:db8::7", 5001).what, JN_ICE_VALID);
    j = judge(&ice, &(struct request){.to = &own, .use = true}, "192.0.2.7", 5000);
    cr_assert(j.what == JN_ICE_NOMINATED && ice.nominated == 0, "the last word counts");
}

Test(ice, who_does_not_know_the_password_changes_nothing)
{
    struct jn_ice_lite ice;
    struct jn_ice_own wrong = own;
    jn_ice_init(&ice, &own);
    wrong.pwd[5] = '!';
    struct judged j = judge(&ice, &(struct request){.to = &wrong, .use = true}, "192.0.2.66", 5000);
    cr_assert(j.what == JN_ICE_REFUSED && j.code == 401 && ice.pairs == 0 && ice.nominated == JN_ICE_NO_PAIR);
    cr_assert(j.answered <= j.asked, "%zu for %zu bytes", j.answered, j.asked);
    j = judge(&ice, &(struct request){.to = &own, .use = true, .no_integrity = true}, "192.0.2.66", 5000);
    cr_assert(j.code == 400 && ice.pairs == 0 && j.answered <= j.asked);
    j = judge(&ice, &(struct request){.to = &own, .use = true, .no_username = true}, "192.0.2.66", 5000);
    cr_assert(j.code == 400 && ice.pairs == 0);
    j = judge(&ice, &(struct request){.to = &fresh, .use = true}, "192.0.2.66", 5000);
    cr_assert(j.code == 401 && ice.pairs == 0);
}

/* The smallest message that parses is no lever. */
Test(ice, a_bare_request_of_a_stranger_is_not_answered_with_more)
{
    static const uint8_t bare[20] = "\x00\x01\x00\x00\x21\x12\xa4\x42transaction!";
    uint8_t out[JN_STUN_ANSWER_MAX];
    struct jn_stun s;
    cr_assert_eq(jn_stun_parse(&s, bare, sizeof bare), 0);
    cr_assert_eq(jn_ice_refuse(&s, sizeof bare, out), 0);
    cr_assert_gt(jn_ice_refuse(&s, 36, out), 0);
    cr_assert_leq(jn_ice_refuse(&s, 36, out), 36);
}

Test(ice, a_wrong_role_a_missing_priority_and_the_unknown_are_told)
{
    struct jn_ice_lite ice;
    jn_ice_init(&ice, &own);
    struct judged j = judge(&ice, &(struct request){.to = &own, .controlled = true}, "192.0.2.7", 5000);
    cr_assert(j.what == JN_ICE_CONFLICT && j.code == 487 && ice.pairs == 0);
    j = judge(&ice, &(struct request){.to = &own, .no_priority = true}, "192.0.2.7", 5000);
    cr_assert(j.what == JN_ICE_REFUSED && j.code == 400);
    j = judge(&ice, &(struct request){.to = &own, .strange = 0x7abc}, "192.0.2.7", 5000);
    cr_assert(j.what == JN_ICE_REFUSED && j.code == 420 && ice.pairs == 0);
    j = judge(&ice, &(struct request){.to = &own, .strange = 0xc057}, "192.0.2.7", 5000);
    cr_assert_eq(j.what, JN_ICE_VALID, "what may be skipped is");
}

Test(ice, a_restart_holds_the_former_name_until_the_new_one_is_used)
{
    struct jn_ice_lite ice;
    jn_ice_init(&ice, &own);
    judge(&ice, &(struct request){.to = &own, .use = true}, "192.0.2.7", 5000);
    cr_assert(!jn_ice_rename(&ice, &own));
    cr_assert(jn_ice_rename(&ice, &fresh));
    cr_assert_eq(judge(&ice, &(struct request){.to = &own}, "192.0.2.7", 5000).what, JN_ICE_VALID);
    cr_assert_eq(ice.nominated, 0, "media goes on meanwhile");
    cr_assert_eq(judge(&ice, &(struct request){.to = &fresh, .use = true}, "192.0.2.8", 5000).what, JN_ICE_NOMINATED);
    cr_assert_eq(judge(&ice, &(struct request){.to = &own, .use = true}, "192.0.2.9", 5000).what, JN_ICE_REFUSED);
    cr_assert_eq(ice.nominated, 1);
}

Test(ice, pairs_are_bounded_and_the_nominated_one_stays)
{
    struct jn_ice_lite ice;
    jn_ice_init(&ice, &own);
    judge(&ice, &(struct request){.to = &own, .use = true}, "192.0.2.7", 5000);
    for (unsigned i = 1; i < 100; i++) {
        struct judged j = judge(&ice, &(struct request){.to = &own}, "192.0.2.7", (uint16_t)(5000 + i));
        cr_assert_eq(j.what, JN_ICE_VALID);
        cr_assert_eq(j.replaced.peer.family != JN_ADDR_NONE, i >= JN_ICE_PAIRS);
        cr_assert_neq(j.replaced.peer.port, 5000);
    }
    cr_assert(ice.pairs == JN_ICE_PAIRS && ice.pair[ice.nominated].peer.port == 5000);
}

/* ---- SDP ---- */

/* As Chromium 156 writes it, shortened. */
static const char chromium[] =
    "v=0\r\no=- 4262116724701930198 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=extmap-allow-mixed\r\n"
    "m=audio 43699 UDP/TLS/RTP/SAVPF 111 9 0 8 13 110 126\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"
    "a=candidate:2956871350 1 udp 2122194687 127.0.0.1 43699 typ host generation 0 network-id 3 network-cost 50\r\n"
    "a=ice-ufrag:yP7m\r\na=ice-pwd:JWqggCc3JXBTpIljnJMmmPeo\r\na=ice-options:trickle\r\n"
    "a=fingerprint:sha-256 "
    "55:44:C1:01:42:24:EC:E2:8A:2B:EC:46:7E:26:53:57:F0:57:EA:06:C1:4A:9C:CE:C9:A2:A7:0D:B7:4A:75:"
    "00\r\na=setup:actpass\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendrecv\r\n"
    "a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:126 telephone-event/8000\r\n";

static struct jn_sdp parsed(const char *text)
{
    struct jn_sdp s;
    struct jn_err err = {{0}};
    cr_assert_eq(jn_sdp_parse(&s, text, strlen(text), &err), 0, "%s", err.text);
    return s;
}

static struct jn_sdp_local ours(void)
{
    struct jn_sdp_local l = {.rtp = addr("192.0.2.1", 20000),
                             .more_n = 1,
                             .can_dtls = true,
                             .certificate = 3,
                             .own = own,
                             .dtmf_pt = 101,
                             .ptime_ms = 20,
                             .codecs = 1};
    l.more[0] = addr("2001:db8::1", 20002);
    memset(l.fingerprint, 0xab, sizeof l.fingerprint);
    return l;
}

Test(sdp_browser, chromiums_offer_is_read_and_answered_passive)
{
    struct jn_sdp s = parsed(chromium);
    struct jn_sdp_local l = ours();
    struct jn_leg_remote r = {0};
    struct jn_err err = {{0}};
    char out[JN_SDP_MAX];
    cr_assert(s.audio.dtls && s.audio.feedback && s.audio.rtcp_mux && s.audio.mode == JN_MODE_SENDRECV, "no hold");
    cr_assert(s.audio.by.has_fingerprint && s.audio.by.fingerprint[0] == 0x55 && s.audio.by.fingerprint[30] == 0x75);
    cr_assert(strcmp(s.audio.by.ufrag, "yP7m") == 0 && s.audio.by.bundled && s.audio.by.setup == JN_SETUP_ACTPASS);
    cr_assert_eq(jn_sdp_answer_to(&l, &r, &s, JN_SDP_SRTP_OPTIONAL, &err), 0, "%s", err.text);
    cr_assert(r.dtls && !r.latch && r.suite == JN_SUITE_NONE && !r.by.active && r.by.certificate == 3);
    cr_assert_eq(r.rtp.family, JN_ADDR_NONE);
    cr_assert_eq(memcmp(r.by.fingerprint, s.audio.by.fingerprint, JN_FINGERPRINT), 0);
    cr_assert_gt(jn_sdp_write(out, sizeof out, &l, &s), 0);
    static const char *const lines[] = {"a=ice-lite\r\n",
                                        "a=group:BUNDLE 0\r\n",
                                        "m=audio 20000 UDP/TLS/RTP/SAVPF ",
                                        "a=mid:0\r\n",
                                        "a=setup:passive\r\n",
                                        "a=ice-ufrag:abcdefghijkl\r\n",
                                        "a=ice-pwd:0123456789abcdef01234567\r\n",
                                        "a=rtcp-mux\r\n",
                                        "a=fingerprint:sha-256 AB:AB:",
                                        "a=candidate:1 1 udp 2130706431 192.0.2.1 20000 typ host\r\n",
                                        "a=candidate:2 1 udp 2130706175 2001:db8::1 20002 typ host\r\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_assert(strstr(out, lines[i]) != NULL, "%s in %s", lines[i], out);
    for (size_t size = 1; size <= strlen(out); size++)
        cr_assert_eq(jn_sdp_write(out, size, &l, &s), -ENOSPC);
}

static int refused(const char *line, const char *instead, int mode, bool can)
{
    char text[4096];
    const char *at = strstr(chromium, line);
    cr_assert(at != NULL, "%s", line);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - chromium), chromium, instead, at + strlen(line));
    struct jn_sdp s = parsed(text);
    struct jn_sdp_local l = ours();
    struct jn_leg_remote r = {0};
    struct jn_err err = {{0}};
    l.can_dtls = can;
    return jn_sdp_answer_to(&l, &r, &s, mode, &err);
}

Test(sdp_browser, what_a_handshake_needs_must_be_there)
{
    cr_assert_eq(refused("a=rtcp-mux\r\n", "a=rtcp-mux\r\n", JN_SDP_SRTP_DTLS, true), 0);
    cr_assert_eq(refused("a=rtcp-mux\r\n", "a=rtcp-mux\r\n", JN_SDP_SRTP_REQUIRED, true), 0);
    cr_assert_eq(refused("a=rtcp-mux\r\n", "a=rtcp-mux\r\n", JN_SDP_SRTP_OFF, true), -ENOTSUP);
    cr_assert_eq(refused("a=rtcp-mux\r\n", "a=rtcp-mux\r\n", JN_SDP_SRTP_DTLS, false), -ENOTSUP);
    cr_assert_eq(refused("a=rtcp-mux\r\n", "", JN_SDP_SRTP_DTLS, true), -ENOTSUP);
    cr_assert_eq(refused("a=ice-ufrag:yP7m\r\n", "", JN_SDP_SRTP_DTLS, true), -ENOTSUP);
    cr_assert_eq(refused("a=fingerprint:sha-256 ", "a=fingerprint:sha-512 ", JN_SDP_SRTP_DTLS, true), -ENOTSUP);
    cr_assert_eq(refused("actpass", "holdconn", JN_SDP_SRTP_DTLS, true), -ENOTSUP);
    cr_assert_eq(refused("UDP/TLS/RTP/SAVPF", "RTP/AVP", JN_SDP_SRTP_DTLS, true), -ENOTSUP);
}

Test(sdp_browser, our_offer_and_a_browsers_answer_fit)
{
    struct jn_sdp_local us = ours(), them = ours();
    struct jn_leg_remote at_us = {0}, at_them = {0};
    struct jn_err err = {{0}};
    char text[JN_SDP_MAX];
    us.codec[0] = JN_CODEC_PCMU;
    us.dtls = us.feedback = us.bundled = true;
    us.setup = JN_SETUP_ACTPASS;
    strcpy(us.mid, "0");
    them.own = fresh;
    cr_assert_gt(jn_sdp_write(text, sizeof text, &us, NULL), 0);
    cr_assert(strstr(text, "a=setup:actpass\r\n") && strstr(text, "a=group:BUNDLE 0\r\n"));
    struct jn_sdp offer = parsed(text);
    cr_assert_eq(jn_sdp_answer_to(&them, &at_them, &offer, JN_SDP_SRTP_DTLS, &err), 0, "%s", err.text);
    cr_assert_gt(jn_sdp_write(text, sizeof text, &them, &offer), 0);
    struct jn_sdp answer = parsed(text);
    cr_assert_eq(jn_sdp_accept(&at_us, &us, &answer, &err), 0, "%s", err.text);
    cr_assert(at_us.dtls && at_us.by.active && !at_them.by.active, "they are passive, so we begin");
    cr_assert_eq(strcmp(at_us.by.own.ufrag, own.ufrag), 0);
    cr_assert_eq(strcmp(answer.audio.by.ufrag, fresh.ufrag), 0);
    strcpy(strstr(text, "passive"), "actpass"); /* and cut off there: no answer may leave it open */
    struct jn_sdp open_end = parsed(text);
    cr_assert_eq(jn_sdp_accept(&at_us, &us, &open_end, &err), -ENOTSUP);
    us.dtls = false;
    cr_assert_eq(jn_sdp_accept(&at_us, &us, &answer, &err), -ENOTSUP);
}

Test(sdp_browser, malformed_lines_are_malformed)
{
    struct jn_sdp s;
    struct jn_err err;
    static const char *const bad[] = {
        "a=fingerprint:sha-256 55:44\r\n", "a=fingerprint:sha-256 \r\n",
        "a=fingerprint:sha-256 "
        "55:44:C1:01:42:24:EC:E2:8A:2B:EC:46:7E:26:53:57:F0:57:EA:06:C1:4A:9C:CE:C9:A2:A7:"
        "0D:B7:4A:75:0G\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[4096];
        snprintf(text, sizeof text, "%s%s", chromium, bad[i]);
        cr_assert_eq(jn_sdp_parse(&s, text, strlen(text), &err), -EBADMSG, "%zu", i);
    }
}
