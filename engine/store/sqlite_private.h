/* SQLite store: its struct and statements, for sqlite*.c alone. */
#ifndef JN_ENGINE_SQLITE_PRIVATE_H
#define JN_ENGINE_SQLITE_PRIVATE_H

#include "engine/store/store.h"
#include <sqlite3.h>

enum jn_statement {
    JN_SQL_BEGIN,
    JN_SQL_COMMIT,
    JN_SQL_ROLLBACK,
    JN_SQL_SEQ_GET,
    JN_SQL_SEQ_SET,
    JN_SQL_BOOT,
    JN_SQL_IX,
    JN_SQL_CALL,
    JN_SQL_AUDIT,
    JN_SQL_AUDIT_LIST,
    JN_SQL_PUT,
    JN_SQL_GET,
    JN_SQL_DEL,
    JN_SQL_EACH,
    JN_SQL_IX_ONE,
    JN_SQL_IX_STATE,
    JN_SQL_IX_LIST,
    JN_SQL_REPORT,
    JN_SQL_BEFORE_QUEUE,
    JN_SQL_SEGMENT_LAST,
    JN_SQL_SEGMENT_ADD,
    JN_SQL_SEGMENT_END,
    JN_SQL_SEGMENT_LIST,
    JN_SQL_N
};
struct jn_store {
    sqlite3 *db;
    sqlite3_stmt *statement[JN_SQL_N];
};
extern const char *const jn_sql[JN_SQL_N];

/* -errno for SQLite's result code, 0 for OK, ROW and DONE. */
int jn_sql_error(int code);
/* The statement, reset and without values. */
sqlite3_stmt *jn_sql_use(struct jn_store *s, enum jn_statement which);
/* Runs a statement that gives no rows, or one that is not wanted. */
int jn_sql_run(sqlite3_stmt *st);

/* Pieces of JSON (sqlite_json.c): a time as RFC 3339 or null, a text column or null. */
void jn_sql_time(struct jn_buf *b, const char *name, int64_t us);
void jn_sql_text(struct jn_buf *b, const char *name, sqlite3_stmt *st, int column, bool null_when_empty);

#endif
