/* Everything that can happen to a call's media, in any order, seeded: a supervisor comes, goes and changes mode,
 * prompts, holds, other codecs, silence, new sources, digits, loss. Whatever happens, what a leg is sent is one stream:
 * under SRTP a number used twice would be a key and index used twice. */
#include "turn.h"

TestSuite(turn_random, .timeout = 60);

static uint32_t dice;

static unsigned roll(unsigned n)
{
    dice = dice * 1664525u + 1013904223u;
    return (dice >> 8) % n;
}

/* What was sent to t since the last look: one SSRC, every sequence number at most once, none far off. */
struct seen {
    uint64_t high, mask[4]; /* of the last 256 numbers */
    bool any;
    uint32_t ssrc;
    unsigned from, packets;
};

static void look(struct seen *s, const struct talker *t)
{
    for (; s->from < t->r->sent_n; s->from++) {
        const struct sent *p = &t->r->sent[s->from];
        if (p->rtcp || p->local != t->who.local)
            continue;
        if (!s->any) {
            s->any = true;
            s->ssrc = p->h.ssrc;
            s->high = 0x10000u + p->h.seq;
        } else {
            int16_t step = (int16_t)(p->h.seq - (uint16_t)s->high);
            cr_assert_eq(p->h.ssrc, s->ssrc);
            cr_assert(step > -200 && step < 200, "a jump of %d", step);
            uint64_t ext = s->high + (uint64_t)(int64_t)step;
            unsigned bit = ext % 256;
            if (step > 0) {
                for (uint64_t k = s->high + 1; k < ext; k++)
                    s->mask[k % 256 / 64] &= ~(UINT64_C(1) << k % 64);
                s->high = ext;
            } else {
                cr_assert((s->mask[bit / 64] >> bit % 64 & 1) == 0, "sequence number %u used twice", p->h.seq);
            }
        }
        s->mask[s->high % 256 / 64] |= UINT64_C(1) << s->high % 64;
        s->packets++;
    }
}

static void order_play(struct call *k, struct talker *t, bool on)
{
    struct jn_order o = {.kind = on ? JN_ORDER_PLAY : JN_ORDER_STOP, .leg = t ? t->who.leg : 0, .room = 50, .token = 9};
    o.play.sound[0] = 0;
    o.play.n = 1;
    o.play.loop = roll(2);
    rig_order(k->w->r[0], &o);
}

static void order_hear(struct call *k, const struct talker *t, uint8_t tracks)
{
    struct jn_order o = {.kind = JN_ORDER_HEAR, .leg = t->who.leg, .room = 50, .hear.tracks = tracks};
    rig_order(k->w->r[0], &o);
}

struct state {
    bool third;
    unsigned mute[2], hold[2];
};

static void something(struct call *k, struct state *s)
{
    unsigned side = roll(2);
    struct talker *t = side ? k->b : k->a;
    switch (roll(14)) {
    case 0:
    case 1:
    case 2:
        if (s->third)
            leave(k);
        else
            enter(k, (enum mode)roll(3));
        s->third = !s->third;
        break;
    case 3:
        if (s->third)
            change(k, (enum mode)roll(3));
        break;
    case 4:
        order_play(k, roll(3) ? t : NULL, roll(2));
        break;
    case 5:
        order_hear(k, t, roll(3) ? 0xf : 0);
        break;
    case 6:
        t->who.remote.codec = roll(2) ? JN_CODEC_PCMA : JN_CODEC_PCMU;
        t->who.remote.rtp_pt = t->who.remote.codec == JN_CODEC_PCMA ? 8 : 0;
        rig_remote(t->r, &t->who);
        break;
    case 7:
        t->who.remote.mode = roll(3) ? JN_MODE_SENDRECV : roll(2) ? JN_MODE_INACTIVE : JN_MODE_RECVONLY;
        rig_remote(t->r, &t->who);
        break;
    case 8:
        s->mute[side] = roll(30);
        break;
    case 9: /* another source, another clock */
        t->who.ssrc = dice;
        t->who.seq = (uint16_t)(dice >> 9);
        t->who.ts = dice * 7u;
        break;
    case 10: /* lost on the way */
        t->who.seq = (uint16_t)(t->who.seq + 1 + roll(3));
        t->who.ts += 160 * (1 + roll(3));
        break;
    case 11:
    case 12: /* one overtakes the other, or a turn lies between the two */
        t->who.seq++;
        t->who.ts += 160;
        say(t);
        if (roll(2)) {
            (s->third ? leave(k) : enter(k, BARGE));
            s->third = !s->third;
        }
        pass(k->w, roll(120));
        t->who.seq = (uint16_t)(t->who.seq - 2);
        t->who.ts -= 320;
        say(t);
        t->who.seq++;
        t->who.ts += 160;
        break;
    default:
        press(k, t, 1 + (int)roll(5), roll(2));
    }
}

static void run(unsigned workers, bool srtp, uint32_t seed)
{
    struct call k = begin(workers, JN_CODEC_PCMU, srtp, HZ_A, HZ_B);
    struct seen a = {0}, b = {0}, c = {0};
    struct state s = {0};
    dice = seed;
    for (unsigned frame = 0; frame < 1200; frame++) {
        if (!roll(6))
            something(&k, &s);
        unsigned at = 1 + roll(20), bt = 1 + roll(20);
        for (unsigned ms = 1; ms <= 20; ms++) {
            pass(k.w, 1);
            if (ms == at && !(s.mute[0] && s.mute[0]--))
                say(k.a);
            if (ms == bt && !(s.mute[1] && s.mute[1]--))
                say(k.b);
            if (ms == 9)
                say(k.c);
        }
        look(&a, k.a);
        look(&b, k.b);
        look(&c, k.c);
        for (unsigned i = 0; i < k.w->n; i++) { /* kept packets are looked at: the next ones have their places */
            if (k.w->r[i]->sent_n < RIG_SENT / 2)
                continue;
            k.w->r[i]->sent_n = 0;
            a.from = k.a->r == k.w->r[i] ? 0 : a.from;
            b.from = k.b->r == k.w->r[i] ? 0 : b.from;
            c.from = k.c->r == k.w->r[i] ? 0 : c.from;
        }
    }
    cr_assert(a.packets > 300 && b.packets > 300, "%u %u", a.packets, b.packets);
    end(&k);
}

Test(turn_random, whatever_happens_each_leg_is_sent_one_stream)
{
    for (uint32_t seed = 1; seed <= 12; seed++)
        run(1 + seed % 2, false, seed);
}

Test(turn_random, and_with_srtp)
{
    for (uint32_t seed = 1; seed <= 4; seed++)
        run(2, true, 100 + seed);
}
