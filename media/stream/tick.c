/* Tick: one period of 20 ms of a mixing room: a period out of every jitter buffer that is heard, one mix for each
 * distinct set of speakers, one encoding for each distinct (mix, codec), one frame for each listener. */
#include "media/mix/mix.h"
#include "media/stream/state.h"
#include <string.h>

enum { TELL = 50, AHEAD = 8 };

static void sum(struct jn_mixer *m, int32_t *acc, uint32_t set)
{
    const struct jn_mix_ops *ops = jn_mix();
    for (; set != 0; set &= set - 1)
        ops->add(acc, m->pcm[__builtin_ctz(set)], JN_TICK_SAMPLES);
}

/* The sound of a set of speakers and a prompt: from the sum of all when that is shorter (mix-minus), saturated once. */
static void mixed(struct jn_mixer *m, int16_t *out, uint32_t set, const int16_t *prompt)
{
    const struct jn_mix_ops *ops = jn_mix();
    uint32_t others = m->active & ~set;
    _Alignas(64) int32_t acc[JN_TICK_SAMPLES];

    if (!prompt && __builtin_popcount(set) == 2) {
        ops->two(out, m->pcm[__builtin_ctz(set)], m->pcm[__builtin_ctz(set & (set - 1))], JN_TICK_SAMPLES);
        return;
    }
    if (2 * __builtin_popcount(set) <= __builtin_popcount(m->active)) {
        memset(acc, 0, sizeof acc);
        sum(m, acc, set);
    } else {
        if (!m->summed) {
            memset(m->total, 0, sizeof m->total);
            sum(m, m->total, m->active);
            m->summed = true;
        }
        if (!prompt && others != 0 && (others & (others - 1)) == 0) {
            ops->minus(out, m->total, m->pcm[__builtin_ctz(others)], JN_TICK_SAMPLES);
            return;
        }
        memcpy(acc, m->total, sizeof acc);
        for (; others != 0; others &= others - 1)
            ops->sub(acc, m->pcm[__builtin_ctz(others)], JN_TICK_SAMPLES);
    }
    if (prompt)
        ops->add(acc, prompt, JN_TICK_SAMPLES);
    ops->pack(out, acc, JN_TICK_SAMPLES);
}

static void encode(const struct jn_plane *p, uint8_t codec, uint8_t *out, const int16_t *pcm)
{
    if (codec == JN_CODEC_PCMA)
        p->g711->encode_alaw(out, pcm, JN_TICK_SAMPLES);
    else
        p->g711->encode_ulaw(out, pcm, JN_TICK_SAMPLES);
}

/* Whom the listener heard until now goes, who is new comes, both within one period. */
static void crossed(struct jn_mixer *m, int16_t *out, uint32_t from, uint32_t to, const int16_t *prompt)
{
    _Alignas(64) int16_t old[JN_TICK_SAMPLES];

    mixed(m, old, from, prompt);
    mixed(m, out, to, prompt);
    jn_mix()->cross(out, old, JN_TICK_SAMPLES);
}

static void make(const struct jn_plane *p, struct jn_mixer *m, struct jn_made *c)
{
    _Alignas(64) int16_t pcm[JN_TICK_SAMPLES];
    const int16_t *from = pcm;

    if (c->was != c->set)
        crossed(m, pcm, c->was, c->set, c->prompt);
    else if (!c->prompt && c->set != 0 && (c->set & (c->set - 1)) == 0)
        from = m->pcm[__builtin_ctz(c->set)];
    else
        mixed(m, pcm, c->set, c->prompt);
    encode(p, c->codec, c->bytes, from);
}

static const uint8_t *made(const struct jn_plane *p, struct jn_mixer *m, uint32_t set, uint32_t was,
                           const int16_t *prompt, uint8_t codec)
{
    for (unsigned i = m->n; i-- > 0;)
        if (m->made[i].set == set && m->made[i].was == was && m->made[i].prompt == prompt && m->made[i].codec == codec)
            return m->made[i].bytes;
    struct jn_made *c = &m->made[m->n < JN_MADE_MAX ? m->n++ : JN_MADE_MAX - 1];
    c->set = set;
    c->was = was;
    c->prompt = prompt;
    c->codec = codec;
    make(p, m, c);
    return c->bytes;
}

