/* Room: its members and what the hear matrix says of them; its place among the phases. */
#include "media/codec/codec.h"
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
    p->phase_rooms[best]++;
}

static void phase_del(struct jn_plane *p, struct jn_room *r)
{
    if (r->phase == JN_PHASES)
        return;
    p->phase_load[r->phase] -= r->weight;
    p->phase_rooms[r->phase]--;
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
    uint32_t weight = r->n + 1;
    p->phase_load[r->phase] = p->phase_load[r->phase] - r->weight + weight;
    r->weight = weight;
}

enum { ALL = (1u << JN_TRACK_N) - 1, WATCH = 1u << JN_TRACK_SUPERVISOR };

uint8_t jn_room_hears(const struct jn_plane *p, const struct jn_room *r, const struct jn_voice *v)
{
    uint8_t hears = v->hears & (uint8_t)~WATCH;

    for (unsigned i = 0; i < r->n; i++) {
        const struct jn_voice *from = &p->voice[r->member[i]];
        if (from->track == JN_TRACK_SUPERVISOR && jn_seat_reaches(from, v))
            return hears | WATCH;
    }
    return hears;
}

/* How many supervisors speak to each track. */
static void watchers(const struct jn_plane *p, const struct jn_room *r, uint32_t to[JN_TRACK_N])
{
    memset(to, 0, JN_TRACK_N * sizeof *to);
    for (unsigned i = 0; i < r->n; i++) {
        const struct jn_voice *v = &p->voice[r->member[i]];
        for (unsigned t = 0; v->track == JN_TRACK_SUPERVISOR && t < JN_TRACK_N; t++)
            to[t] += v->speaks >> t & 1;
    }
}

/* The recording hears of each change of the matrix. */
static void tell_tape(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    uint32_t to[JN_TRACK_N];

    if (r->tape.state == 0)
        return;
    watchers(p, r, to);
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = &p->voice[r->member[i]];
        unsigned itself = v->track == JN_TRACK_SUPERVISOR ? v->speaks >> v->track & 1u : 0;
        uint8_t hears = (uint8_t)((v->hears & ~WATCH) | (to[v->track] > itself ? WATCH : 0));
        if (hears == v->hears_told)
            continue;
        v->hears_told = hears;
        jn_tape_event(p, r, JN_RECEV_HEAR, v->track, hears, now_ns);
    }
}

void jn_room_changed(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    jn_seats_changed(p, r);
    tell_tape(p, r, now_ns);
    jn_flow_changed(p, r, now_ns);
    if (!r->relay && (r->n > 0 || r->play.on)) {
        phase_add(p, r);
    } else {
        phase_del(p, r);
        jn_seats_clear(p, r);
    }
    weigh(p, r);
}

bool jn_room_open(struct jn_plane *p, const struct jn_order *o)
{
    if (o->room == 0 || o->room_open.talkers > JN_ROOM_TALKERS_MAX || jn_room_find(p, o->room) ||
        jn_mailbox_reserve(p->facts) < 0)
        return false;
    uint32_t i = jn_slot_take(&p->room_pool);
    if (i == JN_NONE) {
        jn_mailbox_unreserve(p->facts);
        return false;
    }
    struct jn_room *r = &p->room[i];
    memset(r, 0, sizeof *r);
    r->id = o->room;
    r->phase = JN_PHASES;
    r->member = r->few;
    r->talkers = o->room_open.talkers ? o->room_open.talkers : JN_ROOM_TALKERS_MAX;
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
    v->seat = JN_NO_SEAT;
    v->claim = v->said = v->shown = JN_LEVEL_UNKNOWN;
    v->gain = v->gain_was = JN_UNITY;
    v->scale = 1;
    jn_map_set(&p->voice_map, v->leg, i);
    return v;
}

static void voice_free(struct jn_plane *p, struct jn_voice *v)
{
    jn_map_del(&p->voice_map, v->leg);
    jn_slot_give(&p->voice_pool, (uint32_t)(v - p->voice));
}

