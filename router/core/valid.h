/* Valid: whether an event's fields are in their ranges. One place for the codec and the router, so that what the
 * journal holds and what the router takes are the same. */
#ifndef JN_ROUTER_VALID_H
#define JN_ROUTER_VALID_H

#include "router/core/event.h"

/* Kind, why and maker in their lists, ids not 0, levels 1..10, priorities 0..9, texts terminated. An event of kind NONE
 * is valid: it does nothing and is refused. */
bool jn_event_valid(const struct jn_event *ev);
/* A refused event of kind NONE in place of an invalid one: same time, sequence, tenant, token and maker. The journal
 * holds that, and the router takes that, so that replay says the same. */
void jn_event_refused(struct jn_event *out, const struct jn_event *ev);
bool jn_skills_valid(const struct jn_skill *skill, unsigned n, unsigned max);
bool jn_queue_valid(const struct jn_ev_queue *q);
bool jn_agent_valid(const struct jn_ev_agent *a);

#endif
