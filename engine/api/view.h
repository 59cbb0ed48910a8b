/* View: the newest row of every agent, queue and open interaction, as the router's commands told them. Rows only; how
 * they look as JSON is rows.h. */
#ifndef JN_ENGINE_API_VIEW_H
#define JN_ENGINE_API_VIEW_H

#include "engine/base/map.h"
#include "router/core/command.h"

struct jn_view_agent {
    struct jn_agent_row row;
    bool phone;     /* registered */
    uint16_t desks; /* event sockets open */
};
struct jn_view {
    struct jn_view_agent *agents;
    struct jn_queue_row *queues;
    struct jn_ix_row *ixs; /* open ones: neither gaps nor order; a removed one is replaced by the last */
    uint32_t n_agents, n_queues, n_ixs, cap_agents, cap_queues, cap_ixs;
    struct jn_map agent_by, queue_by, ix_by;
    uint64_t lost; /* rows that found no memory */
};
int jn_view_init(struct jn_view *v);
void jn_view_free(struct jn_view *v);
/* Takes the row of c, if it has one. A row that is done leaves the view. */
void jn_view_take(struct jn_view *v, const struct jn_command *c);
/* Borrowed until the next take; NULL when unknown. */
struct jn_view_agent *jn_view_agent(const struct jn_view *v, uint64_t id);
const struct jn_queue_row *jn_view_queue(const struct jn_view *v, uint64_t id);
const struct jn_ix_row *jn_view_ix(const struct jn_view *v, uint64_t id);
/* The row of agent id, made (logged out) when the router has not spoken of it yet. NULL: no memory. */
struct jn_view_agent *jn_view_agent_make(struct jn_view *v, uint64_t id);

#endif
