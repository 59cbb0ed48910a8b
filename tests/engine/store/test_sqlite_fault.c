/* SQLite on a disk that forgets: at thousands of points the power goes; what was committed is there afterwards, whole.
 */
#include "engine/store/store.h"
#include "tests/engine/store/fault_vfs.h"

#include <errno.h>
#include <stdio.h>

TestSuite(sqlite_fault, .timeout = 60);

static struct jn_store *start(void)
{
    struct jn_store *s = NULL;
    struct jn_err err = {{0}};

    cr_assert_eq(jn_store_open(&s, "forgetful.db", &err), 0, "%s", err.text);
    return s;
}

/* One durable transaction of three rows and a value, all named by seq. 0 or what failed. */
static int write_group(struct jn_store *s, uint64_t seq)
{
    char key[32];
    int rc = jn_store_begin(s);

    for (uint64_t k = 0; rc == 0 && k < 3; k++) {
        struct jn_ix_row row = {.id = seq * 3 + k + 1,
                                .tenant = 7,
                                .queue = 9,
                                .arrived_us = seq + 1,
                                .state = JN_IX_DONE,
                                .outcome = JN_OUT_ANSWERED};
        rc = jn_store_ix(s, &row, "acme", "sales", "");
    }
    snprintf(key, sizeof key, "seq/%llu", (unsigned long long)(seq % 40));
    if (rc == 0)
        rc = jn_store_put(s, key, &seq, sizeof seq);
    if (rc == 0)
        rc = jn_store_commit(s, seq);
    if (rc < 0)
        jn_store_rollback(s);
    return rc;
}

/* All groups up to the stored sequence are there, none after it; it is not before the last one acknowledged. */
static bool found_whole(struct jn_store *s, uint64_t acknowledged, uint64_t *seq)
{
    *seq = jn_store_seq(s);
    if (*seq < acknowledged)
        return false;
    for (uint64_t i = 1; i <= *seq; i++)
        for (uint64_t k = 0; k < 3; k++)
            if (jn_store_ix_state(s, i * 3 + k + 1) != JN_IX_DONE)
                return false;
    return jn_store_ix_state(s, (*seq + 1) * 3 + 1) == -ENOENT;
}

/* Crashes `times` times in one life of the database; how many starts found something missing. */
static unsigned lives(uint64_t seed, unsigned times)
{
    uint64_t seq = 0;
    unsigned wrong = 0;

    memset(&disk, 0, sizeof disk);
    cr_assert_eq(sqlite3_vfs_register(&disk_vfs, 1), SQLITE_OK);
    for (unsigned life = 0; life < times && !wrong; life++) {
        struct jn_store *s = start();
        wrong += !found_whole(s, seq, &seq);
        disk.ops = 0;
        disk.off_at = 1 + jn_splitmix(&seed) % 200;
        while (!wrong && write_group(s, seq + 1) == 0)
            seq++;
        disk.off = true;
        jn_store_close(s);
        disk_crash(&seed);
    }
    disk_free();
    sqlite3_vfs_unregister(&disk_vfs);
    return wrong;
}

Test(sqlite_fault, what_was_committed_survives_every_loss_of_power)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        cr_assert_eq(lives(seed, 25), 0, "seed %llu", (unsigned long long)seed);
}

/* The same on a disk that says it synced and did not: if this found nothing, the test above would prove nothing. */
Test(sqlite_fault, a_disk_that_lies_about_syncing_is_seen)
{
    unsigned seen = 0;

    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct jn_store *s = NULL;
        struct jn_err err = {{0}};
        uint64_t state = seed, seq = 0, found;
        memset(&disk, 0, sizeof disk);
        cr_assert_eq(sqlite3_vfs_register(&disk_vfs, 1), SQLITE_OK);
        s = start();
        for (; seq < 5; seq++)
            cr_assert_eq(write_group(s, seq + 1), 0);
        disk.lies = true;
        for (; seq < 10; seq++)
            cr_assert_eq(write_group(s, seq + 1), 0);
        disk.off = true;
        jn_store_close(s);
        disk_crash(&state);
        disk.lies = false;
        s = NULL;
        if (jn_store_open(&s, "forgetful.db", &err) == 0) {
            seen += !found_whole(s, seq, &found);
            jn_store_close(s);
        } else {
            seen++;
        }
        disk_free();
        sqlite3_vfs_unregister(&disk_vfs);
    }
    cr_assert_gt(seen, 0u);
}
