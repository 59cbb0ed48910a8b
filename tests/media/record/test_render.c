/* Synthetic calls: both parties hear one room, so what they send is the same sound at the same true time, each sampled
 * by a clock of its own. The two channels of the export must then be alike, at the beginning and at the end. */
#include "engine/base/rand.h"
#include "media/codec/g711.h"
#include "media/record/render.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

TestSuite(render, .timeout = 60);

/* Sound of the room at true time t: noise-like chirps, unlike themselves a little later. */
static double room(double t)
{
    double u = fmod(t, 7.3);
    return 7000 * sin(2 * M_PI * (300 + 90 * u) * u) * (0.6 + 0.4 * sin(2 * M_PI * 1.7 * t));
}

struct party {
    uint8_t track, codec;
    double ppm, begin_s, seconds;
    unsigned samples, loss_permille, jitter_us, dup_permille;
    uint32_t ts, ssrc;
};
struct call {
    struct jn_rec_item *items;
    size_t n, room;
};

static void add(struct call *c, const struct jn_rec_item *it)
{
    if (c->n == c->room) {
        c->room = c->room ? c->room * 2 : 1024;
        c->items = realloc(c->items, c->room * sizeof *c->items);
        cr_assert_not_null(c->items);
    }
    c->items[c->n++] = *it;
}

static uint64_t seed;
static uint32_t rate;

/* A clock at +ppm ticks faster: its sample i is spoken at begin + i / (8000 * (1 + ppm)). */
static void speak(struct call *c, const struct party *p)
{
    double rate = 8000 * (1 + p->ppm * 1e-6);
    unsigned frames = (unsigned)(p->seconds * rate / p->samples);
    for (unsigned f = 0; f < frames; f++) {
        struct jn_rec_item it = {.call = 1,
                                 .kind = JN_REC_FRAME,
                                 .track = p->track,
                                 .codec = p->codec,
                                 .len = (uint16_t)p->samples,
                                 .seq = 100 + f,
                                 .rtp_ts = p->ts + f * p->samples,
                                 .ssrc = p->ssrc};
        if (jn_splitmix(&seed) % 1000 < p->loss_permille)
            continue;
        int16_t pcm[JN_REC_PAYLOAD_MAX];
        for (unsigned i = 0; i < p->samples; i++)
            pcm[i] = (int16_t)room(p->begin_s + (f * p->samples + i) / rate);
        jn_codec_encode((enum jn_codec_id)p->codec, it.payload, pcm, p->samples);
        double sent = p->begin_s + (f + 1.0) * p->samples / rate + 0.010;
        it.at_us = 1000000000 + (uint64_t)(sent * 1e6) + (p->jitter_us ? jn_splitmix(&seed) % p->jitter_us : 0);
        add(c, &it);
        if (jn_splitmix(&seed) % 1000 < p->dup_permille) {
            it.at_us += 5000;
            add(c, &it);
        }
    }
}

static int by_arrival(const void *a, const void *b)
{
    const struct jn_rec_item *x = a, *y = b;
    return x->at_us < y->at_us ? -1 : x->at_us > y->at_us;
}

static int16_t *rendered(struct call *c, size_t *n)
{
    int16_t *pcm;
    struct jn_err err = {{0}};
    qsort(c->items, c->n, sizeof *c->items, by_arrival);
    cr_assert_eq(jn_rec_render(&pcm, n, &rate, c->items, c->n, NULL, &err), 0, "%s", err.text);
    return pcm;
}

/* By how many samples the right channel must be moved to look most like the left one around `at`; *alike: the
 * correlation there, 0 to 1. */
static int offset(const int16_t *pcm, size_t n, size_t at, double *alike)
{
    enum { HALF = 6000, REACH = 800 };
    int best_lag = -REACH;
    double best = -2;
    cr_assert(at > HALF + REACH && at + HALF + REACH < n);
    for (int lag = -REACH; lag <= REACH; lag++) {
        double c = 0, a = 1, b = 1;
        for (int i = -HALF; i < HALF; i += 3) {
            double l = pcm[2 * (at + (size_t)i)], r = pcm[2 * (at + (size_t)(i + lag)) + 1];
            c += l * r;
            a += l * l;
            b += r * r;
        }
        c /= sqrt(a * b);
        if (c > best) {
            best = c;
            best_lag = lag;
        }
    }
    *alike = best;
    return best_lag;
}

