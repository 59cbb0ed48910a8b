/* Config numbers: the numbering plan: which trunks take which numbers, and what our own numbers reach. */
#include "engine/app/config_centre.h"
#include "engine/sip/sip.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS(a) (sizeof(a) / sizeof *(a))

static const struct jn_field route_fields[] = {
    {.name = "prefix", .kind = JN_FIELD_USER, JN_FIELD(struct jn_dir_route, prefix)},
    {.name = "trunks", .required = true},
};
struct via {
    char trunk[JN_NAME_MAX];
    uint8_t order, weight;
};
static const struct jn_field via_fields[] = {
    {.name = "trunk", .kind = JN_FIELD_NAME, JN_FIELD(struct via, trunk), .required = true},
    {.name = "order", .kind = JN_FIELD_UINT, JN_FIELD(struct via, order), .max = 100},
    {.name = "weight", .kind = JN_FIELD_UINT, JN_FIELD(struct via, weight), .min = 1, .max = 100},
};
static const struct jn_field number_fields[] = {
    {.name = "number", .kind = JN_FIELD_USER, JN_FIELD(struct jn_dir_number, first)},
    {.name = "prefix"},
    {.name = "range"},
    {.name = "queue"},
    {.name = "flow"},
};

static bool named(const char *const names[], uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

void jn_centre_route(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                     const char *path, struct jn_dir_route *out)
{
    const struct jn_yaml *list = jn_yaml_get(node, "trunks"), *prefix = jn_yaml_get(node, "prefix");
    char at[JN_CHECK_PATH], item[JN_CHECK_PATH];
    uint8_t i = 0;

    out->tenant = t->tenant->id;
    jn_check_fields(&c->check, node, path, route_fields, ITEMS(route_fields), out);
    jn_path_member(at, path, "prefix");
    jn_centre_unique(c, out->tenant, "route", out->prefix, prefix ? prefix->line : node->line, at);
    jn_path_member(at, path, "trunks");
    if (!list || !jn_check_kind(&c->check, list, at, JN_YAML_LIST))
        return;
    if (!list->count || list->count > JN_DIR_ROUTE_TRUNKS)
        jn_problem(c->check.problems, c->check.file, list->line, at, "must have 1 to %d trunks", JN_DIR_ROUTE_TRUNKS);
    for (const struct jn_yaml *s = list->first; s && i < JN_DIR_ROUTE_TRUNKS; s = s->next, i++) {
        struct via via = {.order = i, .weight = 1};

        jn_path_item(item, at, i);
        if (s->kind == JN_YAML_SCALAR)
            jn_check_value(&c->check, s, item, &via_fields[0], via.trunk);
        else
            jn_check_fields(&c->check, s, item, via_fields, ITEMS(via_fields), &via);
        if (!via.trunk[0])
            continue;
        if (!named(t->trunks, t->n_trunks, via.trunk))
            jn_check_undefined(&c->check, s->line, item, via.trunk, t->trunks, t->n_trunks);
        out->via[out->vias].trunk = jn_name_id(out->tenant, "trunk", via.trunk);
        out->via[out->vias].order = via.order;
        out->via[out->vias++].weight = via.weight;
    }
}

/* "+49301234500-+49301234599": both ends, as long as each other. */
static bool range(const char *text, struct jn_dir_number *out)
{
    const char *dash = strchr(text, '-'), *a, *b;

    if (!dash || !jn_copy_n(out->first, sizeof out->first, text, (size_t)(dash - text)) ||
        !jn_copy(out->last, sizeof out->last, dash + 1))
        return false;
    a = out->first + (out->first[0] == '+');
    b = out->last + (out->last[0] == '+');
    return *a && !a[strspn(a, "0123456789")] && !b[strspn(b, "0123456789")] &&
           strlen(out->first) == strlen(out->last) && (out->first[0] == '+') == (out->last[0] == '+') &&
           strcmp(out->first, out->last) <= 0;
}

static void read_which(struct jn_centre *c, const struct jn_yaml *node, const char *path, struct jn_dir_number *out)
{
    const struct jn_yaml *one = jn_yaml_get(node, "number"), *prefix = jn_yaml_get(node, "prefix"),
                         *span = jn_yaml_get(node, "range");
    const struct jn_yaml *which = one ? one : prefix ? prefix : span;
    char at[JN_CHECK_PATH];

    if (!one + !prefix + !span != 2) {
        jn_centre_problem(c, node, path, "number", "each entry has one of number, range and prefix");
        return;
    }
    jn_path_member(at, path, one ? "number" : prefix ? "prefix" : "range");
    if (span) {
        out->kind = JN_NUMBER_RANGE;
        if (!jn_check_kind(&c->check, span, at, JN_YAML_SCALAR))
            return;
        if (!range(span->text, out))
            jn_problem(c->check.problems, c->check.file, span->line, at,
                       "\"%.60s\" is not FIRST-LAST with as many digits in both, such as +49301200-+49301299",
                       span->text);
        return;
    }
    if (prefix) {
        out->kind = JN_NUMBER_PREFIX;
        jn_check_value(&c->check, prefix, at, &number_fields[0], out);
    }
    if (out->first[0])
        jn_centre_unique(c, out->tenant, prefix ? "number prefix" : "plan number", out->first, which->line, at);
}

void jn_centre_number(struct jn_centre *c, const struct jn_centre_tenant *t, const struct jn_yaml *node,
                      const char *path, struct jn_dir_number *out)
{
    const struct jn_yaml *queue = jn_yaml_get(node, "queue"), *flow = jn_yaml_get(node, "flow");
    const struct jn_yaml *which = queue ? queue : flow;
    const char *kind = queue ? "queue" : "flow", *const *names = queue ? t->queues : t->flows;
    uint32_t n = queue ? t->n_queues : t->n_flows;
    char at[JN_CHECK_PATH];

    out->tenant = t->tenant->id;
    jn_check_fields(&c->check, node, path, number_fields, ITEMS(number_fields), out);
    if (node->kind != JN_YAML_MAP)
        return;
    read_which(c, node, path, out);
    if (!which || (queue && flow)) {
        jn_centre_problem(c, node, path, "queue", "what the number reaches: one of queue and flow");
        return;
    }
    jn_path_member(at, path, kind);
    if (!jn_check_kind(&c->check, which, at, JN_YAML_SCALAR))
        return;
    if (!named(names, n, which->text))
        jn_check_undefined(&c->check, which->line, at, which->text, names, n);
    out->reach = queue ? JN_REACH_QUEUE : JN_REACH_FLOW;
    out->target = jn_name_id(out->tenant, kind, which->text);
    jn_copy(out->name, sizeof out->name, which->text);
}

struct span {
    const struct jn_dir_number *number;
    unsigned line;
};

static int order(const void *a, const void *b)
{
    const struct jn_dir_number *x = ((const struct span *)a)->number, *y = ((const struct span *)b)->number;
    size_t n = strlen(x->first), m = strlen(y->first);

    if (x->tenant != y->tenant)
        return x->tenant < y->tenant ? -1 : 1;
    return n != m ? (n < m ? -1 : 1) : strcmp(x->first, y->first);
}

static void check_ranges(struct jn_centre *c, const unsigned *lines)
{
    const struct jn_directory *d = c->dir;
    struct span *all = calloc(d->n_numbers + 1u, sizeof *all);
    uint32_t n = 0;

    if (!all) {
        jn_problem(c->check.problems, c->check.file, 0, NULL, "no memory");
        return;
    }
    for (uint32_t i = 0; i < d->n_numbers; i++)
        if (d->numbers[i].kind == JN_NUMBER_RANGE)
            all[n++] = (struct span){&d->numbers[i], lines[i]};
    qsort(all, n, sizeof *all, order);
    for (uint32_t i = 1; i < n; i++) {
        const struct jn_dir_number *a = all[i - 1].number, *b = all[i].number;
        unsigned low = all[i - 1].line < all[i].line ? all[i - 1].line : all[i].line;
        unsigned high = all[i - 1].line < all[i].line ? all[i].line : all[i - 1].line;

        if (a->tenant == b->tenant && strlen(a->first) == strlen(b->first) && strcmp(a->last, b->first) >= 0)
            jn_problem(c->check.problems, c->check.file, high, "numbers.range",
                       "overlaps with the range in line %u: %s is in both", low, b->first);
    }
    free(all);
}

void jn_centre_plan(struct jn_centre *c, const unsigned *number_lines, const unsigned *route_lines)
{
    const struct jn_directory *d = c->dir;
    struct jn_map by_id = {0};

    check_ranges(c, number_lines);
    if (d->n_trunks > JN_SIP_TRUNKS_MAX)
        jn_problem(c->check.problems, c->check.file, 0, "trunks", "%u of them: at most %d", d->n_trunks,
                   JN_SIP_TRUNKS_MAX);
    for (uint32_t i = 0; i < d->n_trunks; i++)
        if (d->trunks[i].id && jn_map_set(&by_id, d->trunks[i].id, i))
            jn_problem(c->check.problems, c->check.file, 0, NULL, "no memory");
    for (uint32_t i = 0; i < d->n_routes; i++) {
        const struct jn_dir_route *r = &d->routes[i];
        const struct jn_dir_trunk *first = NULL;

        for (unsigned k = 0; k < r->vias; k++) {
            uint32_t at = jn_map_get(&by_id, r->via[k].trunk);
            const struct jn_dir_trunk *t = at < d->n_trunks ? &d->trunks[at] : NULL;

            if (!t)
                continue; /* told already */
            if (!t->tos)
                jn_problem(c->check.problems, c->check.file, route_lines[i], "routes.trunks",
                           "trunk \"%s\" has no to: no call can go out there", t->name);
            first = first ? first : t;
            if (t->srtp != first->srtp)
                jn_problem(c->check.problems, c->check.file, route_lines[i], "routes.trunks",
                           "trunks \"%s\" and \"%s\" differ in srtp: one offer goes to all trunks of a route",
                           first->name, t->name);
        }
    }
    jn_map_free(&by_id);
}
