/* Agent events: login, logout, ready, not ready. */
#include "router/core/state.h"
#include "router/match/match.h"

static void login(struct jn_router *r, uint32_t a)
{
    if (r->agent[a].presence != JN_AGENT_LOGGED_OUT)
        return;
    r->agent[a].no_answers = 0;
    jn_work_not_ready(r, a, "login", JN_WHY_NONE);
}

static void logout(struct jn_router *r, uint32_t a)
{
    if (r->agent[a].presence == JN_AGENT_LOGGED_OUT)
        return;
    r->agent[a].presence = JN_AGENT_LOGGED_OUT;
    r->agent[a].after = false;
    jn_idle_update(r, a);
    jn_touch_agent(r, a);
    if (r->agent[a].consult != JN_NONE)
        jn_work_unconsult(r, r->agent[a].consult, JN_WHY_LOGGED_OUT);
    jn_work_revoke(r, a, JN_WHY_LOGGED_OUT);
    jn_work_end_wraps(r, a);
    jn_wait_review_agent(r, a);
}

static void ready(struct jn_router *r, uint32_t a)
{
    struct jn_agent *agent = &r->agent[a];

    if (agent->presence == JN_AGENT_READY && !agent->after)
        return;
    agent->presence = JN_AGENT_READY;
    agent->after = false;
    agent->no_answers = 0;
    agent->mark = ++r->mark;
    jn_heap_disarm(&r->timers, &agent->back_off); /* the agent says that all is well */
    jn_idle_update(r, a);
    jn_touch_agent(r, a);
}

uint8_t jn_on_agent(struct jn_router *r, const struct jn_event *ev)
{
    uint32_t a = jn_find_agent(r, ev->tenant, ev->who.agent);

    if (a == JN_NONE)
        return JN_WHY_UNKNOWN_ID;
    if (ev->kind == JN_EV_LOGIN) {
        login(r, a);
        return JN_WHY_NONE;
    }
    if (ev->kind == JN_EV_LOGOUT) {
        logout(r, a);
        return JN_WHY_NONE;
    }
    if (r->agent[a].presence == JN_AGENT_LOGGED_OUT)
        return JN_WHY_BAD_STATE;
    if (ev->kind == JN_EV_READY)
        ready(r, a);
    else
        jn_work_not_ready(r, a, ev->who.reason, JN_WHY_AGENT);
    return JN_WHY_NONE;
}
