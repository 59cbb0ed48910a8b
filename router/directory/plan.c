/* Plan: which trunks take a number that is called, and what a number of ours reaches. */
#include "router/directory/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Words in the directory's map, beside those of directory.c. */
static const char trunk_word[] = "trunk name", route_word[] = "route prefix", exact_word[] = "plan number",
                  prefix_word[] = "plan prefix";

int jn_directory_plan(struct jn_directory *d, uint32_t routes, uint32_t numbers)
{
    d->routes = calloc(routes + 1u, sizeof *d->routes);
    d->numbers = calloc(numbers + 1u, sizeof *d->numbers);
    d->ranges = calloc(numbers + 1u, sizeof *d->ranges);
    if (!d->routes || !d->numbers || !d->ranges)
        return -ENOMEM; /* what was made goes with the directory */
    d->n_routes = routes;
    d->n_numbers = numbers;
    return 0;
}

static int add(struct jn_map *m, uint64_t key, uint32_t index, const char *what, const char *name, struct jn_err *err)
{
    if (jn_map_get(m, key) != JN_MAP_NONE)
        return jn_fail(err, -EEXIST, "%s \"%s\" is there twice", what, name);
    if (jn_map_set(m, key, index))
        return jn_fail(err, -ENOMEM, "no memory for the directory");
    return 0;
}

/* Ranges lie in order of tenant, length and first number, so that one search finds the only one that may hold a number.
 * The text compares as numbers do: all of one length. */
static int order(uint64_t tenant, const char *number, const struct jn_dir_number *b)
{
    size_t n = strlen(number), m = strlen(b->first);

    if (tenant != b->tenant)
        return tenant < b->tenant ? -1 : 1;
    if (n != m)
        return n < m ? -1 : 1;
    return strcmp(number, b->first);
}

static _Thread_local const struct jn_dir_number *sorted; /* qsort's comparison takes no argument of ours */

static int by_range(const void *a, const void *b)
{
    const struct jn_dir_number *x = &sorted[*(const uint32_t *)a];

    return order(x->tenant, x->first, &sorted[*(const uint32_t *)b]);
}

static int index_ranges(struct jn_directory *d, struct jn_err *err)
{
    for (uint32_t i = 0; i < d->n_numbers; i++) {
        const struct jn_dir_number *n = &d->numbers[i];

        if (n->kind != JN_NUMBER_RANGE)
            continue;
        if (strlen(n->first) != strlen(n->last) || strcmp(n->first, n->last) > 0)
            return jn_fail(err, -EINVAL, "numbers %s to %s are no range", n->first, n->last);
        d->ranges[d->n_ranges++] = i;
    }
    sorted = d->numbers;
    if (d->n_ranges)
        qsort(d->ranges, d->n_ranges, sizeof *d->ranges, by_range);
    for (uint32_t i = 1; i < d->n_ranges; i++) {
        const struct jn_dir_number *a = &d->numbers[d->ranges[i - 1]], *b = &d->numbers[d->ranges[i]];

        if (a->tenant == b->tenant && strlen(a->first) == strlen(b->first) && strcmp(a->last, b->first) >= 0)
            return jn_fail(err, -EEXIST, "numbers %s to %s overlap %s to %s", b->first, b->last, a->first, a->last);
    }
    return 0;
}

int jn_directory_index_plan(struct jn_directory *d, struct jn_err *err)
{
    int rc = 0;

    for (uint32_t i = 0; !rc && i < d->n_trunks; i++) {
        const struct jn_dir_trunk *t = &d->trunks[i];

        if (t->id)
            rc = add(&d->by_word, jn_name_id(t->id, trunk_word, ""), i, "trunk", t->name, err);
    }
    for (uint32_t i = 0; !rc && i < d->n_routes; i++) {
        const struct jn_dir_route *r = &d->routes[i];

        rc = add(&d->by_word, jn_name_id(r->tenant, route_word, r->prefix), i, "route", r->prefix, err);
        d->route_len[strlen(r->prefix)] = true;
    }
    for (uint32_t i = 0; !rc && i < d->n_numbers; i++) {
        const struct jn_dir_number *n = &d->numbers[i];
        const char *word = n->kind == JN_NUMBER_EXACT ? exact_word : prefix_word;

        if (n->kind == JN_NUMBER_RANGE)
            continue;
        rc = add(&d->by_word, jn_name_id(n->tenant, word, n->first), i, "number", n->first, err);
        if (n->kind == JN_NUMBER_PREFIX)
            d->number_len[strlen(n->first)] = true;
    }
    return rc ? rc : index_ranges(d, err);
}

