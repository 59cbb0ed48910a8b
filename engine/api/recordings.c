/* Recordings: the list, one call's ledger checked against what was written, and its audio. For supervisors; every
 * listening is in the audit log. */
#include "engine/api/server.h"
#include <errno.h>

enum { AUDIT_READ_RECORDING = 3 };

static void list(void *arg, struct jn_req *r)
{
    (void)arg;
    struct jn_ask *ask = jn_ask_new(JN_ASK_REC_LIST);
    if (ask)
        ask->tenant = jn_req_session(r)->tenant;
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

static void verify(void *arg, struct jn_req *r)
{
    (void)arg;
    struct jn_ask *ask = about(r, JN_ASK_REC_VERIFY);
    if (ask)
        jn_req_ask(r, ask, jn_req_answer_ask);
}

static void audio_read(void *req, struct jn_ask *a)
{
    struct jn_req *r = req;
    if (a->status) {
        jn_req_answer_ask(req, a);
        return;
    }
    jn_api_audit(r->api, &r->who, NULL, AUDIT_READ_RECORDING, jn_req_param(r, 0));
    jn_req_bytes(r, 200, "audio/wav", &a->answer);
}

static void audio(void *arg, struct jn_req *r)
{
    (void)arg;
    struct jn_ask *ask = about(r, JN_ASK_REC_WAV);
    if (ask)
        jn_req_ask(r, ask, audio_read);
}

int jn_routes_recordings(struct jn_api *a)
{
    static const struct jn_route routes[] = {
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/recordings", list},
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/recordings/{}", verify},
        {JN_GET, JN_ROLE_SUPERVISOR, JN_BODY_NONE, "/api/v1/recordings/{}/audio", audio},
    };
    return jn_api_routes(a, JN_ROUTES(routes), a);
}
