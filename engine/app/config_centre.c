/* Config centre: the centre's YAML as a whole: tenants, and their members in order. */
#include "engine/app/config_centre.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FAULTS = 64, SKILLS_TENANT_MAX = 10000 };
#define ITEMS(a) (sizeof(a) / sizeof *(a))

static const struct jn_field top_fields[] = {
    {.name = "version"},
    {.name = "tenants", .required = true},
};
static const struct jn_field tenant_fields[] = {
    {.name = "name", .kind = JN_FIELD_NAME, JN_FIELD(struct jn_dir_tenant, name), .required = true},
    {.name = "domain", .kind = JN_FIELD_DOMAIN, JN_FIELD(struct jn_dir_tenant, domain), .required = true},
    {.name = "weight", .kind = JN_FIELD_UINT, JN_FIELD(struct jn_dir_tenant, weight), .min = 1, .max = 1000},
    {.name = "keep_recordings",
     .kind = JN_FIELD_S,
     JN_FIELD(struct jn_dir_tenant, keep_recordings_s),
     .min = 60000,
     .max = 3660ull * 86400000},
    {.name = "skills"},
    {.name = "queues"},
    {.name = "agents"},
    {.name = "trunks"},
    {.name = "routes"},
    {.name = "numbers"},
    {.name = "rules"},
    {.name = "calendars"},
    {.name = "flows"},
    {.name = "announce_agent"},
    {.name = "caller_id", .kind = JN_FIELD_USER, JN_FIELD(struct jn_dir_tenant, caller_id)},
    {.name = "call_out"},
};

bool jn_centre_unique(struct jn_centre *c, uint64_t tenant, const char *kind, const char *word, unsigned line,
                      const char *path)
{
    uint64_t key = jn_name_id(tenant, kind, word);
    uint32_t first = jn_map_get(&c->words, key);

    if (first != JN_MAP_NONE) {
        jn_problem(c->check.problems, c->check.file, line, path, "\"%.60s\" is there twice, first at line %u", word,
                   first);
        return false;
    }
    if (jn_map_set(&c->words, key, line))
        jn_problem(c->check.problems, c->check.file, line, path, "no memory");
    return true;
}

uint64_t jn_centre_id(struct jn_centre *c, uint64_t tenant, const char *kind, const char *name, unsigned line,
                      const char *path)
{
    uint64_t id = jn_name_id(tenant, kind, name);
    uint32_t first = jn_map_get(&c->ids, id);

    if (!name[0])
        return id;
    if (!jn_centre_unique(c, tenant, kind, name, line, path))
        return id;
    if (first != JN_MAP_NONE)
        jn_problem(c->check.problems, c->check.file, line, path,
                   "\"%.60s\" happens to get the same id as the name in line %u: change one of them", name, first);
    else if (jn_map_set(&c->ids, id, line))
        jn_problem(c->check.problems, c->check.file, line, path, "no memory");
    return id;
}

void jn_centre_problem(struct jn_centre *c, const struct jn_yaml *node, const char *path, const char *key,
                       const char *text)
{
    const struct jn_yaml *m = jn_yaml_get(node, key);
    char at[JN_CHECK_PATH];

    jn_path_member(at, path, key);
    jn_problem(c->check.problems, c->check.file, m ? m->line : node->line, at, "%s", text);
}

static uint32_t count_of(const struct jn_yaml *tenant, const char *key)
{
    const struct jn_yaml *list = jn_yaml_get(tenant, key);

    return list && list->kind == JN_YAML_LIST ? list->count : 0;
}

