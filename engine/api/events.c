/* Events: see events.h. */
#include "engine/api/events.h"
#include <stdlib.h>

enum { BOOT_BITS = 17, COUNT_BITS = 36 };

struct jn_events {
    struct jn_news *ring;
    uint64_t mask, first, last, lost; /* first: the cursor before the first event of this start */
};

struct jn_events *jn_events_new(uint32_t slots, uint32_t boot)
{
    struct jn_events *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    uint64_t n = 1;
    while (n < slots)
        n <<= 1;
    e->ring = calloc(n, sizeof *e->ring);
    if (!e->ring) {
        free(e);
        return NULL;
    }
    e->mask = n - 1;
    e->first = e->last = (uint64_t)(boot & ((1u << BOOT_BITS) - 1)) << COUNT_BITS;
    return e;
}

void jn_events_free(struct jn_events *e)
{
    if (!e)
        return;
    for (uint64_t i = 0; i <= e->mask; i++)
        free(e->ring[i].json);
    free(e->ring);
    free(e);
}

uint64_t jn_events_add(struct jn_events *e, uint64_t tenant, uint64_t agent, const char *type, const char *data)
{
    struct jn_buf b = {0};
    uint64_t cursor = ++e->last;
    jn_buf_printf(&b, "{\"cursor\":%llu,\"type\":\"%s\",\"data\":", (unsigned long long)cursor, type);
    jn_buf_text(&b, data);
    jn_buf_text(&b, "}");
    struct jn_news *n = &e->ring[cursor & e->mask];
    free(n->json);
    if (b.failed) {
        jn_buf_free(&b);
        e->lost++;
    }
    *n = (struct jn_news){.cursor = cursor, .tenant = tenant, .agent = agent, .json = b.data, .len = b.len};
    return cursor;
}

void jn_events_skip(struct jn_events *e)
{
    e->first = ++e->last;
}

uint64_t jn_events_last(const struct jn_events *e)
{
    return e->last;
}

bool jn_events_has(const struct jn_events *e, uint64_t cursor)
{
    return cursor >= e->first && cursor <= e->last && e->last - cursor <= e->mask + 1;
}

const struct jn_news *jn_events_at(const struct jn_events *e, uint64_t cursor)
{
    const struct jn_news *n = &e->ring[cursor & e->mask];
    return n->cursor == cursor && n->json && cursor > e->first ? n : NULL;
}

uint64_t jn_events_lost(const struct jn_events *e)
{
    return e->lost;
}
