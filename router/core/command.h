/* Command: everything the router ever says. Each carries the row after the change, so that readers need no second look.
 * Commands with wait set act only once the journal is durable up to seq (offers, and answers about messages). */
#ifndef JN_ROUTER_COMMAND_H
#define JN_ROUTER_COMMAND_H

#include "router/core/types.h"

enum jn_command_kind {
    JN_CMD_NONE,
    JN_CMD_QUEUED,       /* it waits, row.position says where; first time, or back after an offer failed (why) */
    JN_CMD_POSITION,     /* time to tell the customer row.position */
    JN_CMD_OFFER,        /* ring row.agent (wait) */
    JN_CMD_OFFER_CANCEL, /* stop ringing `agent`: why. The row already shows what became of the interaction */
    JN_CMD_CONNECT,      /* join customer and row.agent */
    JN_CMD_HOLD,
    JN_CMD_RESUME,
    JN_CMD_CLOSED, /* the parties are apart: outcome and why are final. Hang up whoever is left */
    JN_CMD_RECORD, /* the row changed in a way that only readers care about (wrap-up over) */
    JN_CMD_AGENT,  /* agent_row changed */
    JN_CMD_QUEUE, /* queue_row changed (at most every 100 ms a queue, and always before the last change is a second old)
                   */
    JN_CMD_REFUSED,     /* the event with token was refused: why */
    JN_CMD_DONE,        /* the event with token was done */
    JN_CMD_GONE,        /* a queue (queue_row.id) or an agent (agent_row.id) was removed */
    JN_CMD_CALL,        /* row.agent calls a number (wait): ring that phone, then the number */
    JN_CMD_CONSULT,     /* ring row.consult (wait): row.agent asks, the customer waits */
    JN_CMD_CONSULT_END, /* let `agent`, who was asked, go: why. After a handover there is none, but CONNECT */
    JN_CMD_KIND_N
};

/* Whether a command of that kind carries an interaction's row. */
static inline bool jn_command_about_ix(uint8_t kind)
{
    return (kind >= JN_CMD_QUEUED && kind <= JN_CMD_RECORD) || (kind >= JN_CMD_CALL && kind <= JN_CMD_CONSULT_END);
}

struct jn_command {
    uint64_t seq; /* of the event that caused it */
    uint64_t time_us;
    uint64_t token;           /* REFUSED, DONE */
    uint64_t agent;           /* OFFER_CANCEL, CONSULT_END: whom */
    uint8_t kind, why, maker; /* maker: who asked, for REFUSED and DONE */
    bool wait;                /* hold until the journal is durable up to seq */
    union {
        struct jn_ix_row row;
        struct jn_agent_row agent_row;
        struct jn_queue_row queue_row;
    };
};

#endif
