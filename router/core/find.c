/* Find: ids to indices, inside one tenant; and the memory of closed ids. */
#include "router/core/state.h"

static uint32_t get(const struct jn_map *m, uint64_t id)
{
    return id ? jn_map_get(m, id) : JN_NONE;
}

uint32_t jn_find_tenant(const struct jn_router *r, uint64_t id)
{
    return get(&r->tenant_by_id, id);
}

uint32_t jn_find_queue(const struct jn_router *r, uint64_t tenant, uint64_t id)
{
    uint32_t q = get(&r->queue_by_id, id);

    return q != JN_NONE && r->queue[q].tenant == tenant ? q : JN_NONE;
}

uint32_t jn_find_agent(const struct jn_router *r, uint64_t tenant, uint64_t id)
{
    uint32_t a = get(&r->agent_by_id, id);

    return a != JN_NONE && r->agent[a].tenant == tenant ? a : JN_NONE;
}

uint32_t jn_find_worker(const struct jn_router *r, uint64_t tenant, uint64_t id)
{
    uint32_t a = get(&r->agent_by_id, id);

    return a != JN_NONE && jn_agent_works_for(&r->agent[a], tenant) ? a : JN_NONE;
}

uint32_t jn_find_anybody(const struct jn_router *r, uint64_t id)
{
    return get(&r->agent_by_id, id);
}

uint32_t jn_find_ix(const struct jn_router *r, uint64_t tenant, uint64_t id)
{
    uint32_t i = get(&r->ix_by_id, id);

    return i != JN_NONE && r->ix[i].row.tenant == tenant ? i : JN_NONE;
}

/* The map was made for closed_cap entries, so setting cannot fail. */
void jn_closed_remember(struct jn_router *r, uint64_t id, uint64_t tenant)
{
    uint32_t at = (r->closed_first + r->closed_count) % r->closed_cap;

    if (r->closed_count == r->closed_cap) {
        jn_map_del(&r->closed_by_id, r->closed[at].id);
        r->closed_first = (r->closed_first + 1) % r->closed_cap;
    } else {
        r->closed_count++;
    }
    r->closed[at] = (struct jn_closed){id, tenant};
    jn_map_set(&r->closed_by_id, id, at);
}
