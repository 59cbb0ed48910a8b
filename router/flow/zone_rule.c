/* Zone rule: "CET-1CEST,M3.5.0,M10.5.0/3" and its like: standard time, daylight saving time and when they change. */
#include "router/flow/zone.h"
#include "router/flow/zone_private.h"

enum { DAY_S = 86400, HOURS_MAX = 167 };

int32_t jn_days_of(int32_t year, unsigned month, unsigned day)
{
    /* Years that begin in March: the leap day is the last. 400 years have 146,097 days. */
    int32_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400;
    unsigned of_era = (unsigned)(y - era * 400),
             of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + (int32_t)(of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

void jn_date_of(int32_t days, int32_t *year, unsigned *month, unsigned *day)
{
    int32_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = (int32_t)yoe + era * 400 + (*month <= 2);
}

struct text {
    const char *at, *end;
};

static bool number(struct text *t, unsigned max, unsigned *out)
{
    unsigned n = 0, digits = 0;

    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9' && digits < 4; t->at++, digits++)
        n = n * 10 + (unsigned)(*t->at - '0');
    *out = n;
    return digits && n <= max;
}

static bool taken(struct text *t, char c)
{
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

/* "CET" or "<+03>": at least three characters. */
static bool skip_name(struct text *t)
{
    const char *from = t->at;

    if (taken(t, '<')) {
        while (t->at < t->end && *t->at != '>')
            t->at++;
        return taken(t, '>') && t->at - from >= 5;
    }
    while (t->at < t->end && ((*t->at | 0x20) >= 'a' && (*t->at | 0x20) <= 'z'))
        t->at++;
    return t->at - from >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool clock_time(struct text *t, int32_t *out)
{
    int sign = taken(t, '-') ? -1 : (taken(t, '+'), 1);
    unsigned h, m = 0, s = 0;

    if (!number(t, HOURS_MAX, &h) || (taken(t, ':') && (!number(t, 59, &m) || (taken(t, ':') && !number(t, 59, &s)))))
        return false;
    *out = sign * (int32_t)(h * 3600 + m * 60 + s);
    return true;
}

static bool change(struct text *t, struct jn_zone_change *c)
{
    unsigned a, b, d;

    *c = (struct jn_zone_change){.time_s = 2 * 3600};
    if (!taken(t, ','))
        return false;
    if (taken(t, 'M')) {
        if (!number(t, 12, &a) || !taken(t, '.') || !number(t, 5, &b) || !taken(t, '.') || !number(t, 6, &d) || !a ||
            !b)
            return false;
        c->kind = 'M';
        c->month = (uint8_t)a;
        c->week = (uint8_t)b;
        c->weekday = (uint8_t)d;
    } else {
        c->kind = taken(t, 'J') ? 'J' : 'N';
        if (!number(t, 365, &a) || (c->kind == 'J' && !a))
            return false;
        c->day = (uint16_t)a;
    }
    return !taken(t, '/') || clock_time(t, &c->time_s);
}

bool jn_zone_rule_parse(struct jn_zone_rule *r, const char *text, size_t n)
{
    struct text t = {text, text + n};
    int32_t west;

    *r = (struct jn_zone_rule){.there = true};
    if (!skip_name(&t) || !clock_time(&t, &west))
        return false;
    r->standard_s = -west;
    if (t.at == t.end)
        return true;
    if (!skip_name(&t))
        return false;
    r->has_dst = true;
    r->dst_s = r->standard_s + 3600;
    if (t.at < t.end && *t.at != ',') {
        if (!clock_time(&t, &west))
            return false;
        r->dst_s = -west;
    }
    return change(&t, &r->begin) && change(&t, &r->end) && t.at == t.end;
}

static bool leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 || year % 400 == 0);
}

/* Seconds since 1970 of the change in that year, by the local time that holds before it. */
static int64_t local_second(const struct jn_zone_change *c, int32_t year)
{
    int32_t day = jn_days_of(year, 1, 1);

    if (c->kind == 'J') {
        day += c->day - 1 + (leap(year) && c->day >= 60);
    } else if (c->kind == 'N') {
        day += c->day;
    } else {
        day = jn_days_of(year, c->month, 1);
        int32_t next = c->month == 12 ? jn_days_of(year + 1, 1, 1) : jn_days_of(year, c->month + 1u, 1);
        int32_t weekday = ((day + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        day += (c->weekday - weekday + 7) % 7 + 7 * (c->week - 1);
        while (day >= next) /* week 5 is the last one */
            day -= 7;
    }
    return (int64_t)day * DAY_S + c->time_s;
}

int32_t jn_zone_rule_offset(const struct jn_zone_rule *r, int64_t unix_s)
{
    int32_t year;
    unsigned month, day;

    if (!r->has_dst)
        return r->standard_s;
    int64_t local = unix_s + r->standard_s, days = local >= 0 ? local / DAY_S : (local - DAY_S + 1) / DAY_S;
    jn_date_of((int32_t)days, &year, &month, &day);
    int64_t begin = local_second(&r->begin, year) - r->standard_s, end = local_second(&r->end, year) - r->dst_s;
    bool dst = begin < end ? unix_s >= begin && unix_s < end : unix_s >= begin || unix_s < end;
    return dst ? r->dst_s : r->standard_s;
}
