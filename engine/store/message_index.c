/* Message index. */
#include "engine/store/message_index.h"

#include <errno.h>
#include <stdlib.h>

int jn_message_index_init(struct jn_message_index *x)
{
    *x = (struct jn_message_index){0};
    return jn_map_init(&x->by_ix, 1024);
}

void jn_message_index_free(struct jn_message_index *x)
{
    for (uint32_t i = 0; i < x->count; i++) {
        jn_crypt_wipe(x->at[i].key, sizeof x->at[i].key);
        free(x->at[i].entry);
    }
    free(x->at);
    free(x->touched);
    jn_map_free(&x->by_ix);
}

struct jn_conversation *jn_message_index_get(const struct jn_message_index *x, uint64_t ix)
{
    uint32_t i = ix ? jn_map_get(&x->by_ix, ix) : JN_MAP_NONE;

    return i == JN_MAP_NONE ? NULL : &x->at[i];
}

struct jn_conversation *jn_message_index_want(struct jn_message_index *x, uint64_t ix, uint64_t tenant)
{
    struct jn_conversation *c = jn_message_index_get(x, ix);

    if (c)
        return c;
    if (x->count == x->cap) {
        uint32_t cap = x->cap ? x->cap * 2 : 256;
        struct jn_conversation *grown = realloc(x->at, cap * sizeof *grown);
        if (!grown)
            return NULL;
        x->at = grown;
        x->cap = cap;
    }
    if (jn_map_set(&x->by_ix, ix, x->count) < 0)
        return NULL;
    c = &x->at[x->count++];
    *c = (struct jn_conversation){.ix = ix, .tenant = tenant, .slot = JN_NO_SLOT};
    return c;
}

int jn_message_index_room(struct jn_message_index *x, struct jn_conversation *c)
{
    if (c->count == c->cap) {
        uint32_t cap = c->cap ? c->cap * 2 : 8;
        struct jn_entry *grown = realloc(c->entry, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        c->entry = grown;
        c->cap = cap;
    }
    if (x->n_touched == x->touched_cap) {
        uint32_t cap = x->touched_cap ? x->touched_cap * 2 : 256;
        uint32_t *grown = realloc(x->touched, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        x->touched = grown;
        x->touched_cap = cap;
    }
    return 0;
}

void jn_message_index_touch(struct jn_message_index *x, struct jn_conversation *c)
{
    if (!c->touched)
        x->touched[x->n_touched++] = (uint32_t)(c - x->at);
    c->touched = true;
}

static void settle(struct jn_place *p, uint32_t segment, uint64_t at)
{
    p->segment = segment;
    p->off += (uint32_t)at;
}

void jn_message_index_commit(struct jn_message_index *x, uint32_t segment, uint64_t at)
{
    for (uint32_t i = 0; i < x->n_touched; i++) {
        struct jn_conversation *c = &x->at[x->touched[i]];
        for (; c->durable < c->count; c->durable++)
            settle(&c->entry[c->durable].place, segment, at);
        if (c->note_coming.len > 0) {
            c->note = c->note_coming;
            settle(&c->note, segment, at);
        }
        c->note_coming.len = 0;
        c->touched = false;
    }
    x->n_touched = 0;
}

void jn_message_index_rollback(struct jn_message_index *x)
{
    for (uint32_t i = 0; i < x->n_touched; i++) {
        struct jn_conversation *c = &x->at[x->touched[i]];
        c->count = c->durable;
        c->note_coming.len = 0;
        c->touched = false;
    }
    x->n_touched = 0;
}
