/* Act voice, calls to outside: an agent calls a number through a trunk. By API the agent's phone rings first; or the
 * phone itself dials. The agent hears the number ring, or what the network says; its answer joins the two. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include <errno.h>
#include <string.h>

enum { RING_MS = 60000 };

static bool serves(const struct jn_dir_agent *a, const struct jn_dir_queue *q)
{
    for (unsigned i = 0; i < q->set.skills; i++) {
        unsigned level = 0;
        for (unsigned k = 0; k < a->set.skills; k++)
            level = a->set.skill[k].id == q->set.skill[i].id ? a->set.skill[k].level : level;
        if (level < q->set.skill[i].level)
            return false;
    }
    return q->tenant == a->tenant && q->set.channel_mask & 1u << JN_CH_VOICE;
}

static uint64_t queue_for(const struct jn_act_voice *v, const struct jn_dir_agent *a)
{
    for (uint32_t i = 0; i < v->dir->n_queues; i++)
        if (serves(a, &v->dir->queues[i]))
            return v->dir->queues[i].set.id;
    return 0;
}

/* 0 with the call, whose place is kept, or -errno. */
static int begin(struct jn_act_voice *v, const struct jn_dir_agent *a, uint64_t queue, const char *number,
                 const char *call_id, struct call **out)
{
    uint64_t q = queue ? queue : queue_for(v, a);
    const struct jn_dir_queue *d = q ? jn_dir_queue(v->dir, q) : NULL;
    if (!d)
        return -ENOENT;
    if (!jn_dir_may_call(v->dir, d->tenant, a->set.id, number)) {
        v->counts.outs_forbidden++;
        jn_info("voice", "agent=%s may not call that number", a->name);
        return -EACCES;
    }
    int srtp = jn_sip_trunk_srtp(v->sip, d->tenant, 0, number);
    if (srtp < 0)
        return -EHOSTUNREACH;
    if (voice_admit(v))
        return -EAGAIN;
    const char *from = jn_dir_caller_id(v->dir, d->tenant, q);
    struct call *c = voice_call_new(v, d->tenant, q, from[0] ? from : a->sip_user, number, call_id);
    if (!c) {
        v->ports.release(v->ports.arg);
        return -EAGAIN;
    }
    c->place = PLACE_KEPT;
    c->out = true;
    c->home = (uint8_t)voice_pick_worker(v);
    c->move.agent = a->set.id;
    c->move.srtp = (uint8_t)srtp;
    jn_copy(c->move.number, sizeof c->move.number, number);
    voice_step(v, c, CALL_OUT_ASKED);
    v->counts.outs++;
    *out = c;
    return 0;
}

static int ask(struct jn_act_voice *v, struct call *c)
{
    if (v->ports.call_known)
        v->ports.call_known(v->ports.arg, &c->row);
    int rc = voice_move_ask(v, c, JN_EV_CALL_OUT, 0, c->queue);
    c->arrived = !rc;
    return rc;
}

int voice_out(struct jn_act_voice *v, const struct jn_voice_move *m)
{
    const struct jn_dir_agent *a = jn_dir_agent(v->dir, m->agent);
    struct call *c;
    if (!a)
        return -ENOENT;
    if (!m->number)
        return -EINVAL;
    bool there =
        a->answer == JN_ANSWER_NAILED ? voice_line_free(v, m->agent) : jn_sip_phone_registered(v->sip, m->agent);
    if (!there)
        return -ENOTCONN;
    int rc = begin(v, a, m->queue, m->number, "", &c);
    if (rc)
        return rc;
    if (ask(v, c)) {
        voice_finish(v, c, JN_EV_END, JN_WHY_BUSY);
        voice_close(v, c, 0);
        return -EAGAIN;
    }
    c->move.ask = m->ask;
    return 0;
}

bool voice_out_invite(struct jn_act_voice *v, const struct jn_sip_invite *in)
{
    const struct jn_dir_agent *a = in->agent ? jn_dir_agent(v->dir, in->agent) : NULL;
    struct leg probe = {0};
    struct call *c;
    if (!a || !jn_dir_dialable(in->to_user) || jn_dir_queue_number(v->dir, in->tenant, in->to_user) ||
        jn_dir_flow_number(v->dir, in->tenant, in->to_user) || jn_dir_number(v->dir, in->tenant, in->to_user))
        return false;
    int status = in->sdp ? voice_policy(v, in, &probe) : 488;
    int rc = status ? 0 : begin(v, a, 0, in->to_user, in->call_id, &c);
    if (status || rc) {
        v->counts.refused++;
        jn_sip_refuse(v->sip, in->leg, status ? status : rc == -EACCES ? 403 : rc == -EAGAIN ? 503 : 404);
        return true;
    }
    struct leg *l = voice_leg_open(v, c, SIDE_AGENT, in->agent, c->home, &probe);
    if (!l) {
        jn_sip_refuse(v->sip, in->leg, 503);
        voice_finish(v, c, JN_EV_END, JN_WHY_BUSY);
        voice_close(v, c, 0);
        return true;
    }
    voice_leg_sip(v, l, in->leg);
    return true;
}

