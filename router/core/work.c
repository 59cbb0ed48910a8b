/* Work: what happens to an interaction between its queue and an agent's hands. Each verb changes the state first and
 * tells after, so that a command's row shows what became of it. */
#include "router/core/state.h"
#include "router/match/match.h"

#include <stdlib.h>
#include <string.h>

enum { HANDS_MAX = 2 * UINT8_MAX };

/* The lifecycle's table decides; leaving it would be a fault of ours that no event can cause, so it stops here. */
void jn_work_state(struct jn_router *r, struct jn_ix *ix, uint8_t to)
{
    struct jn_queue_row *total = &r->queue[ix->queue].total;
    uint8_t from = ix->row.state;

    if (!jn_ix_next_ok(from, to))
        abort();
    if (!jn_ix_dials(&ix->row))
        total->offered_now += (to == JN_IX_OFFERED) - (uint32_t)(from == JN_IX_OFFERED);
    total->talking += (uint32_t)jn_ix_joined(to) - (uint32_t)jn_ix_joined(from);
    ix->row.state = to;
    jn_touch_queue(r, ix->queue);
}

void jn_work_take(struct jn_router *r, uint32_t i, uint32_t index)
{
    struct jn_ix *ix = &r->ix[i];
    struct jn_agent *a = &r->agent[index];

    ix->agent = index;
    ix->row.agent = a->set.id;
    ix->hand_prev = JN_NONE;
    ix->hand_next = a->hands;
    if (a->hands != JN_NONE)
        r->ix[a->hands].hand_prev = i;
    a->hands = i;
    a->load[ix->row.channel]++;
    if (a->bound[ix->row.channel] < a->load[ix->row.channel])
        a->bound[ix->row.channel] = a->load[ix->row.channel];
    if (ix->row.state != JN_IX_WRAP_UP)
        a->working++;
}

/* Out of the agent's hands; it is idle from now on if it had it in truth. */
void jn_work_release(struct jn_router *r, uint32_t i)
{
    struct jn_ix *ix = &r->ix[i];
    struct jn_agent *a = &r->agent[ix->agent];
    unsigned ch = ix->row.channel;

    if (ix->hand_prev == JN_NONE)
        a->hands = ix->hand_next;
    else
        r->ix[ix->hand_prev].hand_next = ix->hand_next;
    if (ix->hand_next != JN_NONE)
        r->ix[ix->hand_next].hand_prev = ix->hand_prev;
    a->load[ch]--;
    a->bound[ch] = a->load[ch] > a->set.capacity[ch] ? a->load[ch] : a->set.capacity[ch];
    if (ix->row.state != JN_IX_WRAP_UP)
        a->working--;
    if (ix->row.state != JN_IX_OFFERED)
        a->mark = ++r->mark;
    jn_heap_disarm(&r->timers, &ix->timer[JN_IX_TERM]);
    jn_idle_update(r, ix->agent);
    jn_touch_agent(r, ix->agent);
    ix->agent = JN_NONE;
}

static void forget(struct jn_router *r, uint32_t i)
{
    struct jn_ix *ix = &r->ix[i];

    jn_map_del(&r->ix_by_id, ix->row.id);
    jn_closed_remember(r, ix->row.id, ix->row.tenant);
    jn_pool_give(&r->ixs, i);
}

void jn_work_uncount(struct jn_router *r, const struct jn_ix *ix)
{
    jn_queue_count(&r->queue[ix->queue], &ix->row, ix->wrap_us, -1);
}

void jn_work_count(struct jn_router *r, const struct jn_ix *ix)
{
    jn_queue_count(&r->queue[ix->queue], &ix->row, ix->wrap_us, 1);
}

void jn_work_back_off(struct jn_router *r, uint32_t a)
{
    jn_arm(r, &r->agent[a].back_off, JN_BACK_OFF_US);
    jn_idle_update(r, a);
}

void jn_work_offer(struct jn_router *r, uint32_t i, uint32_t a)
{
    struct jn_ix *ix = &r->ix[i];
    uint32_t timeout_ms = r->queue[ix->queue].set.offer_timeout_ms;

    jn_wait_leave(r, i);
    jn_work_state(r, ix, JN_IX_OFFERED);
    jn_work_take(r, i, a);
    jn_idle_update(r, a);
    jn_touch_agent(r, a);
    ix->row.offered_us = r->now_us;
    if (ix->row.offers < UINT16_MAX)
        ix->row.offers++;
    if (timeout_ms)
        jn_arm(r, &ix->timer[JN_IX_TERM], (uint64_t)timeout_ms * 1000);
    jn_emit_ix(r, JN_CMD_OFFER, ix, JN_WHY_NONE);
}

