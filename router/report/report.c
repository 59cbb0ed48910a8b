/* Report: formulas over a queue's totals. */
#include "router/report/report.h"

#include <inttypes.h>
#include <stdio.h>

uint64_t jn_report_open(const struct jn_queue_row *q)
{
    uint64_t closed = q->answered + q->abandoned + q->rejected + q->lost;

    return q->offered > closed ? q->offered - closed : 0;
}

const char *jn_report_line(const struct jn_queue_row *q, char out[static JN_REPORT_LINE_MAX])
{
    snprintf(out, JN_REPORT_LINE_MAX,
             "offered %" PRIu64 " = answered %" PRIu64 " + abandoned %" PRIu64 " + rejected %" PRIu64 " + lost %" PRIu64
             " + open %" PRIu64,
             q->offered, q->answered, q->abandoned, q->rejected, q->lost, jn_report_open(q));
    return out;
}

int jn_report_service_level(const struct jn_queue_row *q)
{
    uint64_t of = q->answered + q->abandoned;

    return of ? (int)(q->in_target * 1000 / of) : -1;
}

uint64_t jn_report_asa_us(const struct jn_queue_row *q)
{
    return q->answered ? q->wait_sum_us / q->answered : 0;
}

uint64_t jn_report_aht_us(const struct jn_queue_row *q)
{
    return q->answered ? (q->talk_sum_us + q->wrap_sum_us) / q->answered : 0;
}

void jn_report_add(struct jn_queue_row *sum, const struct jn_queue_row *q)
{
    sum->offered += q->offered;
    sum->answered += q->answered;
    sum->abandoned += q->abandoned;
    sum->rejected += q->rejected;
    sum->lost += q->lost;
    sum->in_target += q->in_target;
    sum->wait_sum_us += q->wait_sum_us;
    sum->talk_sum_us += q->talk_sum_us;
    sum->wrap_sum_us += q->wrap_sum_us;
    sum->transferred += q->transferred;
    sum->out += q->out;
    sum->out_answered += q->out_answered;
    sum->out_talk_sum_us += q->out_talk_sum_us;
    sum->waiting += q->waiting;
    sum->offered_now += q->offered_now;
    sum->talking += q->talking;
    if (q->wait_max_us > sum->wait_max_us)
        sum->wait_max_us = q->wait_max_us;
    if (q->longest_wait_since_us &&
        (!sum->longest_wait_since_us || q->longest_wait_since_us < sum->longest_wait_since_us))
        sum->longest_wait_since_us = q->longest_wait_since_us;
}
