#include "media/dtmf/rfc4733.h"
#include <criterion/criterion.h>
#include <errno.h>

TestSuite(rfc4733, .timeout = 5);

static char take(struct jn_dtmf_in *d, uint32_t ts, char digit, bool end, uint16_t duration)
{
    uint8_t p[4];
    uint16_t got;
    cr_assert_eq(jn_dtmf_build(p, digit, end, 10, duration), 0);
    char c = jn_dtmf_take(d, ts, p, 4, &got);
    cr_assert_eq(got, duration);
    return c;
}

Test(rfc4733, a_press_of_many_packets_is_one_digit)
{
    struct jn_dtmf_in d = {0};
    cr_assert_eq(take(&d, 5000, '7', false, 160), '7');
    for (unsigned i = 2; i < 10; i++)
        cr_assert_eq(take(&d, 5000, '7', false, (uint16_t)(i * 160)), 0);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(take(&d, 5000, '7', true, 1600), 0);
    cr_assert_eq(take(&d, 8000, '7', false, 160), '7', "the same key again");
}

Test(rfc4733, only_the_end_packets_arriving_is_enough)
{
    struct jn_dtmf_in d = {0};
    cr_assert_eq(take(&d, 0, '#', true, 1600), '#');
    cr_assert_eq(take(&d, 0, '#', true, 1600), 0);
    cr_assert_eq(take(&d, 4000, '*', true, 1600), '*');
    cr_assert_eq(take(&d, 0, '#', true, 1600), 0, "late repeat of the one before");
    cr_assert_eq(take(&d, 4000, '*', true, 1600), 0);
}

Test(rfc4733, a_press_longer_than_a_segment_is_still_one)
{
    struct jn_dtmf_in d = {0};
    cr_assert_eq(take(&d, 1000, '5', false, 160), '5');
    cr_assert_eq(take(&d, 1000, '5', false, 0xffff), 0);
    cr_assert_eq(take(&d, 1000 + 0xffff, '5', false, 160), 0);
    cr_assert_eq(take(&d, 1000 + 0xffff, '5', true, 400), 0);
}

Test(rfc4733, all_sixteen_go_there_and_back_and_no_other)
{
    for (const char *p = "0123456789*#ABCD"; *p != 0; p++) {
        struct jn_dtmf_in d = {0};
        cr_assert_eq(take(&d, 1, *p, false, 160), *p);
    }
    uint8_t out[4];
    for (const char *p = "EaF x"; *p != 0; p++)
        cr_assert_eq(jn_dtmf_build(out, *p, false, 0, 0), -EINVAL);
    cr_assert_eq(jn_dtmf_build(out, 0, false, 0, 0), -EINVAL);
}

Test(rfc4733, short_payloads_and_other_events_are_nothing)
{
    struct jn_dtmf_in d = {0};
    uint8_t p[4] = {16, 0, 0, 160};
    uint16_t dur;
    cr_assert_eq(jn_dtmf_take(&d, 1, p, 4, &dur), 0);
    p[0] = 1;
    for (size_t n = 0; n < 4; n++)
        cr_assert_eq(jn_dtmf_take(&d, 1, p, n, &dur), 0);
    cr_assert_eq(jn_dtmf_take(&d, 1, p, 4, &dur), '1');
}
