/* State: layout of a jitter buffer, shared by jbuf.c (in), store.c (where sound waits), playout.c (out) and turn.c, and
 * nobody else. */
#ifndef JN_MEDIA_JBUF_STATE_H
#define JN_MEDIA_JBUF_STATE_H

#include "media/jbuf/delay.h"
#include "media/jbuf/jbuf.h"
#include "media/jbuf/plc.h"
#include <assert.h>
#include <stddef.h>

#define NS_PER_MS INT64_C(1000000)

/* RING: bytes of G.711 that are kept, those behind `play` as history. SLOT_*: jn_slot.len. LONGEST: samples of 60 ms.
 */
enum {
    JN_RING = 2048,
    JN_SLOTS = JN_JBUF_FRAMES,
    SLOT_LEN = 0x0fff,
    SLOT_DECODED = 0x2000, /* framed: its sound is in the ring of samples */
    SLOT_TOUCHED = 0x4000, /* a part of it was played */
    SLOT_CN = 0x8000,      /* comfort noise: no length, it lasts until something else comes; its level is in SLOT_LEN */
    PERIOD_MAX = JN_PERIOD_MAX,
    LONGEST = 3 * PERIOD_MAX
};

/* One frame that waits. t: low bits of the time of its first sample; seq: of its sequence number. */
struct jn_slot {
    uint32_t t;
    uint16_t seq, len;
};

/* Codecs with state: payloads wait in an arena, decoded sound in a ring of samples, `made` is the time up to which
 * there is any. kept: of the slot with the same index, where its payload lies. rest: samples that the codec invented
 * beyond what was asked for, it knows multiples of 2.5 ms only. */
struct jn_framed {
    const struct jn_codec_ops *ops;
    void *decoder;
    int64_t made;
    int16_t *pcm;
    uint8_t *arena;
    uint32_t pcm_mask;
    uint16_t arena_size, arena_at, rest_n, rest_at;
    struct {
        uint16_t off, bytes;
    } kept[JN_SLOTS];
    int16_t rest[PERIOD_MAX];
};

/* Times play, end, newest_t and so on are samples of the sender, counted on without jumps over all its restarts; ts are
 * its own. slot: a circle, `waiting` of them from `head` by rising time. playing: false before the first frame and in
 * silence: then `play` stands still. played: play has a meaning. The first two lines are all that a frame or a period
 * needs where nothing is wrong, beside a slot, a bin and the sound. */
struct jn_jbuf {
    int64_t play, end, newest_t, lag_ns;
    uint64_t newest_seq, seen;
    uint32_t newest_ts;
    uint16_t held, /* samples invented while nothing waited and play stood still */
        last_seq;
    uint8_t head, waiting, up, down; /* samples a unit of ts: up / down */
    bool playing : 1, played : 1, known : 1, heard : 1, noise_on : 1, suspect : 1, following : 1, hasty : 1;
    bool ending : 1, align : 1, busy : 1, overrun : 1, fixed : 1, alaw : 1, framed : 1;
    uint8_t cooldown; /* periods until the next change of speed */
    uint8_t wanted;   /* periods that a change of speed has been put off */
    struct jn_delay delay;
    uint16_t min_ms, most_ms, start_ms, frame_len, ahead; /* most_ms: max_ms, or what the window holds */
    uint8_t scale, settling, max_ms, noise_level;
    struct jn_jbuf_counts counts; /* in and played are in the second line */
    /* Whatever follows is for losses, changes and once a second. */
    int64_t from;    /* before that nothing of the ring is history */
    int64_t bridged; /* up to there a gap has been filled */
    int64_t loss;    /* where the loss that is being concealed began */
    /* turn.c. gain_ns: how much more than before this playout the listener's own buffer holds; counted by its base_ns
     * for the first `settling` periods. */
    int64_t gain_ns, gain_base_ns;
    struct jn_plc plc;
    struct jn_delay_past past;
    struct jn_slot slot[JN_SLOTS];
    _Alignas(64) uint8_t ring[]; /* JN_RING bytes of G.711, or a struct jn_framed and what it points to */
};
static_assert(offsetof(struct jn_jbuf, delay) == 64, "two lines");
static_assert(offsetof(struct jn_jbuf, counts.played) + sizeof(uint32_t) <= 128, "two lines");
static_assert(sizeof(struct jn_jbuf) + JN_RING <= 2688, "three quarters of a mixed participant's 4 KiB are too much");

