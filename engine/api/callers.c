/* Callers: see callers.h. */
#include "engine/api/callers.h"
#include "engine/base/str.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int jn_callers_init(struct jn_callers *t, uint32_t max_calls)
{
    t->cap = max_calls ? max_calls * 2 : 64;
    t->next = 0;
    t->at = calloc(t->cap, sizeof *t->at); /* pages are touched as calls come */
    return !t->at || jn_map_init(&t->by_ix, 64) ? -ENOMEM : 0;
}

void jn_callers_free(struct jn_callers *t)
{
    jn_map_free(&t->by_ix);
    free(t->at);
    t->at = NULL;
}

int jn_callers_put(struct jn_callers *t, uint64_t ix, const char *caller, const char *called)
{
    uint32_t i = jn_map_get(&t->by_ix, ix);
    if (i == JN_MAP_NONE) {
        i = t->next;
        if (t->at[i].ix)
            jn_map_del(&t->by_ix, t->at[i].ix);
        t->at[i].ix = 0;
        if (jn_map_set(&t->by_ix, ix, i))
            return -ENOMEM;
        t->next = (t->next + 1) % t->cap;
    }
    t->at[i].ix = ix;
    jn_copy(t->at[i].caller, sizeof t->at[i].caller, caller);
    jn_copy(t->at[i].called, sizeof t->at[i].called, called);
    return 0;
}

const struct jn_numbers *jn_callers_get(const struct jn_callers *t, uint64_t ix)
{
    uint32_t i = jn_map_get(&t->by_ix, ix);
    return i == JN_MAP_NONE ? NULL : &t->at[i];
}
