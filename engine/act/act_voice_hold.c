/* Act voice, hold: re-INVITEs of either party and hold by the desk. While the agent's side holds, the caller hears
 * music and the two do not hear each other. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include "media/record/item.h"
#include <errno.h>
#include <string.h>

static bool are_apart(const struct call *c)
{
    return c->holds & (HOLD_AGENT | HOLD_API);
}

static uint8_t only(const struct leg *l)
{
    return (uint8_t)(1u << voice_track(l));
}

/* Whoever is on hold must not be heard, and who is taken back must be: what finds no room is ordered again. */
static void hear_as_held(struct jn_act_voice *v, struct call *c)
{
    bool on = are_apart(c);
    c->retry_apart = false;
    if (!c->agent || !c->agent->joined)
        return;
    c->retry_apart = voice_hear(v, c, c->caller, on ? 0 : only(c->agent)) != 0;
    c->retry_apart |= voice_hear(v, c, c->agent, on ? 0 : only(c->caller)) != 0;
}

void voice_hold_again(struct jn_act_voice *v, struct call *c)
{
    if (c->move.kind < MOVE_OUTSIDE && (c->state == CALL_TALKING || c->state == CALL_HELD))
        hear_as_held(v, c);
    else
        c->retry_apart = false; /* who hears whom is somebody else's now */
}

void voice_hold(struct jn_act_voice *v, struct call *c, uint8_t bit, bool on, bool tell)
{
    uint8_t before = c->holds, after = on ? before | bit : before & (uint8_t)~bit;
    c->holds = after;
    if (c->move.kind >= MOVE_OUTSIDE)
        return; /* the caller is aside already; what is held then is held afterwards */
    if (before == after || (c->state != CALL_TALKING && c->state != CALL_HELD))
        return;
    bool was_apart = c->state == CALL_HELD && (before & (HOLD_AGENT | HOLD_API));
    bool is_apart = are_apart(c);
    if (after && c->state == CALL_TALKING) {
        voice_step(v, c, CALL_HELD);
        voice_mark(v, c, JN_RECEV_HOLD);
        if (tell)
            voice_tell(v, c, JN_EV_HOLD, JN_WHY_NONE, c->agent ? c->agent->agent : 0);
    } else if (!after) {
        voice_step(v, c, CALL_TALKING);
        voice_mark(v, c, JN_RECEV_RESUME);
        if (tell)
            voice_tell(v, c, JN_EV_RESUME, JN_WHY_NONE, c->agent ? c->agent->agent : 0);
    }
    if (is_apart && !was_apart) {
        hear_as_held(v, c);
        voice_music(v, c);
    } else if (was_apart && !is_apart) {
        voice_quiet(v, c);
        hear_as_held(v, c);
    }
}

void voice_reinvite(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp)
{
    char text[JN_SDP_MAX];
    struct jn_err why = {{0}};
    bool current = c->state != CALL_CLOSING && (l == c->caller || l == c->agent || l == c->watch || l == c->parked) &&
                   l->media == MEDIA_OPEN && l->up;
    if (!current) { /* 481 would end the peer's dialog: only when the call is ending anyway */
        jn_sip_refuse(v->sip, l->sip, c->state == CALL_CLOSING ? 481 : 488);
        return;
    }
    l->local.version++;
    if (!sdp) { /* they ask what we would offer: the same as it is */
        l->local.mode = JN_MODE_SENDRECV;
        int n = jn_sdp_write(text, sizeof text, &l->local, NULL);
        if (n < 0 || jn_sip_answer(v->sip, l->sip, text))
            jn_sip_refuse(v->sip, l->sip, 500);
        return;
    }
    struct jn_sdp offer;
    struct jn_sdp_local local = l->local;
    struct jn_leg_remote remote = l->remote;
    /* What protects the leg now must protect it afterwards, and nothing new is asked of the peer. */
    int mode = l->local.dtls ? JN_SRTP_DTLS : l->local.suite == JN_SUITE_NONE ? JN_SRTP_OFF : JN_SRTP_REQUIRED;
    int rc = jn_sdp_parse(&offer, sdp, strlen(sdp), &why);
    if (!rc)
        voice_browser_again(&local, l, &offer);
    if (!rc)
        rc = jn_sdp_answer_to(&local, &remote, &offer, mode, &why);
    if (rc || jn_sdp_write(text, sizeof text, &local, &offer) < 0) {
        jn_info("voice", "re-INVITE refused: %s", why.text);
        jn_sip_refuse(v->sip, l->sip, rc == -EBADMSG ? 400 : 488);
        return;
    }
    if (!remote.dtls)
        memcpy(remote.key_out, local.key, sizeof remote.key_out);
    remote.latch = remote.suite == JN_SUITE_NONE;
    struct jn_leg_remote before = l->remote;
    l->remote = remote;
    if (voice_leg_remote(v, c, l)) {
        l->remote = before;
        jn_sip_refuse(v->sip, l->sip, 503);
        return;
    }
    l->local = local;
    l->offer = offer;
    if (jn_sip_answer(v->sip, l->sip, text))
        return; /* over: its `ended` follows */
    bool held = offer.mode == JN_MODE_SENDONLY || offer.mode == JN_MODE_INACTIVE;
    if (l != c->watch)
        voice_hold(v, c, l->side == SIDE_CALLER ? HOLD_CALLER : HOLD_AGENT, held, true);
}

void voice_reanswered(struct jn_act_voice *v, struct call *c, struct leg *l, const char *sdp)
{
    struct jn_err why = {{0}};
    struct jn_sdp answer;
    struct jn_leg_remote remote = l->remote;
    if (c->state == CALL_CLOSING || l->media != MEDIA_OPEN)
        return;
    int rc = jn_sdp_parse(&answer, sdp, strlen(sdp), &why);
    if (!rc)
        rc = jn_sdp_accept(&remote, &l->local, &answer, &why);
    if (rc) {
        jn_info("voice", "no usable answer in the ACK: %s", why.text);
        return; /* the session stays as it was (RFC 3261 14.1) */
    }
    remote.latch = remote.suite == JN_SUITE_NONE;
    l->remote = remote;
    if (voice_leg_remote(v, c, l))
        return;
    bool held = answer.mode == JN_MODE_SENDONLY || answer.mode == JN_MODE_INACTIVE;
    if (l != c->watch)
        voice_hold(v, c, l->side == SIDE_CALLER ? HOLD_CALLER : HOLD_AGENT, held, true);
}
