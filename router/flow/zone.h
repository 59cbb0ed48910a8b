/* Zone: a time zone of the system's database: how far local time is from UTC at an instant. Made from the bytes of a
 * TZif file (RFC 8536); who reads the file is engine/app. */
#ifndef JN_ROUTER_FLOW_ZONE_H
#define JN_ROUTER_FLOW_ZONE_H

#include "engine/base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { JN_ZONE_NAME_MAX = 64, JN_ZONE_BYTES_MAX = 64 << 10 };

struct jn_zone;

/* A zone from a TZif file's n bytes. 0, -ENOMEM, or -EBADMSG with the reason. */
int jn_zone_parse(struct jn_zone **out, const char *name, const void *bytes, size_t n, struct jn_err *err);
void jn_zone_free(struct jn_zone *z);
const char *jn_zone_name(const struct jn_zone *z);
/* Seconds east of UTC at that instant (unix seconds). After the last change in the file its footer rule holds (RFC 8536
 * 3.3), so the years to come are right too. */
int32_t jn_zone_offset(const struct jn_zone *z, int64_t unix_s);

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back. */
int32_t jn_days_of(int32_t year, unsigned month, unsigned day);
void jn_date_of(int32_t days, int32_t *year, unsigned *month, unsigned *day);

#endif
