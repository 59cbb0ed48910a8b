/* Render: frames of a track are sorted into segments (one source on one clock), each segment is laid out on its own
 * clock with silence in its gaps, then moved to the engine's clock. */
#include "media/record/render.h"
#include "engine/base/rand.h"
#include "media/codec/codec.h"
#include "media/record/timeline.h"
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_BACK = 4, LOOK_AHEAD = 300 /* items */, LONGEST = JN_RATE_MAX / 1000 * 60, NOISE = 300 };
static const int64_t second_us = 1000000;
static const int64_t jump_us = 250000, longest_us = INT64_C(12) * 3600 * 1000000,
                     latest_us = INT64_MAX / 16; /* beyond it no time is meant, and sums might overflow */

/* x: time on the source's clock, extended; n: how long it lasts there. */
struct frame {
    int64_t x;
    uint32_t item, segment, n;
};
/* early_us: least arrival minus RTP time of late, allowed to rise by 1000 ppm. */
struct segment {
    int64_t newest_x, early_us, at_us, low, high;
    uint32_t ssrc, count, track;
    uint8_t codec;
    const struct jn_codec_ops *ops;
    struct jn_clock_fit fit;
};
struct render {
    const struct jn_rec_item *items;
    size_t n_items;
    struct jn_rec_render_options o;
    struct frame *frames;
    struct segment *segments;
    size_t count, n_segments, room;
    int64_t begin_us, end_us;
    uint32_t highest;
    size_t n;
};

/* Its sound was withheld as a whole: the payload says how long it was. */
static bool hidden(const struct jn_rec_item *it)
{
    return it->withheld && it->len == 2;
}

/* Whether a track is on that side (0 left, 1 right) at all; for a party's ears also when, see heard. */
static bool on_side(const struct jn_rec_render_options *o, unsigned side, unsigned track)
{
    if (o->party)
        return (track + 1 == o->party) == (side == 1);
    return (side == 0 ? o->left : o->right) >> track & 1;
}

/* How many units of its clock the frame lasts; 0: it is not heard. */
static uint32_t audible(const struct render *r, const struct jn_rec_item *it)
{
    const struct jn_codec_ops *ops = it->kind == JN_REC_FRAME ? jn_codec(it->codec) : NULL;
    uint16_t told;

    if (!ops || it->at_us > (uint64_t)latest_us || it->track >= JN_TRACK_N || it->len == 0 ||
        it->len > JN_REC_PAYLOAD_MAX || (!on_side(&r->o, 0, it->track) && !on_side(&r->o, 1, it->track)))
        return 0;
    memcpy(&told, it->payload, sizeof told);
    int n = hidden(it) ? told : ops->duration(it->payload, it->len);
    return n > 0 && n <= (int)ops->clock * 60 / 1000 ? (uint32_t)n : 0;
}

static int64_t us_of(int64_t x, uint32_t clock)
{
    return x * second_us / (int64_t)clock;
}

/* How much later it came than the segment's frames of late; *x: its time on the segment's clock. */
static int64_t lateness(const struct segment *s, const struct jn_rec_item *it, int64_t *x)
{
    *x = s->newest_x + (int32_t)(it->rtp_ts - (uint32_t)s->newest_x);
    return (int64_t)it->at_us - us_of(*x, s->ops->clock) - s->early_us;
}

static bool same_source(const struct render *r, const struct segment *s, const struct jn_rec_item *it)
{
    return s->ssrc == it->ssrc && s->track == it->track && s->codec == it->codec && audible(r, it);
}

/* Whether item i is on the segment's clock. One that comes far too late was held up on the way if the next ones make up
 * for it; otherwise the clock stood still, or was set anew. One that comes far too early tells of another clock. */
