/* SQLite store: the file, its schema, transactions and small values. WAL with synchronous=FULL: a commit that returned
 * is on disk. Every value is a parameter of a prepared statement. */
#include "engine/store/schema.h"
#include "engine/store/sqlite_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IX_COLUMNS                                                                                                     \
    "id, tenant, queue, agent, tenant_name, queue_name, agent_name, channel, state, outcome, why, priority, position," \
    " offers, in_target, arrived_us, queued_us, offered_us, answered_us, ended_us, closed_us, wait_us, talk_us,"       \
    " direction, transfers"
/* A thing that was renamed or removed since keeps the name it had. */
#define KEEP_NAME(X)                                                                                                   \
    X "_name = CASE WHEN excluded." X "_name = '' AND excluded." X " = " X " THEN " X "_name ELSE excluded." X         \
      "_name END,"
#define IX_READ                                                                                                        \
    "SELECT i.id, tenant_name, queue_name, agent_name, channel, state, outcome, why, priority, position, offers,"      \
    " in_target, arrived_us, queued_us, offered_us, answered_us, ended_us, closed_us, wait_us, talk_us, c.ix, caller," \
    " called, call_id, mos_caller_x100, mos_agent_x100, rx_packets, tx_packets, lost, recorded,"                       \
    " direction, transfers, outside"                                                                                   \
    " FROM interaction i LEFT JOIN call c ON c.ix = i.id "

const char *const jn_sql[JN_SQL_N] = {
    [JN_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [JN_SQL_COMMIT] = "COMMIT",
    [JN_SQL_ROLLBACK] = "ROLLBACK",
    [JN_SQL_SEQ_GET] = "SELECT router_seq FROM progress",
    [JN_SQL_SEQ_SET] = "UPDATE progress SET router_seq = ?1",
    [JN_SQL_BOOT] = "UPDATE progress SET boots = boots + 1 RETURNING boots",
    [JN_SQL_IX] =
        "INSERT INTO interaction (" IX_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
        " ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25) ON CONFLICT (id) DO UPDATE SET"
        " tenant = excluded.tenant, " KEEP_NAME("tenant") KEEP_NAME("queue") KEEP_NAME(
            "agent") " queue = excluded.queue, agent = excluded.agent,"
                     " channel = excluded.channel, state = excluded.state, outcome = excluded.outcome, why = "
                     "excluded.why,"
                     " priority = excluded.priority, position = excluded.position, offers = excluded.offers,"
                     " in_target = excluded.in_target, arrived_us = excluded.arrived_us, queued_us = "
                     "excluded.queued_us,"
                     " offered_us = excluded.offered_us, answered_us = excluded.answered_us, ended_us = "
                     "excluded.ended_us,"
                     " closed_us = excluded.closed_us, wait_us = excluded.wait_us, talk_us = excluded.talk_us,"
                     " direction = excluded.direction, transfers = excluded.transfers",
    [JN_SQL_CALL] =
        "INSERT INTO call (ix, tenant, caller, called, call_id, mos_caller_x100, mos_agent_x100, rx_packets,"
        " tx_packets, lost, recorded, outside) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        " ON CONFLICT (ix) DO UPDATE SET tenant = excluded.tenant, caller = excluded.caller,"
        " called = excluded.called, call_id = excluded.call_id, mos_caller_x100 = excluded.mos_caller_x100,"
        " mos_agent_x100 = excluded.mos_agent_x100, rx_packets = excluded.rx_packets,"
        " tx_packets = excluded.tx_packets, lost = excluded.lost, recorded = excluded.recorded, outside = "
        "excluded.outside",
    [JN_SQL_AUDIT] = "INSERT INTO audit (at_us, tenant, who, kind, what) VALUES (?1, ?2, ?3, ?4, ?5)",
    [JN_SQL_AUDIT_LIST] =
        "SELECT id, at_us, tenant, who, kind, what FROM audit WHERE (?1 = 0 OR tenant = ?1) AND (?2 = 0 OR"
        " id < ?2) AND (?3 = '' OR who = ?3) ORDER BY id DESC LIMIT ?4",
    [JN_SQL_PUT] =
        "INSERT INTO small (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    [JN_SQL_GET] = "SELECT value FROM small WHERE key = ?1",
    [JN_SQL_DEL] = "DELETE FROM small WHERE key = ?1",
    [JN_SQL_EACH] = "SELECT key, value FROM small WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 ORDER BY key",
    [JN_SQL_IX_ONE] = IX_READ "WHERE i.id = ?1 AND (?2 = 0 OR i.tenant = ?2)",
    [JN_SQL_IX_STATE] = "SELECT state FROM interaction WHERE id = ?1",
    [JN_SQL_IX_LIST] = IX_READ "WHERE (?1 = 0 OR i.tenant = ?1) AND (?2 < 0 OR channel = ?2) AND (?3 = 0 OR"
                               " (arrived_us, i.id) < (SELECT arrived_us, id FROM interaction WHERE id = ?3"
                               " AND (?1 = 0 OR tenant = ?1)))"
                               " ORDER BY arrived_us DESC, i.id DESC LIMIT ?4",
    [JN_SQL_BEFORE_QUEUE] =
        "SELECT tenant_name, why, outcome, count(*) FROM interaction WHERE queue = 0 AND arrived_us >= ?2"
        " AND arrived_us < ?3 AND (?1 = 0 OR tenant = ?1) GROUP BY tenant, why ORDER BY tenant_name, why",
    /* Outcomes are those of enum jn_outcome; wait counts of answered ones only, wrap where its end is known. */
    [JN_SQL_REPORT] =
        "SELECT tenant_name, queue_name, channel, sum(direction = 0), sum(direction = 0 AND outcome = 1),"
        " sum(direction = 0 AND outcome = 2), sum(direction = 0 AND outcome = 3), sum(direction = 0 AND outcome = 4),"
        " sum(direction = 0 AND outcome = 0), sum(direction = 0 AND outcome = 1 AND in_target),"
        " sum(CASE WHEN direction = 0 AND outcome = 1 THEN wait_us ELSE 0 END),"
        " sum(CASE WHEN direction = 0 AND outcome = 1 THEN talk_us ELSE 0 END),"
        " sum(CASE WHEN direction = 0 AND outcome = 1 AND closed_us > ended_us AND ended_us > 0"
        " THEN closed_us - ended_us ELSE 0 END),"
        " max(CASE WHEN direction = 0 THEN wait_us ELSE 0 END), sum(direction = 0 AND outcome = 1 AND state <> 5),"
        " sum(transfers), sum(direction = 1), sum(direction = 1 AND outcome = 1),"
        " sum(CASE WHEN direction = 1 AND outcome = 1 THEN talk_us ELSE 0 END)"
        " FROM interaction WHERE queue <> 0 AND arrived_us >= ?2 AND arrived_us < ?3 AND (?1 = 0 OR tenant = ?1)"
        " GROUP BY tenant, queue, channel ORDER BY tenant_name, queue_name, channel",
    [JN_SQL_SEGMENT_LAST] =
        "SELECT n, kind, queue, agent, began_us, ended_us FROM segment WHERE ix = ?1 ORDER BY n DESC"
        " LIMIT 1",
    [JN_SQL_SEGMENT_ADD] =
        "INSERT OR REPLACE INTO segment (ix, n, kind, queue, agent, queue_name, agent_name, began_us,"
        " ended_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [JN_SQL_SEGMENT_END] = "UPDATE segment SET ended_us = ?3 WHERE ix = ?1 AND n = ?2",
    [JN_SQL_SEGMENT_LIST] = "SELECT i.state, s.n, s.kind, s.queue_name, s.agent_name, s.began_us, s.ended_us,"
                            " CASE WHEN s.kind = 3 THEN c.outside WHEN s.kind = 4 THEN c.called ELSE '' END"
                            " FROM interaction i LEFT JOIN segment s ON s.ix = i.id LEFT JOIN call c ON c.ix = i.id"
                            " WHERE i.id = ?1 AND (?2 = 0 OR i.tenant = ?2) ORDER BY s.n"};

int jn_sql_error(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return -EROFS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EBADMSG;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
        return -EINVAL;
    default:
        return -EIO;
    }
}

