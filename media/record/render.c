/* Render: frames of a track are sorted into segments (one source on one clock), each segment is laid out on its own
 * clock with silence in its gaps, then moved to the engine's clock. */
#include "media/record/render.h"
#include "media/codec/g711.h"
#include "media/record/timeline.h"
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SIDES = 2, SAMPLE_US = 125, LOOK_BACK = 4, LOOK_AHEAD = 300 /* items */ };
static const int64_t jump_us = 250000, longest_us = INT64_C(12) * 3600 * 1000000,
                     latest_us = INT64_MAX / 16; /* beyond it no time is meant, and sums might overflow */

/* x: time on the source's clock, extended. */
struct frame {
    int64_t x;
    uint32_t item, segment;
};
/* early_us: least arrival minus RTP time of late, allowed to rise by 1000 ppm. */
struct segment {
    int64_t newest_x, early_us, at_us, low, high;
    uint32_t ssrc, count, track;
    struct jn_clock_fit fit;
};
struct render {
    const struct jn_rec_item *items;
    struct frame *frames;
    struct segment *segments;
    size_t count, n_segments, room;
    int64_t begin_us, end_us;
    size_t n;
};

static bool audible(const struct jn_rec_item *it)
{
    return it->kind == JN_REC_FRAME && it->at_us <= (uint64_t)latest_us && it->track < SIDES &&
           it->codec < JN_CODEC_N && it->len > 0 && it->len <= JN_REC_PAYLOAD_MAX;
}

/* How much later it came than the segment's frames of late; *x: its time on the segment's clock. */
static int64_t lateness(const struct segment *s, const struct jn_rec_item *it, int64_t *x)
{
    *x = s->newest_x + (int32_t)(it->rtp_ts - (uint32_t)s->newest_x);
    return (int64_t)it->at_us - *x * SAMPLE_US - s->early_us;
}

static bool same_source(const struct segment *s, const struct jn_rec_item *it)
{
    return audible(it) && s->ssrc == it->ssrc && s->track == it->track;
}

/* Whether item i is on the segment's clock. One that comes far too late was held up on the way if the next ones make up
 * for it; otherwise the clock stood still, or was set anew. One that comes far too early tells of another clock. */
static bool belongs(const struct render *r, const struct segment *s, size_t i, size_t count, int64_t *x)
{
    int64_t other;
    if (!same_source(s, &r->items[i]))
        return false;
    int64_t moved = lateness(s, &r->items[i], x);
    if (moved <= jump_us)
        return moved >= -jump_us;
    for (size_t k = i + 1; k < count && k <= i + LOOK_AHEAD; k++)
        if (same_source(s, &r->items[k])) {
            moved = lateness(s, &r->items[k], &other);
            if (moved <= jump_us)
                return moved >= -jump_us;
        }
    return false;
}

/* Takes a frame at x into account. */
static void follow(struct segment *s, const struct jn_rec_item *it, int64_t x)
{
    int64_t at = (int64_t)it->at_us, late = at - x * SAMPLE_US;
    if (at > s->at_us) {
        s->early_us += (at - s->at_us) / 1000;
        s->at_us = at;
    }
    s->early_us = late < s->early_us ? late : s->early_us;
    s->newest_x = x > s->newest_x ? x : s->newest_x;
    s->low = x < s->low ? x : s->low;
    s->high = x + it->len > s->high ? x + it->len : s->high;
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
    r->segments[r->n_segments++] = (struct segment){.newest_x = x,
                                                    .at_us = (int64_t)it->at_us,
                                                    .early_us = (int64_t)it->at_us - x * SAMPLE_US,
                                                    .low = INT64_MAX,
                                                    .high = INT64_MIN,
                                                    .ssrc = it->ssrc,
                                                    .track = it->track};
    return 0;
}

/* Finds or makes the segment of each frame. The last few are tried, because a late packet of the old source may come
 * after the first of the new one, and the two tracks alternate. */
