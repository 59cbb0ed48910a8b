/* Ear: what is put between mouth and ear is what is measured: a delay to the millisecond, a loss to the packet, a gap
 * to 5 ms; through impairments, another law, a mix's other frames, and without mistaking other sound for the voice. */
#include "engine/base/rand.h"
#include "engine/load/ear.h"
#include "media/codec/g711.h"
#include "media/impair/impair.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS    UINT64_C(1000000)
#define START (UINT64_C(1234567) * 1000 * MS) /* any time */

static struct jn_voice *voice;
static struct jn_ear_room room;

static void set_up(void)
{
    struct jn_err err;
    cr_assert_eq(jn_voice_make(&voice, NULL, 0, 1, &err), 0);
    memset(&room, 0, sizeof room);
    room.voice = voice;
    room.searches = 12; /* enough to find what is there */
}

static void tear_down(void)
{
    jn_voice_free(voice);
}

TestSuite(ear, .init = set_up, .fini = tear_down, .timeout = 60);

/* Packet k of one who answers (or calls), said at its time, heard delay_ns later by the other one. */
static void say(struct jn_ear *e, unsigned k, uint64_t delay_ns, bool by_answerer)
{
    uint16_t len;
    uint64_t at = START + k * 20 * MS;
    const uint8_t *payload = jn_voice_payload(voice, JN_CODEC_PCMU, at, 20, by_answerer, &len);
    struct jn_rtp h = {.seq = (uint16_t)(65530 + k), .ts = UINT32_MAX - 1000 + k * 160, .ssrc = 7, .payload_len = len};
    jn_ear_take(e, &room, &h, payload, at + delay_ns);
}

static double mean_ms(const struct jn_ear *e)
{
    return e->latency_n ? (double)e->latency_ns / (double)e->latency_n / 1e6 : -1;
}

Test(ear, a_delay_is_measured_to_the_millisecond)
{
    static const unsigned delay_ms[] = {0, 1, 7, 33, 150, 420, 900, 1700};
    for (unsigned i = 0; i < sizeof delay_ms / sizeof *delay_ms; i++) {
        struct jn_ear e;
        cr_assert_eq(jn_ear_open(&e, JN_CODEC_PCMU, false), 0);
        for (unsigned k = 0; k < 500; k++) /* longer than the voice's period */
            say(&e, k, delay_ms[i] * MS + 300000, true);
        jn_ear_end(&e, &room, 0);
        double want = delay_ms[i] + 0.3 + 20; /* the packet itself is 20 ms long */
        cr_expect(mean_ms(&e) > want - 0.5 && mean_ms(&e) < want + 0.5, "delay %f ms, wanted %f", mean_ms(&e), want);
        cr_expect_eq(e.missing, 0);
        cr_expect_eq(e.heard, 500 * 160);
        cr_expect_not(e.echo);
        cr_expect_eq(e.shifts, 0);
        cr_expect_eq(jn_ear_lost_ppm(&e), 0);
    }
}

Test(ear, a_delay_that_changes_is_followed)
{
    struct jn_ear e;
    cr_assert_eq(jn_ear_open(&e, JN_CODEC_PCMU, true), 0);
    for (unsigned k = 0; k < 100; k++)
        say(&e, k, k < 50 ? 10 * MS : 30 * MS, false);
    cr_expect_eq(e.latency_max_ns / MS, 50);
    cr_expect(mean_ms(&e) > 39.5 && mean_ms(&e) < 40.5, "%f", mean_ms(&e));
    cr_expect_eq(e.missing, 0);
    jn_ear_end(&e, &room, 0);
}

Test(ear, ones_own_voice_is_an_echo)
{
    struct jn_ear e;
    cr_assert_eq(jn_ear_open(&e, JN_CODEC_PCMU, false), 0);
    for (unsigned k = 0; k < 50; k++)
        say(&e, k, 80 * MS, false);
    cr_expect(e.echo);
    cr_expect(mean_ms(&e) > 99.5 && mean_ms(&e) < 100.5, "%f", mean_ms(&e));
    jn_ear_end(&e, &room, 0);
}

/* Through media/impair, packet by packet in the order they arrive. */
struct arrival {
    uint64_t at;
    unsigned k;
};

static int by_time(const void *a, const void *b)
{
    const struct arrival *x = a, *y = b;
    return x->at != y->at ? (x->at < y->at ? -1 : 1) : (x->k < y->k ? -1 : x->k > y->k);
}

