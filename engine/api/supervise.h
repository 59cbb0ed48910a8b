/* Supervise: the calls that a supervisor is at, as signalling tells it. One owner: the API thread. */
#ifndef JN_ENGINE_API_SUPERVISE_H
#define JN_ENGINE_API_SUPERVISE_H

#include "engine/base/str.h"
#include <stdint.h>

struct jn_watch;
/* joined, changes, failed: supervisors who came, who changed the mode, whose phones did not. */
struct jn_watches {
    struct jn_watch *at;
    unsigned n, cap;
    uint64_t joined, changes, failed;
};
void jn_watches_free(struct jn_watches *t);
void jn_watches_metrics(const struct jn_watches *t, struct jn_buf *out);

#endif
