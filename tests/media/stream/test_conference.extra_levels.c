/* Conferences: talkers by the levels that their senders say (RFC 6464), where the bytes of their codec show none. */
#include "media/codec/codec.h"
#include "rig.h"
#include <math.h>

TestSuite(levels, .timeout = 60);

enum { TALKERS = 2, EXT_ID = 3, RATE = 16000, PERIOD = RATE / 50, NO_LEVEL = 255 };

/* amp: of its tone, 0: it sends nothing. claims: the level that it says, NO_LEVEL: none. */
struct talker {
    struct party party;
    void *enc;
    double hz, amp, phase;
    uint8_t claims;
};
struct hall {
    struct rig *r;
    struct talker t[5];
    struct party listener;
    void *dec;
    int16_t heard[10 * PERIOD];
};

static struct party g722_leg(struct hall *h, uint64_t id)
{
    struct party who = rig_leg_open(h->r, id);

    who.remote.codec = JN_CODEC_G722;
    who.remote.rtp_pt = 9;
    who.remote.level_id = EXT_ID;
    rig_remote(h->r, &who);
    rig_join(h->r, id, 50, JN_TRACK_OTHER);
    return who;
}

static struct hall *hall_open(void)
{
    struct hall *h = calloc(1, sizeof *h);
    const struct jn_codec_ops *ops = jn_codec(JN_CODEC_G722);
    struct jn_codec_profile profile = {0};

    h->r = rig_open();
    rig_order(h->r, &(struct jn_order){.kind = JN_ORDER_ROOM_OPEN, .room = 50, .room_open.talkers = TALKERS});
    for (unsigned i = 0; i < 5; i++) {
        struct talker *t = &h->t[i];
        *t = (struct talker){.party = g722_leg(h, i + 1), .hz = 400 + 150 * i, .claims = NO_LEVEL};
        t->enc = aligned_alloc(64, (ops->encoder_bytes(RATE) + 63) / 64 * 64);
        cr_assert_eq(ops->encoder_init(t->enc, RATE, &profile), 0);
    }
    h->listener = g722_leg(h, 6);
    h->dec = aligned_alloc(64, (ops->decoder_bytes(RATE) + 63) / 64 * 64);
    cr_assert_eq(ops->decoder_init(h->dec, RATE), 0);
    return h;
}

static void hall_close(struct hall *h)
{
    for (unsigned i = 0; i < 5; i++)
        free(h->t[i].enc);
    free(h->dec);
    rig_close(h->r);
    free(h);
}

static void say(struct hall *h, struct talker *t)
{
    int16_t pcm[PERIOD];
    uint8_t coded[160], data[600];
    struct party *who = &t->party;

    for (unsigned i = 0; i < PERIOD; i++, t->phase += 2 * M_PI * t->hz / RATE)
        pcm[i] = (int16_t)lrint(t->amp * sin(t->phase));
    cr_assert_eq(jn_codec(JN_CODEC_G722)->encode(t->enc, coded, sizeof coded, pcm, PERIOD), 160);
    uint16_t len = rig_packet(who, data, 9, false, coded, 160);
    who->ts += 160;
    if (t->claims != NO_LEVEL) {
        memmove(data + 20, data + 12, 160);
        memcpy(data + 12, (uint8_t[]){0xbe, 0xde, 0, 1, EXT_ID << 4, t->claims, 0, 0}, 8);
        data[0] |= 0x10;
        len += 8;
    }
    rig_inject(h->r, who, &who->addr, data, len, who->local);
}

