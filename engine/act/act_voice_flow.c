/* Act voice, before a queue: goes with the caller through flows (router/flow/walk.h): what the walk says is played,
 * recorded, waited for; digits and ends of sounds are told to it. */
#include "engine/act/act_voice_call.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "media/record/item.h"
#include <stdio.h>
#include <string.h>

/* The call goes on to the queue that was chosen. */
static void to_queue(struct jn_act_voice *v, struct call *c, uint64_t queue)
{
    c->queue = queue;
    const struct jn_dir_queue *q = voice_queue(v, c);
    if (!q || !(q->set.channel_mask & 1u << JN_CH_VOICE)) {
        jn_warn("voice", "a flow leads to a queue that is gone");
        c->queue = 0;
        voice_finish(v, c, JN_EV_END, JN_WHY_MENU);
        voice_close(v, c, 0);
        return;
    }
    if (voice_record(v, c, q->record && !c->walk.declined)) {
        c->queue = 0;
        voice_finish(v, c, JN_EV_END, JN_WHY_BUSY);
        voice_close(v, c, 0);
        return;
    }
    if (voice_greet(v, c))
        voice_step(v, c, CALL_GREETING);
    else
        voice_arrive(v, c);
}

/* Writes into the recording that the notice was heard, and which: the proof must not hang on a sound's number, which
 * is another after a restart. */
static int prove(struct jn_act_voice *v, struct call *c, const struct jn_say *say)
{
    char text[JN_SAY_MAX * JN_SAY_NAME_MAX + 8] = {0};
    for (unsigned i = 0; i < say->n; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "", say->sound[i]);
    }
    for (size_t at = 0, n = strlen(text); at <= n; at += 8) {
        uint64_t piece = 0;
        for (unsigned i = 0; i < 8 && at + i < n; i++)
            piece |= (uint64_t)(uint8_t)text[at + i] << 8 * i;
        if (voice_mark_arg(v, c, JN_RECEV_NOTICE, piece))
            return -1;
    }
    return 0;
}

/* Whoever could not be told is not recorded. */
static void unrecorded(struct jn_act_voice *v, struct call *c, const char *why)
{
    v->counts.notices_failed++;
    jn_warn("voice", "a recording notice failed, the call is not recorded: %s", why);
    c->walk.declined = true;
    if (voice_record(v, c, false)) {
        voice_finish(v, c, JN_EV_END, JN_WHY_BUSY);
        voice_close(v, c, 0);
    }
}

static void recording(struct jn_act_voice *v, struct call *c, const struct jn_flow *f, const struct jn_walk_step *s)
{
    if (s->noticed)
        v->counts.notices++;
    if (s->record && !c->walk.declined && voice_record(v, c, true)) {
        unrecorded(v, c, "the worker is busy");
        return;
    }
    bool due = f->notice.record == JN_NOTICE_WITH ? s->noticed : s->record;
    if (due && !c->walk.declined && prove(v, c, &f->notice.say))
        unrecorded(v, c, "its proof cannot be written");
}

static struct jn_walk_step enter(struct jn_act_voice *v, struct call *c, uint64_t id)
{
    const struct jn_flow *f = jn_dir_flow(v->dir, id);
    if (!f)
        return (struct jn_walk_step){.what = JN_WALK_END, .why = JN_WHY_MENU};
    const struct jn_calendar *hours = f->hours ? jn_dir_calendar(v->dir, f->hours) : NULL;
    bool open = !hours || jn_calendar_open(hours, (int64_t)(jn_time_us() / 1000000));
    return jn_walk_enter(&c->walk, f, open);
}

/* Plays what the step says. False: none of it is there. */
static bool say(struct jn_act_voice *v, struct call *c, const struct jn_walk_step *s)
{
    if (s->say && voice_say(v, c, PLAY_FLOW, s->say))
        return true;
    if (c->walk.stage == JN_WALK_NOTICE)
        unrecorded(v, c, "it cannot be played");
    return false;
}

