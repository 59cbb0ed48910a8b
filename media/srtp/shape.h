/* Shape: what both engines ask of a packet before they look at keys. */
#ifndef JN_MEDIA_SRTP_SHAPE_H
#define JN_MEDIA_SRTP_SHAPE_H

#include <stdint.h>

enum { JN_SRTP_RTP_HEADER = 12, JN_SRTP_RTCP_HEADER = 8 };

/* Bytes before the payload of an RTP packet: header, CSRCs, extension (RFC 3550 5.1); 0: not RTP, or longer than the
 * packet. */
static inline unsigned jn_srtp_header(const uint8_t *p, unsigned len)
{
    if (len < JN_SRTP_RTP_HEADER || p[0] >> 6 != 2)
        return 0;
    unsigned n = JN_SRTP_RTP_HEADER + 4u * (p[0] & 15);
    if ((p[0] & 0x10) != 0) {
        if (len < n + 4)
            return 0;
        n += 4 + 4u * ((unsigned)p[n + 2] << 8 | p[n + 3]);
    }
    return n <= len ? n : 0;
}

/* Of one that came in, with a tag behind it. */
static inline unsigned jn_srtp_header_in(const uint8_t *p, unsigned len, unsigned tag)
{
    return len < tag ? 0 : jn_srtp_header(p, len - tag);
}

#endif
