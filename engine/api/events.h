/* Events: the last few thousand things that happened, as JSON lines in a ring with growing cursors. Readers keep a
 * cursor and read at their own pace; who is overtaken by the ring has lost its place and is told so. Nobody waits for a
 * reader. */
#ifndef JN_ENGINE_API_EVENTS_H
#define JN_ENGINE_API_EVENTS_H

#include "engine/base/str.h"
#include <stdint.h>

struct jn_events; /* one owner: the API thread */

/* agent: who may see it beside the tenant's supervisors, 0 nobody. json: {"cursor":N,"type":"...","data":{...}}. */
struct jn_news {
    uint64_t cursor, tenant, agent;
    char *json;
    size_t len;
};
/* slots is rounded up to a power of two. Cursors start at a number that belongs to boot alone (17 bits of it over 36
 * bits of counting: below 2^53, exact in every JSON reader), so that a cursor of an earlier start is never taken for
 * one of this. */
struct jn_events *jn_events_new(uint32_t slots, uint32_t boot);
void jn_events_free(struct jn_events *e);
/* data: one JSON value. Returns the event's cursor; when memory ends the slot stays empty and lost() counts it. */
uint64_t jn_events_add(struct jn_events *e, uint64_t tenant, uint64_t agent, const char *type, const char *data);
/* In place of an add when nobody listens: cursors until now have lost their place, and who comes with one is shown how
 * things stand. */
void jn_events_skip(struct jn_events *e);
/* The newest cursor. */
uint64_t jn_events_last(const struct jn_events *e);
/* True when everything after cursor is still there (a cursor of the future is not). */
bool jn_events_has(const struct jn_events *e, uint64_t cursor);
/* The event with that cursor, NULL when it is gone or not yet there. Borrowed until the next add. */
const struct jn_news *jn_events_at(const struct jn_events *e, uint64_t cursor);
uint64_t jn_events_lost(const struct jn_events *e);

#endif
