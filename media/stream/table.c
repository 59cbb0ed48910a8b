/* Table: pools of legs, voices and rooms, filled at start; look-up by id; port pairs with their quarantine. */
#include "engine/base/pages.h"
#include "media/stream/state.h"
#include <errno.h>
#include <stdlib.h>

static int pool_open(struct jn_pool *pool, uint32_t n)
{
    pool->free = malloc((size_t)n * sizeof *pool->free);
    if (!pool->free)
        return -ENOMEM;
    for (pool->n = 0; pool->n < n; pool->n++)
        pool->free[pool->n] = n - 1 - pool->n;
    return 0;
}

uint32_t jn_slot_take(struct jn_pool *pool)
{
    return pool->n > 0 ? pool->free[--pool->n] : JN_NONE;
}

void jn_slot_give(struct jn_pool *pool, uint32_t i)
{
    pool->free[pool->n++] = i;
}

static void place_add(struct jn_plane *p, const struct jn_addr *advertise, uint32_t ports, uint8_t interface)
{
    p->place[p->places++] = (struct jn_place){
        .advertise = *advertise, .first = p->pairs, .pairs = ports / 2, .free = ports / 2, .interface = interface};
    p->pairs += ports / 2;
}

static void places(struct jn_plane *p)
{
    place_add(p, &p->c.advertise, p->c.ports, 0);
    for (unsigned i = 0; i < p->c.more_n; i++)
        place_add(p, &p->c.more[i].advertise, p->c.more[i].ports, p->c.more[i].interface);
}

int jn_table_open(struct jn_plane *p)
{
    uint32_t legs = p->c.max_legs, rooms = p->c.max_rooms;
    int rc = jn_pools_open(p);

    if (rc < 0)
        return rc;
    places(p);
    p->leg = jn_large_pages((size_t)legs * sizeof *p->leg);
    p->inband = calloc(legs, sizeof *p->inband);
    p->voice = jn_large_pages((size_t)p->voices * sizeof *p->voice);
    p->room = jn_large_pages((size_t)rooms * sizeof *p->room);
    p->live = malloc(legs * sizeof *p->live);
    p->pair_leg = malloc(p->pairs * sizeof *p->pair_leg);
    p->pair_queue = malloc(p->pairs * sizeof *p->pair_queue);
    p->pair_free_ns = calloc(p->pairs, sizeof *p->pair_free_ns);
    if (!p->leg || !p->inband || !p->voice || !p->room || !p->live || !p->pair_leg || !p->pair_queue ||
        !p->pair_free_ns || pool_open(&p->leg_pool, legs) < 0 || pool_open(&p->voice_pool, p->voices) < 0 ||
        pool_open(&p->room_pool, rooms) < 0 || jn_map_init(&p->leg_map, legs) < 0 ||
        jn_map_init(&p->voice_map, legs) < 0 || jn_map_init(&p->room_map, rooms) < 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < p->pairs; i++) {
        p->pair_leg[i] = JN_NONE;
        p->pair_queue[i] = i;
    }
    return 0;
}

void jn_table_free(struct jn_plane *p)
{
    jn_pools_free(p);
    free(p->leg);
    free(p->inband);
    free(p->voice);
    free(p->room);
    free(p->live);
    free(p->pair_leg);
    free(p->pair_queue);
    free(p->pair_free_ns);
    free(p->leg_pool.free);
    free(p->voice_pool.free);
    free(p->room_pool.free);
    jn_map_free(&p->leg_map);
    jn_map_free(&p->voice_map);
    jn_map_free(&p->room_map);
}

struct jn_leg *jn_leg_find(struct jn_plane *p, uint64_t id)
{
    uint32_t i = id ? jn_map_get(&p->leg_map, id) : JN_MAP_NONE;
    return i == JN_MAP_NONE ? NULL : &p->leg[i];
}

