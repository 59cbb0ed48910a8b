/* Flows: making, indexing and finding of flows and calendars. */
#include "router/directory/directory.h"
#include "router/directory/flows_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char flow_word[] = "flow name", number_word[] = "flow number";

int jn_directory_flows(struct jn_directory *d, uint32_t flows, uint32_t calendars)
{
    d->flows = calloc(flows + 1u, sizeof *d->flows);
    d->calendars = calloc(calendars + 1u, sizeof *d->calendars);
    if (!d->flows || !d->calendars)
        return -ENOMEM;
    d->n_flows = flows;
    d->n_calendars = calendars;
    return 0;
}

void jn_directory_free_flows(struct jn_directory *d)
{
    for (uint32_t i = 0; i < d->n_calendars; i++)
        jn_zone_free(d->calendars[i].zone);
    free(d->flows);
    free(d->calendars);
}

static int add(struct jn_map *m, uint64_t key, uint32_t index, const char *what, const char *name, struct jn_err *err)
{
    if (!key || jn_map_get(m, key) != JN_MAP_NONE)
        return jn_fail(err, -EEXIST, "%s \"%s\" is there twice", what, name);
    if (jn_map_set(m, key, index))
        return jn_fail(err, -ENOMEM, "no memory for the directory");
    return 0;
}

int jn_directory_index_flows(struct jn_directory *d, struct jn_err *err)
{
    int rc = 0;

    for (uint32_t i = 0; !rc && i < d->n_flows; i++) {
        const struct jn_flow *f = &d->flows[i];

        rc = add(&d->by_id, f->id, i, "the id of flow", f->name, err);
        if (!rc)
            rc = add(&d->by_word, jn_name_id(f->tenant, flow_word, f->name), i, "flow", f->name, err);
        if (!rc && f->number[0] && jn_dir_queue_number(d, f->tenant, f->number))
            rc = jn_fail(err, -EEXIST, "number \"%s\" reaches a queue and a flow", f->number);
        if (!rc && f->number[0])
            rc = add(&d->by_word, jn_name_id(f->tenant, number_word, f->number), i, "number", f->number, err);
    }
    for (uint32_t i = 0; !rc && i < d->n_calendars; i++)
        rc = add(&d->by_id, d->calendars[i].id, i, "the id of calendar", d->calendars[i].name, err);
    return rc;
}

/* An id of another kind gives an index that may fit here by chance: the id is compared again. */
const struct jn_flow *jn_dir_flow(const struct jn_directory *d, uint64_t id)
{
    uint32_t i = id ? jn_map_get(&d->by_id, id) : JN_MAP_NONE;

    return i < d->n_flows && d->flows[i].id == id ? &d->flows[i] : NULL;
}

const struct jn_flow *jn_dir_flow_named(const struct jn_directory *d, uint64_t tenant, const char *name)
{
    uint32_t i = jn_map_get(&d->by_word, jn_name_id(tenant, flow_word, name));

    return i < d->n_flows && d->flows[i].tenant == tenant && !strcmp(d->flows[i].name, name) ? &d->flows[i] : NULL;
}

const struct jn_flow *jn_dir_flow_number(const struct jn_directory *d, uint64_t tenant, const char *number)
{
    uint32_t i = number[0] ? jn_map_get(&d->by_word, jn_name_id(tenant, number_word, number)) : JN_MAP_NONE;
    bool found = i < d->n_flows && d->flows[i].tenant == tenant && !strcmp(d->flows[i].number, number);

    return found ? &d->flows[i] : NULL;
}

const struct jn_calendar *jn_dir_calendar(const struct jn_directory *d, uint64_t id)
{
    uint32_t i = id ? jn_map_get(&d->by_id, id) : JN_MAP_NONE;

    return i < d->n_calendars && d->calendars[i].id == id ? &d->calendars[i] : NULL;
}
