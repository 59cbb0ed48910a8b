/* SQLite beside: connections of their own beside the one that writes, in this process or another: a consistent copy,
 * and single values. */
#include "engine/store/backup.h"
#include "engine/store/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stddef.h>

int jn_store_copy(const char *from, const char *to, uint64_t *router_seq, struct jn_err *err)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int code = sqlite3_open_v2(from, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(db, 10000);
    /* One read transaction of its own: what was committed when it began, packed, without the write-ahead log. */
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db, "VACUUM INTO ?1", -1, &st, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_text(st, 1, to, -1, SQLITE_STATIC);
        code = sqlite3_step(st);
        code = code == SQLITE_DONE ? SQLITE_OK : code;
    }
    sqlite3_finalize(st);
    if (code != SQLITE_OK) {
        int rc = jn_fail(err, -EIO, "%s: %s", from, db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
        sqlite3_close(db);
        return rc;
    }
    sqlite3_close(db);
    db = NULL;
    st = NULL;
    code = sqlite3_open_v2(to, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db, "SELECT router_seq FROM progress", -1, &st, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW)
        *router_seq = (uint64_t)sqlite3_column_int64(st, 0);
    int rc = code == SQLITE_ROW ? 0 : jn_fail(err, -EBADMSG, "%s: %s", to, db ? sqlite3_errmsg(db) : "cannot be read");
    sqlite3_finalize(st);
    sqlite3_close(db);
    return rc;
}

int jn_store_times(const char *path, uint64_t tenant, uint64_t ix, uint64_t *arrived_us, uint64_t *ended_us)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL), rc = -EIO;

    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(db, 5000);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(
            db, "SELECT arrived_us, ended_us FROM interaction WHERE id = ?1 AND (?2 = 0 OR tenant = ?2)", -1, &st,
            NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(st, 1, (sqlite3_int64)ix);
        sqlite3_bind_int64(st, 2, (sqlite3_int64)tenant);
        code = sqlite3_step(st);
        rc = code == SQLITE_ROW ? 0 : code == SQLITE_DONE ? -ENOENT : -EIO;
    }
    if (rc == 0) {
        *arrived_us = (uint64_t)sqlite3_column_int64(st, 0);
        *ended_us = (uint64_t)sqlite3_column_int64(st, 1);
    }
    sqlite3_finalize(st);
    sqlite3_close(db);
    return rc;
}
