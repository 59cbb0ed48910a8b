/* Replay: the journal through fresh routers, compared with what the running one wrote down about itself. Reads only. */
#ifndef JN_ENGINE_REPLAY_H
#define JN_ENGINE_REPLAY_H

#include "engine/base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct jn_replay {
    uint64_t began_seq, last_seq, events; /* began: the snapshot's event, 0 from nothing */
    uint64_t state_checks;                /* compared and equal */
    uint64_t command_checks;
    uint64_t commands_unknown; /* checks whose run was loaded before the replay's beginning: their commands cannot be
                                  compared, their state was */
    uint64_t snapshots;        /* later snapshots whose state was compared and equal */
    uint64_t torn_bytes;
    bool bounds_known;   /* false: no record of the router's bounds, the defaults were taken */
    uint64_t differs_at; /* the event after which something differed, 0: nothing did */
};
/* dir: the journal's folder. from_start: from the first event ever, else from the oldest usable snapshot or, without
 * one, from the first event. progress (may be NULL) is called now and then. 0: everything was equal; -EILSEQ with
 * differs_at and the reason; other -errno: it cannot be replayed. */
int jn_replay(const char *dir, bool from_start, struct jn_replay *out,
              void (*progress)(void *arg, uint64_t seq, uint64_t last), void *arg, struct jn_err *err);

/* Every offer that matching made from from_us to to_us (engine time), with what led to it, in order; `watch` may get
 * some from before and picks. -ENODATA: the journal does not go back so far any more. */
struct jn_explanation; /* router/match/explain.h */
int jn_replay_watch(const char *dir, uint64_t from_us, uint64_t to_us,
                    void (*watch)(void *arg, const struct jn_explanation *e), void *arg, struct jn_err *err);

#endif