static unsigned impaired(struct jn_ear *e, const char *how, unsigned packets, struct jn_impair_counts *counts,
                         bool lost[])
{
    struct jn_impair_config c = {.seed = 3};
    struct jn_impair m;
    struct arrival *a = calloc(2 * packets, sizeof *a);
    char why[128];
    unsigned n = 0;
    uint64_t due[2];
    cr_assert_eq(jn_impair_parse(&c, how, why, sizeof why), 0, "%s", why);
    jn_impair_begin(&m, &c, 1);
    for (unsigned k = 0; k < packets; k++) {
        unsigned copies = jn_impair_fate(&m, START + k * 20 * MS, due);
        lost[k] = copies == 0;
        for (unsigned i = 0; i < copies; i++)
            a[n++] = (struct arrival){due[i], k};
    }
    qsort(a, n, sizeof *a, by_time);
    cr_assert_eq(jn_ear_open(e, JN_CODEC_PCMU, false), 0);
    for (unsigned i = 0; i < n; i++)
        say(e, a[i].k, a[i].at - (START + a[i].k * 20 * MS), true);
    jn_ear_end(e, &room, 0);
    *counts = m.counts;
    free(a);
    return n;
}

Test(ear, loss_is_counted_exactly)
{
    static const char *const how[] = {"loss=5%,delay=20ms", "burst=4%:6,delay=10ms", "loss=1%,duplicate=3%:5ms",
                                      "loss=2%,delay=30ms,jitter=30ms,overtake", "loss=0%,reorder=5%:30ms,overtake"};
    enum { PACKETS = 3000 };
    for (unsigned i = 0; i < sizeof how / sizeof *how; i++) {
        static bool lost[PACKETS];
        struct jn_ear e;
        struct jn_impair_counts c;
        impaired(&e, how[i], PACKETS, &c, lost);
        unsigned first = 0, last = PACKETS - 1, gone = 0, run = 0, longest = 0;
        while (lost[first])
            first++;
        while (lost[last])
            last--;
        for (unsigned k = first; k <= last; k++) {
            gone += lost[k];
            run = lost[k] ? run + 1 : 0;
            longest = run > longest ? run : longest;
        }
        cr_expect_eq(e.missing, gone * 160u + 160 * e.late, "%s: missing %llu samples, %u packets lost, %llu late",
                     how[i], (unsigned long long)e.missing, gone, (unsigned long long)e.late);
        cr_expect_eq(e.heard + e.missing, (last - first + 1) * 160u, "%s", how[i]);
        cr_expect_eq(e.late, 0, "%s: %llu late", how[i], (unsigned long long)e.late);
        cr_expect_eq(e.longest_gap, longest * 160u, "%s", how[i]);
        cr_expect_eq(jn_rtp_source_lost(&e.source), gone, "%s", how[i]);
        cr_expect_eq(e.source.duplicate, c.duplicated, "%s", how[i]);
        cr_expect_eq(jn_ear_lost_ppm(&e), (uint32_t)(gone * UINT64_C(1000000) / (last - first + 1)), "%s", how[i]);
    }
}

Test(ear, loss_costs_mos_and_delay_does)
{
    static bool lost[2000];
    struct jn_ear good, lossy, late;
    struct jn_impair_counts c;
    impaired(&good, "delay=10ms", 2000, &c, lost);
    impaired(&lossy, "loss=5%", 2000, &c, lost);
    impaired(&late, "delay=400ms", 2000, &c, lost);
    cr_expect_geq(jn_ear_mos_x100(&good), 430);
    cr_expect_lt(jn_ear_mos_x100(&lossy), 400);
    cr_expect_lt(jn_ear_mos_x100(&late), jn_ear_mos_x100(&good) - 40);
}

/* Sound as a mix gives it: other packets, other frames, `cut` samples off, and a hole that no sequence number shows. */
static void mixed(struct jn_ear *e, unsigned packets, unsigned cut, unsigned hole, unsigned hole_n, uint8_t codec)
{
    uint8_t coded[160];
    for (unsigned k = 0; k < packets; k++) {
        uint64_t at = START + k * 20 * MS + 60 * MS;
        uint32_t from = jn_voice_at(voice, START + k * 20 * MS + cut * UINT64_C(125000), true);
        struct jn_rtp h = {.seq = (uint16_t)k, .ts = k * 160, .ssrc = 9, .payload_len = 160, .pt = codec};
        if (k >= hole && k < hole + hole_n)
            memset(coded, 0xff, sizeof coded);
        else
            jn_codec_encode(codec, coded, voice->pcm + from, 160);
        jn_ear_take(e, &room, &h, coded, at);
    }
    jn_ear_end(e, &room, 0);
}

