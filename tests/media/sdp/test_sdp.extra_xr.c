/* Sdp: a=rtcp-xr (RFC 3611 5). */
#include "tests/media/sdp/sdp_rig.h"
#include <stdio.h>
#include <string.h>

TestSuite(sdp_xr, .timeout = 60);

Test(sdp_xr, extended_reports_are_answered_only_where_they_are_asked_for)
{
    static const char head[] = "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
    static const struct {
        const char *session, *stream, *says;
        uint8_t wants;
    } offers[] = {
        {"", "", NULL, 0},
        {"", "a=rtcp-xr:pkt-loss-rle\r\n", NULL, 0},
        {"a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics\r\n", "",
         "a=rtcp-xr:rcvr-rtt=all voip-metrics\r\n", JN_XR_WANTS_RTT | JN_XR_WANTS_VOIP},
        {"", "a=rtcp-xr:voip-metrics\r\n", "a=rtcp-xr:voip-metrics\r\n", JN_XR_WANTS_VOIP},
        {"", "a=rtcp-xr:rcvr-rtt=sender\r\n", "a=rtcp-xr:rcvr-rtt=all\r\n", JN_XR_WANTS_RTT},
    };
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
        char text[JN_SDP_MAX];
        struct jn_err err = {{0}};
        struct jn_sdp_local callee = {.rtp = addr("192.0.2.99", 20000), .dtmf_pt = 255, .ptime_ms = 20};
        struct jn_leg_remote r = {0};
        snprintf(text, sizeof text, "%s%sm=audio 5000 RTP/AVP 0\r\n%s", head, offers[i].session, offers[i].stream);
        struct jn_sdp offer = read_back(text);
        cr_assert_eq(jn_sdp_answer_to(&callee, &r, &offer, JN_SDP_SRTP_OFF, &err), 0, "%s", err.text);
        cr_assert_eq(r.xr, offers[i].wants, "%zu", i);
        cr_assert_gt(jn_sdp_write(text, sizeof text, &callee, &offer), 0);
        if (offers[i].says)
            cr_assert_not_null(strstr(text, offers[i].says), "%s", text);
        else
            cr_assert_null(strstr(text, "rtcp-xr"), "%s", text);
    }
    char text[JN_SDP_MAX];
    struct jn_sdp_local caller = {.session_id = 1, .rtp = addr("192.0.2.1", 4000), .ptime_ms = 20};
    jn_sdp_offer_codecs(&caller, JN_CODEC_PCMU);
    cr_assert_gt(jn_sdp_write(text, sizeof text, &caller, NULL), 0);
    cr_assert_not_null(strstr(text, "a=rtcp-xr:rcvr-rtt=all voip-metrics\r\n"), "we ask for them: %s", text);
    struct jn_sdp answer = read_back(text);
    struct jn_leg_remote r = {0};
    struct jn_err err = {{0}};
    caller.xr = 0;
    cr_assert_eq(jn_sdp_accept(&r, &caller, &answer, &err), 0, "%s", err.text);
    cr_assert_eq(r.xr, 0, "what we did not offer is not agreed");
}
