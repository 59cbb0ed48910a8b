/* Recordings: what the API asks about them, on the main thread, and deleting what is kept no longer. */
#include "engine/app/engine.h"
#include "engine/base/clock.h"
#include "engine/store/rec_expire.h"
#include "engine/store/rec_export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void numbers(struct jn_buf *b, const char *name, const uint64_t n[static JN_TRACK_N])
{
    jn_buf_printf(b, "\"%s\":[%llu,%llu,%llu,%llu],", name, (unsigned long long)n[0], (unsigned long long)n[1],
                  (unsigned long long)n[2], (unsigned long long)n[3]);
}

static void ids(struct jn_buf *b, const struct jn_directory *d, const char *name, const uint64_t *id, unsigned n,
                bool agents)
{
    jn_buf_printf(b, ",\"%s\":[", name);
    for (unsigned i = 0; i < n; i++) {
        const struct jn_dir_agent *a = agents ? jn_dir_agent(d, id[i]) : NULL;
        const struct jn_dir_queue *q = agents ? NULL : jn_dir_queue(d, id[i]);
        const char *text = a ? a->name : q ? q->name : "";
        jn_buf_text(b, i ? "," : "");
        jn_buf_json(b, text, strlen(text));
    }
    jn_buf_text(b, "]");
}

/* One recording; bad: damaged records that reading found. */
static void entry(const struct jn_engine *e, struct jn_buf *b, const struct jn_rec_entry *x, uint32_t bad)
{
    char id[JN_ID_TEXT_MAX];

    jn_buf_printf(b, "{\"id\":\"%s\",\"first_us\":%llu,\"last_us\":%llu,", jn_id_text(x->call, id),
                  (unsigned long long)x->first_us, (unsigned long long)x->last_us);
    numbers(b, "frames", x->frames);
    numbers(b, "network_gaps", x->missing);
    numbers(b, "withheld", x->withheld);
    jn_buf_printf(b,
                  "\"handed_over\":%llu,\"overflow\":%llu,\"bad_records\":%u,\"stopped\":%s,\"complete\":%s,"
                  "\"encrypted\":%s",
                  (unsigned long long)x->handed_over, (unsigned long long)x->overflow, bad,
                  x->stopped ? "true" : "false", x->complete ? "true" : "false", x->encrypted ? "true" : "false");
    ids(b, e->directory, "agents", x->agent, x->agents < JN_REC_AGENTS ? x->agents : JN_REC_AGENTS, true);
    ids(b, e->directory, "queues", x->queue, x->queues < JN_REC_QUEUES ? x->queues : JN_REC_QUEUES, false);
    jn_buf_text(b, "}");
}

struct page {
    struct jn_engine *e;
    struct jn_ask *a;
    unsigned n;
    uint32_t next; /* the page after this one begins before that entry; 0: there is none */
};

static int each_recording(void *arg, const struct jn_rec_entry *x, uint32_t number)
{
    struct page *p = arg;

    if (p->n == p->a->limit) {
        p->next = number + 1;
        return 1;
    }
    jn_buf_text(&p->a->answer, p->n++ ? "," : "");
    entry(p->e, &p->a->answer, x, 0);
    return 0;
}

static void list(struct jn_engine *e, struct jn_ask *a)
{
    struct jn_rec_query q = {.tenant = a->tenant,
                             .agent = a->agent,
                             .queue = a->queue,
                             .from_us = a->from_us,
                             .to_us = a->to_us,
                             .before = (uint32_t)a->before};
    struct page p = {.e = e, .a = a};
    struct jn_err err = {{0}};

    jn_buf_text(&a->answer, "{\"recordings\":[");
    int rc = jn_rec_find(e->path_recordings, &q, each_recording, &p, &err);
    if (rc < 0) {
        jn_buf_clear(&a->answer);
        jn_buf_text(&a->answer, err.text);
        a->status = rc;
        return;
    }
    if (p.next)
        jn_buf_printf(&a->answer, "],\"next\":%u}", p.next);
    else
        jn_buf_text(&a->answer, "],\"next\":null}");
}

