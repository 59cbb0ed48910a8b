/* Format: bytes of a record, little-endian:
 *   0 'R'   1 version   2 length of it all (16 bit)   4 CRC-32C of what follows
 *   8 kind, track, codec, event, worker, marker   14 payload length (16 bit)
 *   16 call   24 tenant   32 at_us   40 arg   48 seq   56 rtp_ts   60 ssrc   64 payload */
#include "media/record/format.h"
#include "engine/base/crc.h"
#include <errno.h>
#include <string.h>

enum { MAGIC = 'R', VERSION = 1, CRC_FROM = 8, PAYLOAD = 64 };
static_assert(PAYLOAD + JN_REC_PAYLOAD_MAX <= JN_REC_BYTES_MAX, "the largest item fits");

static void put(uint8_t *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

size_t jn_rec_encode(uint8_t *out, const struct jn_rec_item *it)
{
    unsigned len = it->len <= JN_REC_PAYLOAD_MAX ? it->len : JN_REC_PAYLOAD_MAX;
    size_t size = PAYLOAD + len;
    out[0] = MAGIC;
    out[1] = VERSION;
    put(out + 2, size, 2);
    out[8] = it->kind;
    out[9] = it->track;
    out[10] = it->codec;
    out[11] = it->event;
    out[12] = it->worker;
    out[13] = it->marker;
    put(out + 14, len, 2);
    put(out + 16, it->call, 8);
    put(out + 24, it->tenant, 8);
    put(out + 32, it->at_us, 8);
    put(out + 40, it->arg, 8);
    put(out + 48, it->seq, 8);
    put(out + 56, it->rtp_ts, 4);
    put(out + 60, it->ssrc, 4);
    memcpy(out + PAYLOAD, it->payload, len);
    put(out + 4, jn_crc32c(0, out + CRC_FROM, size - CRC_FROM), 4);
    return size;
}

int jn_rec_decode(struct jn_rec_item *it, const uint8_t *bytes, size_t n)
{
    if (n == 0)
        return 0;
    if (bytes[0] != MAGIC || (n > 1 && bytes[1] != VERSION))
        return -EBADMSG;
    if (n < 4)
        return 0;
    size_t size = (size_t)get(bytes + 2, 2);
    if (size < PAYLOAD || size > PAYLOAD + JN_REC_PAYLOAD_MAX)
        return -EBADMSG;
    if (n < size)
        return 0;
    if (get(bytes + 4, 4) != jn_crc32c(0, bytes + CRC_FROM, size - CRC_FROM))
        return -EBADMSG;
    if (get(bytes + 14, 2) != size - PAYLOAD || (bytes[8] != JN_REC_FRAME && bytes[8] != JN_REC_EVENT))
        return -EBADMSG;
    memset(it, 0, sizeof *it);
    it->kind = bytes[8];
    it->track = bytes[9];
    it->codec = bytes[10];
    it->event = bytes[11];
    it->worker = bytes[12];
    it->marker = bytes[13];
    it->len = (uint16_t)(size - PAYLOAD);
    it->call = get(bytes + 16, 8);
    it->tenant = get(bytes + 24, 8);
    it->at_us = get(bytes + 32, 8);
    it->arg = get(bytes + 40, 8);
    it->seq = get(bytes + 48, 8);
    it->rtp_ts = (uint32_t)get(bytes + 56, 4);
    it->ssrc = (uint32_t)get(bytes + 60, 4);
    memcpy(it->payload, bytes + PAYLOAD, it->len);
    return (int)size;
}