sqlite3_stmt *jn_sql_use(struct jn_store *s, enum jn_statement which)
{
    sqlite3_reset(s->statement[which]);
    sqlite3_clear_bindings(s->statement[which]);
    return s->statement[which];
}

int jn_sql_run(sqlite3_stmt *st)
{
    int code = sqlite3_step(st);

    sqlite3_reset(st);
    return jn_sql_error(code);
}

static int say(struct jn_store *s, const char *path, int code, struct jn_err *err)
{
    return jn_fail(err, jn_sql_error(code), "%s: %s", path, s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code));
}

static int read_number(sqlite3 *db, const char *pragma, int *out)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(db, pragma, -1, &st, NULL);

    if (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW)
        *out = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* All steps in one transaction: a crash leaves the old schema or the new one. */
static int upgrade(struct jn_store *s, const char *path, struct jn_err *err)
{
    int version = 0, application = 0;
    char stamp[96];
    int code = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    if (code == SQLITE_OK)
        code = read_number(s->db, "PRAGMA user_version", &version);
    if (code == SQLITE_OK)
        code = read_number(s->db, "PRAGMA application_id", &application);
    int rc = code != SQLITE_OK ? say(s, path, code, err) : 0;
    if (rc == 0 && version > JN_SCHEMA_VERSION)
        rc = jn_fail(err, -EPROTO, "%s: its schema %d is newer than this version knows (%d); nothing was changed", path,
                     version, JN_SCHEMA_VERSION);
    else if (rc == 0 && version > 0 && application != JN_SCHEMA_APPLICATION)
        rc = jn_fail(err, -EPROTO, "%s: a database of something else; nothing was changed", path);
    for (int v = version; rc == 0 && v < JN_SCHEMA_VERSION; v++)
        if ((code = sqlite3_exec(s->db, jn_schema_step[v], NULL, NULL, NULL)) != SQLITE_OK)
            rc = say(s, path, code, err);
    if (rc == 0 && version < JN_SCHEMA_VERSION) {
        snprintf(stamp, sizeof stamp, "PRAGMA user_version = %d; PRAGMA application_id = %d", JN_SCHEMA_VERSION,
                 JN_SCHEMA_APPLICATION);
        if ((code = sqlite3_exec(s->db, stamp, NULL, NULL, NULL)) != SQLITE_OK)
            rc = say(s, path, code, err);
    }
    if (rc == 0 && (code = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL)) != SQLITE_OK)
        rc = say(s, path, code, err);
    if (rc < 0)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static int prepare(struct jn_store *s, const char *path, struct jn_err *err)
{
    for (int i = 0; i < JN_SQL_N; i++) {
        int code = sqlite3_prepare_v3(s->db, jn_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statement[i], NULL);
        if (code != SQLITE_OK)
            return say(s, path, code, err);
    }
    return 0;
}