Test(ear, sound_that_a_mix_lost_is_missing_though_no_packet_is)
{
    struct jn_ear e;
    cr_assert_eq(jn_ear_open(&e, JN_CODEC_PCMU, false), 0);
    mixed(&e, 400, 37, 100, 7, JN_CODEC_PCMU);
    cr_expect_eq(jn_rtp_source_lost(&e.source), 0);
    cr_expect_eq(e.missing, 7 * 160, "%llu", (unsigned long long)e.missing);
    cr_expect_eq(e.longest_gap, 7 * 160);
    double want = 60 - 37 * 0.125;
    cr_expect(mean_ms(&e) > want - 0.5 && mean_ms(&e) < want + 0.5, "%f, wanted %f", mean_ms(&e), want);
}

Test(ear, a_long_hole_is_found_out_of_again)
{
    struct jn_ear e;
    cr_assert_eq(jn_ear_open(&e, JN_CODEC_PCMA, false), 0);
    mixed(&e, 400, 11, 100, 60, JN_CODEC_PCMA);
    cr_expect_eq(e.missing, 60 * 160, "%llu", (unsigned long long)e.missing);
    cr_expect_eq(e.heard, 340 * 160);
}

Test(ear, a_voice_without_its_bytes_is_found_by_its_sound)
{
    struct jn_ear e;
    int16_t quiet[160];
    uint8_t coded[160];
    cr_assert_eq(jn_ear_open(&e, JN_CODEC_PCMU, false), 0);
    for (unsigned k = 0; k < 100; k++) { /* 6 dB down and a little noise: no byte as it was */
        uint64_t seed = k;
        const int16_t *pcm = voice->pcm + jn_voice_at(voice, START + k * 20 * MS, true);
        for (unsigned i = 0; i < 160; i++)
            quiet[i] = (int16_t)(pcm[i] / 2 + (int)(jn_splitmix(&seed) % 101) - 50);
        jn_codec_encode(JN_CODEC_PCMU, coded, quiet, 160);
        struct jn_rtp h = {.seq = (uint16_t)k, .ts = k * 160, .ssrc = 9, .payload_len = 160};
        jn_ear_take(&e, &room, &h, coded, START + k * 20 * MS + 130 * MS);
    }
    jn_ear_end(&e, &room, 0);
    cr_expect_eq(e.missing, 0, "%llu", (unsigned long long)e.missing);
    cr_expect_geq(e.heard, 99 * 160);
    cr_expect(mean_ms(&e) > 129.5 && mean_ms(&e) < 130.5, "%f", mean_ms(&e));
}

Test(ear, other_sound_is_not_the_voice)
{
    struct jn_ear e;
    uint8_t coded[160];
    uint64_t seed = 99;
    cr_assert_eq(jn_ear_open(&e, JN_CODEC_PCMU, false), 0);
    for (unsigned k = 0; k < 300; k++) {
        for (unsigned i = 0; i < 160; i++)
            coded[i] = (uint8_t)jn_splitmix(&seed);
        struct jn_rtp h = {.seq = (uint16_t)k, .ts = k * 160, .ssrc = 9, .payload_len = 160};
        jn_ear_take(&e, &room, &h, coded, START + k * 20 * MS);
    }
    jn_ear_end(&e, &room, START + 300 * 20 * MS);
    cr_expect_eq(e.joined_ns, 0);
    cr_expect_eq(e.heard, 0);
    cr_expect_eq(jn_ear_lost_ppm(&e), 0, "no packet was lost");
}

Test(ear, who_falls_silent_is_missed_and_who_ended_is_not)
{
    struct jn_ear e;
    cr_assert_eq(jn_ear_open(&e, JN_CODEC_PCMU, false), 0);
    for (unsigned k = 0; k < 50; k++)
        say(&e, k, 10 * MS, true);
    struct jn_ear other = e;
    jn_ear_end(&e, &room, START + 49 * 20 * MS + 10 * MS + 3000 * MS);
    cr_expect_eq(e.missing, 24000);
    cr_expect_eq(e.longest_gap, 24000);
    jn_ear_end(&other, &room, 0);
    cr_expect_eq(other.missing, 0);
}