/* Names of skills: strings of a list. */
static void read_skills(struct jn_centre *c, struct jn_centre_tenant *t, const char *path)
{
    static const struct jn_field field = {.kind = JN_FIELD_NAME, .size = JN_NAME_MAX};
    const struct jn_yaml *list = jn_yaml_get(t->node, "skills");
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH], name[JN_NAME_MAX];
    unsigned i = 0;

    jn_path_member(at, path, "skills");
    if (!list || !jn_check_kind(&c->check, list, at, JN_YAML_LIST))
        return;
    for (const struct jn_yaml *s = list->first; s; s = s->next, i++) {
        jn_path_item(item, at, i);
        if (i == SKILLS_TENANT_MAX) {
            jn_problem(c->check.problems, c->check.file, s->line, at, "more than %d skills", SKILLS_TENANT_MAX);
            return;
        }
        if (!jn_check_value(&c->check, s, item, &field, name))
            continue;
        jn_map_set(&t->skill_ids, jn_centre_id(c, t->tenant->id, "skill", name, s->line, item), 1);
        t->skills[t->n_skills++] = s->text;
    }
}

/* How many of each were filled so far. */
struct filled {
    uint32_t tenants, queues, agents, trunks, routes, numbers, rules;
    unsigned *trunk_lines, *route_lines, *number_lines;
};

enum list { QUEUES, AGENTS, TRUNKS, ROUTES, NUMBERS, RULES, LISTS };
static const char *const list_names[LISTS] = {"queues", "agents", "trunks", "routes", "numbers", "rules"};

static void read_list(struct jn_centre *c, const struct jn_centre_tenant *t, const char *path, enum list what,
                      struct filled *f)
{
    const struct jn_yaml *list = jn_yaml_get(t->node, list_names[what]);
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH];
    unsigned i = 0;

    jn_path_member(at, path, list_names[what]);
    if (!list || !jn_check_kind(&c->check, list, at, JN_YAML_LIST))
        return;
    for (const struct jn_yaml *n = list->first; n; n = n->next) {
        jn_path_item(item, at, i++);
        switch (what) {
        case QUEUES:
            jn_centre_queue(c, t, n, item, &c->dir->queues[f->queues++]);
            break;
        case AGENTS:
            jn_centre_agent(c, t, n, item, &c->dir->agents[f->agents++]);
            break;
        case TRUNKS:
            f->trunk_lines[f->trunks] = jn_yaml_get(n, "from") ? jn_yaml_get(n, "from")->line : n->line;
            jn_centre_trunk(c, t, n, item, &c->dir->trunks[f->trunks++]);
            break;
        case ROUTES:
            f->route_lines[f->routes] = n->line;
            jn_centre_route(c, t, n, item, &c->dir->routes[f->routes++]);
            break;
        case NUMBERS:
            f->number_lines[f->numbers] = n->line;
            jn_centre_number(c, t, n, item, &c->dir->numbers[f->numbers++]);
            break;
        default:
            jn_centre_rule(c, t, n, item, &c->dir->rules[f->rules++]);
            break;
        }
    }
}

static void read_flows(struct jn_centre *c, const struct jn_centre_tenant *t, const char *path, bool calendars)
{
    const char *key = calendars ? "calendars" : "flows";
    const struct jn_yaml *list = jn_yaml_get(t->node, key);
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH];
    unsigned i = 0;

    jn_path_member(at, path, key);
    if (!list || !jn_check_kind(&c->check, list, at, JN_YAML_LIST))
        return;
    for (const struct jn_yaml *n = list->first; n; n = n->next) {
        jn_path_item(item, at, i++);
        if (calendars)
            jn_centre_calendar(c, t, n, item, &c->dir->calendars[c->calendars++]);
        else
            jn_centre_flow(c, t, n, item, &c->dir->flows[c->flows++]);
    }
}

/* Names of a list's members, so that others can be checked against them. */
static uint32_t read_names(const struct jn_centre_tenant *t, const char *key, const char **out)
{
    const struct jn_yaml *list = jn_yaml_get(t->node, key);
    uint32_t count = 0;

    for (const struct jn_yaml *q = list ? list->first : NULL; q && list->kind == JN_YAML_LIST; q = q->next) {
        const struct jn_yaml *name = jn_yaml_get(q, "name");

        if (name && name->kind == JN_YAML_SCALAR)
            out[count++] = name->text;
    }
    return count;
}

