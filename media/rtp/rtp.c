/* Rtp: header parsing and building. Sequence numbers are in seq.c. */
#include "media/rtp/rtp.h"
#include <errno.h>

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

bool jn_is_rtcp(const uint8_t *data, size_t len)
{
    return len >= 2 && data[0] >> 6 == 2 && data[1] >= 192 && data[1] <= 223;
}

int jn_rtp_parse(struct jn_rtp *h, const uint8_t *data, size_t len)
{
    if (len < JN_RTP_HEADER || len > UINT16_MAX || data[0] >> 6 != 2)
        return -EBADMSG;
    size_t off = JN_RTP_HEADER + 4u * (data[0] & 0x0f);
    if (data[0] & 0x10) { /* extension: 16 bits of profile, 16 bits of length in words (RFC 3550 5.3.1) */
        if (off + 4 > len)
            return -EBADMSG;
        off += 4 + 4u * get16(data + off + 2);
    }
    if (off > len)
        return -EBADMSG;
    size_t pad = 0;
    if (data[0] & 0x20) { /* the last byte counts the padding, itself included */
        pad = data[len - 1];
        if (pad == 0 || pad > len - off)
            return -EBADMSG;
    }
    h->marker = data[1] >> 7;
    h->pt = data[1] & 0x7f;
    h->seq = get16(data + 2);
    h->ts = get32(data + 4);
    h->ssrc = get32(data + 8);
    h->payload_off = (uint16_t)off;
    h->payload_len = (uint16_t)(len - off - pad);
    return 0;
}

void jn_rtp_build(uint8_t out[static JN_RTP_HEADER], const struct jn_rtp *h)
{
    out[0] = 2 << 6;
    out[1] = (uint8_t)(h->marker << 7 | (h->pt & 0x7f));
    out[2] = (uint8_t)(h->seq >> 8);
    out[3] = (uint8_t)h->seq;
    put32(out + 4, h->ts);
    put32(out + 8, h->ssrc);
}
