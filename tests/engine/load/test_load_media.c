/* Load media: talkers over a port that is only memory and a clock that is only a number: pace, who hears whom, what is
 * lost on purpose, protection, and codecs that are not G.711. */
#include "engine/load/media.h"
#include "media/srtp/srtp.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE = 4096, PORT_MIN = 10000, TURN_NS = 100000 };
#define MS UINT64_C(1000000)

struct packet {
    uint8_t bytes[JN_PKT_MTU];
    uint16_t len;
    uint16_t from, to;
    uint64_t at_ns;
};
struct jn_port {
    struct packet q[QUEUE], out[JN_PKT_BURST];
    struct jn_pkt pkt[JN_PKT_BURST];
    unsigned head, tail;
};
static uint64_t now, base;
static struct jn_voice *voice;

static int port_open(struct jn_port **out, const struct jn_port_config *c, struct jn_err *err)
{
    (void)c, (void)err;
    return (*out = calloc(1, sizeof **out)) ? 0 : -ENOMEM;
}
static int port_take(struct jn_port *p, uint32_t local)
{
    (void)p, (void)local;
    return 0;
}
static void port_give(struct jn_port *p, uint32_t local)
{
    (void)p, (void)local;
}
static void port_tx(struct jn_port *p, struct jn_pkt *pk[], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct packet *x = &p->q[p->tail++ % QUEUE];
        memcpy(x->bytes, pk[i]->data, pk[i]->len);
        *x = (struct packet){
            .len = pk[i]->len, .from = (uint16_t)(PORT_MIN + pk[i]->local), .to = pk[i]->from.port, .at_ns = now};
        memcpy(x->bytes, pk[i]->data, pk[i]->len);
    }
}
static unsigned port_rx(struct jn_port *p, struct jn_pkt *pk[], unsigned max, uint64_t now_ns)
{
    unsigned n = 0;
    (void)now_ns;
    for (; n < max && p->head != p->tail; n++) {
        p->out[n] = p->q[p->head++ % QUEUE];
        p->pkt[n] = (struct jn_pkt){.data = p->out[n].bytes,
                                    .len = p->out[n].len,
                                    .cap = JN_PKT_MTU,
                                    .local = (uint32_t)(p->out[n].to - PORT_MIN),
                                    .at_ns = p->out[n].at_ns};
        jn_addr_parse(&p->pkt[n].from, "10.0.0.1", p->out[n].from);
        pk[n] = &p->pkt[n];
    }
    return n;
}
static bool port_wait(struct jn_port *p, uint64_t ns)
{
    (void)p, (void)ns;
    return false;
}
static void port_close(struct jn_port *p)
{
    free(p);
}
static const struct jn_port_ops memory = {.open = port_open,
                                          .take = port_take,
                                          .give = port_give,
                                          .rx = port_rx,
                                          .tx = port_tx,
                                          .wait = port_wait,
                                          .close = port_close};

static void set_up(void)
{
    struct jn_err err;
    base = now = UINT64_C(1) << 60; /* far from the real clock */
    cr_assert_eq(jn_voice_make(&voice, NULL, 0, 1, &err), 0);
}

static void tear_down(void)
{
    jn_voice_free(voice);
}

TestSuite(load_media, .init = set_up, .fini = tear_down, .timeout = 60);

static struct jn_load_media *open_long(uint32_t talkers, const struct jn_impair_config *impair, bool srtp,
                                       uint32_t ptime_ms)
{
    struct jn_load_media *m = NULL;
    struct jn_err err = {""};
    struct jn_load_media_config c = {
        .ops = &memory, .talkers = talkers, .voice = voice, .impair = impair, .srtp = srtp, .ptime_ms = ptime_ms};
    jn_addr_parse(&c.port.local, "10.0.0.1", 0);
    c.port.port_min = PORT_MIN;
    c.port.port_max = (uint16_t)(PORT_MIN + 2 * talkers - 1);
    cr_assert_eq(jn_load_media_open(&m, &c, &err), 0, "%s", err.text);
    return m;
}

static struct jn_load_media *open_media(uint32_t talkers, const struct jn_impair_config *impair, bool srtp)
{
    return open_long(talkers, impair, srtp, 0);
}

/* 2k and 2k + 1 talk to each other. */
static void pair(struct jn_load_media *m, uint32_t i, uint8_t codec, uint8_t suite)
{
    for (uint32_t k = 0; k < 2; k++) {
        struct jn_leg_remote r = {.codec = codec,
                                  .rtp_pt = codec == JN_CODEC_OPUS   ? 111
                                            : codec == JN_CODEC_PCMA ? 8
                                                                     : 0,
                                  .dtmf_pt = 255,
                                  .ptime_ms = 20,
                                  .suite = suite};
        r.rtp = jn_load_media_address(m, 2 * i + 1 - k);
        memset(r.key_in, (int)(1 + k), sizeof r.key_in);
        memset(r.key_out, (int)(2 - k), sizeof r.key_out);
        cr_assert_eq(jn_load_media_begin(m, 2 * i + k, &r, k == 1, now), 0);
    }
}

