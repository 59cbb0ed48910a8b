/* SQLite JSON: one interaction, lists and the report, as the API gives them out. Ids in their text form, times in UTC
 * with milliseconds (RFC 3339), durations in ms. */
#include "engine/store/sqlite_private.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum { LIST_MAX = 200 };

static const char *const channels[] = {"voice", "chat"};
static const char *const states[] = JN_IX_STATE_NAMES;
static const char *const outcomes[] = JN_OUTCOME_NAMES;
static const char *const whys[] = JN_WHY_NAMES;

static const char *const directions[] = JN_DIRECTION_NAMES;

static const char *word(const char *const *words, size_t n, int64_t at)
{
    return at >= 0 && (size_t)at < n ? words[at] : "unknown";
}
#define WORD(words, at) word(words, sizeof(words) / sizeof *(words), at)

void jn_sql_time(struct jn_buf *b, const char *name, int64_t us)
{
    time_t s = (time_t)(us / 1000000);
    struct tm tm;
    char day[32];

    if (us <= 0 || !gmtime_r(&s, &tm) || strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        jn_buf_printf(b, "\"%s\":null", name);
    else
        jn_buf_printf(b, "\"%s\":\"%s.%03dZ\"", name, day, (int)(us / 1000 % 1000));
}

void jn_sql_text(struct jn_buf *b, const char *name, sqlite3_stmt *st, int column, bool null_when_empty)
{
    const char *text = (const char *)sqlite3_column_text(st, column);
    int n = sqlite3_column_bytes(st, column);

    jn_buf_printf(b, "\"%s\":", name);
    if (null_when_empty && n == 0)
        jn_buf_text(b, "null");
    else
        jn_buf_json(b, text ? text : "", (size_t)n);
}

static void add_mos(struct jn_buf *b, const char *name, int64_t x100)
{
    if (x100 > 0)
        jn_buf_printf(b, "\"%s\":%lld.%02lld", name, (long long)x100 / 100, (long long)x100 % 100);
    else
        jn_buf_printf(b, "\"%s\":null", name);
}

static void add_call(struct jn_buf *b, sqlite3_stmt *st)
{
    jn_buf_text(b, ",\"call\":{");
    jn_sql_text(b, "caller", st, 21, false);
    jn_buf_text(b, ",");
    jn_sql_text(b, "called", st, 22, false);
    jn_buf_text(b, ",");
    jn_sql_text(b, "call_id", st, 23, false);
    jn_buf_text(b, ",");
    add_mos(b, "mos_caller", sqlite3_column_int64(st, 24));
    jn_buf_text(b, ",");
    add_mos(b, "mos_agent", sqlite3_column_int64(st, 25));
    jn_buf_printf(b, ",\"rx_packets\":%llu,\"tx_packets\":%llu,\"lost\":%llu,\"recorded\":%s,",
                  (unsigned long long)sqlite3_column_int64(st, 26), (unsigned long long)sqlite3_column_int64(st, 27),
                  (unsigned long long)sqlite3_column_int64(st, 28), sqlite3_column_int(st, 29) ? "true" : "false");
    jn_sql_text(b, "outside", st, 32, true);
    jn_buf_text(b, "}");
}

/* Columns as IX_READ in sqlite.c names them. */
static void add_interaction(struct jn_buf *b, sqlite3_stmt *st)
{
    static const char *const times[] = {"arrived", "queued", "offered", "answered", "ended", "closed"};
    char id[JN_ID_TEXT_MAX];
    int64_t answered = sqlite3_column_int64(st, 15), ended = sqlite3_column_int64(st, 16),
            closed = sqlite3_column_int64(st, 17);

    jn_buf_printf(b, "{\"id\":\"%s\",", jn_id_text((uint64_t)sqlite3_column_int64(st, 0), id));
    jn_sql_text(b, "tenant", st, 1, true);
    jn_buf_text(b, ",");
    jn_sql_text(b, "queue", st, 2, true);
    jn_buf_text(b, ",");
    jn_sql_text(b, "agent", st, 3, true);
    jn_buf_printf(b, ",\"channel\":\"%s\",\"state\":\"%s\",\"outcome\":\"%s\",\"why\":\"%s\"",
                  WORD(channels, sqlite3_column_int64(st, 4)), WORD(states, sqlite3_column_int64(st, 5)),
                  WORD(outcomes, sqlite3_column_int64(st, 6)), WORD(whys, sqlite3_column_int64(st, 7)));
    jn_buf_printf(b, ",\"direction\":\"%s\",\"transfers\":%d", WORD(directions, sqlite3_column_int64(st, 30)),
                  sqlite3_column_int(st, 31));
    jn_buf_printf(b, ",\"priority\":%d,\"position\":%d,\"offers\":%d,\"in_target\":%s", sqlite3_column_int(st, 8),
                  sqlite3_column_int(st, 9), sqlite3_column_int(st, 10), sqlite3_column_int(st, 11) ? "true" : "false");
    for (int i = 0; i < 6; i++) {
        jn_buf_text(b, ",");
        jn_sql_time(b, times[i], sqlite3_column_int64(st, 12 + i));
    }
    jn_buf_printf(b, ",\"wait_ms\":%lld,\"talk_ms\":%lld", (long long)sqlite3_column_int64(st, 18) / 1000,
                  (long long)sqlite3_column_int64(st, 19) / 1000);
    if (answered > 0 && ended > 0 && closed >= ended)
        jn_buf_printf(b, ",\"wrap_ms\":%lld", (long long)(closed - ended) / 1000);
    else
        jn_buf_text(b, ",\"wrap_ms\":null");
    if (sqlite3_column_type(st, 20) != SQLITE_NULL)
        add_call(b, st);
    jn_buf_text(b, "}");
}

int jn_store_ix_json(struct jn_store *s, uint64_t tenant, uint64_t ix, struct jn_buf *out)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_IX_ONE);

    sqlite3_bind_int64(st, 1, (sqlite3_int64)ix);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)tenant);
    int code = sqlite3_step(st);
    if (code == SQLITE_ROW)
        add_interaction(out, st);
    sqlite3_reset(st);
    if (code == SQLITE_DONE)
        return -ENOENT;
    return out->failed ? -ENOMEM : jn_sql_error(code);
}

