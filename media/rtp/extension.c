/* Extension: elements of a packet's header extension (RFC 8285). */
#include "media/rtp/rtp.h"

enum { ONE_BYTE = 0xbede, TWO_BYTES = 0x1000, ENDS = 15 };

struct elements {
    const uint8_t *at, *end;
};

/* RFC 8285 4.2: four bits of id, four of length minus one; a zero byte is padding, id 15 ends all. */
static const uint8_t *find_short(struct elements e, uint8_t id)
{
    while (e.at < e.end) {
        uint8_t head = *e.at++, n = (uint8_t)((head & 15) + 1);
        if (head == 0)
            continue;
        if (head >> 4 == ENDS || n > e.end - e.at)
            return NULL;
        if (head >> 4 == id)
            return e.at;
        e.at += n;
    }
    return NULL;
}

/* RFC 8285 4.3: a byte of id, a byte of length, which may be 0; an id of zero is one byte of padding. */
static const uint8_t *find_long(struct elements e, uint8_t id)
{
    while (e.at < e.end) {
        uint8_t is = *e.at++;
        if (is == 0)
            continue;
        if (e.at == e.end || e.at[0] > e.end - e.at - 1)
            return NULL;
        if (is == id)
            return e.at[0] > 0 ? e.at + 1 : NULL;
        e.at += 1 + e.at[0];
    }
    return NULL;
}

uint8_t jn_rtp_level(const uint8_t *data, size_t len, uint8_t id)
{
    size_t off = JN_RTP_HEADER + 4u * (data[0] & 0x0f);

    if (id == 0 || (data[0] & 0x10) == 0 || off + 4 > len)
        return JN_RTP_NO_LEVEL;
    unsigned profile = (unsigned)(data[off] << 8 | data[off + 1]),
             bytes = 4u * (unsigned)(data[off + 2] << 8 | data[off + 3]);
    if (bytes > len - off - 4)
        return JN_RTP_NO_LEVEL;
    struct elements e = {data + off + 4, data + off + 4 + bytes};
    const uint8_t *found = profile == ONE_BYTE               ? find_short(e, id)
                           : (profile & 0xfff0) == TWO_BYTES ? find_long(e, id)
                                                             : NULL;
    return found ? *found & 0x7f : JN_RTP_NO_LEVEL;
}
