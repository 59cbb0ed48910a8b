/* Walk: closed or open, greeting, notice, menu, and away. A part that the flow does not have is passed over. */
#include "router/flow/walk.h"

#include <string.h>

static struct jn_walk_step nothing(void)
{
    return (struct jn_walk_step){.what = JN_WALK_NOTHING};
}

static struct jn_walk_step prompt(struct jn_walk *w, const struct jn_flow *f);

static struct jn_walk_step leave(struct jn_walk *w, const struct jn_flow *f, const struct jn_flow_go *go, uint8_t why)
{
    struct jn_walk_step s = {.what = JN_WALK_END, .why = why, .target = go->target};

    if (go->go == JN_GO_REPEAT && ++w->repeats <= JN_WALK_REPEATS_MAX)
        return prompt(w, f);
    if (go->go == JN_GO_FLOW && w->flows < JN_WALK_FLOWS_MAX)
        s.what = JN_WALK_FLOW;
    else if (go->go == JN_GO_QUEUE)
        s.what = JN_WALK_QUEUE;
    w->go = *go;
    w->stage = JN_WALK_LEFT;
    return s;
}

static struct jn_walk_step say(struct jn_walk *w, enum jn_walk_stage stage, const struct jn_say *what)
{
    w->stage = (uint8_t)stage;
    return (struct jn_walk_step){.what = JN_WALK_SAY, .say = what};
}

static struct jn_walk_step wait(struct jn_walk *w, enum jn_walk_stage stage, uint32_t ms)
{
    w->stage = (uint8_t)stage;
    return (struct jn_walk_step){.what = JN_WALK_WAIT, .wait_ms = ms};
}

static struct jn_walk_step prompt(struct jn_walk *w, const struct jn_flow *f)
{
    if (!f->menu)
        return leave(w, f, &f->go, JN_WHY_MENU);
    return f->prompt.n ? say(w, JN_WALK_PROMPT, &f->prompt) : wait(w, JN_WALK_CHOICE, f->timeout_ms);
}

/* The notice is over and was not declined in time. */
static struct jn_walk_step agreed(struct jn_walk *w, const struct jn_flow *f)
{
    struct jn_walk_step s = prompt(w, f);

    s.record = !w->declined && f->notice.record == JN_NOTICE_AFTER;
    return s;
}

static struct jn_walk_step notice(struct jn_walk *w, const struct jn_flow *f)
{
    if (!f->notice.say.n || w->noticed || w->declined)
        return prompt(w, f);
    struct jn_walk_step s = say(w, JN_WALK_NOTICE, &f->notice.say);
    s.record = f->notice.record == JN_NOTICE_WITH;
    return s;
}

struct jn_walk_step jn_walk_enter(struct jn_walk *w, const struct jn_flow *f, bool open)
{
    w->flow = f->id;
    w->tries = w->repeats = 0;
    w->flows++;
    if (!open)
        return f->closed.n ? say(w, JN_WALK_CLOSED, &f->closed) : leave(w, f, &f->closed_go, JN_WHY_CLOSED);
    return f->greeting.n ? say(w, JN_WALK_GREETING, &f->greeting) : notice(w, f);
}

/* Nothing or something wrong was chosen. */
static struct jn_walk_step failed(struct jn_walk *w, const struct jn_flow *f, bool wrong)
{
    if (w->tries++ >= f->retries)
        return leave(w, f, &f->go, JN_WHY_MENU);
    return wrong && f->wrong.n ? say(w, JN_WALK_WRONG, &f->wrong) : prompt(w, f);
}

struct jn_walk_step jn_walk_said(struct jn_walk *w, const struct jn_flow *f)
{
    struct jn_walk_step s;

    switch ((enum jn_walk_stage)w->stage) {
    case JN_WALK_CLOSED:
        return leave(w, f, &f->closed_go, JN_WHY_CLOSED);
    case JN_WALK_GREETING:
        return notice(w, f);
    case JN_WALK_NOTICE:
        w->noticed = true;
        s = f->notice.decline && f->notice.wait_ms ? wait(w, JN_WALK_NOTICE_WAIT, f->notice.wait_ms) : agreed(w, f);
        s.noticed = true;
        return s;
    case JN_WALK_PROMPT:
        return wait(w, JN_WALK_CHOICE, f->timeout_ms);
    case JN_WALK_WRONG:
        return prompt(w, f);
    default:
        return nothing();
    }
}

struct jn_walk_step jn_walk_timeout(struct jn_walk *w, const struct jn_flow *f)
{
    if (w->stage == JN_WALK_NOTICE_WAIT)
        return agreed(w, f);
    return w->stage == JN_WALK_CHOICE ? failed(w, f, false) : nothing();
}

int jn_walk_key(char digit)
{
    static const char keys[] = "0123456789*#";
    const char *at = digit ? strchr(keys, digit) : NULL;

    return at ? (int)(at - keys) : -1;
}

struct jn_walk_step jn_walk_digit(struct jn_walk *w, const struct jn_flow *f, char digit)
{
    int key = jn_walk_key(digit);
    struct jn_walk_step s = nothing();

    switch ((enum jn_walk_stage)w->stage) {
    case JN_WALK_NOTICE:
    case JN_WALK_NOTICE_WAIT:
        if (!f->notice.decline || digit != f->notice.decline)
            return s;
        w->declined = true;
        s = prompt(w, f);
        break;
    case JN_WALK_PROMPT:
    case JN_WALK_CHOICE:
    case JN_WALK_WRONG:
        if (key >= 0 && f->keys & 1u << key)
            s = leave(w, f, &f->key[key], JN_WHY_MENU);
        else
            s = failed(w, f, true);
        break;
    default:
        return s; /* what was pressed too early is not taken for an answer to what was not asked yet */
    }
    s.stop = true;
    return s;
}
