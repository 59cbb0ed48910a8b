/* Recordings: the list, one call's ledger checked against what was written, its sound, deleting it, and what a running
 * one may hear. For supervisors, managers and, for their own calls, agents; every listening, every change and every
 * deletion is in the audit log. */
#include "engine/api/rows.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AUDIT_READ_RECORDING = 3, AUDIT_RECORDING = 7, PAGE = 1000, PAGE_MAX = 100000 };
/* As engine/act/act_voice.h numbers them. */
enum { CONTROL_RECORD = 3, CONTROL_RECORD_PAUSE, CONTROL_RECORD_MASK };

/* The agent or queue called so: in the asker's tenant, or, for who sees all of them, in any. False: answered. */
static bool named(struct jn_req *r, const char *what, uint64_t *id)
{
    const struct jn_directory *d = r->api->dir;
    const char *name = jn_req_query(r, what);
    uint64_t tenant = jn_req_session(r)->tenant;
    bool agent = strcmp(what, "agent") == 0;
    *id = 0;
    if (!name || !*name)
        return true;
    for (uint32_t i = 0; i < d->n_tenants && !*id; i++) {
        uint64_t t = d->tenants[i].id;
        if (tenant && t != tenant)
            continue;
        const struct jn_dir_agent *a = agent ? jn_dir_agent_named(d, t, name) : NULL;
        const struct jn_dir_queue *q = agent ? NULL : jn_dir_queue_named(d, t, name);
        *id = a ? a->set.id : q ? q->set.id : 0;
    }
    if (!*id)
        jn_req_error(r, JN_NO_INVALID, what, "there is no %s \"%s\"", what, name);
    return *id != 0;
}

static void list(void *arg, struct jn_req *r)
{
    (void)arg;
    uint64_t agent, queue, before, limit, from, to;
    if (!named(r, "agent", &agent) || !named(r, "queue", &queue) ||
        !jn_req_number(r, "before", UINT32_MAX, 0, &before) || !jn_req_number(r, "limit", PAGE_MAX, PAGE, &limit) ||
        !jn_req_number(r, "from_us", INT64_MAX, 0, &from) || !jn_req_number(r, "to_us", INT64_MAX, 0, &to))
        return;
    struct jn_ask *ask = jn_ask_new(JN_ASK_REC_LIST);
    if (ask) {
        ask->tenant = jn_req_session(r)->tenant;
        ask->agent = agent;
        ask->queue = queue;
        ask->before = before;
        ask->limit = (unsigned)limit;
        ask->from_us = from;
        ask->to_us = to;
    }
    jn_req_ask(r, ask, jn_req_answer_ask);
}

static struct jn_ask *about(struct jn_req *r, enum jn_ask_kind kind)
{
    uint64_t id;
    if (!jn_req_id(r, 0, &id))
        return NULL;
    struct jn_ask *ask = jn_ask_new(kind);
    if (!ask) {
        jn_req_error(r, JN_NO_INTERNAL, NULL, "no memory");
        return NULL;
    }
    ask->tenant = jn_req_session(r)->tenant;
    ask->id = id;
    return ask;
}

static void audio_read(void *req, struct jn_ask *a)
{
    struct jn_req *r = req;
    if (a->status) {
        jn_req_answer_ask(req, a);
        return;
    }
    jn_api_audit(r->api, &r->who, NULL, AUDIT_READ_RECORDING, jn_req_param(r, 0));
    jn_req_bytes(r, 200, a->control ? "audio/ogg" : "audio/wav", &a->answer);
}

/* ?format=wav|opus&as=caller|agent|other|supervisor: what that party heard (left) and said (right). */
static void audio(void *arg, struct jn_req *r)
{
    static const char *const parties[] = {"caller", "agent", "other", "supervisor"};
    const char *format = jn_req_query(r, "format"), *as = jn_req_query(r, "as");
    unsigned party = 0;
    (void)arg;
    while (as && party < 4 && strcmp(as, parties[party]) != 0)
        party++;
    if (party == 4) {
        jn_req_error(r, JN_NO_INVALID, "as", "caller, agent, other or supervisor");
        return;
    }
    if (format && strcmp(format, "wav") != 0 && strcmp(format, "opus") != 0) {
        jn_req_error(r, JN_NO_INVALID, "format", "wav or opus");
        return;
    }
    struct jn_ask *ask = about(r, JN_ASK_REC_WAV);
    if (!ask)
        return;
    ask->control = format && strcmp(format, "opus") == 0;
    ask->channel = as ? (int)party + 1 : 0;
    jn_req_ask(r, ask, audio_read);
}

