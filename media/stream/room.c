/* Room: its members and what the hear matrix says of them; its place among the phases. */
#include "media/stream/state.h"
#include <string.h>

static void phase_add(struct jn_plane *p, struct jn_room *r)
{
    uint32_t i = (uint32_t)(r - p->room), best = 0;

    if (r->phase != JN_PHASES)
        return;
    for (uint32_t k = 1; k < JN_PHASES; k++)
        if (p->phase_load[k] < p->phase_load[best])
            best = k;
    r->phase = (uint8_t)best;
    r->weight = 0;
    r->prev = JN_NONE;
    r->next = p->phase_first[best];
    if (r->next != JN_NONE)
        p->room[r->next].prev = i;
    p->phase_first[best] = i;
}

static void phase_del(struct jn_plane *p, struct jn_room *r)
{
    if (r->phase == JN_PHASES)
        return;
    p->phase_load[r->phase] -= r->weight;
    if (r->prev != JN_NONE)
        p->room[r->prev].next = r->next;
    else
        p->phase_first[r->phase] = r->next;
    if (r->next != JN_NONE)
        p->room[r->next].prev = r->prev;
    r->phase = JN_PHASES;
}

static void weigh(struct jn_plane *p, struct jn_room *r)
{
    if (r->phase == JN_PHASES)
        return;
    uint8_t weight = (uint8_t)(r->n + 1);
    p->phase_load[r->phase] = p->phase_load[r->phase] - r->weight + weight;
    r->weight = weight;
}

enum { ALL = (1u << JN_TRACK_N) - 1, WATCH = 1u << JN_TRACK_SUPERVISOR };

static bool reaches(const struct jn_voice *from, const struct jn_voice *to)
{
    bool heard = from->track == JN_TRACK_SUPERVISOR || (to->hears >> from->track & 1) != 0;
    return from != to && heard && (from->speaks >> to->track & 1) != 0;
}

uint8_t jn_room_hears(const struct jn_plane *p, const struct jn_room *r, const struct jn_voice *v)
{
    uint8_t hears = v->hears & (uint8_t)~WATCH;

    for (unsigned i = 0; i < r->n; i++) {
        const struct jn_voice *from = &p->voice[r->member[i]];
        if (from->track == JN_TRACK_SUPERVISOR && reaches(from, v))
            hears |= WATCH;
    }
    return hears;
}

/* The recording hears of each change of the matrix. */
static void tell_tape(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = &p->voice[r->member[i]];
        uint8_t hears = jn_room_hears(p, r, v);
        if (hears == v->hears_told)
            continue;
        v->hears_told = hears;
        jn_tape_event(p, r, JN_RECEV_HEAR, v->track, hears, now_ns);
    }
}

/* Who hears whom, as bits of places; a voice that begins to be heard begins with an empty jitter buffer and softly. */
static void matrix(struct jn_plane *p, struct jn_room *r)
{
    uint32_t all_heard = 0;

    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = &p->voice[r->member[i]];
        v->place = (uint8_t)i;
        v->hear_set = 0;
        for (unsigned k = 0; k < r->n; k++)
            if (reaches(&p->voice[r->member[k]], v))
                v->hear_set |= UINT32_C(1) << k;
        all_heard |= v->hear_set;
    }
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = &p->voice[r->member[i]];
        bool heard = all_heard >> i & 1;
        if (heard && !v->heard)
            jn_jbuf_reset(v->jb);
        v->heard = heard;
    }
}

void jn_room_changed(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    matrix(p, r);
    tell_tape(p, r, now_ns);
    jn_flow_changed(p, r, now_ns);
    if (!r->relay && (r->n > 0 || r->play.on))
        phase_add(p, r);
    else
        phase_del(p, r);
    weigh(p, r);
}

bool jn_room_open(struct jn_plane *p, const struct jn_order *o)
{
    if (o->room == 0 || jn_room_find(p, o->room) || jn_mailbox_reserve(p->facts) < 0)
        return false;
    uint32_t i = jn_slot_take(&p->room_pool);
    if (i == JN_NONE) {
        jn_mailbox_unreserve(p->facts);
        return false;
    }
    p->room[i] = (struct jn_room){.id = o->room, .phase = JN_PHASES};
    jn_map_set(&p->room_map, o->room, i);
    p->counts.rooms++;
    return true;
}

void jn_room_close(struct jn_plane *p, struct jn_room *r, uint64_t token, uint64_t now_ns)
{
    jn_play_stop(p, r, NULL, now_ns);
    jn_tape_stop(p, r, now_ns);
    struct jn_fact f = {.kind = JN_FACT_ROOM_CLOSED, .worker = p->c.index, .token = token, .room = r->id};
    f.closed_room.frames = r->tape.frames;
    f.closed_room.lost = r->tape.missed_total;
    while (r->n > 0)
        jn_room_leave(p, &p->voice[r->member[r->n - 1]], true, now_ns);
    phase_del(p, r);
    jn_map_del(&p->room_map, r->id);
    jn_slot_give(&p->room_pool, (uint32_t)(r - p->room));
    p->counts.rooms--;
    jn_mailbox_send_reserved(p->facts, &f);
}

static struct jn_voice *voice_new(struct jn_plane *p, struct jn_room *r, const struct jn_order *o)
{
    static const struct jn_jbuf_config depth = {.min_ms = 20, .max_ms = 200, .start_ms = 40};
    uint32_t i = jn_slot_take(&p->voice_pool);

