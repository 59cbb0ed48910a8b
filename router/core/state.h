/* State: everything the router holds, and the verbs its files share. Private to router/core and router/match. */
#ifndef JN_ROUTER_STATE_H
#define JN_ROUTER_STATE_H

#include "engine/base/map.h"
#include "router/agent/agent.h"
#include "router/core/pool.h"
#include "router/core/router.h"
#include "router/interaction/interaction.h"
#include "router/queue/queue.h"

/* Ids of the last closed interactions are remembered, eight for each that may be open, so that a repeated ARRIVE is
 * known as a duplicate. */
enum {
    JN_CLOSED_PER_OPEN = 8,
    JN_CLOSED_MAX = 65536,
    JN_LINKS_MAX = 1 << 23,
    JN_SNAPSHOT_FORMAT = 2, /* 1 knew nothing of calls that move; load reads it too */
    JN_SNAPSHOT_MAGIC = 0x53524e4a
};
/* Times beyond that are cut: sums of them cannot overflow. */
#define JN_TIME_MAX_US (UINT64_C(1) << 61)

enum jn_router_timer { JN_RT_IX_TERM, JN_RT_IX_PATIENCE, JN_RT_IX_ANNOUNCE, JN_RT_BACK_OFF, JN_RT_QUEUE_ROW };

struct jn_tenant {
    uint64_t id;
    uint32_t weight;
};
struct jn_closed {
    uint64_t id, tenant;
};

struct jn_router {
    struct jn_router_limits limits;
    void (*emit)(void *arg, const struct jn_command *c);
    void *arg;
    void (*watch)(void *arg, const struct jn_explanation *e); /* NULL: nobody asks why */
    void *watch_arg;
    uint64_t now_us;   /* of the step: the event's time, or the timer's deadline */
    uint64_t until_us; /* the event's time */
    uint64_t seq, serial, order, mark;
    uint64_t command_hash;
    uint32_t about; /* the interaction that the event in hand is about, also when it was just closed */
    bool draining;

    struct jn_pool tenants, queues, agents, ixs, lines, links;
    struct jn_tenant *tenant;
    struct jn_queue *queue;
    struct jn_agent *agent;
    struct jn_ix *ix;
    struct jn_line *line;
    struct jn_link *link;
    struct jn_node *wait_node, *line_node, *idle_node;
    struct jn_map tenant_by_id, queue_by_id, agent_by_id, ix_by_id, closed_by_id;
    struct jn_heap timers;

    struct jn_closed *closed; /* ring */
    uint32_t closed_cap, closed_first, closed_count;

    /* of one step: what changed, what may be matched anew */
    uint32_t *changed_agents, *changed_queues, *fresh_agents, *fresh_ixs;
    uint32_t n_changed_agents, n_changed_queues, n_fresh_agents, n_fresh_ixs;
};

/* find.c: NULL or JN_NONE when there is none in that tenant. */
uint32_t jn_find_tenant(const struct jn_router *r, uint64_t id);
uint32_t jn_find_queue(const struct jn_router *r, uint64_t tenant, uint64_t id);
uint32_t jn_find_agent(const struct jn_router *r, uint64_t tenant, uint64_t id);
/* The same of an agent who works for that tenant, wherever it belongs; and of any agent at all. */
uint32_t jn_find_worker(const struct jn_router *r, uint64_t tenant, uint64_t id);
uint32_t jn_find_anybody(const struct jn_router *r, uint64_t id);
uint32_t jn_find_ix(const struct jn_router *r, uint64_t tenant, uint64_t id);
void jn_closed_remember(struct jn_router *r, uint64_t id, uint64_t tenant);

/* emit.c */
void jn_emit_ix(struct jn_router *r, uint8_t kind, const struct jn_ix *ix, uint8_t why);
void jn_emit_cancel(struct jn_router *r, uint8_t kind /* OFFER_CANCEL, CONSULT_END */, const struct jn_ix *ix,
                    uint64_t agent, uint8_t why);
void jn_emit_row(struct jn_router *r, uint8_t kind, const struct jn_ix_row *row, uint8_t why);
void jn_emit_queue(struct jn_router *r, uint8_t kind, const struct jn_queue *q);
void jn_emit_agent(struct jn_router *r, const struct jn_agent *a, uint8_t kind);
void jn_emit_answer(struct jn_router *r, const struct jn_event *ev, uint8_t refused);
/* Tells agents and queues that changed in this step, each kind in order of id. */
void jn_emit_changes(struct jn_router *r);
void jn_touch_agent(struct jn_router *r, uint32_t a);
void jn_touch_queue(struct jn_router *r, uint32_t q);

