/* Agent: one person's presence, load and place among the idle. Plain state; what follows from a change is decided in
 * router/core and router/match. */
#ifndef JN_ROUTER_AGENT_H
#define JN_ROUTER_AGENT_H

#include "engine/base/heap.h"
#include "router/core/event.h"
#include "router/queue/tree.h"

/* After a failed offer, a put-back or a transfer the agent is offered nothing for so long: another one may take it, and
 * a dead phone is not rung in a tight loop. */
enum { JN_BACK_OFF_US = 3000000 };

struct jn_agent {
    struct jn_ev_agent set;
    uint64_t tenant, serial; /* serial: order of making, over agents, queues and interactions */
    uint64_t mark;           /* when it became idle, as a count: smaller is idle for longer */
    uint64_t since_us;       /* of the state shown */
    char reason[JN_REASON_MAX];
    uint8_t presence; /* what the agent asked for: LOGGED_OUT, NOT_READY or READY of enum jn_agent_state */
    uint8_t shown;    /* enum jn_agent_state as last told */
    uint8_t no_answers;
    uint8_t load[JN_CH_N];  /* offered, connected, held and in wrap-up */
    uint8_t bound[JN_CH_N]; /* no load above this: the capacity, or what was in hand when it was lowered */
    uint8_t working;        /* of load: not in wrap-up */
    bool after;             /* gave a call away and wraps it up until back_off is over; shown as wrap-up */
    bool told;              /* seen is what the outside has */
    bool changed, fresh;    /* listed for telling; listed for matching */
    bool idle[JN_CH_N];     /* listed with every queue it serves */
    uint8_t idle_load[JN_CH_N];
    uint64_t idle_mark;
    uint32_t links, lines, hands; /* queues it serves; lines that wait for it alone; its interactions */
    uint32_t consult;             /* the interaction about which it is asked, JN_NONE */
    uint32_t best;                /* while matching: the interaction it would take */
    struct jn_timer back_off;
    struct jn_agent_row seen;
};

/* What the outside is shown: presence alone, except that a ready agent with work shows the work. `load` says what a
 * logged-out or not ready agent still has in hand. */
uint8_t jn_agent_shown(const struct jn_agent *a);
/* Whether it may call out or be asked: logged in, takes calls, nothing in hand. */
bool jn_agent_free(const struct jn_agent *a);
/* Whether it may be offered one more of that channel: ready, no back-off, below capacity, nothing of the other channel.
 */
bool jn_agent_available(const struct jn_agent *a, unsigned channel);
/* Whether it works for that tenant: its own, or one that it serves too. */
bool jn_agent_works_for(const struct jn_agent *a, uint64_t tenant);
/* The agent's level of a skill, 0 when it has it not. */
unsigned jn_agent_level(const struct jn_ev_agent *a, uint64_t skill);
/* Every skill at its level at least. */
bool jn_agent_has(const struct jn_ev_agent *a, const struct jn_skill *skill, unsigned n);
/* Padding is zero, so that memcmp compares. */
void jn_agent_row(struct jn_agent_row *row, const struct jn_agent *a);

#endif