/* Loads one call when it is the tenant's; another tenant's is not there. */
static int load(struct jn_engine *e, struct jn_ask *a, struct jn_rec_item **items, size_t *n,
                struct jn_rec_summary *sum)
{
    struct jn_err err = {{0}};
    int rc = jn_rec_load(e->path_recordings, a->id, items, n, sum, &err);

    if (rc == 0 && a->tenant && sum->ledger.tenant != a->tenant) {
        free(*items);
        rc = -ENOENT;
    } else if (rc < 0) {
        jn_buf_text(&a->answer, err.text);
    }
    return rc;
}

static void verify(struct jn_engine *e, struct jn_ask *a)
{
    struct jn_rec_item *items;
    struct jn_rec_summary sum;
    struct jn_rec_found f = {.number = 0};
    size_t n;

    a->status = load(e, a, &items, &n, &sum);
    if (a->status < 0)
        return;
    struct jn_rec_growing g = {.ledger = sum.ledger};
    if (jn_rec_lookup(e->path_recordings, a->id, &f, NULL) == 0)
        g.e = f.e;
    g.e.call = sum.ledger.call;
    entry(e, &a->answer, jn_rec_growing_entry(&g), sum.bad_records);
    free(items);
}

static void sound(struct jn_engine *e, struct jn_ask *a)
{
    struct jn_rec_render_options o = {.party = (uint8_t)a->channel};
    struct jn_rec_item *items;
    struct jn_rec_summary sum;
    struct jn_err err = {{0}};
    uint8_t *bytes = NULL;
    size_t n;

    a->status = load(e, a, &items, &n, &sum);
    if (a->status < 0)
        return;
    a->status = jn_rec_sound(&bytes, &n, items, n, &o, a->control ? JN_REC_OGG_OPUS : JN_REC_WAV, &err);
    free(items);
    if (a->status < 0)
        jn_buf_text(&a->answer, err.text);
    else
        jn_buf_add(&a->answer, bytes, n);
    free(bytes);
    if (a->answer.failed)
        a->status = -ENOMEM;
}

static void delete (struct jn_engine *e, struct jn_ask *a)
{
    struct jn_err err = {{0}};
    bool encrypted = false;

    a->status = jn_rec_delete(e->path_recordings, a->id, a->tenant, jn_time_us(), &encrypted, &err);
    if (a->status < 0)
        jn_buf_text(&a->answer, err.text);
    else
        jn_buf_printf(&a->answer, "{\"deleted\":true,\"by\":\"%s\"}", encrypted ? "key" : "overwriting");
}

void jn_engine_recordings(struct jn_engine *e, struct jn_ask *a)
{
    switch (a->kind) {
    case JN_ASK_REC_LIST:
        list(e, a);
        break;
    case JN_ASK_REC_VERIFY:
        verify(e, a);
        break;
    case JN_ASK_REC_WAV:
        sound(e, a);
        break;
    default:
        delete (e, a);
    }
}

/* ---- what is kept no longer ---- */

/* The tenant's own word, else the machine's. */
static uint32_t keep_s(void *engine, uint64_t tenant)
{
    const struct jn_engine *e = engine;
    const struct jn_dir_tenant *t = jn_dir_tenant(e->directory, tenant);

    return t && t->keep_recordings_s ? t->keep_recordings_s : e->config.rec_keep_s;
}

void jn_engine_recordings_expire(struct jn_engine *e)
{
    struct jn_rec_keep keep = {.keep_s = keep_s, .arg = e, .now_us = jn_time_us()};
    struct jn_err err = {{0}};
    bool any = e->config.rec_keep_s > 0;

    for (uint32_t i = 0; i < e->directory->n_tenants; i++)
        any = any || e->directory->tenants[i].keep_recordings_s > 0;
    if (!any)
        return;
    int64_t n = jn_rec_expire(e->path_recordings, &keep, NULL, &err);
    if (n < 0)
        jn_error("app", "old recordings are not deleted: %s", err.text);
    else if (n > 0)
        jn_info("app", "recordings deleted, they were kept long enough: count=%lld", (long long)n);
}
