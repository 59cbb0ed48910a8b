/* SQLite store: rows, JSON, the report's arithmetic, schema, and a child killed while it commits. */
#include "engine/store/store.h"

#include "engine/base/rand.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], path[96];

static void begin(void)
{
    strcpy(dir, "/tmp/jn-store-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/junctor.db", dir);
}

static void end(void)
{
    char command[96];

    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}
TestSuite(sqlite, .init = begin, .fini = end, .timeout = 60);

static struct jn_store *open_store(void)
{
    struct jn_store *s = NULL;
    struct jn_err err = {0};

    cr_assert_eq(jn_store_open(&s, path, &err), 0, "%s", err.text);
    return s;
}

static struct jn_ix_row row(uint64_t id, enum jn_outcome outcome, uint64_t arrived_s, uint64_t wait_s, uint64_t talk_s)
{
    struct jn_ix_row r = {.id = id,
                          .tenant = 0xf000000000000001u,
                          .queue = 2,
                          .arrived_us = arrived_s * 1000000,
                          .wait_us = wait_s * 1000000,
                          .talk_us = talk_s * 1000000,
                          .state = outcome == JN_OUT_OPEN ? JN_IX_QUEUED : JN_IX_DONE,
                          .outcome = (uint8_t)outcome,
                          .channel = JN_CH_CHAT};

    if (outcome == JN_OUT_ANSWERED) {
        r.agent = 3;
        r.answered_us = r.arrived_us + r.wait_us;
        r.ended_us = r.answered_us + r.talk_us;
        r.closed_us = r.ended_us + 5000000;
        r.in_target = wait_s <= 20;
    }
    return r;
}

static void put(struct jn_store *s, const struct jn_ix_row *r)
{
    cr_assert_eq(jn_store_ix(s, r, "acme", "sales", r->agent ? "ann" : ""), 0);
}

Test(sqlite, an_interaction_reads_as_it_was_written)
{
    struct jn_store *s = open_store();
    struct jn_buf b = {0};
    struct jn_ix_row r = row(0x7fffffffffffffff, JN_OUT_ANSWERED, 1700000000, 10, 60);
    struct jn_call_row c = {.ix = r.id, .tenant = r.tenant, .mos_caller_x100 = 438, .rx_packets = 7, .recorded = true};

    strcpy(c.caller, "\"a'); DROP TABLE call;--");
    put(s, &r);
    cr_assert_eq(jn_store_call(s, &c), 0);
    cr_assert_eq(jn_store_ix_json(s, r.tenant, r.id, &b), 0);
    const char *want[] = {"\"tenant\":\"acme\",\"queue\":\"sales\",\"agent\":\"ann\",\"channel\":\"chat\"",
                          "\"outcome\":\"answered\"",
                          "\"arrived\":\"2023-11-14T22:13:20.000Z\"",
                          "\"offered\":null",
                          "\"wait_ms\":10000,\"talk_ms\":60000,\"wrap_ms\":5000",
                          "\"caller\":\"\\\"a'); DROP TABLE call;--\"",
                          "\"mos_caller\":4.38,\"mos_agent\":null",
                          "\"recorded\":true"};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        cr_assert(strstr(b.data, want[i]), "no %s in %s", want[i], b.data);
    cr_assert_eq(jn_store_ix_json(s, 99, r.id, &b), -ENOENT, "another tenant does not see it");
    cr_assert_eq(jn_store_ix_json(s, r.tenant, 1, &b), -ENOENT);
    jn_buf_free(&b);
    jn_store_close(s);
}

Test(sqlite, a_row_changes_and_keeps_the_name_of_what_was_removed)
{
    struct jn_store *s = open_store();
    struct jn_buf b = {0};
    struct jn_ix_row r = row(5, JN_OUT_ANSWERED, 100, 1, 2);

    put(s, &r);
    r.talk_us = 9000000;
    cr_assert_eq(jn_store_ix(s, &r, "acme", "", "bob"), 0);
    cr_assert_eq(jn_store_ix_json(s, 0, 5, &b), 0);
    cr_assert(strstr(b.data, "\"queue\":\"sales\",\"agent\":\"bob\""), "%s", b.data);
    cr_assert(strstr(b.data, "\"talk_ms\":9000"));
    r.queue = 77;
    cr_assert_eq(jn_store_ix(s, &r, "acme", "", "bob"), 0);
    jn_buf_clear(&b);
    jn_store_ix_json(s, 0, 5, &b);
    cr_assert(strstr(b.data, "\"queue\":null"), "another queue's name is not its own");
    jn_buf_free(&b);
    jn_store_close(s);
}