void jn_work_put_back(struct jn_router *r, uint32_t i, uint8_t why, bool back_off)
{
    struct jn_ix *ix = &r->ix[i];
    uint32_t a = ix->agent;
    uint8_t was = ix->row.state;

    jn_work_unconsult(r, i, why);
    if (jn_ix_joined(was)) {
        jn_work_uncount(r, ix);
        ix->row.talk_us += r->now_us - ix->since_us;
        jn_work_count(r, ix);
        ix->wait_from_us = r->now_us;
    }
    if (a != JN_NONE) {
        jn_work_release(r, i);
        if (back_off)
            jn_work_back_off(r, a);
    }
    ix->row.outside = false;
    ix->row.agent = ix->had;
    jn_work_state(r, ix, JN_IX_QUEUED);
    jn_wait_enter(r, i);
    if (was == JN_IX_OFFERED)
        jn_emit_cancel(r, JN_CMD_OFFER_CANCEL, ix, r->agent[a].set.id, why);
    jn_emit_ix(r, JN_CMD_QUEUED, ix, why);
}

void jn_work_fail_offer(struct jn_router *r, uint32_t i, uint8_t why)
{
    uint32_t a = r->ix[i].agent;
    struct jn_agent *agent = &r->agent[a];
    bool counts =
        why == JN_WHY_NO_ANSWER || why == JN_WHY_PHONE_BUSY || why == JN_WHY_PHONE_REJECT || why == JN_WHY_UNREACHABLE;

    if (jn_ix_dials(&r->ix[i].row)) { /* the number did not answer, which is not the agent's fault */
        jn_work_end(r, i, why, r->now_us, false);
        return;
    }
    jn_work_put_back(r, i, why, true);
    if (!counts || !agent->set.max_no_answer)
        return;
    if (agent->no_answers < UINT8_MAX)
        agent->no_answers++;
    if (agent->no_answers >= agent->set.max_no_answer && agent->presence == JN_AGENT_READY)
        jn_work_not_ready(r, a, "no_answer", JN_WHY_NO_ANSWER);
}

void jn_work_connect(struct jn_router *r, uint32_t i)
{
    struct jn_ix *ix = &r->ix[i];

    jn_heap_disarm(&r->timers, &ix->timer[JN_IX_TERM]);
    jn_work_state(r, ix, JN_IX_CONNECTED);
    if (!ix->row.answered_us) {
        jn_work_uncount(r, ix);
        ix->row.answered_us = r->now_us;
        ix->row.wait_us = r->now_us - ix->row.arrived_us;
        ix->row.in_target =
            ix->row.direction == JN_DIR_IN && ix->row.wait_us <= (uint64_t)r->queue[ix->queue].set.target_ms * 1000;
        ix->row.outcome = JN_OUT_ANSWERED;
        jn_work_count(r, ix);
    }
    ix->had = ix->row.agent;
    ix->since_us = r->now_us;
    r->agent[ix->agent].no_answers = 0;
    jn_emit_ix(r, JN_CMD_CONNECT, ix, JN_WHY_NONE);
}

void jn_work_hold(struct jn_router *r, uint32_t i, bool on)
{
    jn_work_state(r, &r->ix[i], on ? JN_IX_HELD : JN_IX_CONNECTED);
    jn_emit_ix(r, on ? JN_CMD_HOLD : JN_CMD_RESUME, &r->ix[i], JN_WHY_NONE);
}

/* The agent keeps it in hand, and its place in the load, until wrap-up is over. */
static void begin_wrap_up(struct jn_router *r, uint32_t i, uint64_t at_us)
{
    struct jn_ix *ix = &r->ix[i];

    jn_work_state(r, ix, JN_IX_WRAP_UP);
    r->agent[ix->agent].working--;
    jn_touch_agent(r, ix->agent);
    ix->since_us = at_us;
    jn_arm(r, &ix->timer[JN_IX_TERM], (uint64_t)r->queue[ix->queue].set.wrap_up_ms * 1000);
}

