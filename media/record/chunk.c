/* Chunk: records of a chunk, written from items and read back. The worker's own writing is in media/stream/tape.c. */
#include "media/record/chunk.h"

#include <errno.h>
#include <stdbool.h>

int jn_rec_next(struct jn_rec_item *it, const struct jn_rec_chunk *head, const uint8_t *body, uint32_t n, uint32_t *at)
{
    struct jn_rec_record r;

    if (*at == n)
        return 0;
    if (n - *at < sizeof r)
        return -EBADMSG;
    memcpy(&r, body + *at, sizeof r);
    uint32_t size = jn_rec_bytes(r.len);
    if (r.len > JN_REC_PAYLOAD_MAX || size > n - *at || (r.kind != JN_REC_FRAME && r.kind != JN_REC_EVENT))
        return -EBADMSG;
    memset(it, 0, sizeof *it);
    it->call = head->call;
    it->tenant = head->tenant;
    it->at_us = head->begin_us + (uint64_t)(int64_t)r.at_us;
    it->kind = r.kind;
    it->track = r.track;
    it->codec = r.codec;
    it->event = r.event;
    it->worker = head->worker;
    it->marker = r.flags & JN_RECF_MARKER;
    it->withheld = r.flags & (JN_RECF_PAUSED | JN_RECF_MASKED);
    it->len = r.len;
    it->rtp_ts = r.rtp_ts;
    it->ssrc = r.ssrc;
    if (r.kind == JN_REC_FRAME) {
        memcpy(&it->seq, r.tail, 6);
        memcpy(&it->arg, r.tail + 6, 6);
    } else {
        memcpy(&it->arg, r.tail, 8);
    }
    memcpy(it->payload, body + *at + sizeof r, r.len);
    *at += size;
    return 1;
}

bool jn_rec_chunk_add(struct jn_rec_chunk *c, const struct jn_rec_item *it)
{
    uint32_t len = it->len <= JN_REC_PAYLOAD_MAX ? it->len : JN_REC_PAYLOAD_MAX, size = jn_rec_bytes(len);
    struct jn_rec_record r = {.kind = it->kind,
                              .track = it->track,
                              .codec = it->codec,
                              .event = it->event,
                              .flags = (uint8_t)((it->marker ? JN_RECF_MARKER : 0) | it->withheld),
                              .len = (uint16_t)len,
                              .at_us = (int32_t)(it->at_us - c->begin_us),
                              .rtp_ts = it->rtp_ts,
                              .ssrc = it->ssrc};

    if (size > JN_CHUNK_ROOM - c->used)
        return false;
    if (it->kind == JN_REC_FRAME) {
        memcpy(r.tail, &it->seq, 6);
        memcpy(r.tail + 6, &it->arg, 6);
    } else {
        memcpy(r.tail, &it->arg, 8);
    }
    memcpy(c->body + c->used, &r, sizeof r);
    memcpy(c->body + c->used + sizeof r, it->payload, len);
    memset(c->body + c->used + sizeof r + len, 0, size - sizeof r - len);
    c->used += size;
    c->frames += it->kind == JN_REC_FRAME;
    c->events += it->kind != JN_REC_FRAME;
    return true;
}
