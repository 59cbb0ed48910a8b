/* Classify: one Hyperscan scan of a message gives intent, queue, priority, language and labels by the tenant's rules.
 * Rules are immutable once compiled and shared by reference; each scanning thread has a scratch of its own. To change
 * them under way: compile the new ones, hand a reference to the scanning thread, which goes on with those from its next
 * message and drops the old ones.
 *
 * What several matching rules say together: the intent with the largest sum of weights wins (equal sums: the one whose
 * first rule stands first). Queue and language come from the heaviest matching rule that names one, rules of the
 * winning intent before all others (equal weights: the first). Priority is the largest that any of them sets. Labels
 * are the distinct ones in the order of their rules, at most four.
 *
 * Patterns are Hyperscan's regular expressions, without regard to case. \b knows only ASCII letters in a pattern that
 * is ASCII throughout; in others it stands for the border of a word of any script, at the start or the end of an
 * alternative only. */
#ifndef JN_ROUTER_CLASSIFY_H
#define JN_ROUTER_CLASSIFY_H

#include "engine/base/err.h"
#include "router/directory/directory.h"

struct jn_rules;   /* compiled rules of all tenants */
struct jn_scratch; /* one thread's */

enum { JN_RULES_TENANT_MAX = 20000, JN_CLASSIFY_BYTES = 8192 };

struct jn_verdict {
    char intent[JN_NAME_MAX]; /* empty: none matched */
    char language[8];         /* empty: unknown */
    char label[4][JN_NAME_MAX];
    uint64_t queue; /* 0: no rule named one */
    uint32_t matches;
    uint16_t weight;          /* sum of the winning intent's rules */
    uint8_t labels, priority; /* 255: no rule set one */
};
/* Where a rule is bad: its index in what was given, and why in words. */
struct jn_rule_fault {
    uint32_t index;
    char why[200];
};
/* Compiles. 0; -EINVAL with up to max faults filled and *n_faults how many. Nothing half made is kept. */
int jn_rules_compile(struct jn_rules **out, const struct jn_dir_rule *rules, uint32_t n, struct jn_rule_fault *faults,
                     unsigned max, unsigned *n_faults);
struct jn_rules *jn_rules_ref(struct jn_rules *r);
void jn_rules_unref(struct jn_rules *r);
/* Compares the scanner against plain search on a fixed corpus; -EFAULT with the reason when they differ: do not start
 * then. */
int jn_classify_self_test(struct jn_err *err);

struct jn_scratch *jn_scratch_new(void);
void jn_scratch_free(struct jn_scratch *s);
/* Scans n bytes of UTF-8 (longer than JN_CLASSIFY_BYTES: whole characters of the first
 * so many) by the tenant's rules. 0, -EINVAL (not UTF-8), -ENOMEM. No
 * rules: an empty verdict. */
int jn_classify(const struct jn_rules *r, struct jn_scratch *s, uint64_t tenant, const char *text, size_t n,
                struct jn_verdict *out);

#endif