static bool belongs(const struct render *r, const struct segment *s, size_t i, size_t count, int64_t *x)
{
    int64_t other;
    if (!same_source(r, s, &r->items[i]))
        return false;
    int64_t moved = lateness(s, &r->items[i], x);
    if (moved <= jump_us)
        return moved >= -jump_us;
    for (size_t k = i + 1; k < count && k <= i + LOOK_AHEAD; k++)
        if (same_source(r, s, &r->items[k])) {
            moved = lateness(s, &r->items[k], &other);
            if (moved <= jump_us)
                return moved >= -jump_us;
        }
    return false;
}

/* Takes a frame at x into account. */
static void follow(struct segment *s, const struct jn_rec_item *it, int64_t x, uint32_t n)
{
    int64_t at = (int64_t)it->at_us, late = at - us_of(x, s->ops->clock);
    if (at > s->at_us) {
        s->early_us += (at - s->at_us) / 1000;
        s->at_us = at;
    }
    s->early_us = late < s->early_us ? late : s->early_us;
    s->newest_x = x > s->newest_x ? x : s->newest_x;
    s->low = x < s->low ? x : s->low;
    s->high = x + n > s->high ? x + n : s->high;
    s->count++;
}

static int new_segment(struct render *r, const struct jn_rec_item *it)
{
    if (r->n_segments == r->room) {
        size_t room = r->room != 0 ? 2 * r->room : 16;
        struct segment *more = realloc(r->segments, room * sizeof *more);
        if (more == NULL)
            return -ENOMEM;
        r->segments = more;
        r->room = room;
    }
    int64_t x = it->rtp_ts;
    const struct jn_codec_ops *ops = jn_codec(it->codec);
    r->segments[r->n_segments++] = (struct segment){.newest_x = x,
                                                    .at_us = (int64_t)it->at_us,
                                                    .early_us = (int64_t)it->at_us - us_of(x, ops->clock),
                                                    .low = INT64_MAX,
                                                    .high = INT64_MIN,
                                                    .ssrc = it->ssrc,
                                                    .track = it->track,
                                                    .codec = it->codec,
                                                    .ops = ops};
    return 0;
}

/* Finds or makes the segment of each frame. The last few are tried, because a late packet of the old source may come
 * after the first of the new one, and the two tracks alternate. */
static int gather(struct render *r, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct jn_rec_item *it = &r->items[i];
        uint32_t n = audible(r, it);
        if (n == 0)
            continue;
        int64_t x = it->rtp_ts;
        size_t s = r->n_segments, stop = s > LOOK_BACK * JN_TRACK_N ? s - LOOK_BACK * JN_TRACK_N : 0;
        while (s > stop && !belongs(r, &r->segments[s - 1], i, count, &x))
            s--;
        if (s == stop) {
            int rc = new_segment(r, it);
            if (rc != 0)
                return rc;
            s = r->n_segments;
            x = it->rtp_ts;
        }
        follow(&r->segments[s - 1], it, x, n);
        r->frames[r->count++] = (struct frame){.x = x, .item = (uint32_t)i, .segment = (uint32_t)(s - 1), .n = n};
    }
    return 0;
}

static int in_order(const void *a, const void *b)
{
    const struct frame *f = a, *g = b;
    if (f->segment != g->segment)
        return f->segment < g->segment ? -1 : 1;
    if (f->x != g->x)
        return f->x < g->x ? -1 : 1;
    return f->item < g->item ? -1 : f->item > g->item;
}

/* A frame is sent when its last sample was spoken: ends are what arrivals tell of, whatever the packet time. */
static int fit_clocks(struct render *r)
{
    struct jn_arrival *a = malloc(r->count * sizeof *a);
    if (a == NULL)
        return -ENOMEM;
    const struct frame *f = r->frames;
    r->begin_us = INT64_MAX;
    r->end_us = INT64_MIN;
    for (size_t s = 0; s < r->n_segments; s++) {
        struct segment *seg = &r->segments[s];
        for (uint32_t i = 0; i < seg->count; i++, f++) {
            const struct jn_rec_item *it = &r->items[f->item];
            a[i] = (struct jn_arrival){.x = f->x + f->n - seg->low, .at_us = (int64_t)it->at_us};
        }
        double tick_us = 1e6 / seg->ops->clock;
        seg->fit = jn_clock_fit(a, seg->count, tick_us);
        double length = (double)(seg->high - seg->low) * (tick_us + seg->fit.skew_us);
        int64_t begin = (int64_t)floor(seg->fit.origin_us), end = (int64_t)ceil(seg->fit.origin_us + length);
        r->begin_us = begin < r->begin_us ? begin : r->begin_us;
        r->end_us = end > r->end_us ? end : r->end_us;
    }
    free(a);
    return 0;
}

