/* Move: calls that go from one hand to another: transfer, consult, handover, leave, and calls to outside. Each verb
 * changes the state first and tells after. */
#include "router/core/state.h"
#include "router/match/match.h"

/* What the queue gives for wrap-up the agent has now too, though the call goes on: as a back-off that is shown as
 * wrap-up and that READY ends. At least the back-off that keeps the call from coming straight back. */
static void after_call(struct jn_router *r, uint32_t a, uint32_t q)
{
    uint64_t wrap_us = (uint64_t)r->queue[q].set.wrap_up_ms * 1000;

    r->agent[a].after = wrap_us > 0 && r->agent[a].presence != JN_AGENT_LOGGED_OUT;
    jn_arm(r, &r->agent[a].back_off, wrap_us > JN_BACK_OFF_US ? wrap_us : JN_BACK_OFF_US);
    jn_idle_update(r, a);
    jn_touch_agent(r, a);
}

/* Out of the agent's hands, if it was in any, and counted as given away. */
static void give_away(struct jn_router *r, uint32_t i)
{
    struct jn_ix *ix = &r->ix[i];
    uint32_t a = ix->agent;

    if (a != JN_NONE) {
        jn_work_release(r, i);
        after_call(r, a, ix->queue);
    }
    if (ix->row.transfers < UINT16_MAX)
        ix->row.transfers++;
    r->queue[ix->queue].total.transferred++;
    jn_touch_queue(r, ix->queue);
}

static void talked(struct jn_router *r, struct jn_ix *ix)
{
    jn_work_uncount(r, ix);
    ix->row.talk_us += r->now_us - ix->since_us;
    ix->since_us = r->now_us;
    jn_work_count(r, ix);
}

void jn_work_transfer(struct jn_router *r, uint32_t i, uint32_t q)
{
    struct jn_ix *ix = &r->ix[i];

    jn_work_unconsult(r, i, JN_WHY_TRANSFER);
    talked(r, ix);
    give_away(r, i);
    jn_work_state(r, ix, JN_IX_QUEUED);
    jn_work_uncount(r, ix);
    ix->queue = q;
    ix->preferred = 0;
    ix->row.outside = false;
    ix->row.agent = ix->had;
    ix->row.queue = r->queue[q].set.id;
    ix->row.queued_us = ix->wait_from_us = r->now_us;
    ix->row.order = ++r->order;
    jn_work_count(r, ix);
    jn_wait_enter(r, i);
    jn_emit_ix(r, JN_CMD_QUEUED, ix, JN_WHY_TRANSFER);
}

void jn_work_transfer_to(struct jn_router *r, uint32_t i, uint32_t a)
{
    struct jn_ix *ix = &r->ix[i];

    jn_work_unconsult(r, i, JN_WHY_TRANSFER);
    talked(r, ix);
    give_away(r, i);
    jn_work_state(r, ix, JN_IX_QUEUED);
    ix->wait_from_us = r->now_us;
    ix->row.agent = ix->had;
    jn_wait_enter(r, i);
    jn_emit_ix(r, JN_CMD_QUEUED, ix, JN_WHY_TRANSFER);
    jn_work_offer(r, i, a);
}

void jn_work_call_out(struct jn_router *r, uint32_t i, uint32_t a)
{
    struct jn_ix *ix = &r->ix[i];

    ix->row.state = JN_IX_OFFERED;
    ix->row.offered_us = r->now_us;
    ix->row.offers = 1;
    jn_work_take(r, i, a);
    ix->had = ix->row.agent;
    jn_work_count(r, ix);
    jn_idle_update(r, a);
    jn_touch_agent(r, a);
    jn_touch_queue(r, ix->queue);
    jn_emit_ix(r, JN_CMD_CALL, ix, JN_WHY_NONE);
}

void jn_work_ask(struct jn_router *r, uint32_t i, uint32_t a)
{
    struct jn_agent *agent = &r->agent[a];

    r->ix[i].consult = a;
    agent->consult = i;
    agent->load[JN_CH_VOICE]++;
    agent->working++;
    if (agent->bound[JN_CH_VOICE] < agent->load[JN_CH_VOICE])
        agent->bound[JN_CH_VOICE] = agent->load[JN_CH_VOICE];
}

static void stop_asking(struct jn_router *r, uint32_t i)
{
    struct jn_agent *agent = &r->agent[r->ix[i].consult];

    agent->consult = JN_NONE;
    agent->load[JN_CH_VOICE]--;
    agent->working--;
    agent->bound[JN_CH_VOICE] = agent->load[JN_CH_VOICE] > agent->set.capacity[JN_CH_VOICE]
                                    ? agent->load[JN_CH_VOICE]
                                    : agent->set.capacity[JN_CH_VOICE];
    r->ix[i].consult = JN_NONE;
    r->ix[i].row.consult = 0;
}

void jn_work_consult(struct jn_router *r, uint32_t i, uint32_t a)
{
    jn_work_ask(r, i, a);
    r->ix[i].row.consult = r->agent[a].set.id;
    jn_idle_update(r, a);
    jn_touch_agent(r, a);
    jn_emit_ix(r, JN_CMD_CONSULT, &r->ix[i], JN_WHY_NONE);
}

void jn_work_unconsult(struct jn_router *r, uint32_t i, uint8_t why)
{
    uint32_t a = r->ix[i].consult;

    if (a == JN_NONE)
        return;
    stop_asking(r, i);
    r->agent[a].mark = ++r->mark;
    jn_idle_update(r, a);
    jn_touch_agent(r, a);
    jn_emit_cancel(r, JN_CMD_CONSULT_END, &r->ix[i], r->agent[a].set.id, why);
}

void jn_work_handover(struct jn_router *r, uint32_t i)
{
    struct jn_ix *ix = &r->ix[i];
    uint32_t a = ix->consult;

    talked(r, ix);
    stop_asking(r, i);
    give_away(r, i);
    if (ix->row.state == JN_IX_HELD)
        jn_work_state(r, ix, JN_IX_CONNECTED);
    jn_work_take(r, i, a);
    ix->had = ix->row.agent;
    r->agent[a].no_answers = 0;
    jn_idle_update(r, a);
    jn_touch_agent(r, a);
    jn_emit_ix(r, JN_CMD_CONNECT, ix, JN_WHY_TRANSFER);
}

void jn_work_leave(struct jn_router *r, uint32_t i)
{
    struct jn_ix *ix = &r->ix[i];

    jn_work_unconsult(r, i, JN_WHY_TRANSFER);
    give_away(r, i);
    if (ix->row.state == JN_IX_HELD)
        jn_work_state(r, ix, JN_IX_CONNECTED);
    ix->row.agent = 0;
    ix->row.outside = true;
    jn_emit_ix(r, JN_CMD_RECORD, ix, JN_WHY_TRANSFER);
}
