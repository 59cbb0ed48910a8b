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

bool jn_link_send(struct jn_plane *p, unsigned to, struct jn_link_msg *m)
{
    m->from = p->c.index;
    if (to >= JN_WORKERS_MAX || !p->link_out[to] || jn_mailbox_send(p->link_out[to], m) < 0)
        return false;
    p->linked |= UINT64_C(1) << to;
    return true;
}

void jn_link_send_kept(struct jn_plane *p, unsigned to, struct jn_link_msg *m)
{
    m->from = p->c.index;
    jn_mailbox_send_reserved(p->link_out[to], m);
    p->linked |= UINT64_C(1) << to;
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

/* To the leg's worker. */
static void at_leg(struct jn_plane *p, const struct jn_link_msg *m, uint64_t now_ns)
{
    struct jn_leg *l = jn_leg_find(p, m->leg);

    if (l && m->kind == JN_LINK_STATS) {
        jn_leg_add_stats(l, &m->stats);
        return;
    }
    if (!l || !l->joined || l->room != m->room || l->room_worker != m->from || l->voice != JN_NONE) {
        if (m->kind == JN_LINK_OUT)
            p->counts.drops[JN_DROP_NO_STREAM]++;
        return;
    }
    if (m->kind == JN_LINK_HELLO) {
        jn_link_format(p, l);
    } else if (m->kind == JN_LINK_GONE) {
        jn_leg_leave(p, l, false);
    } else {
        struct jn_out o = {.ext_seq = m->ext_seq,
                           .ts = m->ts,
                           .tag = m->tag,
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
        p->counts.link_frames++;
        at_leg(p, m, now_ns);
        break;
    case JN_LINK_HELLO:
    case JN_LINK_GONE:
    case JN_LINK_STATS:
        at_leg(p, m, now_ns);
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
