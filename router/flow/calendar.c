/* Calendar: open or not, and the two texts that opening hours are written in. */
#include "router/flow/calendar.h"

#include <errno.h>
#include <string.h>

enum { DAY_S = 86400, WEEK = 7 };

static bool within(const struct jn_span *s, unsigned minute)
{
    return minute >= s->from_min && minute < s->to_min;
}

bool jn_calendar_open(const struct jn_calendar *c, int64_t unix_s)
{
    int64_t local = unix_s + (c->zone ? jn_zone_offset(c->zone, unix_s) : 0);
    int32_t day = (int32_t)(local >= 0 ? local / DAY_S : (local - DAY_S + 1) / DAY_S);
    unsigned minute = (unsigned)(local - (int64_t)day * DAY_S) / 60,
             weekday = (unsigned)(((day + 3) % WEEK + WEEK) % WEEK);

    for (unsigned i = c->n_dates; i-- > 0;) {
        const struct jn_dates *d = &c->dates[i];
        if (day < d->first || day > d->last)
            continue;
        for (unsigned k = 0; k < d->spans; k++)
            if (within(&d->span[k], minute))
                return true;
        return false;
    }
    for (unsigned i = 0; i < c->n_week; i++)
        if (c->week[i].day == weekday && within(&c->week[i].span, minute))
            return true;
    return false;
}

static bool two_digits(const char **at, unsigned *out)
{
    const char *t = *at;

    if (t[0] < '0' || t[0] > '9' || t[1] < '0' || t[1] > '9')
        return false;
    *out = (unsigned)(t[0] - '0') * 10 + (unsigned)(t[1] - '0');
    *at += 2;
    return true;
}

/* "08:00", up to "24:00". */
static bool clock_time(const char **at, uint16_t *out)
{
    unsigned h, m;

    if (!two_digits(at, &h) || *(*at)++ != ':' || !two_digits(at, &m) || m > 59 || h * 60 + m > JN_DAY_MINUTES)
        return false;
    *out = (uint16_t)(h * 60 + m);
    return true;
}

static bool span(const char **at, struct jn_span *s)
{
    return clock_time(at, &s->from_min) && *(*at)++ == '-' && clock_time(at, &s->to_min) && s->from_min != s->to_min &&
           s->from_min < JN_DAY_MINUTES;
}

static bool weekday(const char **at, unsigned *out)
{
    static const char names[] = "montuewedthufrisatsun";

    for (unsigned i = 0; i < WEEK; i++)
        if (!strncmp(*at, names + (size_t)3 * i, 3)) {
            *at += 3;
            *out = i;
            return true;
        }
    return false;
}

/* "mon-fri,sun " as bits. */
static bool weekdays(const char **at, unsigned *mask)
{
    unsigned from, to;

    do {
        if (!weekday(at, &from))
            return false;
        to = from;
        if (**at == '-' && (++*at, !weekday(at, &to)))
            return false;
        for (unsigned d = from;; d = (d + 1) % WEEK) { /* fri-mon goes over the week's end */
            *mask |= 1u << d;
            if (d == to)
                break;
        }
    } while (**at == ',' && ++*at);
    return *(*at)++ == ' ';
}

static int add_week(struct jn_calendar *c, unsigned day, uint16_t from, uint16_t to)
{
    if (from == to)
        return 0;
    if (c->n_week == JN_WEEK_SPANS)
        return -E2BIG;
    c->week[c->n_week++] = (struct jn_week_span){.day = (uint8_t)day, .span = {from, to}};
    return 0;
}

int jn_calendar_add_week(struct jn_calendar *c, const char *text)
{
    unsigned mask = 0;
    int rc = 0;

    if (!weekdays(&text, &mask))
        return -EINVAL;
    for (bool more = true; more && !rc; text += more) {
        struct jn_span s;
        if (!span(&text, &s) || (*text && *text != ','))
            return -EINVAL;
        more = *text == ',';
        for (unsigned d = 0; d < WEEK && !rc; d++) {
            bool over = s.to_min < s.from_min; /* midnight */
            if (!(mask & 1u << d))
                continue;
            rc = add_week(c, d, s.from_min, over ? JN_DAY_MINUTES : s.to_min);
            if (!rc && over)
                rc = add_week(c, (d + 1) % WEEK, 0, s.to_min);
        }
    }
    return rc;
}

static bool date(const char **at, int32_t *out)
{
    unsigned high, low, month, day, m, d;
    int32_t year;

    if (!two_digits(at, &high) || !two_digits(at, &low) || *(*at)++ != '-' || !two_digits(at, &month) ||
        *(*at)++ != '-' || !two_digits(at, &day) || month < 1 || month > 12 || day < 1)
        return false;
    *out = jn_days_of((int32_t)(high * 100 + low), month, day);
    jn_date_of(*out, &year, &m, &d);
    return m == month && d == day; /* not February 30 */
}

int jn_calendar_add_dates(struct jn_calendar *c, const char *text)
{
    struct jn_dates d = {0};

    if (!date(&text, &d.first))
        return -EINVAL;
    d.last = d.first;
    if (text[0] == '.' && text[1] == '.' && (text += 2, !date(&text, &d.last)))
        return -EINVAL;
    if (d.last < d.first || *text++ != ' ')
        return -EINVAL;
    if (strcmp(text, "closed")) {
        for (bool more = true; more; text += more) {
            struct jn_span s;
            if (!span(&text, &s) || s.to_min < s.from_min || (*text && *text != ','))
                return -EINVAL;
            more = *text == ',';
            if (d.spans == JN_DATE_SPANS)
                return -E2BIG;
            d.span[d.spans++] = s;
        }
    }
    if (c->n_dates == JN_DATES_MAX)
        return -E2BIG;
    c->dates[c->n_dates++] = d;
    return 0;
}