static void turn_for(struct jn_load_media *m, uint64_t ns, uint64_t step)
{
    for (uint64_t end = now + ns; now < end; now += step)
        jn_load_media_turn(m, now);
}

Test(load_media, fifty_packets_a_second_however_often_it_is_turned)
{
    static const uint64_t step[] = {7000, 100000, 125000, 1000000, 15000000};
    for (unsigned i = 0; i < sizeof step / sizeof *step; i++) {
        struct jn_load_media *m = open_media(8, NULL, false);
        for (uint32_t k = 0; k < 4; k++)
            pair(m, k, JN_CODEC_PCMU, JN_SUITE_NONE);
        turn_for(m, 1000 * MS, step[i]);
        for (uint32_t k = 0; k < 8; k++) {
            uint32_t sent = jn_load_media_sent(m, k);
            cr_expect(sent >= 49 && sent <= 51, "turned each %llu ns: %u packets", (unsigned long long)step[i], sent);
            const struct jn_ear *e = jn_load_media_end(m, k, false, now);
            cr_expect_eq(jn_rtp_source_lost(&e->source), 0);
            cr_expect_eq(e->missing, 0);
            cr_expect_geq(e->heard, 47 * 160);
        }
        cr_expect_eq(jn_load_media_counts(m)->strangers, 0);
        cr_expect_leq(jn_load_media_counts(m)->late_us.max, step[i] / 1000);
        jn_load_media_close(m);
    }
}

Test(load_media, packets_of_other_lengths_say_the_same)
{
    static const uint8_t codec[] = {JN_CODEC_PCMU, JN_CODEC_G722};
    struct jn_err err = {""};
    cr_assert_eq(jn_voice_encode(voice, JN_CODEC_G722, &err), 0, "%s", err.text);
    for (uint32_t ms = 10; ms <= 60; ms += 10) {
        struct jn_load_media *m = open_long(4, NULL, false, ms);
        for (uint32_t k = 0; k < 2; k++)
            pair(m, k, codec[k], JN_SUITE_NONE);
        turn_for(m, 3000 * MS, TURN_NS);
        for (uint32_t k = 0; k < 4; k++) {
            uint32_t sent = jn_load_media_sent(m, k);
            cr_expect(sent >= 3000 / ms - 1 && sent <= 3000 / ms + 1, "%u ms: %u packets", ms, sent);
            const struct jn_ear *e = jn_load_media_end(m, k, false, now);
            cr_expect(e->joined_ns && !e->echo && e->missing == 0, "%u ms, talker %u: %llu missing", ms, k,
                      (unsigned long long)e->missing);
            cr_expect_geq(e->heard, (3000 - 4 * ms) * 8);
            double is = e->latency_n ? (double)e->latency_ns / (double)e->latency_n / 1e6 : 0;
            cr_expect(is > ms - 0.5 && is < ms + (k < 2 ? 1 : 5), "%u ms, talker %u: heard after %f ms", ms, k, is);
        }
        jn_load_media_close(m);
    }
}

Test(load_media, what_comes_after_an_end_is_no_strangers)
{
    struct jn_load_media *m = open_media(4, NULL, false);
    pair(m, 0, JN_CODEC_PCMU, JN_SUITE_NONE);
    turn_for(m, 100 * MS, TURN_NS);
    jn_load_media_end(m, 1, true, now); /* the other one does not know it yet */
    turn_for(m, 200 * MS, TURN_NS);
    const struct jn_load_media_counts *c = jn_load_media_counts(m);
    cr_expect(c->after_end >= 9 && c->after_end <= 11 && c->strangers == 0, "%llu after its end, %llu of strangers",
              (unsigned long long)c->after_end, (unsigned long long)c->strangers);
    struct jn_leg_remote r = {.codec = JN_CODEC_PCMU, .rtp_pt = 0, .dtmf_pt = 255, .ptime_ms = 20};
    r.rtp = jn_load_media_address(m, 0);
    uint64_t before = c->after_end;
    cr_assert_eq(jn_load_media_begin(m, 1, &r, true, now), 0, "the same two can meet again");
    turn_for(m, 200 * MS, TURN_NS);
    cr_expect(c->after_end == before && jn_load_media_ear(m, 1)->source.received >= 9, "and hear each other");
    jn_load_media_close(m);
}

