/* Play: prompts and music to a leg or a whole room. A leg's own comes before the room's. */
#include "media/stream/state.h"
#include <string.h>

const struct jn_play *jn_play_of(const struct jn_room *r, const struct jn_voice *v)
{
    if (r->plays > 0 && v->play.on)
        return &v->play;
    return r->playing ? &r->play : NULL;
}

bool jn_play_any(const struct jn_room *r)
{
    return r->playing || r->plays > 0;
}

/* The counts follow who is played something of its own. */
static void own(struct jn_room *r, struct jn_play *play, bool on)
{
    if (play == &r->play)
        r->playing = on;
    else
        r->plays += (uint32_t)on - (uint32_t)play->on;
    play->on = on;
}

/* Writes into the recording what each listener of `play` hears from now on. */
static void note(struct jn_plane *p, struct jn_room *r, const struct jn_play *play, uint64_t what, uint64_t now_ns)
{
    for (unsigned i = 0; i < r->n; i++) {
        const struct jn_voice *v = &p->voice[r->member[i]];
        if (play == &v->play || (play == &r->play && !v->play.on))
            jn_tape_event(p, r, JN_RECEV_PROMPT, v->track, what, now_ns);
    }
}

static uint64_t position(const struct jn_play *play)
{
    return (uint64_t)play->sound[play->at] << 32 | play->off;
}

static const uint64_t stopped = UINT64_C(0xffff) << 32;

bool jn_play_start(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, const struct jn_order *o, uint64_t now_ns)
{
    struct jn_play *play = v ? &v->play : &r->play;

    if (o->play.n == 0 || o->play.n > JN_PLAY_MAX || !p->c.sounds)
        return false;
    for (unsigned i = 0; i < o->play.n; i++)
        if (o->play.sound[i] >= p->c.sounds->n || p->c.sounds->at[o->play.sound[i]].n < JN_TICK_SAMPLES)
            return false;
    if (!v) /* to every member: replaces what each one hears */
        for (unsigned i = 0; i < r->n; i++)
            own(r, &p->voice[r->member[i]].play, false);
    own(r, play, true);
    *play = (struct jn_play){.token = o->token, .n = o->play.n, .on = true, .loop = o->play.loop};
    memcpy(play->sound, o->play.sound, sizeof play->sound);
    note(p, r, play, position(play), now_ns);
    jn_room_changed(p, r, now_ns);
    return true;
}

static void stop(struct jn_plane *p, struct jn_room *r, struct jn_play *play, uint64_t now_ns)
{
    if (!play->on)
        return;
    note(p, r, play, stopped, now_ns);
    own(r, play, false);
}

void jn_play_stop(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, uint64_t now_ns)
{
    if (v ? !v->play.on : !jn_play_any(r))
        return;
    if (v) {
        stop(p, r, &v->play, now_ns);
    } else {
        stop(p, r, &r->play, now_ns);
        for (unsigned i = 0; i < r->n; i++)
            stop(p, r, &p->voice[r->member[i]].play, now_ns);
    }
    jn_room_changed(p, r, now_ns);
}

/* One period further; the end of the list is told with the order's token. */
static void advance(struct jn_plane *p, struct jn_room *r, struct jn_play *play, uint64_t leg, uint64_t now_ns)
{
    play->off += JN_TICK_SAMPLES;
    if (play->off < p->c.sounds->at[play->sound[play->at]].n)
        return;
    play->off = 0;
    if (++play->at == play->n) {
        if (!play->loop) {
            play->at--;
            stop(p, r, play, now_ns);
            struct jn_fact f = {.kind = JN_FACT_PLAY_DONE, .token = play->token, .leg = leg, .room = r->id};
            jn_fact_send(p, &f);
            jn_room_changed(p, r, now_ns);
            return;
        }
        play->at = 0;
    }
    note(p, r, play, position(play), now_ns);
}

void jn_play_advance(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    bool fed = false;

    for (unsigned i = 0; r->turns > 0 && i < r->n; i++)
        fed = fed || p->voice[r->member[i]].fed != 0;
    if (r->playing && !fed)
        advance(p, r, &r->play, 0, now_ns);
    for (unsigned i = 0; r->plays > 0 && i < r->n; i++) {
        struct jn_voice *v = &p->voice[r->member[i]];
        if (v->play.on && v->fed == 0)
            advance(p, r, &v->play, v->leg, now_ns);
    }
}
