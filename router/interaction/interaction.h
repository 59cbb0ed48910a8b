/* Interaction: one call or conversation: its row, whom it wants, where it stands. The lifecycle is the table in
 * interaction.c; everybody who changes a state asks it. */
#ifndef JN_ROUTER_INTERACTION_H
#define JN_ROUTER_INTERACTION_H

#include "engine/base/heap.h"
#include "router/core/event.h"
#include "router/queue/tree.h"

/* TERM: max_wait while queued, the offer's time-out while offered, wrap-up's end in wrap-up. */
enum jn_ix_timer { JN_IX_TERM, JN_IX_PATIENCE, JN_IX_ANNOUNCE, JN_IX_TIMER_N };

struct jn_ix {
    struct jn_ix_row row; /* row.position is filled in when it is told */
    uint64_t serial;
    uint64_t had;          /* the agent who had it last, 0 none */
    uint64_t since_us;     /* connected since; in wrap-up since */
    uint64_t wait_from_us; /* max_wait runs from here: arrival, or when it came back from an agent's hands */
    uint64_t wrap_us;      /* wrap-ups so far */
    uint64_t preferred;
    struct jn_skill skill[4];
    uint8_t skills;
    bool patience;         /* only the preferred agent may take it */
    bool fresh;            /* listed for matching */
    uint32_t queue, agent; /* indices; agent: who is offered it, has it or wraps it up */
    uint32_t consult;      /* index of the agent who is asked, JN_NONE */
    uint32_t line;         /* JN_NONE unless queued */
    uint32_t hand_prev, hand_next;
    struct jn_timer timer[JN_IX_TIMER_N];
};

/* Whether the lifecycle goes from one state to the other. */
bool jn_ix_next_ok(uint8_t from, uint8_t to);
/* States in which an agent is bound, the parties are joined. */
bool jn_ix_held_by_agent(uint8_t state);
bool jn_ix_joined(uint8_t state);
/* An agent calls a number that has not answered yet. */
bool jn_ix_dials(const struct jn_ix_row *row);
/* What it counts as when it ends in that way: answered stays answered, but for a fault of ours (CRASH, MEDIA, BUSY),
 * which is LOST; otherwise CUSTOMER and MENU_LEFT are ABANDONED and the rest REJECTED. */
uint8_t jn_ix_outcome(bool answered, uint8_t why);
/* How a call may end that never came to a queue. */
bool jn_ix_before_queue(uint8_t why);

#endif
