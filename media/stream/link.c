/* Link: frames and a few words between a leg's worker and its room's home, by one ring each way. What ends things has
 * its place kept from the joining on; a format that finds the ring full is told again later. */
#include "media/stream/state.h"
#include <string.h>

size_t jn_plane_link_bytes(void)
{
    return sizeof(struct jn_link_msg);
}

void jn_plane_link(struct jn_plane *p, unsigned other, struct jn_mailbox *in, struct jn_mailbox *out)
{
    p->link_in[other] = in;
    p->link_out[other] = out;
}

uint64_t jn_plane_linked(struct jn_plane *p)
{
    uint64_t linked = p->linked;
    p->linked = 0;
    return linked;
}

static bool put(struct jn_plane *p, unsigned to, struct jn_link_msg *m)
{
    m->from = p->c.index;
    if (to >= JN_WORKERS_MAX || !p->link_out[to] || jn_mailbox_send(p->link_out[to], m) < 0)
        return false;
    p->linked |= UINT64_C(1) << to;
    return true;
}

static void say_more(struct jn_plane *p, unsigned to)
{
    struct jn_link_msg *m = &p->group[to].more;

    m->kind = JN_LINK_MORE;
    m->room = p->group[to].frame.room;
    if (!put(p, to, m))
        p->counts.drops[JN_DROP_FULL] += m->len;
    m->len = 0;
    p->more_due &= ~(UINT64_C(1) << to);
}

void jn_links_flush(struct jn_plane *p)
{
    while (p->more_due != 0)
        say_more(p, (unsigned)__builtin_ctzll(p->more_due));
}

bool jn_link_send(struct jn_plane *p, unsigned to, struct jn_link_msg *m)
{
    if (to < JN_WORKERS_MAX && p->more_due >> to & 1)
        say_more(p, to);
    return put(p, to, m);
}

void jn_link_send_kept(struct jn_plane *p, unsigned to, struct jn_link_msg *m)
{
    if (p->more_due >> to & 1)
        say_more(p, to);
    m->from = p->c.index;
    jn_mailbox_send_reserved(p->link_out[to], m);
    p->linked |= UINT64_C(1) << to;
}

static bool same_frame(const struct jn_link_msg *m, uint64_t room, const struct jn_out *o)
{
    return m->room == room && m->len == o->len && m->units == o->units && m->marker == o->marker && m->cls == o->cls &&
           !o->relayed && memcmp(m->payload, o->payload, o->len) == 0;
}

void jn_link_out(struct jn_plane *p, const struct jn_voice *v, const struct jn_out *o)
{
    struct jn_link_group *g = &p->group[v->leg_worker];
    struct jn_link_msg *m = &g->frame;
    uint64_t room = p->room[v->room].id;

    if (g->open && same_frame(m, room, o)) {
        g->more.to[g->more.len++] = (struct jn_link_listener){.leg = v->leg, .ts = o->ts, .tag = o->tag};
        p->more_due |= UINT64_C(1) << v->leg_worker;
        if (g->more.len == JN_LINK_LISTENERS)
            say_more(p, v->leg_worker);
        return;
    }
    if (p->more_due >> v->leg_worker & 1) /* of the frame before this one */
        say_more(p, v->leg_worker);
    m->leg = v->leg;
    m->room = room;
    m->ext_seq = o->ext_seq;
    m->ts = o->ts;
    m->tag = o->tag;
    m->len = o->len;
    m->units = o->units;
    m->loud = o->loud;
    m->kind = JN_LINK_OUT;
    m->cls = o->cls;
    m->marker = o->marker;
    m->relayed = o->relayed;
    m->line = o->line;
    memcpy(m->payload, o->payload, o->len);
    bool sent = put(p, v->leg_worker, m);
    if (!sent)
        p->counts.drops[JN_DROP_FULL]++;
    g->open = sent && !o->relayed;
}

bool jn_link_keep(struct jn_plane *p, unsigned to)
{
    return to < JN_WORKERS_MAX && p->link_out[to] && jn_mailbox_reserve(p->link_out[to]) == 0;
}

void jn_link_unkeep(struct jn_plane *p, unsigned to)
{
    jn_mailbox_unreserve(p->link_out[to]);
}

void jn_link_format(struct jn_plane *p, struct jn_leg *l)
{
    struct jn_link_msg *m = &p->scratch;

    if (!l->ready)
        return; /* told when the remote description comes */
    m->kind = JN_LINK_FORMAT;
    m->leg = l->id;
    m->room = l->room;
    m->codec = l->codec;
    m->ptime_ms = l->ptime_ms;
    m->mode = l->mode;
    m->profile = l->remote.profile;
    l->format_due = !jn_link_send(p, l->room_worker, m);
}

