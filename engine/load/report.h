/* Report: what was measured, as a table for people and as JSON for machines, and whether it is good enough. */
#ifndef JN_LOAD_REPORT_H
#define JN_LOAD_REPORT_H

#include "engine/base/str.h"
#include "engine/load/run.h"
#include <stdio.h>

enum { JN_LOAD_REASONS = 12, JN_LOAD_REASON = 160 };

/* What must hold; negative: not asked. Loss in percent of the sound (of the packets where no voice was heard), MOS the
 * mean over legs, both at the worse side; failed: calls (and chats); delay: the 99th percentile, ms; late: of the
 * generator itself, the 99th percentile in ms, above which nothing that it says is to be believed. */
struct jn_load_limits {
    double max_loss, min_mos, max_failed, max_delay_ms, max_late_ms;
};
/* valid: the generator was up to it. pass: valid, and every limit holds. */
struct jn_load_verdict {
    bool valid, pass;
    unsigned reasons;
    char reason[JN_LOAD_REASONS][JN_LOAD_REASON];
};
/* A figure over the repetitions: mean, and half the width of its 95 % confidence interval (Student's t), 0 where there
 * is one only. */
struct jn_load_figure {
    double mean, half;
    unsigned n;
};
struct jn_load_figure jn_load_figure(const double *v, unsigned n);
double jn_load_loss_percent(const struct jn_load_heard *h);
double jn_load_mos(const struct jn_load_heard *h);
void jn_load_judge(struct jn_load_verdict *v, const struct jn_load_plan *plan, const struct jn_load_limits *limits,
                   const struct jn_load_result *r, unsigned n);
void jn_load_table(FILE *to, const struct jn_load_plan *plan, const struct jn_load_result *r, unsigned n,
                   const struct jn_load_verdict *v);
/* configuration: a JSON object, as it was asked for. */
void jn_load_json(struct jn_buf *out, const struct jn_load_plan *plan, const char *configuration,
                  const struct jn_load_limits *limits, const struct jn_load_result *r, unsigned n,
                  const struct jn_load_verdict *v);

/* The machine: what /proc and /sys say, "?" where they do not. */
struct jn_load_machine {
    char cpu[96], governor[32], kernel[128], build[64];
    unsigned cores;
};
void jn_load_machine(struct jn_load_machine *m);

#endif