int jn_store_list_json(struct jn_store *s, uint64_t tenant, int channel, uint64_t before, unsigned limit,
                       struct jn_buf *out)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_IX_LIST);
    char id[JN_ID_TEXT_MAX];
    uint64_t last = 0;
    unsigned n = 0;
    int code;

    limit = limit == 0 ? 1 : limit > LIST_MAX ? LIST_MAX : limit;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)tenant);
    sqlite3_bind_int(st, 2, channel);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)before);
    sqlite3_bind_int64(st, 4, (sqlite3_int64)limit + 1); /* one more tells whether there is a next page */
    jn_buf_text(out, "{\"interactions\":[");
    while ((code = sqlite3_step(st)) == SQLITE_ROW && n < limit) {
        if (n++ > 0)
            jn_buf_text(out, ",");
        add_interaction(out, st);
        last = (uint64_t)sqlite3_column_int64(st, 0);
    }
    if (code == SQLITE_ROW)
        jn_buf_printf(out, "],\"next\":\"%s\"}", jn_id_text(last, id));
    else
        jn_buf_text(out, "],\"next\":null}");
    sqlite3_reset(st);
    return out->failed ? -ENOMEM : jn_sql_error(code);
}

enum {
    OFFERED,
    ANSWERED,
    ABANDONED,
    REJECTED,
    LOST,
    OPEN,
    IN_TARGET,
    WAIT,
    TALK,
    WRAP,
    MAX_WAIT,
    WRAP_UNKNOWN,
    TRANSFERRED,
    OUT,
    OUT_ANSWERED,
    OUT_TALK,
    SUMS
};

static void add_sums(struct jn_buf *b, const int64_t v[static SUMS])
{
    static const char *const names[] = {"offered", "answered", "abandoned", "rejected", "lost", "open", "in_target"};
    int64_t served = v[ANSWERED] + v[ABANDONED];

    for (int i = OFFERED; i <= IN_TARGET; i++)
        jn_buf_printf(b, "\"%s\":%lld,", names[i], (long long)v[i]);
    if (served > 0)
        jn_buf_printf(b, "\"service_level\":%.4f,", (double)v[IN_TARGET] / (double)served);
    else
        jn_buf_text(b, "\"service_level\":null,");
    if (v[ANSWERED] > 0)
        jn_buf_printf(b, "\"asa_ms\":%lld,\"aht_ms\":%lld,", (long long)(v[WAIT] / v[ANSWERED] / 1000),
                      (long long)((v[TALK] + v[WRAP]) / v[ANSWERED] / 1000));
    else
        jn_buf_text(b, "\"asa_ms\":null,\"aht_ms\":null,");
    jn_buf_printf(b, "\"aht_without_wrap\":%lld,\"max_wait_ms\":%lld,", (long long)v[WRAP_UNKNOWN],
                  (long long)v[MAX_WAIT] / 1000);
    jn_buf_printf(b, "\"transferred\":%lld,\"out\":%lld,\"out_answered\":%lld,\"out_talk_ms\":%lld,",
                  (long long)v[TRANSFERRED], (long long)v[OUT], (long long)v[OUT_ANSWERED],
                  (long long)v[OUT_TALK] / 1000);
    jn_buf_printf(b,
                  "\"formula\":\"offered %lld = answered %lld + abandoned %lld + rejected %lld + lost %lld + open "
                  "%lld\"",
                  (long long)v[OFFERED], (long long)v[ANSWERED], (long long)v[ABANDONED], (long long)v[REJECTED],
                  (long long)v[LOST], (long long)v[OPEN]);
}

