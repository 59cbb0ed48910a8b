/* Act voice, endings: each admitted call says its one last word to the router or gives the place for it back, hangs up
 * whoever is left, and is forgotten when ports and dialogs are gone. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"

void voice_finish(struct jn_act_voice *v, struct call *c, uint8_t kind, enum jn_why why)
{
    if (c->place != PLACE_KEPT)
        return;
    if (!c->arrived && c->state == CALL_FLOW) {
        voice_flow_finish(v, c, kind, why);
        return;
    }
    if (!c->arrived && kind == JN_EV_CUSTOMER_LEFT && c->state >= CALL_GREETING) {
        /* Answered and greeted, then gone: offered and abandoned, in one event, so that no agent is disturbed. */
        struct jn_event ev = {.tenant = c->tenant, .kind = JN_EV_ARRIVE, .why = (uint8_t)why, .maker = JN_MAKER_SIP};
        ev.arrive = voice_arrival(c);
        c->arrived = true;
        c->place = PLACE_USED;
        v->ports.event(v->ports.arg, &ev, true);
        return;
    }
    if (!c->arrived) {
        c->place = PLACE_RELEASED;
        v->ports.release(v->ports.arg);
        return;
    }
    struct jn_event ev = {.tenant = c->tenant, .kind = kind, .why = (uint8_t)why, .maker = JN_MAKER_SIP};
    ev.ix.ix = c->ix;
    ev.ix.agent = c->agent ? c->agent->agent : 0;
    c->place = PLACE_USED;
    v->ports.event(v->ports.arg, &ev, true);
}

/* The router had the last word: ours is not needed. */
static void place_back(struct jn_act_voice *v, struct call *c)
{
    if (c->place != PLACE_KEPT)
        return;
    c->place = PLACE_RELEASED;
    v->ports.release(v->ports.arg);
}

void voice_close(struct jn_act_voice *v, struct call *c, int status)
{
    if (c->state == CALL_CLOSING)
        return;
    voice_watch_end(v, c, JN_WHY_NONE);
    place_back(v, c);
    voice_move_drop(v, c, JN_WHY_CUSTOMER);
    struct leg *caller = c->caller, *agent = c->agent;
    bool unanswered = c->state == CALL_OPENING;
    voice_step(v, c, CALL_CLOSING);
    c->ending_since_ns = v->now_ns;
    c->retry = (struct pending){0};
    c->retry_stop = false;
    c->playing = PLAY_NONE;
    c->play_until_ns = c->flow_until_ns = 0;
    voice_announce_drop(c);
    if (agent) {
        voice_leg_hangup(v, agent);
        voice_leg_close(v, c, agent);
    }
    if (caller) {
        if (caller->sip && unanswered && status) {
            jn_sip_refuse(v->sip, caller->sip, status);
            caller->hung_up = true;
        }
        voice_leg_hangup(v, caller);
        voice_leg_close(v, c, caller);
    }
    voice_room_close(v, c);
    /* From here on either may free its leg, and the last of them the call. A nailed-up one is not the call's any more.
     */
    if (agent && !agent->nailed)
        voice_leg_settle(v, agent);
    if (caller)
        voice_leg_settle(v, caller);
    voice_call_settle(v, c); /* with no leg left nobody else would; one that is free already has nothing to settle */
}

void voice_closed_by_router(struct jn_act_voice *v, struct call *c, enum jn_outcome outcome, enum jn_why why)
{
    if (c->state == CALL_GOODBYE)
        return;
    place_back(v, c);
    voice_move_drop(v, c, why ? why : JN_WHY_CUSTOMER);
    voice_agent_drop(v, c);
    bool waiting =
        c->state == CALL_ARRIVED || c->state == CALL_QUEUED || c->state == CALL_OFFERED || c->state == CALL_CONNECTING;
    if (outcome == JN_OUT_REJECTED && waiting && why != JN_WHY_CUSTOMER && voice_say_no_agent(v, c)) {
        c->retry = (struct pending){0};
        voice_step(v, c, CALL_GOODBYE);
        return;
    }
    voice_close(v, c, 503);
}

static void free_call(struct jn_act_voice *v, struct call *c)
{
    jn_map_del(&v->by_ix, c->ix);
    voice_step(v, c, CALL_FREE);
    c->ix = 0;
    v->free_calls[v->n_free_calls++] = c->index;
    v->in_use--;
}

void voice_call_settle(struct jn_act_voice *v, struct call *c)
{
    if (c->state == CALL_LINE) {
        voice_line_settle(v, c);
        return;
    }
    if (c->state != CALL_CLOSING)
        return;
    if (!c->open_media && !c->row_sent) {
        c->row_sent = true;
        c->row.recorded = c->recorded;
        if (c->arrived) /* what the router never knew has no record to belong to */
            v->ports.call_row(v->ports.arg, &c->row);
    }
    if (!c->legs)
        free_call(v, c);
}
