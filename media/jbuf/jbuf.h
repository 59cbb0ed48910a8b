/* Jbuf: a leg's jitter buffer: frames in by arrival, one playout period out by time; fixed or adaptive depth,
 * concealment, clock drift taken up by stretching and shrinking. Fixed size, copies payload, no allocation. A jitter
 * buffer is made for one codec and one rate of sound: G.711 (both laws) keeps a byte a sample, codecs with state keep
 * their payloads and decode them in order. */
#ifndef JN_MEDIA_JBUF_H
#define JN_MEDIA_JBUF_H

#include "engine/base/pkt.h"
#include "media/codec/codec.h"

/* FRAMES: that may wait. WINDOW_MS: how far ahead of what is played the newest may end: older ones give way. END_MAX:
 * samples at 8 kHz that jn_jbuf_end writes at most. */
enum {
    JN_JBUF_FRAMES = 32,
    JN_JBUF_WINDOW_MS = 220,
    JN_FRAME_MAX = JN_CODEC_BYTES_MAX,
    JN_SAMPLES_20MS = 160,
    JN_JBUF_END_MAX = 480
};

/* One received frame. ts in units of the codec's clock. payload: len bytes of codec; cn: RFC 3389 comfort noise, len
 * >= 1. */
struct jn_frame {
    uint64_t ext_seq, at_ns;
    uint32_t ts;
    uint16_t len;
    uint8_t codec;
    bool marker, cn;
    const uint8_t *payload;
};
/* Target playout depth: min_ms <= start_ms <= max_ms <= 200; 20, 40, 200 are good. fixed: it stays at start_ms, only
 * the sender's clock is followed. codec: G.711's laws are one. rate: of the sound, 8000, 16000 or 48000 where the codec
 * can do it; 0: the codec's own. */
struct jn_jbuf_config {
    uint16_t min_ms, max_ms, start_ms;
    bool fixed;
    uint8_t codec;
    uint32_t rate;
};
/* in: frames taken; each of them is later played (at least in part) or skipped (passed over by a resync), or waits.
 * late, duplicate, full, bad: frames refused. concealed: periods of 20 ms that held invented sound. stretched, shrunk:
 * times that one pitch period was put in or taken out. resync: times that the time line was given up. broken: frames
 * taken that could not be decoded and were concealed. */
struct jn_jbuf_counts {
    uint32_t in, played, late, duplicate, full, concealed, stretched, shrunk, resync, skipped, bad, broken;
};
struct jn_jbuf; /* layout in state.h */
/* Bytes for that codec and rate (0: its own), a multiple of 64; 0: it cannot be. */
size_t jn_jbuf_size(uint8_t codec, uint32_t rate);
/* memory: jn_jbuf_size() bytes, 64-aligned, the caller's. NULL: codec and rate do not go together. */
struct jn_jbuf *jn_jbuf_init(void *memory, const struct jn_jbuf_config *c);
/* 0, or -ENOSPC (full), -EEXIST (duplicate), -ETIME (late), -EINVAL (empty, too long or not of this codec): counted. */
int jn_jbuf_put(struct jn_jbuf *j, const struct jn_frame *f);
/* The next 20 ms (rate / 50 linear samples), decoded, concealed or comfort noise; silence before the first frame. Call
 * every 20 ms. */
void jn_jbuf_get(struct jn_jbuf *j, int16_t *out, uint64_t now_ns);
/* Depth now in ms (what waits to be played). */
unsigned jn_jbuf_depth_ms(const struct jn_jbuf *j);
/* The sender's timestamp of what the next period begins with; false: the sender is silent, or nothing came yet. */
bool jn_jbuf_at(const struct jn_jbuf *j, uint32_t *ts);
const struct jn_jbuf_counts *jn_jbuf_counts(const struct jn_jbuf *j);
/* Forgets all frames (counted as skipped) and clocks, for a new source, whose sound fades in; configuration and counts
 * stay. */
void jn_jbuf_reset(struct jn_jbuf *j);

/* What each jn_jbuf_put and jn_jbuf_get touches, for callers who know a few jitter buffers ahead; some ten lines of
 * cache a period in all. First the state, and when that is near, the sound: of the frame to come, or of the period to
 * come. */
static inline void jn_jbuf_prefetch(const struct jn_jbuf *j)
{
    __builtin_prefetch(j, 1);
    __builtin_prefetch((const char *)j + 64, 1);
}
void jn_jbuf_prefetch_put(const struct jn_jbuf *j);
void jn_jbuf_prefetch_get(const struct jn_jbuf *j);

/* Turn: playout that begins and ends in the middle of sound. While frames go straight on to the one listener they may
 * be followed, so that they are known as heard; the next jn_jbuf_get then goes on where they ended, and the depth grows
 * from there by invented and stretched sound. */
void jn_jbuf_follow_begin(struct jn_jbuf *j);
void jn_jbuf_follow(struct jn_jbuf *j, const struct jn_frame *f);
/* Where frames will go straight on again: what follows the last sample that was played, on the sender's lines. */
struct jn_jbuf_line {
    uint64_t ext_seq;
    uint32_t ts;
    bool known; /* false: the sender is silent, nothing has to fit */
};
/* In place of jn_jbuf_get while playout comes to its end: writes 0..60 ms of samples (JN_JBUF_END_MAX * rate / 8000),
 * fewer than a period where pitch periods are taken out, until nothing waits and the listener's buffer holds no more
 * than before jn_jbuf_follow. True: that is now; *line says where to go on. hurry: no more taking out, what waits comes
 * at once, without the silence between. */
bool jn_jbuf_end(struct jn_jbuf *j, int16_t *out, unsigned *n, struct jn_jbuf_line *line, bool hurry, uint64_t now_ns);
/* The end is put off: playout goes on. */
void jn_jbuf_go_on(struct jn_jbuf *j);

#endif
