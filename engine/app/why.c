/* Why: "why this agent" for one interaction: the journal is replayed with a watcher, and what led to each of its offers
 * is told with names, as data and as a sentence. Runs on the main thread; nothing is kept for it while calls are
 * routed. */
#include "engine/app/engine.h"
#include "engine/store/replay.h"
#include "router/match/explain.h"

#include <errno.h>
#include <string.h>

enum { DECISIONS_MAX = 32 };

struct why {
    const struct jn_directory *dir;
    struct jn_buf *out;
    uint64_t ix, tenant;
    unsigned n;
};

static const char *agent_name(const struct jn_directory *dir, uint64_t id)
{
    const struct jn_dir_agent *a = jn_dir_agent(dir, id);
    return !a ? "somebody who is gone" : *a->display ? a->display : a->name;
}

static const char *queue_name(const struct jn_directory *dir, uint64_t id)
{
    const struct jn_dir_queue *q = jn_dir_queue(dir, id);
    return q ? q->name : "a queue that is gone";
}

static void json_text(struct jn_buf *out, const char *key, const char *text)
{
    jn_buf_printf(out, "\"%s\":", key);
    jn_buf_json(out, text, strlen(text));
}

static const char *policy_name(unsigned policy)
{
    static const char *const names[JN_POLICY_N] = {"longest_idle", "best_skill"};
    return policy < JN_POLICY_N ? names[policy] : "?";
}

/* What set the chosen one apart from the next. */
static void because(struct jn_buf *b, const struct jn_directory *dir, const struct jn_explanation *e)
{
    const struct jn_explain_agent *x = &e->candidate[0], *y = &e->candidate[1];

    if (e->rule == JN_EXPLAIN_PREFERRED)
        jn_buf_text(b, "the interaction prefers this agent, who may take it");
    else if (e->rule == JN_EXPLAIN_ONLY || e->candidates < 2)
        jn_buf_printf(b, "nobody else of the %u who serve the queue could take it", e->serve);
    else if (e->policy == JN_POLICY_BEST_SKILL && x->score != y->score)
        jn_buf_printf(b, "best skills of %u who could take it: levels add up to %u, %s has %u", e->able, x->score,
                      agent_name(dir, y->id), y->score);
    else if (x->load != y->load)
        jn_buf_printf(b, "has fewer in hand than the other %u who could take it: %u, %s has %u", e->able - 1, x->load,
                      agent_name(dir, y->id), y->load);
    else
        jn_buf_printf(b, "idle for longest of %u who could take it; %s comes next", e->able, agent_name(dir, y->id));
}

static void sentence(struct jn_buf *out, const struct jn_directory *dir, const struct jn_explanation *e)
{
    struct jn_buf b = {0};

    jn_buf_printf(&b, "%s: ", agent_name(dir, e->agent));
    because(&b, dir, e);
    if (e->serve > e->able)
        jn_buf_printf(&b,
                      ". Not possible: %u on other work, %u not ready, %u logged out, %u just after a failed offer or "
                      "a transfer, %u "
                      "without a skill",
                      e->busy, e->not_ready, e->logged_out, e->back_off, e->lack_skill);
    if (e->rivals)
        jn_buf_printf(
            &b, ". It came before %u other%s that the agent could have taken, by priority, queue weight and due time",
            e->rivals, e->rivals == 1 ? "" : "s");
    json_text(out, "text", b.data ? b.data : "");
    jn_buf_free(&b);
}

static void add_candidates(struct jn_buf *out, const struct jn_directory *dir, const struct jn_explanation *e)
{
    jn_buf_text(out, ",\"candidates\":[");
    for (uint32_t i = 0; i < e->candidates; i++) {
        const struct jn_explain_agent *x = &e->candidate[i];
        jn_buf_text(out, i ? ",{" : "{");
        json_text(out, "agent", agent_name(dir, x->id));
        jn_buf_printf(out, ",\"levels\":%u,\"in_hand\":%u,\"state_for_ms\":%llu}", x->score, x->load,
                      (unsigned long long)(e->time_us > x->since_us ? (e->time_us - x->since_us) / 1000 : 0));
    }
    jn_buf_printf(
        out,
        "],\"serve\":%u,\"able\":%u,\"busy\":%u,\"not_ready\":%u,\"logged_out\":%u,\"back_off\":%u,\"lack_skill\":%u",
        e->serve, e->able, e->busy, e->not_ready, e->logged_out, e->back_off, e->lack_skill);
}

static void add_rivals(struct jn_buf *out, const struct jn_directory *dir, const struct jn_explanation *e)
{
    char id[JN_ID_TEXT_MAX];

    jn_buf_text(out, ",\"before\":[");
    for (uint32_t i = 0; i < e->rivals; i++) {
        const struct jn_explain_rival *x = &e->rival[i];
        jn_buf_printf(out, "%s{\"id\":\"%s\",", i ? "," : "", jn_id_text(x->id, id));
        json_text(out, "queue", queue_name(dir, x->queue));
        jn_buf_printf(out, ",\"priority\":%u,\"weight\":%u,\"due_us\":%llu}", x->priority, x->weight,
                      (unsigned long long)x->due_us);
    }
    jn_buf_text(out, "]");
}

static void decision(void *arg, const struct jn_explanation *e)
{
    static const char *const rules[] = {"preferred", "only", "policy"};
    struct why *w = arg;
    struct jn_buf *out = w->out;

    if (e->ix != w->ix || (w->tenant && e->tenant != w->tenant) || w->n == DECISIONS_MAX)
        return;
    jn_buf_printf(out, "%s{\"at_us\":%llu,\"event\":%llu,", w->n++ ? "," : "", (unsigned long long)e->time_us,
                  (unsigned long long)e->seq);
    json_text(out, "agent", agent_name(w->dir, e->agent));
    jn_buf_text(out, ",");
    json_text(out, "queue", queue_name(w->dir, e->queue));
    jn_buf_printf(
        out, ",\"rule\":\"%s\",\"policy\":\"%s\",\"priority\":%u,\"weight\":%u,\"waited_ms\":%llu,\"due_us\":%llu,",
        rules[e->rule], policy_name(e->policy), e->priority, e->weight, (unsigned long long)e->waited_us / 1000,
        (unsigned long long)e->due_us);
    sentence(out, w->dir, e);
    add_candidates(out, w->dir, e);
    add_rivals(out, w->dir, e);
    jn_buf_text(out, "}");
}

void jn_engine_why(struct jn_engine *e, struct jn_ask *a)
{
    struct why w = {.dir = e->directory, .out = &a->answer, .ix = a->id, .tenant = a->tenant};
    struct jn_err err = {{0}};
    uint64_t from = 0, to = 0;

    a->status = jn_store_times(e->path_db, a->tenant, a->id, &from, &to);
    jn_buf_text(&a->answer, "{\"decisions\":[");
    if (a->status == 0)
        a->status = jn_replay_watch(e->path_journal, from, to ? to : UINT64_MAX, decision, &w, &err);
    jn_buf_text(&a->answer, "]}");
    if (a->status < 0) {
        jn_buf_clear(&a->answer);
        jn_buf_text(&a->answer, err.text);
    }
    if (a->answer.failed)
        a->status = -ENOMEM;
}
