/* State: layout of a jitter buffer, shared by jbuf.c (in) and playout.c (out) and nobody else. */
#ifndef JN_MEDIA_JBUF_STATE_H
#define JN_MEDIA_JBUF_STATE_H

#include "media/jbuf/delay.h"
#include "media/jbuf/jbuf.h"
#include "media/jbuf/plc.h"

#define NS_PER_MS     INT64_C(1000000)
#define NS_PER_SAMPLE INT64_C(125000)

/* len: samples; 0 for comfort noise, which lasts until something else comes. touched: a part of it was played. */
struct jn_slot {
    int64_t ts;
    uint64_t seq;
    uint16_t len;
    uint8_t codec, level;
    bool cn, touched;
    uint8_t payload[JN_FRAME_MAX];
};

/* Times ts, play, end, newest_ts are samples on the sender's clock, extended to 64 bits. order: the first `waiting` are
 * slots by rising ts, the rest are free ones. playing: false before the first frame and in silence: then `play` stands
 * still. played: play has a meaning. */
struct jn_jbuf {
    int64_t min_ns, max_ns, start_ns;
    int64_t play, end, newest_ts, lag_ns;
    uint64_t newest_seq, seen, last_seq;
    uint32_t held;     /* samples invented while nothing waited and play stood still */
    uint32_t cooldown; /* periods until the next change of speed */
    uint32_t wanted;   /* periods that a change of speed has been put off */
    uint32_t waiting;
    bool known, playing, played, heard, noise_on, suspect;
    uint8_t noise_level;
    uint8_t order[JN_JBUF_FRAMES];
    struct jn_jbuf_counts counts;
    struct jn_delay delay;
    struct jn_plc plc;
    struct jn_slot slot[JN_JBUF_FRAMES];
};

static inline const struct jn_slot *jn_slot_at(const struct jn_jbuf *j, unsigned i)
{
    return &j->slot[j->order[i]];
}

#endif
