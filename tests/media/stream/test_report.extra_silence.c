/* Silence of codecs whose bytes are no samples, where they are relayed and where they are decoded. */
#include "media/codec/codec.h"
#include "media/stream/state.h"
#include "rig.h"
#include <math.h>

enum { QUIET_MS = 3000, EXT_ID = 2 };

/* Room noise at -75 dBov, or words: a tone that swells four times a second. */
static void fill(int16_t *pcm, unsigned n, unsigned rate, bool words, unsigned at, uint32_t *seed)
{
    for (unsigned i = 0; i < n; i++) {
        double t = (double)(at + i) / rate;
        *seed = *seed * 1664525u + 1013904223u;
        pcm[i] = (int16_t)((int)(*seed >> 29) - 4);
        if (words)
            pcm[i] = (int16_t)(pcm[i] + lrint(1500 * (1 - cos(2 * M_PI * 4 * t)) * sin(2 * M_PI * 440 * t)));
    }
}

struct mouth {
    struct party party;
    void *enc;
    unsigned at;
    uint32_t seed;
};

static void say(struct rig *r, struct mouth *m, bool words, bool levels)
{
    const struct jn_codec_ops *ops = jn_codec(m->party.remote.codec);
    struct party *who = &m->party;
    int16_t pcm[960];
    uint8_t coded[500], data[600];
    unsigned n = ops->rate / 50;

    fill(pcm, n, ops->rate, words, m->at, &m->seed);
    m->at += n;
    int bytes = ops->encode(m->enc, coded, sizeof coded, pcm, n);
    cr_assert_gt(bytes, 2);
    uint16_t len = rig_packet(who, data, who->remote.rtp_pt, false, coded, (uint16_t)bytes);
    who->ts += ops->clock / 50;
    if (levels) {
        memmove(data + 20, data + 12, (size_t)bytes);
        memcpy(data + 12, (uint8_t[]){0xbe, 0xde, 0, 1, EXT_ID << 4, words ? 30 : 76, 0, 0}, 8);
        data[0] |= 0x10;
        len = (uint16_t)(len + 8);
    }
    rig_inject(r, who, &who->addr, data, len, who->local);
}

static struct party leg(struct rig *r, uint64_t id, uint8_t codec)
{
    struct party who = rig_leg_open(r, id);

    who.remote.codec = codec;
    who.remote.rtp_pt = codec == JN_CODEC_OPUS ? 111 : jn_codec(codec)->static_pt;
    who.remote.profile = (struct jn_codec_profile){.bitrate = 24000, .complexity = 2};
    who.remote.level_id = EXT_ID;
    rig_remote(r, &who);
    rig_join(r, id, 50, JN_TRACK_OTHER);
    return who;
}

/* How often trouble began or ended, all of it leg 1's; the last one. */
static unsigned troubles(struct rig *r, struct jn_fact *last)
{
    unsigned n = 0;

    while (rig_fact(r)->kind != JN_FACT_NONE)
        if (r->fact.kind == JN_FACT_LEG_TROUBLE) {
            cr_assert_eq(r->fact.trouble.what, JN_TROUBLE_SILENCE);
            cr_assert_eq(r->fact.leg, 1);
            *last = r->fact;
            n++;
        }
    return n;
}

static void silence_is_told(uint8_t codec, unsigned others, bool levels)
{
    const struct jn_codec_ops *ops = jn_codec(codec);
    struct jn_codec_profile profile = {.bitrate = 24000, .complexity = 2};
    struct rig *r = rig_open();
    struct jn_fact f = {0};
    unsigned told = 0;

    r->p->c.quiet_ms = QUIET_MS;
    rig_room(r, 50);
    struct mouth m = {.party = leg(r, 1, codec), .seed = 7};
    for (unsigned i = 0; i < others; i++)
        leg(r, 2 + i, codec);
    m.enc = aligned_alloc(64, (ops->encoder_bytes(ops->rate) + 63) / 64 * 64);
    cr_assert_eq(ops->encoder_init(m.enc, ops->rate, &profile), 0);
    for (unsigned i = 0; i < 5 * QUIET_MS / 20; i++, rig_run(r, 20)) { /* it talks, then it does not, then it does */
        unsigned ms = i * 20;
        bool talks = ms < 2 * QUIET_MS || ms >= 4 * QUIET_MS;
        r->sent_n = 0;
        say(r, &m, talks, levels);
        if (troubles(r, &f) == 0)
            continue;
        cr_assert_eq(f.trouble.on, !talks, "codec %u, %u others: at %u ms", codec, others, ms);
        told++;
    }
    cr_assert_eq(told, 2, "codec %u, %u others: told %u times", codec, others, told);
    rig_close(r);
    free(m.enc);
}

Test(report, silence_is_told_of_every_codec)
{
    for (unsigned others = 1; others <= 2; others++) { /* relayed; decoded */
        silence_is_told(JN_CODEC_G722, others, false);
        silence_is_told(JN_CODEC_OPUS, others, true);
    }
    silence_is_told(JN_CODEC_OPUS, 2, false);
}
