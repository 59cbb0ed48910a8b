/* Callers: the numbers of calls, beside the router's rows, which know no numbers. The newest ones are kept; as many as
 * twice the calls that may be open, so an open call's numbers are always there. */
#ifndef JN_ENGINE_API_CALLERS_H
#define JN_ENGINE_API_CALLERS_H

#include "engine/base/map.h"

struct jn_numbers {
    uint64_t ix;
    char caller[64], called[32];
};
struct jn_callers {
    struct jn_numbers *at;
    uint32_t cap, next;
    struct jn_map by_ix;
};
int jn_callers_init(struct jn_callers *t, uint32_t max_calls);
void jn_callers_free(struct jn_callers *t);
/* Copies both, cut where too long. 0 or -ENOMEM. */
int jn_callers_put(struct jn_callers *t, uint64_t ix, const char *caller, const char *called);
/* NULL: not known. Borrowed until the next put. */
const struct jn_numbers *jn_callers_get(const struct jn_callers *t, uint64_t ix);

#endif
