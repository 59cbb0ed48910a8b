/* Ring: chunks on their way from one worker to the recorder and back, by their numbers; nothing is copied and nobody
 * waits. Each recording keeps one chunk for itself as long as it runs, so that its end can always be told. */
#ifndef JN_MEDIA_RECORD_RING_H
#define JN_MEDIA_RECORD_RING_H

#include "engine/base/mailbox.h"
#include "media/record/chunk.h"

struct jn_rec_ring {
    struct jn_rec_chunk *chunk;
    struct jn_mailbox full, empty; /* uint32_t */
    /* the producer's own: the last ones that came back lie on top, `warm` of them; those below were never written to,
     * so that no more memory is touched than was ever under way at a time */
    uint32_t *free, n_free, warm, n, kept;
};
/* chunks: at least 2. Memory is touched only as it is used. 0 or -ENOMEM. */
int jn_rec_ring_init(struct jn_rec_ring *r, uint32_t chunks);
void jn_rec_ring_free(struct jn_rec_ring *r);

/* Producer. A chunk that nobody has kept; NULL: there is none. */
struct jn_rec_chunk *jn_rec_ring_take(struct jn_rec_ring *r);
/* Producer. Keeps one for a later jn_rec_ring_take_kept, which cannot fail. */
bool jn_rec_ring_keep(struct jn_rec_ring *r);
struct jn_rec_chunk *jn_rec_ring_take_kept(struct jn_rec_ring *r);
/* Producer. Hands a chunk to the recorder, in order. */
void jn_rec_ring_give(struct jn_rec_ring *r, struct jn_rec_chunk *c);

/* Consumer. Up to max chunks, oldest first; each comes back by jn_rec_ring_back. */
unsigned jn_rec_ring_get(struct jn_rec_ring *r, struct jn_rec_chunk *out[], unsigned max);
void jn_rec_ring_back(struct jn_rec_ring *r, struct jn_rec_chunk *const c[], unsigned n);

#endif
