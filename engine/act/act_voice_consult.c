/* Act voice, consult: the agent asks a colleague or a number while the caller hears music; then the call is handed
 * over, or the agent comes back to the caller. Neither side of the consult is heard by the caller, nor the caller by
 * it. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include <errno.h>
#include <string.h>

enum jn_why voice_consult_outside(struct jn_act_voice *v, struct call *c)
{
    int srtp = jn_sip_trunk_srtp(v->sip, c->tenant, 0, c->move.number);
    if (srtp < 0)
        return JN_WHY_NO_ROUTE;
    c->move.srtp = (uint8_t)srtp;
    if (voice_move_aside(v, c) || !voice_third_open(v, c, 0))
        return JN_WHY_BUSY;
    if (!c->aside)
        voice_ringback(v, c, c->agent, true);
    return JN_WHY_NONE;
}

static int outside(struct jn_act_voice *v, struct call *c, const struct jn_voice_move *m)
{
    if (!jn_dir_may_call(v->dir, c->tenant, m->agent, m->number)) {
        v->counts.outs_forbidden++;
        return -EACCES;
    }
    c->move.kind = MOVE_CONSULT_OUT;
    jn_copy(c->move.number, sizeof c->move.number, m->number);
    enum jn_why why = voice_consult_outside(v, c);
    if (why == JN_WHY_BUSY)
        voice_move_restore(v, c);
    if (why)
        return why == JN_WHY_BUSY ? -EAGAIN : -EHOSTUNREACH;
    voice_move_answer(v, c, JN_WHY_NONE);
    return 0;
}

int voice_consult(struct jn_act_voice *v, struct call *c, const struct jn_voice_move *m)
{
    int rc;
    if (!voice_movable(c, m->agent))
        return -ENOENT;
    if (c->move.kind || c->move.told.kind)
        return -EBUSY;
    c->move = (struct voice_move){.agent = m->agent, .ask = m->ask};
    if (m->number) {
        rc = outside(v, c, m);
    } else {
        c->move.kind = MOVE_CONSULT;
        rc = voice_move_ask(v, c, JN_EV_CONSULT, m->to, m->queue);
    }
    if (rc && c->move.step != MOVE_RESTORE)
        c->move = (struct voice_move){0};
    v->counts.moves += !rc;
    return rc;
}

void voice_consult_ring(struct jn_act_voice *v, struct call *c, uint64_t agent)
{
    const struct jn_dir_agent *a = jn_dir_agent(v->dir, agent);
    enum jn_why why = JN_WHY_NONE;
    if (c->move.kind != MOVE_CONSULT || c->third || !voice_movable(c, c->move.agent)) {
        c->move.agent = c->agent ? c->agent->agent : 0;
        voice_move_tell(v, c, JN_EV_CONSULT_END, JN_WHY_BAD_STATE);
        return;
    }
    if (!a || a->answer == JN_ANSWER_NAILED || !jn_sip_phone_registered(v->sip, agent))
        why = JN_WHY_UNREACHABLE;
    else if (voice_move_aside(v, c) || !voice_third_open(v, c, agent))
        why = JN_WHY_BUSY;
    if (why)
        voice_consult_failed(v, c, why);
    else if (!c->aside)
        voice_ringback(v, c, c->agent, true);
}

void voice_consult_answered(struct jn_act_voice *v, struct call *c)
{
    c->move.until_ns = 0;
    if (c->aside) { /* the phone's own second call: it hears of the answer, and its ACK brings them together */
        voice_second_answer(v, c);
        return;
    }
    voice_ringback(v, c, c->agent, false);
    voice_consult_joined(v, c);
}

void voice_consult_joined(struct jn_act_voice *v, struct call *c)
{
    struct leg *l = c->third;
    c->move.step = MOVE_UP;
    if (c->move.complete && !voice_consult_complete(v, c, c->move.ask))
        return;
    if (c->move.complete) /* no room to hand it over now: the two talk, and whoever wants may try again */
        voice_move_answer(v, c, JN_WHY_BUSY);
    c->move.complete = false;
    /* Who joins hears everybody until told otherwise; the caller hears nobody by now. */
    if (voice_room_join(v, c, l) || voice_hear(v, c, l, (uint8_t)(1u << voice_track(c->agent))) ||
        voice_hear(v, c, c->agent, (uint8_t)(1u << voice_track(l))))
        voice_consult_failed(v, c, JN_WHY_BUSY);
}

