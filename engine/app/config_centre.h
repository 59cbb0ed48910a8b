/* Config centre: what the files that read a centre's YAML share. */
#ifndef JN_ENGINE_CONFIG_CENTRE_H
#define JN_ENGINE_CONFIG_CENTRE_H

#include "engine/app/config_check.h"

/* One centre while it is read. */
struct jn_centre {
    struct jn_check check;
    struct jn_directory *dir;
    struct jn_map ids, words; /* id or hashed word to the line that has it */
};
/* The tenant whose members are read. */
struct jn_centre_tenant {
    const struct jn_yaml *node;
    const struct jn_dir_tenant *tenant;
    const char **skills, **queues; /* names as defined, for "did you mean" */
    uint32_t n_skills, n_queues;
    struct jn_map skill_ids;
};

/* Tells the problem when the word is taken; false then. */
bool jn_centre_unique(struct jn_centre *c, uint64_t tenant, const char *kind, const char *word, unsigned line,
                      const char *path);
/* The id of a name, unless another name has it: that is told. */
uint64_t jn_centre_id(struct jn_centre *c, uint64_t tenant, const char *kind, const char *name, unsigned line,
                      const char *path);
/* skills: {name: level}. Returns how many. */
uint8_t jn_centre_skills(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                         const char *path, struct jn_skill out[static JN_SKILLS_MAX]);
void jn_centre_queue(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                     const char *path, struct jn_dir_queue *out);
void jn_centre_agent(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                     const char *path, struct jn_dir_agent *out);
void jn_centre_trunk(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                     const char *path, struct jn_dir_trunk *out);
void jn_centre_rule(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node, const char *path,
                    struct jn_dir_rule *out);
/* MD5(user:realm:secret) in hex (RFC 2617 3.2.2.2). False when OpenSSL has no MD5. */
bool jn_ha1(char out[static 33], const char *user, const char *realm, const char *secret);
/* Address blocks of different tenants that overlap, and blocks that are there twice. */
void jn_centre_overlaps(struct jn_centre *c, const unsigned *trunk_lines);

#endif
