/* SQLite rows: interactions, calls and the audit trail going in. */
#include "engine/store/sqlite_private.h"
#include <errno.h>

static void bind_u64(sqlite3_stmt *st, int at, uint64_t v)
{
    sqlite3_bind_int64(st, at, (sqlite3_int64)v);
}

int jn_store_ix(struct jn_store *s, const struct jn_ix_row *row, const char *tenant, const char *queue,
                const char *agent)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_IX);
    const char *const names[] = {tenant, queue, agent};
    const uint64_t ids[] = {row->id, row->tenant, row->queue, row->agent};
    const uint64_t numbers[] = {row->channel,    row->state,       row->outcome,   row->why,        row->priority,
                                row->position,   row->offers,      row->in_target, row->arrived_us, row->queued_us,
                                row->offered_us, row->answered_us, row->ended_us,  row->closed_us,  row->wait_us,
                                row->talk_us,    row->direction,   row->transfers};
    int at = 1;

    for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++)
        bind_u64(st, at++, ids[i]);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        sqlite3_bind_text(st, at++, names[i] ? names[i] : "", -1, SQLITE_STATIC);
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
        bind_u64(st, at++, numbers[i]);
    return jn_sql_run(st);
}

int jn_store_call(struct jn_store *s, const struct jn_call_row *row)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_CALL);

    bind_u64(st, 1, row->ix);
    bind_u64(st, 2, row->tenant);
    sqlite3_bind_text(st, 3, row->caller, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 4, row->called, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 5, row->call_id, -1, SQLITE_STATIC);
    bind_u64(st, 6, row->mos_caller_x100);
    bind_u64(st, 7, row->mos_agent_x100);
    bind_u64(st, 8, row->rx_packets);
    bind_u64(st, 9, row->tx_packets);
    bind_u64(st, 10, row->lost);
    bind_u64(st, 11, row->recorded);
    sqlite3_bind_text(st, 12, row->outside, -1, SQLITE_STATIC);
    return jn_sql_run(st);
}

int jn_store_audit(struct jn_store *s, uint64_t at_us, uint64_t tenant, const char *who, enum jn_audit_kind kind,
                   const char *what)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_AUDIT);

    bind_u64(st, 1, at_us);
    bind_u64(st, 2, tenant);
    sqlite3_bind_text(st, 3, who, -1, SQLITE_STATIC);
    bind_u64(st, 4, kind);
    sqlite3_bind_text(st, 5, what, -1, SQLITE_STATIC);
    return jn_sql_run(st);
}

int jn_store_ix_state(struct jn_store *s, uint64_t ix)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_IX_STATE);

    sqlite3_bind_int64(st, 1, (sqlite3_int64)ix);
    int code = sqlite3_step(st), state = code == SQLITE_ROW ? sqlite3_column_int(st, 0) : -ENOENT;
    sqlite3_reset(st);
    return state;
}
