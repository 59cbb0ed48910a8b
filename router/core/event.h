/* Event: everything the router is ever told. Fixed size, integers and short names only, so that the journal replays it
 * bit for bit. router/journal encodes it; the router stamps time_us and seq when it takes it. */
#ifndef JN_ROUTER_EVENT_H
#define JN_ROUTER_EVENT_H

#include "router/core/types.h"

enum jn_event_kind {
    JN_EV_NONE,
    JN_EV_START, /* the process started: calls of an earlier run are lost, offered chats go back to their place */
    JN_EV_TICK,  /* time passed; fires what is due */
    JN_EV_DRAIN, /* on: new voice and chat interactions are refused with JN_WHY_DRAINING */
    /* directory: put creates or changes, and never moves waiting interactions; del closes what is left inside as
       rejected */
    JN_EV_TENANT_PUT,
    JN_EV_TENANT_DEL,
    JN_EV_QUEUE_PUT,
    JN_EV_QUEUE_DEL,
    JN_EV_AGENT_PUT,
    JN_EV_AGENT_DEL,
    /* agents */
    JN_EV_LOGIN,  /* to not ready (reason "login") unless already logged in */
    JN_EV_LOGOUT, /* offers go back; connected interactions stay until they end */
    JN_EV_READY,
    JN_EV_NOT_READY, /* reason; connected interactions go on; open offers go back to their place */
    /* interactions */
    /* Idempotent by ix id: a second one is refused as duplicate and changes nothing. why CUSTOMER: answered and
     * greeted, but gone before it could wait; counts as offered and abandoned, nobody is offered it. Queue 0 (with a
     * why that jn_ix_before_queue knows): it ended before any queue; a record, in no queue's figures. */
    JN_EV_ARRIVE,
    JN_EV_ACCEPT, /* the agent (agent) takes the offer */
    JN_EV_REFUSE, /* the offer failed, why says how: AGENT, NO_ANSWER, PHONE_BUSY, PHONE_REJECT, UNREACHABLE */
    JN_EV_HOLD,
    JN_EV_RESUME,
    JN_EV_REQUEUE, /* the agent gives it to queue (why TRANSFER) or the engine puts it back in place (any other why) */
    JN_EV_CUSTOMER_LEFT, /* abandoned when no agent had it, ended when one has */
    JN_EV_END,           /* the agent or the engine ends it (why) */
    JN_EV_WRAP_DONE,     /* the agent finished wrap-up early */
    /* calls that move (voice; since logic 2) */
    /* The agent calls a number in the queue's name: an interaction of direction OUT, in the agent's hands at once and
     * offered to nobody else. The agent is logged in and has nothing in hand. ACCEPT: the number answered. REFUSE,
     * END: nobody did, why says how. Draining refuses it. Idempotent like ARRIVE. */
    JN_EV_CALL_OUT,
    JN_EV_TRANSFER, /* blind, to agent `to`, who is ready and has room: else BUSY. Not taken: it waits at its old place
                     */
    JN_EV_CONSULT,  /* reserves agent `to`, or (to 0) the one whom queue's policy takes, who is logged in and has
                       nothing in hand: else BUSY. The customer's agent stays agent */
    JN_EV_CONSULT_END, /* the asked one is free again; agent 0: the engine says so */
    JN_EV_HANDOVER,    /* the asked one becomes the agent */
    JN_EV_LEAVE, /* the agent leaves, the customer goes on with a number outside. REQUEUE (why not TRANSFER) puts it
                    back into its queue when that fails */
    JN_EV_KIND_N
};

struct jn_ev_queue {
    uint64_t id;
    struct jn_skill skill[JN_SKILLS_MAX];
    uint32_t target_ms;        /* service-level target */
    uint32_t offer_timeout_ms; /* redirect on no answer after that */
    uint32_t wrap_up_ms;
    uint32_t max_wait_ms; /* 0: no bound */
    uint32_t max_waiting; /* 0: only the router's own bound */
    uint32_t prefer_ms;   /* how long a preferred agent is waited for before anybody may take it */
    uint32_t announce_ms; /* a JN_CMD_POSITION that often while it waits; 0 never */
    uint16_t weight;      /* in the one rule for freed agents: larger is sooner; 1..1000 */
    uint8_t skills, priority /* default for arrivals, 0..9, larger is sooner */, policy, channel_mask;
};
struct jn_ev_agent {
    uint64_t id;
    struct jn_skill skill[JN_SKILLS_MAX];
    uint64_t serves[JN_SERVES_MAX]; /* further tenants, whose queues it serves as those of its own */
    uint8_t n_serves;
    uint8_t skills;
    uint8_t capacity[JN_CH_N]; /* how many at once; voice 0 or 1. While on a call no chats are offered, and the other
                                  way round */
    uint8_t max_no_answer;     /* set not ready (reason "no_answer") after that many in a row; 0 never */
};
struct jn_ev_arrive {
    uint64_t ix, queue, preferred;     /* preferred agent, 0 none */
    struct jn_skill skill[4];          /* wanted beyond the queue's */
    uint8_t skills, channel, priority; /* priority 255: the queue's */
};

struct jn_event {
    uint64_t time_us, seq; /* stamped by the router's thread */
    uint64_t tenant;       /* whose; an id of another tenant is refused as unknown */
    uint64_t token;        /* the sender's, comes back in JN_CMD_REFUSED and JN_CMD_DONE; 0: wants no answer */
    uint8_t kind;          /* enum jn_event_kind */
    uint8_t why;           /* enum jn_why */
    uint8_t maker;         /* enum jn_maker: who sent it and gets the answer */
    union {
        struct {
            uint32_t weight;
        } tenant_put;
        struct jn_ev_queue queue;
        struct jn_ev_agent agent;
        struct jn_ev_arrive arrive;
        struct {
            bool on;
        } drain;
        struct {
            uint64_t agent;
            char reason[JN_REASON_MAX];
        } who; /* LOGIN LOGOUT READY NOT_READY AGENT_DEL */
        struct {
            uint64_t ix, agent, queue, to;
        } ix; /* ACCEPT REFUSE HOLD RESUME REQUEUE CUSTOMER_LEFT END WRAP_DONE, CALL_OUT and what follows it; QUEUE_DEL
                 uses queue */
    };
};

/* Threads that send events. */
enum jn_maker { JN_MAKER_ROUTER, JN_MAKER_SIP, JN_MAKER_API, JN_MAKER_APP, JN_MAKER_N };

#endif
