/* Oracle: the router again, written from the sentences of router/match/match.h and router/core with plain arrays and
 * loops over everything. It shares no code with the router but the event and row types. */
#ifndef JN_TEST_ORACLE_H
#define JN_TEST_ORACLE_H

#include "router/core/command.h"
#include "router/core/event.h"

enum { ORACLE_AGENTS = 10, ORACLE_QUEUES = 6, ORACLE_TENANTS = 3, ORACLE_IXS = 40, ORACLE_OUT = 8192 };
#define ORACLE_NEVER UINT64_MAX

struct oracle_ix {
    struct jn_ix_row row;
    uint64_t serial, had, since, wrap, preferred, patience, term, announce, wait_from;
    struct jn_skill skill[4];
    unsigned skills;
};
struct oracle_agent {
    struct jn_ev_agent set;
    uint64_t tenant, serial, mark, since, back_off;
    char reason[JN_REASON_MAX];
    unsigned presence, no_answers;
    bool after;
    struct jn_agent_row told;
    bool was_told;
};
struct oracle_queue {
    struct jn_ev_queue set;
    uint64_t tenant, serial, told_at, timer, wait_max;
    struct jn_queue_row done; /* sums over closed ones, and what was transferred */
    struct jn_queue_row last; /* at the end of the last step */
    bool was_told;
};
struct oracle {
    uint64_t now, until, seq, serial, order, mark;
    bool draining;
    unsigned max_ixs;
    struct oracle_ix ix[ORACLE_IXS]; /* id 0: free */
    struct oracle_agent agent[ORACLE_AGENTS];
    struct oracle_queue queue[ORACLE_QUEUES];
    uint64_t tenant[ORACLE_TENANTS];
    uint64_t *closed, *closed_tenant; /* every id ever */
    unsigned n_closed, cap_closed;
    struct jn_ix_row about;
    bool has_about;
    struct jn_command out[ORACLE_OUT];
    unsigned n_out;
};

void oracle_init(struct oracle *o, unsigned max_ixs);
void oracle_free(struct oracle *o);
/* Its commands are then in out. */
void oracle_apply(struct oracle *o, const struct jn_event *ev);
uint64_t oracle_next_us(const struct oracle *o);

#endif
