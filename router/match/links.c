/* Links: which agent serves which queue, as one list from each side. They change only when settings do. */
#include "router/core/state.h"
#include "router/match/match.h"

#include <errno.h>
#include <stdlib.h>

int jn_links_reserve(struct jn_router *r, uint32_t n)
{
    uint64_t need = (uint64_t)r->links.count + n;
    uint64_t cap = r->links.cap;

    if (need <= cap)
        return 0;
    if (need > JN_LINKS_MAX)
        return -ENOMEM;
    while (cap < need)
        cap *= 2;
    struct jn_link *link = realloc(r->link, cap * sizeof *link);
    if (!link)
        return -ENOMEM;
    r->link = link;
    struct jn_node *node = realloc(r->idle_node, 2 * cap * sizeof *node);
    if (!node)
        return -ENOMEM;
    r->idle_node = node;
    return jn_pool_grow(&r->links, (uint32_t)cap);
}

static uint32_t score(const struct jn_ev_queue *q, const struct jn_ev_agent *a)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < q->skills; i++)
        sum += jn_agent_level(a, q->skill[i].id);
    return sum;
}

/* Room was reserved. */
static void join(struct jn_router *r, uint32_t a, uint32_t q)
{
    struct jn_agent *agent = &r->agent[a];
    struct jn_queue *queue = &r->queue[q];

    if (!jn_agent_works_for(agent, queue->tenant) || !jn_agent_has(&agent->set, queue->set.skill, queue->set.skills))
        return;
    uint32_t i = jn_pool_take(&r->links);
    r->link[i] = (struct jn_link){a, q, score(&queue->set, &agent->set), JN_NONE, agent->links, JN_NONE, queue->links};
    if (agent->links != JN_NONE)
        r->link[agent->links].agent_prev = i;
    if (queue->links != JN_NONE)
        r->link[queue->links].queue_prev = i;
    agent->links = queue->links = i;
    jn_idle_link(r, i);
    if (agent->idle[JN_CH_VOICE] || agent->idle[JN_CH_CHAT])
        jn_match_fresh_agent(r, a);
}

static void part(struct jn_router *r, uint32_t i)
{
    struct jn_link *l = &r->link[i];

    jn_idle_unlink(r, i);
    if (l->agent_prev == JN_NONE)
        r->agent[l->agent].links = l->agent_next;
    else
        r->link[l->agent_prev].agent_next = l->agent_next;
    if (l->agent_next != JN_NONE)
        r->link[l->agent_next].agent_prev = l->agent_prev;
    if (l->queue_prev == JN_NONE)
        r->queue[l->queue].links = l->queue_next;
    else
        r->link[l->queue_prev].queue_next = l->queue_next;
    if (l->queue_next != JN_NONE)
        r->link[l->queue_next].queue_prev = l->queue_prev;
    jn_pool_give(&r->links, i);
}

int jn_links_agent(struct jn_router *r, uint32_t a)
{
    int rc = jn_links_reserve(r, r->queues.count);

    if (rc < 0)
        return rc;
    jn_links_drop_agent(r, a);
    for (uint32_t q = r->queues.head; q != JN_NONE; q = r->queues.next[q])
        join(r, a, q);
    return 0;
}

int jn_links_queue(struct jn_router *r, uint32_t q)
{
    int rc = jn_links_reserve(r, r->agents.count);

    if (rc < 0)
        return rc;
    jn_links_drop_queue(r, q);
    for (uint32_t a = r->agents.head; a != JN_NONE; a = r->agents.next[a])
        join(r, a, q);
    return 0;
}

void jn_links_drop_agent(struct jn_router *r, uint32_t a)
{
    while (r->agent[a].links != JN_NONE)
        part(r, r->agent[a].links);
}

void jn_links_drop_queue(struct jn_router *r, uint32_t q)
{
    while (r->queue[q].links != JN_NONE)
        part(r, r->queue[q].links);
}

uint32_t jn_links_find(const struct jn_router *r, uint32_t a, uint32_t q)
{
    for (uint32_t l = r->agent[a].links; l != JN_NONE; l = r->link[l].agent_next)
        if (r->link[l].queue == q)
            return l;
    return JN_NONE;
}
