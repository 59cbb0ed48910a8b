/* Private: what compile.c makes and scan.c reads. */
#ifndef JN_ROUTER_CLASSIFY_PRIVATE_H
#define JN_ROUTER_CLASSIFY_PRIVATE_H

#include "router/classify/classify.h"
#include <hs.h>

#define JN_NO_INTENT UINT32_MAX
enum { JN_PATTERN_MAX = 1024 };

/* What a matching rule says; position in the set is Hyperscan's id. */
struct rule {
    char label[JN_NAME_MAX], language[8];
    uint64_t queue;
    uint32_t intent; /* index into the set's intents */
    uint16_t weight;
    uint8_t priority;
};
/* One tenant's. */
struct rule_set {
    uint64_t tenant;
    hs_database_t *db;
    struct rule *rules;
    char (*intents)[JN_NAME_MAX]; /* in order of their first rule */
    uint32_t n, n_intents;
};
struct jn_rules {
    _Atomic uint32_t refs;
    uint64_t serial; /* never given twice, so that a scratch knows whether it fits */
    struct rule_set *sets;
    uint32_t n_sets, most_rules;
    struct jn_map by_tenant;
    hs_scratch_t *model; /* large enough for every set; cloned, never scanned with */
};
struct jn_scratch {
    hs_scratch_t *hs;
    uint64_t serial;
    uint64_t *hit; /* one bit a rule */
    uint32_t *sum; /* one an intent */
    uint32_t words;
};

/* Turns a rule's pattern into what Hyperscan is given: out (JN_PATTERN_MAX bytes) and flags. 0, or -EINVAL with why. */
int jn_pattern_prepare(char *out, unsigned *flags, const char *pattern, char why[200]);

#endif