    if (i == JN_NONE)
        return NULL;
    struct jn_voice *v = &p->voice[i];
    memset(v, 0, sizeof *v);
    v->leg = o->leg;
    v->room = (uint32_t)(r - p->room);
    v->leg_at = JN_NONE;
    v->leg_worker = o->leg_worker;
    v->track = o->join.track;
    v->hears = ALL;
    v->speaks = ALL & (uint8_t)~o->join.unheard;
    v->jb = jn_jbuf_init(p->jbufs + i * p->jbuf_bytes, &depth);
    jn_map_set(&p->voice_map, v->leg, i);
    return v;
}

struct jn_voice *jn_room_join(struct jn_plane *p, struct jn_room *r, const struct jn_order *o, struct jn_leg *l,
                              uint64_t now_ns)
{
    struct jn_voice *old = jn_voice_find(p, o->leg);

    if (old)
        jn_room_leave(p, old, false, now_ns);
    if (r->n == JN_ROOM_MEMBERS_MAX)
        return NULL;
    if (!l && !jn_link_keep(p, o->leg_worker))
        return NULL;
    struct jn_voice *v = voice_new(p, r, o);
    if (!v) {
        if (!l)
            jn_link_unkeep(p, o->leg_worker);
        return NULL;
    }
    r->member[r->n++] = (uint32_t)(v - p->voice);
    jn_tape_event(p, r, JN_RECEV_JOIN, v->track, v->leg, now_ns);
    v->hears_told = jn_room_hears(p, r, v);
    jn_tape_event(p, r, JN_RECEV_HEAR, v->track, v->hears_told, now_ns);
    if (r->play.on)
        jn_tape_event(p, r, JN_RECEV_PROMPT, v->track, (uint64_t)r->play.sound[r->play.at] << 32 | r->play.off, now_ns);
    if (l) {
        v->leg_at = (uint32_t)(l - p->leg);
        l->voice = (uint32_t)(v - p->voice);
        if (l->ready)
            jn_room_format(p, v, l->remote.codec, l->remote.ptime_ms, l->remote.mode, now_ns);
    } else {
        v->kept = true;
        jn_link_hello(p, v);
    }
    jn_room_changed(p, r, now_ns);
    return v;
}

/* Who heard v hears its last words fade. */
static void fade(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, uint64_t now_ns)
{
    if (!v->heard || v->flow != JN_FLOW_MIX)
        return;
    jn_jbuf_get(v->jb, r->tail, now_ns);
    for (int i = 0; i < JN_TICK_SAMPLES; i++)
        r->tail[i] = (int16_t)(r->tail[i] * (JN_TICK_SAMPLES - 1 - i) / JN_TICK_SAMPLES);
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *to = &p->voice[r->member[i]];
        to->tail = (to->hear_set >> v->place & 1) != 0;
    }
}

/* The place of who leaves goes to the last one: the bits follow. */
static void give_place(struct jn_plane *p, struct jn_room *r, const struct jn_voice *v)
{
    uint32_t gone = UINT32_C(1) << v->place, last = UINT32_C(1) << (r->n - 1);

    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *o = &p->voice[r->member[i]];
        uint32_t was = o->hear_was & ~gone & ~last;
        o->hear_was = gone != last && (o->hear_was & last) != 0 ? was | gone : was;
    }
    r->member[v->place] = r->member[--r->n];
}

/* The port half, wherever it is, is told that it has no room any more. */
static void detach(struct jn_plane *p, struct jn_voice *v, bool tell)
{
    if (v->leg_at != JN_NONE) {
        struct jn_leg *l = &p->leg[v->leg_at];
        jn_leg_leave(p, l, false);
        return;
    }
    if (!v->kept)
        return;
    v->kept = false;
    if (!tell) {
        jn_link_unkeep(p, v->leg_worker);
        return;
    }
    struct jn_link_msg *m = &p->scratch;
    m->kind = JN_LINK_GONE;
    m->leg = v->leg;
    m->room = p->room[v->room].id;
    jn_link_send_kept(p, v->leg_worker, m);
}

void jn_room_leave(struct jn_plane *p, struct jn_voice *v, bool tell, uint64_t now_ns)
{
    struct jn_room *r = &p->room[v->room];

    fade(p, r, v, now_ns);
    jn_flow_left(p, r, v);
    jn_play_stop(p, r, v, now_ns);
    jn_voice_tell(p, v);
    jn_tape_event(p, r, JN_RECEV_LEAVE, v->track, v->leg, now_ns);
    detach(p, v, tell);
    give_place(p, r, v);
    jn_map_del(&p->voice_map, v->leg);
    jn_slot_give(&p->voice_pool, (uint32_t)(v - p->voice));
    jn_room_changed(p, r, now_ns);
}

void jn_room_hear(struct jn_plane *p, struct jn_voice *v, uint8_t tracks, uint64_t now_ns)
{
    v->hears = tracks;
    jn_room_changed(p, &p->room[v->room], now_ns);
}

void jn_room_speak(struct jn_plane *p, struct jn_voice *v, uint8_t tracks, uint64_t now_ns)
{
    v->speaks = tracks;
    jn_room_changed(p, &p->room[v->room], now_ns);
}

void jn_room_format(struct jn_plane *p, struct jn_voice *v, uint8_t codec, uint8_t ptime_ms, uint8_t mode,
                    uint64_t now_ns)
{
    bool same = v->format_known && v->codec == codec && v->ptime_ms == ptime_ms;

    v->codec = codec;
    v->ptime_ms = ptime_ms;
    v->mode = mode;
    v->format_known = true;
    if (!same)
        jn_room_changed(p, &p->room[v->room], now_ns);
}
