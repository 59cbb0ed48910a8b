/* Act voice, browsers: legs whose keys come by DTLS and whose addresses by ICE: our side of their descriptions, what
 * becomes of their handshakes. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include "engine/base/rand.h"
#include <string.h>

/* ice-char of RFC 8839 5.4 has 64 letters: six bits each. */
static void word(char *out, unsigned n)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    jn_random(out, n);
    for (unsigned i = 0; i < n; i++)
        out[i] = letters[(unsigned char)out[i] & 63];
    out[n] = 0;
}

static void new_name(struct jn_ice_own *own)
{
    word(own->ufrag, JN_ICE_UFRAG);
    word(own->pwd, JN_ICE_PWD);
}

void voice_browser_ready(const struct jn_act_voice *v, struct jn_sdp_local *l)
{
    if (!v->ports.fingerprint)
        return;
    v->ports.fingerprint(v->ports.arg, l->fingerprint, &l->certificate);
    new_name(&l->own);
    l->can_dtls = true;
}

void voice_browser_offer(struct jn_sdp_local *l)
{
    l->dtls = l->feedback = l->bundled = true;
    l->setup = JN_SETUP_ACTPASS;
    l->suite = JN_SUITE_NONE;
    l->xr = 0;       /* browsers have none of it */
    l->level_id = 1; /* but say how loud they are */
    l->mid[0] = '0';
    l->mid[1] = 0;
}

/* Whom the leg calls, and whether that is a browser. */
static bool is_browser(const struct jn_act_voice *v, const struct call *c, uint64_t agent)
{
    const struct jn_dir_agent *a = agent ? jn_dir_agent(v->dir, agent) : NULL;

    return (agent ? a && a->srtp == JN_SRTP_DTLS : c->move.srtp == JN_SRTP_DTLS);
}

bool voice_browser_open(const struct jn_act_voice *v, const struct call *c, struct leg *l, const struct leg *as,
                        struct jn_order *o)
{
    bool ours = !as && is_browser(v, c, l->agent);

    if (ours)
        voice_browser_ready(v, &l->local);
    if (ours && !l->local.can_dtls) {
        jn_warn("voice", "a phone or trunk with srtp: dtls cannot be called: media.browser is off");
        return false;
    }
    if (!ours && !l->local.dtls)
        return true;
    o->open.browser = true;
    o->open.ice = l->local.own;
    return true;
}

void voice_browser_again(struct jn_sdp_local *l, const struct leg *of, const struct jn_sdp *offer)
{
    if (!l->dtls || !offer->audio.dtls)
        return;
    l->setup = of->remote.by.active ? JN_SETUP_ACTIVE : JN_SETUP_PASSIVE;
    if (strcmp(offer->audio.by.ufrag, of->offer.audio.by.ufrag) != 0)
        new_name(&l->own); /* its ICE begins again (RFC 8839 4.4.1.1), so does ours */
}

/* A party that cannot be heard and must not be heard in the clear is no party. */
static void without_keys(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    if (c->state == CALL_LINE) {
        voice_line_failed(v, c, "phone_no_media");
    } else if (l == c->agent && (c->state == CALL_OFFERED || c->state == CALL_CONNECTING)) {
        voice_agent_failed(v, c, JN_WHY_MEDIA);
    } else if ((l == c->caller || l == c->agent) && c->state < CALL_OUT_ASKED) {
        if (l->nailed)
            voice_line_lost(v, l, "phone_no_media");
        voice_finish(v, c, JN_EV_END, JN_WHY_MEDIA);
        voice_close(v, c, 503);
    } else if (l->sip) {
        jn_sip_hangup(v->sip, l->sip); /* its `ended` does the rest */
    }
}

void voice_keys(struct jn_act_voice *v, struct call *c, struct leg *l, const struct jn_fact *f)
{
    static const char *const why[JN_KEYS_N] = {
        [JN_KEYS_FINGERPRINT] = "its certificate is not the one that its description names",
        [JN_KEYS_PROFILE] = "no SRTP profile in common",
        [JN_KEYS_HANDSHAKE] = "the handshake broke off",
        [JN_KEYS_TIMEOUT] = "no handshake in time: packets do not arrive, here or there, or it broke off each time"};

    if (l->media != MEDIA_OPEN || c->state == CALL_CLOSING)
        return;
    if (f->keys.how == JN_KEYS_UP) {
        v->counts.keys_up++;
        l->remote.suite = f->keys.suite;
        if (l->sip)
            voice_leg_seen(v, c, l, NULL);
        return;
    }
    v->counts.keys_failed++;
    jn_warn("voice", "a browser's sound cannot be protected, its call ends leg=%llu: %s", (unsigned long long)l->id,
            why[f->keys.how < JN_KEYS_N ? f->keys.how : JN_KEYS_HANDSHAKE]);
    without_keys(v, c, l);
}