void jn_link_hello(struct jn_plane *p, struct jn_voice *v)
{
    struct jn_link_msg *m = &p->scratch;

    m->kind = JN_LINK_HELLO;
    m->leg = v->leg;
    m->room = p->room[v->room].id;
    v->hello_due = !jn_link_send(p, v->leg_worker, m);
}

/* To the home: about a voice. */
static void at_home(struct jn_plane *p, const struct jn_link_msg *m, uint64_t now_ns)
{
    struct jn_voice *v = jn_voice_find(p, m->leg);

    if (!v || p->room[v->room].id != m->room || v->leg_worker != m->from) {
        if (m->kind == JN_LINK_IN)
            p->counts.drops[JN_DROP_NO_STREAM]++;
        return;
    }
    if (m->kind == JN_LINK_FORMAT) {
        if (jn_codec(m->codec))
            jn_room_format(p, v, &(struct jn_format){m->codec, m->ptime_ms, m->mode, m->profile}, now_ns);
    } else if (m->kind == JN_LINK_LEAVE) {
        jn_room_leave(p, v, false, now_ns);
    } else {
        struct jn_in in = {.ext_seq = m->ext_seq,
                           .at_ns = m->at_ns,
                           .ts = m->ts,
                           .ssrc = m->ssrc,
                           .len = m->len,
                           .cls = m->cls,
                           .codec = m->codec,
                           .level = m->level,
                           .restarts = m->restarts,
                           .marker = m->marker,
                           .payload = m->payload};
        jn_voice_in(p, v, &in, now_ns);
    }
}

static bool is_home(const struct jn_leg *l, uint64_t room, unsigned from)
{
    return l && l->joined && l->room == room && l->room_worker == from && l->voice == JN_NONE;
}

/* To the leg's worker. */
static void at_leg(struct jn_plane *p, const struct jn_link_msg *m)
{
    struct jn_leg *l = jn_leg_find(p, m->leg);

    if (m->kind == JN_LINK_STATS) {
        if (l)
            jn_leg_add_stats(l, &m->stats);
    } else if (!is_home(l, m->room, m->from)) {
        return;
    } else if (m->kind == JN_LINK_HELLO) {
        jn_link_format(p, l);
    } else {
        jn_leg_leave(p, l, false);
    }
}

/* The frame m out of one leg. */
static void out_of(struct jn_plane *p, const struct jn_link_msg *m, const struct jn_link_listener *to, uint64_t now_ns)
{
    struct jn_leg *l = jn_leg_find(p, to->leg);

    p->counts.link_frames++;
    if (!is_home(l, m->room, m->from)) {
        p->counts.drops[JN_DROP_NO_STREAM]++;
        return;
    }
    struct jn_out o = {.ext_seq = m->ext_seq,
                       .ts = to->ts,
                       .tag = to->tag,
                       .len = m->len,
                       .units = m->units,
                       .loud = m->loud,
                       .cls = m->cls,
                       .marker = m->marker,
                       .relayed = m->relayed,
                       .line = m->line,
                       .payload = m->payload};
    jn_leg_out(p, l, &o, now_ns);
}

static void take(struct jn_plane *p, const struct jn_link_msg *m, uint64_t now_ns)
{
    switch ((enum jn_link_kind)m->kind) {
    case JN_LINK_IN:
        p->counts.link_frames++;
        at_home(p, m, now_ns);
        break;
    case JN_LINK_FORMAT:
    case JN_LINK_LEAVE:
        at_home(p, m, now_ns);
        break;
    case JN_LINK_OUT:
        p->heard[m->from] = *m;
        out_of(p, m, &(struct jn_link_listener){.leg = m->leg, .ts = m->ts, .tag = m->tag}, now_ns);
        break;
    case JN_LINK_MORE:
        for (unsigned i = 0; i < m->len; i++)
            out_of(p, &p->heard[m->from], &m->to[i], now_ns);
        break;
    case JN_LINK_HELLO:
    case JN_LINK_GONE:
    case JN_LINK_STATS:
        at_leg(p, m);
        break;
    }
}

unsigned jn_plane_links(struct jn_plane *p, uint64_t now_ns)
{
    unsigned total = 0;

    for (unsigned w = 0; w < JN_WORKERS_MAX; w++) {
        if (!p->link_in[w])
            continue;
        unsigned n = jn_mailbox_recv(p->link_in[w], p->inbox, JN_LINK_BURST);
        for (unsigned i = 0; i < n; i++)
            take(p, &p->inbox[i], now_ns);
        total += n;
    }
    return total;
}
