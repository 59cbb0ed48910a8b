/* Supervise: supervisors at calls: listen, whisper, barge; who is where, told to supervisors alone, and the audit log.
 */
#include "engine/api/supervise.h"
#include "engine/api/server.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AUDIT_SUPERVISE = 6, STATE_UP = 1, STATE_ENDED = 2 };

/* As engine/act/act_voice.h numbers them. */
static const char *const modes[] = {"", "listen", "whisper", "barge"};
static const char *const states[] = {"calling", "up", "ended"};
static const char *const whys[] = JN_WHY_NAMES;

static struct jn_watch *find(struct jn_watches *t, uint64_t ix)
{
    for (unsigned i = 0; i < t->n; i++)
        if (t->at[i].ix == ix)
            return &t->at[i];
    return NULL;
}

void jn_watches_free(struct jn_watches *t)
{
    free(t->at);
}

static void row(const struct jn_api *a, const struct jn_watch *w, struct jn_buf *out)
{
    char id[JN_ID_TEXT_MAX];
    const struct jn_dir_agent *s = jn_dir_agent(a->dir, w->supervisor);
    jn_buf_printf(out, "{\"id\":\"%s\",\"supervisor\":", jn_id_text(w->ix, id));
    jn_buf_json(out, s ? s->name : "", s ? strlen(s->name) : 0);
    jn_buf_printf(out, ",\"mode\":\"%s\",\"state\":\"%s\"", modes[w->mode], states[w->state]);
    if (w->state == STATE_ENDED && w->why && w->why < sizeof whys / sizeof whys[0])
        jn_buf_printf(out, ",\"why\":\"%s\"", whys[w->why]);
    jn_buf_text(out, "}");
}

static void audit(struct jn_api *a, const struct jn_watch *w, const char *what)
{
    const struct jn_session who = {.tenant = w->tenant, .agent = w->supervisor};
    char id[JN_ID_TEXT_MAX], text[JN_ID_TEXT_MAX + 16];
    snprintf(text, sizeof text, "%s %s", jn_id_text(w->ix, id), what);
    jn_api_audit(a, &who, NULL, AUDIT_SUPERVISE, text);
}

/* What stands in the table for the call, or a new line; NULL: no memory, then only the list misses it. */
static struct jn_watch *line_for(struct jn_watches *t, uint64_t ix)
{
    struct jn_watch *w = find(t, ix);
    if (w)
        return w;
    if (t->n == t->cap) {
        unsigned cap = t->cap ? 2 * t->cap : 16;
        struct jn_watch *at = realloc(t->at, cap * sizeof *at);
        if (!at)
            return NULL;
        t->at = at;
        t->cap = cap;
    }
    w = &t->at[t->n++];
    *w = (struct jn_watch){.ix = ix};
    return w;
}

void jn_api_supervised(struct jn_api *a, const struct jn_watch *news)
{
    struct jn_watches *t = &a->watches;
    struct jn_watch *w = find(t, news->ix);
    bool was_up = w && w->state == STATE_UP;
    struct jn_buf b = {0};
    if (news->mode >= sizeof modes / sizeof modes[0] || news->state > STATE_ENDED)
        return;
    if (news->state == STATE_UP) {
        *(was_up ? &t->changes : &t->joined) += 1;
        audit(a, news, modes[news->mode]);
    } else if (news->state == STATE_ENDED && was_up) {
        audit(a, news, "ended");
    } else if (news->state == STATE_ENDED) {
        t->failed++;
    }
    if (news->state == STATE_ENDED && w)
        *w = t->at[--t->n];
    else if (news->state != STATE_ENDED && (w = line_for(t, news->ix)))
        *w = *news;
    row(a, news, &b);
    if (!b.failed)
        jn_api_publish(a, news->tenant, 0, "supervised", b.data); /* 0: no agent hears of it */
    jn_buf_free(&b);
}

