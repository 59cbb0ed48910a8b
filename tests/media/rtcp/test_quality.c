#include "media/rtcp/burst.h"
#include "media/rtcp/emodel.h"
#include "media/rtcp/rtcp.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

TestSuite(quality, .timeout = 5);

/* RFC 3611 A.2 as it stands there: one call a packet. */
struct naive {
    double c11, c13, c14, c22, c23, c33;
    unsigned lost, pkt, losses, discards;
};
static void naive_packet(struct naive *v, bool lost, bool discarded)
{
    v->losses += lost;
    v->discards += discarded;
    if (!lost && !discarded) {
        v->pkt++;
        return;
    }
    if (v->pkt >= 16) {
        if (v->lost == 1)
            v->c14++;
        else
            v->c13++;
        v->lost = 1;
        v->c11 += v->pkt;
    } else {
        v->lost++;
        if (v->pkt == 0) {
            v->c33++;
        } else {
            v->c23++;
            v->c22 += v->pkt - 1;
        }
    }
    v->pkt = 0;
}

Test(quality, told_of_losses_only_it_counts_what_told_of_every_packet_counts)
{
    for (unsigned seed = 1; seed <= 40; seed++) {
        struct jn_burst b = {0};
        struct naive v = {0};
        uint64_t received = 0;
        srand(seed);
        for (unsigned i = 0; i < 20000; i++) {
            unsigned x = (unsigned)rand() % 1000, bad = seed % 2 ? 10 : i / 50 % 20 == 0 ? 300 : 2;
            if (x < bad)
                jn_burst_lost(&b, received, 1);
            else if (x < bad + seed)
                jn_burst_discarded(&b, received, 1);
            else
                received++;
            naive_packet(&v, x < bad, x >= bad && x < bad + seed);
        }
        cr_assert(b.c11 == v.c11 && b.c13 == v.c13 && b.c14 == v.c14 && b.c22 == v.c22 && b.c23 == v.c23 &&
                      b.c33 == v.c33,
                  "seed %u", seed);
        cr_assert(b.lost == v.losses && b.discarded == v.discards && v.losses > 100, "seed %u", seed);
    }
}

Test(quality, bursts_are_told_from_single_losses)
{
    struct jn_burst_report r;
    struct jn_burst none = {0}, single = {0}, burst = {0};
    uint64_t a = 0, b = 0;

    jn_burst_say(&r, &none, 1000, 20);
    cr_assert(r.loss_rate == 0 && r.burst_ms == 0 && r.gap_ms == 20000 && r.ratio_q8 == 256);
    for (unsigned i = 0; i < 50; i++) { /* 2 %, each alone; and the same in runs of ten */
        jn_burst_lost(&single, a, 1);
        a += 49;
        if (i % 10 == 0) {
            jn_burst_lost(&burst, b, 10);
            b += 490;
        }
    }
    jn_burst_say(&r, &single, a, 20);
    cr_assert_eq(r.loss_rate, 5);
    cr_assert_eq(r.discard_rate, 0);
    cr_assert_leq(r.ratio_q8, 260, "%u", r.ratio_q8);
    cr_assert_eq(r.gap_density, 5);
    jn_burst_say(&r, &burst, b, 20);
    cr_assert_eq(r.loss_rate, 5);
    cr_assert_eq(r.burst_density, 255);
    cr_assert(r.burst_ms >= 180 && r.burst_ms <= 260, "%u ms", r.burst_ms);
    cr_assert_gt(r.ratio_q8, 9 * 256);
}

Test(quality, the_score_falls_with_loss_delay_and_bursts)
{
    struct jn_emodel e = {.burst_ratio_q8 = 256, .delay_ms = 50};
    unsigned clean = jn_emodel_r_x100(&e);
    cr_assert_eq(clean, 9200); /* 93.2 - 0.024 x 50 */
    cr_assert_eq(jn_emodel_mos_x100(clean), 438);
    e.loss_ppm = 20000;
    unsigned random = jn_emodel_r_x100(&e);
    cr_assert(abs((int)random - 8499) <= 1, "%u", random); /* 92 - 95 x 2 / 27.1 */
    e.burst_ratio_q8 = 512;
    cr_assert_lt(jn_emodel_r_x100(&e), random);
    e.delay_ms = 400;
    e.loss_ppm = 300000;
    cr_assert_lt(jn_emodel_r_x100(&e), 2000);
    cr_assert_eq(jn_emodel_mos_x100(0), 100);
    e = (struct jn_emodel){.loss_ppm = UINT32_MAX, .delay_ms = UINT32_MAX};
    cr_assert_eq(jn_emodel_r_x100(&e), 0);
    for (unsigned r = 0, last = 0; r <= 9320; r += 10) {
        cr_assert_geq(jn_emodel_mos_x100(r), last);
        last = jn_emodel_mos_x100(r);
    }
}

