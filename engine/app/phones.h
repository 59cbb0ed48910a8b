/* Phones: which agents' registrations have changed and are not stored yet. An agent waits once, however often its phone
 * registers; what does not fit into the database's mailbox waits for the next tick. Owner: the signalling thread. */
#ifndef JN_ENGINE_PHONES_H
#define JN_ENGINE_PHONES_H

#include "engine/base/map.h"

struct jn_engine;
/* Zero it to start. */
struct jn_phones {
    uint64_t *waiting; /* agents, a ring */
    uint32_t head, count, cap;
    struct jn_map known; /* who waits */
};
void jn_phones_changed(struct jn_phones *p, uint64_t agent);
/* Sends notes until the mailbox is half full. */
void jn_phones_store(struct jn_phones *p, struct jn_engine *e);
void jn_phones_free(struct jn_phones *p);

#endif