static void aligned(const struct party *caller, const struct party *agent, double least)
{
    struct call c = {0};
    size_t n;
    double alike;
    seed = 11;
    speak(&c, caller);
    speak(&c, agent);
    int16_t *pcm = rendered(&c, &n);
    double from = agent->begin_s > caller->begin_s ? agent->begin_s : caller->begin_s;
    double origin = agent->begin_s < caller->begin_s ? agent->begin_s : caller->begin_s;
    size_t start = (size_t)((from - origin) * 8000) + 16000, stop = n - 24000;
    for (size_t at = start; at <= stop; at += (stop - start) / 4) {
        int off = offset(pcm, n, at, &alike);
        /* a frame (160 samples) is the promise; 40 is what the fit gives when jitter is 30 ms */
        cr_assert(abs(off) <= 40, "at %.1f s of %.1f: %d samples apart", (double)at / 8000, (double)n / 8000, off);
        cr_assert_gt(alike, least, "at %.1f s: %f", (double)at / 8000, alike);
    }
    free(pcm);
    free(c.items);
}

Test(render, ten_minutes_of_opposite_clocks_stay_together)
{
    struct party caller = {.track = 0, .ppm = 200, .seconds = 600, .samples = 160, .ts = 0xfffff000, .ssrc = 1};
    struct party agent = {
        .track = 1, .codec = 1, .ppm = -200, .begin_s = 8.4, .seconds = 590, .samples = 160, .ts = 5, .ssrc = 2};
    aligned(&caller, &agent, 0.95);
}

Test(render, loss_jitter_reordering_and_duplicates_do_not_move_it)
{
    struct party caller = {.track = 0,
                           .ppm = -200,
                           .seconds = 600,
                           .samples = 160,
                           .loss_permille = 50,
                           .jitter_us = 30000,
                           .dup_permille = 20,
                           .ssrc = 1};
    struct party agent = {.track = 1,
                          .ppm = 200,
                          .begin_s = 3,
                          .seconds = 595,
                          .samples = 160,
                          .loss_permille = 20,
                          .jitter_us = 30000,
                          .dup_permille = 20,
                          .ssrc = 2};
    aligned(&caller, &agent, 0.75);
}

Test(render, different_packet_times_are_no_offset)
{
    struct party caller = {.track = 0, .seconds = 60, .samples = 160, .ssrc = 1};
    struct party agent = {.track = 1, .seconds = 60, .samples = 480, .ssrc = 2};
    aligned(&caller, &agent, 0.95);
}

Test(render, equal_clocks_are_copied_bit_for_bit_with_silence_in_gaps)
{
    struct call c = {0};
    size_t n;
    speak(&c, &(struct party){.track = 0, .seconds = 4, .samples = 160, .ssrc = 1});
    memmove(c.items + 50, c.items + 53, (c.n - 53) * sizeof *c.items); /* three frames lost */
    c.n -= 3;
    c.items[100].at_us += 400000; /* one alone was held up on the way */
    int16_t *pcm = rendered(&c, &n);
    cr_assert(n >= 32000 && n <= 32010, "%zu", n);
    for (size_t i = 0; i < c.n; i++) {
        int16_t want[160];
        jn_codec_decode(JN_CODEC_PCMU, want, c.items[i].payload, 160);
        for (size_t k = 0; k < 160; k++)
            cr_assert_eq(pcm[2 * (c.items[i].rtp_ts + k)], want[k]);
    }
    for (size_t i = 50 * 160; i < 53 * 160; i++)
        cr_assert_eq(pcm[2 * i], 0);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(pcm[2 * i + 1], 0, "the agent said nothing");
    free(pcm);
    free(c.items);
}

Test(render, a_new_source_or_clock_goes_on_where_it_was_heard)
{
    /* the agent changes SSRC at 20 s, then keeps it and jumps its timestamps at 40 s: a transfer, a re-INVITE */
    struct call c = {0};
    size_t n;
    double alike;
    speak(&c, &(struct party){.track = 0, .seconds = 60, .samples = 160, .ssrc = 1});
    speak(&c, &(struct party){.track = 1, .seconds = 19.98, .samples = 160, .ts = 1000, .ssrc = 2});
    speak(&c,
          &(struct party){
              .track = 1, .begin_s = 20, .seconds = 19.98, .samples = 160, .ts = 162200 /* 150 ms off */, .ssrc = 3});
    speak(&c, &(struct party){.track = 1, .begin_s = 40, .seconds = 19.98, .samples = 160, .ts = 0x10, .ssrc = 3});
    int16_t *pcm = rendered(&c, &n);
    cr_assert(n >= 60 * 8000 - 320 && n <= 60 * 8000 + 320, "%zu", n);
    for (size_t at = 10; at <= 50; at += 20) {
        int off = offset(pcm, n, at * 8000, &alike);
        cr_assert(abs(off) <= 2 && alike > 0.95, "at %zu s: %d, %f", at, off, alike);
    }
    free(pcm);
    free(c.items);
}

