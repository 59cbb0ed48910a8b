/* `junctor rec show`: the events of one recording in order: who was there, who heard whom, what was played to whom and
 * when, and the proof that the caller heard the recording notice. */
#include "engine/app/cmd_rec.h"
#include "engine/base/id.h"
#include "engine/base/str.h"
#include "engine/store/recording_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"?",      "start",  "join",   "leave",   "hear", "prompt",
                                    "hold",   "resume", "pause",  "unpause", "stop", "overflow",
                                    "notice", "mask",   "unmask", "agent",   "queue"};
static const char *const tracks[] = {"caller", "agent", "other", "supervisor"};

enum { TEXT_MAX = 520, STOPPED = 0xffff };

struct shown {
    bool json;
    uint64_t first_us;
    unsigned count;
    char notice[TEXT_MAX]; /* a notice's names come in pieces of eight characters */
    size_t n;
    struct jn_buf out;
};

static const char *track(const struct jn_rec_item *it)
{
    return it->track < sizeof tracks / sizeof *tracks ? tracks[it->track] : "?";
}

/* What the event says beyond its name, as text or as JSON members. False: there is more of it to come. */
static bool detail(struct shown *s, const struct jn_rec_item *it, struct jn_buf *b)
{
    unsigned sound = (unsigned)(it->arg >> 32);

    switch ((enum jn_rec_event)it->event) {
    case JN_RECEV_JOIN:
    case JN_RECEV_LEAVE:
        jn_buf_printf(b, s->json ? ",\"track\":\"%s\"" : "%s", track(it));
        return true;
    case JN_RECEV_HEAR:
        jn_buf_printf(b, s->json ? ",\"track\":\"%s\",\"hears\":[" : "%s hears", track(it));
        for (unsigned i = 0, n = 0; i < sizeof tracks / sizeof *tracks; i++)
            if (it->arg & 1u << i)
                jn_buf_printf(b, s->json ? "%s\"%s\"" : "%s %s", s->json && n++ ? "," : "", tracks[i]);
        jn_buf_text(b, s->json ? "]" : it->arg ? "" : " nobody");
        return true;
    case JN_RECEV_PROMPT:
        jn_buf_printf(b, s->json ? ",\"track\":\"%s\"" : "%s", track(it));
        if (sound == STOPPED)
            jn_buf_text(b, s->json ? ",\"sound\":null" : " hears it no more");
        else
            jn_buf_printf(b, s->json ? ",\"sound\":%u,\"offset_ms\":%u" : " hears sound %u from %u ms", sound,
                          (unsigned)(it->arg & 0xffffffff) / 8);
        return true;
    case JN_RECEV_STOP:
    case JN_RECEV_OVERFLOW:
        jn_buf_printf(b, s->json ? ",\"frames\":%llu" : "%llu frames", (unsigned long long)it->arg);
        return true;
    case JN_RECEV_NOTICE:
        for (unsigned i = 0; i < 8; i++) {
            char c = (char)(it->arg >> 8 * i & 0xff);
            if (!c || s->n + 1 >= TEXT_MAX) {
                jn_buf_text(b, s->json ? ",\"text\":" : "heard to its end: ");
                jn_buf_json(b, s->notice, s->n);
                s->n = 0;
                return true;
            }
            s->notice[s->n++] = c;
        }
        return false;
    default:
        return true;
    }
}

static void event(struct shown *s, const struct jn_rec_item *it)
{
    const char *name = it->event < sizeof names / sizeof *names ? names[it->event] : "?";
    uint64_t ms = (it->at_us - s->first_us) / 1000;
    struct jn_buf more = {0};

    if (!detail(s, it, &more)) {
        jn_buf_free(&more);
        return;
    }
    if (s->json)
        jn_buf_printf(&s->out, "%s{\"at_us\":%llu,\"after_ms\":%llu,\"event\":\"%s\"%s}", s->count++ ? "," : "",
                      (unsigned long long)it->at_us, (unsigned long long)ms, name, more.data ? more.data : "");
    else
        printf("%6llu.%03u s  %-8s %s\n", (unsigned long long)ms / 1000, (unsigned)(ms % 1000), name,
               more.data ? more.data : "");
    jn_buf_free(&more);
}

int jn_rec_show(const char *dir, uint64_t tenant, uint64_t call, bool json)
{
    struct shown s = {.json = json};
    struct jn_rec_summary sum;
    struct jn_rec_item *items = NULL;
    struct jn_err err = {{0}};
    char id[JN_ID_TEXT_MAX];
    size_t n = 0;
    int rc = jn_rec_load(dir, call, &items, &n, &sum, &err);

    if (!rc && tenant && sum.ledger.tenant != tenant) {
        free(items);
        rc = jn_fail(&err, -1, "that tenant has no such recording");
    }
    if (rc) {
        fprintf(stderr, "junctor rec show: %s\n", err.text);
        return 1;
    }
    s.first_us = items[0].at_us;
    for (size_t i = 0; i < n; i++)
        if (items[i].at_us < s.first_us)
            s.first_us = items[i].at_us;
    for (size_t i = 0; i < n; i++)
        if (items[i].kind == JN_REC_EVENT)
            event(&s, &items[i]);
    free(items);
    if (json)
        printf("{\"call\":\"%s\",\"complete\":%s,\"events\":[%s]}\n", jn_id_text(call, id),
               sum.ledger.complete ? "true" : "false", s.out.data ? s.out.data : "");
    bool failed = s.out.failed;
    jn_buf_free(&s.out);
    return failed;
}