/* All frames of a segment, decoded in order at the codec's own rate: own[0] is spoken at seg->low. */
static int decode(const struct render *r, const struct segment *seg, const struct frame *f, int16_t *own, size_t length)
{
    const struct jn_codec_ops *ops = seg->ops;
    size_t bytes = ops->decoder_bytes ? ops->decoder_bytes(ops->rate) : 0,
           k = ops->rate / ops->clock ? ops->rate / ops->clock : 1;
    void *state = bytes ? aligned_alloc(64, (bytes + 63) & ~(size_t)63) : NULL;
    int16_t pcm[LONGEST];
    uint64_t noise = 1;

    if (bytes && (!state || ops->decoder_init(state, ops->rate) < 0)) {
        free(state);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < seg->count; i++) {
        const struct jn_rec_item *it = &r->items[f[i].item];
        size_t at = (size_t)(f[i].x - seg->low) * k;
        if (i > 0 && f[i].x == f[i - 1].x) /* the same again */
            continue;
        int n = (int)(f[i].n * k);
        if (!hidden(it))
            n = ops->decode(state, pcm, LONGEST, it->payload, it->len);
        for (int s = 0; hidden(it) && s < n; s++)
            pcm[s] = it->withheld & JN_RECF_MASKED ? (int16_t)((int)(jn_splitmix(&noise) % (2 * NOISE)) - NOISE) : 0;
        for (int s = 0; s < n && at + (size_t)s < length; s++)
            own[at + (size_t)s] = pcm[s];
    }
    free(state);
    return 0;
}

/* Adds own to one side, from begin_us to end_us on the engine's clock. step: of own for each sample of the output. */
static void add(const struct render *r, const struct segment *seg, int16_t *side, const int16_t *own, size_t length,
                double step, double begin_us, double end_us)
{
    double rate = r->o.rate / 1e6, origin = (seg->fit.origin_us - (double)r->begin_us) * rate;
    size_t from = (size_t)origin, to = from + (size_t)((double)length / step) + 2;
    double first = (begin_us - (double)r->begin_us) * rate, last = (end_us - (double)r->begin_us) * rate;
    size_t a = first > (double)from ? (size_t)first : from, b = last < (double)to ? (last > 0 ? (size_t)last : 0) : to;

    b = b < r->n ? b : r->n;
    if (a < b)
        jn_resample_add(side + 2 * a, b - a, own, length, (double)(a - from) * step, step);
}

/* Adds own where the party heard the track. */
static void heard(const struct render *r, const struct segment *seg, int16_t *side, const int16_t *own, size_t length,
                  double step)
{
    double since = -1;

    for (size_t i = 0; i <= r->n_items; i++) {
        const struct jn_rec_item *it = i < r->n_items ? &r->items[i] : NULL;
        if (it && (it->kind != JN_REC_EVENT || it->event != JN_RECEV_HEAR || it->track + 1 != r->o.party))
            continue;
        double at = it ? (double)it->at_us : (double)r->end_us;
        if (since >= 0)
            add(r, seg, side, own, length, step, since, at);
        since = it && it->arg >> seg->track & 1 ? at : -1;
    }
}

