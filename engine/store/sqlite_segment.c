/* SQLite segments: an interaction's way through queues and hands, worked out from its rows as they come. */
#include "engine/store/sqlite_private.h"

#include <errno.h>

static const char *const kinds[JN_SEG_KIND_N] = JN_SEGMENT_KIND_NAMES;

struct last {
    int64_t n, kind, queue, agent, began_us, ended_us; /* n 0: there is none */
};

static int load_last(struct jn_store *s, uint64_t ix, struct last *l)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_SEGMENT_LAST);

    *l = (struct last){0};
    sqlite3_bind_int64(st, 1, (sqlite3_int64)ix);
    int code = sqlite3_step(st);
    if (code == SQLITE_ROW)
        *l = (struct last){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2),
                           sqlite3_column_int64(st, 3), sqlite3_column_int64(st, 4), sqlite3_column_int64(st, 5)};
    sqlite3_reset(st);
    return jn_sql_error(code);
}

static int add(struct jn_store *s, const struct jn_ix_row *row, const struct last *l, const char *queue,
               const char *agent, uint64_t began_us, uint64_t ended_us)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_SEGMENT_ADD);

    sqlite3_bind_int64(st, 1, (sqlite3_int64)row->id);
    sqlite3_bind_int64(st, 2, l->n);
    sqlite3_bind_int64(st, 3, l->kind);
    sqlite3_bind_int64(st, 4, l->queue);
    sqlite3_bind_int64(st, 5, l->agent);
    sqlite3_bind_text(st, 6, queue ? queue : "", -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 7, l->agent && agent ? agent : "", -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 8, (sqlite3_int64)began_us);
    sqlite3_bind_int64(st, 9, (sqlite3_int64)ended_us);
    return jn_sql_run(st);
}

static int end(struct jn_store *s, uint64_t ix, int64_t n, uint64_t at_us)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_SEGMENT_END);

    sqlite3_bind_int64(st, 1, (sqlite3_int64)ix);
    sqlite3_bind_int64(st, 2, n);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)at_us);
    return jn_sql_run(st);
}

static struct last now(const struct jn_ix_row *row)
{
    struct last l = {.queue = (int64_t)row->queue, .agent = (int64_t)row->agent};

    if (row->state == JN_IX_QUEUED) {
        l.kind = JN_SEG_WAIT;
        l.agent = 0;
    } else if (row->state == JN_IX_OFFERED) {
        l.kind = row->direction == JN_DIR_OUT && !row->answered_us ? JN_SEG_DIAL : JN_SEG_RING;
    } else {
        l.kind = row->outside ? JN_SEG_OUTSIDE : JN_SEG_TALK;
    }
    return l;
}

/* Seen for the first time when it is over already: what its row alone says. */
static int whole(struct jn_store *s, const struct jn_ix_row *row, const char *queue, const char *agent)
{
    struct last l = {.n = 1, .kind = JN_SEG_WAIT, .queue = (int64_t)row->queue};
    uint64_t until = row->answered_us ? row->answered_us : row->ended_us;
    int rc = row->ended_us > row->arrived_us ? add(s, row, &l, queue, NULL, row->arrived_us, until) : 0;

    if (rc < 0 || !row->answered_us)
        return rc;
    l = (struct last){.n = 2, .kind = JN_SEG_TALK, .queue = l.queue, .agent = (int64_t)row->agent};
    return add(s, row, &l, queue, agent, row->answered_us, row->ended_us);
}

int jn_store_segment(struct jn_store *s, const struct jn_ix_row *row, uint64_t at_us, const char *queue,
                     const char *agent)
{
    struct last l, next = now(row);
    int rc = load_last(s, row->id, &l);

    if (rc < 0 || (l.n && l.ended_us))
        return rc;
    if (row->ended_us)
        return l.n ? end(s, row->id, l.n, row->ended_us) : whole(s, row, queue, agent);
    if (l.n && l.kind == next.kind && l.queue == next.queue && l.agent == next.agent)
        return 0;
    if (l.n && (uint64_t)l.began_us == at_us) { /* it took no time: only what came of it is told */
        next.n = l.n;
        return add(s, row, &next, queue, agent, at_us, 0);
    }
    if (l.n)
        rc = end(s, row->id, l.n, at_us);
    next.n = l.n + 1;
    return rc < 0 ? rc : add(s, row, &next, queue, agent, l.n ? at_us : row->arrived_us, 0);
}

int jn_store_segments_json(struct jn_store *s, uint64_t tenant, uint64_t ix, struct jn_buf *out)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_SEGMENT_LIST);
    bool found = false, some = false;
    int code;

    sqlite3_bind_int64(st, 1, (sqlite3_int64)ix);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)tenant);
    jn_buf_text(out, "{\"segments\":[");
    while ((code = sqlite3_step(st)) == SQLITE_ROW) {
        int64_t kind = sqlite3_column_int64(st, 2), began = sqlite3_column_int64(st, 5),
                ended = sqlite3_column_int64(st, 6);
        found = true;
        if (sqlite3_column_type(st, 1) == SQLITE_NULL)
            continue;
        jn_buf_printf(out, "%s{\"n\":%d,\"kind\":\"%s\",", some ? "," : "", sqlite3_column_int(st, 1),
                      kind >= 0 && kind < JN_SEG_KIND_N ? kinds[kind] : "unknown");
        some = true;
        jn_sql_text(out, "queue", st, 3, true);
        jn_buf_text(out, ",");
        jn_sql_text(out, "agent", st, 4, true);
        jn_buf_text(out, ",");
        jn_sql_text(out, "number", st, 7, true);
        jn_buf_text(out, ",");
        jn_sql_time(out, "began", began);
        jn_buf_text(out, ",");
        jn_sql_time(out, "ended", ended);
        jn_buf_printf(out, ",\"began_us\":%lld,\"ended_us\":%lld}", (long long)began, (long long)ended);
    }
    sqlite3_reset(st);
    jn_buf_text(out, "]}");
    if (code == SQLITE_DONE && !found)
        return -ENOENT;
    return out->failed ? -ENOMEM : jn_sql_error(code);
}
