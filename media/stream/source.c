/* Source: the decision whether a packet's sender is the leg's peer. Knows addresses and sequence numbers only. */
#include "media/stream/source.h"

void jn_source_set(struct jn_source *s, const struct jn_addr *signalled, uint64_t until_ns)
{
    bool same = jn_addr_equal(&s->signalled, signalled);

    s->signalled = *signalled;
    s->until_ns = until_ns;
    s->run = 0;
    s->signalled_seen = false;
    if (same && s->latched)
        return;
    s->have = *signalled;
    s->latched = false;
}

/* Notes one more packet of a stranger; true when it has sent enough that follow each other. */
static bool consistent(struct jn_source *s, const struct jn_addr *from, const struct jn_rtp *h)
{
    if (s->run > 0 && jn_addr_equal(&s->candidate, from) && s->ssrc == h->ssrc && s->next_seq == h->seq) {
        s->run++;
    } else {
        s->candidate = *from;
        s->ssrc = h->ssrc;
        s->run = 1;
    }
    s->next_seq = (uint16_t)(h->seq + 1);
    return s->run >= JN_LATCH_PACKETS;
}

bool jn_source_accept(struct jn_source *s, const struct jn_addr *from, const struct jn_rtp *h, uint64_t now_ns,
                      bool *moved)
{
    *moved = false;
    bool open = now_ns < s->until_ns;
    if (s->signalled.family != JN_ADDR_NONE && jn_addr_equal(from, &s->signalled)) {
        if (!s->latched) {
            s->signalled_seen = true;
            return true;
        }
        if (!open) /* what was learnt stays until a new description */
            return false;
        s->have = s->signalled; /* the signalled address is the better word */
        s->latched = false;
        s->signalled_seen = *moved = true;
        return true;
    }
    if (s->latched)
        return jn_addr_equal(from, &s->have);
    if (!open || s->signalled_seen || !consistent(s, from, h))
        return false;
    s->have = *from;
    s->latched = *moved = true;
    return true;
}

bool jn_source_accept_authentic(struct jn_source *s, const struct jn_addr *from, bool newest)
{
    if (!newest || jn_addr_equal(from, &s->have))
        return false;
    s->have = *from;
    s->latched = !jn_addr_equal(from, &s->signalled);
    return true;
}
