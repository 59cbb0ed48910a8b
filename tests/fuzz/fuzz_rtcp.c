/* LINK: jn_media */
#include "media/rtcp/rtcp.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jn_rtcp_news n, again;
    if (jn_rtcp_parse(&n, data, size, 0x01020304) != 0)
        return 0;
    struct jn_rtcp_out r = {.ssrc = n.ssrc,
                            .ntp = n.ntp,
                            .rtp_ts = n.rtp_ts,
                            .packets = n.packets,
                            .octets = n.octets,
                            .sent_any = n.has_sr,
                            .has_block = n.has_block,
                            .bye = n.bye,
                            .block = n.block,
                            .xr = n.has_xr ? &n.xr : NULL,
                            .cname = "fuzz"};
    uint8_t out[JN_RTCP_MAX];
    size_t len = jn_rtcp_build(out, &r);
    if (jn_rtcp_parse(&again, out, len, 0x01020304) != 0 || again.bye != n.bye || again.has_sr != n.has_sr ||
        again.block.lost != n.block.lost || again.ntp != n.ntp || again.has_xr != n.has_xr ||
        again.xr.rrt != n.xr.rrt || again.xr.has_voip != n.xr.has_voip || again.xr.voip.r != n.xr.voip.r ||
        again.xr.lrr != n.xr.lrr)
        abort();
    (void)jn_rtcp_rtt_us(&n.block, n.ntp);
    return 0;
}
