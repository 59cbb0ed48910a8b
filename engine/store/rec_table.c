/* Rec table: recordings as they grow, by call. */
#include "engine/store/rec_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The newest stands last; one that is there already moves there. */
static void put_id(uint64_t *list, uint8_t *n, unsigned max, uint64_t id)
{
    unsigned at = 0;

    while (at < *n && list[at] != id)
        at++;
    if (at == *n && *n < max)
        list[(*n)++] = id;
    else {
        at = at == *n ? 0 : at;
        memmove(list + at, list + at + 1, (*n - at - 1) * sizeof *list);
        list[*n - 1] = id;
    }
}

void jn_rec_growing_item(struct jn_rec_growing *g, const struct jn_rec_item *it)
{
    if (it->kind == JN_REC_EVENT && it->event == JN_RECEV_AGENT)
        put_id(g->e.agent, &g->e.agents, JN_REC_AGENTS, it->arg);
    else if (it->kind == JN_REC_EVENT && it->event == JN_RECEV_QUEUE)
        put_id(g->e.queue, &g->e.queues, JN_REC_QUEUES, it->arg);
}

void jn_rec_growing_chunk(struct jn_rec_growing *g, const struct jn_rec_place *at, bool encrypted, uint32_t slot)
{
    struct jn_rec_entry *e = &g->e;

    if (e->chunks++ == 0 && e->first == 0)
        e->first = at->segment;
    e->last = at->segment;
    e->last_off = at->off;
    if (!encrypted)
        return;
    e->encrypted = 1;
    unsigned known = e->slots < JN_REC_SLOTS ? e->slots : JN_REC_SLOTS;
    if (known > 0 && e->slot[known - 1] == slot + 1)
        return;
    if (e->slots < JN_REC_SLOTS)
        e->slot[e->slots] = slot + 1;
    e->slots = (uint8_t)(e->slots + (e->slots < UINT8_MAX));
}

const struct jn_rec_entry *jn_rec_growing_entry(struct jn_rec_growing *g)
{
    struct jn_rec_entry *e = &g->e;
    const struct jn_rec_ledger *l = &g->ledger;

    e->first_us = l->first_us;
    e->last_us = l->last_us;
    memcpy(e->frames, l->frames, sizeof e->frames);
    memcpy(e->missing, l->missing, sizeof e->missing);
    memcpy(e->duplicates, l->duplicates, sizeof e->duplicates);
    memcpy(e->withheld, l->withheld, sizeof e->withheld);
    e->handed_over = l->handed_over;
    e->overflow = l->overflow;
    e->events = l->events;
    e->stopped = l->stopped;
    e->complete = l->complete;
    return e;
}

int jn_rec_table_init(struct jn_rec_table *t)
{
    *t = (struct jn_rec_table){0};
    return jn_map_init(&t->by_call, 256);
}

void jn_rec_table_free(struct jn_rec_table *t)
{
    free(t->at);
    t->at = NULL;
    jn_map_free(&t->by_call);
}

struct jn_rec_growing *jn_rec_table_find(const struct jn_rec_table *t, uint64_t call)
{
    uint32_t i = call ? jn_map_get(&t->by_call, call) : JN_MAP_NONE;
    return i == JN_MAP_NONE ? NULL : &t->at[i];
}

struct jn_rec_growing *jn_rec_table_want(struct jn_rec_table *t, uint64_t call, uint64_t tenant)
{
    struct jn_rec_growing *g = jn_rec_table_find(t, call);

    if (g || call == 0)
        return g;
    if (t->n == t->cap) {
        uint32_t cap = t->cap ? t->cap * 2 : 64;
        struct jn_rec_growing *grown = realloc(t->at, cap * sizeof *grown);
        if (!grown)
            return NULL;
        t->at = grown;
        t->cap = cap;
    }
    if (jn_map_set(&t->by_call, call, t->n) < 0)
        return NULL;
    g = &t->at[t->n++];
    memset(g, 0, sizeof *g);
    g->e.call = g->ledger.call = call;
    g->e.tenant = g->ledger.tenant = tenant;
    return g;
}

void jn_rec_table_drop(struct jn_rec_table *t, struct jn_rec_growing *g)
{
    uint32_t i = (uint32_t)(g - t->at);

    jn_map_del(&t->by_call, g->e.call);
    if (i != --t->n) {
        t->at[i] = t->at[t->n];
        jn_map_set(&t->by_call, t->at[i].e.call, i);
    }
}
