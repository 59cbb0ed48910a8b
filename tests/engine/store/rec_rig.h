/* Rec rig: recordings to write and read back in a test. */
#ifndef TEST_REC_RIG_H
#define TEST_REC_RIG_H

#include "engine/store/recording_log.h"
#include "tests/engine/store/fault_fs.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static inline struct jn_rec_item frame(uint64_t call, uint8_t track, uint64_t seq)
{
    struct jn_rec_item it = {.call = call,
                             .tenant = 7 + call % 2,
                             .kind = JN_REC_FRAME,
                             .track = track,
                             .seq = seq,
                             .rtp_ts = (uint32_t)(seq * 160),
                             .ssrc = 9,
                             .at_us = 1000000000 + seq * 20000 + call,
                             .len = 160};

    memset(it.payload, (int)(seq & 0x7f) | 0x80, 160);
    return it;
}

static inline struct jn_rec_item event(uint64_t call, uint8_t what, uint64_t arg, uint64_t seq)
{
    struct jn_rec_item it = {.call = call,
                             .tenant = 7 + call % 2,
                             .kind = JN_REC_EVENT,
                             .event = what,
                             .arg = arg,
                             .at_us = 1000000000 + seq * 20000};
    return it;
}

static inline struct jn_rec_writer *open_writer(const char *dir, uint32_t segment)
{
    struct jn_rec_writer *w = NULL;

    cr_assert_eq(jn_rec_writer_open(&w, dir, &(struct jn_rec_writer_config){.segment_bytes = segment}, NULL), 0);
    return w;
}

/* A chunk of one record. */
static inline int put_item(struct jn_rec_writer *w, const struct jn_rec_item *it)
{
    static struct jn_rec_chunk c;

    c = (struct jn_rec_chunk){.call = it->call, .tenant = it->tenant, .begin_us = it->at_us};
    cr_assert(jn_rec_chunk_add(&c, it));
    const struct jn_rec_chunk *one = &c;
    int rc;
    jn_rec_writer_put(w, &one, 1, &rc);
    return rc;
}

/* n frames a track of each call, the calls interleaved as they are in life. */
static inline void record(struct jn_rec_writer *w, unsigned calls, uint64_t n)
{
    struct jn_rec_item it;

    for (uint64_t c = 1; c <= calls; c++) {
        it = event(c, JN_RECEV_START, 0, 0);
        cr_assert_eq(put_item(w, &it), 0);
    }
    for (uint64_t s = 1; s <= n; s++)
        for (uint64_t c = 1; c <= calls; c++)
            for (uint8_t t = 0; t < 2; t++) {
                it = frame(c, t, s);
                cr_assert_eq(put_item(w, &it), 0);
            }
    for (uint64_t c = 1; c <= calls; c++) {
        it = event(c, JN_RECEV_STOP, 2 * n, n);
        cr_assert_eq(put_item(w, &it), 0);
    }
}

static inline struct jn_rec_writer *open_sealed(const char *key)
{
    struct jn_rec_writer *w = NULL;
    struct jn_err err = {0};

    cr_assert_eq(
        jn_rec_writer_open(&w, "/r", &(struct jn_rec_writer_config){.segment_bytes = 300000, .key_file = key}, &err), 0,
        "%s", err.text);
    return w;
}

static inline uint64_t loaded(uint64_t call)
{
    struct jn_rec_item *items = NULL;
    struct jn_rec_summary sum;
    size_t n = 0;

    if (jn_rec_load("/r", call, &items, &n, &sum, NULL) < 0)
        return 0;
    free(items);
    return sum.ledger.complete ? sum.ledger.frames[0] + sum.ledger.frames[1] : 1;
}

#endif