static void verify(void *arg, struct jn_req *r)
{
    if (jn_req_query(r, "format")) {
        audio(arg, r);
        return;
    }
    struct jn_ask *ask = about(r, JN_ASK_REC_VERIFY);
    if (ask)
        jn_req_ask(r, ask, jn_req_answer_ask);
}

static void deleted(void *req, struct jn_ask *a)
{
    struct jn_req *r = req;
    char what[64];
    if (a->status == -EBUSY) {
        jn_req_error(r, JN_NO_CONFLICT, NULL, "the recording still runs");
        return;
    }
    if (a->status == 0) {
        snprintf(what, sizeof what, "%s deleted", jn_req_param(r, 0));
        jn_api_audit(r->api, &r->who, NULL, AUDIT_RECORDING, what);
    }
    jn_req_answer_ask(req, a);
}

static void delete (void *arg, struct jn_req *r)
{
    (void)arg;
    struct jn_ask *ask = about(r, JN_ASK_REC_DELETE);
    if (ask)
        jn_req_ask(r, ask, deleted);
}

/* ---- a running recording ---- */

static const char *const states[] = {"on", "paused", "masked"};

static void changed(void *req, struct jn_ask *a)
{
    struct jn_req *r = req;
    char what[64];
    struct jn_buf out = {0};
    if (a->status == -ENODATA) {
        jn_req_error(r, JN_NO_CONFLICT, NULL, "this call is not recorded");
        return;
    }
    if (a->status) {
        jn_req_answer_ask(req, a);
        return;
    }
    const char *state = states[a->control - CONTROL_RECORD];
    snprintf(what, sizeof what, "%s %s", jn_req_param(r, 0), state);
    jn_api_audit(r->api, &r->who, NULL, AUDIT_RECORDING, what);
    jn_buf_printf(&out, "{\"id\":\"%s\",\"state\":\"%s\"}", jn_req_param(r, 0), state);
    jn_req_answer(r, 200, &out);
    jn_buf_free(&out);
}

static void change(void *arg, struct jn_req *r)
{
    const struct jn_session *s = jn_req_session(r);
    const char *state;
    uint64_t id;
    int to = 0;
    (void)arg;
    if (!jn_req_id(r, 0, &id) || !jn_req_only(r, "state") || !jn_req_field(r, "state", 16, true, &state))
        return;
    while (to < 3 && strcmp(state, states[to]) != 0)
        to++;
    if (to == 3) {
        jn_req_error(r, JN_NO_INVALID, "state", "on, paused or masked");
        return;
    }
    const struct jn_ix_row *x = jn_view_ix(&r->api->view, id);
    bool own = x && s->agent && x->agent == s->agent;
    if (!x || x->channel != JN_CH_VOICE || !x->agent || x->state == JN_IX_QUEUED ||
        !(own || (s->role >= JN_ROLE_SUPERVISOR && jn_session_reads(s, x->tenant, 0)))) {
        jn_req_error(r, JN_NO_NOT_FOUND, NULL, "no such call of yours");
        return;
    }
    struct jn_ask *ask = jn_ask_new(JN_ASK_CONTROL);
    if (ask) {
        ask->tenant = x->tenant;
        ask->id = id;
        ask->agent = x->agent;
        ask->control = CONTROL_RECORD + to;
    }
    jn_req_ask(r, ask, changed);
}

int jn_routes_recordings(struct jn_api *a)
{
    static const struct jn_route routes[] = {
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/recordings", list},
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/recordings/{}", verify},
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/recordings/{}/audio", audio},
        {JN_DELETE, JN_ROLE_ADMIN, JN_BODY_NONE, "/api/v1/recordings/{}", delete},
        {JN_POST, JN_ROLE_AGENT, JN_BODY_JSON, "/api/v1/calls/{}/recording", change},
    };
    return jn_api_routes(a, JN_ROUTES(routes), a);
}
