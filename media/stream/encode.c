/* Encode: each distinct mix once for each way to encode it. G.711 has no state: any listener's mix is encoded where it
 * is needed. The others have: whoever hears the same is heard through one encoder, from period to period, and takes
 * another one only when it hears something else. */
#include "media/mix/mix.h"
#include "media/stream/state.h"
#include "media/tone/coded.h"
#include <string.h>

enum { STILL = 10 };

static uint16_t units_of_ms(const struct jn_codec_ops *ops, unsigned ms)
{
    return (uint16_t)(ops->clock / 1000 * ms);
}

static void g711(const struct jn_plane *p, struct jn_mixer *m, struct jn_made *c)
{
    _Alignas(64) int16_t own[160];
    const int16_t *pcm = jn_mixer_sound(m, &c->sort, JN_RATE_8, own);

    if (c->sort.codec == JN_CODEC_PCMA)
        p->g711->encode_alaw(c->bytes[0], pcm, 160);
    else
        p->g711->encode_ulaw(c->bytes[0], pcm, 160);
    c->at[0] = c->bytes[0];
    c->len[0] = c->units = 160;
    c->back = 0;
    c->frames = 1;
    c->marker = false;
}

/* One frame of n samples goes out, unless the codec has nothing to say (DTX). */
static void frame(struct jn_made *c, struct jn_encoder *e, const int16_t *pcm, unsigned n)
{
    const struct jn_codec_ops *ops = jn_codec(e->codec);
    int len = ops->encode(e->state, c->bytes[c->frames], JN_CODEC_BYTES_MAX, pcm, n);

    if (len <= 0) {
        e->quiet = true;
        return;
    }
    if (c->frames == 0)
        c->marker = e->quiet;
    e->quiet = false;
    c->at[c->frames] = c->bytes[c->frames];
    c->len[c->frames++] = (uint16_t)len;
}

/* Silence that lasts becomes the same bytes each time: the last ones do. */
static bool shelved(struct jn_made *c, struct jn_encoder *e, const int16_t *pcm, unsigned n)
{
    if (jn_mix()->peak(pcm, n) > 0) {
        e->still = 0;
        return false;
    }
    if (e->still < STILL) {
        e->still++;
        e->shelf_len = 0;
        return false;
    }
    if (e->shelf_len == 0)
        return false;
    memcpy(c->bytes[0], e->shelf, e->shelf_len);
    c->at[0] = c->bytes[0];
    c->len[0] = e->shelf_len;
    c->frames = 1;
    return true;
}

static void opus(struct jn_made *c, struct jn_encoder *e, const int16_t *pcm, unsigned n)
{
    const struct jn_codec_ops *ops = jn_codec(e->codec);
    unsigned want = n * e->ptime_ms / JN_PERIOD_MS;

    c->units = units_of_ms(ops, e->ptime_ms);
    if (e->ptime_ms == 10) {
        frame(c, e, pcm, want);
        frame(c, e, pcm + want, want);
        return;
    }
    if (e->ptime_ms > JN_PERIOD_MS) {
        memcpy(e->acc + e->acc_n, pcm, n * sizeof *pcm);
        e->acc_n = (uint16_t)(e->acc_n + n);
        c->back = (uint16_t)(c->units - units_of_ms(ops, JN_PERIOD_MS));
        if (e->acc_n < want)
            return;
        e->acc_n = 0;
        frame(c, e, e->acc, want);
        return;
    }
    if (shelved(c, e, pcm, n))
        return;
    frame(c, e, pcm, n);
    if (e->still == STILL && c->frames == 1 && c->len[0] <= sizeof e->shelf) {
        memcpy(e->shelf, c->bytes[0], c->len[0]);
        e->shelf_len = (uint8_t)c->len[0];
    }
}

static void with_state(struct jn_mixer *m, struct jn_made *c)
{
    _Alignas(64) int16_t own[JN_PERIOD_MAX];
    unsigned rate = jn_rate_of(c->sort.codec);

    c->frames = 0;
    c->back = 0;
    c->marker = false;
    if (!c->enc)
        return;
    const int16_t *pcm = jn_mixer_sound(m, &c->sort, rate, own);
    c->units = units_of_ms(jn_codec(c->sort.codec), JN_PERIOD_MS);
    if (c->sort.codec == JN_CODEC_G722) {
        c->loud = jn_vad_measure(pcm, jn_rate_samples(rate));
        frame(c, c->enc, pcm, jn_rate_samples(rate));
    } else {
        opus(c, c->enc, pcm, jn_rate_samples(rate));
    }
}

void jn_made_encode(struct jn_plane *p, struct jn_made *c)
{
    if (c->encoded)
        return;
    c->encoded = true;
    if (c->sort.codec <= JN_CODEC_PCMA)
        g711(p, &p->mixer, c);
    else
        with_state(&p->mixer, c);
}

static bool alike(const struct jn_codec_profile *a, const struct jn_codec_profile *b)
{
    return a->bitrate == b->bitrate && a->complexity == b->complexity && a->loss_percent == b->loss_percent &&
           a->fec == b->fec && a->dtx == b->dtx;
}

static bool same(const struct jn_sort *a, const struct jn_sort *b)
{
    return a->set == b->set && a->was == b->was && a->prompt == b->prompt && a->codec == b->codec &&
           (a->codec <= JN_CODEC_PCMA || (a->ptime_ms == b->ptime_ms && alike(&a->profile, &b->profile)));
}

