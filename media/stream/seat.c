/* Seat: who hears whom, and who may be heard at once. A room has a few seats; a voice takes one, and a jitter buffer,
 * with its first frame, and gives them back when nobody hears it any more or it has fallen silent. So a listener costs
 * no decoding, and a room of a thousand mixes no more than its talkers. */
#include "media/stream/state.h"
#include <string.h>

enum { CLASSES = JN_TRACK_N << JN_TRACK_N, IDLE_MS = 2000, QUIET_DB = 45, LOUDER_DB = 6, LIES_DB = 15, LIED = 25 };
enum { NOTHING_SAID = 127 };

bool jn_seat_reaches(const struct jn_voice *from, const struct jn_voice *to)
{
    bool heard = from->track == JN_TRACK_SUPERVISOR || (to->hears >> from->track & 1) != 0;
    return from != to && heard && (from->speaks >> to->track & 1) != 0 && !from->gone;
}

/* Listeners of one track who hear the same tracks hear the same seats but their own. */
static unsigned class_of(const struct jn_voice *v)
{
    return (unsigned)v->track << JN_TRACK_N | (v->hears & ((1u << JN_TRACK_N) - 1));
}

static uint32_t heard_by(const struct jn_plane *p, const struct jn_room *r, const struct jn_voice *to)
{
    uint32_t set = 0;

    for (uint32_t left = r->seated; left != 0; left &= left - 1) {
        unsigned s = (unsigned)__builtin_ctz(left);
        const struct jn_voice *from = &p->voice[r->seat[s]];
        if (!from->ends && jn_seat_reaches(from, to))
            set |= UINT32_C(1) << s;
    }
    return set;
}

struct classes {
    unsigned n;
    uint16_t present[CLASSES];
    uint32_t members[CLASSES], set[CLASSES];
};

static void classify(const struct jn_plane *p, const struct jn_room *r, struct classes *c)
{
    c->n = 0;
    memset(c->members, 0, sizeof c->members);
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice any = {.speaks = 0, .track = p->voice[r->member[i]].track};
        unsigned k = class_of(&p->voice[r->member[i]]);
        if (c->members[k]++ > 0)
            continue;
        any.hears = (uint8_t)(k & ((1u << JN_TRACK_N) - 1));
        c->set[k] = heard_by(p, r, &any);
        c->present[c->n++] = (uint16_t)k;
    }
}

/* Somebody else would hear v. */
static bool audible(const struct classes *c, const struct jn_voice *v)
{
    for (unsigned i = 0; i < c->n; i++) {
        unsigned k = c->present[i], track = k >> JN_TRACK_N;
        bool heard = v->track == JN_TRACK_SUPERVISOR || (k >> v->track & 1) != 0;
        if (heard && (v->speaks >> track & 1) != 0 && c->members[k] > (k == class_of(v) ? 1u : 0u))
            return true;
    }
    return false;
}

static uint32_t own_seat(const struct jn_voice *v)
{
    return v->seat == JN_NO_SEAT ? 0 : UINT32_C(1) << v->seat;
}

void jn_seats_changed(struct jn_plane *p, struct jn_room *r)
{
    struct classes c;

    classify(p, r, &c);
    r->heard = r->stateful = 0;
    r->rates = 0;
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = &p->voice[r->member[i]];
        v->hear_set = c.set[class_of(v)] & ~own_seat(v);
        v->audible = audible(&c, v);
        r->heard |= v->hear_set;
        r->stateful += v->codec > JN_CODEC_PCMA;
        r->rates |= (uint8_t)(1u << v->rate);
    }
}

void jn_seat_stand_up(struct jn_plane *p, struct jn_room *r, struct jn_voice *v)
{
    v->ends = true;
    for (unsigned i = 0; i < r->n; i++)
        p->voice[r->member[i]].hear_set &= ~own_seat(v);
    r->heard &= ~own_seat(v);
}

/* G.711 shows its level by itself. */
void jn_seat_claim(struct jn_voice *v, const struct jn_in *in)
{
    uint8_t level = jn_level_of(in);

    if (in->codec > JN_CODEC_PCMA && level < v->claim)
        v->claim = level;
}