/* Does what the walk wants until there is something to wait for. Bounded: the walk counts flows and repeats, and what
 * cannot be said comes to a wait. */
static void go(struct jn_act_voice *v, struct call *c, struct jn_walk_step s)
{
    while (c->state == CALL_FLOW && s.what != JN_WALK_NOTHING) {
        const struct jn_flow *f = jn_dir_flow(v->dir, c->walk.flow);
        c->flow_until_ns = 0;
        if (s.stop && s.what != JN_WALK_SAY)
            voice_quiet(v, c);
        if (f && (s.record || s.noticed))
            recording(v, c, f, &s);
        if (c->state != CALL_FLOW)
            return;
        switch ((enum jn_walk_do)s.what) {
        case JN_WALK_SAY:
            if (say(v, c, &s) || !f)
                return;
            s = jn_walk_said(&c->walk, f);
            s.noticed = s.noticed && !c->walk.declined;
            break;
        case JN_WALK_WAIT:
            c->flow_until_ns = v->now_ns + s.wait_ms * UINT64_C(1000000);
            return;
        case JN_WALK_FLOW:
            s = enter(v, c, s.target);
            break;
        case JN_WALK_QUEUE:
            to_queue(v, c, s.target);
            return;
        default: /* JN_WALK_END */
            voice_finish(v, c, JN_EV_END, s.why);
            voice_close(v, c, 0);
            return;
        }
    }
}

/* The flow that the caller is in; one that was removed meanwhile ends the call. */
static const struct jn_flow *here(struct jn_act_voice *v, struct call *c)
{
    const struct jn_flow *f = jn_dir_flow(v->dir, c->walk.flow);
    if (!f)
        go(v, c, (struct jn_walk_step){.what = JN_WALK_END, .why = JN_WHY_MENU});
    return f;
}

void voice_flow_begin(struct jn_act_voice *v, struct call *c)
{
    voice_step(v, c, CALL_FLOW);
    go(v, c, enter(v, c, c->walk.flow));
}

void voice_flow_said(struct jn_act_voice *v, struct call *c)
{
    const struct jn_flow *f = here(v, c);
    if (f)
        go(v, c, jn_walk_said(&c->walk, f));
}

void voice_flow_digit(struct jn_act_voice *v, struct call *c, char digit)
{
    const struct jn_flow *f = here(v, c);
    bool declined = c->walk.declined;
    if (!f)
        return;
    struct jn_walk_step s = jn_walk_digit(&c->walk, f, digit);
    if (c->walk.declined && !declined)
        v->counts.declined++;
    go(v, c, s);
}

void voice_flow_tick(struct jn_act_voice *v, struct call *c)
{
    c->flow_until_ns = 0;
    const struct jn_flow *f = c->state == CALL_FLOW ? here(v, c) : NULL;
    if (f)
        go(v, c, jn_walk_timeout(&c->walk, f));
}

void voice_flow_finish(struct jn_act_voice *v, struct call *c, uint8_t kind, enum jn_why why)
{
    bool closed = c->walk.stage == JN_WALK_CLOSED || why == JN_WHY_CLOSED;
    if (kind == JN_EV_CUSTOMER_LEFT)
        why = closed ? JN_WHY_CLOSED : JN_WHY_MENU_LEFT;
    if (closed)
        v->counts.flow_closed++;
    else if (kind == JN_EV_CUSTOMER_LEFT)
        v->counts.flow_left++;
    else
        v->counts.flow_ended++;
    struct jn_event ev = {.tenant = c->tenant, .kind = JN_EV_ARRIVE, .why = (uint8_t)why, .maker = JN_MAKER_SIP};
    ev.arrive = (struct jn_ev_arrive){.ix = c->ix, .channel = JN_CH_VOICE, .priority = 255};
    c->arrived = true; /* it has a record */
    c->place = PLACE_USED;
    v->ports.event(v->ports.arg, &ev, true);
}