void voice_consult_failed(struct jn_act_voice *v, struct call *c, enum jn_why why)
{
    bool router = c->move.kind == MOVE_CONSULT;
    if (c->third && !c->third->up)
        v->counts.moves_failed++;
    voice_ringback(v, c, c->agent, false);
    voice_move_answer(v, c, why ? why : JN_WHY_AGENT);
    voice_third_drop(v, c);
    bool asked = router && !(c->move.token && c->move.step == MOVE_ASKED && c->aside);
    c->move.token = 0;
    if (voice_second_drop(v, c, why, true)) {
        voice_finish(v, c, JN_EV_END, JN_WHY_BUSY);
        voice_close(v, c, 0);
        return;
    }
    if (asked)
        voice_move_tell(v, c, JN_EV_CONSULT_END, (uint8_t)why);
    if (c->agent)
        voice_move_restore(v, c);
    else if (!router) {
        voice_move_tell(v, c, JN_EV_REQUEUE, (uint8_t)(why ? why : JN_WHY_AGENT));
        c->move = (struct voice_move){.told = c->move.told};
    }
}

int voice_consult_complete(struct jn_act_voice *v, struct call *c, void *ask)
{
    struct voice_move *m = &c->move;
    if ((m->kind != MOVE_CONSULT && m->kind != MOVE_CONSULT_OUT) || !c->third || (m->ask && m->ask != ask))
        return -ENOENT;
    if (m->step == MOVE_RINGING && !c->third->up) {
        m->complete = true;
        m->ask = ask;
        return 0;
    }
    if (m->step != MOVE_UP)
        return -EBUSY;
    if (m->kind == MOVE_CONSULT) {
        if (voice_move_ask(v, c, JN_EV_HANDOVER, c->third->agent, 0))
            return -EAGAIN;
        m->ask = ask;
        m->step = MOVE_HANDING;
        return 0;
    }
    m->ask = ask;
    m->step = MOVE_HANDING;
    jn_copy(c->row.outside, sizeof c->row.outside, m->number);
    voice_move_tell(v, c, JN_EV_LEAVE, JN_WHY_TRANSFER);
    voice_move_answer(v, c, JN_WHY_NONE);
    voice_third_promote(v, c);
    return 0;
}

void voice_consult_handed(struct jn_act_voice *v, struct call *c)
{
    voice_move_answer(v, c, JN_WHY_NONE);
    c->move.token = 0;
    voice_third_promote(v, c);
}

int voice_consult_cancel(struct jn_act_voice *v, struct call *c)
{
    if ((c->move.kind != MOVE_CONSULT && c->move.kind != MOVE_CONSULT_OUT) || !c->third)
        return -ENOENT;
    if (c->move.step == MOVE_HANDING)
        return -EBUSY;
    voice_consult_failed(v, c, JN_WHY_NONE);
    return 0;
}

/* The agent hung up. With a colleague on the line that hands the call over, as a phone's user expects; while it still
 * rings the caller goes back to the queue. */
void voice_consult_agent_left(struct jn_act_voice *v, struct call *c)
{
    struct leg *l = c->agent;
    bool up = c->move.step == MOVE_UP && !voice_consult_complete(v, c, NULL);
    if (c->agent != l)
        return; /* to outside: promoted by now, and let go */
    up = up || c->move.step == MOVE_HANDING;
    if (!up && c->move.kind == MOVE_CONSULT_OUT)
        voice_move_tell(v, c, JN_EV_LEAVE, JN_WHY_TRANSFER); /* REQUEUE by the engine follows */
    c->agent = NULL;
    c->holds &= HOLD_CALLER;
    voice_leg_close(v, c, l);
    voice_leg_settle(v, l);
    if (up)
        return;
    enum jn_why why = JN_WHY_AGENT;
    voice_move_answer(v, c, why);
    voice_third_drop(v, c);
    voice_move_tell(v, c, JN_EV_REQUEUE, (uint8_t)why); /* frees whoever is asked, too */
    c->move = (struct voice_move){.told = c->move.told};
}