static void read_tenant(struct jn_centre *c, const struct jn_yaml *node, const char *path, struct filled *f)
{
    struct jn_dir_tenant *out = &c->dir->tenants[f->tenants++];
    struct jn_centre_tenant t = {.node = node, .tenant = out};
    const struct jn_yaml *name = jn_yaml_get(node, "name"), *domain = jn_yaml_get(node, "domain");
    char at[JN_CHECK_PATH];

    out->weight = 100;
    jn_check_fields(&c->check, node, path, tenant_fields, ITEMS(tenant_fields), out);
    if (node->kind != JN_YAML_MAP)
        return;
    jn_path_member(at, path, "name");
    out->id = jn_centre_id(c, 0, "tenant", out->name, name ? name->line : node->line, at);
    jn_path_member(at, path, "domain");
    for (char *d = out->domain; *d; d++)
        *d = (char)(*d >= 'A' && *d <= 'Z' ? *d - 'A' + 'a' : *d);
    if (out->domain[0])
        jn_centre_unique(c, 0, "domain", out->domain, domain->line, at);
    t.skills = calloc(count_of(node, "skills") + 1u, sizeof *t.skills);
    t.queues = calloc(count_of(node, "queues") + 1u, sizeof *t.queues);
    t.trunks = calloc(count_of(node, "trunks") + 1u, sizeof *t.trunks);
    t.flows = calloc(count_of(node, "flows") + 1u, sizeof *t.flows);
    if (t.skills && t.queues && t.trunks && t.flows && !jn_map_init(&t.skill_ids, count_of(node, "skills"))) {
        read_skills(c, &t, path);
        t.n_queues = read_names(&t, "queues", t.queues);
        t.n_trunks = read_names(&t, "trunks", t.trunks);
        t.n_flows = read_names(&t, "flows", t.flows);
        for (int list = 0; list < LISTS; list++)
            read_list(c, &t, path, (enum list)list, f);
        read_flows(c, &t, path, true);
        read_flows(c, &t, path, false);
        jn_centre_say(c, jn_yaml_get(node, "announce_agent"), path, "announce_agent", &out->announce);
        jn_centre_call_out(c, node, path, out);
    } else {
        jn_problem(c->check.problems, c->check.file, node->line, path, "no memory");
    }
    jn_map_free(&t.skill_ids);
    free(t.skills);
    free(t.queues);
    free(t.trunks);
    free(t.flows);
}

/* The path of rule number index, counted over all tenants. */
static void rule_path(char out[static JN_CHECK_PATH], const struct jn_yaml *tenants, uint32_t index)
{
    char tenant[JN_CHECK_PATH], rules[JN_CHECK_PATH], rule[JN_CHECK_PATH];
    unsigned i = 0;

    for (const struct jn_yaml *t = tenants->first; t; t = t->next, i++) {
        uint32_t n = count_of(t, "rules");

        if (index < n) {
            jn_path_item(tenant, "tenants", i);
            jn_path_member(rules, tenant, "rules");
            jn_path_item(rule, rules, index);
            jn_path_member(out, rule, "pattern");
            return;
        }
        index -= n;
    }
    jn_copy(out, JN_CHECK_PATH, "rules");
}

static void compile_rules(struct jn_centre *c, const struct jn_yaml *tenants, struct jn_rules **rules)
{
    struct jn_rule_fault faults[FAULTS];
    const struct jn_directory *d = c->dir;
    char path[JN_CHECK_PATH];
    unsigned n = 0;
    int rc = jn_rules_compile(rules, d->rules, d->n_rules, faults, FAULTS, &n);

    for (unsigned i = 0; i < n; i++) {
        rule_path(path, tenants, faults[i].index);
        jn_problem(c->check.problems, c->check.file, d->rules[faults[i].index].line, path, "\"%.80s\": %s",
                   d->rules[faults[i].index].pattern, faults[i].why);
    }
    if (n == FAULTS)
        jn_problem(c->check.problems, c->check.file, 0, NULL, "perhaps more bad rule patterns: mend these first");
    if (rc && !n)
        jn_problem(c->check.problems, c->check.file, 0, NULL, "the rules cannot be compiled: %s", strerror(-rc));
}

