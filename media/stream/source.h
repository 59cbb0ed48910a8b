/* Source: from where a leg accepts media. The signalled address; or, where latching is allowed, one learnt in a short
 * window from packets that follow each other (nobody outside can inject or steal media: "RTP Bleed"). */
#ifndef JN_MEDIA_SOURCE_H
#define JN_MEDIA_SOURCE_H

#include "engine/base/addr.h"
#include "media/rtp/rtp.h"

enum { JN_LATCH_PACKETS = 3 };

/* have: who is accepted now. candidate: who has begun to send and may become it. */
struct jn_source {
    struct jn_addr have;
    bool latched, signalled_seen;
    uint16_t next_seq;
    struct jn_addr signalled, candidate;
    uint64_t until_ns;
    uint32_t ssrc;
    uint8_t run;
};
/* The common case, without a look at anything but the first bytes: who is accepted has already spoken from there. */
static inline bool jn_source_known(const struct jn_source *s, const struct jn_addr *from)
{
    return (s->latched | s->signalled_seen) && __builtin_memcmp(&s->have, from, sizeof *from) == 0;
}
/* A (new) remote description: the signalled address, and until when another may be learnt (0: never). What was learnt
 * before stays accepted when the signalled address is the same. */
void jn_source_set(struct jn_source *s, const struct jn_addr *signalled, uint64_t until_ns);
/* True when a plain RTP packet from there is accepted. *moved: it changed who is accepted. */
bool jn_source_accept(struct jn_source *s, const struct jn_addr *from, const struct jn_rtp *h, uint64_t now_ns,
                      bool *moved);
/* The same for an authenticated packet; newest: highest sequence so far, only such a one may move the address. */
bool jn_source_accept_authentic(struct jn_source *s, const struct jn_addr *from, bool newest);

#endif
