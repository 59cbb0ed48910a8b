/* What-if: recorded days for `junctor replay --policy`. */
#ifndef JN_ENGINE_WHATIF_H
#define JN_ENGINE_WHATIF_H

#include "router/whatif/day.h"

/* What a journal held that a what-if cannot take over. */
struct jn_whatif_left_out {
    uint64_t calls_out, before_queue, open, transfers;
};
/* The day that a data folder's journal recorded, from its first event on. -ENODATA: it does not begin at the first
 * event any more, so nobody knows who was there. 0 or -errno. */
int jn_whatif_journal(struct jn_day *d, struct jn_whatif_left_out *out, const char *dir, struct jn_err *err);
/* A whole file as text; the caller frees it. NULL, err says why. */
char *jn_whatif_text(const char *path, struct jn_err *err);

#endif
