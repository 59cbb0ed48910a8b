/* Act voice, the agent's side: an offer rings the agent's phone; its answer, refusal or silence is what the router
 * hears; CONNECT joins the two. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include "engine/base/rand.h"
#include <errno.h>
#include <string.h>

void voice_our_offer(struct leg *l, uint8_t first, uint8_t srtp)
{
    struct jn_sdp_local *o = &l->local;
    jn_sdp_offer_codecs(o, first);
    o->mode = JN_MODE_SENDRECV;
    o->ptime_ms = 20;
    o->suite = srtp == JN_SRTP_OFF ? JN_SUITE_NONE : JN_SUITE_AES128_SHA80;
    o->crypto_tag = 1;
    if (o->suite != JN_SUITE_NONE)
        jn_random(o->key, sizeof o->key);
    if (srtp == JN_SRTP_DTLS)
        voice_browser_offer(o);
}

void voice_offer(struct jn_act_voice *v, struct call *c, uint64_t agent)
{
    if (c->state != CALL_ARRIVED && c->state != CALL_QUEUED && c->state != CALL_OFFERED)
        return;
    voice_agent_drop(v, c);
    voice_step(v, c, CALL_OFFERED);
    if (c->playing == PLAY_NONE)
        voice_music(v, c); /* offered at once: the caller shall not hear silence while the phone rings */
    const struct jn_dir_agent *a = jn_dir_agent(v->dir, agent);
    v->counts.agent_calls++;
    if (a && a->answer == JN_ANSWER_NAILED) {
        voice_line_offer(v, c, a);
        return;
    }
    if (!a || !jn_sip_phone_registered(v->sip, agent)) {
        v->counts.agent_failed++;
        voice_tell(v, c, JN_EV_REFUSE, JN_WHY_UNREACHABLE, agent);
        return;
    }
    unsigned worker = v->c.spread_legs && v->c.workers > 1 ? (c->home + 1u) % v->c.workers : c->home;
    struct leg *l = voice_leg_open(v, c, SIDE_AGENT, agent, worker, NULL);
    if (!l) {
        v->counts.agent_failed++;
        voice_tell(v, c, JN_EV_REFUSE, JN_WHY_BUSY, agent);
        return;
    }
    if (v->c.ring_ms)
        l->ring_until_ns = v->now_ns + v->c.ring_ms * UINT64_C(1000000);
    /* The caller's codec first, so that the two can be relayed. */
    voice_our_offer(l, c->caller->remote.codec < JN_CODEC_N ? c->caller->remote.codec : (uint8_t)JN_CODEC_PCMU,
                    a->srtp);
}

int voice_call_phone(struct jn_act_voice *v, const struct call *c, const struct leg *l, const char *shown,
                     const char *sdp, uint64_t *sip)
{
    char info[2 * JN_NAME_MAX + 4];
    const struct jn_dir_agent *a = jn_dir_agent(v->dir, l->agent);
    struct jn_sip_agent_call to = {.agent = l->agent, .from_display = shown, .from_user = shown, .sdp = sdp};
    to.auto_answer = a && a->answer == JN_ANSWER_AUTO;
    to.info = voice_client_text(v, c, info, sizeof info);
    return jn_sip_call_agent(v->sip, sip, &to);
}

int voice_call_number(struct jn_act_voice *v, const struct call *c, const char *sdp, uint64_t *sip)
{
    struct jn_sip_trunk_call to = {.tenant = c->tenant, .to = c->move.number, .sdp = sdp};
    to.from = jn_dir_caller_id(v->dir, c->tenant, c->queue);
    return jn_sip_call_trunk(v->sip, sip, &to);
}

void voice_agent_opened(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (c->state == CALL_LINE) {
        voice_line_opened(v, c);
        return;
    }
    char sdp[JN_SDP_MAX];
    uint64_t sip = 0;
    if (jn_sdp_write(sdp, sizeof sdp, &l->local, NULL) < 0) {
        voice_agent_failed(v, c, JN_WHY_MEDIA);
        return;
    }
    int rc = voice_call_phone(v, c, l, c->row.caller, sdp, &sip);
    if (rc) {
        voice_agent_failed(v, c, rc == -ENOTCONN ? JN_WHY_UNREACHABLE : JN_WHY_BUSY);
        return;
    }
    voice_leg_sip(v, l, sip);
}

