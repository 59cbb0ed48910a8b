/* Ring: two mailboxes of numbers, neither of which can be full: there are no more numbers than places. */
#include "media/record/ring.h"
#include "engine/base/pages.h"

#include <errno.h>
#include <stdlib.h>

enum { BURST = 64 };

int jn_rec_ring_init(struct jn_rec_ring *r, uint32_t chunks)
{
    *r = (struct jn_rec_ring){.n = chunks < 2 ? 2 : chunks};
    r->chunk = jn_untouched_pages((size_t)r->n * sizeof *r->chunk);
    r->free = malloc((size_t)r->n * sizeof *r->free);
    if (!r->chunk || !r->free || jn_mailbox_init(&r->full, r->n, sizeof(uint32_t), NULL) < 0 ||
        jn_mailbox_init(&r->empty, r->n, sizeof(uint32_t), NULL) < 0) {
        jn_rec_ring_free(r);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < r->n; i++)
        r->free[i] = r->n - 1 - i;
    r->n_free = r->n;
    return 0;
}

void jn_rec_ring_free(struct jn_rec_ring *r)
{
    jn_mailbox_free(&r->full);
    jn_mailbox_free(&r->empty);
    free(r->chunk);
    free(r->free);
    r->chunk = NULL;
    r->free = NULL;
}

/* Takes what came back. */
static void look(struct jn_rec_ring *r)
{
    uint32_t most = r->n - r->n_free,
             got = jn_mailbox_recv(&r->empty, r->free + r->n_free, BURST < most ? BURST : most);

    r->n_free += got;
    r->warm += got;
}

/* Whether there is a chunk beyond those that are kept. */
static bool spare(struct jn_rec_ring *r)
{
    if (r->warm == 0 || r->n_free <= r->kept)
        look(r);
    return r->n_free > r->kept;
}

static struct jn_rec_chunk *top(struct jn_rec_ring *r)
{
    r->warm -= r->warm > 0;
    return &r->chunk[r->free[--r->n_free]];
}

struct jn_rec_chunk *jn_rec_ring_take(struct jn_rec_ring *r)
{
    return spare(r) ? top(r) : NULL;
}

bool jn_rec_ring_keep(struct jn_rec_ring *r)
{
    if (!spare(r))
        return false;
    r->kept++;
    return true;
}

struct jn_rec_chunk *jn_rec_ring_take_kept(struct jn_rec_ring *r)
{
    if (r->kept == 0 || r->n_free == 0)
        abort(); /* a chunk was promised: using one that nobody kept is a fault of ours, never of load */
    r->kept--;
    if (r->warm == 0)
        look(r);
    return top(r);
}

void jn_rec_ring_give(struct jn_rec_ring *r, struct jn_rec_chunk *c)
{
    uint32_t i = (uint32_t)(c - r->chunk);

    if (jn_mailbox_send(&r->full, &i) < 0)
        abort(); /* more chunks than there are */
}

unsigned jn_rec_ring_get(struct jn_rec_ring *r, struct jn_rec_chunk *out[], unsigned max)
{
    uint32_t i[BURST];
    unsigned n = jn_mailbox_recv(&r->full, i, max < BURST ? max : BURST);

    for (unsigned k = 0; k < n; k++)
        out[k] = &r->chunk[i[k]];
    return n;
}

void jn_rec_ring_back(struct jn_rec_ring *r, struct jn_rec_chunk *const c[], unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        uint32_t i = (uint32_t)(c[k] - r->chunk);
        if (jn_mailbox_send(&r->empty, &i) < 0)
            abort();
    }
}
