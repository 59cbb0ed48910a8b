/* Chunk: what one call's recording gathers before it goes to disk: records behind each other, frames and events as they
 * came. A worker fills it, the recorder seals it (CRC, encryption) and writes it; the same bytes lie in the segment.
 *
 * A record: 32 bytes, then the payload, filled with zeros to the next 32; little-endian:
 *   0 kind  1 track  2 codec  3 event (class of a frame)  4 flags (1 marker, 2 paused, 4 masked)  6 payload length (16)
 *   8 microseconds since the chunk's beginning (signed)  12 RTP time  16 SSRC
 *   20 a frame: extended sequence (48), leg (48); an event: its argument (64) */
#ifndef JN_MEDIA_CHUNK_H
#define JN_MEDIA_CHUNK_H

#include "media/record/item.h"
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum {
    JN_CHUNK_BYTES = 8192,
    JN_CHUNK_HEAD = 64,
    JN_CHUNK_ROOM = JN_CHUNK_BYTES - JN_CHUNK_HEAD,
    JN_REC_STEP = 32,
    JN_CHUNK_KEPT = 8 * JN_REC_STEP, /* of the room, for events alone */
    JN_CHUNK_LAST = 2 * JN_REC_STEP  /* of those, for the overflow and the end */
};

/* In memory. begin_ns: when it was begun on the worker's clock, begin_us: the same on the engine's. */
struct jn_rec_chunk {
    uint64_t call, tenant, begin_us, begin_ns;
    uint32_t used, frames, events;
    uint8_t worker;
    uint8_t spare[19];
    uint8_t body[JN_CHUNK_ROOM];
};
static_assert(sizeof(struct jn_rec_chunk) == JN_CHUNK_BYTES, "the head is one cache line");

struct jn_rec_record {
    uint8_t kind, track, codec, event, flags, spare;
    uint16_t len;
    int32_t at_us;
    uint32_t rtp_ts, ssrc;
    uint8_t tail[12];
};
static_assert(sizeof(struct jn_rec_record) == JN_REC_STEP, "as on disk");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are written as they lie in memory");

static inline uint32_t jn_rec_bytes(uint32_t len)
{
    return JN_REC_STEP + ((len + JN_REC_STEP - 1) & ~(uint32_t)(JN_REC_STEP - 1));
}
/* The next record of n bytes at *at, which moves behind it. chunk gives what stands in its head. 1, 0 at the end,
 * -EBADMSG (nothing of the rest can be read). */
int jn_rec_next(struct jn_rec_item *it, const struct jn_rec_chunk *head, const uint8_t *body, uint32_t n, uint32_t *at);
/* An item behind what is in the chunk. False: there is no room for it. */
bool jn_rec_chunk_add(struct jn_rec_chunk *c, const struct jn_rec_item *it);

#endif
