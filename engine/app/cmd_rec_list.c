/* `junctor rec list` and `verify`: the index, and every byte. */
#include "engine/app/cmd_rec.h"
#include "engine/base/id.h"
#include "engine/store/recording_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What is known of one recording, from the index or from its bytes. */
struct row {
    struct jn_rec_ledger l;
    uint32_t bad, locked;
    bool encrypted, running, known; /* known: the index has told of encryption */
};
struct rows {
    const struct jn_rec_cmd *c;
    struct row *at;
    size_t n, cap;
    uint64_t complete;
    struct jn_buf out;
};

static const char *time_text(char out[static 40], uint64_t us)
{
    time_t s = (time_t)(us / 1000000);
    struct tm tm;
    size_t n = gmtime_r(&s, &tm) ? strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm) : 0;

    snprintf(out + n, 40 - n, ".%03uZ", (unsigned)(us / 1000 % 1000));
    return out;
}

static int add(struct rows *r, const struct row *row)
{
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 256;
        struct row *grown = realloc(r->at, cap * sizeof *grown);
        if (!grown)
            return -1;
        r->at = grown;
        r->cap = cap;
    }
    r->at[r->n++] = *row;
    r->complete += row->l.complete != 0;
    return 0;
}

static int by_age(const void *a, const void *b)
{
    const struct jn_rec_ledger *x = &((const struct row *)a)->l, *y = &((const struct row *)b)->l;

    if (x->first_us != y->first_us)
        return x->first_us < y->first_us ? -1 : 1;
    return x->call < y->call ? -1 : x->call > y->call;
}

static void numbers(struct jn_buf *b, const char *name, const uint64_t n[static JN_TRACK_N])
{
    jn_buf_printf(b, "\"%s\":[%llu,%llu,%llu,%llu],", name, (unsigned long long)n[0], (unsigned long long)n[1],
                  (unsigned long long)n[2], (unsigned long long)n[3]);
}

/* The last brace is left open. */
static void add_json(struct jn_buf *b, const struct row *r, bool first)
{
    const struct jn_rec_ledger *l = &r->l;
    char id[JN_ID_TEXT_MAX], tenant[JN_ID_TEXT_MAX], from[40], to[40];

    jn_buf_printf(b, "%s{\"call\":\"%s\",\"tenant\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"duration_ms\":%llu,",
                  first ? "" : ",", jn_id_text(l->call, id), jn_id_text(l->tenant, tenant),
                  time_text(from, l->first_us), time_text(to, l->last_us),
                  (unsigned long long)(l->last_us - l->first_us) / 1000);
    numbers(b, "frames", l->frames);
    numbers(b, "network_gaps", l->missing);
    numbers(b, "duplicates", l->duplicates);
    numbers(b, "withheld", l->withheld);
    jn_buf_printf(b,
                  "\"handed_over\":%llu,\"overflow\":%llu,\"events\":%u,\"stopped\":%s,\"bad_records\":%u,"
                  "\"complete\":%s",
                  (unsigned long long)l->handed_over, (unsigned long long)l->overflow, l->events,
                  l->stopped ? "true" : "false", r->bad, l->complete ? "true" : "false");
    if (r->known)
        jn_buf_printf(b, ",\"encrypted\":%s", r->encrypted ? "true" : "false");
    if (r->locked)
        jn_buf_printf(b, ",\"without_key\":%u", r->locked);
}

static void print_line(const struct row *r, bool verify)
{
    const struct jn_rec_ledger *l = &r->l;
    uint64_t ms = (l->last_us - l->first_us) / 1000;
    char id[JN_ID_TEXT_MAX], from[40];

    printf("%s  %s  %4llu.%01llu s%s", jn_id_text(l->call, id), time_text(from, l->first_us),
           (unsigned long long)ms / 1000, (unsigned long long)ms % 1000 / 100, r->running ? "  runs" : "");
    if (verify)
        printf(
            "  frames %llu/%llu/%llu/%llu  network gaps %llu/%llu/%llu/%llu  handed over %llu  overflow %llu  damaged "
            "%u  %s%s",
            (unsigned long long)l->frames[0], (unsigned long long)l->frames[1], (unsigned long long)l->frames[2],
            (unsigned long long)l->frames[3], (unsigned long long)l->missing[0], (unsigned long long)l->missing[1],
            (unsigned long long)l->missing[2], (unsigned long long)l->missing[3], (unsigned long long)l->handed_over,
            (unsigned long long)l->overflow, r->bad,
            l->complete  ? "complete"
            : l->stopped ? "NOT COMPLETE"
                         : "NOT COMPLETE: no end",
            r->locked ? " (some of it has no key here)" : "");
    putchar('\n');
}

/* Prints them, oldest first. 0, or 1 when there is no memory. */
static int print(struct rows *r, bool verify)
{
    struct jn_buf out = {0};

    if (r->n > 1)
        qsort(r->at, r->n, sizeof *r->at, by_age);
    for (size_t i = 0; i < r->n; i++)
        if (r->c->json) {
            add_json(&out, &r->at[i], i == 0);
            jn_buf_text(&out, "}");
        } else {
            print_line(&r->at[i], verify);
        }
    if (r->c->json)
        printf("{\"recordings\":[%s],\"count\":%zu,\"complete\":%llu}\n", out.data ? out.data : "", r->n,
               (unsigned long long)r->complete);
    else if (verify)
        printf("%zu recordings, %llu complete, %llu not\n", r->n, (unsigned long long)r->complete,
               (unsigned long long)(r->n - r->complete));
    else
        printf("%zu recordings\n", r->n);
    bool failed = out.failed;
    jn_buf_free(&out);
    return failed;
}