static struct jn_xr full(void)
{
    return (struct jn_xr){.ssrc = 0x01020304,
                          .rrt = 0xe1e2e3e4d1d2d3d4u,
                          .has_dlrr = true,
                          .dlrr_ssrc = 77,
                          .lrr = 0xa1b2c3d4,
                          .dlrr = 65536,
                          .has_voip = true,
                          .voip = {.ssrc = 77,
                                   .loss_rate = 5,
                                   .discard_rate = 1,
                                   .burst_density = 200,
                                   .gap_density = 2,
                                   .burst_ms = 220,
                                   .gap_ms = 9999,
                                   .round_trip_ms = 81,
                                   .end_system_ms = 60,
                                   .signal_dbm0 = -21,
                                   .noise_dbm0 = -60,
                                   .gmin = JN_BURST_GMIN,
                                   .r = 88,
                                   .mos_lq = 42,
                                   .mos_cq = 41,
                                   .jb_nominal_ms = 40,
                                   .jb_max_ms = 80,
                                   .jb_abs_max_ms = 200,
                                   .jb_adaptive = true}};
}

Test(quality, an_extended_report_comes_back_out_of_a_compound_packet)
{
    struct jn_xr x = full();
    struct jn_rtcp_out r = {.ssrc = 0x01020304, .sent_any = true, .ntp = 1, .xr = &x, .bye = true, .cname = "a"};
    struct jn_rtcp_news n;
    uint8_t b[JN_RTCP_MAX];
    size_t len = jn_rtcp_build(b, &r);

    cr_assert_eq(jn_rtcp_parse(&n, b, len, 77), 0);
    cr_assert(n.has_xr && n.has_sr && n.bye && n.xr.has_dlrr && n.xr.has_voip);
    cr_assert_eq(n.xr.rrt, x.rrt);
    cr_assert(n.xr.lrr == x.lrr && n.xr.dlrr == x.dlrr && n.xr.ssrc == x.ssrc);
    uint8_t wrote[JN_XR_MAX], again[JN_XR_MAX];
    cr_assert_eq(jn_xr_build(wrote, &x), jn_xr_build(again, &n.xr));
    cr_assert_eq(memcmp(wrote, again, sizeof wrote), 0);
    cr_assert(n.xr.voip.signal_dbm0 == -21 && n.xr.voip.jb_adaptive && n.xr.voip.jb_abs_max_ms == 200);
    cr_assert_eq(jn_rtcp_parse(&n, b, len, 78), 0);
    cr_assert(n.has_xr && !n.xr.has_dlrr && !n.xr.has_voip, "blocks about somebody else are not ours");
    for (size_t cut = 1; cut < len; cut++) {
        struct jn_rtcp_news m;
        uint8_t *exact = malloc(cut); /* an address sanitizer sees one byte too far */
        memcpy(exact, b, cut);
        jn_rtcp_parse(&m, exact, cut, 77);
        free(exact);
    }
}

Test(quality, blocks_of_a_wrong_length_are_refused_and_unknown_ones_passed_over)
{
    struct jn_xr x = full(), got;
    uint8_t b[JN_XR_MAX + 8];
    size_t n = jn_xr_build(b, &x);

    cr_assert_eq(n, (size_t)JN_XR_MAX);
    cr_assert_eq(jn_xr_parse(&got, b, n, 77), 0);
    b[8 + 3] = 3; /* receiver reference time of three words */
    cr_assert_eq(jn_xr_parse(&got, b, n, 77), -EBADMSG);
    b[8 + 3] = 2;
    b[8] = 99;
    cr_assert_eq(jn_xr_parse(&got, b, n, 77), 0);
    cr_assert(got.rrt == 0 && got.has_voip);
    b[8 + 2] = 1; /* 258 words, past the end */
    cr_assert_eq(jn_xr_parse(&got, b, n, 77), -EBADMSG);
    cr_assert_eq(jn_xr_parse(&got, b, 7, 77), -EBADMSG);
}
