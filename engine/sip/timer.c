/* Timer: session timers (RFC 4028): a session that nobody refreshes is over, so that a peer that vanished does not keep
 * a call for ever. The stack negotiates the headers; who refreshes when is decided here, before the stack's own timers
 * are due: by UPDATE, or by re-INVITE with the description in force when the peer does not allow UPDATE. */
#include "engine/sip/ua.h"

static uint32_t at_least(uint32_t v, unsigned long min)
{
    return min > UINT32_MAX ? UINT32_MAX : v < min ? (uint32_t)min : v;
}

static void next(struct jn_sip *s, struct jn_sip_leg *l, uint64_t now_ns)
{
    uint64_t ms = (uint64_t)l->session_s * 1000;
    l->session_until_ns = now_ns + ms * 1000000;
    if (l->session_ours)
        /* The stack would at half of it, up to 5 s earlier from 90 s on, in whole seconds. */
        jn_sip_leg_arm(s, l, TIMER_SESSION, ms >= 90000 ? ms / 2 - 7000 : ms * 3 / 10);
    else
        jn_sip_leg_arm(s, l, TIMER_SESSION, ms - (ms / 3 < 32000 ? ms / 3 : 32000)); /* RFC 4028 10 */
}

bool jn_sip_timer_spoilt(const sip_t *sip)
{
    return jn_sip_spoilt(sip, sip_session_expires_class) || jn_sip_spoilt(sip, sip_min_se_class);
}

void jn_sip_session(struct jn_sip *s, struct jn_sip_leg *l, const sip_t *sip, bool request)
{
    const sip_session_expires_t *x = sip->sip_session_expires;
    l->can_update = sip->sip_allow ? sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE) : l->can_update;
    l->peer_timer = l->peer_timer || sip_has_feature(sip->sip_supported, "timer");
    uint32_t interval = x ? at_least(0, x->x_delta) : s->c.session_expires_s;
    if (interval && s->c.session_expires_s && interval > s->c.session_expires_s)
        interval = s->c.session_expires_s;
    if (interval) {
        interval = at_least(interval, s->c.session_min_s);
        if (sip->sip_min_se)
            interval = at_least(interval, sip->sip_min_se->min_delta);
    }
    bool ours = !request; /* nobody said who: the one who sent the request (RFC 4028 7.1, 9) */
    if (x && x->x_refresher)
        ours = !strcasecmp(x->x_refresher, request ? "uas" : "uac");
    else if (!l->peer_timer)
        ours = true;
    l->session_s = interval;
    l->session_ours = ours;
    if (interval)
        next(s, l, jn_mono_ns());
    else
        jn_sip_leg_disarm(s, l, TIMER_SESSION);
}

void jn_sip_session_begins(struct jn_sip *s, struct jn_sip_leg *l)
{
    if (l->session_s)
        next(s, l, jn_mono_ns());
}

void jn_sip_session_due(struct jn_sip *s, struct jn_sip_leg *l, uint64_t now_ns)
{
    uint64_t ms = (uint64_t)l->session_s * 1000, margin = ms / 10 < 32000 ? ms / 10 : 32000;
    if (l->state != LEG_UP || l->hangup)
        return;
    if (!l->session_ours || now_ns + margin * 1000000 >= l->session_until_ns) {
        count(&s->counts.expired);
        jn_info("sip", "session expired leg=%llu interval_s=%u", (unsigned long long)l->id, l->session_s);
        l->status = 408;
        jn_sip_leg_bye(s, l, JN_SIP_END_TIMEOUT, "SIP;cause=408;text=\"Session timeout\"");
        return;
    }
    jn_sip_leg_arm(s, l, TIMER_SESSION, margin); /* looked at again when the answer does not come */
    if (!l->ours && !l->reinvite)
        jn_sip_offer_send(s, l, NULL);
}

void jn_sip_session_failed(struct jn_sip *s, struct jn_sip_leg *l)
{
    jn_info("sip", "session not refreshed leg=%llu", (unsigned long long)l->id);
    if (l->state == LEG_UP)
        jn_sip_leg_arm(s, l, TIMER_SESSION, (uint64_t)l->session_s * 100);
}
