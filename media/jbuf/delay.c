/* Delay: a sliding minimum in spans of one second, and a histogram that halves itself as it fills. */
#include "media/jbuf/delay.h"
#include <string.h>

enum { BIN_NS = 5000000, BIN_MS = 5, PERIOD_MS = 20, FORGET = 512 /* frames: about 10 s */, RENEW = 16, ENOUGH = 50 };
static const int64_t second_ns = 1000000000, jump_ns = 1000000000;

void jn_delay_reset(struct jn_delay *d, struct jn_delay_past *past)
{
    memset(d, 0, sizeof *d);
    memset(past, 0, sizeof *past);
}

static void begin(struct jn_delay *d, struct jn_delay_past *past, int64_t at_ns, int64_t transit)
{
    for (unsigned i = 0; i < JN_DELAY_SPANS - 1; i++)
        past->span[i] = INT64_MAX;
    d->older_ns = INT64_MAX;
    d->span_ns = d->base_ns = transit;
    d->begin_ns = at_ns;
    d->started = true;
}

/* Moves the spans on so that at_ns lies in the newest. */
static void advance(struct jn_delay *d, struct jn_delay_past *past, int64_t at_ns)
{
    int64_t steps = (at_ns - d->begin_ns) / second_ns, older = INT64_MAX;

    d->begin_ns += steps * second_ns;
    for (int64_t i = 0; i < steps && i < JN_DELAY_SPANS; i++) {
        memmove(past->span + 1, past->span, sizeof past->span - sizeof past->span[0]);
        past->span[0] = d->span_ns;
        d->span_ns = INT64_MAX;
    }
    for (unsigned i = 0; i < JN_DELAY_SPANS - 1; i++)
        older = past->span[i] < older ? past->span[i] : older;
    d->older_ns = older;
}

static void renew_want(struct jn_delay *d, const struct jn_delay_past *past)
{
    unsigned spare = d->in_bins / 100u, i = JN_DELAY_BINS - 1; /* that many may come late */

    for (unsigned late = 0; i > 0; i--) {
        late += past->bin[i];
        if (late > spare)
            break;
    }
    /* a period of playout that begins inside one frame needs the next one too, which was sent up to a period later */
    d->want_ms = (uint16_t)((i + 1) * BIN_MS + PERIOD_MS);
}

void jn_delay_take(struct jn_delay *d, struct jn_delay_past *past, int64_t at_ns, int64_t ts_ns)
{
    int64_t transit = at_ns - ts_ns;

    /* a second later than ever: the sender's clock stood still (hold, silence), this is no network delay */
    if (!d->started || transit > d->base_ns + jump_ns)
        begin(d, past, at_ns, transit);
    if (at_ns - d->begin_ns >= second_ns)
        advance(d, past, at_ns);
    if (transit < d->span_ns)
        d->span_ns = transit;
    d->base_ns = d->span_ns < d->older_ns ? d->span_ns : d->older_ns;
    int64_t late = transit - d->base_ns;
    past->bin[late < JN_DELAY_BINS * (int64_t)BIN_NS ? (unsigned)late / BIN_NS : JN_DELAY_BINS - 1]++;
    if (++d->in_bins == FORGET) {
        d->in_bins = 0;
        for (unsigned i = 0; i < JN_DELAY_BINS; i++)
            d->in_bins = (uint16_t)(d->in_bins + (past->bin[i] /= 2));
    }
    if (d->frames < ENOUGH)
        d->frames++;
    if (++d->renew == RENEW) {
        d->renew = 0;
        renew_want(d, past);
    }
}

unsigned jn_delay_want_ms(const struct jn_delay *d)
{
    return d->frames < ENOUGH ? 0 : d->want_ms;
}
