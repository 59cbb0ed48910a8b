/* Hold: packets under way, in a heap by due time and order of putting. */
#include "media/impair/impair.h"
#include <errno.h>
#include <string.h>

struct entry {
    uint64_t due_ns, order;
    uint32_t slot;
};
struct slot {
    uint64_t stream;
    uint16_t len;
};
/* heap: the first n are a heap, the slots of the rest are free. */
struct jn_impair_hold {
    uint32_t packets, n;
    uint16_t bytes_max;
    uint64_t order, refused;
    struct entry *heap;
    struct slot *slot;
    uint8_t *bytes;
};

static size_t round_up(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

size_t jn_impair_hold_bytes(uint32_t packets, uint16_t bytes_max)
{
    return round_up(sizeof(struct jn_impair_hold)) + round_up(packets * sizeof(struct entry)) +
           round_up(packets * sizeof(struct slot)) + round_up((size_t)packets * bytes_max);
}

struct jn_impair_hold *jn_impair_hold_init(void *memory, uint32_t packets, uint16_t bytes_max)
{
    struct jn_impair_hold *h = memory;
    uint8_t *at = memory;

    *h = (struct jn_impair_hold){.packets = packets, .bytes_max = bytes_max};
    at += round_up(sizeof *h);
    h->heap = (struct entry *)(void *)at;
    at += round_up(packets * sizeof(struct entry));
    h->slot = (struct slot *)(void *)at;
    at += round_up(packets * sizeof(struct slot));
    h->bytes = at;
    for (uint32_t i = 0; i < packets; i++)
        h->heap[i].slot = i;
    return h;
}

static bool before(const struct entry *a, const struct entry *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void rise(struct jn_impair_hold *h, uint32_t at)
{
    struct entry e = h->heap[at];

    for (; at > 0 && before(&e, &h->heap[(at - 1) / 2]); at = (at - 1) / 2)
        h->heap[at] = h->heap[(at - 1) / 2];
    h->heap[at] = e;
}

/* The last one takes the first one's place and sinks; the first one's slot is free after the heap's end. */
static void remove_first(struct jn_impair_hold *h)
{
    struct entry first = h->heap[0], e = h->heap[--h->n];
    uint32_t at = 0;

    for (uint32_t child; (child = 2 * at + 1) < h->n; at = child) {
        child += child + 1 < h->n && before(&h->heap[child + 1], &h->heap[child]);
        if (!before(&h->heap[child], &e))
            break;
        h->heap[at] = h->heap[child];
    }
    h->heap[at] = e;
    h->heap[h->n] = first;
}

int jn_impair_put(struct jn_impair_hold *h, struct jn_impair *m, uint64_t stream, const void *data, uint16_t len,
                  uint64_t sent_ns)
{
    uint64_t due[2];
    unsigned n = jn_impair_fate(m, sent_ns, due);
    int rc = 0;

    if (len > h->bytes_max) {
        h->refused += n;
        return -EMSGSIZE;
    }
    for (unsigned i = 0; i < n; i++) {
        if (h->n == h->packets) {
            h->refused++;
            rc = -ENOSPC;
            continue;
        }
        struct entry *e = &h->heap[h->n];
        e->due_ns = due[i];
        e->order = h->order++;
        h->slot[e->slot] = (struct slot){.stream = stream, .len = len};
        memcpy(h->bytes + (size_t)e->slot * h->bytes_max, data, len);
        rise(h, h->n++);
    }
    return rc;
}

bool jn_impair_take(struct jn_impair_hold *h, struct jn_impair_packet *out, uint64_t now_ns)
{
    if (h->n == 0 || h->heap[0].due_ns > now_ns)
        return false;
    const struct entry *e = &h->heap[0];
    const struct slot *s = &h->slot[e->slot];
    *out = (struct jn_impair_packet){
        .due_ns = e->due_ns, .stream = s->stream, .len = s->len, .data = h->bytes + (size_t)e->slot * h->bytes_max};
    remove_first(h);
    return true;
}

uint64_t jn_impair_next_ns(const struct jn_impair_hold *h)
{
    return h->n != 0 ? h->heap[0].due_ns : UINT64_MAX;
}

uint64_t jn_impair_refused(const struct jn_impair_hold *h)
{
    return h->refused;
}
