/* Patience: the Kaplan-Meier curve and draws from it. */
#include "router/whatif/patience.h"

#include "engine/base/rand.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* Who left at a moment counts before who was answered at it. */
static int by_time(const void *a, const void *b)
{
    const struct jn_patience_seen *x = a, *y = b;

    if (x->us != y->us)
        return x->us < y->us ? -1 : 1;
    return (int)y->left - (int)x->left;
}

int jn_patience_fit(struct jn_patience *p, struct jn_patience_seen *seen, size_t n)
{
    double still = 1, waited = 0;
    size_t left = 0;

    *p = (struct jn_patience){.step = malloc((n + 1) * sizeof *p->step)};
    if (!p->step)
        return -ENOMEM;
    qsort(seen, n, sizeof *seen, by_time);
    for (size_t i = 0, k; i < n; i = k) {
        size_t here = 0;
        for (k = i; k < n && seen[k].us == seen[i].us; k++) {
            here += seen[k].left;
            waited += (double)seen[k].us;
        }
        if (here == 0)
            continue;
        left += here;
        still *= 1 - (double)here / (double)(n - i);
        p->step[p->n++] = (struct jn_patience_step){seen[i].us, still};
    }
    p->tail_us = left ? waited / (double)left : 0;
    return 0;
}

void jn_patience_free(struct jn_patience *p)
{
    free(p->step);
    *p = (struct jn_patience){0};
}

uint64_t jn_patience_draw(const struct jn_patience *p, uint64_t *seed)
{
    double u = ((double)(jn_splitmix(seed) >> 11) + 0.5) / 9007199254740992.0;
    size_t low = 0, high = p->n;

    if (p->n == 0)
        return UINT64_MAX;
    while (low < high) { /* the first step after which less than u are left */
        size_t mid = (low + high) / 2;
        if (p->step[mid].still < u)
            high = mid;
        else
            low = mid + 1;
    }
    if (low < p->n)
        return p->step[low].us;
    const struct jn_patience_step *last = &p->step[p->n - 1];
    return last->us + (uint64_t)(-log(u / last->still) * p->tail_us);
}
