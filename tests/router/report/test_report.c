/* The formulas with numbers that can be checked by hand. */
#include "router/report/report.h"

#include <criterion/criterion.h>

static const struct jn_queue_row row = {.offered = 31,
                                        .answered = 27,
                                        .abandoned = 2,
                                        .rejected = 1,
                                        .lost = 0,
                                        .in_target = 24,
                                        .wait_sum_us = 270000000,
                                        .talk_sum_us = 2700000000,
                                        .wrap_sum_us = 540000000};

Test(report, the_total_stands_with_its_formula)
{
    char line[JN_REPORT_LINE_MAX];
    cr_assert_str_eq(jn_report_line(&row, line),
                     "offered 31 = answered 27 + abandoned 2 + rejected 1 + lost 0 + open 1");
}

Test(report, service_level_is_in_target_of_answered_and_abandoned)
{
    cr_assert_eq(jn_report_service_level(&row), 827); /* 24 / 29 */
    cr_assert_eq(jn_report_service_level(&(struct jn_queue_row){.rejected = 3}), -1);
}

Test(report, asa_and_aht_are_per_answered)
{
    cr_assert_eq(jn_report_asa_us(&row), 10000000);
    cr_assert_eq(jn_report_aht_us(&row), 120000000);
    cr_assert_eq(jn_report_aht_us(&(struct jn_queue_row){0}), 0);
}

Test(report, sums_add_up_and_the_oldest_wait_wins)
{
    struct jn_queue_row sum = {.longest_wait_since_us = 500, .offered = 1}, other = row;
    jn_report_add(&sum, &other);
    cr_assert_eq(sum.longest_wait_since_us, 500);
    other.longest_wait_since_us = 400;
    jn_report_add(&sum, &other);
    cr_assert_eq(sum.longest_wait_since_us, 400);
    cr_assert_eq(sum.offered, 63);
    cr_assert_eq(jn_report_open(&sum), 3);
}
