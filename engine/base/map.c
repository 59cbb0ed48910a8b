/* Map: linear probing at most 3/4 full; deletion shifts back, so there are no tombstones. */
#include "engine/base/map.h"

#include <errno.h>
#include <stdlib.h>

static uint32_t home(const struct jn_map *m, uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & m->mask;
}

int jn_map_init(struct jn_map *m, uint32_t expected)
{
    uint64_t size = 8;

    while (size * 3 / 4 <= expected)
        size *= 2;
    if (size > UINT32_MAX / 2)
        return -ENOMEM;
    *m = (struct jn_map){
        .keys = calloc(size, sizeof *m->keys), .values = malloc(size * sizeof *m->values), .mask = (uint32_t)size - 1};
    if (m->keys && m->values)
        return 0;
    jn_map_free(m);
    return -ENOMEM;
}

void jn_map_free(struct jn_map *m)
{
    free(m->keys);
    free(m->values);
    *m = (struct jn_map){0};
}

static void place(struct jn_map *m, uint64_t key, uint32_t value)
{
    uint32_t i = home(m, key);

    while (m->keys[i] && m->keys[i] != key)
        i = (i + 1) & m->mask;
    if (!m->keys[i])
        m->count++;
    m->keys[i] = key;
    m->values[i] = value;
}

int jn_map_set(struct jn_map *m, uint64_t key, uint32_t value)
{
    if (!m->keys || ((uint64_t)m->count + 1) * 4 > ((uint64_t)m->mask + 1) * 3) {
        struct jn_map wider;
        if (jn_map_init(&wider, m->count ? m->count * 2 : 8) < 0)
            return -ENOMEM;
        for (uint32_t i = 0; m->keys && i <= m->mask; i++)
            if (m->keys[i])
                place(&wider, m->keys[i], m->values[i]);
        jn_map_free(m);
        *m = wider;
    }
    place(m, key, value);
    return 0;
}

uint32_t jn_map_get(const struct jn_map *m, uint64_t key)
{
    if (!m->keys || key == 0)
        return JN_MAP_NONE;
    for (uint32_t i = home(m, key); m->keys[i]; i = (i + 1) & m->mask)
        if (m->keys[i] == key)
            return m->values[i];
    return JN_MAP_NONE;
}

bool jn_map_del(struct jn_map *m, uint64_t key)
{
    if (!m->keys || key == 0)
        return false;
    uint32_t i = home(m, key);
    while (m->keys[i] && m->keys[i] != key)
        i = (i + 1) & m->mask;
    if (!m->keys[i])
        return false;
    /* Close the gap: move back every later entry of the run whose home lies at or before the gap. */
    for (uint32_t k = (i + 1) & m->mask; m->keys[k]; k = (k + 1) & m->mask) {
        uint32_t h = home(m, m->keys[k]);
        if (((k - h) & m->mask) >= ((k - i) & m->mask)) {
            m->keys[i] = m->keys[k];
            m->values[i] = m->values[k];
            i = k;
        }
    }
    m->keys[i] = 0;
    m->count--;
    return true;
}
