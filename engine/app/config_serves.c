/* Config serves: the further tenants that an agent serves, each with the skills that the agent has there. */
#include "engine/app/config_centre.h"

#include <string.h>

enum { NAMES_MAX = 256 };

static const char *name_of(const struct jn_yaml *tenant)
{
    const struct jn_yaml *name = jn_yaml_get(tenant, "name");
    return name && name->kind == JN_YAML_SCALAR ? name->text : NULL;
}

/* The tenant of that name, wherever in the file it stands; NULL with the problem told. */
static const struct jn_yaml *other(struct jn_centre *c, const struct jn_yaml *item, const char *path)
{
    const char *names[NAMES_MAX];
    uint32_t n = 0;

    for (const struct jn_yaml *t = c->tenants->first; t; t = t->next) {
        const char *name = name_of(t);
        if (name && !strcmp(name, item->key))
            return t;
        if (name && n < NAMES_MAX)
            names[n++] = name;
    }
    jn_check_undefined(&c->check, item->line, path, item->key, names, n);
    return NULL;
}

static void skill(struct jn_centre *c, const struct jn_yaml *tenant, uint64_t id, const struct jn_yaml *item,
                  const char *path, struct jn_ev_agent *out)
{
    static const struct jn_field level = {
        .kind = JN_FIELD_UINT, .offset = offsetof(struct jn_skill, level), .size = 1, .min = 1, .max = JN_LEVEL_MAX};
    const struct jn_yaml *list = jn_yaml_get(tenant, "skills");
    char at[JN_CHECK_PATH];
    const char *names[NAMES_MAX];
    uint32_t n = 0;
    bool known = false;

    for (const struct jn_yaml *s = list && list->kind == JN_YAML_LIST ? list->first : NULL; s; s = s->next) {
        if (s->kind != JN_YAML_SCALAR)
            continue;
        known |= !strcmp(s->text, item->key);
        if (n < NAMES_MAX)
            names[n++] = s->text;
    }
    if (!known)
        jn_check_undefined(&c->check, item->line, path, item->key, names, n);
    if (out->skills == JN_SKILLS_MAX) {
        jn_problem(c->check.problems, c->check.file, item->line, path, "more than %d skills in all", JN_SKILLS_MAX);
        return;
    }
    jn_path_member(at, path, item->key);
    out->skill[out->skills].id = jn_name_id(id, "skill", item->key);
    if (jn_check_value(&c->check, item, at, &level, &out->skill[out->skills]))
        out->skills++;
}

void jn_centre_serves(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                      const char *path, struct jn_ev_agent *out)
{
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH];

    jn_path_member(at, path, "serves");
    if (!node || !jn_check_kind(&c->check, node, at, JN_YAML_MAP))
        return;
    if (node->count > JN_SERVES_MAX) {
        jn_problem(c->check.problems, c->check.file, node->line, at, "more than %d tenants", JN_SERVES_MAX);
        return;
    }
    for (const struct jn_yaml *x = node->first; x; x = x->next) {
        jn_path_member(item, at, x->key);
        const struct jn_yaml *tenant = other(c, x, item);
        if (!tenant)
            continue;
        uint64_t id = jn_name_id(0, "tenant", x->key);
        if (id == t->tenant->id) {
            jn_problem(c->check.problems, c->check.file, x->line, item,
                       "is the agent's own tenant: say its skills in skills");
            continue;
        }
        out->serves[out->n_serves++] = id;
        if (!jn_check_kind(&c->check, x, item, JN_YAML_MAP))
            continue;
        for (const struct jn_yaml *s = x->first; s; s = s->next)
            skill(c, tenant, id, s, item, out);
    }
}
