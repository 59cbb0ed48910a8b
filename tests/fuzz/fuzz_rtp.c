/* LINK: jn_media */
#include "media/rtp/rtp.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* The bytes are one packet; cut into pieces of 13 they also are a sequence of packets of one source. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jn_rtp h;
    (void)jn_is_rtcp(data, size);
    if (jn_rtp_parse(&h, data, size) == 0) {
        if ((size_t)h.payload_off + h.payload_len > size)
            abort();
        for (unsigned id = 0; id < 256; id++) {
            uint8_t level = jn_rtp_level(data, size, (uint8_t)id);
            if (level > 127 && level != JN_RTP_NO_LEVEL)
                abort();
        }
        uint8_t again[JN_RTP_HEADER];
        jn_rtp_build(again, &h);
        if (memcmp(again + 1, data + 1, JN_RTP_HEADER - 1) != 0)
            abort();
    }
    struct jn_rtp_source s = {0};
    for (size_t at = 0; at + 13 <= size; at += 13) {
        uint64_t ext;
        uint32_t now;
        if (jn_rtp_parse(&h, data + at, 13) != 0)
            continue;
        memcpy(&now, data + at + 4, 4);
        jn_rtp_source_take(&s, &h, now, &ext);
        if (ext > s.ext_seq || jn_rtp_source_lost(&s) > s.ext_seq - s.base_ext + 1)
            abort();
    }
    return 0;
}
