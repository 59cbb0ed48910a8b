/* Segments: an interaction's time, piece by piece, without gap or overlap; and what an older database knew of it. */
#include "engine/store/store.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[64], path[96];

static void begin(void)
{
    strcpy(dir, "/tmp/jn-segment-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/junctor.db", dir);
}
static void end(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}
TestSuite(segment, .init = begin, .fini = end, .timeout = 60);

static struct jn_store *open_store(void)
{
    struct jn_store *s = NULL;
    struct jn_err err = {0};
    cr_assert_eq(jn_store_open(&s, path, &err), 0, "%s", err.text);
    return s;
}

static void now(struct jn_store *s, struct jn_ix_row *r, uint8_t state, uint64_t agent, uint64_t at_us)
{
    r->state = state;
    r->agent = agent;
    cr_assert_eq(jn_store_ix(s, r, "acme", "sales", agent ? "ann" : ""), 0);
    cr_assert_eq(jn_store_segment(s, r, at_us, "sales", agent == 3 ? "ann" : agent ? "ben" : ""), 0);
}

static int64_t query(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(st), SQLITE_ROW, "%s", sql);
    int64_t v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return v;
}

Test(segment, a_call_that_moves_leaves_segments_that_add_up_to_its_time)
{
    struct jn_store *s = open_store();
    struct jn_buf b = {0};
    struct jn_ix_row r = {.id = 9, .tenant = 1, .queue = 2, .arrived_us = 1000000, .channel = JN_CH_VOICE};
    struct jn_call_row c = {.ix = 9, .tenant = 1};
    strcpy(c.outside, "+4930123");
    now(s, &r, JN_IX_QUEUED, 0, 1000000);
    now(s, &r, JN_IX_QUEUED, 0, 1500000); /* a position told: nothing new */
    now(s, &r, JN_IX_OFFERED, 3, 2000000);
    r.answered_us = 3000001;
    now(s, &r, JN_IX_CONNECTED, 3, 3000001);
    now(s, &r, JN_IX_HELD, 3, 3500000);
    now(s, &r, JN_IX_QUEUED, 3, 5000000); /* transferred to ben: offered at once, so it did not wait */
    now(s, &r, JN_IX_OFFERED, 4, 5000000);
    now(s, &r, JN_IX_CONNECTED, 4, 6000000);
    r.outside = true;
    now(s, &r, JN_IX_CONNECTED, 0, 8000000);
    r.outside = false;
    r.outcome = JN_OUT_ANSWERED;
    r.ended_us = 11000003;
    now(s, &r, JN_IX_WRAP_UP, 4, 11000003);
    r.closed_us = 12000000;
    now(s, &r, JN_IX_DONE, 4, 12000000);
    cr_assert_eq(jn_store_call(s, &c), 0);
    cr_assert_eq(jn_store_segments_json(s, 1, 9, &b), 0);
    const char *want[] = {
        "\"n\":1,\"kind\":\"wait\",\"queue\":\"sales\",\"agent\":null",
        "\"n\":2,\"kind\":\"ring\",\"queue\":\"sales\",\"agent\":\"ann\"",
        "\"n\":3,\"kind\":\"talk\",\"queue\":\"sales\",\"agent\":\"ann\"",
        "\"n\":4,\"kind\":\"ring\",\"queue\":\"sales\",\"agent\":\"ben\"",
        "\"n\":5,\"kind\":\"talk\",\"queue\":\"sales\",\"agent\":\"ben\"",
        "\"n\":6,\"kind\":\"outside\",\"queue\":\"sales\",\"agent\":null,\"number\":\"+4930123\"",
    };
    for (unsigned i = 0; i < sizeof want / sizeof *want; i++)
        cr_assert(strstr(b.data, want[i]) != NULL, "%s is not in %s", want[i], b.data);
    cr_assert_null(strstr(b.data, "\"n\":7"));
    cr_assert_eq(query("SELECT sum(ended_us - began_us) FROM segment WHERE ix = 9"), 10000003);
    cr_assert_eq(query("SELECT count(*) FROM segment a JOIN segment b ON b.ix = a.ix AND b.n = a.n + 1"
                       " WHERE a.ended_us <> b.began_us"),
                 0);
    jn_buf_clear(&b);
    cr_assert_eq(jn_store_segments_json(s, 2, 9, &b), -ENOENT, "another tenant's");
    jn_buf_free(&b);
    jn_store_close(s);
}

