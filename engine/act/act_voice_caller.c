/* Act voice, the caller's side: from INVITE to the router's queue. Once it is there the agent's side takes over. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include "engine/base/rand.h"
#include <errno.h>
#include <string.h>

/* What a number reaches: a queue, or a flow before one. Both 0: nothing of ours. */
struct reached {
    uint64_t queue, flow;
    const char *name;
};

static struct reached reach(const struct jn_act_voice *v, const struct jn_sip_invite *in)
{
    /* The numbering plan first, with the number in full and as it was dialled; then what has a number of its own. */
    const struct jn_dir_number *n = in->number ? jn_dir_number(v->dir, in->tenant, in->number) : NULL;
    if (!n)
        n = jn_dir_number(v->dir, in->tenant, in->to_user);
    bool queue = n && n->reach == JN_REACH_QUEUE, flow = n && n->reach == JN_REACH_FLOW;
    const struct jn_dir_queue *q = queue  ? jn_dir_queue(v->dir, n->target)
                                   : flow ? NULL
                                          : jn_dir_queue_number(v->dir, in->tenant, in->to_user);
    const struct jn_flow *f = flow ? jn_dir_flow(v->dir, n->target)
                              : q  ? NULL
                                   : jn_dir_flow_number(v->dir, in->tenant, in->to_user);
    if (q && q->set.channel_mask & 1u << JN_CH_VOICE)
        return (struct reached){.queue = q->set.id, .name = q->name};
    return f ? (struct reached){.flow = f->id, .name = f->name} : (struct reached){0};
}

struct call *voice_call_new(struct jn_act_voice *v, uint64_t tenant, uint64_t queue, const char *caller,
                            const char *called, const char *call_id)
{
    if (!v->n_free_calls)
        return NULL;
    uint32_t i = v->free_calls[v->n_free_calls - 1];
    uint64_t ix = jn_id_make(&v->ids);
    if (jn_map_set(&v->by_ix, ix, i))
        return NULL;
    v->n_free_calls--;
    v->in_use++;
    struct call *c = &v->calls[i];
    *c = (struct call){.ix = ix, .tenant = tenant, .queue = queue, .index = i};
    c->walk.go.priority = 255;
    voice_step(v, c, CALL_OPENING);
    c->row.ix = ix;
    c->row.tenant = tenant;
    jn_copy(c->row.caller, sizeof c->row.caller, caller);
    jn_copy(c->row.called, sizeof c->row.called, called);
    jn_copy(c->row.call_id, sizeof c->row.call_id, call_id);
    return c;
}

static struct call *call_new(struct jn_act_voice *v, const struct jn_sip_invite *in, const struct reached *to)
{
    struct call *c = voice_call_new(v, in->tenant, to->queue,
                                    in->from_number && in->from_number[0] ? in->from_number : in->from_user,
                                    in->number ? in->number : in->to_user, in->call_id);
    if (c)
        c->walk.flow = to->flow;
    return c;
}

int voice_policy(const struct jn_act_voice *v, const struct jn_sip_invite *in, struct leg *l)
{
    struct jn_err why = {{0}};
    jn_random(l->local.key, sizeof l->local.key);
    l->local.mode = JN_MODE_SENDRECV;
    l->local.allowed = &v->c.codecs;
    voice_browser_ready(v, &l->local);
    if (!in->sdp) { /* delayed offer: we offer in our 200 */
        jn_sdp_offer_codecs(&l->local, JN_CODEC_N);
        l->local.ptime_ms = 20;
        l->local.suite = in->srtp == JN_SRTP_REQUIRED ? JN_SUITE_AES128_SHA80 : JN_SUITE_NONE;
        l->local.crypto_tag = 1;
        if (in->srtp == JN_SRTP_DTLS && !l->local.can_dtls)
            return 488;
        if (in->srtp == JN_SRTP_DTLS)
            voice_browser_offer(&l->local);
        return 0;
    }
    int rc = jn_sdp_parse(&l->offer, in->sdp, strlen(in->sdp), &why);
    if (!rc)
        rc = jn_sdp_answer_to(&l->local, &l->remote, &l->offer, in->srtp, &why);
    if (rc) {
        jn_info("voice", "offer refused caller=%s: %s", in->from_user, why.text);
        return rc == -ENOTSUP ? 488 : 400;
    }
    if (!l->remote.dtls)
        memcpy(l->remote.key_out, l->local.key, sizeof l->remote.key_out);
    l->remote.latch = l->remote.suite == JN_SUITE_NONE;
    l->has_offer = true;
    return 0;
}

