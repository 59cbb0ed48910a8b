/* Map: uint64_t key to uint32_t value, open addressing with linear probing and backward-shift deletion. Key 0 is not
 * allowed. */
#ifndef JN_BASE_MAP_H
#define JN_BASE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define JN_MAP_NONE UINT32_MAX

struct jn_map {
    uint64_t *keys;
    uint32_t *values;
    uint32_t mask, count;
};
/* Room for about `expected` before it grows. 0 or -ENOMEM. */
int jn_map_init(struct jn_map *m, uint32_t expected);
void jn_map_free(struct jn_map *m);
/* Sets or replaces. 0 or -ENOMEM (the map is then unchanged). */
int jn_map_set(struct jn_map *m, uint64_t key, uint32_t value);
/* The value, or JN_MAP_NONE. */
uint32_t jn_map_get(const struct jn_map *m, uint64_t key);
bool jn_map_del(struct jn_map *m, uint64_t key);

#endif