void voice_agent_answered(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp)
{
    if (c->state == CALL_LINE) {
        voice_line_answered(v, c, l, sdp);
        return;
    }
    l->up = true;
    if (l != c->agent || l->hung_up || (c->state != CALL_OFFERED)) {
        jn_sip_hangup(v->sip, l->sip); /* it was let go while it answered */
        return;
    }
    voice_dialog_keep(v, c, l);
    struct jn_err why = {{0}};
    int rc = sdp ? jn_sdp_parse(&l->offer, sdp, strlen(sdp), &why) : -EBADMSG;
    if (!rc)
        rc = jn_sdp_accept(&l->remote, &l->local, &l->offer, &why);
    l->remote.latch = l->remote.suite == JN_SUITE_NONE;
    if (rc) {
        jn_info("voice", "an agent's phone answers with media that we cannot use: %s", why.text);
        voice_agent_failed(v, c, JN_WHY_MEDIA);
        return;
    }
    if (voice_leg_remote(v, c, l)) {
        voice_agent_failed(v, c, JN_WHY_BUSY);
        return;
    }
    if (c->connect_wanted) { /* taken at the desk before the phone was lifted: the router knows already */
        voice_connect(v, c, l->agent);
        return;
    }
    voice_step(v, c, CALL_CONNECTING);
    voice_tell(v, c, JN_EV_ACCEPT, JN_WHY_NONE, l->agent);
}

void voice_agent_drop(struct jn_act_voice *v, struct call *c)
{
    struct leg *l = c->agent;
    c->agent = NULL;
    c->connect_wanted = false;
    voice_announce_drop(c);
    c->holds &= HOLD_CALLER;
    if (c->retry.kind != JN_EV_ARRIVE)
        c->retry = (struct pending){0};
    if (c->state >= CALL_OFFERED && c->state <= CALL_HELD)
        voice_step(v, c, CALL_QUEUED); /* the caller waits again, whatever comes next */
    if (!l)
        return;
    bool nailed = l->nailed;
    voice_leg_hangup(v, l);
    voice_leg_close(v, c, l);
    if (!nailed)
        voice_leg_settle(v, l);
}

void voice_agent_failed(struct jn_act_voice *v, struct call *c, enum jn_why why)
{
    if (c->state == CALL_LINE) {
        voice_line_failed(v, c, "phone_no_media");
        return;
    }
    uint64_t agent = c->agent->agent;
    bool taken = c->connect_wanted;
    v->counts.agent_failed++;
    jn_info("voice", "offer failed agent=%llx why=%u", (unsigned long long)agent, why);
    voice_agent_drop(v, c);
    if (taken) { /* the router holds the two for joined: only back to its place helps the caller */
        voice_tell(v, c, JN_EV_REQUEUE, (uint8_t)why, agent);
        voice_music(v, c);
        return;
    }
    voice_tell(v, c, JN_EV_REFUSE, (uint8_t)why, agent);
}

void voice_agent_ended(struct jn_act_voice *v, struct call *c, enum jn_sip_end how, int status)
{
    if (c->state == CALL_LINE) {
        voice_line_failed(v, c, c->agent->up ? "phone_hung_up" : "phone_unreachable");
        return;
    }
    if (c->state == CALL_OFFERED) {
        enum jn_why why = JN_WHY_PHONE_REJECT;
        if (how == JN_SIP_END_TIMEOUT || how == JN_SIP_END_ERROR || status == 408)
            why = JN_WHY_UNREACHABLE;
        else if (status == 486 || status == 600)
            why = JN_WHY_PHONE_BUSY;
        voice_agent_failed(v, c, why);
        return;
    }
    /* It was answered, so the agent's hang-up ends the call, joined already or not. */
    voice_finish(v, c, JN_EV_END, JN_WHY_AGENT);
    voice_close(v, c, 0);
}

void voice_connect(struct jn_act_voice *v, struct call *c, uint64_t agent)
{
    struct leg *l = c->agent;
    if (c->state != CALL_OFFERED && c->state != CALL_CONNECTING)
        return;
    if (!l || l->agent != agent) {
        jn_warn("voice", "told to connect an agent who is not called agent=%llx", (unsigned long long)agent);
        voice_tell(v, c, JN_EV_REQUEUE, JN_WHY_UNREACHABLE, agent);
        return;
    }
    if (!l->up) {
        c->connect_wanted = true;
        return;
    }
    c->connect_wanted = false;
    int rc = voice_undeafen(v, c);
    if (!rc)
        rc = voice_announce(v, c, l);
    if (!rc)
        return; /* the agent hears who calls; then they are joined */
    if (rc == -ENOENT) {
        voice_quiet(v, c);
        rc = voice_room_join(v, c, l);
    }
    if (rc) {
        voice_finish(v, c, JN_EV_END, JN_WHY_BUSY);
        voice_close(v, c, 0);
        return;
    }
    voice_joined(v, c);
}