static void turn_away(struct jn_act_voice *v, const struct jn_sip_invite *in, int status)
{
    v->counts.refused++;
    jn_sip_refuse(v->sip, in->leg, status);
}

void voice_invite(struct jn_act_voice *v, const struct jn_sip_invite *in)
{
    v->counts.calls++;
    if (in->replaces) { /* a caller in the place of another: nobody here would know who takes whose turn */
        turn_away(v, in, 603);
        return;
    }
    if (voice_second_invite(v, in))
        return;
    struct reached to = reach(v, in);
    if (!to.queue && !to.flow && voice_out_invite(v, in))
        return;
    if (!to.queue && !to.flow) {
        turn_away(v, in, 404);
        return;
    }
    struct leg probe = {0}; /* what the offer allows is known before anything is taken */
    int status = voice_policy(v, in, &probe);
    if (status) {
        turn_away(v, in, status);
        return;
    }
    if (voice_admit(v)) {
        turn_away(v, in, 503);
        return;
    }
    struct call *c = call_new(v, in, &to);
    if (!c) {
        v->ports.release(v->ports.arg);
        turn_away(v, in, 503);
        return;
    }
    c->place = PLACE_KEPT;
    unsigned worker = voice_pick_worker(v);
    c->home = (uint8_t)worker;
    struct leg *l = voice_leg_open(v, c, SIDE_CALLER, in->agent, worker, &probe);
    if (!l) {
        turn_away(v, in, 503);
        voice_finish(v, c, JN_EV_END, JN_WHY_BUSY);
        voice_close(v, c, 503);
        return;
    }
    l->via = in->source;
    l->peer_public = jn_addr_public(&in->source);
    voice_leg_sip(v, l, in->leg);
    char id[JN_ID_TEXT_MAX];
    jn_info("voice", "call ix=%s caller=%s called=%s %s=%s", jn_id_text(c->ix, id), c->row.caller, c->row.called,
            to.queue ? "queue" : "flow", to.name);
}

static void give_up(struct jn_act_voice *v, struct call *c, enum jn_why why, int status)
{
    voice_finish(v, c, JN_EV_END, why);
    voice_close(v, c, status);
}

void voice_caller_opened(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    char sdp[JN_SDP_MAX];
    int n = jn_sdp_write(sdp, sizeof sdp, &l->local, l->has_offer ? &l->offer : NULL);
    if (n < 0 || (l->has_offer && voice_leg_remote(v, c, l))) {
        give_up(v, c, JN_WHY_MEDIA, n < 0 ? 488 : 503);
        return;
    }
    voice_step(v, c, CALL_ANSWERED);
    v->counts.answered++;
    jn_sip_answer(v->sip, l->sip, sdp); /* over already: its `ended` is on its way */
}

void voice_caller_confirmed(struct jn_act_voice *v, struct call *c, const char *sdp)
{
    struct leg *l = c->caller;
    l->up = true;
    voice_dialog_keep(v, c, l);
    if (!l->has_offer) { /* the ACK brings the answer to our offer */
        struct jn_err why = {{0}};
        int rc = sdp ? jn_sdp_parse(&l->offer, sdp, strlen(sdp), &why) : -EBADMSG;
        if (!rc)
            rc = jn_sdp_accept(&l->remote, &l->local, &l->offer, &why);
        l->remote.latch = l->remote.suite == JN_SUITE_NONE;
        if (rc || voice_leg_remote(v, c, l)) {
            jn_info("voice", "no usable answer in the ACK caller=%s: %s", c->row.caller, why.text);
            give_up(v, c, JN_WHY_MEDIA, 0);
            return;
        }
        l->has_offer = true;
    }
    if (voice_room_open(v, c) || voice_room_join(v, c, l)) {
        give_up(v, c, JN_WHY_BUSY, 0);
        return;
    }
    if (c->walk.flow)
        voice_flow_begin(v, c);
    else if (voice_greet(v, c))
        voice_step(v, c, CALL_GREETING);
    else
        voice_arrive(v, c);
}

void voice_arrive(struct jn_act_voice *v, struct call *c)
{
    voice_step(v, c, CALL_ARRIVED);
    voice_tell(v, c, JN_EV_ARRIVE, JN_WHY_NONE, 0);
}