Test(ear, a_new_source_goes_on_where_the_clock_says)
{
    struct jn_ear e;
    cr_assert_eq(jn_ear_open(&e, JN_CODEC_PCMU, false), 0);
    for (unsigned k = 0; k < 100; k++) {
        uint16_t len;
        uint64_t at = START + (k + (k >= 50 ? 10 : 0)) * 20 * MS; /* 200 ms between them */
        const uint8_t *payload = jn_voice_payload(voice, JN_CODEC_PCMU, at, 20, true, &len);
        struct jn_rtp h = {.seq = (uint16_t)(k < 50 ? k : 900 + k),
                           .ts = (k < 50 ? 0 : 77777777) + k * 160,
                           .ssrc = k < 50 ? 1 : 2,
                           .payload_len = len};
        jn_ear_take(&e, &room, &h, payload, at + 15 * MS);
    }
    jn_ear_end(&e, &room, 0);
    cr_expect_eq(e.missing, 10 * 160, "%llu", (unsigned long long)e.missing);
    cr_expect_eq(e.heard, 100 * 160);
}

Test(ear, a_sound_file_is_a_voice_too)
{
    int16_t wav[8000];
    struct jn_voice *own;
    struct jn_err err;
    struct jn_ear e;
    for (unsigned i = 0; i < 8000; i++) /* half of it silent, and the same second again and again */
        wav[i] = (int16_t)(i < 4000 ? ((i * 37) % 200) * 60 - 6000 : 0);
    cr_assert_eq(jn_voice_make(&own, wav, 8000, 5, &err), 0);
    room.voice = own;
    cr_assert_eq(jn_ear_open(&e, JN_CODEC_PCMU, true), 0);
    for (unsigned k = 0; k < 200; k++) {
        uint16_t len;
        const uint8_t *payload = jn_voice_payload(own, JN_CODEC_PCMU, START + k * 20 * MS, 20, false, &len);
        struct jn_rtp h = {.seq = (uint16_t)k, .ts = k * 160, .ssrc = 9, .payload_len = len};
        if (k % 10 != 3)
            jn_ear_take(&e, &room, &h, payload, START + k * 20 * MS + 250 * MS);
    }
    jn_ear_end(&e, &room, 0);
    cr_expect(mean_ms(&e) > 269.5 && mean_ms(&e) < 270.5, "%f", mean_ms(&e));
    cr_expect_eq(e.missing, 20 * 160, "%llu", (unsigned long long)e.missing);
    jn_voice_free(own);
}

Test(ear, a_tone_is_told_by_its_bytes_or_not_at_all)
{
    static int16_t wav[32000];
    struct jn_voice *own;
    struct jn_err err;
    uint8_t coded[160];
    for (unsigned i = 0; i < 32000; i++) /* 310 Hz, and half a period of the voice the same as the other */
        wav[i] = (int16_t)(8000 * sin(2 * 3.14159265 * 310 * i / 8000));
    cr_assert_eq(jn_voice_make(&own, wav, 32000, 5, &err), 0);
    room.voice = own;
    for (unsigned way = 0; way < 2; way++) { /* as it is; then without its hiss: only the tone */
        struct jn_ear e;
        cr_assert_eq(jn_ear_open(&e, JN_CODEC_PCMU, true), 0);
        for (unsigned k = 0; k < 100; k++) {
            uint16_t len;
            uint64_t at = START + k * 20 * MS;
            const uint8_t *payload = jn_voice_payload(own, JN_CODEC_PCMU, at, 20, false, &len);
            struct jn_rtp h = {.seq = (uint16_t)k, .ts = k * 160, .ssrc = 9, .payload_len = 160};
            jn_codec_encode(JN_CODEC_PCMU, coded, wav + jn_voice_at(own, at, false) % 31840, 160);
            jn_ear_take(&e, &room, &h, way ? coded : payload, at + 50 * MS);
        }
        jn_ear_end(&e, &room, 0);
        cr_expect_eq(e.joined_ns != 0, way == 0, "way %u", way);
        cr_expect(way || (mean_ms(&e) > 69.5 && mean_ms(&e) < 70.5), "%f", mean_ms(&e));
        cr_expect_not(e.echo);
    }
    jn_voice_free(own);
}
