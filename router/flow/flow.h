/* Flow: what a caller goes through before a queue, as configured: opening hours, greeting, recording notice, a menu of
 * one digit. Plain data; walk.h goes through it. */
#ifndef JN_ROUTER_FLOW_FLOW_H
#define JN_ROUTER_FLOW_FLOW_H

#include "router/core/types.h"

enum { JN_SAY_MAX = 6, JN_SAY_NAME_MAX = 64, JN_FLOW_KEYS = 12, JN_FLOW_SKILLS = 4, JN_FLOW_NUMBER_MAX = 32 };

/* Sounds by name, one after the other. */
struct jn_say {
    char sound[JN_SAY_MAX][JN_SAY_NAME_MAX];
    uint8_t n;
};
enum jn_go { JN_GO_HANGUP, JN_GO_QUEUE, JN_GO_FLOW, JN_GO_REPEAT, JN_GO_N };
/* Where to, and what the queue hears of it. priority 255: the queue's own. */
struct jn_flow_go {
    uint64_t target; /* id of a queue or flow */
    struct jn_skill skill[JN_FLOW_SKILLS];
    uint8_t go, priority, skills;
};
enum jn_notice_record {
    JN_NOTICE_WITH, /* recording begins with the notice */
    JN_NOTICE_AFTER /* it begins once the notice was heard and nobody declined */
};
struct jn_flow {
    uint64_t id, tenant;
    char name[JN_NAME_MAX];
    char number[JN_FLOW_NUMBER_MAX]; /* user part that callers dial; empty: reached by the numbering plan or a menu */
    uint64_t hours;                  /* calendar, 0: always open */
    struct jn_say closed;
    struct jn_flow_go closed_go;
    struct jn_say greeting;
    struct {
        struct jn_say say; /* n 0: there is no notice */
        uint8_t record;    /* enum jn_notice_record */
        char decline;      /* the digit that refuses recording, 0 none */
        uint32_t wait_ms;  /* how long after the notice it may still be pressed */
    } notice;
    bool menu;
    struct jn_say prompt, wrong;
    uint16_t keys; /* bit n: key[n] is a choice; 0..9, 10 is *, 11 is # */
    struct jn_flow_go key[JN_FLOW_KEYS];
    uint32_t timeout_ms;  /* after the prompt */
    uint8_t retries;      /* how often it is asked again */
    struct jn_flow_go go; /* where to without a menu, or when nothing was chosen */
};

#endif
