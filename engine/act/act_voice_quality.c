/* Act voice, quality: what workers tell of legs while a call is up: figures, kept for whoever asks, and trouble, of
 * which supervisors hear while the call's parties talk. */
#include "engine/act/act_voice_call.h"
#include "engine/base/log.h"
#include <errno.h>

static void tell(struct jn_act_voice *v, const struct call *c, const struct leg *l, uint8_t what, bool on)
{
    static const char *const names[] = JN_TROUBLE_NAMES, *const sides[] = {"caller", "agent", "third", "supervisor",
                                                                           "aside"};
    struct jn_voice_trouble t = {
        .ix = c->ix, .tenant = c->tenant, .agent = l->agent, .leg = l->id, .side = l->side, .what = what, .on = on};

    if (on)
        v->counts.trouble[what]++;
    jn_info("voice", "media of the %s: %s %s", sides[l->side], names[what], on ? "began" : "is over");
    if (v->ports.trouble)
        v->ports.trouble(v->ports.arg, &t);
}

/* While they do not talk, a party that is silent or hears nothing is none. What was told is taken back when it ends. */
static void review(struct jn_act_voice *v, struct leg *l)
{
    const struct call *c = &v->calls[l->call];
    bool talks = c->state == CALL_TALKING && l->joined && l->media == MEDIA_OPEN;
    uint8_t now = l->side == SIDE_WATCH || !talks ? l->trouble & l->trouble_told : l->trouble;

    for (uint8_t k = 0; k < JN_TROUBLE_N; k++)
        if ((now ^ l->trouble_told) >> k & 1)
            tell(v, c, l, k, now >> k & 1);
    l->trouble_told = now;
}

void voice_quality(struct jn_act_voice *v, struct leg *l, const struct jn_leg_stats *s)
{
    l->quality = *s;
    l->quality_ns = v->now_ns ? v->now_ns : 1;
    l->trouble = s->trouble;
    review(v, l);
}

void voice_trouble(struct jn_act_voice *v, struct leg *l, const struct jn_fact *f)
{
    if (f->trouble.what >= JN_TROUBLE_N)
        return;
    uint8_t bit = (uint8_t)(1u << f->trouble.what);
    l->trouble = (uint8_t)(f->trouble.on ? l->trouble | bit : l->trouble & ~bit);
    l->quality.trouble = l->trouble; /* the rest of the figures comes later */
    l->quality.troubles |= l->trouble;
    review(v, l);
}

int jn_act_voice_quality(struct jn_act_voice *v, uint64_t ix, uint64_t tenant, struct jn_voice_quality *out,
                         unsigned max)
{
    const struct call *c = voice_call_by_ix(v, ix);
    int n = 0;

    if (!c || (tenant && c->tenant != tenant))
        return -ENOENT;
    const struct leg *legs[] = {c->caller, c->agent, c->third, c->watch};
    for (unsigned i = 0; i < sizeof legs / sizeof *legs && (unsigned)n < max; i++) {
        const struct leg *l = legs[i];
        const struct jn_dir_agent *a = l && l->agent ? jn_dir_agent(v->dir, l->agent) : NULL;
        if (l && l->quality_ns)
            out[n++] = (struct jn_voice_quality){.leg = l->id,
                                                 .agent = l->agent,
                                                 .name = a ? a->name : NULL,
                                                 .age_us = (v->now_ns - l->quality_ns) / 1000,
                                                 .side = l->side,
                                                 .worker = l->worker,
                                                 .codec = l->remote.codec,
                                                 .suite = l->remote.suite,
                                                 .stats = &l->quality};
    }
    return n;
}
