/* LINK: jn_media */
#include "media/sdp/sdp.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jn_sdp s, again;
    struct jn_err err;
    if (jn_sdp_parse(&s, (const char *)data, size, &err) != 0)
        return 0;
    for (int mode = JN_SDP_SRTP_OFF; mode <= JN_SDP_SRTP_DTLS; mode++) {
        struct jn_sdp_local l = {.codecs = 1,
                                 .dtmf_pt = 255,
                                 .ptime_ms = 20,
                                 .can_dtls = true,
                                 .own = {.ufrag = "abcdefghijkl", .pwd = "0123456789abcdef01234567"}};
        struct jn_leg_remote r = {0};
        char out[JN_SDP_MAX];
        jn_addr_parse(&l.rtp, "192.0.2.1", 4000);
        if (jn_sdp_answer_to(&l, &r, &s, mode, &err) != 0)
            continue;
        int n = jn_sdp_write(out, sizeof out, &l, &s);
        if (n < 0 || jn_sdp_parse(&again, out, (size_t)n, &err) != 0)
            abort(); /* an answer to anything that we take is itself good */
        if (again.media_count != s.media_count || again.audio.at != l.media_at || again.audio.dtls != l.dtls)
            abort();
        (void)jn_sdp_accept(&r, &l, &again, &err);
    }
    return 0;
}
