/* Valid: ranges of events. */
#include "router/core/valid.h"
#include "router/interaction/interaction.h"

#include <string.h>

bool jn_skills_valid(const struct jn_skill *skill, unsigned n, unsigned max)
{
    if (n > max)
        return false;
    for (unsigned i = 0; i < n; i++)
        if (!skill[i].id || skill[i].level < 1 || skill[i].level > JN_LEVEL_MAX)
            return false;
    return true;
}

bool jn_queue_valid(const struct jn_ev_queue *q)
{
    return q->id && q->weight >= 1 && q->weight <= 1000 && q->priority <= 9 && q->policy < JN_POLICY_N &&
           q->channel_mask < 1u << JN_CH_N && jn_skills_valid(q->skill, q->skills, JN_SKILLS_MAX);
}

bool jn_agent_valid(const struct jn_ev_agent *a)
{
    bool serves = a->n_serves <= JN_SERVES_MAX;

    for (unsigned i = 0; serves && i < a->n_serves; i++)
        serves = a->serves[i] != 0;
    return serves && a->id && a->capacity[JN_CH_VOICE] <= 1 && jn_skills_valid(a->skill, a->skills, JN_SKILLS_MAX);
}

/* Without a queue only a call that ended before it came to one. */
static bool arrive_valid(const struct jn_ev_arrive *a, uint8_t why)
{
    return a->ix && (a->queue || jn_ix_before_queue(why)) && a->channel < JN_CH_N &&
           (a->priority <= 9 || a->priority == 255) &&
           jn_skills_valid(a->skill, a->skills, sizeof a->skill / sizeof a->skill[0]);
}

bool jn_event_valid(const struct jn_event *ev)
{
    if (ev->kind >= JN_EV_KIND_N || ev->why >= JN_WHY_N || ev->maker >= JN_MAKER_N)
        return false;
    switch ((enum jn_event_kind)ev->kind) {
    case JN_EV_TENANT_PUT:
    case JN_EV_TENANT_DEL:
        return ev->tenant != 0;
    case JN_EV_QUEUE_PUT:
        return jn_queue_valid(&ev->queue);
    case JN_EV_AGENT_PUT:
        return jn_agent_valid(&ev->agent);
    case JN_EV_ARRIVE:
        return arrive_valid(&ev->arrive, ev->why);
    case JN_EV_AGENT_DEL:
    case JN_EV_LOGIN:
    case JN_EV_LOGOUT:
    case JN_EV_READY:
    case JN_EV_NOT_READY:
        return memchr(ev->who.reason, 0, sizeof ev->who.reason) != NULL;
    case JN_EV_CALL_OUT:
        return ev->ix.ix && ev->ix.agent && ev->ix.queue;
    default:
        return true;
    }
}

void jn_event_refused(struct jn_event *out, const struct jn_event *ev)
{
    memset(out, 0, sizeof *out);
    out->time_us = ev->time_us;
    out->seq = ev->seq;
    out->tenant = ev->tenant;
    out->token = ev->token;
    out->maker = ev->maker < JN_MAKER_N ? ev->maker : (uint8_t)JN_MAKER_ROUTER;
}