int jn_store_open(struct jn_store **out, const char *path, struct jn_err *err)
{
    struct jn_store *s = calloc(1, sizeof *s);

    if (!s)
        return jn_fail(err, -ENOMEM, "no memory");
    int code = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(s->db, 5000);
    int rc = code == SQLITE_OK ? upgrade(s, path, err) : say(s, path, code, err);
    if (rc == 0) {
        code = sqlite3_exec(s->db,
                            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;"
                            "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON",
                            NULL, NULL, NULL);
        rc = code == SQLITE_OK ? prepare(s, path, err) : say(s, path, code, err);
    }
    if (rc < 0)
        jn_store_close(s);
    else
        *out = s;
    return rc;
}

void jn_store_close(struct jn_store *s)
{
    if (!s)
        return;
    for (int i = 0; i < JN_SQL_N; i++)
        sqlite3_finalize(s->statement[i]);
    sqlite3_close(s->db);
    free(s);
}

int jn_store_begin(struct jn_store *s)
{
    return jn_sql_run(jn_sql_use(s, JN_SQL_BEGIN));
}

int jn_store_commit(struct jn_store *s, uint64_t router_seq)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_SEQ_SET);

    sqlite3_bind_int64(st, 1, (sqlite3_int64)router_seq);
    int rc = jn_sql_run(st);
    return rc == 0 ? jn_sql_run(jn_sql_use(s, JN_SQL_COMMIT)) : rc;
}

void jn_store_rollback(struct jn_store *s)
{
    if (!sqlite3_get_autocommit(s->db))
        jn_sql_run(jn_sql_use(s, JN_SQL_ROLLBACK));
}

uint64_t jn_store_seq(struct jn_store *s)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_SEQ_GET);
    uint64_t seq = sqlite3_step(st) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(st, 0) : 0;

    sqlite3_reset(st);
    return seq;
}

int64_t jn_store_boot(struct jn_store *s)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_BOOT);
    int code = sqlite3_step(st);
    int64_t boot = code == SQLITE_ROW ? sqlite3_column_int64(st, 0) : jn_sql_error(code);

    /* Outside a transaction the row counts only once the statement has come to its end. */
    if (code == SQLITE_ROW && (code = sqlite3_step(st)) != SQLITE_DONE)
        boot = jn_sql_error(code) < 0 ? jn_sql_error(code) : -EIO;
    code = sqlite3_reset(st);
    return boot > 0 && code != SQLITE_OK ? jn_sql_error(code) : boot;
}

int jn_store_put(struct jn_store *s, const char *key, const void *value, size_t n)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_PUT);

    sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(st, 2, n ? value : "", n, SQLITE_STATIC);
    return jn_sql_run(st);
}

int jn_store_get(struct jn_store *s, const char *key, struct jn_buf *value)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_GET);

    sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
    int code = sqlite3_step(st);
    if (code == SQLITE_ROW)
        jn_buf_add(value, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
    sqlite3_reset(st);
    return code == SQLITE_ROW ? value->failed ? -ENOMEM : 0 : code == SQLITE_DONE ? -ENOENT : jn_sql_error(code);
}

int jn_store_del(struct jn_store *s, const char *key)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_DEL);

    sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
    int rc = jn_sql_run(st);
    return rc == 0 && sqlite3_changes(s->db) == 0 ? -ENOENT : rc;
}

int jn_store_each(struct jn_store *s, const char *prefix,
                  void (*each)(void *arg, const char *key, const void *value, size_t n), void *arg)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_EACH);
    int code;

    sqlite3_bind_text(st, 1, prefix, -1, SQLITE_STATIC);
    while ((code = sqlite3_step(st)) == SQLITE_ROW)
        each(arg, (const char *)sqlite3_column_text(st, 0), sqlite3_column_blob(st, 1),
             (size_t)sqlite3_column_bytes(st, 1));
    sqlite3_reset(st);
    return jn_sql_error(code);
}
