/* Delay: how late frames come, compared with the fastest one of the last seconds, and what playout depth that asks
 * for. Knows times only, no sound. */
#ifndef JN_MEDIA_DELAY_H
#define JN_MEDIA_DELAY_H

#include <stdbool.h>
#include <stdint.h>

enum { JN_DELAY_SPANS = 8, JN_DELAY_BINS = 64 };

/* base_ns: least transit (arrival minus RTP time) over the last JN_DELAY_SPANS seconds; drift of the sender's clock
 * moves it along. bin: lateness in steps of 5 ms, newest weighing most. */
struct jn_delay {
    int64_t span_min[JN_DELAY_SPANS];
    int64_t span_begin, base_ns;
    uint16_t bin[JN_DELAY_BINS];
    uint32_t in_bins, frames;
    uint32_t want_ns;
    bool started;
};

void jn_delay_reset(struct jn_delay *d);
/* One frame arrived at at_ns whose first sample has the time ts_ns on the sender's clock. */
void jn_delay_take(struct jn_delay *d, int64_t at_ns, int64_t ts_ns);
/* The depth that lets 99 of 100 frames come in time, the 20 ms of a playout period included; not bounded, in ns; 0
 * before 50 frames were seen. */
uint32_t jn_delay_want_ns(const struct jn_delay *d);

#endif
