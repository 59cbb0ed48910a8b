#include "media/rtp/rtp.h"
#include <criterion/criterion.h>

TestSuite(seq, .timeout = 5);

static enum jn_seq_verdict take(struct jn_rtp_source *s, unsigned seq, uint64_t *ext)
{
    struct jn_rtp h = {.seq = (uint16_t)seq, .ssrc = 7, .ts = seq * 160u};
    return jn_rtp_source_take(s, &h, seq * 160u + 1000, ext);
}

Test(seq, the_number_goes_on_past_65535)
{
    struct jn_rtp_source s = {0};
    uint64_t ext;
    for (unsigned i = 0; i < 200000; i++) {
        cr_assert_eq(take(&s, 60000 + i, &ext), JN_SEQ_OK);
        cr_assert_eq(ext, 60000u + i);
    }
    cr_assert_eq(s.received, 200000);
    cr_assert_eq(jn_rtp_source_lost(&s), 0);
    cr_assert_eq(s.jitter_q4, 0);
}

Test(seq, reordered_duplicate_and_lost_are_told_apart_across_the_wrap)
{
    struct jn_rtp_source s = {0};
    uint64_t ext;
    cr_assert_eq(take(&s, 65534, &ext), JN_SEQ_OK);
    cr_assert_eq(take(&s, 1, &ext), JN_SEQ_OK);
    cr_assert_eq(ext, 65537);
    cr_assert_eq(jn_rtp_source_lost(&s), 2);
    cr_assert_eq(take(&s, 65535, &ext), JN_SEQ_OLD);
    cr_assert_eq(ext, 65535);
    cr_assert_eq(take(&s, 65535, &ext), JN_SEQ_DUPLICATE);
    cr_assert_eq(take(&s, 1, &ext), JN_SEQ_DUPLICATE);
    cr_assert_eq(jn_rtp_source_lost(&s), 1);
    cr_assert_eq(s.duplicate, 2);
    cr_assert_eq(s.received, 3);
}

Test(seq, a_packet_before_the_first_moves_the_base)
{
    struct jn_rtp_source s = {0};
    uint64_t ext;
    take(&s, 100, &ext);
    cr_assert_eq(take(&s, 98, &ext), JN_SEQ_OLD);
    cr_assert_eq(jn_rtp_source_lost(&s), 1);
}

Test(seq, one_stray_changes_nothing_and_two_in_a_row_restart)
{
    struct jn_rtp_source s = {0};
    uint64_t ext;
    for (unsigned i = 0; i < 10; i++)
        take(&s, 100 + i, &ext);
    cr_assert_eq(take(&s, 40000, &ext), JN_SEQ_STRAY);
    cr_assert_eq(take(&s, 110, &ext), JN_SEQ_OK);
    cr_assert_eq(ext, 110);
    cr_assert_eq(take(&s, 40001, &ext), JN_SEQ_STRAY, "the stray before was forgotten");
    cr_assert_eq(take(&s, 40002, &ext), JN_SEQ_RESTART);
    cr_assert_eq(ext, 40002);
    cr_assert_eq(s.received, 1);
}

Test(seq, another_ssrc_restarts_at_once)
{
    struct jn_rtp_source s = {0};
    uint64_t ext;
    take(&s, 100, &ext);
    struct jn_rtp h = {.seq = 101, .ssrc = 8};
    cr_assert_eq(jn_rtp_source_take(&s, &h, 0, &ext), JN_SEQ_RESTART);
    cr_assert_eq(s.ssrc, 8);
}

Test(seq, jitter_comes_to_the_mean_difference)
{
    struct jn_rtp_source s = {0};
    uint64_t ext;
    for (unsigned i = 0; i < 1000; i++) { /* every second packet 80 units late: |D| is 80 each time */
        struct jn_rtp h = {.seq = (uint16_t)i, .ssrc = 7, .ts = i * 160};
        jn_rtp_source_take(&s, &h, i * 160 + (i & 1 ? 80 : 0), &ext);
    }
    cr_assert(s.jitter_q4 >> 4 >= 78 && s.jitter_q4 >> 4 <= 80, "%u", s.jitter_q4 >> 4);
}