/* Claim and sound fall by the same dB a period, so that pauses and the jitter buffer's delay are no lie. */
void jn_seat_judge(struct jn_voice *v, uint8_t level)
{
    v->said = v->claim <= v->said ? v->claim : v->said + 1;
    v->claim = NOTHING_SAID;
    v->shown = level <= v->shown ? level : v->shown + 1;
    if (v->said >= QUIET_DB)
        return;
    if (v->shown <= v->said + LIES_DB)
        v->lied = 0;
    else if (v->lied < LIED)
        v->lied++;
}

/* Who says for half a second to be louder than it is, is not believed before its sound shows it. */
static uint8_t believed(const struct jn_voice *v, const struct jn_in *in)
{
    return v->lied == LIED && in->codec > JN_CODEC_PCMA ? JN_LEVEL_UNKNOWN : jn_level_of(in);
}

/* The quietest stands up for who is louder, or, where that is not known before decoding, if it has been quiet: it
 * fades, and its seat is free a period later. */
static void make_room(struct jn_plane *p, struct jn_room *r, const struct jn_voice *who, const struct jn_in *in)
{
    struct jn_voice *quietest = NULL;
    uint8_t level = in ? believed(who, in) : 0;

    for (uint32_t left = r->seated & r->heard; left != 0; left &= left - 1) {
        struct jn_voice *v = &p->voice[r->seat[__builtin_ctz(left)]];
        if (v->flow == JN_FLOW_MIX && (!quietest || v->level > quietest->level))
            quietest = v;
    }
    if (quietest && quietest->level > (level == JN_LEVEL_UNKNOWN ? QUIET_DB : level + LOUDER_DB))
        jn_seat_stand_up(p, r, quietest);
}

bool jn_seat_take(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, const struct jn_in *in)
{
    if (v->seat != JN_NO_SEAT)
        return !v->ends; /* asked to stand up: its sound is about to end */
    if (__builtin_popcount(r->heard) >= r->talkers) {
        make_room(p, r, v, in);
        if (__builtin_popcount(r->heard) >= r->talkers) {
            p->counts.unseated++;
            return false;
        }
    }
    uint32_t free = ~r->seated & ((UINT32_C(1) << JN_SEATS) - 1);
    if (free == 0 || !jn_voice_take_jbuf(p, v)) {
        p->counts.unseated++;
        return false;
    }
    v->seat = (uint8_t)__builtin_ctz(free);
    v->restarts = in ? in->restarts : v->restarts;
    v->ends = false;
    v->level = 0; /* its words are still to come */
    r->seat[v->seat] = (uint32_t)(v - p->voice);
    r->seated |= own_seat(v);
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *to = &p->voice[r->member[i]];
        if (!jn_seat_reaches(v, to))
            continue;
        to->hear_set |= own_seat(v);
        r->heard |= own_seat(v);
    }
    return true;
}

void jn_seat_leave(struct jn_plane *p, struct jn_room *r, struct jn_voice *v)
{
    if (v->seat == JN_NO_SEAT)
        return;
    jn_seat_stand_up(p, r, v);
    r->seated &= ~own_seat(v);
    v->seat = JN_NO_SEAT;
    v->ends = false;
    jn_voice_give_jbuf(p, v);
    if (v->gone) {
        p->ghosts++;
        jn_slot_give(&p->voice_pool, (uint32_t)(v - p->voice));
    }
}

void jn_seats_clear(struct jn_plane *p, struct jn_room *r)
{
    for (uint32_t left = r->seated & ~r->heard; left != 0; left &= left - 1) {
        struct jn_voice *v = &p->voice[r->seat[__builtin_ctz(left)]];
        if (v->flow == JN_FLOW_MIX)
            jn_seat_leave(p, r, v);
    }
}

void jn_seats_idle(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    for (uint32_t left = r->seated; left != 0; left &= left - 1) {
        struct jn_voice *v = &p->voice[r->seat[__builtin_ctz(left)]];
        jn_voice_tell(p, v);
        if (v->flow == JN_FLOW_MIX && now_ns > v->last_in_ns + IDLE_MS * NS_PER_MS)
            jn_seat_stand_up(p, r, v);
    }
}