Test(load_media, what_is_impaired_is_what_is_heard)
{
    struct jn_impair_config c = {.loss_ppm = 50000, .delay_us = 42000, .seed = 9};
    struct jn_load_media *m = open_media(20, &c, false);
    uint64_t lost = 0, missing = 0, sum = 0, n = 0;
    for (uint32_t k = 0; k < 10; k++)
        pair(m, k, JN_CODEC_PCMA, JN_SUITE_NONE);
    turn_for(m, 4000 * MS, 500000);
    for (uint32_t k = 0; k < 20; k++) {
        const struct jn_ear *e = jn_load_media_end(m, k, false, now);
        lost += jn_rtp_source_lost(&e->source);
        missing += e->missing;
        sum += e->latency_ns;
        n += e->latency_n;
    }
    const struct jn_impair_counts *i = &jn_load_media_counts(m)->impair;
    cr_expect_gt(i->lost, 100);
    cr_expect_eq(missing, lost * 160, "%llu samples, %llu packets", (unsigned long long)missing,
                 (unsigned long long)lost);
    cr_expect(lost <= i->lost && lost + 20 > i->lost, "those at an end are not seen: %llu of %llu",
              (unsigned long long)lost, (unsigned long long)i->lost);
    double ms = (double)sum / (double)n / 1e6;
    cr_expect(ms > 61.5 && ms < 63, "20 ms of the packet, 42 of the way: %f", ms);
    jn_load_media_close(m);
}

Test(load_media, protected_talkers_hear_each_other_and_nobody_else)
{
    struct jn_load_media *m = open_media(4, NULL, true);
    pair(m, 0, JN_CODEC_PCMU, JN_SUITE_AES128_SHA80);
    pair(m, 1, JN_CODEC_PCMU, JN_SUITE_NONE);
    turn_for(m, 500 * MS, TURN_NS);
    for (uint32_t k = 0; k < 4; k++)
        cr_expect_geq(jn_load_media_ear(m, k)->heard, 20 * 160, "talker %u", k);
    cr_expect_eq(jn_load_media_counts(m)->not_rtp, 0);
    struct jn_leg_remote r = {.codec = JN_CODEC_PCMU, .suite = JN_SUITE_AES128_SHA80}; /* other keys */
    r.rtp = jn_load_media_address(m, 1);
    memset(r.key_in, 77, sizeof r.key_in);
    memset(r.key_out, 78, sizeof r.key_out);
    cr_assert_eq(jn_load_media_begin(m, 0, &r, false, now), 0);
    uint64_t before = jn_load_media_ear(m, 0)->heard;
    turn_for(m, 500 * MS, TURN_NS);
    cr_expect_leq(jn_load_media_ear(m, 0)->heard, before + 320, "nothing is heard under a wrong key");
    cr_expect_geq(jn_load_media_counts(m)->not_rtp, 40);
    jn_load_media_close(m);
}

Test(load_media, codecs_that_keep_no_wave_form_are_heard_too)
{
    static const uint8_t codec[] = {JN_CODEC_G722, JN_CODEC_OPUS};
    for (unsigned i = 0; i < 2; i++) {
        struct jn_err err = {""};
        cr_assert_eq(jn_voice_encode(voice, codec[i], &err), 0, "%s", err.text);
        struct jn_load_media *m = open_media(2, NULL, false);
        pair(m, 0, codec[i], JN_SUITE_NONE);
        turn_for(m, 4000 * MS, TURN_NS);
        for (uint32_t k = 0; k < 2; k++) {
            const struct jn_ear *e = jn_load_media_end(m, k, false, now);
            double ms = e->latency_n ? (double)e->latency_ns / (double)e->latency_n / 1e6 : 0;
            cr_expect(e->joined_ns && jn_ear_lost_ppm(e) < 10000, "codec %u: %u ppm missing", codec[i],
                      jn_ear_lost_ppm(e));
            cr_expect(ms > 19.5 && ms < 32, "codec %u: %f ms with the codec's own delay", codec[i], ms);
        }
        jn_load_media_close(m);
    }
}

Test(load_media, two_of_one_port_cannot_talk_to_one_address)
{
    struct jn_load_media *m;
    struct jn_err err;
    struct jn_load_media_config c = {.ops = &memory, .talkers = 3};
    struct jn_leg_remote r = {0};
    jn_addr_parse(&c.port.local, "10.0.0.1", 0);
    c.port.port_min = PORT_MIN;
    c.port.port_max = PORT_MIN + 1;
    cr_assert_eq(jn_load_media_open(&m, &c, &err), 0);
    jn_addr_parse(&r.rtp, "10.0.0.2", 4000);
    cr_expect_eq(jn_load_media_begin(m, 0, &r, false, now), 0);
    cr_expect_eq(jn_load_media_begin(m, 1, &r, false, now), -EADDRINUSE);
    r.rtp.port = 4002;
    cr_expect_eq(jn_load_media_begin(m, 1, &r, false, now), 0);
    jn_load_media_end(m, 0, false, now);
    r.rtp.port = 4000;
    cr_expect_eq(jn_load_media_begin(m, 2, &r, false, now), 0, "free again");
    jn_load_media_close(m);
}
