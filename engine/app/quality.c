/* Quality: how good the media of a call in progress is, for whoever asks, and what is wrong with it, told at once. */
#include "engine/app/engine.h"
#include "engine/app/trace.h"
#include "media/codec/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LEGS = 4 };
static const char *const sides[] = {"caller", "agent", "third", "supervisor", "agent"};

static void add_leg(struct jn_buf *b, const struct jn_voice_quality *q)
{
    const struct jn_codec_ops *codec = jn_codec(q->codec);
    const char *agent = q->name;

    jn_buf_printf(b, "{\"leg\":%llu,\"side\":\"%s\",\"worker\":%u,\"codec\":\"%s\",\"age_ms\":%llu,\"agent\":",
                  (unsigned long long)q->leg, sides[q->side], q->worker, codec ? codec->name : "?",
                  (unsigned long long)(q->age_us / 1000));
    if (agent)
        jn_buf_json(b, agent, strlen(agent));
    else
        jn_buf_text(b, "null");
    jn_trace_stats_json(b, q->stats);
    jn_buf_text(b, "}");
}

static void add_line(struct jn_buf *b, const struct jn_voice_quality *q)
{
    const struct jn_codec_ops *codec = jn_codec(q->codec);
    const char *agent = q->name;

    jn_buf_printf(b, "media %s%s%s, in progress: %s, %llu.%llu s ago\n", sides[q->side], agent ? " " : "",
                  agent ? agent : "", codec ? codec->name : "?", (unsigned long long)(q->age_us / 1000000),
                  (unsigned long long)(q->age_us / 100000 % 10));
    jn_trace_stats_text(b, q->stats);
}

void jn_engine_quality(struct jn_engine *e, struct jn_ask *a)
{
    struct jn_voice_quality q[LEGS];
    bool json = a->control == JN_TRACE_FORM_JSON;
    int n = jn_act_voice_quality(e->voice, a->id, a->tenant, q, LEGS);

    a->status = n < 0 ? n : 0;
    if (n < 0)
        return;
    if (json)
        jn_buf_text(&a->answer, "{\"legs\":[");
    for (int i = 0; i < n; i++) {
        if (json && i)
            jn_buf_text(&a->answer, ",");
        (json ? add_leg : add_line)(&a->answer, &q[i]);
    }
    if (json)
        jn_buf_text(&a->answer, "]}");
}

void jn_engine_trouble(void *engine, const struct jn_voice_trouble *t)
{
    static const char *const names[] = JN_TROUBLE_NAMES;
    struct jn_engine *e = engine;
    struct jn_media_trouble *news = malloc(sizeof *news);
    struct jn_note n = {.kind = JN_NOTE_TROUBLE, .ptr = news};

    jn_engine_trace_trouble(e, t);
    if (!news)
        return;
    *news = (struct jn_media_trouble){.ix = t->ix,
                                      .tenant = t->tenant,
                                      .agent = t->agent,
                                      .side = sides[t->side],
                                      .what = names[t->what],
                                      .on = t->on};
    if (jn_note_send(&e->sip_api, &n, "trouble with a call's media") < 0)
        free(news);
}
