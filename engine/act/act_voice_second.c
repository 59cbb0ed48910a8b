/* Act voice, second call: the phone of an agent who has a caller dials a colleague, a queue or a number: that is a
 * consult, and belongs to the caller's interaction. While it lasts the phone's first dialog is parked: out of the room.
 * REFER with Replaces (RFC 3891, RFC 5589 7) hands the caller over; the second call's end brings it back. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include <errno.h>
#include <string.h>

static struct call *call_of_agent(struct jn_act_voice *v, uint64_t agent)
{
    uint32_t seen = 0;
    for (uint32_t i = 0; i < v->c.max_calls && seen < v->in_use; i++) {
        struct call *c = &v->calls[i];
        if (c->state == CALL_FREE)
            continue;
        seen++;
        if ((c->state == CALL_TALKING || c->state == CALL_HELD) && c->agent && c->agent->agent == agent) {
            voice_touch(v, i);
            return c;
        }
    }
    return NULL;
}

bool voice_second_invite(struct jn_act_voice *v, const struct jn_sip_invite *in)
{
    struct call *c = in->agent ? call_of_agent(v, in->agent) : NULL;
    struct leg probe = {0};
    if (!c)
        return false;
    const struct jn_dir_agent *a = jn_dir_agent_sip(v->dir, c->tenant, in->to_user);
    const struct jn_dir_queue *q = a ? NULL : jn_dir_queue_number(v->dir, c->tenant, in->to_user);
    bool number = !a && !q && jn_dir_dialable(in->to_user);
    int status = !a && !q && !number ? 404
                 : !voice_movable(c, in->agent) || c->move.kind || c->move.told.kind || c->aside || c->agent->nailed
                     ? 486
                 : number && !jn_dir_may_call(v->dir, c->tenant, in->agent, in->to_user) ? 403
                 : !in->sdp                                                              ? 488
                                                                                         : voice_policy(v, in, &probe);
    struct leg *l = status ? NULL : voice_leg_open(v, c, SIDE_ASIDE, in->agent, c->home, &probe);
    if (!l) {
        v->counts.refused++;
        jn_sip_refuse(v->sip, in->leg, status ? status : 503);
        return true;
    }
    c->move = (struct voice_move){.kind = number ? MOVE_CONSULT_OUT : MOVE_CONSULT,
                                  .agent = in->agent,
                                  .to = a ? a->set.id : 0,
                                  .queue = q ? q->set.id : 0};
    if (number)
        jn_copy(c->move.number, sizeof c->move.number, in->to_user);
    v->counts.moves++;
    voice_leg_sip(v, l, in->leg);
    return true;
}

void voice_second_opened(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    enum jn_why why = JN_WHY_NONE;
    if (voice_leg_remote(v, c, l))
        why = JN_WHY_BUSY;
    else if (c->move.kind == MOVE_CONSULT)
        why = voice_move_ask(v, c, JN_EV_CONSULT, c->move.to, c->move.queue) ? JN_WHY_BUSY : JN_WHY_NONE;
    else
        why = voice_consult_outside(v, c);
    jn_sip_ring(v->sip, l->sip);
    if (why)
        voice_consult_failed(v, c, why);
}

void voice_second_answer(struct jn_act_voice *v, struct call *c)
{
    char sdp[JN_SDP_MAX];
    struct leg *l = c->aside;
    if (jn_sdp_write(sdp, sizeof sdp, &l->local, &l->offer) < 0 || jn_sip_answer(v->sip, l->sip, sdp))
        return; /* over: its `ended` is on its way */
    l->accepted = true;
}

/* The phone has both dialogs now: the first is parked, the second takes the agent's place in the room. */
void voice_second_confirmed(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    l->up = true;
    voice_dialog_keep(v, c, l);
    if (!c->third || !c->third->up || !c->agent)
        return;
    c->parked = c->agent;
    voice_room_leave(v, c, c->parked);
    c->agent = l;
    c->aside = NULL;
    l->side = SIDE_AGENT;
    if (voice_room_join(v, c, l))
        voice_consult_failed(v, c, JN_WHY_BUSY);
    else
        voice_consult_joined(v, c);
}

static void let_go(struct jn_act_voice *v, struct call *c, struct leg *l, enum jn_why why)
{
    if (l->sip && l->has_offer && !l->up && !l->accepted && !l->hung_up) {
        jn_sip_refuse(v->sip, l->sip, why ? voice_status_of(why) : 480);
        l->hung_up = true;
    }
    voice_leg_hangup(v, l);
    voice_leg_close(v, c, l);
    voice_leg_settle(v, l);
}

static int back_in(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    return voice_room_place(v, c, l) ? -EAGAIN : voice_room_join(v, c, l);
}

/* The second call is over; rejoin: the parked dialog takes the agent's place again. */
int voice_second_drop(struct jn_act_voice *v, struct call *c, enum jn_why why, bool rejoin)
{
    struct leg *aside = c->aside, *parked = c->parked, *second = parked ? c->agent : NULL;
    c->aside = c->parked = NULL;
    if (parked)
        c->agent = parked;
    if (aside)
        let_go(v, c, aside, why);
    if (second)
        let_go(v, c, second, why);
    return parked && rejoin ? back_in(v, c, parked) : 0;
}

void voice_second_done(struct jn_act_voice *v, struct call *c)
{
    struct leg *parked = c->parked;
    c->parked = NULL;
    if (parked)
        let_go(v, c, parked, JN_WHY_NONE);
}

bool voice_second_ended(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (l == c->parked) { /* the first dialog's end: the two go on, as when a phone's only dialog ends */
        c->parked = NULL;
        voice_leg_close(v, c, l);
        voice_consult_complete(v, c, NULL);
        return true;
    }
    if (l != c->aside && !(c->parked && l == c->agent))
        return false;
    if (c->move.step == MOVE_HANDING) /* the phone clears its second dialog once REFER was taken */
        return true;
    voice_consult_failed(v, c, JN_WHY_AGENT);
    return true;
}

bool voice_second_refer(struct jn_act_voice *v, struct call *c, struct leg *l, const struct jn_sip_refer *r)
{
    bool mine = c->parked && c->agent && r->replaces &&
                ((l == c->parked && r->replaces == c->agent->sip) || (l == c->agent && r->replaces == c->parked->sip));
    if (!mine)
        return false;
    c->move.refer = l->sip;
    if (voice_consult_complete(v, c, NULL)) {
        c->move.refer = 0;
        jn_sip_refer_result(v->sip, l->sip, 503);
    }
    return true;
}