const struct jn_dir_trunk *jn_dir_trunk(const struct jn_directory *d, uint64_t id)
{
    uint32_t i = id ? jn_map_get(&d->by_word, jn_name_id(id, trunk_word, "")) : JN_MAP_NONE;

    return i < d->n_trunks && d->trunks[i].id == id ? &d->trunks[i] : NULL;
}

/* Index of the longest prefix of number that the map has under word, among the lengths in use. */
static uint32_t longest(const struct jn_directory *d, uint64_t tenant, const char *word, const bool *lengths,
                        const char *number)
{
    char head[JN_NUMBER_MAX];
    size_t n = strlen(number);

    if (n >= sizeof head)
        n = sizeof head - 1; /* no prefix is longer */
    memcpy(head, number, n);
    for (size_t len = n + 1; len-- > 0;) {
        uint32_t i;

        if (!lengths[len])
            continue;
        head[len] = 0;
        i = jn_map_get(&d->by_word, jn_name_id(tenant, word, head));
        if (i != JN_MAP_NONE)
            return i;
    }
    return JN_MAP_NONE;
}

const struct jn_dir_route *jn_dir_route(const struct jn_directory *d, uint64_t tenant, const char *number)
{
    uint32_t i = longest(d, tenant, route_word, d->route_len, number);

    return i < d->n_routes && d->routes[i].tenant == tenant ? &d->routes[i] : NULL;
}

static const struct jn_dir_number *in_range(const struct jn_directory *d, uint64_t tenant, const char *number)
{
    uint32_t low = 0, high = d->n_ranges;

    while (low < high) { /* the first range that begins after number */
        uint32_t mid = low + (high - low) / 2;

        if (order(tenant, number, &d->numbers[d->ranges[mid]]) < 0)
            high = mid;
        else
            low = mid + 1;
    }
    if (!low)
        return NULL;
    const struct jn_dir_number *n = &d->numbers[d->ranges[low - 1]];
    bool has = n->tenant == tenant && strlen(n->last) == strlen(number) && strcmp(number, n->last) <= 0;
    return has ? n : NULL;
}

const struct jn_dir_number *jn_dir_number(const struct jn_directory *d, uint64_t tenant, const char *number)
{
    uint32_t i;
    const struct jn_dir_number *n;

    if (!number[0])
        return NULL;
    i = jn_map_get(&d->by_word, jn_name_id(tenant, exact_word, number));
    if (i < d->n_numbers && d->numbers[i].tenant == tenant && !strcmp(d->numbers[i].first, number))
        return &d->numbers[i];
    n = in_range(d, tenant, number);
    if (n)
        return n;
    i = longest(d, tenant, prefix_word, d->number_len, number);
    return i < d->n_numbers && d->numbers[i].tenant == tenant ? &d->numbers[i] : NULL;
}

const struct jn_dir_number *jn_dir_number_like(const struct jn_directory *d, const struct jn_dir_number *like)
{
    const char *word = like->kind == JN_NUMBER_EXACT ? exact_word : prefix_word;
    const struct jn_dir_number *n = NULL;

    if (like->kind == JN_NUMBER_RANGE) {
        n = in_range(d, like->tenant, like->first);
    } else {
        uint32_t i = jn_map_get(&d->by_word, jn_name_id(like->tenant, word, like->first));

        n = i < d->n_numbers ? &d->numbers[i] : NULL;
    }
    bool same = n && n->tenant == like->tenant && n->kind == like->kind && !strcmp(n->first, like->first) &&
                !strcmp(n->last, like->last);
    return same ? n : NULL;
}