/* ---- list ---- */

static int take_entry(void *arg, const struct jn_rec_entry *e, uint32_t number)
{
    struct row row = {.encrypted = e->encrypted, .known = true, .running = number == 0 && !e->stopped};
    struct jn_rec_ledger *l = &row.l;

    l->call = e->call;
    l->tenant = e->tenant;
    l->first_us = e->first_us;
    l->last_us = e->last_us;
    memcpy(l->frames, e->frames, sizeof l->frames);
    memcpy(l->missing, e->missing, sizeof l->missing);
    memcpy(l->duplicates, e->duplicates, sizeof l->duplicates);
    memcpy(l->withheld, e->withheld, sizeof l->withheld);
    l->handed_over = e->handed_over;
    l->overflow = e->overflow;
    l->events = e->events;
    l->stopped = e->stopped;
    l->complete = e->complete;
    return add(arg, &row);
}

/* "2026-11-23" or "2026-11-23T10:00:00", UTC. False: it is none. */
static bool time_of(const char *text, uint64_t *us)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%d", &tm);

    if (end && *end == 'T')
        end = strptime(end + 1, "%H:%M:%S", &tm);
    *us = end ? (uint64_t)timegm(&tm) * 1000000 : 0;
    return end && (*end == 0 || strcmp(end, "Z") == 0);
}

int jn_rec_cmd_list(const struct jn_rec_cmd *c)
{
    struct rows r = {.c = c};
    struct jn_rec_query q = {.tenant = c->tenant_id, .exact = true};
    struct jn_err err = {{0}};

    if ((c->agent || c->queue) && !c->tenant) {
        fprintf(stderr, "junctor rec list: --agent and --queue want --tenant\n");
        return 2;
    }
    if ((c->from && !time_of(c->from, &q.from_us)) || (c->to && !time_of(c->to, &q.to_us))) {
        fprintf(stderr, "junctor rec list: a time is 2026-11-23 or 2026-11-23T10:00:00, UTC\n");
        return 2;
    }
    q.agent = c->agent ? jn_name_id(c->tenant_id, "agent", c->agent) : 0;
    q.queue = c->queue ? jn_name_id(c->tenant_id, "queue", c->queue) : 0;
    int rc = jn_rec_find(c->dir, &q, take_entry, &r, &err);
    if (rc != 0)
        fprintf(stderr, "junctor rec list: %s\n", rc < 0 && err.text[0] ? err.text : "no memory");
    else
        rc = print(&r, false);
    free(r.at);
    return rc != 0;
}

/* ---- verify ---- */

static int take_summary(void *arg, const struct jn_rec_summary *s)
{
    struct rows *r = arg;
    struct row row = {.l = s->ledger, .bad = s->bad_records, .locked = s->locked};

    return add(r, &row);
}

static int verify_one(const struct jn_rec_cmd *c)
{
    struct jn_rec_item *items = NULL;
    struct jn_rec_summary sum;
    struct jn_err err = {{0}};
    struct jn_buf out = {0};
    size_t n = 0;
    int rc = jn_rec_load(c->dir, c->call_id, &items, &n, &sum, &err);

    if (rc == 0 && c->tenant_id && sum.ledger.tenant != c->tenant_id)
        rc = jn_fail(&err, -1, "that tenant has no such recording");
    if (rc < 0) {
        fprintf(stderr, "junctor rec verify: %s\n", err.text);
        if (c->json)
            puts("{\"recordings\":[],\"count\":0,\"complete\":0}");
        free(items);
        return 1;
    }
    struct row row = {.l = sum.ledger, .bad = sum.bad_records, .locked = sum.locked};
    if (c->json) {
        add_json(&out, &row, true);
        jn_buf_text(&out, ",\"missing_ranges\":[");
        jn_rec_ranges(&out, items, n, JN_REC_RANGE_MISSING);
        jn_buf_text(&out, "],\"withheld_ranges\":[");
        jn_rec_ranges(&out, items, n, JN_REC_RANGE_WITHHELD);
        printf("{\"recordings\":[%s]}],\"count\":1,\"complete\":%d}\n", out.data ? out.data : "", row.l.complete);
    } else {
        print_line(&row, true);
    }
    jn_buf_free(&out);
    free(items);
    return row.l.complete ? 0 : 1;
}

int jn_rec_cmd_verify(const struct jn_rec_cmd *c)
{
    struct rows r = {.c = c};
    struct jn_err err = {{0}};

    if (c->call)
        return verify_one(c);
    int rc = jn_rec_check(c->dir, c->tenant_id, take_summary, &r, &err);
    if (rc != 0)
        fprintf(stderr, "junctor rec verify: %s\n", rc < 0 && err.text[0] ? err.text : "no memory");
    else
        rc = print(&r, true);
    bool good = rc == 0 && r.n > 0 && r.complete == r.n;
    free(r.at);
    return good ? 0 : 1;
}
