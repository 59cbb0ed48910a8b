/* Walk: one caller's way through flows, as a state machine: what happens comes in, what to do goes out. It knows no
 * clock, no sound and no call; engine/act plays, listens and waits. Flows are looked up anew for each input, so that a
 * centre may be applied while callers are in a menu. */
#ifndef JN_ROUTER_FLOW_WALK_H
#define JN_ROUTER_FLOW_WALK_H

#include "router/flow/flow.h"

enum { JN_WALK_FLOWS_MAX = 16, JN_WALK_REPEATS_MAX = 9 };

enum jn_walk_stage {
    JN_WALK_NOWHERE,
    JN_WALK_CLOSED,
    JN_WALK_GREETING,
    JN_WALK_NOTICE,
    JN_WALK_NOTICE_WAIT, /* heard; the digit to decline may still come */
    JN_WALK_PROMPT,
    JN_WALK_CHOICE, /* the prompt is over, the timeout runs */
    JN_WALK_WRONG,
    JN_WALK_LEFT, /* a queue, or the end */
    JN_WALK_STAGE_N
};
struct jn_walk {
    uint64_t flow; /* where it is */
    uint8_t stage, tries, repeats, flows;
    bool noticed, declined;
    struct jn_flow_go go; /* how it left, for the queue: priority and skills */
};
enum jn_walk_do {
    JN_WALK_NOTHING, /* the input means nothing here */
    JN_WALK_SAY,     /* play `say`, then jn_walk_said */
    JN_WALK_WAIT,    /* nothing to play; jn_walk_timeout after wait_ms */
    JN_WALK_FLOW,    /* find flow `target`, then jn_walk_enter */
    JN_WALK_QUEUE,   /* to queue `target` */
    JN_WALK_END      /* hang up: why is CLOSED or MENU */
};
struct jn_walk_step {
    uint8_t what; /* enum jn_walk_do */
    uint8_t why;
    bool stop;    /* what plays is cut off */
    bool record;  /* recording may begin now, before anything else is done */
    bool noticed; /* the notice was just heard to its end */
    const struct jn_say *say;
    uint32_t wait_ms;
    uint64_t target;
};

/* Begins in f, which must be the flow asked for; open: what its calendar says now. */
struct jn_walk_step jn_walk_enter(struct jn_walk *w, const struct jn_flow *f, bool open);
/* What was said is over (or could not be said). */
struct jn_walk_step jn_walk_said(struct jn_walk *w, const struct jn_flow *f);
struct jn_walk_step jn_walk_timeout(struct jn_walk *w, const struct jn_flow *f);
/* '0'..'9', '*', '#', 'A'..'D'. */
struct jn_walk_step jn_walk_digit(struct jn_walk *w, const struct jn_flow *f, char digit);
/* The index in jn_flow.key of a digit, or -1. */
int jn_walk_key(char digit);

#endif