/* That many periods; what the listener heard in the last ten is kept. */
static void pass(struct hall *h, unsigned periods)
{
    for (; periods > 0; periods--) {
        h->r->sent_n = 0;
        for (unsigned i = 0; i < 5; i++)
            if (h->t[i].amp > 0)
                say(h, &h->t[i]);
        rig_run(h->r, 20);
        struct sent *s = rig_sent(h->r, h->listener.local, 0, 0);
        cr_assert_not_null(s);
        memmove(h->heard, h->heard + PERIOD, sizeof h->heard - PERIOD * sizeof *h->heard);
        cr_assert_eq(jn_codec(JN_CODEC_G722)
                         ->decode(h->dec, h->heard + 9 * PERIOD, PERIOD, s->data + s->h.payload_off, s->h.payload_len),
                     PERIOD);
    }
}

static double heard(const struct hall *h, unsigned talker)
{
    double re = 0, im = 0;
    unsigned n = 10 * PERIOD;

    for (unsigned i = 0; i < n; i++) {
        re += h->heard[i] * cos(2 * M_PI * h->t[talker].hz * i / RATE);
        im += h->heard[i] * sin(2 * M_PI * h->t[talker].hz * i / RATE);
    }
    return 2 * sqrt(re * re + im * im) / n;
}

/* As a sender of a sine works it out: 3 dB below its peak. */
static uint8_t true_level(double amp)
{
    return (uint8_t)lrint(3 - 20 * log10(amp / 32768));
}

/* Two who murmur have the seats. */
static void murmur(struct hall *h)
{
    for (unsigned i = 0; i < 2; i++)
        h->t[i].amp = 600;
    pass(h, 100);
    cr_assert(heard(h, 0) > 450 && heard(h, 1) > 450, "%f %f", heard(h, 0), heard(h, 1));
}

Test(levels, who_says_to_be_louder_is_heard_at_once)
{
    struct hall *h = hall_open();

    murmur(h);
    h->t[2].amp = h->t[3].amp = 9000;
    h->t[2].claims = true_level(9000);
    pass(h, 25);
    cr_assert_gt(heard(h, 2), 7500);
    cr_assert_lt(heard(h, 3), 100, "says no level: waits until somebody is quiet, as ever");
    h->t[3].claims = true_level(9000);
    pass(h, 25);
    cr_assert(heard(h, 2) > 7500 && heard(h, 3) > 7500, "%f %f", heard(h, 2), heard(h, 3));
    cr_assert(heard(h, 0) < 100 && heard(h, 1) < 100, "%f %f", heard(h, 0), heard(h, 1));
    h->t[2].amp = h->t[3].amp = 0;
    pass(h, 150);
    cr_assert(heard(h, 0) > 450 && heard(h, 1) > 450, "%f %f", heard(h, 0), heard(h, 1));
    hall_close(h);
}

Test(levels, who_says_to_be_loud_and_is_not_does_not_hold_the_floor)
{
    struct hall *h = hall_open();
    double least = 1e9;

    murmur(h);
    for (unsigned i = 0; i < 2; i++)
        h->t[i].claims = true_level(600);
    h->t[2].amp = h->t[3].amp = h->t[4].amp = 60;
    h->t[2].claims = h->t[3].claims = h->t[4].claims = 0; /* as loud as can be, three at once */
    pass(h, 300);
    for (unsigned i = 0; i < 20; i++) {
        pass(h, 10);
        double both = heard(h, 0) + heard(h, 1);
        least = both < least ? both : least;
    }
    cr_assert_gt(least, 900, "the murmur is heard all the time: %f", least);
    h->t[2].amp = 9000; /* its sound shows it when there is a seat: then it is believed again */
    h->t[0].amp = h->t[1].amp = h->t[3].amp = h->t[4].amp = 0;
    pass(h, 150);
    cr_assert_gt(heard(h, 2), 7500);
    h->t[2].claims = true_level(9000);
    h->t[0].amp = h->t[1].amp = h->t[2].amp = 600;
    h->t[2].claims = true_level(600);
    pass(h, 100);
    h->t[2].amp = 9000;
    h->t[2].claims = true_level(9000);
    pass(h, 25);
    cr_assert_gt(heard(h, 2), 7500);
    hall_close(h);
}
