/* Ranges: which sequence numbers of each track are missing, and which were withheld. */
#include "media/record/render.h"
#include <stdlib.h>
#include <string.h>

enum { JUMP = 3000, RANGES_MAX = 1000 };

struct piece {
    uint64_t seq;
    uint32_t ssrc, item; /* item: in what order they came */
    uint8_t track, withheld;
};

static int in_order(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    if (x->track != y->track)
        return x->track < y->track ? -1 : 1;
    if (x->ssrc != y->ssrc)
        return x->ssrc < y->ssrc ? -1 : 1;
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static void range(struct jn_buf *out, unsigned *n, const struct piece *p, uint64_t from, uint64_t to)
{
    if ((*n)++ >= RANGES_MAX)
        return;
    jn_buf_printf(out, "%s{\"track\":%u,\"ssrc\":%u,\"from\":%llu,\"to\":%llu}", *n > 1 ? "," : "", p->track, p->ssrc,
                  (unsigned long long)from, (unsigned long long)to);
}

unsigned jn_rec_ranges(struct jn_buf *out, const struct jn_rec_item *items, size_t count, enum jn_rec_range what)
{
    struct piece *p = malloc((count + 1) * sizeof *p);
    size_t n = 0;
    unsigned told = 0;

    if (!p) {
        out->failed = true;
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        if (items[i].kind == JN_REC_FRAME && items[i].track < JN_TRACK_N)
            p[n++] = (struct piece){.seq = items[i].seq,
                                    .ssrc = items[i].ssrc,
                                    .item = (uint32_t)i,
                                    .track = items[i].track,
                                    .withheld = items[i].withheld};
    qsort(p, n, sizeof *p, in_order);
    for (size_t i = 0; i < n; i++) {
        bool follows = i > 0 && p[i].track == p[i - 1].track && p[i].ssrc == p[i - 1].ssrc;
        if (what == JN_REC_RANGE_MISSING && follows && p[i].seq > p[i - 1].seq + 1 && p[i].seq - p[i - 1].seq < JUMP)
            range(out, &told, &p[i], p[i - 1].seq + 1, p[i].seq - 1);
        if (what != JN_REC_RANGE_WITHHELD || !p[i].withheld)
            continue;
        size_t last = i;
        while (last + 1 < n && p[last + 1].withheld && p[last + 1].track == p[i].track &&
               p[last + 1].ssrc == p[i].ssrc && p[last + 1].seq <= p[last].seq + 1)
            last++;
        range(out, &told, &p[i], p[i].seq, p[last].seq);
        i = last;
    }
    free(p);
    return told;
}
