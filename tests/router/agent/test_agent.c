/* What an agent shows and may be offered. */
#include "router/agent/agent.h"

#include <criterion/criterion.h>

static struct jn_agent ready(void)
{
    return (struct jn_agent){.presence = JN_AGENT_READY, .set.capacity = {1, 3}, .back_off.slot = JN_TIMER_IDLE};
}

Test(agent, is_offered_a_call_only_without_chats_and_chats_up_to_capacity)
{
    struct jn_agent a = ready();
    cr_assert(jn_agent_available(&a, JN_CH_VOICE) && jn_agent_available(&a, JN_CH_CHAT));
    a.load[JN_CH_CHAT] = 2;
    cr_assert(!jn_agent_available(&a, JN_CH_VOICE) && jn_agent_available(&a, JN_CH_CHAT));
    a.load[JN_CH_CHAT] = 3;
    cr_assert_not(jn_agent_available(&a, JN_CH_CHAT));
    a = ready();
    a.load[JN_CH_VOICE] = 1;
    cr_assert(!jn_agent_available(&a, JN_CH_VOICE) && !jn_agent_available(&a, JN_CH_CHAT));
}

Test(agent, is_not_available_while_it_backs_off_or_is_not_ready)
{
    struct jn_agent a = ready();
    a.back_off.slot = 0;
    cr_assert_not(jn_agent_available(&a, JN_CH_VOICE));
    a = ready();
    a.presence = JN_AGENT_NOT_READY;
    cr_assert_not(jn_agent_available(&a, JN_CH_VOICE));
}

Test(agent, shows_work_only_when_ready)
{
    struct jn_agent a = ready();
    cr_assert_eq(jn_agent_shown(&a), JN_AGENT_READY);
    a.load[JN_CH_VOICE] = 1;
    cr_assert_eq(jn_agent_shown(&a), JN_AGENT_WRAP_UP);
    a.working = 1;
    cr_assert_eq(jn_agent_shown(&a), JN_AGENT_BUSY);
    a.presence = JN_AGENT_LOGGED_OUT;
    cr_assert_eq(jn_agent_shown(&a), JN_AGENT_LOGGED_OUT);
}

Test(agent, has_a_skill_at_the_level_or_above)
{
    struct jn_ev_agent a = {.skills = 2, .skill = {{1, 3}, {2, 9}}};
    cr_assert(jn_agent_has(&a, (struct jn_skill[]){{1, 3}, {2, 1}}, 2));
    cr_assert_not(jn_agent_has(&a, (struct jn_skill[]){{1, 4}}, 1));
    cr_assert_not(jn_agent_has(&a, (struct jn_skill[]){{3, 1}}, 1));
    cr_assert(jn_agent_has(&a, NULL, 0));
}
