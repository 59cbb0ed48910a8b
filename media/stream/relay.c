/* Relay: a burst's state brought near before it is needed. A packet of one stream in thousands finds nothing of it in
 * the caches: its leg, its voice, who hears it, that one's leg. Each step knows where the next one is, so the steps are
 * taken for the whole burst one after the other, and the misses overlap. */
#include "media/stream/state.h"

static inline void near_lines(const void *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64)
        __builtin_prefetch((const char *)at + i, 1);
}

/* What a received packet asks and changes. */
static void near_inbound(const struct jn_leg *l)
{
    __builtin_prefetch(l, 1);
    near_lines(&l->rtp, offsetof(struct jn_leg, stats.lost) - offsetof(struct jn_leg, rtp));
}

/* What a sent packet asks and changes. */
static void near_outbound(const struct jn_leg *l)
{
    __builtin_prefetch(l, 1);
    __builtin_prefetch(&l->tx, 1);
}

void jn_relay_near(struct jn_plane *p, const uint32_t leg[], unsigned n)
{
    const struct jn_voice *v[JN_PKT_BURST];
    unsigned m = 0;

    for (unsigned i = 0; i < n; i++)
        near_inbound(&p->leg[leg[i]]);
    for (unsigned i = 0; i < n; i++) {
        uint32_t at = p->leg[leg[i]].voice;
        if (at == JN_NONE)
            continue;
        v[m++] = &p->voice[at];
        near_lines(&p->voice[at], offsetof(struct jn_voice, track));
    }
    unsigned straight = 0;
    for (unsigned i = 0; i < m; i++) {
        __builtin_prefetch(&p->room[v[i]->room].tape.state);
        if (v[i]->flow != JN_FLOW_STRAIGHT)
            continue;
        v[straight] = &p->voice[v[i]->peer];
        __builtin_prefetch(v[straight++]);
    }
    for (unsigned i = 0; i < straight; i++)
        if (v[i]->leg_at != JN_NONE)
            near_outbound(&p->leg[v[i]->leg_at]);
}
