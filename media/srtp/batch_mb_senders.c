/* Batch_mb_senders: the senders (SSRCs) that a context keeps apart: the first in its first line, the others in further
 * pieces of memory. Added only when a packet of theirs was authentic. */
#include "media/srtp/batch_mb.h"
#include <string.h>

const struct jn_srtp_seen jn_mb_nothing;

struct jn_mb_sender *jn_mb_beyond(const struct jn_srtp *s, unsigned at)
{
    struct jn_mb_more *m = s->more;

    for (at--; at >= MB_MORE; at -= MB_MORE)
        m = m->next;
    return &m->s[at];
}

unsigned jn_mb_find_more(const struct jn_srtp *s, uint32_t ssrc)
{
    struct jn_mb_more *m = s->more;
    unsigned i = 1;

    for (; i < s->senders && m->s[(i - 1) % MB_MORE].ssrc != ssrc; i++)
        if (i % MB_MORE == 0)
            m = m->next;
    return s->senders == 0 ? 0 : i;
}

/* Memory for one more behind the others. */
static bool room(struct jn_srtp *s)
{
    struct jn_mb_more **end = &s->more;

    if (s->senders == 0 || (s->senders - 1u) % MB_MORE != 0)
        return true;
    while (*end)
        end = &(*end)->next;
    *end = jn_mb_take(&s->bank->slab[0]);
    if (*end)
        (*end)->next = NULL;
    return *end != NULL;
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
        if (!room(s))
            return JN_SRTP_SENDERS_MAX;
        s->senders++;
    }
    if (at == 0)
        s->ssrc = ssrc;
    else
        jn_mb_beyond(s, at)->ssrc = ssrc;
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
    unsigned first = old->senders > MB_INHERIT ? old->senders - MB_INHERIT : 0; /* the last ones */

    for (unsigned i = first; i < old->senders; i++) {
        const struct jn_mb_sender *m = i == 0 ? NULL : jn_mb_beyond(old, i);
        if (jn_mb_add_sender(s, m ? m->ssrc : old->ssrc) != i - first)
            return false;
        keep(s, i - first, m ? &m->rtp : &old->rtp, m ? &m->rtcp : &jn_mb_rtcp((struct jn_srtp *)old)->seen);
    }
    return true;
}
