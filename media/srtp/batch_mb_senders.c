/* Batch_mb_senders: the senders (SSRCs) that a context keeps apart: the first in its first line, the others in one more
 * piece of memory. Added only when a packet of theirs was authentic. */
#include "media/srtp/batch_mb.h"
#include <string.h>

const struct jn_srtp_seen jn_mb_nothing;

unsigned jn_mb_find_more(const struct jn_srtp *s, uint32_t ssrc)
{
    unsigned i = 1;

    while (i < s->senders && s->more->s[i - 1].ssrc != ssrc)
        i++;
    return s->senders == 0 ? 0 : i;
}

unsigned jn_mb_add_sender(struct jn_srtp *s, uint32_t ssrc)
{
    unsigned at = s->senders;

    if (at == JN_SRTP_SENDERS_MAX) {
        if (s->inherited == 0)
            return JN_SRTP_SENDERS_MAX;
        at = (unsigned)__builtin_ctz(s->inherited);
        s->inherited = (uint8_t)(s->inherited & (s->inherited - 1));
        *jn_mb_rtp_seen(s, at) = *jn_mb_rtcp_seen(s, at) = jn_mb_nothing;
    } else {
        if (at > 0 && !s->more)
            s->more = jn_mb_take(&s->bank->slab[0]);
        if (at > 0 && !s->more)
            return JN_SRTP_SENDERS_MAX;
        s->senders++;
    }
    if (at == 0)
        s->ssrc = ssrc;
    else
        s->more->s[at - 1].ssrc = ssrc;
    return at;
}

/* What one key saw says nothing of packets under another; the indexes do go on (RFC 3711 3.3.1). A peer counts its
 * SRTCP as it likes: its index stands in the packet. Ours goes on, so that a key and index never come twice. */
static void keep(struct jn_srtp *s, unsigned at, const struct jn_srtp_seen *rtp, const struct jn_srtp_seen *rtcp)
{
    *jn_mb_rtp_seen(s, at) = *rtp;
    if (s->inbound) {
        memset(jn_mb_rtp_seen(s, at)->window, 0, sizeof rtp->window);
        s->inherited = (uint8_t)(s->inherited | 1u << at);
    } else {
        *jn_mb_rtcp_seen(s, at) = *rtcp;
    }
}

bool jn_mb_keep_senders(struct jn_srtp *s, const struct jn_srtp *old)
{
    for (unsigned i = 0; i < old->senders; i++) {
        if (jn_mb_add_sender(s, i == 0 ? old->ssrc : old->more->s[i - 1].ssrc) != i)
            return false;
        if (i == 0)
            keep(s, 0, &old->rtp, &jn_mb_rtcp((struct jn_srtp *)old)->seen);
        else
            keep(s, i, &old->more->s[i - 1].rtp, &old->more->s[i - 1].rtcp);
    }
    return true;
}
