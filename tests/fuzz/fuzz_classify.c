/* LINK: jn_router */
/* First line: a rule's pattern; the rest: a message. A bad pattern is refused with a reason; a good one scans any
 * bytes, the same way each time. */
#include "router/classify/classify.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jn_scratch *scratch;
    struct jn_dir_rule rule = {.tenant = 1, .weight = 5, .priority = 255, .intent = "x"};
    const uint8_t *end = memchr(data, '\n', size);
    size_t n = end ? (size_t)(end - data) : size;
    struct jn_rule_fault fault;
    struct jn_rules *rules;
    struct jn_verdict a, b;
    unsigned faults = 0;

    if (!scratch)
        scratch = jn_scratch_new();
    if (!scratch || n >= sizeof rule.pattern || memchr(data, 0, n))
        return 0;
    memcpy(rule.pattern, data, n);
    if (jn_rules_compile(&rules, &rule, 1, &fault, 1, &faults)) {
        if (rules || faults > 1 || (faults && (fault.index || !fault.why[0])))
            abort();
        return 0;
    }
    if (end) {
        const char *text = (const char *)end + 1;
        int first = jn_classify(rules, scratch, 1, text, size - n - 1, &a);
        int second = jn_classify(rules, scratch, 1, text, size - n - 1, &b);

        if (first != second || a.matches != b.matches || a.matches > 1 || a.weight != a.matches * 5)
            abort();
    }
    jn_rules_unref(rules);
    return 0;
}