struct jn_voice *jn_room_join(struct jn_plane *p, struct jn_room *r, const struct jn_order *o, struct jn_leg *l,
                              uint64_t now_ns)
{
    struct jn_voice *old = jn_voice_find(p, o->leg);

    if (old)
        jn_room_leave(p, old, false, now_ns);
    if (!l && !jn_link_keep(p, o->leg_worker))
        return NULL;
    struct jn_voice *v = voice_new(p, r, o);
    if (v && !jn_members_add(p, r, (uint32_t)(v - p->voice))) {
        voice_free(p, v);
        v = NULL;
    }
    if (!v) {
        if (!l)
            jn_link_unkeep(p, o->leg_worker);
        return NULL;
    }
    jn_tape_event(p, r, JN_RECEV_JOIN, v->track, v->leg, now_ns);
    v->hears_told = jn_room_hears(p, r, v);
    jn_tape_event(p, r, JN_RECEV_HEAR, v->track, v->hears_told, now_ns);
    if (r->play.on)
        jn_tape_event(p, r, JN_RECEV_PROMPT, v->track, (uint64_t)r->play.sound[r->play.at] << 32 | r->play.off, now_ns);
    if (l) {
        v->leg_at = (uint32_t)(l - p->leg);
        l->voice = (uint32_t)(v - p->voice);
        if (l->ready)
            jn_room_format(p, v, &(struct jn_format){l->codec, l->ptime_ms, l->mode, l->remote.profile}, now_ns);
    } else {
        v->kept = true;
        jn_link_hello(p, v);
    }
    jn_room_changed(p, r, now_ns);
    return v;
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

/* Who hears v hears its last words fade: it stays as a ghost until the next period is over. */
static bool haunts(struct jn_plane *p, const struct jn_room *r, struct jn_voice *v)
{
    bool heard = v->seat != JN_NO_SEAT && v->flow == JN_FLOW_MIX && (v->ends || (r->heard >> v->seat & 1) != 0);

    if (!heard || r->n == 0 || r->phase == JN_PHASES || p->ghosts == 0)
        return false;
    p->ghosts--;
    v->gone = true;
    v->leg_at = JN_NONE;
    return true;
}

void jn_room_leave(struct jn_plane *p, struct jn_voice *v, bool tell, uint64_t now_ns)
{
    struct jn_room *r = &p->room[v->room];

    jn_flow_left(p, r, v);
    jn_play_stop(p, r, v, now_ns);
    if (v->jb)
        jn_voice_tell(p, v);
    jn_tape_event(p, r, JN_RECEV_LEAVE, v->track, v->leg, now_ns);
    detach(p, v, tell);
    jn_voice_give_encoder(p, v);
    jn_members_del(p, r, v);
    jn_map_del(&p->voice_map, v->leg);
    if (!haunts(p, r, v)) {
        jn_seat_leave(p, r, v);
        jn_slot_give(&p->voice_pool, (uint32_t)(v - p->voice));
    }
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

bool jn_room_gain(struct jn_plane *p, struct jn_voice *v, int16_t gain_db_q8, uint64_t now_ns)
{
    if (gain_db_q8 > 18 * 256)
        return false;
    v->gain = jn_level_gain(gain_db_q8);
    v->gained = true;
    jn_room_changed(p, &p->room[v->room], now_ns);
    return true;
}

void jn_room_format(struct jn_plane *p, struct jn_voice *v, const struct jn_format *f, uint64_t now_ns)
{
    struct jn_room *r = &p->room[v->room];
    bool same = v->format_known && v->codec == f->codec && v->ptime_ms == f->ptime_ms;

    if (v->codec != f->codec && v->seat != JN_NO_SEAT && v->flow == JN_FLOW_MIX)
        jn_seat_leave(p, r, v);
    if (v->codec != f->codec)
        jn_voice_give_encoder(p, v);
    v->codec = f->codec;
    v->ptime_ms = f->ptime_ms;
    v->mode = f->mode;
    v->profile = f->profile;
    v->scale = (uint8_t)(jn_codec(f->codec)->clock / 8000);
    v->rate = jn_rate_of(f->codec);
    v->format_known = true;
    if (!same)
        jn_room_changed(p, r, now_ns);
}