/* The bytes for one listener. A prompt heard alone is copied from what was encoded when it was loaded. */
static const uint8_t *for_listener(const struct jn_plane *p, struct jn_mixer *m, const struct jn_room *r,
                                   struct jn_voice *v)
{
    const struct jn_play *play = jn_play_of(r, v);
    uint32_t set = v->hear_set & m->active, was = v->hear_was & m->active;
    const struct jn_sound *s = play ? &p->c.sounds->at[play->sound[play->at]] : NULL;

    v->hear_was = v->hear_set & m->got;
    if (s && (set | was) == 0 && v->codec <= JN_CODEC_PCMA)
        return s->coded[v->codec] + play->off;
    return made(p, m, set, was, s ? s->pcm + play->off : NULL, v->codec);
}

static void hear(struct jn_plane *p, struct jn_voice *v, uint64_t now_ns)
{
    struct jn_mixer *m = &p->mixer;
    const struct jn_mix_ops *ops = jn_mix();
    int16_t *pcm = m->pcm[v->seat];

    jn_jbuf_get(v->jb, pcm, now_ns);
    if (v->gain != JN_UNITY || v->gain_was != JN_UNITY) {
        ops->ramp(pcm, v->gain_was, v->gain, JN_TICK_SAMPLES);
        v->gain_was = v->gain;
    }
    m->got |= UINT32_C(1) << v->seat;
    uint16_t peak = ops->peak(pcm, JN_TICK_SAMPLES);
    if (peak == 0)
        return;
    m->active |= UINT32_C(1) << v->seat;
    uint8_t level = jn_level_of_peak(peak);
    v->level = level <= v->level ? level : v->level + 1;
}

static void hear_all(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    p->mixer.active = p->mixer.got = 0;
    p->mixer.summed = false;
    p->mixer.n = 0;
    for (uint32_t left = r->seated; left != 0; left &= left - 1) {
        struct jn_voice *v = &p->voice[r->seat[__builtin_ctz(left)]];
        if (v->flow == JN_FLOW_MIX) /* the rest is said by jn_flow_tick */
            hear(p, v, now_ns);
    }
}

static void tell(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, struct jn_out *o, uint64_t now_ns)
{
    if (v->fed != 0) {
        v->hear_was = v->hear_set & (p->mixer.got | v->fed);
        return;
    }
    if (!v->format_known || !jn_leg_may_send(v->mode)) {
        if (v->leg_at != JN_NONE)
            p->leg[v->leg_at].tx.tag = 0; /* what comes after a hold is a new talk */
        if (v->hello_due)
            jn_link_hello(p, v);
        v->hear_was = v->hear_set & p->mixer.got;
        return;
    }
    o->ts = jn_mix_ts(v, now_ns);
    o->tag = jn_mix_tag(p, v);
    o->payload = for_listener(p, &p->mixer, r, v);
    jn_voice_out(p, v, o, now_ns);
    p->counts.mixed++;
}

void jn_room_tick(struct jn_plane *p, struct jn_room *r, uint64_t ms)
{
    uint64_t now_ns = ms * NS_PER_MS;

    hear_all(p, r, now_ns);
    struct jn_out o = {.len = JN_TICK_SAMPLES};
    bool fed = jn_flow_fed(p, r);
    for (unsigned i = 0; i < r->n; i++) {
        if (i + AHEAD < r->n)
            __builtin_prefetch(&p->voice[r->member[i + AHEAD]]);
        tell(p, r, &p->voice[r->member[i]], &o, now_ns);
    }
    jn_play_advance(p, r, now_ns);
    jn_flow_tick(p, r, now_ns);
    if (fed)
        jn_flow_unfed(p, r);
    jn_seats_clear(p, r);
    if (ms / JN_PHASES % TELL == 0)
        jn_seats_idle(p, r, now_ns);
    if (r->relay)
        jn_room_changed(p, r, now_ns);
}
