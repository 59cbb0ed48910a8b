/* Delay: how late frames come, compared with the fastest one of the last seconds, and what playout depth that asks
 * for. Knows times only, no sound. */
#ifndef JN_MEDIA_DELAY_H
#define JN_MEDIA_DELAY_H

#include <stdbool.h>
#include <stdint.h>

enum { JN_DELAY_SPANS = 8, JN_DELAY_BINS = 48 };

/* What each frame touches. base_ns: least transit (arrival minus RTP time) over the last JN_DELAY_SPANS seconds, of
 * which span_ns is that of the newest and older_ns that of all others; drift of the sender's clock moves it along.
 * frames: up to enough of them, then it stands. */
struct jn_delay {
    int64_t base_ns, span_ns, older_ns, begin_ns;
    uint16_t want_ms, in_bins;
    uint8_t frames, renew;
    bool started;
};
/* The rest. bin: lateness in steps of 5 ms, newest weighing most. */
struct jn_delay_past {
    uint16_t bin[JN_DELAY_BINS];
    int64_t span[JN_DELAY_SPANS - 1];
};

void jn_delay_reset(struct jn_delay *d, struct jn_delay_past *past);
/* One frame arrived at at_ns whose first sample has the time ts_ns on the sender's clock. */
void jn_delay_take(struct jn_delay *d, struct jn_delay_past *past, int64_t at_ns, int64_t ts_ns);
/* The depth that lets 99 of 100 frames come in time, the 20 ms of a playout period included; not bounded; 0 before 50
 * frames were seen. */
unsigned jn_delay_want_ms(const struct jn_delay *d);

#endif
