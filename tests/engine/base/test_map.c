/* Map and heap against plain models, by random operations. */
#include "engine/base/heap.h"
#include "engine/base/map.h"
#include "engine/base/rand.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(map, .timeout = 60);

Test(map, random_sets_and_deletes_agree_with_an_array)
{
    enum { KEYS = 500 };
    static uint32_t model[KEYS];
    struct jn_map m;
    uint64_t seed = 1;
    uint32_t live = 0;

    memset(model, 0xff, sizeof model);
    cr_assert_eq(jn_map_init(&m, 4), 0);
    for (int i = 0; i < 200000; i++) {
        uint64_t r = jn_splitmix(&seed);
        uint32_t k = (uint32_t)(r % KEYS), v = (uint32_t)(r >> 32) & 0xffff;
        uint64_t key = (uint64_t)k * 64 + 1; /* near each other, so that runs form */
        if (r >> 20 & 1) {
            live += model[k] == JN_MAP_NONE;
            model[k] = v;
            cr_assert_eq(jn_map_set(&m, key, v), 0);
        } else {
            cr_assert_eq(jn_map_del(&m, key), model[k] != JN_MAP_NONE);
            live -= model[k] != JN_MAP_NONE;
            model[k] = JN_MAP_NONE;
        }
        cr_assert_eq(m.count, live);
        uint32_t probe = (uint32_t)(r >> 40) % KEYS;
        cr_assert_eq(jn_map_get(&m, (uint64_t)probe * 64 + 1), model[probe]);
    }
    cr_assert_eq(jn_map_get(&m, 0), JN_MAP_NONE);
    jn_map_free(&m);
}

Test(map, timers_fire_by_deadline_then_id)
{
    enum { N = 200 };
    static struct jn_timer t[N];
    struct jn_heap h;
    uint64_t seed = 2;

    cr_assert_eq(jn_heap_init(&h, 1), 0);
    for (int i = 0; i < N; i++)
        t[i] = (struct jn_timer){.id = (uint64_t)i + 1, .slot = JN_TIMER_IDLE};
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < N; i++) {
            uint64_t r = jn_splitmix(&seed);
            if (r & 1)
                cr_assert_eq(jn_heap_arm(&h, &t[i], r >> 8 & 31), 0);
            else if (r & 2)
                jn_heap_disarm(&h, &t[i]);
        }
        uint64_t bound = jn_splitmix(&seed) & 31, deadline = 0, id = 0;
        unsigned fired = 0, due = 0;
        for (int i = 0; i < N; i++)
            due += t[i].slot != JN_TIMER_IDLE && t[i].deadline <= bound;
        for (struct jn_timer *x; (x = jn_heap_due(&h, bound)); fired++) {
            cr_assert(x->deadline > deadline || (x->deadline == deadline && x->id > id));
            cr_assert_eq(x->slot, JN_TIMER_IDLE);
            deadline = x->deadline;
            id = x->id;
        }
        cr_assert_eq(fired, due);
    }
    jn_heap_free(&h);
}