/* Where framed. */
static inline struct jn_framed *jn_more(const struct jn_jbuf *j)
{
    return (struct jn_framed *)(uintptr_t)j->ring;
}
static inline int64_t jn_ns(const struct jn_jbuf *j, int64_t samples)
{
    return j->scale == 1 ? samples * 125000 : j->scale == 2 ? samples * 62500 : samples * 62500 / 3;
}
/* Samples in that time. */
static inline int64_t jn_samples(const struct jn_jbuf *j, int64_t ns)
{
    return ns / 125000 * j->scale;
}
static inline int64_t jn_ms_ns(int64_t ms)
{
    return ms * NS_PER_MS;
}
static inline unsigned jn_period(const struct jn_jbuf *j)
{
    return JN_SAMPLES_20MS * j->scale;
}
static inline struct jn_slot *jn_slot_at(struct jn_jbuf *j, unsigned i)
{
    return &j->slot[(j->head + i) % JN_SLOTS];
}
static inline int64_t jn_slot_t(const struct jn_jbuf *j, const struct jn_slot *s)
{
    return j->play + (int32_t)(s->t - (uint32_t)j->play);
}
static inline unsigned jn_slot_len(const struct jn_slot *s)
{
    return (s->len & SLOT_CN) != 0 ? 0 : s->len & SLOT_LEN;
}

/* store.c: where sound waits and what was heard lies. */
/* Room behind a jitter buffer for its codec: 0 when there is no such pair. */
size_t jn_store_bytes(uint8_t codec, uint32_t rate);
/* 0 or -EINVAL. memory: jn_store_bytes() of it, from j->ring on. */
int jn_store_init(struct jn_jbuf *j, const struct jn_codec_ops *ops, uint32_t rate);
/* Samples that a payload holds, -EINVAL: none of this codec. */
int jn_store_duration(const struct jn_jbuf *j, const struct jn_frame *f);
/* Keeps the payload of the slot with that index, len samples from t on. 0 or -ENOSPC. */
int jn_store_frame(struct jn_jbuf *j, unsigned index, const struct jn_frame *f, int64_t t);
/* The kept payload's index follows its slot. */
void jn_store_move(struct jn_jbuf *j, unsigned to, unsigned from);
/* Decodes up to max samples that follow each other without a gap from `play` on, without using them up. */
unsigned jn_store_peek(struct jn_jbuf *j, int16_t *out, unsigned max);
/* n samples of G.711 from `play` on, whatever is there. */
void jn_store_ring(const struct jn_jbuf *j, int16_t *out, unsigned n);
/* The same without a copy: how many samples go on from `play`, decoded where that needs state. */
unsigned jn_store_pass(struct jn_jbuf *j);
/* What is or was there at t..t+n; silence where nothing is known any more. */
void jn_store_load(const struct jn_jbuf *j, int16_t *out, int64_t t, unsigned n);
/* Invented sound takes the place of what was missing. */
void jn_store_save(struct jn_jbuf *j, int64_t t, const int16_t *pcm, unsigned n);
/* The codec's own concealment. gap: samples missing before the first slot that waits; 0: nobody knows. It writes up to
 * n samples of it; returns 0 where the codec has none. */
unsigned jn_store_conceal(struct jn_jbuf *j, int16_t *out, unsigned n, unsigned gap);
/* What the codec invented too much, up to n. */
unsigned jn_store_rest(struct jn_jbuf *j, int16_t *out, unsigned n);
/* Forgets decoded sound; a new source: the decoder too. */
void jn_store_reset(struct jn_jbuf *j, bool decoder);

/* playout.c, for jbuf.c and turn.c too. */
/* How far `play` walks behind the fastest frames, in ns. */
int64_t jn_playout_lag(const struct jn_jbuf *j, int64_t play, uint64_t now_ns);
/* n samples from `play` on were used. */
void jn_playout_use(struct jn_jbuf *j, unsigned n);
/* `play` goes on elsewhere; what lies between is not history. */
void jn_playout_jump(struct jn_jbuf *j, int64_t to);
/* Takes off the front what has been played or passed over, and comfort noise that begins now. */
void jn_playout_drop_passed(struct jn_jbuf *j);
/* After standing still: the invented samples stand for those that are missing in front of what has come. */
void jn_playout_settle(struct jn_jbuf *j, uint64_t now_ns);
/* True when a change of speed waits for a place where it is less heard. */
bool jn_playout_put_off(struct jn_jbuf *j, bool fits);
/* Good sound, blended with what was invented before it (in place). */
void jn_playout_good(struct jn_jbuf *j, int16_t *pcm, unsigned n);
/* The next good sound is blended with what would have followed here. */
void jn_playout_break(struct jn_jbuf *j);
/* turn.c: the first period after following. */
void jn_turn_begin(struct jn_jbuf *j, uint64_t now_ns);
/* The estimate of the fastest frame is refined: the gain with it. */
void jn_turn_refine(struct jn_jbuf *j);
/* jbuf.c: forgets the frames (counted as skipped) and clocks. */
void jn_jbuf_forget(struct jn_jbuf *j);

#endif
