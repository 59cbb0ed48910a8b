/* Tick: one period of 20 ms of a mixing room: a period out of every jitter buffer that is heard, one mix for each
 * distinct set of speakers, one encoding for each distinct (mix, codec), one frame for each listener. */
#include "media/mix/mix.h"
#include "media/stream/state.h"
#include <string.h>

enum { TELL = 50 };

/* One encoded mix: who is in it, what prompt, in which codec. */
struct coded {
    const int16_t *prompt;
    uint32_t set;
    uint8_t codec;
    uint8_t bytes[JN_TICK_SAMPLES];
};
struct mixer {
    uint32_t active; /* places that sound now */
    bool summed;
    unsigned n;
    const int16_t *pcm[JN_ROOM_MEMBERS_MAX];
    _Alignas(32) int32_t total[JN_TICK_SAMPLES];
    struct coded made[JN_ROOM_MEMBERS_MAX];
};

static bool silent(const int16_t *pcm)
{
    int16_t any = 0;
    for (unsigned i = 0; i < JN_TICK_SAMPLES; i++)
        any |= pcm[i];
    return any == 0;
}

static void sum(struct mixer *m, int32_t *acc, uint32_t set)
{
    const struct jn_mix_ops *ops = jn_mix();
    for (; set != 0; set &= set - 1)
        ops->add(acc, m->pcm[__builtin_ctz(set)], JN_TICK_SAMPLES);
}

/* The sound of a set of speakers and a prompt: from the sum of all when that is shorter (mix-minus), saturated once. */
static void mixed(struct mixer *m, int16_t *out, uint32_t set, const int16_t *prompt)
{
    const struct jn_mix_ops *ops = jn_mix();
    uint32_t others = m->active & ~set;
    _Alignas(32) int32_t acc[JN_TICK_SAMPLES];

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

static const uint8_t *coded_mix(const struct jn_plane *p, struct mixer *m, uint32_t set, const int16_t *prompt,
                                uint8_t codec)
{
    for (unsigned i = 0; i < m->n; i++)
        if (m->made[i].set == set && m->made[i].prompt == prompt && m->made[i].codec == codec)
            return m->made[i].bytes;
    struct coded *c = &m->made[m->n++];
    c->set = set;
    c->prompt = prompt;
    c->codec = codec;
    _Alignas(32) int16_t pcm[JN_TICK_SAMPLES];
    const int16_t *from = pcm;
    if (!prompt && set != 0 && (set & (set - 1)) == 0)
        from = m->pcm[__builtin_ctz(set)];
    else
        mixed(m, pcm, set, prompt);
    encode(p, codec, c->bytes, from);
    return c->bytes;
}

/* Whom the listener heard until now goes, who is new comes, both within one period. */
static const uint8_t *crossed(const struct jn_plane *p, struct mixer *m, uint8_t *bytes, uint32_t from, uint32_t to,
                              const int16_t *prompt, uint8_t codec)
{
    _Alignas(32) int16_t old[JN_TICK_SAMPLES], pcm[JN_TICK_SAMPLES];

    mixed(m, old, from, prompt);
    mixed(m, pcm, to, prompt);
    for (int i = 0; i < JN_TICK_SAMPLES; i++)
        pcm[i] = (int16_t)((old[i] * (JN_TICK_SAMPLES - i) + pcm[i] * i) / JN_TICK_SAMPLES);
    encode(p, codec, bytes, pcm);
    return bytes;
}

/* The bytes for one listener. A prompt heard alone is copied from what was encoded when it was loaded. own: for what
 * nobody else hears. */
static const uint8_t *for_listener(const struct jn_plane *p, struct mixer *m, const struct jn_room *r,
                                   struct jn_voice *v, uint8_t *own)
{
    const struct jn_play *play = jn_play_of(r, v);
    uint32_t set = v->hear_set & m->active, was = v->hear_was & m->active;
    bool tail = v->tail;

    v->hear_was = v->hear_set;
    v->tail = false;
    if (was != set)
        return crossed(p, m, own, was, set, play ? p->c.sounds->at[play->sound[play->at]].pcm + play->off : NULL,
                       v->codec);
    if (!play && tail)
        return coded_mix(p, m, set, r->tail, v->codec);
    if (!play)
        return coded_mix(p, m, set, NULL, v->codec);
    const struct jn_sound *s = &p->c.sounds->at[play->sound[play->at]];
    if (set == 0)
        return s->coded[v->codec] + play->off;
    return coded_mix(p, m, set, s->pcm + play->off, v->codec);
}

static void hear_all(struct jn_plane *p, struct jn_room *r, struct mixer *m, uint64_t now_ns)
{
    uint32_t was = 0; /* who was heard until now fades */

    m->active = 0;
    m->summed = false;
    m->n = 0;
    for (unsigned i = 0; i < r->n; i++)
        was |= p->voice[r->member[i]].hear_was;
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = &p->voice[r->member[i]];
        m->pcm[i] = v->pcm;
        if ((!v->heard && (was >> i & 1) == 0) || v->flow != JN_FLOW_MIX) /* the rest is said by jn_flow_tick */
            continue;
        jn_jbuf_get(v->jb, v->pcm, now_ns);
        if (!silent(v->pcm))
            m->active |= UINT32_C(1) << i;
    }
}

static void now_and_then(struct jn_plane *p, struct jn_room *r, uint64_t ms)
{
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = &p->voice[r->member[i]];
        if (v->hello_due)
            jn_link_hello(p, v);
        if (ms / 20 % TELL == 0)
            jn_voice_tell(p, v);
    }
}

void jn_room_tick(struct jn_plane *p, struct jn_room *r, uint64_t ms)
{
    struct mixer m;
    uint64_t now_ns = ms * NS_PER_MS;

    hear_all(p, r, &m, now_ns);
    uint8_t own[JN_TICK_SAMPLES];
    struct jn_out o = {.len = JN_TICK_SAMPLES};
    uint32_t fed = jn_flow_fed(p, r);
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = &p->voice[r->member[i]];
        if ((fed >> i & 1) != 0)
            continue;
        if (!v->format_known || !jn_leg_may_send(v->mode)) {
            if (v->leg_at != JN_NONE)
                p->leg[v->leg_at].tx.tag = 0; /* what comes after a hold is a new talk */
            continue;
        }
        o.ts = jn_mix_ts(v, now_ns);
        o.tag = jn_mix_tag(p, v);
        o.payload = for_listener(p, &m, r, v, own);
        jn_voice_out(p, v, &o, now_ns);
        p->counts.mixed++;
    }
    jn_play_advance(p, r, fed, now_ns);
    jn_flow_tick(p, r, now_ns);
    now_and_then(p, r, ms);
    if (r->relay)
        jn_room_changed(p, r, now_ns);
}