void jn_work_end(struct jn_router *r, uint32_t i, uint8_t why, uint64_t at_us, bool wrap_up)
{
    struct jn_ix *ix = &r->ix[i];
    uint8_t was = ix->row.state;
    uint64_t agent = ix->row.agent;
    bool dials = jn_ix_dials(&ix->row);

    jn_work_unconsult(r, i, why);
    jn_work_uncount(r, ix);
    if (jn_ix_joined(was))
        ix->row.talk_us += at_us - ix->since_us;
    if (!ix->row.answered_us)
        ix->row.wait_us = at_us - ix->row.arrived_us;
    ix->row.outcome =
        dials && why == JN_WHY_AGENT ? (uint8_t)JN_OUT_ABANDONED : jn_ix_outcome(ix->row.answered_us != 0, why);
    ix->row.why = why;
    ix->row.ended_us = at_us;
    jn_work_count(r, ix);
    if (jn_ix_joined(was) && ix->agent != JN_NONE && wrap_up && r->queue[ix->queue].set.wrap_up_ms &&
        r->agent[ix->agent].presence != JN_AGENT_LOGGED_OUT) {
        begin_wrap_up(r, i, at_us);
    } else {
        if (was == JN_IX_QUEUED)
            jn_wait_leave(r, i);
        else if (ix->agent != JN_NONE)
            jn_work_release(r, i);
        if (was == JN_IX_OFFERED || ix->row.outside)
            ix->row.agent = ix->had;
        jn_work_state(r, ix, JN_IX_DONE);
        ix->row.closed_us = at_us;
    }
    if (was == JN_IX_OFFERED && !dials)
        jn_emit_cancel(r, JN_CMD_OFFER_CANCEL, ix, agent, why);
    jn_emit_ix(r, JN_CMD_CLOSED, ix, why);
    if (ix->row.state == JN_IX_DONE)
        forget(r, i);
}

void jn_work_wrap_done(struct jn_router *r, uint32_t i)
{
    struct jn_ix *ix = &r->ix[i];

    jn_work_uncount(r, ix);
    ix->wrap_us += r->now_us - ix->since_us;
    jn_work_count(r, ix);
    jn_work_release(r, i);
    jn_work_state(r, ix, JN_IX_DONE);
    ix->row.closed_us = r->now_us;
    jn_emit_ix(r, JN_CMD_RECORD, ix, JN_WHY_NONE);
    forget(r, i);
}

unsigned jn_work_in_hand(const struct jn_router *r, uint32_t a, uint32_t *out, unsigned max)
{
    unsigned n = 0;

    for (uint32_t i = r->agent[a].hands; i != JN_NONE && n < max; i = r->ix[i].hand_next) {
        unsigned k = n++;
        for (; k > 0 && r->ix[out[k - 1]].serial > r->ix[i].serial; k--)
            out[k] = out[k - 1];
        out[k] = i;
    }
    return n;
}

void jn_work_revoke(struct jn_router *r, uint32_t a, uint8_t why)
{
    uint32_t hand[HANDS_MAX];
    unsigned n = jn_work_in_hand(r, a, hand, HANDS_MAX);

    for (unsigned i = 0; i < n; i++) {
        if (!jn_ix_dials(&r->ix[hand[i]].row) && r->ix[hand[i]].row.state == JN_IX_OFFERED)
            jn_work_put_back(r, hand[i], why, false);
        else if (jn_ix_dials(&r->ix[hand[i]].row) && r->agent[a].presence == JN_AGENT_LOGGED_OUT)
            jn_work_end(r, hand[i], why, r->now_us, false);
    }
}

void jn_work_end_wraps(struct jn_router *r, uint32_t a)
{
    uint32_t hand[HANDS_MAX];
    unsigned n = jn_work_in_hand(r, a, hand, HANDS_MAX);

    for (unsigned i = 0; i < n; i++)
        if (r->ix[hand[i]].row.state == JN_IX_WRAP_UP)
            jn_work_wrap_done(r, hand[i]);
}

void jn_work_not_ready(struct jn_router *r, uint32_t a, const char *reason, uint8_t why)
{
    struct jn_agent *agent = &r->agent[a];

    agent->presence = JN_AGENT_NOT_READY;
    memset(agent->reason, 0, sizeof agent->reason);
    memcpy(agent->reason, reason, strnlen(reason, sizeof agent->reason - 1));
    jn_idle_update(r, a);
    jn_touch_agent(r, a);
    jn_work_revoke(r, a, why);
}