/* wait.c: the waiting of a queue. Place puts it into the trees alone (load); enter arms its timers too. */
void jn_wait_place(struct jn_router *r, uint32_t i);
void jn_wait_enter(struct jn_router *r, uint32_t i);
void jn_wait_leave(struct jn_router *r, uint32_t i);
void jn_wait_end_patience(struct jn_router *r, uint32_t i);
/* Whether there is hope that the agent takes it: logged in, has the skills and any capacity for it. */
bool jn_wait_worthwhile(const struct jn_router *r, uint32_t i, uint32_t a);
/* Ends patience that became hopeless after the agent or the queue changed. */
void jn_wait_review_agent(struct jn_router *r, uint32_t a);
void jn_wait_review_queue(struct jn_router *r, uint32_t q);
void jn_arm(struct jn_router *r, struct jn_timer *t, uint64_t after_us);

/* work.c: what happens to an interaction. The caller has looked that its state allows it. */
void jn_work_offer(struct jn_router *r, uint32_t i, uint32_t a);
/* Into the agent's hands and load; no command, and the idle sets are the caller's. */
void jn_work_take(struct jn_router *r, uint32_t i, uint32_t a);
/* Back to its place in the queue it has. */
void jn_work_put_back(struct jn_router *r, uint32_t i, uint8_t why, bool back_off);
/* The same for an offer that nobody took; the agent backs off and may become not ready. */
void jn_work_fail_offer(struct jn_router *r, uint32_t i, uint8_t why);
void jn_work_connect(struct jn_router *r, uint32_t i);
void jn_work_hold(struct jn_router *r, uint32_t i, bool on);
/* The parties are apart at at_us. wrap_up: as the queue says; otherwise it is done. */
void jn_work_end(struct jn_router *r, uint32_t i, uint8_t why, uint64_t at_us, bool wrap_up);
void jn_work_wrap_done(struct jn_router *r, uint32_t i);
void jn_work_back_off(struct jn_router *r, uint32_t a);
/* Its parts, for move.c: the lifecycle's step, out of the agent's hands, and the queue's account. */
void jn_work_state(struct jn_router *r, struct jn_ix *ix, uint8_t to);
void jn_work_release(struct jn_router *r, uint32_t i);
void jn_work_uncount(struct jn_router *r, const struct jn_ix *ix);
void jn_work_count(struct jn_router *r, const struct jn_ix *ix);
/* The agent's interactions by order of arrival; returns how many. */
unsigned jn_work_in_hand(const struct jn_router *r, uint32_t a, uint32_t *out, unsigned max);
/* Every offer of the agent goes back; every wrap-up is over. */
void jn_work_revoke(struct jn_router *r, uint32_t a, uint8_t why);
void jn_work_end_wraps(struct jn_router *r, uint32_t a);
void jn_work_not_ready(struct jn_router *r, uint32_t a, const char *reason, uint8_t why);

/* move.c: calls that go from one hand to another. The caller has looked that it is possible. */
void jn_work_transfer(struct jn_router *r, uint32_t i, uint32_t q);
void jn_work_transfer_to(struct jn_router *r, uint32_t i, uint32_t a);
void jn_work_call_out(struct jn_router *r, uint32_t i, uint32_t a);
void jn_work_consult(struct jn_router *r, uint32_t i, uint32_t a);
/* Into the asked one's load; no command, and the idle sets are the caller's. */
void jn_work_ask(struct jn_router *r, uint32_t i, uint32_t a);
/* Nothing when nobody is asked. */
void jn_work_unconsult(struct jn_router *r, uint32_t i, uint8_t why);
void jn_work_handover(struct jn_router *r, uint32_t i);
void jn_work_leave(struct jn_router *r, uint32_t i);

/* Steps by event kind; each returns JN_WHY_NONE or why it was refused. */
uint8_t jn_on_directory(struct jn_router *r, const struct jn_event *ev);
uint8_t jn_on_agent(struct jn_router *r, const struct jn_event *ev);
uint8_t jn_on_arrive(struct jn_router *r, const struct jn_event *ev);
uint8_t jn_on_ix(struct jn_router *r, const struct jn_event *ev);
uint8_t jn_on_call_out(struct jn_router *r, const struct jn_event *ev);
/* The events TRANSFER to LEAVE, of an interaction that the event's agent has. */
uint8_t jn_on_move(struct jn_router *r, const struct jn_event *ev, uint32_t i);
/* Whether that id was seen before, open or closed, and what the answer to it is then. */
uint8_t jn_ix_seen(struct jn_router *r, uint64_t tenant, uint64_t id);
void jn_on_start(struct jn_router *r, uint64_t last_us);
void jn_on_timer(struct jn_router *r, struct jn_timer *t);

/* router.c: fresh things in the tables; JN_NONE when full. The caller fills in the rest. */
uint32_t jn_add_tenant(struct jn_router *r, uint64_t id);
uint32_t jn_add_queue(struct jn_router *r, uint64_t tenant, uint64_t id, uint64_t serial);
uint32_t jn_add_agent(struct jn_router *r, uint64_t tenant, uint64_t id, uint64_t serial);
uint32_t jn_add_ix(struct jn_router *r, uint64_t tenant, uint64_t id, uint64_t serial);

#endif
