/* Calendar: opening hours: weekly times, and dates on which other times or none hold. Local time of one zone; the
 * instant comes in as an argument. */
#ifndef JN_ROUTER_FLOW_CALENDAR_H
#define JN_ROUTER_FLOW_CALENDAR_H

#include "engine/base/id.h"
#include "router/flow/zone.h"
#include <stdbool.h>

enum { JN_WEEK_SPANS = 56, JN_DATE_SPANS = 4, JN_DATES_MAX = 256, JN_DAY_MINUTES = 1440 };

/* From a minute of the local day up to, but without, another. A span over midnight is two. */
struct jn_span {
    uint16_t from_min, to_min;
};
struct jn_week_span {
    uint8_t day; /* 0 Monday .. 6 Sunday */
    struct jn_span span;
};
/* Those days, first to last, have these spans and not the week's; none: closed. Days count from 1970-01-01. */
struct jn_dates {
    int32_t first, last;
    uint8_t spans;
    struct jn_span span[JN_DATE_SPANS];
};
struct jn_calendar {
    uint64_t id, tenant;
    char name[JN_NAME_MAX];
    struct jn_zone *zone; /* owned by whoever owns the calendar */
    uint16_t n_week, n_dates;
    struct jn_week_span week[JN_WEEK_SPANS];
    struct jn_dates dates[JN_DATES_MAX];
};

/* Whether it is open at that instant (unix seconds). Several entries for one date: the last one holds. */
bool jn_calendar_open(const struct jn_calendar *c, int64_t unix_s);

/* "mon-fri 08:00-18:00", "sat 22:00-02:00" (into the next day), "sun 00:00-24:00", days by comma: adds what it says.
 * 0, -EINVAL (no such text) or -E2BIG. */
int jn_calendar_add_week(struct jn_calendar *c, const char *text);
/* "2026-12-25 closed", "2026-12-24..2026-12-31 09:00-12:00,13:00-14:00". 0, -EINVAL or -E2BIG. */
int jn_calendar_add_dates(struct jn_calendar *c, const char *text);

#endif
