/* Opening hours: weeks, dates, midnight, and the days on which clocks are changed. */
#include "router/flow/calendar.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct jn_calendar *in(const char *zone)
{
    static uint8_t bytes[JN_ZONE_BYTES_MAX];
    struct jn_calendar *c = calloc(1, sizeof *c);
    struct jn_err err = {{0}};
    char path[128];

    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s: package tzdata", path);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    cr_assert_eq(jn_zone_parse(&c->zone, zone, bytes, n, &err), 0, "%s", err.text);
    return c;
}

static void gone(struct jn_calendar *c)
{
    jn_zone_free(c->zone);
    free(c);
}

static int64_t utc(int32_t year, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second)
{
    return (int64_t)jn_days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

Test(calendar, a_working_week)
{
    struct jn_calendar *c = in("Europe/Berlin");

    cr_assert_eq(jn_calendar_add_week(c, "mon-fri 08:00-12:00,13:00-18:00"), 0);
    cr_assert_eq(jn_calendar_add_week(c, "sat 09:30-13:00"), 0);
    /* Monday 2026-01-05, winter: UTC+1 */
    cr_assert_not(jn_calendar_open(c, utc(2026, 1, 5, 6, 59, 59)));
    cr_assert(jn_calendar_open(c, utc(2026, 1, 5, 7, 0, 0)));
    cr_assert(jn_calendar_open(c, utc(2026, 1, 5, 10, 59, 59)));
    cr_assert_not(jn_calendar_open(c, utc(2026, 1, 5, 11, 0, 0)), "the end does not belong to it");
    cr_assert(jn_calendar_open(c, utc(2026, 1, 5, 12, 0, 0)));
    cr_assert_not(jn_calendar_open(c, utc(2026, 1, 5, 17, 0, 0)));
    /* Monday 2026-07-06, summer: UTC+2 */
    cr_assert(jn_calendar_open(c, utc(2026, 7, 6, 6, 0, 0)));
    cr_assert_not(jn_calendar_open(c, utc(2026, 7, 6, 16, 0, 0)));
    cr_assert(jn_calendar_open(c, utc(2026, 1, 10, 8, 30, 0)), "Saturday");
    cr_assert_not(jn_calendar_open(c, utc(2026, 1, 11, 9, 0, 0)), "Sunday");
    gone(c);
}

Test(calendar, the_hour_that_is_not_there_and_the_one_that_is_there_twice)
{
    struct jn_calendar *c = in("Europe/Berlin");

    cr_assert_eq(jn_calendar_add_week(c, "sun 02:15-03:30"), 0);
    /* 2026-03-29 01:00 UTC: 02:00 becomes 03:00. It opens with the jump and closes at 03:30. */
    cr_assert_not(jn_calendar_open(c, utc(2026, 3, 29, 0, 59, 59)));
    cr_assert(jn_calendar_open(c, utc(2026, 3, 29, 1, 0, 0)));
    cr_assert(jn_calendar_open(c, utc(2026, 3, 29, 1, 29, 59)));
    cr_assert_not(jn_calendar_open(c, utc(2026, 3, 29, 1, 30, 0)));
    /* 2026-10-25 01:00 UTC: 03:00 becomes 02:00. 02:15 comes twice; between the two it is 02:00 to 02:15 again. */
    cr_assert(jn_calendar_open(c, utc(2026, 10, 25, 0, 15, 0)));
    cr_assert(jn_calendar_open(c, utc(2026, 10, 25, 0, 59, 59)));
    cr_assert_not(jn_calendar_open(c, utc(2026, 10, 25, 1, 0, 0)));
    cr_assert(jn_calendar_open(c, utc(2026, 10, 25, 1, 15, 0)));
    cr_assert(jn_calendar_open(c, utc(2026, 10, 25, 2, 29, 59)));
    cr_assert_not(jn_calendar_open(c, utc(2026, 10, 25, 2, 30, 0)));
    gone(c);
}

Test(calendar, days_of_23_and_25_hours)
{
    struct jn_calendar *c = in("America/New_York");
    unsigned short_day = 0, long_day = 0;

    cr_assert_eq(jn_calendar_add_week(c, "sun 00:00-24:00"), 0);
    for (int64_t at = utc(2026, 3, 8, 0, 0, 0); at < utc(2026, 3, 10, 0, 0, 0); at += 60)
        short_day += jn_calendar_open(c, at);
    for (int64_t at = utc(2026, 11, 1, 0, 0, 0); at < utc(2026, 11, 3, 0, 0, 0); at += 60)
        long_day += jn_calendar_open(c, at);
    cr_assert_eq(short_day, 23u * 60);
    cr_assert_eq(long_day, 25u * 60);
    gone(c);
}

Test(calendar, over_midnight_and_over_the_weeks_end)
{
    struct jn_calendar *c = in("UTC");

    cr_assert_eq(jn_calendar_add_week(c, "fri-sun 22:00-02:00"), 0);
    cr_assert_not(jn_calendar_open(c, utc(2026, 1, 9, 1, 0, 0)), "Friday at one: Thursday has no night");
    cr_assert(jn_calendar_open(c, utc(2026, 1, 9, 23, 0, 0)));
    cr_assert(jn_calendar_open(c, utc(2026, 1, 10, 1, 59, 59)));
    cr_assert_not(jn_calendar_open(c, utc(2026, 1, 10, 2, 0, 0)));
    cr_assert(jn_calendar_open(c, utc(2026, 1, 12, 1, 0, 0)), "Sunday's night ends on Monday");
    cr_assert_eq(jn_calendar_add_week(c, "sun-mon 10:00-11:00"), 0);
    cr_assert(jn_calendar_open(c, utc(2026, 1, 11, 10, 0, 0)));
    cr_assert(jn_calendar_open(c, utc(2026, 1, 12, 10, 0, 0)));
    cr_assert_not(jn_calendar_open(c, utc(2026, 1, 13, 10, 0, 0)));
    gone(c);
}

Test(calendar, dates_stand_before_the_week)
{
    struct jn_calendar *c = in("Asia/Seoul");

    cr_assert_eq(jn_calendar_add_week(c, "mon-sun 09:00-18:00"), 0);
    cr_assert_eq(jn_calendar_add_dates(c, "2026-12-24..2026-12-26 closed"), 0);
    cr_assert_eq(jn_calendar_add_dates(c, "2026-12-24 06:00-07:00,10:00-12:00"), 0);
    /* Seoul is UTC+9 the whole year */
    cr_assert(jn_calendar_open(c, utc(2026, 12, 23, 0, 0, 0)));
    cr_assert(jn_calendar_open(c, utc(2026, 12, 23, 21, 30, 0)), "the 24th, 06:30: the later entry holds");
    cr_assert_not(jn_calendar_open(c, utc(2026, 12, 24, 0, 30, 0)), "and the week does not");
    cr_assert(jn_calendar_open(c, utc(2026, 12, 24, 2, 0, 0)));
    cr_assert_not(jn_calendar_open(c, utc(2026, 12, 25, 3, 0, 0)));
    cr_assert_not(jn_calendar_open(c, utc(2026, 12, 26, 3, 0, 0)));
    cr_assert(jn_calendar_open(c, utc(2026, 12, 27, 3, 0, 0)));
    cr_assert_not(jn_calendar_open(c, utc(2026, 12, 25, 14, 59, 59)), "the last second of the 25th there");
    gone(c);
}

Test(calendar, texts_that_mean_nothing)
{
    static const char *const weeks[] = {"",
                                        "mon",
                                        "mon ",
                                        "mon 8:00-9:00",
                                        "mon 08:00",
                                        "mon 08:00-08:00",
                                        "mon 24:00-25:00",
                                        "mon 08:60-09:00",
                                        "mon 08:00-24:01",
                                        "mon 08:00-09:00,",
                                        "mon 08:00-09:00 ",
                                        "Mon 08:00-09:00",
                                        "mon-xyz 08:00-09:00",
                                        "mon, 08:00-09:00",
                                        "mon-fri08:00-09:00"};
    static const char *const dates[] = {"",
                                        "closed",
                                        "2026-12-25",
                                        "2026-02-30 closed",
                                        "2026-13-01 closed",
                                        "2026-00-01 closed",
                                        "2025-02-29 closed",
                                        "26-12-25 closed",
                                        "2026-12-25 Closed",
                                        "2026-12-25..2026-12-24 closed",
                                        "2026-12-25.2026-12-26 closed",
                                        "2026-12-25 22:00-02:00",
                                        "2026-12-25 08:00-09:00,"};
    struct jn_calendar *c = in("UTC");

    for (unsigned i = 0; i < sizeof weeks / sizeof *weeks; i++)
        cr_expect_eq(jn_calendar_add_week(c, weeks[i]), -EINVAL, "\"%s\"", weeks[i]);
    for (unsigned i = 0; i < sizeof dates / sizeof *dates; i++)
        cr_expect_eq(jn_calendar_add_dates(c, dates[i]), -EINVAL, "\"%s\"", dates[i]);
    cr_assert_eq(c->n_dates, 0u);
    cr_assert_eq(jn_calendar_add_dates(c, "2024-02-29 closed"), 0, "a leap day is a day");
    int rc = 0;
    for (unsigned i = 0; i < 20 && !rc; i++)
        rc = jn_calendar_add_week(c, "mon-sun 00:00-24:00");
    cr_assert_eq(rc, -E2BIG);
    rc = 0;
    for (unsigned i = 0; i < JN_DATES_MAX && !rc; i++)
        rc = jn_calendar_add_dates(c, "2026-01-01 closed");
    cr_assert_eq(rc, -E2BIG);
    cr_assert_eq(jn_calendar_add_dates(c, "2026-01-01 01:00-02:00,03:00-04:00,05:00-06:00,07:00-08:00,09:00-10:00"),
                 -E2BIG);
    gone(c);
}
