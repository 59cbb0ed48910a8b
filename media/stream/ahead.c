/* Ahead: what the next packets and the next rooms will touch is brought near while others are worked on (what a relay
 * touches: relay.c). With tens of thousands of participants everything lies in main memory, and a look there costs as
 * much as a whole mix. Each step looks only at what the step before has brought. */
#include "media/stream/state.h"

/* A load: with prefetches in its place a participant's 20 ms were measured to cost 90 ns more. */
static inline void touch(const void *at)
{
    (void)*(const volatile char *)at;
}

enum { MEMBERS = JN_AHEAD_MEMBERS, MIDDLE = 8, NEAR = 4 };

/* Whose frame will wait in a jitter buffer; NULL: nobody's. */
static const struct jn_voice *mixed(const struct jn_plane *p, const struct jn_pkt *pk)
{
    uint32_t at = p->leg[pk->stream].voice;
    const struct jn_voice *v = at != JN_NONE ? &p->voice[at] : NULL;

    return v && v->flow == JN_FLOW_MIX && v->audible && v->jb ? v : NULL;
}

static void near_state(const struct jn_plane *p, const struct jn_pkt *pk)
{
    const struct jn_voice *v = mixed(p, pk);

    if (v)
        jn_jbuf_prefetch(v->jb);
}

static void near_place(const struct jn_plane *p, const struct jn_pkt *pk)
{
    const struct jn_voice *v = mixed(p, pk);

    for (unsigned at = 64; at < pk->len; at += 64)
        __builtin_prefetch(pk->data + at);
    if (v)
        jn_jbuf_prefetch_put(v->jb);
}

/* A group's states come near two groups before it, its places one: a whole burst at once is more than the first cache
 * holds. */
void jn_ahead_packets(const struct jn_plane *p, struct jn_pkt *const pk[], unsigned i, unsigned n)
{
    enum { GROUP = JN_AHEAD_PACKETS };

    for (unsigned k = i == 0 ? 0 : i + 2 * GROUP; k < n && k < i + 3 * GROUP; k++)
        near_state(p, pk[k]);
    for (unsigned k = i == 0 ? 0 : i + GROUP; k < n && k < i + 2 * GROUP; k++)
        near_place(p, pk[k]);
}

static void near_voices(const struct jn_plane *p, const struct jn_room *r)
{
    for (unsigned i = 0; i < r->n && i < MEMBERS; i++)
        touch(&p->voice[r->member[i]]);
}

static void near_leg(const struct jn_plane *p, const struct jn_voice *v)
{
    if (v->leg_at == JN_NONE)
        return;
    touch(&p->leg[v->leg_at]);
    touch(&p->leg[v->leg_at].tx);
}

static void near_legs(const struct jn_plane *p, const struct jn_room *r)
{
    for (unsigned i = 0; i < r->n && i < MEMBERS; i++) {
        const struct jn_voice *v = &p->voice[r->member[i]];
        near_leg(p, v);
        if (v->jb)
            touch(v->jb);
    }
}

void jn_ahead_seats(const struct jn_plane *p, const struct jn_room *r)
{
    const struct jn_voice *v[JN_SEATS];
    unsigned n = 0;

    if (r->n <= MEMBERS)
        return;
    for (uint32_t left = r->seated; left != 0; left &= left - 1) {
        v[n] = &p->voice[r->seat[__builtin_ctz(left)]];
        touch(v[n++]);
    }
    for (unsigned i = 0; i < n; i++)
        touch(v[i]->jb);
    for (unsigned i = 0; i < n; i++)
        jn_jbuf_prefetch_get(v[i]->jb);
}

void jn_ahead_member(const struct jn_plane *p, const struct jn_room *r, unsigned i, bool leg)
{
    if (r->n <= MEMBERS)
        return;
    if (i + MIDDLE < r->n)
        touch(&p->voice[r->member[i + MIDDLE]]);
    if (leg && i + NEAR < r->n)
        near_leg(p, &p->voice[r->member[i + NEAR]]);
}

static void near_sound(const struct jn_plane *p, const struct jn_room *r)
{
    for (unsigned i = 0; i < r->n && i < MEMBERS; i++) {
        const struct jn_voice *v = &p->voice[r->member[i]];
        if (v->jb) {
            jn_jbuf_prefetch(v->jb);
            jn_jbuf_prefetch_get(v->jb);
        }
    }
}

void jn_ahead_step(const struct jn_plane *p, struct jn_ahead *a)
{
    for (unsigned i = JN_AHEAD_STEPS - 1; i > 0; i--)
        a->at[i] = a->at[i - 1];
    a->at[0] = a->next;
    if (a->at[3] != JN_NONE)
        near_sound(p, &p->room[a->at[3]]);
    if (a->at[2] != JN_NONE)
        near_legs(p, &p->room[a->at[2]]);
    if (a->at[1] != JN_NONE)
        near_voices(p, &p->room[a->at[1]]);
    if (a->at[0] == JN_NONE)
        return;
    a->next = p->room[a->at[0]].next;
    if (a->next == JN_NONE)
        return;
    touch(&p->room[a->next]);
    touch(p->room[a->next].seat);
}

void jn_ahead_begin(const struct jn_plane *p, struct jn_ahead *a, uint32_t first)
{
    *a = (struct jn_ahead){.next = first, .at = {JN_NONE, JN_NONE, JN_NONE, JN_NONE}};
    for (unsigned i = 0; i < JN_AHEAD_STEPS; i++)
        jn_ahead_step(p, a);
}