/* Hold as many phones do it: nothing is sent, and afterwards the timestamps go on as if no time had passed. */
Test(render, a_clock_that_stood_still_during_hold_is_set_right)
{
    for (double pause = 0.5; pause < 40; pause *= 3) {
        struct call c = {0};
        size_t n;
        double alike;
        seed = 2;
        speak(&c, &(struct party){.track = 0, .seconds = 80, .samples = 160, .jitter_us = 10000, .ssrc = 1});
        speak(&c,
              &(struct party){.track = 1, .seconds = 20, .samples = 160, .jitter_us = 10000, .ts = 1000, .ssrc = 2});
        speak(&c, &(struct party){.track = 1,
                                  .begin_s = 20 + pause,
                                  .seconds = 20,
                                  .samples = 160,
                                  .jitter_us = 10000,
                                  .ts = 161000,
                                  .ssrc = 2});
        int16_t *pcm = rendered(&c, &n);
        for (int k = 0; k < 2; k++) {
            size_t at = (size_t)((k ? 30 + pause : 10) * 8000);
            int off = offset(pcm, n, at, &alike);
            cr_assert(abs(off) <= 40 && alike > 0.9, "pause %f, part %d: %d, %f", pause, k, off, alike);
        }
        free(pcm);
        free(c.items);
    }
}

/* The network held everything back for a while and then delivered it at once: that is no pause of the speaker. */
Test(render, a_stall_of_the_network_leaves_no_trace)
{
    for (double stall = 0.4; stall < 3; stall *= 2) {
        struct call c = {0};
        size_t n;
        double alike;
        speak(&c, &(struct party){.track = 0, .seconds = 60, .samples = 160, .ssrc = 1});
        speak(&c, &(struct party){.track = 1, .seconds = 60, .samples = 160, .ssrc = 2});
        uint64_t from = 1000000000 + 20000000, to = from + (uint64_t)(stall * 1e6);
        for (size_t i = 0; i < c.n; i++)
            if (c.items[i].track == 1 && c.items[i].at_us >= from && c.items[i].at_us < to)
                c.items[i].at_us = to;
        int16_t *pcm = rendered(&c, &n);
        for (int k = 0; k < 4; k++) {
            double at = k == 0 ? 20 + stall / 2 : 10.0 * k;
            int off = offset(pcm, n, (size_t)(at * 8000), &alike);
            cr_assert(abs(off) <= 2 && alike > 0.95, "stall %f at %f s: %d, %f", stall, at, off, alike);
        }
        free(pcm);
        free(c.items);
    }
}

Test(render, what_cannot_be_rendered_is_refused_with_its_reason)
{
    int16_t *pcm;
    size_t n;
    struct jn_err err = {{0}};
    struct jn_rec_item it[2] = {{.kind = JN_REC_EVENT, .event = JN_RECEV_START}, {.kind = JN_REC_EVENT}};
    cr_assert_eq(jn_rec_render(&pcm, &n, &rate, it, 2, NULL, &err), -ENOENT);
    cr_assert(err.text[0] != 0 && pcm == NULL && n == 0);
    cr_assert_eq(jn_rec_render(&pcm, &n, &rate, NULL, 0, NULL, &err), -ENOENT);
    it[0] = it[1] = (struct jn_rec_item){.kind = JN_REC_FRAME, .len = 160};
    it[1].track = 1;
    it[1].at_us = UINT64_C(12) * 3600 * 1000000 + 1;
    cr_assert_eq(jn_rec_render(&pcm, &n, &rate, it, 2, NULL, &err), -E2BIG);
    it[0].at_us = it[1].at_us = UINT64_MAX;
    cr_assert_eq(jn_rec_render(&pcm, &n, &rate, it, 2, NULL, &err), -ENOENT);
    it[0] = (struct jn_rec_item){.kind = JN_REC_FRAME, .len = 160, .track = JN_TRACK_SUPERVISOR};
    cr_assert_eq(jn_rec_render(&pcm, &n, &rate, it, 1, NULL, &err), -ENOENT);
}

