#include "engine/base/rand.h"
#include "media/record/chunk.h"
#include "media/record/render.h"
#include <criterion/criterion.h>
#include <string.h>

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

Test(ledger, a_chunk_counts_as_its_items_do)
{
    static struct jn_rec_chunk c;
    uint64_t seed = 5;

    for (unsigned round = 0; round < 300; round++) {
        struct jn_rec_ledger one = {0}, whole = {0};
        uint64_t seq[2] = {100, 70000};
        for (unsigned k = 0; k < 3; k++) { /* chunks of one call */
            c = (struct jn_rec_chunk){.call = 9, .tenant = 8, .begin_us = 1000000 + 300000 * k};
            for (unsigned i = 0; i < 30; i++) {
                uint64_t r = jn_splitmix(&seed);
                unsigned t = r & 1;
                seq[t] += (r >> 1 & 15) == 0 ? (r >> 8 & 31) - 8 : 1;
                struct jn_rec_item it = {.call = 9,
                                         .tenant = 8,
                                         .kind = (r >> 16 & 15) == 0 ? JN_REC_EVENT : JN_REC_FRAME,
                                         .event = (r >> 20 & 1) ? JN_RECEV_OVERFLOW : JN_RECEV_STOP,
                                         .arg = r >> 21 & 63,
                                         .track = (uint8_t)((r >> 27 & 31) == 0 ? 200 : t),
                                         .seq = seq[t],
                                         .ssrc = 1 + (uint32_t)((r >> 32 & 31) == 0),
                                         .withheld = (r >> 37 & 7) == 0 ? JN_RECF_MASKED : 0,
                                         .len = (uint16_t)(r >> 40 & 63),
                                         .at_us = c.begin_us + 5000 * i - (r >> 46 & 8191)};
                cr_assert(jn_rec_chunk_add(&c, &it));
                jn_rec_ledger_add(&one, &it);
            }
            jn_rec_ledger_chunk(&whole, &c);
            cr_assert_eq(memcmp(&one, &whole, sizeof one), 0, "round %u, chunk %u", round, k);
        }
    }
}

Test(ledger, ranges_name_what_is_missing_and_what_was_withheld)
{
    static const struct {
        uint8_t track, withheld;
        uint32_t ssrc;
        uint64_t seq;
    } rows[] = {
        {0, 0, 7, 10},    {0, 0, 7, 13},    {0, 0, 7, 12}, {0, 2, 7, 14},  {0, 2, 7, 15},
        {1, 0, 9, 500},   {0, 0, 7, 16},    {0, 4, 7, 18}, {1, 0, 9, 502}, /* 11, 17 and 501 are missing */
        {1, 0, 9, 40000}, {1, 0, 5, 40003}, /* a jump, and another source: nothing is missing between them */
    };
    enum { N = sizeof rows / sizeof *rows };
    struct jn_rec_item it[N] = {0};
    struct jn_buf missing = {0}, withheld = {0}, none = {0};

    for (unsigned i = 0; i < N; i++)
        it[i] = (struct jn_rec_item){.kind = JN_REC_FRAME,
                                     .track = rows[i].track,
                                     .withheld = rows[i].withheld,
                                     .ssrc = rows[i].ssrc,
                                     .seq = rows[i].seq};
    cr_assert_eq(jn_rec_ranges(&missing, it, N, JN_REC_RANGE_MISSING), 3);
    cr_assert_str_eq(missing.data, "{\"track\":0,\"ssrc\":7,\"from\":11,\"to\":11},"
                                   "{\"track\":0,\"ssrc\":7,\"from\":17,\"to\":17},"
                                   "{\"track\":1,\"ssrc\":9,\"from\":501,\"to\":501}");
    cr_assert_eq(jn_rec_ranges(&withheld, it, N, JN_REC_RANGE_WITHHELD), 2);
    cr_assert_str_eq(withheld.data, "{\"track\":0,\"ssrc\":7,\"from\":14,\"to\":15},"
                                    "{\"track\":0,\"ssrc\":7,\"from\":18,\"to\":18}");
    cr_assert_eq(jn_rec_ranges(&none, it, 0, JN_REC_RANGE_MISSING), 0);
    cr_assert(!none.failed && none.len == 0);
    jn_buf_free(&missing);
    jn_buf_free(&withheld);
    jn_buf_free(&none);
}
