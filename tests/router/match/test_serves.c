/* Agents who work for several tenants: an outsourcer's agents serve its clients' queues. */
#include "router/journal/codec.h"
#include "tests/router/core/world.h"

static void put_client(struct jn_router *r, uint64_t tenant, uint64_t queue)
{
    apply(r, (struct jn_event){.kind = JN_EV_TENANT_PUT, .tenant = tenant, .tenant_put = {.weight = 1}}, 0);
    apply(r,
          (struct jn_event){.kind = JN_EV_QUEUE_PUT,
                            .tenant = tenant,
                            .queue = {.id = queue, .weight = 1, .channel_mask = 3, .target_ms = 5000}},
          0);
}

static void put_shared(struct jn_router *r, uint64_t agent, uint64_t serves)
{
    struct jn_ev_agent a = {.id = agent, .capacity = {1, 2}};
    if (serves) {
        a.n_serves = 1;
        a.serves[0] = serves;
    }
    apply(r, (struct jn_event){.kind = JN_EV_AGENT_PUT, .agent = a}, 0);
}

static void come(struct jn_router *r, uint64_t tenant, uint64_t ix, uint64_t queue)
{
    apply(r,
          (struct jn_event){
              .kind = JN_EV_ARRIVE, .tenant = tenant, .arrive = {.ix = ix, .queue = queue, .priority = 255}},
          10);
}

static void of_tenant(struct jn_router *r, uint64_t tenant, uint8_t kind, uint64_t ix, uint64_t agent)
{
    apply(r, (struct jn_event){.kind = kind, .tenant = tenant, .why = JN_WHY_AGENT, .ix = {.ix = ix, .agent = agent}},
          10);
}

TestSuite(serves, .timeout = 60);

Test(serves, offered_and_worked_on_in_the_clients_name)
{
    struct jn_router *r = world();
    put_client(r, 2, 50);
    put_shared(r, 20, 2);
    agent_does(r, JN_EV_LOGIN, 20);
    agent_does(r, JN_EV_READY, 20);
    come(r, 2, 1, 50);
    const struct jn_command *c = said(JN_CMD_OFFER);
    cr_assert(c && c->row.agent == 20 && c->row.tenant == 2);
    of_tenant(r, 2, JN_EV_ACCEPT, 1, 20);
    cr_assert_not_null(said(JN_CMD_CONNECT));
    of_tenant(r, 2, JN_EV_HOLD, 1, 20);
    cr_assert_not_null(said(JN_CMD_HOLD));
    of_tenant(r, 2, JN_EV_END, 1, 20);
    cr_assert_eq(said(JN_CMD_CLOSED)->row.outcome, JN_OUT_ANSWERED);
    jn_router_free(r);
}

Test(serves, only_who_serves_is_offered_it)
{
    struct jn_router *r = world();
    put_client(r, 2, 50);
    put_shared(r, 20, 0);
    put_shared(r, 21, 3); /* a tenant that is not there */
    for (uint64_t a = 20; a <= 21; a++) {
        agent_does(r, JN_EV_LOGIN, a);
        agent_does(r, JN_EV_READY, a);
    }
    come(r, 2, 1, 50);
    cr_assert_null(said(JN_CMD_OFFER));
    of_tenant(r, 2, JN_EV_ACCEPT, 1, 20);
    cr_assert_eq(said(JN_CMD_REFUSED)->why, JN_WHY_UNKNOWN_ID, "not even known there");
    put_shared(r, 20, 2);
    cr_assert_eq(said(JN_CMD_OFFER)->row.agent, 20, "from now on it serves");
    jn_router_free(r);
}

Test(serves, what_is_in_hand_is_brought_to_its_end)
{
    struct jn_router *r = world();
    put_client(r, 2, 50);
    put_shared(r, 20, 2);
    agent_does(r, JN_EV_LOGIN, 20);
    agent_does(r, JN_EV_READY, 20);
    come(r, 2, 1, 50);
    of_tenant(r, 2, JN_EV_ACCEPT, 1, 20);
    put_shared(r, 20, 0);
    come(r, 2, 2, 50);
    of_tenant(r, 2, JN_EV_END, 1, 20);
    cr_assert_not_null(said(JN_CMD_CLOSED));
    cr_assert_null(said(JN_CMD_OFFER), "nothing more of that tenant");
    jn_router_free(r);
}

Test(serves, saved_and_loaded)
{
    struct jn_router *r = world(), *again = world_new();
    struct jn_buf state = {0};
    struct jn_err err;
    put_client(r, 2, 50);
    put_shared(r, 20, 2);
    agent_does(r, JN_EV_LOGIN, 20);
    agent_does(r, JN_EV_READY, 20);
    come(r, 2, 1, 50);
    cr_assert_eq(jn_router_save(r, &state), 0);
    cr_assert_eq(jn_router_load(again, state.data, state.len, &err), 0, "%s", err.text);
    cr_assert_eq(jn_router_state_hash(again), jn_router_state_hash(r));
    of_tenant(again, 2, JN_EV_ACCEPT, 1, 20);
    cr_assert_not_null(said(JN_CMD_CONNECT));
    jn_buf_free(&state);
    jn_router_free(r);
    jn_router_free(again);
}

Test(serves, event_bytes)
{
    struct jn_event alone = {.kind = JN_EV_AGENT_PUT, .tenant = 1, .agent = {.id = 20, .capacity = {1, 2}}},
                    shared = alone, back;
    uint8_t a[JN_EVENT_BYTES_MAX], b[JN_EVENT_BYTES_MAX];
    shared.agent.n_serves = 2;
    shared.agent.serves[0] = 2;
    shared.agent.serves[1] = 7;
    size_t n = jn_event_encode(a, &alone), m = jn_event_encode(b, &shared);
    cr_assert_eq(m, n + 1 + 2 * 8, "an agent of one tenant is written as it always was");
    cr_assert_eq(jn_event_decode(&back, a, n), 0);
    cr_assert_eq(back.agent.n_serves, 0);
    cr_assert_eq(jn_event_decode(&back, b, m), 0);
    cr_assert_eq(back.agent.n_serves, 2);
    cr_assert_eq(back.agent.serves[1], 7);
    for (size_t cut = n + 1; cut < m; cut++)
        cr_assert_lt(jn_event_decode(&back, b, cut), 0, "cut at %zu", cut);
    b[n] = 0;
    cr_assert_lt(jn_event_decode(&back, b, n + 1), 0, "none is never written as a number");
}
