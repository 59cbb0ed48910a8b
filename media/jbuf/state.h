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
    /* turn.c. gain_ns: how much more than before this playout the listener's own buffer holds; counted by its base_ns
     * for the first `settling` periods. hasty: changes of speed follow each other closely. */
    int64_t gain_ns, gain_base_ns;
    uint32_t settling;
    bool following, hasty, ending, align;
    bool known, playing, played, heard, noise_on, suspect;
    uint8_t noise_level;
    uint8_t order[JN_JBUF_FRAMES];
    struct jn_jbuf_counts counts;
    struct jn_delay delay;
    struct jn_plc plc;
    struct jn_slot slot[JN_JBUF_FRAMES];
};

/* playout.c, for turn.c too. */
/* How far `play` walks behind the fastest frames, in ns. */
int64_t jn_playout_lag(const struct jn_jbuf *j, int64_t play, uint64_t now_ns);
/* Decodes up to max samples that follow each other without a gap from `play` on, without using them up. */
unsigned jn_playout_peek(const struct jn_jbuf *j, int16_t *out, unsigned max);
/* n samples from `play` on were used. */
void jn_playout_use(struct jn_jbuf *j, unsigned n);
/* Takes off the front what has been played or passed over, and comfort noise that begins now. */
void jn_playout_drop_passed(struct jn_jbuf *j);
/* After standing still: the invented samples stand for those that are missing in front of what has come. */
void jn_playout_settle(struct jn_jbuf *j, uint64_t now_ns);
/* True when a change of speed waits for a place where it is less heard. */
bool jn_playout_put_off(struct jn_jbuf *j, bool fits);
/* turn.c: the first period after following. */
void jn_turn_begin(struct jn_jbuf *j, uint64_t now_ns);
/* The estimate of the fastest frame is refined: the gain with it. */
void jn_turn_refine(struct jn_jbuf *j);
/* Forgets the frames (counted as skipped) and clocks. */
void jn_jbuf_forget(struct jn_jbuf *j);

static inline const struct jn_slot *jn_slot_at(const struct jn_jbuf *j, unsigned i)
{
    return &j->slot[j->order[i]];
}

#endif
