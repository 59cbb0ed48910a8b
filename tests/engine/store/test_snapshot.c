/* Snapshots: whole or not there, the newest good one, and what of the journal may go. */
#include "engine/base/log.h"
#include "engine/store/journal_file.h"
#include "tests/engine/store/fault_fs.h"
#include <criterion/criterion.h>

static void quiet(void)
{
    jn_log_level_set(JN_LOG_ERROR);
    ff_start(1);
}
TestSuite(snapshot, .init = quiet, .timeout = 60);

static void state(uint8_t out[static 5000], uint64_t seq)
{
    for (unsigned i = 0; i < 5000; i++)
        out[i] = (uint8_t)(jn_splitmix(&seq));
}

static uint64_t newest(uint64_t max, bool *whole)
{
    struct jn_buf b = {0};
    uint8_t want[5000];
    uint64_t seq = 0, time_us;

    if (jn_snapshot_read("/d", max, &seq, &time_us, &b, NULL) < 0)
        seq = 0;
    state(want, seq);
    *whole = seq == 0 || (b.len == 5000 && memcmp(b.data, want, 5000) == 0 && time_us == seq * 2);
    jn_buf_free(&b);
    return seq;
}

static int take(uint64_t seq)
{
    uint8_t bytes[5000];

    state(bytes, seq);
    return jn_snapshot_write("/d", seq, seq * 2, bytes, sizeof bytes, 2, 0, NULL);
}

Test(snapshot, a_crash_leaves_the_old_one_or_the_new_one)
{
    for (uint64_t round = 1; round < 1500; round++) {
        uint64_t done = 0;
        bool whole;

        ff_start(round);
        for (uint64_t seq = 10; seq < 60; seq += 10) {
            ff.crash_at = ff_rand(3) ? UINT64_MAX : ff.calls + ff_rand(14);
            ff.sync_fail_one_in = ff_rand(2) ? 4 : 0;
            if (take(seq) == 0)
                done = seq;
            if (ff.crash_at != UINT64_MAX)
                ff_crash();
            ff_no_faults();
            uint64_t got = newest(UINT64_MAX, &whole);
            cr_assert(whole, "round %llu: half a snapshot", (unsigned long long)round);
            cr_assert_geq(got, done);
        }
    }
}

Test(snapshot, a_damaged_one_is_skipped)
{
    bool whole;

    take(10);
    take(20);
    cr_assert_eq(newest(UINT64_MAX, &whole), 20);
    cr_assert_eq(newest(19, &whole), 10);
    ff_damage("/d/0000000000000014.snapshot", 3000, 1);
    cr_assert_eq(newest(UINT64_MAX, &whole), 10);
    cr_assert(whole);
}

static unsigned count(const char *suffix)
{
    struct jn_names names;

    cr_assert_eq(jn_names_list(&names, "/d", suffix), 0);
    unsigned n = (unsigned)names.count;
    jn_names_free(&names);
    return n;
}

Test(snapshot, segments_go_when_no_kept_snapshot_needs_them)
{
    struct jn_journal *j;
    struct jn_journal_found found;
    static uint8_t big[60000];

    cr_assert_eq(jn_journal_open(&j, "/d", false, NULL, NULL), 0);
    for (uint64_t s = 1; s <= 2400; s++) {
        cr_assert_eq(jn_journal_append(j, s, s, big, sizeof big), 0);
        if (s % 100 == 0)
            cr_assert_eq(jn_journal_commit(j), 0);
    }
    jn_journal_close(j);
    cr_assert_geq(count(".journal"), 4);
    unsigned all = count(".journal");
    take(1800);
    cr_assert_eq(count(".journal"), all, "one snapshot alone may be damaged: the start is still needed");
    take(2300);
    cr_assert_lt(count(".journal"), all);
    take(2400);
    cr_assert_eq(count(".snapshot"), 2);
    cr_assert_eq(jn_journal_open(&j, "/d", true, &found, NULL), 0);
    cr_assert_leq(found.first_seq, 2301);
    cr_assert_eq(found.last_seq, 2400);
    struct jn_err err;
    cr_assert_eq(jn_journal_read(j, 1, NULL, NULL, &err), -ENODATA, "a hole is never read over");
    jn_journal_close(j);
}

/* Every 10 s for 20 minutes with 5 minutes of history: a replay of any moment of the last 5 minutes finds a snapshot at
 * or before it, not long before it, and the files stay few. */
Test(snapshot, history_is_kept_and_thinned)
{
    enum { SECOND = 1000000, STEP = 10, HISTORY = 300 };
    uint8_t bytes[64] = {0};

    for (uint64_t t = STEP; t <= 1200; t += STEP) {
        uint64_t time_us = 0, seq = 0, from = t > HISTORY ? t - HISTORY : 0;
        unsigned files = 0;
        cr_assert_eq(jn_snapshot_write("/d", t, t * SECOND, bytes, sizeof bytes, 2, (uint64_t)HISTORY * SECOND, NULL),
                     0);
        struct jn_names names;
        cr_assert_eq(jn_names_list(&names, "/d", ".snapshot"), 0);
        files = (unsigned)names.count;
        jn_names_free(&names);
        cr_assert_leq(files, 16 + 4, "%u snapshots at %llu s", files, (unsigned long long)t);
        for (uint64_t at = from + STEP; at <= t; at += STEP) {
            struct jn_buf b = {0};
            int rc = jn_snapshot_read("/d", at, &seq, &time_us, &b, NULL);
            jn_buf_free(&b);
            cr_assert_eq(rc, 0, "nothing for %llu s at %llu s", (unsigned long long)at, (unsigned long long)t);
            cr_assert_geq(seq + 2 * STEP + HISTORY / 16 + STEP, at, "%llu s is far before %llu s",
                          (unsigned long long)seq, (unsigned long long)at);
        }
    }
}