struct jn_voice *jn_voice_find(struct jn_plane *p, uint64_t leg)
{
    uint32_t i = leg ? jn_map_get(&p->voice_map, leg) : JN_MAP_NONE;
    return i == JN_MAP_NONE ? NULL : &p->voice[i];
}

struct jn_room *jn_room_find(struct jn_plane *p, uint64_t id)
{
    uint32_t i = id ? jn_map_get(&p->room_map, id) : JN_MAP_NONE;
    return i == JN_MAP_NONE ? NULL : &p->room[i];
}

static unsigned place_of(const struct jn_plane *p, uint32_t pair)
{
    unsigned i = 0;

    while (pair - p->place[i].first >= p->place[i].pairs)
        i++;
    return i;
}

struct jn_addr jn_pair_address(const struct jn_plane *p, uint32_t pair)
{
    const struct jn_place *at = &p->place[place_of(p, pair)];
    struct jn_addr a = at->advertise;

    a.port = (uint16_t)(a.port + 2 * (pair - at->first));
    return a;
}

static void pair_push(struct jn_plane *p, struct jn_place *at, uint32_t pair, uint64_t free_ns)
{
    p->pair_free_ns[pair] = free_ns;
    p->pair_queue[at->first + (at->head + at->free++) % at->pairs] = pair;
}

/* 0: taken; -EMFILE: no other pair would do either; -EAGAIN: this one does not. Sound comes before reports: a leg for
 * whose RTCP no file is left goes without. */
static int bind_pair(struct jn_plane *p, uint32_t pair)
{
    const struct jn_plane_port *port = &p->c.port;
    int rc = port->take(port->arg, 2 * pair);

    if (rc < 0)
        return rc == -EMFILE ? rc : -EAGAIN;
    rc = port->take(port->arg, 2 * pair + 1);
    if (rc == -EMFILE)
        p->counts.legs_without_rtcp++;
    if (rc == 0 || rc == -EMFILE)
        return 0;
    port->give(port->arg, 2 * pair);
    return -EAGAIN;
}

/* The queue is in order of freeing, so its first pair is the first whose quarantine ends. A pair that somebody else has
 * bound goes to the end and the next is tried, each at most once. */
static uint32_t take_at(struct jn_plane *p, struct jn_place *at, uint64_t now_ns)
{
    for (uint32_t tries = at->free; tries > 0; tries--) {
        uint32_t pair = p->pair_queue[at->first + at->head];
        if (p->pair_free_ns[pair] > now_ns)
            return JN_NONE;
        at->head = (at->head + 1) % at->pairs;
        at->free--;
        int rc = bind_pair(p, pair);
        if (rc == 0)
            return pair;
        pair_push(p, at, pair, now_ns);
        if (rc == -EMFILE)
            return JN_NONE;
    }
    return JN_NONE;
}

uint32_t jn_pair_take(struct jn_plane *p, uint8_t interface, uint8_t family, uint64_t now_ns)
{
    bool right = false;
    uint32_t pair = JN_NONE;

    for (unsigned i = 0; i < p->places; i++)
        right = right || (p->place[i].interface == interface && p->place[i].advertise.family == family);
    for (unsigned i = 0; i < p->places && pair == JN_NONE; i++) { /* several addresses take turns */
        struct jn_place *at = &p->place[p->place_next];
        p->place_next = (uint8_t)((p->place_next + 1) % p->places);
        if (at->interface == interface && (!right || at->advertise.family == family))
            pair = take_at(p, at, now_ns);
    }
    return pair;
}

void jn_pair_give(struct jn_plane *p, uint32_t pair, uint64_t now_ns)
{
    p->pair_leg[pair] = JN_NONE;
    p->c.port.give(p->c.port.arg, 2 * pair);
    p->c.port.give(p->c.port.arg, 2 * pair + 1);
    pair_push(p, &p->place[place_of(p, pair)], pair, now_ns + p->c.quarantine_ms * NS_PER_MS);
}
