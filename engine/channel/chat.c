/* Chat: see chat.h. */
#include "engine/channel/chat.h"
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct jn_chats {
    struct jn_chat *slot;
    uint32_t cap, max_open, open, used; /* used: slots that were ever taken */
    uint32_t free, oldest, newest;      /* lists through jn_chat.next: free slots; closed ones, oldest first */
    struct jn_map by_ix, by_key;
};

struct jn_chats *jn_chats_new(uint32_t max_open)
{
    struct jn_chats *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->max_open = max_open ? max_open : 1;
    t->cap = t->max_open * 2;
    t->free = t->oldest = t->newest = NONE;
    t->slot = calloc(t->cap, sizeof *t->slot);
    if (!t->slot || jn_map_init(&t->by_ix, t->cap) || jn_map_init(&t->by_key, t->cap)) {
        jn_chats_free(t);
        return NULL;
    }
    return t;
}

void jn_chats_free(struct jn_chats *t)
{
    if (!t)
        return;
    jn_map_free(&t->by_ix);
    jn_map_free(&t->by_key);
    free(t->slot);
    free(t);
}

static void forget(struct jn_chats *t, struct jn_chat *c)
{
    jn_map_del(&t->by_ix, c->ix);
    if (c->key_hash)
        jn_map_del(&t->by_key, c->key_hash);
    uint32_t slot = c->slot;
    memset(c, 0, sizeof *c);
    c->next = t->free;
    t->free = slot;
}

/* A closed one whose customer no longer listens makes room. */
static void push_out(struct jn_chats *t)
{
    uint32_t before = NONE;
    for (uint32_t i = t->oldest; i != NONE; before = i, i = t->slot[i].next) {
        struct jn_chat *c = &t->slot[i];
        if (c->watchers)
            continue;
        if (before == NONE)
            t->oldest = c->next;
        else
            t->slot[before].next = c->next;
        if (t->newest == i)
            t->newest = before;
        forget(t, c);
        return;
    }
}

static uint32_t take_slot(struct jn_chats *t)
{
    if (t->free == NONE && t->used < t->cap)
        return t->used++;
    if (t->free == NONE)
        push_out(t);
    uint32_t i = t->free;
    if (i != NONE)
        t->free = t->slot[i].next;
    return i;
}

struct jn_chat *jn_chats_make(struct jn_chats *t, uint64_t ix, uint64_t tenant, uint64_t key_hash)
{
    if (t->open == t->max_open || jn_chats_find(t, ix) || (key_hash && jn_chats_find_key(t, key_hash)))
        return NULL;
    uint32_t i = take_slot(t);
    if (i == NONE)
        return NULL;
    struct jn_chat *c = &t->slot[i];
    *c = (struct jn_chat){.ix = ix, .tenant = tenant, .key_hash = key_hash, .slot = i, .next = NONE, .priority = 255};
    c->verdict.priority = 255;
    if (jn_map_set(&t->by_ix, ix, i) || (key_hash && jn_map_set(&t->by_key, key_hash, i))) {
        forget(t, c);
        return NULL;
    }
    t->open++;
    return c;
}

struct jn_chat *jn_chats_find(const struct jn_chats *t, uint64_t ix)
{
    uint32_t i = jn_map_get(&t->by_ix, ix);
    return i == JN_MAP_NONE ? NULL : &t->slot[i];
}

struct jn_chat *jn_chats_find_key(const struct jn_chats *t, uint64_t key_hash)
{
    uint32_t i = jn_map_get(&t->by_key, key_hash);
    return i == JN_MAP_NONE ? NULL : &t->slot[i];
}

void jn_chats_close(struct jn_chats *t, struct jn_chat *c, uint8_t why)
{
    if (c->state == JN_CHAT_CLOSED)
        return;
    c->state = JN_CHAT_CLOSED;
    c->why = why;
    c->position = 0;
    c->next = NONE;
    if (t->newest == NONE)
        t->oldest = c->slot;
    else
        t->slot[t->newest].next = c->slot;
    t->newest = c->slot;
    t->open--;
}

void jn_chats_drop(struct jn_chats *t, struct jn_chat *c)
{
    t->open--;
    forget(t, c);
}

uint32_t jn_chats_open(const struct jn_chats *t)
{
    return t->open;
}

void jn_chats_each(struct jn_chats *t, void (*each)(void *arg, struct jn_chat *c), void *arg)
{
    for (uint32_t i = 0; i < t->used; i++)
        if (t->slot[i].ix)
            each(arg, &t->slot[i]);
}
