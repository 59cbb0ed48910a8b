/* Report: the few formulas that every report, page and metric shares, from a queue's totals. Pure. */
#ifndef JN_ROUTER_REPORT_H
#define JN_ROUTER_REPORT_H

#include "router/core/types.h"

enum { JN_REPORT_LINE_MAX = 192 };

/* offered - answered - abandoned - rejected - lost; 0 when the others are more, which no router says. */
uint64_t jn_report_open(const struct jn_queue_row *q);
/* "offered 30 = answered 27 + abandoned 2 + rejected 1 + lost 0 + open 0"; returns out. */
const char *jn_report_line(const struct jn_queue_row *q, char out[static JN_REPORT_LINE_MAX]);
/* Service level in 1/1000: answered within the target / (answered + abandoned), rounded down; -1 when nobody was
 * answered or abandoned. Rejected and lost ones were no choice of the customer's and stay out. */
int jn_report_service_level(const struct jn_queue_row *q);
/* Average speed of answer: wait of the answered / answered. 0 without any. */
uint64_t jn_report_asa_us(const struct jn_queue_row *q);
/* Average handling time: (talk + wrap-up) / answered. 0 without any. Those still talking count with what they had
 * before a transfer. */
uint64_t jn_report_aht_us(const struct jn_queue_row *q);
/* Adds one queue's totals to a sum over queues (ids and channel_mask stay; longest waits take the larger). */
void jn_report_add(struct jn_queue_row *sum, const struct jn_queue_row *q);

#endif
