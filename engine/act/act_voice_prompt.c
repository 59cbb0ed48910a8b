/* Act voice, prompts: greeting, music, position, goodbye. A sound that is missing is skipped, counted, and named in the
 * log once. The words are those of asterisk-core-sounds. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include <stdio.h>
#include <string.h>

enum { SPARE_MS = 3000 }; /* beyond a prompt's length: then its end is taken for said */

struct list {
    uint16_t sound[JN_PLAY_MAX];
    uint8_t n;
};

static void missing(struct jn_act_voice *v, const char *name)
{
    v->counts.prompts_missing++;
    for (unsigned i = 0; i < v->n_missing; i++)
        if (!strcmp(v->missing[i], name))
            return;
    if (v->n_missing == MISSING_MAX)
        return;
    jn_copy(v->missing[v->n_missing++], JN_SOUND_MAX, name);
    jn_warn("voice", "no such sound name=%s", name);
}

static void add(struct jn_act_voice *v, struct list *s, const char *name)
{
    if (!name[0])
        return;
    uint16_t at = jn_sounds_find(v->sounds, name);
    if (at == JN_SOUND_NONE)
        missing(v, name);
    else if (s->n < JN_PLAY_MAX)
        s->sound[s->n++] = at;
}

static void add_digit(struct jn_act_voice *v, struct list *s, unsigned n)
{
    char name[24];
    snprintf(name, sizeof name, "digits/%u", n);
    add(v, s, name);
}

/* As English says it: 342 is three hundred forty two. Beyond 999 nobody wants to hear it. */
static void add_number(struct jn_act_voice *v, struct list *s, unsigned n)
{
    if (n >= 100) {
        add_digit(v, s, n / 100);
        add(v, s, "digits/hundred");
        n %= 100;
        if (!n)
            return;
    }
    if (n > 20) {
        add_digit(v, s, n / 10 * 10);
        n %= 10;
        if (!n)
            return;
    }
    add_digit(v, s, n);
}

static bool play_to(struct jn_act_voice *v, struct call *c, const struct leg *l, const struct list *s, bool loop,
                    uint64_t *token, uint64_t *until_ns)
{
    if (!s->n || !c->room)
        return false;
    struct jn_order o = {.kind = JN_ORDER_PLAY, .leg_worker = l->worker, .leg = l->id};
    o.token = ++v->next_token;
    memcpy(o.play.sound, s->sound, sizeof o.play.sound);
    o.play.n = s->n;
    o.play.loop = loop;
    if (voice_room_order(v, c, &o))
        return false;
    uint64_t samples = 0;
    for (uint8_t i = 0; i < s->n; i++)
        samples += s->sound[i] < v->sounds->n ? v->sounds->at[s->sound[i]].n : 0;
    *token = o.token;
    *until_ns = loop ? 0 : v->now_ns + (samples / 8 + SPARE_MS) * UINT64_C(1000000);
    return true;
}

static bool play(struct jn_act_voice *v, struct call *c, enum playing what, const struct list *s, bool loop)
{
    if (!play_to(v, c, c->caller, s, loop, &c->play_token, &c->play_until_ns))
        return false;
    c->playing = (uint8_t)what;
    c->retry_stop = false;
    return true;
}

bool voice_say(struct jn_act_voice *v, struct call *c, enum playing what, const struct jn_say *say)
{
    struct list s = {.n = 0};
    for (unsigned i = 0; i < say->n; i++)
        add(v, &s, say->sound[i]);
    return play(v, c, what, &s, false);
}

bool voice_say_to(struct jn_act_voice *v, struct call *c, struct leg *l, const struct jn_say *const say[], unsigned n,
                  bool loop, uint64_t *token, uint64_t *until_ns)
{
    struct list s = {.n = 0};
    for (unsigned k = 0; k < n; k++)
        for (unsigned i = 0; i < say[k]->n; i++)
            add(v, &s, say[k]->sound[i]);
    return play_to(v, c, l, &s, loop, token, until_ns);
}

bool voice_greet(struct jn_act_voice *v, struct call *c)
{
    struct list s = {.n = 0};
    const struct jn_dir_queue *q = voice_queue(v, c);
    if (q)
        add(v, &s, q->greeting);
    return play(v, c, PLAY_GREETING, &s, false);
}

void voice_music(struct jn_act_voice *v, struct call *c)
{
    struct list s = {.n = 0};
    const struct jn_dir_queue *q = voice_queue(v, c);
    if (c->playing == PLAY_MUSIC)
        return;
    if (q)
        add(v, &s, q->music);
    if (!play(v, c, PLAY_MUSIC, &s, true)) {
        c->playing = PLAY_NONE;
        c->play_until_ns = 0;
    }
}

void voice_say_position(struct jn_act_voice *v, struct call *c, uint32_t position)
{
    struct list s = {.n = 0};
    if (position == 1) {
        add(v, &s, "queue-youarenext");
    } else if (position <= 999) {
        add(v, &s, "queue-thereare");
        add_number(v, &s, position);
        add(v, &s, "queue-callswaiting");
    }
    if (!play(v, c, PLAY_POSITION, &s, false))
        voice_music(v, c);
}

bool voice_say_no_agent(struct jn_act_voice *v, struct call *c)
{
    struct list s = {.n = 0};
    const struct jn_dir_queue *q = voice_queue(v, c);
    if (q)
        add(v, &s, q->no_agent);
    return play(v, c, PLAY_GOODBYE, &s, false);
}

void voice_quiet(struct jn_act_voice *v, struct call *c)
{
    if (c->playing == PLAY_NONE && !c->retry_stop)
        return;
    struct jn_order o = {.kind = JN_ORDER_STOP, .leg_worker = c->caller->worker, .leg = c->caller->id};
    o.token = ++v->next_token;
    c->playing = PLAY_NONE;
    c->play_until_ns = 0;
    c->retry_stop = voice_room_order(v, c, &o) != 0; /* music under a conversation must not stay: asked again */
}

void voice_play_done(struct jn_act_voice *v, struct call *c, uint64_t token)
{
    if (c->announce_token && token == c->announce_token) {
        voice_announce_done(v, c);
        return;
    }
    if (c->playing == PLAY_NONE || token != c->play_token || c->state == CALL_CLOSING)
        return;
    enum playing was = c->playing;
    c->playing = PLAY_NONE;
    c->play_until_ns = 0;
    if (was == PLAY_GREETING && c->state == CALL_GREETING)
        voice_arrive(v, c);
    else if (was == PLAY_POSITION)
        voice_music(v, c);
    else if (was == PLAY_GOODBYE)
        voice_close(v, c, 0);
    else if (was == PLAY_FLOW && c->state == CALL_FLOW)
        voice_flow_said(v, c);
}
