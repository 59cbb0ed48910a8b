/* Slow: questions that take long or change the centre, answered on the main thread: passwords, apply, drain; recordings
 * are in recordings.c. */
#include "engine/app/engine.h"
#include "engine/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    case JN_ASK_REC_VERIFY:
    case JN_ASK_REC_WAV:
    case JN_ASK_REC_DELETE:
        jn_engine_recordings(e, a);
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
