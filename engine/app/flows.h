/* Flows: the RTP in a capture: which address sends what to which, as far as packets alone tell. */
#ifndef JN_ENGINE_FLOWS_H
#define JN_ENGINE_FLOWS_H

#include "engine/net/pcap.h"

enum { JN_FLOWS_MAX = 4096, JN_FLOW_NONE = -1 };

/* codec: enum jn_codec_id; known is false when what it mostly carries is another payload type, `pt`. dtmf_pt: 255
 * none. pair: index of the flow the other way, JN_FLOW_NONE when nothing came back. */
struct jn_flow {
    struct jn_addr from, to;
    uint64_t first_ns, last_ns, packets, follows, payload_bytes;
    uint32_t ssrc, audio, ts;
    uint16_t seq;
    uint8_t codec, pt, dtmf_pt, ptime_ms;
    bool known, started;
    int pair;
    uint32_t of_pt[128], of_ptime[8] /* packets of 0..70 ms */, events[128] /* that look like RFC 4733 */;
    uint32_t opus[128] /* that follow the one before as an Opus packet's length says */, due;
    uint8_t due_pt;
};
struct jn_flows {
    struct jn_flow *at;
    unsigned n;
    uint64_t datagrams, other /* belong to no RTP flow */, too_many /* of flows that found no room */;
    struct jn_pcap_counts counts;
};

/* Reads the capture through, keeps the flows that are RTP in order of their first packet, and pairs those that run
 * between the same two addresses. srtp_tag: bytes behind each payload (10 for captured SRTP of that tag, 0 plain).
 * 0 or -errno with the reason; a capture that is damaged further on is read up to there and *torn says so. */
int jn_flows_find(struct jn_flows *f, const void *bytes, size_t n, unsigned srtp_tag, bool *torn, struct jn_err *err);
/* Makes a and b each other's; what they were paired with is alone. 0 or -EINVAL. */
int jn_flows_pair(struct jn_flows *f, unsigned a, unsigned b);
void jn_flows_free(struct jn_flows *f);

#endif
