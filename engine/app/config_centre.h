/* Config centre: what the files that read a centre's YAML share. */
#ifndef JN_ENGINE_CONFIG_CENTRE_H
#define JN_ENGINE_CONFIG_CENTRE_H

#include "engine/app/config_check.h"
#include "router/flow/walk.h"

/* One centre while it is read. */
struct jn_centre {
    struct jn_check check;
    struct jn_directory *dir;
    const struct jn_yaml *tenants; /* the whole list: one may name another */
    struct jn_map ids, words;      /* id or hashed word to the line that has it */
    uint32_t flows, calendars;     /* filled so far */
};
/* The tenant whose members are read. */
struct jn_centre_tenant {
    const struct jn_yaml *node;
    const struct jn_dir_tenant *tenant;
    const char **skills, **queues, **trunks, **flows; /* names as defined, for "did you mean" */
    uint32_t n_skills, n_queues, n_trunks, n_flows;
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
/* serves: {tenant: {skill: level}}, after the agent's own skills; node may be NULL. */
void jn_centre_serves(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                      const char *path, struct jn_ev_agent *out);
void jn_centre_trunk(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                     const char *path, struct jn_dir_trunk *out);
void jn_centre_route(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                     const char *path, struct jn_dir_route *out);
void jn_centre_number(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                      const char *path, struct jn_dir_number *out);
/* What lies between trunks, routes and numbers: ranges that overlap, trunks that a route cannot use. lines: of each
 * number, of each route. */
void jn_centre_plan(struct jn_centre *c, const unsigned *number_lines, const unsigned *route_lines);
void jn_centre_rule(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node, const char *path,
                    struct jn_dir_rule *out);
/* Each adds what it reads to out, which is zeroed but for its defaults. */
void jn_centre_flow(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node, const char *path,
                    struct jn_flow *out);
void jn_centre_calendar(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                        const char *path, struct jn_calendar *out);
/* One sound or a list of them; node may be NULL. */
void jn_centre_say(struct jn_centre *c, const struct jn_yaml *node, const char *path, const char *key,
                   struct jn_say *out);
/* A problem with node's member key, at its line, or at node's when it is not there. */
void jn_centre_problem(struct jn_centre *c, const struct jn_yaml *node, const char *path, const char *key,
                       const char *text);
/* The id of a name that one of the tenant's lists must have ("queues", of kind "queue"); 0 and a problem otherwise. */
uint64_t jn_centre_named(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                         const char *path, const char *list_key, const char *kind);
/* MD5(user:realm:secret) in hex (RFC 2617 3.2.2.2). False when OpenSSL has no MD5. */
bool jn_ha1(char out[static 33], const char *user, const char *realm, const char *secret);
/* Address blocks of different tenants that overlap, and blocks that are there twice. */
void jn_centre_overlaps(struct jn_centre *c, const unsigned *trunk_lines);

/* config_call_out.c: the tenant's call_out: prefixes that its agents may call; and its caller_id. */
void jn_centre_call_out(struct jn_centre *c, const struct jn_yaml *tenant, const char *path, struct jn_dir_tenant *out);
/* A caller id must be a number that can be called back. */
void jn_centre_caller_id(struct jn_centre *c, const struct jn_yaml *node, const char *path, const char *number);

#endif
