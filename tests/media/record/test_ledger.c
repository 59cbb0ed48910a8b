#include "media/record/render.h"
#include <criterion/criterion.h>

TestSuite(ledger, .timeout = 5);

static void frame(struct jn_rec_ledger *l, unsigned track, uint64_t seq, uint32_t ssrc)
{
    struct jn_rec_item it = {.call = 9,
                             .tenant = 8,
                             .at_us = 1000 + seq,
                             .kind = JN_REC_FRAME,
                             .track = (uint8_t)track,
                             .seq = seq,
                             .ssrc = ssrc};
    jn_rec_ledger_add(l, &it);
}

static void event(struct jn_rec_ledger *l, uint8_t what, uint64_t arg)
{
    struct jn_rec_item it = {.call = 9, .tenant = 8, .at_us = 5000, .kind = JN_REC_EVENT, .event = what, .arg = arg};
    jn_rec_ledger_add(l, &it);
}

Test(ledger, what_was_handed_over_and_is_here_is_complete_though_the_network_lost)
{
    struct jn_rec_ledger l = {0};
    event(&l, JN_RECEV_START, 0);
    for (uint64_t i = 0; i < 100; i++)
        if (i % 10 != 3)
            frame(&l, 0, 50 + i, 1);
    cr_assert_not(l.complete);
    event(&l, JN_RECEV_STOP, 90);
    cr_assert(l.complete && l.stopped);
    cr_assert(l.call == 9 && l.tenant == 8 && l.first_us == 1050 && l.last_us == 5000 && l.events == 2);
    cr_assert(l.frames[0] == 90 && l.missing[0] == 10 && l.duplicates[0] == 0);
}

Test(ledger, one_frame_less_than_handed_over_is_not_complete)
{
    struct jn_rec_ledger l = {0};
    frame(&l, 0, 1, 1);
    frame(&l, 1, 1, 2);
    event(&l, JN_RECEV_STOP, 3);
    cr_assert_not(l.complete);
    frame(&l, 1, 2, 2); /* a worker's last frames may come after the event */
    cr_assert(l.complete);
    event(&l, JN_RECEV_OVERFLOW, 4);
    cr_assert(!l.complete && l.overflow == 4);
}

Test(ledger, reordered_and_doubled_frames_are_told_apart)
{
    struct jn_rec_ledger l = {0};
    static const uint64_t seqs[] = {10, 12, 11, 12, 15, 13, 10, 9, 14, 9};
    for (unsigned i = 0; i < sizeof seqs / sizeof seqs[0]; i++)
        frame(&l, 1, seqs[i], 1);
    cr_assert_eq(l.missing[1], 0);
    cr_assert_eq(l.duplicates[1], 3);
    cr_assert_eq(l.frames[1], 10);
    frame(&l, 1, 7, 1); /* before the first: 8 is missing now */
    cr_assert_eq(l.missing[1], 1);
}

Test(ledger, a_new_source_or_sequence_is_no_gap)
{
    struct jn_rec_ledger l = {0};
    frame(&l, 0, 1, 1);
    frame(&l, 0, 40000, 2);
    frame(&l, 0, 40001, 2);
    frame(&l, 0, 5, 2);
    frame(&l, 0, 8, 2);
    cr_assert_eq(l.missing[0], 2);
    cr_assert_eq(l.duplicates[0], 0);
}
