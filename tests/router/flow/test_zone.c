/* Time zones of the system's database, against the C library's: every offset of a century and a half, on both sides of
 * each change. */
#include "router/flow/zone.h"
#include "router/flow/zone_private.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

TestSuite(zone, .timeout = 60);

static struct jn_zone *load(const char *name)
{
    static uint8_t bytes[JN_ZONE_BYTES_MAX];
    char path[128];
    struct jn_err err = {{0}};
    struct jn_zone *z = NULL;

    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s: package tzdata", path);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    cr_assert_eq(jn_zone_parse(&z, name, bytes, n, &err), 0, "%s: %s", name, err.text);
    cr_assert_str_eq(jn_zone_name(z), name);
    return z;
}

static long library(int64_t at)
{
    time_t t = (time_t)at;
    struct tm tm;

    localtime_r(&t, &tm);
    return tm.tm_gmtoff;
}

Test(zone, offsets_are_those_of_the_c_library)
{
    static const char *const names[] = {
        "Europe/Berlin",    "America/New_York",  "Asia/Kolkata",      "Australia/Lord_Howe", "America/St_Johns",
        "Pacific/Chatham",  "Europe/Dublin",     "Africa/Casablanca", "America/Nuuk",        "Asia/Gaza",
        "Antarctica/Troll", "America/Sao_Paulo", "Asia/Seoul",        "Pacific/Apia",        "UTC"};
    enum { STEP = 11 * 3600 + 17 };
    const int64_t from = -1500000000, to = 4102444800; /* 1922 to 2100 */

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        struct jn_zone *z = load(names[i]);
        setenv("TZ", names[i], 1);
        tzset();
        long before = library(from);
        unsigned changes = 0;
        for (int64_t at = from; at < to; at += STEP) {
            long is = library(at);
            cr_assert_eq(jn_zone_offset(z, at), is, "%s at %lld: %d, not %ld", names[i], (long long)at,
                         jn_zone_offset(z, at), is);
            if (is == before)
                continue;
            int64_t low = at - STEP, high = at; /* the last second of the old offset, the first of the new one */
            while (high - low > 1) {
                int64_t mid = low + (high - low) / 2;
                if (library(mid) == before)
                    low = mid;
                else
                    high = mid;
            }
            cr_assert_eq(jn_zone_offset(z, low), library(low), "%s: a second before its change", names[i]);
            cr_assert_eq(jn_zone_offset(z, high), library(high), "%s: at its change", names[i]);
            before = is;
            changes++;
        }
        cr_assert(changes > 0 || i + 1 == sizeof names / sizeof *names, "%s never changed", names[i]);
        jn_zone_free(z);
    }
}

Test(zone, dates_and_days_are_each_others_way_back)
{
    int32_t year;
    unsigned month, day;

    cr_assert_eq(jn_days_of(1970, 1, 1), 0);
    cr_assert_eq(jn_days_of(2000, 3, 1), 11017);
    cr_assert_eq(jn_days_of(2026, 11, 23), 20780);
    for (int32_t d = -200000; d < 200000; d++) {
        jn_date_of(d, &year, &month, &day);
        cr_assert_eq(jn_days_of(year, month, day), d);
    }
}

Test(zone, rules_in_every_form)
{
    struct jn_zone_rule r;
    static const char *const good[] = {"UTC0",       "<+0330>-3:30",    "EST5EDT,M3.2.0,M11.1.0",
                                       "A1B",        "ABC1DEF,J60,300", "IST-1GMT0,M10.5.0,M3.5.0/1",
                                       "QQQ-3:00:01"};
    static const char *const bad[] = {"",
                                      "UT0",
                                      "UTC",
                                      "UTC200",
                                      "CET-1CEST",
                                      "CET-1CEST,",
                                      "A1B,M3.2.0",
                                      "CET-1CEST,M13.1.0,M10.5.0",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-1CEST,M3.5.7,M10.5.0",
                                      "CET-1CEST,J0,J300",
                                      "CET-1CEST,M3.5.0,M10.5.0x",
                                      "<+03-3",
                                      "CET-1:60"};

    for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
        if (strcmp(good[i], "A1B")) /* names have three letters */
            cr_expect(jn_zone_rule_parse(&r, good[i], strlen(good[i])), "%s", good[i]);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(jn_zone_rule_parse(&r, bad[i], strlen(bad[i])), "%s", bad[i]);
    /* J60 is March 1 in every year, also in a leap year; N-days count February 29. */
    cr_assert(jn_zone_rule_parse(&r, "ABC0DEF,J60/0,J61/0", 19));
    cr_assert_eq(jn_zone_rule_offset(&r, (int64_t)jn_days_of(2024, 3, 1) * 86400), 3600);
    cr_assert_eq(jn_zone_rule_offset(&r, (int64_t)jn_days_of(2024, 2, 29) * 86400), 0);
    cr_assert_eq(jn_zone_rule_offset(&r, (int64_t)jn_days_of(2023, 3, 1) * 86400), 3600);
    cr_assert(jn_zone_rule_parse(&r, "ABC0DEF,59/0,60/0", 17));
    cr_assert_eq(jn_zone_rule_offset(&r, (int64_t)jn_days_of(2024, 2, 29) * 86400), 3600);
}

Test(zone, damaged_files_are_refused)
{
    static uint8_t bytes[JN_ZONE_BYTES_MAX], bent[JN_ZONE_BYTES_MAX];
    struct jn_err err;
    struct jn_zone *z;
    FILE *f = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");

    cr_assert_not_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t cut = 0; cut < n; cut++) {
        cr_assert_neq(jn_zone_parse(&z, "x", bytes, cut, &err), 0, "cut after %zu of %zu bytes", cut, n);
        cr_assert_null(z);
    }
    for (size_t i = 0; i < n; i++) { /* any byte wrong: refused, or a zone whose offsets are in range */
        memcpy(bent, bytes, n);
        bent[i] ^= 0xff;
        if (jn_zone_parse(&z, "x", bent, n, &err))
            continue;
        int32_t offset = jn_zone_offset(z, 1700000000);
        cr_assert(offset > -200 * 3600 && offset < 200 * 3600);
        jn_zone_free(z);
    }
}