/* Calls that never came to a queue: offered to nobody, so in no group; each tenant's by why. */
static int add_before_queue(struct jn_store *s, uint64_t tenant, uint64_t from_us, uint64_t to_us, struct jn_buf *out)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_BEFORE_QUEUE);
    unsigned n = 0;
    int code;

    sqlite3_bind_int64(st, 1, (sqlite3_int64)tenant);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)from_us);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)to_us);
    jn_buf_text(out, ",\"before_queue\":[");
    while ((code = sqlite3_step(st)) == SQLITE_ROW) {
        jn_buf_text(out, n++ > 0 ? ",{" : "{");
        jn_sql_text(out, "tenant", st, 0, true);
        jn_buf_printf(out, ",\"why\":\"%s\",\"outcome\":\"%s\",\"calls\":%lld}",
                      WORD(whys, sqlite3_column_int64(st, 1)), WORD(outcomes, sqlite3_column_int64(st, 2)),
                      (long long)sqlite3_column_int64(st, 3));
    }
    jn_buf_text(out, "]");
    sqlite3_reset(st);
    return jn_sql_error(code);
}

int jn_store_report_json(struct jn_store *s, uint64_t tenant, uint64_t from_us, uint64_t to_us, struct jn_buf *out)
{
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_REPORT);
    int64_t total[SUMS] = {0}, v[SUMS];
    unsigned n = 0;
    int code;

    if (to_us > INT64_MAX)
        to_us = INT64_MAX;
    if (from_us > INT64_MAX)
        from_us = INT64_MAX;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)tenant);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)from_us);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)to_us);
    jn_buf_text(out, "{");
    jn_sql_time(out, "from", (int64_t)from_us);
    jn_buf_text(out, ",");
    jn_sql_time(out, "to", (int64_t)to_us);
    jn_buf_text(out, ",\"groups\":[");
    while ((code = sqlite3_step(st)) == SQLITE_ROW) {
        for (int i = 0; i < SUMS; i++) {
            v[i] = sqlite3_column_int64(st, 3 + i);
            if (i != MAX_WAIT)
                total[i] += v[i];
            else if (v[i] > total[i])
                total[i] = v[i];
        }
        jn_buf_text(out, n++ > 0 ? ",{" : "{");
        jn_sql_text(out, "tenant", st, 0, true);
        jn_buf_text(out, ",");
        jn_sql_text(out, "queue", st, 1, true);
        jn_buf_printf(out, ",\"channel\":\"%s\",", WORD(channels, sqlite3_column_int64(st, 2)));
        add_sums(out, v);
        jn_buf_text(out, "}");
    }
    sqlite3_reset(st);
    jn_buf_text(out, "],\"total\":{");
    add_sums(out, total);
    jn_buf_text(out, "}");
    int rc = jn_sql_error(code);
    if (!rc)
        rc = add_before_queue(s, tenant, from_us, to_us, out);
    jn_buf_text(out, "}");
    return out->failed ? -ENOMEM : rc;
}

int jn_store_audit_json(struct jn_store *s, uint64_t tenant, uint64_t before, unsigned limit, const char *who,
                        struct jn_buf *out)
{
    static const char *const kinds[] = JN_AUDIT_KIND_NAMES;
    sqlite3_stmt *st = jn_sql_use(s, JN_SQL_AUDIT_LIST);
    char id[JN_ID_TEXT_MAX];
    int64_t last = 0;
    unsigned n = 0;
    int code;

    limit = limit == 0 ? 1 : limit > LIST_MAX ? LIST_MAX : limit;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)tenant);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)before);
    sqlite3_bind_text(st, 3, who, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 4, (sqlite3_int64)limit + 1);
    jn_buf_text(out, "{\"audit\":[");
    while ((code = sqlite3_step(st)) == SQLITE_ROW && n < limit) {
        last = sqlite3_column_int64(st, 0);
        jn_buf_printf(out, "%s{\"line\":%lld,", n++ > 0 ? "," : "", (long long)last);
        jn_sql_time(out, "at", sqlite3_column_int64(st, 1));
        jn_buf_printf(out, ",\"tenant\":\"%s\",", jn_id_text((uint64_t)sqlite3_column_int64(st, 2), id));
        jn_sql_text(out, "who", st, 3, false);
        jn_buf_printf(out, ",\"kind\":\"%s\",", WORD(kinds, sqlite3_column_int64(st, 4)));
        jn_sql_text(out, "what", st, 5, false);
        jn_buf_text(out, "}");
    }
    if (code == SQLITE_ROW)
        jn_buf_printf(out, "],\"next\":%lld}", (long long)last);
    else
        jn_buf_text(out, "],\"next\":null}");
    sqlite3_reset(st);
    return out->failed ? -ENOMEM : jn_sql_error(code);
}
