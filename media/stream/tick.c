/* Tick: one period of 20 ms of a mixing room: a period out of every jitter buffer that is heard, one mix for each
 * distinct set of speakers, one encoding for each distinct (mix, codec, profile), one frame for each listener. */
#include "media/mix/mix.h"
#include "media/stream/state.h"

enum { TELL = 50, NOTHING = 255 };
static_assert((int)JN_MADE_MAX < (int)NOTHING, "a member's pick fits a byte");

static void resample(struct jn_plane *p, const struct jn_room *r, struct jn_voice *v, unsigned native,
                     const int16_t *pcm)
{
    unsigned need = r->rates & ~(1u << native);

    if (v->rates)
        v->rates->on &= (uint8_t)need;
    for (; need != 0; need &= need - 1) {
        unsigned rate = (unsigned)__builtin_ctz(need);
        jn_resample(jn_voice_rate(p, v, rate), jn_mixer_pcm(&p->mixer, rate, v->seat), pcm, jn_rate_samples(native));
    }
}

static void hear(struct jn_plane *p, const struct jn_room *r, struct jn_voice *v, uint64_t now_ns)
{
    struct jn_mixer *m = &p->mixer;
    const struct jn_mix_ops *ops = jn_mix();
    unsigned native = jn_rate_of(v->jb_codec), n = jn_rate_samples(native);
    int16_t *pcm = jn_mixer_pcm(m, native, v->seat);

    jn_jbuf_get(v->jb, pcm, now_ns);
    if (v->gained) {
        ops->ramp(pcm, v->gain_was, v->gain, n);
        v->gain_was = v->gain;
        v->gained = v->gain != JN_UNITY;
    }
    m->got |= UINT32_C(1) << v->seat;
    uint16_t peak = ops->peak(pcm, n);
    uint8_t level = jn_level_of_peak(peak);
    v->level = level <= v->level ? level : v->level + 1;
    if (v->claim != JN_LEVEL_UNKNOWN && !v->gained)
        jn_seat_judge(v, level);
    if (peak > 0)
        m->active |= UINT32_C(1) << v->seat;
    if (r->rates != 1u << native)
        resample(p, r, v, native, pcm);
}

static void hear_all(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    jn_mixer_begin(&p->mixer);
    jn_ahead_seats(p, r);
    for (uint32_t left = r->seated; left != 0; left &= left - 1) {
        struct jn_voice *v = &p->voice[r->seat[__builtin_ctz(left)]];
        if (v->flow == JN_FLOW_MIX) /* the rest is said by jn_flow_tick */
            hear(p, r, v, now_ns);
    }
}

/* Whether v is told the mix in this period. */
static bool listens(struct jn_plane *p, struct jn_voice *v)
{
    if (v->fed != 0) {
        v->hear_was = v->hear_set & (p->mixer.got | v->fed);
        return false;
    }
    if (v->format_known && jn_leg_may_send(v->mode))
        return true;
    if (v->leg_at != JN_NONE)
        p->leg[v->leg_at].tx.tag = 0; /* what comes after a hold is a new talk */
    if (v->hello_due)
        jn_link_hello(p, v);
    v->hear_was = v->hear_set & p->mixer.got;
    return false;
}

static void tell(struct jn_plane *p, struct jn_voice *v, const struct jn_made *c, uint64_t now_ns)
{
    struct jn_out o = {
        .ts = jn_mix_ts(v, now_ns) - c->back, .tag = jn_mix_tag(p, v), .units = c->units, .loud = c->loud};

    o.marker = c->marker;
    for (unsigned i = 0; i < c->frames; i++) {
        o.payload = c->at[i];
        o.len = c->len[i];
        jn_voice_out(p, v, &o, now_ns);
        p->counts.mixed++;
        o.ts += c->units;
        o.marker = false;
    }
}

static struct jn_voice *member(const struct jn_plane *p, const struct jn_room *r, unsigned i, bool leg)
{
    jn_ahead_member(p, r, i, leg);
    return &p->voice[r->member[i]];
}

/* Without states each listener's mix is encoded when the first one asks for it. */
static void tell_all(struct jn_plane *p, const struct jn_room *r, uint64_t now_ns)
{
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = member(p, r, i, true);
        if (!listens(p, v))
            continue;
        struct jn_made *c = jn_made_for(p, r, v);
        jn_made_encode(p, c);
        tell(p, v, c, now_ns);
    }
}

/* For one listener among too many different ones. */
static void tell_alone(struct jn_plane *p, struct jn_voice *v, struct jn_made *c, uint64_t now_ns)
{
    if (c->sort.codec > JN_CODEC_PCMA && !c->encoded) {
        jn_made_gather(c, v);
        if (!c->enc || c->enc->listeners > 1 || c->enc->claimed == p->mixer.period)
            c->enc = jn_encoder_new(p, c);
        jn_voice_follow_encoder(p, v, c);
    }
    jn_made_encode(p, c);
    tell(p, v, c, now_ns);
}

/* First who hears what, then each mix by the encoder that most of its listeners know, then the listeners. */
static void tell_by_encoder(struct jn_plane *p, const struct jn_room *r, uint64_t now_ns)
{
    struct jn_mixer *m = &p->mixer;

    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = member(p, r, i, false);
        p->pick[i] = NOTHING;
        if (!listens(p, v))
            continue;
        struct jn_made *c = jn_made_for(p, r, v);
        if (c == &m->made[JN_MADE_MAX]) {
            tell_alone(p, v, c, now_ns);
            continue;
        }
        jn_made_gather(c, v);
        p->pick[i] = (uint8_t)(c - m->made);
    }
    jn_made_settle(p);
    for (unsigned i = 0; i < r->n; i++) {
        if (p->pick[i] == NOTHING)
            continue;
        struct jn_voice *v = member(p, r, i, true);
        struct jn_made *c = &m->made[p->pick[i]];
        if (c->sort.codec > JN_CODEC_PCMA)
            jn_voice_follow_encoder(p, v, c);
        jn_made_encode(p, c);
        tell(p, v, c, now_ns);
    }
}

void jn_room_tick(struct jn_plane *p, struct jn_room *r, uint64_t ms)
{
    uint64_t now_ns = ms * NS_PER_MS;

    hear_all(p, r, now_ns);
    bool fed = jn_flow_fed(p, r);
    if (r->stateful == 0)
        tell_all(p, r, now_ns);
    else
        tell_by_encoder(p, r, now_ns);
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