Test(sqlite, lists_are_newest_first_in_pages_without_gap_or_overlap)
{
    struct jn_store *s = open_store();
    uint64_t before = 0, seen = 0, last_s = UINT64_MAX;

    cr_assert_eq(jn_store_begin(s), 0);
    for (uint64_t i = 1; i <= 50; i++) { /* ids do not follow time */
        struct jn_ix_row r = row(i * 37 % 53 + 1, JN_OUT_ABANDONED, 1000 + i / 2, 3, 0);
        r.channel = i % 5 == 0 ? JN_CH_VOICE : JN_CH_CHAT;
        put(s, &r);
    }
    cr_assert_eq(jn_store_commit(s, 50), 0);
    do {
        struct jn_buf b = {0};
        char at[40];
        cr_assert_eq(jn_store_list_json(s, 0, -1, before, 7, &b), 0);
        for (char *p = b.data; (p = strstr(p, "\"arrived\":\"1970-01-01T00:")); p++) {
            unsigned m, sec;
            cr_assert_eq(sscanf(p + 25, "%u:%u", &m, &sec), 2);
            cr_assert_leq(m * 60 + sec, last_s);
            last_s = m * 60 + sec;
            seen++;
        }
        char *next = strstr(b.data, "\"next\":");
        before = 0;
        if (next && sscanf(next, "\"next\":\"%13s", at) == 1)
            cr_assert_eq(jn_id_parse(&before, at), 0);
        jn_buf_free(&b);
    } while (before);
    cr_assert_eq(seen, 50);
    struct jn_buf b = {0};
    jn_store_list_json(s, 0, JN_CH_VOICE, 0, 200, &b);
    unsigned voice = 0;
    for (char *p = b.data; (p = strstr(p, "\"voice\"")); p++)
        voice++;
    cr_assert_eq(voice, 10);
    jn_buf_clear(&b);
    jn_store_list_json(s, 4, -1, 0, 200, &b);
    cr_assert_str_eq(b.data, "{\"interactions\":[],\"next\":null}");
    jn_buf_free(&b);
    jn_store_close(s);
}

Test(sqlite, the_report_adds_up)
{
    struct jn_store *s = open_store();
    struct jn_buf b = {0};
    const struct jn_ix_row rows[] = {row(1, JN_OUT_ANSWERED, 100, 10, 60), row(2, JN_OUT_ANSWERED, 101, 30, 40),
                                     row(3, JN_OUT_ABANDONED, 102, 50, 0), row(4, JN_OUT_REJECTED, 103, 0, 0),
                                     row(5, JN_OUT_LOST, 104, 0, 0),       row(6, JN_OUT_OPEN, 105, 0, 0),
                                     row(7, JN_OUT_ANSWERED, 200, 1, 1)};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        put(s, &rows[i]);
    cr_assert_eq(jn_store_report_json(s, 0, 100000000, 200000000, &b), 0);
    const char *want[] = {"\"from\":\"1970-01-01T00:01:40.000Z\"",
                          "\"groups\":[{\"tenant\":\"acme\",\"queue\":\"sales\",\"channel\":\"chat\",\"offered\":6,",
                          "\"in_target\":1,\"service_level\":0.3333,",
                          "\"asa_ms\":20000,\"aht_ms\":55000,",
                          "\"max_wait_ms\":50000,",
                          "\"formula\":\"offered 6 = answered 2 + abandoned 1 + rejected 1 + lost 1 + open 1\""};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        cr_assert(strstr(b.data, want[i]), "no %s in %s", want[i], b.data);
    char *total = strstr(b.data, "\"total\":{");
    cr_assert(total && strstr(total, "offered 6 ="));
    jn_buf_clear(&b);
    cr_assert_eq(jn_store_report_json(s, 9, 0, UINT64_MAX, &b), 0);
    cr_assert(strstr(b.data, "\"groups\":[],") && strstr(b.data, "\"service_level\":null,\"asa_ms\":null"));
    jn_buf_free(&b);
    jn_store_close(s);
}

static void note_key(void *arg, const char *key, const void *value, size_t n)
{
    jn_buf_printf(arg, "%s=%.*s;", key, (int)n, (const char *)value);
}

Test(sqlite, small_values_boots_and_sequence_outlive_a_restart)
{
    struct jn_store *s = open_store();
    struct jn_buf b = {0};

    cr_assert_eq(jn_store_seq(s), 0);
    cr_assert_eq(jn_store_boot(s), 1);
    cr_assert_eq(jn_store_put(s, "dialog/2", "b", 1), 0);
    cr_assert_eq(jn_store_put(s, "dialog/1", "a", 1), 0);
    cr_assert_eq(jn_store_put(s, "dialog/1", "c", 1), 0);
    cr_assert_eq(jn_store_put(s, "dialogue", "x", 1), 0);
    cr_assert_eq(jn_store_put(s, "empty", "", 0), 0);
    cr_assert_eq(jn_store_begin(s), 0);
    cr_assert_eq(jn_store_commit(s, 0xffffffffff), 0);
    jn_store_close(s);
    s = open_store();
    cr_assert_eq(jn_store_boot(s), 2);
    cr_assert_eq(jn_store_seq(s), 0xffffffffff);
    cr_assert_eq(jn_store_each(s, "dialog/", note_key, &b), 0);
    cr_assert_str_eq(b.data, "dialog/1=c;dialog/2=b;");
    jn_buf_clear(&b);
    cr_assert_eq(jn_store_get(s, "empty", &b), 0);
    cr_assert_eq(b.len, 0);
    cr_assert_eq(jn_store_del(s, "empty"), 0);
    cr_assert_eq(jn_store_del(s, "empty"), -ENOENT);
    cr_assert_eq(jn_store_get(s, "empty", &b), -ENOENT);
    cr_assert_eq(jn_store_audit(s, 1, 2, "ann", JN_AUDIT_LOGIN, "from 127.0.0.1"), 0);
    jn_buf_free(&b);
    jn_store_close(s);
}

