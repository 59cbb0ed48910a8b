/* Types: words and shapes that events, commands and every reader of them share. Plain data, fixed size, written to the
 * journal as they are encoded by router/journal, never as they lie in memory. */
#ifndef JN_ROUTER_TYPES_H
#define JN_ROUTER_TYPES_H

#include "engine/base/id.h"
#include <stdbool.h>
#include <stdint.h>

enum jn_channel { JN_CH_VOICE, JN_CH_CHAT, JN_CH_N };
enum { JN_SKILLS_MAX = 16, JN_SERVES_MAX = 8, JN_LEVEL_MAX = 10, JN_REASON_MAX = 24 };

/* An agent has the skill at that level (1..10); a queue or interaction wants at least that level. */
struct jn_skill {
    uint64_t id;
    uint8_t level;
};

/* Which agent an interaction prefers when several are free. */
enum jn_policy { JN_POLICY_LONGEST_IDLE, JN_POLICY_BEST_SKILL, JN_POLICY_N };

enum jn_agent_state {
    JN_AGENT_LOGGED_OUT,
    JN_AGENT_READY,
    JN_AGENT_NOT_READY,
    JN_AGENT_BUSY,
    JN_AGENT_WRAP_UP,
    JN_AGENT_STATE_N
};
#define JN_AGENT_STATE_NAMES                                                                                           \
    {                                                                                                                  \
        "logged_out", "ready", "not_ready", "on_interaction", "wrap_up"                                                \
    }

/* CONNECTED includes held; WRAP_UP: the parties are apart, the agent still works on it. DONE is final. */
enum jn_ix_state { JN_IX_QUEUED, JN_IX_OFFERED, JN_IX_CONNECTED, JN_IX_HELD, JN_IX_WRAP_UP, JN_IX_DONE, JN_IX_STATE_N };
#define JN_IX_STATE_NAMES                                                                                              \
    {                                                                                                                  \
        "queued", "offered", "connected", "held", "wrap_up", "done"                                                    \
    }

/* How an interaction ended, known for good once the parties are apart. offered = answered + abandoned + rejected + lost
 * + open. */
enum jn_outcome {
    JN_OUT_OPEN,      /* still waiting or ringing */
    JN_OUT_ANSWERED,  /* an agent had it */
    JN_OUT_ABANDONED, /* the customer left before an agent had it */
    JN_OUT_REJECTED,  /* the centre refused or gave up: queue full, waited too long, no such queue, draining */
    JN_OUT_LOST,      /* a crash or a fault of ours ended it before or while an agent had it */
    JN_OUT_N
};
#define JN_OUTCOME_NAMES                                                                                               \
    {                                                                                                                  \
        "open", "answered", "abandoned", "rejected", "lost"                                                            \
    }

/* Why something happened; one list, so that records, refusals and metrics speak the same. */
enum jn_why {
    JN_WHY_NONE,
    JN_WHY_CUSTOMER, /* the customer hung up or closed the chat */
    JN_WHY_AGENT,    /* the agent hung up, closed or refused */
    /* the phone that was called, an agent's or outside: */
    JN_WHY_NO_ANSWER,    /* it rang too long */
    JN_WHY_PHONE_BUSY,   /* it answered 486 or 600 */
    JN_WHY_PHONE_REJECT, /* it answered another 4xx..6xx */
    JN_WHY_UNREACHABLE,  /* it could not be reached */
    JN_WHY_LOGGED_OUT,
    JN_WHY_QUEUE_FULL,
    JN_WHY_MAX_WAIT,
    JN_WHY_NO_QUEUE,
    JN_WHY_DRAINING,
    JN_WHY_CRASH,
    JN_WHY_MEDIA, /* no media, no ports, keys that do not fit */
    JN_WHY_BUSY,  /* a table or ring of ours is full */
    JN_WHY_TRANSFER,
    JN_WHY_UNKNOWN_ID,
    JN_WHY_BAD_STATE, /* the thing is not in a state where that is possible */
    JN_WHY_DUPLICATE, /* seen before: nothing was done again */
    JN_WHY_REMOVED,   /* its queue, agent or tenant was removed */
    JN_WHY_NO_ROUTE,  /* no trunk takes the call: no route to the number, or every trunk at its cap */
    /* a call that ended before any queue: */
    JN_WHY_CLOSED,    /* outside opening hours */
    JN_WHY_MENU,      /* the menu led to a hang-up, or nothing was chosen */
    JN_WHY_MENU_LEFT, /* the caller hung up in the menu */
    JN_WHY_N
};
#define JN_WHY_NAMES                                                                                                   \
    {                                                                                                                  \
        "none", "customer", "agent", "no_answer", "phone_busy", "phone_reject", "unreachable", "logged_out",           \
            "queue_full", "max_wait", "no_queue", "draining", "crash", "media", "busy", "transfer", "unknown_id",      \
            "bad_state", "duplicate", "removed", "no_route", "closed", "menu", "menu_left"                             \
    }

