/* Timeline: where on the engine's clock the samples of one source lie: its RTP clock fitted to arrivals; and samples
 * moved from one clock to the other. */
#ifndef JN_MEDIA_TIMELINE_H
#define JN_MEDIA_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

/* Arrival at_us of a frame whose last sample ends at x (samples since some beginning of the source's clock). */
struct jn_arrival {
    int64_t x, at_us;
};
/* Sample x was spoken (plus the least network delay seen) at origin_us + x * (tick_us + skew_us). */
struct jn_clock_fit {
    double origin_us, skew_us;
};
/* The line under all arrivals that lies nearest to them: an edge of their lower convex hull, so that frames that were
 * held up on the way have no weight. Sources heard for less than 30 s, and slopes beyond 1000 ppm, get no slope. a:
 * sorted by x, not empty; its order is changed. tick_us: nominal microseconds of a unit of x (125 at 8 kHz). */
struct jn_clock_fit jn_clock_fit(struct jn_arrival *a, size_t n, double tick_us);

/* Adds in[0..n_in) to every second sample of out[0..2 * n_out): out sample i takes in at position first + i * step,
 * band-limited interpolation; step 1 with a whole `first` is a copy. Saturates. */
void jn_resample_add(int16_t *out, size_t n_out, const int16_t *in, size_t n_in, double first, double step);

#endif
