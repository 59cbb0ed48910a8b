/* Update: offers of ours inside a dialog: re-INVITE, UPDATE while early, and early media to a caller. */
#include "engine/sip/ua.h"
#include <errno.h>

int jn_sip_progress(struct jn_sip *s, uint64_t leg, const char *sdp)
{
    struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    if (!l || l->state != LEG_IN)
        return -ENOENT;
    nua_respond(l->nh, SIP_183_SESSION_PROGRESS, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(sdp),
                TAG_END());
    return 0;
}

int jn_sip_reinvite(struct jn_sip *s, uint64_t leg, const char *sdp)
{
    struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    if (!l || l->state != LEG_UP)
        return -ENOENT;
    if (l->ours || l->reinvite)
        return -EBUSY;
    l->ours = true;
    nua_invite(l->nh, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(sdp), TAG_END());
    return 0;
}

int jn_sip_refer_result(struct jn_sip *s, uint64_t leg, int status)
{
    (void)status;
    struct jn_sip_leg *l = jn_sip_leg_get(s, leg);
    return l && l->referred ? 0 : -ENOENT;
}