/* Who began it: IN a customer, OUT an agent who calls a number. */
enum jn_direction { JN_DIR_IN, JN_DIR_OUT, JN_DIR_N };
#define JN_DIRECTION_NAMES                                                                                             \
    {                                                                                                                  \
        "in", "out"                                                                                                    \
    }

/* One interaction as the outside sees it: what records, the live view and reports are made of. Times are engine time in
 * us, 0: never. */
struct jn_ix_row {
    uint64_t id, tenant, queue, agent; /* agent: who has it, is offered it, or had it last; 0 none */
    uint64_t arrived_us, queued_us, offered_us, answered_us, ended_us, closed_us;
    uint64_t wait_us;  /* arrival to answer, or to the end when never answered */
    uint64_t talk_us;  /* answer to end, over all agents who had it */
    uint64_t order;    /* place in its queue's order: smaller is earlier; kept when it is requeued */
    uint32_t position; /* 1: next in its queue; 0: not queued */
    uint16_t offers;   /* how often it was offered */
    uint8_t channel, state, outcome, why, priority;
    bool in_target;     /* answered within the queue's service-level target */
    uint8_t direction;  /* OUT: offered means that the agent's phone or the number called rings, answered that it was
                           answered there; a number that was called in vain is rejected, one given up is abandoned */
    bool outside;       /* connected without an agent: the customer talks to a number that the agent transferred to */
    uint16_t transfers; /* how often an agent gave it away: to an agent, a queue or outside */
    uint64_t consult;   /* the agent whom row.agent asks while the customer waits, 0 none */
};

/* One agent as the outside sees it. */
struct jn_agent_row {
    uint64_t id, tenant;
    uint64_t since_us;          /* when the state began */
    char reason[JN_REASON_MAX]; /* of not ready */
    uint8_t state;
    uint8_t load[JN_CH_N], capacity[JN_CH_N];
};

/* Running totals of one queue since it was made; never reset. open = offered - answered - abandoned - rejected - lost.
 */
struct jn_queue_row {
    uint64_t id, tenant;
    uint64_t offered, answered, abandoned, rejected, lost;
    uint64_t in_target; /* answered within the target */
    uint64_t wait_sum_us, talk_sum_us,
        wrap_sum_us; /* wait: of answered ones, for ASA; talk + wrap over answered: AHT */
    uint64_t wait_max_us;
    uint64_t transferred; /* how often agents gave one of this queue away */
    /* calls to outside in this queue's name; they are in none of the figures above */
    uint64_t out, out_answered, out_talk_sum_us;
    uint32_t waiting, offered_now, talking; /* offered_now without those to outside */
    uint64_t longest_wait_since_us;         /* arrival of the oldest waiting one, 0 none */
    uint8_t channel_mask;
};

#endif
