/* LINK: jn_router */
/* Any bytes as a time zone's file: a zone whose offsets are those of a planet, or refused with a reason. The same bytes
 * as texts of opening hours: within their day, or refused. */
#include "router/flow/calendar.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void calendar(const char *text)
{
    static struct jn_calendar c;

    memset(&c, 0, sizeof c);
    jn_calendar_add_week(&c, text);
    jn_calendar_add_dates(&c, text);
    for (unsigned i = 0; i < c.n_week; i++)
        if (c.week[i].day > 6 || c.week[i].span.from_min >= c.week[i].span.to_min ||
            c.week[i].span.to_min > JN_DAY_MINUTES)
            abort();
    for (unsigned i = 0; i < c.n_dates; i++)
        if (c.dates[i].last < c.dates[i].first || c.dates[i].spans > JN_DATE_SPANS)
            abort();
    jn_calendar_open(&c, 1700000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t times[] = {-10000000000, -1, 0, 1700000000, 4102444800, 253402300800};
    struct jn_zone *z = NULL;
    struct jn_err err = {{0}};
    char text[200];
    int rc = jn_zone_parse(&z, "fuzz", data, size, &err);

    if ((rc < 0) != (err.text[0] != 0) || (rc < 0) == (z != NULL))
        abort();
    for (unsigned i = 0; z && i < sizeof times / sizeof *times; i++)
        if (abs(jn_zone_offset(z, times[i])) > 200 * 3600)
            abort();
    jn_zone_free(z);
    size_t n = size < sizeof text - 1 ? size : sizeof text - 1;
    if (n)
        memcpy(text, data, n);
    text[n] = 0;
    calendar(text);
    return 0;
}
