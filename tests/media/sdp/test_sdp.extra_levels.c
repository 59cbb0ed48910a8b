/* Sdp: audio levels in a header extension (RFC 6464, a=extmap of RFC 8285 8). */
#include "tests/media/sdp/sdp_rig.h"
#include <stdio.h>
#include <string.h>

TestSuite(sdp_levels, .timeout = 60);

#define LEVEL "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

Test(sdp_levels, a_peer_that_would_send_levels_is_asked_for_them)
{
    static const char head[] = "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
    static const struct {
        const char *session, *stream, *says;
        uint8_t id;
    } offers[] = {
        {"", "", NULL, 0},
        {"", "a=extmap:1 " LEVEL "\r\n", "a=extmap:1/recvonly " LEVEL "\r\n", 1},
        {"", "a=extmap:14/sendonly " LEVEL " vad=on\r\n", "a=extmap:14/recvonly " LEVEL "\r\n", 14},
        {"a=extmap:255/sendrecv " LEVEL "\r\n", "", "a=extmap:255/recvonly " LEVEL "\r\n", 255},
        {"", "a=extmap:2 urn:ietf:params:rtp-hdrext:toffset\r\na=extmap:3 " LEVEL "\r\n",
         "a=extmap:3/recvonly " LEVEL "\r\n", 3},
        {"", "a=extmap:1/recvonly " LEVEL "\r\n", NULL, 0}, /* it only takes them */
        {"", "a=extmap:1/inactive " LEVEL "\r\n", NULL, 0},
        {"", "a=extmap:0 " LEVEL "\r\n", NULL, 0}, /* no ids */
        {"", "a=extmap:15 " LEVEL "\r\n", NULL, 0},
        {"", "a=extmap:4096 " LEVEL "\r\n", NULL, 0},
        {"", "a=extmap:\r\na=extmap:x y\r\n", NULL, 0},
        {"", "a=extmap:1 " LEVEL "s\r\n", NULL, 0},
        /* encrypted (RFC 6904): not taken, and the same in the clear is */
        {"", "a=extmap:5 urn:ietf:params:rtp-hdrext:encrypt " LEVEL "\r\n", NULL, 0},
        {"", "a=extmap:5 urn:ietf:params:rtp-hdrext:encrypt " LEVEL "\r\na=extmap:6 " LEVEL "\r\n",
         "a=extmap:6/recvonly " LEVEL "\r\n", 6},
    };
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
        char text[JN_SDP_MAX];
        struct jn_err err = {{0}};
        struct jn_sdp_local callee = {.rtp = addr("192.0.2.99", 20000), .dtmf_pt = 255, .ptime_ms = 20};
        struct jn_leg_remote r = {0};
        snprintf(text, sizeof text, "%s%sm=audio 5000 RTP/AVP 0\r\n%s", head, offers[i].session, offers[i].stream);
        struct jn_sdp offer = read_back(text);
        cr_assert_eq(jn_sdp_answer_to(&callee, &r, &offer, JN_SDP_SRTP_OFF, &err), 0, "%s", err.text);
        cr_assert_eq(r.level_id, offers[i].id, "%zu", i);
        cr_assert_gt(jn_sdp_write(text, sizeof text, &callee, &offer), 0);
        if (offers[i].says)
            cr_assert_not_null(strstr(text, offers[i].says), "%s", text);
        else
            cr_assert_null(strstr(text, "extmap"), "%s", text);
    }
}

Test(sdp_levels, only_what_we_offered_is_agreed)
{
    static const struct {
        uint8_t offered;
        const char *answered;
        uint8_t agreed;
    } all[] = {
        {1, "a=extmap:1/sendonly " LEVEL "\r\n", 1},
        {1, "a=extmap:1 " LEVEL "\r\n", 1},
        {1, "", 0},
        {1, "a=extmap:2 " LEVEL "\r\n", 0},
        {0, "a=extmap:1 " LEVEL "\r\n", 0},
        {1, "a=extmap:1 urn:ietf:params:rtp-hdrext:encrypt " LEVEL "\r\n", 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[JN_SDP_MAX];
        struct jn_sdp_local caller = {.session_id = 1, .rtp = addr("192.0.2.1", 4000), .ptime_ms = 20};
        struct jn_leg_remote r = {0};
        struct jn_err err = {{0}};
        jn_sdp_offer_codecs(&caller, JN_CODEC_PCMU);
        caller.level_id = all[i].offered;
        cr_assert_gt(jn_sdp_write(text, sizeof text, &caller, NULL), 0);
        cr_assert_eq(strstr(text, "a=extmap:1/recvonly " LEVEL "\r\n") != NULL, all[i].offered == 1, "%s", text);
        snprintf(
            text, sizeof text,
            "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n%s",
            all[i].answered);
        struct jn_sdp answer = read_back(text);
        cr_assert_eq(jn_sdp_accept(&r, &caller, &answer, &err), 0, "%s", err.text);
        cr_assert_eq(r.level_id, all[i].agreed, "%zu", i);
    }
}
