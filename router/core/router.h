/* Router: the deterministic state machine. Events in, commands out; no clock, no thread, no file. The same events from
 * the same start give the same commands, bit for bit, which is what recovery, replay and the audit trail rest on. */
#ifndef JN_ROUTER_ROUTER_H
#define JN_ROUTER_ROUTER_H

#include "engine/base/err.h"
#include "engine/base/str.h"
#include "router/core/command.h"
#include "router/core/event.h"

/* Bounds, fixed at start; a full table refuses with JN_WHY_BUSY. */
struct jn_router_limits {
    uint32_t agents, queues, tenants, interactions;
};

struct jn_router;

/* emit is called for every command, in order, inside jn_router_apply; it must not call the router. arg is borrowed. */
struct jn_router *jn_router_new(const struct jn_router_limits *l, void (*emit)(void *arg, const struct jn_command *c),
                                void *arg);
void jn_router_free(struct jn_router *r);

/* Takes one event. Timers due by ev->time_us fire first, by (deadline, id), each at its own deadline; after each of
 * them and after the event comes matching (router/match/match.h), then the rows of the agents that changed, then those
 * of the queues, each by id. What JN_EV_START ends comes even before due timers: they ran down while nobody was there.
 * ev->time_us below the last one counts as the last one. */
void jn_router_apply(struct jn_router *r, const struct jn_event *ev);
/* When the next timer is due (engine time, us), UINT64_MAX if none: the loop then sends a JN_EV_TICK. */
uint64_t jn_router_next_us(const struct jn_router *r);
/* Sequence number of the last event taken. */
uint64_t jn_router_seq(const struct jn_router *r);

/* From now on every offer that matching makes is explained to watch, just before it is made; NULL ends that. No event
 * and no change. */
struct jn_explanation; /* router/match/explain.h */
void jn_router_watch(struct jn_router *r, void (*watch)(void *arg, const struct jn_explanation *e), void *arg);

/* Emits the row of every agent, queue and open interaction (JN_CMD_AGENT, _QUEUE, _RECORD), so that a reader who lost
 * its view has it again. No event and no change: the command hash does not see it. */
void jn_router_emit_all(struct jn_router *r);

/* The whole state as bytes (versioned, CRC by the file's writer), and back into a fresh router. Load refuses damaged
 * bytes with -EBADMSG and a reason. A loaded router goes on exactly as the saved one would. */
int jn_router_save(const struct jn_router *r, struct jn_buf *out);
int jn_router_load(struct jn_router *r, const void *bytes, size_t n, struct jn_err *err);
/* Whether the bytes were saved in today's format, so that a replay must come to the same state. */
bool jn_router_saved_now(const void *bytes, size_t n);
/* A 64-bit digest of the whole state, and a running one of all commands emitted since new or load. */
uint64_t jn_router_state_hash(const struct jn_router *r);
uint64_t jn_router_command_hash(const struct jn_router *r);

/* Looks at every invariant (no agent over capacity, nothing with two agents, counts add up, nobody eligible idles while
 * work waits ...). 0, or -EFAULT with the first one broken. For tests and the sweeper. */
int jn_router_check(const struct jn_router *r, struct jn_err *err);

#endif