static void read_centre(struct jn_centre *c, const struct jn_yaml *root, struct jn_rules **rules)
{
    const struct jn_yaml *tenants = jn_yaml_get(root, "tenants"), *version = jn_yaml_get(root, "version");
    struct jn_problems *p = c->check.problems;
    uint64_t n[LISTS] = {0};
    uint32_t flows = 0, calendars = 0;
    struct filled f = {0};
    char path[JN_CHECK_PATH];

    jn_check_fields(&c->check, root, "", top_fields, ITEMS(top_fields), NULL);
    if (version && (version->kind != JN_YAML_SCALAR || strcmp(version->text, "1")))
        jn_problem(p, c->check.file, version->line, "version", "must be 1: this program knows no other");
    if (!tenants || !jn_check_kind(&c->check, tenants, "tenants", JN_YAML_LIST))
        return;
    c->tenants = tenants;
    if (!tenants->count)
        jn_problem(p, c->check.file, tenants->line, "tenants", "is empty");
    for (const struct jn_yaml *t = tenants->first; t; t = t->next)
        for (unsigned i = 0; i < LISTS; i++)
            n[i] += count_of(t, list_names[i]);
    for (const struct jn_yaml *t = tenants->first; t; t = t->next) {
        flows += count_of(t, "flows");
        calendars += count_of(t, "calendars");
    }
    c->dir = jn_directory_new(tenants->count, (uint32_t)n[QUEUES], (uint32_t)n[AGENTS], (uint32_t)n[TRUNKS],
                              (uint32_t)n[RULES]);
    f.trunk_lines = calloc(n[TRUNKS] + n[ROUTES] + n[NUMBERS] + 1, sizeof *f.trunk_lines);
    f.route_lines = f.trunk_lines ? f.trunk_lines + n[TRUNKS] : NULL;
    f.number_lines = f.trunk_lines ? f.route_lines + n[ROUTES] : NULL;
    if (!c->dir || jn_directory_plan(c->dir, (uint32_t)n[ROUTES], (uint32_t)n[NUMBERS]) ||
        jn_directory_flows(c->dir, flows, calendars) || !f.trunk_lines ||
        jn_map_init(&c->ids, (uint32_t)(n[QUEUES] + n[AGENTS])) ||
        jn_map_init(&c->words, (uint32_t)(2 * (n[QUEUES] + n[AGENTS])))) {
        jn_problem(p, c->check.file, 0, NULL, "no memory");
        free(f.trunk_lines);
        return;
    }
    c->dir->version = 1;
    for (const struct jn_yaml *t = tenants->first; t; t = t->next) {
        jn_path_item(path, "tenants", f.tenants);
        read_tenant(c, t, path, &f);
    }
    jn_centre_overlaps(c, f.trunk_lines);
    jn_centre_plan(c, f.number_lines, f.route_lines);
    free(f.trunk_lines);
    if (rules)
        compile_rules(c, tenants, rules);
}

int jn_centre_parse(struct jn_directory **dir, struct jn_rules **rules, const char *name, const char *text, size_t n,
                    struct jn_problems *p)
{
    struct jn_centre c = {.check = {.file = name, .problems = p}};
    unsigned before = p->count;
    struct jn_yaml *root = jn_yaml_parse(name, text, n, p);
    struct jn_err err;

    *dir = NULL;
    if (rules)
        *rules = NULL;
    if (root)
        read_centre(&c, root, rules);
    if (p->count == before && jn_directory_index(c.dir, &err))
        jn_problem(p, name, 0, NULL, "%s", err.text);
    jn_yaml_free(root);
    jn_map_free(&c.ids);
    jn_map_free(&c.words);
    if (p->count == before) {
        *dir = c.dir;
        return 0;
    }
    if (rules) {
        jn_rules_unref(*rules);
        *rules = NULL;
    }
    jn_directory_unref(c.dir);
    return -EINVAL;
}
