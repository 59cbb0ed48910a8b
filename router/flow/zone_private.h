/* Zone rule: what the files of zone share: the footer of a TZif file (POSIX TZ, RFC 8536 3.3.1). */
#ifndef JN_ROUTER_FLOW_ZONE_PRIVATE_H
#define JN_ROUTER_FLOW_ZONE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One yearly change: day 'J' (1..365, February 29 is never counted), 'N' (0..365) or 'M' (month, week 1..5, weekday 0
 * Sunday), at that many seconds of the local day, which may be before or after it. */
struct jn_zone_change {
    char kind;
    uint16_t day;
    uint8_t month, week, weekday;
    int32_t time_s;
};
struct jn_zone_rule {
    bool there, has_dst;
    int32_t standard_s, dst_s; /* east of UTC */
    struct jn_zone_change begin, end;
};
/* False when the text is no such rule. */
bool jn_zone_rule_parse(struct jn_zone_rule *r, const char *text, size_t n);
int32_t jn_zone_rule_offset(const struct jn_zone_rule *r, int64_t unix_s);

#endif