void jn_watches_metrics(const struct jn_watches *t, struct jn_buf *out)
{
    unsigned up = 0;
    for (unsigned i = 0; i < t->n; i++)
        up += t->at[i].state == STATE_UP;
    jn_buf_printf(out,
                  "# HELP junctor_supervised_calls calls with a supervisor in them now\n"
                  "# TYPE junctor_supervised_calls gauge\njunctor_supervised_calls %u\n"
                  "# HELP junctor_supervisors_joined_total supervisors who joined a call\n"
                  "# TYPE junctor_supervisors_joined_total counter\njunctor_supervisors_joined_total %llu\n"
                  "# HELP junctor_supervise_changes_total changes between listen, whisper and barge in a call\n"
                  "# TYPE junctor_supervise_changes_total counter\njunctor_supervise_changes_total %llu\n"
                  "# HELP junctor_supervise_failed_total supervisors' phones that were called and did not join\n"
                  "# TYPE junctor_supervise_failed_total counter\njunctor_supervise_failed_total %llu\n",
                  up, (unsigned long long)t->joined, (unsigned long long)t->changes, (unsigned long long)t->failed);
}

/* News of it came before the answer, by the same ring. */
static void settled(void *req, struct jn_ask *ask)
{
    struct jn_req *r = req;
    struct jn_buf b = {0};
    const struct jn_watch *w = find(&r->api->watches, ask->id);
    switch (ask->status) {
    case 0:
        if (w && ask->control)
            row(r->api, w, &b);
        else
            jn_buf_text(&b, "{}");
        jn_req_answer(r, 200, &b);
        jn_buf_free(&b);
        break;
    case -ENOENT:
        jn_req_error(r, ask->control ? JN_NO_CONFLICT : JN_NO_NOT_FOUND, NULL,
                     ask->control ? "nobody talks in that call now" : "nobody supervises that call");
        break;
    case -EBUSY:
        jn_req_error(r, JN_NO_CONFLICT, NULL, "another supervisor is at that call");
        break;
    case -EDEADLK:
        jn_req_error(r, JN_NO_CONFLICT, NULL, "it is your own call");
        break;
    case -ENOTCONN:
        jn_req_error(r, JN_NO_CONFLICT, NULL, "your phone is not registered");
        break;
    default:
        jn_req_answer_ask(req, ask);
    }
}

static void supervise(struct jn_req *r, int mode)
{
    const struct jn_session *s = jn_req_session(r);
    uint64_t id;
    if (!jn_req_id(r, 0, &id))
        return;
    const struct jn_ix_row *x = jn_view_ix(&r->api->view, id);
    const struct jn_dir_agent *me = jn_dir_agent(r->api->dir, s->agent);
    if (!x || x->channel != JN_CH_VOICE || !jn_session_sees(s, x->tenant)) {
        jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such open call");
        return;
    }
    if (mode && (!me || !me->sip_user[0])) {
        jn_req_error(r, JN_NO_CONFLICT, NULL, "you have no phone: give your agent entry one");
        return;
    }
    struct jn_ask *ask = jn_ask_new(JN_ASK_SUPERVISE);
    if (ask) {
        ask->tenant = x->tenant;
        ask->id = id;
        ask->agent = s->agent;
        ask->control = mode;
        ask->on = s->role >= JN_ROLE_ADMIN;
    }
    jn_req_ask(r, ask, settled);
}

static void begin(void *arg, struct jn_req *r)
{
    const char *name;
    (void)arg;
    if (!jn_req_only(r, "mode") || !jn_req_field(r, "mode", 16, true, &name))
        return;
    for (int mode = 1; mode < (int)(sizeof modes / sizeof modes[0]); mode++) {
        if (strcmp(modes[mode], name))
            continue;
        supervise(r, mode);
        return;
    }
    jn_req_error(r, JN_NO_INVALID, "mode", "mode is listen, whisper or barge");
}

static void end(void *arg, struct jn_req *r)
{
    (void)arg;
    supervise(r, 0);
}

static void list(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    struct jn_buf b = {0};
    jn_buf_text(&b, "{\"supervised\":[");
    for (unsigned i = 0, n = 0; i < a->watches.n; i++) {
        if (!jn_session_sees(jn_req_session(r), a->watches.at[i].tenant))
            continue;
        jn_buf_text(&b, n++ ? "," : "");
        row(a, &a->watches.at[i], &b);
    }
    jn_buf_text(&b, "]}");
    jn_req_answer(r, 200, &b);
    jn_buf_free(&b);
}

int jn_routes_supervise(struct jn_api *a)
{
    static const struct jn_route routes[] = {
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/supervised", list},
        {JN_POST, JN_ROLE_SUPERVISOR, JN_BODY_JSON, "/api/v1/calls/{}/supervise", begin},
        {JN_DELETE, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/calls/{}/supervise", end},
    };
    return jn_api_routes(a, JN_ROUTES(routes), a);
}
