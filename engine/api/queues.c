/* Queues: the live rows of the queues in the directory. */
#include "engine/api/rows.h"

static void list(void *arg, struct jn_req *r)
{
    struct jn_api *a = arg;
    const struct jn_session *s = jn_req_session(r);
    struct jn_buf out = {0};
    uint64_t now = jn_api_now_us(a);
    unsigned n = 0;
    jn_buf_text(&out, "{\"queues\":[");
    for (uint32_t i = 0; i < a->dir->n_queues; i++) {
        const struct jn_dir_queue *d = &a->dir->queues[i];
        if (!jn_session_sees(s, d->tenant))
            continue;
        jn_buf_text(&out, n++ ? "," : "");
        jn_json_queue(a, jn_view_queue(&a->view, d->set.id), d->set.id, now, &out);
    }
    jn_buf_text(&out, "]}");
    jn_req_answer(r, 200, &out);
    jn_buf_free(&out);
}

int jn_routes_queues(struct jn_api *a)
{
    /* Agents may see it too: they need the names to hand a customer on. */
    static const struct jn_route route = {JN_GET, JN_ROLE_AGENT, JN_BODY_NONE, "/api/v1/queues", list};
    return jn_api_routes(a, &route, 1, a);
}