Test(segment, outgoing_calls_stand_apart_in_the_report)
{
    struct jn_store *s = open_store();
    struct jn_buf b = {0};
    struct jn_ix_row in = {.id = 1,
                           .tenant = 1,
                           .queue = 2,
                           .arrived_us = 5,
                           .answered_us = 6,
                           .ended_us = 7,
                           .wait_us = 1,
                           .outcome = JN_OUT_ANSWERED,
                           .in_target = true,
                           .transfers = 2};
    struct jn_ix_row out = {.id = 2,
                            .tenant = 1,
                            .queue = 2,
                            .arrived_us = 5,
                            .answered_us = 1000005,
                            .ended_us = 3000005,
                            .talk_us = 2000000,
                            .outcome = JN_OUT_ANSWERED,
                            .direction = JN_DIR_OUT};
    struct jn_ix_row vain = {.id = 3,
                             .tenant = 1,
                             .queue = 2,
                             .arrived_us = 5,
                             .ended_us = 9,
                             .wait_us = 900000000,
                             .outcome = JN_OUT_REJECTED,
                             .direction = JN_DIR_OUT};
    now(s, &in, JN_IX_DONE, 3, 7);
    now(s, &out, JN_IX_DONE, 3, 3000005);
    now(s, &vain, JN_IX_DONE, 3, 9);
    cr_assert_eq(jn_store_report_json(s, 1, 0, INT64_MAX, &b), 0);
    cr_assert(strstr(b.data, "\"offered\":1,\"answered\":1,\"abandoned\":0,\"rejected\":0") != NULL, "%s", b.data);
    cr_assert(strstr(b.data, "\"service_level\":1.0000") != NULL, "%s", b.data);
    cr_assert(strstr(b.data, "\"max_wait_ms\":0,") != NULL, "%s", b.data);
    cr_assert(strstr(b.data, "\"transferred\":2,\"out\":2,\"out_answered\":1,\"out_talk_ms\":2000") != NULL, "%s",
              b.data);
    jn_buf_free(&b);
    jn_store_close(s);
}

Test(segment, a_database_of_the_version_before_gets_segments_for_what_it_holds)
{
    static const char *const back =
        "DROP TABLE segment; ALTER TABLE interaction DROP COLUMN direction; ALTER TABLE interaction DROP COLUMN "
        "transfers; ALTER TABLE call DROP COLUMN outside; PRAGMA user_version = 2;";
    struct jn_store *s = open_store();
    struct jn_ix_row r = {.id = 9,
                          .tenant = 1,
                          .queue = 2,
                          .arrived_us = 1000,
                          .answered_us = 3000,
                          .ended_us = 9000,
                          .outcome = JN_OUT_ANSWERED,
                          .agent = 3,
                          .state = JN_IX_DONE};
    struct jn_ix_row gone = {.id = 10,
                             .tenant = 1,
                             .queue = 2,
                             .arrived_us = 1000,
                             .ended_us = 4000,
                             .outcome = JN_OUT_ABANDONED,
                             .state = JN_IX_DONE};
    cr_assert_eq(jn_store_ix(s, &r, "acme", "sales", "ann"), 0);
    cr_assert_eq(jn_store_ix(s, &gone, "acme", "sales", ""), 0);
    jn_store_close(s);
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, back, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    s = open_store();
    struct jn_buf b = {0};
    cr_assert_eq(jn_store_segments_json(s, 1, 9, &b), 0);
    cr_assert(strstr(b.data, "\"kind\":\"talk\",\"queue\":\"sales\",\"agent\":\"ann\"") != NULL, "%s", b.data);
    jn_buf_free(&b);
    jn_store_close(s);
    cr_assert_eq(query("SELECT sum(ended_us - began_us) FROM segment WHERE ix = 9"), 8000);
    cr_assert_eq(query("SELECT count(*) FROM segment WHERE ix = 10"), 1);
    cr_assert_eq(query("PRAGMA user_version"), 3);
}
