/* Mixer: the sound of a set of seats and a prompt, at one rate, saturated once. */
#include "media/stream/mixer.h"
#include "media/mix/mix.h"
#include <string.h>

uint8_t jn_rate_of(uint8_t codec)
{
    const struct jn_codec_ops *ops = jn_codec(codec);
    return !ops || ops->rate == 8000 ? JN_RATE_8 : ops->rate == 16000 ? JN_RATE_16 : JN_RATE_48;
}

void jn_mixer_begin(struct jn_mixer *m)
{
    m->active = m->got = 0;
    m->summed = 0;
    m->n = m->prompts = 0;
    m->period++;
}

static void sum(struct jn_mixer *m, unsigned rate, int32_t *acc, uint32_t set)
{
    const struct jn_mix_ops *ops = jn_mix();
    for (; set != 0; set &= set - 1)
        ops->add(acc, jn_mixer_pcm(m, rate, (unsigned)__builtin_ctz(set)), jn_rate_samples(rate));
}

static int32_t *total(struct jn_mixer *m, unsigned rate)
{
    int32_t *t = rate == JN_RATE_8 ? m->total8 : rate == JN_RATE_16 ? m->total16 : m->total48;

    if ((m->summed >> rate & 1) == 0) {
        memset(t, 0, jn_rate_samples(rate) * sizeof *t);
        sum(m, rate, t, m->active);
        m->summed |= (uint8_t)(1u << rate);
    }
    return t;
}

/* The prompt's period at that rate. Its filter is filled with the period before, which stands in front of it. */
static const int16_t *prompt_at(struct jn_mixer *m, const struct jn_sort *c, unsigned rate)
{
    static const int16_t nothing[160];
    int16_t before[JN_PERIOD_MAX];
    struct jn_resample r;
    unsigned i = 0;

    if (rate == JN_RATE_8 || !c->prompt)
        return c->prompt;
    for (; i < m->prompts; i++)
        if (m->prompt[i].at == c->prompt && m->prompt[i].rate == rate)
            return m->prompt[i].pcm;
    i = m->prompts < JN_PROMPTS_MAX ? m->prompts++ : JN_PROMPTS_MAX - 1;
    m->prompt[i].at = c->prompt;
    m->prompt[i].rate = rate;
    jn_resample_init(&r, 8000, jn_rate_hz(rate));
    jn_resample(&r, before, c->prompt_begins ? nothing : c->prompt - 160, 160);
    jn_resample(&r, m->prompt[i].pcm, c->prompt, 160);
    return m->prompt[i].pcm;
}

/* From the sum of all when that is shorter (mix-minus). */
static void mixed(struct jn_mixer *m, unsigned rate, int16_t *out, uint32_t set, const int16_t *prompt)
{
    const struct jn_mix_ops *ops = jn_mix();
    unsigned n = jn_rate_samples(rate), first = (unsigned)__builtin_ctz(set | UINT32_C(1) << 31);
    uint32_t others = m->active & ~set;
    _Alignas(64) int32_t acc[JN_PERIOD_MAX];

    if (!prompt && __builtin_popcount(set) == 2) {
        ops->two(out, jn_mixer_pcm(m, rate, first), jn_mixer_pcm(m, rate, (unsigned)__builtin_ctz(set & (set - 1))), n);
        return;
    }
    if (2 * __builtin_popcount(set) <= __builtin_popcount(m->active)) {
        memset(acc, 0, n * sizeof *acc);
        sum(m, rate, acc, set);
    } else {
        const int32_t *all = total(m, rate);
        if (!prompt && others != 0 && (others & (others - 1)) == 0) {
            ops->minus(out, all, jn_mixer_pcm(m, rate, (unsigned)__builtin_ctz(others)), n);
            return;
        }
        memcpy(acc, all, n * sizeof *acc);
        for (; others != 0; others &= others - 1)
            ops->sub(acc, jn_mixer_pcm(m, rate, (unsigned)__builtin_ctz(others)), n);
    }
    if (prompt)
        ops->add(acc, prompt, n);
    ops->pack(out, acc, n);
}

/* Whom the listener heard until now goes, who is new comes, both within one period. */
const int16_t *jn_mixer_sound(struct jn_mixer *m, const struct jn_sort *c, unsigned rate, int16_t *out)
{
    _Alignas(64) int16_t old[JN_PERIOD_MAX];
    uint32_t set = c->set & m->active, was = c->was & m->active;
    const int16_t *prompt = prompt_at(m, c, rate);

    if (was == set && !prompt && set != 0 && (set & (set - 1)) == 0)
        return jn_mixer_pcm(m, rate, (unsigned)__builtin_ctz(set));
    if (was == set && prompt && set == 0)
        return prompt;
    mixed(m, rate, out, set, prompt);
    if (was != set) {
        mixed(m, rate, old, was, prompt);
        jn_mix()->cross(out, old, jn_rate_samples(rate));
    }
    return out;
}
