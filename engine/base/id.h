/* Id: names and numbers of things. 64-bit ids of tenants, queues, agents and skills are hashes of their names, so they
 * are the same in every process and after every restart; ids of interactions and messages carry the boot that made
 * them. */
#ifndef JN_BASE_ID_H
#define JN_BASE_ID_H

#include <stddef.h>
#include <stdint.h>

enum { JN_NAME_MAX = 48, JN_ID_TEXT_MAX = 14 };

/* The id of the thing of that kind ("tenant", "queue", "agent", "skill") and name inside tenant (0 for tenants). Never
 * 0. Two names with one id are refused when a configuration is checked. */
uint64_t jn_name_id(uint64_t tenant, const char *kind, const char *name);

/* Makes ids that no other maker of this process or of an earlier boot makes: boot (22 bits, counted up at each start
 * and stored), maker (4 bits: one per thread), then a count of 37 bits. Never 0; grows, so that order of ids of one
 * maker is order of making. */
struct jn_id_maker {
    uint64_t next;
};
void jn_id_maker_init(struct jn_id_maker *m, uint32_t boot, unsigned maker);
uint64_t jn_id_make(struct jn_id_maker *m);

/* 13 characters of Crockford's base32, fixed width, sortable. */
const char *jn_id_text(uint64_t id, char out[static JN_ID_TEXT_MAX]);
/* 0 or -EINVAL. */
int jn_id_parse(uint64_t *id, const char *text);

#endif