/* The agent is on the line: the number is called. */
static void dial(struct jn_act_voice *v, struct call *c)
{
    if (voice_room_open(v, c) || voice_room_join(v, c, c->agent)) {
        voice_out_failed(v, c, JN_WHY_BUSY);
        return;
    }
    voice_step(v, c, CALL_OUT_DIAL);
    voice_ringback(v, c, c->agent, true);
    unsigned worker = v->c.spread_legs && v->c.workers > 1 ? (c->home + 1u) % v->c.workers : c->home;
    struct leg *l = voice_leg_open(v, c, SIDE_CALLER, 0, worker, NULL);
    if (!l) {
        voice_out_failed(v, c, JN_WHY_BUSY);
        return;
    }
    const struct leg *a = c->agent;
    voice_our_offer(l, a->remote.codec < JN_CODEC_N ? a->remote.codec : (uint8_t)JN_CODEC_PCMU, c->move.srtp);
    c->move.until_ns = v->now_ns + RING_MS * UINT64_C(1000000);
}

void voice_out_begin(struct jn_act_voice *v, struct call *c)
{
    const struct jn_dir_agent *a = jn_dir_agent(v->dir, c->move.agent);
    if (c->state != CALL_OUT_ASKED)
        return;
    voice_step(v, c, CALL_OUT_AGENT);
    if (c->agent || (a && voice_line_borrow(v, c, a->set.id))) { /* the agent dialled, or is on a nailed-up line */
        dial(v, c);
        return;
    }
    struct leg *l = a ? voice_leg_open(v, c, SIDE_AGENT, a->set.id, c->home, NULL) : NULL;
    if (!l) {
        voice_out_failed(v, c, JN_WHY_BUSY);
        return;
    }
    voice_our_offer(l, JN_CODEC_PCMU, a->srtp);
    c->move.until_ns = v->now_ns + RING_MS * UINT64_C(1000000);
}

void voice_out_opened(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    char sdp[JN_SDP_MAX];
    uint64_t sip = 0;
    bool dialled = l == c->agent && l->has_offer;
    if (jn_sdp_write(sdp, sizeof sdp, &l->local, dialled ? &l->offer : NULL) < 0 ||
        (dialled && voice_leg_remote(v, c, l))) {
        voice_out_failed(v, c, JN_WHY_MEDIA);
        return;
    }
    int rc;
    if (dialled) {
        jn_sip_progress(v->sip, l->sip, sdp); /* over already: its `ended` is on its way */
        rc = ask(v, c);
    } else if (l == c->agent) {
        rc = voice_call_phone(v, c, l, c->move.number, sdp, &sip);
    } else {
        rc = voice_call_number(v, c, sdp, &sip);
    }
    if (rc)
        voice_out_failed(v, c, dialled ? JN_WHY_BUSY : voice_why_of_rc(rc));
    else if (sip)
        voice_leg_sip(v, l, sip);
}

void voice_out_ringing(struct jn_act_voice *v, struct call *c, const char *sdp)
{
    struct leg *l = c->caller;
    if (!sdp || l->joined || voice_take_answer(v, c, l, sdp))
        return; /* our own tone goes on */
    voice_ringback(v, c, c->agent, false);
    if (voice_room_join(v, c, l))
        voice_out_failed(v, c, JN_WHY_BUSY);
}

static void joined(struct jn_act_voice *v, struct call *c)
{
    char sdp[JN_SDP_MAX];
    struct leg *a = c->agent;
    voice_ringback(v, c, a, false);
    c->move = (struct voice_move){0};
    if (!c->caller->joined && voice_room_join(v, c, c->caller)) {
        voice_out_failed(v, c, JN_WHY_BUSY);
        return;
    }
    v->counts.outs_answered++;
    voice_joined(v, c);
    voice_tell(v, c, JN_EV_ACCEPT, JN_WHY_NONE, a->agent);
    if (a->has_offer && jn_sdp_write(sdp, sizeof sdp, &a->local, &a->offer) > 0)
        jn_sip_answer(v->sip, a->sip, sdp);
}

void voice_out_answered(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp)
{
    bool agent = l == c->agent && c->state == CALL_OUT_AGENT;
    l->up = true;
    if (!agent && (l != c->caller || c->state != CALL_OUT_DIAL)) {
        jn_sip_hangup(v->sip, l->sip);
        return;
    }
    voice_dialog_keep(v, c, l);
    enum jn_why why = voice_take_answer(v, c, l, sdp);
    c->move.until_ns = 0;
    if (why)
        voice_out_failed(v, c, why);
    else if (agent)
        dial(v, c);
    else
        joined(v, c);
}

void voice_out_confirmed(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    l->up = true;
    voice_dialog_keep(v, c, l);
}

/* The phone that dialled hears what the number said. */
static void end(struct jn_act_voice *v, struct call *c, enum jn_why why)
{
    struct leg *l = c->agent;
    voice_move_answer(v, c, why);
    if (l && l->sip && l->has_offer && !l->up && !l->hung_up) {
        jn_sip_refuse(v->sip, l->sip, voice_status_of(why));
        l->hung_up = true;
    }
    voice_finish(v, c, JN_EV_END, why);
    voice_close(v, c, 0);
}

void voice_out_failed(struct jn_act_voice *v, struct call *c, enum jn_why why)
{
    jn_info("voice", "call to outside failed why=%u", why);
    end(v, c, why);
}

void voice_out_refused(struct jn_act_voice *v, struct call *c, enum jn_why why)
{
    c->arrived = false; /* the router knows nothing of it */
    end(v, c, why);
}

void voice_out_ended(struct jn_act_voice *v, struct call *c, struct leg *l, enum jn_sip_end how, int status)
{
    bool gave_up = l == c->agent && (l->up || l->has_offer);
    if (c->state == CALL_CLOSING)
        return;
    end(v, c, gave_up ? JN_WHY_AGENT : voice_why_of(how, status));
}
