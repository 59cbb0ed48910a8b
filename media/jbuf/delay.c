/* Delay: a sliding minimum in spans of one second, and a histogram that halves itself as it fills. */
#include "media/jbuf/delay.h"
#include <string.h>

enum { BIN_NS = 5000000, PERIOD_NS = 20000000, FORGET = 512 /* frames: about 10 s */, RENEW = 16, ENOUGH = 50 };
static const int64_t span_ns = 1000000000, jump_ns = 1000000000;

void jn_delay_reset(struct jn_delay *d)
{
    memset(d, 0, sizeof *d);
}

static void begin(struct jn_delay *d, int64_t at_ns, int64_t transit)
{
    for (unsigned i = 0; i < JN_DELAY_SPANS; i++)
        d->span_min[i] = INT64_MAX;
    d->span_min[0] = d->base_ns = transit;
    d->span_begin = at_ns;
    d->started = true;
}

/* Moves the spans on so that at_ns lies in the newest, span_min[0]. */
static void advance(struct jn_delay *d, int64_t at_ns)
{
    int64_t steps = (at_ns - d->span_begin) / span_ns;
    if (steps <= 0)
        return;
    d->span_begin += steps * span_ns;
    for (unsigned i = JN_DELAY_SPANS; i-- > 0;)
        d->span_min[i] = (int64_t)i >= steps ? d->span_min[i - (unsigned)steps] : INT64_MAX;
}

static void renew_want(struct jn_delay *d)
{
    uint32_t spare = d->in_bins / 100; /* that many may come late */
    unsigned i = JN_DELAY_BINS - 1;
    for (uint32_t late = 0; i > 0; i--) {
        late += d->bin[i];
        if (late > spare)
            break;
    }
    /* a period of playout that begins inside one frame needs the next one too, which was sent up to a period later */
    d->want_ns = (i + 1) * BIN_NS + PERIOD_NS;
}

void jn_delay_take(struct jn_delay *d, int64_t at_ns, int64_t ts_ns)
{
    int64_t transit = at_ns - ts_ns;
    /* a second later than ever: the sender's clock stood still (hold, silence), this is no network delay */
    if (!d->started || transit > d->base_ns + jump_ns)
        begin(d, at_ns, transit);
    advance(d, at_ns);
    if (transit < d->span_min[0])
        d->span_min[0] = transit;
    d->base_ns = d->span_min[0];
    for (unsigned i = 1; i < JN_DELAY_SPANS; i++)
        if (d->span_min[i] < d->base_ns)
            d->base_ns = d->span_min[i];
    int64_t bin = (transit - d->base_ns) / BIN_NS;
    d->bin[bin < JN_DELAY_BINS ? bin : JN_DELAY_BINS - 1]++;
    if (++d->in_bins == FORGET) {
        d->in_bins = 0;
        for (unsigned i = 0; i < JN_DELAY_BINS; i++)
            d->in_bins += d->bin[i] /= 2;
    }
    if (++d->frames % RENEW == 0)
        renew_want(d);
}

uint32_t jn_delay_want_ns(const struct jn_delay *d)
{
    return d->frames < ENOUGH ? 0 : d->want_ns;
}
