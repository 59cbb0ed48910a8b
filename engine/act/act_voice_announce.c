/* Act voice, announcement: the agent hears which client and queue is calling while the caller goes on hearing music;
 * then the two are joined. On a nailed-up line, where nothing rings, a beep comes first. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include "media/record/item.h"
#include <errno.h>
#include <stdio.h>

enum { EVERYBODY = (1u << JN_TRACK_N) - 1 };

static const struct jn_say beep = {.sound = {"junctor/beep"}, .n = 1};

int voice_undeafen(struct jn_act_voice *v, struct call *c)
{
    if (!c->deaf)
        return 0;
    if (voice_hear(v, c, c->caller, EVERYBODY))
        return -EAGAIN;
    c->deaf = false;
    return 0;
}

const char *voice_client_text(const struct jn_act_voice *v, const struct call *c, char *out, size_t size)
{
    const struct jn_dir_tenant *t = jn_dir_tenant(v->dir, c->tenant);
    const struct jn_dir_queue *q = voice_queue(v, c);
    snprintf(out, size, "%s%s%s", t ? t->name : "", t && q ? ": " : "", q ? q->name : "");
    return out;
}

int voice_announce(struct jn_act_voice *v, struct call *c, struct leg *l)
{
    const struct jn_dir_tenant *t = jn_dir_tenant(v->dir, c->tenant);
    const struct jn_dir_queue *q = voice_queue(v, c);
    const struct jn_say *say[3];
    unsigned n = 0;
    if (l->nailed)
        say[n++] = &beep;
    if (t && t->announce.n)
        say[n++] = &t->announce;
    if (q && q->announce.n)
        say[n++] = &q->announce;
    if (!n)
        return -ENOENT;
    if (voice_hear(v, c, c->caller, 0))
        return -EAGAIN;
    c->deaf = true;
    if (voice_room_join(v, c, l))
        return -EAGAIN;
    if (voice_hear(v, c, l, 0) || !voice_say_to(v, c, l, say, n, false, &c->announce_token, &c->announce_until_ns)) {
        c->announce_until_ns = v->now_ns; /* not to be told after all: joined with the next tick */
        c->announce_token = 0;
    }
    voice_step(v, c, CALL_ANNOUNCING);
    return 0;
}

void voice_announce_done(struct jn_act_voice *v, struct call *c)
{
    if (c->state != CALL_ANNOUNCING) {
        voice_announce_drop(c);
        return;
    }
    c->announce_token = 0;
    c->announce_until_ns = v->now_ns; /* should an order find no room now, the next tick comes here again */
    voice_quiet(v, c);
    if (voice_hear(v, c, c->agent, EVERYBODY) || voice_undeafen(v, c))
        return;
    voice_announce_drop(c);
    voice_joined(v, c);
}

void voice_announce_drop(struct call *c)
{
    c->announce_token = c->announce_until_ns = 0;
}

void voice_joined(struct jn_act_voice *v, struct call *c)
{
    voice_step(v, c, CALL_TALKING);
    if (c->agent)
        voice_mark_arg(v, c, JN_RECEV_AGENT, c->agent->agent);
    if (!c->holds)
        return;
    uint8_t held = c->holds; /* somebody held meanwhile */
    c->holds = 0;
    voice_hold(v, c, held, true, true);
}