Test(render, random_frames_never_break_it)
{
    seed = 5;
    for (unsigned round = 0; round < 60; round++) {
        struct jn_rec_item *it = calloc(60, sizeof *it);
        for (unsigned i = 0; i < 60; i++) {
            uint64_t r = jn_splitmix(&seed);
            it[i] = (struct jn_rec_item){.kind = 1 + r % 2,
                                         .track = r >> 8 & 3,
                                         .codec = r >> 10 & 3,
                                         .withheld = r >> 60 & 1 ? JN_RECF_MASKED : 0,
                                         .len = (uint16_t)(r >> 12 & 511),
                                         .ssrc = r >> 24 & 1,
                                         .at_us = jn_splitmix(&seed) >> (round % 60),
                                         .rtp_ts = (uint32_t)jn_splitmix(&seed) >> (round % 30),
                                         .seq = r >> 40};
        }
        int16_t *pcm;
        size_t n;
        struct jn_err err;
        struct jn_rec_ledger l = {0};
        for (unsigned i = 0; i < 60; i++)
            jn_rec_ledger_add(&l, &it[i]);
        int rc = jn_rec_render(&pcm, &n, &rate, it, 60, NULL, &err);
        cr_assert(rc == 0 || rc == -E2BIG || rc == -ENOENT || rc == -ENOMEM, "%d", rc);
        free(pcm);
        free(it);
    }
}

Test(render, a_wav_header_is_what_players_expect)
{
    uint8_t h[44];
    jn_wav_header(h, 8000, 8000);
    static const uint8_t want[44] = {'R', 'I', 'F', 'F', 0x24, 0x7d, 0,   0,   'W', 'A',  'V',  'E',  'f', 'm', 't',
                                     ' ', 16,  0,   0,   0,    1,    0,   2,   0,   0x40, 0x1f, 0,    0,   0,   0x7d,
                                     0,   0,   4,   0,   16,   0,    'd', 'a', 't', 'a',  0,    0x7d, 0,   0};
    cr_assert_arr_eq(h, want, 44);
}

/* RFC 3533 6: the page's checksum, bit by bit. */
static uint32_t page_sum(const uint8_t *p, size_t n)
{
    uint32_t c = 0;

    for (size_t i = 0; i < n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t byte = i >= 22 && i < 26 ? 0 : p[i];
            bool top = (c >> 31 ^ (byte >> (7 - bit) & 1)) & 1;
            c = c << 1 ^ (top ? 0x04c11db7u : 0);
        }
    return c;
}

static uint64_t le(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = n; i > 0; i--)
        v = v << 8 | p[i - 1];
    return v;
}

Test(render, an_ogg_file_has_whole_pages_and_ends_where_the_sound_does)
{
    enum { N = 8000 * 3 + 77 };
    int16_t *pcm = calloc(2 * N, sizeof *pcm);
    struct jn_buf out = {0};
    uint32_t pages = 0, packets = 0;
    uint64_t granule = 0;
    uint8_t flags = 0;

    for (int i = 0; i < N; i++)
        pcm[2 * i] = (int16_t)(i * 331 % 9000 - 4500);
    cr_assert_eq(jn_ogg_opus(&out, pcm, N, 8000, 0xc0ffee), 0);
    const uint8_t *p = (const uint8_t *)out.data;
    for (size_t at = 0; at < out.len; pages++) {
        cr_assert(out.len - at > 27 && memcmp(p + at, "OggS\0", 5) == 0, "page %u", pages);
        size_t laces = p[at + 26], bytes = 27 + laces;
        for (size_t i = 0; i < laces; i++) {
            bytes += p[at + 27 + i];
            packets += p[at + 27 + i] < 255;
        }
        cr_assert(bytes <= out.len - at);
        cr_assert_eq(le(p + at + 14, 4), 0xc0ffee);
        cr_assert_eq(le(p + at + 18, 4), pages, "numbered from 0");
        cr_assert_eq(le(p + at + 22, 4), page_sum(p + at, bytes), "page %u", pages);
        cr_assert(le(p + at + 6, 8) >= granule);
        flags = p[at + 5];
        cr_assert_eq(flags & 2, pages == 0 ? 2 : 0);
        if (pages < 2)
            cr_assert_eq(memcmp(p + at + 27 + laces, pages ? "OpusTags" : "OpusHead", 8), 0);
        granule = le(p + at + 6, 8);
        at += bytes;
    }
    cr_assert_eq(flags & 4, 4, "the last one says so");
    cr_assert_eq(granule, UINT64_C(6) * N + 312, "samples at 48 kHz, with what the coder looks ahead");
    cr_assert_eq(packets, 2 + (6 * N + 312 + 959) / 960);
    jn_buf_free(&out);
    free(pcm);
}
