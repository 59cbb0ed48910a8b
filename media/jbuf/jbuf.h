/* Jbuf: a leg's jitter buffer: frames in by arrival, one playout period out by time; adaptive depth, concealment, clock
 * drift taken up by stretching and shrinking. Fixed size, copies payload, no allocation. */
#ifndef JN_MEDIA_JBUF_H
#define JN_MEDIA_JBUF_H

#include "engine/base/pkt.h"
#include "media/stream/order.h"

enum { JN_JBUF_FRAMES = 64, JN_FRAME_MAX = 480, JN_SAMPLES_20MS = 160 };

/* One received frame. ts in 8 kHz units. payload: len bytes of codec; cn: RFC 3389 comfort noise, len >= 1. */
struct jn_frame {
    uint64_t ext_seq, at_ns;
    uint32_t ts;
    uint16_t len;
    uint8_t codec;
    bool marker, cn;
    const uint8_t *payload;
};
struct jn_jbuf_config {
    uint16_t min_ms, max_ms, start_ms; /* target playout depth; 20, 200, 40 are good */
};
/* in: frames taken; each of them is later played (at least in part) or skipped (passed over by a resync), or waits.
 * late, duplicate, full, bad: frames refused. concealed: periods of 20 ms that held invented sound. stretched, shrunk:
 * times that one pitch period was put in or taken out. resync: times that the time line was given up. */
struct jn_jbuf_counts {
    uint64_t in, played, late, duplicate, full, concealed, stretched, shrunk, resync, skipped, bad;
};
/* Exposed so that a stream can hold it by value; fields are jbuf.c's. */
struct jn_jbuf;
size_t jn_jbuf_size(void);
/* memory: jn_jbuf_size() bytes, 64-aligned, the caller's. */
struct jn_jbuf *jn_jbuf_init(void *memory, const struct jn_jbuf_config *c);
/* 0, or -ENOSPC (full), -EEXIST (duplicate), -ETIME (late), -EINVAL (empty or over JN_FRAME_MAX): counted. */
int jn_jbuf_put(struct jn_jbuf *j, const struct jn_frame *f);
/* The next 20 ms (JN_SAMPLES_20MS linear samples at 8 kHz), decoded, concealed or comfort noise; silence before the
 * first frame. Call every 20 ms. */
void jn_jbuf_get(struct jn_jbuf *j, int16_t out[static JN_SAMPLES_20MS], uint64_t now_ns);
/* Depth now in ms (what waits to be played). */
unsigned jn_jbuf_depth_ms(const struct jn_jbuf *j);
const struct jn_jbuf_counts *jn_jbuf_counts(const struct jn_jbuf *j);
/* Forgets all frames (counted as skipped) and clocks, for a new source, whose sound fades in; configuration and counts
 * stay. */
void jn_jbuf_reset(struct jn_jbuf *j);

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
/* In place of jn_jbuf_get while playout comes to its end: writes 0..JN_FRAME_MAX samples, fewer than a period where
 * pitch periods are taken out, until nothing waits and the listener's buffer holds no more than before jn_jbuf_follow.
 * True: that is now; *line says where to go on. hurry: no more taking out, what waits comes at once. */
bool jn_jbuf_end(struct jn_jbuf *j, int16_t out[static JN_FRAME_MAX], unsigned *n, struct jn_jbuf_line *line,
                 bool hurry, uint64_t now_ns);
/* The end is put off: playout goes on. */
void jn_jbuf_go_on(struct jn_jbuf *j);

#endif
