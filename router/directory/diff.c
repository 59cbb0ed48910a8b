/* Diff: the events that turn one directory into another. Only what the router knows of is compared: a changed display
 * name or password is none of its business. */
#include "router/directory/directory.h"

#include <string.h>

struct out {
    void (*put)(void *arg, const struct jn_event *ev);
    void *arg;
    unsigned count;
};

static void give(struct out *o, struct jn_event *ev)
{
    ev->maker = JN_MAKER_APP;
    o->put(o->arg, ev);
    o->count++;
}

/* The order in which skills are written means nothing. */
static bool skills_same(const struct jn_skill *a, unsigned na, const struct jn_skill *b, unsigned nb)
{
    if (na != nb)
        return false;
    for (unsigned i = 0; i < na; i++) {
        unsigned k = 0;

        while (k < nb && (a[i].id != b[k].id || a[i].level != b[k].level))
            k++;
        if (k == nb)
            return false;
    }
    return true;
}

bool jn_dir_queue_same(const struct jn_ev_queue *a, const struct jn_ev_queue *b)
{
    return a->id == b->id && skills_same(a->skill, a->skills, b->skill, b->skills) && a->target_ms == b->target_ms &&
           a->offer_timeout_ms == b->offer_timeout_ms && a->wrap_up_ms == b->wrap_up_ms &&
           a->max_wait_ms == b->max_wait_ms && a->max_waiting == b->max_waiting && a->prefer_ms == b->prefer_ms &&
           a->announce_ms == b->announce_ms && a->weight == b->weight && a->priority == b->priority &&
           a->policy == b->policy && a->channel_mask == b->channel_mask;
}

bool jn_dir_agent_same(const struct jn_ev_agent *a, const struct jn_ev_agent *b)
{
    return a->id == b->id && skills_same(a->skill, a->skills, b->skill, b->skills) &&
           !memcmp(a->capacity, b->capacity, sizeof a->capacity) && a->max_no_answer == b->max_no_answer &&
           a->n_serves == b->n_serves && !memcmp(a->serves, b->serves, a->n_serves * sizeof a->serves[0]);
}

static void put_new(struct out *o, const struct jn_directory *a, const struct jn_directory *b)
{
    for (uint32_t i = 0; i < b->n_tenants; i++) {
        const struct jn_dir_tenant *is = &b->tenants[i], *was = a ? jn_dir_tenant(a, is->id) : NULL;
        struct jn_event ev = {.kind = JN_EV_TENANT_PUT, .tenant = is->id, .tenant_put = {.weight = is->weight}};

        if (!was || was->weight != is->weight)
            give(o, &ev);
    }
    for (uint32_t i = 0; i < b->n_queues; i++) {
        const struct jn_dir_queue *is = &b->queues[i], *was = a ? jn_dir_queue(a, is->set.id) : NULL;
        struct jn_event ev = {.kind = JN_EV_QUEUE_PUT, .tenant = is->tenant, .queue = is->set};

        if (!was || !jn_dir_queue_same(&was->set, &is->set))
            give(o, &ev);
    }
    for (uint32_t i = 0; i < b->n_agents; i++) {
        const struct jn_dir_agent *is = &b->agents[i], *was = a ? jn_dir_agent(a, is->set.id) : NULL;
        struct jn_event ev = {.kind = JN_EV_AGENT_PUT, .tenant = is->tenant, .agent = is->set};

        if (!was || !jn_dir_agent_same(&was->set, &is->set))
            give(o, &ev);
    }
}

static void del_gone(struct out *o, const struct jn_directory *a, const struct jn_directory *b)
{
    for (uint32_t i = 0; i < a->n_agents; i++) {
        const struct jn_dir_agent *was = &a->agents[i];
        struct jn_event ev = {.kind = JN_EV_AGENT_DEL, .tenant = was->tenant, .why = JN_WHY_REMOVED};

        ev.who.agent = was->set.id;
        if (!b || !jn_dir_agent(b, was->set.id))
            give(o, &ev);
    }
    for (uint32_t i = 0; i < a->n_queues; i++) {
        const struct jn_dir_queue *was = &a->queues[i];
        struct jn_event ev = {.kind = JN_EV_QUEUE_DEL, .tenant = was->tenant, .why = JN_WHY_REMOVED};

        ev.ix.queue = was->set.id;
        if (!b || !jn_dir_queue(b, was->set.id))
            give(o, &ev);
    }
    for (uint32_t i = 0; i < a->n_tenants; i++) {
        struct jn_event ev = {.kind = JN_EV_TENANT_DEL, .tenant = a->tenants[i].id, .why = JN_WHY_REMOVED};

        if (!b || !jn_dir_tenant(b, a->tenants[i].id))
            give(o, &ev);
    }
}

unsigned jn_directory_diff(const struct jn_directory *a, const struct jn_directory *b,
                           void (*put)(void *arg, const struct jn_event *ev), void *arg)
{
    struct out o = {.put = put, .arg = arg};

    if (b)
        put_new(&o, a, b);
    if (a)
        del_gone(&o, a, b);
    return o.count;
}
