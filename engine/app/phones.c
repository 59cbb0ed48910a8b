/* Phones: registrations on their way to the database. */
#include "engine/app/phones.h"
#include "engine/app/engine.h"

#include <stdlib.h>
#include <string.h>

static bool grow(struct jn_phones *p)
{
    uint32_t cap = p->cap ? 2 * p->cap : 256;
    uint64_t *more = malloc(cap * sizeof *more);

    if (!more)
        return false;
    for (uint32_t i = 0; i < p->count; i++)
        more[i] = p->waiting[(p->head + i) % p->cap];
    free(p->waiting);
    p->waiting = more;
    p->head = 0;
    p->cap = cap;
    return true;
}

void jn_phones_changed(struct jn_phones *p, uint64_t agent)
{
    if (jn_map_get(&p->known, agent) != JN_MAP_NONE)
        return;
    if ((p->count == p->cap && !grow(p)) || jn_map_set(&p->known, agent, 1)) {
        jn_error("sip", "no memory to store a phone's registration");
        return;
    }
    p->waiting[(p->head + p->count++) % p->cap] = agent;
}

static bool room(struct jn_mailbox *m)
{
    /* Calls come first: half of the places are theirs. The producer's own tail needs no order. */
    uint64_t used =
        atomic_load_explicit(&m->tail, memory_order_relaxed) - atomic_load_explicit(&m->head, memory_order_acquire);

    return used <= m->mask / 2;
}

void jn_phones_store(struct jn_phones *p, struct jn_engine *e)
{
    while (p->count && room(&e->sip_db)) {
        uint64_t agent = p->waiting[p->head];
        struct jn_note n = {.kind = JN_NOTE_UNREGISTERED, .a = agent};
        struct jn_sip_registration r;

        if (!jn_sip_registration(e->sip, agent, &r)) {
            n.kind = JN_NOTE_REGISTERED;
            n.ptr = malloc(sizeof r);
            if (!n.ptr)
                return;
            memcpy(n.ptr, &r, sizeof r);
        }
        if (jn_mailbox_send(&e->sip_db, &n)) {
            free(n.ptr);
            return;
        }
        p->head = (p->head + 1) % p->cap;
        p->count--;
        jn_map_del(&p->known, agent);
    }
}

void jn_phones_free(struct jn_phones *p)
{
    free(p->waiting);
    jn_map_free(&p->known);
    memset(p, 0, sizeof *p);
}
