/* Agent: presence and load as seen from outside and by matching. */
#include "router/agent/agent.h"

#include <string.h>

uint8_t jn_agent_shown(const struct jn_agent *a)
{
    enum { FREE, WORKING, WRAPPING };
    static const uint8_t shown[JN_AGENT_STATE_N][3] = {
        [JN_AGENT_LOGGED_OUT] = {JN_AGENT_LOGGED_OUT, JN_AGENT_LOGGED_OUT, JN_AGENT_LOGGED_OUT},
        [JN_AGENT_NOT_READY] = {JN_AGENT_NOT_READY, JN_AGENT_NOT_READY, JN_AGENT_NOT_READY},
        [JN_AGENT_READY] = {JN_AGENT_READY, JN_AGENT_BUSY, JN_AGENT_WRAP_UP},
    };
    unsigned load = (unsigned)a->load[JN_CH_VOICE] + a->load[JN_CH_CHAT];

    return shown[a->presence][a->working ? WORKING : load || a->after ? WRAPPING : FREE];
}

bool jn_agent_free(const struct jn_agent *a)
{
    return a->presence != JN_AGENT_LOGGED_OUT && a->set.capacity[JN_CH_VOICE] > 0 && a->load[JN_CH_VOICE] == 0 &&
           a->load[JN_CH_CHAT] == 0;
}

bool jn_agent_available(const struct jn_agent *a, unsigned channel)
{
    return a->presence == JN_AGENT_READY && a->back_off.slot == JN_TIMER_IDLE &&
           a->load[channel] < a->set.capacity[channel] && a->load[1 - channel] == 0;
}

bool jn_agent_works_for(const struct jn_agent *a, uint64_t tenant)
{
    bool so = a->tenant == tenant;

    for (unsigned i = 0; i < a->set.n_serves; i++)
        so |= a->set.serves[i] == tenant;
    return so;
}

unsigned jn_agent_level(const struct jn_ev_agent *a, uint64_t skill)
{
    for (unsigned i = 0; i < a->skills; i++)
        if (a->skill[i].id == skill)
            return a->skill[i].level;
    return 0;
}

bool jn_agent_has(const struct jn_ev_agent *a, const struct jn_skill *skill, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (jn_agent_level(a, skill[i].id) < skill[i].level)
            return false;
    return true;
}

void jn_agent_row(struct jn_agent_row *row, const struct jn_agent *a)
{
    memset(row, 0, sizeof *row);
    row->id = a->set.id;
    row->tenant = a->tenant;
    row->since_us = a->since_us;
    row->state = jn_agent_shown(a);
    if (row->state == JN_AGENT_NOT_READY)
        memcpy(row->reason, a->reason, sizeof row->reason);
    for (unsigned ch = 0; ch < JN_CH_N; ch++) {
        row->load[ch] = a->load[ch];
        row->capacity[ch] = a->set.capacity[ch];
    }
}