/* A packet of 30 or 50 ms is none of Opus's: 20 are sent then. The other codecs' packets are cut from periods. */
static uint8_t frame_ms(const struct jn_voice *v)
{
    bool can = v->codec == JN_CODEC_OPUS && (v->ptime_ms == 10 || v->ptime_ms == 40 || v->ptime_ms == 60);
    return can ? v->ptime_ms : JN_PERIOD_MS;
}

/* A prompt heard alone is what was encoded when it was loaded. */
static void loaded(const struct jn_plane *p, struct jn_made *c, const struct jn_play *play)
{
    const struct jn_sound *s = &p->c.sounds->at[play->sound[play->at]];
    unsigned len;

    if (c->sort.codec == JN_CODEC_OPUS && c->sort.ptime_ms != JN_PERIOD_MS)
        return;
    c->at[0] = jn_sound_coded(s, c->sort.codec, play->off, &len);
    if (!c->at[0])
        return; /* an encoder does it until they are made */
    if (c->sort.codec == JN_CODEC_G722)
        c->loud = jn_vad_measure(c->sort.prompt, jn_rate_samples(JN_RATE_8));
    c->len[0] = (uint16_t)len;
    c->units = units_of_ms(jn_codec(c->sort.codec), JN_PERIOD_MS);
    c->back = 0;
    c->frames = 1;
    c->marker = false;
    c->encoded = true;
}

struct jn_made *jn_made_for(struct jn_plane *p, const struct jn_room *r, struct jn_voice *v)
{
    struct jn_mixer *m = &p->mixer;
    const struct jn_play *play = jn_play_of(r, v);
    uint32_t seen =
        v->codec <= JN_CODEC_PCMA ? m->active : m->got; /* an encoder's listeners stay together in silence */
    struct jn_sort want = {.set = v->hear_set & seen, .was = v->hear_was & seen, .codec = v->codec};

    v->hear_was = v->hear_set & m->got;
    if (play) {
        want.prompt = p->c.sounds->at[play->sound[play->at]].pcm + play->off;
        want.prompt_begins = play->off == 0;
    }
    if (v->codec > JN_CODEC_PCMA) {
        want.ptime_ms = frame_ms(v);
        want.profile = v->profile;
    }
    for (unsigned i = m->n; i-- > 0;)
        if (same(&m->made[i].sort, &want))
            return &m->made[i];
    struct jn_made *c = &m->made[m->n < JN_MADE_MAX ? m->n++ : JN_MADE_MAX];
    c->sort = want;
    c->encoded = false;
    c->enc = NULL;
    c->listeners = 0;
    if (play && (want.set | want.was) == 0)
        loaded(p, c, play);
    return c;
}

void jn_voice_give_encoder(struct jn_plane *p, struct jn_voice *v)
{
    if (v->enc && --v->enc->listeners == 0)
        jn_slab_give(&p->encoders[v->enc->codec], v->enc);
    v->enc = NULL;
}

struct jn_encoder *jn_encoder_new(struct jn_plane *p, const struct jn_made *c)
{
    struct jn_encoder *e = jn_slab_take(&p->encoders[c->sort.codec]);

    if (!e) {
        p->counts.no_encoder++;
        return NULL;
    }
    memset(e, 0, offsetof(struct jn_encoder, acc));
    e->codec = c->sort.codec;
    e->ptime_ms = c->sort.ptime_ms;
    e->profile = c->sort.profile;
    if (jn_codec(c->sort.codec)->encoder_init(e->state, jn_codec(c->sort.codec)->rate, &c->sort.profile) < 0) {
        jn_slab_give(&p->encoders[c->sort.codec], e);
        return NULL;
    }
    return e;
}

/* Which encoder goes on with a mix is what most of its listeners heard; no two mixes have the same. */
void jn_made_gather(struct jn_made *c, const struct jn_voice *v)
{
    c->listeners++;
    if (v->enc && v->enc->codec == c->sort.codec && v->enc->ptime_ms == c->sort.ptime_ms &&
        alike(&v->enc->profile, &c->sort.profile) && (!c->enc || v->enc->listeners > c->enc->listeners))
        c->enc = v->enc;
}

void jn_made_settle(struct jn_plane *p)
{
    struct jn_mixer *m = &p->mixer;

    for (unsigned left = m->n; left > 0; left--) {
        struct jn_made *most = NULL;
        for (unsigned i = 0; i < m->n; i++) {
            struct jn_made *c = &m->made[i];
            if (c->sort.codec > JN_CODEC_PCMA && !c->encoded && (!most || c->listeners > most->listeners))
                most = c;
        }
        if (!most)
            return;
        if (!most->enc || most->enc->claimed == m->period)
            most->enc = jn_encoder_new(p, most);
        if (most->enc)
            most->enc->claimed = m->period;
        jn_made_encode(p, most);
    }
}

void jn_voice_follow_encoder(struct jn_plane *p, struct jn_voice *v, const struct jn_made *c)
{
    if (v->enc == c->enc)
        return;
    jn_voice_give_encoder(p, v);
    v->enc = c->enc;
    if (v->enc)
        v->enc->listeners++;
}
