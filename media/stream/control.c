/* Control: orders. One function for each kind in a table; what cannot be done is answered by REFUSED with the order's
 * token, and counted. */
#include "media/stream/state.h"

typedef bool jn_do(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns);

static bool leg_remote(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    struct jn_leg *l = jn_leg_find(p, o->leg);
    return l && jn_leg_remote(p, l, o, now_ns);
}

/* Always answered, also for a leg that is not there any more. */
static bool leg_close(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    struct jn_leg *l = jn_leg_find(p, o->leg);

    if (l) {
        jn_leg_close(p, l, o->token, now_ns);
        return true;
    }
    struct jn_fact f = {.kind = JN_FACT_LEG_CLOSED, .token = o->token, .leg = o->leg};
    p->counts.refused_orders++;
    jn_fact_send(p, &f);
    return true;
}

static bool room_open(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    (void)now_ns;
    return jn_room_open(p, o);
}

static bool room_close(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    struct jn_room *r = jn_room_find(p, o->room);

    if (!r)
        return false;
    jn_room_close(p, r, o->token, now_ns);
    return true;
}

/* Comes to the leg's worker, to the room's home, or to one that is both. */
static bool room_join(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    bool leg_here = o->leg_worker == p->c.index, home = o->room_worker == p->c.index;
    struct jn_leg *l = leg_here ? jn_leg_find(p, o->leg) : NULL;
    struct jn_room *r = home ? jn_room_find(p, o->room) : NULL;

    if ((!leg_here && !home) || o->leg == 0 || o->join.track >= JN_TRACK_N || (leg_here && !l) || (home && !r))
        return false;
    if (l && !jn_leg_join(p, l, o, now_ns))
        return false;
    if (!home || jn_room_join(p, r, o, l, now_ns))
        return true;
    if (l)
        jn_leg_leave(p, l, false);
    return false;
}

static bool room_leave(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    struct jn_voice *v = jn_voice_find(p, o->leg);
    struct jn_leg *l = jn_leg_find(p, o->leg);
    bool done = false;

    if (v && p->room[v->room].id == o->room) {
        jn_room_leave(p, v, false, now_ns);
        done = true;
    }
    if (l && l->joined && l->room == o->room) {
        jn_leg_leave(p, l, false);
        done = true;
    }
    return done;
}

/* The voice that an order names in the room that it names. */
static struct jn_voice *voice_of(struct jn_plane *p, const struct jn_order *o)
{
    struct jn_voice *v = jn_voice_find(p, o->leg);
    return v && p->room[v->room].id == o->room ? v : NULL;
}

static bool hear(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    struct jn_voice *v = voice_of(p, o);

    if (!v)
        return false;
    jn_room_hear(p, v, o->hear.tracks, now_ns);
    return true;
}

static bool speak(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    struct jn_voice *v = voice_of(p, o);

    if (!v)
        return false;
    jn_room_speak(p, v, o->hear.tracks, now_ns);
    return true;
}

static bool gain(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    struct jn_voice *v = voice_of(p, o);
    return v && jn_room_gain(p, v, o->gain.db_q8, now_ns);
}

static bool play(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    struct jn_room *r = jn_room_find(p, o->room);
    struct jn_voice *v = o->leg ? voice_of(p, o) : NULL;

    return r && (o->leg == 0 || v) && jn_play_start(p, r, v, o, now_ns);
}

static bool stop(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    struct jn_room *r = jn_room_find(p, o->room);
    struct jn_voice *v = o->leg ? voice_of(p, o) : NULL;

    if (!r || (o->leg != 0 && !v))
        return false;
    jn_play_stop(p, r, v, now_ns);
    return true;
}

static bool record(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    struct jn_room *r = jn_room_find(p, o->room);
    if (!r || !jn_tape_order(p, r, o, now_ns))
        return false;
    for (unsigned i = 0; i < r->n; i++)
        if (p->voice[r->member[i]].flow == JN_FLOW_STRAIGHT)
            jn_relay_aim(p, &p->voice[r->member[i]]);
    return true;
}

static bool mark(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    struct jn_room *r = jn_room_find(p, o->room);

    if (!r)
        return false;
    const struct jn_voice *v = o->leg ? voice_of(p, o) : NULL;
    jn_tape_event(p, r, o->mark.event, v ? v->track : 0, o->mark.arg, now_ns);
    return true;
}

static jn_do *const todo[JN_ORDER_N] = {
    [JN_ORDER_LEG_OPEN] = jn_leg_open,
    [JN_ORDER_LEG_REMOTE] = leg_remote,
    [JN_ORDER_LEG_CLOSE] = leg_close,
    [JN_ORDER_ROOM_OPEN] = room_open,
    [JN_ORDER_ROOM_JOIN] = room_join,
    [JN_ORDER_ROOM_LEAVE] = room_leave,
    [JN_ORDER_ROOM_CLOSE] = room_close,
    [JN_ORDER_HEAR] = hear,
    [JN_ORDER_SPEAK] = speak,
    [JN_ORDER_PLAY] = play,
    [JN_ORDER_STOP] = stop,
    [JN_ORDER_RECORD] = record,
    [JN_ORDER_MARK] = mark,
    [JN_ORDER_GAIN] = gain,
};

bool jn_plane_order(struct jn_plane *p, const struct jn_order *o, uint64_t now_ns)
{
    jn_facts_retry(p);
    if (p->backlog_n > JN_BACKLOG / 2)
        return false;
    if (o->kind < JN_ORDER_N && todo[o->kind] && todo[o->kind](p, o, now_ns))
        return true;
    struct jn_fact f = {.kind = JN_FACT_REFUSED, .token = o->token, .leg = o->leg, .room = o->room};
    p->counts.refused_orders++;
    jn_fact_send(p, &f);
    return true;
}
