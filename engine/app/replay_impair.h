/* Replay through a network that is worse than the captured one: RTP of the capture is lost, late, doubled and out of
 * order as configured before the plane gets it; the same each time. */
#ifndef JN_ENGINE_REPLAY_IMPAIR_H
#define JN_ENGINE_REPLAY_IMPAIR_H

#include "engine/base/err.h"
#include "engine/base/pkt.h"
#include "media/impair/impair.h"

struct jn_replay_impair;
/* locals: how many local ports there are. Borrows c. 0 or -ENOMEM. */
int jn_replay_impair_open(struct jn_replay_impair **out, const struct jn_impair_config *c, uint32_t locals);
/* From now on that local port receives another flow. */
void jn_replay_impair_begin(struct jn_replay_impair *m, uint32_t local, unsigned flow);
/* Packets just captured: those to even ports (RTP) go on their way, the rest (RTCP) stay in pk; returns how many. */
unsigned jn_replay_impair_put(struct jn_replay_impair *m, struct jn_pkt *pk[], unsigned n, uint64_t now_ns);
/* The next one that arrives at now_ns; NULL: none. It is good until the next call. */
struct jn_pkt *jn_replay_impair_take(struct jn_replay_impair *m, uint64_t now_ns);
uint64_t jn_replay_impair_next_ns(const struct jn_replay_impair *m);
/* Over all flows. refused: found no room to wait. */
void jn_replay_impair_counts(const struct jn_replay_impair *m, struct jn_impair_counts *out, uint64_t *refused);
void jn_replay_impair_close(struct jn_replay_impair *m);

#endif
