/* Slow: questions that take long or change the centre, answered on the main thread: passwords, recordings, apply,
 * drain. */
#include "engine/app/engine.h"
#include "engine/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int each_recording(void *arg, const struct jn_rec_summary *s)
{
    struct jn_ask *a = arg;
    const struct jn_rec_ledger *l = &s->ledger;
    char id[JN_ID_TEXT_MAX];

    jn_buf_printf(&a->answer,
                  "%s{\"id\":\"%s\",\"first_us\":%llu,\"last_us\":%llu,\"frames\":[%llu,%llu,%llu,%llu],"
                  "\"network_gaps\":[%llu,%llu,%llu,%llu],"
                  "\"handed_over\":%llu,\"overflow\":%llu,\"bad_records\":%u,\"stopped\":%s,\"complete\":%s}",
                  a->answer.len > 0 && a->answer.data[a->answer.len - 1] == '}' ? "," : "", jn_id_text(l->call, id),
                  (unsigned long long)l->first_us, (unsigned long long)l->last_us, (unsigned long long)l->frames[0],
                  (unsigned long long)l->frames[1], (unsigned long long)l->frames[2], (unsigned long long)l->frames[3],
                  (unsigned long long)l->missing[0], (unsigned long long)l->missing[1],
                  (unsigned long long)l->missing[2], (unsigned long long)l->missing[3],
                  (unsigned long long)l->handed_over, (unsigned long long)l->overflow, s->bad_records,
                  l->stopped ? "true" : "false", l->complete ? "true" : "false");
    return 0;
}

static void recordings(struct jn_engine *e, struct jn_ask *a)
{
    struct jn_err err = {{0}};

    jn_buf_text(&a->answer, "{\"recordings\":[");
    a->status = jn_rec_check(e->path_recordings, a->tenant, each_recording, a, &err);
    jn_buf_text(&a->answer, "]}");
    if (a->status < 0) {
        jn_buf_clear(&a->answer);
        jn_buf_text(&a->answer, err.text);
    }
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
    size_t n;

    a->status = load(e, a, &items, &n, &sum);
    if (a->status < 0)
        return;
    each_recording(a, &sum);
    free(items);
}

static void wav(struct jn_engine *e, struct jn_ask *a)
{
    struct jn_rec_item *items;
    struct jn_rec_summary sum;
    struct jn_err err = {{0}};
    int16_t *pcm;
    size_t n, pairs;
    uint8_t header[44];

    a->status = load(e, a, &items, &n, &sum);
    if (a->status < 0)
        return;
    a->status = jn_rec_render(&pcm, &pairs, items, n, &err);
    free(items);
    if (a->status < 0) {
        jn_buf_text(&a->answer, err.text);
        return;
    }
    jn_wav_header(header, (uint32_t)pairs);
    jn_buf_add(&a->answer, header, sizeof header);
    jn_buf_add(&a->answer, pcm, pairs * 4);
    free(pcm);
    if (a->answer.failed)
        a->status = -ENOMEM;
}

/* In force everywhere: signalling, API with rules, database; then the router is told the difference. */
static int take_over(struct jn_engine *e, struct jn_directory *dir, struct jn_rules *rules)
{
    struct jn_note sip = {.kind = JN_NOTE_DIRECTORY, .ptr = jn_directory_ref(dir)};
    struct jn_note api = {
        .kind = JN_NOTE_DIRECTORY, .ptr = jn_directory_ref(dir), .rules = rules ? jn_rules_ref(rules) : NULL};
    struct jn_note db = {.kind = JN_NOTE_DIRECTORY, .ptr = jn_directory_ref(dir)};

    jn_note_send(&e->main_sip, &sip, "a changed centre");
    jn_note_send(&e->main_api, &api, "a changed centre");
    jn_note_send(&e->main_db, &db, "a changed centre");
    jn_directory_unref(e->directory);
    if (e->rules)
        jn_rules_unref(e->rules);
    e->directory = dir;
    e->rules = rules;
    return jn_engine_settle(e);
}

static void apply(struct jn_engine *e, struct jn_ask *a)
{
    struct jn_directory *dir = NULL;
    struct jn_rules *rules = NULL;
    struct jn_problems p = {0};

    a->status = jn_centre_parse(&dir, &rules, "centre.yaml", a->text.data ? a->text.data : "", a->text.len, &p);
    if (a->status < 0) {
        jn_buf_add(&a->answer, p.text.data ? p.text.data : "", p.text.len);
        jn_problems_free(&p);
        return;
    }
    jn_problems_free(&p);
    dir->version = e->directory ? e->directory->version + 1 : 1;
    jn_centre_difference(e->directory, dir, &a->answer);
    if (!a->dry_run)
        a->status = jn_replace_file(e->path_centre, a->text.data, a->text.len, 0600);
    if (a->dry_run || a->status < 0) {
        jn_directory_unref(dir);
        if (rules)
            jn_rules_unref(rules);
        return;
    }
    a->status = take_over(e, dir, rules);
    jn_info("app", "centre applied: version=%llu by=%s status=%d", (unsigned long long)dir->version, a->who, a->status);
}

static void drain(struct jn_engine *e, struct jn_ask *a)
{
    struct jn_event ev = {.kind = JN_EV_DRAIN, .maker = JN_MAKER_APP, .drain.on = a->on};
    struct jn_note sip = {.kind = JN_NOTE_DRAIN, .a = a->on};

    a->status = jn_mailbox_send(&e->main_router, &ev);
    if (a->status < 0)
        return;
    jn_note_send(&e->main_sip, &sip, "drain");
    atomic_store_explicit(&e->draining, a->on, memory_order_relaxed);
    jn_info("app", "drain %s", a->on ? "on: new work is refused" : "off");
    jn_buf_printf(&a->answer, "{\"draining\":%s,\"calls\":%llu}", a->on ? "true" : "false",
                  (unsigned long long)atomic_load_explicit(&e->calls, memory_order_relaxed));
}

void jn_engine_slow(struct jn_engine *e, struct jn_ask *a)
{
    struct jn_note n = {.kind = JN_NOTE_ANSWER, .ptr = a};

    switch (a->kind) {
    case JN_ASK_HASH:
        a->status = jn_password_check(a->secret, a->text.data ? a->text.data : "");
        break;
    case JN_ASK_REC_LIST:
        recordings(e, a);
        break;
    case JN_ASK_REC_VERIFY:
        verify(e, a);
        break;
    case JN_ASK_REC_WAV:
        wav(e, a);
        break;
    case JN_ASK_TRACE:
        jn_engine_trace_answer(e, a);
        break;
    case JN_ASK_APPLY:
        apply(e, a);
        break;
    case JN_ASK_DRAIN:
        drain(e, a);
        break;
    case JN_ASK_WHY:
        jn_engine_why(e, a);
        break;
    default:
        a->status = -EINVAL;
    }
    if (jn_note_send(&e->main_api, &n, "answer of a slow question") < 0)
        jn_ask_free(a);
}