/* f: the first frame of seg. */
static int lay_out(struct render *r, const struct segment *seg, const struct frame *f, int16_t *pcm)
{
    uint32_t k = seg->ops->rate / seg->ops->clock ? seg->ops->rate / seg->ops->clock : 1;
    size_t length = (size_t)(seg->high - seg->low) * k;
    int16_t *own = calloc(length, sizeof own[0]);
    int rc = own ? decode(r, seg, f, own, length) : -ENOMEM;
    double tick_us = 1e6 / seg->ops->clock;
    double step = (double)seg->ops->rate / r->o.rate * tick_us / (tick_us + seg->fit.skew_us);

    for (unsigned side = 0; rc == 0 && side < 2; side++) {
        if (!on_side(&r->o, side, seg->track))
            continue;
        if (r->o.party && side == 0)
            heard(r, seg, pcm, own, length, step);
        else
            add(r, seg, pcm + side, own, length, step, (double)r->begin_us, (double)r->end_us + 1e6);
    }
    free(own);
    return rc;
}

static int render(struct render *r, int16_t **pcm, struct jn_err *err)
{
    int rc = gather(r, r->n_items);
    if (rc != 0)
        return rc;
    if (r->count == 0)
        return jn_fail(err, -ENOENT, "the recording has no frame to be heard");
    qsort(r->frames, r->count, sizeof r->frames[0], in_order);
    rc = fit_clocks(r);
    if (rc != 0)
        return rc;
    if (r->end_us - r->begin_us > longest_us)
        return jn_fail(err, -E2BIG, "the recording is longer than 12 hours");
    for (size_t s = 0; r->o.rate == 0 && s < r->n_segments; s++)
        if (r->segments[s].ops->rate > r->highest)
            r->highest = r->segments[s].ops->rate;
    r->o.rate = r->o.rate ? r->o.rate : r->highest;
    r->n = (size_t)((double)(r->end_us - r->begin_us) * r->o.rate / 1e6) + 1;
    *pcm = calloc(r->n, 2 * sizeof **pcm);
    if (*pcm == NULL)
        return -ENOMEM;
    const struct frame *f = r->frames;
    for (size_t s = 0; s < r->n_segments && rc == 0; s++) {
        rc = lay_out(r, &r->segments[s], f, *pcm);
        f += r->segments[s].count;
    }
    if (rc != 0) {
        free(*pcm);
        *pcm = NULL;
    }
    return rc;
}

int jn_rec_render(int16_t **pcm, size_t *n, uint32_t *rate, const struct jn_rec_item *items, size_t count,
                  const struct jn_rec_render_options *o, struct jn_err *err)
{
    static const uint8_t caller = 1 << JN_TRACK_CALLER, with_agent = 1 << JN_TRACK_AGENT | 1 << JN_TRACK_OTHER;
    struct render r = {.items = items, .n_items = count};
    *pcm = NULL;
    *n = 0;
    if (o)
        r.o = *o;
    if (!r.o.party && !r.o.left && !r.o.right) {
        r.o.left = caller;
        r.o.right = with_agent;
    }
    if (count > UINT32_MAX)
        return jn_fail(err, -E2BIG, "the recording has too many items");
    r.frames = malloc((count + 1) * sizeof r.frames[0]);
    int rc = r.frames != NULL ? render(&r, pcm, err) : -ENOMEM;
    if (rc == -ENOMEM)
        jn_fail(err, rc, "no memory to render the recording");
    *n = rc == 0 ? r.n : 0;
    *rate = r.o.rate;
    free(r.segments);
    free(r.frames);
    return rc;
}

static void put(uint8_t *p, uint32_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

void jn_wav_header(uint8_t out[static 44], uint32_t n, uint32_t rate)
{
    memcpy(out, "RIFF....WAVEfmt ", 16);
    put(out + 4, 36 + n * 4, 4);
    put(out + 16, 16, 4);
    put(out + 20, 1, 2); /* PCM */
    put(out + 22, 2, 2);
    put(out + 24, rate, 4);
    put(out + 28, rate * 4, 4);
    put(out + 32, 4, 2);
    put(out + 34, 16, 2);
    memcpy(out + 36, "data", 4);
    put(out + 40, n * 4, 4);
}
