/* Act voice, blind transfer: to an agent or a queue the router moves the call; to a number outside the agent stays
 * until the number answers, so that the caller can go back to where a caller expects. By API or by the phone's REFER
 * (RFC 5589). */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include <errno.h>
#include <string.h>

bool voice_movable(const struct call *c, uint64_t agent)
{
    return (c->state == CALL_TALKING || c->state == CALL_HELD) && c->agent && c->agent->up && agent &&
           c->agent->agent == agent && c->caller && c->caller->up;
}

static int outside(struct jn_act_voice *v, struct call *c, const char *number)
{
    if (!jn_dir_may_call(v->dir, c->tenant, c->move.agent, number)) {
        v->counts.outs_forbidden++;
        return -EACCES;
    }
    int srtp = jn_sip_trunk_srtp(v->sip, c->tenant, 0, number);
    if (srtp < 0)
        return -EHOSTUNREACH;
    c->move.srtp = (uint8_t)srtp;
    c->move.kind = MOVE_OUTSIDE;
    jn_copy(c->move.number, sizeof c->move.number, number);
    if (voice_move_aside(v, c))
        return -EAGAIN;
    if (!voice_third_open(v, c, 0)) {
        voice_move_restore(v, c);
        return -EAGAIN;
    }
    jn_copy(c->row.outside, sizeof c->row.outside, number);
    voice_ringback(v, c, c->agent, true);
    return 0;
}

/* m->ask and the REFER are kept in c->move by the caller of this. */
static int begin(struct jn_act_voice *v, struct call *c, uint64_t to, uint64_t queue, const char *number)
{
    if (number)
        return outside(v, c, number);
    c->move.kind = MOVE_ROUTER;
    return voice_move_ask(v, c, to ? JN_EV_TRANSFER : JN_EV_REQUEUE, to, queue);
}

int voice_transfer(struct jn_act_voice *v, struct call *c, const struct jn_voice_move *m)
{
    if (!voice_movable(c, m->agent))
        return -ENOENT;
    if (c->move.kind || c->move.told.kind)
        return -EBUSY;
    c->move = (struct voice_move){.agent = m->agent, .ask = m->ask};
    int rc = begin(v, c, m->to, m->queue, m->number);
    if (rc && c->move.step != MOVE_RESTORE)
        c->move = (struct voice_move){0};
    if (rc)
        return rc;
    v->counts.moves++;
    if (c->move.kind == MOVE_OUTSIDE) /* the number rings; what becomes of it the events tell */
        voice_move_answer(v, c, JN_WHY_NONE);
    return 0;
}

/* Where a REFER points: a colleague's phone, a queue's number, or outside. */
void voice_refer(struct jn_act_voice *v, struct call *c, struct leg *l, const struct jn_sip_refer *r)
{
    const struct jn_dir_agent *a = r->ours ? jn_dir_agent_sip(v->dir, c->tenant, r->to_user) : NULL;
    const struct jn_dir_queue *q = a ? NULL : jn_dir_queue_number(v->dir, c->tenant, r->to_user);
    v->counts.refers++;
    if (voice_second_refer(v, c, l, r))
        return;
    if (l != c->agent || !voice_movable(c, l->agent) || c->move.kind || c->move.told.kind) {
        jn_sip_refer_result(v->sip, l->sip, 603);
        return;
    }
    c->move = (struct voice_move){.agent = l->agent, .refer = l->sip};
    int rc = a || q || jn_dir_dialable(r->to_user)
                 ? begin(v, c, a ? a->set.id : 0, q ? q->set.id : 0, a || q ? NULL : r->to_user)
                 : -ENOENT;
    if (!rc) {
        v->counts.moves++;
        return;
    }
    v->counts.moves_failed++;
    jn_sip_refer_result(v->sip, l->sip, rc == -EACCES ? 403 : rc == -EAGAIN ? 503 : 404);
    if (c->move.step != MOVE_RESTORE)
        c->move = (struct voice_move){0};
}

void voice_outside_answered(struct jn_act_voice *v, struct call *c)
{
    voice_move_answer(v, c, JN_WHY_NONE); /* before the BYE that ends the dialog in which it is told */
    if (c->agent)
        voice_move_tell(v, c, JN_EV_LEAVE, JN_WHY_TRANSFER);
    c->move.until_ns = 0;
    c->move.step = MOVE_HANDING;
    voice_third_promote(v, c);
}

void voice_outside_failed(struct jn_act_voice *v, struct call *c, enum jn_why why)
{
    jn_info("voice", "a number outside cannot be reached: why=%u", why);
    v->counts.moves_failed++;
    c->row.outside[0] = 0;
    voice_ringback(v, c, c->agent, false);
    voice_move_answer(v, c, why);
    voice_third_drop(v, c);
    if (c->agent)
        voice_move_restore(v, c);
    else { /* the agent is gone: back to its old place in the queue, the music goes on until then */
        voice_move_tell(v, c, JN_EV_REQUEUE, (uint8_t)why);
        struct pending told = c->move.told;
        c->move = (struct voice_move){.told = told};
    }
}

/* What a blind transfer is about: the agent does not wait for the number. */
void voice_outside_agent_left(struct jn_act_voice *v, struct call *c)
{
    struct leg *l = c->agent;
    c->move.refer = 0;
    voice_move_tell(v, c, JN_EV_LEAVE, JN_WHY_TRANSFER);
    c->agent = NULL;
    c->holds &= HOLD_CALLER;
    voice_leg_close(v, c, l);
    voice_leg_settle(v, l);
}