Test(sqlite, a_rolled_back_transaction_leaves_nothing)
{
    struct jn_store *s = open_store();
    struct jn_buf b = {0};
    struct jn_ix_row r = row(5, JN_OUT_LOST, 100, 1, 2);

    jn_store_begin(s);
    put(s, &r);
    jn_store_rollback(s);
    jn_store_rollback(s);
    cr_assert_eq(jn_store_ix_json(s, 0, 5, &b), -ENOENT);
    jn_store_close(s);
    jn_buf_free(&b);
}

static void sql(const char *text)
{
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(sqlite, a_newer_schema_is_refused_and_untouched)
{
    struct jn_store *s = open_store();
    struct jn_err err;

    jn_store_close(s);
    sql("PRAGMA user_version = 99");
    cr_assert_eq(jn_store_open(&s, path, &err), -EPROTO);
    cr_assert(strstr(err.text, "newer"), "%s", err.text);
    sql("PRAGMA user_version = 3");
    s = open_store();
    jn_store_close(s);
}

Test(sqlite, an_older_schema_is_upgraded_with_its_rows)
{
    struct jn_store *s = open_store();
    struct jn_buf b = {0};
    struct jn_ix_row r = row(5, JN_OUT_LOST, 100, 1, 2);

    put(s, &r);
    jn_store_close(s);
    sql("DROP TABLE audit; DROP TABLE segment; ALTER TABLE interaction DROP COLUMN direction;"
        " ALTER TABLE interaction DROP COLUMN transfers; ALTER TABLE call DROP COLUMN outside; PRAGMA user_version = "
        "1");
    s = open_store();
    cr_assert_eq(jn_store_audit(s, 1, 2, "ann", JN_AUDIT_LOGIN, "x"), 0);
    cr_assert_eq(jn_store_ix_json(s, 0, 5, &b), 0);
    jn_store_close(s);
    jn_buf_free(&b);
}

Test(sqlite, what_is_no_database_of_ours_is_refused)
{
    struct jn_store *s;
    struct jn_err err;
    FILE *f = fopen(path, "w");

    fprintf(f, "this is a letter, not a database, and it is longer than a header of a hundred bytes would be.........");
    fclose(f);
    cr_assert_eq(jn_store_open(&s, path, &err), -EBADMSG);
    cr_assert(strstr(err.text, path));
}

static void child(int out)
{
    struct jn_store *s;

    if (jn_store_open(&s, path, NULL) < 0)
        _exit(1);
    for (uint64_t seq = jn_store_seq(s) + 1;; seq++) {
        struct jn_ix_row r = row(seq, JN_OUT_OPEN, seq, 0, 0);
        if (jn_store_begin(s) < 0 || jn_store_ix(s, &r, "acme", "sales", "") < 0 || jn_store_commit(s, seq) < 0 ||
            write(out, &seq, sizeof seq) != sizeof seq)
            _exit(2);
    }
}

Test(sqlite, kill_9_loses_no_row_that_was_committed)
{
    uint64_t acked = 0, seq, seed = 11;

    for (int round = 0; round < 25; round++) {
        int p[2];
        cr_assert_eq(pipe(p), 0);
        pid_t pid = fork();
        if (pid == 0)
            child(p[1]);
        close(p[1]);
        for (uint64_t k = 1 + jn_splitmix(&seed) % 30; k > 0 && read(p[0], &seq, sizeof seq) == sizeof seq; k--)
            acked = seq;
        kill(pid, SIGKILL);
        while (read(p[0], &seq, sizeof seq) == sizeof seq)
            acked = seq;
        waitpid(pid, NULL, 0);
        close(p[0]);
        struct jn_store *s = open_store();
        struct jn_buf b = {0};
        cr_assert_geq(jn_store_seq(s), acked);
        for (uint64_t i = acked > 40 ? acked - 40 : 1; i <= jn_store_seq(s); i++)
            cr_assert_eq(jn_store_ix_json(s, 0, i, &b), 0, "row %llu", (unsigned long long)i);
        cr_assert_eq(jn_store_ix_json(s, 0, jn_store_seq(s) + 1, &b), -ENOENT, "row and sequence go together");
        jn_buf_free(&b);
        jn_store_close(s);
    }
    cr_assert_gt(acked, 50);
}