static int gather(struct render *r, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct jn_rec_item *it = &r->items[i];
        if (!audible(it))
            continue;
        int64_t x = it->rtp_ts;
        size_t s = r->n_segments, stop = s > LOOK_BACK * SIDES ? s - LOOK_BACK * SIDES : 0;
        while (s > stop && !belongs(r, &r->segments[s - 1], i, count, &x))
            s--;
        if (s == stop) {
            int rc = new_segment(r, it);
            if (rc != 0)
                return rc;
            s = r->n_segments;
            x = it->rtp_ts;
        }
        follow(&r->segments[s - 1], it, x);
        r->frames[r->count++] = (struct frame){.x = x, .item = (uint32_t)i, .segment = (uint32_t)(s - 1)};
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
            a[i] = (struct jn_arrival){.x = f->x + it->len - seg->low, .at_us = (int64_t)it->at_us};
        }
        seg->fit = jn_clock_fit(a, seg->count);
        double length = (double)(seg->high - seg->low) * (SAMPLE_US + seg->fit.skew_us);
        int64_t begin = (int64_t)floor(seg->fit.origin_us), end = (int64_t)ceil(seg->fit.origin_us + length);
        r->begin_us = begin < r->begin_us ? begin : r->begin_us;
        r->end_us = end > r->end_us ? end : r->end_us;
    }
    free(a);
    return 0;
}

/* f: the first frame of seg. */
static int lay_out(struct render *r, const struct segment *seg, const struct frame *f, int16_t *pcm)
{
    size_t length = (size_t)(seg->high - seg->low);
    int16_t *own = calloc(length, sizeof own[0]);
    if (own == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < seg->count; i++) {
        const struct jn_rec_item *it = &r->items[f[i].item];
        jn_codec_decode((enum jn_codec_id)it->codec, own + (f[i].x - seg->low), it->payload, it->len);
    }
    double step = SAMPLE_US / (SAMPLE_US + seg->fit.skew_us);
    size_t from = (size_t)((seg->fit.origin_us - (double)r->begin_us) / SAMPLE_US);
    size_t n = (size_t)((double)length / step) + 2;
    if (n > r->n - from)
        n = r->n - from;
    jn_resample_add(pcm + 2 * from + seg->track, n, own, length, 0.0, step);
    free(own);
    return 0;
}

static int render(struct render *r, int16_t **pcm, size_t count, struct jn_err *err)
{
    int rc = gather(r, count);
    if (rc != 0)
        return rc;
    if (r->count == 0)
        return jn_fail(err, -ENOENT, "the recording has no frame of caller or agent");
    qsort(r->frames, r->count, sizeof r->frames[0], in_order);
    rc = fit_clocks(r);
    if (rc != 0)
        return rc;
    if (r->end_us - r->begin_us > longest_us)
        return jn_fail(err, -E2BIG, "the recording is longer than 12 hours");
    r->n = (size_t)((r->end_us - r->begin_us) / SAMPLE_US) + 1;
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

int jn_rec_render(int16_t **pcm, size_t *n, const struct jn_rec_item *items, size_t count, struct jn_err *err)
{
    struct render r = {.items = items};
    *pcm = NULL;
    *n = 0;
    if (count > UINT32_MAX)
        return jn_fail(err, -E2BIG, "the recording has too many items");
    r.frames = malloc((count + 1) * sizeof r.frames[0]);
    int rc = r.frames != NULL ? render(&r, pcm, count, err) : -ENOMEM;
    if (rc == -ENOMEM)
        jn_fail(err, rc, "no memory to render the recording");
    *n = rc == 0 ? r.n : 0;
    free(r.segments);
    free(r.frames);
    return rc;
}

static void put(uint8_t *p, uint32_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

void jn_wav_header(uint8_t out[static 44], uint32_t n)
{
    memcpy(out, "RIFF....WAVEfmt ", 16);
    put(out + 4, 36 + n * 4, 4);
    put(out + 16, 16, 4);
    put(out + 20, 1, 2); /* PCM */
    put(out + 22, 2, 2);
    put(out + 24, 8000, 4);
    put(out + 28, 8000 * 4, 4);
    put(out + 32, 4, 2);
    put(out + 34, 16, 2);
    memcpy(out + 36, "data", 4);
    put(out + 40, n * 4, 4);
}
